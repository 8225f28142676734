"""Cost per effective customer, flags of deal hunters, and the threshold of early actions, where the truth is known."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.multiplicity import adjust_pvalues
from experiments.wakeup.aha_curve import _indices, _relabelled, _replicates
from experiments.wakeup.channel_quality_flag import p_beyond
from experiments.wakeup.effective_ratio import cost_per_count, paid_per_count
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

WILSON = (
    "eight effective customers of 400: Wilson's limits of a rare share are not equal-tailed, so the cost is "
    "understated too seldom and overstated too often; both tails together stay near 5 %"
)
CHOICE = (
    "the largest of many separations, judged at the k that the data chose: the bootstrap of the error removes most of "
    "the optimism, not all of it, and near the top of a flat curve the choice is unstable; 4 to 12 % miss together"
)


def known_money(replications: int, rng: Generator, *, n: int, share: float) -> Tally:
    """Misses of the cost per effective customer when the money is known."""
    truth, low, high = 1_000.0 / (n * share), 0, 0
    for hits in rng.binomial(n, share, replications):
        found = cost_per_count(1_000.0, int(hits), n, level=0.95)
        low, high = low + (found.low > truth), high + (found.high < truth)
    return Tally(replications=replications, low=low, high=high)


def bonus(replications: int, rng: Generator, *, n: int, share: float) -> Tally:
    """The same when a bonus is paid to effective customers and money differs from person to person."""
    truth, low, high = (5.0 + 20.0 * share) / share, 0, 0
    for _ in range(replications):
        hits = rng.random(n) < share
        found = paid_per_count(rng.exponential(5.0, n) + 20.0 * hits, hits, level=0.95)
        low, high = low + (found.low > truth), high + (found.high < truth)
    return Tally(replications=replications, low=low, high=high)


def flags(
    replications: int, rng: Generator, *, sizes: tuple[int, ...], lost: tuple[float, ...], margin: float
) -> Tally:
    """Data sets in which a source is flagged that does not lose more by more than the margin."""
    n, wrong = np.array(sizes), 0
    for hits in rng.binomial(n, lost, (replications, len(sizes))):
        p = [
            p_beyond(
                (int(one), int(own), int(hits.sum() - one), int(n.sum() - own)),
                margin=margin,
                spent=0.025 / (10.0 * len(sizes)),
            )
            for one, own in zip(hits, n, strict=True)
        ]
        wrong += min(adjust_pvalues(p, method="holm")) < 0.025
    return Tally(replications=replications, low=wrong, high=0)


def drawn_cells(rng: Generator, n: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Cells of count and outcome, and the k between them: counts Poisson, retention rising with the count."""
    counts = rng.poisson(4, n)
    kept = rng.random(n) < retained(counts, slope)
    cells = np.stack([np.bincount(counts[kept == side], minlength=60) for side in (False, True)])
    filled = np.flatnonzero(cells.sum(axis=0))
    return cells[:, filled], filled[1:]


def retained(counts: np.ndarray, slope: float) -> np.ndarray:
    """Chance to be retained."""
    return 1.0 / (1.0 + np.exp(1.0 - slope * (np.minimum(counts, 6) - 4.0)))


def relabelled(replications: int, rng: Generator, *, n: int) -> Tally:
    """P-values of at most 5 % where nothing separates."""
    wrong = 0
    for seed in range(replications):
        cells, _ = drawn_cells(rng, n, 0.0)
        wrong += _relabelled(cells, float(_indices(cells[None])[0].max()), (199, seed)) <= 0.05
    return Tally(replications=replications, low=wrong, high=0)


def separated(replications: int, rng: Generator, *, n: int, slope: float) -> Tally:
    """Misses of the separation at the chosen k."""
    every = np.arange(60)
    weight = np.array([math.exp(-4.0 + k * math.log(4.0) - math.lgamma(k + 1.0)) for k in every])
    both = np.stack((weight * (1.0 - retained(every, slope)), weight * retained(every, slope)))
    truth = _indices(both[None])[0][0]
    low = high = 0
    for seed in range(replications):
        cells, ks = drawn_cells(rng, n, slope)
        youden = _indices(cells[None])[0][0]
        place = int(np.argmax(youden))
        drawn = _replicates(cells, (300, seed))
        error = drawn.apparent - youden[drawn.place]
        top, here = youden[place], truth[ks[place] - 1]
        low += top - np.quantile(error, 0.975) > here
        high += top - np.quantile(error, 0.025) < here
    return Tally(replications=replications, low=int(low), high=int(high))


COST, FLAG, AHA = "effective_customers", "channel_quality", "aha_threshold"
DESIGNS = (
    Design("cost per effective customer, 5 % of 5,000", COST, "coverage", partial(known_money, n=5_000, share=0.05)),
    Design(
        "cost per effective customer, 2 % of 400", COST, "coverage", partial(known_money, n=400, share=0.02),
        miss=WILSON,
    ),
    Design(
        "cost per effective customer, bonus, 30 % of 2,000", COST, "coverage", partial(bonus, n=2_000, share=0.3)
    ),
    Design(
        "five equal sources, no margin, any flag", FLAG, "size",
        partial(flags, sizes=(300, 500, 200, 400, 600), lost=(0.6,) * 5, margin=0.0), high=None,
    ),
    Design(
        "one source at the margin, four others far below, any flag", FLAG, "size",
        partial(flags, sizes=(500, 2_000, 2_000, 2_000, 2_000), lost=(0.65, 0.6, 0.6, 0.6, 0.6), margin=0.05),
        low=0.005, high=None,
    ),
    Design(
        "thirty sources of 20 beside one of 5,000, no margin, any flag", FLAG, "size",
        partial(flags, sizes=(5_000, *(20,) * 30), lost=(0.3,) * 31, margin=0.0), low=0.005, high=None,
    ),
    Design("early actions, nothing separates, p <= 5 %", AHA, "size", partial(relabelled, n=400), low=0.05, high=None),
    Design("early actions, weak separation, 400", AHA, "coverage", partial(separated, n=400, slope=0.15), miss=CHOICE),
    Design(
        "early actions, strong separation, 3,000", AHA, "coverage", partial(separated, n=3_000, slope=0.6), miss=CHOICE
    ),
)  # fmt: skip
