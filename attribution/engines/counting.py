"""What became of the touches, as counts that the engine makes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.engines.graph import served_alike
from attribution.engines.tables import TIME, count_of
from attribution.engines.touches import PERSON

if TYPE_CHECKING:
    from attribution.engines.graph import Graph
    from attribution.rules import Rules

__all__ = ["used_touches", "why_withheld", "withheld"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = "wl_last"


def withheld(graph: Graph) -> nw.LazyFrame[Any]:
    """One row: touches of converted persons, and why some of them can take no credit from any conversion."""
    source, rules = graph.touches.source, graph.rules
    last = graph.counted().group_by(PERSON).agg(nw.col(TIME).max().alias(_LAST))
    picked = graph.touches.frame.select(
        source.text(source.column("person")).alias(PERSON),
        nw.col(TIME),
        why_withheld(graph, rules).alias("wl_why"),
    )
    joined = picked.join(last, on=PERSON, how="inner")
    noted = nw.col("wl_why")
    return joined.select(
        nw.len().alias("converters"),
        count_of(noted == 1).alias("inbound"),
        count_of(noted == 2).alias("early"),
        count_of((noted == 0) & (nw.col(TIME) > nw.col(_LAST))).alias("after"),
    )


def used_touches(graph: Graph) -> nw.LazyFrame[Any]:
    """One row: how many touches are eligible for at least one conversion.

    A touch with several conversions is counted with the first of them; touches that are alike in all that decides are
    counted one by one.
    """
    return served_alike(graph).select(nw.len().alias("used"))


def why_withheld(graph: Graph, rules: Rules) -> nw.Expr:
    """0 for a touch that may take credit, 1 for one that the customer began, 2 for one before `not_before`."""
    source, why = graph.touches.source, nw.lit(0)
    if isinstance(rules.not_before, datetime):
        start = (rules.not_before - _EPOCH) // timedelta(microseconds=1)
        why = nw.when(nw.col(TIME) < start).then(nw.lit(2)).otherwise(why)
    if rules.origin == "outbound":
        inbound = source.text(source.column("origin")) != "outbound"
        why = nw.when(inbound).then(nw.lit(1)).otherwise(why)
    return why
