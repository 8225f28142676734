"""Kaplan-Meier against survfit in R, lifelines and statsmodels; its variance over persons against refitting."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from statsmodels.duration.survfunc import SurvfuncRight

import experiments as ex
from experiments.inference.survival import product_limit, window_share

FOLDER = Path(__file__).parents[1] / "references" / "survival"
SURVFIT = json.loads((FOLDER / "survfit.json").read_text())
LIFELINES = json.loads((FOLDER / "lifelines.json").read_text())
CASES = SURVFIT["inputs"]["cases"]
NEAR = {"rel": SURVFIT["rtol"], "abs": SURVFIT["atol"]}


def fitted(name: str, *, persons: bool = False, **options) -> ex.KaplanMeier:
    case = CASES[name]
    return ex.kaplan_meier(case["time"], case["event"], persons=case["person"] if persons else None, **options)


def known(values, expected) -> tuple[list, list]:
    """Pairs where the reference has a number: R has no limits where nothing varies to the end."""
    pairs = [(a, b) for a, b in zip(values, expected, strict=True) if b is not None]
    return [a for a, _ in pairs], [b for _, b in pairs]


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_curve_is_that_of_survfit(name: str):
    table, expected = fitted(name).table(), SURVFIT["expected"][name]
    for column in ("time", "at_risk", "events", "censored", "survival"):
        assert table[column].tolist() == pytest.approx(expected[column], **NEAR), column
    curve = fitted(name).curves[""]
    errors = (np.sqrt(curve.variance) * curve.survival).tolist()
    mine, theirs = known(errors, expected["standard_error"])
    assert [value for value in mine if not math.isnan(value)] == pytest.approx(
        [b for a, b in zip(mine, theirs, strict=True) if not math.isnan(a)], **NEAR
    )


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("limits", ["log-log", "log", "plain"])
def test_limits_and_quantiles_are_those_of_survfit(name: str, limits: str):
    found = fitted(name, limits=limits)
    expected = SURVFIT["expected"][name]["limits"][limits.replace("-", "")]
    table = found.table()
    for end in ("low", "high"):
        mine, theirs = known(table[end], expected[end])
        assert mine == pytest.approx(theirs, **NEAR)
    last = CASES[name]["time"][int(np.argmax(CASES[name]["time"]))]
    for i, share in enumerate(SURVFIT["inputs"]["shares"]):
        one = found.quantile(share)
        assert one.value == expected["quantile"][i]
        # What R leaves out: a lower end later than all that was seen, an upper end without a bound.
        assert one.low == (last if expected["quantile_low"][i] is None else expected["quantile_low"][i])
        if expected["quantile_high"][i] is not None:
            assert one.high == expected["quantile_high"][i]
        else:
            assert one.high == math.inf


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_variance_over_persons_is_that_of_survfit_with_clusters(name: str):
    expected = SURVFIT["expected"][name]
    found = fitted(name, persons=True)
    curve = found.curves[""]
    alive = curve.survival > 0
    assert (np.sqrt(curve.variance) * curve.survival)[alive].tolist() == pytest.approx(
        np.array(expected["robust_error"], float)[alive].tolist(), **NEAR
    )
    table = found.table()[alive]
    for end in ("low", "high"):
        theirs = np.array(expected[f"robust_{end}"], float)[alive]
        assert table[end][~np.isnan(theirs)].tolist() == pytest.approx(theirs[~np.isnan(theirs)].tolist(), **NEAR)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_restricted_mean_is_that_of_survfit(name: str):
    found = fitted(name).restricted_mean(CASES[name]["horizon"])
    expected = SURVFIT["expected"][name]
    assert found.value == pytest.approx(expected["mean"], **NEAR)
    assert found.standard_error == pytest.approx(expected["mean_error"], **NEAR)


@pytest.mark.parametrize("window", SURVFIT["windows"], ids=lambda window: f"{window['begin']}-{window['end']}")
def test_the_share_of_a_window_is_survfit_with_late_entry(window: dict[str, float]):
    case = CASES["shared_frailty"]
    who = np.unique(case["person"], return_inverse=True)[1].astype(np.int64)
    curve = product_limit(np.array(case["time"], float), np.array(case["event"], bool), who)
    share, variance, _ = window_share(curve, window["begin"], window["end"])
    assert share == pytest.approx(window["share"], **NEAR)
    assert math.sqrt(variance) == pytest.approx(window["error"], **NEAR)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_curve_and_its_median_are_those_of_lifelines(name: str):
    expected, found = LIFELINES["expected"][name], fitted(name)
    table = found.table()
    near = {"rel": LIFELINES["rtol"], "abs": LIFELINES["atol"]}
    assert table["survival"].tolist() == pytest.approx(expected["survival"], **near)
    inside = (table["survival"] > 0) & (table["survival"] < 1)
    for end in ("low", "high"):
        assert table[end][inside].tolist() == pytest.approx(np.array(expected[end], float)[inside].tolist(), **near)
    assert found.quantile().value == expected["median"]


def test_the_curve_is_that_of_statsmodels():
    case = CASES["shared_frailty"]
    theirs = SurvfuncRight(np.array(case["time"]), np.array(case["event"]))
    mine = fitted("shared_frailty").table()
    ended = mine[mine["events"] > 0]
    assert ended["survival"].tolist() == pytest.approx(theirs.surv_prob.tolist(), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(0, 4)), min_size=3, max_size=25))
def test_the_influence_is_what_a_little_more_weight_does(spells: list[tuple[int, bool, int]]):
    """The infinitesimal jackknife by its definition: differentiate the curve by the weight of each person."""
    time, event, who = (np.array(column) for column in zip(*spells, strict=True))
    who = np.unique(who, return_inverse=True)[1].astype(np.int64)
    curve = product_limit(time.astype(float), event.astype(bool), who)

    last = int((curve.survival > 0).sum())
    squares, step = np.zeros(last), 1e-6
    for g in range(int(who.max()) + 1):
        ends = []
        for sign in (1.0, -1.0):
            weight = 1.0 + sign * step * (who == g)
            left = [
                1.0 - weight[(time == t) & event.astype(bool)].sum() / weight[time >= t].sum()
                for t in curve.time[:last]
            ]
            ends.append(np.cumsum(np.log(left)))
        squares += ((ends[0] - ends[1]) / (2 * step)) ** 2
    assert curve.variance[:last].tolist() == pytest.approx(squares.tolist(), rel=1e-5, abs=1e-7)


def test_ends_come_before_censorings_of_the_same_length():
    assert ex.kaplan_meier([2, 2], [1, 0]).table()["survival"].tolist() == [0.5]
    assert ex.kaplan_meier([2, 2], [True, False]).table()["censored"].tolist() == [1]


def test_order_and_unit_change_nothing():
    case = CASES["shared_frailty"]
    order = np.random.default_rng(5).permutation(len(case["time"]))
    time, event, who = (np.array(case[key])[order] for key in ("time", "event", "person"))
    mixed, plain = ex.kaplan_meier(time, event, persons=who), fitted("shared_frailty", persons=True)
    pd.testing.assert_frame_equal(mixed.table(), plain.table(), check_exact=True)
    assert mixed.restricted_mean(30).standard_error == plain.restricted_mean(30).standard_error
    longer = ex.kaplan_meier(time * 24.0, event, persons=who)
    assert longer.quantile(0.25).value == 24.0 * plain.quantile(0.25).value
    assert longer.table()["low"].tolist() == plain.table()["low"].tolist()


def test_groups_are_curves_of_their_own():
    case = CASES["shared_frailty"]
    names = np.where(np.array(case["person"]) % 2, "老客户", "<b>new</b>")
    found = ex.kaplan_meier(case["time"], case["event"], groups=names, persons=case["person"])
    for name in ("老客户", "<b>new</b>"):
        mine = names == name
        alone = ex.kaplan_meier(
            np.array(case["time"])[mine], np.array(case["event"])[mine], persons=np.array(case["person"])[mine]
        )
        part = found.table().query("group == @name").drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone.table().drop(columns="group"))
        assert found.at(9, group=name).value == alone.at(9).value
    assert "老客户" in repr(found)
    with pytest.raises(ex.InputError, match="name one with group="):
        found.quantile()
    with pytest.raises(ex.InputError, match="there is no group"):
        found.at(3, group="old")


def test_a_flat_piece_at_the_quantile_counts_from_its_beginning():
    """R takes the middle, 3; the definition (the first time by which half have ended) and lifelines say 2."""
    assert SURVFIT["flat"] == 3
    assert ex.kaplan_meier([1, 2, 4, 8]).quantile().value == 2.0


def test_between_and_beyond_the_durations():
    found = ex.kaplan_meier([2, 4, 6], [1, 1, 0])
    assert (found.at(0).value, found.at(3.9).value, found.at(6).value) == pytest.approx((1.0, 2 / 3, 1 / 3))
    assert (found.at(0).low, found.at(0).high) == (pytest.approx(0.025 ** (1 / 3)), 1.0)
    assert (found.at(6.1).value, found.at(6.1).note) == (None, "BEYOND_FOLLOW_UP")
    assert found.restricted_mean(6.1).note == "BEYOND_FOLLOW_UP"
    late = found.quantile(0.9)
    assert (late.value, late.low, late.high, late.note) == (None, 2.0, math.inf, "QUANTILE_NOT_REACHED")
    ended = ex.kaplan_meier([2, 4], [1, 1])
    assert (ended.at(99).value, ended.restricted_mean(99).value) == (0.0, 3.0)


def test_when_all_end_at_once_the_upper_limit_is_exact():
    found = ex.kaplan_meier([3] * 40)
    assert (found.at(3).low, found.at(3).high) == pytest.approx((0.0, beta.ppf(0.975, 1, 40)), rel=1e-9)
    persons = ex.kaplan_meier([3] * 40, persons=[1, 2, 3, 4] * 10)
    assert persons.at(3).high == pytest.approx(beta.ppf(0.975, 1, 4), rel=1e-9)
    assert found.restricted_mean(5).note == "ZERO_VARIANCE"


def test_nothing_ended_and_a_single_spell():
    running = ex.kaplan_meier([5, 9], [0, 0])
    assert (running.at(9).value, running.quantile().note) == (1.0, "QUANTILE_NOT_REACHED")
    # Nobody ended of two that were followed: with a chance of a quarter so also where the median is 5 days.
    assert running.at(9).low == pytest.approx(0.025)
    assert (running.quantile().low, running.quantile().high) == (0.0, math.inf)
    assert ex.kaplan_meier([0]).quantile().value == 0.0
    assert "2" in repr(running)


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        (([],), {}, "at least one number"),
        (([1, -2],), {}, "negative or undefined, for example entry 1"),
        (([1, math.nan],), {}, "negative or undefined"),
        ((["a"],), {}, "numbers in one unit"),
        (([1, 2], [1]), {}, "observed has 1 entries, durations 2"),
        (([1, 2], [1, 2]), {}, "true or false"),
        (([1, 2], [1, None]), {}, "true or false"),
        (([1, 2],), {"persons": ["a"]}, "persons has 1 entries"),
        (([1, 2],), {"groups": ["a", None]}, "1 empty entries"),
        (([1, 2],), {"limits": "arcsine"}, "limits must be"),
        (([1, 2],), {"level": 95}, "level=0.95"),
    ],
)
def test_bad_input_says_what_is_wrong(arguments: tuple, options: dict, match: str):
    with pytest.raises(ex.InputError, match=match):
        ex.kaplan_meier(*arguments, **options)


def test_bad_questions_say_what_is_allowed():
    found = ex.kaplan_meier([1, 2])
    with pytest.raises(ex.InputError, match="strictly between 0 and 1"):
        found.quantile(1.0)
    with pytest.raises(ex.InputError, match="above 0"):
        found.restricted_mean(0)
    with pytest.raises(ex.InputError, match="0 or more"):
        found.at(-1)


def test_windows_that_begin_or_end_beyond_what_was_seen():
    ended = product_limit(np.array([1.0, 2.0]), np.array([True, True]))
    assert window_share(ended, 2.0, 3.0)[0] is None  # nobody lasts that long
    running = product_limit(np.array([1.0, 2.0]), np.array([True, False]))
    assert window_share(running, 0.5, 3.0)[0] is None  # nobody was followed that far
    assert window_share(running, 0.5, 1.0) == (0.5, pytest.approx(0.125), 2.0)


def test_spells_of_different_persons_and_no_persons_are_one_window():
    case = CASES["ties"]
    curve = product_limit(np.array(case["time"], float), np.array(case["event"], bool))
    alone = window_share(curve, 2.0, 6.0)
    assert window_share(curve, 2.0, 6.0, np.arange(curve.n)) == pytest.approx(alone, rel=1e-12)
    # Greenwood's sum over the window, times the squared share that lasts.
    left = curve.variance[5] - curve.variance[1]
    assert alone[1] == pytest.approx((1 - alone[0]) ** 2 * left, rel=1e-12)


def test_a_weight_is_as_many_spells_of_one_person():
    time, ended, weight = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, True]), np.array([1, 3, 2, 1])
    weighted = product_limit(time, ended, weights=weight.astype(float))
    repeated = product_limit(np.repeat(time, weight), np.repeat(ended, weight))
    assert weighted.survival.tolist() == pytest.approx(repeated.survival.tolist(), rel=1e-12)
    one, many = window_share(weighted, 1.0, 3.0), window_share(repeated, 1.0, 3.0, np.repeat(np.arange(4), weight))
    assert one == pytest.approx(many, rel=1e-12)


def test_a_mean_up_to_before_the_first_end_does_not_vary():
    found = ex.kaplan_meier([2, 4]).restricted_mean(1)
    assert (found.value, found.note) == (1.0, "ZERO_VARIANCE")


@pytest.mark.parametrize(("durations", "persons"), [([3, 5, 8], ["a", "a", "a"]), ([5], None)])
def test_one_person_alone_bounds_no_mean(durations: list[int], persons: list[str] | None):
    found = ex.kaplan_meier(durations, [1] * len(durations), persons=persons).restricted_mean(4)
    assert found.value is not None
    assert (found.low, found.high, found.standard_error, found.note) == (None, None, None, "TOO_FEW_PERSONS")


def test_labels_of_several_kinds_are_refused():
    with pytest.raises(ex.InputError, match="of one kind"):
        ex.kaplan_meier([1, 2], persons=["a", 1])


@pytest.mark.parametrize(("ended", "persons"), [(0, None), (3, None), (0, [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8])])
def test_before_the_first_end_the_lower_limit_is_clopper_and_pearsons(ended: int, persons: list[int] | None):
    """Nobody ended of n that were followed so long: S^n = 0.025 at the limit."""
    times = [4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 11, 12]
    flags = [False] * (12 - ended) + [True] * ended
    found = ex.kaplan_meier(times, flags, persons=persons)
    for time in (3.0, 4.0, 6.5, 8.0):
        before = max([each for each in times if each <= time], default=0)
        last = times if persons is None else [max(t for t, p in zip(times, persons, strict=True) if p == one)
                                              for one in set(persons)]  # fmt: skip
        left = sum(each >= before for each in last)
        one = found.at(time)
        assert (one.low, one.high) == (pytest.approx(0.025 ** (1 / left)), 1.0)
    if not ended:  # a median at 95 % needs six persons: 0.5^5 is above 0.025
        assert found.quantile(0.5).low == max(t for t in times if sum(other >= t for other in last) >= 6)


@pytest.mark.parametrize("n", [2, 5, 6, 12])
def test_the_lower_end_of_a_median_holds_with_few_persons(n: int):
    """Nobody ended: with a chance of 0.5^n so also beyond the median, so below six it bounds nothing at 95 %."""
    found = ex.kaplan_meier([7] * n, [False] * n).quantile(0.5)
    assert found.low == (0.0 if 0.5**n > 0.025 else 7.0)
