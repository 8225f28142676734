"""Matplotlib figures as SVG for a page: live text, no fixed colours or fonts, the same bytes on every run."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from attribution.core.render.display import escape_html
from experiments.report.charts.palette import INK, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart, Figure

__all__ = ["chart_axes", "chart_svg", "figures_axes", "figures_svg", "new_canvas", "range_svg", "room_of", "shortened"]

_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_STYLE = re.compile(r"<defs>\s*<style [^>]*>[^<]*</style>\s*</defs>\s*")  # it would reach out into the whole page
_TAG = re.compile(r"<[a-z][^<>]*>", re.DOTALL)  # text of the data holds no "<" or ">" of its own
_FONT = re.compile(r"font: ?(?:(\d+) )?([\d.]+)px [^;\"]*")
_WIDE = 1.0  # width of a letter in units of the font size: East Asian, others
_NARROW = 0.56
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)


@contextmanager
def _drawing() -> Iterator[None]:
    """Matplotlib settings of a chart, for the time of its drawing only."""
    import matplotlib as mpl

    settings: Any = {
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

    from experiments.report.charts.restyle import host

    place = host()
    if place is not None:
        return cast("Canvas", place)
    return Canvas(figsize=(width / 72.0, height / 72.0), dpi=72, facecolor="none")


def shortened(text: str, width: float, size: float) -> str:
    """Text on one line that fits a width in CSS pixels, cut with an ellipsis; tables and descriptions hold it all."""
    from attribution.core.formats import format_value

    line = format_value(text, "text")
    for position in range(len(line)):
        if room_of(line[: position + 1], size) > width:
            return line[: max(1, position - 1)].rstrip() + "…"
    return line


def room_of(line: str, size: float) -> float:
    """About how many CSS pixels a line of text takes."""
    return sum(size * (_WIDE if unicodedata.east_asian_width(letter) in "WF" else _NARROW) for letter in line)


def chart_svg(chart: Chart) -> str:
    """The SVG of a chart, with its title as accessible name and its alternative text as description."""
    with _drawing():
        return _serialise(_drawn(chart), name=chart.name, title=chart.title, description=chart.alt)


def chart_axes(chart: Chart, axes: object = None) -> Axes:
    """The chart as matplotlib axes, in the caller's when given; the first panel of several."""
    from experiments.report.charts.restyle import drawn_axes

    with _drawing():
        return drawn_axes(lambda: _drawn(chart), axes)


def _drawn(chart: Chart) -> Canvas:
    from experiments.report.charts import curves, forest, histogram, net_benefit, ruler, waterfall

    draw = {
        "curves": curves.draw,
        "forest": forest.draw,
        "histogram": histogram.draw,
        "net_benefit": net_benefit.draw,
        "ruler": ruler.draw,
        "waterfall": waterfall.draw,
    }
    return draw[chart.kind](chart)


def figures_svg(
    figures: Sequence[Figure],
    *,
    title: str,
    description: str,
    unit: str,
    narrow: bool = False,
    name: str = "figures",
) -> str:
    """The three numbers under one ruler; ``narrow`` fits a phone."""
    from experiments.report.charts import ruler

    with _drawing():
        drawn = ruler.draw_figures(figures, unit, narrow=narrow)
        name = f"{name}-narrow" if narrow else name
        return _serialise(drawn, name=name, title=title, description=description)


def figures_axes(figures: Sequence[Figure], unit: str, axes: object = None) -> Axes:
    """The three numbers as matplotlib axes, in the caller's when given."""
    from experiments.report.charts import ruler
    from experiments.report.charts.restyle import drawn_axes

    with _drawing():
        return drawn_axes(lambda: ruler.draw_figures(figures, unit, narrow=False), axes)


def range_svg(
    net: tuple[float, float, float], *, span: tuple[float, float], word: str, name: str, description: str
) -> str:
    """A small bar of value, low and high against 0, for a card; every card of a page has the same ``span``."""
    from experiments.report.charts import ruler

    with _drawing():
        return _serialise(ruler.draw_range(net, span, word), name=name, title="", description=description)


def _serialise(canvas: Canvas, *, name: str, title: str, description: str) -> str:
    buffer = io.StringIO()
    canvas.savefig(
        buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = _STYLE.sub("", _METADATA.sub("", _PROLOGUE.sub("", buffer.getvalue()))).strip()
    prefix = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    # Only inside tags: a name of the data may read like a font, a colour or an id.
    text = _TAG.sub(lambda tag: _for_page(tag[0], prefix), text)
    opening = _SIZE.search(text)
    box = opening.group(1) if opening else "0 0 100 100"
    width = float(box.split()[2])
    height = float(box.split()[3])
    head = (
        # Inside a page the elements need no name space, so the file names no address at all.
        f'<svg viewBox="{box}" width="{width:g}" height="{height:g}" role="img" '
        f'stroke-linejoin="round" stroke-linecap="butt" '
        f'aria-labelledby="{prefix}-t {prefix}-d">'
        f'<title id="{prefix}-t">{escape_html(title or description)}</title>'
        f'<desc id="{prefix}-d">{escape_html(description)}</desc>'
    )
    return _SIZE.sub(lambda _: head, text, count=1)


def _for_page(tag: str, prefix: str) -> str:
    """A tag with the page's fonts and colours, and ids of its own: several charts live in one page."""
    tag = _FONT.sub(_font, tag)
    for stand_in, role in ROLES.items():
        tag = tag.replace(stand_in, role)
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', tag)
    return re.sub(r'(?:xlink:)?href="#', f'href="#{prefix}-', tag).replace("url(#", f"url(#{prefix}-")


def _font(match: re.Match[str]) -> str:
    weight = f"font-weight: {match[1]}; " if match[1] else ""
    return f"{weight}font-size: {match[2]}px"
