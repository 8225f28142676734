"""What several campaigns brought together, and its variance: plain loops over persons with exact fractions."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

Row = tuple[object, str, str, float]  # person, stratum, arm, amount


def total(rows: list[Row], control: str) -> tuple[Fraction, dict[object, float]]:
    """Sum over treated persons less as many held-out ones, and what each person adds to its error."""
    cells: dict[tuple[str, str], list[tuple[object, Fraction]]] = defaultdict(list)
    for person, stratum, arm, amount in rows:
        cells[stratum, arm].append((person, Fraction(amount)))
    found = Fraction(0)
    parts: dict[object, float] = {}
    for stratum in {stratum for stratum, _ in cells}:
        held = cells[stratum, control]
        treated = [arm for name, arm in cells if name == stratum and arm != control]
        many = sum(len(cells[stratum, arm]) for arm in treated)
        mean = sum(amount for _, amount in held) / len(held)
        found += sum(amount for arm in treated for _, amount in cells[stratum, arm]) - many * mean
        for arm in [*treated, control]:
            members = cells[stratum, arm]
            middle = sum(amount for _, amount in members) / len(members)
            weight = -many / len(held) if arm == control else 1.0
            stretched = (len(members) / (len(members) - 1)) ** 0.5
            for person, amount in members:
                parts[person] = weight * stretched * float(amount - middle)
    return found, parts


def programme(campaigns: list[tuple[list[Row], str]]) -> tuple[float, float]:
    """The total over all campaigns and its variance, a person's parts summed before they are squared."""
    whole = Fraction(0)
    moved: dict[object, float] = defaultdict(float)
    for rows, control in campaigns:
        found, parts = total(rows, control)
        whole += found
        for person, part in parts.items():
            moved[person] += part
    return float(whole), sum(part * part for part in moved.values())
