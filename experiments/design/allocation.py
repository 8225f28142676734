"""The declared allocation: shares of the arms, as one dict or as a column of probabilities, also by stratum."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from experiments.design.split import check_split, of_clusters, unknown_split
from experiments.inference.multiplicity import adjust_pvalues
from experiments.moments import value_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attribution.core.tables import Table
    from experiments.moments import ValueCounts

__all__ = ["Allocation", "allocate_counts", "check_allocation", "read_allocation"]

_ROUNDING = 1e-6
_ALARM = 0.001
Stratum = tuple[object, ...]
Shares = Mapping[object, float]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Allocation:
    """Persons and declared shares by stratum and arm.

    Attributes:
        arms: The arms, sorted.
        layers: Columns of the strata; empty when there is none.
        counts: Assigned units (persons, or clusters) by stratum and arm.
        shares: Declared shares by stratum and arm; None when none are declared. A stratum whose shares cannot be
            known is absent.
        clusters: Assigned clusters by arm, each once though its persons may lie in several strata; None where persons
            were assigned.
    """

    arms: tuple[object, ...]
    layers: tuple[str, ...]
    counts: Mapping[Stratum, Mapping[object, int]]
    shares: Mapping[Stratum, Shares] | None
    clusters: Mapping[object, int] | None = None

    def totals(self) -> dict[object, int]:
        """Assigned units by arm."""
        if self.clusters is not None:
            return dict(self.clusters)
        return {arm: sum(cell[arm] for cell in self.counts.values()) for arm in self.arms}


def read_allocation(
    table: Table,
    *,
    arm: str,
    layers: Sequence[str],
    shares: Mapping[str, float] | str | None,
    cluster: str | None = None,
) -> Allocation | None:
    """Count the assigned units by stratum and arm, and bring the declared shares beside them.

    None when a problem was noted. The units are the persons, or the clusters where clusters were assigned.

    Args:
        table: The outcomes; problems are noted there (UNKNOWN_ARM, SHARES_SUM, BAD_PROBABILITY).
        arm: Column of the arm.
        layers: Columns of the strata.
        shares: Shares by arm, the name of a column that holds each person's probability of the assigned arm, or None.
        cluster: Column of the clusters that were assigned; None when persons were.
    """
    column = shares if isinstance(shares, str) else None
    units = () if cluster is None else (cluster,)
    counted = value_counts(table, keys=(*layers, arm, *units), columns=() if column is None else (column,))
    if counted is None:
        return None
    if cluster is None:
        return allocate_counts(table, counted, arm=arm, layers=layers, shares=shares)
    clusters = [cell[-2:] for cell in counted.cells]
    return allocate_counts(table, _by_cluster(counted), arm=arm, layers=layers, shares=shares, clusters=clusters)


def allocate_counts(
    table: Table,
    counted: ValueCounts,
    *,
    arm: str,
    layers: Sequence[str],
    shares: Mapping[str, float] | str | None,
    clusters: Iterable[tuple[object, ...]] | None = None,
) -> Allocation:
    """Bring the declared shares beside counted units; problems are noted on the table.

    Args:
        table: Where problems are noted.
        counted: Assigned units by stratum and arm, with the probability of the assigned arm where a column declares it.
        arm: Column of the arm.
        layers: Columns of the strata.
        shares: As for `read_allocation`.
        clusters: (arm, cluster) of the units, also more than once; None where persons were assigned.
    """
    column = shares if isinstance(shares, str) else None
    arms = tuple(sorted({cell[-1] for cell in counted.cells}, key=str))
    persons = np.bincount(counted.cell, weights=counted.count, minlength=len(counted.cells)).astype(int)
    counts: dict[Stratum, dict[object, int]] = {}
    for cell, n in zip(counted.cells, persons.tolist(), strict=True):
        counts.setdefault(cell[:-1], dict.fromkeys(arms, 0))[cell[-1]] = n
    declared: Mapping[Stratum, Shares] | None = None
    if column is not None:
        declared = _from_column(table, counted, counts, column)
    elif shares is not None and not isinstance(shares, str):
        given: Shares = {name: share for name, share in shares.items()}  # noqa: C416 - arms need not be text
        _check_shares(table, arm, arms, given)
        declared = dict.fromkeys(counts, given)
    assigned = None if clusters is None else Counter(arm_of for arm_of, _ in set(clusters))
    return Allocation(
        arms=arms,
        layers=tuple(layers),
        counts=counts,
        shares=declared,
        clusters=None if assigned is None else {name: assigned[name] for name in arms},
    )


def _by_cluster(counted: ValueCounts) -> ValueCounts:
    """Clusters by stratum, arm and probability; a cluster with several probabilities counts with the smallest."""
    first = np.unique(counted.cell, return_index=True)[1]
    cells = tuple(dict.fromkeys(cell[:-1] for cell in counted.cells))
    place = {cell: position for position, cell in enumerate(cells)}
    where = np.array([place[cell[:-1]] for cell in counted.cells], dtype=np.int64)
    return replace(
        counted,
        names=counted.names[:-1],
        cells=cells,
        cell=where,
        values=tuple(value[first] for value in counted.values),
        count=np.ones(len(first), dtype=np.int64),
    )


def _check_shares(table: Table, arm: str, arms: tuple[object, ...], shares: Shares) -> None:
    unknown = [name for name in shares if name not in arms]
    undeclared = [name for name in arms if name not in shares]
    if unknown:
        table.problems.add(
            "UNKNOWN_ARM", table.name, arm, len(unknown),
            message=f"shares= names arms that no person has; the arms are {', '.join(map(repr, arms))}",
            examples=unknown,
        )  # fmt: skip
    if undeclared:
        table.problems.add(
            "UNKNOWN_ARM", table.name, arm, len(undeclared),
            message="arms without a declared share; add them to shares=, or remove these persons", examples=undeclared,
        )  # fmt: skip
    total = math.fsum(shares.values())
    if not unknown and not undeclared and abs(total - 1.0) > _ROUNDING:
        table.problems.add(
            "SHARES_SUM",
            table.name,
            arm,
            len(shares),
            message=f"the shares of the arms must add to 1, they add to {total:g}",
        )


def _from_column(
    table: Table, counted: ValueCounts, counts: Mapping[Stratum, Mapping[object, int]], column: str
) -> dict[Stratum, Shares]:
    """The shares of every stratum where each arm has one probability, and the probabilities add to 1."""
    (p,) = counted.values
    wrong = ~((p > 0.0) & (p <= 1.0))
    if wrong.any():
        table.problems.add(
            "BAD_PROBABILITY", table.name, column, int(counted.count[wrong].sum()),
            message="the probability of the assigned arm lies above 0 and is at most 1, for every person",
            examples=sorted({str(value) for value in p[wrong].tolist()}),
        )  # fmt: skip
        return {}
    known: dict[Stratum, dict[object, set[float]]] = {}
    for position, value in zip(counted.cell.tolist(), p.tolist(), strict=True):
        cell = counted.cells[position]
        known.setdefault(cell[:-1], {}).setdefault(cell[-1], set()).add(value)
    shares: dict[Stratum, Shares] = {}
    excess: list[object] = []
    for stratum, cell_counts in counts.items():
        found = _one_each(known[stratum], tuple(cell_counts))
        if found is None:
            continue
        total = math.fsum(found.values())
        if abs(total - 1.0) > _ROUNDING:
            excess.append(f"{total:g}")
        else:
            shares[stratum] = found
    if excess:
        table.problems.add(
            "SHARES_SUM", table.name, column, len(excess),
            message="the probabilities of a stratum's arms must add to 1; an arm is missing, or its probability is "
            "wrong",
            examples=sorted({str(item) for item in excess}),
        )  # fmt: skip
    return shares


def _one_each(found: Mapping[object, set[float]], arms: tuple[object, ...]) -> Shares | None:
    """One probability per arm; a single arm without persons gets the rest; None where that is not possible."""
    if any(max(values) - min(values) > _ROUNDING for values in found.values()):
        return None
    shares = {arm: min(values) for arm, values in found.items()}
    absent = [arm for arm in arms if arm not in shares]
    rest = 1.0 - math.fsum(shares.values())
    if len(absent) > 1 or (absent and rest <= _ROUNDING):
        return None
    return {arm: shares.get(arm, rest) for arm in arms}


def check_allocation(allocation: Allocation, *, used: bool) -> list[Finding]:
    """The sample ratio, jointly and by stratum, and whether the strata should have been used.

    Args:
        allocation: The allocation.
        used: Whether the analysis is stratified by `allocation.layers`.

    Returns:
        SRM; SRM_STRATA with several strata; UNUSED_STRATUM when the shares differ between strata and are not used.
    """
    found: list[Finding] = []
    totals = {str(arm): n for arm, n in allocation.totals().items()}
    known = allocation.shares is not None and len(allocation.shares) == len(allocation.counts)
    ratio = check_split(totals, _expected(allocation)) if known else unknown_split(totals)
    found.append(ratio if allocation.clusters is None else of_clusters(ratio))
    if allocation.shares is not None and len(allocation.shares) < len(allocation.counts):
        values = {"strata": len(allocation.counts) - len(allocation.shares), "columns": ", ".join(allocation.layers)}
        found.append(Finding(code="SHARES_VARY", status="warn", values=values))
    if len(allocation.counts) > 1:
        if allocation.shares:
            found.append(_strata_finding(allocation, allocation.shares))
        if not used and _unequal(allocation):
            layers = ", ".join(allocation.layers)
            found.append(Finding(code="UNUSED_STRATUM", status="warn", values={"columns": layers}))
    return found


def _text(by_arm: Mapping[object, int]) -> dict[str, int]:
    return {str(arm): value for arm, value in by_arm.items()}


def _expected(allocation: Allocation) -> dict[str, float]:
    """Expected share of each arm over all strata, each stratum by its persons."""
    persons = {stratum: sum(cell.values()) for stratum, cell in allocation.counts.items()}
    total = sum(persons.values())
    shares = allocation.shares or {}
    raw = {
        arm: math.fsum(persons[stratum] * shares[stratum][arm] for stratum in allocation.counts) / total
        for arm in allocation.arms
    }
    whole = math.fsum(raw.values())
    return {str(arm): share / whole for arm, share in raw.items()}


def _strata_finding(allocation: Allocation, shares: Mapping[Stratum, Shares]) -> Finding:
    strata = list(shares)
    tested = [check_split(_text(allocation.counts[s]), _scaled(shares[s])) for s in strata]
    adjusted = adjust_pvalues([_p(finding) for finding in tested], method="holm")
    known = [(p, _name(stratum)) for p, stratum in zip(adjusted, strata, strict=True) if p is not None]
    lowest, worst = min(known, default=(1.0, ""))
    # Power where it is least. Each p-value is adjusted over the strata, so the true power is lower still.
    hardest = min(range(len(strata)), key=lambda place: float(str(tested[place].values["power"])))
    values = {
        "strata": len(strata), "p_value": lowest, "stratum": worst, "power": tested[hardest].values["power"],
        "power_arm": tested[hardest].values["power_arm"], "power_stratum": _name(strata[hardest]),
    }  # fmt: skip
    return Finding(code="SRM_STRATA", status="fail" if lowest < _ALARM else "pass", values=values)


def _scaled(shares: Shares) -> dict[str, float]:
    total = math.fsum(shares.values())
    return {str(arm): share / total for arm, share in shares.items()}


def _p(finding: Finding) -> float | None:
    value = finding.values.get("p_value")
    return float(value) if isinstance(value, (int, float)) else None


def _name(stratum: Stratum) -> str:
    return ", ".join(str(value) for value in stratum)


def _unequal(allocation: Allocation) -> bool:
    """Whether the arms are shared out differently in different strata, as declared or (undeclared) as observed."""
    if allocation.shares is not None:
        first, *rest = allocation.shares.values() or [{}]
        return any(abs(shares[arm] - first[arm]) > _ROUNDING for shares in rest for arm in first)
    totals = allocation.totals()
    everyone = sum(totals.values())
    overall = {str(arm): n / everyone for arm, n in totals.items()}
    tested = [check_split(_text(cell), overall) for cell in allocation.counts.values()]
    adjusted = adjust_pvalues([_p(finding) for finding in tested], method="bonferroni")
    return any(p is not None and p < _ALARM for p in adjusted)
