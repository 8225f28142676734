"""Contrasts of arms with the costs they need: the same persons, strata and weights for every contrast of a segment."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError, InputError, closest
from attribution.core.findings import Finding
from experiments.roi.arms import ArmCosts
from experiments.roi.segment_cells import segment_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.moments import CostMoments
    from experiments.roi.clustered import ClusterContrast, ClusterCosts

__all__ = ["ContrastCosts", "build_contrasts", "pairs_of"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ContrastCosts:
    """One arm against another in one segment.

    Attributes:
        arm: The treated arm.
        control: What it is compared with.
        segment: The segment; None for everybody.
        treated: The treated arm's statistics, one per stratum.
        untreated: The control's, in the same order.
        weights: Share of each stratum in all persons of the segment's kept strata, all arms together.
        clustered: The same contrast with the variances of clusters; None where persons were assigned one by one.
        everyone: Persons of all arms in the kept strata of the segment.
    """

    arm: str
    control: str
    segment: str | None
    treated: tuple[ArmCosts, ...]
    untreated: tuple[ArmCosts, ...]
    weights: tuple[float, ...]
    clustered: ClusterContrast | None = None
    everyone: int = 0

    @property
    def persons(self) -> int:
        """Persons of both arms."""
        return sum(part.n for part in (*self.treated, *self.untreated))

    def difference(self, figure: str) -> float:
        """Weighted difference per person of ``"woken"`` (rate) or ``"cost"`` (mean)."""
        parts = zip(self.weights, self.treated, self.untreated, strict=True)
        return float(sum(weight * (_per_person(one, figure) - _per_person(two, figure)) for weight, one, two in parts))


def _per_person(arm: ArmCosts, figure: str) -> float:
    return arm.woken / arm.n if figure == "woken" else arm.cost_mean


def pairs_of(arms: Sequence[str], control: str, order: Sequence[str] | None) -> list[tuple[str, str]]:
    """(arm, control) of every contrast: each arm against the control, or each arm of an order against the one before.

    Raises:
        InputError: When the order names an unknown arm, an arm twice, or does not begin with the control.
    """
    if order is None:
        return [(arm, control) for arm in arms if arm != control]
    named = [str(arm) for arm in order]
    unknown = [arm for arm in named if arm not in arms]
    if unknown:
        raise InputError(f"order names the arm {unknown[0]!r}, which is not there. {closest(unknown[0], arms)}")
    if len(set(named)) < len(named) or len(named) < 2:
        raise InputError(f"order must name at least two arms, each once, got {named!r}.")
    if named[0] != control:
        raise InputError(f"order must begin with the control {control!r}, got {named[0]!r}.")
    return [(arm, before) for before, arm in itertools.pairwise(named)]


def build_contrasts(
    moments: CostMoments,
    pairs: Sequence[tuple[str, str]],
    clustered: Mapping[str | None, ClusterCosts] | None = None,
) -> tuple[tuple[ContrastCosts, ...], tuple[Finding, ...]]:
    """Every contrast in every segment; a stratum without persons in some arm leaves all contrasts of its segment.

    Args:
        moments: The statistics by segment, stratum and arm.
        pairs: (arm, control) of every contrast.
        clustered: What clusters say of each segment, where they were assigned; a stratum without enough of them leaves.

    Raises:
        DesignError: NO_HOLDOUT when a segment has nobody in the first contrast's control; NO_COMMON_STRATUM when it has
            no stratum with every arm.
    """
    cells = {
        (moments.segment[i], moments.stratum[i], str(moments.arm[i])): ArmCosts(
            n=int(moments.n[i]),
            woken=int(moments.woken[i]),
            cost_mean_woken=float(moments.mean_woken[i]),
            cost_mean_other=float(moments.mean_other[i]),
            cost_variance_woken=float(moments.variance_woken[i]),
            cost_variance_other=float(moments.variance_other[i]),
        )
        for i in range(len(moments.arm))
    }
    arms = sorted({str(arm) for arm in moments.arm})  # all arms: every contrast and the readout use the same strata
    made: list[ContrastCosts] = []
    findings: list[Finding] = []
    for segment in dict.fromkeys(moments.segment):
        strata = list(dict.fromkeys(stratum for here, stratum, _ in cells if here == segment))
        kept = [stratum for stratum in strata if all((segment, stratum, arm) in cells for arm in arms)]
        if clustered:
            enough = clustered[segment_name(segment)].strata
            kept = [stratum for stratum in kept if _key(stratum) in enough]
        if segment is not None:
            _need_control(segment, {arm for here, _, arm in cells if here == segment}, pairs[0][1])
        _note_dropped(findings, cells, segment, strata, kept)
        persons = [sum(cells[key].n for key in cells if key[:2] == (segment, stratum)) for stratum in kept]
        weights = tuple((np.array(persons) / sum(persons)).tolist())
        for arm, control in pairs:
            made.append(
                ContrastCosts(
                    arm=arm,
                    control=control,
                    segment=segment_name(segment),
                    treated=tuple(cells[segment, stratum, arm] for stratum in kept),
                    untreated=tuple(cells[segment, stratum, control] for stratum in kept),
                    weights=weights,
                    everyone=sum(persons),
                )
            )
    return tuple(made), tuple(findings)


def _key(stratum: object) -> tuple[object, ...]:
    """The key values of a stratum: none, one, or several."""
    return () if stratum is None else stratum if isinstance(stratum, tuple) else (stratum,)


def _need_control(segment: object, arms: set[str], control: str) -> None:
    if control not in arms:
        raise DesignError(
            "NO_HOLDOUT",
            f"{segment_name(segment)!r} has nobody in the control {control!r}: nothing says what was caused there. "
            "Hold persons out of every segment and every wave, or leave these persons out of the outcomes.",
        )


def _note_dropped(
    findings: list[Finding],
    cells: dict[tuple[object, object, str], ArmCosts],
    segment: object,
    strata: Sequence[object],
    kept: Sequence[object],
) -> None:
    lost = [stratum for stratum in strata if stratum not in kept]
    if not kept:
        place = "the outcomes" if segment is None else f"the segment {segment_name(segment)!r}"
        raise DesignError("NO_COMMON_STRATUM", f"{place} has no stratum with persons of every arm. Use coarser strata.")
    if lost:
        everyone = sum(arm.n for key, arm in cells.items() if key[0] == segment)
        dropped = sum(arm.n for key, arm in cells.items() if key[0] == segment and key[1] in lost)
        values = {
            "metric": "cost" if segment is None else f"cost, {segment_name(segment)}",
            "strata": len(lost),
            "persons": dropped,
            "assigned": everyone,
            "share": dropped / everyone,
            "names": "; ".join(str(stratum) for stratum in lost[:5]),
        }
        findings.append(Finding(code="STRATUM_DROPPED", status="warn", values=values))
