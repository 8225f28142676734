"""How often each unit is drawn: with replacement for the bootstrap, without it for a new assignment.

A cell with few distinct units is drawn exactly. A cell with many is first cut into groups of neighbouring values; how
many units of each group are drawn is exact, and what the units of a group differ by, a sum of many small terms, is
normal with its exact covariance. Extreme units stay alone, so the tail of the statistic stays theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    from experiments.inference.bootstrap_units import Units
    from experiments.inference.figures import Floats

__all__ = ["Draw", "Pool", "definitions_of", "drawn_again", "drawn_apart", "grouped_draws", "make_pool"]

Draw = Literal["multinomial", "poisson"]

EXACT_ROWS = 1024  # distinct units up to which nothing is grouped
GROUPS = 256
_BLOCK = 2_000_000  # counts held at once


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pool:
    """What is drawn from: groups of alike or neighbouring units.

    Attributes:
        count: Units of each group.
        mean: Mean of the features in each group, groups by features.
        within: Sum over groups of count * covariance of the features inside the group.
        root: Symmetric root of `within`; None when every group holds alike units.
        finite: The same for draws without replacement: sum of m / (m - 1) * covariance * m by group, as a root per
            unit of sampling fraction f (1 - f).
    """

    count: NDArray[np.int64]
    mean: Floats
    within: Floats
    root: Floats | None
    finite: Floats | None

    @property
    def share(self) -> float:
        """Share of the first feature's variance that lies inside groups; 0 when the draw is exact."""
        total = float(self.count.sum())
        middle = float(self.count @ self.mean[:, 0]) / total
        between = float(self.count @ (self.mean[:, 0] - middle) ** 2)
        inside = float(self.within[0, 0])
        return inside / (between + inside) if inside > 0.0 else 0.0


def grouped_draws(share: float) -> tuple[Finding, ...]:
    """The finding that units were drawn in groups of neighbours, with the share of variance inside the groups."""
    return (Finding(code="GROUPED_DRAWS", status="note", values={"share": share}),) if share > 0.0 else ()


def definitions_of(*, clustered: bool) -> tuple[str, ...]:
    """The definitions of a bootstrap."""
    return ("BOOTSTRAP", "BOOTSTRAP_CLUSTERS") if clustered else ("BOOTSTRAP",)


def make_pool(units: Units, table: Floats, *, exact: bool) -> Pool:
    """Group the units of a cell.

    Args:
        units: The distinct units.
        table: Their features.
        exact: Whether all distinct units stay apart, however many there are.
    """
    count = units.count
    wide = table.shape[1]
    if exact or len(count) <= EXACT_ROWS:
        return Pool(count=count, mean=table, within=np.zeros((wide, wide)), root=None, finite=None)
    place = _groups(units)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(place[order]) > 0]))
    weight = count[order].astype(np.float64)
    held = np.add.reduceat(weight, starts)
    mean = np.add.reduceat(weight[:, None] * table[order], starts, axis=0) / held[:, None]
    gap = table[order] - np.repeat(mean, np.diff(np.append(starts, len(order))), axis=0)
    inflated = np.repeat(
        np.where(held > 1, held / np.maximum(held - 1.0, 1.0), 0.0), np.diff(np.append(starts, len(order)))
    )
    within = (weight[:, None] * gap).T @ gap
    finite = ((weight * inflated)[:, None] * gap).T @ gap
    return Pool(
        count=np.add.reduceat(count[order], starts), mean=mean, within=within, root=_root(within), finite=_root(finite)
    )


def _groups(units: Units) -> NDArray[np.int64]:
    """A group number for every distinct unit: cut along the first coordinate, and along the second inside each cut."""
    second = units.totals[:, 1] if units.totals.shape[1] > 1 else units.persons
    flat = bool(np.all(second == second[0]))
    if flat:
        return _cut(units.totals[:, 0], units.count, GROUPS)
    cuts = (24, 16)
    place = _cut(units.totals[:, 0], units.count, cuts[0])
    fine = np.empty_like(place)
    for number in np.unique(place).tolist():
        chosen = np.flatnonzero(place == number)
        fine[chosen] = number * cuts[1] + _cut(second[chosen], units.count[chosen], cuts[1])
    return np.unique(fine, return_inverse=True)[1].astype(np.int64)


def _cut(values: Floats, count: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Cut sorted values into groups of like shares of units, of absolute and of squared deviation together."""
    order = np.argsort(values, kind="stable")
    weight = count[order].astype(np.float64)
    gap = np.abs(values[order] - np.average(values, weights=count))
    score = weight / weight.sum()
    for part in (weight * gap, weight * gap**2):
        total = float(part.sum())
        score = score + (part / total if total > 0.0 else 0.0)
    upto = np.cumsum(score)
    place = np.empty(len(values), np.int64)
    place[order] = np.minimum((upto - score / 2.0) / upto[-1] * groups, groups - 1).astype(np.int64)
    return place


def _root(matrix: Floats) -> Floats:
    """Symmetric root, taken on the scale of correlations so that small coordinates keep their digits."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    safe = np.where(scale > 0.0, scale, 1.0)
    found, vectors = np.linalg.eigh(matrix / np.outer(safe, safe))
    half = (vectors * np.sqrt(np.maximum(found, 0.0))) @ vectors.T
    return np.asarray(half * scale[None, :], dtype=np.float64)


def drawn_again(pool: Pool, replicates: int, chance: Generator, *, draw: Draw) -> Floats:
    """Sums of the features over units drawn with replacement, replicates by features."""
    total = int(pool.count.sum())
    shares = pool.count / total
    made = np.empty((replicates, pool.mean.shape[1]))
    for block in _blocks(replicates, len(pool.count)):
        size = block.stop - block.start
        if draw == "multinomial":
            times = chance.multinomial(total, shares, size=size)
        else:
            times = chance.poisson(pool.count, size=(size, len(pool.count)))
        made[block] = times.astype(np.float64) @ pool.mean
        if pool.root is not None:
            made[block] += chance.standard_normal((size, len(pool.root))) @ pool.root
    return made


def drawn_apart(pool: Pool, size: NDArray[np.int64] | int, replicates: int, chance: Generator) -> Floats:
    """Sums of the features over `size` units drawn without replacement, replicates by features.

    Args:
        pool: The units of both arms of a stratum.
        size: How many units are drawn, one number or one per replicate.
        replicates: How often.
        chance: The generator.
    """
    made = np.empty((replicates, pool.mean.shape[1]))
    sizes = np.broadcast_to(np.asarray(size, np.int64), (replicates,))
    total = int(pool.count.sum())
    for block in _blocks(replicates, len(pool.count)):
        times = _without_replacement(pool.count, sizes[block], chance)
        made[block] = times @ pool.mean
        if pool.finite is not None:
            share = sizes[block] / total
            noise = chance.standard_normal((len(share), len(pool.finite))) @ pool.finite
            made[block] += np.sqrt(share * (1.0 - share))[:, None] * noise
    return made


def _without_replacement(count: NDArray[np.int64], sizes: NDArray[np.int64], chance: Generator) -> Floats:
    """Multivariate hypergeometric counts, one row per replicate: group after group out of what is left."""
    times = np.empty((len(sizes), len(count)))
    left, rest = sizes.copy(), int(count.sum())
    for j, held in enumerate(count.tolist()):
        rest -= held
        taken = left if rest == 0 else chance.hypergeometric(held, rest, left)
        times[:, j] = taken
        left = left - taken
    return times


def _blocks(replicates: int, wide: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(wide, 1))
    for start in range(0, replicates, step):
        yield slice(start, min(start + step, replicates))
