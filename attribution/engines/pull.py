"""What the graph cannot hold: the touches that can matter are brought into memory, the others are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.engines.counting import why_withheld
from attribution.engines.lookbacks import longest_lookback
from attribution.engines.tables import TIME, collect, collect_table, count_of
from attribution.engines.touches import PERSON
from attribution.journeys.plan import LeftOut
from attribution.journeys.withheld import Withheld

if TYPE_CHECKING:
    import pyarrow as pa

    from attribution.engines.graph import Graph
    from attribution.rules import Rules

__all__ = ["Pulled", "pull_relevant"]

_FIRST, _LAST, _WHY = "wl_first", "wl_last", "wl_why"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pulled:
    """Rows that were brought into memory.

    Attributes:
        touches: The touches that can matter, with all columns of the caller's table.
        conversions: All conversions, likewise.
        left_out: The touches that were left where they are, counted.
        observed: First and last instant in either table.
    """

    touches: pa.Table
    conversions: pa.Table
    left_out: LeftOut
    observed: tuple[int, int]


def pull_relevant(graph: Graph, rules: Rules) -> Pulled:
    """Bring the touches into memory that some conversion might credit under some rules.

    The engine keeps the touches of persons with a conversion (a semi-join), and of these the ones between the person's
    first conversion less the longest lookback and the person's last conversion. Where rules judge rows that lie outside
    (delivery levels, dormancy) all touches of these persons come.

    Args:
        graph: The checked tables.
        rules: The rules under which the touches are wanted, which need not be those of the graph.
    """
    source = graph.touches.source
    spans = graph.conversions.frame.group_by(PERSON).agg(
        nw.col(TIME).min().alias(_FIRST), nw.col(TIME).max().alias(_LAST)
    )
    joined = graph.touches.frame.with_columns(source.text(source.column("person")).alias(PERSON)).join(
        spans, on=PERSON, how="inner"
    )
    near = _near(graph, rules)
    kept = joined if near is None else joined.filter(near)
    touches = collect_table(kept.select(*source.names))
    conversions = collect_table(graph.conversions.source.frame)
    return Pulled(
        touches=touches,
        conversions=conversions,
        left_out=_left_out(graph, rules, joined, near, len(touches)),
        observed=observed_ends(graph),
    )


def observed_ends(graph: Graph) -> tuple[int, int]:
    """First and last instant in either table; twice 0 where both are empty."""
    facts = (graph.touches.facts, graph.conversions.facts)
    first = [item.first for item in facts if item.first is not None]
    last = [item.last for item in facts if item.last is not None]
    return (min(first), max(last)) if first and last else (0, 0)


def _near(graph: Graph, rules: Rules) -> nw.Expr | None:
    """Whether a touch lies where a conversion of its person could reach it; None when all are wanted."""
    if rules.levels or rules.dormancy is not None:
        return None
    longest = longest_lookback(graph.touches, rules)
    return (nw.col(TIME) <= nw.col(_LAST)) & (nw.col(_FIRST) - nw.col(TIME) <= longest)


def _left_out(graph: Graph, rules: Rules, joined: nw.LazyFrame[Any], near: nw.Expr | None, pulled: int) -> LeftOut:
    rows = graph.touches.facts.rows
    withheld = [0] * (max(Withheld) + 1)
    if near is None:
        return LeftOut(rows=rows - pulled, strangers=rows - pulled, after=0, withheld=tuple(withheld))
    row = collect(
        joined.filter(~near)
        .with_columns(why_withheld(graph, rules).alias(_WHY))
        .select(
            nw.len().alias("n"),
            count_of(nw.col(_WHY) == 1).alias("inbound"),
            count_of(nw.col(_WHY) == 2).alias("early"),
            count_of((nw.col(_WHY) == 0) & (nw.col(TIME) > nw.col(_LAST))).alias("after"),
        )
    )[0]
    away = rows - pulled
    withheld[Withheld.INBOUND_EXCLUDED], withheld[Withheld.BEFORE_START] = row["inbound"] or 0, row["early"] or 0
    withheld[0] = row["n"] - sum(withheld)
    return LeftOut(rows=away, strangers=away - row["n"], after=row["after"] or 0, withheld=tuple(withheld))
