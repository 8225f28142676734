"""Matplotlib figures as SVG for a page: live text, no fixed colours or fonts, the same bytes on every run."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from experiments.report.charts.palette import INK, ROLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart, Figure

__all__ = ["chart_svg", "figures_svg", "new_canvas", "range_svg"]

_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_FONT = re.compile(r"font: ?(?:(\d+) )?([\d.]+)px [^;\"]*")
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)


@contextmanager
def _drawing() -> Iterator[None]:
    """Matplotlib settings of a chart, for the time of its drawing only."""
    import matplotlib as mpl

    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "wakelift",
        "text.usetex": False,
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "font.family": ["DejaVu Sans"],
        "font.size": 12.0,
        "text.color": INK,
        "axes.formatter.use_locale": False,
        "path.simplify": False,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # The reader's browser has the Chinese font; matplotlib only measures the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield


def new_canvas(width: float, height: float) -> Canvas:
    """An empty figure of the given size in CSS pixels, outside of pyplot's global state."""
    from matplotlib.figure import Figure as Canvas

    return Canvas(figsize=(width / 72.0, height / 72.0), dpi=72, facecolor="none")


def chart_svg(chart: Chart) -> str:
    """The SVG of a chart, with its title as accessible name and its alternative text as description."""
    from experiments.report.charts import forest, net_benefit, ruler, waterfall

    draw = {"forest": forest.draw, "net_benefit": net_benefit.draw, "ruler": ruler.draw, "waterfall": waterfall.draw}
    with _drawing():
        return _serialise(draw[chart.kind](chart), name=chart.name, title=chart.title, description=chart.alt)


def figures_svg(figures: Sequence[Figure], *, title: str, description: str) -> str:
    """The three numbers under one ruler."""
    from experiments.report.charts import ruler

    with _drawing():
        return _serialise(ruler.draw_figures(figures), name="figures", title=title, description=description)


def range_svg(*, value: float, low: float, high: float, name: str, description: str) -> str:
    """A small bar of an interval against 0, for a card."""
    from experiments.report.charts import ruler

    with _drawing():
        return _serialise(ruler.draw_range(value, low, high), name=name, title="", description=description)


def _serialise(canvas: Canvas, *, name: str, title: str, description: str) -> str:
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = _METADATA.sub("", _PROLOGUE.sub("", buffer.getvalue())).strip()
    text = _FONT.sub(_font, text)
    for stand_in, role in ROLES.items():
        text = text.replace(stand_in, role)
    # Ids of several charts live in one page, so each chart's ids carry its name.
    prefix = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\1{prefix}-", text)
    opening = _SIZE.search(text)
    box = opening.group(1) if opening else "0 0 100 100"
    width = float(box.split()[2])
    height = float(box.split()[3])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-labelledby="{prefix}-t {prefix}-d">'
        f'<title id="{prefix}-t">{html.escape(title or description)}</title>'
        f'<desc id="{prefix}-d">{html.escape(description)}</desc>'
    )
    return _SIZE.sub(lambda _: head, text, count=1)


def _font(match: re.Match[str]) -> str:
    weight = f"font-weight: {match[1]}; " if match[1] else ""
    return f"{weight}font-size: {match[2]}px"
