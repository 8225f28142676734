"""Moments at which customers have a state, and the ends of calendar months, weeks and years between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from attribution.core.errors import InputError
from experiments.outcomes.instant import as_of_microseconds
from experiments.wakeup.acts import span

if TYPE_CHECKING:
    from attribution.core.columns import Columns

__all__ = ["DAY", "EVERY", "Moment", "check_order", "instant_of", "is_date", "moment_of", "moments_between", "zone_of"]

DAY = 86_400_000_000
EVERY = ("day", "week", "month", "quarter", "year")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 4_000
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment at which customers have a state.

    Attributes:
        cut: Acts before it are known, microseconds since 1970 UTC.
        at: Where ages of silence are counted from, microseconds since 1970 UTC.
        label: How the caller named it, or the last day before it.
    """

    cut: int
    at: int
    label: str


def instant_of(microseconds: int) -> datetime:
    """The aware instant of microseconds since 1970 (UTC)."""
    return _EPOCH + timedelta(microseconds=microseconds)


def moment_of(value: object, roles: Columns) -> Moment:
    """The moment that a date or an instant stands for.

    A date is its end: acts on that day are known, and with instants silence is counted from the midnight after it. With
    day precision silence is counted in days, from the beginning of that day to the beginning of the day of the act. An
    instant includes an act at that very instant.
    """
    end = as_of_microseconds(value, roles.timezone)
    whole_day = is_date(value)
    if roles.precision == "day":
        zone = zone_of(roles)
        local = instant_of(end - 1 if whole_day else end).astimezone(zone).date()
        return _day_end(local, zone, day_precision=True)
    return Moment(cut=end if whole_day else end + 1, at=end, label=str(value).strip())


def zone_of(roles: Columns) -> ZoneInfo:
    """The time zone of calendar days."""
    return ZoneInfo(roles.timezone or "UTC")


def is_date(value: object) -> bool:
    """Whether a value names a day, and not an instant."""
    if isinstance(value, np.datetime64):
        return bool(value.dtype == np.dtype("datetime64[D]"))
    if isinstance(value, str):
        return len(value.strip()) == 10
    return isinstance(value, date) and not isinstance(value, datetime)


def _day_end(day: date, zone: ZoneInfo, *, day_precision: bool) -> Moment:
    """The end of a calendar day."""
    begin, end = (_midnight(place, zone) for place in (day, day + timedelta(days=1)))
    return Moment(cut=end, at=begin if day_precision else end, label=day.isoformat())


def _midnight(day: date, zone: ZoneInfo) -> int:
    found = datetime(day.year, day.month, day.day, tzinfo=zone) - _EPOCH
    return found // timedelta(microseconds=1)


def moments_between(start: Moment, end: Moment, every: str, roles: Columns) -> tuple[Moment, ...]:
    """The start, the ends of whole steps strictly between, and the end.

    Args:
        start: The first moment.
        end: The last moment.
        every: A calendar step, or a duration counted from the start.
        roles: Time zone and precision.

    Raises:
        InputError: For an unknown step, or more than 4,000 of them.
    """
    zone = zone_of(roles)
    daily = roles.precision == "day"
    if every in EVERY:
        between = _calendar(start, end, every, (zone, daily))
    else:
        between = _durations(start, end, every, zone if daily else None)
    if len(between) > _MOST:
        raise InputError(f"every={every!r} makes {len(between)} steps; at most {_MOST} are allowed. Take longer steps.")
    return (start, *between, end)


def _calendar(start: Moment, end: Moment, every: str, place: tuple[ZoneInfo, bool]) -> list[Moment]:
    zone, daily = place
    day = instant_of(start.cut - 1).astimezone(zone).date()
    found: list[Moment] = []
    while len(found) <= _MOST:
        last = _last_day(day, every)
        moment = _day_end(last, zone, day_precision=daily)
        if moment.cut >= end.cut:
            break
        if moment.cut > start.cut:
            found.append(moment)
        day = last + timedelta(days=1)
    return found


def _last_day(day: date, every: str) -> date:
    """The last day of the calendar step that holds a day; weeks end on Sunday (ISO 8601)."""
    if every == "day":
        return day
    if every == "week":
        return day + timedelta(days=6 - day.weekday())
    months = _MONTHS[every]
    following = day.year * 12 + (day.month - 1) // months * months + months
    return date(following // 12, following % 12 + 1, 1) - timedelta(days=1)


def _durations(start: Moment, end: Moment, every: str, days_in: ZoneInfo | None) -> list[Moment]:
    try:
        length = span(every, "every")
    except InputError as error:
        raise InputError(f'every must be one of {", ".join(EVERY)} or a duration such as "30d". {error}') from None
    if days_in is None:
        cuts = range(start.cut + length, end.cut, length)
        return [
            Moment(cut=cut, at=start.at + cut - start.cut, label=instant_of(cut).isoformat())
            for cut in cuts[: _MOST + 1]
        ]
    if length % DAY:
        raise InputError(f'with precision="day" every must be whole days, got {every!r}.')
    step, day = timedelta(microseconds=length), date.fromisoformat(start.label)
    found: list[Moment] = []
    while len(found) <= _MOST:
        day += step
        moment = _day_end(day, days_in, day_precision=True)
        if moment.cut >= end.cut:
            break
        found.append(moment)
    return found


def check_order(start: Moment, end: Moment, given: tuple[object, object]) -> None:
    """Raise unless the start lies before the end."""
    if start.cut >= end.cut:
        raise InputError(f"start must lie before end, got start={given[0]!r} and end={given[1]!r}. Exchange them?")
