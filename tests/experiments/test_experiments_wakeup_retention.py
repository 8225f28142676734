"""Retention: every kind against a loop over customers, calendar periods, registration, follow-up, a public cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from oracles import retention as oracle

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000_000
AS_OF = pd.Timestamp("2026-07-01", tz="UTC")
DAYS = pd.Timedelta(days=1)


def _drawn(seed: int = 8, rows: int = 1500, persons: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    moments = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(draw.integers(0, 181 * DAY, rows), unit="us")
    return pd.DataFrame({"person_id": draw.integers(0, persons, rows), "time": moments})


def _cells(found: ex.Retention) -> dict[tuple[object, int], tuple[int, int]]:
    return {(row["cohort"], row["period"]): (row["size"], row["retained"]) for row in found.to_dicts()}


def _by_first(log: pd.DataFrame) -> tuple[dict[object, object], dict[object, list[object]]]:
    known = {person: sorted(rows["time"]) for person, rows in log.groupby("person_id")}
    return {one: times[0] for one, times in known.items()}, {one: times[1:] for one, times in known.items()}


def _by_20(begin: pd.Timestamp, k: int) -> pd.Timestamp:
    return begin + k * 20 * DAYS


@pytest.mark.parametrize("kind", ["period", "cumulative", "rolling"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_every_kind_agrees_with_a_loop_over_customers(kind: str, zone: str):
    log = _drawn()
    begins, acts = _by_first(log)
    cohorts = {one: f"{begin.tz_convert(zone):%Y-%m}" for one, begin in begins.items()}
    wanted = oracle.triangle(begins, acts, cohorts, _by_20, periods=5, as_of=AS_OF, kind=kind)
    columns = at.Columns(timezone=zone)
    options = {"as_of": AS_OF.to_pydatetime(), "period": "20d", "periods": 5, "kind": kind, "columns": columns}
    found = ex.retention(log, **options)
    assert _cells(found) == wanted
    assert len(wanted) > 8
    assert repr(ex.retention(log.iloc[::-1], **options)) == repr(found)


@pytest.mark.parametrize("name", ["day", "week", "month", "quarter"])
@pytest.mark.parametrize("kind", ["period", "rolling"])
def test_calendar_periods_agree_with_a_loop_across_changes_of_clocks(name: str, kind: str):
    zone = "America/New_York"
    draw = np.random.default_rng(6)
    seconds = draw.integers(0, 400 * 86_400, 900)
    moments = pd.Timestamp("2025-01-20", tz="UTC") + pd.to_timedelta(seconds, unit="s")
    log = pd.DataFrame({"person_id": draw.integers(0, 250, 900), "time": moments})
    step = {"day": {"days": 1}, "week": {"days": 7}, "month": {"months": 1}, "quarter": {"months": 3}}[name]
    begins, acts = _by_first(log)

    def period(begin: pd.Timestamp, k: int) -> pd.Timestamp:
        day = begin.tz_convert(zone).tz_localize(None).normalize()
        return (day + pd.DateOffset(**{unit: size * k for unit, size in step.items()})).tz_localize(zone)

    cohorts = {one: f"{begin.tz_convert(zone):%Y-%m}" for one, begin in begins.items()}
    as_of = pd.Timestamp("2026-03-10 15:00", tz=zone)  # within a day, which is then not over
    options = {"as_of": as_of.to_pydatetime(), "period": name, "kind": kind, "columns": at.Columns(timezone=zone)}
    wanted = oracle.triangle(begins, acts, cohorts, period, periods=4, as_of=as_of, kind=kind)
    assert _cells(ex.retention(log, periods=4, **options)) == wanted
    assert wanted


def test_rolling_never_rises_and_is_at_least_the_period_and_cumulative_never_falls():
    found = {
        kind: _cells(ex.retention(_drawn(), as_of=AS_OF.to_pydatetime(), period="20d", kind=kind))
        for kind in ("period", "rolling", "cumulative")
    }
    for (cohort, k), (_, retained) in found["rolling"].items():
        assert retained >= found["period"][cohort, k][1]
        assert k == 0 or retained <= found["rolling"][cohort, k - 1][1]
    for (cohort, k), (_, retained) in found["cumulative"].items():
        assert retained >= found["period"][cohort, k][1]
        assert k == 0 or retained >= found["cumulative"][cohort, k - 1][1]


def test_a_cohort_shows_a_period_only_when_it_is_over_for_its_last_member():
    log = pd.DataFrame({"person_id": ["a", "b"], "time": pd.to_datetime(["2026-01-01", "2026-01-31"], utc=True)})
    last = pd.Timestamp("2026-01-31", tz="UTC")
    exact = (last + 60 * DAYS).to_pydatetime()
    assert sorted(_cells(ex.retention(log, as_of=exact))) == [("2026-01", 0), ("2026-01", 1)]
    just_before = (last + 60 * DAYS - pd.Timedelta(microseconds=1)).to_pydatetime()
    found = ex.retention(log, as_of=just_before)
    assert sorted(_cells(found)) == [("2026-01", 0)]
    assert [one.code for one in found.findings] == ["COHORTS_TOO_YOUNG"]
    with pytest.raises(at.WakeLiftError, match="NONE_MATURE: no cohort has been followed for all periods"):
        ex.retention(log, as_of=just_before, kind="rolling", periods=2)
    with pytest.raises(at.WakeLiftError, match="NONE_MATURE: no cohort has been followed for one period"):
        ex.retention(log, as_of="2026-02-05")


def test_periods_are_half_open_and_the_first_act_is_no_return_but_its_twin_is():
    first = pd.Timestamp("2026-01-05 10:00", tz="UTC")
    micro = pd.Timedelta(microseconds=1)
    times = [first, first + 30 * DAYS - micro, first, first + 30 * DAYS, first, first, first]
    log = pd.DataFrame({"person_id": ["in0", "in0", "in1", "in1", "none", "twin", "twin"], "time": times})
    found = _cells(ex.retention(log, as_of="2026-06-30", periods=2))
    assert found == {("2026-01", 0): (4, 2), ("2026-01", 1): (4, 1)}


def test_the_next_day_is_a_calendar_day_of_the_declared_zone():
    times = ["2026-01-05 23:50+08:00", "2026-01-06 00:05+08:00", "2026-01-05 00:10+08:00", "2026-01-06 23:55+08:00"]
    log = pd.DataFrame({"person_id": ["a", "a", "b", "b"], "time": pd.to_datetime(times, utc=True)})
    options = {"as_of": "2026-02-01", "period": "day", "periods": 3, "cohort": "all"}
    local = ex.retention(log, columns=at.Columns(timezone="Asia/Shanghai"), **options)
    assert [row["retained"] for row in local.to_dicts()] == [0, 2, 0]
    utc = ex.retention(log, **options)
    assert [row["retained"] for row in utc.to_dicts()] == [1, 0, 1]


def test_weeks_and_months_follow_the_calendar():
    times = ["2026-01-31", "2026-02-27", "2026-02-28", "2026-03-30", "2026-03-31"]
    log = pd.DataFrame({"person_id": ["a"] * 5, "time": pd.to_datetime(times, utc=True) + pd.Timedelta(hours=1)})
    options = {"as_of": "2026-12-31", "cohort": "all"}
    # A month after 31 January is 28 February, two months after it 31 March.
    assert [row["retained"] for row in ex.retention(log[:2], period="month", periods=2, **options).to_dicts()] == [1, 0]
    assert [row["retained"] for row in ex.retention(log[::2], period="month", periods=3, **options).to_dicts()] == [
        0,
        1,
        1,
    ]
    assert [row["retained"] for row in ex.retention(log[::3], period="month", periods=3, **options).to_dicts()] == [
        0,
        1,
        0,
    ]
    assert [row["retained"] for row in ex.retention(log, period="quarter", periods=2, **options).to_dicts()] == [1, 0]
    week = log[:1].assign(time=log["time"][0] + 7 * DAYS)
    both = pd.concat([log[:1], week])
    assert [row["retained"] for row in ex.retention(both, period="week", periods=3, **options).to_dicts()] == [0, 1, 0]


@pytest.mark.parametrize(
    ("cohort", "name"),
    [("day", "2026-01-31"), ("week", "2026-W05"), ("month", "2026-01"), ("quarter", "2026-Q1"), ("year", "2026"),
     ("all", "all")],
)  # fmt: skip
def test_cohorts_of_the_calendar_have_their_names(cohort: str, name: str):
    log = pd.DataFrame({"person_id": ["a"], "time": pd.to_datetime(["2026-01-31"], utc=True)})
    assert ex.retention(log, as_of="2027-01-01", cohort=cohort).to_dicts()[0]["cohort"] == name


def _registered() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, at.Columns]]:
    people = pd.DataFrame(
        {
            "person_id": ["a", "b", "c", "later"],
            "opened": pd.to_datetime(["2026-01-01", "2026-01-03", "2026-01-05", "2027-01-01"], utc=True),
            "source": ["web", "web", "branch", "web"],
        }
    )
    times = ["2026-01-10", "2025-12-01", "2026-02-20", "2026-01-02"]
    log = pd.DataFrame({"person_id": ["a", "b", "b", "stranger"], "time": pd.to_datetime(times, utc=True)})
    return people, log, {"customers": at.Columns(time="opened")}


def test_the_retention_ratio_of_newly_registered_customers():
    people, log, columns = _registered()
    found = ex.retention(log, as_of="2026-06-30", registered=people, columns=columns, periods=2)
    # Three registered in January; one interacted in its first period, one in its second, one never.
    assert _cells(found) == {("2026-01", 0): (3, 1), ("2026-01", 1): (3, 1)}
    told = {one.code: one.values for one in found.findings}
    assert told["RETENTION_UNREGISTERED"]["persons"] == 1
    assert told["ACTS_BEFORE_COHORT"]["acts"] == 1
    assert told["REGISTERED_LATER"]["later"] == 1
    by_source = ex.retention(log, as_of="2026-06-30", registered=people, columns=columns, periods=1, cohort="source")
    assert _cells(by_source) == {("branch", 0): (1, 0), ("web", 0): (2, 1)}


def test_acts_of_the_day_of_the_registration_are_no_earlier_ones_where_days_are_counted():
    people = pd.DataFrame({"person_id": ["a"], "opened": pd.to_datetime(["2026-01-05T13:00:00Z"])})
    log = pd.DataFrame({"person_id": ["a"], "time": pd.to_datetime(["2026-01-05T09:00:00Z"])})
    options = {"as_of": "2026-06-30", "registered": people, "columns": {"customers": at.Columns(time="opened")}}
    found = ex.retention(log, period="day", periods=1, **options)
    assert (_cells(found), found.findings) == ({("2026-01", 0): (1, 1)}, ())
    exact = ex.retention(log, period="24h", periods=1, **options)
    assert _cells(exact) == {("2026-01", 0): (1, 0)}
    assert [one.code for one in exact.findings] == ["ACTS_BEFORE_COHORT"]


def test_a_cohort_out_of_the_log_and_customers_without_an_act():
    people, log, columns = _registered()
    log = log.assign(city=["x", "y", "y", "z"])
    assert _cells(ex.retention(log, as_of="2026-06-30", cohort="city", periods=1)) == {
        ("x", 0): (1, 0), ("y", 0): (1, 0), ("z", 0): (1, 0),
    }  # fmt: skip
    found = ex.retention(log, as_of="2026-06-30", cohort="city", periods=1, registered=people, columns=columns)
    assert _cells(found) == {("x", 0): (1, 1), ("y", 0): (1, 0), ("", 0): (1, 0)}


def test_numbers_as_cohorts():
    people, log, columns = _registered()
    log = log.assign(tier=[1, 2, 2, 3])
    assert set(_cells(ex.retention(log, as_of="2026-06-30", cohort="tier", periods=1))) == {(1, 0), (2, 0), (3, 0)}
    found = ex.retention(log, as_of="2026-06-30", cohort="tier", periods=1, registered=people, columns=columns)
    assert found.table()["cohort"].tolist() == ["1", "2", ""]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kind": "unbounded"}, "kind must be one of period, cumulative, rolling"),
        ({"periods": 0}, "periods must be a whole number from 1 to 1,000"),
        ({"periods": True}, "periods must be a whole number"),
        ({"period": 30}, "period must be a duration or one of day, week, month, quarter, year"),
        ({"cohort": "mnth"}, "is neither a calendar step nor a column. Did you mean 'month'"),
        ({"cohort": 3}, "cohort must be one of"),
        ({"level": 95}, "For 95 % write level=0.95"),
        ({"period": "36h", "columns": at.Columns(precision="day")}, "a period must be whole days"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, object], told: str):
    with pytest.raises(at.WakeLiftError, match=told):
        ex.retention(_drawn(), **{"as_of": "2026-06-30", **options})


def test_everybody_registered_after_the_data_is_an_error():
    people, log, columns = _registered()
    with pytest.raises(at.WakeLiftError, match="no registered customer was registered before as_of"):
        ex.retention(log, as_of="2025-12-31", registered=people, columns=columns)


def test_the_table_is_that_of_the_contract_with_wilson_intervals_and_the_triangle_is_its_display():
    found = ex.retention(_drawn(), as_of="2026-06-30", period="20d", periods=3)
    table = found.table()
    assert list(table.columns) == ["cohort", "period", "size", "retained", "rate", "low", "high"]
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(table["retained"], table["size"], method="wilson")
    assert np.allclose(table["low"], low, rtol=1e-12)
    assert np.allclose(table["high"], high, rtol=1e-12)
    triangle = found.triangle().to_pandas()
    assert triangle["period_1"].iloc[0] == table["rate"].iloc[1]
    with at.language("zh"):
        assert "分批留存率，周期：20 天" in repr(found)


def test_many_cohorts_are_shown_by_their_last_ones_and_the_table_has_all():
    first = pd.date_range("2022-01-15", periods=48, freq="MS", tz="UTC")
    log = pd.DataFrame({"person_id": range(48), "time": first})
    found = ex.retention(log, as_of="2026-06-30", periods=2)
    assert len(found.triangle()) == 48
    shown = repr(found)
    assert "2024-01" not in shown
    assert shown.count("\n2024-") + shown.count("\n2025-") + shown.count("\n2026-") == 24
    assert "The last 24 of 48 rows are shown" in shown
    with at.language("zh"):
        assert "共 48 行，此处只显示最后 24 行" in repr(found)


@pytest.mark.parametrize(
    ("options", "english", "chinese"),
    [
        ({"period": "month"}, "Retention by cohort, periods of a month", "周期：一个月"),
        ({"kind": "rolling"}, "It falls towards that end by itself", "分批滚动留存率，周期：30 天"),
        ({"kind": "cumulative", "cohort": "all"}, "All customers are one cohort.", "\n全部 "),
        ({"cohort": "week", "level": 0.8}, "Wilson's, 80%", "自然周分批，周一为首日"),
        ({"cohort": "person_id"}, "Cohorts: the column person_id.", "按列 person_id 分批"),
    ],
)
def test_a_display_says_in_words_what_was_counted(options: dict[str, object], english: str, chinese: str):
    found = ex.retention(_drawn(persons=3), **{"as_of": "2026-12-31", "periods": 2, **options})
    assert english in repr(found)
    with at.language("zh"):
        assert chinese in repr(found)
        assert "month" not in repr(found)


def test_notes_hold_for_one_as_for_many():
    log = pd.DataFrame(
        {"person_id": ["a", "a", "b"], "time": pd.to_datetime(["2026-01-05", "2026-07-02", "2026-05-20"], utc=True)}
    )
    shown = repr(ex.retention(log, as_of="2026-06-30", periods=2))
    assert "Acts after the date of the data (2026-06-30): 1 of 3; they are set aside." in shown
    assert "Cohorts not followed for all 2 periods: 1 of 2." in shown
    assert "1 cohorts" not in shown
    assert "1 acts" not in shown


def test_the_triangle_is_drawn():
    found = ex.retention(_drawn(), as_of="2026-06-30", period="20d", periods=3)
    plot = found.plot()
    assert plot.to_svg().count("<path") > 10
    assert plot.table()["cohort"].tolist() == found.triangle().column("cohort")
    many = ex.retention(_drawn(), as_of="2026-06-30", period="1d", periods=40)
    with pytest.raises(at.WakeLiftError, match="cannot be read in one picture"):
        many.plot()


def test_the_public_cohort_agrees_with_the_loop_exactly(shared_data: Path):
    file = shared_data / "cdnow" / "CDNOW_master.txt"
    log = pd.read_csv(file, sep=r"\s+", skiprows=1, names=["person_id", "day", "number", "value"])
    log = log.assign(time=pd.to_datetime(log["day"].astype(str), format="%Y%m%d"))
    columns = at.Columns(precision="day", timezone="America/New_York")
    options = {"as_of": "1998-06-30", "periods": 16, "columns": columns}
    day = log["time"].to_numpy().astype("datetime64[D]").astype(int)
    begins, acts = _by_first(log.assign(time=day))
    cohorts = {one: str(np.datetime64(begin, "D"))[:7] for one, begin in begins.items()}
    end = int(np.datetime64("1998-07-01").astype(int))
    for kind in ("period", "rolling"):
        found = ex.retention(log, period="30d", kind=kind, **options)
        wanted = oracle.triangle(begins, acts, cohorts, _by_30, periods=16, as_of=end, kind=kind)
        assert _cells(found) == wanted
    some = log[log["person_id"] % 40 == 0]
    begins, acts = _by_first(some)
    cohorts = {one: f"{begin:%Y-%m}" for one, begin in begins.items()}
    found = ex.retention(some, period="month", **options)
    wanted = oracle.triangle(
        begins, acts, cohorts, _by_month, periods=16, as_of=pd.Timestamp("1998-07-01"), kind="period"
    )
    assert _cells(found) == wanted


def _by_30(begin: int, k: int) -> int:
    return begin + 30 * k


def _by_month(begin: pd.Timestamp, k: int) -> pd.Timestamp:
    return begin + pd.DateOffset(months=k)
