"""Exact tests by listing every table, in fractions. Slow, obvious."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb, factorial


def multinomial_p(counts, shares):
    """Sum of the probabilities of all splits that are not more likely than the one observed."""
    n = sum(counts)

    def probability(split):
        result = Fraction(factorial(n))
        for count, share in zip(split, shares, strict=True):
            result *= Fraction(share) ** count / factorial(count)
        return result

    seen = probability(counts)
    total = Fraction(0)
    for head in product(range(n + 1), repeat=len(counts) - 1):
        if sum(head) <= n:
            chance = probability((*head, n - sum(head)))
            total += chance if chance <= seen else 0
    return float(total)


def fisher_upper(x1, n1, x0, n0):
    """P(at least x1 treated events | all events)."""
    events = x1 + x0
    ways = sum(comb(n1, k) * comb(n0, events - k) for k in range(x1, min(events, n1) + 1))
    return Fraction(ways, comb(n1 + n0, events))


def boschloo_upper(x1, n1, x0, n0, steps=2000):
    """Largest probability, over a grid of common rates, of the tables with Fisher's p not above the observed one."""
    bound = fisher_upper(x1, n1, x0, n0)
    rejected = [(a, b) for a in range(n1 + 1) for b in range(n0 + 1) if fisher_upper(a, n1, b, n0) <= bound]
    best = 0.0
    for step in range(1, steps):
        rate = step / steps
        total = sum(comb(n1, a) * comb(n0, b) * rate ** (a + b) * (1 - rate) ** (n1 + n0 - a - b) for a, b in rejected)
        best = max(best, total)
    return best


def hommel(p):
    """Hommel's adjusted p-values by closed testing: every intersection hypothesis with Simes' test."""
    m = len(p)
    adjusted = []
    for index in range(m):
        worst = 0.0
        for members in product((False, True), repeat=m):
            if not members[index]:
                continue
            chosen = sorted(value for value, member in zip(p, members, strict=True) if member)
            simes = min(len(chosen) * value / rank for rank, value in enumerate(chosen, 1))
            worst = max(worst, simes)
        adjusted.append(min(1.0, worst))
    return adjusted
