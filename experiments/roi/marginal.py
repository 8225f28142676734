"""What one more wake-up costs at the margin: by channel step, by wave, through wave k, and when to stop."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from attribution.core.whole import check_whole
from experiments.metrics import Rate
from experiments.readout.experiment import Experiment
from experiments.roi.arms import few_events
from experiments.roi.contrast_figures import lasting_level, net_of, price_of
from experiments.roi.contrasts import ContrastCosts
from experiments.roi.even_tails import even_net
from experiments.roi.marginal_result import MarginalCosts, MarginalRow
from experiments.roi.net_benefit import Variance, check_variance
from experiments.roi.reading import CostReading, CostSource, read_costs
from experiments.roi.series import check_thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attribution.core.columns import ColumnsLike
    from attribution.core.estimates import Estimate

__all__ = ["marginal_costs", "wave_level"]


def marginal_costs(  # noqa: PLR0913 -- options by keyword
    outcomes: object,
    *,
    order: Sequence[str] | None = None,
    wave: str | None = None,
    waves: Sequence[object] | None = None,
    threshold: float | None = None,
    woken: str = "woken",
    cost: str = "cost",
    experiment: Experiment | None = None,
    touches: object = None,
    level: float | None = None,
    variance: Variance = "score",
    planned_waves: int | None = None,
    planned: int | None = None,
    campaign: str | Sequence[str] | None = None,
    columns: ColumnsLike = None,
) -> MarginalCosts:
    """Marginal cost of an incremental wake-up by channel step and by wave, and after which wave to stop.

    Step k compares arm k with arm k - 1 on the same persons, strata and weights, so woken and costs of the steps add
    up to those of the last arm against the control, exactly (1e-12). A wave is read on its own persons against its
    own randomised control; the waves' woken and costs per person, weighted with `share`, add up to the whole, exactly.
    Costs per incremental wake-up are ratios: they do not add, neither over steps nor over waves.

    With a threshold T every row has its net benefit, and every wave an interval that may be read after each wave,
    however many follow: wave k is read at error alpha_k with all alpha_k together at most 1 - level (equal parts of
    `planned_waves`, else 1 / (k (k + 1))), shared evenly over the contrasts. "Stop after wave k": the first wave whose
    own net benefit lies wholly below 0 in that interval. Its two tails are made even (`even_bounds`): the plain score's
    says "stop" too often where few woke in the holdout. The rows "through" a wave pool all waves so far; with `planned`
    they carry the always-valid interval of the normal mixture.

    Args:
        outcomes: One row per person with the event and the full cost, for control persons too.
        order: Arms from the control upwards; None: each arm with the control.
        wave: Column of the wave, fixed at the assignment; None: no waves.
        waves: The waves in their order; None: sorted, numbers in names as numbers.
        threshold: What one woken customer may cost, T; needed for net benefits and for "stop after wave k".
        woken: Column of the event, 0 or 1.
        cost: Column of the full cost per person.
        experiment: Gives arm, control, strata, shares and level; the default experiment otherwise.
        touches: The touches, for the leakage check.
        level: Confidence level; the experiment's by default.
        variance: "score"; "plugin" only to reconcile with other tools.
        planned_waves: How many waves there will be at most, fixed before the first; None: any number.
        planned: Persons of all arms and waves together near which the always-valid intervals of the rows "through" are
            narrowest, fixed before the first wave; None leaves these out.
        campaign: Name(s) of this campaign in the touches.
        columns: Names of the columns of the touches.

    Raises:
        TableError: As `cost_thresholds`.
        DesignError: NO_HOLDOUT when a wave has no control of its own; NO_COMMON_STRATUM when a wave lacks another arm:
            its persons cannot tell what that arm adds.
        InputError: For an unusable order or options; for waves of an experiment with clusters.

    Assumptions:
        As `cost_thresholds`; every wave is randomised on its own. A wave's marginal cost is that of its customers: when
        the best customers were sent first, later waves cost more, and the pooled cost hides it.

    References:
        Miratrix, Sekhon and Yu (2013), JRSS B 75:369 (weights of strata). Heitjan (2000), Health Economics 9:327 (sets
        of cost ratios). Foster and Stine (2008), JRSS B 70:429 (errors spent over a sequence of tests).

    Verified against plain sums over persons (tests/oracles/marginal_sums.py); the error of "stop" over twelve waves by
    simulation (tests/statistical/monitoring_designs.py).

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> steps = ex.marginal_costs(c.outcomes, order=c.order)
        >>> rows = steps.to_dicts()
        >>> [(row["reading"], row["arm"]) for row in rows]
        [('step', 'digital'), ('step', 'sms'), ('step', 'full'), ('total', 'full')]
        >>> abs(sum(row["cost_per_1000"] for row in rows[:3]) - rows[3]["cost_per_1000"]) < 1e-9
        True
    """
    declared = Experiment({woken: Rate(woken)}) if experiment is None else experiment
    level = declared.level if level is None else check_level(level)
    variance = check_variance(variance)
    amount = None if threshold is None else check_thresholds(threshold)[0]
    _check_waves(declared, wave)
    planned_waves, planned = _planned("planned_waves", planned_waves), _planned("planned", planned)
    by = () if wave is None else (wave,)
    source = CostSource(
        outcomes=outcomes, experiment=_without(declared, wave), woken=woken, cost=cost, by=by, touches=touches,
        campaign=campaign, columns=columns, checked=_with(declared, wave),
    )  # fmt: skip
    read = read_costs(source, order=order, whole=True)
    names = [] if wave is None else _ordered(read, waves)
    _check_number(names, planned_waves)
    maker = _Maker(
        level=level, variance=variance, threshold=amount, planned_waves=planned_waves, planned=planned,
        valid=not read.invalid,
    )  # fmt: skip
    return MarginalCosts(
        rows=tuple(maker.rows(read, names, stepped=order is not None)),
        findings=read.findings,
        level=level,
        threshold=amount,
        waves=tuple(names),
        recipe=Recipe(
            method="marginal_costs",
            definitions=("MARGINAL_COST", *(("MARGINAL_STOP",) if names and amount is not None else ())),
            settings={
                "level": level, "variance": variance, "order": None if order is None else list(map(str, order)),
                "wave": wave, "threshold": amount, "planned_waves": planned_waves, "planned": planned,
                "control": str(declared.control),
            },
            n={"persons": read.persons},
        ),
    )  # fmt: skip


def wave_level(number: int, *, level: float, planned: int | None, contrasts: int = 1) -> float:
    """The level at which wave ``number`` (1, 2, ...) is read so that all waves together keep ``level``.

    Example:
        >>> [round(wave_level(k, level=0.95, planned=None), 4) for k in (1, 2, 3)]
        [0.975, 0.9917, 0.9958]
        >>> round(wave_level(2, level=0.95, planned=5), 4)
        0.99
    """
    part = 1.0 / planned if planned else 1.0 / (number * (number + 1.0))
    return 1.0 - (1.0 - level) * part / contrasts


class _Maker:
    """Makes the rows of one reading."""

    def __init__(
        self, *, level: float, variance: Variance, threshold: float | None, planned_waves: int | None,
        planned: int | None, valid: bool,
    ) -> None:  # fmt: skip
        self.level = level
        self.variance = variance
        self.threshold = threshold
        self.planned_waves = planned_waves
        self.planned = planned
        self.valid = valid

    def rows(self, read: CostReading, waves: Sequence[str], *, stepped: bool) -> Iterable[MarginalRow]:
        """All rows: steps and total of the whole, every wave, and through every wave."""
        pairs = read.pairs
        total = pairs[-1] if stepped and len(pairs) > 2 else None
        by_wave = {(c.segment, (c.arm, c.control)): c for c in read.contrasts}
        parts_of: list[str | None] = [*waves] or [None]
        persons = {wave: _assigned(read, wave) for wave in parts_of}
        everyone = sum(persons.values())
        for pair in pairs:
            parts = [(by_wave[wave, pair], persons[wave]) for wave in persons]
            reading = "total" if pair == total else "step" if stepped else "arm"
            yield self._row((reading, None), _pooled(parts), (everyone, everyone))
        for number, wave in enumerate(waves, start=1):
            level = wave_level(number, level=self.level, planned=self.planned_waves, contrasts=len(pairs))
            for pair in pairs:
                yield self._row(("wave", wave), by_wave[wave, pair], (persons[wave], everyone), lasting=level)
        for number, wave in enumerate(waves, start=1):
            sofar = waves[:number]
            count = sum(persons[name] for name in sofar)
            for pair in pairs:
                pooled = _pooled([(by_wave[name, pair], persons[name]) for name in sofar])
                lasting = self._through(count, len(pairs))
                yield self._row(("through", wave), pooled, (count, everyone), lasting=lasting)

    def _through(self, persons: int, contrasts: int) -> float | None:
        if self.planned is None:
            return None
        return lasting_level(persons, planned=self.planned, level=1.0 - (1.0 - self.level) / contrasts)

    def _row(
        self, place: tuple[str, str | None], contrast: ContrastCosts, sizes: tuple[int, int],
        *, lasting: float | None = None,
    ) -> MarginalRow:  # fmt: skip
        (reading, wave), (persons, everyone) = place, sizes
        net = None if self.threshold is None else self._net(contrast, self.level)
        return MarginalRow(
            reading=reading,
            wave=wave,
            contrast=contrast,
            persons=persons,
            share=persons / everyone,
            price=price_of(contrast, level=self.level, variance=self.variance),
            net=net,
            lasting=None if net is None or lasting is None else self._lasting(contrast, lasting, reading),
            few=few_events(contrast.treated, contrast.untreated),
            valid=self.valid,
        )

    def _lasting(self, contrast: ContrastCosts, level: float, reading: str) -> Estimate:
        """A wave's own interval has even tails: whether to stop is asked on one side, often with few control events."""
        if reading == "wave" and self.variance == "score":
            return even_net(contrast, self.threshold or 0.0, level=level)
        return self._net(contrast, level)

    def _net(self, contrast: ContrastCosts, level: float) -> Estimate:
        return net_of(contrast, self.threshold or 0.0, level=level, variance=self.variance)


def _pooled(parts: Sequence[tuple[ContrastCosts, int]]) -> ContrastCosts:
    """One contrast over several waves, each stratum weighted with its share of all their persons."""
    if len(parts) == 1:
        return parts[0][0]
    everyone = sum(persons for _, persons in parts)
    first = parts[0][0]
    return ContrastCosts(
        arm=first.arm,
        control=first.control,
        segment=None,
        treated=tuple(arm for contrast, _ in parts for arm in contrast.treated),
        untreated=tuple(arm for contrast, _ in parts for arm in contrast.untreated),
        weights=tuple(weight * persons / everyone for contrast, persons in parts for weight in contrast.weights),
    )


def _assigned(read: CostReading, wave: str | None) -> int:
    """Persons of all arms in the kept strata of a wave."""
    kept = next(contrast for contrast in read.contrasts if contrast.segment == wave)
    return kept.everyone


def _without(experiment: Experiment, wave: str | None) -> Experiment:
    """The experiment whose strata do not name the wave: inside a wave it is constant."""
    if wave is None or wave not in experiment.layers:
        return experiment
    return replace(experiment, strata=tuple(name for name in experiment.layers if name != wave) or None)


def _with(experiment: Experiment, wave: str | None) -> Experiment:
    """The experiment whose strata name the wave: shares may differ between waves."""
    if wave is None or wave in experiment.layers:
        return experiment
    return replace(experiment, strata=(*experiment.layers, wave))


def _check_waves(experiment: Experiment, wave: str | None) -> None:
    if wave is not None and experiment.cluster is not None:
        raise InputError(
            "marginal_costs pools waves of persons who were assigned one by one; the experiment names cluster=. "
            "Read the waves with cost_thresholds(by=wave, order=...)."
        )


def _planned(name: str, given: int | None) -> int | None:
    return None if given is None else check_whole(name, given, least=1, more=", fixed before the first wave")


def _check_number(waves: Sequence[str], planned_waves: int | None) -> None:
    if planned_waves is not None and len(waves) > planned_waves:
        raise InputError(
            f"{len(waves)} waves were sent and planned_waves is {planned_waves}: the errors of the planned waves are "
            "spent. Leave planned_waves out when any number may follow."
        )


def _ordered(read: CostReading, waves: Sequence[object] | None) -> list[str]:
    """Names of the waves in their order."""
    found = [name for name in read.segments if name is not None]
    if waves is None:
        return sorted(found, key=_natural)
    named = [str(wave) for wave in waves]
    if sorted(named) != sorted(found):
        odd = next((name for name in named if name not in found), None)
        what = (
            f"names {odd!r}. {closest(odd, found)}" if odd else f"must list every wave once: {found!r}, got {named!r}."
        )
        raise InputError(f"waves {what}")
    return named


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Numbers in a name are compared as numbers: wave 2 comes before wave 10."""
    pieces = re.split(r"(\d+)", name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece]
