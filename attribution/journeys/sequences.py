"""Equal sequences of channels found and numbered, without a Python loop over journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["number_sequences"]

_KEY_LIMIT = 2**62


def number_sequences(
    counts: NDArray[np.int64], channel: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Number the distinct sequences among some journeys.

    Sequences are numbered by length, then by the codes of their steps, so that the numbers do not depend on the order
    of the journeys.

    Args:
        counts: Number of steps of each journey, at least 1.
        channel: The codes of all steps, journey after journey.
        width: Every code lies below it.

    Returns:
        The number of each journey's sequence, the offsets of the distinct sequences and their steps, flat.
    """
    begins = np.cumsum(counts) - counts
    number = np.empty(len(counts), np.int64)
    lengths: list[NDArray[np.int64]] = []
    steps: list[NDArray[np.int64]] = []
    known = 0
    for length in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == length)
        first, place = _distinct(begins[rows], channel, length, max(width, 1))
        number[rows] = known + place
        lengths.append(np.full(len(first), length, np.int64))
        steps.append(channel[begins[rows[first]][:, None] + np.arange(length)].ravel())
        known += len(first)
    if not lengths:
        return number, np.zeros(1, np.int64), np.empty(0, np.int64)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return number, offsets, np.concatenate(steps)


def _distinct(
    begins: NDArray[np.int64], channel: NDArray[np.int64], length: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first journey of each distinct sequence of one length, and the number of every journey's sequence.

    Steps are packed into one integer as long as they fit; then the integers found so far are numbered and packed on.
    """
    key = np.zeros(len(begins), np.int64)
    size = 1
    for step in range(length):
        if size > _KEY_LIMIT // width:
            found, key = np.unique(key, return_inverse=True)
            size = len(found)
        key = key * width + channel[begins + step]
        size *= width
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return first, place
