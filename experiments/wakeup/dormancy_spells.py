"""Spells of silence: from an act, or a registration, to the next act; which of them may speak for natural returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, keys, labels, numbers, same_key_kind
from experiments.design.common_grid import check_control
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.act_days import days_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Status
    from attribution.core.tables import Table
    from experiments.wakeup.acts import Acts

__all__ = ["NEVER", "Spells", "mark_treated", "spells_of", "with_registered"]

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spells:
    """Spells of silence, in the order of persons; all times in microseconds since 1970-01-01 UTC.

    Attributes:
        keys: The persons' keys.
        person: Number of the person of each spell.
        start: When it began.
        end: The next act; `NEVER` when there is none yet.
        known: Last instant up to which what happened is known and natural: one microsecond before the date of the
            data, or before a treated person's assignment.
        stands: From when on the spell of a control person stands for treated ones too; `NEVER` when it does not.
        weight: For how many it stands then, itself among them; None when all stand for themselves only.
        whole: For how many a spell stands when it is read as a whole: 0 for treated ones that were open at the
            assignment or began later, and the weight for those of control persons. None without an assignment.
        persons: Number of persons, with and without spells.
    """

    keys: pa.Array
    person: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    known: NDArray[np.int64]
    stands: NDArray[np.int64] | None
    weight: NDArray[np.float64] | None
    whole: NDArray[np.float64] | None
    persons: int


def spells_of(acts: Acts) -> Spells:
    """One spell per act, those of length 0 (two acts at one instant) among them."""
    return Spells(
        keys=acts.persons, person=acts.person, start=acts.time, end=acts.next_time(NEVER),
        known=np.broadcast_to(np.int64(acts.as_of - 1), acts.time.shape), stands=None, weight=None, whole=None,
        persons=len(acts.persons),
    )  # fmt: skip


def with_registered(
    spells: Spells, acts: Acts, registered: object, columns: ColumnsLike
) -> tuple[Spells, tuple[Finding, ...]]:
    """Add the spell from each registration to the first act, also for persons without any act.

    Taking only those who never acted would choose spells by how they end. A registration at or after the person's
    first act begins nothing and is counted; of several registrations of a person the first one counts.

    Raises:
        TableError: For empty or unusable persons and times, or keys of another kind than those of the events.
    """
    problems = Problems()
    table = open_table(registered, "customers", columns_for(columns, "customers"), problems=problems,
                       required=("person", "time"))  # fmt: skip
    who, when = keys(table, "person"), instants(table, "time")
    if who is not None:
        same_key_kind([(replace(acts.table, problems=problems), spells.keys), (table, who)], "person")
    problems.raise_if_any()
    if who is None or when is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("registered needs a person and a time in every row.")
    (own, other), size = number_keys(spells.keys, who)
    import pyarrow as pa

    row = np.empty(size, np.int64)  # a row of each person among the keys of both
    row[other], row[own] = len(own) + np.arange(len(other)), np.arange(len(own))
    first = np.full(size, NEVER)
    np.minimum.at(first, other, days_of(when, acts))
    acted = np.full(size, NEVER)
    acted[own] = acts.first
    chosen = np.flatnonzero((first < acted) & (first < acts.as_of))
    found = {
        "registered": int(np.count_nonzero(first < NEVER)), "added": len(chosen),
        "without": int(np.count_nonzero(acted[chosen] == NEVER)),
        "late": int(np.count_nonzero((first < NEVER) & (first >= np.minimum(acted, acts.as_of)))),
        "unregistered": int(np.count_nonzero((acted < NEVER) & (first == NEVER))),
    }  # fmt: skip
    person = np.concatenate((own[spells.person], chosen))
    order = np.argsort(person, kind="stable")
    start, end = np.concatenate((spells.start, first[chosen])), np.concatenate((spells.end, acted[chosen]))
    joined = Spells(
        keys=pa.concat_arrays([spells.keys, who]).take(pa.array(row)),
        person=person[order], start=start[order], end=end[order],
        known=np.broadcast_to(np.int64(acts.as_of - 1), person.shape), stands=None, weight=None, whole=None,
        persons=size,
    )  # fmt: skip
    return joined, (Finding(code="REGISTERED_SPELLS", status="note", values=found),)


def mark_treated(
    spells: Spells, acts: Acts, assignment: object, *, control: str, keep: bool, columns: ColumnsLike
) -> tuple[Spells, tuple[Finding, ...]]:
    """End what is known of treated persons at their assignment; let control persons stand for them from then on.

    A spell that was over before the assignment stays as it is. For one that still ran, or begins later: of a treated
    person only what was over before the assignment may be read; of a control person it counts 1 / (probability of the
    control) times from the assignment on. Without that weight those who were silent at the assignment, and so were
    assigned, would be missing among the others, and the curve would read too high. Kaplan-Meier reads spells as a
    whole: it leaves these spells of treated persons out and weights those of control persons alike. With acts of day
    precision a person is assigned at the beginning of the day: acts of that day may be due to it.

    Raises:
        TableError: For empty or unusable cells, or keys of another kind than those of the events.
        InputError: When a person has several rows, or a declared probability does not lie above 0.
        DesignError: NO_HOLDOUT when the control arm is empty or the only one.
    """
    read = _read_assignment(spells, acts, assignment, columns)
    check_control(sorted(set(read.arms.tolist())), control)
    held = read.arms == control
    share = read.share(held)
    own = read.person >= 0
    at, factor = np.full(spells.persons, NEVER), np.ones(spells.persons)
    treated = np.zeros(spells.persons, bool)
    at[read.person[own]], treated[read.person[own]] = read.at[own], ~held[own]
    factor[read.person[own & held]] = 1.0 / share[own & held]
    # Where nobody stands for a treated person, Kaplan-Meier has the spell up to the assignment, and censors it there.
    factor[read.person[own & ~held]] = np.where(np.isnan(share[own & ~held]), 1.0, 0.0)
    since = at[spells.person]
    reached = since <= np.minimum(spells.end, spells.known)
    hit = treated[spells.person] & reached
    alone = int(np.count_nonzero(own & ~held & np.isnan(share)))
    values = {
        "spells": int(np.count_nonzero(hit)), "persons": len(np.unique(spells.person[hit])),
        "controls": int(np.count_nonzero(own & held)), "alone": alone, "unknown": int(np.count_nonzero(~own)),
    }  # fmt: skip
    if keep:
        return spells, (Finding(code="TREATED_SPELLS_KEPT", status="warn", values=values),)
    status: Status = "warn" if alone else "note"
    marked = replace(
        spells,
        known=np.where(hit, since - 1, spells.known),
        stands=np.where(reached & ~hit, since, NEVER),
        weight=factor[spells.person],
        whole=np.where(reached, factor[spells.person], 1.0),
    )
    return marked, (Finding(code="TREATED_SPELLS_LEFT_OUT", status=status, values=values),)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Assigned:
    """The assigned persons; `person` is -1 for those without any spell, `wave` numbers the moments of assignment."""

    person: NDArray[np.int64]
    arms: NDArray[np.object_]
    at: NDArray[np.int64]
    wave: NDArray[np.int64]
    declared: NDArray[np.float64] | None

    def share(self, held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Probability of the control, of its persons as declared; nan where nobody stands for a treated person.

        A wave are those assigned at one moment. One that drew no control person by chance, though by the declared
        probabilities of its arms it could have, is stood for by the control persons of other waves.
        """
        realised: NDArray[np.float64] = (np.bincount(self.wave, weights=held) / np.bincount(self.wave))[self.wave]
        if self.declared is None:
            return np.where(realised > 0.0, realised, np.nan)
        _, arm = np.unique(self.arms.astype(str), return_inverse=True)
        cells, first, place, size = np.unique(
            self.wave * len(arm) + arm, return_index=True, return_inverse=True, return_counts=True
        )
        mean = np.bincount(place, weights=self.declared, minlength=len(cells)) / size
        given = np.bincount(self.wave[first], weights=mean)[self.wave]
        alone = (realised == 0.0) & (given > 1.0 - 1e-9)
        return np.where(held, self.declared, np.where(alone, np.nan, realised))


def _read_assignment(spells: Spells, acts: Acts, assignment: object, columns: ColumnsLike) -> _Assigned:
    problems = Problems()
    roles = columns_for(columns, "assignment")
    table: Table = open_table(
        assignment, "assignment", roles, problems=problems, required=("person", "arm", "assigned_at"),
        optional=("p_assign",),
    )  # fmt: skip
    who, at = keys(table, "person"), instants(table, "assigned_at")
    arms = labels(table, roles.arm, missing=None)
    declared = numbers(table, roles.p_assign) if roles.p_assign in table.names else None
    if who is not None and who.type != spells.keys.type:
        problems.add(
            "KEY_TYPE_MISMATCH", table.name, roles.person, len(who),
            message=f"the key is {who.type} here and {spells.keys.type} in the events: nothing would match; cast one",
        )  # fmt: skip
    problems.raise_if_any()
    if (
        who is None or at is None or arms is None
    ):  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the assignment needs a person, an arm and the time of assignment in every row.")
    if declared is not None and not ((declared > 0.0) & (declared <= 1.0)).all():
        raise InputError(
            f"{roles.p_assign} must lie above 0 and be at most 1: the probability of the person's own arm."
        )
    (own, other), size = number_keys(spells.keys, who)
    if len(np.unique(other)) < len(other):
        many = len(other) - len(np.unique(other))
        raise InputError(
            f"the assignment has {many} rows beyond the first of a person. Give one row per person: its campaign, or "
            "the first of several, and keep persons of later ones out of the events from then on."
        )
    _, wave = np.unique(at, return_inverse=True)
    place = np.full(size, -1, np.int64)
    place[own] = np.arange(len(own))
    return _Assigned(person=place[other], arms=arms.values(), at=days_of(at, acts), wave=wave, declared=declared)
