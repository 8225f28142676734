"""Woken and cost per person of a contrast over waves, from plain sums over persons."""

from __future__ import annotations


def per_person(rows, arm, field):
    """Mean of a field over the persons of an arm."""
    values = [row[field] for row in rows if row["arm"] == arm]
    return sum(values) / len(values)


def contrast(rows, arm, control, field):
    """Difference of means between two arms."""
    return per_person(rows, arm, field) - per_person(rows, control, field)


def over_waves(rows, arm, control, field, waves):
    """The differences of the waves, weighted with the persons of all arms in each."""
    parts = [[row for row in rows if row["wave"] == wave] for wave in waves]
    everyone = sum(len(part) for part in parts)
    return sum(len(part) / everyone * contrast(part, arm, control, field) for part in parts)
