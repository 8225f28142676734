"""Is the base of active customers growing, and out of what?"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.durations import duration_text, parse_duration
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records
from experiments.wakeup.flows_kernel import HIDDEN, flows_of, hidden_moves, returns_of
from experiments.wakeup.flows_result import CustomerFlows, FlowRow, FlowSeries
from experiments.wakeup.states import acts_until, fingerprint_of
from experiments.wakeup.states_customers import gather_customers
from experiments.wakeup.states_kernel import NOT_YET, known_acts, limits_of, state_at
from experiments.wakeup.states_moments import check_order, moment_of, moments_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from experiments.wakeup.acts import Acts
    from experiments.wakeup.flows_kernel import Returns
    from experiments.wakeup.states_customers import Customers
    from experiments.wakeup.states_kernel import Limits
    from experiments.wakeup.states_moments import Moment

__all__ = ["customer_flows"]

messages.register("experiments")


def customer_flows(  # noqa: PLR0913 - the contract's options
    events: object,
    *,
    start: str | date | datetime,
    end: str | date | datetime,
    dormant_after: str | timedelta = "180d",
    churned_after: str | timedelta = "720d",
    every: str | None = None,
    by: str | None = None,
    registered: object = None,
    columns: ColumnsLike = None,
) -> CustomerFlows:
    """Count who became active and who left between two dates.

    The states are those of `customer_states`. From `start` to `end`: **new** had no act at the start and is active at
    the end; **woken** was dormant or churned at the start and is active at the end; **to_dormant** and **to_churned**
    were active at the start and are that at the end. Then, exactly and checked on every call,
    ``active_end = active_start + new + woken - to_dormant - to_churned``, and
    ``acquisition_ratio = (new + woken) / (to_dormant + to_churned)`` is above 1 exactly when the active base grows.

    The ends of a long period do not show who left and returned inside it, nor who woke and fell asleep again, so the
    flows of a year are not the sums of the flows of its months. These customers are counted (``left_and_returned``,
    ``woken_and_lost``, ``new_and_lost``), listed in ``hidden``, and told by the finding FLOWS_HIDDEN; `every` reads the
    period step by step.

    Args:
        events: The log of acts: a person and a time per act.
        start: The first date; a date stands for its end, so the period is (start, end] in days.
        end: The last date.
        dormant_after: Longest silence of an active customer.
        churned_after: Longest silence of a dormant customer.
        every: "day", "week" (to Sunday), "month", "quarter", "year" of the declared time zone, or a duration counted
            from the start: the series of steps, in ``.series``. Calendar steps at the ends may be shorter.
        by: A column of `registered`, or of the log, by which customers are counted too; one value per customer.
        registered: One row per customer, as for `customer_states`.
        columns: The user's names of the columns, for ``"events"`` and ``"customers"``.

    Returns:
        The flows; ``.active_start .new .woken .to_dormant .to_churned .active_end .acquisition_ratio`` are those of all
        customers. The ratio is None with the note NOBODY_LEFT when nobody left. ``.stock_ratio`` is the other reading
        of the field, over everybody asleep at the end; it is no measure of growth. They describe the customers of the
        log, all of them, so they carry no interval, and they say nothing about what caused the flows.

    Raises:
        TableError: With every problem of the tables.
        InputError: For dates out of order, no act before the end, limits out of order, an unknown step.
        ConservationError: When the balance does not hold (an error of the library).

    References:
        The two acquisition ratios come from the practice of Chinese retail banks; see docs/methods/customer-states.md.

    Verified against: a loop over customers in plain Python (tests/oracles/customer_states.py), on made-up logs and on
    every purchase of a public cohort of 23,570 customers, month by month.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> log = pd.DataFrame({"person_id": ["a", "a", "b", "c", "d"],
        ...                     "time": ["2025-02-01", "2026-03-01", "2025-11-01", "2026-02-01", "2025-12-31"]})
        >>> log["time"] = pd.to_datetime(log["time"], utc=True)
        >>> flows = ex.customer_flows(log, start="2025-12-31", end="2026-06-30")
        >>> flows.active_start, flows.new, flows.woken, flows.to_dormant, flows.to_churned, flows.active_end
        (2, 1, 1, 2, 0, 2)
        >>> flows.acquisition_ratio
        1.0
    """
    limits = limits_of(dormant_after, churned_after)
    roles = columns_for(columns, "events")
    ends = moment_of(start, roles), moment_of(end, roles)
    check_order(*ends, (start, end))
    moments = (*ends,) if every is None else moments_between(*ends, every, roles)
    acts, told = acts_until(events, ends[1], end, columns)
    people = gather_customers(acts, registered, columns=columns, by=by)
    returns = returns_of(acts, limits[0])
    known = known_acts(acts, ends[0].cut), known_acts(acts, ends[1].cut)
    states = (
        state_at(acts, people, ends[0], limits, known[0]),
        state_at(acts, people, ends[1], limits, known[1]),
    )
    moves = hidden_moves(people, returns, ends, states, known)
    rows = _flow_rows(people, ends, states, moves)
    series = None if every is None else FlowSeries(rows=_series(acts, people, moments, limits, returns))
    settings = {
        "start": ends[0].label, "end": ends[1].label, "dormant_after": duration_text(parse_duration(dormant_after)),
        "churned_after": duration_text(parse_duration(churned_after)), "every": every, "by": by,
        "timezone": acts.zone.key,
    }  # fmt: skip
    recipe = Recipe(
        method="customer_flows",
        definitions=("STATES", "FLOWS", "ACQUISITION_RATIO"),
        settings=settings,
        n={"customers": len(people.acting), "acts": len(acts.time)},
        fingerprint=fingerprint_of(acts),
    )
    return CustomerFlows(
        rows=rows, series=series, hidden=_hidden(people, moves),
        findings=(*told, *people.findings, *_told(rows[0], series, states[0])), recipe=recipe,
    )  # fmt: skip


def _flow_rows(
    people: Customers,
    ends: tuple[Moment, Moment],
    states: tuple[NDArray[np.int8], NDArray[np.int8]],
    moves: NDArray[np.int8],
) -> tuple[FlowRow, ...]:
    """The flows of all customers, then of every group."""
    labels = ends[0].label, ends[1].label
    rows = [FlowRow(start=labels[0], end=labels[1], group=None, flows=flows_of(*states, moves))]
    if people.group is not None:
        order = np.argsort(people.group.codes, kind="stable")
        cuts = np.searchsorted(people.group.codes[order], np.arange(len(people.group.names) + 1))
        for place, name in enumerate(people.group.names.tolist()):
            members = order[cuts[place] : cuts[place + 1]]
            if len(members):
                found = flows_of(states[0][members], states[1][members], moves[members])
                rows.append(FlowRow(start=labels[0], end=labels[1], group=name, flows=found))
    return tuple(rows)


def _series(
    acts: Acts, people: Customers, moments: Sequence[Moment], limits: Limits, returns: Returns
) -> tuple[FlowRow, ...]:
    rows: list[FlowRow] = []
    known = known_acts(acts, moments[0].cut)
    before = state_at(acts, people, moments[0], limits, known)
    for begin, stop in pairwise(moments):
        later = known_acts(acts, stop.cut)
        after = state_at(acts, people, stop, limits, later)
        moves = hidden_moves(people, returns, (begin, stop), (before, after), (known, later))
        rows += _flow_rows(people, (begin, stop), (before, after), moves)
        before, known = after, later
    return tuple(rows)


def _hidden(people: Customers, moves: NDArray[np.int8]) -> Records:
    import pyarrow as pa

    rows = np.flatnonzero(moves)
    words = pa.DictionaryArray.from_arrays(pa.array(moves[rows] - 1), pa.array(HIDDEN)).dictionary_decode()
    return Records((Field("person_id", "text"), Field("movement", "text")), (people.persons.take(rows), words))


def _told(whole: FlowRow, series: FlowSeries | None, began: NDArray[np.int8]) -> tuple[Finding, ...]:
    """What must be known to read the flows."""
    found: list[Finding] = []
    counts = dict(zip(HIDDEN, whole.flows.hidden, strict=True))
    if sum(counts.values()):
        found.append(Finding(code="FLOWS_HIDDEN", status="note", values=counts))
    if (began == NOT_YET).all():
        found.append(Finding(code="FLOWS_FROM_NOTHING", status="warn", values={"start": whole.start}))
    if series is not None:
        steps = [row.flows for row in series.rows if row.group is None]
        values = {
            "steps": len(steps), "woken": whole.flows.woken, "woken_steps": sum(step.woken for step in steps),
            "lost": whole.flows.lost, "lost_steps": sum(step.lost for step in steps),
        }  # fmt: skip
        if (values["woken"], values["lost"]) != (values["woken_steps"], values["lost_steps"]):
            found.append(Finding(code="FLOWS_DO_NOT_ADD", status="note", values=values))
    return tuple(found)
