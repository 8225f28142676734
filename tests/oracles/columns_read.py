"""Slow, obvious reading of columns: codes of distinct values, repeats, local times; imports nothing of ours."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1)


def codes_of(values: Sequence[object]) -> tuple[list[int], list[object]]:
    """The place of each value among the sorted distinct ones, and these."""
    names = sorted(set(values))
    return [names.index(value) for value in values], names


def repeats(values: Sequence[object]) -> tuple[int, list[str]]:
    """How many rows repeat an earlier one, and the first five such values as text."""
    counts = Counter(values)
    return sum(count - 1 for count in counts.values()), sorted(str(key) for key in counts if counts[key] > 1)[:5]


def utc_of(local: int, zone: ZoneInfo) -> int | None:
    """UTC microseconds of local microseconds; None where that time does not exist, or twice."""
    wall = EPOCH + timedelta(microseconds=local)
    instants = {(wall - wall.replace(tzinfo=zone, fold=fold).utcoffset()).replace(tzinfo=UTC) for fold in (0, 1)}
    (instant, *others) = sorted(instants)
    if others or instant.astimezone(zone).replace(tzinfo=None) != wall:
        return None
    return (instant.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1)
