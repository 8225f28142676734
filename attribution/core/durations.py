"""Durations as users write them: "30d", "36h", "15min" or a timedelta; never a bare number."""

from __future__ import annotations

import re
from datetime import timedelta

from attribution.core.errors import InputError

__all__ = ["MICROSECONDS_PER_DAY", "duration_text", "microseconds", "parse_duration"]

MICROSECONDS_PER_DAY = 86_400_000_000
_UNITS = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PATTERN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d|w)\s*")


def parse_duration(value: str | timedelta, *, name: str = "duration") -> timedelta:
    """An exact, non-negative duration.

    Args:
        value: "30d", "36h", "15min", "90s", "2w", or a timedelta. A day is 24 hours, never a calendar day.
        name: The argument's name, for the error message.

    Raises:
        InputError: For a bare number, an unknown unit, a negative duration.
    """
    if isinstance(value, timedelta):
        if value < timedelta(0):
            raise InputError(f"{name} must not be negative, got {value!r}.")
        # pandas' own kind of it is spelt differently, and a recipe tells durations as text.
        return value if type(value) is timedelta else timedelta(microseconds=microseconds(value))
    if isinstance(value, str):
        match = _PATTERN.fullmatch(value)
        if match:
            try:
                return float(match[1]) * _UNITS[match[2]]
            except OverflowError:
                raise InputError(f"{name} is too long, got {value!r}. Durations end at 999999999d.") from None
    bare = isinstance(value, (int, float))
    example = f'"{value}d" for days or "{value}h" for hours' if bare else '"30d", "36h" or "15min"'
    raise InputError(f"{name} must be a duration with its unit, got {value!r}. Write {example}, or pass a timedelta.")


def microseconds(value: timedelta) -> int:
    """The duration in whole microseconds, exactly."""
    return value // timedelta(microseconds=1)


def duration_text(value: timedelta) -> str:
    """The shortest exact spelling: 30 days -> "30d"."""
    whole = microseconds(value)
    for unit in ("d", "h", "min", "s", "ms"):
        size = microseconds(_UNITS[unit])
        if whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}us"
