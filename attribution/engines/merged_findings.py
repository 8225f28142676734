"""Findings of ranges of persons as findings of all of them: what counts rows or persons adds up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from attribution.journeys.untouched import untouched_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding

__all__ = ["Totals", "merge_findings"]

# In the order in which journeys tell them.
_ORDER = (
    "NO_CONVERSIONS", "NO_TOUCH", "LATER_CONVERSIONS", "REFUNDS", "TOUCHES_WITHOUT_CONVERSION", "AFTER_CONVERSION",
    "LEVELS_COLLAPSED", "BELOW_LEVEL", "INBOUND_TOUCHES", "BEFORE_START", "BEFORE_DORMANCY", "TOUCHES_NO_KEY_EVENT",
    "TOUCHES_REMOVED", "TOUCHES_NOT_ELIGIBLE", "TOUCHES_USED", "NO_MESSAGE_ID", "NO_LAST_ACTIVITY", "KEY_EVENTS_UNUSED",
    "LOOKBACK_UNUSED", "RULE_UNUSED", "BUSY_PERSON", "TIME_ZONE_SLIP", "CHANNEL_TIME_SLIP", "NEAR_DUPLICATE",
    "REPEATED_TOUCH", "DAY_PRECISION",
)  # fmt: skip
_SUMMED = ("n", "persons", "value")
_LARGEST = ("pairs",)
# Share of one count in another.
_SHARES = {"AFTER_CONVERSION": ("n", "rows")}
# Told of all conversions, key events, rules or names by every range alike.
_ALIKE = ("KEY_EVENTS_UNUSED", "LOOKBACK_UNUSED", "RULE_UNUSED", "DAY_PRECISION")
# Samples of persons: the first range is one.
_SAMPLED = ("TIME_ZONE_SLIP", "CHANNEL_TIME_SLIP")
_EXAMPLES = {"NEAR_DUPLICATE": 3, "REPEATED_TOUCH": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What findings count against, over all persons.

    Attributes:
        rows: Touches.
        counted: Counted conversions.
        orders: Rows of the conversions that are no refunds.
        refunds: Rows that are.
        refunded: Conversions refunded in full.
    """

    rows: int
    counted: int
    orders: int
    refunds: int
    refunded: int


def merge_findings(parts: Sequence[tuple[Finding, ...]], totals: Totals) -> tuple[Finding, ...]:
    """The findings of all persons out of those of ranges of persons, each person in one of them.

    What compares names or persons across ranges (CHANNEL_ALIASES, PERSON_SPELLING, TEST_ACCOUNTS, UNKNOWN_PERSONS) is
    left out.

    Args:
        parts: The findings of each range, at least one.
        totals: What they count against.
    """
    together: dict[tuple[int, str], list[Finding]] = {}
    for place, part in enumerate(parts):
        for finding in part:
            if finding.code not in _ORDER or (finding.code in _SAMPLED and place):
                continue
            about = next(
                (str(finding.values[name]) for name in ("channel", "rule", "table") if name in finding.values), ""
            )
            together.setdefault((_ORDER.index(finding.code), about), []).append(finding)
    return tuple(_merged(together[key], totals) for key in sorted(together) if not _nothing(together[key][0], totals))


def _nothing(finding: Finding, totals: Totals) -> bool:
    """Whether a range alone says so: it takes conversions of other ranges for refunds, and may hold none itself."""
    if finding.code == "REFUNDS":
        return not totals.refunds
    return finding.code == "NO_CONVERSIONS" and totals.counted > 0


def _merged(some: list[Finding], totals: Totals) -> Finding:
    first = some[0]
    if first.code in (*_ALIKE, *_SAMPLED, "NO_CONVERSIONS"):
        return first
    if first.code == "REFUNDS":
        return replace(first, values={"refunds": totals.refunds, "refunded": totals.refunded})
    if first.code == "NO_TOUCH":  # the share of all conversions decides whether it is a warning
        untouched: list[Any] = [finding.values["untouched"] for finding in some]
        return untouched_findings(totals.counted, sum(untouched))[0]
    return _added_up(some, totals)


def _added_up(some: list[Finding], totals: Totals) -> Finding:
    first = some[0]
    values: dict[str, Any] = dict(first.values)
    for name in values:
        each: list[Any] = [finding.values[name] for finding in some]
        if name in _SUMMED:
            values[name] = sum(each)
        elif name in _LARGEST:
            values[name] = max(each)
    if "rows" in values:
        values["rows"] = totals.orders if first.code == "NEAR_DUPLICATE" else totals.rows
    if "conversions" in values:
        values["conversions"] = totals.counted
    if "examples" in values:
        shown = sorted({item for finding in some for item in str(finding.values["examples"]).split(", ")})
        values["examples"] = ", ".join(shown[: _EXAMPLES.get(first.code, 3)])
    if first.code in _SHARES:
        part, whole = _SHARES[first.code]
        values["share"] = values[part] / values[whole]
    return replace(first, values=values)
