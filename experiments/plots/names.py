"""Names of arms in little room, cut so that they can still be told apart."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attribution.core.formats import format_value
from attribution.plots.sheet import TEXT, shortened, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["told_apart"]

_HEAD = 0.3  # of the width, for the beginning that all the names share


def told_apart(names: Sequence[str], width: float, size: float = TEXT) -> list[str]:
    """The names, each cut to a width; what several long ones share at their beginning is cut before what differs.

    Args:
        names: The names.
        width: Room for each, in pixels.
        size: Size of the letters.
    """
    lines = [format_value(name, "text") for name in names]
    found = [shortened(line, width, size) for line in lines]
    alike: dict[str, set[str]] = defaultdict(set)
    for line, cut in zip(lines, found, strict=True):
        alike[cut].add(line)
    starts = {cut: _difference(group) for cut, group in alike.items() if len(group) > 1}
    return [
        _cut_inside(line, starts[cut], width, size) if cut in starts else cut
        for line, cut in zip(lines, found, strict=True)
    ]


def _difference(names: set[str]) -> int:
    """Where the names begin to differ: a number in them is not torn, and one letter before it stays."""
    shared = list(itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))
    prefix = "".join(letters[0] for letters in shared)
    return max(len(prefix.rstrip("0123456789")) - 1, 0)


def _cut_inside(line: str, start: int, width: float, size: float) -> str:
    head = shortened(line[:start] + " " * 99, _HEAD * width, size) if start else ""
    return head + shortened(line[start:], width - text_width(head, size), size)
