"""Recomputing an assignment: who is where the salt says, who is missing, who is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import open_table
from attribution.core.values import Labels, keys, labels, numbers
from experiments.design.assignment import EVERYBODY, arms_of, read_units, shares_by_stratum
from experiments.design.assignment_hash import checked_salt, unit_numbers
from experiments.design.common_grid import distinct_rows, person_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from experiments.design.assignment import Shares, Units

__all__ = ["verify_assignment"]

_EXAMPLES = 3
_SAME = 1e-9
_SUM = 1e-6


def verify_assignment(  # noqa: PLR0913 - the options of assign
    assignment: object,
    customers: object,
    *,
    salt: str,
    shares: Shares | None = None,
    person: str = "person_id",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    earlier: Sequence[Shares] = (),
    columns: ColumnsLike = None,
) -> Finding:
    """Recompute an assignment from the customers and the salt, and say who differs.

    Args:
        assignment: The assignment to be checked: person_id, arm; optional p_assign, stratum.
        customers: The customers that were assigned, as for `assign`.
        salt: The salt.
        shares: The shares, as for `assign`; None: those in the assignment's p_assign (by stratum, where the table has
            one; the most frequent probability of each arm).
        person: Column of the person, in both tables.
        strata: Column(s) of the strata in the customers; None: the assignment's own stratum.
        cluster: Column of the cluster in the customers.
        earlier: Shares that were in force before, as for `assign`.
        columns: The user's names of the columns.

    Returns:
        The finding ASSIGNMENT: "pass" when every customer has exactly the row that the salt gives, else "fail". Values:
        ``persons`` (customers), ``assigned`` (persons in the assignment), ``agree``, ``other_arm`` (persons in another
        arm), ``missing`` (customers without a row), ``extra`` (persons who are no customers), ``two_arms`` (persons
        with more than one arm), ``repeated`` (rows that repeat a person and an arm), ``other_p`` (another probability),
        ``share`` (agreeing, of those in both tables), ``by_chance`` (the share that would agree under another salt) and
        ``examples``, at most three keys.

    Raises:
        TableError: With every problem of both tables.
        InputError: Shares that are neither given nor to be read from the assignment.

    Verified against: assignments with known damage (arms swapped, rows lost, doubled, added), in
    tests/experiments/test_experiments_design_assignment.py.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> people = pd.DataFrame({"person_id": range(500)})
        >>> made = ex.assign(people, shares={"holdout": 0.2, "sms": 0.8}, salt="q4", at="2026-10-12T09:00:00+08:00")
        >>> ex.verify_assignment(made, people, salt="q4").status
        'pass'
        >>> ex.verify_assignment(made, people, salt="Q4").status
        'fail'
    """
    salt = checked_salt(salt)
    names = () if strata is None else (strata,) if isinstance(strata, str) else tuple(strata)
    units = read_units(customers, columns_for(columns, "customers"), person=person, strata=names, cluster=cluster)
    given = _Given.read(assignment, units, columns)
    told, known, size = person_codes(given.person, units.person)
    row = np.full(size, -1, np.int64)
    row[known] = np.arange(len(known))
    place = row[told]
    stratum = units.stratum if names or given.stratum is None else _own_strata(given.stratum, place, len(known))
    declared = _declared(shares, stratum, given, place)
    before = [shares_by_stratum(one, stratum.names.tolist(), name="earlier") for one in earlier]
    arm, p_assign, arms = arms_of(unit_numbers(units.unit, salt), stratum, declared, before)
    persons = np.bincount(stratum.codes, minlength=len(stratum.names))
    shares_ = [sum(share**2 for share in declared[name].values()) for name in stratum.names.tolist()]
    chance = float(persons @ np.array(shares_)) / len(known) if len(known) else None
    return _judged(given, units, (place, told), (arm, p_assign, arms), chance)


class _Given:
    """The assignment to be checked, one entry per row."""

    __slots__ = ("arm", "p_assign", "person", "stratum", "table")

    def __init__(
        self, table: Table, person: pa.Array, arm: Labels, p_assign: NDArray[np.float64] | None, stratum: Labels | None
    ) -> None:
        self.table, self.person, self.arm, self.p_assign, self.stratum = table, person, arm, p_assign, stratum

    @classmethod
    def read(cls, assignment: object, units: Units, columns: ColumnsLike) -> _Given:
        problems, roles = units.table.problems, columns_for(columns, "assignment")
        table = open_table(assignment, "assignment", roles, problems=problems, required=("person", "arm"))
        person, arm = keys(table, "person"), labels(table, roles.arm, missing=None)
        p_assign, stratum = numbers(table, roles.p_assign), labels(table, roles.stratum, missing=None)
        problems.raise_if_any()
        if person is None or arm is None:
            raise InputError("the assignment must have a person and an arm in every row.")
        return cls(table, person, arm, p_assign, stratum)


def _own_strata(stratum: Labels, place: NDArray[np.int64], rows: int) -> Labels:
    """The stratum of every customer as the assignment tells it; customers without a row are in the first one."""
    codes = np.zeros(rows, np.int64)
    codes[place[place >= 0]] = stratum.codes[place >= 0]
    return Labels(codes, np.array([str(name) for name in stratum.names], dtype=object))


def _declared(
    shares: Shares | None, stratum: Labels, given: _Given, place: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    if shares is not None:
        return shares_by_stratum(shares, stratum.names.tolist())
    if given.p_assign is None:
        raise InputError(
            "the assignment has no column of probabilities, so the shares are not known. Pass shares= as they were "
            "given to assign."
        )
    inside = place >= 0
    found = _most_frequent(given, inside, stratum.codes[place[inside]], stratum.names.tolist())
    everywhere: dict[str, set[float]] = {}
    for own in found.values():
        for arm, share in own.items():
            everywhere.setdefault(arm, set()).add(share)
    if all(len(values) == 1 for values in everywhere.values()):
        common = {arm: min(values) for arm, values in everywhere.items()}
        found = dict.fromkeys(stratum.names.tolist(), common)
    for name, own in found.items():
        if abs(sum(own.values()) - 1.0) > _SUM:
            place_ = "" if name == EVERYBODY else f" in stratum {name!r}"
            raise InputError(
                f"the probabilities of the arms in the assignment sum to {sum(own.values()):g}{place_}, so an arm is "
                "without persons or its probability is wrong. Pass shares= as they were given to assign."
            )
    return shares_by_stratum(found, stratum.names.tolist()) if found else {}


def _most_frequent(
    given: _Given, inside: NDArray[np.bool_], codes: NDArray[np.int64], names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """The most frequent probability of each arm, by stratum."""
    arm, p = given.arm.codes[inside], (given.p_assign if given.p_assign is not None else np.empty(0))[inside]
    known, own_p = np.unique(p, return_inverse=True)
    cells, place = distinct_rows(codes, arm, own_p.reshape(-1).astype(np.int64))
    order = np.lexsort((cells[:, 2], -np.bincount(place), cells[:, 1], cells[:, 0]))
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for position in order.tolist():
        stratum, own, share = cells[position]
        found[names[int(stratum)]].setdefault(str(given.arm.names[int(own)]), float(known[share]))
    return found


def _judged(
    given: _Given,
    units: Units,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    made: tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]],
    chance: float | None,
) -> Finding:
    """Count what differs; `rows` are the customer (-1 without one) and the person of every row of the assignment."""
    place, told = rows
    arm, p_assign, arms = made
    position = {name: i for i, name in enumerate(arms)}
    own = np.array([position.get(str(name), -1) for name in given.arm.names.tolist()], np.int64)[given.arm.codes]
    known = place >= 0
    other = known.copy()
    other[known] = own[known] != arm[place[known]]
    # Somebody in the right arm and in another one as well is in two arms, and counted there as well.
    assigned, two_arms, repeated = _several(told, given.arm.codes)
    persons = len(units.person)
    differ, there = _marked(place[other], persons), _marked(place[known], persons)
    other_p = np.zeros(len(place), bool)
    if given.p_assign is not None:
        right = known & ~other
        other_p[right] = np.abs(given.p_assign[right] - p_assign[place[right]]) > _SAME
    values = {
        "persons": persons, "assigned": assigned, "agree": len(there) - len(differ), "other_arm": len(differ),
        "missing": persons - len(there), "extra": len(np.unique(told[~known])),
        "two_arms": two_arms, "repeated": repeated, "other_p": len(_marked(place[other_p], persons)),
        "share": (len(there) - len(differ)) / len(there) if len(there) else None,
        "by_chance": chance,
        "examples": ", ".join(_examples(units, differ, there)),
    }  # fmt: skip
    wrong = any(values[name] for name in ("other_arm", "missing", "extra", "two_arms", "repeated", "other_p"))
    return Finding(code="ASSIGNMENT", status="fail" if wrong else "pass", values=values)


def _marked(rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The distinct rows, sorted."""
    there = np.zeros(size, bool)
    there[rows] = True
    return np.flatnonzero(there)


def _several(person: NDArray[np.int64], arm: NDArray[np.int64]) -> tuple[int, int, int]:
    """Number of persons, of persons in several arms, and of rows that repeat a person and an arm."""
    times = np.bincount(person)
    again = times[person] > 1
    pairs, _ = distinct_rows(person[again], arm[again])
    _, arms = np.unique(pairs[:, 0], return_counts=True)
    return int((times > 0).sum()), int((arms > 1).sum()), int(again.sum()) - len(pairs)


def _examples(units: Units, differ: NDArray[np.int64], there: NDArray[np.int64]) -> list[str]:
    """A few customers who are in another arm or in none: enough to look them up, too few to leak a list."""
    absent = np.ones(len(units.person), bool)
    absent[there] = False
    missing = np.flatnonzero(absent)
    rows = [*differ[:1000].tolist(), *missing[:1000].tolist()]
    return sorted({str(units.person[int(row)].as_py()) for row in rows})[:_EXAMPLES]
