"""How the functions of `experiments` are called that ask whether it paid, for whom, and what credit says beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
from degenerate_calls_outcomes import Line, experiment
from degenerate_tables import table
from degenerate_world import MADE, World

import attribution as at
import experiments as ex

STEPS = {"sms": ["push", "sms", "phone"]}


def _pays(w: World, **options: Any) -> Any:
    return ex.cost_thresholds(w["outcomes"], experiment=experiment(w), **{"thresholds": [10, 20], **options})


def _linear(w: World) -> at.Credit:
    return at.attribute(w["touches"], w["conversions"], models="linear")


MADE |= {
    "ex.cost_thresholds": _pays,
    "ex.money_test": lambda w: ex.money_test(w["outcomes"], experiment=experiment(w), second="pooled"),
    "ex.rank_uplift": lambda w: _ranked(w, ex.TwoModel(Line())),
    "at.attribute, linear": _linear,
    "ex.Experiment.analyze, woken": lambda w: experiment(w, {"woken": ex.Rate("woken")}).analyze(
        ex.build_outcomes(w["assignment"], w["conversions"], as_of="2026-12-31")
    ),
}


def _ranked(w: World, learner: Any, *, folds: int = 10) -> Any:
    return ex.rank_uplift(w["outcomes"], learner, features=["before", "visits"], experiment=experiment(w), folds=folds)


def _reconciled(w: World) -> Any:
    return ex.reconcile(
        w.made("at.attribute, linear"), w.made("ex.Experiment.analyze, woken"), assignment=w["assignment"],
        steps={w.name("sms"): w.name(["push", "sms", "phone"])},
    )  # fmt: skip


def _placebo_credit(w: World) -> Any:
    return ex.placebo_credit(
        w.made("at.attribute, linear"), w.made("ex.Experiment.analyze, woken"), assignment=w["assignment"],
        steps={w.name("sms"): w.name(["push", "sms", "phone"])},
    )  # fmt: skip


def _gates(w: World) -> Any:
    gate = ex.ThresholdGate(arm=w.name("sms"), threshold=w.number("threshold", 20), expect="PASS")
    return ex.check_gates(w.made("ex.cost_thresholds"), [gate])


def _guarded(w: World) -> Any:
    guarded = experiment(w, guardrails=(ex.Guardrail("closed", w.number("margin", 0.01)),))
    return ex.guardrail_table(w["outcomes"], experiment=guarded)


def _marginal(w: World) -> Any:
    return ex.marginal_costs(
        w["outcomes"], order=w.name(["holdout", "sms"]), wave="wave", waves=w.name(["first", "second"]),
        threshold=w.number("threshold", 20), experiment=experiment(w),
    )  # fmt: skip


def _monitored(w: World) -> Any:
    monitor = ex.NetBenefitMonitor(
        planned=w.number("planned", 120), arms=[w.name("sms")], thresholds=[10, 20], control=w.name("holdout")
    )
    return ex.monitor_thresholds(w["outcomes"], monitor=monitor, day="2026-11-01", experiment=experiment(w))


def _budget(w: World) -> Any:
    return ex.plan_budget(
        w["outcomes"], budget=w.number("budget", 50.0), by="stratum", thresholds=20, experiment=experiment(w),
        splits=w.number("splits", 3), folds=2,
    )  # fmt: skip


def _cross_value(w: World) -> Any:
    net = np.asarray(w.list("net", [3.0, 0.0, 5.0, 1.0, 4.0, 0.0, 6.0, 2.0] * 4))
    size = len(net)
    data = ex.CrossData(net=net, arm=np.arange(size) % 2, unit=np.arange(size, dtype=np.uint64))
    return ex.cross_value(data, lambda learn, held: np.ones(len(held), np.int64), splits=w.number("splits", 3), folds=2)


def _others() -> Any:
    """The outcomes of a second campaign, on other persons."""
    outcomes = table("outcomes")
    return outcomes.assign(value=outcomes["value"] * 2, person_id="X" + outcomes["person_id"])


def _programme(w: World) -> Any:
    campaigns = {
        w.text("name", "spring"): ex.ProgrammeCampaign(
            outcomes=w["outcomes"], as_of=date(2026, 3, 31), threshold=w.number("threshold", 20),
            experiment=experiment(w),
        ),
        "autumn": ex.ProgrammeCampaign(
            outcomes=_others(), as_of=date(2026, 9, 30), threshold=20,
            experiment=ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign"),
        ),
    }  # fmt: skip
    return ex.programme(campaigns)


def _policy(w: World) -> Any:
    rules = {"everybody": True, "many": "chosen"}
    rows = w["outcomes"].assign(chosen=np.arange(len(w["outcomes"])) % 2)
    return ex.policy_value(
        rows, rules, threshold=w.number("threshold", 20), arm=w.name("sms"), experiment=experiment(w)
    )


def _curve(function: Callable[..., Any], **options: Any) -> Callable[[World], Any]:
    return lambda w: function(
        w["outcomes"], "before", experiment=experiment(w), shares=w.number("shares", 10), **options
    )


def _alone(w: World) -> Any:
    return ex.leave_alone(
        w["outcomes"], by="source", threshold=w.number("threshold", 20), experiment=experiment(w, segments="source")
    )


MADE["ex.reconcile"] = _reconciled

CALLS: dict[str, Callable[[World], Any]] = {
    # --- did it pay? ---
    "ex.cost_thresholds": lambda w: _pays(w, thresholds=w.list("thresholds", [10, 20])),
    "ex.cost_thresholds, by": lambda w: _pays(w, by="source"),
    "ex.CostThresholds.break_even": lambda w: w.made("ex.cost_thresholds").break_even(),
    "ex.CostThresholds.totals": lambda w: w.made("ex.cost_thresholds").totals(),
    "ex.CostThresholds.waterfall": lambda w: w.made("ex.cost_thresholds").waterfall(),
    "ex.CostThresholds.acceptability": lambda w: w.made("ex.cost_thresholds").acceptability(
        w.list("thresholds", [5.0, 10.0, 20.0])
    ),
    "ex.CostThresholds.curve": lambda w: w.made("ex.cost_thresholds").curve(w.list("thresholds", [5.0, 20.0])),
    "ex.CostThresholds.verdict": lambda w: w.made("ex.cost_thresholds").verdict(
        arm=w.name("sms"), threshold=w.number("threshold", 20)
    ),
    "ex.CostThresholds.sentence": lambda w: w.made("ex.cost_thresholds").sentence(
        arm=w.name("sms"), threshold=20, lang=w.text("lang", "en")
    ),
    "ex.money_test": lambda w: ex.money_test(w["outcomes"], experiment=experiment(w), cap=w.number("cap", 60.0)),
    "ex.MoneyTest.verdict": lambda w: w.made("ex.money_test").verdict(arm=w.name("sms")),
    "ex.value_per_wakeup": lambda w: ex.value_per_wakeup(w["outcomes"], experiment=experiment(w)),
    "ex.ValuePerWakeup.against": lambda w: ex.value_per_wakeup(w["outcomes"], experiment=experiment(w)).against(
        w.list("thresholds", [10.0, 20.0])
    ),
    "ex.tipping": lambda w: ex.tipping(w.made("ex.cost_thresholds")),
    "ex.ThresholdGate": _gates,
    "ex.check_gates": _gates,
    "ex.guardrail_table": _guarded,
    "ex.marginal_costs": _marginal,
    "ex.monitor_thresholds": _monitored,
    "ex.plan_budget": _budget,
    "ex.cross_value": _cross_value,
    # --- credit beside effect ---
    "ex.reconcile": _reconciled,
    "ex.calibrate": lambda w: ex.calibrate(w.made("ex.reconcile")),
    "ex.Calibration.apply": lambda w: ex.calibrate(w.made("ex.reconcile")).apply(w.made("at.attribute, linear")),
    "ex.placebo_credit": _placebo_credit,
    # --- whom to contact ---
    "ex.TwoModel": lambda w: _ranked(w, ex.TwoModel(Line())),
    "ex.TransformedOutcome": lambda w: _ranked(w, ex.TransformedOutcome(Line())),
    "ex.DoublyRobust": lambda w: _ranked(w, ex.DoublyRobust(Line()), folds=30),
    "ex.rank_uplift": lambda w: ex.rank_uplift(
        w["outcomes"], ex.TwoModel(Line()), features=["before", "source"], experiment=experiment(w),
        folds=w.number("folds", 5), repeats=w.number("repeats", 1),
    ),
    "ex.UpliftRanking.curve": lambda w: w.made("ex.rank_uplift").curve(shares=w.number("shares", 10)),
    "ex.TopShare": lambda w: w.made("ex.rank_uplift").top(w.number("share", 0.3)).members(),
    "ex.uplift_curve": _curve(ex.uplift_curve),
    "ex.profit_curve": _curve(ex.profit_curve, threshold=20),
    "ex.policy_value": _policy,
    "ex.leave_alone": _alone,
    "ex.programme": _programme,
    "ex.ProgrammeCampaign": _programme,
    # --- pictures ---
    "ex.plot_forest": lambda w: ex.plot_forest(w.made("ex.Experiment.analyze"), metric="value"),
    "ex.plot_distribution": lambda w: ex.plot_distribution(w["outcomes"], "value", share=w.number("share", 0.99)),
    "ex.plot_net_benefit": lambda w: ex.plot_net_benefit(w.made("ex.cost_thresholds")),
    "ex.plot_acceptability": lambda w: ex.plot_acceptability(w.made("ex.cost_thresholds")),
    "ex.plot_reconciliation": lambda w: ex.plot_reconciliation(w.made("ex.reconcile")),
    "ex.plot_uplift": lambda w: ex.plot_uplift(w.made("ex.rank_uplift").curve(shares=10)),
}  # fmt: skip

REASONS: dict[str, str] = {
    "ex.CostThresholds": "result of ex.cost_thresholds; its methods have rows",
    "ex.BreakEven": "result of ex.CostThresholds.break_even",
    "ex.CampaignTotals": "result of ex.CostThresholds.totals",
    "ex.CostWaterfall": "result of ex.CostThresholds.waterfall",
    "ex.AcceptabilityCurve": "result of ex.CostThresholds.acceptability",
    "ex.MoneyTest": "result of ex.money_test; its method has a row",
    "ex.ValuePerWakeup": "result of ex.value_per_wakeup; its method has a row",
    "ex.Tipping": "result of ex.tipping",
    "ex.GateTable": "result of ex.check_gates",
    "ex.GuardrailTable": "result of ex.guardrail_table",
    "ex.MarginalCosts": "result of ex.marginal_costs",
    "ex.NetBenefitMonitor": "made in the row of ex.monitor_thresholds",
    "ex.BudgetPlan": "result of ex.plan_budget",
    "ex.CrossData": "made in the row of ex.cross_value",
    "ex.CrossValue": "result of ex.cross_value",
    "ex.Reconciliation": "result of ex.reconcile",
    "ex.Calibration": "result of ex.calibrate; its method has a row",
    "ex.CalibratedCredit": "result of ex.Calibration.apply",
    "ex.PlaceboCredit": "result of ex.placebo_credit",
    "ex.UpliftRanking": "result of ex.rank_uplift; its methods have rows",
    "ex.UpliftCurve": "result of ex.uplift_curve and ex.profit_curve",
    "ex.PolicyValue": "result of ex.policy_value",
    "ex.LeaveAlone": "result of ex.leave_alone",
    "ex.Programme": "result of ex.programme",
    "ex.StandingVerdict": "value that a programme holds, without methods",
}
