"""Times as microseconds since 1970-01-01 UTC: zones, units, dates, text; what is no time is counted with examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from attribution.core.errors import InputError
from attribution.core.pieces import Numbers, few_pieces
from attribution.core.tables import examples_of
from attribution.core.threads import in_blocks
from attribution.core.type_names import TO_TIMES, kind_name

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

    Wall = Callable[[], NDArray[np.int64]]
    _Times = tuple[NDArray[np.int64], NDArray[np.bool_] | None, Wall]

__all__ = ["MIXED_TIMES", "carry_offsets", "instants", "instants_in_pieces"]

MIXED_TIMES = "some times carry an offset and some do not; write all of them alike"

_DAY = 86_400_000_000
_SECOND = 1_000_000
_DAY_PRECISION_SHARE = 0.95
_DAY_PRECISION_ROWS = 20
_MOST_DAYS = 100_000
_BEYOND = 2**61  # microseconds, some 73,000 years: no log reaches so far
_NEVER = np.iinfo(np.int64).min


def instants(
    table: Table, role: str, *, end_of_day: bool = False, allow_null: bool = False
) -> NDArray[np.int64] | None:
    """A time column as microseconds since 1970-01-01 UTC; None when it is missing or unusable (and noted).

    Args:
        table: The table.
        role: The role of the column.
        end_of_day: A day-precision time stands for the end of its day; then undeclared day precision is a problem.
        allow_null: Whether an empty time is allowed; it becomes the smallest int64.
    """
    name = table.roles.name_of(role)
    if not table.readable(name):
        return None
    zone = _zone(table)
    found = _microseconds(table, name, zone, end_of_day=end_of_day)
    if found is None:
        return None
    values, valid, wall = found
    valid = _finite(values, valid)
    if not allow_null and valid is not None:
        table.problems.add(
            "NULL_TIME", table.name, name, (~valid).sum(),
            message="a time is missing or infinite; remove or repair these rows",
            examples=[f"row {row}" for row in np.flatnonzero(~valid)[:5]],
        )  # fmt: skip
        return None
    if table.roles.precision == "day":
        if end_of_day:
            values = _day_ends(wall(), zone or getattr(table.arrow(name).type, "tz", None) or "UTC")
    elif end_of_day:
        midnights = _midnights(values, valid, wall)
        if midnights:
            table.problems.add(
                "DAY_PRECISION", table.name, name, midnights,
                message="nearly all times are at 00:00: these are booking dates. "
                'Declare columns=Columns(..., precision="day"); '
                "a conversion then counts at the end of its day",
            )  # fmt: skip
            return None
    return values if valid is None else np.where(valid, values, _NEVER)


def instants_in_pieces(table: Table, role: str) -> Numbers | None:
    """The same as `instants`, in the pieces that the column came in where these are microseconds already."""
    import pyarrow as pa

    name = table.roles.name_of(role)
    if table.readable(name):
        column = table.chunks(name)
        kind, plain = column.type, column.num_chunks > 0 and not column.null_count and few_pieces(column)
        if plain and pa.types.is_timestamp(kind) and kind.tz is not None and kind.unit == "us":
            views = (chunk.view(pa.int64()).to_numpy(zero_copy_only=True) for chunk in column.chunks)
            found = Numbers.of(*views)
            low, high = found.bounds() or (0, 0)
            if low > -_BEYOND and high < _BEYOND:
                return found
    values = instants(table, role)
    return None if values is None else Numbers.of(values)


def _finite(values: NDArray[np.int64], valid: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Which times are there: databases write infinite ones as the ends of their numbers; None when all are."""
    if not len(values) or (int(values.min()) > -_BEYOND and int(values.max()) < _BEYOND):
        return valid
    finite = (values > -_BEYOND) & (values < _BEYOND)
    return finite if valid is None else finite & valid


def _day_ends(local: NDArray[np.int64], zone: ZoneInfo | str) -> NDArray[np.int64]:
    """The last microsecond of each local day, as UTC; a day of a change of clocks lasts 23 or 25 hours."""
    import pandas as pd

    ends = pd.DatetimeIndex(pd.to_datetime(local - local % _DAY + _DAY - 1, unit="us"))
    placed = ends.tz_localize(zone, ambiguous=np.zeros(len(ends), bool), nonexistent="shift_backward")
    found: NDArray[np.int64] = placed.tz_convert("UTC").as_unit("us").asi8
    return found


def _zone(table: Table) -> ZoneInfo | None:
    if table.roles.timezone is None:
        return None
    try:
        return ZoneInfo(table.roles.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f'timezone must be an IANA name such as "Asia/Shanghai", got {table.roles.timezone!r}.'
        ) from None


def _midnights(utc: NDArray[np.int64], valid: NDArray[np.bool_] | None, wall: Wall) -> int:
    """How many times are at local midnight, if nearly all of them are; else none."""
    rows = len(utc) if valid is None else int(valid.sum())
    if rows < _DAY_PRECISION_ROWS:
        return 0
    # Zones are whole seconds away from UTC: what is no whole second there is no midnight anywhere. Few times are looked
    # at any further, for the clock on the wall is dear.
    whole = utc % _SECOND == 0
    if valid is not None:
        whole &= valid
    if whole.sum() <= _DAY_PRECISION_SHARE * rows:
        return 0
    at_midnight = wall() % _DAY == 0
    count = int((at_midnight if valid is None else at_midnight[valid]).sum())
    return count if count / rows > _DAY_PRECISION_SHARE else 0


def _microseconds(table: Table, name: str, zone: ZoneInfo | None, *, end_of_day: bool) -> _Times | None:
    """UTC microseconds, which rows are filled (None: all), and the local microseconds for who asks."""
    import pyarrow as pa

    array = table.arrow(name)
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        parsed = _parse_text(table, name, array)
        if parsed is None:
            return None
        array, kind = parsed, parsed.type
    if pa.types.is_date(kind):
        if table.roles.precision != "day" and end_of_day:
            table.problems.add(
                "DAY_PRECISION", table.name, name, len(array),
                message='the column holds dates, not instants. Declare columns=Columns(..., precision="day")',
            )  # fmt: skip
            return None
        array = array.cast(pa.timestamp("us"))
        kind = array.type
    if pa.types.is_null(kind):  # a column without a single value has no type of its own
        array = array.cast(pa.timestamp("us", "UTC"))
        kind = array.type
    if not pa.types.is_timestamp(kind):
        table.problems.add(
            "WRONG_TYPE", table.name, name, len(array), message=f"a time is needed, got {kind_name(kind)}; {TO_TIMES}",
            examples=examples_of(array, np.ones(len(array), bool)),
        )  # fmt: skip
        return None
    valid = array.is_valid().to_numpy(zero_copy_only=False) if array.null_count else None
    if kind.tz is None and zone is None:
        table.problems.add(
            "NAIVE_TIME", table.name, name, len(array),
            message="the times carry no time zone. "
            'Declare columns=Columns(..., timezone="Asia/Shanghai") or your own zone',
            examples=examples_of(array, np.ones(len(array), bool) if valid is None else valid),
        )  # fmt: skip
        return None
    read = _whole_microseconds(array)
    if kind.tz is not None:
        return read, valid, lambda: _wall_clock(read, zone or kind.tz)
    placed = _localise(table, name, read, valid, cast("ZoneInfo", zone))
    return None if placed is None else (placed, valid, lambda: read)


def _wall_clock(utc: NDArray[np.int64], zone: ZoneInfo | str) -> NDArray[np.int64]:
    """What the clocks of a zone show, as microseconds since their 1970-01-01."""
    import pandas as pd

    shown = pd.DatetimeIndex(pd.to_datetime(utc, unit="us", utc=True)).tz_convert(zone)
    found: NDArray[np.int64] = shown.tz_localize(None).as_unit("us").asi8
    return found


def _whole_microseconds(array: pa.Array) -> NDArray[np.int64]:
    """Times as microseconds: a view where they are such, 0 where they are empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    target = pa.timestamp("us", array.type.tz)
    if array.null_count:
        whole = array.cast(target, safe=False).cast(pa.int64())
        return pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    given: NDArray[np.int64] = array.view(pa.int64()).to_numpy(zero_copy_only=True)
    if array.type.unit == "us":
        return given
    made = np.empty(len(given), np.int64)

    def convert(start: int, stop: int) -> None:
        if array.type.unit == "ns" and given[start:stop].min() >= 0:
            np.floor_divide(given[start:stop], 1000, out=made[start:stop])  # several times as fast as the cast
        else:
            part = array.slice(start, stop - start).cast(target, safe=False)
            made[start:stop] = part.view(pa.int64()).to_numpy(zero_copy_only=True)

    in_blocks(convert, len(given))
    return made


def _localise(
    table: Table, name: str, local: NDArray[np.int64], valid: NDArray[np.bool_] | None, zone: ZoneInfo
) -> NDArray[np.int64] | None:
    """UTC microseconds of local times; those that do not exist or occur twice are noted."""
    import pandas as pd

    placed, rows = _regular(local, zone)
    naive = pd.DatetimeIndex(local[rows].astype("datetime64[us]"))
    if table.roles.precision == "day":  # a date has one beginning even where the clocks change at midnight
        rest = naive.tz_localize(zone, ambiguous=np.ones(len(naive), bool), nonexistent="shift_forward")
    else:
        rest = naive.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    lost = np.asarray(rest.isna())
    if valid is not None:
        lost &= valid[rows]
    if lost.any():
        table.problems.add(
            "AMBIGUOUS_TIME", table.name, name, lost.sum(),
            message=f"these local times do not exist or occur twice in {zone.key} (daylight saving); "
            "give times with an offset",
            examples=[str(item) for item in naive[lost][:5]],
        )  # fmt: skip
        return None
    placed[rows] = rest.tz_convert("UTC").as_unit("us").asi8
    return placed


def _regular(local: NDArray[np.int64], zone: ZoneInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """UTC microseconds on the days far from any change of clocks, and the rows of all other days, still to be placed.

    Where the clocks are as far from UTC at the beginning as at the end of a day, they did not change within it: no zone
    ever changed and changed back in less than three days.
    """
    placed = np.empty(len(local), np.int64)
    bounds = in_blocks(lambda start, stop: (local[start:stop].min(), local[start:stop].max()), len(local))
    first = min((low for low, _ in bounds), default=0) // _DAY - 2
    days = max((high for _, high in bounds), default=0) // _DAY - first + 4
    if days > min(_MOST_DAYS, len(local)):
        return placed, np.arange(len(local))
    midnights = (first + np.arange(days)) * _DAY
    away = _wall_clock(midnights, zone) - midnights
    changed = np.zeros(days, bool)
    for step in (-1, 0, 1):  # a local day lies within the days of UTC around it
        changed |= np.roll(away, step) != np.roll(away, step - 1)

    def place(start: int, stop: int) -> NDArray[np.int64]:
        day = local[start:stop] // _DAY - first
        np.subtract(local[start:stop], away[day], out=placed[start:stop])
        return start + np.flatnonzero(changed[day])

    return placed, np.concatenate(in_blocks(place, len(local)))


def carry_offsets(array: pa.Array) -> NDArray[np.bool_]:
    """Which texts of a column name the zone of their time."""
    import pyarrow.compute as pc

    offset = pc.match_substring_regex(array, r"([zZ]|[+-]\d\d:?\d\d)\s*$")
    offset = pc.and_(offset, pc.match_substring(array, ":"))
    found: NDArray[np.bool_] = pc.fill_null(offset, False).to_numpy(zero_copy_only=False)
    return found


def _parse_text(table: Table, name: str, array: pa.Array) -> pa.Array | None:
    """ISO 8601 text as timestamps; text that is not a time is noted."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    array = array.cast(pa.large_string())
    blank = pc.equal(pc.utf8_trim_whitespace(array), "")
    array = pc.if_else(blank, pa.scalar(None, array.type), array)
    parsed = pd.to_datetime(pd.Series(array.to_pylist(), dtype="object"), format="ISO8601", errors="coerce", utc=True)
    there = array.is_valid().to_numpy(zero_copy_only=False)
    bad = parsed.isna().to_numpy() & there
    if bad.any():
        table.problems.add(
            "BAD_TIME", table.name, name, bad.sum(),
            message='text that is not a time; write ISO 8601, for example "2026-10-01 09:30:00+08:00", '
            'or parse it, in pandas: pd.to_datetime(column, format="%d/%m/%Y %H:%M")',
            examples=examples_of(array, bad),
        )  # fmt: skip
    placed = carry_offsets(array) & there & ~bad
    unplaced = there & ~bad & ~placed
    if placed.any() and unplaced.any():
        table.problems.add(
            "MIXED_TIMES", table.name, name, unplaced.sum(), message=MIXED_TIMES,
            examples=examples_of(array, unplaced),
        )  # fmt: skip
    if bad.any() or (placed.any() and unplaced.any()):
        return None
    aware = not unplaced.any()  # without a single time there is nothing to place
    made = pa.array(parsed.dt.as_unit("us"), type=pa.timestamp("us", "UTC"))
    return made if aware else made.cast(pa.timestamp("us"))
