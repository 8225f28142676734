"""The triangle of retention as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.formats import format_value
from attribution.plots.numbers import in_words
from attribution.plots.palette import INK, MUTED, PAPER
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Sheet, drawing, shortened, text_width, wrapped
from experiments.wakeup.retention_result import cohort_name, retention_title

if TYPE_CHECKING:
    from experiments.wakeup.retention_result import Retention

__all__ = ["plot_triangle"]

_WIDTH = 760.0
_ROW = 26.0
_NAMES = 190.0
_MOST_ROWS, _MOST_COLUMNS = 60, 24
_LIGHT, _DARK = (244, 248, 252), (31, 95, 168)
_WHITE_FROM = 0.72


def plot_triangle(found: Retention) -> Plot:
    """Draw the triangle of a retention.

    Raises:
        InputError: For more than 60 cohorts or 24 periods: nobody can read them.
    """
    records = found.triangle()
    count = len(records.fields) - 2
    if len(records) > _MOST_ROWS or count > _MOST_COLUMNS:
        raise InputError(
            f"{len(records)} cohorts by {count} periods cannot be read in one picture; at most {_MOST_ROWS} by "
            f"{_MOST_COLUMNS} are drawn. Take longer cohorts, or read .triangle()."
        )
    values = {**found.recipe.settings, "cohorts": len(records), "n": found.recipe.n["customers"]}
    title, subtitle = retention_title(found.recipe.settings), messages.text("RETENTION.plot", values)
    rows = [{**row, "cohort": cohort_name(row["cohort"], found.recipe.settings)} for row in records.to_dicts()]
    with drawing():
        sheet = _sheet(title, subtitle, rows, count)
    told = [(str(row["cohort"]), format_value(row["period_0"], "rate")) for row in rows]
    return Plot(title=title, subtitle=subtitle, description=in_words(title, told), records=records, figure=sheet.figure)


def _sheet(title: str, subtitle: str, rows: list[dict[str, object]], count: int) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in ((title, TITLE), (subtitle, TEXT))]
    top = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 30
    sheet = Sheet(_WIDTH, top + _ROW * len(rows) + MARGIN)
    sheet.head(*head)
    left, wide = MARGIN + _NAMES, (_WIDTH - 2 * MARGIN - _NAMES) / count
    sheet.text(MARGIN, top - 12, messages.text("RETENTION.axis"), size=SMALL, color=MUTED)
    every = 1 + int(text_width("100.0%", SMALL) // wide)
    for number in range(0, count, every):
        sheet.text(left + wide * (number + 0.5), top - 12, str(number), size=SMALL, color=MUTED, ha="center")
    highest = max((_rate(row, number) or 0.0) for row in rows for number in range(count)) or 1.0
    for place, row in enumerate(rows):
        y = top + _ROW * place
        size = format_value(row["size"], "count")
        sheet.text(MARGIN, y + _ROW / 2, shortened(row["cohort"], _NAMES - 80, SMALL), size=SMALL, color=INK)
        sheet.text(left - 10, y + _ROW / 2, size, size=SMALL, color=MUTED, ha="right")
        for number in range(count):
            rate = _rate(row, number)
            if rate is not None:
                _cell(sheet, (left + wide * number, y, wide), rate, rate / highest)
    return sheet


def _rate(row: dict[str, object], number: int) -> float | None:
    found = row[f"period_{number}"]
    return float(found) if isinstance(found, (int, float)) else None


def _cell(sheet: Sheet, box: tuple[float, float, float], rate: float, depth: float) -> None:
    x, y, wide = box
    color = "#" + "".join(f"{round(a + (b - a) * depth):02x}" for a, b in zip(_LIGHT, _DARK, strict=True))
    sheet.bar(x + 0.5, y + 0.5, wide - 1.0, _ROW - 1.0, color=color)
    text = format_value(rate, "rate")
    if text_width(text, SMALL) <= wide:
        ink = PAPER if depth > _WHITE_FROM else INK
        sheet.text(x + wide / 2, y + _ROW / 2, text, size=SMALL, color=ink, ha="center")
