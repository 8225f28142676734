"""The assigned persons: one record each, those in two arms settled, those whose window is over marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.findings import Finding
from attribution.core.values import instants, keys, labels, numbers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table
    from attribution.core.values import Labels

__all__ = ["ASSIGNMENT_ROLES", "TWO_ARMS_LIMIT", "Assigned", "TwoArms", "read_assignment", "settle_persons"]

TwoArms = Literal["first", "exclude"]
ASSIGNMENT_ROLES = ("p_assign", "stratum")
TWO_ARMS_LIMIT = 0.005  # share of persons in two arms above which the experiment is not what was declared (judgement)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Assigned:
    """The checked assignment, one entry per row of the table.

    Attributes:
        person: The key.
        arm: The arm.
        assigned_at: Microseconds since 1970, UTC.
        p_assign: Declared probability of the assigned arm, when the table has it.
        stratum: Stratum of the assignment, when the table has it.
    """

    person: pa.Array
    arm: Labels
    assigned_at: NDArray[np.int64]
    p_assign: NDArray[np.float64] | None
    stratum: Labels | None


def read_assignment(table: Table) -> Assigned | None:
    """Read the assignment; None when a problem was noted."""
    roles = table.roles
    person, arm = keys(table, "person"), labels(table, roles.arm, missing=None)
    assigned_at = instants(table, "assigned_at")
    p_assign, stratum = numbers(table, roles.p_assign), labels(table, roles.stratum, missing=None)
    if p_assign is not None:
        wrong = (p_assign <= 0.0) | (p_assign > 1.0)
        if wrong.any():
            table.problems.add(
                "BAD_PROBABILITY", table.name, roles.p_assign, wrong.sum(),
                message="the probability of the assigned arm lies above 0 and is at most 1",
                examples=sorted(set(p_assign[wrong].tolist())),
            )  # fmt: skip
    if person is None or arm is None or assigned_at is None:
        return None
    return Assigned(person=person, arm=arm, assigned_at=assigned_at, p_assign=p_assign, stratum=stratum)


def settle_persons(
    table: Table, assigned: Assigned, code: NDArray[np.int64], *, two_arms: TwoArms
) -> tuple[NDArray[np.int64], list[Finding]]:
    """The rows of the assignment that stand for persons, in the table's order, and what was found.

    A person listed twice in one arm is the problem REPEATED_PERSON. A person in two arms is settled as declared:
    "first" keeps the earliest assignment, ties broken by a hash of person and arm; "exclude" drops all of the
    person's rows. The hash leaves a person assigned twice at one instant with each arm's own probability, which no
    order of names would.
    """
    if np.bincount(code, minlength=1).max() < 2:
        return np.arange(len(code)), []
    order = np.lexsort((assigned.arm.codes, code))
    same_person = code[order][1:] == code[order][:-1]
    same_arm = same_person & (assigned.arm.codes[order][1:] == assigned.arm.codes[order][:-1])
    if same_arm.any():
        rows = order[1:][same_arm]
        table.problems.add(
            "REPEATED_PERSON", table.name, table.roles.person, same_arm.sum(),
            message="a person is listed more than once in one arm. Persons are the unit of the analysis: keep one row "
            "per person, or join the customer numbers of a person first with resolve_identity",
            examples=sorted({str(assigned.person[int(row)].as_py()) for row in rows[:1000]}),
        )  # fmt: skip
        return np.arange(len(code)), []
    kept = np.ones(len(code), bool)
    if not same_person.any():
        return np.flatnonzero(kept), []
    repeated = np.isin(code, code[order][1:][same_person])
    rows = np.flatnonzero(repeated)
    kept[rows] = False
    if two_arms == "first":
        ranked = rows[np.lexsort((_ticket(assigned, rows), assigned.assigned_at[rows], code[rows]))]
        first = np.ones(len(ranked), bool)
        first[1:] = code[ranked][1:] != code[ranked][:-1]
        kept[ranked[first]] = True
    return np.flatnonzero(kept), [_two_arms_finding(code, rows, two_arms)]


def _ticket(assigned: Assigned, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A stable number per person and arm."""
    import pandas as pd

    arms = assigned.arm.values()[rows]
    words = [f"{assigned.person[int(row)].as_py()}\x1f{arm}" for row, arm in zip(rows, arms, strict=True)]
    return pd.util.hash_array(np.array(words, dtype=object), categorize=False).astype(np.uint64)


def _two_arms_finding(code: NDArray[np.int64], rows: NDArray[np.int64], two_arms: TwoArms) -> Finding:
    persons, several = len(np.unique(code)), len(np.unique(code[rows]))
    share = several / persons
    status: Literal["warn", "fail"] = "fail" if share > TWO_ARMS_LIMIT else "warn"
    values = {"persons": several, "assigned": persons, "share": share, "limit": TWO_ARMS_LIMIT, "treatment": two_arms}
    code_name = "TWO_ARMS" if two_arms == "first" else "TWO_ARMS_EXCLUDED"
    return Finding(code=code_name, status=status, values=values)
