"""The charts of a report by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.errors import InputError, closest
from attribution.core.language import language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from experiments.report.document import Document

__all__ = ["plot"]

_PREFIX = "chart-"
_FIGURES = "figures"


def plot(document: Document, name: str, axes: Axes | None = None) -> Axes:
    """The chart of that name as matplotlib axes."""
    from experiments.report.charts import chart_axes, figures_axes

    charts = {chart.name: chart for section in document.sections for chart in section.charts}
    known = [*([_FIGURES] if document.figures else []), *charts]
    found = name if name in known else f"{_PREFIX}{name}"
    if found not in known:
        raise InputError(f"the report has no chart {name!r}. {closest(str(name), known)}")
    with language(document.lang):
        if found == _FIGURES:
            return figures_axes(document.figures, document.words["figures.x"], axes)
        return chart_axes(charts[found], axes)
