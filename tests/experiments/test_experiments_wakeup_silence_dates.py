"""Curve, cut and orders against the definitions read off the calendar, on small random logs and on CDNOW."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from wakeup_logs import CDNOW_FIRST, cdnow

import attribution as at
import experiments as ex
from oracles import silence_dates as oracle

DAYS = [0, 1, 3, 7, 10, 20, 40]


def random_log(seed: int) -> tuple[oracle.Log, date]:
    """Some dates for each of up to 40 persons, ties and acts after the date of the data among them."""
    chance, first = random.Random(seed), date(2025, 1, 1)
    log = {
        f"p{person}": [first + timedelta(days=chance.randrange(120)) for _ in range(chance.choice([1, 1, 2, 3, 8]))]
        for person in range(chance.choice([1, 2, 5, 20, 40]))
    }
    return log, min(day for days in log.values() for day in days) + timedelta(days=chance.randrange(25, 110))


def table(log: oracle.Log) -> pd.DataFrame:
    rows = [(person, pd.Timestamp(day)) for person, days in log.items() for day in days]
    return pd.DataFrame(rows, columns=["person_id", "time"])


@pytest.mark.parametrize("precision", ["instant", "day"])
@pytest.mark.parametrize("seed", range(12))
def test_a_date_as_of_loses_no_day(seed: int, precision: str):
    log, as_of = random_log(seed)
    columns = at.Columns(timezone="Asia/Shanghai", precision=precision)
    horizon = [1, 7, 15][seed % 3]
    found = ex.dormancy_curve(table(log), horizon=f"{horizon}d", as_of=str(as_of), days=DAYS, columns=columns)
    points = [
        (int(row.silent_days), *oracle.returns(log, as_of=as_of, horizon=horizon, silent=int(row.silent_days)))
        for row in found.rows
    ]
    assert [(row.at_risk, row.returned) for row in found.rows] == [point[1:] for point in points]
    for eps, least in ((0.1, 1), (0.3, 3), (0.5, 10)):
        assert found.cut(eps, least, replicates=100).days.value == oracle.cut(points, eps=eps, least=least)
    rows = ex.nth_purchase(
        table(log), silent_after=f"{horizon}d", as_of=str(as_of), up_to=6, replicates=100, columns=columns
    ).rows
    expected = oracle.orders(log, as_of=as_of, silent=horizon, up_to=6)
    assert [(row.reached, row.stopped, row.late, row.customers) for row in rows] == expected


def test_cdnow_by_the_calendar(shared_data: Path):
    rows, as_of = cdnow(shared_data), date(1998, 6, 30)
    rows["date"] = (CDNOW_FIRST + pd.to_timedelta(rows["day"], unit="D")).dt.date
    log = {person: list(days) for person, days in rows.groupby("person")["date"]}
    columns = at.Columns(precision="day", timezone="America/New_York")
    found = ex.dormancy_curve(table(log), horizon="90d", as_of=str(as_of), days=[30, 240, 450], columns=columns)
    expected = [oracle.returns(log, as_of=as_of, horizon=90, silent=silent) for silent in (30, 240, 450)]
    assert [(row.at_risk, row.returned) for row in found.rows] == expected
    orders = ex.nth_purchase(table(log), silent_after="180d", as_of=str(as_of), up_to=10, columns=columns).rows
    expected_orders = oracle.orders(log, as_of=as_of, silent=180, up_to=10)
    assert [(row.reached, row.stopped, row.late, row.customers) for row in orders] == expected_orders
