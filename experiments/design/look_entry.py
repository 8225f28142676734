"""One look at one arm: what was measured, what the bound was, what follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from attribution.core.estimates import Side

__all__ = ["ArmLook", "ArmReading", "as_day", "decision_at", "ends_at", "pair_of"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArmReading:
    """What was measured of one arm against the control.

    Attributes:
        difference: The estimate, arm minus control; None when undefined.
        standard_error: Its standard error; None when undefined.
        z: The statistic that is held against the bound; None when undefined.
        low: Lower end of the interval that belongs to the bound.
        high: Upper end of that interval.
    """

    difference: float | None
    standard_error: float | None
    z: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArmLook:
    """One look at one arm.

    Attributes:
        day: Day of the look.
        number: Number among the looks that count, from 1; None for a look that does not.
        arm: The arm.
        n: Matured persons of the arm.
        n_control: Matured persons of the control.
        matured: Matured persons of all arms.
        events: Events (rates) or non-zero values (means) in the arm.
        events_control: The same in the control.
        reading: What was measured.
        bound: The bound of z at this look; None for a look that does not count.
        p_value: Smallest error, over all arms and looks, at which this look would have decided.
        decision: ``"higher"``, ``"lower"``, ``"continue"``, ``"not shown"`` (at the final look) or ``"unknown"``.
        final: Whether this was the last look of all.
        note: Reason code; empty when there is nothing to say.
    """

    day: date
    number: int | None
    arm: str
    n: int
    n_control: int
    matured: int
    events: int
    events_control: int
    reading: ArmReading
    bound: float | None
    p_value: float | None
    decision: str
    final: bool
    note: str = ""


def as_day(day: object) -> date:
    """A day from a date, a time, or text such as "2026-10-05".

    Raises:
        InputError: For anything else.
    """
    if isinstance(day, datetime):
        return day.date()
    if isinstance(day, date):
        return day
    if isinstance(day, str):
        try:
            return datetime.fromisoformat(day).date()
        except ValueError:
            pass
    raise InputError(f'the day of a look must be a date or text such as "2026-10-05", got {day!r}.')


def pair_of(arm: str, given: object) -> tuple[float, float]:
    """The estimate and the standard error that a caller gave for an arm."""
    values = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(values) != 2:
        raise InputError(f"readings[{arm!r}] must be the pair (estimate, standard error), got {given!r}.")
    problems: list[str] = []
    difference = checked_number(f"the estimate of arm {arm!r}", values[0], problems)
    error = checked_number(f"the standard error of arm {arm!r}", values[1], problems, positive=True)
    if error == 0.0:
        problems.append(f"the standard error of arm {arm!r} must be above 0, got 0.")
    raise_problems(problems)
    return difference, error


def ends_at(difference: float, error: float, bound: float | None, side: Side) -> tuple[float | None, float | None]:
    """The interval of a look: every effect that its bound does not reject."""
    if bound is None:
        return None, None
    low = -math.inf if side == "less" else difference - bound * error
    return low, math.inf if side == "greater" else difference + bound * error


def decision_at(z: float | None, bound: float | None, side: Side, *, final: bool) -> str:
    """What a look says about an arm in one word."""
    if bound is None or z is None:
        return "unknown"
    if side != "less" and z >= bound:
        return "higher"
    if side != "greater" and -z >= bound:
        return "lower"
    return "not shown" if final else "continue"
