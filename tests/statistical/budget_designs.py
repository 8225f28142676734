"""Lists chosen under a budget, simulated: coverage of their value on other persons, and how good they look alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments.roi.allocation import Choice, allocate
from experiments.roi.cross_value import CrossData, cross_value
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["DESIGNS", "NAIVE"]

SHARES = (0.3, 0.35, 0.35)  # of the control and two arms
TOUCH, COUPON = (0.0, 0.2, 1.2), (0.0, 20.0, 20.0)
WORTH = 85.0
OPTIMISM = "the list is valued by the very figures that it was chosen by: shown, never used"


@dataclass(frozen=True)
class World:
    """Segments with a known return rate in every arm."""

    rates: np.ndarray  # segments by arms
    sizes: np.ndarray  # persons of every segment

    @property
    def net(self) -> np.ndarray:
        """True net worth of a person by segment and arm."""
        return WORTH * self.rates - np.array(TOUCH) - np.array(COUPON) * self.rates

    @property
    def cost(self) -> np.ndarray:
        """True cost of a person by segment and arm."""
        return np.array(TOUCH) + np.array(COUPON) * self.rates

    def value(self, shares: np.ndarray) -> float:
        """True value per person of shares of contact."""
        return float((shares * (self.net - self.net[:, :1])).sum(axis=1) @ self.sizes / self.sizes.sum())


def world(*, spread: float, rate: float, size: int, segments: int = 8) -> World:
    """Segments whose effects differ by ``spread`` around nothing gained: the harder to tell, the more luck chooses."""
    steps = np.linspace(-1.0, 1.0, segments)
    needed = (np.array(TOUCH[1:]) + np.array(COUPON[1:]) * rate) / (WORTH - np.array(COUPON[1:]))
    lifts = needed[None, :] + spread * steps[:, None]
    rates = np.column_stack([np.full(segments, rate), np.clip(rate + lifts, 0.0, 1.0)])
    return World(rates, np.full(segments, size))


def chosen(world: World, data: CrossData, learn: np.ndarray, budget: float) -> np.ndarray:
    """The list that the figures of some persons give: segments by arms."""
    cell = data.stratum[learn] * 3 + data.arm[learn]
    count = np.bincount(cell, minlength=world.rates.size)
    mean = (np.bincount(cell, weights=data.net[learn], minlength=world.rates.size) / np.maximum(count, 1)).reshape(
        -1, 3
    )
    gain, cost = mean - mean[:, :1], world.cost - world.cost[:, :1]
    choices = [
        Choice(segment=s, arm=a, cost=float(world.sizes[s] * cost[s, a]), value=float(world.sizes[s] * gain[s, a]))
        for s in range(len(gain))
        for a in (1, 2)
    ]
    found = allocate(choices, budget)
    made = np.eye(3)[np.zeros(len(gain), int)]
    for step, share in zip(found.steps, found.shares, strict=True):
        made[step.segment, step.before] -= share
        made[step.segment, step.arm] += share
    return made


def draw(world: World, rng: Generator) -> CrossData:
    """Persons of every segment, arms and returns drawn."""
    segment = np.repeat(np.arange(len(world.sizes)), world.sizes)
    arm = rng.choice(3, len(segment), p=SHARES)
    woken = rng.random(len(segment)) < world.rates[segment, arm]
    net = WORTH * woken - np.array(TOUCH)[arm] - np.array(COUPON)[arm] * woken
    return CrossData(net=net, arm=arm, unit=np.arange(len(segment), dtype=np.uint64), stratum=segment)


def coverage(
    replications: int, rng: Generator, *, spread: float, rate: float, size: int, budget: float, naive: bool = False,
    splits: int = 3,
) -> Tally:  # fmt: skip
    """The mean true value of the lists chosen lies in the interval; for the naive one, that of the list itself."""
    here = world(spread=spread, rate=rate, size=size)
    money = budget * float(here.sizes.sum())
    low = high = 0
    for _ in range(replications):
        data, truths = draw(here, rng), []

        def rule(learn, held, data=data, truths=truths):
            shares = chosen(here, data, learn, money)
            truths.append((here.value(shares), len(learn) < len(data.net)))
            return shares[data.stratum[held]]

        found = cross_value(data, rule, folds=5, splits=splits, seed=int(rng.integers(2**31)))
        truth = float(np.mean([value for value, fitted in truths if fitted != naive]))
        estimate = found.naive if naive else found.estimate
        low, high = low + (estimate.low > truth), high + (estimate.high < truth)
    return Tally(replications, low, high)


def _design(spread, rate, size, budget):
    return Design(
        name=f"8 segments of {size:,}, {rate:.0%} return, effects spread by {spread:.1%}, budget {budget} a person",
        method="cross_value",
        kind="coverage",
        run=partial(coverage, spread=spread, rate=rate, size=size, budget=budget),
    )


DESIGNS = (
    _design(0.0, 0.05, 1_500, 0.3),
    _design(0.02, 0.05, 1_500, 0.3),
    _design(0.02, 0.05, 1_500, 10.0),
    _design(0.005, 0.01, 4_000, 0.3),
)
NAIVE = Design(
    name="8 segments of 1,500, 5% return, no arm worth its cost anywhere, budget 0.3 a person",
    method="the figures that the list was chosen by",
    kind="coverage",
    run=partial(coverage, spread=0.0, rate=0.05, size=1_500, budget=0.3, naive=True),
    miss=OPTIMISM,
)
