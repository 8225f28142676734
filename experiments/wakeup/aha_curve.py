"""Separation by a number of actions: the curve over k, the chosen k, and what choosing it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate
from attribution.core.randomness import generator
from experiments.inference.proportions import share_estimate
from experiments.inference.rates import compare_rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AhaCurve", "AhaPoint", "separation"]

_BLOCK = 2_000_000  # numbers of a block of replicates: bounds memory


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AhaPoint:
    """One k.

    Attributes:
        k: Number of actions.
        reached: Customers with at least k actions: their share retained (n is their number).
        below: Customers with fewer.
        difference: Difference of the two shares, score interval of this k by itself.
        youden: P(N >= k | retained) - P(N >= k | not retained).
        phi: Correlation of "at least k actions" with "retained".
        chosen_share: Share of bootstrap samples that choose this k.
        chosen: Whether the data choose it.
    """

    k: int
    reached: Estimate
    below: Estimate
    difference: Estimate
    youden: float
    phi: float
    chosen_share: float
    chosen: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AhaCurve:
    """All k, and the choice among them.

    Attributes:
        points: The k that part the customers.
        threshold: k of the largest Youden index; with the note NO_SEPARATION where re-labelling does as well.
        threshold_phi: k of the largest phi.
        apparent: The largest Youden index, as it stands in the data.
        separation: The same minus its optimism.
        p_value: How often random re-labelling reaches the largest index.
        note: Why there is none.
    """

    points: tuple[AhaPoint, ...]
    threshold: Estimate
    threshold_phi: Estimate
    apparent: float | None
    separation: Estimate
    p_value: float | None
    note: str


def separation(
    counts: NDArray[np.int64], retained: NDArray[np.bool_], *, largest: int, level: float, draws: tuple[int, int]
) -> AhaCurve:
    """The curve over k and its choice, from counts and retention.

    Persons with the same count and outcome are alike, so a bootstrap sample of persons is a multinomial draw of the
    cells, and a re-labelling a hypergeometric one: the work does not grow with the number of persons.

    Args:
        counts: Actions of each person.
        retained: Whether each was retained.
        largest: Largest k.
        level: Confidence level.
        draws: Number of replicates, and the seed.
    """
    cells = np.stack([
        np.bincount(np.minimum(counts[retained == kept], largest), minlength=largest + 1) for kept in (False, True)
    ])  # fmt: skip
    note = _undefined(cells)
    if note:
        nothing = Estimate(value=None, level=level, n=len(counts), note=note)
        return AhaCurve(
            points=(), threshold=nothing, threshold_phi=nothing, apparent=None, separation=nothing, p_value=None,
            note=note,
        )  # fmt: skip
    filled = np.flatnonzero(cells.sum(axis=0))
    cells, ks = cells[:, filled], filled[1:]  # k between two counts that occur part nobody
    youden, phi = _indices(cells[None])
    place, place_phi = int(np.argmax(youden[0])), int(np.argmax(phi[0]))
    drawn = _replicates(cells, draws)
    at, of_phi = drawn.place, drawn.place_phi
    tails = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    # A sample's index at its own choice, against the same choice in the data: how the data's stands to the truth.
    error = drawn.apparent - youden[0][at]
    top = float(youden[0, place])
    optimism = float(np.mean(error))
    high, low = (top - float(np.quantile(error, tail)) for tail in tails)
    chosen = np.bincount(at, minlength=len(ks)) / len(at)
    points = tuple(
        _point(
            int(k), i, cells, level=level, found=(float(youden[0, i]), float(phi[0, i]), float(chosen[i]), i == place)
        )
        for i, k in enumerate(ks)
    )
    p_value = _relabelled(cells, top, draws)
    # The p-value is of the largest index, whichever k it falls on: without it a k is a choice among noise.
    note = "" if p_value < 1.0 - level else "NO_SEPARATION"
    found = Estimate(
        value=top - optimism, low=max(-1.0, low), high=min(1.0, high), level=level, n=len(counts),
        method="bootstrap of the error at the choice",
    )  # fmt: skip
    return AhaCurve(
        points=points, threshold=replace(_chosen(ks, place, at, tails, level, len(counts)), note=note),
        threshold_phi=_chosen(ks, place_phi, of_phi, tails, level, len(counts)), apparent=top, separation=found,
        p_value=p_value, note="",
    )  # fmt: skip


def _undefined(cells: NDArray[np.int64]) -> str:
    if np.count_nonzero(cells.sum(axis=0)) < 2:
        return "NO_VARIATION"
    return "ONE_OUTCOME" if not cells.sum(axis=1).all() else ""


def _indices(cells: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Youden's J and phi for every k, of replicates x outcome x count; where an outcome is absent both are 0."""
    reached = np.cumsum(cells[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1:].astype(np.float64)
    total = cells.sum(axis=2).astype(np.float64)
    there = total.all(axis=1)
    share = reached / np.where(total > 0.0, total, 1.0)[:, :, None]
    youden = np.where(there[:, None], share[:, 1] - share[:, 0], 0.0)
    n = total.sum(axis=1)[:, None]
    over, kept = reached.sum(axis=1), total[:, 1][:, None]
    spread = over * (n - over) * kept * (n - kept)
    phi = np.where(spread > 0.0, (n * reached[:, 1] - over * kept) / np.sqrt(np.where(spread > 0.0, spread, 1.0)), 0.0)
    return youden, phi


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Replicates:
    """What was chosen in each bootstrap sample."""

    place: NDArray[np.int64]
    place_phi: NDArray[np.int64]
    apparent: NDArray[np.float64]


def _replicates(cells: NDArray[np.int64], draws: tuple[int, int]) -> _Replicates:
    number, seed = draws
    stream = generator(seed, "aha threshold, bootstrap")
    n = int(cells.sum())
    size = max(1, _BLOCK // cells.size)
    parts = []
    for begin in range(0, number, size):
        drawn = stream.multinomial(n, cells.ravel() / n, size=min(size, number - begin)).reshape(-1, *cells.shape)
        youden, phi = _indices(drawn)
        parts.append((np.argmax(youden, axis=1), np.argmax(phi, axis=1), youden.max(axis=1)))
    place, place_phi, apparent = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _Replicates(place=place, place_phi=place_phi, apparent=apparent)


def _relabelled(cells: NDArray[np.int64], top: float, draws: tuple[int, int]) -> float:
    """P-value of the largest index: the share of re-labellings, the data among them, that reach it."""
    number, seed = draws
    stream = generator(seed, "aha threshold, labels")
    marginal, kept = cells.sum(axis=0), int(cells[1].sum())
    size = max(1, _BLOCK // cells.size)
    reached = 0
    for begin in range(0, number, size):
        drawn = stream.multivariate_hypergeometric(marginal, kept, size=min(size, number - begin), method="marginals")
        youden, _ = _indices(np.stack((marginal[None] - drawn, drawn), axis=1))
        reached += int(np.count_nonzero(youden.max(axis=1) >= top - 1e-12))
    return (1.0 + reached) / (1.0 + number)


def _chosen(
    ks: NDArray[np.int64],
    place: int,
    drawn: NDArray[np.int64],
    tails: tuple[float, float],
    level: float,
    n: int,
) -> Estimate:
    """A chosen k, with the k that bootstrap samples choose between the tails."""
    low, high = (float(np.quantile(ks[drawn], tail, method="inverted_cdf")) for tail in tails)
    return Estimate(
        value=float(ks[place]), low=low, high=high, level=level, n=n, method="person bootstrap of the choice"
    )


def _point(
    k: int, place: int, cells: NDArray[np.int64], *, level: float, found: tuple[float, float, float, bool]
) -> AhaPoint:
    above, below = cells[:, place + 1 :].sum(axis=1), cells[:, : place + 1].sum(axis=1)
    youden, phi, share, chosen = found
    return AhaPoint(
        k=k,
        reached=share_estimate(int(above[1]), int(above.sum()), level=level),
        below=share_estimate(int(below[1]), int(below.sum()), level=level),
        difference=compare_rates(
            int(above[1]), int(above.sum()), int(below[1]), int(below.sum()), level=level
        ).difference,
        youden=youden,
        phi=phi,
        chosen_share=share,
        chosen=chosen,
    )
