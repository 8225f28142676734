"""Conversions and touches of the assigned persons, cut to each person's window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY
from attribution.core.findings import Finding
from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.findings import Status

__all__ = [
    "Matched",
    "Windows",
    "beyond_data",
    "in_order_of_size",
    "match_events",
    "sum_by_person",
    "sum_by_size",
]

# Judgements. Conversions thin out after a campaign, but persons return without one too: half of a window without a
# booking of anybody, after at least so many before it, says that the table ends early.
_SILENT_SHARE = 0.5
_FEWEST_BOOKINGS = 20
_FEW_AMOUNTS = 1 << 14  # so many distinct amounts are found in the fastest cache


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Windows:
    """The windows of the persons that are analysed.

    Attributes:
        row: Row of the outcomes by person code; -1 for a person who is not analysed.
        immature: By person code: assigned, but the window is not over.
        excluded: By person code: assigned to two arms and set aside.
        start: Start of the window by row, microseconds.
        length: Length of the window, microseconds.
    """

    row: NDArray[np.int64]
    immature: NDArray[np.bool_]
    excluded: NDArray[np.bool_]
    start: NDArray[np.int64]
    length: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Matched:
    """Events inside the windows.

    Attributes:
        inside: Which events count, one entry per event.
        row: Row of the outcomes of the events that count.
        findings: How many events count, and where the others are.
    """

    inside: NDArray[np.bool_]
    row: NDArray[np.int64]
    findings: tuple[Finding, ...]


def match_events(
    windows: Windows, code: NDArray[np.int64], time: NDArray[np.int64], counted: NDArray[np.bool_], *, name: str
) -> Matched:
    """Match events to windows; every event is counted once, by what became of it.

    Args:
        windows: The windows.
        code: Person of each event.
        time: Time of each event, microseconds.
        counted: Events that stand for themselves; refunds and what they reverse do not.
        name: "CONVERSIONS" or "TOUCHES", for the findings.
    """
    row = np.where(counted, windows.row[code], -1)
    known = row >= 0
    since = np.where(known, time - windows.start[np.where(known, row, 0)] if len(windows.start) else 0, 0)
    inside = known & (since >= 0) & (since < windows.length)
    immature, excluded = counted & windows.immature[code], counted & windows.excluded[code]
    values = {
        "rows": len(code),
        "used": int(inside.sum()),
        "before": int((known & (since < 0)).sum()),
        "after": int((known & (since >= windows.length)).sum()),
        "immature": int(immature.sum()),
        "excluded": int(excluded.sum()),
        "set_aside": int((~counted).sum()),
        "unassigned": int((counted & ~known & ~immature & ~excluded).sum()),
    }
    findings = [Finding(code=f"OUTCOME_{name}", status="note", values=values)]
    if values["unassigned"]:
        share = values["unassigned"] / len(code)
        brief = {"rows": len(code), "unassigned": values["unassigned"], "share": share}
        # A log of everybody holds many others; one in which nobody is known has other keys than the assignment.
        status: Status = "fail" if values["unassigned"] == len(code) else "note"
        findings.append(Finding(code=f"UNASSIGNED_{name}", status=status, values=brief))
    return Matched(inside=inside, row=row[inside], findings=tuple(findings))


def beyond_data(windows: Windows, time: NDArray[np.int64], *, as_of: str) -> list[Finding]:
    """Whether the windows end long after the last booking: then `as_of` says more than the data hold.

    Touches do not count here: they go on when bookings are missing, and stop by plan when none are.

    Args:
        windows: The windows.
        time: Time of every row of the conversions, of whomever, refunds among them.
        as_of: What the caller wrote.
    """
    if len(time) < _FEWEST_BOOKINGS:
        return []
    end, last = int(windows.start.max()) + windows.length, int(time.max())
    if end - last <= _SILENT_SHARE * windows.length:
        return []
    days = (end - last) / MICROSECONDS_PER_DAY
    values = {"as_of": as_of, "last": _day(last), "end": _day(end), "days": days, "rows": len(time)}
    return [Finding(code="AS_OF_BEYOND_DATA", status="warn", values=values)]


def _day(time: int) -> str:
    return str(np.datetime64(time, "us").astype("datetime64[D]"))


def sum_by_person(matched: Matched, amount: NDArray[np.float64], persons: int) -> NDArray[np.float64]:
    """Sum of an amount by row of the outcomes; the amounts are added in order of size, so row order changes no byte."""
    return sum_by_size(matched.row, amount[matched.inside], persons)


def sum_by_size(owner: NDArray[np.int64], amount: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sum of the amounts of each owner, added from the smallest to the largest: the same in any order of rows.

    Args:
        owner: Number of the owner of each amount, from 0.
        amount: The amounts.
        size: Number of owners.
    """
    some = np.flatnonzero(amount)  # nothing is added by 0
    if len(some) < len(amount):
        owner, amount = owner[some], amount[some]
    owner, amount = in_order_of_size(owner, amount)
    return np.asarray(np.bincount(owner, weights=amount, minlength=size), dtype=np.float64)


def in_order_of_size(
    owner: NDArray[np.int64], amount: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Owners and amounts sorted by owner, then by amount.

    Owner and rank of the amount are sorted as one whole number, which is much faster than a sort by two columns.
    """
    ordered = np.sort(amount)
    distinct = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    if len(distinct) <= _FEW_AMOUNTS:
        rank = _ranks(distinct, amount)
    else:
        rank, distinct = np.empty(len(amount), np.int64), ordered
        rank[np.argsort(amount)] = np.arange(len(amount))
    bits = max(len(distinct) - 1, 1).bit_length()
    key = (owner.astype(np.int64) << bits) | rank  # below 2^31 owners and amounts, so that both fit
    key.sort()
    return key >> bits, distinct[key & ((1 << bits) - 1)]


def _ranks(distinct: NDArray[np.float64], amount: NDArray[np.float64]) -> NDArray[np.int64]:
    """The place of every amount among few distinct ones."""
    rank = np.empty(len(amount), np.int64)

    def block(start: int, stop: int) -> None:
        rank[start:stop] = np.searchsorted(distinct, amount[start:stop])

    in_blocks(block, len(amount))
    return rank
