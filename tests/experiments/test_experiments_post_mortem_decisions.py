"""What the post-mortem says when a trial cannot answer, and its gates."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from junitparser import JUnitXml

import experiments as ex
from experiments.post_mortem.gates import gates_of
from experiments.post_mortem.words import window_words

TABLES = ("touches", "conversions", "assignment", "prices", "history")
REFUSED = {
    "en": "There is no random control, so it cannot be judged whether the campaign brought anything; "
    "what follows is attribution of credit only.",
    "zh": "没有随机对照，无法判断是否由活动带来；以下仅为归因分摊。",
}


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=12_000, seed=7)


@pytest.fixture(scope="module")
def data(campaign):
    return {name: getattr(campaign, name) for name in TABLES}


@pytest.fixture
def plan(campaign):
    made = copy.deepcopy(campaign.plan)
    made["gate"] = [{"arm": "sms", "threshold": 85, "expect": "PASS"}]
    return made


@pytest.fixture(scope="module")
def report(campaign, data):
    made = copy.deepcopy(campaign.plan)
    made["gate"] = [{"arm": "sms", "threshold": 85, "expect": "PASS"}]
    return ex.postmortem(made, data)


def everything(report):
    """The report in every textual form."""
    forms = (report.to_html(), report.to_markdown(), report.to_json(), report.to_junit(), repr(report))
    return [*forms, report._repr_html_()]


# --- no random control -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("how", ["false", "absent"])
def test_without_a_random_control_no_verdict_is_given(plan, data, lang, how):
    if how == "false":
        plan["experiment"]["randomised"] = False
    else:
        del plan["experiment"]["randomised"]
    report = ex.postmortem(plan, data, lang=lang)
    assert report.verdicts == ()
    for text in everything(report):
        assert "PASS" not in text
    for text in (report.to_html(), report.to_markdown(), report.to_json()):
        assert REFUSED[lang] in text.replace("\\", "")
        assert "NO_HOLDOUT" in text.replace("\\", "")
    assert [section.name for section in report.document.sections] == [
        "purpose", "trust", "execution", "channels", "next", "appendix",
    ]  # fmt: skip
    held = json.loads(report.to_json())
    assert held["refusal"] == "NO_HOLDOUT"
    # What was sent and who gets the credit can be told without a control; nothing that was caused.
    assert held["tables"].keys() == {"credit", "execution", "inbound", "model_comparison", "pressure"}
    assert held["charts"].keys() == {"chart-credit", "chart-execution", "chart-pressure"}
    (gate,) = [gate for gate in report.gates if gate.kind == "decision"]
    assert (gate.status, gate.observed) == ("fail", "NO_HOLDOUT")
    assert "digital" in gate.message


# --- a trial that is not to be trusted -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken(campaign, data):
    assignment = data["assignment"]
    lost = (assignment["arm"] == "sms") & (np.arange(len(assignment)) % 5 == 0)
    made = copy.deepcopy(campaign.plan)
    made["gate"] = [{"arm": "sms", "threshold": 85, "expect": "PASS"}]
    return {lang: ex.postmortem(made, {**data, "assignment": assignment[~lost]}, lang=lang) for lang in ("en", "zh")}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_broken_split_gives_no_verdict_and_marks_every_figure(broken, lang):
    report = broken[lang]
    assert {one.verdict.word for one in report.verdicts} == {"INVALID"}
    for text in everything(report):
        assert "PASS" not in text
    assert report.document.trust == "invalid"
    for text in (report.document.trust_line, report.document.flag, *report.document.unknown):
        assert "SRM" in text
    marked = {section.name for section in report.document.sections if section.flag}
    assert marked == {"effect", "channels", "cost", "segments", "leave_alone"}
    # The figures are there for whoever looks for the fault, and no finding is drawn from them.
    assert all(one.verdict.net_benefit.value is not None for one in report.verdicts)
    charts = {chart.name: chart for section in report.document.sections for chart in section.charts}
    for name in ("chart-effects", "chart-net-benefit", "chart-reconcile", "chart-waterfall"):
        assert "SRM" in charts[name].title
    assert 'class="cards flagged"' in report.to_html()
    assert report.to_html().count('class="flag"') == 6


def test_a_broken_split_fails_the_trust_gates(broken):
    status = {gate.name: gate.status for gate in broken["en"].gates}
    assert status["trust:findings"] == status["trust:validity"] == status["decision:sms@85"] == "fail"
    cases = {case.name: case for suite in JUnitXml.fromstring(broken["en"].to_junit().encode()) for case in suite}
    assert "SRM" in cases["trust:findings"].result[0].message


def test_findings_stand_by_severity(broken, report):
    rank = ["fail", "warn", "unknown", "note", "pass"]
    for each in (broken["en"], report):
        ranks = [rank.index(finding.status) for finding in each.findings]
        assert ranks == sorted(ranks)
    assert broken["en"].findings[0].status == "fail"


# --- gates -----------------------------------------------------------------------------------------------------------


def rejudged(report, plan, changes=None):
    """The gates of another plan on the same evidence; changes: those since its lock, None without a lock."""
    from experiments.plan import Plan
    from experiments.plan.lock import Lock
    from experiments.post_mortem.locking import Locking

    lock = None if changes is None else Lock(
        path=Path("plan.lock.toml"), locked_on=date(2026, 9, 1), sha256="0" * 64, plan={}, intact=True
    )  # fmt: skip
    locking = Locking(lock=lock, declared=None, changes=tuple(changes or ()), assigned=None, moment="unknown")
    evidence = replace(report.evidence, plan=Plan.from_dict(plan), locking=locking)
    return gates_of(evidence, report.findings, report.verdicts, report.figures)


@pytest.mark.parametrize("expected", ["PASS", "FAIL", "INCONCLUSIVE"])
def test_a_decision_holds_fails_or_is_undecided(report, plan, expected):
    undecided = 0
    for decision in report.verdicts:
        plan["gate"] = [{"arm": decision.arm, "threshold": decision.threshold, "expect": expected}]
        (gate,) = [gate for gate in rejudged(report, plan) if gate.kind == "decision"]
        same = decision.verdict.word == expected
        open_ = decision.verdict.word == "INCONCLUSIVE"
        assert gate.status == ("hold" if same else "undecided" if open_ else "fail")
        assert gate.observed == decision.verdict.word
        assert gate.expected == expected
        assert decision.contrast in gate.message
        undecided += gate.status == "undecided"
    assert undecided == (
        0 if expected == "INCONCLUSIVE" else sum(d.verdict.word == "INCONCLUSIVE" for d in report.verdicts)
    )


def test_figures_hold_within_their_tolerance(report, plan):
    name = "effect.woken.sms.difference"
    value = report.figures[name]
    figures = [
        {"name": name, "value": value},
        {"name": name, "value": value + 0.001, "tolerance": 0.0011},
        {"name": name, "value": value + 0.001, "tolerance": 0.0009},
        {"name": "effect.woken.nobody.difference", "value": 0.0, "tolerance": 1.0},
    ]
    gates = []
    for figure in figures:
        plan["figure"] = [figure]
        gates += [gate for gate in rejudged(report, plan) if gate.kind == "figure"]
    assert [gate.status for gate in gates] == ["hold", "hold", "fail", "fail"]
    assert gates[3].observed == "absent"


def test_a_changed_lock_fails_and_names_the_key(report, plan):
    names = [gate.name for gate in rejudged(report, plan)]
    assert "trust:plan_lock" not in names
    (held,) = [gate for gate in rejudged(report, plan, []) if gate.name == "trust:plan_lock"]
    assert held.status == "hold"
    (changed,) = [
        gate for gate in rejudged(report, plan, [("experiment.window", "28d", "60d")]) if gate.name == "trust:plan_lock"
    ]
    assert changed.status == "fail"
    assert "experiment.window" in changed.message
    assert "60d" in changed.message


# --- what a plan may leave out or ask for ----------------------------------------------------------------------------


def test_without_thresholds_the_effect_is_told_and_the_cost_is_named_as_unknown(plan, data):
    del plan["costs"]
    del plan["gate"]
    report = ex.postmortem(plan, data, lang="zh")
    assert report.verdicts == ()
    assert "cost" not in [section.name for section in report.document.sections]
    assert any("阈值" in clause for clause in report.document.unknown)
    assert "未声明成本阈值" in report.to_html()


def test_a_table_without_the_control_is_no_holdout_at_the_gate_too(plan, data):
    treated = data["assignment"][data["assignment"]["arm"] != "holdout"]
    del plan["experiment"]["order"]  # the steps give the order
    plan["gate"] = [{"arm": "full", "threshold": 85, "expect": "PASS"}]
    gate = ex.postmortem(plan, {**data, "assignment": treated}).gates[-1]
    assert (gate.status, gate.observed) == ("fail", "NO_HOLDOUT")
    assert "full vs sms" in gate.message


def test_a_threshold_never_pays_for_what_must_not_rise(plan, campaign):
    outcomes = campaign.outcomes
    data = {"outcomes": outcomes.assign(closed=(np.arange(len(outcomes)) % 7 == 0).astype(int))}
    plan["gate"] = []
    plan["metrics"] = {
        "value": {"kind": "mean", "role": "primary"},
        "closed": {"kind": "rate", "role": "guardrail", "direction": "down"},
    }
    assert ex.postmortem(plan, data).verdicts == ()


def test_small_groups_are_left_out_and_counted(plan, data):
    touches = data["touches"]
    few = touches[touches["channel"] == "sms"].head(3).assign(channel="fax")
    few = few.assign(touch_id=[f"fax{n}" for n in range(len(few))])
    frames = type(touches)
    mixed = frames({name: [*touches[name], *few[name]] for name in touches.columns})
    prices = data["prices"]
    prices = frames({name: [*prices[name], *prices[prices["channel"] == "sms"][name]] for name in prices.columns})
    prices.loc[len(data["prices"]) :, "channel"] = "fax"
    report = ex.postmortem(plan, {**data, "touches": mixed, "prices": prices})
    execution = next(section for section in report.document.sections if section.name == "execution")
    (log,) = execution.folded
    for table in (execution.tables[0], log):
        assert "fax" not in [row[0] for row in table.rows]
        assert min(row[-1] for row in table.rows) >= 10
        assert "Not shown: 1 groups of fewer than 10 persons." in table.notes
    assert "fax" not in execution.charts[0].alt


def test_segments_have_their_own_cards_and_panels(plan, data):
    plan["costs"] = {"thresholds": [60, 85], "by": "stratum"}
    del plan["gate"]
    report = ex.postmortem(plan, data)
    segments = {one.segment for one in report.verdicts} - {None}
    assert segments == set(data["assignment"]["stratum"])
    assert [one.segment for one in report.verdicts][:6] == [None] * 6  # everybody first: three arms, two thresholds
    chart = next(
        chart for section in report.document.sections for chart in section.charts if chart.name == "chart-net-benefit"
    )
    panels = set(chart.records.column("contrast"))
    assert len(panels) == 3 * (1 + len(segments))
    assert all(any(segment in panel for panel in panels) for segment in segments)


def test_names_of_arms_are_text_and_never_markup(plan, data):
    hostile = '<img src=x onerror="alert(1)">|`=1+1'
    plan["experiment"]["order"] = ["holdout", "digital", hostile, "full"]
    plan["experiment"]["steps"] = {"digital": ["push", "banner"], hostile: ["sms"], "full": ["phone"]}
    plan["gate"] = [{"arm": hostile, "threshold": 85, "expect": "PASS"}]
    assignment = data["assignment"].assign(arm=data["assignment"]["arm"].replace({"sms": hostile}))
    prices = data["prices"].assign(
        arms=[text.replace("sms", hostile) if isinstance(text, str) else text for text in data["prices"]["arms"]]
    )
    report = ex.postmortem(plan, {**data, "assignment": assignment, "prices": prices})
    assert report.verdicts[0].arm == hostile
    page = report.to_html()
    assert "<img" not in page
    assert "&lt;img" in page
    table = next(line for line in report.to_markdown().splitlines() if line.startswith("|") and "img" in line)
    assert "\\<img" in table
    assert "\\|\\`" in table
    JUnitXml.fromstring(report.to_junit().encode())


@pytest.mark.parametrize(("window", "said"), [("28d", "28 days"), ("36h", "36 hours"), ("1.5d", "1.5d")])
def test_windows_are_said_in_words(window, said):
    assert window_words(window) == said
