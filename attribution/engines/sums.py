"""The credit sums of two lazy tables, and the counts behind the findings: small tables, no rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.errors import InputError
from attribution.core.tables import Problems
from attribution.core.type_names import TEXT, WHOLE_NUMBERS, different_keys
from attribution.engines.conversions import ID, VALUE, read_engine_conversions
from attribution.engines.graph import Graph, credited_groups, served_pairs
from attribution.engines.lookbacks import note_lookbacks
from attribution.engines.native import engine_name, same_engine
from attribution.engines.spec import EngineSums, TwoEnginesError, UnsupportedError
from attribution.engines.support import why_not
from attribution.engines.tables import collect, collect_table, open_source
from attribution.engines.touches import PERSON, read_engine_touches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from attribution.core.columns import Columns
    from attribution.engines.spec import EngineKey, RuleShare
    from attribution.rules import Rules

__all__ = [
    "TouchCounts",
    "count_touched",
    "count_touches",
    "engine_attribute_sums",
    "engine_fingerprint",
    "key_values",
    "open_engine",
]


def open_engine(
    touches: object, conversions: object, *, rules: Rules, columns: Mapping[str, Columns], judge: bool = True
) -> Graph:
    """Check two lazy tables in their engine; no row is brought into memory.

    Args:
        touches: One row per touch.
        conversions: One row per conversion.
        rules: The rules.
        columns: The user's names of the columns of "touches" and of "conversions".
        judge: Whether the graph must hold the rules too; to check and to pull tables it need not.

    Raises:
        TableError: Lists every problem of both tables.
        UnsupportedError: When the graph cannot hold the case; the message says why.
    """
    reason = why_not(rules) if judge else None
    if reason is not None:
        raise UnsupportedError(reason)
    problems = Problems()
    left = open_source(touches, "touches", columns["touches"], problems)
    right = open_source(conversions, "conversions", columns["conversions"], problems)
    if not same_engine(left.frame, right.frame):
        raise TwoEnginesError("the two tables are not held by one engine and connection")
    for source in (left, right):
        source.require(rules.match)
    read = read_engine_touches(left, rules)
    bought = read_engine_conversions(right)
    _same_kind(left, right)
    if read is not None:
        note_lookbacks(read, rules)
    problems.raise_if_any()
    if read is None or bought is None:
        raise InputError("the tables cannot be read.")
    return Graph(touches=read, conversions=bought, rules=rules)


def _same_kind(left: Any, right: Any) -> None:
    """Note persons that are text in one table and numbers in the other."""
    if not left.has("person") or not right.has("person"):
        return
    kinds = [TEXT if item.is_text(item.column("person")) else WHOLE_NUMBERS for item in (left, right)]
    usable = all(item.is_text(item.column("person")) or item.is_whole(item.column("person")) for item in (left, right))
    if usable and kinds[0] != kinds[1]:
        message = different_keys(kinds[1], kinds[0], left.name)
        right.note("KEY_TYPE_MISMATCH", right.column("person"), right.rows(), message)


def engine_attribute_sums(graph: Graph, *, shares: Sequence[RuleShare], keys: Sequence[EngineKey]) -> EngineSums:
    """The credit of every rule by group of keys: one query, a few rows.

    Args:
        graph: The checked tables and the rules.
        shares: How each model divides a conversion.
        keys: The columns that key the credit.

    Raises:
        UnsupportedError: For a column that the engines do not order or compare alike.
    """
    import pyarrow as pa

    for key in keys:
        _check_key(graph, key)
    found = collect_table(credited_groups(graph, keys, shares))
    persons, counted, counted_value = _count_conversions(graph)
    order = _stable_order(found, len(keys))
    found = found.take(pa.array(order, pa.int64()))

    def numbers(name: str) -> Any:
        return np.array([float(item) for item in found.column(name).to_pylist()], np.float64)

    return EngineSums(
        keys=found.select([f"key{place}" for place in range(len(keys))]),
        untouched=np.array([item == 1 for item in found.column("wl_lone").to_pylist()], bool),
        conversions=np.array([numbers(f"c{place}") for place in range(len(shares))]).reshape(len(shares), len(found)),
        value=np.array([numbers(f"v{place}") for place in range(len(shares))]).reshape(len(shares), len(found)),
        number=numbers("number"),
        worth=numbers("worth"),
        persons=persons,
        counted=counted,
        counted_value=counted_value,
    )


def _count_conversions(graph: Graph) -> tuple[int, int, float]:
    """Persons with a counted conversion, counted conversions, their value."""
    persons = graph.counted().group_by(PERSON).agg(nw.len().alias("n"), nw.col(VALUE).sum().alias("value"))
    asked = (nw.len().alias("persons"), nw.col("n").sum().alias("n"), nw.col("value").sum().alias("value"))
    row = collect(persons.select(*asked))[0]
    return int(row["persons"] or 0), int(row["n"] or 0), float(row["value"] or 0.0)


def count_touched(graph: Graph) -> tuple[int, int, int, float]:
    """Persons with a counted conversion, counted conversions, those with an eligible touch, the value of all."""
    persons, counted, value = _count_conversions(graph)
    touched = served_pairs(graph).frame.group_by(ID).agg(nw.len().alias("n"))
    row = collect(touched.select(nw.len().alias("touched")))[0]
    return persons, counted, int(row["touched"] or 0), value


def _stable_order(found: pa.Table, keys: int) -> list[int]:
    """The groups by their keys as text: an engine returns them in any order."""
    columns = [[str(item) for item in found.column(f"key{place}").to_pylist()] for place in range(keys)]
    lone = found.column("wl_lone").to_pylist()
    return sorted(range(len(lone)), key=lambda row: (lone[row], *(column[row] for column in columns)))


def _check_key(graph: Graph, key: EngineKey) -> None:
    source = graph.touches.source if key.side == "touch" else graph.conversions.source
    kind = source.schema[key.column]
    if kind.is_nested() or kind == nw.Binary:
        raise InputError(
            f"{source.name}.{key.column} holds {kind}; a key column holds text, numbers, dates or truth values."
        )
    if kind == nw.Duration and engine_name(source.frame) != "polars":
        raise InputError(
            f"{source.name}.{key.column} holds intervals, which may be of months; cast them to numbers or text to key "
            "credit by them."
        )


def key_values(graph: Graph, keys: Sequence[EngineKey]) -> pa.Table:
    """The distinct values of key columns of the touches over the whole table: keys without credit have a row too."""
    import pyarrow as pa

    source = graph.touches.source
    columns = [key.column for key in keys if key.side == "touch"]
    if columns == [source.column("channel")]:
        return pa.table({"key0": pa.array(sorted({channel for channel, _ in graph.touches.channels}), pa.string())})
    picked = [source.text(column).alias(f"key{place}") for place, column in enumerate(columns)]
    return collect_table(source.frame.select(*picked).unique())


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchCounts:
    """What became of the touches, each counted once.

    Attributes:
        rows: All touches.
        converters: Touches of persons with a counted conversion.
        inbound: Of these, left out because the customer began them.
        early: Of these, left out because they are older than `not_before`.
        after: Of these, not withheld and later than the person's last counted conversion.
        used: Touches that are eligible for at least one conversion.
        later_conversions: Conversions set aside by ``reuse="first"``.
    """

    rows: int
    converters: int
    inbound: int
    early: int
    after: int
    used: int
    later_conversions: int


def count_touches(graph: Graph) -> TouchCounts:
    """Count what became of the touches: two queries, no rows."""
    from attribution.engines.counting import used_touches, withheld

    rows = graph.touches.facts.rows
    row = collect(withheld(graph))[0]
    used = collect(used_touches(graph))[0]["used"] or 0
    later = 0
    if graph.rules.reuse == "first":
        everybody = collect(graph.conversions.frame.select(nw.len().alias("n")))[0]["n"]
        later = everybody - collect(graph.counted().select(nw.len().alias("n")))[0]["n"]
    return TouchCounts(
        rows=rows,
        converters=row["converters"] or 0,
        inbound=row["inbound"] or 0,
        early=row["early"] or 0,
        after=row["after"] or 0,
        used=int(used),
        later_conversions=int(later),
    )


def engine_fingerprint(graph: Graph, rest: str) -> str:
    """48 hexadecimal digits of counts and sums of the two tables, and of the rules: the same for any order of rows.

    It is another number than the fingerprint of the same rows in memory, which reads every cell.
    """
    parts = [repr(sorted(facts.figures.items())) for facts in (graph.touches.facts, graph.conversions.facts)]
    return "".join(hashlib.sha256(part.encode()).hexdigest()[:16] for part in (*parts, rest))
