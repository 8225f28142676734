"""How many events a look needs before its normal approximation can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LEAST_EVENTS", "few_events"]

# Events of a rate, persons with a non-zero value of a mean; in every arm.
LEAST_EVENTS = {"rate": 10, "mean": 100}


def few_events(events: Iterable[int], least: int) -> str:
    """The reason why a look does not count; empty when it does.

    Args:
        events: Events of every arm.
        least: What every arm needs.

    Example:
        >>> few_events([9, 140], 10), few_events([10, 140], 10)
        ('LOOK_FEW_EVENTS', '')
    """
    return "LOOK_FEW_EVENTS" if min(events) < least else ""
