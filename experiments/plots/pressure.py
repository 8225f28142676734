"""Persons by their contacts, with the cap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Records
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, CONTRAST, INK, MUTED
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Sheet, drawing, wrapped
from experiments.plots.frame import WIDTH
from experiments.wakeup.pressure import ContactPressure

if TYPE_CHECKING:
    from typing import Any

__all__ = ["plot_pressure"]

_PLOT = 240.0
_MOST_BARS = 20
_WIDEST = 60.0


def plot_pressure(pressure: ContactPressure, *, window: str | None = None) -> Plot:
    """Draw persons by the contacts in their busiest window; those above the cap stand out.

    Args:
        pressure: The contact pressure.
        window: One of its windows; the first one when None.

    Returns:
        The plot; its data are the persons by contacts of that window.

    Raises:
        InputError: For something else, or an unknown window.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=3_000, seed=7)
        >>> drawn = ex.contact_pressure(c.touches, caps={"7d": 2}).plot()
        >>> drawn.title.endswith("have more than 2 contacts in their busiest 7d")
        True
    """
    if not isinstance(pressure, ContactPressure):
        raise InputError(
            f"plot_pressure needs a contact pressure, got {type(pressure).__name__}. Pass ex.contact_pressure(...)."
        )
    known = [str(name) for name in pressure.records.column("window")]
    chosen = known[0] if window is None else window
    if chosen not in known:
        raise InputError(f"there is no cap for {window!r}. {closest(str(window), known)}")
    rows = [row for row in pressure.heads.to_dicts() if row["window"] == chosen]
    cap = int(rows[0]["cap"])
    above = sum(row["share"] for row in rows if row["contacts"] > cap)
    title = messages.text("PRESSURE_PLOT.title", {"share": brief(above, "rate"), "cap": cap, "window": chosen})
    subtitle = messages.text("PRESSURE_PLOT.subtitle", {"window": chosen, "n": sum(row["persons"] for row in rows)})
    bars = _bars(rows, cap)
    with drawing():
        sheet = _draw(bars, (title, subtitle), cap)
    return Plot(
        title=title, subtitle=subtitle,
        description=in_words(title, [(label, brief(share, "rate")) for label, share, _ in bars]),
        records=Records.from_rows(pressure.heads.fields, rows), figure=sheet.figure,
    )  # fmt: skip


def _bars(rows: list[dict[str, Any]], cap: int) -> list[tuple[str, float, bool]]:
    """Label, share and whether it is above the cap; the last bar holds all that are larger."""
    shares = {int(row["contacts"]): float(row["share"]) for row in rows}
    end = min(max(shares), max(_MOST_BARS, cap + 1)) if cap < 3 * _MOST_BARS else min(max(shares), _MOST_BARS)
    bars = [(str(number), shares.get(number, 0.0), number > cap) for number in range(1, end + 1)]
    more = sum(share for number, share in shares.items() if number > end)
    return [*bars, (f"{end + 1}+", more, end + 1 > cap)] if more else bars


def _draw(bars: list[tuple[str, float, bool]], texts: tuple[str, str], cap: int) -> Sheet:
    head = [wrapped(text, WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 34
    bottom = begin + _PLOT
    sheet = Sheet(WIDTH, bottom + 52 + MARGIN - 10)
    sheet.head(*head)
    sheet.line([MARGIN, WIDTH - MARGIN], [bottom, bottom], color=MUTED)
    step = min((WIDTH - 2 * MARGIN) / len(bars), _WIDEST)
    highest = max(share for _, share, _ in bars)
    for place, (label, share, above) in enumerate(bars):
        middle, height = MARGIN + (place + 0.5) * step, _PLOT * share / highest
        sheet.bar(middle - step * 0.36, bottom - height, step * 0.72, height, color=CONTRAST if above else ACCENT)
        if share:
            sheet.text(middle, bottom - height - 10, brief(share, "rate"), size=SMALL, ha="center", color=INK)
        sheet.text(middle, bottom + 14, label, size=SMALL, ha="center", color=MUTED)
    if cap < len(bars):
        at = MARGIN + cap * step
        sheet.line([at, at], [begin - 20, bottom], color=CONTRAST, width=1.2, dashes=(4, 3))
        sheet.text(at + 6, begin - 18, messages.text("PRESSURE_PLOT.cap", {"cap": cap}), size=SMALL, color=CONTRAST)
    sheet.text(MARGIN, bottom + 34, messages.text("PRESSURE_PLOT.axis"), size=SMALL, color=MUTED)
    return sheet
