"""Lay out rooms on floors and draw them: layers by the longest way down, crossings lessened by sweeps of means.

The layered drawing of Sugiyama, Tagawa and Toda (1981), IEEE Transactions on Systems, Man, and Cybernetics 11, 109-125:
a line that passes a floor gets a place on it, so that no line runs through a room.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise

ROOM, GAP, FLOOR, MARGIN, PASSAGE = (126, 32), 14, 70, 24, 18
SWEEPS = 24


@dataclass(frozen=True)
class Layout:
    """Where every room stands (the middle of its upper edge), the points of every line, the storeys, the whole size."""

    rooms: dict[str, tuple[float, float]]
    lines: list[list[tuple[float, float]]]
    storeys: dict[str, tuple[float, float]]
    size: tuple[float, float]


def depths(rooms: list[str], arrows: list[tuple[str, str]]) -> dict[str, int]:
    """How many floors lie below a room of one storey: the longest way down."""
    below = {room: [two for one, two in arrows if one == room and two in rooms] for room in rooms}
    found: dict[str, int] = {}

    def depth(room: str) -> int:
        if room not in found:
            found[room] = 1 + max((depth(other) for other in below[room]), default=-1)
        return found[room]

    for room in rooms:
        depth(room)
    return found


def _floors(shown: dict[str, list[str]], arrows: list[tuple[str, str]]) -> tuple[dict[str, int], dict[str, int]]:
    """The floor of every room, counted from the top of the whole, and the first floor of every storey."""
    floor, first, top = {}, {}, 0
    for storey, rooms in shown.items():
        depth = depths(rooms, arrows)
        height = max(depth.values()) + 1
        floor |= {room: top + height - 1 - depth[room] for room in rooms}
        first[storey] = top
        top += height
    return floor, first


def _sorted_floors(places: list[list[str]], links: dict[str, set[str]]) -> None:
    """Sweep up and down; each floor is sorted by the mean place of its neighbours on the floor before."""
    for sweep in range(SWEEPS):
        order = range(1, len(places)) if sweep % 2 == 0 else range(len(places) - 2, -1, -1)
        for at in order:
            other = places[at - 1 if sweep % 2 == 0 else at + 1]
            where = {name: (i + 0.5) / len(other) for i, name in enumerate(other)}

            def mean(name: str, where: dict[str, float] = where, here: list[str] = places[at]) -> float:
                found = [where[link] for link in links[name] if link in where]
                return sum(found) / len(found) if found else (here.index(name) + 0.5) / len(here)

            keys = {name: mean(name) for name in places[at]}
            places[at].sort(key=lambda name, keys=keys: (keys[name], name))


def layout(shown: dict[str, list[str]], arrows: list[tuple[str, str]]) -> Layout:
    """Give every room a place and every line its points."""
    floor, first = _floors(shown, arrows)
    places: list[list[str]] = [[] for _ in range(max(floor.values()) + 1)]
    for room, at in floor.items():
        places[at].append(room)
    ways: list[list[str]] = []
    links: dict[str, set[str]] = {room: set() for room in floor}
    for one, two in arrows:
        passed = [f"{one} {two} {at}" for at in range(floor[one] + 1, floor[two])]
        for at, name in enumerate(passed, floor[one] + 1):
            places[at].append(name)
        way = [one, *passed, two]
        ways.append(way)
        for upper, lower in pairwise(way):
            links.setdefault(upper, set()).add(lower)
            links.setdefault(lower, set()).add(upper)
    _sorted_floors(places, links)

    def width(name: str) -> float:
        return ROOM[0] if name in floor else PASSAGE

    whole = max(sum(width(name) + GAP for name in names) for names in places) + 2 * MARGIN
    points = {}
    for at, names in enumerate(places):
        left = (whole - sum(width(name) + GAP for name in names) + GAP) / 2
        top = MARGIN + 40 + at * FLOOR + 44 * sum(start <= at for start in list(first.values())[1:])
        for name in names:
            points[name] = (left + width(name) / 2, float(top))
            left += width(name) + GAP
    lines = [
        [(points[way[0]][0], points[way[0]][1] + ROOM[1])]
        + [(points[name][0], points[name][1] + ROOM[1] / 2) for name in way[1:-1]]
        + [points[way[-1]]]
        for way in ways
    ]
    ends = {
        storey: (
            min(points[room][1] for room in rooms) - 40,
            max(points[room][1] for room in rooms) + ROOM[1] + 16,
        )
        for storey, rooms in shown.items()
    }
    height = max(end for _, end in ends.values()) + MARGIN
    return Layout({room: points[room] for room in floor}, lines, ends, (whole, height))


def _curve(points: list[tuple[float, float]]) -> str:
    """One line through its points, upright at each of them."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        half = (y1 - y0) / 2
        parts.append(f"C{x0:.1f} {y0 + half:.1f} {x1:.1f} {y1 - half:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)


def as_svg(found: Layout, title: str) -> str:
    """The layout as SVG."""
    width, height = (f"{value:.0f}" for value in found.size)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for storey, (start, end) in found.storeys.items():
        place = f'x="{MARGIN / 2:.0f}" y="{start:.1f}" width="{found.size[0] - MARGIN:.0f}" height="{end - start:.1f}"'
        lines.append(f'<rect {place} rx="8" fill="#f4f6f8" stroke="#c7ced6"/>')
        words = f'font-size="15" font-weight="600" fill="#1d2733">{escape(storey)}</text>'
        lines.append(f'<text x="{MARGIN}" y="{start + 24:.1f}" {words}')
    lines += [f'<path d="{_curve(points)}" fill="none" stroke="#7a8794" stroke-width="1.3"/>' for points in found.lines]
    for room, (x, y) in found.rooms.items():
        place = f'x="{x - ROOM[0] / 2:.1f}" y="{y:.1f}" width="{ROOM[0]}" height="{ROOM[1]}"'
        lines.append(f'<rect {place} rx="5" fill="#ffffff" stroke="#24507a"/>')
        words = f'text-anchor="middle" font-size="14" fill="#1d2733">{escape(room.split(".")[1])}</text>'
        lines.append(f'<text x="{x:.1f}" y="{y + 21:.1f}" {words}')
    return "\n".join([*lines, "</svg>"]) + "\n"
