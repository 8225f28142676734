"""Contacts out of a log of touches: whom we contacted, when, through what, at which cost and weight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.touches import ORIGINS
from experiments.wakeup.acts import Wanted, read_acts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.values import Labels
    from experiments.wakeup.acts import Acts

__all__ = ["ANSWERS", "Contacts", "Rule", "check_weights", "read_contacts", "read_log"]

_FAR = "9999-12-30"  # as_of when the caller names none: everything in the log counts
# What a customer did with a touch: such a row is no further contact.
ANSWERS = (
    "click", "clicked", "complaint", "open", "opened", "opt_out", "refused", "replied", "reply", "unsubscribe",
    "unsubscribed",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rule:
    """Which touches are contacts.

    Attributes:
        origin: "outbound" or "all".
        kinds: Kinds that are contacts; None: all but what customers did with them.
        marked: Groups of kinds whose rows are counted by channel.
        by: Column that groups the persons.
    """

    origin: str
    kinds: Sequence[str] | None = None
    marked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by: str | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Contacts:
    """The contacts, sorted by person, time, channel and cost, so that no order of rows decides.

    Attributes:
        persons: The keys of everybody in the log, sorted.
        person: Number of the person of each contact, ascending.
        time: Microseconds since 1970-01-01 UTC.
        start: Position of each person's first contact (also of persons without any), and the number of contacts.
        channel: Code of the channel of each contact.
        channels: Names of the channels.
        cost: Cost of each contact; None without that column.
        marked: Rows of each asked group of kinds by channel, for example opt-outs.
        group: Code of the group of each person, the smallest of the person's contacts; None without groups.
        groups: Names of the groups.
        findings: What was left out.
    """

    persons: pa.Array
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    start: NDArray[np.int64]
    channel: NDArray[np.int64]
    channels: tuple[str, ...]
    cost: NDArray[np.float64] | None
    marked: Mapping[str, NDArray[np.int64]]
    group: NDArray[np.int64] | None
    groups: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Contacts of each person."""
        return np.diff(self.start)


def read_log(
    log: object, *, as_of: object, columns: ColumnsLike, table: str = "touches", wanted: Wanted | None = None
) -> Acts:
    """As `read_acts`; without `as_of` everything in the log counts.

    Raises:
        TableError: As `read_acts`.
        InputError: As `read_acts`, and for a log without rows.
    """
    try:
        return read_acts(log, as_of=_FAR if as_of is None else as_of, columns=columns, table=table, wanted=wanted)
    except InputError as error:
        if as_of is None and _FAR in str(error):
            raise InputError(f"the {table} hold no row.") from None
        raise


def read_contacts(touches: object, rule: Rule, *, as_of: object, columns: ColumnsLike) -> Contacts:
    """Open the touches, keep the contacts and sort them.

    Args:
        touches: The touches.
        rule: Which of them are contacts.
        as_of: Until when they count; None: all of them.
        columns: The user's names of the columns.

    Raises:
        TableError: With every problem of the table, among them an id of touches that occurs more than once.
        InputError: When no row is a contact.
    """
    asked = () if rule.by is None else (rule.by,)
    wanted = Wanted(required=("channel",), optional=("kind", "origin", "cost", "touch"), asked=asked)
    acts = read_log(touches, as_of=as_of, columns=columns, wanted=wanted)
    channel = acts.labels(acts.table.roles.channel)
    kept, findings = _outbound(acts, rule.origin)
    kind = acts.labels(acts.table.roles.kind) if acts.table.has("kind") else None
    counted = {name: _with_kinds(kind, values, channel) for name, values in rule.marked.items()}
    chosen, left = _contact_kinds(acts, kind, rule.kinds)
    kept &= chosen
    if not kept.any():
        raise InputError(
            f"none of the {len(kept):,} touches is a contact (origin={rule.origin!r}, kinds={rule.kinds!r}). Check "
            "both, or the columns of the table."
        )
    at = slice(None) if kept.all() else np.flatnonzero(kept)
    cost = acts.numbers(acts.table.roles.cost)[at] if acts.table.has("cost") else None
    person, time, code = acts.person[at], acts.time[at], channel.codes[at]
    group = None if rule.by is None else acts.labels(rule.by)
    own = None if group is None else _smallest(person, group.codes[at], len(acts.persons))
    _settle_ties(person, time, code, cost)
    return Contacts(
        persons=acts.persons, person=person, time=time, channel=code, channels=tuple(map(str, channel.names)),
        cost=cost,
        start=np.searchsorted(person, np.arange(len(acts.persons) + 1)).astype(np.int64), marked=counted,
        group=own, groups=() if group is None else tuple(map(str, group.names)),
        findings=(*acts.findings, *findings, *left),
    )  # fmt: skip


def check_weights(weights: Mapping[str, float] | None, contacts: Contacts) -> NDArray[np.float64]:
    """The weight of each channel, 1 without weights; one without a contact needs none.

    Raises:
        InputError: For a channel without a weight, or a weight that is no number of at least 0.
    """
    channels = contacts.channels
    if weights is None:
        return np.ones(len(channels))
    if not isinstance(weights, Mapping):
        raise InputError(f'weights must map channels to numbers, such as {{"phone": 5, "sms": 1}}, got {weights!r}.')
    wrong = {
        name: value
        for name, value in weights.items()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf
    }
    if wrong:
        raise InputError(f"a weight is a number of at least 0, got {wrong!r}.")
    used = np.bincount(contacts.channel, minlength=len(channels)) > 0
    absent = [
        name for name, there in zip(channels, used, strict=True) if there and name not in weights and "*" not in weights
    ]
    if absent:
        raise InputError(
            f"weights= says nothing about {', '.join(map(repr, absent))}. Name every channel, or give the others a "
            'weight with "*". A weight of 0 says that such a touch disturbs nobody.'
        )
    return np.array([float(weights.get(name, weights.get("*", 0.0))) for name in channels])


def _outbound(acts: Acts, origin: str) -> tuple[NDArray[np.bool_], list[Finding]]:
    every = np.ones(len(acts.time), bool)
    if origin not in ("outbound", "all"):
        raise InputError(f'origin must be "outbound" or "all", got {origin!r}.')
    if origin == "all":
        return every, []
    if not acts.table.has("origin"):
        values = {"touches": len(every)}
        return every, [Finding(code="PRESSURE_NO_ORIGIN", status="note", values=values)]
    found = acts.labels(acts.table.roles.origin)
    unknown = [str(name) for name in found.names if name not in ORIGINS]
    if unknown:
        raise InputError(
            f'the origin of a touch is "inbound" or "outbound", got {unknown[:5]!r} in the column '
            f'{acts.table.roles.origin!r}. Recode it, or count every touch with origin="all".'
        )
    kept = np.array([name == "outbound" for name in found.names])[found.codes]
    left = int((~kept).sum())
    values = {"inbound": left, "touches": len(every)}
    return kept, [Finding(code="PRESSURE_INBOUND", status="note", values=values)] if left else []


def _contact_kinds(
    acts: Acts, kind: Labels | None, kinds: Sequence[str] | None
) -> tuple[NDArray[np.bool_], list[Finding]]:
    if kind is None:
        if kinds is not None:
            raise InputError(f"kinds= needs the column {acts.table.roles.kind!r} of the touches.")
        return np.ones(len(acts.time), bool), []
    names = [str(name) for name in kind.names]
    if kinds is None:
        chosen = [name.strip().lower() not in ANSWERS for name in names]
    else:
        unknown = sorted(set(kinds) - set(names)) if not isinstance(kinds, str) else [kinds]
        if unknown:
            raise InputError(f"kinds= is a list of kinds of the touches; not among {names!r}: {unknown!r}.")
        chosen = [name in kinds for name in names]
    kept = np.array(chosen, bool)[kind.codes]
    left = int((~kept).sum())
    shown = ", ".join(name or '""' for name, is_contact in zip(names, chosen, strict=True) if not is_contact)
    values = {"left_out": left, "touches": len(kept), "kinds": shown}
    return kept, [Finding(code="PRESSURE_KINDS", status="note", values=values)] if left else []


def _with_kinds(kind: Labels | None, values: Sequence[str], channel: Labels) -> NDArray[np.int64]:
    if kind is None:
        return np.zeros(len(channel.names), np.int64)
    wanted = np.array([str(name) in values for name in kind.names], bool)[kind.codes]
    return np.bincount(channel.codes[wanted], minlength=len(channel.names)).astype(np.int64)


def _smallest(person: NDArray[np.int64], code: NDArray[np.int64], persons: int) -> NDArray[np.int64]:
    """The smallest code of each person; -1 without a contact."""
    found = np.full(persons, -1, np.int64)
    begin = np.flatnonzero(np.concatenate(([True], person[1:] != person[:-1])))
    found[person[begin]] = np.minimum.reduceat(code, begin)
    return found


def _settle_ties(
    person: NDArray[np.int64], time: NDArray[np.int64], channel: NDArray[np.int64], cost: NDArray[np.float64] | None
) -> None:
    """Put contacts of one person and instant in the order of channel and cost, in place."""
    new = np.ones(len(time), bool)
    new[1:] = (person[1:] != person[:-1]) | (time[1:] != time[:-1])
    tied = ~new
    tied[:-1] |= ~new[1:]
    at = np.flatnonzero(tied)
    if not len(at):
        return
    group = np.cumsum(new[at])
    parts = (channel[at], group) if cost is None else (cost[at], channel[at], group)
    order = at[np.lexsort(parts)]
    channel[at] = channel[order]
    if cost is not None:
        cost[at] = cost[order]
