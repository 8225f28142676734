"""Probability that one beta variable exceeds another, in closed form for whole parameters (Miller), in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import factorial


def beta_function(a, b):
    return Fraction(factorial(a - 1) * factorial(b - 1), factorial(a + b - 1))


def chance_above(a1, b1, a0, b0):
    """P(X1 > X0) of Beta(a1, b1) and Beta(a0, b0), whole numbers of 1 or more."""
    total = Fraction(0)
    for i in range(a1):
        total += beta_function(a0 + i, b1 + b0) / ((b1 + i) * beta_function(1 + i, b1) * beta_function(a0, b0))
    return total
