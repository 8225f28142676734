"""Charts of the report: drawn from records, as SVG with live text; the page's style sheet decides colours and fonts."""

from __future__ import annotations

from experiments.report.charts.svg import chart_axes, chart_svg, figures_axes, figures_svg, range_svg

__all__ = ["chart_axes", "chart_svg", "figures_axes", "figures_svg", "range_svg"]
