"""Covariate adjustment and clusters: strong, weak and skewed covariates, missing history, waves, few clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.design.cross_fitting import out_of_fold
from experiments.inference.adjusted import adjusted_figures, adjusted_figures_from_moments
from experiments.inference.clusters import clustered_figures
from experiments.inference.figures import compare_figures
from experiments.moments import MetricRows, Moments, moments_of
from experiments.moments.grid import arrange, collapse
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

    from attribution.core.estimates import Comparison

OTHER_TARGET = (
    "read for the target it was not made for: the interval of these persons leaves out that others have other "
    'covariates, and the effect grows with the covariate; target="population" adds it'
)
SKEWED = (
    "the residuals stay as skewed as money is, and a tenth of the persons is few: one tail of the difference misses "
    "too often, as Welch's does"
)
LEAK = (
    "the model knows each person's own outcome, so its prediction carries that person's noise and some of the effect: "
    "the effect is pulled towards 0 and the interval is too narrow. cross_fit predicts nobody from himself"
)
FOUR = (
    "with four clusters of unequal size the degrees of freedom rest on a working model without correlation, and the "
    "size of the test is some 7 % instead of 5 %; the note TOO_FEW_CLUSTERS says so"
)
RARE = (
    "an adjusted rate is read like a mean: with some ten events in the holdout its error is small whenever they are "
    "few, so the effect is overstated too often; without a covariate the score interval keeps its level"
)


def held_out(stream: Generator, n: int, held: int) -> np.ndarray:
    """1 for the treated, 0 for a random ``held`` persons."""
    treated = np.ones(n, dtype=np.int64)
    treated[stream.permutation(n)[:held]] = 0
    return treated


def rows_of(keys: np.ndarray, values: np.ndarray, names: tuple[str, ...], measured: int = 1) -> MetricRows:
    """Rows by (stratum, arm), given as stratum * 2 + arm; without strata 0 or 1."""
    order = np.argsort(keys, kind="stable")
    found, cell = np.unique(keys[order], return_inverse=True)
    n = np.bincount(cell)
    cells = tuple((int(key) // 2, int(key) % 2) if len(names) == 2 else (int(key),) for key in found)
    return MetricRows(
        names=names, cells=cells, labels=tuple(f"v{i}" for i in range(values.shape[1])), cell=cell,
        values=values[order], count=np.ones(len(keys), dtype=np.int64), persons=n, observed=n, strange=0,
        measured=measured,
    )  # fmt: skip


def compared(keys, values, *, measured=1, strata=False, target="sample", moments=False) -> Comparison:
    """Treated against control by the rows or by the moments."""
    rows = rows_of(keys, values, ("stratum", "arm") if strata else ("arm",), measured)
    grid = arrange(moments_of(rows))
    persons = grid.persons.sum(axis=1)
    weights = persons / persons.sum()
    if moments:
        figures = adjusted_figures_from_moments(grid, weights=weights, target=target, measured=measured)
    else:
        figures = adjusted_figures(rows, grid, weights=weights, target=target)
    return compare_figures(figures, 1, 0, level=0.95)


def tally(found: list[tuple[Comparison, float]], *, power: bool = False) -> Tally:
    """Where the truth lies; for power, how often the difference is found to be above 0."""
    ends = [(made.difference.low, made.difference.high, 0.0 if power else truth) for made, truth in found]
    return Tally(len(ends), sum(low > truth for low, _, truth in ends), sum(high < truth for _, high, truth in ends))


def adjusted(draw, *, power: bool = False, **options):
    """Replications of one draw of (keys, values, truth)."""

    def run(replications: int, stream: Generator) -> Tally:
        found = []
        for _ in range(replications):
            keys, values, truth = draw(stream)
            found.append((compared(keys, values, **options), truth))
        return tally(found, power=power)

    return run


def linear(
    n: int, held: int, *, explained: float, effect: float = 0.3, heterogeneous: float = 0.0, skewed: bool = False
):
    """A covariate that explains a share of the variance; the effect may grow with it. Truth: these persons' effect."""

    def draw(stream: Generator):
        raw = stream.exponential(size=n) - 1.0 if skewed else stream.normal(size=n)
        treated = held_out(stream, n, held)
        noise = stream.normal(size=n)
        each = effect + heterogeneous * raw
        y = np.sqrt(explained) * raw + np.sqrt(1.0 - explained) * noise + treated * each
        return treated, np.column_stack([y, raw]), float(each.mean())

    return draw


def for_everybody(draw, truth: float):
    """The same draw, judged by the effect where the persons came from."""

    def changed(stream: Generator):
        keys, values, _ = draw(stream)
        return keys, values, truth

    return changed


def money(n: int, held: int):
    """Nine of ten buy nothing; the amount of the others follows their past, itself lognormal."""

    def draw(stream: Generator):
        past = stream.lognormal(3.0, 1.0, n)
        bought = stream.random(n) < 0.1
        y = np.where(bought, 0.5 * past + stream.lognormal(3.0, 1.0, n), 0.0)
        treated = held_out(stream, n, held)
        return treated, np.column_stack([y + 2.0 * treated, past]), 2.0

    return draw


def missing(n: int, held: int):
    """Three of ten have no history, and they buy less."""

    def draw(stream: Generator):
        none = (stream.random(n) < 0.3).astype(float)
        past = np.where(none == 1.0, 1.0, stream.exponential(size=n))
        treated = held_out(stream, n, held)
        y = 1.5 * past * (1.0 - none) + stream.normal(size=n) + 0.2 * treated
        return treated, np.column_stack([y, past, none]), 0.2

    return draw


def events(n: int, held: int, rate: float):
    """A rate that rises with a standard normal score; the treated wake by a tenth more, each person's chance known."""

    def draw(stream: Generator):
        score = stream.normal(size=n)
        base = np.minimum(rate * np.exp(0.8 * score - 0.32), 0.9)
        treated = held_out(stream, n, held)
        luck = stream.random(n)
        zero, one = luck < base, luck < 1.1 * base
        truth = float(np.mean(one) - np.mean(zero))
        return treated, np.column_stack([np.where(treated == 1, one, zero), score]).astype(float), truth

    return draw


def ticket(n: int, held: int):
    """Money per order: the past explains orders and money; the treated order more at the same ticket."""

    def draw(stream: Generator):
        past = stream.gamma(4.0, 0.5, n)
        treated = held_out(stream, n, held)
        orders = stream.poisson(past * (1.0 + 0.3 * treated)).astype(float)
        spent = stream.gamma(np.maximum(2.0 * orders, 1e-12), 5.0) * (orders > 0)
        return treated, np.column_stack([spent, orders, past]), 0.0

    return draw


def waves(n: int):
    """Three waves with 10, 30 and 50 % held out; later ones buy more. Truth: the average over all persons."""

    def draw(stream: Generator):
        wave = stream.choice(3, n, p=[0.6, 0.3, 0.1])
        share = np.array([0.1, 0.3, 0.5])[wave]
        treated = np.zeros(n, dtype=np.int64)
        for i in range(3):
            mine = np.flatnonzero(wave == i)
            treated[stream.permutation(mine)[round(float(share[mine[0]]) * len(mine)) :]] = 1
        past = stream.exponential(size=n) + wave
        each = np.array([0.2, 0.5, 1.0])[wave]
        y = 2.0 * wave + past + stream.normal(size=n) + treated * each
        return wave * 2 + treated, np.column_stack([y, past]), float(each.mean())

    return draw


def clustered(held: int, sent: int, *, sizes, correlation: float, kind: str = "mean", covariate: bool = False):
    """Clusters of unequal sizes with a common effect; persons are drawn as sums where that is enough."""
    groups = held + sent
    truth = 0.0

    def draw(stream: Generator) -> Moments:
        n = stream.choice(np.asarray(sizes), groups)
        arm = (np.arange(groups) >= held).astype(int)
        common = stream.normal(size=groups)
        cluster = np.repeat(np.arange(groups), n)
        total = len(cluster)
        noise = np.sqrt(correlation) * common[cluster] + np.sqrt(1.0 - correlation) * stream.normal(size=total)
        if kind == "rate":
            chance = stream.beta(0.05 * (1 / correlation - 1), 0.95 * (1 / correlation - 1), groups)
            values = (stream.random(total) < chance[cluster]).astype(float)[:, None]
        elif kind == "ratio":
            orders = 1.0 + stream.poisson(2.0, total)
            values = np.column_stack([orders * (5.0 + noise), orders])
        else:
            values = (noise + 3.0)[:, None]
        if covariate:
            past = stream.normal(size=total) + 0.5 * stream.normal(size=groups)[cluster]
            values = np.column_stack([values[:, 0] + past, past])
        cells = tuple((int(arm[g]), g) for g in range(groups))
        persons = n.astype(np.int64)
        rows = MetricRows(
            names=("arm", "cluster"), cells=cells, labels=tuple(f"v{i}" for i in range(values.shape[1])), cell=cluster,
            values=values, count=np.ones(total, dtype=np.int64), persons=persons, observed=persons, strange=0,
            measured=2 if kind == "ratio" else 1,
        )  # fmt: skip
        return moments_of(rows)

    def run(replications: int, stream: Generator) -> Tally:
        found = []
        for _ in range(replications):
            clusters = draw(stream)
            grid = arrange(collapse(clusters, 1))
            figures = clustered_figures(clusters, grid, weights=np.ones(1), ratio=kind == "ratio")
            found.append((compare_figures(figures, 1, 0, level=0.95), truth))
        return tally(found)

    return run


class Line:
    """Least squares on all features."""

    def fit(self, features, outcome):
        made = np.column_stack([np.ones(len(features)), features])
        self.slopes = np.linalg.lstsq(made, outcome, rcond=None)[0]

    def predict(self, features):
        return self.slopes[0] + features @ self.slopes[1:]


def predicted(n: int, held: int, *, columns: int, own: bool = False):
    """A covariate that a model makes from many columns, one of which matters; ``own``: from the persons themselves."""

    def draw(stream: Generator):
        features = stream.normal(size=(n, columns))
        treated = held_out(stream, n, held)
        y = features[:, 0] + stream.normal(size=n) + 0.3 * treated
        fold = stream.permutation(np.arange(n) % 5)
        if own:
            model = Line()
            model.fit(features, y)
            made = model.predict(features)
        else:
            made = out_of_fold(Line(), features, y, fold, folds=5, seed=0)
        return treated, np.column_stack([y, made]), 0.3

    return draw


def drawn_clusters(groups: int):
    """Branches from a population; the effect grows with a covariate that branches share. Truth: the population's."""

    def run(replications: int, stream: Generator) -> Tally:
        found = []
        for _ in range(replications):
            n = stream.choice(np.asarray(BRANCHES), 2 * groups)
            cluster = np.repeat(np.arange(2 * groups), n)
            past = stream.normal(size=2 * groups)[cluster] + stream.normal(size=len(cluster))
            arm = (np.arange(2 * groups) >= groups).astype(int)
            y = stream.normal(size=len(cluster)) + arm[cluster] * (0.3 + 0.5 * past)
            rows = MetricRows(
                names=("arm", "cluster"), cells=tuple((int(arm[g]), g) for g in range(2 * groups)),
                labels=("y", "past"), cell=cluster, values=np.column_stack([y, past]),
                count=np.ones(len(cluster), dtype=np.int64), persons=n, observed=n, strange=0, measured=1,
            )  # fmt: skip
            clusters = moments_of(rows)
            grid = arrange(collapse(clusters, 1))
            figures = clustered_figures(clusters, grid, weights=np.ones(1), target="population")
            found.append((compare_figures(figures, 1, 0, level=0.95), 0.3))
        return tally(found)

    return run


HOUSEHOLDS, BRANCHES = (1, 2, 2, 3, 5), (20, 40, 60, 120)
GROWS = linear(1_000, 300, explained=0.2, heterogeneous=0.8)

DESIGNS: tuple[Design, ...] = (
    Design("a covariate that explains 80 %, 1,000 persons, a tenth held out", "covariate=, HC2", "coverage",
           adjusted(linear(1_000, 100, explained=0.8))),
    Design("a covariate that explains 5 %, 1,000 persons, a tenth held out", "covariate=, HC2", "coverage",
           adjusted(linear(1_000, 100, explained=0.05))),
    Design("a covariate that explains nothing, 400 persons, 100 held out", "covariate=, HC2", "coverage",
           adjusted(linear(400, 100, explained=0.0))),
    Design("a covariate in the smallest arm allowed, 20 of 200 held out", "covariate=, HC2", "coverage",
           adjusted(linear(200, 20, explained=0.5))),
    Design("a skewed covariate that explains half, 1,000 persons, 200 held out", "covariate=, HC2", "coverage",
           adjusted(linear(1_000, 200, explained=0.5, skewed=True))),
    Design("the same from moments alone", "covariate=, moments", "coverage",
           adjusted(linear(1_000, 200, explained=0.5, skewed=True), moments=True)),
    Design("an effect that grows with the covariate, 1,000 persons, 300 held out", 'target="sample"', "coverage",
           adjusted(GROWS)),
    Design("the same, for the population", 'target="population"', "coverage",
           adjusted(for_everybody(GROWS, 0.3), target="population")),
    Design("the same, these persons' interval judged by the population", 'target="sample"', "coverage",
           adjusted(for_everybody(linear(1_000, 300, explained=0.2, heterogeneous=0.8), 0.3)), miss=OTHER_TARGET),
    Design("three of ten without history, 1,500 persons, 300 held out", "covariate= with indicator", "coverage",
           adjusted(missing(1_500, 300))),
    Design("skewed money and its past, 10,000 persons, a tenth held out", "covariate=, HC2", "coverage",
           adjusted(money(10_000, 1_000)), miss=SKEWED),
    Design("a rate of 10 % and a score, 4,000 persons, 1,000 held out", "Rate(covariate=)", "coverage",
           adjusted(events(4_000, 1_000, 0.1)), low=0.025),
    Design("a rate of 1 % and a score, 10,000 persons, a tenth held out", "Rate(covariate=)", "coverage",
           adjusted(events(10_000, 1_000, 0.01)), miss=RARE),
    Design("money per order and the past, 2,000 persons, 400 held out", "Ratio(covariate=)", "size",
           adjusted(ticket(2_000, 400), measured=2)),
    Design("three waves with 10, 30 and 50 % held out, 2,000 persons", "strata= and covariate=", "coverage",
           adjusted(waves(2_000), strata=True)),
    Design("a covariate that explains half, planned with half the variance for 80 %", "covariate=, HC2", "power",
           adjusted(linear(790, 395, explained=0.5, effect=0.141), power=True), low=0.8, high=None),
    Design("a prediction out of fold from 40 columns, 300 persons", "cross_fit, covariate=", "coverage",
           adjusted(predicted(300, 100, columns=40))),
    Design("the same model on the persons it learned from", "covariate=", "coverage",
           adjusted(predicted(300, 100, columns=40, own=True)), miss=LEAK),
    Design("8 branches in each arm, 20 to 120 persons, correlation 0.05", "cluster=", "size",
           clustered(8, 8, sizes=BRANCHES, correlation=0.05)),
    Design("8 branches in each arm, 20 to 120 persons, correlation 0.3", "cluster=", "size",
           clustered(8, 8, sizes=BRANCHES, correlation=0.3)),
    Design("4 branches held out of 24, correlation 0.1", "cluster=", "size",
           clustered(4, 20, sizes=BRANCHES, correlation=0.1), miss=FOUR),
    Design("300 households of 1 to 5, a fifth held out, correlation 0.3", "cluster=", "size",
           clustered(60, 240, sizes=HOUSEHOLDS, correlation=0.3)),
    Design("a rate of 5 %, 15 branches in each arm, correlation 0.05", "Rate with cluster=", "size",
           clustered(15, 15, sizes=BRANCHES, correlation=0.05, kind="rate")),
    Design("money per order, 12 branches in each arm, correlation 0.1", "Ratio with cluster=", "size",
           clustered(12, 12, sizes=BRANCHES, correlation=0.1, kind="ratio")),
    Design("a covariate, 10 branches in each arm, correlation 0.1", "covariate= and cluster=", "size",
           clustered(10, 10, sizes=BRANCHES, correlation=0.1, covariate=True)),
    Design("an effect that grows with the branch, 40 in each arm", 'cluster=, target="population"', "coverage",
           drawn_clusters(40)),
)  # fmt: skip
