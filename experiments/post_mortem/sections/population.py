"""The population in the purpose section: when silence means dormant, stock and flows, retention, purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.post_mortem.sections.ground import Ground, sentences_of
from experiments.post_mortem.sections.population_charts import dormancy_chart, purchases_chart
from experiments.post_mortem.sections.population_tables import (
    dormancy_table,
    flows_table,
    purchases_table,
    retention_table,
)
from experiments.post_mortem.words import word

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.core.render.display import DisplayTable
    from experiments.report.document import Chart

__all__ = ["parts"]

Parts = tuple[tuple["Chart", ...], tuple["DisplayTable", ...], tuple[str, ...], tuple[str, ...]]

_CHARTS: dict[str, Callable[[Any], Chart | None]] = {"dormancy": dormancy_chart, "purchases": purchases_chart}


def parts(ground: Ground) -> Parts:
    """Charts, tables, paragraphs and definitions about the customers' own activity; all empty without their log.

    They describe the customers and say nothing about what the campaign caused, so they stand in an invalid trial, too.
    """
    evidence = ground.evidence
    limit = evidence.plan.report.min_cell
    tables: dict[str, Callable[[Any], DisplayTable | None]] = {
        "dormancy": dormancy_table,
        "flows": lambda found: flows_table(found, limit),
        "retention": lambda found: retention_table(found, limit),
        "purchases": lambda found: purchases_table(found, limit),
    }
    there = {name: evidence.further[name] for name in tables if name in evidence.further}
    charts = [draw(there[name]) for name, draw in _CHARTS.items() if name in there]
    shown = [tables[name](found) for name, found in there.items()]
    definitions = dict.fromkeys(text for found in there.values() for text in sentences_of(found.recipe, ground.invalid))
    return (
        tuple(chart for chart in charts if chart is not None),
        tuple(table for table in shown if table is not None),
        tuple(_said(ground, there)),
        tuple(definitions),
    )


def _said(ground: Ground, there: dict[str, Any]) -> list[str]:
    """What the cut says of the declared rule, and what could not be read."""
    said = []
    dormancy = there.get("dormancy")
    if dormancy is not None:
        said.append(dormancy.cut.sentence())
        said.append(_rule(dormancy))
    said += [
        word("population.declined", what=word(f"result.{name}"))
        for name in ("dormancy", "flows", "retention", "purchases")
        if name in ground.evidence.declined
    ]
    if there:
        said.append(word("population.describes"))
    return said


def _rule(found: Any) -> str:
    """Whether the declared silence is shorter than the cut, longer, or within what the data leave open."""
    from attribution.core.durations import parse_duration

    days = parse_duration(found.dormant_after).total_seconds() / 86_400
    cut = found.cut.days
    values = {"declared": days, "eps": found.cut.eps}
    if cut.low is not None and days < cut.low:
        return word("population.rule_short", **values)
    if cut.high is not None and days > cut.high:
        return word("population.rule_long", **values)
    return word("population.rule_open", **values)
