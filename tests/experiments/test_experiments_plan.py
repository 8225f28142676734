"""The plan: what it accepts, how it answers mistakes, what it hands on."""

from __future__ import annotations

import re
import tomllib
from copy import deepcopy
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError, PlanError
from experiments import simulate
from experiments.plan import Plan
from experiments.plan.explain import explain_markdown, explain_text, key_meanings
from experiments.plan.writing import plan_text

DESIGN = """
[campaign]
name = "2026Q4 wake-up"
population = "silent 180 days or more at assignment"
as_of = 2026-12-31
[tables.touches]
path = "data/touches.parquet"
columns = { person = "person_id", time = "time", channel = "channel" }
[tables.conversions]
path = "data/conversions.parquet"
[tables.assignment]
path = "data/assignment.parquet"
[tables.prices]
path = "data/prices.parquet"
[experiment]
randomised = true
control = "holdout"
order = ["holdout", "digital", "sms", "full"]
window = "28d"
shares = "p_assign"
[experiment.steps]
digital = ["push", "banner"]
sms = ["sms"]
full = ["phone"]
[metrics.woken]
kind = "rate"
column = "woken"
role = "primary"
[attribution]
models = ["first_touch", "last_touch", "linear", "time_decay", "position_based"]
lookback = "30d"
[costs]
thresholds = [60, 85, 125]
relevant_net = 0.1
[guardrails.closed]
column = "closed"
margin = 0.0005
[[gate]]
arm = "sms"
threshold = 85
expect = "PASS"
[report]
language = "zh"
min_cell = 10
"""


@pytest.fixture
def declared() -> dict:
    return tomllib.loads(DESIGN)


def problems_of(mapping: dict) -> dict[str, str]:
    with pytest.raises(PlanError, match="in the plan") as caught:
        Plan.from_dict(mapping)
    return dict(caught.value.problems)


def only_problem(mapping: dict) -> tuple[str, str]:
    found = problems_of(mapping)
    assert len(found) == 1, found
    return next(iter(found.items()))


def changed(mapping: dict, place: str, value: object) -> dict:
    """The mapping with the value at a dotted place."""
    copied = deepcopy(mapping)
    *sections, key = place.split(".")
    inside = copied
    for section in sections:
        inside = inside[int(section)] if isinstance(inside, list) else inside.setdefault(section, {})
    inside[key] = value
    return copied


def test_the_plan_of_the_contract_is_read(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(DESIGN, encoding="utf-8")
    plan = Plan.read(path)
    assert plan.campaign.as_of == date(2026, 12, 31)
    assert plan.experiment is not None
    assert plan.experiment.order == ("holdout", "digital", "sms", "full")
    assert plan.experiment.steps["digital"] == ("push", "banner")
    assert plan.costs is not None
    assert plan.costs.thresholds == (60, 85, 125)
    assert [(gate.arm, gate.threshold, gate.expect) for gate in plan.gate] == [("sms", 85, "PASS")]
    assert (plan.source, plan.folder) == (path, tmp_path)


def test_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(DESIGN, encoding="utf-8-sig")
    assert Plan.read(path).report.language == "zh"


def test_defaults_are_those_of_the_contract():
    plan = Plan.from_dict({"campaign": {"name": "Q4", "as_of": date(2026, 12, 31)}, "experiment": {}})
    assert plan.experiment is not None
    assert plan.experiment.randomised is False  # attested, never assumed
    assert plan.experiment.shares is None  # equal shares are never assumed
    assert (plan.experiment.level, plan.experiment.correction) == (0.95, "holm")
    assert (plan.attribution.lookback, plan.attribution.reuse) == ("30d", "shared")
    assert (plan.report.language, plan.report.min_cell) == ("en", 10)
    assert {name: (metric.kind, metric.column) for name, metric in plan.metrics.items()} == {"woken": ("rate", "woken")}
    assert (plan.costs, plan.gate, plan.figure, plan.guardrails) == (None, (), (), {})


def test_the_plan_of_the_simulator_is_a_plan():
    campaign = simulate(persons=200, seed=1)
    assert Plan.from_dict(campaign.plan).campaign.as_of == campaign.as_of


def test_a_plan_is_frozen(declared):
    plan = Plan.from_dict(declared)
    with pytest.raises(ValidationError, match="frozen"):
        plan.report.min_cell = 1


@pytest.mark.parametrize(
    ("place", "value", "where", "hint"),
    [
        ("experiment.contol", "x", "experiment.contol", "Did you mean 'control'?"),
        ("experimnt", {}, "experimnt", "Did you mean 'experiment'?"),
        ("tables.toches", {"path": "a.csv"}, "tables.toches", "Did you mean 'touches'?"),
        ("tables.touches.colums", {}, "tables.touches.colums", "Did you mean 'columns'?"),
        ("tables.touches.columns", {"persn": "a"}, "tables.touches.columns", "Did you mean 'person'?"),
        ("metrics.woken.kin", "rate", "metrics.woken.kin", "Did you mean 'kind'?"),
        ("gate.0.thresold", 85, "gate[1].thresold", "Did you mean 'threshold'?"),
        ("attribution.models", ["linear", "lst_touch"], "attribution.models[2]", "Did you mean 'last_touch'?"),
        ("experiment.steps", {"smss": ["sms"]}, "experiment.steps.smss", "Did you mean 'sms'?"),
        ("tables.touches.encoding", "gb1803", "tables.touches.encoding", "Did you mean 'gb18030'?"),
        ("tables.touches.timezone", "Asia/Shanghia", "tables.touches.timezone", "Did you mean 'Asia/Shanghai'?"),
    ],
)
def test_an_unknown_name_is_answered_with_its_place_and_the_closest(declared, place, value, where, hint):
    found, message = only_problem(changed(declared, place, value))
    assert found == where
    assert hint in message


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("experiment.randomised", "yes", 'must be true or false, without quotes, got "yes".'),
        ("experiment.randomised", 1, "must be true or false, without quotes, got 1."),
        ("experiment.window", 28, 'must be a duration with its unit, in quotes, got 28. Write "28d" or "28h".'),
        ("experiment.window", "28 days", "must be a duration with its unit"),
        ("experiment.level", "0.95", 'must be a number without quotes, got "0.95".'),
        ("experiment.level", 95, "must be less than 1, got 95."),
        ("experiment.level", float("nan"), "must be a finite number"),
        ("experiment.order", "holdout", "must be a list of texts"),
        ("experiment.order", ["holdout", "sms", "sms"], "more than once"),
        ("experiment.shares", {"holdout": 0.2, "sms": 0.7}, "must sum to 1; they sum to 0.9."),
        ("experiment.shares", {"holdout": 0.0, "sms": 1.0}, "between 0 and 1"),
        ("experiment.shares", 0.5, "must be the name of a column"),
        ("campaign.as_of", "soon", "must be a date such as 2026-12-31"),
        ("campaign.name", "", "must not be empty"),
        ("campaign.name", "x" * 10_000, "at most 1,000 characters, got 10,000"),
        ("campaign.name", "a\x00\x1b[31m", "control characters, got U+0000, U+001B"),
        ("campaign.name", "\u202egnp", "control characters, got U+202E"),
        ("report.min_cell", 0, "must be at least 1, got 0."),
        ("report.min_cell", 2.5, "must be a whole number"),
        ("report.language", "de", 'must be one of "en", "zh", got "de".'),
        ("costs.thresholds", [], "must be a list of amounts"),
        ("costs.thresholds", [60, -1], "must not be negative"),
        ("costs.thresholds", [60, "85"], "must be a number without quotes"),
        ("costs.thresholds", [60, 60], "more than once"),
        ("costs.relevant_net", 0, "must be greater than 0"),
        ("attribution.lookback", {}, "must not be an empty table"),
        ("attribution.lookback", {"sms": 14}, '"sms" must be a duration'),
        ("attribution.models", [], "must not be empty"),
        ("tables.touches", "touches.csv", "must be a section with keys"),
        ("metrics.woken", "rate", "must be a section with keys"),
    ],
)
def test_a_wrong_value_is_explained_in_plain_words(declared, place, value, said):
    mapping = changed(declared, place, value)
    mapping.pop("gate")  # a gate speaks of costs and arms, which some of these break
    if place in {"experiment.shares", "experiment.order"}:
        mapping["experiment"].pop("steps")
    found, message = only_problem(mapping)
    assert found.startswith(place)
    assert said in message


@pytest.mark.parametrize(
    ("place", "value", "where", "said"),
    [
        ("experiment.order", ["digital", "holdout", "sms", "full"], "experiment.order", "must begin with the control"),
        ("experiment.order", ["sms", "digital", "full"], "experiment.order", "does not hold the control"),
        ("experiment.order", ["holdout"], "experiment.order", "at least one more arm"),
        ("experiment.shares", {"holdout": 0.5, "mail": 0.5}, "experiment.shares", "must name the same arms"),
        ("experiment.steps", {"holdout": ["sms"]}, "experiment.steps.holdout", "the control adds no channels"),
        ("metrics.value", {"kind": "mean", "role": "primary"}, "metrics", "exactly one metric may be primary"),
        ("metrics.woken.missing", "exclude", "metrics.woken.missing", "may not leave persons out"),
        ("metrics.woken.cap", 5, "metrics.woken.cap", "a rate has no cap"),
        ("metrics", {}, "metrics", "at least one metric"),
        ("gate.0.arm", "smss", "gate[1].arm", "Did you mean 'sms'?"),
        ("gate.0.arm", "holdout", "gate[1].arm", "compared with itself"),
        ("gate.0.threshold", 86, "gate[1].threshold", "86 is not one of costs.thresholds (60, 85, 125)"),
        ("gate.0.segment", "new", "gate[1].segment", "needs costs.by"),
        ("costs.thresholds", {"new": [85]}, "costs.by", "is missing"),
        ("figure", [{"name": "a", "value": 1.0}] * 2, "figure[2].name", "declared twice"),
        ("tables.touches.path", "data.duckdb", "tables.touches.query", "is missing"),
        ("tables.touches.query", "SELECT 1", "tables.touches.query", "for database files"),
    ],
)
def test_keys_that_contradict_each_other_are_found(declared, place, value, where, said):
    found = problems_of(changed(declared, place, value))
    assert said in found[where]


def test_a_gate_needs_costs_and_an_experiment(declared):
    del declared["costs"], declared["experiment"]
    with pytest.raises(PlanError, match=r"needs the section \[costs\]") as caught:
        Plan.from_dict(declared)
    assert "needs the section [experiment]" in str(caught.value)


def test_every_problem_is_listed_at_once(declared):
    mapping = changed(changed(changed(declared, "experiment.contol", 1), "report.min_cell", 0), "costs.side", "both")
    del mapping["campaign"]["as_of"]
    assert set(problems_of(mapping)) == {"experiment.contol", "report.min_cell", "costs.side", "campaign.as_of"}


def test_a_missing_section_is_named():
    place, message = only_problem({})
    assert (place, message) == ("campaign", "is missing. Add the section [campaign].")


def test_a_very_long_key_makes_a_short_message(declared):
    with pytest.raises(PlanError, match="is not a key of the plan") as caught:
        Plan.from_dict({**declared, "k" * 10_000: 1})
    assert len(str(caught.value)) < 600


def test_not_a_mapping_is_refused():
    with pytest.raises(InputError, match="must be a mapping"):
        Plan.from_dict(["campaign"])


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"[campaign\nname = 1", "line 1, column 10", "this is not TOML"),
        (b'[campaign]\nname = "a', "end of document", "this is not TOML"),
        (b"[campaign]\nname = yes", "line 2, column 8", "this is not TOML"),
        (b"[campaign]\n[campaign]", "line 2, column 10", "this is not TOML"),
        ('[campaign]\nname = "唤醒"'.encode("gb18030"), "line 2", "is not UTF-8 text"),
    ],
)
def test_a_broken_file_is_answered_with_its_line(tmp_path, content, place, said):
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(PlanError, match=r"plan\.toml") as caught:
        Plan.read(path)
    ((found, message),) = caught.value.problems
    assert said in message
    assert found.startswith(place.split(",", maxsplit=1)[0])


@pytest.mark.parametrize("name", ["nowhere.toml", "a" * 10_000, "nul\x00l.toml"])
def test_a_file_that_cannot_be_is_a_plan_error(tmp_path, name):
    with pytest.raises(PlanError, match="1 problem") as caught:
        Plan.read(tmp_path / name)
    assert len(str(caught.value)) < 600


def test_a_folder_is_not_a_plan(tmp_path):
    with pytest.raises(PlanError, match="is a folder"):
        Plan.read(tmp_path)


def test_columns_of_every_table_are_handed_on(declared):
    declared["tables"]["touches"] |= {"columns": {"person": "客户号"}, "timezone": "Asia/Shanghai", "precision": "day"}
    columns = Plan.from_dict(declared).columns()
    assert columns["touches"] == Columns(person="客户号", timezone="Asia/Shanghai", precision="day")
    assert columns["history"] == Columns()


def test_lookbacks_by_channel_and_kind(declared):
    declared["attribution"]["lookback"] = {"banner": "1d", "sms": {"click": "14d", "*": "7d"}, "*": "30d"}
    assert Plan.from_dict(declared).attribution.lookbacks() == {
        "banner": "1d",
        ("sms", "click"): "14d",
        "sms": "7d",
        "*": "30d",
    }


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"a": None, "b": None}, {"a": "primary", "b": "secondary"}),
        ({"a": None, "b": "primary"}, {"a": "secondary", "b": "primary"}),
        ({"a": "secondary", "b": None}, {"a": "secondary", "b": "primary"}),
        ({"a": "guardrail", "b": None, "c": None}, {"a": "guardrail", "b": "primary", "c": "secondary"}),
    ],
)
def test_exactly_one_metric_is_primary(declared, roles, expected):
    declared["metrics"] = {
        name: {"kind": "rate", **({} if role is None else {"role": role})} for name, role in roles.items()
    }
    assert Plan.from_dict(declared).roles() == expected


def test_no_primary_metric_is_a_contradiction(declared):
    declared["metrics"] = {"a": {"kind": "rate", "role": "secondary"}}
    assert only_problem(declared) == ("metrics", 'no metric is primary. Declare role = "primary" for one of them.')


@pytest.mark.parametrize("value", [date(2026, 12, 31), "2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)])
def test_the_date_of_the_data_is_a_date_or_an_instant(declared, value):
    assert (
        Plan.from_dict(changed(declared, "campaign.as_of", value)).campaign.as_of.isoformat().startswith("2026-12-31")
    )


def test_an_attestation_keeps_who_when_and_how(declared):
    declared["experiment"] |= {"who": "data team", "when": date(2026, 10, 1), "how": "salted hash"}
    experiment = Plan.from_dict(declared).experiment
    assert (experiment.who, experiment.when, experiment.how) == ("data team", "2026-10-01", "salted hash")


def test_a_written_plan_says_the_same_when_it_is_read(declared, tmp_path):
    declared["attribution"]["lookback"] = {"sms": {"click": "14d"}, "*": "30d"}
    declared["figure"] = [{"name": "effect.woken.sms.difference", "value": 0.01, "tolerance": 1e-6}]
    declared["campaign"]["name"] = '唤醒 "Q4" \\ 复盘'
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(declared, header="a header", comments={"report.language": "a comment"}), encoding="utf-8")
    assert Plan.read(path).to_dict() == Plan.from_dict(declared).to_dict()
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# a header\n")
    assert 'language = "zh" # a comment' in text


def test_to_dict_is_a_plan_again(declared):
    plan = Plan.from_dict(declared)
    assert Plan.from_dict(plan.to_dict()) == plan


def test_every_key_is_explained():
    sections = {section.heading: section for section in key_meanings()}
    assert list(sections)[:3] == ["[campaign]", "[tables.<name>]", "[experiment]"]
    for section in sections.values():
        assert section.meaning
        for key in section.keys:
            assert key.meaning.endswith("."), key
            assert key.kind not in {"", "None"}, key
            assert key.default, key
    text = explain_text()
    assert all(key.name in text for section in sections.values() for key in section.keys)


def test_the_explanation_in_the_catalogue_is_that_of_the_schema():
    code = {section.heading: f"PLAN_KEY.{section.heading.strip('[]').partition('.')[0]}" for section in key_meanings()}
    for section in key_meanings():
        assert messages.text(f"{code[section.heading]}.section", lang="en") == section.meaning
        for key in section.keys:
            assert messages.text(f"{code[section.heading]}.key_{key.name}", lang="en") == key.meaning
    catalogue = {name for name in messages.catalogue("en") if name.startswith("PLAN_KEY.")}
    assert len(catalogue) == sum(1 + len(section.keys) for section in key_meanings())


def test_every_key_is_explained_in_chinese():
    chinese, english = explain_text(lang="zh").splitlines(), explain_text().splitlines()
    assert len(chinese) == len(english)
    indented = [line for line in chinese if line.startswith("        ")]
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in indented)
    assert "    level  (0 与 1 之间的数; 默认 0.95)" in chinese


def test_defaults_that_are_explained_are_the_real_ones():
    plan = Plan.from_dict({"campaign": {"name": "Q4", "as_of": date(2026, 12, 31)}, "experiment": {}})
    sections = {section.heading: {key.name: key.default for key in section.keys} for section in key_meanings()}
    for heading, part in (
        ("[experiment]", plan.experiment),
        ("[attribution]", plan.attribution),
        ("[report]", plan.report),
    ):
        for name, said in sections[heading].items():
            value = getattr(part, name)
            if said == "absent":
                assert value is None
            else:
                read = tomllib.loads(f"x = {said}")["x"]
                assert (tuple(read) if isinstance(value, tuple) else read) == value


def test_the_english_sentences_are_those_of_the_models():
    page = explain_markdown()
    assert [key.meaning for section in key_meanings() for key in section.keys if f"| {key.meaning} |" not in page] == []
    assert [section.meaning for section in key_meanings() if section.meaning not in page] == []


def test_the_plan_of_the_guide_is_a_plan(repo):
    guide = (repo / "docs" / "guides" / "plan.md").read_text(encoding="utf-8")
    plan = Plan.from_dict(tomllib.loads(guide.split("```toml\n", 1)[1].split("```", 1)[0]))
    sections = {name for name in type(plan).model_fields if getattr(plan, name)}
    assert sections == set(type(plan).model_fields)  # it shows every section


def test_steps_must_name_every_arm_of_the_order(declared):
    mapping = deepcopy(declared)
    del mapping["experiment"]["steps"]["digital"]
    where, message = only_problem(mapping)
    assert where == "experiment.steps"
    assert 'says nothing of "digital"' in message
