"""Charts of the report: drawn from records, as SVG with live text whose colours and fonts the page's style sheet decides."""

from __future__ import annotations

from experiments.report.charts.svg import chart_svg, figures_svg, range_svg

__all__ = ["chart_svg", "figures_svg", "range_svg"]
