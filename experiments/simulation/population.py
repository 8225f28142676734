"""Who the customers are: numbers, history, latent type, and the chance to come back without any campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.constants import COUNT_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants

__all__ = ["Population", "draw_population"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Population:
    """Arrays by person, in the order of their ``person_id``; ``owner`` is by customer number.

    Attributes:
        owner: The person of each customer number, in the order of the numbers.
        numbers: How many customer numbers each person has.
        smallest: Index of each person's smallest customer number; ascending.
        source: Index into the source channels.
        hunter: Whether the person is a deal hunter (latent).
        kind: Index into the latent types.
        investments: Number of investments so far.
        count_class: Index into the count classes.
        recency_days: Days silent at assignment.
        recency_class: Index into the recency classes.
        amount_total: Sum of all investments so far, yuan.
        amount_max: The largest investment, yuan.
        baseline: Probability to return within the window without any campaign, before weekdays.
        installed: Whether the app is installed.
        no_sms: Opted out of messages.
        no_phone: Opted out of calls.
        no_push: Opted out of push.
    """

    owner: NDArray[np.int64]
    numbers: NDArray[np.int64]
    smallest: NDArray[np.int64]
    source: NDArray[np.int64]
    hunter: NDArray[np.bool_]
    kind: NDArray[np.int64]
    investments: NDArray[np.int64]
    count_class: NDArray[np.int64]
    recency_days: NDArray[np.int64]
    recency_class: NDArray[np.int64]
    amount_total: NDArray[np.float64]
    amount_max: NDArray[np.float64]
    baseline: NDArray[np.float64]
    installed: NDArray[np.bool_]
    no_sms: NDArray[np.bool_]
    no_phone: NDArray[np.bool_]
    no_push: NDArray[np.bool_]


def draw_population(constants: Constants, persons: int, seed: int) -> Population:
    """Draw the persons; nothing here depends on the arms."""
    owner, numbers, smallest = _draw_numbers(constants, persons, seed)
    source = _choose(constants.source_shares, _uniform(seed, "source", persons))
    hunter = _uniform(seed, "hunter", persons) < np.asarray(constants.hunter_by_source)[source]
    kind = _choose(constants.type_shares, _uniform(seed, "type", persons))
    investments = _draw_investments(constants, hunter, _uniform(seed, "investments", persons))
    recency_class = _choose(constants.recency_shares, _uniform(seed, "recency_class", persons))
    edges = np.asarray(constants.recency_edges)
    spread = edges[recency_class + 1] - edges[recency_class]
    recency_days = edges[recency_class] + (_uniform(seed, "recency_days", persons) * spread).astype(np.int64)
    count_class = np.searchsorted([2, 5], investments, side="right")
    noise = generator(seed, "simulate.amount").standard_normal(persons)
    amount_total = np.round(constants.amount_median * investments * np.exp(constants.amount_sigma * noise), 2)
    largest = 1 / investments + (1 - 1 / investments) * _uniform(seed, "largest", persons)
    baseline = (
        constants.baseline
        * np.asarray(constants.baseline_by_recency)[recency_class]
        * np.asarray(constants.baseline_by_count)[count_class]
        * np.where(hunter, constants.baseline_hunter, 1.0)
        * np.asarray(constants.baseline_by_type)[kind]
    )
    return Population(
        owner=owner,
        numbers=numbers,
        smallest=smallest,
        source=source,
        hunter=hunter,
        kind=kind,
        investments=investments,
        count_class=np.minimum(count_class, len(COUNT_CLASSES) - 1),
        recency_days=recency_days,
        recency_class=recency_class,
        amount_total=amount_total,
        amount_max=np.round(amount_total * largest, 2),
        baseline=baseline,
        installed=_uniform(seed, "installed", persons) < constants.installed,
        no_sms=_uniform(seed, "opt_out_sms", persons) < constants.opt_out_sms,
        no_phone=_uniform(seed, "opt_out_phone", persons) < constants.opt_out_phone,
        no_push=_uniform(seed, "opt_out_push", persons) < constants.opt_out_push,
    )


def _uniform(seed: int, purpose: str, size: int) -> NDArray[np.float64]:
    return generator(seed, f"simulate.{purpose}").random(size)


def _choose(shares: Sequence[float], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """One index per uniform, with these shares."""
    steps = np.cumsum(shares)[:-1]
    return np.searchsorted(steps, uniform, side="right").astype(np.int64)


def _draw_numbers(
    constants: Constants, persons: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Deal customer numbers to persons at random, then order the persons by their smallest number."""
    uniform = _uniform(seed, "numbers", persons)
    several = constants.two_numbers + constants.three_numbers
    numbers = 1 + (uniform < several).astype(np.int64) + (uniform < constants.three_numbers)
    total = int(numbers.sum())
    dealt = generator(seed, "simulate.customer_numbers").permutation(total)
    starts = np.cumsum(numbers) - numbers
    smallest = np.minimum.reduceat(dealt, starts)
    order = np.argsort(smallest)
    rank = np.empty(persons, dtype=np.int64)
    rank[order] = np.arange(persons)
    owner = np.empty(total, dtype=np.int64)
    owner[dealt] = np.repeat(rank, numbers)
    return owner, numbers[order], smallest[order]


def _draw_investments(
    constants: Constants, hunter: NDArray[np.bool_], uniform: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Number of investments by inverting the distribution that the stopping hazards imply."""
    plain = _stopping(constants.stop_hazards, constants.most_investments)
    hunting = _stopping(constants.hunter_stop_hazards, constants.most_investments)
    count = np.where(
        hunter,
        np.searchsorted(hunting, uniform, side="right"),
        np.searchsorted(plain, uniform, side="right"),
    )
    limited: NDArray[np.int64] = np.minimum(count + 1, constants.most_investments)
    return limited


def _stopping(hazards: Sequence[float], most: int) -> NDArray[np.float64]:
    """Cumulative probability to have stopped after n = 1, 2, ...; the last hazard repeats."""
    padded = np.concatenate([hazards, np.full(most - len(hazards), hazards[-1])])
    return 1 - np.cumprod(1 - padded)
