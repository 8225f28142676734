"""The findings about tables that stay in their engine: what its counts tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.findings import Finding
from attribution.engines.sums import count_touches
from attribution.journeys.untouched import untouched_findings
from attribution.rules import key_text

if TYPE_CHECKING:
    from attribution.engines.graph import Graph
    from attribution.engines.sums import TouchCounts
    from attribution.rules import LookbackKey

__all__ = ["engine_findings"]


def engine_findings(graph: Graph, counted: int, touched: int) -> tuple[Finding, ...]:
    """The findings of tables in memory as far as counts tell them, in the same order, and what was not looked for.

    Args:
        graph: The checked tables.
        counted: Counted conversions.
        touched: Those with an eligible touch.
    """
    counts = count_touches(graph)
    return (
        *_conversions(graph, counts, counted, touched),
        *_touches(counts),
        *_unused(graph),
        Finding(code="ENGINE_CHECKS", status="note"),
    )


def _conversions(graph: Graph, counts: TouchCounts, counted: int, touched: int) -> list[Finding]:
    found = untouched_findings(counted, counted - touched)
    if counts.later_conversions:
        later = {"n": counts.later_conversions, "conversions": counted}
        found.append(Finding(code="LATER_CONVERSIONS", status="note", values=later))
    refunds = graph.conversions
    if refunds.refunds:
        returned = {"refunds": refunds.refunds, "refunded": refunds.refunded}
        found.append(Finding(code="REFUNDS", status="note", values=returned))
    return found


def _touches(counts: TouchCounts) -> list[Finding]:
    rows = counts.rows
    found = _counted("TOUCHES_WITHOUT_CONVERSION", rows - counts.converters, rows)
    if counts.after:
        values = {"n": counts.after, "rows": rows, "share": counts.after / rows}
        found.append(Finding(code="AFTER_CONVERSION", status="note", values=values))
    found += _counted("INBOUND_TOUCHES", counts.inbound, rows)
    found += _counted("BEFORE_START", counts.early, rows)
    idle = counts.converters - counts.inbound - counts.early - counts.after - counts.used
    found += _counted("TOUCHES_NOT_ELIGIBLE", idle, rows)
    if found:
        found.append(Finding(code="TOUCHES_USED", status="note", values={"n": counts.used, "rows": rows}))
    return found


def _counted(code: str, count: int, rows: int) -> list[Finding]:
    return [Finding(code=code, status="note", values={"n": count, "rows": rows})] if count else []


def _unused(graph: Graph) -> list[Finding]:
    """Lookbacks and tie orders for channels or kinds that the touches do not have."""
    found = []
    idle = [key_text(key) for key in graph.rules.lookbacks() if not _known(key, graph)]
    if idle:
        found.append(Finding(code="LOOKBACK_UNUSED", status="warn", values={"keys": ", ".join(idle)}))
    idle = [key_text(key).removeprefix("* / ") for key in graph.rules.tie_order if not _known(key, graph)]
    if idle:
        values = {"rule": "tie_order", "keys": ", ".join(idle)}
        found.append(Finding(code="RULE_UNUSED", status="warn", values=values))
    return found


def _known(key: LookbackKey, graph: Graph) -> bool:
    channel, kind = key if isinstance(key, tuple) else (key, None)
    channels = {name for name, _ in graph.touches.channels}
    kinds = {name for _, name in graph.touches.channels}
    return (channel == "*" or channel in channels) and (kind is None or kind in kinds)
