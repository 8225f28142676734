"""Everybody compared with everybody."""

from __future__ import annotations

import math


def agreements(left, right):
    """Number of equal values; an empty cell (None, nan, blank) equals nothing."""
    return sum(not _empty(a) and not _empty(b) and a == b for a, b in zip(left, right, strict=True))


def best(sought, pool, at_least):
    """For each profile sought: (largest number of agreements or None, ties, matches, positions of the ties)."""
    found = []
    for profile in sought:
        numbers = [agreements(profile, member) for member in pool]
        enough = [number for number in numbers if number >= at_least]
        if not enough:
            found.append((None, 0, 0, set()))
            continue
        top = max(enough)
        ties = {place for place, number in enumerate(numbers) if number == top}
        found.append((top, len(ties), len(enough), ties))
    return found


def _empty(value):
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))
