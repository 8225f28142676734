"""Who has an event inside the own window: one loop over persons, one over events."""

from __future__ import annotations


def marked(persons, starts, length, events):
    """1 for every person with an event at start <= time < start + length, else 0."""
    found = []
    for person, start in zip(persons, starts, strict=True):
        inside = [time for who, time in events if who == person and start <= time < start + length]
        found.append(1 if inside else 0)
    return found
