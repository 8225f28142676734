"""Persons lost after the assignment, delivery, and the split over time: R's tests and limits at their exact counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, fisher_exact

import attribution as at
import experiments as ex
from experiments.design.alarms import share_alarm
from experiments.design.homogeneity import homogeneous

FOLDER = Path(__file__).parents[1] / "references/balance"
HOMOGENEITY = json.loads((FOLDER / "homogeneity.json").read_text(encoding="utf-8"))["expected"]
DAYS = json.loads((FOLDER / "days.json").read_text(encoding="utf-8"))
DAY = pd.Timestamp("2026-10-12", tz="Asia/Shanghai")


@pytest.mark.parametrize("case", HOMOGENEITY["one"], ids=lambda case: str(case["counts"]))
def test_one_stratum_is_r(case):
    p, _ = homogeneous(np.array([case["counts"]]), np.array([case["totals"]]))
    assert p == pytest.approx(case["p"], rel=1e-9)


@pytest.mark.parametrize("case", HOMOGENEITY["many"], ids=lambda case: str(case["counts"]))
def test_strata_are_rs_mantelhaen(case):
    p, test = homogeneous(np.array(case["counts"]), np.array(case["totals"]))
    assert p == pytest.approx(case["p"], rel=1e-9)
    assert test == "cochran_mantel_haenszel"


@pytest.mark.parametrize("case", HOMOGENEITY["exact"], ids=lambda case: str(case["counts"])[:30])
def test_few_losses_in_strata_are_rs_exact_mantelhaen(case):
    p, test = homogeneous(np.array(case["counts"]), np.array(case["totals"]))
    assert p == pytest.approx(case["p"], rel=1e-9)
    assert test == "exact_hypergeometric"


def test_two_of_four_losses_in_a_small_arm_are_no_alarm():
    p, _ = homogeneous(np.array([[1, 1], [1, 1]]), np.array([[200, 9_800], [200, 9_800]]))
    assert p == pytest.approx(6 * 0.02**2, rel=0.06)  # the chi-square says 5e-12


def test_arms_without_persons_and_large_strata_change_nothing():
    p, test = homogeneous(np.array([[3, 0, 5]]), np.array([[10, 0, 20]]))
    assert (p, test) == homogeneous(np.array([[3, 5]]), np.array([[10, 20]]))
    few = homogeneous(np.array([[3, 40_000]] * 3), np.array([[10, 500_000]] * 3))[0]
    assert few == pytest.approx(binom.sf(8, 30, 0.08), rel=1e-3)  # the whole table is that much larger


def test_nobody_and_everybody_have_no_p_value():
    totals = np.array([[10, 20]])
    assert homogeneous(np.array([[0, 0]]), totals) == (None, "none")
    assert homogeneous(totals, totals) == (None, "none")


def assigned(n=4_000, days=1, start=DAY):
    return pd.DataFrame({
        "person_id": [f"p{i}" for i in range(n)], "arm": ["holdout", "sms", "sms", "sms"] * (n // 4),
        "assigned_at": [start + pd.Timedelta(days=(i // 4) % days) for i in range(n)],
        "p_assign": [0.25, 0.75, 0.75, 0.75] * (n // 4),
    })  # fmt: skip


def test_an_arm_alone_has_no_p_value():
    assert homogeneous(np.array([[10]]), np.array([[500]])) == (None, "none")
    assert homogeneous(np.array([[10, 0], [3, 0]]), np.array([[500, 0], [400, 0]])) == (None, "none")


def test_everybody_analysed_passes():
    people = assigned()
    (found,) = ex.check_exclusions(people, people[["person_id", "arm"]])
    assert (found.code, found.status, found.values["lost"]) == ("EXCLUSIONS", "pass", 0)


def test_losses_alike_are_a_note_and_unequal_ones_fail():
    people = assigned()
    alike = people[people.index % 40 >= 4]
    (found,) = ex.check_exclusions(people, alike)
    assert (found.status, found.values["lost"]) == ("note", 400)
    unequal = people[(people["arm"] != "sms") | (people.index % 100 >= 8)]
    (found,) = ex.check_exclusions(people, unequal)
    assert (found.status, found.values["lowest_arm"], found.values["highest_arm"]) == ("fail", "holdout", "sms")
    assert found.values["by_arm"] == {"holdout": 0, "sms": 240}


def test_strata_that_lose_more_are_no_unequal_loss():
    rng = np.random.default_rng(4)
    wave = rng.integers(0, 2, 8_000)
    arm = np.where(rng.random(8_000) < np.where(wave == 0, 0.5, 0.1), "holdout", "sms")
    people = pd.DataFrame({"person_id": range(8_000), "arm": arm, "stratum": wave})
    kept = people[rng.random(8_000) > 0.3 * wave]
    assert ex.check_exclusions(people, kept)[0].status == "note"
    assert ex.check_exclusions(people.drop(columns="stratum"), kept)[0].status == "fail"


def test_persons_in_another_arm_or_never_assigned():
    people = assigned(400)
    odd = people.copy()
    odd.loc[0, "arm"] = "sms"
    odd.loc[1, "person_id"] = "stranger"
    codes = {finding.code: finding for finding in ex.check_exclusions(people, odd)}
    assert codes["ARM_CHANGED"].values == {"moved": 1, "unassigned": 1}
    assert codes["EXCLUSIONS"].values["lost"] == 1


def test_immature_persons_are_told_apart_from_lost_ones():
    sold = pd.DataFrame({"conversion_id": [1], "person_id": ["p1"], "time": [DAY + pd.Timedelta("1h")]})
    people = assigned(4_000, days=40)
    built = ex.build_outcomes(people, sold, window="28d", as_of="2026-11-20")
    found = {finding.code: finding for finding in ex.check_exclusions(people, built)}
    assert found["EXCLUSIONS"].status == "pass"
    assert found["IMMATURE_ARMS"].status == "note"
    assert found["IMMATURE_ARMS"].values["lost"] == 4_000 - len(built.records)
    late = people.copy()
    late.loc[late["arm"] == "sms", "assigned_at"] += pd.Timedelta("5D")
    built = ex.build_outcomes(late, sold, window="28d", as_of="2026-11-20")
    found = {finding.code: finding for finding in ex.check_exclusions(late, built)}
    assert found["IMMATURE_ARMS"].status == "warn"


def test_persons_in_two_arms_are_left_to_their_own_finding():
    people = assigned(400)
    both = pd.concat([people, people.iloc[[0]].assign(arm="sms")])
    (found,) = ex.check_exclusions(both, people)
    assert (found.values["assigned"], found.values["two_arms"]) == (399, 1)


def test_persons_listed_twice_in_the_outcomes_count_once():
    people = assigned(400)
    odd = people.copy()
    odd.loc[0, "arm"] = "sms"
    odd.loc[1, "person_id"] = "stranger"
    twice = pd.concat([odd, odd.head(2)])
    codes = {finding.code: finding for finding in ex.check_exclusions(people, twice)}
    assert codes["ARM_CHANGED"].values == {"moved": 1, "unassigned": 1}
    assert codes["EXCLUSIONS"].values["analysed"] == 400


def test_branches_that_close_are_few_losses_and_not_many():
    rng = np.random.default_rng(8)
    branch = np.arange(6_000) // 100
    arm = np.where(rng.permutation(60) < 15, "holdout", "sms")[branch]
    people = pd.DataFrame({"person_id": range(6_000), "arm": arm, "branch": branch})
    closed = [branch[arm == "holdout"][0], branch[arm == "holdout"][-1]]
    left = people[~people["branch"].isin(closed)]
    assert ex.check_exclusions(people, left)[0].status == "fail"
    (found,) = ex.check_exclusions(people, left, cluster="branch")
    assert (found.status, found.values["lost"]) == ("note", 200)
    assert found.values["p_value"] == pytest.approx(fisher_exact([[2, 13], [0, 45]]).pvalue, abs=0.05)
    everywhere = people[(people["arm"] == "sms") | (people["person_id"] % 10 > 2)]
    assert ex.check_exclusions(people, everywhere, cluster="branch")[0].status == "fail"
    with pytest.raises(ex.DesignError, match="CLUSTER_IN_TWO_ARMS"):
        ex.check_exclusions(people.assign(branch=1), left, cluster="branch")
    with pytest.raises(ex.TableError, match="MISSING_COLUMN"):
        ex.check_exclusions(people, left, cluster="shop")


def test_delivery():
    same = ex.check_delivered({"a": 1_000, "b": 1_000}, {"a": 950, "b": 947})
    assert (same.code, same.status) == ("SRM_DELIVERED", "pass")
    assert ex.check_delivered({"a": 1_000, "b": 1_000}, {"a": 950, "b": 905}).values["lowest_arm"] == "b"
    for planned, delivered in (
        ({"a": 5}, {"a": 5}),
        ({"a": 5, "b": 5}, {"a": 6, "b": 5}),
        ({"a": 5, "b": 5}, {"a": 5}),
    ):
        with pytest.raises(ex.InputError, match="planned and delivered"):
            ex.check_delivered(planned, delivered)


# --- over time -------------------------------------------------------------------------------------------------------


def by_day(counts):
    rows = []
    for day, (few, many) in enumerate(counts):
        rows += [("holdout", DAY + pd.Timedelta(days=day, hours=23))] * few
        rows += [("sms", DAY + pd.Timedelta(days=day, hours=1))] * many
    return pd.DataFrame(rows, columns=["arm", "assigned_at"])


def test_days_are_the_sum_of_rs_chisq_test():
    zone = at.Columns(timezone="Asia/Shanghai")
    found, _ = ex.check_split_over_time(
        by_day(DAYS["inputs"]["days"]), shares={"holdout": 0.2, "sms": 0.8}, columns=zone
    )
    expected = DAYS["expected"]
    assert found.values["chi_square"] == pytest.approx(expected["chi_square"], rel=1e-9)
    assert (found.values["df"], found.values["slices"]) == (expected["df"], 5)
    assert found.values["p_together"] == pytest.approx(expected["p"], rel=1e-9)
    assert found.values["p_value"] == pytest.approx(2 * min(expected["p"], found.values["p_single"]), rel=1e-9)
    assert (found.values["day"], found.values["worst_arm"]) == ("2026-10-14", "holdout")


def test_a_loss_on_one_day_hides_in_the_total_and_not_in_the_days():
    counts = [(200, 800)] * 13 + [(120, 800)]
    shares = {"holdout": 0.2, "sms": 0.8}
    total = {"holdout": sum(few for few, _ in counts), "sms": 800 * 14}
    assert ex.check_split(total, shares).status == "pass"
    days, weekdays = ex.check_split_over_time(
        by_day(counts), shares=shares, columns=at.Columns(timezone="Asia/Shanghai")
    )
    assert (days.status, days.values["day"]) == ("fail", "2026-10-25")
    assert weekdays.status == "pass"


def test_a_weekly_job_shows_by_day_of_the_week():
    counts = [(200, 800), (200, 800), (200, 800), (200, 800), (200, 800), (200, 800), (150, 800)] * 2
    days, weekdays = ex.check_split_over_time(
        by_day(counts), shares={"holdout": 0.2, "sms": 0.8}, columns=at.Columns(timezone="Asia/Shanghai")
    )
    assert (days.status, weekdays.status) == ("pass", "fail")
    assert (weekdays.code, weekdays.values["day"]) == ("SRM_WEEKDAYS", "7")


def test_small_days_are_joined_and_one_day_is_no_time():
    zone = at.Columns(timezone="Asia/Shanghai")
    found, _ = ex.check_split_over_time(by_day([(1, 4)] * 30), shares={"holdout": 0.2, "sms": 0.8}, columns=zone)
    assert found.values["slices"] == 6
    one = by_day([(200, 800)]).assign(assigned_at=DAY)
    assert [finding.status for finding in ex.check_split_over_time(one, shares={"holdout": 0.2, "sms": 0.8})] == [
        "note"
    ] * 2


def test_shares_of_strata_and_outcomes():
    people = assigned(4_000, days=10)
    assert [finding.status for finding in ex.check_split_over_time(people)] == ["pass"] * 2
    sold = pd.DataFrame({"conversion_id": [1], "person_id": ["p1"], "time": [DAY + pd.Timedelta("1h")]})
    built = ex.build_outcomes(people, sold, as_of="2026-12-31")
    assert [finding.values for finding in ex.check_split_over_time(built)] == [
        finding.values for finding in ex.check_split_over_time(people)
    ]


def test_the_alarm_is_shared():
    alone = ex.Finding(code="BALANCE", status="fail", values={"p_value": 0.0007})
    other = ex.Finding(code="SRM_DAYS", status="pass", values={"p_value": 0.5})
    assert [finding.status for finding in share_alarm([alone])] == ["fail"]
    assert [finding.status for finding in share_alarm([alone, other])] == ["pass", "pass"]
    nothing = ex.Finding(code="SRM_DAYS", status="note", values={"p_value": None})
    assert [finding.status for finding in share_alarm([alone, nothing])] == ["fail", "note"]
