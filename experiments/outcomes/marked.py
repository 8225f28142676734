"""Columns for guardrails out of tables of events: who opted out or complained inside the own window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.durations import microseconds
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import fingerprint
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, keys
from experiments.outcomes.numbering import number_keys
from experiments.outcomes.result import Outcomes

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike

__all__ = ["mark_events"]


def mark_events(outcomes: Outcomes, events: Mapping[str, object], *, columns: ColumnsLike = None) -> Outcomes:
    """Add one column of 0 and 1 per table of events: did it happen to this person inside the own window?

    The window is that of the outcomes, ``[assigned_at, assigned_at + window)``, for all arms alike: an opt-out before
    the assignment or after the window does not count. Everybody without such an event gets 0, so the tables must hold
    the events of all assigned persons, control persons too.

    Args:
        outcomes: The result of `build_outcomes`, which knows every person's window.
        events: Name of the new column to a table with person_id and time, for example
            ``{"opted_out": opt_outs, "complained": complaints}``.
        columns: The user's names of the columns, for the table ``"events"``.

    Returns:
        The outcomes with the columns; name them in ``Guardrail("opted_out", 0.001)``.

    Raises:
        TableError: With every problem of every table.
        InputError: For outcomes that `build_outcomes` did not make, or a name that the outcomes hold already.

    Assumptions:
        The tables are complete up to the end of the last person's window. Whether an opt-out can be made at all may
        depend on being contacted (the link is in the message): the control then has few by design, and a rise is what
        contacting does, not what it reveals.

    Verified against: plain loops over persons and events (tests/oracles/marked_events.py).

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> day = pd.Timestamp("2026-10-12", tz="Asia/Shanghai")
        >>> people = pd.DataFrame({"person_id": ["p1", "p2"], "arm": ["sms", "holdout"], "assigned_at": day})
        >>> orders = pd.DataFrame({"conversion_id": ["c1"], "person_id": ["p1"], "time": [day + pd.Timedelta("3h")]})
        >>> made = ex.build_outcomes(people, orders, window="28d", as_of="2026-12-31")
        >>> opt_outs = pd.DataFrame({"person_id": ["p1"], "time": [day + pd.Timedelta("48h")]})
        >>> ex.mark_events(made, {"opted_out": opt_outs}).table()["opted_out"].tolist()
        [1, 0]
    """
    if not isinstance(outcomes, Outcomes):
        raise InputError(
            "mark_events needs the result of build_outcomes, which knows every person's window; got "
            f"{type(outcomes).__name__}."
        )
    named = _named(outcomes, events)
    roles = columns_for(columns, "events")
    problems = Problems()
    person: Any = outcomes.records.column("person_id")
    read = []
    for name, data in named.items():
        table = open_table(data, name, roles, problems=problems, required=("person", "time"))
        who, when = keys(table, "person"), instants(table, "time")
        if who is not None and len(who) and who.type != person.type:
            problems.add(
                "KEY_TYPE_MISMATCH", table.name, table.roles.person, len(who),
                message=f"the key is {who.type} here and {person.type} in outcomes: nothing would match; cast one",
            )  # fmt: skip
        if who is not None and when is not None:
            read.append((name, who, when))
    problems.raise_if_any()
    made: dict[str, NDArray[Any]] = {}
    findings = []
    for name, who, when in read:
        made[name], finding = _mark(outcomes, name, who, when)
        findings.append(finding)
    fields = (*outcomes.records.fields, *(Field(name, "count") for name in made))
    columns_made: tuple[Any, ...] = (*outcomes.records.columns, *made.values())
    content = {field.name: column for field, column in zip(fields, columns_made, strict=True)}
    return replace(
        outcomes,
        records=Records(fields, columns_made),
        findings=(*outcomes.findings, *findings),
        recipe=replace(
            outcomes.recipe,
            settings={**outcomes.recipe.settings, "marked": list(made)},
            fingerprint=fingerprint(content),
        ),
    )


def _named(outcomes: Outcomes, events: object) -> dict[str, object]:
    if not isinstance(events, Mapping) or not events:
        raise InputError(f"events must be a dict of column name to table, got {type(events).__name__}.")
    taken = {field.name for field in outcomes.records.fields}
    for name in events:
        if not isinstance(name, str) or not name:
            raise InputError(f"the name of a column must be text, got {name!r}.")
        if name in taken:
            raise InputError(f"the outcomes have a column {name!r} already; give the events another name.")
    return dict(events)


def _mark(outcomes: Outcomes, name: str, who: pa.Array, when: NDArray[np.int64]) -> tuple[NDArray[np.int64], Finding]:
    """Whether each person has an event inside the window, and where the events lie."""
    person: Any = outcomes.records.column("person_id")
    (mine, theirs), size = number_keys(person, who if len(who) else who.cast(person.type))
    row = np.full(size, -1, dtype=np.int64)
    row[mine] = np.arange(len(mine))
    place = row[theirs]
    known = place >= 0
    since = np.where(known, when - outcomes.assigned_at[np.where(known, place, 0)], 0)
    length = microseconds(outcomes.window)
    inside = known & (since >= 0) & (since < length)
    flag = np.zeros(len(mine), dtype=np.int64)
    flag[place[inside]] = 1
    values = {
        "name": name,
        "rows": len(theirs),
        "persons": int(flag.sum()),
        "before": int((known & (since < 0)).sum()),
        "after": int((known & (since >= length)).sum()),
        "others": int((~known).sum()),
    }
    return flag, Finding(code="MARKED_EVENTS", status="note", values=values)
