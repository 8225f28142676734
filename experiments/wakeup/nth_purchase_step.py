"""The most likely single step of a hazard by order, whether there is one, and how far it moves with other persons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate
from attribution.core.randomness import check_seed, generator
from experiments.wakeup.dormancy_cells import Patterns, drawn_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HazardStep", "find_step", "likely_step"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HazardStep:
    """One step of the share that stops.

    Attributes:
        nth: The first order after the step, with its interval over persons; None with the note NO_HAZARD_STEP when one
            constant share tells as much.
        before: Share that stops before it; None without a step.
        after: Share that stops from it on; None without a step.
        support: Share of the redrawn logs in which there was a step at all.
    """

    nth: Estimate
    before: float | None
    after: float | None
    support: float


def likely_step(
    reached: NDArray[np.float64], stopped: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where the hazard steps, row by row, and whether a step tells more than a constant.

    Args:
        reached: Customers who reached each order, rows by orders.
        stopped: Those who stopped there.

    Returns:
        The place of the first order after the step (ties: the earliest), and whether twice the gain in log likelihood
        exceeds the two parameters of the step at BIC's price of log(number of trials) each.
    """
    n, k = np.cumsum(reached, axis=1), np.cumsum(stopped, axis=1)
    whole = _likelihood(k[:, -1:], n[:, -1:])
    left = _likelihood(k[:, :-1], n[:, :-1])
    right = _likelihood(k[:, -1:] - k[:, :-1], n[:, -1:] - n[:, :-1])
    gain = left + right - whole
    # A split with nobody on one side is no split; equal ones differ by rounding only.
    gain[(n[:, :-1] == 0) | (n[:, :-1] == n[:, -1:])] = 0.0
    best = gain.max(axis=1)
    place = np.argmax(gain >= best[:, None] - 1e-9 * np.maximum(1.0, np.abs(best[:, None])), axis=1) + 1
    known = 2.0 * best > 2.0 * np.log(np.maximum(n[:, -1], 2.0))
    return place.astype(np.int64), known


def _likelihood(k: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest binomial log likelihood of k of n, without the constant."""
    rest = n - k
    share = np.divide(k, n, out=np.zeros_like(k), where=n > 0)
    first = k * np.log(share, out=np.zeros_like(k), where=share > 0)
    second = rest * np.log1p(-share, out=np.zeros_like(k), where=share < 1)
    return np.asarray(first + second, dtype=np.float64)


def find_step(patterns: Patterns, *, level: float, replicates: int, seed: int) -> HazardStep:
    """The step of the data, with the percentiles of the step in logs of persons drawn with replacement.

    Args:
        patterns: What persons add to the reached and the stopped, orders reached first.
        level: Confidence level.
        replicates: Redrawn logs.
        seed: Seed of the draws.
    """
    orders = patterns.rows.shape[1] // 2
    persons = int(patterns.count.sum())
    told = {"level": level, "method": "person bootstrap", "n": persons}
    none = Estimate(value=None, note="NO_HAZARD_STEP", **told)  # type: ignore[arg-type]
    if orders < 2:
        return HazardStep(nth=none, before=None, after=None, support=0.0)
    sums = (patterns.count.astype(np.float64) @ patterns.rows)[None, :]
    place, known = likely_step(sums[:, :orders], sums[:, orders:])
    chance = generator(check_seed(seed), "nth_purchase.step")
    drawn = [likely_step(block[:, :orders], block[:, orders:]) for block in drawn_sums(patterns, replicates, chance)]
    places = np.sort(np.concatenate([each for each, _ in drawn]))
    support = float(np.concatenate([each for _, each in drawn]).mean())
    if not known[0]:
        return HazardStep(nth=none, before=None, after=None, support=support)
    at = int(place[0])
    outer = int(np.floor((1.0 - level) / 2.0 * len(places) + 1e-9))
    # The step itself stays inside, also where few of the redrawn logs have theirs at the same order.
    low, high = min(at, int(places[outer])), max(at, int(places[len(places) - 1 - outer]))
    nth = Estimate(value=at + 1.0, low=low + 1.0, high=high + 1.0, **told)  # type: ignore[arg-type]
    reached, stopped = sums[0, :orders], sums[0, orders:]
    return HazardStep(
        nth=nth, before=float(stopped[:at].sum() / reached[:at].sum()),
        after=float(stopped[at:].sum() / reached[at:].sum()), support=support,
    )  # fmt: skip
