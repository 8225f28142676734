"""Tables with one row per person: keys, conditions, money and groups, in the order of the keys."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.values import duplicates, keys, labels, numbers
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table
    from attribution.core.values import Labels

__all__ = [
    "UNKNOWN_GROUP",
    "check_at_least",
    "condition",
    "group_labels",
    "group_name",
    "joined_by",
    "money",
    "rows_of_persons",
    "unique_keys",
]

UNKNOWN_GROUP = "(unknown)"


def unique_keys(table: Table) -> pa.Array | None:
    """The person keys of a table with one row per person; a repeated person is noted."""
    found = keys(table, "person")
    if found is None:
        return None
    repeated, examples = duplicates(found)
    if repeated:
        message = "a person has several rows; keep one row per person"
        table.problems.add(
            "REPEATED_PERSON", table.name, table.roles.person, repeated, message=message, examples=examples
        )
        return None
    return found


def rows_of_persons(person: pa.Array) -> NDArray[np.int64]:
    """The rows in the order of their sorted keys: nothing that follows depends on the order of the caller's rows."""
    (codes,), _ = number_keys(person)
    return np.argsort(codes, kind="stable").astype(np.int64)


def joined_by(person: pa.Array, other: pa.Array) -> NDArray[np.int64]:
    """For each key of ``other`` its row in ``person`` (each key once); -1 where it is not there."""
    (here, there), size = number_keys(person, other)
    place = np.full(size, -1, np.int64)
    place[here] = np.arange(len(here), dtype=np.int64)
    return place[there]


def check_at_least(effective: str | None, at_least: object) -> None:
    """Refuse a limit that is no number, or that has no column to apply to.

    Raises:
        InputError: When it is.
    """
    if at_least is None:
        return
    if not isinstance(at_least, Real) or isinstance(at_least, bool) or not math.isfinite(at_least):
        raise InputError(f"at_least must be a finite number or None, got {at_least!r}.")
    if effective is None:
        raise InputError(f"at_least={at_least!r} needs effective=, the column that it is a limit of.")


def condition(table: Table, name: str, at_least: float | None = None) -> NDArray[np.bool_] | None:
    """A declared condition: a column of 0 and 1, or ``column >= at_least``; problems are noted."""
    found = numbers(table, name) if table.require_names(name) else None
    if found is None:
        return None
    if at_least is not None:
        return np.asarray(found >= at_least, dtype=np.bool_)
    strange = np.isfinite(found) & (found != 0.0) & (found != 1.0)
    if strange.any():
        message = "a condition is 0 or 1 for everybody; for an amount declare at_least="
        table.problems.add("NOT_BINARY", table.name, name, int(strange.sum()), message=message)
        return None
    return np.asarray(found == 1.0, dtype=np.bool_)


def money(table: Table, name: str, *, minimum: float | None = 0.0) -> NDArray[np.float64] | None:
    """An amount per row; missing and negative ones are noted."""
    return numbers(table, name, minimum=minimum) if table.require_names(name) else None


def group_labels(table: Table, names: Sequence[str]) -> list[Labels | None]:
    """Grouping columns as text; empty cells are the group "(unknown)", never dropped."""
    return [
        _as_text(labels(table, name, missing=UNKNOWN_GROUP)) if table.require_names(name) else None for name in names
    ]


def group_name(value: object) -> str:
    """A group as text: nothing, nan and blank text are unknown; 1.0 (a whole number beside empty cells) reads 1."""
    if value is None or value != value or not str(value).strip():  # noqa: PLR0124 - nan
        return UNKNOWN_GROUP
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _as_text(found: Labels | None) -> Labels | None:
    """Labels as text in the order of the text; blank text is unknown, and what reads alike is one group."""
    if found is None:
        return None
    texts = [group_name(name) for name in found.names]
    sorted_texts = sorted(set(texts))
    place = {text: position for position, text in enumerate(sorted_texts)}
    moved = np.array([place[text] for text in texts], dtype=np.int64)
    names = np.empty(len(sorted_texts), dtype=object)
    names[:] = sorted_texts
    return type(found)(moved[found.codes] if texts else found.codes, names)
