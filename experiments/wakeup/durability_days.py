"""Woken by a day, and active again at a day: persons of common follow-up, arm by arm, inside the strata."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY
from experiments.design.pull_forward import known_steps, late_reading, rise, withheld_reading, withheld_rows
from experiments.design.pull_forward_curve import curves
from experiments.inference.rates import compare_stratified_rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.design.pull_forward_curve import Counted

__all__ = ["MEASURES", "Days", "Measure", "followed", "read_days"]

Measure = Literal["woken", "active"]
MEASURES: tuple[Measure, ...] = ("woken", "active")
_FEWEST = 2
_FIGURES = ("value", "value_control", "difference", "low", "high", "p_value")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Days:
    """Rows of the days and of the change between the first and the last, and the persons in no common stratum.

    Attributes:
        rows: One per measure, arm and day.
        changes: One per measure and arm.
        left: Persons in strata that take no part.
        known: How many of the days the conversions reach.
    """

    rows: list[dict[str, object]]
    changes: list[dict[str, object]]
    left: int
    known: int


def followed(counted: Counted, until: int, horizon: int) -> Counted:
    """The persons whose horizon is over by `until`, with their events."""
    kept = counted.start + horizon <= until
    number = np.cumsum(kept) - 1
    inside = kept[counted.person]
    return replace(
        counted, arm=counted.arm[kept], stratum=counted.stratum[kept], start=counted.start[kept],
        person=number[counted.person[inside]], step=counted.step[inside], amount=counted.amount[inside],
    )  # fmt: skip


def read_days(counted: Counted, days: Sequence[int], activity: int, *, control: str, level: float) -> Days:
    """Compare every arm with the control at every day, and the last day with the first.

    Args:
        counted: Persons of common follow-up; their events by microseconds since the assignment.
        days: Days since the assignment, ascending.
        activity: Length of the window before a day in which an active person converts, microseconds.
        control: The control arm, as text.
        level: Confidence level.
    """
    rows: list[dict[str, object]] = []
    changes: list[dict[str, object]] = []
    left, known = 0, known_steps(counted, [day * MICROSECONDS_PER_DAY for day in days])
    for measure in MEASURES:
        found = _woken(counted, days) if measure == "woken" else _active(counted, days, activity)
        raw = cast("str", next((name for name in counted.arms if str(name) == control), control))  # may be a number
        by_arm, left = curves(found, control=raw)
        hits, n = _counts(found)
        codes = {name: code for code, name in enumerate(counted.arms)}
        used = np.flatnonzero((n[:, [codes[name] for name in by_arm]] >= _FEWEST).all(axis=1))
        weights = n[used].sum(axis=1)
        for arm in sorted((name for name in by_arm if name != raw), key=str):
            names = {"measure": measure, "arm": str(arm), "control": control}
            pair = (codes[arm], codes[raw])
            own = [
                names | _row(day, (hits[used, :, place], n[used], weights), pair, level)
                for place, day in enumerate(days)
            ]
            rows += withheld_rows(own, known, _FIGURES)
            late = late_reading(rise(by_arm[arm], by_arm[raw]), 0, level)
            changes.append(
                names | _change(late if known == len(days) else withheld_reading(late, early=known > 0), days)
            )
    return Days(rows=rows, changes=changes, left=left, known=known)


def _woken(counted: Counted, days: Sequence[int]) -> Counted:
    """The first event of each person, in the step of the first day that lies after it."""
    order = np.lexsort((counted.step, counted.person))
    person, since = counted.person[order], counted.step[order]
    first = np.ones(len(person), bool)
    first[1:] = person[1:] != person[:-1]
    ends = np.array(days, np.int64) * MICROSECONDS_PER_DAY
    step = np.searchsorted(ends, since[first], side="right").astype(np.int64)
    known = step < len(days)
    person = person[first][known]
    return replace(counted, person=person, step=step[known], amount=np.ones(len(person)), steps=len(days))


def _active(counted: Counted, days: Sequence[int], activity: int) -> Counted:
    """Persons with an event in the window before each day; what a step adds to the curve is the change of that."""
    people: list[NDArray[np.int64]] = []
    steps: list[NDArray[np.int64]] = []
    amounts: list[NDArray[np.float64]] = []
    for place, day in enumerate(days):
        end = day * MICROSECONDS_PER_DAY
        inside = (counted.step >= end - activity) & (counted.step < end)
        there = np.flatnonzero(np.bincount(counted.person[inside], minlength=len(counted.arm)))
        for at, sign in ((place, 1.0), (place + 1, -1.0)):
            if at < len(days):
                people.append(there)
                steps.append(np.full(len(there), at, np.int64))
                amounts.append(np.full(len(there), sign))
    return replace(
        counted, person=np.concatenate(people), step=np.concatenate(steps), amount=np.concatenate(amounts),
        steps=len(days),
    )  # fmt: skip


def _counts(counted: Counted) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Persons with the event by stratum, arm and day, and persons by stratum and arm."""
    wide = len(counted.arms)
    cell = counted.stratum * wide + counted.arm
    cells = (int(counted.stratum.max()) + 1) * wide
    n = np.bincount(cell, minlength=cells).reshape(-1, wide)
    place = cell[counted.person] * counted.steps + counted.step
    hits = np.bincount(place, weights=counted.amount, minlength=cells * counted.steps)
    return np.cumsum(hits.reshape(-1, wide, counted.steps), axis=2), n


def _row(
    day: int,
    table: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]],
    pair: tuple[int, int],
    level: float,
) -> dict[str, object]:
    """One day by the score interval of the stratified difference, as the readout reads a rate."""
    hits, n, weights = table
    found = compare_stratified_rates(
        hits[:, pair[0]], n[:, pair[0]], hits[:, pair[1]], n[:, pair[1]], weights=weights, level=level
    )
    difference = found.difference
    return {
        "day": day, "n": int(n[:, pair[0]].sum()), "n_control": int(n[:, pair[1]].sum()), "value": found.treatment,
        "value_control": found.control, "difference": difference.value, "low": difference.low,
        "high": difference.high, "p_value": difference.p_value, "note": difference.note,
    }  # fmt: skip


def _change(late: dict[str, object], days: Sequence[int]) -> dict[str, object]:
    return {
        "first_day": days[0], "last_day": days[-1], "early": late["early"], "late_change": late["late_change"],
        "late_change_low": late["late_change_low"], "late_change_high": late["late_change_high"],
        "p_value": late["p_value"], "reading": late["reading"], "note": late["note"],
    }  # fmt: skip
