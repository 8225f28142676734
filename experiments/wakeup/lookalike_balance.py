"""How alike are the matched, on the attributes that matched them and on the others?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import encode_together, labels, numbers
from experiments.wakeup.effective_columns import UNKNOWN_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["BalanceRow", "balance_rows"]

_MOST_LEVELS = 20  # levels beyond the most frequent ones are one row (judgement)
OTHER_LEVELS = "(other)"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BalanceRow:
    """One column, or one level of it, before and after matching.

    Attributes:
        column: The column.
        level: The level; empty for a number.
        used: Whether it was an attribute of the match.
        sought: Mean (share) among everybody sought.
        pool: Mean (share) in the pool.
        matched: Mean (share) among the persons sought who found a match.
        likes: Mean (share) among their matches.
        before: Standardised difference of sought and pool; None when nothing varies or nothing is known.
        after: Standardised difference of matched and likes, by the same standard deviation.
    """

    column: str
    level: str
    used: bool
    sought: float | None
    pool: float | None
    matched: float | None
    likes: float | None
    before: float | None
    after: float | None

    @property
    def note(self) -> str:
        """Why a difference is undefined."""
        if self.before is None:
            return "NO_SPREAD"
        return "NO_MATCH" if self.matched is None else ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Sides:
    """One number per person of both sides, nan where it is missing."""

    sought: NDArray[np.float64]
    pool: NDArray[np.float64]


def balance_rows(
    tables: tuple[Table, Table],
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    columns: Sequence[tuple[str, bool]],
    pick: NDArray[np.int64],
) -> tuple[BalanceRow, ...]:
    """Compare both sides before and after matching.

    Args:
        tables: Those sought, and the pool.
        rows: Their rows in the order of the keys.
        columns: Columns to compare, and whether each was an attribute of the match.
        pick: The match of each person sought; -1 without.
    """
    found = []
    for name, used in columns:
        for level, sides in _levels(tables, rows, name):
            found.append(_row(name, level, sides, pick, used=used))
    return tuple(found)


def _levels(
    tables: tuple[Table, Table], rows: tuple[NDArray[np.int64], NDArray[np.int64]], name: str
) -> Iterator[tuple[str, _Sides]]:
    """A number as it is; anything else as one indicator per level."""
    usable = [table.require_names(name) and table.readable(name) for table in tables]  # both are noted
    if not all(usable):
        return
    if all(_is_number(table, name) for table in tables):
        values = [numbers(table, name, missing=math.nan) for table in tables]
        for table in tables:
            table.problems.raise_if_any()  # infinite values have no mean to compare
        if values[0] is not None and values[1] is not None:
            yield "", _Sides(sought=values[0][rows[0]], pool=values[1][rows[1]])
        return
    import pyarrow as pa

    read = [labels(table, name, missing=UNKNOWN_GROUP) for table in tables]
    if read[0] is None or read[1] is None:
        return
    texts = [pa.array([str(item) for item in side.names], pa.large_string()) for side in read if side is not None]
    (left, right), names = encode_together(*texts)
    codes = (left[read[0].codes[rows[0]]], right[read[1].codes[rows[1]]])
    counts = sum(np.bincount(side, minlength=len(names)) for side in codes)
    ranked = np.lexsort((np.arange(len(names)), -np.asarray(counts)))
    shown = sorted(ranked[:_MOST_LEVELS].tolist())
    for level in shown:
        yield (
            str(names[level]),
            _Sides(sought=(codes[0] == level).astype(np.float64), pool=(codes[1] == level).astype(np.float64)),
        )
    if len(names) > _MOST_LEVELS:
        inside = [np.isin(side, shown, invert=True).astype(np.float64) for side in codes]
        yield OTHER_LEVELS, _Sides(sought=inside[0], pool=inside[1])


def _is_number(table: Table, name: str) -> bool:
    import pyarrow as pa

    kind = table.arrow(name).type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _row(name: str, level: str, sides: _Sides, pick: NDArray[np.int64], *, used: bool) -> BalanceRow:
    found = pick >= 0
    matched, likes = sides.sought[found], sides.pool[pick[found]]
    spread = [_variance(side) for side in (sides.sought, sides.pool)]
    scale = math.sqrt(sum(spread) / 2.0)
    means = [_mean(side) for side in (sides.sought, sides.pool, matched, likes)]
    return BalanceRow(
        column=name, level=level, used=used, sought=means[0], pool=means[1], matched=means[2], likes=means[3],
        before=_standardised(means[0], means[1], scale), after=_standardised(means[2], means[3], scale),
    )  # fmt: skip


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.mean(known)) if len(known) else None


def _variance(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.var(known)) if len(known) else 0.0


def _standardised(left: float | None, right: float | None, scale: float) -> float | None:
    if left is None or right is None:
        return None
    if scale > 0.0:
        return (left - right) / scale
    return 0.0 if left == right else None
