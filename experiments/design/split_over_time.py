"""The split of persons over the arms, day by day: a loss that begins on some day hides in the total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, labels
from experiments.design.allocation import read_allocation
from experiments.design.common_grid import distinct_rows
from experiments.outcomes.result import Outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from experiments.design.allocation import Allocation

__all__ = ["TIME_ALARM", "Slices", "check_split_over_time", "split_by_slice"]

messages.register("experiments")

TIME_ALARM = 0.001
_SMALL = 5.0
_DAY = 86_400_000_000
_MONDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Slices:
    """Persons by slice of time and arm against what the shares ask for.

    Attributes:
        name: First day (or weekday, Monday 0) of each slice.
        observed: Persons, slices by arms.
        expected: Persons that the shares ask for.
        covariance: Covariance of the persons of a slice, slices by arms by arms.
    """

    name: NDArray[np.int64]
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    covariance: NDArray[np.float64]


def check_split_over_time(
    assignment: object,
    *,
    shares: Mapping[str, float] | str = "p_assign",
    strata: str | Sequence[str] | None = None,
    columns: ColumnsLike = None,
) -> tuple[Finding, ...]:
    """Check the split against the declared shares day by day, and by day of the week.

    Persons per day and arm are compared with the shares of the strata that were assigned that day. Two tests share the
    alarm by Bonferroni: the sum of the squared distances of all days (a drift), and the largest of them (one bad day).
    Neighbouring days are joined until every arm expects at least 5 persons.

    Args:
        assignment: One row per person with arm and assigned_at, or the outcomes of `build_outcomes`.
        shares: Share of every arm, or the column with the probability of each person's own arm.
        strata: Column(s) inside which the shares hold.
        columns: The user's names of the columns ("assignment"); days begin at midnight in its time zone, UTC without
            one.

    Returns:
        SRM_DAYS and SRM_WEEKDAYS, "fail" with p < 0.001; "unknown" when the shares are not known; "note" when
        everybody was assigned in one slice of time. Values: ``p_value`` (of both tests together), ``p_together``,
        ``p_single``, ``slices``, ``chi_square``, ``df``, ``day`` (where the
        distance is largest), ``worst_arm``, ``worst_observed``, ``worst_expected``.

    Raises:
        TableError: With every problem of the table.

    References:
        Pearson (1900), Philosophical Magazine 50:157. Fabijan et al. (2019), KDD (segments and time in the diagnosis).

    Verified against: sums of R's chisq.test over the days; size and power by simulation
    (tests/statistical/trust_designs.py).

    Example:
        >>> import experiments as ex
        >>> import pandas as pd
        >>> people = pd.DataFrame({"person_id": range(6_000)})
        >>> people["at"] = pd.Timestamp("2026-10-12", tz="UTC") + pd.to_timedelta(people["person_id"] % 14, unit="D")
        >>> made = ex.assign(people, shares={"holdout": 0.2, "sms": 0.8}, salt="2026Q4", at="at")
        >>> [finding.status for finding in ex.check_split_over_time(made)]
        ['pass', 'pass']
    """
    roles = columns_for(columns, "assignment")
    table = open_table(assignment, "assignment", roles, problems=Problems(), required=("arm",))
    layers = () if strata is None else (strata,) if isinstance(strata, str) else tuple(strata)
    if isinstance(assignment, Outcomes):
        start: NDArray[np.int64] | None = assignment.assigned_at
    else:
        table.require("assigned_at")
        start = instants(table, "assigned_at")
    allocation = read_allocation(table, arm=roles.arm, layers=layers, shares=shares)
    table.problems.raise_if_any()
    if start is None or allocation is None:
        raise InputError("the assignment must have an arm and an instant of assignment in every row.")
    if not allocation.shares:
        nothing: dict[str, object] = {"p_value": None}
        return (
            Finding(code="SRM_DAYS", status="unknown", values=nothing),
            Finding(code="SRM_WEEKDAYS", status="unknown", values=nothing),
        )
    day = _local_days(start, roles.timezone)
    arm, stratum = _codes(table, allocation, roles.arm)
    weekday = (day + _MONDAY) % 7
    names = [str(name) for name in allocation.arms]
    return (
        _finding("SRM_DAYS", split_by_slice(day, arm, stratum, allocation), names),
        _finding("SRM_WEEKDAYS", split_by_slice(weekday, arm, stratum, allocation), names),
    )


def _local_days(start: NDArray[np.int64], zone: str | None) -> NDArray[np.int64]:
    if zone is None:
        return start // _DAY
    import pandas as pd

    local = pd.DatetimeIndex(pd.to_datetime(start, unit="us", utc=True)).tz_convert(zone).tz_localize(None)
    days: NDArray[np.int64] = local.as_unit("us").asi8 // _DAY
    return days


def _codes(table: Table, allocation: Allocation, arm: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index of arm and of stratum of every row, in the order of the allocation."""
    parts = [labels(table, name, missing=None) for name in (*allocation.layers, arm)]
    table.problems.raise_if_any()
    known = [part for part in parts if part is not None]
    own = {name: i for i, name in enumerate(allocation.arms)}
    arms = np.array([own[name] for name in known[-1].names.tolist()], np.int64)[known[-1].codes]
    strata = {name: i for i, name in enumerate(allocation.counts)}
    if not allocation.layers:
        return arms, np.zeros(len(arms), np.int64)
    cells, place = distinct_rows(*(part.codes for part in known[:-1]))
    tuples = [tuple(part.names[code] for part, code in zip(known[:-1], row, strict=True)) for row in cells]
    return arms, np.array([strata[cell] for cell in tuples], np.int64)[place]


def split_by_slice(
    slices: NDArray[np.int64], arm: NDArray[np.int64], stratum: NDArray[np.int64], allocation: Allocation
) -> Slices:
    """Count persons by slice and bring beside them what the shares ask for; slices that are too small are joined.

    Args:
        slices: Day or weekday of every person.
        arm: Arm of every person, as an index into the allocation's arms.
        stratum: Stratum of every person, as an index into the allocation's strata.
        allocation: The allocation, with shares; persons of strata without known shares take no part.
    """
    declared = allocation.shares or {}
    wide = len(allocation.arms)
    share = np.array(
        [
            [declared[cell][name] for name in allocation.arms] if cell in declared else [np.nan] * wide
            for cell in allocation.counts
        ]
    )
    kept = ~np.isnan(share[stratum, 0])
    names, place = np.unique(slices[kept], return_inverse=True)
    place = place.reshape(-1)
    strata = len(share)
    observed = np.bincount(place * wide + arm[kept], minlength=len(names) * wide).reshape(-1, wide).astype(float)
    persons = (
        np.bincount(place * strata + stratum[kept], minlength=len(names) * strata).reshape(-1, strata).astype(float)
    )
    known = np.where(np.isnan(share), 0.0, share)
    scatter = np.array([np.diag(row) - np.outer(row, row) for row in known])
    expected = persons @ known
    return _joined(names, observed, expected, np.einsum("ds,sij->dij", persons, scatter))


def _joined(
    names: NDArray[np.int64],
    observed: NDArray[np.float64],
    expected: NDArray[np.float64],
    covariance: NDArray[np.float64],
) -> Slices:
    groups: list[list[int]] = []
    open_group: list[int] = []
    for i in range(len(names)):
        open_group.append(i)
        if expected[open_group].sum(axis=0).min() >= _SMALL:
            groups.append(open_group)
            open_group = []
    if open_group:
        if groups:
            groups[-1] += open_group
        else:
            groups.append(open_group)
    return Slices(
        name=np.array([names[group[0]] for group in groups], np.int64),
        observed=np.array([observed[group].sum(axis=0) for group in groups]),
        expected=np.array([expected[group].sum(axis=0) for group in groups]),
        covariance=np.array([covariance[group].sum(axis=0) for group in groups]),
    )


def _finding(code: str, slices: Slices, arms: Sequence[str]) -> Finding:
    from scipy.special import chdtrc

    if len(slices.name) < 2:
        return Finding(code=code, status="note", values={"slices": len(slices.name), "p_value": None})
    gap = (slices.observed - slices.expected)[:, :-1]
    inverse = np.linalg.inv(slices.covariance[:, :-1, :-1])
    distance = np.einsum("di,dij,dj->d", gap, inverse, gap)
    df = len(slices.name) * gap.shape[1]
    total = float(distance.sum())
    worst = int(np.argmax(distance))
    # A slow drift adds up over the slices; one bad day stands out from them. Each is tested, and Bonferroni joins both.
    together = float(chdtrc(df, total))
    single = min(1.0, len(slices.name) * float(chdtrc(gap.shape[1], float(distance[worst]))))
    p = min(1.0, 2.0 * min(together, single))
    spread = np.sqrt(np.einsum("ii->i", slices.covariance[worst]))
    arm = int(np.argmax(np.round(np.abs(slices.observed[worst] - slices.expected[worst]) / spread, 9)))
    when = int(slices.name[worst])
    values = {
        "p_value": p, "p_together": together, "p_single": single, "slices": len(slices.name),
        "chi_square": total, "df": df,
        "day": str(np.datetime64(when, "D")) if code == "SRM_DAYS" else str(when + 1), "worst_arm": arms[arm],
        "worst_observed": int(slices.observed[worst, arm]), "worst_expected": float(slices.expected[worst, arm]),
        "alarm": TIME_ALARM,
    }  # fmt: skip
    return Finding(code=code, status="fail" if p < TIME_ALARM else "pass", values=values)
