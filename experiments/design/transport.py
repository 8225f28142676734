"""The effect in another audience: effects inside strata, weighted as the strata are in that audience."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError, WakeLiftError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from experiments.design.common_grid import check_control, listed
from experiments.design.late_columns import refuse_post
from experiments.inference.figures import compare_figures
from experiments.inference.means import mean_figures
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.sum_ratios import ratio_figures
from experiments.metrics import Mean, Rate, Ratio, inputs_of
from experiments.moments import metric_moments, value_counts
from experiments.moments.grid import arrange
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.estimates import Comparison
    from attribution.core.render.display import Display
    from experiments.metrics import Metric
    from experiments.moments.grid import Grid

__all__ = ["Transport", "Unseen", "transport"]

messages.register("experiments")

Unseen = Literal["refuse", "bound"]
Measured = Rate | Mean | Ratio
_HEAVY = 5.0  # a stratum that weighs so many times its share of the experiment decides the result (judgement)
_FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("audience", "count"),
    Field("seen_share", "rate"), Field("value"), Field("value_control"), Field("difference"), Field("low"),
    Field("high"), Field("relative", "rate"), Field("relative_low", "rate"), Field("relative_high", "rate"),
    Field("p_value", "p"), Field("here"), Field("here_low"), Field("here_high"), Field("whole_low"),
    Field("whole_high"), Field("method", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Transport(TabularResult):
    """The effect in another audience.

    Attributes:
        records: One row per arm: the effect over the part of the audience whose strata the experiment holds
            (difference, low, high, relative lift), ``here``: the effect over the experiment's own persons, and
            ``whole_low``, ``whole_high``: bounds over the whole audience, with the declared limits for strata unseen.
        strata: One row per stratum: its share of the audience and of the experiment, and how often it counts.
        findings: TRANSPORT, TRANSPORT_UNSEEN, TRANSPORT_HEAVY.
        recipe: How it was made.
    """

    records: Records
    strata: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("TRANSPORT.title", {"n": self.recipe.n["audience"]})
        names = ["metric", "arm", "control", "value", "value_control", "difference", "low", "high", "relative", "here"]
        notes = [finding.text() for finding in self.findings]
        tables = (records_table(self.records, names, decisive="difference"), records_table(self.strata))
        return Display(title, (*tables, *self.recipe.sentences(), *notes))


def transport(  # noqa: PLR0913 - the options of an experiment, keyword-only
    outcomes: object,
    audience: object,
    *,
    metric: Metric,
    strata: str | Sequence[str],
    arm: str = "arm",
    control: str = "holdout",
    unseen: Unseen = "refuse",
    effect_limits: tuple[float, float] | None = None,
    level: float = 0.95,
    post: Sequence[str] = (),
) -> Transport:
    """Carry the effect of an experiment over to another audience, by strata that both hold.

    The effect inside every stratum is weighted by the stratum's share of the audience instead of its share of the
    experiment. That is the effect in the audience if the strata hold everything that makes effects differ between the
    two, and if the campaign is the same there; no data of this experiment can show that they do. The audience is taken
    as it is (no sampling error of its shares), the variance is Neyman's; rates by the stratified score with the
    audience's weights.

    Args:
        outcomes: One row per person of the experiment.
        audience: One row per person of the audience with the columns of the strata; or a dict of stratum (a value, or
            a tuple of values for several columns) to its number of persons.
        metric: `Rate`, `Mean` or `Ratio`, without covariate.
        strata: Column(s) that both tables hold, known before the assignment.
        arm: Column of the arm.
        control: The control arm.
        unseen: Strata of the audience that the experiment cannot speak of (absent, or without persons in an arm):
            "refuse" them with an error that lists them, or "bound" their effect by `effect_limits`.
        effect_limits: The least and the largest effect thinkable in unseen strata; a Rate has -1 and 1 by itself.
        level: Confidence level.
        post: Further columns that are known only after the assignment and are refused.

    Returns:
        The effects; strata of the experiment that the audience lacks have weight 0.

    Raises:
        TableError: With every problem of both tables, a `person_id` that repeats among them; without that column each
            row is taken for a person.
        DesignError: UNSEEN_STRATUM, POST_ASSIGNMENT, NO_HOLDOUT.
        InputError: A metric with a covariate or of another kind, an empty audience, missing or reversed limits.

    References:
        Cole and Stuart (2010), American Journal of Epidemiology 172:107. Stuart et al. (2011), Journal of the Royal
        Statistical Society A 174:369. Miratrix, Sekhon, Yu (2013), Journal of the Royal Statistical Society B 75:369.

    Verified against: post-stratified estimates of R's survey package and formulas by hand; the experiment's own shares
    give the experiment's own result; see docs/methods/transport.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=20_000, seed=7)
        >>> sleepers = {"90-180": 1_000, "181-365": 3_000, "366+": 6_000}
        >>> found = ex.transport(c.outcomes, sleepers, metric=ex.Rate("woken"), strata="stratum")
        >>> {row["arm"]: (round(row["difference"], 4), round(row["here"], 4)) for row in found.to_dicts()}["full"]
        (0.0131, 0.0179)
    """
    check_level(level)
    layers = listed("strata", strata)
    measured = _check_options(metric, layers, unseen, effect_limits)
    refuse_post(layers, post, use="a stratum of an audience")
    table = open_table(outcomes, "outcomes", Columns(arm=arm), problems=Problems())
    note_repeated_persons(table)
    inputs = inputs_of(measured)
    moments = metric_moments(table, {"metric": inputs}, keys=(*layers, arm))["metric"]
    wanted = _audience(audience, layers, table.problems)
    if moments is not None:
        _check_values(table.problems, measured, int((moments.persons - moments.n).sum()), moments.strange)
    table.problems.raise_if_any()
    if moments is None or wanted is None:
        raise WakeLiftError("a table was unusable and nothing was noted; this is an error of ours, please report.")
    grid = arrange(moments)
    check_control(grid.arms, control)
    usable = np.all(grid.n >= (1 if isinstance(measured, Rate) else 2), axis=1)
    held = {stratum for stratum, kept in zip(grid.strata, usable, strict=True) if kept}
    lost = sorted((stratum for stratum in wanted if stratum not in held), key=str)
    total = math.fsum(wanted.values())
    seen = math.fsum(n for stratum, n in wanted.items() if stratum in held) / total
    if lost and (unseen == "refuse" or seen <= 0.0):
        raise DesignError("UNSEEN_STRATUM", _refusal(lost, wanted, total, seen) + _other_type(lost, held))
    name = " / ".join(inputs.columns)
    rows = [
        {"metric": name, "arm": str(own), "control": control, "audience": int(total)}
        | _row(there, here, seen, effect_limits or (-1.0, 1.0))
        for own, there, here in _effects(measured, grid.keep(usable), wanted, control, level)
    ]
    shares = _stratum_records(grid, wanted, usable)
    settings = {
        "metric": f"{type(metric).__name__} {name}", "strata": ", ".join(layers), "control": control, "level": level,
        "unseen": unseen, "effect_limits": effect_limits,
    }  # fmt: skip
    return Transport(
        records=Records.from_rows(_FIELDS, rows),
        strata=shares,
        findings=_findings(lost, wanted, total, seen, shares),
        recipe=Recipe(
            method="transport",
            definitions=("TRANSPORT",),
            settings=settings,
            n={"persons": int(grid.persons.sum()), "audience": int(total)},
            fingerprint=fingerprint({"mean": moments.mean, "n": moments.n}),
        ),
    )


def _effects(
    metric: Measured, grid: Grid, wanted: Mapping[tuple[object, ...], float], control: str, level: float
) -> list[tuple[object, Comparison, Comparison]]:
    """Every arm against the control, with the audience's weights and with the experiment's own."""
    persons = grid.persons.sum(axis=1)
    part = grid.keep(np.array([wanted.get(stratum, 0.0) > 0.0 for stratum in grid.strata]))
    weights = np.array([wanted[stratum] for stratum in part.strata])
    j, made = grid.arms.index(control), []
    for i, own in enumerate(grid.arms):
        if i != j:
            there = _compare(metric, part, (i, j), weights / weights.sum(), level)
            made.append((own, there, _compare(metric, grid, (i, j), persons / persons.sum(), level)))
    return made


def _check_options(
    metric: object, layers: Sequence[str], unseen: str, effect_limits: tuple[float, float] | None
) -> Measured:
    """The metric, when it and the options can be used."""
    if not isinstance(metric, (Rate, Mean, Ratio)):
        raise InputError(f"metric must be a Rate, a Mean or a Ratio, got {metric!r}.")
    if inputs_of(metric).covariates:
        raise InputError(
            "metric must have no covariate here: the audience's covariates are not those of the experiment. Make "
            "strata of the covariate instead."
        )
    if not layers:
        raise InputError("strata must name at least one column that both the experiment and the audience hold.")
    if unseen not in ("refuse", "bound"):
        raise InputError(f'unseen must be "refuse" or "bound", got {unseen!r}.')
    if effect_limits is not None and not _ordered(effect_limits):
        raise InputError(
            "effect_limits must be the least and the largest effect thinkable, two finite numbers in this order, for "
            f"example (-0.02, 0.05), got {effect_limits!r}."
        )
    if unseen == "bound" and effect_limits is None and not isinstance(metric, Rate):
        raise InputError(
            'unseen="bound" needs effect_limits=(least, largest): the effect on a mean or a ratio has no limits of its '
            "own."
        )
    return metric


def _ordered(limits: object) -> bool:
    """Whether the limits are two finite numbers, the smaller one first."""
    if not isinstance(limits, Sequence) or len(limits) != 2:
        return False
    numbers = [float(end) for end in limits if isinstance(end, (int, float, np.number)) and not isinstance(end, bool)]
    return len(numbers) == 2 and all(map(math.isfinite, numbers)) and numbers[0] < numbers[1]


def _audience(audience: object, layers: Sequence[str], problems: Problems) -> dict[tuple[object, ...], float] | None:
    """Persons of the audience by stratum."""
    if isinstance(audience, Mapping):
        made = {key if isinstance(key, tuple) else (key,): number for key, number in audience.items()}
        wrong = [
            key for key, number in made.items()
            if len(key) != len(layers) or isinstance(number, bool) or not isinstance(number, (int, float, np.number))
            or not math.isfinite(float(number)) or float(number) < 0.0
        ]  # fmt: skip
        if wrong or not any(float(number) > 0.0 for number in made.values()):
            raise InputError(
                f"audience must give every stratum ({', '.join(layers)}) a number of persons, 0 or more, some above 0; "
                f"got {dict(audience)!r}."
            )
        if math.fsum(map(float, made.values())) <= 1.0 and any(float(number) % 1.0 for number in made.values()):
            raise InputError(
                f"audience must give numbers of persons, not shares; got {dict(audience)!r}. Multiply the shares by "
                "the size of the audience."
            )
        return {key: float(number) for key, number in made.items() if float(number) > 0.0}
    table = open_table(audience, "audience", Columns(), problems=problems)
    note_repeated_persons(table)
    counted = value_counts(table, keys=layers, columns=())
    if counted is None:
        return None
    if not len(counted.count):
        raise InputError("audience has no rows. Pass one row per person of the audience.")
    persons = np.bincount(counted.cell, weights=counted.count, minlength=len(counted.cells))
    return dict(zip(counted.cells, persons.tolist(), strict=True))


def _check_values(problems: Problems, metric: Measured, lost: int, strange: int) -> None:
    columns = inputs_of(metric).columns
    if lost and metric.missing is None:
        problems.add(
            "NULL_OUTCOME", "outcomes", ", ".join(columns), lost,
            message='the metric has no value for some persons; declare missing="zero" where no record means no event',
        )  # fmt: skip
    if isinstance(metric, Rate) and strange:
        problems.add(
            "NOT_BINARY", "outcomes", ", ".join(columns), strange,
            message="the metric is a Rate, and its column holds other values than 0 and 1; use Mean",
        )  # fmt: skip


def _refusal(
    lost: Sequence[tuple[object, ...]], wanted: Mapping[tuple[object, ...], float], total: float, seen: float
) -> str:
    shown = "; ".join(f"{', '.join(map(str, stratum))} ({wanted[stratum] / total:.1%})" for stratum in lost[:5])
    more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    return (
        f"the experiment cannot speak of {len(lost)} strata of the audience, {1.0 - seen:.1%} of its persons: {shown}"
        f'{more}. Use coarser strata, leave these persons out, or pass unseen="bound" with effect_limits.'
    )


def _other_type(lost: Sequence[tuple[object, ...]], held: set[tuple[object, ...]]) -> str:
    """A hint when the strata are the same but for the type of their values."""
    text = {tuple(map(str, stratum)) for stratum in held}
    found = [stratum for stratum in lost if tuple(map(str, stratum)) in text]
    if not found:
        return ""
    return (
        f" The experiment holds {', '.join(map(str, found[0]))} as another type (a number there and text here, or the "
        "other way round): cast one of them."
    )


def _compare(
    metric: Measured, grid: Grid, pair: tuple[int, int], weights: NDArray[np.float64], level: float
) -> Comparison:
    i, j = pair
    if isinstance(metric, Rate):
        hits = np.rint(grid.means[:, :, 0] * grid.n)
        return compare_stratified_rates(
            hits[:, i], grid.n[:, i], hits[:, j], grid.n[:, j], weights=weights, level=level
        )
    if isinstance(metric, Ratio):
        return compare_figures(ratio_figures(grid.means, grid.covariance, grid.n, weights=weights), i, j, level=level)
    figures = mean_figures(
        grid.means[:, :, 0], grid.covariance[:, :, 0, 0], grid.n, weights=weights,
        equal_variances=metric.equal_variances,
    )  # fmt: skip
    return compare_figures(figures, i, j, level=level)


def _row(there: Comparison, here: Comparison, seen: float, limits: tuple[float, float]) -> dict[str, object]:
    difference, relative = there.difference, there.relative
    low, high = difference.low, difference.high
    notes = [part for note in (difference.note, relative.note) for part in note.split("; ") if part]
    return {
        "seen_share": seen, "value": there.treatment, "value_control": there.control,
        "difference": difference.value, "low": low, "high": high, "relative": relative.value,
        "relative_low": relative.low, "relative_high": relative.high, "p_value": difference.p_value,
        "here": here.difference.value, "here_low": here.difference.low, "here_high": here.difference.high,
        "whole_low": None if low is None else seen * low + (1.0 - seen) * limits[0],
        "whole_high": None if high is None else seen * high + (1.0 - seen) * limits[1],
        "method": difference.method, "note": "; ".join(dict.fromkeys(notes)),
    }  # fmt: skip


def _stratum_records(grid: Grid, wanted: Mapping[tuple[object, ...], float], usable: NDArray[np.bool_]) -> Records:
    persons = grid.persons.sum(axis=1)
    own = {stratum: int(n) for stratum, n in zip(grid.strata, persons, strict=True)}
    held = {stratum for stratum, kept in zip(grid.strata, usable, strict=True) if kept}
    total, everyone = math.fsum(wanted.values()), sum(own.values())
    fields = (
        Field("stratum", "text"), Field("audience", "count"), Field("share_audience", "rate"),
        Field("persons", "count"), Field("share_here", "rate"), Field("weight", "ratio"), Field("note", "text"),
    )  # fmt: skip
    rows = []
    for stratum in sorted({*own, *wanted}, key=str):
        there, here = wanted.get(stratum, 0.0) / total, own.get(stratum, 0) / everyone
        rows.append({
            "stratum": ", ".join(map(str, stratum)), "audience": int(wanted.get(stratum, 0)), "share_audience": there,
            "persons": own.get(stratum, 0), "share_here": here,
            "weight": there / here if stratum in held else None,
            "note": "" if stratum in held or stratum not in wanted else "UNSEEN_STRATUM",
        })  # fmt: skip
    return Records.from_rows(fields, rows)


def _findings(
    lost: Sequence[tuple[object, ...]],
    wanted: Mapping[tuple[object, ...], float],
    total: float,
    seen: float,
    shares: Records,
) -> tuple[Finding, ...]:
    found = [Finding(code="TRANSPORT", status="note", values={"audience": int(total), "strata": len(wanted)})]
    if lost:
        names = "; ".join(", ".join(map(str, stratum)) for stratum in lost[:5])
        values = {"strata": len(lost), "share": 1.0 - seen, "names": names}
        found.append(Finding(code="TRANSPORT_UNSEEN", status="warn", values=values))
    weights = [
        (float(weight), name)
        for weight, name in zip(shares.column("weight"), shares.column("stratum"), strict=True)
        if weight is not None
    ]
    heaviest, name = max(weights, default=(0.0, ""))
    if heaviest > _HEAVY:
        values = {"weight": heaviest, "stratum": name}
        found.append(Finding(code="TRANSPORT_HEAVY", status="warn", values=values))
    return tuple(found)
