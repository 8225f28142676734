"""The tables before any analysis: persons behind customer numbers, waves, what is missing; gates of their own side."""

from __future__ import annotations

import copy

import pyarrow as pa
import pytest

import experiments as ex
from attribution.core.errors import PlanError, TableError
from experiments.post_mortem import analyses
from experiments.post_mortem.evidence import gather

MODELS = ["first_touch", "last_touch", "linear", "time_decay", "position_based"]  # the default: then the tool's own
TABLES = ("touches", "conversions", "assignment", "prices", "history", "links")


@pytest.fixture(autouse=True)
def _core_only(monkeypatch):
    """What is tested here rests on none of the further analyses, which take their time."""
    monkeypatch.setattr(analyses, "_ANALYSES", ())


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=4_000, seed=3)


@pytest.fixture(scope="module")
def data(campaign):
    return {name: getattr(campaign, name) for name in TABLES}


def changed(campaign, **sections):
    plan = copy.deepcopy(campaign.plan)
    for name, keys in sections.items():
        plan[name] = {**plan.get(name, {}), **keys} if isinstance(keys, dict) else keys
    return plan


def verdicts(report):
    return [(each.arm, each.threshold, each.verdict.word, each.verdict.net_benefit.value) for each in report.verdicts]


def test_customer_numbers_give_the_same_verdicts_as_persons(campaign, data):
    """Persons replaced by customer numbers everywhere come back by the links, under the user's own names."""
    numbers = campaign.customers.groupby("person_id")["customer_id"].agg(list)
    assignment = data["assignment"].assign(客户号=data["assignment"]["person_id"].map(numbers)).explode("客户号")
    history = data["history"].copy()
    renamed = {name: data[name].drop(columns="person_id").rename(columns={"customer_id": "客户号"}) for name in
               ("touches", "conversions")}  # fmt: skip
    given = {
        **data, **renamed, "assignment": assignment.drop(columns="person_id"), "history": history,
        "links": data["links"].rename(columns={"customer_id": "客户号"}),
    }  # fmt: skip
    tables = copy.deepcopy(campaign.plan["tables"])
    for name in ("touches", "conversions", "assignment"):
        tables[name] = {**tables[name], "columns": {"customer": "客户号"}}
    tables["links"] = {"path": "links.parquet", "columns": {"customer": "客户号"}}
    by_number = ex.postmortem(changed(campaign, tables=tables, identity={"ids": ["客户号", "phone", "device"]}), given)
    by_person = ex.postmortem(campaign.plan, data)
    assert len(assignment) > len(data["assignment"])
    assert verdicts(by_number) == verdicts(by_person)
    assert "IDENTITY" in {finding.code for finding in by_number.findings}


def test_a_customer_without_a_link_is_told_of_its_own_table(campaign, data):
    plan = changed(campaign, identity={})
    with pytest.raises(TableError, match="UNKNOWN_CUSTOMER") as caught:
        gather(ex.Plan.from_dict(plan), {**data, "links": data["links"].iloc[:100]})
    assert {issue.table for issue in caught.value.issues} == {"touches", "conversions"}


def test_what_no_table_holds_is_told_with_its_place(campaign, data):
    plan = changed(campaign, population={}, identity={}, looks={"path": "nowhere.csv"}, monitor={"path": "."})
    with pytest.raises(PlanError, match="in the plan"):
        ex.Plan.from_dict(plan)
    plan["monitor"] = {"path": "nowhere.json"}
    with pytest.raises(PlanError, match=r"needs \[tables.links\]") as caught:
        gather(ex.Plan.from_dict(plan), {name: data[name] for name in TABLES if name != "links"})
    assert [place for place, _ in caught.value.problems] == ["population", "identity", "looks.path", "monitor.path"]


def test_the_wave_of_the_assignment_is_known_of_the_outcomes(campaign, data):
    waves = data["assignment"].assign(wave=[number % 3 + 1 for number in range(len(data["assignment"]))])
    plan = ex.Plan.from_dict(changed(campaign, experiment={"wave": "wave"}, costs={"by": ["source", "wave"]}))
    for history in (data["history"], None):
        given = {**data, "assignment": waves, "history": history}
        if history is None:
            given.pop("history")
            plan = ex.Plan.from_dict({**changed(campaign, experiment={"wave": "wave"}), "guardrails": {}})
        made = gather(plan, given).outcomes.table().set_index("person_id")["wave"]
        assert made.to_dict() == waves.set_index("person_id")["wave"].to_dict()


def test_segments_of_several_columns_are_named_after_both(campaign, data):
    waves = data["assignment"].assign(wave=[number % 2 for number in range(len(data["assignment"]))])
    plan = changed(campaign, experiment={"wave": "wave"}, costs={"by": ["recency_class", "wave"]})
    found = gather(ex.Plan.from_dict(plan), {**data, "assignment": waves})
    assert "366+ · 1" in {row["segment"] for row in found.thresholds.to_dicts()}


def test_a_wave_that_is_nowhere_is_told_with_the_closest_column(campaign, data):
    waves = data["assignment"].assign(wave=1)
    plan = changed(campaign, experiment={"wave": "wav"})
    with pytest.raises(PlanError, match=r"experiment\.wave.*Did you mean 'wave'"):
        gather(ex.Plan.from_dict(plan), {**data, "assignment": waves})


def test_columns_of_the_assignment_may_have_any_name(campaign, data):
    renamed = {"p_assign": "分组概率", "stratum": "分层"}
    plan = changed(campaign, experiment={"shares": "分组概率", "strata": "分层"}, costs={"by": "分层"})
    plan["tables"]["assignment"]["columns"] = renamed
    report = ex.postmortem(plan, {**data, "assignment": data["assignment"].rename(columns=renamed)})
    same = ex.postmortem(
        changed(campaign, experiment={"shares": "p_assign", "strata": "stratum"}, costs={"by": "stratum"}), data
    )
    assert verdicts(report) == verdicts(same)


def test_a_preset_shares_credit_as_the_tool_does(campaign, data):
    import attribution as at

    plan = ex.Plan.from_dict(changed(campaign, attribution={"preset": "snowplow", "models": MODELS}))
    credit = gather(plan, data).credit
    tool = at.vendor_preset("snowplow")
    direct = at.attribute(data["touches"], data["conversions"], rules=tool.rules, models=tool.models)
    key = ("model", "channel")
    made = {tuple(row[name] for name in key): row["conversions"] for row in credit.to_dicts()}
    assert made == {tuple(row[name] for name in key): row["conversions"] for row in direct.to_dicts()}


def test_the_logs_of_looks_are_read(campaign, tmp_path):
    import json

    from experiments.plan.logs import looks_of

    log = ex.Looks(planned=20_000, arms=["sms"]).append(
        "2026-10-25", matured={"holdout": 800, "sms": 7_200}, events={"holdout": 19, "sms": 110},
        readings={"sms": (0.004, 0.004)},
    )  # fmt: skip
    (tmp_path / "looks.json").write_text(json.dumps(log.to_dicts(), default=str), encoding="utf-8")
    plan = ex.Plan.from_dict(changed(campaign, looks={"path": "looks.json"}), folder=tmp_path)
    assert [look.day for look in looks_of(plan).looks] == [look.day for look in log.looks]
    for broken in ("{", "[]", "[1]", "[" * 100_000, '[{"look": 1}]'):
        (tmp_path / "looks.json").write_text(broken, encoding="utf-8")
        with pytest.raises(PlanError, match=r"looks\.path"):
            looks_of(plan)


def test_a_gate_with_its_own_side_and_level_reads_the_same_figures_anew(campaign, data):
    gates = [{"arm": "sms", "threshold": 85, "expect": "INCONCLUSIVE", "side": side, "level": level}
             for side in ("two", "greater", "less") for level in (0.5, 0.999)]  # fmt: skip
    evidence = gather(ex.Plan.from_dict(changed(campaign, gate=gates)), data)
    report = ex.postmortem(changed(campaign, gate=gates), data)
    found = [gate for gate in report.gates if gate.kind == "decision"]
    for declared, gate in zip(gates, found, strict=True):
        asked = ex.ThresholdGate(
            arm="sms", threshold=85, side=declared["side"], level=declared["level"],
            expect="FAIL" if declared["side"] == "less" else "PASS",
        )  # fmt: skip
        assert gate.observed == ex.check_gates(evidence.thresholds, [asked]).gates[0].verdict.word
    assert "only whether it pays, 50" in found[2].message
    assert "two-sided, 99.9" in found[1].message


def test_tables_of_an_engine_are_prepared_alike(campaign, data):
    plan = ex.Plan.from_dict(changed(campaign, identity={}))
    plain = gather(plan, data)
    arrow = gather(plan, {name: pa.Table.from_pandas(table, preserve_index=False) for name, table in data.items()})
    assert arrow.thresholds.to_dicts() == plain.thresholds.to_dicts()
