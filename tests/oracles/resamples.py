"""Slow, obvious versions of resampling: all resamples, all assignments, variances written out."""

from __future__ import annotations

import itertools
import math
from collections import Counter


def all_resamples(values, statistic):
    """The distribution of a statistic over all n^n resamples: value to probability."""
    found = Counter()
    for drawn in itertools.product(values, repeat=len(values)):
        found[statistic(drawn)] += 1
    total = len(values) ** len(values)
    return {value: count / total for value, count in found.items()}


def welch(treated, control):
    """Difference of means and Welch's t; 0 where nothing differs."""
    m1, m0 = sum(treated) / len(treated), sum(control) / len(control)
    v1 = sum((x - m1) ** 2 for x in treated) / (len(treated) - 1) / len(treated)
    v0 = sum((x - m0) ** 2 for x in control) / (len(control) - 1) / len(control)
    gap = m1 - m0
    if abs(gap) < 1e-12:
        return gap, 0.0
    return gap, gap / math.sqrt(v1 + v0) if v1 + v0 > 1e-24 else math.copysign(math.inf, gap)


def all_assignments(treated, control, *, studentised, side="two"):
    """P-value of the difference of means, or of Welch's t, over all assignments with the same numbers."""
    everybody = [*treated, *control]
    place = 1 if studentised else 0
    observed = welch(treated, control)[place]
    edge = 1e-9 * abs(observed) if math.isfinite(observed) else 0.0
    up = down = total = 0
    for chosen in itertools.combinations(range(len(everybody)), len(treated)):
        inside = set(chosen)
        one = [everybody[i] for i in chosen]
        other = [everybody[i] for i in range(len(everybody)) if i not in inside]
        found = welch(one, other)[place]
        up += found >= observed - edge
        down += found <= observed + edge
        total += 1
    return {"greater": up / total, "less": down / total, "two": min(1.0, 2 * min(up, down) / total)}[side]


def clustered_mean(totals, persons):
    """A mean per person over clusters with its squared standard error, linearised."""
    n, units = sum(persons), len(totals)
    mean = sum(totals) / n
    gaps = [total - mean * size for total, size in zip(totals, persons, strict=True)]
    return mean, units / (units - 1) * sum(gap**2 for gap in gaps) / n**2


def ratio_of_sums(rows):
    """A ratio of sums over persons with its squared standard error by the delta method."""
    n = len(rows)
    top, bottom = sum(row[0] for row in rows) / n, sum(row[1] for row in rows) / n
    ratio = top / bottom
    gaps = [row[0] - ratio * row[1] for row in rows]
    middle = sum(gaps) / n
    return ratio, sum((gap - middle) ** 2 for gap in gaps) / (n - 1) / n / bottom**2
