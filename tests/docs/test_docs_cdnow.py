"""The numbers of CDNOW on the methods pages are recomputed where the data are there.

A table under the comment ``<!-- cdnow: NAME -->`` holds the cells of `TABLES[NAME]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import attribution as at
import experiments as ex

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARK = re.compile(r"^<!-- cdnow: (?P<name>\w+) -->\n+(?P<table>(?:\|.*\n)+)", re.MULTILINE)
AS_OF = "1998-06-30"
DAYS = at.Columns(precision="day")


@cache
def purchases(folder: Path) -> pd.DataFrame:
    names = ["person_id", "date", "discs", "value"]
    rows = pd.read_csv(folder / "cdnow" / "CDNOW_master.txt", sep=r"\s+", skiprows=1, names=names)
    return rows.assign(time=pd.to_datetime(rows["date"].astype(str), utc=True))


def percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


@cache
def curve(folder: Path, horizon: str) -> ex.DormancyCurve:
    return ex.dormancy_curve(purchases(folder), horizon=horizon, as_of=AS_OF, columns=DAYS)


@cache
def orders(folder: Path, silent: str) -> ex.NthPurchase:
    return ex.nth_purchase(purchases(folder), silent_after=silent, as_of=AS_OF, value="value", columns=DAYS)


def dormancy(folder: Path) -> list[list[str]]:
    return [
        [
            f"{row.silent_days:.0f}", f"{row.at_risk:,}", f"{row.returned:,}",
            percent(row.rate.value, row.rate.low, row.rate.high),
            percent(row.second.value, row.second.low, row.second.high),
        ]
        for row in curve(folder, "90d").rows
        if row.silent_days % 60 == 0
    ]  # fmt: skip


def cuts(folder: Path) -> list[list[str]]:
    rows = []
    for horizon, eps in (("90d", 0.15), ("90d", 0.1), ("90d", 0.05), ("180d", 0.15), ("180d", 0.1), ("180d", 0.05)):
        days = curve(folder, horizon).cut(eps).days
        shown = "not reached" if days.value is None else f"{days.value:.0f}"
        rows.append([horizon, f"{100 * eps:.0f} %", shown, f"{days.low:.0f} to {days.high:.0f}".replace("inf", "∞")])
    return rows


def stops(folder: Path) -> list[list[str]]:
    found = orders(folder, "180d")
    rows = found.to_dicts()[:10]
    return [
        [
            str(row["nth"]), f"{row['reached']:,}", f"{row['stopped']:,}",
            percent(row["hazard"], row["low"], row["high"]), f"{row['late']:,}", f"{100 * row['cumulative']:.1f} %",
            f"{100 * row['value_cumulative']:.1f} %",
        ]
        for row in rows
    ]  # fmt: skip


def steps(folder: Path) -> list[list[str]]:
    rows = []
    for silent in ("60d", "90d", "180d"):
        step = orders(folder, silent).step
        rows.append([
            silent, f"{step.nth.value:.0f}", f"{step.nth.low:.0f} to {step.nth.high:.0f}", f"{100 * step.before:.1f} %",
            f"{100 * step.after:.1f} %",
        ])  # fmt: skip
    return rows


def waits(folder: Path) -> list[list[str]]:
    rows = []
    for n in (1, 2, 3, 5, 10):
        found = ex.time_to_next(purchases(folder), n=n, as_of=AS_OF, quantiles=[0.25, 0.5], columns=DAYS)
        quarter, half = (found.quantile(share) for share in (0.25, 0.5))
        shown = [
            f"{'–' if one.value is None else format(one.value, '.0f')} ({one.low:.0f} to {one.high:.0f})".replace(
                "inf", "∞"
            )
            for one in (quarter, half)
        ]
        rows.append([str(n), f"{found.curves[''].n:,}", *shown])
    return rows


TABLES: dict[str, Callable[[Path], list[list[str]]]] = {
    "dormancy": dormancy, "cuts": cuts, "stops": stops, "steps": steps, "waits": waits,
}  # fmt: skip


def tables() -> list[tuple[str, str]]:
    pages = [page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))]
    return [(found["name"], found["table"]) for page in pages for found in MARK.finditer(page)]


def test_every_table_of_cdnow_is_on_a_page():
    assert {name for name, _ in tables()} == set(TABLES)


@pytest.mark.parametrize(("name", "table"), tables(), ids=lambda value: value if value in TABLES else "")
def test_a_table_of_cdnow_holds_the_numbers_of_the_data(name: str, table: str, shared_data: Path):
    shown = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.splitlines()[2:]]
    assert shown == TABLES[name](shared_data)


def test_the_two_readings_of_cdnow_differ_at_half_a_year_and_not_at_three_months(shared_data: Path):
    told = {horizon: [one.code for one in curve(shared_data, horizon).findings] for horizon in ("90d", "180d")}
    assert "NON_STATIONARY" in told["180d"]
    assert "NON_STATIONARY" not in told["90d"]
