"""The user's own rows assigned again at random, with or without an effect put in, and read as the experiment would.

Persons with equal values are drawn together: how many of them an arm gets is binomial. Moments of all replications of
a chunk are one matrix product. Clusters move as wholes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from attribution.core.errors import DesignError
from experiments.moments.centred import Moments
from experiments.moments.grid import collapse
from experiments.moments.rows import MetricRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["ArmTally", "FitFunction", "Fitted", "Injection", "Redraw", "Replication", "tally_arms"]

_CHUNK = 2_000_000  # numbers of persons in memory at once


class Fitted(Protocol):
    """A metric fitted over all arms."""

    def judge(self, arm: object, against: object, truth: float) -> tuple[bool, bool, bool] | str:
        """Whether the interval lies above 0, below 0, and contains the truth; without an interval the reason's code."""
        ...


class FitFunction(Protocol):
    """How the experiment fits a metric."""

    def __call__(self, data: Replication) -> Fitted:
        """Fit one replication."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Replication:
    """The data of one replication, as `fit_metric` takes them.

    Attributes:
        moments: Moments by stratum and arm.
        rows: Counted rows by stratum and arm, where the method needs them.
        clusters: Moments by stratum, arm and cluster, where clusters are assigned.
    """

    moments: Moments
    rows: MetricRows | None = None
    clusters: Moments | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """The effect that every treated arm gets.

    Attributes:
        shift: Added to every treated person's value.
        factor: What every treated person's value is multiplied with.
        flips: Chance by stratum that a treated person changes between no event and event; None for other metrics.
        upwards: Whether flips make events, or undo them.
        truth: The difference of the arms' figures that this makes.
    """

    shift: float = 0.0
    factor: float = 1.0
    flips: tuple[float, ...] | None = None
    upwards: bool = True
    truth: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTally:
    """What the replications said about one arm.

    Attributes:
        replications: Replications with an interval.
        up: Intervals wholly above 0.
        down: Intervals wholly below 0.
        covered: Intervals that contain the truth.
        undefined: Replications without an interval.
        note: Codes of the reasons why they have none, the most frequent first.
    """

    replications: int
    up: int
    down: int
    covered: int
    undefined: int
    note: str = ""


def tally_arms(
    redraw: Redraw, fit: FitFunction, rng: Generator, *, control: object, replications: int, injection: Injection
) -> dict[object, ArmTally]:
    """Assign, inject, fit and compare, again and again.

    Args:
        redraw: The user's rows and the planned shares.
        fit: How the experiment fits the metric.
        rng: Random numbers.
        control: The control arm.
        replications: How often.
        injection: The effect put in.
    """
    treated = [arm for arm in redraw.arms if arm != control]
    counts = {arm: np.zeros(3, dtype=np.int64) for arm in treated}
    reasons: dict[object, Counter[str]] = {arm: Counter() for arm in treated}
    for data in redraw.replications(rng, replications, control=control, injection=injection):
        try:
            fitted = fit(data)
        except DesignError as error:  # a stratum without an arm: this assignment cannot be read
            for arm in treated:
                reasons[arm][error.code] += 1
            continue
        for arm in treated:
            found = fitted.judge(arm, control, injection.truth)
            if isinstance(found, str):
                reasons[arm][found] += 1
            else:
                counts[arm] += np.array(found)
    return {arm: _tally(count, reasons[arm], replications) for arm, count in counts.items()}


def _tally(count: NDArray[np.int64], reasons: Counter[str], replications: int) -> ArmTally:
    up, down, covered = (int(one) for one in count)
    undefined = reasons.total()
    note = ", ".join(reason for reason, _ in sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return ArmTally(
        replications=replications - undefined, up=up, down=down, covered=covered, undefined=undefined, note=note
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Redraw:
    """The rows of one metric, and how they are assigned.

    Attributes:
        rows: Counted rows by stratum; None where clusters are assigned.
        clusters: Moments by stratum and cluster; None where persons are assigned.
        arm: Name of the column of arms.
        arms: The arms, sorted.
        shares: Planned shares, strata by arms.
        strata: The strata, in the order of `shares`.
        by_rows: Whether the method needs the rows, not moments alone.
    """

    rows: MetricRows | None
    clusters: Moments | None
    arm: str
    arms: tuple[object, ...]
    shares: NDArray[np.float64]
    strata: tuple[tuple[object, ...], ...]
    by_rows: bool

    def replications(
        self, rng: Generator, replications: int, *, control: object, injection: Injection
    ) -> Iterator[Replication]:
        """The data sets, one after another."""
        if self.clusters is not None:
            yield from _clustered(self, self.clusters, rng, replications, control=control, injection=injection)
        elif self.rows is not None:
            size = max(1, _CHUNK // max(1, len(self.rows.count) * len(self.arms)))
            for first in range(0, replications, size):
                some = min(size, replications - first)
                counts = _drawn(rng, self.rows.count, self.shares[self.rows.cell], some)
                flips = _flipped(rng, self, self.rows, counts, control=control, injection=injection)
                source = _by_rows if self.by_rows else _by_moments
                yield from source(self, self.rows, counts, flips, control=control, injection=injection)


def _drawn(rng: Generator, count: NDArray[np.int64], shares: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Persons of every row that each arm gets: arms by replications by rows."""
    arms = shares.shape[1]
    found = np.empty((arms, size, len(count)))
    single = count == 1
    alone, many = np.flatnonzero(single), np.flatnonzero(~single)
    if len(alone):
        edges = np.cumsum(shares[alone], axis=1)
        where = slice(None) if len(alone) == len(count) else alone
        place = rng.random((size, len(alone)))
        before: NDArray[np.bool_] = np.zeros(place.shape, dtype=np.bool_)
        for i in range(arms):
            below = place < edges[:, i] if i < arms - 1 else np.ones(place.shape, dtype=np.bool_)
            found[i][:, where] = below & ~before
            before = below
    if len(many):
        left = np.broadcast_to(count[many], (size, len(many))).copy()
        rest = np.ones(len(many))
        for i in range(arms - 1):
            share = shares[many, i]
            taken = rng.binomial(left, np.clip(share / rest, 0.0, 1.0))
            found[i][:, many] = taken
            left = left - taken
            rest = np.maximum(rest - share, 1e-300)
        found[arms - 1][:, many] = left
    return found


def _flipped(
    rng: Generator, redraw: Redraw, rows: MetricRows, counts: NDArray[np.float64], *, control: object,
    injection: Injection,
) -> NDArray[np.float64] | None:  # fmt: skip
    """How many of the persons counted change between no event and event; None without flips."""
    if injection.flips is None:
        return None
    able = rows.values[:, 0] == (0.0 if injection.upwards else 1.0)
    chance = np.where(able, np.array(injection.flips)[rows.cell], 0.0)
    found = rng.binomial(counts.astype(np.int64), chance[None, None, :])
    found[redraw.arms.index(control)] = 0
    return np.asarray(found, dtype=np.float64)


def _keys(redraw: Redraw, source: MetricRows) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
    return (*source.names, redraw.arm), tuple((*stratum, arm) for stratum in redraw.strata for arm in redraw.arms)


def _by_moments(
    redraw: Redraw, rows: MetricRows, counts: NDArray[np.float64], flips: NDArray[np.float64] | None, *,
    control: object, injection: Injection,
) -> Iterator[Replication]:  # fmt: skip
    """Moments of every replication of a chunk by one product of matrices per stratum and arm."""
    size, strata, arms, wide = counts.shape[1], len(redraw.strata), len(redraw.arms), rows.values.shape[1]
    total = np.average(rows.values, axis=0, weights=rows.count)
    features = _features(rows.values - total)
    changed = rows.values.copy()
    changed[:, 0] = 1.0 if injection.upwards else 0.0
    moved = _features(changed - total) - features
    sums = np.zeros((size, strata, arms, features.shape[1]))
    edges = np.searchsorted(rows.cell, np.arange(strata + 1))
    for s in range(strata):
        part = slice(edges[s], edges[s + 1])
        for a in range(arms):
            sums[:, s, a] = counts[a][:, part] @ features[part]
            if flips is not None:
                sums[:, s, a] += flips[a][:, part] @ moved[part]
    names, cells = _keys(redraw, rows)
    treated = np.tile(np.array([arm != control for arm in redraw.arms]), strata)
    for one in sums.reshape(size, strata * arms, -1):
        n = one[:, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = one[:, 1 : wide + 1] / n[:, None]
        products = one[:, wide + 1 :].reshape(-1, wide, wide)
        products = products - np.where(n > 0, n, 0.0)[:, None, None] * np.nan_to_num(
            shift[:, :, None] * shift[:, None, :]
        )
        moments = _moments(names, cells, rows.labels, n, shift + total, products)
        yield Replication(moments=_changed(moments, treated, injection))


def _features(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """One, the coordinates, and their products."""
    products = values[:, :, None] * values[:, None, :]
    return np.column_stack([np.ones(len(values)), values, products.reshape(len(values), -1)])


def _moments(
    names: tuple[str, ...], cells: tuple[tuple[object, ...], ...], labels: tuple[str, ...], n: NDArray[np.float64],
    means: NDArray[np.float64], products: NDArray[np.float64],
) -> Moments:  # fmt: skip
    whole = np.rint(n).astype(np.int64)
    diagonal = np.arange(means.shape[1])
    products[:, diagonal, diagonal] = np.maximum(products[:, diagonal, diagonal], 0.0)
    return Moments(
        names=names, cells=cells, labels=labels, persons=whole, observed=whole, n=whole, means=means,
        products=products, cubes=np.zeros(len(n)), smallest=means[:, 0], largest=means[:, 0], strange=0,
    )  # fmt: skip


def _changed(moments: Moments, treated: NDArray[np.bool_], injection: Injection) -> Moments:
    """The moments after the shift and the factor in the treated cells."""
    if injection.shift == 0.0 and injection.factor == 1.0:
        return moments
    factor = np.where(treated, injection.factor, 1.0)
    means, products = moments.means.copy(), moments.products.copy()
    means[:, 0] = means[:, 0] * factor + np.where(treated, injection.shift, 0.0)
    products[:, 0, :] *= factor[:, None]
    products[:, :, 0] *= factor[:, None]
    return replace(moments, means=means, products=products)


def _by_rows(
    redraw: Redraw, rows: MetricRows, counts: NDArray[np.float64], flips: NDArray[np.float64] | None, *,
    control: object, injection: Injection,
) -> Iterator[Replication]:  # fmt: skip
    """Counted rows of every replication of a chunk, for methods that need them."""
    from experiments.moments.rows import moments_of

    arms = len(redraw.arms)
    names, cells = _keys(redraw, rows)
    for k in range(counts.shape[1]):
        pieces: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]] = []
        for a, arm in enumerate(redraw.arms):
            values = rows.values
            if arm != control and (injection.shift != 0.0 or injection.factor != 1.0):
                values = values.copy()
                values[:, 0] = values[:, 0] * injection.factor + injection.shift
            cell, taken = rows.cell * arms + a, counts[a, k].astype(np.int64)
            if flips is not None:
                flipped = values.copy()
                flipped[:, 0] = 1.0 if injection.upwards else 0.0
                changed = flips[a, k].astype(np.int64)
                pieces.append((cell, flipped, changed))
                taken = taken - changed
            pieces.append((cell, values, taken))
        made = _joined(rows, names, cells, pieces)
        yield Replication(moments=moments_of(made), rows=made)


def _joined(
    rows: MetricRows,
    names: tuple[str, ...],
    cells: tuple[tuple[object, ...], ...],
    pieces: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]],
) -> MetricRows:
    kept = [taken > 0 for *_, taken in pieces]
    cell = np.concatenate([part[0][keep] for part, keep in zip(pieces, kept, strict=True)])
    values = np.concatenate([part[1][keep] for part, keep in zip(pieces, kept, strict=True)])
    count = np.concatenate([part[2][keep] for part, keep in zip(pieces, kept, strict=True)])
    order = np.lexsort([values[:, 0], cell])
    persons = np.bincount(cell, weights=count, minlength=len(cells)).astype(np.int64)
    return MetricRows(
        names=names, cells=cells, labels=rows.labels, cell=cell[order], values=values[order], count=count[order],
        persons=persons, observed=persons, strange=0, measured=rows.measured,
    )  # fmt: skip


def _clustered(
    redraw: Redraw, clusters: Moments, rng: Generator, replications: int, *, control: object, injection: Injection
) -> Iterator[Replication]:
    """Whole clusters assigned again; a cluster in several strata has one arm, by the shares of its first stratum."""
    place = {stratum: i for i, stratum in enumerate(redraw.strata)}
    stratum = np.array([place[cell[:-1]] for cell in clusters.cells], dtype=np.int64)
    label = {name: i for i, name in enumerate(dict.fromkeys(cell[-1] for cell in clusters.cells))}
    member = np.array([label[cell[-1]] for cell in clusters.cells], dtype=np.int64)
    first = np.unique(member, return_index=True)[1]
    edges = np.cumsum(redraw.shares[stratum[first]], axis=1)[:, :-1]
    names = (*clusters.names[:-1], redraw.arm, clusters.names[-1])
    control_at = redraw.arms.index(control)
    for _ in range(replications):
        chosen = (rng.random(len(first))[:, None] >= edges).sum(axis=1)[member]
        order = np.lexsort([member, chosen, stratum])
        cells = tuple((*clusters.cells[i][:-1], redraw.arms[chosen[i]], clusters.cells[i][-1]) for i in order.tolist())
        moments = _taken(clusters, order, names, cells)
        treated = chosen[order] != control_at
        if injection.flips is not None:
            moments = _flipped_clusters(rng, moments, treated, np.array(injection.flips)[stratum[order]], injection)
        moments = _changed(moments, treated, injection)
        yield Replication(moments=collapse(moments, len(names) - 1), clusters=moments)


def _taken(
    clusters: Moments, order: NDArray[np.int64], names: tuple[str, ...], cells: tuple[tuple[object, ...], ...]
) -> Moments:
    arrays = ("persons", "observed", "n", "means", "products", "cubes", "smallest", "largest")
    return replace(clusters, names=names, cells=cells, **{name: getattr(clusters, name)[order] for name in arrays})


def _flipped_clusters(
    rng: Generator, moments: Moments, treated: NDArray[np.bool_], chance: NDArray[np.float64], injection: Injection
) -> Moments:
    """Events made (or undone) at random inside clusters; products with covariates take their expectation."""
    n = moments.n
    hits = np.rint(np.nan_to_num(moments.means[:, 0]) * n).astype(np.int64)
    able = n - hits if injection.upwards else hits
    flips = rng.binomial(able, np.where(treated, chance, 0.0))
    new = hits + (flips if injection.upwards else -flips)
    means, products = moments.means.copy(), moments.products.copy()
    some = n > 0
    means[some, 0] = new[some] / n[some]
    kept = 1.0 - np.divide(flips, able, out=np.zeros(len(n)), where=able > 0)
    products[:, 0, :] *= kept[:, None]
    products[:, :, 0] *= kept[:, None]
    products[:, 0, 0] = np.where(some, new * (n - new) / np.maximum(n, 1), 0.0)
    return replace(moments, means=means, products=products)
