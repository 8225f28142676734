"""Credible intervals when the truth is drawn from the stated prior: then, and only on average over it, they cover."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from experiments.inference.bayes.betas import BetaPair, beta
from experiments.inference.bayes.normals import normal_pair
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

WRONG = (
    "rates of 2 % read with a prior that holds them to be 10 %: every posterior is pulled towards it, the small "
    "holdout's more than the arm's; a prior is an assumption, and this one is wrong"
)


def rates(draws: int, stream: Generator, *, prior: tuple[float, float], stated: tuple[float, float], n: tuple) -> Tally:
    """Rates drawn from one prior and read with another; the interval misses below 2.5 %, above 97.5 %."""
    p = stream.beta(*prior, size=(draws, 2))
    hits = stream.binomial(n, p)
    low = high = 0
    for i in range(draws):
        treatment, control = (beta(stated[0] + hits[i, k], stated[1] + n[k] - hits[i, k]) for k in (0, 1))
        place = BetaPair(treatment=treatment, control=control).below(p[i, 0] - p[i, 1])
        low, high = low + (place < 0.025), high + (place > 0.975)
    return Tally(replications=draws, low=low, high=high)


def lifts(draws: int, stream: Generator, *, prior: tuple[float, float], n: tuple) -> Tally:
    """The same for the lift."""
    p = stream.beta(*prior, size=(draws, 2))
    hits = stream.binomial(n, p)
    low = high = 0
    for i in range(draws):
        treatment, control = (beta(prior[0] + hits[i, k], prior[1] + n[k] - hits[i, k]) for k in (0, 1))
        place = BetaPair(treatment=treatment, control=control).ratio_below(p[i, 0] / p[i, 1])
        low, high = low + (place < 0.025), high + (place > 0.975)
    return Tally(replications=draws, low=low, high=high)


def means(draws: int, stream: Generator, *, prior: tuple[float, float], n: tuple[int, int]) -> Tally:
    """Normal money with an effect drawn from its normal prior."""
    effect = stream.normal(*prior, size=draws)
    low = high = 0
    for i in range(draws):
        treated, control = stream.normal(10 + effect[i], 6, n[0]), stream.normal(10, 5, n[1])
        base = control.var(ddof=1) / n[1]
        pair = normal_pair(
            float(treated.mean() - control.mean()), float(control.mean()), variance=treated.var(ddof=1) / n[0] + base,
            base_variance=base, prior=prior,
        )  # fmt: skip
        place = pair.below(effect[i])
        low, high = low + (place < 0.025), high + (place > 0.975)
    return Tally(replications=draws, low=low, high=high)


def cover(name: str, method: str, run: object, miss: str = "") -> Design:
    return Design(name=name, method=method, kind="coverage", run=run, miss=miss)


SIZES = (900, 100)
RIGHT = {"prior": (2.0, 98.0), "stated": (2.0, 98.0)}
DESIGNS = (
    cover("rates from Beta(2, 98), 900 and 100 persons", "bayes_rates, difference", partial(rates, **RIGHT, n=SIZES)),
    cover("rates from Beta(2, 98), 900 and 100 persons", "bayes_rates, lift", partial(lifts, prior=(2, 98), n=SIZES)),
    cover(
        "rates from Beta(1, 1), 20 and 5 persons", "bayes_rates, difference",
        partial(rates, prior=(1.0, 1.0), stated=(1.0, 1.0), n=(20, 5)),
    ),
    cover(
        "rates of about 2 %, prior of about 10 %", "bayes_rates, difference",
        partial(rates, prior=(20.0, 980.0), stated=(20.0, 180.0), n=(900, 100)), miss=WRONG,
    ),
    cover(
        "effects from Normal(0, 0.5), 400 and 200 persons", "bayes_means, difference",
        partial(means, prior=(0.0, 0.5), n=(400, 200)),
    ),
)  # fmt: skip
