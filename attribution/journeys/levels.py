"""Delivery levels: the rows of one message (sent, delivered, click ...) are one touch, and one row stands for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import encode_together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.ties import Ties
    from attribution.touches import Touches

__all__ = ["Levels", "judge_levels"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Levels:
    """What the delivery levels make of each row of the touches.

    Attributes:
        collapsed: Rows of a message for which another row stands.
        below: Rows of messages that never reached the declared level.
        nameless: Number of rows at a level that name no message; each is a message of its own.
    """

    collapsed: NDArray[np.bool_]
    below: NDArray[np.bool_]
    nameless: int


def judge_levels(touches: Touches, ties: Ties, *, late: NDArray[np.bool_]) -> Levels | None:
    """Choose the row that stands for each message; None when the rules know no levels.

    The rows of one message are those of one person and channel that name it. With ``level="highest"`` its highest level
    stands for it, else the lowest level that is not below the declared one. Of several rows at that level the earliest
    stands. Late rows stand for a message only when it has no other row at a level that counts.

    Args:
        touches: The touches.
        ties: What orders touches of one instant, with the rules.
        late: Rows that came too late for every conversion of their person.
    """
    rules = ties.rules
    if not rules.levels or touches.kind is None or touches.message is None:
        return None
    rank_of = {name: rank for rank, name in enumerate(rules.levels)}
    rank = np.array([rank_of.get(str(name), -1) for name in touches.kind.names], np.int64)
    rank = rank[touches.kind.codes] if len(rank) else np.empty(0, np.int64)
    levelled = rank >= 0
    nameless = int((levelled & (touches.message < 0)).sum())
    highest = rules.level == "highest"
    enough = rank >= (0 if highest else rank_of[rules.level])
    below = levelled & ~enough
    collapsed = np.zeros(len(rank), bool)
    rows = np.flatnonzero(levelled & (touches.message >= 0))
    group = _groups(touches, rows)
    reached = np.zeros(int(group.max(initial=-1)) + 1, bool)
    reached[group[enough[rows]]] = True
    collapsed[rows] = reached[group]
    below[rows] = ~reached[group]
    able = enough[rows]
    rows, group = rows[able], group[able]
    better = -rank[rows] if highest else rank[rows]
    standing = _standing(rows, group, better + np.where(late[rows], 2 * len(rules.levels), 0), ties)
    collapsed[standing] = False
    return Levels(collapsed=collapsed, below=below, nameless=nameless)


def _groups(touches: Touches, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """One code per person, channel and message: a number that serves several persons or channels is many messages."""
    import pyarrow as pa

    if touches.message is None or not len(rows):
        return np.empty(0, np.int64)
    (person,), _ = encode_together(touches.person.take(pa.array(rows)))
    message, width = touches.message[rows], int(touches.message.max()) + 1
    _, named = np.unique(touches.channel.codes[rows].astype(np.int64) * width + message, return_inverse=True)
    _, group = np.unique(person.astype(np.int64) * (int(named.max()) + 1) + named, return_inverse=True)
    return np.asarray(group, np.int64)


def _standing(
    rows: NDArray[np.int64], group: NDArray[np.int64], rank: NDArray[np.int64], ties: Ties
) -> NDArray[np.int64]:
    """Of each group the row of the smallest rank, the earliest of several, then the first in canonical order."""
    if not len(rows):
        return rows
    order = np.lexsort([ties.touches.time[rows], rank, group])
    rows, group, rank = rows[order], group[order], rank[order]
    time = ties.touches.time[rows]
    first = np.ones(len(rows), bool)
    first[1:] = group[1:] != group[:-1]
    run = np.cumsum(first) - 1
    best = np.flatnonzero(first)[run]
    tied = (rank == rank[best]) & (time == time[best])
    several = np.bincount(run, weights=tied) > 1
    chosen = rows[first].copy()
    places = np.flatnonzero(tied & several[run])
    if len(places):
        among = np.lexsort([*ties.ranks(rows[places])[::-1], run[places]])
        places = places[among]
        leading = np.ones(len(places), bool)
        leading[1:] = run[places[1:]] != run[places[:-1]]
        chosen[run[places[leading]]] = rows[places[leading]]
    return chosen
