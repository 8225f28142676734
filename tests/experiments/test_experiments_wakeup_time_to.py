"""Time to the first act and to the next one: plain loops, groups, day precision, who is set aside."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from wakeup_logs import FIRST, date_of, events_of, small_log

import attribution as at
import experiments as ex
from oracles import dormancy as oracle


def registered(rows: list[tuple[object, float]], **columns) -> pd.DataFrame:
    person, day = zip(*rows, strict=True)
    return pd.DataFrame({"person_id": person, "time": FIRST + pd.to_timedelta(list(day), unit="D")}).assign(**columns)


def codes(result) -> list[str]:
    return [finding.code for finding in result.findings]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_median_to_the_next_act_is_that_of_plain_loops(seed: int, n: int):
    log = small_log(seed)
    found = ex.time_to_next(events_of(log), as_of=date_of(120), n=n)
    assert found.quantile().value == oracle.median_to_next(log, last=120, n=n)


def test_the_time_to_the_first_act_counts_those_who_have_not_acted():
    log = pd.DataFrame({"person": ["a", "a", "b"], "day": [3, 9, 10]})
    table = registered([("a", 0), ("b", 2), ("c", 0), ("d", 26)])
    found = ex.time_to_first(table, events_of(log), as_of=date_of(29), quantiles=[0.3, 0.5])
    # Days: a 3, b 8, c open for 30, d open for 4: S falls to 3/4 at day 3 and to 3/8 at day 8.
    assert found.acted_by(3).value == 0.25
    assert found.acted_by(8).value == pytest.approx(1 - 3 / 4 / 2)
    assert found.quantile(0.5).value == 8.0
    table = found.table()
    assert table["quantile"].tolist() == [0.3, 0.5]
    assert table["n"].tolist() == [4, 4]
    assert table["events"].tolist() == [2, 2]
    assert found.acted_by(31).note == "BEYOND_FOLLOW_UP"
    assert found.restricted_mean(8).value == pytest.approx(3 + 0.75 * 5)
    low, high = found.acted_by(8).low, found.acted_by(8).high
    assert 0 < low < 1 - 3 / 8 < high < 1


def test_groups_of_registered_persons():
    log = pd.DataFrame({"person": ["a", "b"], "day": [1, 20]})
    table = registered([("a", 0), ("b", 0), ("c", 0)], 渠道=["信", "电", None])
    found = ex.time_to_first(table, events_of(log), as_of=date_of(60), by="渠道")
    assert sorted(found.curves) == ["", "信", "电"]
    assert found.quantile(group="电").value == 20.0
    assert found.table()["渠道"].tolist() == ["", "", "", "信", "信", "信", "电", "电", "电"]
    assert "渠道" in repr(found)
    with pytest.raises(ex.InputError, match="there is no group 'x'"):
        found.quantile(group="x")
    with pytest.raises(ex.TableError, match="MISSING"):
        ex.time_to_first(table, events_of(log), as_of=date_of(60), by="渠到")


def test_groups_at_the_nth_act_do_not_hang_on_the_order_of_rows():
    log = pd.DataFrame({"person": ["a", "a", "a", "b"], "day": [0, 0, 9, 4], "shop": ["y", "x", "z", "z"]})
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        found = ex.time_to_next(events_of(log).iloc[order], as_of=date_of(60), n=2, by="shop")
        assert list(found.curves) == ["x"]
        assert found.quantile(group="x").value == 9.0
        first = ex.time_to_next(events_of(log).iloc[order], as_of=date_of(60), by="shop")
        assert {name: curve.n for name, curve in first.curves.items()} == {"x": 1, "z": 1}


def test_who_is_set_aside_is_counted():
    log = pd.DataFrame({"person": ["a", "b", "x"], "day": [3, 1, 2]})
    table = registered([("a", 0), ("a", 2), ("b", 5), ("late", 90)])
    found = ex.time_to_first(table, events_of(log), as_of=date_of(30))
    assert codes(found) == [
        "REGISTRATIONS_AFTER_AS_OF", "REGISTERED_TWICE", "ACTS_BEFORE_REGISTRATION", "ACTS_WITHOUT_REGISTRATION",
    ]  # fmt: skip
    assert [next(iter(finding.values.values())) for finding in found.findings] == [1, 1, 1, 1]
    assert found.recipe.n["persons"] == 1
    with pytest.raises(ex.InputError, match="none of 1 registered persons can be followed"):
        ex.time_to_first(registered([("b", 5)]), events_of(log), as_of=date_of(30))


def test_days_are_compared_with_days():
    """Registered at 10:00, booked on the same day: 0 days later, not 10 hours before."""
    log = events_of(pd.DataFrame({"person": ["a", "b"], "day": [0, 4]}))
    table = registered([("a", 10 / 24), ("b", 10 / 24)])
    plain = ex.time_to_first(table, log, as_of=date_of(30))
    assert "ACTS_BEFORE_REGISTRATION" in codes(plain)
    days = ex.time_to_first(table, log, as_of=date_of(30), columns={"events": at.Columns(precision="day")})
    assert codes(days) == []
    assert days.curves[""].time.tolist() == [0.0, 4.0]


def test_an_act_after_the_date_of_the_data_is_unknown():
    log = events_of(pd.DataFrame({"person": ["a", "b"], "day": [5, 40]}))
    found = ex.time_to_first(registered([("a", 0), ("b", 0)]), log, as_of=date_of(30))
    assert found.curves[""].events.sum() == 1
    assert "ACTS_AFTER_AS_OF" in codes(found)


def test_row_order_changes_nothing():
    log = events_of(small_log(6)).assign(group=lambda t: np.where(t["person_id"] < "p3", "x", "y"))
    one = ex.time_to_next(log, as_of=date_of(120), by="group")
    two = ex.time_to_next(log.iloc[::-1], as_of=date_of(120), by="group")
    pd.testing.assert_frame_equal(one.table(), two.table(), check_exact=True)
    assert one.recipe.fingerprint == two.recipe.fingerprint


def test_nobody_acted_again():
    for persons, low in ((2, 0.0), (6, 10.0)):  # two persons do not exclude a median of one day
        log = events_of(pd.DataFrame({"person": [f"p{i}" for i in range(persons)], "day": 0}))
        row = ex.time_to_next(log, as_of=date_of(9)).to_dicts()[1]
        assert (row["days"], row["high"], row["note"]) == (None, math.inf, "QUANTILE_NOT_REACHED")
        assert row["low"] == pytest.approx(low)
    with at.language("zh"):
        assert "天数" in repr(ex.time_to_next(log, as_of=date_of(9)))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n": 0}, "at least 1"),
        ({"n": True}, "at least 1"),
        ({"n": 99}, "nobody has 99 acts"),
        ({"quantiles": [1.5]}, "strictly between 0 and 1"),
        ({"quantiles": []}, "at least one"),
        ({"quantiles": ["x"]}, "numbers between 0 and 1"),
        ({"level": 95}, "level=0.95"),
    ],
)
def test_bad_options_say_what_is_allowed(options: dict, match: str):
    with pytest.raises(ex.InputError, match=match):
        ex.time_to_next(events_of(small_log(1)), as_of=date_of(120), **options)


def test_bad_questions_say_what_is_allowed():
    found = ex.time_to_next(events_of(small_log(1)), as_of=date_of(120))
    with pytest.raises(ex.InputError, match="0 or more"):
        found.acted_by(-1)
