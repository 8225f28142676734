"""Moments of a cell in exact fractions: slow, obvious, and right to the last bit."""

from __future__ import annotations

import math
from fractions import Fraction


def moments_of_rows(rows: list[tuple[float | None, ...]], measured: int) -> dict[str, object]:
    """Exact means, centred products and first cubes of the rows whose measured values are all there.

    A missing covariate becomes the mean of the known ones (of these rows), and a column tells where it was missing.
    """
    kept = [row for row in rows if all(value is not None for value in row[:measured])]
    columns: list[list[Fraction]] = [[Fraction(row[i]) for row in kept] for i in range(measured)]
    flags: list[list[Fraction]] = []
    for i in range(measured, len(rows[0]) if rows else measured):
        known = [Fraction(row[i]) for row in kept if row[i] is not None]
        middle = sum(known, Fraction(0)) / len(known) if known else Fraction(0)
        columns.append([middle if row[i] is None else Fraction(row[i]) for row in kept])
        if len(known) < len(kept):
            flags.append([Fraction(int(row[i] is None)) for row in kept])
    columns += flags
    n = len(kept)
    means = [sum(column, Fraction(0)) / n for column in columns]
    gaps = [[value - mean for value in column] for column, mean in zip(columns, means, strict=True)]
    return {
        "n": n,
        "means": means,
        "products": [
            [sum((a * b for a, b in zip(one, two, strict=True)), Fraction(0)) for two in gaps] for one in gaps
        ],
        "cube": sum((gap**3 for gap in gaps[0]), Fraction(0)),
    }


def nearest(value: Fraction) -> float:
    """The double next to a fraction."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
