"""Conversions without an eligible touch, and no conversion at all: one reading for memory, engines and files."""

from __future__ import annotations

from attribution.core.findings import Finding

__all__ = ["untouched_findings"]

# From this share on, of so many conversions, the tables hardly belong together (judgement): ids in another spelling,
# another year.
_NEARLY_ALL_PERCENT = 95
_ENOUGH = 20


def untouched_findings(counted: int, untouched: int) -> list[Finding]:
    """A warning when nothing or nearly nothing can be credited, else how many conversions have no touch.

    Args:
        counted: Counted conversions.
        untouched: Those without an eligible touch.
    """
    if not counted:
        return [Finding(code="NO_CONVERSIONS", status="warn")]
    if not untouched:
        return []
    nearly_all = counted >= _ENOUGH and 100 * untouched >= _NEARLY_ALL_PERCENT * counted
    values = {"untouched": untouched, "conversions": counted, "share": untouched / counted}
    return [Finding(code="NO_TOUCH", status="warn" if nearly_all else "note", values=values)]
