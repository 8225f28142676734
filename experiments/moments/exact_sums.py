"""Sums that do not depend on the order of their terms, to the last bit, out of ordinary floating-point sums.

Every term is first rounded to a grid that is coarse enough for all partial sums to be exact, by adding and taking away
a large constant: ``part = (term + C) - C``. What was rounded off goes to the next, finer grid. Two or three such parts
hold more than a sum of doubles does, and the sum of each part is the same in any order, in any chunks, with any number
of threads, and in any engine that adds doubles as IEEE 754 says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from experiments.moments.counted import Counts, Floats

__all__ = ["grid_constants", "grid_parts", "sum_by_run", "whole_sums"]

_SURE = 33
_LEAST = 58


def grid_constants(rows: int) -> tuple[float, ...]:
    """The constants of the grids for at most so many terms, each at most 2 in size; the coarsest first.

    There are as many grids as it takes for what the last one rounds off, summed over all rows, to lie below
    ``2 ** -34``, whatever the terms are; the error is far smaller where rounding goes both ways, and where
    the terms are few.

    Args:
        rows: The largest number of terms of a sum.

    References:
        Demmel & Nguyen (2013), Fast reproducible floating-point summation, ARITH 21; Rump, Ogita, Oishi (2008),
        SIAM J. Sci. Comput. 31:189.
    """
    bits = max(2, (max(rows, 1) - 1).bit_length())
    # Near 1.5 * 2**bits doubles are 2**(bits - 52) apart; `rows` parts of at most 2 need 53 digits of that unit.
    made = [1.5 * 2.0**bits]
    unit = bits - 52
    while unit > -max(_SURE + bits, _LEAST):
        made.append(made[-1] * 2.0 ** (bits - 54))
        unit += bits - 54
    return tuple(made)


def grid_parts(term: nw.Expr, constants: tuple[float, ...]) -> list[nw.Expr]:
    """The parts of a term as expressions of an engine."""
    parts, rest = [], term
    for place, constant in enumerate(constants):
        part = (rest + constant) - constant
        parts.append(part)
        if place + 1 < len(constants):
            rest = rest - part
    return parts


def sum_by_run(term: Floats, starts: Counts, constants: tuple[float, ...]) -> list[Floats]:
    """Sums of the parts of the terms over runs of rows; the terms are used up.

    Args:
        term: The terms, each at most 2 in size.
        starts: Where each run starts.
        constants: The grids' constants.
    """
    part = np.empty_like(term)
    found = []
    last = len(constants) - 1
    for place, constant in enumerate(constants):
        np.add(term, constant, out=part)
        np.subtract(part, constant, out=part)
        found.append(np.add.reduceat(part, starts))
        if place < last:
            np.subtract(term, part, out=term)
    return found


def whole_sums(parts: np.ndarray[Any, np.dtype[np.float64]]) -> Floats:
    """The sums from the exact sums of their parts, the coarsest first along the first axis."""
    total = parts[-1].copy()
    for part in parts[-2::-1]:
        total = part + total
    return np.asarray(total, dtype=np.float64)
