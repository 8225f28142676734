"""When the plan was locked, plan against done, and what a change after the lock makes exploratory."""

from __future__ import annotations

import copy
from datetime import date

import pytest
from post_mortem_grounds import table_of, texts_of

import experiments as ex
from attribution import language
from experiments.plan import lock_plan
from experiments.plan.explain import key_meanings
from experiments.plan.writing import plan_text
from experiments.post_mortem import analyses
from experiments.post_mortem.locking import _TOUCHES, locking_of

TABLES = ("touches", "conversions", "assignment", "prices", "history")


@pytest.fixture(autouse=True)
def _core_only(monkeypatch):
    """What is tested here rests on none of the further analyses, which take their time."""
    monkeypatch.setattr(analyses, "_ANALYSES", ())


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=3_000, seed=5)


@pytest.fixture(scope="module")
def data(campaign):
    return {name: getattr(campaign, name) for name in TABLES}


@pytest.fixture
def plan(campaign, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(copy.deepcopy(campaign.plan)), encoding="utf-8")
    return path


def edited(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def section(report, name):
    return next(section for section in report.document.sections if section.name == name)


@pytest.mark.parametrize(
    ("day", "code", "status", "said"),
    [
        (date(2026, 10, 11), "PLAN_LOCKED", "pass", "before the first person was assigned (2026-10-12)"),
        (date(2026, 10, 12), "PLAN_LOCKED_ON_DAY", "note", "on the day of the first assignment"),
        (date(2026, 10, 13), "PLAN_LOCKED_LATE", "note", "after the first person was assigned (2026-10-12)"),
    ],
)
def test_the_day_of_the_lock_is_held_against_the_first_assignment(plan, data, day, code, status, said):
    lock_plan(plan, locked_on=day)
    (finding,) = locking_of(ex.Plan.read(plan), data).findings
    assert (finding.code, finding.status) == (code, status)
    assert said in finding.text("en")


def test_without_times_of_assignment_nobody_knows(plan, data):
    lock_plan(plan, locked_on=date(2026, 10, 1))
    untimed = {**data, "assignment": data["assignment"].drop(columns="assigned_at")}
    (finding,) = locking_of(ex.Plan.read(plan), untimed).findings
    assert finding.code == "PLAN_LOCKED_UNDATED"


def test_a_plan_without_a_lock_is_told_and_fails_nothing(plan, data, campaign):
    for given in (plan, campaign.plan):
        report = ex.postmortem(given, data)
        assert "PLAN_NOT_LOCKED" in {finding.code for finding in report.findings}
        purpose = section(report, "purpose")
        assert "cannot be shown to have been declared before the data" in purpose.paragraphs[0]
        assert "trust:plan_lock" not in {gate.name for gate in report.gates}
        assert all(not each.exploratory for each in report.document.sections)


def test_a_change_after_the_lock_is_exploratory_wherever_it_is_read(plan, data):
    lock_plan(plan, locked_on=date(2026, 10, 1))
    edited(plan, "thresholds = [60, 85, 125]", "thresholds = [70, 85]")
    report = ex.postmortem(plan, data)
    marked = {each.name for each in report.document.sections if each.exploratory}
    assert {"cost", "next"} <= marked
    assert not marked & {"purpose", "execution", "effect", "trust"}
    assert all("costs.thresholds" in decision.next_step for decision in report.verdicts)
    assert any("costs.thresholds" in clause for clause in report.document.unknown)
    changes = table_of(section(report, "purpose"), "Changed after")
    assert changes.rows == (("costs.thresholds", "[60.0, 85.0, 125.0]", "[70.0, 85.0]", "exploratory"),)
    held = {row[0]: row for row in table_of(section(report, "purpose"), "Declared and done").rows}
    assert held["Thresholds"][1:] == (
        "60, 85, 125 yuan per woken customer", "70, 85 yuan per woken customer", "changed after the lock: exploratory",
    )  # fmt: skip
    assert held["Window"][1:] == ("28 days", "28 days", "none seen")
    (gate,) = [gate for gate in report.gates if gate.name == "trust:plan_lock"]
    assert gate.status == "fail"
    assert report.document.trust == "limited"


def test_a_change_that_decides_nothing_marks_no_decision(plan, data):
    lock_plan(plan, locked_on=date(2026, 10, 1))
    edited(plan, 'lookback = "30d"', 'lookback = "14d"')
    report = ex.postmortem(plan, data)
    assert {each.name for each in report.document.sections if each.exploratory} == {"channels"}
    assert not any("Exploratory" in decision.next_step for decision in report.verdicts)


def test_every_section_of_a_plan_has_its_place_in_the_report():
    headings = {section.heading.strip("[]").partition(".")[0] for section in key_meanings()}
    known = {place.partition(".")[0] for place, _ in _TOUCHES}
    assert headings - known == {"report", "signoff"}  # how it is written and who signs


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_plan_against_done_reads_in_both_languages(plan, data, lang):
    lock_plan(plan, locked_on=date(2026, 10, 1))
    edited(plan, 'window = "28d"', 'window = "21d"')
    with language(lang):
        report = ex.postmortem(plan, data, lang=lang)
    said = "\n".join(texts_of(section(report, "purpose"), lang))
    assert "experiment.window" in said
    assert "REPORT." not in said


def test_small_arms_keep_their_share_to_themselves(campaign, data):
    plan = copy.deepcopy(campaign.plan)
    plan["report"]["min_cell"] = 800
    report = ex.postmortem(plan, data)
    counts = data["assignment"]["arm"].value_counts()
    shares = {row[0]: row for row in table_of(section(report, "purpose"), "Declared and done").rows}
    hidden = [arm for arm in counts.index if counts[arm] < 800]
    assert hidden
    for arm in hidden:
        assert shares[f"Share of {arm}"][2] == "< 800"
        assert str(int(counts[arm])) not in " ".join(shares[f"Share of {arm}"])


def test_trust_is_answered_by_topic(campaign, data):
    report = ex.postmortem(campaign.plan, data)
    found = {row[0]: row[1:] for row in table_of(section(report, "trust"), "What was checked").rows}
    assert [found[topic][0] for topic in ("Split of the arms", "Leakage into the control", "Follow-up", "Costs")] == (
        ["holds"] * 4
    )
    assert found["Plan"][0] == "note"
    assert "was not checked here" in found["Identity of persons"][1]
    left = table_of(section(report, "trust"), "Rows that count")
    conversions, touches = left.rows
    assert conversions[1] == len(data["conversions"])
    assert touches[1] == len(data["touches"])
    assert conversions[1] == sum(conversions[2:])


def test_a_leak_stands_in_its_row(campaign, data):
    leaked = data["touches"].copy()
    control = data["assignment"].query("arm == 'holdout'")["person_id"].head(400).to_numpy()
    outbound = leaked.index[leaked["origin"] == "outbound"][:400]
    leaked.loc[outbound, "person_id"] = control[: len(outbound)]
    report = ex.postmortem(campaign.plan, {**data, "touches": leaked})
    found = {row[0]: row[1:] for row in table_of(section(report, "trust"), "What was checked").rows}
    assert found["Leakage into the control"][0] == "fails"
