"""Uplift curves, rules and rankings on populations whose uplift is known person by person."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

import experiments as ex
from experiments.uplift.curves import CurveNumbers, curve_of
from experiments.uplift.trial import Trial
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["DESIGNS"]

_SHARE = 0.3


class _LeastSquares:
    """A straight plane through the features."""

    def fit(self, features: Floats, outcome: Floats) -> _LeastSquares:
        self.plane = np.linalg.lstsq(_with_one(features), outcome, rcond=None)[0]
        return self

    def predict(self, features: Floats) -> Floats:
        return _with_one(features) @ self.plane


def _with_one(features: Floats) -> Floats:
    return np.column_stack((np.ones(len(features)), features))


def _trial(treated: NDArray[np.bool_], outcome: Floats, chance: float, size: int = 1) -> Trial:
    n = len(treated)
    return Trial(
        arm="sms", control="holdout", person=pa.array(range(n)), treated=treated, chance=np.full(n, chance),
        weight=np.ones(n), cluster=np.arange(n) // size, outcomes={"woken": outcome}, table=None,  # type: ignore[arg-type]
        rows=np.arange(n), units=pa.array(range(n)), findings=(),
    )  # fmt: skip


def _draw(generator: Generator, n: int, chance: float, rate: float, effect: float) -> tuple[Trial, Floats, Floats]:
    """A trial, the score and every person's own uplift: `effect` times twice the score."""
    score = generator.random(n)
    own = effect * 2.0 * score
    treated = generator.random(n) < chance
    outcome = (generator.random(n) < rate + own * treated).astype(np.float64)
    return _trial(treated, outcome, chance), score, own


def _curve(generator: Generator, n: int, chance: float, rate: float, effect: float) -> tuple[CurveNumbers, Floats]:
    trial, score, own = _draw(generator, n, chance, rate, effect)
    found = curve_of(trial, trial.outcomes["woken"], score, level=0.95, shares=20, seed=0)
    ranked = own[np.argsort(-score)]
    truth = np.array([ranked[: round(share * n)].sum() / n for share in found.share])
    return found, truth


def _at_share(replications: int, generator: Generator, *, n: int, chance: float, rate: float, effect: float) -> Tally:
    low = high = 0
    for _ in range(replications):
        found, truth = _curve(generator, n, chance, rate, effect)
        place = int(np.argmin(np.abs(found.share - _SHARE)))
        gap, half = found.gain[place] - truth[place], 1.959963984540054 * found.error[place]
        low, high = low + (gap > half), high + (gap < -half)
    return Tally(replications, int(low), int(high))


def _band(replications: int, generator: Generator, *, n: int, chance: float, rate: float, effect: float) -> Tally:
    outside = 0
    for _ in range(replications):
        found, truth = _curve(generator, n, chance, rate, effect)
        known = found.defined & (found.error > 0)
        outside += bool((np.abs(found.gain - truth)[known] > found.critical * found.error[known]).any())
    return Tally(replications, int(outside), 0)


def _area(replications: int, generator: Generator, *, n: int, chance: float) -> Tally:
    """The ranking has nothing to do with the uplift, which is the same for everybody."""
    low = high = 0
    for _ in range(replications):
        trial, score, _ = _draw(generator, n, chance, 0.05, 0.0)
        outcome = np.where(trial.treated & (generator.random(n) < 0.05), 1.0, trial.outcomes["woken"])
        area = curve_of(trial, outcome, score, level=0.95, shares=20, seed=0).area()
        low, high = low + (area.low > 0.0), high + (area.high < 0.0)
    return Tally(replications, int(low), int(high))


def _best(replications: int, generator: Generator, *, n: int) -> Tally:
    """Persons below the middle lose by treatment: the best share is one half."""
    missed = 0
    for _ in range(replications):
        score = generator.random(n)
        treated = generator.random(n) < 0.5
        outcome = generator.normal(0.3 * (score - 0.5) * treated, 1.0)
        found = curve_of(_trial(treated, outcome, 0.5), outcome, score, level=0.95, shares=20, seed=0)
        _, low, high = found.best()
        missed += not low - 1e-9 <= 0.5 <= high + 1e-9
    return Tally(replications, int(missed), 0)


def _table(generator: Generator, n: int, chance: float) -> pd.DataFrame:
    depth = generator.random(n)
    sms = generator.random(n) < chance
    woken = (generator.random(n) < 0.1 + 0.1 * depth * sms).astype(int)
    today = (generator.random(n) < 0.3).astype(int)
    arm = np.where(sms, "sms", "holdout")
    return pd.DataFrame({"person_id": range(n), "arm": arm, "woken": woken, "depth": depth, "today": today})


def _policy(replications: int, generator: Generator, *, n: int, chance: float, rule: str) -> Tally:
    """Values of a fixed rule in the population: those deeper than 0.7, or their lead over a random 30 %."""
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 1 - chance, "sms": chance})
    truth = 0.3 * 0.1 * 0.85
    low = high = 0
    for _ in range(replications):
        table = _table(generator, n, chance)
        table["deep"] = (table["depth"] > 0.7).astype(int)
        found = ex.policy_value(table, {"today": "today", "deep": "deep"}, outcome="woken", experiment=spec)
        estimate = found.value("deep") if rule == "value" else found.difference("deep")
        target = truth if rule == "value" else truth - 0.3 * 0.1 * 0.5
        low, high = low + (estimate.low > target), high + (estimate.high < target)
    return Tally(replications, int(low), int(high))


def _learned(replications: int, generator: Generator, *, n: int, chance: float) -> Tally:
    """The cross-fitted top 30 % by a straight line against its own mean uplift on these persons' population."""
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 1 - chance, "sms": chance})
    learner = ex.TransformedOutcome(_LeastSquares())
    low = high = 0
    for _ in range(replications):
        table = _table(generator, n, chance)
        ranking = ex.rank_uplift(table, learner, features=["depth"], experiment=spec)
        rule = ranking.top(0.3)
        estimate = ex.policy_value(table, {"top": rule}, outcome="woken", experiment=spec).value("top")
        depth = table.set_index("person_id")["depth"].loc[ranking.table()["person_id"]].to_numpy()
        members = rule.members()[0]
        target = float(np.mean(members * 0.1 * depth))
        low, high = low + (estimate.low > target), high + (estimate.high < target)
    return Tally(replications, int(low), int(high))


def _useless(replications: int, generator: Generator, *, n: int, chance: float, read: str) -> Tally:
    """No effect, three features of noise: the value of the top 30 % or the area of a ranking that means nothing."""
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 1 - chance, "sms": chance})
    learner, names = ex.TransformedOutcome(_LeastSquares()), ["a", "b", "c"]
    low = high = 0
    for _ in range(replications):
        arm = np.where(generator.random(n) < chance, "sms", "holdout")
        table = pd.DataFrame(generator.normal(size=(n, 3)), columns=names)
        table = table.assign(person_id=range(n), arm=arm, woken=(generator.random(n) < 0.1).astype(int))
        ranking = ex.rank_uplift(table, learner, features=names, experiment=spec)
        if read == "area":
            estimate = ranking.curve(shares=20).area
        else:
            estimate = ex.policy_value(table, {"top": ranking.top(0.3)}, outcome="woken", experiment=spec).value("top")
        low, high = low + (estimate.low > 0.0), high + (estimate.high < 0.0)
    return Tally(replications, int(low), int(high))


def _clusters(replications: int, generator: Generator, *, households: int) -> Tally:
    """Households assigned together and alike in what they do."""
    low = high = 0
    for _ in range(replications):
        treated = np.repeat(generator.random(households) < 0.5, 3)
        mood = np.repeat(generator.normal(0.0, 1.0, households), 3)
        score = generator.random(3 * households)
        outcome = generator.normal(mood + 0.4 * score * treated, 1.0)
        trial = _trial(treated, outcome, 0.5, size=3)
        found = curve_of(trial, outcome, score, level=0.95, shares=10, seed=0)
        truth = float(np.sum(0.4 * np.sort(score)[-round(_SHARE * len(score)) :]) / len(score))
        place = 3
        gap, half = found.gain[place] - truth, 1.959963984540054 * found.error[place]
        low, high = low + (gap > half), high + (gap < -half)
    return Tally(replications, int(low), int(high))


_HALF = {"n": 4_000, "chance": 0.5, "rate": 0.05, "effect": 0.05}
_HOLDOUT = {"n": 10_000, "chance": 0.9, "rate": 0.05, "effect": 0.03}
_CURVE, _RULE = "uplift_curve", "policy_value"

DESIGNS: tuple[Design, ...] = (
    Design("curve at 30 %, halves, rate 5 to 15 %", _CURVE, "coverage", partial(_at_share, **_HALF)),
    Design("curve at 30 %, holdout 10 %, rate 5 to 11 %", _CURVE, "coverage", partial(_at_share, **_HOLDOUT)),
    Design("band over all shares, halves", f"{_CURVE} band", "coverage", partial(_band, **_HALF), 0.05, None),
    Design("curve at 30 %, households of 3", f"{_CURVE}, cluster", "coverage", partial(_clusters, households=800)),
    Design("area, ranking of no use, halves", f"{_CURVE} area", "size", partial(_area, n=4_000, chance=0.5)),
    Design("area, ranking of no use, holdout 10 %", f"{_CURVE} area", "size", partial(_area, n=10_000, chance=0.9)),
    Design(
        "best share, half of the persons lose", f"{_CURVE} best", "coverage", partial(_best, n=4_000), 0.05, None,
        miss="one test per share, each of which keeps the best share at least as often as the level says",
    ),
    Design("a fixed rule, halves", _RULE, "coverage", partial(_policy, n=3_000, chance=0.5, rule="value")),
    Design("a fixed rule, holdout 10 %", _RULE, "coverage", partial(_policy, n=8_000, chance=0.9, rule="value")),
    Design("one rule against another", _RULE, "coverage", partial(_policy, n=3_000, chance=0.5, rule="difference")),
    Design("the cross-fitted top 30 %", f"{_RULE}, rank_uplift", "coverage", partial(_learned, n=3_000, chance=0.5)),
    Design(
        "top 30 %, nothing to learn", f"{_RULE}, rank_uplift", "size",
        partial(_useless, n=2_000, chance=0.5, read="value"),
    ),
    Design(
        "area, nothing to learn", f"{_CURVE} area, rank_uplift", "size",
        partial(_useless, n=2_000, chance=0.5, read="area"), 0.025, 0.025,
        miss="near 0, what folds share is not taken as less than the own variance: the upper tail is about 1 %",
    ),
)  # fmt: skip
