"""Spend beside credit: cost per credited conversion and return on spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.errors import ConservationError, InputError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import labels, numbers
from attribution.credit.keys import EMPTY
from attribution.touches import note_reserved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.credit.keys import Key

__all__ = ["Spend", "read_spend"]

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Spend:
    """Money spent per key.

    Attributes:
        cost: Total cost by the key columns' values as text.
        total: All of it that is known.
        rows: Number of rows of the spend table.
        unknown: Rows without a cost (waived when the touches were priced), by key; the cost of such a key is nan.
    """

    cost: dict[tuple[str, ...], float]
    total: float
    rows: int
    unknown: dict[tuple[str, ...], int]

    def share_of_total(self, cost: float) -> float | None:
        """What share of all spend a part of it is; None where the total is unknown, because some cost is."""
        return None if self.unknown or self.total <= 0 else cost / self.total

    def findings(self) -> tuple[Finding, ...]:
        """What is not known of the costs."""
        if not self.unknown:
            return ()
        listed = [" / ".join(key) for key in sorted(self.unknown)]
        keys = ", ".join(listed[:5]) + (" ..." if len(listed) > 5 else "")
        values = {"n": sum(self.unknown.values()), "rows": self.rows, "keys": keys}
        return (Finding(code="COST_WAIVED", status="warn", values=values),)


def read_spend(data: object, keys: Sequence[Key], columns: ColumnsLike) -> Spend:
    """Check a spend table and sum its cost by the key columns.

    A row without a cost makes the cost of its key unknown: a part of a cost is not the cost.

    Raises:
        TableError: Lists every problem: missing key or cost columns; empty channels; negative or infinite costs; the
        key "(none)".
    """
    problems = Problems()
    table = open_table(data, "spend", columns_for(columns, "spend"), problems=problems, required=("cost",))
    names = [_column(table, key.name) for key in keys]
    table.require_names(*names)
    # As in the credit: an empty cell of a key is the key "(missing)"; a channel may never be empty.
    found = [
        labels(table, name, missing=None if _is_channel(key) else EMPTY) for name, key in zip(names, keys, strict=True)
    ]
    cost = numbers(table, table.roles.cost, minimum=0.0, missing=np.nan)
    for name, label in zip(names, found, strict=True):
        if label is not None:
            note_reserved(table, name, label)
    problems.raise_if_any()
    complete = [label for label in found if label is not None]
    if cost is None or len(complete) < len(found):
        raise InputError("the spend table cannot be read.")
    return _summed([label.codes for label in complete], [_texts(label.names) for label in complete], cost)


def _is_channel(key: Key) -> bool:
    return key.side == "touch" and key.name.removeprefix("touch.") == "channel"


def _column(table: Table, name: str) -> str:
    role = getattr(table.roles, name, None)
    return role if isinstance(role, str) and name not in ("timezone", "precision") else name


def _texts(names: NDArray[np.object_]) -> list[str]:
    return [str(name) for name in names]


def _summed(codes: list[NDArray[np.int64]], names: list[list[str]], cost: NDArray[np.float64]) -> Spend:
    # Sorted by key and cost, so that the order of the rows changes no bit of a sum.
    order = np.lexsort([cost, *codes[::-1]])
    stacked = np.stack([code[order] for code in codes], axis=1)
    if not len(stacked):
        return Spend({}, 0.0, 0, {})
    begins = np.flatnonzero(np.concatenate([[True], (stacked[1:] != stacked[:-1]).any(axis=1)]))
    gap = np.isnan(cost)
    sums = np.add.reduceat(np.where(gap, 0.0, cost)[order], begins)
    gaps = np.add.reduceat(gap[order].astype(np.int64), begins)
    by_key: dict[tuple[str, ...], float] = {}
    unknown: dict[tuple[str, ...], int] = {}
    for row, amount, lacking in zip(stacked[begins].tolist(), sums.tolist(), gaps.tolist(), strict=True):
        key = tuple(names[place][code] for place, code in enumerate(row))
        by_key[key] = by_key.get(key, 0.0) + amount
        if lacking:
            unknown[key] = unknown.get(key, 0) + lacking
    total = float(np.sort(cost[~gap]).sum())
    if abs(sum(by_key.values()) - total) > _TOLERANCE * max(total, 1.0):
        raise ConservationError(f"spend by key sums to {sum(by_key.values())!r}, expected {total!r}.")
    by_key |= dict.fromkeys(unknown, float("nan"))
    return Spend(by_key, float(total), len(cost), unknown)
