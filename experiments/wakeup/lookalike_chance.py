"""How many would match by luck: attributes as if they were independent of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.wakeup.lookalike_codes import Profiles

__all__ = ["matched_by_luck"]

_ROWS = 100_000


def matched_by_luck(profiles: Profiles, at_least: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each person sought the chance that one member of the pool, and that any of them, agrees on enough attributes.

    A stranger agrees on attribute a with the share of the pool that has the same value. Were the attributes
    independent, the number of agreements would be Poisson-binomial, and the members independent of each other.

    References:
        Le Cam (1960), Pacific Journal of Mathematics 10:1181 (Poisson-binomial).
    """
    size, count = len(profiles.sought), len(profiles.pool)
    one = np.zeros(size)
    for begin in range(0, size, _ROWS):
        part = profiles.sought[begin : begin + _ROWS]
        chance = np.zeros((len(part), len(profiles.names) + 1))
        chance[:, 0] = 1.0
        for attribute, levels in enumerate(profiles.levels):
            shares = _shares(profiles.pool[:, attribute], levels)
            agree = np.where(part[:, attribute] >= 0, shares[np.maximum(part[:, attribute], 0)], 0.0)[:, None]
            chance[:, 1:] = chance[:, 1:] * (1.0 - agree) + chance[:, :-1] * agree
            chance[:, 0] *= 1.0 - agree[:, 0]
        one[begin : begin + len(part)] = chance[:, at_least:].sum(axis=1)
    one = np.minimum(one, 1.0)
    with np.errstate(divide="ignore"):
        anybody = -np.expm1(count * np.log1p(-one))
    return one, anybody


def _shares(codes: NDArray[np.int64], levels: int) -> NDArray[np.float64]:
    counted: NDArray[np.float64] = np.bincount(codes[codes >= 0], minlength=levels) / max(1, len(codes))
    return counted
