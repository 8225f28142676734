"""Were persons left out of one arm more than of another after the assignment?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns, columns_for
from attribution.core.durations import microseconds, parse_duration
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, open_table
from attribution.core.values import Labels, instants, keys, labels
from experiments.design.balance_test import contrast_columns, omnibus
from experiments.design.common_grid import distinct_rows, person_codes, refuse_torn
from experiments.design.homogeneity import homogeneous
from experiments.inference.multiplicity import adjust_pvalues
from experiments.outcomes.instant import as_of_microseconds
from experiments.outcomes.result import Outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Status
    from attribution.core.tables import Table

__all__ = ["EXCLUSION_ALARM", "check_delivered", "check_exclusions"]

messages.register("experiments")

EXCLUSION_ALARM = 0.001


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _People:
    """Persons of a table with their arm, one entry per row."""

    table: Table
    person: pa.Array
    arm: Labels
    stratum: Labels | None
    cluster: Labels | None


def check_exclusions(
    assignment: object, outcomes: object, *, cluster: str | None = None, columns: ColumnsLike = None
) -> tuple[Finding, ...]:
    """Compare the persons assigned with the persons analysed, arm by arm.

    Random arms stay comparable only when everybody assigned is analysed, or when who is left out does not depend on the
    arm. Persons who are missing from the outcomes are split into those whose window is not over (known for outcomes of
    `build_outcomes`) and those lost for other reasons; for each the share is compared over the arms, inside the
    assignment's strata (waves), because strata of another age or another share lose other numbers of persons.

    Args:
        assignment: Everybody assigned: person_id, arm; optional stratum and assigned_at.
        outcomes: The table that is analysed: person_id, arm.
        cluster: Column of the assignment with the unit that was assigned as a whole (household, branch). A branch that
            closes loses all its persons at once, which persons counted one by one would take for many losses.
        columns: The user's names of the columns ("assignment", "outcomes").

    Returns:
        EXCLUSIONS: "pass" when nobody is lost, "note" when the arms lose alike, "fail" with p < 0.001; values: persons
        ``assigned``, ``analysed``, ``two_arms``, ``lost`` (and ``by_arm``), ``lowest`` and ``highest`` share,
        ``p_value``, ``test``.
        IMMATURE_ARMS, when persons are immature: "note", or "warn" with p < 0.001. ARM_CHANGED, "fail": persons
        analysed in another arm than assigned, or never assigned. Persons assigned to several arms are left to the
        finding TWO_ARMS of `build_outcomes`.

    Raises:
        TableError: With every problem of both tables.
        DesignError: CLUSTER_IN_TWO_ARMS.

    References:
        Fabijan et al. (2019), KDD, on sample ratio mismatch by analysis. Mantel (1963), Journal of the American
        Statistical Association 58:690.

    Verified against: R's mantelhaen.test, chisq.test and fisher.test; see docs/methods/exclusions.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=5_000, seed=7)
        >>> ex.check_exclusions(c.assignment, c.outcomes)[0].status
        'pass'
    """
    problems = Problems()
    assigned = _read(assignment, "assignment", columns_for(columns, "assignment"), problems, cluster)
    analysed = _read(outcomes, "outcomes", columns_for(columns, "outcomes"), problems, None)
    problems.raise_if_any()
    if assigned is None or analysed is None:
        raise InputError("assignment and outcomes must have a person and an arm in every row.")
    told, seen, size = person_codes(assigned.person, analysed.person)
    one_arm = _arm_of(told, assigned.arm.codes, size)
    there = np.zeros(size, bool)
    there[seen] = True
    row = np.full(size, -1, np.int64)
    row[told[::-1]] = np.arange(len(told))[::-1]
    settled = np.flatnonzero(one_arm >= 0)
    stratum = np.zeros(len(told), np.int64) if assigned.stratum is None else assigned.stratum.codes
    immature = _immature(assigned, outcomes)
    units = None if assigned.cluster is None else assigned.cluster.codes[row[settled]]
    if cluster is not None and units is not None:
        refuse_torn(units, one_arm[settled], cluster)
    cells = (stratum[row[settled]], one_arm[settled], units, assigned)
    missing = ~there[settled]
    young = missing & immature[row[settled]]
    known = np.zeros(size, bool)
    known[told] = True
    persons: dict[str, object] = {"analysed": int(there.sum()), "two_arms": int(known.sum()) - len(settled)}
    found = [_exclusions(cells, missing & ~young, persons)]
    if young.any():
        found.append(_immature_finding(cells, young))
    return (*found, *_changed(assigned, analysed, one_arm, seen, known))


def _read(data: object, name: str, roles: Columns, problems: Problems, cluster: str | None) -> _People | None:
    table = open_table(data, name, roles, problems=problems, required=("person", "arm"))
    person, arm = keys(table, "person"), labels(table, roles.arm, missing=None)
    stratum = labels(table, roles.stratum, missing=None)
    table.require_names(*(() if cluster is None else (cluster,)))
    units = None if cluster is None or cluster not in table.names else labels(table, cluster, missing=None)
    if person is None or arm is None:
        return None
    return _People(table=table, person=person, arm=arm, stratum=stratum, cluster=units)


def _arm_of(code: NDArray[np.int64], arm: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Arm by person; -1 for persons without or with several arms."""
    pairs, _ = distinct_rows(code, arm)
    found = np.full(size, -1, np.int64)
    found[pairs[:, 0]] = pairs[:, 1]
    person, times = np.unique(pairs[:, 0], return_counts=True)
    found[person[times > 1]] = -1
    return found


def _immature(assigned: _People, outcomes: object) -> NDArray[np.bool_]:
    """Whose window was not over, by the recipe of the outcomes; nobody's where that is not known."""
    nobody = np.zeros(len(assigned.person), bool)
    settings = outcomes.recipe.settings if isinstance(outcomes, Outcomes) else {}
    if not isinstance(outcomes, Outcomes) or not assigned.table.has("assigned_at") or "as_of" not in settings:
        return nobody
    start = instants(assigned.table, "assigned_at")
    assigned.table.problems.raise_if_any()
    if start is None:
        return nobody
    until = as_of_microseconds(str(settings["as_of"]), assigned.table.roles.timezone)
    late = microseconds(parse_duration(str(settings["lag"]), name="lag"))
    young: NDArray[np.bool_] = start > until - late - microseconds(outcomes.window)
    return young


_Cells = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64] | None", _People]


def _counted(cells: _Cells, concerned: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Persons concerned and all persons, strata by arms."""
    stratum, arm, _, assigned = cells
    wide = len(assigned.arm.names)
    size = (int(stratum.max(initial=0)) + 1) * wide
    place = stratum * wide + arm
    totals = np.bincount(place, minlength=size).reshape(-1, wide)
    counts = np.bincount(place[concerned], minlength=size).reshape(-1, wide)
    held = totals.sum(axis=0) > 0
    return counts[:, held], totals[:, held]


def _by_cluster(
    cells: tuple[NDArray[np.int64], NDArray[np.int64]], cluster: NDArray[np.int64], concerned: NDArray[np.bool_]
) -> tuple[float | None, str]:
    """The test of `balance` on who is concerned, whole clusters shuffled: each arm against the others, Bonferroni."""
    stratum, arm = cells
    values, own = concerned[:, None].astype(np.float64), np.unique(arm).tolist()
    found = []
    for code in own[1:] if len(own) == 2 else own:
        part = contrast_columns(values, arm == code, stratum, cluster)
        found.append(None if part is None else omnibus(part.difference, part.covariance, part.freedom).p_value)
    known = [p for p in adjust_pvalues(found, method="bonferroni") if p is not None]
    return min(known, default=None), "assignment_of_clusters"


def _told(cells: _Cells, concerned: NDArray[np.bool_]) -> dict[str, object]:
    counts, totals = _counted(cells, concerned)
    p, test = homogeneous(counts, totals) if cells[2] is None else _by_cluster(cells[:2], cells[2], concerned)
    share = counts.sum(axis=0) / totals.sum(axis=0)
    held = np.unique(cells[1])
    names = [str(name) for name in cells[3].arm.names[held]]
    low, high = int(np.argmin(share)), int(np.argmax(share))
    return {
        "assigned": int(totals.sum()), "lost": int(counts.sum()), "share": float(counts.sum() / max(1, totals.sum())),
        "lowest": float(share[low]), "highest": float(share[high]), "lowest_arm": names[low],
        "highest_arm": names[high], "by_arm": dict(zip(names, counts.sum(axis=0).tolist(), strict=True)),
        "p_value": p, "test": test, "alarm": EXCLUSION_ALARM,
    }  # fmt: skip


def _exclusions(cells: _Cells, lost: NDArray[np.bool_], persons: dict[str, object]) -> Finding:
    if not len(lost) or not lost.any():
        return Finding(code="EXCLUSIONS", status="pass", values={"assigned": len(lost), "lost": 0} | persons)
    values = _told(cells, lost) | persons
    p = values["p_value"]
    failed = isinstance(p, float) and p < EXCLUSION_ALARM
    return Finding(code="EXCLUSIONS", status="fail" if failed else "note", values=values)


def _immature_finding(cells: _Cells, young: NDArray[np.bool_]) -> Finding:
    values = _told(cells, young)
    p = values["p_value"]
    status: Status = "warn" if isinstance(p, float) and p < EXCLUSION_ALARM else "note"
    return Finding(code="IMMATURE_ARMS", status=status, values=values)


def _changed(
    assigned: _People,
    analysed: _People,
    one_arm: NDArray[np.int64],
    seen: NDArray[np.int64],
    known: NDArray[np.bool_],
) -> list[Finding]:
    """Persons who are analysed in another arm than they were assigned to, or were never assigned."""
    place = {str(name): i for i, name in enumerate(assigned.arm.names.tolist())}
    own = np.array([place.get(str(name), -2) for name in analysed.arm.names.tolist()], np.int64)[analysed.arm.codes]
    given = one_arm[seen]
    moved = _distinct_persons(seen, (given >= 0) & (own != given))
    unknown = _distinct_persons(seen, ~known[seen])
    if not moved and not unknown:
        return []
    return [Finding(code="ARM_CHANGED", status="fail", values={"moved": moved, "unassigned": unknown})]


def _distinct_persons(code: NDArray[np.int64], rows: NDArray[np.bool_]) -> int:
    return len(np.unique(code[rows]))


def check_delivered(planned: Mapping[str, int], delivered: Mapping[str, int]) -> Finding:
    """Compare the delivery rates of arms that had the same plan (a sample ratio check of the persons reached).

    Arms that differ in the message alone (texts, offers) are delivered alike. Where they are not, the channel treated
    them differently, and comparisons among the reached are lost; the comparison as assigned still holds, of what was
    really sent.

    Args:
        planned: Persons by arm to whom the channel was to deliver.
        delivered: Persons by arm to whom it did.

    Returns:
        SRM_DELIVERED, "fail" with p < 0.001; values: ``p_value``, ``lowest`` and ``highest`` rate with their arms,
        ``planned``, ``delivered``, ``test``.

    Raises:
        InputError: Fewer than two arms, arms that differ, or counts that are no whole numbers from 0 to the planned.

    Verified against: R's chisq.test (times (N - 1) / N) and fisher.test.

    Example:
        >>> check_delivered({"text a": 10_000, "text b": 10_000}, {"text a": 9_612, "text b": 9_421}).status
        'fail'
    """
    arms = sorted(planned)
    wrong = [
        arm for arm in arms
        if arm not in delivered or not _whole(planned[arm]) or not _whole(delivered[arm])
        or not 0 <= delivered[arm] <= planned[arm] or planned[arm] < 1
    ]  # fmt: skip
    if len(arms) < 2 or wrong or set(delivered) != set(planned):
        raise InputError(
            "planned and delivered must name the same two or more arms with whole numbers of persons, delivered at "
            f"most planned; got {dict(planned)!r} and {dict(delivered)!r}."
        )
    totals = np.array([[int(planned[arm]) for arm in arms]])
    counts = np.array([[int(delivered[arm]) for arm in arms]])
    p, test = homogeneous(counts, totals)
    rate = (counts / totals)[0]
    low, high = int(np.argmin(rate)), int(np.argmax(rate))
    values = {
        "p_value": p, "lowest": float(rate[low]), "lowest_arm": arms[low], "highest": float(rate[high]),
        "highest_arm": arms[high], "arms": len(arms), "planned": int(totals.sum()), "delivered": int(counts.sum()),
        "test": test, "alarm": EXCLUSION_ALARM,
    }  # fmt: skip
    return Finding(
        code="SRM_DELIVERED", status="fail" if p is not None and p < EXCLUSION_ALARM else "pass", values=values
    )


def _whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
