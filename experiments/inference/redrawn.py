"""The distribution of a contrast over all assignments that could have been made, for outcomes that nothing changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

from attribution.core.errors import InputError
from attribution.core.randomness import generator
from experiments.inference.bootstrap_draws import drawn_apart, make_pool
from experiments.inference.bootstrap_units import (
    Layout,
    Units,
    arm_values,
    column_units,
    features,
    gather_marked,
    person_means,
)

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from attribution.core.estimates import Side
    from experiments.inference.figures import Floats
    from experiments.moments.rows import MetricRows

__all__ = ["Assigned", "Design", "Redrawn", "pair_of", "redraw"]

Design = Literal["complete", "bernoulli"]


class Shares(TypedDict):
    """Fields of `Redrawn` that are shares of assignments."""

    p_value: float
    low: float
    high: float
    mid_p: float


_MOST_TABLES = 20_000  # assignments (of alike units: tables) up to which all are enumerated
_SAME = 1e-9  # statistics this close are ties, in standard errors (or relatively, where they are larger)
_PROOF = 0.99


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Assigned:
    """The persons of two arms, as counted rows.

    Attributes:
        values: Values of the rows, rows by measured columns.
        count: Persons of each row.
        stratum: Index of the stratum of each row.
        treated: Whether the row belongs to the treated arm.
        cluster: Index of the cluster of each row; None where persons were assigned one by one.
        weights: Weight of each stratum; they sum to 1.
    """

    values: Floats
    count: NDArray[np.int64]
    stratum: NDArray[np.int64]
    treated: NDArray[np.bool_]
    cluster: NDArray[np.int64] | None
    weights: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrawn:
    """What a randomisation test found.

    Attributes:
        difference: The observed difference.
        statistic: The observed statistic: the difference, or the difference over its standard error.
        p_value: Share of assignments that are at least as extreme; None where the statistic is undefined.
        low: Lower end of the 99 % interval for the p-value of all assignments; equal to it when all were enumerated.
        high: Its upper end.
        mid_p: The p-value where assignments just as extreme as the observed one count half.
        assignments: Assignments looked at.
        exact: Whether these are all of them.
        grouped: Share of the variance drawn as a normal sum inside groups of neighbouring units.
        note: Why there is no p-value.
    """

    difference: float | None
    statistic: float | None
    p_value: float | None
    low: float | None
    high: float | None
    mid_p: float | None
    assignments: int
    exact: bool
    grouped: float
    note: str


def pair_of(
    rows: MetricRows,
    strata: tuple[tuple[object, ...], ...],
    weights: Floats,
    *,
    arm: object,
    control: object,
    clustered: bool = False,
) -> Assigned:
    """The rows of two arms in some strata.

    Covariates of the rows are taken off by least squares over both arms, which leaves the null hypothesis as it is.

    Raises:
        InputError: A cluster has persons of both arms.
    """
    place = {stratum: i for i, stratum in enumerate(strata)}
    heads = [cell[:-1] if clustered else cell for cell in rows.cells]
    in_stratum = np.array([place.get(head[:-1], -1) for head in heads], dtype=np.int64)
    in_arm = np.array([{arm: 1, control: 0}.get(head[-1], -1) for head in heads], dtype=np.int64)
    if clustered:
        _refuse_split(rows, in_arm)
    kept = np.flatnonzero((in_stratum[rows.cell] >= 0) & (in_arm[rows.cell] >= 0))
    cell = rows.cell[kept]
    values = rows.values[kept]
    return Assigned(
        values=_without_covariates(values, rows.count[kept], rows.measured),
        count=rows.count[kept],
        stratum=in_stratum[cell],
        treated=in_arm[cell] == 1,
        cluster=cell if clustered else None,
        weights=weights,
    )


def _refuse_split(rows: MetricRows, in_arm: NDArray[np.int64]) -> None:
    arms: dict[object, set[int]] = {}
    for cell, number in zip(rows.cells, in_arm.tolist(), strict=True):
        if number >= 0:
            arms.setdefault(cell[-1], set()).add(number)
    both = sorted(str(name) for name, found in arms.items() if len(found) > 1)
    if both:
        raise InputError(
            f"{len(both):,} clusters have persons of both arms, for example {both[0]!r}: clusters were not assigned as "
            "units. Name the unit that was assigned, or leave out cluster=."
        )


def _without_covariates(values: Floats, count: NDArray[np.int64], measured: int) -> Floats:
    if values.shape[1] == measured:
        return values
    root = np.sqrt(count.astype(np.float64))[:, None]
    known = values[:, measured:]
    centre = (count @ known) / count.sum()
    design = np.column_stack([np.ones(len(known)), known - centre])
    slopes = np.linalg.lstsq(design * root, values[:, :measured] * root, rcond=None)[0]
    return np.asarray(values[:, :measured] - (known - centre) @ slopes[1:], dtype=np.float64)


def redraw(  # noqa: PLR0913 - what the public functions pass on
    assigned: Assigned,
    *,
    design: Design = "complete",
    share: float = math.nan,
    studentised: bool = True,
    side: Side = "two",
    replicates: int = 9_999,
    seed: int = 0,
    purpose: str = "",
) -> Redrawn:
    """Assign the units of two arms anew, as they were assigned, and compare the observed contrast with those.

    Args:
        assigned: The persons.
        design: "complete": as many units per stratum in each arm as there are; "bernoulli": every unit by itself.
        share: Probability of the treated arm for "bernoulli".
        studentised: Whether the difference is divided by its standard error in every assignment.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        replicates: Assignments drawn where they cannot all be enumerated.
        seed: Seed.
        purpose: What the stream is for, such as metric and arm.
    """
    unit = column_units([assigned.values])
    assigned = replace(assigned, values=assigned.values / unit)
    scale = float(unit[0]) if len(unit) == 1 else float(unit[0] / unit[1])
    centre = person_means([assigned.values], [assigned.count])
    layout = Layout(measured=len(centre), persons=assigned.cluster is not None, squares=studentised)
    cells = [_cell(assigned, k, centre) for k in range(len(assigned.weights))]
    sizes = np.array([size for _, size, _ in cells], dtype=np.int64)
    whole = np.array([units.size for units, _, _ in cells], dtype=np.int64)
    tables = [features(units, layout) for units, _, _ in cells]
    sums = np.array([units.count @ table for (units, _, _), table in zip(cells, tables, strict=True)])
    mine = np.array([times @ table for (_, _, times), table in zip(cells, tables, strict=True)])
    contrast = _Contrast(layout=layout, weights=assigned.weights, centre=centre, sums=sums, whole=whole)
    difference, statistic = (float(part[0]) for part in contrast.of(mine[None], sizes[None]))
    grouped, note = 0.0, ""
    if min(int(sizes.min()), int((whole - sizes).min())) < (2 if studentised else 1):
        note = "TOO_FEW_PERSONS"
    elif not math.isfinite(difference):
        note = "DENOMINATOR_NOT_POSITIVE"
    elif max(float(np.ptp(units.totals, axis=0).max()) for units, _, _ in cells) == 0.0:
        note = "ZERO_VARIANCE"
    blank = Redrawn(
        difference=difference * scale if math.isfinite(difference) else None, statistic=None, p_value=None, low=None,
        high=None, mid_p=None, assignments=0, exact=False, grouped=0.0, note=note,
    )  # fmt: skip
    if note:
        return blank
    listed = _all_tables([units.count for units, _, _ in cells], sizes) if design == "complete" else None
    if listed is not None:
        drawn, chance = _all_sums(listed, tables, [units.count for units, _, _ in cells])
        found = contrast.of(drawn, np.broadcast_to(sizes, drawn.shape[:2]))[1]
    else:
        stream = generator(seed, f"randomisation/{purpose}")
        drawn_sizes = np.broadcast_to(sizes, (replicates, len(sizes)))
        if design == "bernoulli":
            drawn_sizes = stream.binomial(whole, share, size=(replicates, len(whole)))
        drawn, grouped = _drawn_sums([units for units, _, _ in cells], tables, drawn_sizes, stream)
        found, chance = contrast.of(drawn, drawn_sizes)[1], None
        found = found[~np.isnan(found)]
    if not len(found):
        return replace(blank, note="TOO_FEW_PERSONS")
    # Statistics that differ by rounding alone are ties, on the scale on which they vary.
    spread = 1.0 if studentised else math.sqrt(float(np.mean(found**2)))
    slack = _SAME * max(abs(statistic) if math.isfinite(statistic) else 0.0, spread)
    shown = statistic if studentised else statistic * scale
    return replace(
        blank, statistic=shown if math.isfinite(shown) else None, assignments=len(found), exact=listed is not None,
        grouped=grouped, note="" if math.isfinite(shown) else "SEPARATED",
        **_shares(_tails(found, statistic, side, slack), chance, twice=side == "two"),
    )  # fmt: skip


def _shares(tails: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]], chance: Floats | None, *, twice: bool) -> Shares:
    """The p-value with what drawing leaves open; `chance`: the probabilities of all assignments, None of drawn ones."""
    if chance is not None:
        p, beyond = min((float(chance[hit].sum()), float(chance[far].sum())) for hit, far in tails)
        found = (p, p, p, (p + beyond) / 2.0)
    else:
        hits, far_hits = min((int(np.count_nonzero(hit)), int(np.count_nonzero(far))) for hit, far in tails)
        looked = len(tails[0][0])
        found = (
            (1.0 + hits) / (1.0 + looked),
            *_proportion(hits, looked),
            (1.0 + hits + far_hits) / 2.0 / (1.0 + looked),
        )
    # Two sides: twice the smaller tail, so that either direction errs at most half as often.
    p, low, high, mid = (min(1.0, part * (2.0 if twice else 1.0)) for part in found)
    return {"p_value": p, "low": low, "high": high, "mid_p": mid}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Contrast:
    """Treated minus control, out of the sums of the treated alone: the control has the rest."""

    layout: Layout
    weights: Floats
    centre: Floats
    sums: Floats
    whole: NDArray[np.int64]

    def of(self, treated: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Difference and statistic of every assignment; nan where one is undefined."""
        parts = [
            arm_values(part, self.layout, size=size, weights=self.weights, centre=self.centre)
            for part, size in ((treated, sizes), (self.sums[None] - treated, self.whole - sizes))
        ]
        (top, spread, over), (base, other, under) = parts
        gap = np.where((over > 0.0) & (under > 0.0), top - base, np.nan)
        if not self.layout.squares:
            return gap, gap
        error = np.sqrt(spread + other)
        scale = float(np.nanmax(np.abs(gap), initial=0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(np.abs(gap) <= 1e-14 * scale, 0.0, gap / error)
        return gap, np.where(np.isnan(error), np.nan, t)


def _cell(assigned: Assigned, k: int, centre: Floats) -> tuple[Units, int, NDArray[np.int64]]:
    """The distinct units of a stratum, how many units are treated, and how many of each kind."""
    chosen = np.flatnonzero(assigned.stratum == k)
    cluster = None if assigned.cluster is None else assigned.cluster[chosen]
    units, times = gather_marked(
        assigned.values[chosen], assigned.count[chosen], cluster, assigned.treated[chosen], centre=centre
    )
    return units, int(times.sum()), times


def _drawn_sums(
    cells: list[Units], tables: list[Floats], sizes: NDArray[np.int64], stream: Generator
) -> tuple[Floats, float]:
    """Sums of the treated in drawn assignments, and the largest share of variance inside groups."""
    pools = [make_pool(units, table, exact=False) for units, table in zip(cells, tables, strict=True)]
    drawn = [drawn_apart(pool, sizes[:, k], len(sizes), stream) for k, pool in enumerate(pools)]
    return np.stack(drawn, axis=1), max(pool.share for pool in pools)


def _tails(
    found: Floats, observed: float, side: Side, slack: float
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Which assignments are at least as far up (down) as the observed one, and which farther, as the side asks."""
    up = found >= observed - slack, found > observed + slack
    down = found <= observed + slack, found < observed - slack
    return {"greater": [up], "less": [down]}.get(side, [up, down])


def _proportion(hits: int, tries: int) -> tuple[float, float]:
    """Clopper and Pearson's interval for the p-value that all assignments would give."""
    from scipy.special import betaincinv

    tail = (1.0 - _PROOF) / 2.0
    low = float(betaincinv(hits, tries - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, tries - hits, 1.0 - tail)) if hits < tries else 1.0
    return low, high


def _all_tables(counts: list[NDArray[np.int64]], sizes: NDArray[np.int64]) -> list[NDArray[np.int64]] | None:
    """For every stratum all ways to treat so many units of each kind; None when there are too many to list."""
    most, listed = 1, []
    for count, size in zip(counts, sizes.tolist(), strict=True):
        rows = np.zeros((1, 0), np.int64)
        left = np.array([size], dtype=np.int64)
        rest = int(count.sum())
        for held in count.tolist():
            rest -= held
            least, largest = np.maximum(left - rest, 0), np.minimum(left, held)
            ways = largest - least + 1
            # Later kinds only multiply what is kept here, and each of these can be completed.
            if most * int(ways.sum()) > _MOST_TABLES:
                return None
            start = np.repeat(np.cumsum(ways) - ways, ways)
            taken = np.repeat(least, ways) + np.arange(int(ways.sum())) - start
            rows = np.column_stack([np.repeat(rows, ways, axis=0), taken])
            left = np.repeat(left, ways) - taken
        listed.append(rows)
        most *= len(rows)
    return listed


def _all_sums(
    listed: list[NDArray[np.int64]], tables: list[Floats], counts: list[NDArray[np.int64]]
) -> tuple[Floats, Floats]:
    """Sums of the treated in every assignment, and the probability of each."""
    from scipy.special import gammaln

    sums, logs = np.zeros((1, 0, tables[0].shape[1])), np.zeros(1)
    for rows, table, count in zip(listed, tables, counts, strict=True):
        part = rows @ table
        log = np.sum(gammaln(count + 1.0) - gammaln(rows + 1.0) - gammaln(count - rows + 1.0), axis=1)
        wide = len(sums)
        sums = np.concatenate([np.repeat(sums, len(part), axis=0), np.tile(part, (wide, 1))[:, None, :]], axis=1)
        logs = np.repeat(logs, len(part)) + np.tile(log, wide)
    chance = np.exp(logs - logs.max())
    return sums, chance / chance.sum()
