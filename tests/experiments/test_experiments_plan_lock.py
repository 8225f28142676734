"""The lock: what counts as a change, and that every changed key is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from attribution.core.errors import InputError, PlanError
from experiments.plan import lock_path, lock_plan, plan_changes, read_lock

TEXT = """\
[campaign]
name = "Q4"
as_of = 2026-12-31
[experiment]
order = ["holdout", "sms"]
[metrics.woken]
kind = "rate"
[metrics.value]
kind = "mean"
[costs]
thresholds = [60, 85]
[[gate]]
arm = "sms"
threshold = 85
expect = "PASS"
"""
DAY = date(2026, 9, 1)


@pytest.fixture
def plan(tmp_path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def edited(plan: Path, old: str, new: str) -> Path:
    text = plan.read_text(encoding="utf-8")
    assert old in text
    plan.write_text(text.replace(old, new), encoding="utf-8")
    return plan


def test_a_plan_without_a_lock_has_no_changes_to_tell(plan):
    assert plan_changes(plan) is None
    assert read_lock(plan) is None


def test_a_locked_plan_is_unchanged(plan):
    lock = lock_plan(plan, locked_on=DAY)
    assert lock.path == lock_path(plan) == plan.with_name("plan.lock.toml")
    assert plan_changes(plan) == []
    read = read_lock(plan)
    assert read is not None
    assert (read.locked_on, read.sha256, read.intact) == (DAY, lock.sha256, True)


def test_the_lock_is_the_same_bytes_every_time(plan, tmp_path):
    lock_plan(plan, locked_on=DAY)
    first = lock_path(plan).read_bytes()
    lock_plan(plan, locked_on=DAY, renew=True)
    assert lock_path(plan).read_bytes() == first
    assert str(tmp_path).encode() not in first


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("[60, 85]", "[60, 85, 99]", ("costs.thresholds", "[60.0, 85.0]", "[60.0, 85.0, 99.0]")),
        ('expect = "PASS"', 'expect = "FAIL"', ("gate[1].expect", '"PASS"', '"FAIL"')),
        ("as_of = 2026-12-31", "as_of = 2027-01-31", ("campaign.as_of", '"2026-12-31"', '"2027-01-31"')),
        ('name = "Q4"', 'name = "Q4"\npopulation = "all"', ("campaign.population", "(absent)", '"all"')),
        ("[costs]", "[costs]\nrelevant_net = 0.5", ("costs.relevant_net", "(absent)", "0.5")),
        ("[experiment]", "[experiment]\nrandomised = true", ("experiment.randomised", "false", "true")),
        ("[experiment]", '[experiment]\nwindow = "14d"', ("experiment.window", '"28d"', '"14d"')),
    ],
)
def test_a_changed_key_is_named_with_both_values(plan, old, new, change):
    lock_plan(plan, locked_on=DAY)
    assert plan_changes(edited(plan, old, new)) == [change]


def test_a_dropped_gate_is_named(plan):
    lock_plan(plan, locked_on=DAY)
    edited(plan, '[[gate]]\narm = "sms"\nthreshold = 85\nexpect = "PASS"\n', "")
    assert [key for key, _, _ in plan_changes(plan) or ()] == ["gate[1].arm", "gate[1].expect", "gate[1].threshold"]


def test_another_order_of_metrics_changes_the_primary_one(plan):
    lock_plan(plan, locked_on=DAY)
    edited(
        plan,
        '[metrics.woken]\nkind = "rate"\n[metrics.value]\nkind = "mean"',
        '[metrics.value]\nkind = "mean"\n[metrics.woken]\nkind = "rate"',
    )
    assert plan_changes(plan) == [
        ("metrics.value.role", '"secondary"', '"primary"'),
        ("metrics.woken.role", '"primary"', '"secondary"'),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[costs]\n", "# a comment\n[costs]\n"),
        ("[60, 85]", "[60.0, 85.0]"),
        ("[experiment]", '[experiment]\nwindow = "28d"  # the default'),
        ("[campaign]\n", '[report]\nlanguage = "en"\n[campaign]\n'),
    ],
)
def test_another_spelling_of_the_same_plan_is_no_change(plan, old, new):
    lock_plan(plan, locked_on=DAY)
    assert plan_changes(edited(plan, old, new)) == []


def test_a_key_that_a_newer_version_added_is_no_change_at_its_default(plan):
    lock_plan(plan, locked_on=DAY)
    text = lock_path(plan).read_text(encoding="utf-8")
    older = text.replace('same_instant = "include"\n', "")
    assert older != text
    lock_path(plan).write_text(older, encoding="utf-8")
    assert [key for key, _, _ in plan_changes(plan) or ()] == ["lock.sha256"]  # the edit itself is seen, the key is not


def test_an_edited_lock_is_seen(plan):
    lock_plan(plan, locked_on=DAY)
    edited(plan, "[60, 85]", "[85]")
    edited(lock_path(plan), "[60.0, 85.0]", "[85.0]")
    assert [key for key, _, _ in plan_changes(plan) or ()] == ["lock.sha256"]


def test_a_changed_plan_is_not_locked_again_in_silence(plan):
    lock_plan(plan, locked_on=DAY)
    edited(plan, "[60, 85]", "[85]")
    with pytest.raises(InputError, match=r"since 2026-09-01, which has changed: costs\.thresholds"):
        lock_plan(plan, locked_on=date(2026, 9, 2))
    assert lock_plan(plan, locked_on=date(2026, 9, 2), renew=True).locked_on == date(2026, 9, 2)
    assert plan_changes(plan) == []


def test_locking_again_keeps_the_first_date(plan):
    lock_plan(plan, locked_on=DAY)
    assert lock_plan(plan, locked_on=date(2026, 9, 2)).locked_on == DAY


def test_an_unusable_lock_is_an_error(plan):
    lock_path(plan).write_text("locked_on = 1\n", encoding="utf-8")
    with pytest.raises(PlanError, match="lock --renew") as caught:
        plan_changes(plan)
    assert [place for place, _ in caught.value.problems] == ["locked_on", "sha256", "plan"]
