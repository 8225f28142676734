"""Random streams derived from (seed, purpose): adding a stream never moves another."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.whole import check_whole, is_whole

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["check_repeats", "check_seed", "generator"]

_MOST_REPEATS = 10_000_000  # more would take days or fill the memory; surely a slip


def check_seed(seed: int) -> int:
    """Return ``seed`` if it is a non-negative integer, else raise `InputError`."""
    if not is_whole(seed) or seed < 0:
        raise InputError(f"seed must be a non-negative integer, got {seed!r}.")
    return int(seed)


def check_repeats(name: str, given: object, *, least: int = 1) -> int:
    """Return how often something is drawn again, as an int.

    Raises:
        InputError: For anything but a whole number from `least` to ten million.
    """
    return check_whole(name, given, least=least, most=_MOST_REPEATS)


def generator(seed: int, purpose: str) -> Generator:
    """A generator whose stream depends on the seed and on what it is used for, and on nothing else."""
    digest = hashlib.sha256(purpose.encode("utf-8")).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([check_seed(seed), *words])))
