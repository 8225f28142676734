"""How series of a chart are told apart without relying on colour, and where their names stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.report.charts.palette import ACCENT, CONTRAST, INK, MUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["spread", "styles_of"]

_COLORS = (ACCENT, CONTRAST, INK, MUTED)
_DASHES: tuple[Any, ...] = ("-", (0, (6, 2.5)), (0, (2, 2)), (0, (8, 2.5, 2, 2.5)), (0, (10, 4)), (0, (1, 3)))
_FEW = 2


def styles_of(roles: Sequence[str]) -> list[dict[str, Any]]:
    """Colour and pattern of each series: controls are grey, references thin and dashed, no two treated ones alike."""
    found: list[dict[str, Any]] = []
    treated = sum(role not in ("control", "reference") for role in roles)
    seen = {"control": 0, "reference": 0, "treated": 0}
    for role in roles:
        name = role if role in ("control", "reference") else "treated"
        place = seen[name]
        seen[name] += 1
        if name == "treated":
            # Past the last colour the patterns go on, so that twelve series still differ in grey print.
            colors = _COLORS[: 2 if treated <= _FEW else len(_COLORS)]
            style = {"color": colors[place % len(colors)], "linestyle": _DASHES[place % len(_DASHES)]}
            found.append({**style, "linewidth": 2.2})
        elif name == "control":
            found.append({"color": MUTED, "linestyle": _DASHES[place % len(_DASHES)], "linewidth": 1.6})
        else:
            found.append({"color": MUTED, "linestyle": _DASHES[2 + place % (len(_DASHES) - 2)], "linewidth": 1.4})
    return found


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, in their order, at least ``apart`` from each other and between two ends.

    Neighbours that would touch become a block around their common middle; where the room cannot hold them all they
    stand evenly from end to end.
    """
    if not wanted:
        return []
    order = sorted(range(len(wanted)), key=lambda place: (wanted[place], place))
    if apart * (len(order) - 1) >= high - low:
        step = (high - low) / max(len(order) - 1, 1)
        return _in_order({place: low + step * rank for rank, place in enumerate(order)}, len(wanted))
    blocks: list[list[int]] = []
    for place in order:
        blocks.append([place])
        while len(blocks) > 1 and _start(blocks[-1], wanted, apart, (low, high)) < apart + _end(
            blocks[-2], wanted, apart, (low, high)
        ):
            last = blocks.pop()
            blocks[-1] += last
    return _in_order(
        {
            place: _start(block, wanted, apart, (low, high)) + apart * rank
            for block in blocks
            for rank, place in enumerate(block)
        },
        len(wanted),
    )


def _start(block: Sequence[int], wanted: Sequence[float], apart: float, room: tuple[float, float]) -> float:
    size = apart * (len(block) - 1)
    middle = sum(wanted[place] for place in block) / len(block)
    return min(max(middle - size / 2, room[0]), room[1] - size)


def _end(block: Sequence[int], wanted: Sequence[float], apart: float, room: tuple[float, float]) -> float:
    return _start(block, wanted, apart, room) + apart * (len(block) - 1)


def _in_order(places: dict[int, float], n: int) -> list[float]:
    return [places[place] for place in range(n)]
