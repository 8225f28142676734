"""The join in spite of errors: the same tables without the rows that are errors, so that the rest can be checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.errors import TableError
from attribution.journeys.build import build_journeys

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.checks.reading import Given
    from attribution.core.columns import Columns
    from attribution.core.errors import TableIssue
    from attribution.journeys.plan import Journeys

__all__ = ["Joined", "joined"]

_REFUNDS = {"UNKNOWN_REFUND", "REFUND_TOO_LARGE", "REFUND_OTHER_PERSON"}


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """The plan that could be made, and the rows that had to be left out for it.

    Attributes:
        journeys: The plan; None when there is none even then.
        left_out: Rows left out, by table.
        issues: What kept the tables, as they were given, from being joined.
    """

    journeys: Journeys | None
    left_out: dict[str, int]
    issues: tuple[TableIssue, ...] = ()


def joined(given: Given, codes: set[str]) -> Joined:
    """The plan of touches and conversions, without the rows that are errors when there are errors.

    Args:
        given: The tables.
        codes: Codes of the issues that their reading gave.
    """
    tables = {name: _eager(given.of(name)) for name in ("touches", "conversions")}
    issues: list[TableIssue] = []
    left_out: dict[str, int] = {}
    known: set[str] = set()
    while True:
        try:
            kept, roles, left_out = _mended(given, tables, known) if issues else (tables, dict(given.roles), {})
            return Joined(_built(given, kept, roles), left_out, tuple(issues))
        except TableError as error:
            issues += [issue for issue in error.issues if issue not in issues]
        found = codes | {issue.code for issue in issues}
        if found == known:
            return Joined(None, left_out, tuple(issues))
        known = found


def _mended(
    given: Given, tables: dict[str, nw.DataFrame[Any]], codes: set[str]
) -> tuple[dict[str, nw.DataFrame[Any]], dict[str, Columns], dict[str, int]]:
    """The tables without the rows that are errors, their roles, and the number of rows left out."""
    kept: dict[str, Any] = {}
    left_out = {}
    roles = dict(given.roles)
    if "DAY_PRECISION" in codes:
        roles["conversions"] = replace(roles["conversions"], precision="day")
    for name, table in tables.items():
        try:
            good = _good_rows(table, roles[name], conversions=name == "conversions", codes=codes)
        except Exception:  # noqa: BLE001 -- what keeps a table from being mended is among its issues already
            good = np.ones(len(table), bool)
        left_out[name] = int((~good).sum())
        kept[name] = table.filter(good.tolist()) if left_out[name] else table
    return kept, roles, left_out


def _eager(table: Any) -> nw.DataFrame[Any]:
    native = nw.from_native(table, pass_through=True)
    if not isinstance(native, (nw.DataFrame, nw.LazyFrame)):
        native = nw.from_native(table.to_arrow())
    return native.collect("pyarrow") if isinstance(native, nw.LazyFrame) else native


def _built(given: Given, tables: dict[str, nw.DataFrame[Any]], roles: dict[str, Columns]) -> Journeys:
    # Without a rule that needs them the customers are compared apart: their table may have a row per customer number.
    customers = given.of("customers") if given.rules.dormancy is not None else None
    return build_journeys(
        tables["touches"].to_native(),
        tables["conversions"].to_native(),
        rules=given.rules,
        columns=roles,
        key_events=given.of("key_events"),
        customers=customers,
    )


def _good_rows(table: nw.DataFrame[Any], roles: Columns, *, conversions: bool, codes: set[str]) -> NDArray[np.bool_]:
    """Which rows hold no error that one row can hold: empty keys and times, repeated ids, wrong amounts and refunds."""
    needed = [roles.person, roles.time, roles.conversion if conversions else roles.channel]
    good = np.ones(len(table), bool)
    for name in needed:
        good &= ~_empty(table, name)
    unique = roles.conversion if conversions else roles.touch
    if conversions and roles.value in table.columns:
        good &= _sound_amounts(table, roles)
    if conversions and codes & _REFUNDS and roles.refund_of in table.columns:
        good &= _empty(table, roles.refund_of)
    if unique in table.columns:
        good[good] &= _first_of_each(table, unique, good)
    return good


def _arrow(table: nw.DataFrame[Any], name: str) -> pa.Array:
    import pyarrow as pa

    column = table.select(name).to_arrow().column(0)
    found = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    found = pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found


def _empty(table: nw.DataFrame[Any], name: str) -> NDArray[np.bool_]:
    import pyarrow as pa
    import pyarrow.compute as pc

    array = _arrow(table, name)
    empty = pc.is_null(array, nan_is_null=True)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        blank = pc.equal(pc.utf8_trim_whitespace(pc.fill_null(array, "")), "")
        empty = pc.or_(empty, blank)
    found: NDArray[np.bool_] = empty.to_numpy(zero_copy_only=False).astype(bool)
    return found


def _sound_amounts(table: nw.DataFrame[Any], roles: Columns) -> NDArray[np.bool_]:
    import pyarrow as pa

    value = _arrow(table, roles.value).cast(pa.float64()).to_numpy(zero_copy_only=False)
    refund = np.zeros(len(table), bool) if roles.refund_of not in table.columns else ~_empty(table, roles.refund_of)
    sound: NDArray[np.bool_] = np.isfinite(value) & ((value >= 0) | refund)
    return sound


def _first_of_each(table: nw.DataFrame[Any], name: str, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the good rows are the first of their id."""
    import pyarrow as pa

    ids = _arrow(table, name).filter(pa.array(good))
    codes = ids.dictionary_encode(null_encoding="encode").indices.to_numpy(zero_copy_only=False)
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return first
