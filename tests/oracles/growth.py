"""Shapley's values of the factors of a chain, over every order, in fractions; LMDI as an integral in many digits."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, permutations

import mpmath


def factors(totals):
    """The first total and the quotients of neighbours."""
    exact = [Fraction(total) for total in totals]
    return [exact[0], *(after / before for before, after in pairwise(exact))]


def shapley(before, after):
    """The mean change of the product when factors move one by one, over all orders."""
    old, new = factors(before), factors(after)
    parts = [Fraction(0)] * len(old)
    orders = list(permutations(range(len(old))))
    for order in orders:
        now = list(old)
        for place in order:
            start = _product(now)
            now[place] = new[place]
            parts[place] += _product(now) - start
    return [part / len(orders) for part in parts]


def _product(numbers):
    found = Fraction(1)
    for number in numbers:
        found *= number
    return found


def lmdi(before, after):
    """The line integral of V d(ln x) along the path on which every logarithm moves evenly, in 50 digits."""
    with mpmath.workdps(50):
        old, new = ([mpmath.mpf(one.numerator) / one.denominator for one in factors(t)] for t in (before, after))
        slopes = [mpmath.log(b / a) for a, b in zip(old, new, strict=True)]

        def value(t):
            return mpmath.fprod(a * mpmath.exp(t * slope) for a, slope in zip(old, slopes, strict=True))

        area = mpmath.quad(value, [0, 1])
        return [area * slope for slope in slopes]
