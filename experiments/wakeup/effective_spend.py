"""Groups of customers and the money spent on each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.tables import Table, open_table
from experiments.wakeup.effective_columns import group_labels, group_name, money
from experiments.wakeup.group_names import check_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.records import Field

__all__ = ["Groups", "grouping_names", "listed_names", "read_groups", "read_spend"]

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Groups:
    """The group of each row.

    Attributes:
        names: Columns that make the groups; none for one group of everybody.
        keys: The groups, sorted.
        codes: Position of each row's group in `keys`.
    """

    names: tuple[str, ...]
    keys: tuple[Key, ...]
    codes: NDArray[np.int64]

    def rows(self) -> dict[Key, NDArray[np.int64]]:
        """The rows of every group, ascending, in the order of the groups."""
        order = np.argsort(self.codes, kind="stable").astype(np.int64)
        ends = np.searchsorted(self.codes[order], np.arange(len(self.keys) + 1))
        return {key: order[ends[place] : ends[place + 1]] for place, key in enumerate(self.keys)}


def listed_names(option: str, given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Column names given as one, several or none.

    Raises:
        InputError: For anything else, or a name given twice.
    """
    names = () if given is None else (given,) if isinstance(given, str) else tuple(given)
    if any(not isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise InputError(f"{option} must be a column or several different ones, got {given!r}.")
    return names


def grouping_names(option: str, given: str | Sequence[str] | None, fields: Sequence[Field]) -> tuple[str, ...]:
    """The same for columns that make groups of a result with these columns of its own.

    Raises:
        InputError: As `listed_names`, and for a name that the result gives to a column of its own.
    """
    names = listed_names(option, given)
    for name in names:
        check_group(name, fields, option=option)
    return names


def read_groups(table: Table, names: tuple[str, ...], rows: NDArray[np.int64] | None = None) -> Groups | None:
    """The groups of a table's rows, or of some of them in an order of one's own; None when a column is unusable."""
    found = group_labels(table, names)
    total = table.rows if rows is None else len(rows)
    if not names:
        return Groups(names=(), keys=((),), codes=np.zeros(total, np.int64))
    combined = np.zeros(table.rows, np.int64)
    texts: list[Key] = [()]
    for labels in found:
        if labels is None:
            return None
        present, combined = np.unique(combined * len(labels.names) + labels.codes, return_inverse=True)
        before, own = np.divmod(present, max(1, len(labels.names)))
        texts = [(*texts[int(left)], str(labels.names[int(right)])) for left, right in zip(before, own, strict=True)]
    codes = combined.astype(np.int64) if rows is None else combined[rows].astype(np.int64)
    return Groups(names=names, keys=tuple(texts), codes=codes)


def read_spend(spend: object, names: tuple[str, ...], roles: Columns, like: Table) -> dict[Key, float] | None:
    """Money per group: a number for everybody, a mapping for one grouping column, or a table whose rows are summed.

    Args:
        spend: The money; None for none.
        names: The grouping columns.
        roles: Names of the table's columns; the role ``cost`` is the money.
        like: The customers' table; problems of the spend are noted beside its own.

    Raises:
        InputError: For money that is no finite number of at least 0, or does not fit the groups.
    """
    if spend is None:
        return None
    if isinstance(spend, Real) and not isinstance(spend, bool):
        if names:
            raise InputError(f"spend is one number, but customers are grouped by {', '.join(names)}: give it by group.")
        return {(): _amount("spend", spend)}
    if isinstance(spend, Mapping):
        if len(names) != 1:
            raise InputError("spend as a mapping needs exactly one grouping column; give a table instead.")
        parts: dict[Key, list[float]] = {}
        for name, amount in spend.items():
            parts.setdefault((group_name(name),), []).append(_amount(f"spend[{name!r}]", amount))
        return {key: math.fsum(amounts) for key, amounts in parts.items()}
    table = open_table(spend, "spend", roles, problems=like.problems)
    amounts, groups = money(table, roles.cost), read_groups(table, names)
    if amounts is None or groups is None:
        return {}
    order = np.lexsort((amounts, groups.codes))
    sums = np.bincount(groups.codes[order], weights=amounts[order], minlength=len(groups.keys))
    return {key: float(total) for key, total in zip(groups.keys, sums, strict=True)}


def _amount(name: str, given: object) -> float:
    number = float(given) if isinstance(given, Real) and not isinstance(given, bool) else float("nan")
    if not 0.0 <= number < float("inf"):
        raise InputError(f"{name} must be money of at least 0, got {given!r}.")
    return number
