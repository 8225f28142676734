"""The graph as a SQL text, for a warehouse that an analyst runs it in by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.columns import Columns
from attribution.core.tables import Problems
from attribution.engines.conversions import EngineConversions, own_columns
from attribution.engines.graph import Graph, credited_groups
from attribution.engines.spec import TableFacts, UnsupportedError
from attribution.engines.tables import TIME, open_source, read_times
from attribution.engines.touches import EngineTouches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.engines.spec import EngineKey, RuleShare
    from attribution.rules import Rules

__all__ = ["warehouse_sql"]


def warehouse_sql(
    touches: Any,
    conversions: Any,
    *,
    rules: Rules,
    shares: Sequence[RuleShare],
    keys: Sequence[EngineKey],
    dialect: str,
) -> str:
    """The query of credit by group, unchecked: nothing runs, so nothing is known about the rows.

    Args:
        touches: An Ibis table, which needs no database behind it; its times carry a zone.
        conversions: Likewise, without refunds.
        rules: The rules.
        shares: How each model divides a conversion.
        keys: The columns that key the credit.
        dialect: What Ibis and SQLGlot call the warehouse: "bigquery", "snowflake", "databricks", "trino" ...

    Raises:
        UnsupportedError: For local times, which need the first and last time to know the changes of clocks.
    """
    import ibis

    problems = Problems()
    left, right = (
        open_source(table, name, Columns(), problems)
        for table, name in ((touches, "touches"), (conversions, "conversions"))
    )
    read = [read_times(left), read_times(right, end_of_day=True)]
    problems.raise_if_any()
    frames = []
    for found in read:
        if found is None or not found[1].aware:
            raise UnsupportedError("a query that nobody runs needs times that carry a zone")
        frame, times = found
        clock = times.clock(None, None)
        frames.append((frame.with_columns(times.instant(clock).alias(TIME)), times, clock))
    nothing = TableFacts(rows=0, first=None, last=None, figures={})
    graph = Graph(
        touches=EngineTouches(
            source=left, frame=frames[0][0], facts=nothing, channels={}, times=frames[0][1], clock=frames[0][2]
        ),
        conversions=EngineConversions(
            source=right,
            frame=frames[1][0].with_columns(*own_columns(right)),
            facts=nothing,
            has_value=right.has("value"),
            refunds=0,
            refunded=0,
        ),
        rules=rules,
    )
    return str(ibis.to_sql(credited_groups(graph, keys, shares).to_native(), dialect=dialect))
