"""What is worth knowing about the two tables; every row that took no part is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from attribution.journeys.slip import suspected_slip
from attribution.rules import key_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["BUSY_PAIRS", "journey_findings", "used_touches"]

# Pairs of one person's conversions and touches beyond which a person is hardly one customer (judgement); work and
# memory grow with them.
BUSY_PAIRS = 1_000_000


def journey_findings(journeys: Journeys) -> tuple[Finding, ...]:
    """The findings, in a fixed order; all counts of touches add up to the rows of the table."""
    used, untouched = used_touches(journeys)
    return (
        *_conversions(journeys, untouched),
        *_touches(journeys, used),
        *_lookbacks(journeys),
        *_busy_person(journeys),
        *suspected_slip(journeys),
    )


def used_touches(journeys: Journeys) -> tuple[NDArray[np.bool_], int]:
    """Which served touches are eligible for at least one conversion, and how many conversions have none."""
    used = np.zeros(len(journeys.served), bool)
    untouched = 0
    for pairs in journeys.pairs():
        used[pairs.touch] = True
        untouched += int((pairs.counts == 0).sum())
    return used, untouched


def _conversions(journeys: Journeys, untouched: int) -> list[Finding]:
    found = []
    counted = len(journeys.counted)
    if untouched:
        values = {"untouched": untouched, "conversions": counted, "share": untouched / counted}
        found.append(Finding(code="NO_TOUCH", status="note", values=values))
    if journeys.later_conversions:
        values = {"n": journeys.later_conversions, "conversions": counted}
        found.append(Finding(code="LATER_CONVERSIONS", status="note", values=values))
    refunds, refunded = int(journeys.conversions.refund.sum()), int(journeys.conversions.refunded.sum())
    if refunds:
        found.append(Finding(code="REFUNDS", status="note", values={"refunds": refunds, "refunded": refunded}))
    return found


def _touches(journeys: Journeys, used: NDArray[np.bool_]) -> list[Finding]:
    """The touches that took no part, by reason."""
    rows = journeys.touches.table.rows
    elsewhere = rows - journeys.converter_touches
    inbound = journeys.converter_touches - len(journeys.served)
    after = int((_after_last(journeys) & ~used).sum())
    other = int((~used).sum()) - after
    found = []
    if elsewhere:
        found.append(Finding(code="TOUCHES_WITHOUT_CONVERSION", status="note", values={"n": elsewhere, "rows": rows}))
    if after:
        found.append(
            Finding(code="AFTER_CONVERSION", status="note", values={"n": after, "rows": rows, "share": after / rows})
        )
    if inbound:
        found.append(Finding(code="INBOUND_TOUCHES", status="note", values={"n": inbound, "rows": rows}))
    if other:
        found.append(Finding(code="TOUCHES_NOT_ELIGIBLE", status="note", values={"n": other, "rows": rows}))
    if found:
        found.append(Finding(code="TOUCHES_USED", status="note", values={"n": int(used.sum()), "rows": rows}))
    return found


def _after_last(journeys: Journeys) -> NDArray[np.bool_]:
    """Which served touches come after the person's last counted conversion."""
    counted, served = journeys.counted, journeys.served
    if not len(counted):
        return np.zeros(len(served), bool)
    last = np.append(np.flatnonzero(counted.person[1:] != counted.person[:-1]), len(counted) - 1)
    last_time = np.zeros(len(journeys.persons), np.int64)
    last_time[counted.person[last]] = counted.time[last]
    return served.time > last_time[served.person]


def _lookbacks(journeys: Journeys) -> list[Finding]:
    """Lookbacks for channels (or kinds) that the touches do not have: most likely a slip of the pen."""
    touches = journeys.touches
    channels = {str(name) for name in touches.channel.names}
    kinds = set() if touches.kind is None else {str(name) for name in touches.kind.names}
    idle = []
    for key in journeys.rules.lookbacks():
        known = key[0] in channels and key[1] in kinds if isinstance(key, tuple) else key == "*" or key in channels
        if not known:
            idle.append(key_text(key))
    if not idle:
        return []
    return [Finding(code="LOOKBACK_UNUSED", status="warn", values={"keys": ", ".join(idle)})]


def _busy_person(journeys: Journeys) -> list[Finding]:
    """Persons with more candidate pairs than one customer plausibly has; counted, never named."""
    counted = journeys.counted
    if not len(counted):
        return []
    begins = np.flatnonzero(np.concatenate([[True], counted.person[1:] != counted.person[:-1]]))
    pairs = np.add.reduceat(counted.last - counted.first, begins)
    busy = pairs > BUSY_PAIRS
    if not busy.any():
        return []
    values = {"persons": int(busy.sum()), "pairs": int(pairs.max()), "limit": BUSY_PAIRS}
    return [Finding(code="BUSY_PERSON", status="note", values=values)]
