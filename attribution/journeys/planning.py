"""From checked tables and rules to the plan."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from attribution.core.errors import InputError
from attribution.core.values import encode_together
from attribution.customers import Customers
from attribution.journeys.eligibility import Counted, Served, local_days, lookback_codes, windows
from attribution.journeys.key_events import KeyEvents, next_key_event, wanted_events
from attribution.journeys.levels import judge_levels
from attribution.journeys.matching import check_match, match_codes
from attribution.journeys.order import canonical_order, ranks, time_scale
from attribution.journeys.plan import Journeys
from attribution.journeys.ties import Ties
from attribution.journeys.withheld import Withheld, last_activity, withheld_touches
from attribution.touches import Touches, complete_touches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from attribution.core.tables import Problems
    from attribution.rules import Rules

__all__ = ["Tables", "plan_again", "plan_journeys"]

_Checked = TypeVar("_Checked", Touches, "Conversions", Customers, KeyEvents)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tables:
    """The checked tables of a plan.

    Attributes:
        touches: Touches.
        conversions: Conversions.
        customers: Customers; None when none were given.
        key_events: Key events; None when none were given.
        observed: First and last instant of observation, in microseconds.
    """

    touches: Touches
    conversions: Conversions
    customers: Customers | None
    key_events: KeyEvents | None
    observed: tuple[int, int]


def plan_again(journeys: Journeys, rules: Rules, problems: Problems) -> Journeys:
    """The plan of the same tables under other rules."""

    def noting(checked: _Checked) -> _Checked:
        table = copy(checked.table)
        table.problems = problems  # what goes wrong from here on belongs to this call
        return replace(checked, table=table)

    tables = Tables(
        touches=noting(journeys.touches),
        conversions=noting(journeys.conversions),
        customers=None if journeys.customers is None else noting(journeys.customers),
        key_events=None if journeys.key_events is None else noting(journeys.key_events),
        observed=journeys.observed,
    )
    return plan_journeys(tables, rules, problems)


def plan_journeys(tables: Tables, rules: Rules, problems: Problems) -> Journeys:
    """Check what the rules ask of the tables, then plan.

    Raises:
        TableError: Lists every problem.
        InputError: For rules that need a table that was not given.
    """
    _check_tables(tables, rules)
    touches = complete_touches(
        tables.touches, kind=rules.needs_kind(), origin=rules.origin == "outbound", message=bool(rules.levels)
    )
    for table in (tables.touches.table, tables.conversions.table):
        check_match(table, rules.match)
    if rules.dormancy is not None and tables.customers is not None:
        tables.customers.table.require("last_active")
    events = np.empty(0, np.int64)
    if rules.key_event is not None and tables.key_events is not None:
        check_match(tables.touches.table, rules.key_event_match)
        check_match(tables.key_events.table, rules.key_event_match)
        events = wanted_events(tables.key_events, rules, problems)
    if touches is None:
        problems.raise_if_any()
        raise InputError("the touches cannot be read.")
    lookback, longest, uncovered = lookback_codes(touches, rules)
    if uncovered is not None:
        _note_uncovered(touches, uncovered, rules)
    problems.raise_if_any()
    journeys = _plan(replace(tables, touches=touches), rules, (lookback, longest), events)
    problems.raise_if_any()  # columns that only break ties are read last
    return journeys


def _check_tables(tables: Tables, rules: Rules) -> None:
    if rules.key_event is not None and tables.key_events is None:
        raise InputError(
            f"the rules ask for the key event {rules.key_event!r}: pass key_events=, a table of who did what and when."
        )
    if rules.dormancy is not None and tables.customers is None:
        raise InputError(
            "the rules ask when a customer became dormant: pass customers=, a table with one row per person and the "
            "column last_active_at."
        )


def _note_uncovered(touches: Touches, uncovered: NDArray[np.bool_], rules: Rules) -> None:
    names = sorted({str(touches.channel.names[code]) for code in np.unique(touches.channel.codes[uncovered])})
    message = f'the lookbacks ({rules.lookback_text()}) leave touches of some channels out. Add these, or "*" for all'
    touches.table.problems.add(
        "NO_LOOKBACK", "touches", touches.table.roles.channel, int(uncovered.sum()), message=message, examples=names
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """The counted conversions in canonical order: their rows, person codes and times; and how many were set aside."""

    rows: NDArray[np.int64]
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    later: int


def _plan(
    tables: Tables, rules: Rules, lookbacks: tuple[NDArray[np.int64] | None, int], events: NDArray[np.int64]
) -> Journeys:
    import pyarrow as pa
    import pyarrow.compute as pc

    touches, conversions, ties = tables.touches, tables.conversions, Ties(tables.touches, rules)
    rows = np.flatnonzero(~conversions.refund & ~conversions.refunded)
    (codes,), names = encode_together(conversions.person.take(pa.array(rows)))
    persons = pa.array(names.tolist(), type=conversions.person.type)
    code_of = pc.fill_null(pc.index_in(touches.person, value_set=persons), -1).to_numpy(zero_copy_only=False)
    scale = time_scale([touches.time[code_of >= 0], conversions.time[rows]], len(names))
    converted = _ordered_conversions(conversions, rows, codes, scale.keys(codes, conversions.time[rows]), rules)
    withheld = _withheld(tables, ties, code_of, converted)
    touch_rows = np.flatnonzero((code_of >= 0) & (withheld == 0))
    touch_person = code_of[touch_rows].astype(np.int64)
    keys = scale.keys(touch_person, touches.time[touch_rows])
    order = canonical_order(keys, lambda tied: ties.ranks(touch_rows[tied]))
    served = _served(tables, rules, touch_rows[order], touch_person[order], lookbacks, events)
    begin, end = windows(scale, converted.person, converted.time, keys[order], lookbacks[1], rules)
    counted = Counted(
        row=converted.rows,
        person=converted.person,
        time=converted.time,
        value=conversions.value[converted.rows],
        first=begin,
        last=end,
        match=None,
        day=_days(converted.time, rules),
    )
    if rules.match:
        touch_match, match = match_codes(touches.table, conversions.table, rules.match)
        served = replace(served, match=touch_match[served.row])
        counted = replace(counted, match=match[converted.rows])
    return Journeys(
        rules=rules,
        touches=touches,
        conversions=conversions,
        customers=tables.customers,
        key_events=tables.key_events,
        observed=tables.observed,
        persons=persons,
        counted=counted,
        served=served,
        withheld=withheld,
        later_conversions=converted.later,
        withheld_of_converters=np.bincount(withheld[code_of >= 0], minlength=max(Withheld) + 1),
    )


def _withheld(tables: Tables, ties: Ties, code_of: NDArray[np.int64], converted: _Order) -> NDArray[np.int8]:
    """The reason of every row of the touches, 0 for those that may take credit."""
    touches, rules, activity = tables.touches, ties.rules, None
    if rules.dormancy is not None and tables.customers is not None:
        activity = last_activity(touches, tables.customers)
    levels = judge_levels(touches, ties, late=_late(touches, rules, code_of, converted)) if rules.levels else None
    return withheld_touches(touches, rules, levels=levels, activity=activity)


def _late(touches: Touches, rules: Rules, code_of: NDArray[np.int64], converted: _Order) -> NDArray[np.bool_]:
    """Rows of the touches that came too late for every counted conversion of their person."""
    last = np.full(int(code_of.max(initial=-1)) + 2, np.iinfo(np.int64).max, np.int64)  # the last entry: no conversion
    known = converted.person < len(last) - 1
    last[converted.person[known]] = converted.time[known]  # of a repeated person the last assignment stays: the latest
    after = touches.time - (1 if rules.same_instant == "include" else 0)
    return np.asarray(after >= last[code_of])


def _ordered_conversions(
    conversions: Conversions,
    rows: NDArray[np.int64],
    codes: NDArray[np.int64],
    keys: NDArray[np.int64],
    rules: Rules,
) -> _Order:
    import pyarrow as pa

    order = canonical_order(keys, lambda tied: [ranks(conversions.conversion.take(pa.array(rows[tied])))])
    rows, codes = rows[order], codes[order]
    later = 0
    if rules.reuse == "first":
        first = np.ones(len(rows), bool)
        first[1:] = codes[1:] != codes[:-1]
        later = int((~first).sum())
        rows, codes = rows[first], codes[first]
    return _Order(rows, codes, conversions.time[rows], later)


def _served(
    tables: Tables,
    rules: Rules,
    rows: NDArray[np.int64],
    person: NDArray[np.int64],
    lookbacks: tuple[NDArray[np.int64] | None, int],
    events: NDArray[np.int64],
) -> Served:
    touches, (lookback, longest) = tables.touches, lookbacks
    own = None if lookback is None else lookback[rows]
    if own is None and rules.window == "calendar_days":
        own = np.full(len(rows), longest, np.int64)  # the range of candidates is wider than dates allow
    key_event = None
    if rules.key_event is not None and tables.key_events is not None:
        key_event = next_key_event(touches, rows, tables.key_events, events, rules)
    return Served(
        row=rows,
        person=person,
        time=touches.time[rows],
        channel=touches.channel.codes[rows],
        lookback=own,
        match=None,
        names=touches.channel.names,
        day=_days(touches.time[rows], rules),
        key_event=key_event,
    )


def _days(time: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
    if rules.window != "calendar_days" or rules.timezone is None:
        return None
    return local_days(time, rules.timezone)
