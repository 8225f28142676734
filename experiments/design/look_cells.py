"""Cells of a saved log of looks, and whether they say what the plan gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError
from attribution.core.tables import Problems, open_table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["compare_look", "count_of", "log_changed", "number_of", "rows_of_log", "text_of"]

# Writers of JSON keep some ten digits, and ten places of a small p-value.
_CLOSE, _NEAR = 1e-6, 1e-9


def rows_of_log(table: object, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a saved log: a table of any kind, or a list of dicts.

    Args:
        table: What was saved.
        names: Columns that it must have.

    Raises:
        TableError: For missing columns, or one that mixes text and numbers.
        InputError: For rows that lack a column.
    """
    if isinstance(table, list) and all(isinstance(row, dict) for row in table):
        lacking = [name for name in names if any(name not in row for row in table)]
        if lacking:
            raise InputError(f"the rows of the log lack {', '.join(map(repr, lacking))}.")
        return [dict(row) for row in table]
    problems = Problems()
    opened = open_table(table, "looks", Columns(), problems=problems)
    opened.require_names(*names)
    problems.raise_if_any()
    columns = {name: opened.arrow(name).to_pylist() for name in names}
    problems.raise_if_any()  # a column that mixes text and numbers shows only when it is read
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def log_changed(what: str) -> DesignError:
    """The error of a log that is not as it was saved."""
    return DesignError("LOOKS_CHANGED", f"{what}. Restore the log as it was saved.")


def compare_look(row: dict[str, Any], made: dict[str, object], *, numbers: Sequence[str], words: Sequence[str]) -> None:
    """What the plan gives must be what the table says.

    Args:
        row: The row as it was read.
        made: The row as the plan and the figures of the look give it.
        numbers: Columns of numbers; an open end and an empty cell are the same.
        words: Columns of text.

    Raises:
        DesignError: LOOKS_CHANGED.
    """
    for name in numbers:
        told, found = (_finite(value) for value in (number_of(row, name), made[name]))
        same = told is None and found is None
        if told is not None and found is not None:
            same = math.isclose(told, found, rel_tol=_CLOSE, abs_tol=_NEAR)
        if not same:
            raise log_changed(f"the {name} of {row['arm']} on {row['date']} is {told!r}, and the plan gives {found!r}")
    for name in words:
        if text_of(row, name) != made[name]:
            raise log_changed(
                f"the column {name!r} of {row['arm']} on {row['date']} says {row[name]!r}, and the plan gives "
                f"{made[name]!r}"
            )


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def text_of(row: dict[str, Any], name: str) -> str:
    """Text of a cell; readers of CSV take an empty one for a missing value."""
    value = row[name]
    empty = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if empty else str(value)


def number_of(row: dict[str, Any], name: str) -> float | None:
    """Number of a cell; None where it is empty."""
    value = row[name]
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"the column {name!r} of the log must hold numbers, got {value!r}.") from None
    return None if math.isnan(number) else number


def count_of(row: dict[str, Any], name: str) -> int:
    """Whole number of a cell."""
    number = number_of(row, name)
    if number is None or not math.isfinite(number) or not number.is_integer():
        raise InputError(f"the column {name!r} of the log must hold whole numbers, got {row[name]!r}.")
    return int(number)
