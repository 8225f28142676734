"""Building the outcomes: the assignment on the left, everything else cut to each person's window and summed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY, duration_text, microseconds, parse_duration
from attribution.core.errors import DesignError, InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records
from experiments.outcomes.events import Windows, beyond_data, match_events, sum_by_person
from experiments.outcomes.history import carry_history
from experiments.outcomes.instant import as_of_microseconds
from experiments.outcomes.persons import settle_persons
from experiments.outcomes.refunds import settle_refunds
from experiments.outcomes.result import Outcomes, summarise
from experiments.outcomes.sources import read_sources
from experiments.outcomes.spend import fixed_by_row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, timedelta

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.values import Labels
    from experiments.outcomes.persons import TwoArms
    from experiments.outcomes.sources import Sources

__all__ = ["build_outcomes"]

_KINDS = {
    "p_assign": "number", "woken": "count", "value": "money", "orders": "count", "touch_cost": "money",
    "incentive_cost": "money", "fixed_cost": "money", "cost": "money",
}  # fmt: skip


def build_outcomes(  # noqa: PLR0913 - the contract's options
    assignment: object,
    conversions: object,
    touches: object = None,
    prices: object = None,
    *,
    window: str | timedelta = "28d",
    as_of: str | date | datetime,
    lag: str | timedelta = "0d",
    history: object = None,
    two_arms: TwoArms = "first",
    columns: ColumnsLike = None,
) -> Outcomes:
    """One row per assigned person: whether they came back inside their window, what it was worth and what it cost.

    The rows are the assigned persons whose window is over, in the order of the assignment. The window of a person is
    ``[assigned_at, assigned_at + window)``: its start belongs to it, its end does not. ``woken`` is 1 with at least one
    conversion in the window, ``orders`` counts them, ``value`` sums their value, ``touch_cost`` sums the priced
    touches of the window, ``incentive_cost`` the incentives of its conversions, refunded or not, ``fixed_cost`` spreads
    each fixed price equally over all persons assigned to the arms that caused it, and ``cost`` is the sum of the three.
    Columns whose source is not given are left out, never filled with 0. A refund counts when it was booked inside the
    window of its person; later ones are the finding LATE_REFUNDS. ``closed`` is 1 when the account was closed inside
    the window (history with ``closed_at``; a column `closed` of the history then gives way to it).

    Args:
        assignment: One row per assigned person: person_id, arm, assigned_at; optional p_assign, stratum.
        conversions: conversion_id, person_id, time; optional value, incentive_cost, refund_of.
        touches: person_id, time, channel and what the prices are paid for, or a `cost` of their own.
        prices: The price list (see `attribution.price_touches`). Without it the touches need a `cost` column.
        window: Length of the window, an exact duration ("28d" = 28 x 24 h).
        as_of: The moment up to which the data are complete: a date (the end of that day in the time zone of
            `columns`, UTC without one), an aware datetime, or either as ISO text.
        lag: How long bookings may arrive late; persons whose window ended less than this before `as_of` are not mature.
        history: One row per person of what was known before the assignment; every column except the person is
            carried on.
        two_arms: What happens to a person found in two arms: "first" (analysed as first assigned, ties settled by a
            hash, so with each arm's own probability) or "exclude" (left out of all arms; with unequal shares this
            removes persons with several numbers more often from the smaller arm). Either way their share is a
            finding, and above 0.5 % a failure.
        columns: The user's names of the columns; one `Columns`, or one per table.

    Returns:
        The outcomes with ``.findings`` (what was left out, with counts) and ``.recipe``.

    Raises:
        TableError: With every problem of every table: missing or empty columns, a person listed twice in one arm
            (REPEATED_PERSON), a price that is missing, columns of the history with reserved names (RESERVED_NAME).
        DesignError: NONE_MATURE when no window is over at `as_of`.
        InputError: For an `as_of`, `window` or `lag` that cannot be read.

    Verified against: a slow row-by-row oracle (tests/oracles/outcomes_rows.py) on random tables, and the simulator's
    own outcomes, equal in every column.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> day = pd.Timestamp("2026-10-12", tz="Asia/Shanghai")
        >>> people = pd.DataFrame({"person_id": ["p1", "p2"], "arm": ["sms", "holdout"], "assigned_at": day})
        >>> orders = pd.DataFrame({
        ...     "conversion_id": ["c1"], "person_id": ["p1"], "time": [day + pd.Timedelta("3h")], "value": [120.0],
        ... })
        >>> made = ex.build_outcomes(people, orders, window="28d", as_of="2026-12-31")
        >>> made.table()[["person_id", "woken", "value", "orders"]].to_dict("records")
        [{'person_id': 'p1', 'woken': 1, 'value': 120.0, 'orders': 1},
         {'person_id': 'p2', 'woken': 0, 'value': 0.0, 'orders': 0}]
    """
    span, late = _durations(window, lag)
    if two_arms not in ("first", "exclude"):
        raise InputError(f'two_arms must be "first" or "exclude", got {two_arms!r}.')
    if prices is not None and touches is None:
        raise InputError("prices without touches say nothing about cost. Pass touches= as well, or leave prices out.")
    sources = read_sources(assignment, conversions, (touches, prices), history, window=span, columns=columns)
    until = as_of_microseconds(as_of, sources.table.roles.timezone)
    settled, findings = settle_persons(sources.table, sources.assigned, sources.codes["assignment"], two_arms=two_arms)
    share = _fixed_shares(sources, settled)
    sources.table.problems.raise_if_any()
    last = until - microseconds(late) - microseconds(span)
    rows = settled[sources.assigned.assigned_at[settled] <= last]
    _check_mature(sources, settled, rows, last)
    findings += _immature_finding(settled, rows)
    windows = _windows(sources, settled, rows, microseconds(span))
    findings += beyond_data(windows, sources.conversions.time, as_of=str(as_of))
    columns_made, found = _measure(sources, windows, rows)
    findings += found
    if share is not None:
        arms = sources.assigned.arm.codes[rows]
        columns_made["fixed_cost"] = share[arms]
        columns_made["cost"] = columns_made["touch_cost"] + columns_made["incentive_cost"] + share[arms]
    identity = _identity(sources, rows)
    past, found = _past(sources, rows, windows)
    findings += found
    settings = {
        "window": duration_text(span), "lag": duration_text(late), "as_of": str(as_of), "two_arms": two_arms,
        "costs": "none" if sources.spend is None else "prices" if sources.spend.priced else "column",
    }  # fmt: skip
    everything: dict[str, Any] = {**identity, **columns_made, **past}
    fields = tuple(Field(name, _KINDS.get(name, "text")) for name in everything)  # type: ignore[arg-type]
    return Outcomes(
        records=Records(fields, tuple(everything.values())),
        summary=summarise(sources.assigned.arm.codes[rows], sources.assigned.arm.names, columns_made),
        findings=tuple(findings),
        recipe=Recipe(
            method="build_outcomes",
            definitions=("OUTCOMES",) if sources.spend is None else ("OUTCOMES", "OUTCOME_COST"),
            settings=settings,
            n={"assigned": len(settled), "mature": len(rows), "conversions": len(sources.conversions.time)},
            fingerprint=fingerprint(everything),
        ),
        window=span,
        assigned_at=sources.assigned.assigned_at[rows],
    )


def _durations(window: str | timedelta, lag: str | timedelta) -> tuple[timedelta, timedelta]:
    """Window and lag; a window is longer than nothing."""
    span, late = parse_duration(window, name="window"), parse_duration(lag, name="lag")
    if not span:
        raise InputError(f'window must be longer than 0, got {window!r}. Write for example window="28d".')
    return span, late


def _fixed_shares(sources: Sources, settled: NDArray[np.int64]) -> NDArray[np.float64] | None:
    if sources.spend is None:
        return None
    arm = sources.assigned.arm
    return fixed_by_row(sources.spend, arm.codes[settled], arm.names, problems=sources.table.problems)


def _check_mature(sources: Sources, settled: NDArray[np.int64], rows: NDArray[np.int64], last: int) -> None:
    if len(rows):
        return
    if not len(settled):
        raise DesignError("NONE_MATURE", "the assignment holds no person to analyse. Pass one row per assigned person.")
    earliest = int(sources.assigned.assigned_at[settled].min()) - last
    days = math.ceil(earliest / MICROSECONDS_PER_DAY)
    raise DesignError(
        "NONE_MATURE",
        f"no person's window is over at as_of (less lag): the first ends {days} day(s) later. Set as_of= to the day up "
        f"to which the data are complete, at least {days} day(s) on; else wait, or choose a shorter window=.",
    )


def _immature_finding(settled: NDArray[np.int64], rows: NDArray[np.int64]) -> list[Finding]:
    left = len(settled) - len(rows)
    if not left:
        return []
    values = {"persons": left, "assigned": len(settled), "share": left / len(settled)}
    return [Finding(code="IMMATURE", status="note", values=values)]


def _windows(sources: Sources, settled: NDArray[np.int64], rows: NDArray[np.int64], length: int) -> Windows:
    code = sources.codes["assignment"]
    row = np.full(sources.persons, -1, dtype=np.int64)
    row[code[rows]] = np.arange(len(rows))
    listed, kept = np.zeros(sources.persons, bool), np.zeros(sources.persons, bool)
    listed[code], kept[code[settled]] = True, True
    return Windows(
        row=row,
        immature=kept & (row < 0),
        excluded=listed & ~kept,
        length=length,
        start=sources.assigned.assigned_at[rows],
    )


def _measure(
    sources: Sources, windows: Windows, rows: NDArray[np.int64]
) -> tuple[dict[str, NDArray[Any]], list[Finding]]:
    """Everything that is counted or summed inside the windows."""
    booked, persons, code = sources.conversions, len(rows), sources.codes["conversions"]
    settled = settle_refunds(booked, sources.incentive, code, windows)
    counted = ~(booked.refund | settled.refunded)
    matched = match_events(windows, code, booked.time, counted, name="CONVERSIONS")
    findings = [*matched.findings, *settled.findings]
    orders = np.bincount(matched.row, minlength=persons).astype(np.int64)
    made: dict[str, NDArray[Any]] = {"woken": (orders > 0).astype(np.int64)}
    if booked.has_value:
        made["value"] = sum_by_person(matched, settled.value, persons)
    made["orders"] = orders
    if sources.spend is None:
        return made, findings
    spend = sources.spend
    everyone = np.ones(len(spend.time), bool)
    touched = match_events(windows, sources.codes["touches"], spend.time, everyone, name="TOUCHES")
    made["touch_cost"] = sum_by_person(touched, spend.cost, persons)
    if settled.incentive is None:
        findings.append(Finding(code="NO_INCENTIVES", status="warn", values={}))
        made["incentive_cost"] = np.zeros(persons)
    else:
        # A refund returns the value of a conversion, not the coupon: that was spent all the same.
        paid = match_events(windows, code, booked.time, ~booked.refund, name="CONVERSIONS")
        made["incentive_cost"] = sum_by_person(paid, settled.incentive, persons)
    return made, [*findings, *touched.findings]


def _identity(sources: Sources, rows: NDArray[np.int64]) -> dict[str, Any]:
    import pyarrow as pa

    assigned = sources.assigned
    made: dict[str, Any] = {"person_id": assigned.person.take(pa.array(rows)), "arm": _labelled(assigned.arm, rows)}
    if assigned.p_assign is not None:
        made["p_assign"] = assigned.p_assign[rows]
    if assigned.stratum is not None:
        made["stratum"] = _labelled(assigned.stratum, rows)
    return made


def _labelled(labels: Labels, rows: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    return pa.array(labels.names.tolist()).take(pa.array(labels.codes[rows]))


def _past(sources: Sources, rows: NDArray[np.int64], windows: Windows) -> tuple[Mapping[str, Any], list[Finding]]:
    """The columns of the history, and whether the account was closed inside the window."""
    if sources.history is None:
        return {}, []
    code = sources.codes["assignment"][rows]
    columns, place, findings = carry_history(sources.history, sources.codes["history"], code, sources.persons)
    if sources.history.closed_at is None:
        return columns, findings
    # A person without history was never seen to close; the finding NO_HISTORY counts these persons.
    closed_at = np.where(place >= 0, sources.history.closed_at[place], np.iinfo(np.int64).min)
    inside = (closed_at >= windows.start) & (closed_at < windows.start + windows.length)
    if "closed" in columns:
        own = columns["closed"].to_pylist()
        changed = sum((flag == 1) != there for flag, there in zip(own, inside.tolist(), strict=True))
        if changed:
            findings.append(Finding(code="CLOSED_RECOMPUTED", status="note", values={"persons": changed}))
    return {**columns, "closed": inside.astype(np.int64)}, findings
