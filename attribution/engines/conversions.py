"""The conversions in their engine: checked, net of refunds, and those that count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.core.type_names import TO_NUMBERS
from attribution.engines.native import with_byte_order
from attribution.engines.spec import TableFacts, UnsupportedError
from attribution.engines.tables import (
    RAW,
    TIME,
    Source,
    Times,
    blank,
    collect,
    count_of,
    midnight,
    read_times,
    refuse_type,
)
from attribution.engines.touches import PERSON, lost_text, note_ids, plain_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.engines.zones import Clock
    from attribution.rules import Rules

__all__ = ["EngineConversions", "counted_conversions", "own_columns", "read_engine_conversions"]

ID, VALUE, ORDER = "wl_conversion", "wl_value", "wl_conversion_order"
_REFUND_OF, _RETURNED = "wl_refund_of", "wl_returned"
_DAY_SHARE, _DAY_ROWS = 0.95, 20  # as for tables in memory
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EngineConversions:
    """The checked conversions.

    Attributes:
        source: The table.
        frame: The conversions that are no refunds and not refunded in full, with `PERSON`, `ID`, `TIME`, `VALUE` (net
            of refunds) and their own columns.
        facts: What the passes over the table told.
        has_value: Whether there is a value column.
        refunds: Rows that are refunds.
        refunded: Conversions refunded in full.
    """

    source: Source
    frame: nw.LazyFrame[Any]
    facts: TableFacts
    has_value: bool
    refunds: int
    refunded: int


def read_engine_conversions(source: Source) -> EngineConversions | None:
    """Check the conversions; None when they are unusable, and then everything wrong with them is noted.

    Raises:
        UnsupportedError: For columns of types that the engines treat each in their own way.
    """
    roles = source.roles
    if not source.require([roles.person, roles.time, roles.conversion]):
        return None
    before = len(source.problems.issues)
    for role in ("person", "conversion"):
        name = source.column(role)
        if not source.is_text(name) and not source.is_whole(name):
            refuse_type(source, role)
    if roles.refund_of in source.schema and not source.require([roles.value]):
        return None
    _check_value_type(source)
    read = read_times(source, end_of_day=True)
    if read is None or len(source.problems.issues) > before:
        return None
    frame, times = read
    note_ids(source, "conversion", "DUPLICATE_ID", "a conversion id occurs more than once; remove repeated rows, or "
             "give each conversion its own id")  # fmt: skip
    picked = frame.with_columns(*own_columns(source))
    row = _pass(source, picked)
    clock = times.clock(row["low"], row["high"])
    _note_keys_and_values(source, row)
    _note_times(source, picked, times, clock, row)
    if len(source.problems.issues) > before:
        return None
    picked = picked.with_columns(times.instant(clock).alias(TIME))
    first, last = _day_ends(picked) if times.day else _ends(clock, times, row)
    refunds = int(row["refunds"])
    refunded = 0
    if refunds:
        picked, refunded = _net_of_refunds(source, picked)
        if len(source.problems.issues) > before:
            return None
    return EngineConversions(
        source=source,
        frame=picked,
        facts=TableFacts(rows=row["n"], first=first, last=last, figures=_figures(row)),
        has_value=source.has("value"),
        refunds=refunds,
        refunded=refunded,
    )


def _check_value_type(source: Source) -> None:
    name = source.column("value")
    if name not in source.schema:
        return
    kind = source.schema[name]
    if kind == nw.Unknown:
        raise UnsupportedError(f"conversions.{name} is of a type that Narwhals does not know")
    if not (kind.is_numeric() or kind == nw.Boolean):
        source.note("WRONG_TYPE", name, source.rows(), f"numbers are needed, got {kind}; {TO_NUMBERS}")


def own_columns(source: Source) -> list[nw.Expr]:
    """Person, id, value and the conversion that a refund names, as the graph calls them."""
    roles = source.roles
    value: nw.Expr = nw.lit(0.0)
    if source.has("value"):
        value = nw.col(roles.value)
        value = (value.cast(nw.Int8) if source.schema[roles.value] == nw.Boolean else value).cast(nw.Float64)
    found = [source.text(roles.person).alias(PERSON), source.text(roles.conversion).alias(ID), value.alias(VALUE)]
    if source.has("refund_of"):
        kind = source.schema[roles.refund_of]
        if kind.is_nested() or kind in (nw.Binary, nw.Object):
            raise UnsupportedError(f"conversions.{roles.refund_of} holds {kind}")
        named = source.text(roles.refund_of)
        if source.is_text(roles.refund_of):
            named = nw.when(~blank(named)).then(named)
        elif kind.is_float():
            named = nw.when(~named.is_nan()).then(named)
        found.append(named.alias(_REFUND_OF))
    return found


def _pass(source: Source, frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    """One pass over the table: what can be wrong with it, its times and values."""
    person, value, roles = nw.col(PERSON), nw.col(VALUE), source.roles
    empty = person.is_null()
    if source.is_text(roles.person):
        empty = empty | blank(person)
    known = ~value.is_null() & ~value.is_nan() & value.is_finite()
    negative = known & (value < 0)
    refunds = nw.lit(0)
    if source.has("refund_of"):
        refund = ~nw.col(_REFUND_OF).is_null()
        negative, refunds = negative & ~refund, count_of(refund)
    row = collect(
        frame.select(
            nw.len().alias("n"),
            count_of(empty).alias("no_person"),
            count_of(nw.col(RAW).is_null()).alias("no_time"),
            nw.col(RAW).min().alias("low"),
            nw.col(RAW).max().alias("high"),
            count_of(value.is_null() | value.is_nan()).alias("no_value"),
            count_of(~value.is_null() & ~value.is_nan() & ~value.is_finite()).alias("infinite"),
            count_of(negative).alias("negative"),
            nw.when(known).then(value).otherwise(nw.lit(0.0)).sum().alias("total"),
            refunds.alias("refunds"),
        )
    )[0]
    return {name: 0 if number is None and name not in ("low", "high") else number for name, number in row.items()}


def _note_keys_and_values(source: Source, row: dict[str, Any]) -> None:
    roles = source.roles
    for column, figure, code, message in (
        (roles.person, "no_person", "NULL_KEY", "a key is empty; remove or repair these rows"),
        (roles.time, "no_time", "NULL_TIME", "a time is missing or infinite; remove or repair these rows"),
        (roles.value, "no_value", "NULL_VALUE", "a number is missing; write 0 only where 0 is known"),
        (roles.value, "infinite", "NOT_FINITE", "infinite numbers cannot be summed; repair these rows"),
        (
            roles.value,
            "negative",
            "NEGATIVE_VALUE",
            "a value is negative; if it is a refund, name the conversion it reverses in the column `refund_of`",
        ),
    ):
        if row[figure]:
            source.note(code, column, row[figure], message)


def _note_times(source: Source, frame: nw.LazyFrame[Any], times: Times, clock: Clock, row: dict[str, Any]) -> None:
    """Note days that were not declared, and local times that clocks never showed or showed twice."""
    if times.day:
        return
    lost = None if times.aware else clock.lost(nw.col(RAW))
    asked = [count_of(midnight(times.local(clock))).alias("days")]
    if lost is not None:
        asked.append(count_of(lost).alias("lost"))
    found = collect(frame.select(*asked))[0]
    there, name = row["n"] - row["no_time"], source.column("time")
    if there >= _DAY_ROWS and (found["days"] or 0) > _DAY_SHARE * there:
        message = (
            "nearly all times are at 00:00: these are booking dates. "
            'Declare columns=Columns(..., precision="day"); '
            "a conversion then counts at the end of its day"
        )
        source.note("DAY_PRECISION", name, found["days"], message)
    if found.get("lost"):
        source.note("AMBIGUOUS_TIME", name, found["lost"], lost_text(clock))


def _net_of_refunds(source: Source, frame: nw.LazyFrame[Any]) -> tuple[nw.LazyFrame[Any], int]:
    """Conversions net of their refunds, and how many were refunded in full; what is wrong with refunds is noted."""
    refunds, booked = _refund_rows(source, frame)
    met = refunds.join(
        booked.select(nw.col(ID), nw.col(PERSON).alias("wl_owner")),
        left_on=_REFUND_OF,
        right_on=ID,
        how="left",
    )
    wrong = collect(
        met.select(
            count_of(nw.col("wl_owner").is_null()).alias("unknown"),
            count_of(nw.col("wl_owner") != nw.col(PERSON)).alias("other"),
        )
    )[0]
    roles = source.roles
    if wrong["unknown"]:
        strange = met.filter(nw.col("wl_owner").is_null()).select(_REFUND_OF)
        examples = sorted({str(item[_REFUND_OF]) for item in collect(strange.head(1000))})
        message = "a refund names a conversion that is not in the table (or is itself a refund)"
        source.note("UNKNOWN_REFUND", roles.refund_of, wrong["unknown"], message, examples)
    if wrong["other"]:
        message = (
            "a refund names a conversion of another person; correct `refund_of`, or join the customer numbers of a "
            "person first with resolve_identity"
        )
        source.note("REFUND_OTHER_PERSON", roles.refund_of, wrong["other"], message)
    returned = refunds.group_by(_REFUND_OF).agg(nw.col(VALUE).abs().sum().alias(_RETURNED))
    joined = booked.join(returned, left_on=ID, right_on=_REFUND_OF, how="left")
    gross, back = nw.col(VALUE), nw.col(_RETURNED)
    slack = nw.when(gross.abs() > 1.0).then(gross.abs() * _ROUNDING).otherwise(nw.lit(_ROUNDING))
    left = nw.when(back.is_null()).then(gross).otherwise(gross - back)
    full = ~back.is_null() & (left <= slack)
    row = collect(
        joined.select(count_of(full).alias("full"), count_of(~back.is_null() & (left < slack * -1.0)).alias("over"))
    )[0]
    if row["over"]:
        message = "refunds are larger than the value of the conversion they reverse"
        over = joined.filter(~back.is_null() & (left < slack * -1.0)).select(ID)
        examples = sorted(str(item[ID]) for item in collect(over.head(5)))
        source.note("REFUND_TOO_LARGE", roles.value, row["over"], message, examples)
    net = joined.filter(~full).with_columns(left.alias("wl_net"))
    kept = [name for name in frame.collect_schema().names() if name != VALUE]
    return net.select(*kept, nw.col("wl_net").alias(VALUE)), int(row["full"] or 0)


def _refund_rows(source: Source, frame: nw.LazyFrame[Any]) -> tuple[nw.LazyFrame[Any], nw.LazyFrame[Any]]:
    """The refunds, which name conversions in the type of the ids, and the conversions."""
    named = nw.col(_REFUND_OF)
    text, whole = source.is_text(source.roles.refund_of), source.is_whole(source.roles.refund_of)
    if source.is_text(source.roles.conversion):
        if not text and not whole:
            raise UnsupportedError(
                f"conversions.{source.roles.refund_of} and the conversion ids are of different types"
            )
        named = named if text else named.cast(nw.String)
    elif text:
        raise UnsupportedError(f"conversions.{source.roles.refund_of} holds text, the conversion ids whole numbers")
    elif not whole:
        named = named.cast(nw.Int64)
    refund = ~nw.col(_REFUND_OF).is_null()
    refunds = frame.filter(refund).select(named.alias(_REFUND_OF), nw.col(PERSON), nw.col(VALUE))
    return refunds, frame.filter(~refund)


def _figures(row: dict[str, Any]) -> dict[str, object]:
    return {
        "rows": row["n"], "low": row["low"], "high": row["high"], "refunds": row["refunds"],
        "value": f"{row['total']:.9g}",
    }  # fmt: skip


def _ends(clock: Clock, times: Times, row: dict[str, Any]) -> tuple[int | None, int | None]:
    low, high = row["low"], row["high"]
    if low is None or high is None:
        return None, None
    if times.aware:
        return low, high
    return plain_instant(clock, low), plain_instant(clock, high)


def _day_ends(frame: nw.LazyFrame[Any]) -> tuple[int | None, int | None]:
    row = collect(frame.select(nw.col(TIME).min().alias("first"), nw.col(TIME).max().alias("last")))[0]
    return row["first"], row["last"]


def counted_conversions(
    conversions: EngineConversions, rules: Rules, columns: Sequence[str], *, ordered: bool = False
) -> nw.LazyFrame[Any]:
    """The conversions that count: `PERSON`, `ID`, `TIME`, `VALUE`.

    Args:
        conversions: The checked conversions.
        rules: The rules.
        columns: Further columns to keep.
        ordered: Whether to number the conversions of each person in order (`ORDER`).
    """
    kept = list(dict.fromkeys([PERSON, ID, TIME, VALUE, *columns]))
    frame = conversions.frame
    if rules.reuse != "first" and not ordered:
        return frame.select(*kept)
    place = ID
    if conversions.source.is_text(conversions.source.roles.conversion):
        frame, place = with_byte_order(frame, {ID: "wl_id_order"}), "wl_id_order"
    numbered = frame.with_columns(nw.col(ID).cum_count().over(PERSON, order_by=[TIME, place]).alias(ORDER))
    if rules.reuse == "first":
        numbered = numbered.filter(nw.col(ORDER) == 1)
    return numbered.select(*kept, *([ORDER] if ordered else []))
