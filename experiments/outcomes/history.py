"""What was known about the persons before the assignment, carried on to the outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from attribution.core.tables import open_table
from attribution.core.values import duplicates, instants, keys

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.tables import Problems, Table

__all__ = ["RESERVED", "History", "carry_history", "read_history"]

RESERVED = (
    "person_id", "arm", "p_assign", "stratum", "woken", "value", "orders", "touch_cost", "incentive_cost",
    "fixed_cost", "cost",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class History:
    """The checked history, one entry per row.

    Attributes:
        table: The opened table.
        person: The key; None when a problem was noted.
        names: The columns that are carried on, in the table's order.
        closed_at: When the account was closed (smallest int64: never), when the table has it.
    """

    table: Table
    person: pa.Array | None
    names: tuple[str, ...]
    closed_at: NDArray[np.int64] | None


def read_history(data: object, roles: Columns, *, problems: Problems) -> History:
    """Read the history; problems are noted."""
    import pyarrow as pa

    table = open_table(data, "history", roles, problems=problems, required=("person",), optional=("closed",))
    person = keys(table, "person")
    if person is not None:
        repeats, examples = duplicates(person)
        if repeats:
            problems.add(
                "REPEATED_PERSON", table.name, roles.person, repeats,
                message="the history needs one row per person; sum or choose before passing it", examples=examples,
            )  # fmt: skip
    names = tuple(name for name in table.names if name != roles.person)
    clashing = [name for name in names if name in RESERVED]
    for name in clashing:
        problems.add(
            "RESERVED_NAME", table.name, name, 1,
            message=f"{name!r} is a column of the outcomes itself; rename the column of the history",
        )  # fmt: skip
    table.load(*names)
    for name in names:
        if pa.types.is_nested(table.arrow(name).type):
            problems.add(
                "WRONG_TYPE", table.name, name, table.rows,
                message=f"a column of the history needs one plain value per person, got {table.arrow(name).type}; "
                "unpack it or drop it",
            )  # fmt: skip
    return History(table=table, person=person, names=names, closed_at=instants(table, "closed", allow_null=True))


def carry_history(
    history: History, code: NDArray[np.int64], kept: NDArray[np.int64], persons: int
) -> tuple[dict[str, pa.Array], NDArray[np.int64], list[Finding]]:
    """The history's columns for the persons kept (by code), the row of each in the history, and how many have none."""
    import pyarrow as pa

    place = np.full(persons, -1, dtype=np.int64)
    place[code] = np.arange(len(code))
    row = place[kept]
    rows = pa.array(row, mask=row < 0)
    columns = {name: history.table.arrow(name).take(rows) for name in history.names}
    without = int((row < 0).sum())
    if not without:
        return columns, row, []
    return columns, row, [Finding(code="NO_HISTORY", status="note", values={"persons": without, "assigned": len(kept)})]
