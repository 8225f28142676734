"""From checked tables and rules to their layout: counted conversions and the touches that may serve them, in order."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from attribution.core.errors import InputError
from attribution.core.threads import in_blocks
from attribution.customers import Customers
from attribution.journeys.eligibility import (
    Counted,
    Served,
    last_times,
    local_days,
    touch_lookbacks,
    window_begins,
)  # fmt: skip
from attribution.journeys.key_events import KeyEvents, next_key_event, wanted_events
from attribution.journeys.levels import judge_levels
from attribution.journeys.matching import check_match, match_codes
from attribution.journeys.order import ranks
from attribution.journeys.plan import Layout
from attribution.journeys.ties import Ties
from attribution.journeys.withheld import last_activity, withheld_touches
from attribution.kernels.ordering import first_places, sorted_rows
from attribution.kernels.person_index import index_persons
from attribution.kernels.relevance import relevance
from attribution.touches import Touches, complete_touches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from attribution.core.key_words import Keys
    from attribution.core.tables import Problems
    from attribution.journeys.eligibility import Lookbacks
    from attribution.journeys.plan import LeftOut
    from attribution.kernels.person_index import PersonIndex
    from attribution.rules import Rules

__all__ = ["Tables", "lay_out", "noting"]

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
        left_out: Touches that were left where they are; None when all are in the table.
        index: The persons with a conversion that counts, and the code of each such conversion, where they are known.
        codes: The code of the person of each touch among these, where all of them are known.
    """

    touches: Touches
    conversions: Conversions
    customers: Customers | None
    key_events: KeyEvents | None
    observed: tuple[int, int]
    left_out: LeftOut | None = None
    index: tuple[PersonIndex, NDArray[np.int32]] | None = None
    codes: NDArray[np.int32] | None = None


def lay_out(tables: Tables, rules: Rules, problems: Problems) -> Layout:
    """Check what the rules ask of the tables, then lay them out.

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
    lookbacks = touch_lookbacks(touches, rules)
    _note_uncovered(touches, lookbacks, rules)
    problems.raise_if_any()
    layout = _lay_out(replace(tables, touches=touches), rules, lookbacks, events)
    problems.raise_if_any()  # columns that only break ties are read last
    return layout


def noting(tables: Tables, problems: Problems) -> Tables:
    """The same tables; what goes wrong with them from here on is noted elsewhere."""

    def one(checked: _Checked) -> _Checked:
        table = copy(checked.table)
        table.problems = problems
        return replace(checked, table=table)

    return replace(
        tables,
        touches=one(tables.touches),
        conversions=one(tables.conversions),
        customers=None if tables.customers is None else one(tables.customers),
        key_events=None if tables.key_events is None else one(tables.key_events),
    )


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


def _note_uncovered(touches: Touches, lookbacks: Lookbacks, rules: Rules) -> None:
    rows, codes = lookbacks.uncovered(touches)
    if not rows:
        return
    names = sorted({str(touches.channel.names[code]) for code in codes})
    message = f'the lookbacks ({rules.lookback_text()}) leave touches of some channels out. Add these, or "*" for all'
    touches.table.problems.add(
        "NO_LOOKBACK", "touches", touches.table.roles.channel, rows, message=message, examples=names
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """The counted conversions in canonical order: their rows, person codes and times; and how many were set aside."""

    rows: NDArray[np.int64]
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    later: int


def _lay_out(tables: Tables, rules: Rules, lookbacks: Lookbacks, events: NDArray[np.int64]) -> Layout:
    touches, conversions, ties = tables.touches, tables.conversions, Ties(tables.touches, rules)
    index, converted = _ordered_conversions(conversions, tables.index, rules)
    keys = touches.keys.words()
    withheld = _withheld(tables, ties, (index, keys), converted)
    begin = window_begins(converted.time, lookbacks.longest, rules)
    touch_rows, touch_person = _relevant(tables, (index, keys), converted, begin)
    if withheld is not None:
        free = withheld[touch_rows] == 0
        touch_rows, touch_person = touch_rows[free], touch_person[free]
    touch_rows, touch_person, time = sorted_rows(
        touch_rows, touch_person, touches.times.picked(touch_rows), ties.levels()
    )
    served = _served(tables, rules, Served.of(touches, touch_rows, touch_person, time), lookbacks, events)
    end = converted.time + 1 if rules.same_instant == "include" else converted.time
    first, last = first_places(touch_person, time, converted.person, [begin, end])
    counted = Counted(
        row=converted.rows,
        person=converted.person,
        time=converted.time,
        value=conversions.value[converted.rows],
        first=first,
        last=np.maximum(first, last),
        match=None,
        day=_days(converted.time, rules),
    )
    if rules.match:
        touch_match, match = match_codes(touches.table, conversions.table, rules.match)
        served = replace(served, match=touch_match[served.row])
        counted = replace(counted, match=match[converted.rows])
    return Layout(
        touches=touches,
        conversions=conversions,
        customers=tables.customers,
        key_events=tables.key_events,
        observed=tables.observed,
        index=index,
        counted=counted,
        served=served,
        withheld=withheld,
        later_conversions=converted.later,
        left_out=tables.left_out,
    )


def _relevant(
    tables: Tables, persons: tuple[PersonIndex, Keys], converted: _Order, begin: NDArray[np.int64]
) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
    """Rows of the touches between the first window and the last conversion of their person, and their person codes."""
    begins = np.flatnonzero(np.diff(converted.person, prepend=-1))
    first, last = begin[begins], last_times(converted.person, converted.time)
    times, codes = tables.touches.times, tables.codes
    if codes is None:
        return relevance(persons[0], first, last, period=tables.observed).rows(persons[1], times)

    def inside(start: int, stop: int) -> NDArray[np.integer]:
        time, code = times[start:stop], codes[start:stop]
        return np.flatnonzero((time >= first.take(code)) & (time <= last.take(code))) + start

    rows = np.concatenate([np.empty(0, np.int64), *in_blocks(inside, len(codes))])
    return rows, codes[rows]


def _withheld(
    tables: Tables, ties: Ties, persons: tuple[PersonIndex, Keys], converted: _Order
) -> NDArray[np.int8] | None:
    """The reason of every row of the touches, 0 for those that may take credit; None when the rules know no reason."""
    touches, rules, activity = tables.touches, ties.rules, None
    if not rules.withholds():
        return None
    if rules.dormancy is not None and tables.customers is not None:
        activity = last_activity(touches, tables.customers)
    levels = None
    if rules.levels:
        index, keys = persons
        levels = judge_levels(touches, ties, late=_late(touches, rules, index.codes(keys), converted))
    return withheld_touches(touches, rules, levels=levels, activity=activity)


def _late(touches: Touches, rules: Rules, code_of: NDArray[np.int32], converted: _Order) -> NDArray[np.bool_]:
    """Rows of the touches that came too late for every counted conversion of their person."""
    never = np.iinfo(np.int64).max  # for the code -1 of persons without a conversion
    ends = np.append(last_times(converted.person, converted.time), never)
    after = touches.time - (1 if rules.same_instant == "include" else 0)
    return np.asarray(after >= ends[code_of])


def _ordered_conversions(
    conversions: Conversions, known: tuple[PersonIndex, NDArray[np.int32]] | None, rules: Rules
) -> tuple[PersonIndex, _Order]:
    """The persons with a counted conversion, and these conversions in order."""
    import pyarrow as pa

    rows = np.flatnonzero(~conversions.refund & ~conversions.refunded)
    everybody = conversions.person if len(rows) == len(conversions.person) else conversions.person.take(pa.array(rows))
    index, codes = index_persons(everybody) if known is None else known

    def by_id(tied: NDArray[np.int64]) -> NDArray[np.int64]:
        return ranks(conversions.conversion.take(pa.array(tied)))

    rows, codes, time = sorted_rows(rows, codes, conversions.time[rows], [by_id])
    later = 0
    if rules.reuse == "first":
        first = np.diff(codes, prepend=-1) != 0
        later = int((~first).sum())
        rows, codes, time = rows[first], codes[first], time[first]
    return index, _Order(rows, codes.astype(np.int64), time, later)


def _served(tables: Tables, rules: Rules, served: Served, lookbacks: Lookbacks, events: NDArray[np.int64]) -> Served:
    """The same touches with what the rules ask of each of them."""
    touches, rows = tables.touches, served.row
    own = lookbacks.of(touches, rows)
    if own is None and rules.window == "calendar_days":
        own = np.full(len(rows), lookbacks.longest, np.int64)  # the range of candidates is wider than dates allow
    key_event = None
    if rules.key_event is not None and tables.key_events is not None:
        key_event = next_key_event(touches, rows, tables.key_events, events, rules)
    return replace(served, lookback=own, day=_days(served.time, rules), key_event=key_event)


def _days(time: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
    if rules.window != "calendar_days" or rules.timezone is None:
        return None
    return local_days(time, rules.timezone)
