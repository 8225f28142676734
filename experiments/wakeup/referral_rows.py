"""Invitations as they count: each invited person once, for one inviter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import instants
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.effective_columns import condition, money

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["Counted", "Invitations", "count_invitations", "read_invitations"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Invitations:
    """Checked columns of the invitations, in the order of the caller's rows.

    Attributes:
        invitee: Who was invited, as text; empty for somebody unknown.
        time: When; None without that column.
        arrived: Whether the invited registered.
        effective: Whether the row says that they fulfil the condition; None without one.
        reward: Money paid; None without.
    """

    invitee: pa.Array
    time: NDArray[np.int64] | None
    arrived: NDArray[np.bool_]
    effective: NDArray[np.bool_] | None
    reward: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Counted:
    """What each participant brought, in the order of their keys, and the rows set aside.

    Attributes:
        sent: Invitations to others.
        invited: Persons invited, each for one inviter.
        arrived: Those who registered.
        effective: Those who registered and fulfil the condition; 0 without one.
        paid: Money paid for the participant's rows; None without.
        own: Rows in which somebody invites himself.
        strangers: Rows of inviters who are no participants.
        repeated: Further rows of a person who is counted already.
        known: Invited persons who are participants themselves.
        top_share: Share of the invited that the busiest inviter brought; None without any.
    """

    sent: NDArray[np.int64]
    invited: NDArray[np.int64]
    arrived: NDArray[np.int64]
    effective: NDArray[np.int64]
    paid: NDArray[np.float64] | None
    own: int
    strangers: int
    repeated: int
    known: int
    top_share: float | None


def read_invitations(
    table: Table, *, invitee: str, arrived: str, effective: tuple[str | None, float | None], reward: str | None
) -> Invitations | None:
    """Read the columns; None when one is unusable (and noted)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    came = condition(table, arrived)
    name, at_least = effective
    good = None if name is None else condition(table, name, at_least)
    paid = None if reward is None else money(table, reward)
    time = instants(table, "time") if table.has("time") else None
    if not table.require_names(invitee) or not table.readable(invitee) or came is None:
        return None
    array = table.arrow(invitee)
    if pa.types.is_nested(array.type):
        message = f"each cell must hold one person, got {array.type}; cast the column to text"
        table.problems.add("WRONG_TYPE", table.name, invitee, len(array), message=message)
        return None
    if pa.types.is_floating(array.type):  # whole numbers with gaps
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
        fits = pc.and_(pc.equal(pc.floor(array), array), pc.less(pc.abs(array), 2.0**63))
        whole = pc.all(fits).as_py() in (True, None)
        array = array.cast(pa.int64()) if whole else array
    text = array.cast(pa.large_string())
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(text), ""), True)
    return Invitations(
        invitee=pc.if_else(blank, pa.scalar(None, pa.large_string()), text), time=time, arrived=came,
        effective=good, reward=paid,
    )  # fmt: skip


def count_invitations(rows: Invitations, inviter: pa.Array, owner: NDArray[np.int64], persons: pa.Array) -> Counted:
    """Count what each participant brought.

    Args:
        rows: The invitations.
        inviter: Key of the inviter of each.
        owner: Number of that participant; -1 for strangers.
        persons: Keys of the participants, in any order.
    """
    import pyarrow as pa

    participants = len(persons)
    unknown = rows.invitee.is_null().to_numpy(zero_copy_only=False)
    texts = (rows.invitee.fill_null(""), inviter.cast(pa.large_string()), persons.cast(pa.large_string()))
    (guest, host, listed), size = number_keys(*texts)
    own = ~unknown & (guest == host)
    strange = ~own & (owner < 0)
    valid = np.flatnonzero(~own & ~strange)
    first, kind = _firsts(rows, valid, guest, host, unknown)
    came = _any_of(rows.arrived[valid], kind, len(first))
    good = np.zeros(len(first), bool)
    if rows.effective is not None:  # of a person, not of a row: one row may know of both what others know of one
        good = came & _any_of(rows.effective[valid], kind, len(first))
    brought = owner[first]
    invited = np.bincount(brought, minlength=participants)
    participates = np.zeros(size, bool)
    participates[listed] = True
    paid = None
    if rows.reward is not None:
        ranked = np.lexsort((rows.reward, owner))  # sums must not depend on the order of rows
        ranked = ranked[owner[ranked] >= 0]
        paid = np.bincount(owner[ranked], weights=rows.reward[ranked], minlength=participants).astype(np.float64)
    return Counted(
        sent=np.bincount(owner[valid], minlength=participants),
        invited=invited,
        arrived=np.bincount(brought[came], minlength=participants),
        effective=np.bincount(brought[good], minlength=participants),
        paid=paid,
        own=int(own.sum()),
        strangers=int(strange.sum()),
        repeated=len(valid) - len(first),
        known=int(np.count_nonzero(participates[guest[first]] & ~unknown[first])),
        top_share=float(invited.max() / len(first)) if len(first) else None,
    )


def _firsts(
    rows: Invitations,
    valid: NDArray[np.int64],
    guest: NDArray[np.int64],
    host: NDArray[np.int64],
    unknown: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row that counts for each invited person, and for each valid row the number of its person."""
    person = guest[valid].copy()
    nameless = unknown[valid]
    person[nameless] = len(host) + len(guest) + np.arange(np.count_nonzero(nameless))  # each stands for himself
    time = np.zeros(len(valid), np.int64) if rows.time is None else rows.time[valid]
    order = np.lexsort((host[valid], time, person))
    _, start, kind_sorted = np.unique(person[order], return_index=True, return_inverse=True)
    kind = np.empty(len(valid), np.int64)
    kind[order] = kind_sorted
    return valid[order[start]], kind


def _any_of(condition_: NDArray[np.bool_], kind: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    return np.asarray(np.bincount(kind[condition_], minlength=size) > 0, dtype=np.bool_)
