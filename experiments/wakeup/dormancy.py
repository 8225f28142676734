"""From how many days of silence on is a customer dormant? Returns by length of silence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.durations import MICROSECONDS_PER_DAY, duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from experiments.inference.proportions import share_interval
from experiments.inference.survival import product_limit, window_share
from experiments.wakeup.act_days import acts_in_days
from experiments.wakeup.acts import read_acts, span
from experiments.wakeup.dormancy_cells import place_spells, share_at
from experiments.wakeup.dormancy_result import DormancyCurve, DormancyRow
from experiments.wakeup.dormancy_spells import mark_treated, spells_of, with_registered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from experiments.inference.survival import ProductLimit
    from experiments.wakeup.dormancy_spells import Spells

__all__ = ["dormancy_curve"]

_STEP_DAYS = 30
_MOST_POINTS = 24
_MOST_DAYS = 200


def dormancy_curve(  # noqa: PLR0913 - the log, the clock, and what to leave out
    events: object,
    *,
    horizon: str | timedelta = "180d",
    as_of: str | date | datetime,
    days: Sequence[float] | None = None,
    level: float = 0.95,
    assignment: object = None,
    control: str = "holdout",
    treated: str = "leave_out",
    registered: object = None,
    columns: ColumnsLike = None,
) -> DormancyCurve:
    """Follow silence: of the spells longer than d days, how many end within the horizon after d?

    Estimand: R(d), the share of spells of silence (from an act to the next) longer than d whose next act falls in
    (d, d + horizon], over all spells that began at or before as_of - d - horizon, ended or not. Nobody is chosen by
    what came later, so closed accounts belong in the log. With day precision silence is counted in days of the
    calendar. The interval takes persons as the unit. A second reading by Kaplan-Meier, 1 - S(d + horizon) / S(d), uses
    the recent spells too; where the two intervals do not overlap, silence does not mean today what it meant then
    (NON_STATIONARY).

    Spells of treated persons are no natural returns. With `assignment`, what a treated person did from the assignment
    on is left out, and control persons whose spell was still open then count 1 / (probability of the control) times, so
    that those who were chosen for their silence are not missing. The rate is then not returned / at_risk but
    weighted_returned / weighted_at_risk: both columns are there, and the rows say RATE_WEIGHTED. Kaplan-Meier weights
    whole spells in the same way.

    Args:
        events: The acts: person and time.
        horizon: How far ahead a return counts.
        as_of: Until when the log is complete: a date (its end), an aware datetime, or ISO 8601 text.
        days: Days of silence to look at; every 30 days as far as can be observed, at most 720, when None.
        level: Confidence level.
        assignment: A campaign's assignment: person, arm, assigned_at (and p_assign), one row per person.
        control: Its control arm.
        treated: "leave_out" (control persons then stand for those left out), or "keep" to count treated persons'
            spells as if there had been no campaign.
        registered: Customers with the time of their registration, from which a spell runs to the first act; without
            it customers without any act are unknown.
        columns: The user's names, for the tables "events", "assignment" and "customers".

    Returns:
        The curve, with ``cut(eps)``. Points that cannot be observed yet have no row; a finding names them.

    Raises:
        TableError: For unusable tables.
        InputError: When no point can be observed yet, for days that are no numbers of 0 or more, and as `read_acts`.
        DesignError: NO_HOLDOUT when the assignment has no control arm.

    References:
        Cochran (1977), Sampling Techniques (ratio over persons). Kaplan and Meier (1958), JASA 53:457. Horvitz and
        Thompson (1952), JASA 47:663 (control persons who stand for others).

    Verified against: tests/oracles/dormancy.py (plain pandas) on CDNOW and on random logs; survival::survfit in R for
    the second reading; simulated renewal processes with known R(d). See docs/methods/dormancy-curve.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=3_000, seed=7)
        >>> curve = ex.dormancy_curve(c.conversions, horizon="7d", as_of=c.as_of, days=[0, 3, 7])
        >>> list(curve.table().columns[:6])
        ['silent_days', 'at_risk', 'returned', 'rate', 'low', 'high']
    """
    level = check_level(level)
    ahead = span(horizon, "horizon")
    if treated not in ("leave_out", "keep"):
        raise InputError(f'treated must be "leave_out" or "keep", got {treated!r}.')
    acts = acts_in_days(read_acts(events, as_of=as_of, columns=columns))
    spells, findings = spells_of(acts), [*acts.findings]
    if registered is not None:
        spells, told = with_registered(spells, acts, registered, columns)
        findings += told
    if assignment is not None:
        spells, told = mark_treated(
            spells, acts, assignment, control=control, keep=treated == "keep", columns=columns
        )  # fmt: skip
        findings += told
    settings: dict[str, object] = {
        "horizon": duration_text(parse_duration(horizon)), "as_of": str(as_of), "level": level, "treated": treated,
        "control": None if assignment is None else control, "registered": registered is not None,
        "timezone": columns_for(columns, "events").timezone or "UTC",
    }  # fmt: skip
    longest = (int(np.max(spells.known - spells.start)) - ahead) / MICROSECONDS_PER_DAY
    grid, refused = _grid(days, longest, settings)
    if refused:
        values = {"days": ", ".join(f"{day:g}" for day in refused), "longest": math.floor(longest), **settings}
        findings.append(Finding(code="DAYS_NOT_OBSERVABLE", status="note", values=values))
    placed = np.rint(np.asarray(grid) * MICROSECONDS_PER_DAY).astype(np.int64)
    cells = place_spells(spells, placed, ahead)
    second = _second(spells, placed, ahead, level)
    rows = []
    for i, day in enumerate(grid):
        point = share_at(cells, i, level=level)
        rows.append(DormancyRow(
            silent_days=day, at_risk=point.at_risk, returned=point.returned, weighted_at_risk=point.weighted_at_risk,
            weighted_returned=point.weighted_returned, rate=point.rate, second=second[i],
        ))  # fmt: skip
    findings += _drift(rows)
    n = {"acts": len(acts.time), "persons": spells.persons, "spells": len(spells.start)}
    return DormancyCurve(
        rows=tuple(rows), cells=cells, findings=tuple(findings),
        recipe=Recipe(
            method="dormancy_curve", definitions=("DORMANCY_CURVE",), settings=settings | {"last": grid[-1]}, n=n,
            fingerprint=fingerprint({"person": acts.persons.take(acts.person), "time": acts.time}),
        ),
    )  # fmt: skip


def _grid(days: Sequence[float] | None, longest: float, settings: dict[str, object]) -> tuple[list[float], list[float]]:
    """The points that can be observed, and those that cannot."""
    usual = [float(_STEP_DAYS * i) for i in range(1, _MOST_POINTS + 1)]
    wanted = usual if days is None else _days(days)
    kept = [day for day in wanted if day <= longest]
    if not kept:
        room = f"at most {math.floor(longest)} days of silence" if longest >= 0.0 else "no silence at all"
        raise InputError(
            f"nothing can be observed yet: with horizon={settings['horizon']!r} and as_of={settings['as_of']!r} the "
            f"log can show {room}, but {min(wanted):g} days are asked for. Shorten the horizon, or name shorter days=."
        )
    return kept, [] if days is None else [day for day in wanted if day > longest]


def _days(days: Sequence[float]) -> list[float]:
    hint = "Give days as numbers, for example days=[30, 60, 90]."
    wrong = InputError(f"days must be numbers of days of silence, got {days!r}. {hint}")
    if isinstance(days, str):  # it would be read character by character
        raise wrong
    try:
        found = np.asarray(list(days), dtype=np.float64)
    except (TypeError, ValueError):
        raise wrong from None
    if not len(found) or found.ndim != 1 or not (np.isfinite(found) & (found >= 0.0) & (found < 1e6)).all():
        raise InputError(f"days must be numbers from 0 to below 1,000,000, at least one, got {days!r}. {hint}")
    unique: list[float] = np.unique(found).tolist()
    if len(unique) > _MOST_DAYS:
        raise InputError(f"days may name at most {_MOST_DAYS} points, got {len(unique)}. {hint}")
    return unique


def _second(spells: Spells, grid: NDArray[np.int64], ahead: int, level: float) -> list[Estimate]:
    """The second reading at every point: Kaplan-Meier over all spells longer than the first point."""
    last = np.minimum(spells.end, spells.known)
    kept = last - spells.start > grid[0]
    if spells.whole is not None:
        kept &= spells.whole > 0.0
    chosen = np.flatnonzero(kept)
    if not len(chosen):
        return [_undefined("NOBODY_AT_RISK", level)] * len(grid)
    person, ended = spells.person[chosen], spells.end[chosen] <= spells.known[chosen]
    weights = None if spells.whole is None else spells.whole[chosen]
    curve = product_limit(last[chosen] - spells.start[chosen], ended, weights=weights)
    return [_reading(curve, float(day), float(ahead), person, level) for day in grid]


def _reading(
    curve: ProductLimit, day: float, ahead: float, person: NDArray[np.int64], level: float
) -> Estimate:  # fmt: skip
    share, variance, independent = window_share(curve, day, day + ahead, person)
    if share is None:
        return _undefined("NOBODY_AT_RISK" if day >= curve.time[-1] else "BEYOND_FOLLOW_UP", level)
    low, high = share_interval(min(max(share, 0.0), 1.0), variance, independent, level=level)
    return Estimate(
        value=share, low=low, high=high, level=level, method="kaplan-meier, persons", n=curve.n,
        standard_error=math.sqrt(variance) if variance > 0.0 else None,
    )  # fmt: skip


def _undefined(note: str, level: float) -> Estimate:
    return Estimate(value=None, level=level, method="kaplan-meier, persons", note=note)


def _drift(rows: Sequence[DormancyRow]) -> list[Finding]:
    """NON_STATIONARY where the two intervals do not overlap."""
    apart = [
        row for row in rows
        if row.rate.low is not None and row.rate.high is not None and row.second.low is not None
        and row.second.high is not None and (row.rate.low > row.second.high or row.rate.high < row.second.low)
    ]  # fmt: skip
    if not apart:
        return []
    worst = max(apart, key=lambda row: abs((row.rate.value or 0.0) - (row.second.value or 0.0)))
    values = {
        "days": ", ".join(f"{row.silent_days:g}" for row in apart), "day": worst.silent_days,
        "rate": worst.rate.value, "second": worst.second.value,
    }  # fmt: skip
    return [Finding(code="NON_STATIONARY", status="warn", values=values)]
