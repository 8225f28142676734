"""Touched, attributed and incremental side by side, on the same persons, step by step.

Credit says who was near when something happened; the experiment says what would not have happened otherwise. The table
holds both for the persons of each step's arm and for their windows, their gap with its interval, and the credit that
the same model gives the same channels in the holdout (placebo credit), where the campaign cannot have caused anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from attribution.core.recipe import Recipe
from attribution.core.records import Records
from attribution.models.fitted import FittedModel
from experiments.reconciliation.contrasts import Contrasts, Variance
from experiments.reconciliation.credited import credit_on
from experiments.reconciliation.declared import checked_metric, checked_variance, owners_of
from experiments.reconciliation.ground import ground_of
from experiments.reconciliation.joint import inverted
from experiments.reconciliation.remarks import basis_findings, reach_findings
from experiments.reconciliation.result import FIELDS, INTERVAL_CONTAINS_0, TOTAL, UNTESTED, Factor, Reconciliation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from attribution.core.columns import ColumnsLike
    from attribution.credit import Credit
    from experiments.readout import Readout

__all__ = ["NO_CREDIT", "UNTESTED_NOTE", "Setting", "reconcile", "set_up"]

NO_CREDIT = "NO_CREDIT"
UNTESTED_NOTE = "UNTESTED"


def reconcile(  # noqa: PLR0913 -- the contract's options
    credit: Credit,
    readout: Readout,
    *,
    assignment: object = None,
    metric: str | None = None,
    steps: Mapping[str, Sequence[str]],
    window: str | timedelta | None = None,
    columns: ColumnsLike = None,
    variance: Variance = "score",
) -> Reconciliation:
    """Put touched, attributed and incremental side by side for every step of the experiment.

    All three count customers: of each analysed person the first conversion in the window. What the credit holds besides
    (persons outside the arms, conversions before the assignment or after the window, repeated conversions) is left out
    here and counted in the findings.

    Args:
        credit: Credit of any models; its journeys are used, whatever its key.
        readout: The experiment's readout. Made from the outcomes of `build_outcomes` it knows the analysed persons and
            their windows.
        assignment: The assignment table: person, arm, assigned_at; needed when the readout was made from another table.
        metric: A rate of the readout; the primary one by default.
        steps: Arm -> the channels that it adds to the arm before, in the order of the steps after the control.
        window: Length of the window, needed with ``assignment`` when the readout does not know it; without any window
            every conversion counts, and a finding warns.
        columns: Names of the columns.
        variance: How gaps and ratios are judged where the readout compares counts of persons. "score": by the
            statistic of the readout's own test, with the credit in the place of a cost; "plugin": sample variances and
            the normal quantile, which makes the set of the ratio Fieller's own. Readouts with clusters, covariates or
            the population as target have one way, Student's t.

    Returns:
        One row per step and model, with the gap (attributed less incremental) and its interval, in customers and per
        1,000 persons, and the set of attributed / incremental; a "total" of the last arm against the control with the
        channels of all steps; one per channel that no step adds and model, with the word "untested".

    Raises:
        InputError: When a step is not an arm of the readout, a channel belongs to two steps, the metric is no rate, or
            nothing says who was in which arm.
        TableError: When the assignment is unusable.

    Assumptions:
        The arms are randomised and each differs from the one before by the step's channels alone. A step's effect
        belongs to its bundle of channels; it is not split over them. Credit and effect are read on the same persons:
        their covariance over persons is part of the gap's interval, by strata, clusters and covariates as the readout
        has them. Credit of models of paths is their reading inside journeys, their fit is taken as given.

    References:
        Fieller (1954), JRSS B 16:175; Miettinen and Nurminen (1985), Statistics in Medicine 4:213; Gordon and others
        (2019), Marketing Science 38:193 (observational methods against experiments).

    Verified against: the truth of simulated campaigns (coverage of gap and factor, docs/methods/reconciliation.md); a
    plain-pandas computation; Welch's interval of the person-level difference and Fieller's set in the tests.

    Example:
        >>> import attribution as at, experiments as ex
        >>> c = ex.simulate("default", persons=4_000, seed=7)
        >>> credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
        >>> table = ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps).table()
        >>> table.loc[table["channels"] == "search", "step"].unique().tolist()
        ['untested']
    """
    setting = set_up(
        credit, readout, assignment=assignment, metric=metric, steps=steps, window=window, columns=columns,
        variance=variance,
    )  # fmt: skip
    found, chosen, order = setting.contrasts.found, setting.metric, setting.contrasts.order
    effects = setting.effects
    rows: list[dict[str, object]] = []
    factors: list[Factor | None] = []
    for place, arm in enumerate(setting.steps):
        for row, factor in _tested(setting, arm, (place,), effects[arm]):
            rows.append(row)
            factors.append(factor)
    last = next(row for row in readout.to_dicts() if row["metric"] == chosen and str(row["arm"]) == order[-1])
    for row, factor in _tested(setting, TOTAL, tuple(range(len(steps))), last):
        rows.append(row)
        factors.append(factor)
    treated = sum(int(effects[arm]["n"]) for arm in setting.steps)
    for channel, group in setting.untested.items():
        rows += _untested(setting, channel, group, treated)
    factors += [None] * (len(rows) - len(factors))
    windowed = setting.contrasts.ground.start is not None
    return Reconciliation(
        records=Records.from_rows(FIELDS, rows),
        factors=tuple(factors),
        findings=(
            *(finding for finding in readout.findings if finding.status == "fail"),
            *basis_findings(found, [effects[arm] for arm in setting.steps], readout.fit(chosen)),
            *reach_findings(found, setting.untested, setting.owners, windowed=windowed),
        ),
        recipe=_recipe(credit, setting, treated + setting.control),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Setting:
    """Credit on the experiment's ground, beside the readout's effects.

    Attributes:
        metric: The rate.
        steps: Arm -> its channels.
        owners: Channel -> its step.
        contrasts: Joint contrasts; the groups of its credit are the steps, then one per untested channel.
        untested: Untested channel -> its group.
        effects: Arm -> its row of the stepped contrasts.
        control: Persons of the control.
    """

    metric: str
    steps: dict[str, tuple[str, ...]]
    owners: dict[str, str]
    contrasts: Contrasts
    untested: dict[str, int]
    effects: dict[str, dict[str, Any]]
    control: int


def set_up(  # noqa: PLR0913 -- the options of reconcile
    credit: Credit,
    readout: Readout,
    *,
    assignment: object,
    metric: str | None,
    steps: Mapping[str, Sequence[str]],
    window: str | timedelta | None,
    columns: ColumnsLike,
    variance: Variance,
) -> Setting:
    """Check what is asked for, and put the credit on the experiment's ground."""
    variance = checked_variance(variance)
    chosen = checked_metric(readout, metric)
    owners = owners_of(steps)
    listed = {str(arm): tuple(map(str, channels)) for arm, channels in steps.items()}
    order = (str(readout.experiment.control), *listed)
    if readout.outcomes is None and assignment is None:
        raise InputError("assignment is needed: the readout does not know who was in which arm.")
    ground = ground_of(readout, assignment, order, metric=chosen, window=window, columns=columns)
    found = credit_on(credit, ground, len(order), list(listed.values()))
    fit = readout.fit(chosen)
    arms: dict[str, Any] = {str(arm): arm for arm in fit.arms}
    effects = readout.steps([arms.get(name, name) for name in order])
    return Setting(
        metric=chosen,
        steps=listed,
        owners=owners,
        contrasts=Contrasts(readout, fit, ground, found, order, variance),
        untested={group[0]: place for place, group in enumerate(found.groups) if place >= len(listed)},
        effects={str(row["arm"]): row for row in effects.to_dicts() if row["metric"] == chosen},
        control=fit.persons(readout.experiment.control),
    )


def _recipe(credit: Credit, setting: Setting, persons: int) -> Recipe:
    contrasts = setting.contrasts
    settings: dict[str, object] = {
        "metric": setting.metric,
        "steps": {arm: list(names) for arm, names in setting.steps.items()},
        "level": contrasts.readout.experiment.level,
        "variance": contrasts.variance if contrasts.fit.figures is None else contrasts.fit.figures.method,
    }
    fitted = [model.name for model in credit.models if isinstance(model, FittedModel)]
    if fitted:
        settings["path_models"] = ", ".join(fitted)
    definitions = ("RECONCILE", "PLACEBO", "RECONCILE_GAP", *(("RECONCILE_INSIDE",) if fitted else ()))
    return Recipe(method="reconcile", definitions=definitions, settings=settings, n={"persons": persons})


def _tested(
    setting: Setting, step: str, groups: tuple[int, ...], effect: Mapping[str, Any]
) -> Iterator[tuple[dict[str, object], Factor]]:
    found, order = setting.contrasts.found, setting.contrasts.order
    arm = str(effect["arm"])
    place, persons = order.index(arm), int(effect["n"])
    difference, low, high = (
        None if effect[end] is None else persons * effect[end] for end in ("difference", "low", "high")
    )
    clear = difference is not None and low is not None and high is not None and (low > 0 or high < 0)
    for number, model in enumerate(found.models):
        attributed = found.credited(number, [place], groups)
        placebo = found.credited(number, [0], groups)
        gap, factor = _compared(setting, number, groups, effect)
        notes = [factor.note, "" if clear else INTERVAL_CONTAINS_0]
        yield (
            {
                "step": step,
                "arm": arm,
                "control": effect["control"],
                "channels": ", ".join(channel for group in groups for channel in found.groups[group]),
                "model": model,
                "persons": persons,
                "touched": found.touched([place], groups),
                "attributed": attributed,
                "persons_holdout": setting.control,
                "placebo": placebo,
                "placebo_scaled": placebo * persons / setting.control,
                "incremental": difference,
                "incremental_low": low,
                "incremental_high": high,
                "ratio": attributed / difference if clear and difference else None,
                "note": "; ".join(note for note in notes if note),
                **gap,
            },
            factor,
        )


def _compared(
    setting: Setting, model: int, groups: tuple[int, ...], effect: Mapping[str, Any]
) -> tuple[dict[str, object], Factor]:
    """The gap and the ratio of a row with what is unknown of them; or the reason why they cannot be joined."""
    contrasts, persons = setting.contrasts, int(effect["n"])
    arm, against = (contrasts.order.index(str(effect[name])) for name in ("arm", "control"))
    joint = contrasts.joint(model, groups, arm, against)
    if isinstance(joint, str):
        return {}, Factor(note=joint)
    gap = joint.gap()
    row: dict[str, object] = {"attributed_compared": persons * joint.credit}
    for name, value in zip(("gap", "gap_low", "gap_high"), gap, strict=True):
        row[name] = persons * value
        row[name.replace("gap", "gap_per_1000")] = 1000.0 * value
    found = joint.factor()
    if found is None:
        return row, Factor(note=NO_CREDIT)
    ratio = inverted(found)
    row |= {"ratio_low": ratio.low, "ratio_high": ratio.high, "ratio_kind": ratio.kind}
    return row, Factor(found=found, error=joint.error / joint.credit)


def _untested(setting: Setting, channel: str, group: int, treated: int) -> Iterator[dict[str, object]]:
    found, control = setting.contrasts.found, setting.control
    arms = list(range(1, len(found.persons)))
    for number, model in enumerate(found.models):
        placebo = found.credited(number, [0], [group])
        yield {
            "step": UNTESTED,
            "channels": channel,
            "model": model,
            "persons": treated,
            "touched": found.touched(arms, [group]),
            "attributed": found.credited(number, arms, [group]),
            "persons_holdout": control,
            "placebo": placebo,
            "placebo_scaled": placebo * treated / control,
            "note": UNTESTED_NOTE,
        }
