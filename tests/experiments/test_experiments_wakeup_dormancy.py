"""The dormancy curve against plain pandas on random logs and on CDNOW; its cut; what cannot be observed; treatment."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wakeup_logs import CDNOW_FIRST, CDNOW_LAST, cdnow, date_of, events_of, small_log

import attribution as at
import experiments as ex
from experiments.inference.tails import critical_value
from experiments.wakeup.dormancy_cut import first_place
from oracles import dormancy as oracle

DAYS = [0, 5, 10, 20, 35, 50]


def curve(log: pd.DataFrame, *, last: int = 120, horizon: int = 15, **options) -> ex.DormancyCurve:
    options = {"days": DAYS, **options}
    return ex.dormancy_curve(events_of(log), horizon=f"{horizon}d", as_of=date_of(last), **options)


def codes(result) -> list[str]:
    return [finding.code for finding in result.findings]


@pytest.mark.parametrize("seed", range(8))
def test_counts_and_errors_are_those_of_plain_pandas(seed: int):
    log = small_log(seed)
    found = curve(log, last=100 + seed)
    log = log[log["day"] <= 100 + seed]
    expected = oracle.dormancy(log, last=100 + seed, horizon=15, days=DAYS)
    for row, own in zip(found.rows, expected, strict=True):
        assert (row.silent_days, row.at_risk, row.returned) == (own["day"], own["at_risk"], own["returned"])
        assert row.rate.value == own["returned"] / own["at_risk"]
        if own["variance"] > 0:
            assert row.rate.standard_error == pytest.approx(math.sqrt(own["variance"]), rel=1e-9)
        second = oracle.window_by_kaplan_meier(log, last=100 + seed, horizon=15, day=own["day"])
        assert row.second.value == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("eps", "least"), [(0.3, 1), (0.4, 12), (0.5, 30), (0.02, 5)])
def test_the_cut_is_the_rule(seed: int, eps: float, least: int):
    log = small_log(seed)
    expected = oracle.cut(oracle.dormancy(log, last=120, horizon=15, days=DAYS), eps, least)
    found = curve(log).cut(eps, min_spells=least, replicates=100)
    assert found.days.value == expected
    assert found.state == ("reached" if expected is not None else "not_reached")


def test_cdnow_is_that_of_plain_pandas(shared_data: Path):
    log, days = cdnow(shared_data), list(range(30, 361, 30))
    found = ex.dormancy_curve(
        events_of(log, CDNOW_FIRST), horizon="90d", as_of="1998-06-30", days=days, columns=at.Columns(precision="day")
    )
    expected = oracle.dormancy(log, last=CDNOW_LAST, horizon=90, days=days)
    assert [(row.at_risk, row.returned) for row in found.rows] == [(e["at_risk"], e["returned"]) for e in expected]
    errors = [row.rate.standard_error for row in found.rows]
    assert errors == pytest.approx([math.sqrt(e["variance"]) for e in expected], rel=1e-9)
    for eps in (0.05, 0.1, 0.2):
        assert found.cut(eps, replicates=100).days.value == oracle.cut(expected, eps, 200)


def test_kaplan_meier_on_cdnow_is_survival_by_plain_counting(shared_data: Path):
    """The product over days, written out day by day."""
    rows = oracle.spells(cdnow(shared_data))
    gap = (rows["next"] - rows["day"]).fillna(math.inf)
    seen = CDNOW_LAST - rows["day"]
    survival = 1.0
    for day in range(181, 271):  # of the spells longer than 180 days, those that end on days 181 to 270
        at_risk = ((gap >= day) & (seen >= day)).sum()
        survival *= 1 - (gap == day).sum() / at_risk
    found = ex.dormancy_curve(events_of(cdnow(shared_data), CDNOW_FIRST), horizon="90d", as_of="1998-06-30", days=[180])
    assert found.rows[0].second.value == pytest.approx(1 - survival, rel=1e-12)


def test_the_risk_set_needs_the_whole_horizon_and_more_than_d_days():
    """Last day 30, horizon 10: an act on day 15 can be read at d = 5 (days 21 to 30), one on day 16 cannot."""
    log = pd.DataFrame({"person": ["a", "b", "c", "c"], "day": [15, 16, 0, 5]})
    found = curve(log, last=30, horizon=10, days=[4, 5])
    assert [(row.at_risk, row.returned) for row in found.rows] == [(4, 1), (2, 0)]
    # At d = 4 the spell 0 to 5 is still silent; at d = 5 it is not: its length must exceed d.


def test_a_return_on_the_last_day_of_the_horizon_counts():
    log = pd.DataFrame({"person": ["a", "a", "b", "b"], "day": [0, 15, 0, 16]})
    assert curve(log, last=60, horizon=10, days=[5]).rows[0].returned == 1


def test_two_acts_at_one_instant_are_two_acts():
    log = pd.DataFrame({"person": ["a", "a"], "day": [0, 0]})
    rows = curve(log, last=60, horizon=10, days=[0, 5]).rows
    assert [row.at_risk for row in rows] == [1, 1]


def test_days_that_cannot_be_observed_have_no_row_and_a_finding():
    found = curve(small_log(1), last=60, days=[5, 40, 80, 200])
    assert [row.silent_days for row in found.rows] == [5, 40]
    (told,) = [finding for finding in found.findings if finding.code == "DAYS_NOT_OBSERVABLE"]
    assert told.values["days"] == "80, 200"
    assert told.values["longest"] == 60 - int(small_log(1)["day"].min()) - 15
    with pytest.raises(ex.InputError, match="nothing can be observed yet"):
        curve(small_log(1), last=60, days=[80])
    with pytest.raises(ex.InputError, match="no silence at all"):
        curve(small_log(1), last=10, days=None)
    assert "DAYS_NOT_OBSERVABLE" not in codes(curve(small_log(1), days=None))


def test_nobody_at_risk_is_undefined_with_its_reason():
    log = pd.DataFrame({"person": ["a"] * 30, "day": range(30)})
    row = curve(log, last=60, horizon=10, days=[5, 20]).rows
    assert (row[0].at_risk, row[0].rate.value) == (1, 0.0)
    empty = curve(log[log["day"] < 29].assign(day=lambda t: t["day"] * 2), last=58, horizon=10, days=[5])
    assert (empty.rows[0].at_risk, empty.rows[0].rate.value, empty.rows[0].rate.note) == (0, None, "NOBODY_AT_RISK")
    assert empty.table()["note"].tolist() == ["NOBODY_AT_RISK"]
    assert empty.rows[0].second.value is None
    assert empty.cut(0.1, replicates=100).state == "not_reached"


def test_row_order_and_kind_of_table_change_nothing():
    events = events_of(small_log(3))
    plain = ex.dormancy_curve(events, horizon="15d", as_of=date_of(120), days=DAYS)
    mixed = ex.dormancy_curve(events.sample(frac=1, random_state=1), horizon="15d", as_of=date_of(120), days=DAYS)
    arrow = ex.dormancy_curve(plain_arrow(events), horizon="15d", as_of=date_of(120), days=DAYS)
    for other in (mixed, arrow):
        pd.testing.assert_frame_equal(other.table(), plain.table(), check_exact=True)
        assert other.recipe.fingerprint == plain.recipe.fingerprint
        assert repr(other.cut(0.4, 5)) == repr(plain.cut(0.4, 5))


def plain_arrow(events: pd.DataFrame):
    import pyarrow as pa

    return pa.Table.from_pandas(events)


def test_first_place_takes_judged_points_only():
    at_risk = np.array([[300.0, 250, 210, 190], [300, 250, 210, 190], [100, 90, 80, 70], [300, 250, 240, 230]])
    returned = np.array([[90.0, 10, 5, 190], [10, 90, 21, 0], [0, 0, 0, 0], [1, 1, 1, 100]])
    found = first_place(np.concatenate((at_risk, returned), axis=1), 4, 0.1, 200)
    assert found.tolist() == [1, 2, 4, 4]
    counted = np.array([[300, 199, 210, 0]] * 4)  # where the sums are of weights, the number of spells decides
    found = first_place(np.concatenate((at_risk, returned, counted), axis=1), 4, 0.1, 200)
    assert found.tolist() == [2, 0, 0, 0]


def test_the_interval_of_the_cut_is_the_percentiles_of_the_whole_rule():
    """Drawn again by plain loops, the shares of each cut are the same up to the noise of drawing."""
    log = small_log(5, persons=60)
    found = curve(log).cut(0.4, 10, level=0.8, replicates=2000)
    chance = np.random.default_rng(1)
    groups = dict(list(log.groupby("person")))
    names = sorted(groups)
    drawn = []
    for _ in range(150):
        parts = [groups[names[i]].assign(person=k) for k, i in enumerate(chance.integers(0, len(names), len(names)))]
        rows = oracle.dormancy(pd.concat(parts), last=120, horizon=15, days=DAYS)
        again = oracle.cut(rows, 0.4, 10)
        drawn.append(math.inf if again is None else again)
    drawn.sort()
    # The share of plain draws at or below the lower end, and at or above the upper one, is not far from its tail.
    assert np.mean(np.array(drawn) <= found.days.low) > 0.04
    assert np.mean(np.array(drawn) < found.days.low) < 0.2
    assert np.mean(np.array(drawn) >= found.days.high) > 0.04
    assert np.mean(np.array(drawn) > found.days.high) < 0.2
    assert found.not_reached == pytest.approx(np.mean(np.isinf(drawn)), abs=0.1)


def test_many_persons_are_drawn_in_random_groups(monkeypatch: pytest.MonkeyPatch):
    log = small_log(7, persons=3000)
    one = curve(log).cut(0.37, replicates=1000)
    monkeypatch.setattr("experiments.wakeup.dormancy_cells._EXACT_PERSONS", 100)
    monkeypatch.setattr("experiments.wakeup.dormancy_cells._GROUPS", 1500)
    other = curve(log).cut(0.37, replicates=1000)
    assert other.days.value == one.days.value
    assert (other.days.low, other.days.high) == (one.days.low, one.days.high)
    assert other.not_reached == pytest.approx(one.not_reached, abs=0.06)


def test_a_cut_at_the_first_day_and_one_not_reached_say_so():
    found = curve(small_log(2))
    assert found.cut(0.99, 1, replicates=100).days.note == "DORMANCY_CUT_AT_START"
    none = found.cut(0.0001, 1, replicates=100)
    assert (none.days.value, none.days.high, none.days.note) == (None, math.inf, "DORMANCY_CUT_NOT_REACHED")
    assert "Not reached" in repr(none)
    with at.language("zh"):
        assert "未达到" in repr(none)
        assert "沉默天数" in repr(found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.1, 0.5, 0.95, 0.999])
def test_the_interval_of_a_cut_holds_the_cut(seed: int, level: float):
    found = curve(small_log(seed))
    for eps in {row.rate.value for row in found.rows}:  # the edge of the rule: half of the redrawn logs lie beyond
        days = found.cut(eps, 1, level=level, replicates=100).days if 0 < eps < 1 else None
        value = math.inf if days is None or days.value is None else days.value
        assert days is None or days.low <= value <= days.high


def test_one_person_bounds_no_cut():
    days = curve(pd.DataFrame({"person": ["a"], "day": [0]})).cut(0.1, 1, replicates=100).days
    assert (days.value, days.low, days.high) == (0.0, 0.0, math.inf)


def test_sentences_of_cuts_have_no_interval_from_infinity_to_infinity():
    found = curve(small_log(2))
    told = [repr(found.cut(eps, least, replicates=100)) for eps, least in ((0.0001, 1), (0.4, 5), (0.3, 10_000))]
    assert not any("∞" in each for each in told)
    assert "nor was it" in told[2]
    lone = repr(curve(pd.DataFrame({"person": ["a"], "day": [0]})).cut(0.1, 1, replicates=100))
    assert "from 0 days on" in lone
    assert "1 spells" not in lone


def test_seed_and_level_belong_to_the_cut():
    found = curve(small_log(2))
    assert repr(found.cut(0.4, 5, seed=3)) == repr(found.cut(0.4, 5, seed=3))
    wide, narrow = (found.cut(0.4, 5, level=level).days for level in (0.99, 0.5))
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert narrow.level == 0.5


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"eps": 0}, "strictly between 0 and 1"),
        ({"eps": True}, "strictly between 0 and 1"),
        ({"eps": 0.1, "min_spells": 0}, "at least 1"),
        ({"eps": 0.1, "replicates": 10}, "from 100 to 10,000,000"),
        ({"eps": 0.1, "level": 95}, "level=0.95"),
        ({"eps": 0.1, "seed": -1}, "seed must be"),
    ],
)
def test_bad_cuts_say_what_is_allowed(options: dict, match: str):
    with pytest.raises(ex.InputError, match=match):
        curve(small_log(2)).cut(**options)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"days": []}, "at least one"),
        ({"days": [-1]}, "numbers from 0"),
        ({"days": ["x"]}, "days must be numbers"),
        ({"days": "30"}, "days must be numbers"),
        ({"days": 30}, "days must be numbers"),
        ({"days": [math.nan]}, "numbers from 0"),
        ({"days": range(300)}, "at most 200 points"),
        ({"treated": "maybe"}, "leave_out"),
        ({"level": 2}, "level must lie"),
    ],
)
def test_bad_options_say_what_is_allowed(options: dict, match: str):
    with pytest.raises(ex.InputError, match=match):
        curve(small_log(2), **options)
    with pytest.raises(ex.InputError, match='"30d"'):
        ex.dormancy_curve(events_of(small_log(2)), horizon=30, as_of=date_of(90))


def test_the_interval_is_wilsons_where_every_person_has_one_spell():
    log = pd.DataFrame({"person": range(50), "day": 0})
    back = pd.DataFrame({"person": range(10), "day": 8})
    row = curve(pd.concat((log, back)), last=20, horizon=10, days=[5]).rows[0]  # too early for a second spell
    z, p, n = critical_value(0.95, "two"), 0.2, 50 * 49 / 50
    middle, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + (z / 2 / n) ** 2)
    expected = [(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]
    assert [row.rate.low, row.rate.high] == pytest.approx(expected, rel=1e-9)
