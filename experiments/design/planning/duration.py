"""When a planned test can be read: persons arrive, wait out the window, and mature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.durations import parse_duration
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from attribution.core.render.display import Display

__all__ = ["PlannedDuration", "ReadingDay", "plan_duration"]

_LONGEST = 365_000.0  # days: a thousand years, well inside the calendar

_FIELDS = (
    Field("look", "count"),
    Field("information_share", "rate"),
    Field("persons", "count"),
    Field("assigned_on", "date"),
    Field("reading_on", "date"),
    Field("days", "number"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingDay:
    """When a look has its persons.

    Attributes:
        look: Number of the look, from 1.
        information_share: Share of the planned persons that it needs.
        persons: Matured persons that it needs.
        days: Days from the start until they have matured.
        assigned_on: Day on which the last of them is assigned; None without a start.
        reading_on: First day on which the look can be read; None without a start.
    """

    look: int
    information_share: float
    persons: int
    days: float
    assigned_on: date | None
    reading_on: date | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PlannedDuration(TabularResult):
    """The calendar of a planned test.

    Attributes:
        looks: One entry per look; the last is the planned end.
        days: Days from the start to the end.
        window: The conversion window, as declared.
        lag: How late events may be booked, as declared.
    """

    looks: tuple[ReadingDay, ...]
    days: float
    window: str
    lag: str

    def _records(self) -> Records:
        names = [field.name for field in _FIELDS]
        return Records.from_rows(_FIELDS, [{name: getattr(look, name) for name in names} for look in self.looks])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        values = {"days": self.days, "persons": self.looks[-1].persons, "window": self.window, "lag": self.lag}
        return Display(messages.text("DURATION_PLAN.title", values), (records_table(self._records()),))


def plan_duration(  # noqa: PLR0913 - keyword-only options of a public function
    persons: float,
    arrivals: float | Sequence[float],
    *,
    every: str = "1d",
    window: str = "28d",
    lag: str = "0d",
    start: date | None = None,
    looks: int | Sequence[float] = 1,
) -> PlannedDuration:
    """How long a test lasts until its persons have matured.

    A person is mature when the window and the lag are over, as in `build_outcomes`. Persons of one period arrive
    evenly over it.

    Args:
        persons: Persons of all arms together: the total of a sample size.
        arrivals: Persons assigned per period: one number for every period, or one per period in order (the test must
            then be filled within them; a campaign sent to everybody on one day is a single number in a list).
        every: Length of a period.
        window: Conversion window of a person.
        lag: How late events may be booked.
        start: Day of the first assignment, for calendar days.
        looks: Number of equally spaced looks, or the share of the matured persons at each, rising to 1.

    Returns:
        One row per look, with days and dates.

    Raises:
        InputError: Numbers that cannot be used, or arrivals that never make up the persons.

    References:
        None: it is counting.

    Verified against: persons counted one by one.

    Example:
        >>> from datetime import date
        >>> plan = plan_duration(60_000, 5_000, every="7d", window="28d", lag="2d", start=date(2026, 10, 1), looks=2)
        >>> [(look.persons, look.days, str(look.reading_on)) for look in plan.looks]
        [(30000, 72.0, '2026-12-12'), (60000, 114.0, '2027-01-23')]
    """
    if hasattr(arrivals, "tolist"):  # an array, or a column of a data frame
        arrivals = arrivals.tolist()
    problems: list[str] = []
    wanted = checked_number("persons", persons, problems)
    if not problems and wanted < 1.0:
        problems.append(f"persons must be at least 1, got {persons!r}.")
    rates = [checked_number("arrivals", one, problems, positive=True) for one in _each(arrivals)]
    if not rates or not max(rates, default=0.0) > 0.0:
        problems.append(f"arrivals must be persons per period, some above 0, got {arrivals!r}.")
    raise_problems(problems)
    shares = _looks(looks)
    if start is not None and not isinstance(start, date):
        raise InputError(f"start must be a date, got {start!r}.")
    period, wait = _days(every), _days(window) + _days(lag)
    if not period > 0.0:
        raise InputError(f"every must be a duration above 0, got {every!r}.")
    made = []
    for i, share in enumerate(shares):
        need = math.ceil(wanted * share - 1e-9)
        filled = _filled(need, rates, endless=not isinstance(arrivals, Sequence)) * period
        days = filled + wait
        if start is not None and days > _LONGEST:
            raise InputError(
                f"{need:,} persons mature only after {days:,.0f} days, beyond the calendar. Plan more arrivals per "
                "period or fewer persons, or leave start= out."
            )
        made.append(
            ReadingDay(
                look=i + 1,
                information_share=share,
                persons=need,
                days=days,
                assigned_on=None if start is None else start + timedelta(days=max(0, math.ceil(filled - 1e-9) - 1)),
                reading_on=None if start is None else start + timedelta(days=math.ceil(days - 1e-9)),
            )
        )
    return PlannedDuration(looks=tuple(made), days=made[-1].days, window=window, lag=lag)


def _each(arrivals: float | Sequence[float]) -> list[float]:
    return [arrivals] if isinstance(arrivals, str) or not isinstance(arrivals, Sequence) else list(arrivals)


def _looks(looks: int | Sequence[float]) -> tuple[float, ...]:
    from experiments.design.planning.options import PlanOptions

    return PlanOptions(looks=looks).fractions


def _days(duration: str) -> float:
    return parse_duration(duration).total_seconds() / 86_400.0


def _filled(need: float, rates: Sequence[float], *, endless: bool) -> float:
    """Periods until that many persons have been assigned."""
    if endless:
        return need / rates[0]
    come = 0.0
    for i, rate in enumerate(rates):
        if come + rate >= need - 1e-9:
            return i + (need - come) / rate
        come += rate
    raise InputError(
        f"the arrivals sum to {come:g} persons over {len(rates)} periods, and {need:g} are needed. List more periods, "
        "or pass one number for every period."
    )
