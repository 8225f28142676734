"""Charts of the report as matplotlib axes: real colours, the fonts of this machine, the caller's to change."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from attribution.plots.sheet import families
from experiments.report.charts.palette import COLORS, MUTED, PAPER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["Host", "drawn_axes", "host"]

_PROPERTIES = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
_host: ContextVar[Host | None] = ContextVar("host", default=None)


class Host:
    """A place inside the caller's figure on which a chart is drawn as if it were a figure of its own."""

    def __init__(self, axes: Axes) -> None:
        self.figure = axes.figure
        self._box = axes.get_position()
        self.made: list[Axes] = []
        self.texts: list[Any] = []
        axes.set_axis_off()

    def add_axes(self, box: tuple[float, float, float, float]) -> Axes:
        """Axes at a share of the place."""
        left, bottom, width, height = box
        place = self._place(left, bottom)
        made = self.figure.add_axes((*place, width * self._box.width, height * self._box.height))
        self.made.append(made)
        return made

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Text at a share of the place."""
        self.texts.append(self.figure.text(*self._place(x, y), text, **style))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        return self._box.x0 + x * self._box.width, self._box.y0 + y * self._box.height


def host() -> Host | None:
    """Where the chart being drawn has to go; None for a figure of its own."""
    return _host.get()


@contextmanager
def _hosted(place: Host | None) -> Iterator[None]:
    token = _host.set(place)
    try:
        yield
    finally:
        _host.reset(token)


def drawn_axes(draw: Callable[[], Canvas], axes: object = None) -> Axes:
    """Draw a chart into a figure of its own or into the caller's axes; its first panel."""
    import matplotlib as mpl
    from matplotlib.axes import Axes

    if axes is not None and not isinstance(axes, Axes):
        raise InputError(f"axes must be matplotlib Axes or None, got {type(axes).__name__}. Pass plt.subplots()[1].")
    place = None if axes is None else Host(axes)
    with mpl.rc_context({"font.family": list(families())}), _hosted(place):
        made = draw()
    panels = list(made.axes) if place is None else place.made
    if place is None:
        made.set_facecolor(COLORS[PAPER])
        _recolour(made)
    else:
        for artist in (*panels, *place.texts):
            _recolour(artist)
    for panel in panels:
        panel.tick_params(axis="both", colors=COLORS[MUTED])
    return panels[0]


def _recolour(artist: Any) -> None:
    """Real colours instead of the stand-ins that the page's style sheet replaces."""
    from matplotlib.colors import to_hex

    for found in artist.findobj():
        for name in _PROPERTIES:
            value = getattr(found, f"get_{name}", lambda: None)()
            if value is None or (hasattr(value, "__len__") and len(value) == 0):
                continue
            first = value[0] if getattr(value, "ndim", 1) == 2 else value
            color = COLORS.get(to_hex(first)) if _is_color(first) else None
            if color is not None:
                getattr(found, f"set_{name}")(color)


def _is_color(value: Any) -> bool:
    from matplotlib.colors import is_color_like

    return bool(is_color_like(value))
