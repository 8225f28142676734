"""A plot: its figure, the data behind it as a table, and its texts."""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError, WakeLiftWarning
from attribution.core.records import Records, TabularResult
from attribution.core.render.display import Display, escape_html, records_table
from attribution.plots.sheet import drawing, families

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure

__all__ = ["Plot"]

_SHOWN_ROWS = 30
_FONTS = (
    "system-ui,-apple-system,'Segoe UI','Helvetica Neue',Arial,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',"
    "'Noto Sans SC',sans-serif"
)
_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_TAG = re.compile(r"<[a-z][^<>]*>", re.DOTALL)  # text of the data holds no "<" or ">" of its own
_FONT = re.compile(r"font: ?(?:(\d+|bold) )?([\d.]+)px [^;\"]*")  # matplotlib before 3.11
_FAMILY = re.compile(r" ?font-family: ?[^;\"]*;?")
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Plot(TabularResult):
    """A drawn plot with its data: ``.table()`` and the other exports give what was drawn, in full.

    The same data and language give the same SVG, byte for byte. Its texts are live: the viewer's fonts draw them, so
    Chinese needs no font on the machine that writes the file.

    Attributes:
        title: The finding.
        subtitle: What is drawn, and how it is defined.
        description: The finding with its numbers, for readers who do not see the picture.
        records: The data.
        figure: The matplotlib figure, made without pyplot; it is the caller's to change.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> plot = at.plot_credit(at.attribute(touches, conversions, models="first_touch"))
        >>> plot.title
        'sms has most credit: 1 of 1 attributed conversions'
        >>> plot.to_svg().startswith("<svg ")
        True
    """

    title: str
    subtitle: str
    description: str
    records: Records
    figure: Figure

    def to_svg(self, path: str | os.PathLike[str] | None = None) -> str:
        """The plot as SVG with live text, which is also written to ``path`` when one is given.

        Args:
            path: A file; None writes none.
        """
        buffer = io.StringIO()
        with drawing():
            self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        text = _page(buffer.getvalue(), self.title, self.description)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        return text

    def to_png(self, path: str | os.PathLike[str], *, scale: float = 2.0) -> None:
        """Write the plot as PNG.

        A PNG holds pictures of letters, so Chinese needs a Chinese font on this machine; without one there is a
        `WakeLiftWarning`.

        Args:
            path: The file.
            scale: Dots per CSS pixel.

        Raises:
            InputError: For a scale outside (0, 10].
        """
        if not isinstance(scale, (int, float)) or isinstance(scale, bool) or not 0 < scale <= 10:
            raise InputError(f"scale must be a number above 0 and at most 10, got {scale!r}.")
        if len(families()) == 1 and _is_wide(self.figure):
            warnings.warn(
                "no Chinese font was found on this machine, so Chinese letters are empty boxes in the PNG. Install one "
                "(for example Noto Sans CJK SC), or write SVG, whose text the viewer's fonts draw.",
                WakeLiftWarning,
                stacklevel=2,
            )
        with drawing():
            self.figure.savefig(Path(path), format="png", dpi=72 * scale, metadata={"Software": None})

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        head = Records(self.records.fields, tuple(column[:_SHOWN_ROWS] for column in self.records.columns))
        more = len(self.records) - len(head)
        notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more else ()
        return Display(self.title, (self.subtitle, records_table(head, notes=notes)))

    def _repr_html_(self) -> str:
        return f'<div class="wakelift" style="max-width:100%;overflow-x:auto">{self.to_svg()}</div>'


def _is_wide(figure: Figure) -> bool:
    from matplotlib.text import Text

    texts = [found.get_text() for found in figure.findobj(Text) if isinstance(found, Text)]
    return any(unicodedata.east_asian_width(letter) in "WF" for text in texts for letter in text)


def _page(drawn: str, title: str, description: str) -> str:
    """Matplotlib's SVG with the plot's name and description, the reader's fonts, and ids of its own."""
    text = _METADATA.sub("", _PROLOGUE.sub("", drawn)).strip()
    text = _TAG.sub(lambda tag: _FAMILY.sub("", _FONT.sub(_font, tag[0])), text)
    # Several plots live in one notebook page, so each plot's ids carry its fingerprint.
    prefix = "w" + hashlib.sha256((text + title + description).encode("utf-8")).hexdigest()[:10]
    text = _TAG.sub(lambda tag: _with_ids(tag[0], prefix), text)
    opening = _SIZE.search(text)
    box = opening.group(1) if opening else "0 0 100 100"
    width, height = box.split()[2:]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{prefix}-t {prefix}-d" style="max-width:100%;height:auto;font-family:{_FONTS}">'
        f'<title id="{prefix}-t">{escape_html(title)}</title><desc id="{prefix}-d">{escape_html(description)}</desc>'
    )
    return _SIZE.sub(lambda _: head, text, count=1) + "\n"


def _with_ids(tag: str, prefix: str) -> str:
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', tag)
    return re.sub(r'(?:xlink:)?href="#', f'href="#{prefix}-', tag).replace("url(#", f"url(#{prefix}-")


def _font(match: re.Match[str]) -> str:
    weight = f"font-weight: {match[1]}; " if match[1] else ""
    return f"{weight}font-size: {match[2]}px"
