"""Programmes of campaigns, simulated: coverage of totals with shared holdouts, and of effects drawn together."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

import experiments as ex
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["CURSE", "DESIGNS", "NAIVE", "PICKED"]

WORTH, COST = 60.0, 0.4
NAIVE = "variances of single campaigns are added, as if the holdout were a new one each time: shown, never used"
PICKED = "the campaign that looks best is picked, so that misses lie on one side; both tails together keep the level"
FEW = (
    "about 12 held-out persons come back in a campaign, below the 20 that are told (FEW_EVENTS): sums of few events "
    "are skewed"
)
FLAT = "a flat prior keeps some spread where there is none, so the interval is a little too wide"
CURSE = "the campaign that looks best is picked, and its own estimate believed: shown, never used"


def table(held: np.ndarray, woken: np.ndarray, cost: float) -> pa.Table:
    """Outcomes of persons numbered from 0."""
    arm = np.where(held, "holdout", "sms")
    amounts = np.where(held, 0.0, cost)
    return pa.table({"person_id": np.arange(len(held)), "arm": arm, "woken": woken.astype(np.int64), "cost": amounts})


def draw(
    rng: Generator, *, persons: int, share: float, effects: np.ndarray, shared: bool, rate: float
) -> tuple[ex.Programme, float]:
    """A programme over the same persons, some of whom come back in every campaign, and its true total."""
    willing = rng.beta(0.4, 0.4 * (1.0 - rate) / rate, persons)
    held, truth, campaigns = rng.random(persons) < share, 0.0, {}
    for number, effect in enumerate(effects):
        if not shared:
            held = rng.random(persons) < share
        chance = np.clip(np.where(held, willing, willing + effect), 0.0, 1.0)
        gained = np.clip(willing + effect, 0.0, 1.0) - willing
        campaigns[f"{number:02d}"] = ex.ProgrammeCampaign(
            outcomes=table(held, rng.random(persons) < chance, COST),
            as_of=date(2026, 1 + number, 1),
            threshold=WORTH,
        )
        # Everybody's mean gain: who is held out is drawn, so that the treated have it on average.
        truth += float((~held).sum()) * (WORTH * float(gained.mean()) - COST)
    return ex.programme(campaigns), truth


def total(
    replications: int, rng: Generator, *, persons: int, share: float, many: int, shared: bool, rate: float,
    naive: bool = False,
) -> Tally:  # fmt: skip
    """The true profit of all campaigns lies in the interval."""
    low = high = 0
    for _ in range(replications):
        found, truth = draw(rng, persons=persons, share=share, effects=np.full(many, 0.01), shared=shared, rate=rate)
        below, above = found.total.low, found.total.high
        if naive:
            half = 1.959963984540054 * found.independent_error
            below, above = found.total.value - half, found.total.value + half
        low, high = low + (below > truth), high + (above < truth)
    return Tally(replications, low, high)


def effects(replications: int, rng: Generator, *, many: int, spread: float, best: bool, own: bool = False) -> Tally:
    """The true effect of one campaign (the first, or the one that looks best) lies in its interval."""
    low = high = 0
    persons, share, rate = 4_000, 0.3, 0.05
    for _ in range(replications):
        true = 0.02 + spread * rng.standard_normal(many)
        woken = [rng.random(persons) for _ in range(many)]
        campaigns = {}
        for number in range(many):
            held = rng.random(persons) < share
            campaigns[f"{number:02d}"] = ex.ProgrammeCampaign(
                outcomes=table(held, woken[number] < np.where(held, rate, rate + true[number]), 0.0),
                as_of=date(2026, 1 + number, 1),
                threshold=WORTH,
            )
        rows = ex.programme(campaigns).to_dicts()
        place = int(np.argmax([row["rate_effect"] for row in rows])) if best else 0
        name = "rate_effect" if own else "effect_shrunken"
        low += rows[place][f"{name}_low"] > true[place]
        high += rows[place][f"{name}_high"] < true[place]
    return Tally(replications, low, high)


def _total(name: str, *, miss: str = "", **options: object) -> Design:
    naive = bool(options.get("naive"))
    return Design(
        name=name,
        method="variances of campaigns added" if naive else "programme, total",
        kind="coverage",
        run=partial(total, **options),
        miss=NAIVE if naive else miss,
    )


def _effects(name: str, *, miss: str = "", **options: object) -> Design:
    method = "a campaign's own interval" if options.get("own") else "programme, effect drawn together"
    return Design(name=name, method=method, kind="coverage", run=partial(effects, **options), miss=miss)


_SHARED = "6 campaigns, the same 20 % of 1,500 persons held out, who differ much in coming back"
DESIGNS = (
    _total(_SHARED, persons=1_500, share=0.2, many=6, shared=True, rate=0.2),
    _total(_SHARED, persons=1_500, share=0.2, many=6, shared=True, rate=0.2, naive=True),
    _total(
        "6 campaigns, 20 % of 1,500 persons held out anew each time", persons=1_500, share=0.2, many=6, shared=False,
        rate=0.2,
    ),
    _total(
        "4 campaigns, the same 10 % of 4,000 persons held out, 3 % return", persons=4_000, share=0.1, many=4,
        shared=True, rate=0.03, miss=FEW,
    ),
    _effects("3 campaigns, effects spread by 0.5 points", many=3, spread=0.005, best=False),
    _effects("8 campaigns, effects spread by 0.5 points", many=8, spread=0.005, best=False),
    _effects("8 campaigns, effects all the same", many=8, spread=0.0, best=False, miss=FLAT),
    _effects(
        "8 campaigns, effects spread by 0.5 points, the best-looking one", many=8, spread=0.005, best=True,
        miss=PICKED,
    ),
    _effects(
        "8 campaigns, effects spread by 0.5 points, the best-looking one", many=8, spread=0.005, best=True, own=True,
        miss=CURSE,
    ),
)  # fmt: skip
