"""Flows between two dates: the identity, both ratios, hidden movements, steps, groups, a public cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attribution as at
import experiments as ex
from experiments.wakeup.flows_kernel import flows_of
from oracles import customer_states as oracle

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "active_start", "new", "woken", "woken_from_dormant", "woken_from_churned", "to_dormant", "to_churned",
    "active_end", "acquisition_ratio", "stock_ratio", "left_and_returned", "woken_and_lost", "new_and_lost",
)  # fmt: skip
DAY = 86_400_000_000


def _drawn(seed: int = 5, rows: int = 500, persons: int = 80) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    moments = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(draw.integers(0, 900 * DAY, rows), unit="us")
    return pd.DataFrame({"person_id": draw.integers(0, persons, rows), "time": moments})


def _counts(found: ex.CustomerFlows) -> dict[str, object]:
    row = found.to_dicts()[0]
    return {name: row[name] for name in NAMES}


def test_flows_agree_with_a_loop_over_customers_whatever_the_order():
    log = _drawn()
    known = oracle.by_customer(log["person_id"], log["time"])
    ends = pd.Timestamp("2025-04-01", tz="UTC"), pd.Timestamp("2026-01-01", tz="UTC")
    limits = pd.Timedelta(days=60), pd.Timedelta(days=150)
    wanted = oracle.flows(known, *ends, *limits, inclusive=False)
    options = {"start": "2025-03-31", "end": "2025-12-31", "dormant_after": "60d", "churned_after": "150d"}
    found = ex.customer_flows(log, **options)
    assert _counts(found) == wanted
    assert wanted["woken_from_churned"] > 0
    assert repr(ex.customer_flows(log.iloc[::-1], **options)) == repr(found)


@given(
    acts=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), min_size=1, max_size=40),
    ends=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    limits=st.tuples(st.integers(1, 10), st.integers(1, 20)),
)
def test_the_identity_and_the_loop_hold_for_every_log(acts, ends, limits):
    begin = pd.Timestamp("2026-01-01", tz="UTC")
    time = [begin + pd.Timedelta(hours=hour) for _, hour in acts]
    log = pd.DataFrame({"person_id": [person for person, _ in acts], "time": time})
    start, end = begin + pd.Timedelta(hours=ends[0]), begin + pd.Timedelta(hours=ends[0] + ends[1])
    known = oracle.by_customer(log["person_id"], log["time"])
    if min(time) > end:
        return
    options = {"dormant_after": f"{limits[0]}h", "churned_after": f"{sum(limits)}h"}
    found = ex.customer_flows(log, start=start.to_pydatetime(), end=end.to_pydatetime(), every="5h", **options)
    hours = pd.Timedelta(hours=limits[0]), pd.Timedelta(hours=sum(limits))
    # An instant includes its own act: (start, end].
    assert _counts(found) == oracle.flows({k: v for k, v in known.items() if v[0] <= end}, start, end, *hours)
    for row in found.series.to_dicts() + found.to_dicts():
        change = row["new"] + row["woken"] - row["to_dormant"] - row["to_churned"]
        assert row["active_end"] == row["active_start"] + change
        ratio = row["acquisition_ratio"]
        assert (ratio is None) == (row["to_dormant"] + row["to_churned"] == 0)
        assert ratio is None or (ratio > 1) == (row["active_end"] > row["active_start"])
    steps = found.series.to_dicts()
    assert [row["active_start"] for row in steps[1:]] == [row["active_end"] for row in steps[:-1]]


def test_nobody_who_left_leaves_the_ratio_undefined_with_its_reason():
    log = pd.DataFrame({"person_id": ["a", "b"], "time": pd.to_datetime(["2026-01-05", "2026-02-05"], utc=True)})
    found = ex.customer_flows(log, start="2026-01-31", end="2026-02-28")
    assert found.acquisition_ratio is None
    assert found.stock_ratio is None
    assert found.to_dicts()[0]["note"] == "NOBODY_LEFT; NOBODY_ASLEEP"
    assert (found.new, found.active_start, found.active_end) == (1, 1, 2)


def test_who_leaves_and_returns_is_named_and_the_months_do_not_add():
    times = ["2026-01-10", "2026-05-10", "2026-01-20", "2025-08-01", "2026-02-20"]
    log = pd.DataFrame(
        {"person_id": ["back", "back", "new", "again", "again"], "time": pd.to_datetime(times, utc=True)}
    )
    options = {"dormant_after": "60d", "churned_after": "300d"}
    found = ex.customer_flows(log, start="2026-01-15", end="2026-05-31", every="month", **options)
    assert found.left_and_returned == 1
    assert found.hidden.to_dicts() == [
        {"person_id": "again", "movement": "woken_and_lost"},
        {"person_id": "back", "movement": "left_and_returned"},
        {"person_id": "new", "movement": "new_and_lost"},
    ]
    assert (found.woken, found.to_dormant) == (0, 0)
    codes = {one.code: one.values for one in found.findings}
    assert codes["FLOWS_DO_NOT_ADD"]["woken_steps"] == 2
    assert codes["FLOWS_HIDDEN"]["new_and_lost"] == 1
    ends = [row["end"] for row in found.series.to_dicts()]
    assert ends == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_groups_add_to_all_customers():
    log = _drawn().assign(city=lambda rows: np.where(rows["person_id"] % 3 == 0, "x", "y"))
    found = ex.customer_flows(
        log, start="2025-03-31", end="2025-12-31", by="city", dormant_after="60d", churned_after="99d"
    )
    whole, *groups = found.to_dicts()
    assert [row["group"] for row in groups] == ["x", "y"]
    for name in ("active_start", "new", "woken", "to_dormant", "to_churned", "active_end", "left_and_returned"):
        assert whole[name] == sum(row[name] for row in groups)
    table = found.transitions("x").to_pandas()
    assert table[table["state_end"] == "active"]["customers"].sum() == groups[0]["active_end"]
    with pytest.raises(at.WakeLiftError, match="there is no group 'z'"):
        found.transitions("z")


def test_a_start_before_every_act_is_told():
    log = pd.DataFrame({"person_id": ["a"], "time": pd.to_datetime(["2026-01-05"], utc=True)})
    found = ex.customer_flows(log, start="2025-01-31", end="2026-02-28")
    assert [(one.code, one.status) for one in found.findings] == [("FLOWS_FROM_NOTHING", "warn")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"start": "2026-02-28", "end": "2026-02-28"}, "start must lie before end"),
        ({"every": "fortnight"}, "every must be one of day, week, month, quarter, year or a duration"),
        ({"every": "1min"}, "at most 4000 are allowed"),
        ({"end": "soon"}, "as_of must be a date"),
    ],
)
def test_dates_and_steps_that_cannot_be_read_are_refused(options: dict[str, object], told: str):
    with pytest.raises(at.WakeLiftError, match=told):
        ex.customer_flows(_drawn(), **{"start": "2025-01-31", "end": "2025-12-31", **options})


def test_steps_of_days_count_from_the_start_and_halves_of_days_are_refused():
    days = pd.DataFrame({"person_id": ["a", "b"], "time": pd.to_datetime(["2026-03-28", "2026-04-02"])})
    columns = at.Columns(precision="day", timezone="Europe/Berlin")  # the clocks change on 29 March
    options = {"start": "2026-03-27", "end": "2026-04-03", "columns": columns}
    found = ex.customer_flows(days, every="3d", **options).series
    assert [(row["start"], row["end"], row["new"]) for row in found.to_dicts()] == [
        ("2026-03-27", "2026-03-30", 1), ("2026-03-30", "2026-04-02", 1), ("2026-04-02", "2026-04-03", 0),
    ]  # fmt: skip
    assert "Flows step by step" in repr(found)
    with pytest.raises(at.WakeLiftError, match="every must be whole days"):
        ex.customer_flows(days, every="36h", **options)


def test_undefined_ratios_are_told_in_words_and_groups_keep_to_their_own_table():
    log = pd.DataFrame({"person_id": ["a", "b"], "time": pd.to_datetime(["2026-01-05", "2026-02-05"], utc=True)})
    log["city"] = ["x", "y"]
    options = {"start": "2026-01-31", "end": "2026-04-30", "every": "month", "by": "city"}
    found = ex.customer_flows(log, **options)
    shown = repr(found)
    assert "NOBODY_LEFT: Nobody active at the start left" in shown
    assert "stock ratio – (" in shown
    steps = shown.split("Flows step by step")[1]
    assert "2026-02-28" in steps
    assert "all customers" not in steps
    assert "all customers" in repr(found.series)
    with at.language("zh"):
        assert "存量比 –（" in repr(found)
    daily = ex.customer_flows(log, **{**options, "every": "day", "by": None})
    assert "The last 36 of 89 rows are shown" in repr(daily)


@pytest.mark.parametrize(("every", "first"), [("day", "2025-01-31"), ("week", "2025-02-02"), ("year", "2025-12-31")])
def test_calendar_steps_end_where_they_do(every: str, first: str):
    found = ex.customer_flows(_drawn(), start="2025-01-30", end="2026-02-15", every=every)
    assert found.series.to_dicts()[0]["end"] == first
    assert found.series.to_dicts()[-1]["end"] == "2026-02-15"


def test_the_steps_are_drawn():
    log = _drawn().assign(city="x")
    options = {"start": "2025-03-31", "end": "2025-12-31", "dormant_after": "60d", "churned_after": "99d", "by": "city"}
    series = ex.customer_flows(log, every="month", **options).series
    plot = series.plot()
    steps = [row for row in series.to_dicts() if row["group"] is None]
    filled = sum(row[name] > 0 for row in steps for name in ("new", "woken", "to_dormant", "to_churned"))
    assert len(plot.figure.axes[0].patches) == filled + 4  # and the key
    assert (
        plot.title
        == f"Active customers: {steps[0]['active_start']} on 2025-03-31, {steps[-1]['active_end']} on 2025-12-31"
    )
    assert plot.to_svg() == series.plot().to_svg()
    with at.language("zh"):
        assert "活跃客户" in series.plot().title
    with pytest.raises(at.WakeLiftError, match="cannot be read in one picture"):
        ex.customer_flows(log, every="day", **options).series.plot()


def test_the_counts_of_all_customers_are_attributes():
    log = _drawn()
    found = ex.customer_flows(log, start="2025-03-31", end="2025-12-31", dormant_after="60d", churned_after="99d")
    row = found.to_dicts()[0]
    for name in NAMES[:-2]:
        assert getattr(found, name) == row[name]


def test_a_closed_account_is_lost_and_one_that_acts_again_is_woken():
    log = pd.DataFrame(
        {"person_id": ["a", "b", "b"], "time": pd.to_datetime(["2026-01-05", "2026-01-05", "2026-06-01"], utc=True)}
    )
    people = pd.DataFrame(
        {"person_id": ["a", "b"], "closed_at": pd.to_datetime(["2026-03-01", "2026-01-20"], utc=True)}
    )
    found = ex.customer_flows(log, start="2026-01-31", end="2026-06-30", registered=people)
    assert (found.active_start, found.woken_from_churned, found.to_churned, found.active_end) == (1, 1, 1, 1)


def test_a_broken_balance_is_an_error_of_ours():
    start, end = np.array([0, 3], np.int8), np.array([3, 0], np.int8)
    with pytest.raises(at.WakeLiftError, match="the flows do not balance"):
        flows_of(start, end, np.zeros(2, np.int8))


@pytest.fixture(scope="module")
def cdnow(shared_data: Path) -> pd.DataFrame:
    file = shared_data / "cdnow" / "CDNOW_master.txt"
    log = pd.read_csv(file, sep=r"\s+", skiprows=1, names=["person_id", "day", "number", "value"])
    return log.assign(time=pd.to_datetime(log["day"].astype(str), format="%Y%m%d"))


def test_months_of_the_public_cohort_agree_with_the_loop_exactly(cdnow: pd.DataFrame):
    known = oracle.by_customer(cdnow["person_id"], cdnow["time"])
    columns = at.Columns(precision="day", timezone="America/New_York")
    options = {"dormant_after": "90d", "churned_after": "180d", "columns": columns}
    limits = pd.Timedelta(days=90), pd.Timedelta(days=180)
    found = ex.customer_flows(cdnow, start="1997-03-31", end="1998-06-30", every="quarter", **options)
    ends = [
        pd.Timestamp(day)
        for day in ("1997-03-31", "1997-06-30", "1997-09-30", "1997-12-31", "1998-03-31", "1998-06-30")
    ]
    assert _counts(found) == oracle.flows(known, ends[0], ends[-1], *limits)
    for row, start, end in zip(found.series.to_dicts(), ends[:-1], ends[1:], strict=True):
        assert {name: row[name] for name in NAMES} == oracle.flows(known, start, end, *limits)
    states = ex.customer_states(cdnow, as_of="1997-12-31", **options).table()
    wanted = {person: oracle.state(times, ends[3], *limits) for person, times in known.items()}
    assert dict(zip(states["person_id"], states["state"], strict=True)) == wanted
    assert len(wanted) == 23_570
