"""The checked customers of a campaign: who was at risk, and when each was last active before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.tables import Table, open_table
from attribution.core.values import duplicates, encode_together, instants, keys, numbers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.tables import Problems

__all__ = ["NEVER", "Customers", "read_customers"]

NEVER = int(np.iinfo(np.int64).min)  # the last activity of a customer without one


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Customers:
    """The customers table, checked; one entry per person, sorted.

    Attributes:
        table: The table itself, for columns that are asked for by name.
        person: Person keys, each once.
        last_active: Microseconds since 1970-01-01 UTC, `NEVER` where the cell is empty; None without that column.
        is_test: Which persons are test accounts; None without that column.
    """

    table: Table
    person: pa.Array
    last_active: NDArray[np.int64] | None
    is_test: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.person)


def read_customers(
    data: object, roles: Columns, *, problems: Problems, last_active: bool = False, repeated: bool = False
) -> Customers | None:
    """Check the customers table; None when it is unusable, and then everything wrong with it is in `problems`.

    A table with customer numbers may hold several rows of one person, one per number: the latest activity counts, and
    one test account makes a test person.

    Args:
        data: Any table.
        roles: Its column names.
        problems: Where problems are noted.
        last_active: Whether the rules need the last activity.
        repeated: Whether a person may have several rows without customer numbers too.
    """
    required = ("person", "last_active") if last_active else ("person",)
    table = open_table(
        data, "customers", roles, problems=problems, required=required, optional=("last_active", "is_test")
    )
    person = keys(table, "person")
    unique = keys(table, "customer") if table.has("customer") else None if repeated else person
    if unique is not None:
        _note_repeated(table, unique)
    active = instants(table, "last_active", allow_null=True) if table.has("last_active") else None
    tests = numbers(table, roles.is_test, missing=0.0) if table.has("is_test") else None
    if tests is not None and not np.isin(tests, (0.0, 1.0)).all():
        wrong = int((~np.isin(tests, (0.0, 1.0))).sum())
        message = "whether a customer is a test account is true or false (or 1 or 0); recode the column"
        table.problems.add("NOT_BINARY", table.name, roles.is_test, wrong, message=message)
    unread = (table.has("last_active") and active is None) or (table.has("is_test") and tests is None)
    if person is None or unread or (last_active and active is None):
        return None
    return _by_person(table, person, active, tests)


def _note_repeated(table: Table, key: pa.Array) -> None:
    count, examples = duplicates(key)
    if count:
        role = table.roles.customer if table.has("customer") else table.roles.person
        message = "a customer occurs more than once; keep one row each, or join customer numbers with identity="
        table.problems.add("REPEATED_PERSON", table.name, role, count, message=message, examples=examples)


def _by_person(
    table: Table, person: pa.Array, active: NDArray[np.int64] | None, tests: NDArray[np.float64] | None
) -> Customers:
    import pyarrow as pa

    (codes,), names = encode_together(person)
    latest = tested = None
    if active is not None:
        latest = np.full(len(names), NEVER, np.int64)
        np.maximum.at(latest, codes, active)
    if tests is not None:
        tested = np.bincount(codes, weights=tests, minlength=len(names)) > 0
    return Customers(table=table, person=pa.array(names.tolist(), type=person.type), last_active=latest, is_test=tested)
