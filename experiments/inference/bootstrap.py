"""The bootstrap of a comparison: any statistic of two groups, with an interval and p-value from the same replicates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import check_level, check_side
from attribution.core.randomness import check_repeats, check_seed, generator
from attribution.core.recipe import Recipe, fingerprint
from experiments.inference.bootstrap_draws import Draw, definitions_of, drawn_again, grouped_draws, make_pool
from experiments.inference.bootstrap_groups import (
    UserStatistic,
    checked_groups,
    jackknife,
    quantile_replicates,
    statistic_replicates,
    units_of,
    weighted_quantile,
)
from experiments.inference.bootstrap_intervals import Arms, Kind
from experiments.inference.bootstrap_reading import Drawn, compared, in_unit
from experiments.inference.bootstrap_result import Bootstrap
from experiments.inference.bootstrap_units import Layout, arm_values, column_units, features, gather, person_means
from experiments.inference.quantiles import Spread, arm_quantile, checked_share

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from numpy.typing import ArrayLike

    from attribution.core.estimates import Side
    from experiments.inference.bootstrap_groups import Group
    from experiments.inference.bootstrap_units import Units
    from experiments.inference.figures import Floats

    Statistic = Literal["mean", "ratio", "median"] | tuple[str, float] | Callable[..., float]

__all__ = ["Bootstrap", "Choice", "bootstrap", "checked_choice", "resampled"]

_FARTHEST = 1e6  # standard deviations between two groups; beyond it squares around one centre lose the spread
_BEYOND = 2.0  # persons (or clusters) beyond a quantile; with 1 a 95 % interval misses in 11 % to 30 % of samples


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Choice:
    """What was asked for, checked."""

    statistic: str
    q: float
    function: UserStatistic | None
    interval: Kind
    draw: Draw
    replicates: int
    exact: bool
    seed: int


def bootstrap(  # noqa: PLR0913 - the options of a public function, keyword-only
    values: ArrayLike,
    control_values: ArrayLike,
    *,
    statistic: Statistic = "mean",
    on: Literal["weights", "rows"] = "weights",
    clusters: ArrayLike | None = None,
    control_clusters: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    control_strata: ArrayLike | None = None,
    interval: Kind | None = None,
    draw: Draw = "multinomial",
    replicates: int = 9_999,
    exact: bool = False,
    level: float = 0.95,
    side: Side = "two",
    seed: int = 0,
) -> Bootstrap:
    """Compare a statistic of two groups by drawing their persons (or clusters) again.

    Estimand: the statistic of the treated group minus that of the control group, and their ratio - 1. With strata
    persons are drawn within strata and the strata weigh as their share of all persons; a ratio is then the ratio of
    the weighted sums. With clusters whole clusters are drawn, and a mean stays a mean per person.

    Interval and p-value come from the same replicates: p is the smallest alpha whose interval excludes 0. The lift is
    read from the same replicates and excludes 0 exactly when the difference does.

    Args:
        values: Treated group: one number per person; for a ratio two columns, numerator and denominator; for a
            statistic of your own any number of columns.
        control_values: Control group.
        statistic: "mean", "ratio" (of sums), "median", ("quantile", q), or a function of (values, weights), or with
            ``on="rows"`` of the drawn rows. A function gets the persons in a sorted order.
        on: What a function of your own takes.
        clusters: Cluster of every treated person, where clusters were assigned; None: persons are the units.
        control_clusters: Cluster of every control person.
        strata: Stratum of every treated person, fixed before the assignment; None: no strata.
        control_strata: Stratum of every control person.
        interval: "studentised" (means and ratios; their default), "bca", "basic" or "percentile" (the default of
            everything else; quantiles: this or "basic").
        draw: "multinomial", or "poisson" (every unit's number of draws is independent): only for statistics that are
            divided by the number of persons, as means and ratios are.
        replicates: Number of replicates.
        exact: Means and ratios: whether every distinct unit is drawn on its own, however many there are. Otherwise
            more than 1,024 distinct units are drawn in about 250 groups of neighbours, with what they differ by inside
            a group as a normal sum of the same covariance; GROUPED_DRAWS tells the share of variance concerned.
        level: Confidence level.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).
        seed: Seed of the draws.

    Returns:
        The comparison with its replicates. Notes: TOO_FEW_PERSONS (fewer than two units of a group in a stratum, or
        beyond a quantile on a side), UNBOUNDED (no replicate lies far enough out to be that end),
        ZERO_VARIANCE (nothing varies), ATOM (a quantile in a mass point), DENOMINATOR_NOT_POSITIVE (of a ratio, in the
        data or in some replicate), BASE_NOT_POSITIVE (the control's statistic is not above 0 in every replicate: no
        lift), UNDEFINED (a function of your own gave no finite number).

    Raises:
        InputError: Values, options or their combination are not allowed, or the replicates are too few for the level.

    References:
        Efron (1987), Journal of the American Statistical Association 82:171 (BCa). Hall (1988), Annals of Statistics
        16:927 (studentised). Davison and Hinkley (1997), Bootstrap Methods and their Application, chapters 2, 5.

    Verified against R's boot::boot.ci on the same replicates, exact enumeration of all resamples of small samples,
    closed forms, and simulation; see docs/methods/bootstrap.md.

    Example:
        >>> found = bootstrap([4, 0, 9, 0, 7, 5, 3, 8], [0, 2, 0, 4, 1, 0, 3, 0], seed=1)
        >>> found.comparison.difference.value, found.comparison.difference.method
        (3.25, 'bootstrap studentised')
        >>> best = bootstrap([4, 0, 9, 7], [0, 2, 1, 4], statistic=max, on="rows", replicates=999)
        >>> best.comparison.difference.value, best.interval
        (5.0, 'percentile')
    """
    level, side = check_level(level), check_side(side)
    choice = checked_choice(
        statistic, on, interval, draw=draw, replicates=replicates, exact=exact, seed=check_seed(seed)
    )
    columns = {"mean": 1, "quantile": 1, "ratio": 2}.get(choice.statistic)
    treated, control, weights = checked_groups(
        (values, control_values), (strata, control_strata), (clusters, control_clusters), columns=columns
    )
    return resampled((treated, control), weights, choice, level=level, side=side)


def resampled(groups: tuple[Group, Group], weights: Floats, choice: Choice, *, level: float, side: Side) -> Bootstrap:
    """The bootstrap of two checked groups."""
    treated, control = groups
    if choice.statistic in ("mean", "ratio"):
        drawn = _drawn_sums(groups, weights, choice)
    elif choice.statistic == "quantile":
        drawn = _drawn_quantiles(groups, weights, choice)
    else:
        drawn = _drawn_statistics(groups, weights, choice)
    found, error = compared(drawn, choice.interval, level=level, side=side, n=treated.persons + control.persons)
    settings: dict[str, object] = {
        "statistic": choice.statistic if choice.statistic != "quantile" else f"quantile {choice.q:g}",
        "interval": choice.interval, "draw": choice.draw, "replicates": choice.replicates, "seed": choice.seed,
        "level": level, "side": side, "units": "persons" if treated.cluster is None else "clusters",
        "strata": len(weights),
    }  # fmt: skip
    return Bootstrap(
        comparison=in_unit(found, drawn.unit),
        replicates=_read_only((drawn.arms.tops - drawn.arms.bases) * drawn.unit),
        n=treated.persons,
        n_control=control.persons,
        interval=choice.interval,
        grouped=drawn.share,
        monte_carlo_error=error,
        findings=grouped_draws(drawn.share),
        recipe=Recipe(
            method="bootstrap",
            definitions=definitions_of(clustered=treated.cluster is not None),
            settings=settings,
            n={"persons": treated.persons + control.persons},
            fingerprint=_fingerprint(groups),
        ),
    )


def _read_only(array: Floats) -> Floats:
    array.flags.writeable = False
    return array


def _fingerprint(groups: tuple[Group, Group]) -> str:
    columns = {f"value {i}": np.concatenate([g.values[:, i] for g in groups]) for i in range(groups[0].values.shape[1])}
    columns["count"] = np.concatenate([g.count for g in groups])
    arm = np.repeat([1, 0], [len(group.values) for group in groups])
    return fingerprint({**columns, "arm": arm, "stratum": np.concatenate([g.stratum for g in groups])})


def checked_choice(statistic: Any, on: str, interval: Kind | None, **rest: Any) -> Choice:
    """What was asked for, checked.

    Raises:
        InputError: An option is not allowed, or not with this statistic.
    """
    if on not in ("weights", "rows"):
        raise InputError(f'on must be "weights" or "rows", got {on!r}.')
    draw, replicates = rest["draw"], rest["replicates"]
    if draw not in get_args(Draw):
        raise InputError(f'draw must be "multinomial" or "poisson", got {draw!r}.')
    check_repeats("replicates", replicates)
    name, q = _named(statistic)
    summed = name in ("mean", "ratio")
    chosen: Kind = interval or ("studentised" if summed else "percentile")
    allowed = get_args(Kind) if summed else ("percentile", "basic", *(("bca",) if name == "function" else ()))
    if chosen not in allowed:
        raise InputError(f"interval must be one of {', '.join(map(repr, allowed))} for this statistic, got {chosen!r}.")
    return Choice(
        statistic=name,
        q=q,
        function=UserStatistic(function=statistic, rows=on == "rows") if name == "function" else None,
        interval=chosen,
        **rest,
    )


def _named(statistic: Any) -> tuple[str, float]:
    """Name of the statistic, and the share of a quantile."""
    if isinstance(statistic, str) and statistic in ("mean", "ratio"):
        return statistic, math.nan
    if isinstance(statistic, str) and statistic == "median":
        return "quantile", 0.5
    if isinstance(statistic, tuple) and len(statistic) == 2 and statistic[0] == "quantile":
        return "quantile", checked_share(statistic[1])
    if callable(statistic):
        return "function", math.nan
    raise InputError(
        f'statistic must be "mean", "ratio", "median", ("quantile", q) or a function of values and weights, got '
        f"{statistic!r}."
    )


def _streams(choice: Choice, arm: int, stratum: int = 0) -> np.random.Generator:
    return generator(choice.seed, f"bootstrap/{('treated', 'control')[arm]}/{stratum}")


def _drawn_sums(groups: tuple[Group, Group], weights: Floats, choice: Choice) -> Drawn:
    """Means and ratios, out of sums."""
    clustered = groups[0].cluster is not None
    units = column_units([group.values for group in groups])
    groups = (replace(groups[0], values=groups[0].values / units), replace(groups[1], values=groups[1].values / units))
    centre = person_means([group.values for group in groups], [group.count for group in groups])
    squares = choice.interval in ("studentised", "bca")
    if len(centre) == 1 and squares:
        _refuse_far_apart(groups)
    layout = Layout(measured=len(centre), persons=clustered or choice.draw == "poisson", squares=squares)
    parts = [_sum_arm(group, layout, choice, weights=weights, centre=centre, arm=i) for i, group in enumerate(groups)]
    (one1, many1), (one0, many0) = ((part.observed, part.drawn) for part in parts)
    lowest = min(float(np.min(part[2])) for part in (one1, one0, many1, many0))
    arms = Arms(
        top=float(one1[0][0]), base=float(one0[0][0]), tops=many1[0], bases=many0[0],
        offset=float(centre[0]) if len(centre) == 1 else 0.0,
        variances=(float(one1[1][0]), float(one0[1][0]), many1[1], many0[1]) if squares else None,
    )  # fmt: skip
    few = min(part.fewest for part in parts) < 2
    note = "DENOMINATOR_NOT_POSITIVE" if not lowest > 0.0 else "TOO_FEW_PERSONS" if few else ""
    influences = (parts[0].influence, parts[1].influence)
    unit = float(units[0]) if len(units) == 1 else float(units[0] / units[1])
    return Drawn(arms=arms, influences=influences, share=max(part.share for part in parts), note=note, unit=unit)


def _refuse_far_apart(groups: tuple[Group, Group]) -> None:
    """Raise for groups so far apart that the squares around their common centre hold nothing of their spread."""
    middle = [float(np.mean(group.values)) for group in groups]
    spread = max(float(np.std(group.values - mean)) for group, mean in zip(groups, middle, strict=True))
    if 0.0 < spread * _FARTHEST < abs(middle[0] - middle[1]):
        raise InputError(
            f"the groups lie {abs(middle[0] - middle[1]) / spread:.3g} standard deviations apart, more than floating "
            "point can draw again around one centre. Check their units, or subtract a constant from each group."
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _SumArm:
    """A mean or a ratio of one arm: `arm_values` as observed and drawn again, and what else is needed of the units."""

    observed: tuple[Floats, Floats, Floats]
    drawn: tuple[Floats, Floats, Floats]
    influence: tuple[float, float]
    share: float
    fewest: int


def _sum_arm(group: Group, layout: Layout, choice: Choice, *, weights: Floats, centre: Floats, arm: int) -> _SumArm:
    observed, sums, parts, share = [], [], [], 0.0
    for k in range(len(weights)):
        chosen = np.flatnonzero(group.stratum == k)
        cluster = None if group.cluster is None else group.cluster[chosen]
        units = gather(group.values[chosen], group.count[chosen], cluster, centre=centre)
        table = features(units, layout)
        pool = make_pool(units, table, exact=choice.exact)
        observed.append(units.count @ table)
        sums.append(drawn_again(pool, choice.replicates, _streams(choice, arm, k), draw=choice.draw))
        parts.append(units)
        share = max(share, pool.share)
    size = np.array([units.size for units in parts], dtype=np.int64)
    one = arm_values(np.array(observed)[None], layout, size=size, weights=weights, centre=centre)
    return _SumArm(
        observed=one,
        drawn=arm_values(np.stack(sums, axis=1), layout, size=size, weights=weights, centre=centre),
        influence=_influences(parts, float(one[0][0]), weights, centre) if choice.interval == "bca" else (0.0, 0.0),
        share=share,
        fewest=int(size.min()),
    )


def _influences(parts: list[Units], value: float, weights: Floats, centre: Floats) -> tuple[float, float]:
    """Sums of squared and cubed influences of the units on a mean or a ratio."""
    form = np.ones(1) if len(centre) == 1 else np.array([1.0, -value])
    persons = [float(units.count @ units.persons) for units in parts]
    middle = [(units.count @ units.totals) / held for units, held in zip(parts, persons, strict=True)]
    bottom = 1.0 if len(centre) == 1 else float(centre[1] + weights @ np.array([mean[1] for mean in middle]))
    second = third = 0.0
    for units, held, mean, weight in zip(parts, persons, middle, weights, strict=True):
        pull = weight * (units.totals @ form - units.persons * float(mean @ form)) / held / bottom
        second += float(units.count @ pull**2)
        third += float(units.count @ pull**3)
    return second, third


def _drawn_quantiles(groups: tuple[Group, Group], weights: Floats, choice: Choice) -> Drawn:
    plain = len(weights) == 1 and groups[0].cluster is None and choice.draw == "multinomial"
    figures = [
        arm_quantile(
            Spread(
                value=group.values[order, 0], count=group.count[order].astype(np.float64),
                stratum=group.stratum[order], weights=weights,
                cluster=None if group.cluster is None else units_of(group)[0][order],
            ),
            choice.q,
        )
        for group, order in ((group, np.argsort(group.values[:, 0], kind="stable")) for group in groups)
    ]  # fmt: skip
    if any(math.isnan(figure.value) for figure in figures):
        blank = np.full(choice.replicates, np.nan)
        arms = Arms(top=figures[0].value, base=figures[1].value, tops=blank, bases=blank.copy())
        return Drawn(arms=arms, note="UNDEFINED; ATOM")
    # The end of the data stands for everybody beyond it: with fewer persons there a quantile's interval is too short.
    units = min(len(units_of(group)[1]) for group in groups)
    few = units * min(choice.q, 1.0 - choice.q) < _BEYOND - 1e-9
    if not plain:
        found = _drawn_statistics(
            groups, weights, replace(choice, function=UserStatistic(function=weighted_quantile(choice.q), rows=False))
        )
        return replace(found, influences=None, note="TOO_FEW_PERSONS" if few and not found.note else found.note)
    tops, bases = (
        quantile_replicates(group, choice.q, replicates=choice.replicates, chance=_streams(choice, arm))
        for arm, group in enumerate(groups)
    )
    arms = Arms(top=figures[0].value, base=figures[1].value, tops=tops, bases=bases)
    return Drawn(arms=arms, note="TOO_FEW_PERSONS" if few else "")


def _drawn_statistics(groups: tuple[Group, Group], weights: Floats, choice: Choice) -> Drawn:
    """A function of the user."""
    function = choice.function
    if function is None:  # pragma: no cover - for its type: both callers have one
        raise InputError("there is no function to draw again.")
    found = [
        statistic_replicates(
            group, function, weights, replicates=choice.replicates, chance=_streams(choice, arm), draw=choice.draw
        )
        for arm, group in enumerate(groups)
    ]
    influences = None
    if choice.interval == "bca":
        first, second = (jackknife(group, function, weights) for group in groups)
        influences = (first, second)
    (top, tops), (base, bases) = found
    arms = Arms(top=top, base=base, tops=tops, bases=bases)
    finite = math.isfinite(top + base) and bool(np.all(np.isfinite(tops)) and np.all(np.isfinite(bases)))
    few = min(group.persons for group in groups) < 2
    return Drawn(arms=arms, influences=influences, note="UNDEFINED" if not finite else "TOO_FEW_PERSONS" if few else "")
