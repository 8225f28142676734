"""How two models differ, journey by journey, in plain loops with fractions; imports nothing of ours."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import combinations


def by_key(keys, weights):
    sums = defaultdict(Fraction)
    for key, weight in zip(keys, weights, strict=True):
        sums[key] += Fraction(weight)
    return sums


def differences(journeys):
    """Per path (conversions, moved, net, shift per key), and the reassigned total.

    `journeys` lists (keys, weights under the first model, weights under the second), one entry per touched conversion.
    """
    whole = defaultdict(Fraction)
    shifts = []
    for keys, first, second in journeys:
        before, after = by_key(keys, first), by_key(keys, second)
        shift = {key: after[key] - before[key] for key in keys}
        for key, amount in shift.items():
            whole[key] += amount
        shifts.append((tuple(keys), shift))
    # Weights given as floating-point numbers are off by rounding: what is smaller is no difference.
    sign = {key: (amount > 1e-9) - (amount < -1e-9) for key, amount in whole.items()}
    paths = {}
    for path, shift in shifts:
        entry = paths.setdefault(path, [0, Fraction(0), Fraction(0), defaultdict(Fraction)])
        entry[0] += 1
        entry[1] += sum(abs(amount) for amount in shift.values()) / 2
        entry[2] += sum(sign[key] * amount for key, amount in shift.items()) / 2
        for key, amount in shift.items():
            entry[3][key] += amount
    return paths, sum(abs(amount) for amount in whole.values()) / 2


def tau_b(first, second):
    """Kendall's tau-b and the number of pairs in opposite order; None where it is not defined."""
    agree = against = untied_first = untied_second = 0
    for a, b in combinations(range(len(first)), 2):
        left, right = first[a] - first[b], second[a] - second[b]
        untied_first += left != 0
        untied_second += right != 0
        agree += left * right > 0
        against += left * right < 0
    if not untied_first or not untied_second:
        return None, against
    return (agree - against) / (untied_first * untied_second) ** 0.5, against
