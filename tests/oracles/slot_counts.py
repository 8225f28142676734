"""Slots by hand: rates, clicks per person and conversions after a click, row by row."""

from __future__ import annotations

__all__ = ["assisted", "linearised_variance", "rates"]

Row = tuple[str, int, str, str]  # person, time, slot, kind


def rates(rows: list[Row]) -> dict[str, tuple[int, int, int]]:
    """Impressions, clicks and exposed persons of each slot."""
    found = {}
    for slot in {row[2] for row in rows}:
        shown = [row for row in rows if row[2] == slot and row[3] == "impression"]
        clicked = [row for row in rows if row[2] == slot and row[3] == "click"]
        found[slot] = (len(shown), len(clicked), len({row[0] for row in shown}))
    return found


def linearised_variance(rows: list[Row], one: str, two: str) -> float:
    """Covariance over persons of two slots' click rates (the variance when they are the same), with G / (G - 1)."""

    def residuals(slot: str) -> dict[str, float]:
        shown, clicked, _ = rates(rows)[slot]
        persons = {row[0] for row in rows if row[2] == slot}
        made = {}
        for person in persons:
            i = sum(1 for row in rows if row[0] == person and row[2] == slot and row[3] == "impression")
            c = sum(1 for row in rows if row[0] == person and row[2] == slot and row[3] == "click")
            made[person] = (c - clicked / shown * i) / shown * (len(persons) / (len(persons) - 1)) ** 0.5
        return made

    first, second = residuals(one), residuals(two)
    return sum(value * second.get(person, 0.0) for person, value in first.items())


def assisted(rows: list[Row], conversions: list[tuple[str, int]], lookback: int) -> dict[str, tuple[int, int]]:
    """Conversions and converting persons of each slot with a click by the person at most `lookback` before."""
    found = {}
    for slot in {row[2] for row in rows}:
        hits = [
            (person, time)
            for person, time in conversions
            if any(
                row[0] == person and row[2] == slot and row[3] == "click" and 0 <= time - row[1] <= lookback
                for row in rows
            )
        ]
        found[slot] = (len(hits), len({person for person, _ in hits}))
    return found
