"""Calls on what the public functions are made of, in the shapes that a whole table seldom has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from grid_rows import TABLE, persons

import experiments as ex
from adjustment_cases import case
from experiments.inference import closed_rates, exact, heterogeneity, joint_t, proportions, score, skewed_score, tails
from experiments.inference.adjusted_gain import adjustment_findings, adjustment_gain, stratification_gain
from experiments.inference.bayes.betas import BetaPair, beta
from experiments.inference.bayes.normals import normal_pair
from experiments.inference.clusters_checks import cluster_findings, intra_cluster_correlation
from experiments.inference.counts import checked_tables
from experiments.inference.sequential import always_valid, spending, walk
from experiments.inference.sequential.boundaries import spending_z
from experiments.inference.survival import product_limit, window_share

SIDES = ("two", "greater", "less")
TABLES = {
    "plain": ([30], [100], [18], [90]),
    "layers": ([10, 3, 0], [50, 40, 9], [8, 1, 0], [60, 30, 12]),
    "none": ([0], [30], [0], [20]),
    "all": ([30], [30], [19], [20]),
    "apart": ([30], [30], [0], [20]),
    "one all": ([5, 30], [20, 30], [4, 20], [25, 20]),
    "rare": ([3], [9000], [1], [7000]),
}


def tables() -> dict[str, Callable[[], object]]:
    """Statistics and limits of rates."""
    made: dict[str, Callable[[], object]] = {}
    for name, given in TABLES.items():
        made[f"score, {name}"] = partial(_scores, given)
        made[f"limits, {name}"] = partial(_limits, given)
    for hits, n, z in product((0, 1, 7, 20), (20, 400), (1.0, 1.96, 3.3)):
        made[f"wilson, {hits}, {n}, {z}"] = partial(closed_rates.wilson, hits, n, z)
    for share, variance, level in product((0.0, 0.2, 0.97, 1.0), (0.0, 0.003), (0.5, 0.95)):
        if variance > 0.0 and share in (0.0, 1.0):
            continue
        made[f"share, {share}, {variance}, {level}"] = partial(
            proportions.share_interval, share, variance, 60, level=level
        )
    for hits, n in (
        ([2, 0, 1, 3], [2, 2, 1, 5]),
        ([0, 0], [2, 3]),
        ([2, 3], [2, 3]),
        ([1], [3]),
        ([3], [3]),
        ([], []),
        ([0, 1], [0, 2]),
    ):
        counts = (np.array(hits, dtype=float), np.array(n, dtype=float))
        made[f"share of events, {hits}, {n}"] = partial(proportions.bundled_share, *counts, level=0.9)
    made["shares"] = lambda: [
        proportions.share_estimate(hits, n, level=0.9) for hits, n in ((0, 9), (3, 9), (9, 9), (0, 0))
    ]
    small = [(3, 12, 1, 9), (0, 5, 0, 4), (7, 7, 0, 6), (7, 7, 6, 6), (5, 30, 9, 14)]
    for side in SIDES:
        made[f"fisher, {side}"] = lambda side=side: [exact.fisher_p(checked_tables(*one), side=side) for one in small]
        made[f"boschloo, {side}"] = lambda side=side: [
            exact.boschloo_p(checked_tables(*one), side=side) for one in small
        ]
    return made


def _scores(given: tuple[list[int], ...]) -> object:
    found = checked_tables(*given)
    moves, ratios = (-0.9, -0.3, -0.02, 0.0, 0.01, 0.4, 0.95), (0.01, 0.5, 1.0, 1.02, 3.0, 40.0)
    made = [(score.constrained_difference(found, one), score.difference_statistic(found, one)) for one in moves]
    made += [(score.constrained_ratio(found, one), score.ratio_statistic(found, one)) for one in ratios]
    if len(given[0]) == 1:
        made += [skewed_score.skewed_difference_statistic(found, one) for one in moves]
        made += [skewed_score.skewed_ratio_statistic(found, one) for one in ratios]
    return made


def _limits(given: tuple[list[int], ...]) -> object:
    found = checked_tables(*given)
    made = [(score.difference_limit(found, z), score.ratio_limit(found, z)) for z in (-2.5, -1.0, 1.0, 2.5)]
    if len(given[0]) == 1:
        made += [
            (skewed_score.skewed_difference_limit(found, z), skewed_score.skewed_ratio_limit(found, z))
            for z in (-2.5, -1.3, 1.3, 2.5)
        ]
    return made


def tails_and_walks() -> dict[str, Callable[[], object]]:
    """Tails, joint tails, walks and what they spend."""
    made: dict[str, Callable[[], object]] = {}
    for side, df in product(SIDES, (None, 1.0, 7.5, np.inf)):
        made[f"tails, {side}, {df}"] = partial(_tails, side, df)
    shapes = {
        "alike": np.full(3, 0.7),
        "mixed": np.array([0.9, 0.2, -0.4, 0.6]),
        "none": None,
        "one": np.array([0.5]),
        "apart": np.zeros(3),
        "alike to the last": np.full(2, 1.0),
        "many": np.full(9, 0.6),
    }
    for (name, loadings), side, df in product(shapes.items(), ("two", "greater"), (3.0, 40.0, np.inf)):
        made[f"joint, {name}, {side}, {df}"] = partial(_joint, loadings, side, df)
    for name, matrix in {
        "one": [[4.0]],
        "two": [[4.0, -1.0], [-1.0, 1.0]],
        "three": [[2.0, 1.0, 1.0], [1.0, 3.0, 1.0], [1.0, 1.0, 5.0]],
        "signs": [[2.0, -1.0, 1.0], [-1.0, 3.0, -1.0], [1.0, -1.0, 5.0]],
        "no products": [[1.0, 0.9, 0.0], [0.9, 1.0, 0.5], [0.0, 0.5, 1.0]],
        "apart": np.eye(4).tolist(),
        "four": (np.full((4, 4), 1.0) + np.diag([1.0, 2.0, 3.0, 4.0])).tolist(),
    }.items():
        made[f"loadings, {name}"] = partial(joint_t.loadings_of, np.array(matrix))
    for name, (effects, spread, freedom) in {
        "plain": ([1.0, 2.0, 4.0], [0.5, 0.2, 0.9], [9.0, 30.0, 12.0]),
        "two": ([1.0, 3.0], [0.5, 0.5], [8.0, 9.0]),
        "known": ([1.0, 2.0, 4.0], [0.5, 0.2, 0.9], [np.inf] * 3),
        "alike": ([1.0, 1.0], [0.3, 0.1], [5.0, 5.0]),
        "no spread": ([1.0, 2.0], [0.0, 0.1], [5.0, 5.0]),
        "one": ([1.0], [0.3], [5.0]),
        "undefined": ([1.0, np.nan], [0.3, 0.2], [5.0, 4.0]),
    }.items():
        given = (np.array(effects), np.array(spread), np.array(freedom))
        made[f"interaction, {name}"] = partial(heterogeneity.interaction_of_estimates, *given)
    for names in (
        ("plain", "layers"),
        ("plain", "one all", "rare"),
        ("none", "plain"),
        ("none", "all"),
        ("apart", "plain"),
        ("plain",),
    ):
        made[f"interaction of rates, {names}"] = partial(_interaction, names)
    for name, drift in product(("plain", "early", "closed", "narrow"), (0.0, 1.5, -2.0)):
        made[f"crossing, {name}, {drift}"] = partial(_crossing, name, drift)
    for shape in ("obrien_fleming", "pocock", ("power", 2.0), ("hsd", 0.0), ("hsd", -4.0)):
        made[f"spent, {shape}"] = partial(_spent, shape)
    made["walk"] = _walk
    for side, planned in product(SIDES, (50, 10_000)):
        made[f"mixture, {side}, {planned}"] = partial(_mixture, side, planned)
    for name in ("two", "less", "group", "futility", "binding"):
        made[f"bounds, {name}"] = partial(_bounds, name)
    return made


def _tails(side: str, df: float | None) -> object:
    levels = [tails.critical_value(level, side, df) for level in (0.3, 0.8, 0.95, 0.9999)]
    return [
        levels,
        *((tails.one_sided_tail(z, df), tails.p_value(z, side, df)) for z in (-40.0, -1.2, 0.0, 0.4, 3.0, 12.0)),
    ]


def _joint(loadings: np.ndarray | None, side: str, df: float) -> object:
    count = 3 if loadings is None else len(loadings)
    made = [joint_t.joint_p(p, loadings, count, df, side) for p in (0.0, 1e-9, 0.02, 0.4, 0.9, 1.0)]
    made += [joint_t.joint_critical(level, loadings, count, df, side) for level in (0.8, 0.95)]
    return made + (
        [] if loadings is None else [joint_t.joint_tail(z, loadings, df, side) for z in (-1.0, 0.0, 2.2, 9.0)]
    )


def _interaction(names: tuple[str, ...]) -> object:
    return heterogeneity.interaction_of_rates([checked_tables(*TABLES[name]) for name in names])


def _crossing(name: str, drift: float) -> object:
    far = (-np.inf,) * 3
    times, lower, upper = {
        "plain": ((0.3, 0.7, 1.0), far, (2.9, 2.3, 2.0)),
        "early": ((0.01, 0.5, 1.0), (-2.0, -1.9, -1.8), (8.0, 2.2, 1.9)),
        "closed": ((0.5, 1.0), (-0.5, 1.8), (2.5, 1.8)),
        "narrow": ((0.2, 0.21, 1.0), (-0.2, -0.3, -1.0), (0.1, 0.3, 1.0)),
    }[name]
    return walk.cross(times, lower, upper, drift=drift)


def _walk() -> object:
    begun = walk.Walk.begin(0.1, 0.3)
    one = begun.step(0.4, -1.0, 2.0, ahead=0.5)
    two = one.step(0.9, -np.inf, 1.5)
    made = []
    for at, time in ((begun, 0.4), (one, 0.9), (two, 1.0)):
        for bound, drift in product((-1.0, 0.4, 2.0), (0.0, 0.7)):
            made.append(
                [
                    at.above(time, bound, drift),
                    at.below(time, bound, drift),
                    at.mean_above(time, bound, drift),
                    at.slope(time, bound),
                ]
            )
        made.append(at.mean_above(time, -np.inf, 0.5))
    return made


def _spent(shape: object) -> object:
    text = spending.spending_text(shape)
    again = spending.spending_from_text(text)
    return [text, again, *(spending.spent(share, 0.025, again) for share in (0.001, 0.3, 0.99, 1.0, 1.2))]


def _mixture(side: str, planned: float) -> object:
    return [
        always_valid.mixture_z(n, planned_n=planned, level=level, side=side)
        for n in (1, 60, 9000)
        for level in (0.8, 0.95)
    ]


def _bounds(name: str) -> object:
    bounds = {
        "two": lambda: ex.spending_bounds(3),
        "less": lambda: ex.spending_bounds(3, side="less", fractions=[0.2, 0.7, 0.9]),
        "group": lambda: ex.group_bounds(3),
        "futility": lambda: ex.futility_bounds(3),
        "binding": lambda: ex.futility_bounds(3, binding=True),
    }[name]()
    crossings = [bounds.crossing(drift) for drift in (0.0, 2.5, -1.0)]
    lower = bounds.lower if name == "binding" else None
    z = [
        spending_z([0.2, 0.6, 1.0], 0.05, shape, lower=lower, final=final)
        for shape in ("pocock", ("hsd", 2.0))
        for final in (True, False)
    ]
    z.append(spending_z([0.001, 0.002, 0.9], 0.05, ("hsd", -20.0), lower=lower, final=True, strict=False))
    return [
        crossings,
        *(bounds.power(drift) for drift in (0.0, 1.0, 3.0)),
        bounds.drift_for(),
        bounds.drift_for(0.95),
        z,
    ]


def figures() -> dict[str, Callable[[], object]]:
    """Adjusted and clustered figures in odd shapes, curves of persons with several spells, posteriors."""
    made: dict[str, Callable[[], object]] = {}
    single = persons(420, seed=9).assign(before=lambda one: np.where(one.person_id == 7, 1.0, 0.0))
    made["a person singled out"] = lambda: [_case(single).adjusted(), _case(single, strata=("tier",)).adjusted()]
    for name, frame in {
        "plain": persons(420, seed=9),
        "constant": TABLE.assign(before=2.0),
        "rare": persons(420, seed=9).assign(value=lambda one: one.age == 44),
    }.items():
        for covariates, strata, bottom in product(
            (("before",), ("before", "again")), ((), ("tier",)), (None, "visits")
        ):
            given = frame.assign(again=frame.before * 2.0 + 1.0, value=frame.value.astype(float))
            made[f"gain, {name}, {covariates}, {strata}, {bottom}"] = partial(_gain, given, covariates, strata, bottom)
    houses = persons(900, seed=12)
    for size, covariates, strata, target in product(
        (900, 60), ((), ("before",)), ((), ("tier",)), ("sample", "population")
    ):
        made[f"houses, {size}, {covariates}, {strata}, {target}"] = partial(
            _houses, houses[:size], covariates, strata, target
        )
    made["houses of persons of two arms"] = partial(_correlation, TABLE)
    made["houses of one"] = partial(_correlation, TABLE.assign(arm=TABLE.by_house, house=TABLE.person_id))
    made["few houses"] = partial(_correlation, TABLE[:15].assign(arm=TABLE[:15].by_house))
    made["houses alike"] = partial(_correlation, TABLE.assign(arm=TABLE.by_house, value=2.0))
    for clustered, weighted in product((False, True), (False, True)):
        made[f"windows, {clustered}, {weighted}"] = partial(_windows, clustered, weighted)
    for a, b, c, d in (
        (3.0, 20.0, 5.0, 30.0),
        (0.5, 0.5, 1.0, 9.0),
        (300.0, 9000.0, 250.0, 9100.0),
        (1.0, 60.0, 1.0, 80.0),
    ):
        made[f"betas, {a}, {b}, {c}, {d}"] = partial(_betas, a, b, c, d)
    made["normals"] = _normals
    return made


def _case(frame: pd.DataFrame, *, strata: tuple[str, ...] = ()) -> object:
    return case(frame, y="value", covariates=("before",), strata=strata)


def _gain(frame: pd.DataFrame, covariates: tuple[str, ...], strata: tuple[str, ...], bottom: str | None) -> object:
    found = case(frame, y="value", bottom=bottom, covariates=covariates, strata=strata)
    told = {"measured": found.measured}
    return [
        adjustment_gain(found.grid, **told),
        adjustment_gain(found.grid, weights=found.weights, **told),
        adjustment_findings("m", found.grid, **told),
        adjustment_findings("m", found.grid, factor=0.7, **told),
        stratification_gain(found.grid),
        stratification_gain(found.grid, weights=found.weights[::-1]),
    ]


def _houses(frame: pd.DataFrame, covariates: tuple[str, ...], strata: tuple[str, ...], target: str) -> object:
    given = frame.assign(arm=frame.by_house, tier=np.where(frame.house % 4 < 2, "gold", "plain"))
    made = [
        case(given, y=y, bottom=bottom, covariates=covariates, strata=strata, cluster="house")
        for y, bottom in (("value", None), ("value", "visits"))
    ]
    return [one.clustered(target=target) for one in made]


def _correlation(frame: pd.DataFrame) -> object:
    found = case(frame, y="value", cluster="house")
    return [
        intra_cluster_correlation(found.clusters),
        cluster_findings(found.clusters),
        cluster_findings(found.clusters, column="house"),
    ]


def _windows(clustered: bool, weighted: bool) -> object:
    days = np.where(TABLE.days.isna(), TABLE.visits * 6.0, TABLE.days.fillna(0.0))
    curve = product_limit(
        days,
        TABLE.days.notna().to_numpy(),
        TABLE.house.to_numpy() if clustered else None,
        np.where(TABLE.tier == "gold", 2.0, 0.5) if weighted else None,
    )
    shares = [window_share(curve, begin, end) for begin, end in ((0.0, 5.0), (5.0, 20.0), (-1.0, 12.0), (20.0, 200.0))]
    own = [window_share(curve, 3.0, 15.0, (TABLE.person_id // 7).to_numpy())]
    whole = (
        []
        if weighted
        else [curve.value(day, level=0.9) for day in (0.0, 6.0, 30.0, 900.0)]
        + [curve.quantile(q, level=0.9) for q in (0.05, 0.4, 0.99)]
    )
    means = [] if weighted else [curve.restricted_mean(day, level=0.9) for day in (0.5, 10.0, 35.0)]
    return [shares, own, whole, means, curve.time, curve.survival, curve.variance]


def _betas(a: float, b: float, c: float, d: float) -> object:
    one, two = beta(a, b), beta(c, d)
    pair = BetaPair(treatment=one, control=two)
    points = (-0.4, -0.01, 0.0, 0.02, 0.5)
    made = [[pair.below(x), pair.above(x), pair.density(x), pair.shortfall(x), pair.excess(x)] for x in points]
    made += [[pair.quantile(p), pair.lift_quantile(p), one.quantile(p)] for p in (0.001, 0.3, 0.5, 0.99)]
    at = np.array([0.0, 0.01, 0.2, 0.999, 1.0])
    made += [one.below(at), one.above(at), one.shortfall(at), one.excess(at), one.mean, one.variance]
    return [
        *made,
        [pair.ratio_below(x) for x in (0.2, 1.0, 3.0)],
        pair.highest_density(0.5),
        pair.highest_density(0.95),
        pair.mean,
        pair.deviation,
    ]


def _normals() -> object:
    made = []
    for given in ((2.0, 1.0), (2.0, 0.1), (-2.0, -1.0)):
        for prior, covariance in ((None, None), ((0.5, 0.3), None), (None, 0.02), ((0.5, 0.3), -0.05)):
            pair = normal_pair(*given, variance=0.4, base_variance=0.1, prior=prior, covariance=covariance)
            made += [[pair.below(x), pair.above(x), pair.shortfall(x), pair.excess(x)] for x in (-1.0, 0.0, 2.0, 9.0)]
            made += [pair.quantile(0.1), pair.highest_density(0.8), pair.base_positive]
            made += [pair.lift_quantile(p) for p in (0.1, 0.8)] if pair.base_positive else []
    return made


CALLS = tables() | tails_and_walks() | figures()
