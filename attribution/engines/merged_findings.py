"""Findings of ranges of persons as findings of all of them: what counts rows or persons adds up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.core.findings import Finding

__all__ = ["merge_findings"]

_SUMMED = ("n", "rows", "untouched", "conversions", "persons", "value")
_LARGEST = ("pairs",)
# Share of one count in another.
_SHARES = {"NO_TOUCH": ("untouched", "conversions"), "AFTER_CONVERSION": ("n", "rows")}
# Told of all conversions, key events, rules or names by every range alike.
_ALIKE = ("REFUNDS", "KEY_EVENTS_UNUSED", "LOOKBACK_UNUSED", "RULE_UNUSED", "DAY_PRECISION")
# Samples of persons: the first range is one.
_SAMPLED = ("TIME_ZONE_SLIP", "CHANNEL_TIME_SLIP")
_EXAMPLES = {"NEAR_DUPLICATE": 3, "REPEATED_TOUCH": 6}


def merge_findings(parts: Iterable[tuple[Finding, ...]], rows: int) -> tuple[Finding, ...]:
    """The findings of all persons out of those of ranges of persons, each person in one of them.

    What compares names or persons across ranges (CHANNEL_ALIASES, PERSON_SPELLING, TEST_ACCOUNTS, UNKNOWN_PERSONS) is
    left out when there are several ranges.

    Args:
        parts: The findings of each range.
        rows: All touches.
    """
    listed = list(parts)
    if len(listed) == 1:
        return listed[0]
    together: dict[tuple[str, str], list[Finding]] = {}
    for place, part in enumerate(listed):
        for finding in part:
            if finding.code in _CROSSING or (finding.code in _SAMPLED and place):
                continue
            key = (
                finding.code,
                str(finding.values.get("channel", finding.values.get("rule", finding.values.get("table")))),
            )
            together.setdefault(key, []).append(finding)
    return tuple(_merged(some, rows) for some in together.values())


_CROSSING = ("CHANNEL_ALIASES", "PERSON_SPELLING", "TEST_ACCOUNTS", "UNKNOWN_PERSONS")


def _merged(some: list[Finding], rows: int) -> Finding:
    first = some[0]
    if first.code in (*_ALIKE, *_SAMPLED):
        return first
    values: dict[str, Any] = dict(first.values)
    for name in values:
        each: list[Any] = [finding.values[name] for finding in some]
        if name in _SUMMED:
            values[name] = sum(each)
        elif name in _LARGEST:
            values[name] = max(each)
    if "rows" in values and first.code != "NEAR_DUPLICATE":
        values["rows"] = rows
    if "examples" in values:
        shown = sorted({item for finding in some for item in str(finding.values["examples"]).split(", ")})
        values["examples"] = ", ".join(shown[: _EXAMPLES.get(first.code, 3)])
    if first.code in _SHARES:
        part, whole = _SHARES[first.code]
        values["share"] = values[part] / values[whole]
    return replace(first, values=values)
