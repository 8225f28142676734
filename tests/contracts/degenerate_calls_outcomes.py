"""How the functions of `experiments` are called that read an assignment or a table of outcomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from degenerate_tables import AS_OF
from degenerate_world import MADE, World

import experiments as ex


class Line:
    """A straight line, for functions that take a model."""

    def fit(self, features: np.ndarray, outcome: np.ndarray) -> Line:
        self.slopes = np.linalg.lstsq(np.c_[np.ones(len(features)), features], outcome, rcond=None)[0]
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return np.c_[np.ones(len(features)), features] @ self.slopes


def experiment(w: World, metrics: dict[str, Any] | None = None, **options: Any) -> ex.Experiment:
    """The experiment of the campaign, as this world spells its control."""
    named = metrics or {"woken": ex.Rate("woken"), "value": ex.Mean("value")}
    return ex.Experiment(named, **{"shares": "p_assign", "control": w.name("holdout"), **options})


def _analyzed(**metrics: Any) -> Callable[[World], Any]:
    """A readout with a rate as primary metric and one metric of a kind beside it."""

    def call(w: World) -> Any:
        named = {name: metric(w) if callable(metric) else metric for name, metric in metrics.items()}
        return experiment(w, {"woken": ex.Rate("woken"), **named}).analyze(w["outcomes"])

    return call


MADE |= {
    "ex.build_outcomes": lambda w: ex.build_outcomes(w["assignment"], w["conversions"], as_of=AS_OF),
    "ex.Experiment.analyze": lambda w: experiment(w).analyze(w["outcomes"]),
    "ex.Experiment.aggregate": lambda w: experiment(w).aggregate(w["outcomes"], by="stratum"),
    "ex.Looks": lambda w: ex.Looks(planned=120, arms=[w.name("sms")], control=w.name("holdout")),
}


def _assigned(w: World) -> Any:
    shares = w.mapping("shares", {"holdout": 0.4, "sms": 0.6})
    return ex.assign(w["customers"], shares=shares, salt="2026Q4", at="2026-10-12T09:00:00+08:00", strata="region")


def _balance(w: World) -> Any:
    return ex.balance(w["outcomes"], ["before", "source"], control=w.name("holdout"), strata="stratum")


def _transport(w: World) -> Any:
    audience = w.mapping("audience", {"young": 500, "old": 900})
    return ex.transport(w["outcomes"], audience, metric=ex.Rate("woken"), strata="stratum", control=w.name("holdout"))


def _placebo(w: World) -> Any:
    return ex.placebo_outcome(w["outcomes"], "visits", margin=w.number("margin", 3.0), control=w.name("holdout"))


def _reach(w: World) -> Any:
    return ex.reach(
        w["outcomes"], stages=("sent", "delivered"), outcome="woken", control=w.name("holdout"), strata="stratum"
    )


def _randomised(w: World) -> Any:
    return ex.randomisation_test(
        w["outcomes"], "value", control=w.name("holdout"), replicates=w.number("replicates", 199)
    )


def _bootstrapped(w: World) -> Any:
    return ex.bootstrap_outcomes(
        w["outcomes"], "value", control=w.name("holdout"), replicates=w.number("replicates", 199)
    )


def _sized(function: str, **effect: Any) -> Callable[[World], Any]:
    return lambda w: getattr(experiment(w), function)(
        w["outcomes"], **{name: w.number(name, number) for name, number in effect.items()}
    )


def _monitored(w: World) -> Any:
    return experiment(w, {"woken": ex.Rate("woken")}).monitor(w["outcomes"], looks=w.made("ex.Looks"), day="2026-11-01")


def _merged(w: World) -> Any:
    young = w["outcomes"][w["outcomes"]["wave"] == w.name("first")]
    old = w["outcomes"][w["outcomes"]["wave"] == w.name("second")]
    return ex.merge_aggregates(experiment(w).aggregate(young), experiment(w).aggregate(old))


def _influence(w: World) -> Any:
    return ex.check_influence(w["outcomes"], "value", control=w.name("holdout"))


def _spillover(w: World) -> Any:
    return ex.spillover_bound(w["outcomes"], link="household", control=w.name("holdout"))


def _pulled(w: World) -> Any:
    return ex.pull_forward(
        w["assignment"], w["conversions"], as_of=AS_OF, horizon="35d", step="7d", control=w.name("holdout")
    )


def _marked(w: World) -> Any:
    return ex.mark_events(w.made("ex.build_outcomes"), {"opted_out": w["opt_outs"]})


MADE["ex.assign"] = _assigned

CALLS: dict[str, Callable[[World], Any]] = {
    # --- tables ---
    "ex.build_outcomes": lambda w: ex.build_outcomes(
        w["assignment"], w["conversions"], touches=w["touches"], prices=w["prices"], as_of=AS_OF
    ),
    "ex.mark_events": _marked,
    "ex.assign": _assigned,
    "ex.verify_assignment": lambda w: ex.verify_assignment(
        w.made("ex.assign"), w["customers"], salt="2026Q4", strata="region"
    ),
    # --- the experiment and its metrics ---
    "ex.Experiment": lambda w: experiment(w).analyze(w["outcomes"]),
    "ex.Experiment, strata": lambda w: experiment(w, strata="stratum").analyze(w["outcomes"]),
    "ex.Experiment, clusters": lambda w: experiment(w, cluster="household").analyze(
        w["outcomes"].assign(household=w["outcomes"]["person_id"])
    ),
    "ex.Rate": _analyzed(closed=ex.Rate("closed")),
    "ex.Mean": _analyzed(value=lambda w: ex.Mean("value", covariate="before", cap=w.number("cap", 60.0))),
    "ex.Ratio": _analyzed(ticket=lambda w: ex.Ratio("value", "visits")),
    "ex.Quantile": _analyzed(middle=lambda w: ex.Quantile("before", w.number("q", 0.5))),
    "ex.Count": _analyzed(orders=lambda w: ex.Count("orders")),
    "ex.Duration": _analyzed(days=lambda w: ex.Duration("visits", horizon=w.text("horizon", "28d"), direction="down")),
    "ex.Readout.steps": lambda w: w.made("ex.Experiment.analyze").steps(w.name(["holdout", "sms"])),
    "ex.Readout.comparison": lambda w: w.made("ex.Experiment.analyze").comparison("value", arm=w.name("sms")),
    "ex.Readout.sentence": lambda w: w.made("ex.Experiment.analyze").sentence(w.text("lang", "en")),
    "ex.bayes_reading": lambda w: ex.bayes_reading(
        w.made("ex.Experiment.analyze"), value=w.number("value", 85.0), cost=w.number("cost", 0.3)
    ),
    "ex.Experiment.by_segment": lambda w: experiment(w, segments="source").by_segment(w["outcomes"], min_persons=5),
    "ex.Experiment.aggregate": lambda w: experiment(w).aggregate(w["outcomes"], by="stratum"),
    "ex.Experiment.sample_size": _sized("sample_size", effect=0.05),
    "ex.Experiment.power": _sized("power", persons=400, effect=0.05),
    "ex.Experiment.detectable": _sized("detectable", persons=400),
    "ex.Experiment.simulate_on": _sized("simulate_on", replications=10),
    "ex.Experiment.trust": lambda w: experiment(w).trust(w["outcomes"], assignment=w["assignment"], history=["before"]),
    "ex.Experiment.monitor": _monitored,
    "ex.merge_aggregates": _merged,
    "ex.read_aggregates": lambda w: ex.read_aggregates(w.made("ex.Experiment.aggregate").table()),
    "ex.cross_fit": lambda w: ex.cross_fit(
        Line(), w["outcomes"], outcome="value", features=["before"], folds=w.number("folds", 2)
    ),
    # --- inference on outcomes ---
    "ex.bootstrap_outcomes": _bootstrapped,
    "ex.randomisation_test": _randomised,
    "ex.pooled_cap": lambda w: ex.pooled_cap(w["outcomes"], "value", q=w.number("q", 0.9)),
    "ex.reach": _reach,
    # --- trust ---
    "ex.balance": _balance,
    "ex.check_exclusions": lambda w: ex.check_exclusions(w["assignment"], w["outcomes"]),
    "ex.check_split_over_time": lambda w: ex.check_split_over_time(w["assignment"]),
    "ex.check_influence": _influence,
    "ex.placebo_outcome": _placebo,
    "ex.placebo_contrast": lambda w: ex.placebo_contrast(
        w["outcomes"], "value", splits=w.number("splits", 20), control=w.name("holdout")
    ),
    "ex.spillover_bound": _spillover,
    "ex.transport": _transport,
    "ex.pull_forward": _pulled,
}

REASONS: dict[str, str] = {
    "ex.Outcomes": "result of ex.build_outcomes and ex.mark_events",
    "ex.Assignment": "result of ex.assign",
    "ex.Readout": "result of Experiment.analyze, in the row of ex.Experiment; its methods have rows",
    "ex.SegmentReadout": "result of ex.Experiment.by_segment",
    "ex.Aggregates": "result of ex.Experiment.aggregate, ex.merge_aggregates and ex.read_aggregates",
    "ex.OutcomesBootstrap": "result of ex.bootstrap_outcomes",
    "ex.RandomisationTest": "result of ex.randomisation_test",
    "ex.PooledCap": "result of ex.pooled_cap",
    "ex.ReachFunnel": "result of ex.reach",
    "ex.ReachEffects": "part of the result of ex.reach",
    "ex.Balance": "result of ex.balance",
    "ex.PlaceboOutcome": "result of ex.placebo_outcome",
    "ex.PlaceboContrast": "result of ex.placebo_contrast",
    "ex.SpilloverBound": "result of ex.spillover_bound",
    "ex.Transport": "result of ex.transport",
    "ex.PullForward": "result of ex.pull_forward",
}
