"""The checked conversions of a campaign, net of refunds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.tables import Table, open_table
from attribution.core.values import duplicates, instants, keys, numbers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.tables import Problems

__all__ = ["Conversions", "check_reversals", "net_of_refunds", "read_conversions"]

# A refund that returns all but this share of a value is a full refund (amounts are sums of decimals held in binary).
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Conversions:
    """The conversions table, checked; one entry per row of the caller's table, in its order.

    Attributes:
        table: The table itself, for columns that are asked for by name.
        person: Person keys.
        time: Microseconds since 1970-01-01 UTC; with day precision the end of the day.
        conversion: Conversion ids, unique.
        value: Value net of refunds; zeros when there is no value column.
        has_value: Whether there is a value column.
        gross: Value as booked, before refunds.
        reverses: Row of the conversion that each refund names; -1 for every other row.
        refund: Which rows are refunds: they are no conversions of their own.
        refunded: Which conversions were refunded in full: they are set aside.
    """

    table: Table
    person: pa.Array
    time: NDArray[np.int64]
    conversion: pa.Array
    value: NDArray[np.float64]
    has_value: bool
    gross: NDArray[np.float64]
    reverses: NDArray[np.int64]
    refund: NDArray[np.bool_]
    refunded: NDArray[np.bool_]


def read_conversions(data: object, roles: Columns, *, problems: Problems) -> Conversions | None:
    """Check the conversions table; None when it is unusable, and then everything wrong with it is in `problems`.

    A row whose ``refund_of`` is filled reduces the value of the conversion it names by the size of its own value,
    whatever its sign.
    """
    table = open_table(
        data,
        "conversions",
        roles,
        problems=problems,
        required=("person", "time", "conversion"),
        optional=("value", "refund_of"),
    )
    person = keys(table, "person")
    time = instants(table, "time", end_of_day=True)
    conversion = keys(table, "conversion")
    if conversion is not None:
        count, examples = duplicates(conversion)
        if count:
            message = "a conversion id occurs more than once; remove repeated rows, or give each conversion its own id"
            problems.add("DUPLICATE_ID", table.name, roles.conversion, count, message=message, examples=examples)
    value = _values(table)
    if person is None or time is None or conversion is None or value is None:
        return None
    refund = _refund_rows(table)
    reverses = _reverses(table, person, conversion, value, refund)
    net, refunded = net_of_refunds(value, reverses)
    return Conversions(
        table=table,
        person=person,
        time=time,
        conversion=conversion,
        value=net,
        has_value=table.has("value"),
        gross=value,
        reverses=reverses,
        refund=refund,
        refunded=refunded,
    )


def _values(table: Table) -> NDArray[np.float64] | None:
    if table.has("value"):
        return numbers(table, table.roles.value)
    if table.has("refund_of"):
        table.require("value")
        return None
    return np.zeros(table.rows)


def _refund_rows(table: Table) -> NDArray[np.bool_]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.has("refund_of"):
        return np.zeros(table.rows, bool)
    name = table.roles.refund_of
    named = table.arrow(name)
    if pa.types.is_nested(named.type):
        message = f"a refund names one conversion, got {named.type}; give each refund a row of its own"
        table.problems.add("WRONG_TYPE", table.name, name, len(named), message=message)
        return np.zeros(table.rows, bool)
    filled = pc.invert(pc.is_null(named, nan_is_null=True))
    if pa.types.is_string(named.type) or pa.types.is_large_string(named.type):
        filled = pc.and_(filled, pc.not_equal(pc.utf8_trim_whitespace(pc.fill_null(named, "")), ""))
    return filled.to_numpy(zero_copy_only=False).astype(bool)  # type: ignore[no-any-return]


def net_of_refunds(
    gross: NDArray[np.float64], reverses: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values after refunds, and which conversions were refunded in full.

    Args:
        gross: Value as booked, by row.
        reverses: Row of the conversion that a refund reduces; -1 for rows that reduce nothing.
    """
    if not (reverses >= 0).any():
        return gross, np.zeros(len(gross), bool)
    returned, touched = _returned(gross, reverses)
    net = gross - returned
    refunded = touched & (net <= _slack(gross))
    return np.where(refunded, 0.0, net), refunded


def check_reversals(table: Table, name: str, amount: NDArray[np.float64], reverses: NDArray[np.int64]) -> None:
    """Note conversions of which more is reversed than they hold."""
    returned, touched = _returned(amount, reverses)
    over = touched & (amount - returned < -_slack(amount))
    if not over.any():
        return
    conversion = table.arrow(table.roles.conversion)
    examples = [conversion[int(row)].as_py() for row in np.flatnonzero(over)[:5]]
    message = "refunds are larger than the value of the conversion they reverse"
    table.problems.add(
        "REFUND_TOO_LARGE", table.name, name, int(over.sum()), message=message, examples=sorted(map(str, examples))
    )


def _slack(amount: NDArray[np.float64]) -> NDArray[np.float64]:
    slack: NDArray[np.float64] = _ROUNDING * np.maximum(np.abs(amount), 1.0)
    return slack


def _returned(
    amount: NDArray[np.float64], reverses: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What was reversed of each row, and which rows were touched by that."""
    rows = np.flatnonzero(reverses >= 0)
    # Refunds are added up in the order of their size, so that the order of the rows changes no bit.
    returned = np.abs(amount[rows])
    order = np.argsort(returned, kind="stable")
    target = reverses[rows]
    summed = np.asarray(np.bincount(target[order], weights=returned[order], minlength=len(amount)), np.float64)
    touched = np.zeros(len(amount), bool)
    touched[target] = True
    return summed, touched


def _reverses(
    table: Table, person: pa.Array, conversion: pa.Array, value: NDArray[np.float64], refund: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Row of the conversion that each refund reverses, -1 elsewhere; what is wrong with refunds is noted."""
    name = table.roles.value
    negative = (value < 0) & np.isfinite(value) & ~refund
    if negative.any():
        message = "a value is negative; if it is a refund, name the conversion it reverses in the column `refund_of`"
        rows = [f"row {row}" for row in np.flatnonzero(negative)[:5]]
        table.problems.add("NEGATIVE_VALUE", table.name, name, int(negative.sum()), message=message, examples=rows)
    if not refund.any():
        return np.broadcast_to(np.int64(-1), len(value))  # of all rows in the room of one
    reverses = np.full(len(value), -1, np.int64)
    reverses[refund] = _refunded_rows(table, conversion, refund)
    check_reversals(table, name, value, reverses)
    _check_persons(table, person, reverses)
    return reverses


def _check_persons(table: Table, person: pa.Array, reverses: NDArray[np.int64]) -> None:
    """Note refunds of a person who did not make the conversion."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = np.flatnonzero(reverses >= 0)
    other = pc.not_equal(person.take(pa.array(rows)), person.take(pa.array(reverses[rows])))
    wrong = rows[other.to_numpy(zero_copy_only=False).astype(bool)]
    if len(wrong):
        message = (
            "a refund names a conversion of another person; correct `refund_of`, or join the customer numbers of a "
            "person first with resolve_identity"
        )
        table.problems.add(
            "REFUND_OTHER_PERSON", table.name, table.roles.refund_of, len(wrong), message=message,
            examples=[f"row {row}" for row in wrong[:5]],
        )  # fmt: skip


def _refunded_rows(table: Table, conversion: pa.Array, refund: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Row of the conversion that each refund names; -1 (and noted) where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = table.roles.refund_of
    named = table.arrow(name).filter(pa.array(refund))
    if pa.types.is_floating(named.type) and pa.types.is_integer(conversion.type):
        named = named.cast(pa.int64(), safe=False)  # whole numbers with gaps arrive as floats from pandas
    if named.type != conversion.type:
        named = named.cast(conversion.type if pa.types.is_large_string(conversion.type) else pa.large_string())
        conversion = conversion.cast(named.type)
    found = pc.fill_null(pc.index_in(named, value_set=conversion), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    wrong = (found < 0) | refund[found]
    if wrong.any():
        examples = sorted({str(named[int(row)].as_py()) for row in np.flatnonzero(wrong)[:1000]})
        message = "a refund names a conversion that is not in the table (or is itself a refund)"
        table.problems.add("UNKNOWN_REFUND", table.name, name, int(wrong.sum()), message=message, examples=examples)
    return np.where(wrong, -1, found)
