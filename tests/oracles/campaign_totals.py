"""Slow and obvious: what a campaign cost, brought and left in all, person by person, and the variance of the sum.

A person is a dict with arm, stratum, woken (0 or 1) and cost.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt


def of(people, stratum, arm):
    return [one for one in people if one["stratum"] == stratum and one["arm"] == arm]


def mean(values):
    values = [Fraction(value) for value in values]
    return sum(values) / len(values)


def net(one, threshold):
    return Fraction(threshold) * one["woken"] - Fraction(one["cost"])


def totals(people, control, arms, threshold):
    """Booked cost, incremental woken and net benefit of some arms: every treated person less the control's mean."""
    cost = woken = left = Fraction(0)
    strata = {one["stratum"] for one in people}
    woke = {stratum: mean(other["woken"] for other in of(people, stratum, control)) for stratum in strata}
    kept = {stratum: mean(net(other, threshold) for other in of(people, stratum, control)) for stratum in strata}
    for one in people:
        if one["arm"] not in arms:
            continue
        cost += Fraction(one["cost"])
        woken += one["woken"] - woke[one["stratum"]]
        left += net(one, threshold) - kept[one["stratum"]]
    return float(cost), float(woken), float(left)


def sample_variance(values):
    centre = mean(values)
    return sum((Fraction(value) - centre) ** 2 for value in values) / (len(values) - 1)


def standard_errors(people, control, arms, threshold):
    """Of the sum of all arms: with the covariance of the arms through the one control, and as if there were none."""
    strata = sorted({one["stratum"] for one in people})
    with_it = without = Fraction(0)
    for stratum in strata:
        held = [net(one, threshold) for one in of(people, stratum, control)]
        noise = sample_variance(held) / len(held)
        counts = []
        for arm in arms:
            mine = [net(one, threshold) for one in of(people, stratum, arm)]
            counts.append(len(mine))
            own = len(mine) * sample_variance(mine)
            with_it += own
            without += own + len(mine) ** 2 * noise
        with_it += sum(a * b for a in counts for b in counts) * noise  # the matrix of covariances, summed
    return sqrt(with_it), sqrt(without)


def pooled(people, arms):
    """Moments of several arms of one stratum: costs around what a person of the own arm costs who did not wake."""
    woken, other, levels = [], [], Fraction(0)
    count = 0
    for arm in arms:
        mine = [one for one in people if one["arm"] == arm]
        level = mean(one["cost"] for one in mine if not one["woken"])
        other.append([Fraction(one["cost"]) - level for one in mine if not one["woken"]])
        woken.append([Fraction(one["cost"]) - level for one in mine if one["woken"]])
        levels += len(mine) * level
        count += len(mine)
    base = levels / count
    steps = [step for group in woken for step in group]
    freedom = sum(len(group) - 1 for group in other)
    return {
        "n": count, "woken": len(steps), "co": float(base), "cw": float(base + mean(steps)),
        "vw": float(sample_variance(steps)), "vo": float(sum(c * c for group in other for c in group) / freedom),
    }  # fmt: skip
