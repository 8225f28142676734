"""Every report obeys the published schema; the schema is one text in two places; names of figures are stable."""

from __future__ import annotations

import json
import math
import re

import jsonschema
import pytest

import experiments as ex
from attribution.core.records import Field, Records
from experiments.post_mortem.figures import figure_name, without_small_groups
from experiments.simulation.constants import SCENARIOS

GATES = [{"arm": "sms", "threshold": 85, "expect": "PASS"}]


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(ex.report_schema())
    return jsonschema.Draft202012Validator(ex.report_schema())


def refuse(name):
    raise AssertionError(f"{name} is no JSON")


def faults(validator, text):
    held = json.loads(text, parse_constant=refuse)
    return [f"{list(fault.absolute_path)}: {fault.message[:200]}" for fault in validator.iter_errors(held)]


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_reports_of_all_scenarios_obey_the_schema(validator, scenario):
    campaign = ex.simulate(scenario, persons=1_500, seed=3)
    lang = "zh" if len(scenario) % 2 else "en"
    try:
        text = ex.postmortem(campaign.plan, campaign, lang=lang).to_json()
    except ex.TableError:
        assert scenario in {"dirty", "split_ids"}  # logs that stop a report on purpose
        return
    assert faults(validator, text) == []
    digits = [re.sub(r"e.*|[-.]", "", repr(number)).strip("0") for number in numbers(json.loads(text))]
    assert max(map(len, digits)) <= 12


def test_a_report_without_trial_obeys_the_schema(validator):
    campaign = ex.simulate("default", persons=1_500, seed=3)
    unattested = {**campaign.plan, "gate": GATES, "experiment": {**campaign.plan["experiment"], "randomised": False}}
    text = ex.postmortem(unattested, campaign).to_json()
    assert faults(validator, text) == []
    assert "PASS" not in text
    assert json.loads(text)["plan"]["gate"][0]["expect"] == "(declared)"


def test_the_schema_refuses_what_is_no_report(validator):
    campaign = ex.simulate("default", persons=1_500, seed=3)
    held = json.loads(ex.postmortem(campaign.plan, campaign).to_json())
    for spoil in (
        lambda content: content.pop("figures"),
        lambda content: content.update(extra=1),
        lambda content: content["verdicts"][0].update(verdict="MAYBE"),
        lambda content: content["figures"].update(x="1"),
        lambda content: content.update(schema_version="9.0"),
    ):
        spoiled = json.loads(json.dumps(held))
        spoil(spoiled)
        assert list(validator.iter_errors(spoiled))


def test_the_published_schema_is_the_one_in_the_package(repo):
    published = (repo / "docs" / "reference" / "report.schema.json").read_bytes()
    assert published == (repo / "experiments" / "report" / "report.schema.json").read_bytes()
    version = json.loads(published)["properties"]["schema_version"]["const"]
    page = (repo / "docs" / "reference" / "report-json.md").read_text(encoding="utf-8")
    assert f"`{version}`" in page


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("effect", "woken", "sms"), "effect.woken.sms"),
        (("effect", "a.b", "c"), 'effect."a.b".c'),
        (("effect", "a", "b.c"), 'effect.a."b.c"'),
        (("credit", "linear", "(none)"), "credit.linear.(none)"),
        (("credit", "linear", "短信"), "credit.linear.短信"),
        (("threshold", "a@5"), 'threshold."a@5"'),
        (("x", 'a"'), r'x."a\""'),
    ],
)
def test_names_of_figures_are_unambiguous(parts, name):
    assert figure_name(*parts) == name


def test_small_groups_keep_their_names_and_lose_their_numbers():
    fields = (Field("arm", "text"), Field("n", "count"), Field("threshold", "money"), Field("value", "rate"))
    rows = [
        {"arm": "a", "n": 9, "threshold": 5.0, "value": 0.1},
        {"arm": "b", "n": 10, "threshold": 5.0, "value": 0.2},
        {"arm": "c", "n": 0, "threshold": 5.0, "value": math.nan},
    ]
    shown = without_small_groups(Records.from_rows(fields, rows), 10).to_dicts()
    assert shown[0] == {"arm": "a", "n": None, "threshold": 5.0, "value": None}
    assert shown[1] == rows[1]
    assert shown[2]["n"] == 0


def test_further_tables_give_figures_only_where_their_rows_have_names():
    from experiments.post_mortem.figures import _table_figures

    fields = (Field("arm", "text"), Field("day", "count"), Field("note", "text"), Field("rate", "rate"))
    rows = [{"arm": "a", "day": day, "note": str(day), "rate": day / 10} for day in (30, 90)]
    named = _table_figures("durability", Records.from_rows(fields, rows))
    assert named == {"table.durability.a.30.rate": 3.0, "table.durability.a.90.rate": 9.0}
    twice = [{**row, "day": 30} for row in rows]
    assert _table_figures("durability", Records.from_rows(fields, twice)) == {}
