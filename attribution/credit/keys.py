"""The columns that key a credit table, and the cells that they span."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import InputError, closest
from attribution.core.tables import Problems, Table
from attribution.core.threads import taken
from attribution.core.values import Labels, labels
from attribution.credit.left_out import left_out_rows, longer_table, with_channels
from attribution.touches import NONE, note_reserved

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.journeys.eligibility import Pairs
    from attribution.journeys.plan import Journeys

__all__ = ["CHANNEL", "EMPTY", "Cells", "Key", "make_cells", "resolve_keys"]

EMPTY = "(missing)"
_FEW_CODES = 1 << 20  # a table of so many places costs less than sorting
_TAKEN = (
    "model", "conversions", "value", "share_of_attributed", "share_of_all", "cost", "cost_per_conversion",
    "return_on_spend", "weight",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """One key column.

    Attributes:
        name: Its name in results: the contract's name for a role, else the user's.
        side: The table it comes from.
        column: The user's name of the column.
    """

    name: str
    side: Literal["touch", "conversion"]
    column: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cells:
    """The cells of a credit table: first those that touches can credit, then those of untouched conversions.

    Attributes:
        keys: The key columns.
        names: The distinct values of each key column as text, in order; "(none)" is last.
        codes: One row per cell, one column per key: indexes into `names`.
        credited: Number of cells that touches can credit; the others are "(none)" cells.
    """

    keys: tuple[Key, ...]
    names: tuple[list[str], ...]
    codes: NDArray[np.int64]
    credited: int
    _touch: NDArray[np.integer] | None
    _conversion: NDArray[np.integer] | None
    _width: int
    _observed: NDArray[np.int64] | None
    _untouched: NDArray[np.int64] | None
    _by_channel: bool

    def __len__(self) -> int:
        return len(self.codes)

    def of_pairs(self, pairs: Pairs) -> NDArray[np.int64]:
        """The cell of every (conversion, touch) pair."""
        if self._conversion is None and self._touch is not None:
            return self._touch[pairs.touch].astype(np.int64, copy=False)
        if self._conversion is not None and self._touch is None:
            return self._conversion[pairs.conversion()].astype(np.int64, copy=False)
        return np.searchsorted(_observed(self._observed), self._joint(pairs)).astype(np.int64)

    def _joint(self, pairs: Pairs) -> NDArray[np.int64]:
        return _joint(self._touch, self._conversion, self._width, pairs)

    def of_untouched(self, conversions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The "(none)" cell of each untouched conversion."""
        if self._untouched is None or self._conversion is None:
            return np.full(len(conversions), self.credited, np.int64)
        return self.credited + np.searchsorted(self._untouched, self._conversion[conversions])

    def channel_codes(self) -> NDArray[np.int64] | None:
        """The channel of each credited cell; None when the key is something else, or something more."""
        return self.codes[: self.credited, 0] if self._by_channel else None

    def order(self) -> NDArray[np.int64]:
        """The cells sorted by their keys, "(none)" last."""
        return np.lexsort([self.codes[:, place] for place in reversed(range(len(self.keys)))])

    def values(self, place: int) -> list[str]:
        """The text of one key column, one per cell."""
        return [self.names[place][code] for code in self.codes[:, place].tolist()]


CHANNEL = Key("channel", "touch", "")


def resolve_keys(journeys: Journeys, asked: str | Sequence[str]) -> tuple[Key, ...]:
    """Key columns from what the caller wrote: a column, a role, "touch.x" or "conversion.x"; a touch column wins.

    Raises:
        InputError: For no key, a repeated one, an unknown one, or a name that a column of the result has.
    """
    if not isinstance(asked, (str, list, tuple)):
        raise InputError(f"by() takes the name of a column, or several in a tuple, got {asked!r}.")
    written = (asked,) if isinstance(asked, str) else tuple(asked)
    if not written:
        raise InputError("by() needs at least one column of the touches or the conversions.")
    found = [_resolve(journeys, name) for name in written]
    names = [key.name for key in found]
    # Two columns of one name (one of each table) keep the prefix that tells them apart.
    keys = tuple(
        Key(f"{key.side}.{key.name}", key.side, key.column) if names.count(key.name) > 1 else key for key in found
    )
    if len({key.name for key in keys}) < len(keys):
        raise InputError(f"by() names a column twice: {', '.join(map(str, written))}.")
    for key in keys:
        if key.name in _TAKEN:
            raise InputError(
                f"a key column may not be called {key.name!r}: the result has a column of that name. Rename it."
            )
    return keys


def _resolve(journeys: Journeys, name: str) -> Key:
    if not isinstance(name, str):
        raise InputError(f"by() takes names of columns as text, got {name!r}.")
    touch, conversion = journeys.touches.table, journeys.conversions.table
    prefix, _, rest = name.partition(".")
    for side, table in (("touch", touch), ("conversion", conversion)):
        wanted = rest if prefix == side and rest else name
        if prefix in ("touch", "conversion") and rest and prefix != side and name not in table.names:
            continue
        column = _column(table, wanted)
        if column is not None:
            return Key(_contract_name(table.roles, column), "touch" if side == "touch" else "conversion", column)
    raise InputError(f"by() found no column {name!r}. {closest(name, {*touch.names, *conversion.names})}")


def _column(table: Table, name: str) -> str | None:
    if name in table.names:
        return name
    role = getattr(table.roles, name, None)
    return role if isinstance(role, str) and role in table.names else None


def _contract_name(roles: Columns, column: str) -> str:
    plain = Columns()
    for role in Columns.__dataclass_fields__:
        if role not in ("timezone", "precision") and roles.name_of(role) == column:
            return plain.name_of(role)
    return column


def make_cells(journeys: Journeys, keys: tuple[Key, ...]) -> Cells:
    """The cells that the keys span."""
    problems = Problems()
    left_out = left_out_rows(journeys, [key.column for key in keys if key.side == "touch"])
    columns = [_labels(journeys, key, problems, left_out) for key in keys]
    problems.raise_if_any()
    names = tuple([_text(name) for name in found.names] + [NONE] for found in columns)
    touch_places = [place for place, key in enumerate(keys) if key.side == "touch"]
    conversion_places = [place for place, key in enumerate(keys) if key.side == "conversion"]
    served: NDArray[np.integer] | None
    if len(touch_places) == 1 and left_out is None and _is_channel(journeys, keys[touch_places[0]]):
        served, touch_values = journeys.served.channel, np.arange(len(journeys.touches.channel.names))[:, None]
    else:
        served, touch_values = _combine([columns[place] for place in touch_places], journeys.served.row)
    conversion_codes, conversion_values = _combine([columns[place] for place in conversion_places], None)
    width = len(conversion_values)
    observed = untouched = None
    none = np.array([[len(name) - 1 for name in names]], np.int64)
    if served is not None and conversion_codes is not None:
        observed, untouched = _observe(journeys, served, conversion_codes, width)
        codes = np.empty((len(observed), len(keys)), np.int64)
        codes[:, touch_places] = touch_values[observed // max(width, 1)]
        codes[:, conversion_places] = conversion_values[observed % max(width, 1)]
        none = np.repeat(none, len(untouched), axis=0)
        none[:, conversion_places] = conversion_values[untouched]
    else:
        codes = touch_values if served is not None else conversion_values
    return Cells(
        keys=keys,
        names=names,
        codes=np.concatenate([codes, none]),
        credited=len(codes),
        _touch=served,
        _conversion=conversion_codes,
        _width=width,
        _observed=observed,
        _untouched=untouched,
        _by_channel=len(keys) == 1 and _is_channel(journeys, keys[0]),
    )


def _is_channel(journeys: Journeys, key: Key) -> bool:
    return key.side == "touch" and key.column in ("", journeys.touches.table.roles.channel)


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _labels(journeys: Journeys, key: Key, problems: Problems, left_out: pa.Table | None) -> Labels:
    """The values of a key column: per row of the touches and of those left out, or per counted conversion."""
    import pyarrow as pa

    if _is_channel(journeys, key):
        return journeys.touches.channel if left_out is None else with_channels(journeys, left_out)
    table = copy(journeys.touches.table if key.side == "touch" else journeys.conversions.table)
    if left_out is not None and key.side == "touch":
        table = longer_table(table, key.column, left_out)
    table.problems = problems  # what goes wrong from here on belongs to this call
    kind = table.arrow(key.column).type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise InputError(
            f"{table.name}.{key.column} holds {kind}; a key column holds text, numbers, dates or truth values."
        )
    found = labels(table, key.column, missing=EMPTY)
    if found is None:
        problems.raise_if_any()
        raise InputError(f"the {table.name} have no column {key.column!r}.")
    note_reserved(table, key.column, found)
    return found if key.side == "touch" else found.take(journeys.counted.row)


def _combine(
    columns: list[Labels], rows: NDArray[np.integer] | None
) -> tuple[NDArray[np.integer] | None, NDArray[np.int64]]:
    """Several columns as one code for some rows (None: all), and the columns' codes behind each that occurs in any."""
    if not columns:
        return None, np.empty((0, 0), np.int64)
    if len(columns) == 1 and rows is not None:  # the names of a whole column are those that occur
        return taken(columns[0].codes, rows), np.arange(len(columns[0].names))[:, None]
    codes = np.empty(0, np.int64)
    values = np.empty((1, 0), np.int64)
    for number, column in enumerate(columns):
        width = max(len(column.names), 1)
        joint = codes * width + column.codes if number else column.codes
        codes, occurring = _dense(joint, len(values) * width, rows if number == len(columns) - 1 else None)
        values = np.column_stack([values[occurring // width], occurring % width])
    return codes, values


def _dense(
    codes: NDArray[np.integer], size: int, rows: NDArray[np.integer] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes below a size as places among those that occur anywhere, for some rows (None: all)."""
    asked = codes if rows is None else codes[rows]
    if size > max(_FEW_CODES, len(codes)):
        ordered = np.sort(codes)
        occurring = ordered[np.diff(ordered, prepend=-1) != 0].astype(np.int64)
        return np.searchsorted(occurring, asked).astype(np.int64), occurring
    occurring = np.flatnonzero(np.bincount(codes, minlength=size))
    place = np.zeros(size, np.int64)
    place[occurring] = np.arange(len(occurring))
    return place[asked], occurring


def _observe(
    journeys: Journeys, served: NDArray[np.integer], conversion: NDArray[np.integer], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The joint codes that eligible pairs have, and the conversion codes of untouched conversions."""
    seen = np.empty(0, np.int64)
    lonely = np.empty(0, np.int64)
    for pairs in journeys.pairs():
        seen = np.union1d(seen, _joint(served, conversion, width, pairs))
        lonely = np.union1d(lonely, conversion[pairs.start : pairs.stop][pairs.counts == 0])
    return seen, lonely


def _joint(
    touch: NDArray[np.integer] | None, conversion: NDArray[np.integer] | None, width: int, pairs: Pairs
) -> NDArray[np.int64]:
    if touch is None or conversion is None:
        raise InputError("a joint key needs columns of both tables.")
    return touch[pairs.touch].astype(np.int64) * width + conversion[pairs.conversion()]


def _observed(found: NDArray[np.int64] | None) -> NDArray[np.int64]:
    return np.empty(0, np.int64) if found is None else found
