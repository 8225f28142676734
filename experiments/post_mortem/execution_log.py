"""The log of touches as the execution section counts it: which rows are touches of ours, and how far each came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.tables import Problems, open_table
from attribution.core.values import Labels, instants, keys, labels
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table
    from experiments.plan import Plan

__all__ = ["ANSWERED", "DELIVERED", "SENT", "Contacts", "Log", "each_message_once", "read_log"]

SENT, DELIVERED, ANSWERED = 1, 2, 3
_DELIVERED_KINDS = frozenset({"delivered", "impression", "shown"})
_ANSWERED_KINDS = frozenset({"answered", "click", "clicked", "open", "opened", "replied", "reply"})
# What a customer did of their own accord: no touch of ours, and no stage of one.
_ACTS = frozenset({"complaint", "opt_out", "refused", "search", "unsubscribe", "unsubscribed", "visit"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Log:
    """The rows of the log.

    Attributes:
        table: The opened table.
        keys: Key of the person of each row.
        channel: Channel of each row.
        kind: Kind of each row; None without that column.
        stage: How far the touch came: `SENT`, `DELIVERED`, `ANSWERED`; 0 where the row is no touch of ours.
        message: Message of each row, "" for none; None without that column.
        inbound: Rows of customers who came by themselves.
    """

    table: Table
    keys: pa.Array
    channel: Labels
    kind: Labels | None
    stage: NDArray[np.int8]
    message: Labels | None
    inbound: int

    def times(self) -> NDArray[np.int64] | None:
        """Time of each row, microseconds since 1970 UTC; None without that column.

        Raises:
            TableError: For times that cannot be read.
        """
        if not self.table.has("time"):
            return None
        found = instants(self.table, "time")
        self.table.problems.raise_if_any()
        return found


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Contacts:
    """Touches of ours, one entry each.

    Attributes:
        person: Code of the person.
        channel: Code of the channel.
        stage: How far it came.
        time: When, microseconds since 1970 UTC; None without times.
    """

    person: NDArray[np.int64]
    channel: NDArray[np.int64]
    stage: NDArray[np.int8]
    time: NDArray[np.int64] | None


def read_log(plan: Plan, touches: object) -> Log:
    """Read person, channel, kind, origin and message of every row.

    Raises:
        TableError: With every problem of these columns.
    """
    roles = plan.columns()["touches"]
    table = open_table(
        touches, "touches", roles, problems=Problems(), required=("person", "channel"),
        optional=("kind", "origin", "message"),
    )  # fmt: skip
    person = keys(table, "person")
    channel = labels(table, roles.channel, missing=None, narrow=True)
    kind, origin, message = (
        labels(table, roles.name_of(role), narrow=True) if table.has(role) else None
        for role in ("kind", "origin", "message")
    )
    table.problems.raise_if_any()
    if person is None or channel is None:  # unreachable: what is missing has been raised
        raise InputError("the touches cannot be read.")
    stage = _stages(kind, len(channel), {*plan.pressure.opt_outs, *plan.pressure.complaints})
    inbound = 0
    if origin is not None:
        theirs = np.array([str(name) == "inbound" for name in origin.names], bool)[origin.codes]
        inbound = int(theirs.sum())
        stage[theirs] = 0
    return Log(table=table, keys=person, channel=channel, kind=kind, stage=stage, message=message, inbound=inbound)


def _stages(kind: Labels | None, rows: int, acts: Collection[str]) -> NDArray[np.int8]:
    if kind is None:
        return np.full(rows, SENT, np.int8)
    of_kind = np.array([_stage_of(str(name), acts) for name in kind.names], np.int8)
    found: NDArray[np.int8] = of_kind[kind.codes]
    return found


def _stage_of(kind: str, acts: Collection[str]) -> int:
    if kind in acts or kind in _ACTS:
        return 0
    return DELIVERED if kind in _DELIVERED_KINDS else ANSWERED if kind in _ANSWERED_KINDS else SENT


def each_message_once(log: Log, person: NDArray[np.int64], time: NDArray[np.int64] | None) -> Contacts:
    """Our touches; rows of one message of one person and channel are one touch, at the furthest stage of them.

    Args:
        log: The log.
        person: Code of the person of each row.
        time: Time of each row; None without times.
    """
    ours = np.flatnonzero(log.stage > 0)
    if log.message is None:
        return _contacts(log, person, time, ours)
    named = np.array([str(name) != "" for name in log.message.names], bool)[log.message.codes[ours]]
    rows = ours[named]
    (place,), size = number_keys(_messages(log, log.message, person, rows))
    _, first = np.unique(place, return_index=True)
    best = np.zeros(size, np.int8)
    np.maximum.at(best, place, log.stage[rows])
    found = _contacts(log, person, time, np.concatenate((rows[first], ours[~named])))
    found.stage[:size] = best
    if time is not None and found.time is not None:
        earliest = np.full(size, np.iinfo(np.int64).max)
        np.minimum.at(earliest, place, time[rows])  # when it was sent, whatever the order of the rows
        found.time[:size] = earliest
    return found


def _messages(log: Log, message: Labels, person: NDArray[np.int64], rows: NDArray[np.int64]) -> pa.Array:
    """Person, channel and message of some rows as one key."""
    import pyarrow as pa

    who = person[rows] * len(log.channel.names) + log.channel.codes[rows]
    _, who = np.unique(who, return_inverse=True)  # at most as many as rows, so that the product fits
    return pa.array(who.astype(np.int64) * len(message.names) + message.codes[rows])


def _contacts(log: Log, person: NDArray[np.int64], time: NDArray[np.int64] | None, rows: NDArray[np.int64]) -> Contacts:
    return Contacts(
        person=person[rows], channel=log.channel.codes[rows].astype(np.int64), stage=log.stage[rows],
        time=None if time is None else time[rows],
    )  # fmt: skip
