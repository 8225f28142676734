"""Verdicts, sets and the money test on campaigns whose truth lies exactly on the line between paying and not."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from experiments.moments.grid import Grid
from experiments.roi.arms import ArmCosts
from experiments.roi.contrasts import ContrastCosts
from experiments.roi.money_kernel import both, money_figures, pooled_difference, welch_difference
from experiments.roi.net_benefit import net_benefit
from experiments.roi.undecided import undecided_thresholds
from experiments.roi.value import value_line
from experiments.roi.verdicts import adjust_verdicts, decide, verdict_p_values
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

THRESHOLD = 85.0
SETS = 1_000
COUPON, REDEEMED, TOUCH_SPREAD = 25.0, 0.6, 0.2
WAKING = COUPON * REDEEMED  # what a woken person of a treated arm costs on average


def costed(stream: Generator, n: int, rate: float, touch: float, *, coupon: bool) -> ArmCosts:
    """One arm: a touch cost that varies a little, and a coupon that some of the woken redeem."""
    woken = int(stream.binomial(n, rate))
    redeemed = int(stream.binomial(woken, REDEEMED)) if coupon else 0
    share = redeemed / woken if woken else 0.0
    return ArmCosts(
        n=n,
        woken=woken,
        cost_mean_woken=touch + COUPON * share,
        cost_mean_other=touch + (stream.normal(0.0, TOUCH_SPREAD / (n - woken) ** 0.5) if coupon else 0.0),
        cost_variance_woken=COUPON**2 * share * (1.0 - share) * woken / max(woken - 1, 1),
        cost_variance_other=TOUCH_SPREAD**2 if coupon else 0.0,
    )


def touch_cost(p1: float, p0: float, threshold: float = THRESHOLD) -> float:
    """The touch cost at which the net benefit at the threshold is exactly 0."""
    return threshold * (p1 - p0) - WAKING * p1


def on_the_line(draws: int, stream: Generator, *, n: tuple[int, int], rates: tuple[float, float]) -> Tally:
    """PASS and FAIL of one row whose true net benefit is 0."""
    touch, words = touch_cost(*rates), []
    for _ in range(draws):
        arms = costed(stream, n[0], rates[0], touch, coupon=True), costed(stream, n[1], rates[1], 0.0, coupon=False)
        words.append(decide(net_benefit([arms[0]], [arms[1]], THRESHOLD)).word)
    return Tally(replications=draws, low=words.count("PASS"), high=words.count("FAIL"))


def family(draws: int, stream: Generator, *, holdout: float, segments: int = 3) -> Tally:
    """Any PASS and any FAIL among three steps in each segment, all with a true net benefit of 0 at the threshold."""
    low = high = 0
    steps, n = (0.010, 0.015, 0.019, 0.022), 24_000
    sizes = [round(n * holdout), *[round(n * (1.0 - holdout) / 3.0)] * 3]
    # Each step's touch cost makes its own contrast with the arm before worth exactly nothing.
    totals = [THRESHOLD * (p - steps[0]) for p in steps]
    for _ in range(draws):
        up, down = [], []
        for _ in range(segments):
            arms = [
                costed(stream, size, p, total - WAKING * p if k else 0.0, coupon=k > 0)
                for k, (size, p, total) in enumerate(zip(sizes, steps, totals, strict=True))
            ]
            for before, arm in pairwise(arms):
                pair = verdict_p_values(net_benefit([arm], [before], THRESHOLD))
                up.append(pair[0])
                down.append(pair[1])
        words = adjust_verdicts(up, down, [False] * len(up))
        low, high = low + ("PASS" in words), high + ("FAIL" in words)
    return Tally(replications=draws, low=low, high=high)


def price_set(draws: int, stream: Generator, *, n: tuple[int, int], rates: tuple[float, float], touch: float) -> Tally:
    """Whether the set of the cost per incremental wake-up holds the true one, however weak the effect."""
    p1, p0 = rates
    truth = (touch + WAKING * p1) / (p1 - p0)
    low = high = 0
    for _ in range(draws):
        arms = costed(stream, n[0], p1, touch, coupon=True), costed(stream, n[1], p0, 0.0, coupon=False)
        if not undecided_thresholds([arms[0]], [arms[1]]).contains(truth):
            passes = net_benefit([arms[0]], [arms[1]], truth).value > 0.0
            low, high = low + passes, high + (not passes)
    return Tally(replications=draws, low=low, high=high)


def bought(stream: Generator, n: int, rate: float, sigma: float) -> ArmCosts:
    """One arm with lognormal value among the woken, in the place of cost."""
    woken = int(stream.binomial(n, rate))
    value = stream.lognormal(4.0, sigma, woken)
    return ArmCosts(
        n=n,
        woken=woken,
        cost_mean_woken=float(value.mean()) if woken else 0.0,
        cost_mean_other=0.0,
        cost_variance_woken=float(value.var(ddof=1)) if woken > 1 else 0.0,
        cost_variance_other=0.0,
    )


def value_set(draws: int, stream: Generator, *, n: tuple[int, int], rates: tuple[float, float], sigma: float) -> Tally:
    """Whether the set of the incremental value per incremental wake-up holds the truth, the mean value of the woken."""
    truth = float(np.exp(4.0 + sigma**2 / 2.0))
    draws = min(draws, SETS)  # a set takes some hundred scores
    low = high = 0
    for _ in range(draws):
        arms = [bought(stream, size, rate, sigma) for size, rate in zip(n, rates, strict=True)]
        line = value_line(
            ContrastCosts(arm="sms", control="holdout", segment=None, treated=(arms[0],), untreated=(arms[1],),
                          weights=(1.0,)), level=0.95,
        )  # fmt: skip
        if not line.ratio.contains(truth):
            over = truth * (line.woken.value or 0.0) < line.value
            low, high = low + over, high + (not over)
    return Tally(replications=draws, low=low, high=high)


def money_grid(stream: Generator, n: tuple[int, int], rates: tuple[float, float], sigma: float) -> Grid:
    """Value less cost of two arms whose true difference is 0: touches eat what further wake-ups bring."""
    mean = float(np.exp(sigma**2 / 2.0))
    found = []
    for size, rate, touch in zip(n, rates, (mean * (rates[0] - rates[1]), 0.0), strict=True):
        value = stream.lognormal(0.0, sigma, int(stream.binomial(size, rate)))
        centre = float(value.sum()) / size
        squares = float(((value - centre) ** 2).sum()) + (size - len(value)) * centre**2
        found.append((centre - touch, squares))
    persons = np.array([n], dtype=np.int64)
    empty = np.full((1, 2), np.nan)
    return Grid(
        strata=((),), arms=("sms", "holdout"), labels=("net",), persons=persons, n=persons,
        means=np.array([[[found[0][0]], [found[1][0]]]]), products=np.array([[[[found[0][1]]], [[found[1][1]]]]]),
        cubes=np.zeros((1, 2)), smallest=empty, largest=empty,
    )  # fmt: skip


def money(
    draws: int, stream: Generator, *, n: tuple[int, int], rates: tuple[float, float], sigma: float, alone: bool = False
) -> Tally:
    """False PASS and false FAIL of the money test, or of Welch alone."""
    low = high = 0
    for _ in range(draws):
        figures, _ = money_figures(money_grid(stream, n, rates, sigma), None, name="money")
        net = welch_difference(figures, "sms", "holdout", level=0.95, side="two")
        if not alone:
            net = both(net, pooled_difference(figures, "sms", "holdout", level=0.95, side="two"))
        low, high = low + (net.low > 0.0), high + (net.high < 0.0)
    return Tally(replications=draws, low=low, high=high)


SCORE = (
    "score limits are not equal-tailed with a small holdout: the PASS side is a little careful, the FAIL side a little "
    "bold, and fewer than 20 woken in the holdout decide nothing"
)
FAMILY = "Holm controls the chance of any false word; it is careful where contrasts share an arm"
SHARED = (
    "PASS needs two bounds; the variance that both arms share does not follow the luck of a small holdout and is "
    "careful for PASS, Welch's is careful for FAIL, so at uneven arms both together err less than the nominal share; "
    "at even arms they are one, and the skewed values of an arm that wakes more fall below the truth too often"
)
WELCH = "a small arm that lacks its large values by luck has a low mean and a low variance together; `money_test` adds a bound"  # noqa: E501
SKEWED = (
    "the mean value of few skewed orders is not normal: at even arms the set is a little narrow on one side; beside a "
    "small holdout it also reads the variance that both arms share, and misses less than it may"
)
SIZES = {0.005: 100_000, 0.01: 60_000, 0.05: 20_000}
CELLS = [(share, rate) for share in (0.5, 0.2, 0.1) for rate in SIZES]


def _n(share: float, rate: float) -> tuple[int, int]:
    control = round(SIZES[rate] * share)
    return SIZES[rate] - control, control


def _size(name: str, method: str, run: object, miss: str) -> Design:
    return Design(name=name, method=method, kind="size", run=run, miss=miss)  # type: ignore[arg-type]


def _cover(name: str, method: str, run: object, miss: str = "") -> Design:
    return Design(name=name, method=method, kind="coverage", run=run, miss=miss)  # type: ignore[arg-type]


def _place(share: float, rate: float) -> str:
    return f"true net benefit 0, holdout {share:.0%} of {SIZES[rate]:,}, control rate {rate:.1%}"


DESIGNS = (
    *(
        _size(
            f"{_place(share, rate)}, treated {1.5 * rate:.2%}", "cost_thresholds, one row",
            partial(on_the_line, n=_n(share, rate), rates=(1.5 * rate, rate)), SCORE,
        )
        for share, rate in CELLS
    ),
    *(
        _size(
            f"true net benefit 0 in 9 rows (3 steps x 3 segments), holdout {share:.0%}", "cost_thresholds, any row",
            partial(family, holdout=share), FAMILY,
        )
        for share in (0.25, 0.1)
    ),
    *(
        _cover(
            f"cost per incremental wake-up, {label} effect, holdout {share:.0%} of 60,000", "cost_thresholds, set",
            partial(price_set, n=_n(share, 0.01), rates=(p1, 0.01), touch=0.2), SCORE,
        )
        for share in (0.5, 0.1)
        for label, p1 in (("weak", 0.0105), ("clear", 0.015))
    ),
    *(
        _cover(
            f"value per incremental wake-up, {label} effect, sigma {sigma}, holdout {share:.0%} of 60,000",
            "value_per_wakeup, set", partial(value_set, n=_n(share, 0.01), rates=(p1, 0.01), sigma=sigma), SKEWED,
        )
        for share in (0.5, 0.1)
        for label, p1 in (("weak", 0.0105), ("clear", 0.015))
        for sigma in (0.5, 1.5)
    ),
    *(
        _size(
            f"{_place(share, rate).replace('net benefit', 'money')}, lognormal 1.5",
            "welch alone" if alone else "money_test, pooled",
            partial(money, n=_n(share, rate), rates=(rate, rate), sigma=1.5, alone=alone), WELCH if alone else SHARED,
        )
        for alone in (True, False)
        for share, rate in CELLS
    ),
    *(
        _size(
            f"{_place(share, rate).replace('net benefit', 'money')}, treated {1.5 * rate:.2%}, lognormal 1.5",
            "money_test, pooled", partial(money, n=_n(share, rate), rates=(1.5 * rate, rate), sigma=1.5), SHARED,
        )
        for share, rate in CELLS
    ),
)  # fmt: skip
