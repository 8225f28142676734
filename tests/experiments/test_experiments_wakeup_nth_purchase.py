"""Customers by the order of their acts: plain pandas on random logs and CDNOW, the step, Pareto, degenerate logs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wakeup_logs import CDNOW_FIRST, CDNOW_LAST, cdnow, date_of, events_of, small_log

import attribution as at
import experiments as ex
from experiments.wakeup.nth_purchase_step import likely_step
from oracles import dormancy as oracle

SAME = ("nth", "reached", "stopped", "late", "customers")


def orders(log: pd.DataFrame, *, last: int = 120, silent: int = 20, **options) -> ex.NthPurchase:
    return ex.nth_purchase(events_of(log), as_of=date_of(last), silent_after=f"{silent}d", **options)


def told(result, code: str):
    (found,) = [finding for finding in result.findings if finding.code == code]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_step_is_that_of_plain_loops(seed: int):
    chance = np.random.default_rng(seed)
    log = stepped(chance, 0.5, 0.5 - 0.08 * seed, at_order=int(chance.integers(2, 5)), persons=2000)
    step, _ = oracle.step(oracle.nth_purchase(log, last=120, silent=20, up_to=12))
    assert orders(log, up_to=12, replicates=100).step.nth.value == step
    assert (step is None) == (seed == 0)


@pytest.mark.parametrize("seed", range(8))
def test_rows_and_step_are_those_of_plain_pandas(seed: int):
    log = small_log(seed)
    log["value"] = np.random.default_rng(seed).integers(1, 100, len(log)).astype(float)
    expected = oracle.nth_purchase(log, last=120, silent=20, up_to=6)
    found = orders(log, up_to=6, value="value", replicates=100)
    table = found.table()
    for name in SAME:
        assert table[name].tolist() == [row[name] for row in expected], name
    for name in ("share", "cumulative", "value_share"):
        assert table[name].tolist() == pytest.approx([row[name] for row in expected], rel=1e-12), name
    step, _ = oracle.step(expected)
    assert found.step.nth.value == step
    for n in (1, 2, 3):
        assert found.rows[n - 1].next_days.value == oracle.median_to_next(log, last=120, n=n)


def test_cdnow_is_that_of_plain_pandas(shared_data: Path):
    log = cdnow(shared_data)
    found = ex.nth_purchase(events_of(log, CDNOW_FIRST), as_of="1998-06-30", silent_after="90d", value="value")
    expected = oracle.nth_purchase(log, last=CDNOW_LAST, silent=90, up_to=20)
    table = found.table()
    for name in SAME:
        assert table[name].tolist() == [row[name] for row in expected], name
    assert table["value_share"].tolist() == pytest.approx([row["value_share"] for row in expected], rel=1e-9)
    step, gains = oracle.step(expected)
    assert found.step.nth.value == step
    assert max(gains) - sorted(gains)[-2] > 1e-6  # no tie that rounding could decide
    assert table["customers"].sum() + told(found, "MORE_ORDERS").values["customers"] == log["person"].nunique()


def test_two_acts_at_one_instant_are_the_first_and_the_second():
    log = pd.DataFrame({"person": ["a", "a", "b"], "day": [0, 0, 0]})
    rows = orders(log).rows
    assert [(row.reached, row.stopped) for row in rows] == [(2, 1), (1, 1)]
    assert rows[0].next_days.value == 0.0


def test_the_silence_must_be_over_and_its_last_day_counts():
    log = pd.DataFrame({"person": ["a", "a", "b", "b", "c", "d"], "day": [0, 20, 0, 21, 100, 101]})
    (first, second) = orders(log, last=120).rows
    # c's silence ends with the last day, d's a day later; a's next act on day 20 is in time, b's on day 21 is late.
    assert (first.reached, first.stopped, first.late) == (3, 2, 1)
    assert (second.reached, second.stopped, second.late) == (2, 2, 0)


def stepped(chance: np.random.Generator, before: float, after: float, *, at_order: int, persons: int) -> pd.DataFrame:
    """Customers who stop after each act with one probability up to an order and with another from it on."""
    orders_ = np.arange(1, 31)
    stop = np.where(orders_ < at_order, before, after)
    counts = 1 + np.argmax(np.append(chance.random((persons, 30)) < stop, np.ones((persons, 1), bool), axis=1), axis=1)
    day = np.concatenate([np.arange(count) for count in counts])
    return pd.DataFrame({"person": np.repeat(np.arange(persons), counts), "day": day})


def test_a_step_is_found_with_its_shares_and_a_constant_has_none():
    chance = np.random.default_rng(3)
    found = orders(stepped(chance, 0.5, 0.15, at_order=5, persons=4000), replicates=400)
    assert (found.step.nth.value, found.step.nth.low, found.step.nth.high) == (5.0, 5.0, 5.0)
    assert (found.step.before, found.step.after) == pytest.approx((0.5, 0.15), abs=0.02)
    assert found.step.support == 1.0
    text = told(found, "HAZARD_STEP").text("en")
    assert "association" in text
    assert "关联" in told(found, "HAZARD_STEP").text("zh")
    flat = orders(stepped(chance, 0.3, 0.3, at_order=5, persons=4000), replicates=400)
    assert (flat.step.nth.value, flat.step.nth.note) == (None, "NO_HAZARD_STEP")
    assert flat.step.support < 0.2
    assert told(flat, "NO_HAZARD_STEP").status == "note"
    rising = orders(stepped(chance, 0.1, 0.6, at_order=3, persons=4000), replicates=100)
    assert told(rising, "HAZARD_RISES").values["nth"] == 3


def test_an_uncertain_step_has_a_wide_interval():
    found = orders(stepped(np.random.default_rng(8), 0.4, 0.25, at_order=4, persons=400), replicates=400)
    assert found.step.nth.low < found.step.nth.high
    assert found.step.nth.contains(4.0)


def test_the_likelihood_takes_the_earliest_of_equal_splits():
    reached, stopped = np.array([[100.0, 50.0, 0.0, 0.0]]), np.array([[50.0, 5.0, 0.0, 0.0]])
    place, known = likely_step(reached, stopped)
    assert (place[0], known[0]) == (1, True)
    place, known = likely_step(np.array([[10.0, 0.0]]), np.array([[10.0, 0.0]]))
    assert not known[0]


def test_row_order_changes_nothing():
    log = small_log(4)
    log["value"] = np.round(np.random.default_rng(1).random(len(log)), 3)
    options = {"as_of": date_of(120), "silent_after": "20d", "value": "value", "replicates": 100}
    plain = ex.nth_purchase(events_of(log), **options)
    mixed = ex.nth_purchase(events_of(log).sample(frac=1, random_state=2), **options)
    assert repr(mixed) == repr(plain)
    numbers = [name for name in plain.table() if not name.startswith("value")]
    pd.testing.assert_frame_equal(mixed.table()[numbers], plain.table()[numbers], check_exact=True)
    pd.testing.assert_frame_equal(mixed.table(), plain.table(), rtol=1e-12)
    assert mixed.step.nth.high == plain.step.nth.high


def test_value_that_sums_to_nothing_has_no_share():
    log = pd.DataFrame({"person": ["a", "b"], "day": [0, 0], "value": [5.0, -5.0]})
    row = orders(log, value="value").to_dicts()[0]
    assert (row["value"], row["value_share"], row["value_cumulative"]) == (0.0, None, None)
    with pytest.raises(ex.TableError, match="worth"):
        orders(log, value="worth")


def test_everybody_has_one_act_and_nobody_stops():
    one = orders(pd.DataFrame({"person": list("abc"), "day": [0, 1, 2]}))
    assert len(one.rows) == 1
    assert (one.rows[0].hazard.value, one.step.nth.note) == (1.0, "NO_HAZARD_STEP")
    assert one.rows[0].next_days.note == "QUANTILE_NOT_REACHED"
    assert one.table()["next_days_high"].tolist() == [math.inf]
    assert "1" in repr(one)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"up_to": 0}, "from 1 to 40"),
        ({"up_to": 2.5}, "from 1 to 40"),
        ({"replicates": 5}, "from 100 to 10,000,000"),
        ({"silent": 200}, "nobody has been followed"),
        ({"level": 1.0}, "level must lie"),
        ({"seed": -3}, "seed must be"),
    ],
)
def test_bad_options_say_what_is_allowed(options: dict, match: str):
    with pytest.raises(ex.InputError, match=match):
        orders(small_log(1), **options)


def test_hostile_names_and_languages():
    log = small_log(3)
    log["person"] = "<i>客户</i>\u202e" + log["person"]
    with at.language("zh"):
        assert "停下" in repr(orders(log, replicates=100))


def test_the_value_of_orders_is_printed_where_it_is_named():
    log = small_log(1).assign(value=1.0)
    with_value, without = repr(orders(log, value="value", replicates=100)), repr(orders(log, replicates=100))
    assert "cumulative share of value" in with_value
    assert "cumulative share of value" not in without
    with at.language("zh"):
        assert "累计价值占比" in repr(orders(log, value="value", replicates=100))


@pytest.mark.parametrize("level", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("seed", range(4))
def test_the_interval_of_a_step_holds_the_step(seed: int, level: float):
    log = stepped(np.random.default_rng(seed), 0.45, 0.25, at_order=4, persons=400)
    step = orders(log, level=level, replicates=100).step.nth
    assert step.value is None or step.low <= step.value <= step.high


def test_acts_of_one_instant_may_stand_in_any_order():
    chance = np.random.default_rng(0)
    n = 3_000
    days = pd.to_timedelta(chance.integers(0, 60, n), unit="D")
    log = pd.DataFrame({"person_id": chance.integers(0, 400, n), "amount": chance.lognormal(3, 1, n)})
    log["time"] = pd.Timestamp("2024-01-01", tz="UTC") + days
    options = {"as_of": "2025-01-01", "value": "amount", "silent_after": "30d", "replicates": 100}
    told = {repr(ex.nth_purchase(log.sample(frac=1, random_state=s), **options).to_dicts()) for s in range(6)}
    assert len(told) == 1
