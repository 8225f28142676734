"""All treated arms against the one control, for the persons who were in fact treated: the campaign as one decision."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experiments.roi.arms import ArmCosts, few_events
from experiments.roi.contrasts import build_contrasts
from experiments.roi.net_benefit import FEW_EVENTS, net_benefit
from experiments.roi.segment_cells import segment_name
from experiments.roi.undecidable import decidable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Estimate, Side
    from experiments.moments import CostMoments
    from experiments.roi.clustered import ClusterContrast, ClusterCosts
    from experiments.roi.guardrails import GuardrailReading
    from experiments.roi.net_benefit import Variance
    from experiments.roi.reading import CostReading

__all__ = ["Key", "Package", "build_packages", "pairs_with_control", "scaled", "together"]

Key = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Package:
    """The treated arms of one segment and the control that all of them are measured against.

    Attributes:
        segment: The segment; None for everybody.
        control: The control arm.
        treated: The statistics of each treated arm, one per stratum.
        untreated: The control's, in the same order.
        clusters: What clusters say; None where persons were assigned one by one.
        guardrails: The guardrails of every treated arm against the control.
        invalid: Codes of the checks that failed.
        left_out: Treated persons of strata that lack some arm: nothing says what was caused there.
    """

    segment: str | None
    control: str
    treated: Mapping[str, tuple[ArmCosts, ...]]
    untreated: tuple[ArmCosts, ...]
    clusters: ClusterCosts | None = None
    guardrails: tuple[GuardrailReading, ...] = ()
    invalid: tuple[str, ...] = ()
    left_out: int = 0

    def persons(self, arms: Sequence[str]) -> int:
        """Persons of some arms."""
        return sum(cell.n for arm in arms for cell in self.treated[arm])

    def cost(self, arms: Sequence[str]) -> float:
        """What was booked for the persons of some arms."""
        return math.fsum(cell.n * cell.cost_mean for arm in arms for cell in self.treated[arm])

    def cost_without(self, arms: Sequence[str]) -> float:
        """What the same persons would have cost as control persons of their strata."""
        counts = (sum(self.treated[arm][place].n for arm in arms) for place in range(len(self.untreated)))
        return math.fsum(n * cell.cost_mean for n, cell in zip(counts, self.untreated, strict=True))

    def net(
        self, arms: Sequence[str], threshold: float, *, level: float, side: Side = "two", variance: Variance = "score"
    ) -> Estimate:
        """Net benefit of some arms together at a threshold, over all their persons."""
        clustered = self._clustered(arms)
        found = (
            self._independent(arms, threshold, level=level, side=side, variance=variance)
            if clustered is None
            else clustered.net(threshold, level=level, side=side)
        )
        return scaled(found, self.persons(arms))

    def woken(self, arms: Sequence[str], *, level: float, side: Side = "two", variance: Variance = "score") -> Estimate:
        """Incremental woken persons of some arms together."""
        clustered = self._clustered(arms)
        found = (
            self._independent(arms, None, level=level, side=side, variance=variance)
            if clustered is None
            else clustered.free().net(1.0, level=level, side=side, label="woken per person")
        )
        return scaled(found, self.persons(arms))

    def _independent(
        self, arms: Sequence[str], threshold: float | None, *, level: float, side: Side, variance: Variance
    ) -> Estimate:
        """Per person; without a threshold the woken alone, whatever they cost."""
        made = [together([self.treated[arm][place] for arm in arms]) for place in range(len(self.untreated))]
        control = list(self.untreated)
        if threshold is None:
            made, control = [_free(cell) for cell in made], [_free(cell) for cell in control]
        weights = [float(cell.n) for cell in made]
        return net_benefit(
            made, control, 1.0 if threshold is None else threshold, weights=weights, level=level, side=side,
            variance=variance,
        )  # fmt: skip

    def _clustered(self, arms: Sequence[str]) -> ClusterContrast | None:
        if self.clusters is None:
            return None
        cells = [cell for arm in arms for cell in self.treated[arm]]
        note = FEW_EVENTS if few_events(cells, self.untreated) else ""
        return self.clusters.package(arms, self.control, note=note)


def together(cells: Sequence[ArmCosts]) -> ArmCosts:
    """Several arms of one stratum as one: their persons, their woken, and how their costs vary inside each arm.

    What an arm costs by itself, woken or not, is no chance: how many persons each arm holds was fixed, so differences
    of the arms' levels add nothing to the variance. What waking adds differs between arms, and how the woken fall on
    the arms is chance: that difference is part of the variance among the woken.

    Example:
        >>> sms = ArmCosts(n=100, woken=10, cost_mean_woken=20.1, cost_mean_other=0.1, cost_variance_woken=0.0,
        ...                cost_variance_other=0.0)
        >>> call = ArmCosts(n=100, woken=30, cost_mean_woken=23.0, cost_mean_other=3.0, cost_variance_woken=0.0,
        ...                 cost_variance_other=0.0)
        >>> both = together([sms, call])
        >>> both.n, both.woken, round(both.cost_mean, 6), both.cost_variance_other
        (200, 40, 5.55, 0.0)
    """
    if len(cells) == 1:
        return cells[0]
    n, woken = sum(cell.n for cell in cells), sum(cell.woken for cell in cells)
    known = [cell for cell in cells if cell.woken and cell.other]
    counted = sum(cell.woken for cell in known)
    typical = math.fsum(cell.woken * _step(cell) for cell in known) / counted if counted else 0.0
    steps = [_step(cell) if cell.woken and cell.other else typical for cell in cells]
    levels = [
        cell.cost_mean_other if cell.other else cell.cost_mean_woken - step
        for cell, step in zip(cells, steps, strict=True)
    ]
    level = math.fsum(cell.n * amount for cell, amount in zip(cells, levels, strict=True)) / n
    step = math.fsum(cell.woken * amount for cell, amount in zip(cells, steps, strict=True)) / woken if woken else 0.0
    apart = math.fsum(cell.woken * (amount - step) ** 2 for cell, amount in zip(cells, steps, strict=True))
    inside = math.fsum((cell.woken - 1) * cell.cost_variance_woken for cell in cells if cell.woken > 1)
    return ArmCosts(
        n=n,
        woken=woken,
        cost_mean_woken=level + step,
        cost_mean_other=level,
        cost_variance_woken=(inside + apart) / (woken - 1) if woken > 1 else 0.0,
        cost_variance_other=_within([(cell.other, cell.cost_variance_other) for cell in cells]),
    )


def pairs_with_control(reading: CostReading) -> list[tuple[str, str]]:
    """Every treated arm against the control: those of the contrasts in their order, then the others."""
    control = str(reading.experiment.control)
    others = sorted({str(arm) for arm in reading.moments.arm} - {control})
    return [(arm, control) for arm in dict.fromkeys([*(arm for arm, _ in reading.pairs), *others])]


def build_packages(reading: CostReading, readings: Mapping[Key, tuple[GuardrailReading, ...]]) -> tuple[Package, ...]:
    """The package of every segment that has contrasts.

    Args:
        reading: What was read.
        readings: The guardrails of every treated arm against the control, by segment.
    """
    pairs = pairs_with_control(reading)
    moments, _ = decidable(reading.moments, str(reading.experiment.control))
    contrasts, _ = build_contrasts(moments, pairs, reading.clusters or None)
    made = []
    for segment in dict.fromkeys(contrast.segment for contrast in contrasts):
        here = [contrast for contrast in contrasts if contrast.segment == segment]
        found = {contrast.arm: contrast.treated for contrast in here}
        kept = sum(cell.n for cells in found.values() for cell in cells)
        made.append(
            Package(
                segment=segment,
                control=here[0].control,
                treated=found,
                untreated=here[0].untreated,
                clusters=reading.clusters.get(segment),
                guardrails=tuple(one for arm, control in pairs for one in readings[arm, control, segment]),
                invalid=reading.invalid,
                left_out=_treated(moments, segment, frozenset(found)) - kept,
            )
        )
    return tuple(made)


def _treated(moments: CostMoments, segment: str | None, arms: frozenset[str]) -> int:
    return sum(
        int(n)
        for place, n in enumerate(moments.n.tolist())
        if segment_name(moments.segment[place]) == segment and str(moments.arm[place]) in arms
    )


def _step(cell: ArmCosts) -> float:
    """What a woken person costs more than another one."""
    return cell.cost_mean_woken - cell.cost_mean_other


def _within(groups: Sequence[tuple[int, float]]) -> float:
    """The variance inside groups; 0 where no group has two persons."""
    degrees = sum(size - 1 for size, _ in groups if size > 1)
    return math.fsum((size - 1) * variance for size, variance in groups if size > 1) / degrees if degrees else 0.0


def _free(cell: ArmCosts) -> ArmCosts:
    return ArmCosts(
        n=cell.n, woken=cell.woken, cost_mean_woken=0.0, cost_mean_other=0.0, cost_variance_woken=0.0,
        cost_variance_other=0.0,
    )  # fmt: skip


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """An estimate in another unit: per person times so many persons, or the other way round."""

    def of(amount: float | None) -> float | None:
        return None if amount is None else factor * amount

    return replace(
        estimate,
        value=of(estimate.value),
        low=of(estimate.low),
        high=of(estimate.high),
        standard_error=of(estimate.standard_error),
    )
