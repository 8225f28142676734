"""What is particular about a journey: its length, repeats, who began it, direct visits, and the time it spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.compare.difference import moves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from attribution.compare.difference import Moves
    from attribution.credit.credit import Credit

__all__ = ["reason_sums"]

_DAY = 86_400.0
_SPLITS: dict[str, tuple[str, ...]] = {
    "length": ("one_touch", "one_key", "two_touches", "three_touches", "four_to_six", "seven_or_more"),
    "repeats": ("no_second_key", "each_once", "comes_back"),
    "origin": ("outbound_only", "with_inbound"),
    "direct": ("without_direct", "with_direct"),
    "span": ("within_a_day", "within_a_week", "longer_than_a_week"),
}
_INBOUND = "inbound"
_DIRECT = ("direct",)


def reason_sums(
    credit: Credit, first: int, second: int
) -> tuple[dict[str, dict[str, tuple[float, float, float]]], NDArray[np.float64]]:
    """Per split and reason that occurs: conversions, moved and net; and the shift per cell over all journeys."""
    sums = {split: np.zeros((len(reasons), 3)) for split, reasons in _SPLITS.items()}
    reading = np.zeros(credit.cells.credited)
    marks = _Marks(credit, first, second)
    for piece in moves(credit, first, second):
        reading += np.bincount(piece.cell.ravel(), weights=piece.shift.ravel(), minlength=len(reading))
        for split, code in marks.codes(piece):
            for column, amount in enumerate((np.ones(len(code)), piece.moved, piece.net)):
                sums[split][:, column] += np.bincount(code, weights=amount, minlength=len(_SPLITS[split]))
    found = {}
    for split, reasons in _SPLITS.items():
        rows = {
            reason: (float(row[0]), float(row[1]), float(row[2]))
            for reason, row in zip(reasons, sums[split], strict=True)
            if row[0]
        }
        if rows:
            found[split] = rows
    return found, reading


class _Marks:
    """The reasons of journeys; the origin and direct visits are asked only where the tables know them."""

    def __init__(self, credit: Credit, first: int, second: int) -> None:
        journeys = credit.journeys
        self._row = journeys.served.row
        roles = journeys.touches.table.roles
        self._inbound: NDArray[np.bool_] | None = None
        if roles.origin in journeys.touches.table.names:
            self._inbound = journeys.touch_column(roles.origin) == _INBOUND
        names = {str(name) for name in journeys.touches.channel.names}
        asked = {name for place in (first, second) for name in _direct(credit.models[place])} or set(_DIRECT)
        self._direct: NDArray[np.bool_] | None = None
        if asked & names:
            of_channel = np.array([str(name) in asked for name in journeys.touches.channel.names])
            self._direct = of_channel[journeys.served.channel]

    def codes(self, piece: Moves) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Split and the place of each journey's reason in it."""
        count, length = piece.cell.shape
        distinct = (piece.slot == np.arange(length)).sum(axis=1)
        by_length = np.full(count, 0 if length == 1 else _place_of_length(length), np.int64)
        by_length[(distinct == 1) & (length > 1)] = 1
        yield "length", by_length
        yield "repeats", np.where(distinct == 1, 0, np.where(distinct == length, 1, 2))
        if self._inbound is not None:
            yield "origin", _any(self._inbound[self._row[piece.touch]])
        if self._direct is not None:
            yield "direct", _any(self._direct[piece.touch])
        span = piece.age[:, 0] - piece.age[:, -1]
        yield "span", np.searchsorted([_DAY, 7 * _DAY], span, side="left").astype(np.int64)


def _any(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """1 for every journey with a marked touch."""
    return np.asarray(marked.any(axis=1), np.int64)


def _place_of_length(length: int) -> int:
    """Two and three touches stand alone; then four to six, and more."""
    return 2 + int(np.searchsorted([2, 3, 6], length, side="left"))


def _direct(model: object) -> tuple[str, ...]:
    named = getattr(model, "direct", ())
    return (named,) if isinstance(named, str) else tuple(named)
