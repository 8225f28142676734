"""Whole experiments with each declaration away from its default: readouts, segments, trust, looks, posteriors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from grid_rows import persons

import experiments as ex

SHARES = {"holdout": 1 / 3, "sms": 1 / 3, "call": 1 / 3}
METRICS = {
    "woken": ex.Rate("woken"),
    "value": ex.Mean("value"),
    "basket": ex.Ratio("value", "visits"),
    "middle": ex.Quantile("value", 0.8),
    "orders": ex.Count("orders"),
    "visits": ex.Mean("visits", equal_variances=True),
}
OTHER = {
    "woken": ex.Rate("woken", covariate="before"),
    "value": ex.Mean("value", covariate=["before", "age"], cap=200.0),
    "basket": ex.Ratio("value", "visits", covariate="before"),
    "capped": ex.Ratio("value", "visits", cap=(1.0, 150.0), denominator_cap=4.0),
    "score": ex.Mean("score", missing="exclude"),
    "filled": ex.Mean("score", missing="zero"),
    "low": ex.Rate("woken", direction="down", method="skewed_score"),
    "orders": ex.Count("orders", covariate="age", cap=3.0),
}
RATES = {"woken": ex.Rate("woken"), "again": ex.Rate("orders_any"), "value": ex.Mean("value")}


def table(size: int = 420) -> pd.DataFrame:
    """The persons that the experiments read."""
    made = persons(size, seed=11)
    return made.assign(orders_any=made.orders.clip(0, 1), share=1 / 3, stratum=made.tier, region=made.house % 3)


def read(metrics: dict[str, object], frame: Callable[[], pd.DataFrame] = table, **declared: object) -> object:
    """A readout without what was given."""
    return ex.Experiment(metrics, **declared).analyze(frame())


def _houses() -> pd.DataFrame:
    made = table()
    return made.assign(arm=made.by_house, tier=np.where(made.house % 4 < 2, "gold", "plain"))


def _segments(**declared: object) -> object:
    found = ex.Experiment(METRICS, segments=("tier", "region"), **declared).by_segment(table(), min_persons=30)
    return [found, found.interaction_tests()]


def _trust(metrics: dict[str, object], frame: Callable[[], pd.DataFrame] = table, **declared: object) -> object:
    made = frame()
    given = made.assign(assigned_at=pd.Timestamp("2026-09-01", tz="UTC") + pd.to_timedelta(made.house % 20, unit="D"))
    return ex.Experiment(metrics, **declared).trust(made, assignment=given, history=["before", "age"])


def _posterior(metric: str, **options: object) -> object:
    return ex.bayes_reading(
        ex.Experiment(METRICS, strata=options.pop("strata", None)).analyze(table()), metric=metric, **options
    )


def _looks(metric: str, kind: str, **options: object) -> object:
    made = table()
    log = ex.Looks(planned=450, arms=["sms", "call"], metric=metric, kind=kind, **options)
    experiment = ex.Experiment(METRICS)
    for size, day in ((200, "2026-10-01"), (330, "2026-10-09"), (420, "2026-10-20")):
        log = experiment.monitor(made[:size], looks=log, day=day)
    return [log, *(log.decision(arm) for arm in ("sms", "call"))]


def _stopped(**options: object) -> object:
    made = table(900)
    made["woken"] = made.woken.where((made.arm != "sms") | (made.person_id % 2 == 1), 1)
    log = ex.Looks(planned=1000, arms=["sms"], least=20, **options)
    log = ex.Experiment(METRICS).monitor(made[made.arm != "call"], looks=log, day="2026-10-01", final=True)
    return [log, log.after_stopping("sms")]


def _from_statistics(metrics: dict[str, object], **declared: object) -> object:
    experiment = ex.Experiment(metrics, **declared)
    return experiment.analyze(experiment.aggregate(table(), by="tier"))


def _calls() -> dict[str, Callable[[], object]]:
    made: dict[str, Callable[[], object]] = {
        "readout, plain": partial(read, METRICS, shares=SHARES),
        "readout, other metrics": partial(read, OTHER),
        "readout, other metrics, strata": partial(read, OTHER, strata="tier", shares="share"),
        "readout, population": partial(read, OTHER, strata="tier", target="population", level=0.9),
        "readout, strata, population": partial(read, METRICS, strata=["tier", "region"], target="population"),
        "readout, strata": partial(read, METRICS, strata="tier", level=0.8),
        "readout, houses": partial(read, METRICS, _houses, cluster="house"),
        "readout, houses, strata": partial(read, METRICS, _houses, cluster="house", strata="tier", level=0.9),
        "readout, few houses": partial(read, METRICS, lambda: _houses()[:30], cluster="house"),
        "readout, few": partial(read, METRICS, lambda: table()[:24]),
        "readout, a stratum without holdout": partial(read, METRICS, _without, strata="tier"),
        "readout, nothing varies": partial(read, METRICS, lambda: table().assign(value=3.0, woken=1, orders=0)),
        "readout, guardrails": partial(
            read,
            METRICS | {"rate": ex.Rate("orders_any", direction="down")},
            guardrails=[ex.Guardrail("rate", 0.2), ex.Guardrail("value", 0.4, level=0.9, relative=True)],
        ),
        "segments, plain": _segments,
        "segments, strata": partial(_segments, strata="tier", level=0.9, correction="bh"),
        "segments, houses": lambda: ex.Experiment(METRICS, cluster="house", segments="tier").by_segment(_houses()),
        "trust, plain": partial(_trust, METRICS, shares=SHARES),
        "trust, strata": partial(_trust, METRICS, shares=SHARES, strata="tier"),
        "trust, mean": partial(_trust, {"value": ex.Mean("value")}, shares=SHARES, strata="tier"),
        "trust, ratio": partial(_trust, {"basket": ex.Ratio("value", "visits")}, shares="share"),
        "trust, covariate": partial(_trust, {"value": ex.Mean("value", covariate="before")}),
        "trust, count": partial(_trust, {"orders": ex.Count("orders")}, shares=SHARES),
        "trust, houses": partial(_trust, {"value": ex.Mean("value")}, _houses, cluster="house"),
        "trust, one outlier": partial(_trust, {"value": ex.Mean("value")}, _outlier),
        "trust, few": partial(_trust, {"value": ex.Mean("value")}, lambda: table()[:30]),
        "trust, rare": partial(
            _trust, {"woken": ex.Rate("rare")}, lambda: table().assign(rare=(table().age == 40).astype(int))
        ),
        "statistics": partial(
            _from_statistics, {"woken": ex.Rate("woken"), "value": ex.Mean("value", covariate="before")}, strata="tier"
        ),
    }
    for correction in ("holm", "bonferroni", "hochberg", "hommel", "bh", "by", "dunnett", None):
        made[f"readout, {correction}"] = partial(read, METRICS, correction=correction)
    for correction in ("dunnett", "holm"):
        made[f"readout, strata, {correction}"] = partial(read, METRICS, correction=correction, strata="tier")
    for gate in ("serial", "parallel", ("parallel", 0.2), "arm"):
        made[f"readout, gate {gate}"] = partial(read, RATES, gatekeeping=gate)
    for metric in ("woken", "value", "basket"):
        made[f"posterior of {metric}"] = partial(
            _posterior, metric, value=3.0, cost={"sms": 0.2, "call": 0.5}, rope=0.01
        )
        made[f"posterior of {metric}, strata"] = partial(_posterior, metric, strata="tier", level=0.8, prior=(1.0, 2.0))
    for method in ("spending", "always_valid"):
        for side in ("two", "greater", "less"):
            made[f"looks, {method}, {side}"] = partial(_looks, "woken", "rate", method=method, side=side, level=0.9)
        made[f"looks, {method}, mean"] = partial(_looks, "value", "mean", method=method, least=10)
        made[f"stopped, {method}"] = partial(_stopped, method=method)
    made["looks, pocock"] = partial(_looks, "woken", "rate", spending="pocock")
    for outcome in (None, "woken"):
        made[f"reach, {outcome}"] = partial(_reach, outcome)
        made[f"reach by stratum, {outcome}"] = partial(_reach, outcome, strata="tier", level=0.9)
    return made


def _without() -> pd.DataFrame:
    made = table()
    return made[(made.tier == "gold") | (made.arm != "holdout")]


def _outlier() -> pd.DataFrame:
    made = table()
    made.loc[7, "value"] = 90_000.0
    return made


def _reach(outcome: str | None, **options: object) -> object:
    made = table()
    for at, stage in enumerate(("sent", "delivered", "opened", "answered")):
        made[stage] = ((made.arm != "holdout") & (made.age > 18 + 12 * at)).astype(int)
    return ex.reach(made, outcome=outcome, **options)


CALLS = _calls()
