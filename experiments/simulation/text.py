"""Identifiers and hashes as fixed-width text, a column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["codes", "hashes", "names"]

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def codes(prefix: str, numbers: NDArray[np.int64], *, width: int) -> NDArray[np.str_]:
    """Numbers as text of one width behind a prefix, so that the order of the text is the order of the numbers."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    digits = (numbers[:, np.newaxis] // powers % 10 + ord("0")).astype(np.uint8)
    return _joined(prefix, digits)


def hashes(prefix: str, numbers: NDArray[np.int64], *, seed: int) -> NDArray[np.str_]:
    """One 64-bit hash per number, as hexadecimal text; different numbers never share one (SplitMix64 is one to one)."""
    mixed = numbers.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 1) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    return _joined(prefix, _HEX[(mixed[:, np.newaxis] >> shifts & np.uint64(15)).astype(np.int64)])


def names(values: Sequence[str | None], index: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """The name at each index, as an array of objects; None stays None."""
    lookup = np.empty(len(values), dtype=object)
    lookup[:] = values
    named: NDArray[Any] = lookup[index]
    return named


def _joined(prefix: str, letters: NDArray[np.uint8]) -> NDArray[np.str_]:
    head = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    rows = np.hstack([np.broadcast_to(head, (len(letters), len(head))), letters])
    return np.ascontiguousarray(rows).view(f"S{rows.shape[1]}").ravel().astype(f"U{rows.shape[1]}")
