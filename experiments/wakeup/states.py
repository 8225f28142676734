"""Who is active, dormant or churned at a date?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.durations import MICROSECONDS_PER_DAY, duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from experiments.wakeup.acts import read_acts
from experiments.wakeup.states_customers import gather_customers
from experiments.wakeup.states_kernel import STATES, limits_of, state_at
from experiments.wakeup.states_moments import instant_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, timedelta

    from attribution.core.columns import ColumnsLike
    from attribution.core.render.display import Display
    from experiments.wakeup.acts import Acts
    from experiments.wakeup.states_customers import Customers
    from experiments.wakeup.states_moments import Moment

__all__ = ["CustomerStates", "acts_until", "customer_states", "ended_early", "fingerprint_of"]

messages.register("experiments")

_FEWEST_ACTS = 100
_LONGEST_SILENCE = 7 * MICROSECONDS_PER_DAY
_GAPS = 14.0
_TAKEN = ("person_id", "state")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CustomerStates(TabularResult):
    """The state of every customer at a date.

    Columns: person_id, state ("active", "dormant", "churned", "not_yet"), and the group when one was asked for; one row
    per customer, by person.

    Attributes:
        records: The rows.
        counts: Customers in each state.
        by_group: The same for every group: one row per group and state, with its customers and their share of the
            group; one group "" without ``by``.
        findings: What was set aside, and what does not fit.
        recipe: How it was made.
    """

    records: Records
    counts: Mapping[str, int]
    by_group: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("STATES.title", {**self.recipe.settings, "n": self.recipe.n["customers"]})
        names = [field.name for field in self.by_group.fields]
        if not self.recipe.settings["by"]:
            names.remove("group")
        shown = Records(self.by_group.fields, tuple(map(_worded, self.by_group.fields, self.by_group.columns)))
        notes = [finding.text() for finding in self.findings]
        return Display(title, (records_table(shown, names), *self.recipe.sentences(), *notes))


def _worded(field: Field, column: object) -> list[object]:
    values = list(column)  # type: ignore[call-overload]
    return [messages.text(f"STATES.{value}") for value in values] if field.name == "state" else values


def customer_states(  # noqa: PLR0913 - the contract's options
    events: object,
    *,
    as_of: str | date | datetime,
    dormant_after: str | timedelta = "180d",
    churned_after: str | timedelta = "720d",
    registered: object = None,
    by: str | None = None,
    columns: ColumnsLike = None,
) -> CustomerStates:
    """Tell who is active, dormant or churned at a date.

    A customer is **active** when the last act is at most `dormant_after` ago, **dormant** when it is longer ago, but at
    most `churned_after`, **churned** when it is longer ago still, or when the account was closed and no act followed,
    and **not_yet** without any act. Both limits are exact durations and belong to the state before them: silence of
    exactly `dormant_after` is active, one microsecond more is dormant. Nothing after the date is used, so later rows of
    the log change no state.

    A date stands for its end, and silence is counted from the midnight after it. With day precision silence is counted
    in days from the day of the act to that date. An instant includes an act at that very instant.

    Args:
        events: The log of acts: a person and a time per act.
        as_of: The date, an aware instant, or ISO 8601 text.
        dormant_after: Longest silence of an active customer; see `dormancy_curve` for a cut out of the data.
        churned_after: Longest silence of a dormant customer.
        registered: One row per customer; then customers without any act have a state too. A column ``time`` says when
            each was registered (those registered later take no part), ``closed_at`` when the account was closed. Name
            them by ``columns={"customers": Columns(...)}``.
        by: A column of `registered`, or of the log, by which customers are counted too; one value per customer.
        columns: The user's names of the columns, for ``"events"`` and ``"customers"``.

    Returns:
        One row per customer, and the counts. Without `registered` nobody is "not_yet": a log knows only who acted.

    Raises:
        TableError: With every problem of the tables.
        InputError: For limits out of order, a date before every act, or a group that changes within a customer.

    References:
        Buckinx and Van den Poel (2005), European Journal of Operational Research 164:252 (states by recency).

    Verified against: a loop over customers in plain Python (tests/oracles/customer_states.py), on made-up logs and on
    every purchase of a public cohort of 23,570 customers; see docs/methods/customer-states.md.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> log = pd.DataFrame({"person_id": ["a", "b", "c"], "time": ["2026-06-01", "2025-10-01", "2023-01-01"]})
        >>> log["time"] = pd.to_datetime(log["time"], utc=True)
        >>> found = ex.customer_states(log, as_of="2026-06-30")
        >>> found.table()["state"].tolist()
        ['active', 'dormant', 'churned']
        >>> dict(found.counts)
        {'active': 1, 'dormant': 1, 'churned': 1, 'not_yet': 0}
    """
    limits = limits_of(dormant_after, churned_after)
    moment = moment_of(as_of, columns_for(columns, "events"))
    if by in _TAKEN:
        raise InputError(f"by={by!r} is the name of a column of the result. Rename the column.")
    acts, told = acts_until(events, moment, as_of, columns)
    people = gather_customers(acts, registered, columns=columns, by=by)
    state = state_at(acts, people, moment, limits)
    settings = {
        "as_of": moment.label, "dormant_after": _text(dormant_after), "churned_after": _text(churned_after),
        "by": by, "timezone": acts.zone.key,
    }  # fmt: skip
    recipe = Recipe(
        method="customer_states",
        definitions=("STATES", "STATES_DAYS" if acts.table.roles.precision == "day" else "STATES_INSTANT"),
        settings=settings,
        n={"customers": len(state), "acts": len(acts.time)},
        fingerprint=fingerprint_of(acts),
    )
    counts = np.bincount(state, minlength=len(STATES)).tolist()
    return CustomerStates(
        records=_rows(people, state, by),
        counts=dict(zip(STATES, counts, strict=True)),
        by_group=_grouped(people, state),
        findings=(*told, *people.findings),
        recipe=recipe,
    )


def acts_until(events: object, moment: Moment, given: object, columns: ColumnsLike) -> tuple[Acts, tuple[Finding, ...]]:
    """The acts before a moment; what was set aside, and whether the log ends early, told with the date as given."""
    acts = read_acts(events, as_of=instant_of(moment.cut), columns=columns, given=given)
    return acts, (*acts.findings, *ended_early(acts, given))


def ended_early(acts: Acts, given: object) -> tuple[Finding, ...]:
    """A warning when the log falls silent well before the date up to which it is said to be complete.

    Silence of everybody for a week, and for 14 times the mean gap of the last hundred acts: acts that come at random
    would leave such a gap once in a million logs.
    """
    if len(acts.time) < _FEWEST_ACTS:
        return ()
    latest = np.partition(acts.time, len(acts.time) - _FEWEST_ACTS)[-_FEWEST_ACTS:]
    last, gap = int(latest.max()), float(np.ptp(latest)) / (_FEWEST_ACTS - 1)
    silent = acts.as_of - last
    if silent <= max(_LONGEST_SILENCE, _GAPS * gap):
        return ()
    day = instant_of(last).astimezone(acts.zone).date().isoformat()
    values = {"last": day, "as_of": str(given), "days": silent // MICROSECONDS_PER_DAY}
    return (Finding(code="LOG_ENDS_EARLY", status="warn", values=values),)


def fingerprint_of(acts: Acts) -> str:
    """A fingerprint of the acts used: of each person the number of acts, and a sum over their times."""
    time = acts.time.astype(np.uint64)
    summed = np.add.reduceat(time * time * np.uint64(0x9E3779B97F4A7C15) + time, acts.start[:-1])
    return fingerprint({"person": acts.persons, "acts": acts.counts, "times": summed.view(np.int64)})


def _text(value: str | timedelta) -> str:
    return duration_text(parse_duration(value))


def _rows(people: Customers, state: np.ndarray, by: str | None) -> Records:
    import pyarrow as pa

    words = pa.DictionaryArray.from_arrays(pa.array(state), pa.array(STATES)).dictionary_decode()
    fields, columns = [Field("person_id", "text"), Field("state", "text")], [people.persons, words]
    if by is not None and people.group is not None:
        fields.append(Field(by, "text"))
        columns.append(pa.array(people.group.values().tolist()))
    return Records(tuple(fields), tuple(columns))


def _grouped(people: Customers, state: np.ndarray) -> Records:
    names = [""] if people.group is None else people.group.names.tolist()
    codes = np.zeros(len(state), np.int64) if people.group is None else people.group.codes
    table = np.bincount(codes * len(STATES) + state, minlength=len(names) * len(STATES)).reshape(-1, len(STATES))
    rows = [
        {"group": name, "state": word, "customers": int(n), "share": n / sum(counts)}
        for name, counts in zip(names, table.tolist(), strict=True) if sum(counts)
        for word, n in zip(STATES, counts, strict=True)
    ]  # fmt: skip
    fields = (Field("group", "text"), Field("state", "text"), Field("customers", "count"), Field("share", "rate"))
    return Records.from_rows(fields, rows)
