"""Contact pressure by hand: every pair of contacts of a person is looked at."""

from __future__ import annotations

__all__ = ["after_conversion", "beyond", "busiest", "weighted_by_person"]

Contact = tuple[str, int, str, float]  # person, time, channel, cost


def _ordered(contacts: list[Contact]) -> list[Contact]:
    return sorted(contacts, key=lambda row: (row[0], row[1], row[2], row[3]))


def beyond(contacts: list[Contact], cap: int, window: int) -> list[Contact]:
    """The contacts before which at least `cap` contacts of the person lie less than the window away."""
    found = []
    rows = _ordered(contacts)
    for place, (person, time, _, _) in enumerate(rows):
        earlier = 0
        for other, when, _, _ in rows[:place]:
            if other == person and time - when < window:
                earlier += 1
        if earlier >= cap:
            found.append(rows[place])
    return found


def busiest(contacts: list[Contact], window: int) -> dict[str, int]:
    """The most contacts of each person inside any window of that length that begins at one of them."""
    most: dict[str, int] = {}
    for person, time, _, _ in contacts:
        held = sum(1 for other, when, _, _ in contacts if other == person and time <= when < time + window)
        most[person] = max(most.get(person, 0), held)
    return most


def after_conversion(contacts: list[Contact], conversions: list[tuple[str, int]], quiet: int) -> list[Contact]:
    """The contacts strictly after a conversion of their person, by at most `quiet`."""
    found = []
    for row in _ordered(contacts):
        if any(person == row[0] and 0 < row[1] - time <= quiet for person, time in conversions):
            found.append(row)
    return found


def weighted_by_person(
    contacts: list[Contact], assigned: dict[str, int], weights: dict[str, float], window: int
) -> dict[str, float]:
    """Weighted contacts of each assigned person from the assignment to the end of the window, which is outside."""
    total = dict.fromkeys(assigned, 0.0)
    for person, time, channel, _ in contacts:
        if person in assigned and assigned[person] <= time < assigned[person] + window:
            total[person] += weights[channel]
    return total
