"""What is worth knowing about the two tables; every row that took no part is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from attribution.customers import NEVER
from attribution.journeys.converters import converters_touches
from attribution.journeys.eligibility import Reason, judged_pairs
from attribution.journeys.slip import suspected_slip
from attribution.journeys.suspicions import suspicions
from attribution.journeys.untouched import untouched_findings
from attribution.journeys.withheld import Withheld, last_activity
from attribution.rules import key_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys
    from attribution.rules import LookbackKey

__all__ = ["BUSY_PAIRS", "journey_findings", "used_touches"]

# Pairs of one person's conversions and touches beyond which a person is hardly one customer (judgement); work and
# memory grow with them.
BUSY_PAIRS = 1_000_000


def journey_findings(journeys: Journeys) -> tuple[Finding, ...]:
    """The findings, in a fixed order; all counts of touches add up to the rows of the table."""
    fates, untouched = _fates(journeys)
    return (
        *_conversions(journeys, untouched),
        *_touches(journeys, fates),
        *_unknown(journeys),
        *_lookbacks(journeys),
        *_unused_rules(journeys),
        *_busy_person(journeys),
        *suspected_slip(journeys),
        *suspicions(journeys),
    )


def used_touches(journeys: Journeys) -> tuple[NDArray[np.bool_], int]:
    """Which served touches are eligible for at least one conversion, and how many conversions have none."""
    fates, untouched = _fates(journeys)
    return fates == Reason.ELIGIBLE, untouched


# The best that became of a touch, over all conversions, best first; what no conversion could reach is not among them.
_FATES = (Reason.ELIGIBLE, Reason.REMOVED_BY_TRANSFORM, Reason.NO_KEY_EVENT)
_OTHER = -1


def _fates(journeys: Journeys) -> tuple[NDArray[np.int8], int]:
    """For every served touch one of `_FATES` or `_OTHER`, and the number of conversions without an eligible touch."""
    reached = np.zeros((len(_FATES), len(journeys.served)), bool)
    untouched = 0
    for judged in judged_pairs(journeys.counted, journeys.served, journeys.rules):
        pairs = judged.eligible()
        reached[0, pairs.touch] = True
        untouched += int((pairs.counts == 0).sum())
        if judged.reason is not None:
            for place, fate in enumerate(_FATES[1:], start=1):
                reached[place, judged.touch[judged.reason == fate]] = True
    found = np.full(len(journeys.served), _OTHER, np.int8)
    for place in reversed(range(len(_FATES))):
        found[reached[place]] = _FATES[place]
    return found, untouched


def _conversions(journeys: Journeys, untouched: int) -> list[Finding]:
    counted = len(journeys.counted)
    found = untouched_findings(counted, untouched)
    if journeys.later_conversions:
        values = {"n": journeys.later_conversions, "conversions": counted}
        found.append(Finding(code="LATER_CONVERSIONS", status="note", values=values))
    refunds, refunded = int(journeys.conversions.refund.sum()), int(journeys.conversions.refunded.sum())
    if refunds:
        found.append(Finding(code="REFUNDS", status="note", values={"refunds": refunds, "refunded": refunded}))
    return found


def _touches(journeys: Journeys, fates: NDArray[np.int8]) -> list[Finding]:
    """The touches that took no part, each counted once, by the first reason."""
    touches = converters_touches(journeys)
    rows, withheld = touches.rows, touches.withheld
    found = _counted("TOUCHES_WITHOUT_CONVERSION", touches.strangers, rows)
    if touches.after:
        values = {"n": touches.after, "rows": rows, "share": touches.after / rows}
        found.append(Finding(code="AFTER_CONVERSION", status="note", values=values))
    found += _counted("LEVELS_COLLAPSED", withheld[Withheld.LEVEL_COLLAPSED], rows)
    found += _counted("BELOW_LEVEL", withheld[Withheld.BELOW_LEVEL], rows)
    found += _counted("INBOUND_TOUCHES", withheld[Withheld.INBOUND_EXCLUDED], rows)
    found += _counted("BEFORE_START", withheld[Withheld.BEFORE_START], rows)
    found += _counted("BEFORE_DORMANCY", withheld[Withheld.BEFORE_DORMANCY], rows)
    reached = {fate: int((fates == fate).sum()) for fate in _FATES}
    found += _counted("TOUCHES_NO_KEY_EVENT", reached[Reason.NO_KEY_EVENT], rows)
    found += _counted("TOUCHES_REMOVED", reached[Reason.REMOVED_BY_TRANSFORM], rows)
    found += _counted("TOUCHES_NOT_ELIGIBLE", withheld[0] - touches.after - sum(reached.values()), rows)
    if found:
        found.append(Finding(code="TOUCHES_USED", status="note", values={"n": reached[Reason.ELIGIBLE], "rows": rows}))
    return found


def _counted(code: str, count: int, rows: int) -> list[Finding]:
    return [Finding(code=code, status="note", values={"n": count, "rows": rows})] if count else []


def _unknown(journeys: Journeys) -> list[Finding]:
    """What the rules could not judge: messages without an id, customers without a last activity, key events unasked."""
    found = []
    touches, rules = journeys.touches, journeys.rules
    if rules.levels and touches.kind is not None and touches.message is not None:
        levelled = np.array([str(name) in rules.levels for name in touches.kind.names], bool)
        nameless = int(np.bincount(touches.kind.codes[touches.message < 0], minlength=len(levelled))[levelled].sum())
        if nameless:
            values = {"n": nameless, "rows": touches.table.rows}
            found.append(Finding(code="NO_MESSAGE_ID", status="note", values=values))
    if rules.dormancy is not None and journeys.customers is not None:
        unknown = int((last_activity(touches, journeys.customers) == NEVER).sum())
        if unknown:
            values = {"n": unknown, "rows": touches.table.rows}
            found.append(Finding(code="NO_LAST_ACTIVITY", status="note", values=values))
    if rules.key_event is None and journeys.key_events is not None:
        values = {"rows": journeys.key_events.table.rows}
        found.append(Finding(code="KEY_EVENTS_UNUSED", status="note", values=values))
    return found


def _lookbacks(journeys: Journeys) -> list[Finding]:
    """Lookbacks for channels (or kinds) that the touches do not have: most likely a slip of the pen."""
    idle = [key_text(key) for key in journeys.rules.lookbacks() if not _known(key, journeys)]
    if not idle:
        return []
    return [Finding(code="LOOKBACK_UNUSED", status="warn", values={"keys": ", ".join(idle)})]


def _known(key: LookbackKey, journeys: Journeys) -> bool:
    """Whether the touches have the channel and the kind that a key names."""
    touches = journeys.touches
    channel, kind = key if isinstance(key, tuple) else (key, None)
    kinds = set() if touches.kind is None else {str(name) for name in touches.kind.names}
    return (channel == "*" or channel in {str(name) for name in touches.channel.names}) and (
        kind is None or kind in kinds
    )


def _unused_rules(journeys: Journeys) -> list[Finding]:
    """Other rules that name channels or kinds which the touches do not have."""
    rules = journeys.rules
    named: dict[str, list[LookbackKey]] = {
        "tie_order": list(rules.tie_order),
        "levels": [("*", level) for level in rules.levels],
        "transforms": [step[1] for step in rules.transforms if isinstance(step, tuple) and isinstance(step[1], str)],
    }
    found = []
    for rule, keys in named.items():
        idle = [key_text(key).removeprefix("* / ") for key in keys if not _known(key, journeys)]
        if idle:
            values = {"rule": rule, "keys": ", ".join(idle)}
            found.append(Finding(code="RULE_UNUSED", status="warn", values=values))
    return found


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
