"""The persons of both groups, checked and put into an order of their own, and statistics of the user on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.inference.quantiles import quantile_of
from experiments.inference.values import checked_labels, checked_values, paired_strata

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

    from experiments.inference.bootstrap_draws import Draw
    from experiments.inference.figures import Floats

__all__ = [
    "Group",
    "UserStatistic",
    "checked_groups",
    "jackknife",
    "quantile_replicates",
    "sorted_group",
    "statistic_replicates",
    "units_of",
    "weighted_quantile",
]

_MOST_JACKKNIFED = 5_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Group:
    """The persons of one arm, sorted by stratum, cluster and values.

    Attributes:
        values: Values, persons by columns.
        count: How many persons each row stands for.
        stratum: Code of the stratum of each row.
        cluster: Code of the cluster of each row; None where persons are the units.
    """

    values: Floats
    count: NDArray[np.int64]
    stratum: NDArray[np.int64]
    cluster: NDArray[np.int64] | None

    @property
    def persons(self) -> int:
        """Number of persons."""
        return int(self.count.sum())


def checked_groups(
    values: tuple[ArrayLike, ArrayLike],
    strata: tuple[ArrayLike | None, ArrayLike | None],
    clusters: tuple[ArrayLike | None, ArrayLike | None],
    *,
    columns: int | None,
) -> tuple[Group, Group, Floats]:
    """Both groups and the weights of the strata.

    Args:
        values: Values of the treated and of the control group.
        strata: Strata of both, or None twice.
        clusters: Clusters of both, or None twice.
        columns: Columns that the statistic reads; None: any number.

    Raises:
        InputError: Something is not as it must be.
    """
    names = ("values", "control_values")
    tables = []
    for name, given in zip(names, values, strict=True):
        wide = columns
        if wide is None:
            shape = np.shape(given)
            wide = shape[1] if len(shape) > 1 else 1
        table = checked_values(name, given, columns=wide)
        tables.append(table.reshape(len(table), -1))
    if tables[0].shape[1] != tables[1].shape[1]:
        raise InputError(
            f"both groups must have the same columns, got {tables[0].shape[1]} and {tables[1].shape[1]} of them."
        )
    ones = [np.ones(len(table), np.int64) for table in tables]
    labels = [
        checked_labels(n, g, len(t)) for n, g, t in zip(("strata", "control_strata"), strata, tables, strict=True)
    ]
    codes, weights = paired_strata(labels, ones)
    if (clusters[0] is None) != (clusters[1] is None):
        raise InputError("clusters and control_clusters go together: give the clusters of both groups, or of neither.")
    made = []
    for name, cells, table, code in zip(("clusters", "control_clusters"), clusters, tables, codes, strict=True):
        named = checked_labels(name, cells, len(table))
        cluster = None if named is None else np.unique(named.astype(str), return_inverse=True)[1].astype(np.int64)
        made.append(sorted_group(table, np.ones(len(table), np.int64), code, cluster))
    return made[0], made[1], weights


def sorted_group(
    values: Floats, count: NDArray[np.int64], stratum: NDArray[np.int64], cluster: NDArray[np.int64] | None
) -> Group:
    """A group in its own order, which does not depend on that of the rows."""
    keys: list[NDArray[np.generic]] = [values[:, i] for i in reversed(range(values.shape[1]))]
    if stratum.any():
        keys = [*keys, stratum] if cluster is None else [*keys, cluster, stratum]
    elif cluster is not None:
        keys = [*keys, cluster]
    order = np.lexsort(keys)
    return Group(
        values=values[order],
        count=count[order],
        stratum=stratum[order],
        cluster=None if cluster is None else cluster[order],
    )


def units_of(group: Group) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The unit of each person, and the stratum of each unit."""
    if group.cluster is None:
        return np.arange(len(group.values)), group.stratum
    changed = (group.cluster[1:] != group.cluster[:-1]) | (group.stratum[1:] != group.stratum[:-1])
    unit = np.concatenate([[0], np.cumsum(changed)]).astype(np.int64)
    home = np.zeros(int(unit[-1]) + 1, np.int64)
    home[unit] = group.stratum
    return unit, home


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStatistic:
    """A statistic of the user.

    Attributes:
        function: Called with (values, weights), or with the drawn rows.
        rows: Whether it takes rows.
    """

    function: Callable[..., float]
    rows: bool

    def of(self, values: Floats, times: Floats, scale: Floats) -> float:
        """The statistic where every person counts so many times, and weighs as its stratum says."""
        if self.rows:
            return float(self.function(np.repeat(values, times.astype(np.int64), axis=0)))
        return float(self.function(values, times * scale))


def _plain(group: Group, weights: Floats) -> tuple[Floats, Floats]:
    """The values as the user's statistic sees them, and the factor of each person that keeps the strata's weights."""
    values = group.values[:, 0] if group.values.shape[1] == 1 else group.values
    persons = np.bincount(group.stratum, minlength=len(weights))
    return values, (weights * len(group.values) / persons)[group.stratum]


def statistic_replicates(
    group: Group, statistic: UserStatistic, weights: Floats, *, replicates: int, chance: Generator, draw: Draw
) -> tuple[float, Floats]:
    """A statistic of the user: as observed, and on units drawn again; one replicate is held at a time.

    Raises:
        InputError: Rows with strata, or Poisson draws for a statistic that is not free of the number of persons.
    """
    if len(weights) > 1 and statistic.rows:
        raise InputError(
            'a statistic of rows cannot weigh strata; write it as statistic(values, weights) with on="weights".'
        )
    values, scale = _plain(group, weights)
    unit, home = units_of(group)
    sizes = np.bincount(home, minlength=len(weights)).tolist()
    everybody = np.ones(len(values))
    observed = statistic.of(values, everybody, scale)
    doubled = statistic.of(values, 2.0 * everybody, scale) if draw == "poisson" else observed
    if abs(doubled - observed) > 1e-9 * max(1.0, abs(observed)):
        raise InputError(
            'draw="poisson" needs a statistic that does not change when all weights are doubled: the number of persons '
            "drawn is random, so a total would be too uncertain. Divide by the sum of the weights, or use "
            'draw="multinomial".'
        )
    found = np.empty(replicates)
    for i in range(replicates):
        if draw == "poisson":
            times = chance.poisson(1.0, len(home))
        else:
            times = np.concatenate([chance.multinomial(size, np.full(size, 1.0 / size)) for size in sizes])
        found[i] = statistic.of(values, times[unit].astype(np.float64), scale)
    return observed, found


def jackknife(group: Group, statistic: UserStatistic, weights: Floats) -> tuple[float, float]:
    """Sums of squared and cubed influences of the units, by leaving each out.

    Raises:
        InputError: More units than can be left out one by one.
    """
    unit, home = units_of(group)
    if len(home) > _MOST_JACKKNIFED:
        raise InputError(
            f'interval="bca" leaves out every unit once, which is done for up to {_MOST_JACKKNIFED:,} units of a '
            f'group, got {len(home):,}. Use interval="percentile" or "basic".'
        )
    values, scale = _plain(group, weights)
    left = np.array([statistic.of(values, (unit != i).astype(np.float64), scale) for i in range(len(home))])
    influence = (left.mean() - left) * (len(home) - 1.0) / len(home)
    return float(np.sum(influence**2)), float(np.sum(influence**3))


def weighted_quantile(q: float) -> Callable[[Floats, Floats], float]:
    """The q-quantile as a statistic of values and weights."""
    sorted_: dict[int, tuple[Floats, NDArray[np.intp], Floats]] = {}

    def statistic(values: Floats, weights: Floats) -> float:
        # The replicates of a group differ in weights alone: its values are sorted once.
        known = sorted_.get(id(values))
        if known is None or known[0] is not values:
            order = np.argsort(values, kind="stable")
            known = sorted_[id(values)] = (values, order, values[order])
        _, order, ordered = known
        weight = weights[order]
        kept = weight > 0.0
        upto = np.cumsum(weight[kept])
        return quantile_of(ordered[kept], upto / upto[-1], q)

    return statistic


def quantile_replicates(group: Group, q: float, *, replicates: int, chance: Generator) -> Floats:
    """The q-quantile of persons drawn again, without drawing them.

    The k-th smallest of n uniform numbers is a beta variable; the value at that rank is the k-th smallest of n values
    drawn again. Where q n is whole the quantile is the midpoint of two such values, whose ranks are drawn together.
    """
    upto = np.cumsum(group.count)
    n = int(upto[-1])
    rank = q * n
    whole = abs(rank - round(rank)) <= 1e-9
    k = max(1, round(rank) if whole else math.ceil(rank))
    first = chance.beta(k, n - k + 1, replicates)
    ordered = group.values[:, 0]

    def at(share: Floats) -> Floats:
        place = np.clip(np.ceil(share * n), 1, n)
        return np.asarray(ordered[np.searchsorted(upto, place)], dtype=np.float64)

    low = at(first)
    if not whole or k == n:
        return low
    second = first + (1.0 - first) * chance.beta(1, n - k, replicates)
    return low + (at(second) - low) / 2.0
