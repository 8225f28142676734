"""Each argument of each function in turn replaced by what it cannot be: which are refused, which are answered."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

import experiments as ex
from attribution.core.errors import WakeLiftError

BAD = {
    "-1": -1,
    "0": 0,
    "0.5": 0.5,
    "1": 1,
    "2": 2,
    "nan": math.nan,
    "inf": math.inf,
    "none": None,
    "text": "x",
    "true": True,
    "empty": [],
    "pair": (0.2, 0.4),
    "pair of texts": ("x", 1.0),
}
X, Y = [1.0, 2.0, 4.0, 7.0], [1.0, 3.0, 3.0]
FLAGS = [0, 1, 0, 1, 1, 0, 0, 1]
SIDED = {"level": 0.9, "side": "two"}
FUNCTIONS: dict[str, tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = {
    "compare_rates": (ex.compare_rates, (30, 100, 18, 90), {**SIDED, "method": "score", "null": 0.0}),
    "compare_means": (ex.compare_means, (12.0, 9.0, 60, 8.0, 12.0, 45), SIDED),
    "ratio_interval": (ex.ratio_interval, (3.0, 2.0, 0.09, 0.04), {"covariance": 0.0, "level": 0.9, "df": 9.0}),
    "mann_whitney": (ex.mann_whitney, (X, Y), {**SIDED, "scale": "plain", "counts": [1, 1, 1, 1]}),
    "compare_quantiles": (
        ex.compare_quantiles,
        (X, Y),
        {**SIDED, "q": 0.5, "strata": [1, 1, 1, 1], "control_strata": [1, 1, 1]},
    ),
    "equivalence_rates": (ex.equivalence_rates, (30, 100, 27, 90), {**SIDED, "margin": 0.1, "weights": [1.0]}),
    "equivalence_means": (ex.equivalence_means, (12.0, 9.0, 60, 8.0, 12.0, 45), {**SIDED, "margin": 0.9}),
    "adjust_pvalues": (ex.adjust_pvalues, ([0.01, 0.3],), {"method": "holm"}),
    "gatekeeping": (ex.gatekeeping, ([0.01, 0.3], [[0.1, 0.2]]), {"gate": "serial", "correction": "holm"}),
    "kaplan_meier": (
        ex.kaplan_meier,
        (X,),
        {"observed": [1, 0, 1, 1], "level": 0.9, "limits": "log", "persons": [1, 2, 3, 3]},
    ),
    "bootstrap": (
        ex.bootstrap,
        (X, Y),
        {**SIDED, "replicates": 99, "seed": 0, "interval": "basic", "draw": "multinomial"},
    ),
    "bayes_rates": (
        ex.bayes_rates,
        (3, 10, 1, 9),
        {"prior": "flat", "level": 0.9, "value": 1.0, "cost": 0.1, "rope": 0.1, "direction": "up"},
    ),
    "bayes_means": (
        ex.bayes_means,
        (12.0, 9.0, 60, 8.0, 12.0, 45),
        {"prior": "flat", "level": 0.9, "relevant": 1.0, "rope": 0.1},
    ),
    "always_valid": (ex.always_valid, (0.5, 0.2, 400), {**SIDED, "planned_n": 900}),
    "always_valid_sequence": (ex.always_valid_sequence, ([0.5, 0.1], [1.2, 0.1], [1, 2]), {**SIDED, "planned_n": 900}),
    "spending_bounds": (ex.spending_bounds, (3,), {**SIDED, "spending": "pocock", "fractions": [0.2, 0.5, 1.0]}),
    "group_bounds": (ex.group_bounds, (3,), {"level": 0.9, "kind": "pocock"}),
    "futility_bounds": (
        ex.futility_bounds,
        (3,),
        {"level": 0.9, "power": 0.8, "spending": "pocock", "futility": "pocock", "side": "less"},
    ),
    "complier_effect": (ex.complier_effect, (FLAGS, FLAGS[::-1], np.arange(8.0)), {"level": 0.9, "strata": [1] * 8}),
    "contamination_bounds": (
        ex.contamination_bounds,
        (FLAGS, FLAGS[::-1]),
        {"share": 0.1, "limits": (0, 1), "level": 0.9, "direction": "up"},
    ),
    "cost_ceiling": (ex.cost_ceiling, (80.0,), {"servicing": 1.0, "acquisition": 3.0, "incremental_share": 0.5}),
}
SHAPES: dict[str, Callable[[object], object]] = {
    "dunnett, mean": lambda bad: ex.dunnett({"a": (bad, 2.0, 9), "b": (1.0, 2.0, 8)}, control="a"),
    "dunnett, deviation": lambda bad: ex.dunnett({"a": (3.0, bad, 9), "b": (1.0, 2.0, 8)}, control="a"),
    "dunnett, persons": lambda bad: ex.dunnett({"a": (3.0, 2.0, bad), "b": (1.0, 2.0, 8)}, control="a"),
    "dunnett, arm": lambda bad: ex.dunnett({"a": bad, "b": (1.0, 2.0, 8)}, control="a"),
    "best, hits": lambda bad: ex.bayes_best({"a": (bad, 9), "b": (1, 8)}),
    "best, persons": lambda bad: ex.bayes_best({"a": (1, bad), "b": (1, 8)}),
    "best, mean": lambda bad: ex.bayes_best({"a": (bad, 2.0, 9), "b": (1.0, 2.0, 8)}),
    "best, deviation": lambda bad: ex.bayes_best({"a": (3.0, bad, 9), "b": (1.0, 2.0, 8)}),
    "best, persons of means": lambda bad: ex.bayes_best({"a": (3.0, 2.0, bad), "b": (1.0, 2.0, 8)}),
    "best, value": lambda bad: ex.bayes_best({"a": (1, 9), "b": (1, 8)}, value=bad, costs={"a": 0.0, "b": 1.0}),
    "best, costs": lambda bad: ex.bayes_best({"a": (1, 9), "b": (1, 8)}, value=2.0, costs={"a": bad, "b": 1.0}),
    "audit": lambda bad: ex.contamination_bounds(FLAGS, FLAGS[::-1], audit=(bad, 9), limits=(0, 1)),
    "audited": lambda bad: ex.contamination_bounds(FLAGS, FLAGS[::-1], audit=(1, bad), limits=(0, 1)),
    "fractions": lambda bad: ex.spending_bounds(2, fractions=[bad, 1.0]),
    "own prior": lambda bad: ex.bayes_rates(3, 9, 1, 8, prior=(bad, 2.0)),
    "belief": lambda bad: _information(prior=(bad, 2.0)),
    "spread of a belief": lambda bad: _information(prior=(1.0, bad)),
    "persons to come": lambda bad: _information(persons=bad),
    "sizes": lambda bad: _information(sizes=[100, bad]),
    "price of a person": lambda bad: _information(cost_per_person=bad),
    "fixed cost": lambda bad: _information(fixed_cost=bad),
    "control share": lambda bad: _information(control_share=bad, new_control_share=0.2),
    "threshold": lambda bad: ex.cost_thresholds(_table(), thresholds=[20, bad]),
    "level of thresholds": lambda bad: ex.cost_thresholds(_table(), level=bad),
    "side of thresholds": lambda bad: ex.cost_thresholds(_table(), side=bad),
    "relevant net benefit": lambda bad: ex.cost_thresholds(_table(), relevant_net=bad),
    "segments": lambda bad: ex.cost_thresholds(_table(), by=bad),
    "order": lambda bad: ex.cost_thresholds(_table(), order=["holdout", bad]),
    "budget": lambda bad: _budget(budget=bad),
    "folds": lambda bad: _budget(folds=bad),
    "splits": lambda bad: _budget(splits=bad),
    "worth in a budget": lambda bad: _budget(thresholds=bad),
    "persons of a budget": lambda bad: _budget(persons={"a": bad, "b": 100}),
    "cap": lambda bad: ex.money_test(_table(), cap=bad, replicates=99),
    "second": lambda bad: ex.money_test(_table(), second=bad, replicates=99),
    "planned": lambda bad: ex.NetBenefitMonitor(planned=bad, arms=["sms"]),
    "least": lambda bad: ex.NetBenefitMonitor(planned=900, arms=["sms"], least=bad),
    "gate": lambda bad: ex.ThresholdGate(arm="sms", threshold=bad),
    "level of a gate": lambda bad: ex.ThresholdGate(arm="sms", threshold=60.0, level=bad),
    "margin": lambda bad: ex.Guardrail("closed", bad),
    "level of a guardrail": lambda bad: ex.Guardrail("closed", 0.1, level=bad),
    "planned waves": lambda bad: ex.marginal_costs(_table(), wave="tier", planned_waves=bad),
    "marginal threshold": lambda bad: ex.marginal_costs(_table(), wave="tier", threshold=bad),
}


def _table() -> pd.DataFrame:
    at = np.arange(240)
    made = pd.DataFrame(
        {"person_id": at, "arm": np.where(at % 2 == 0, "holdout", "sms"), "tier": np.where(at % 3 == 0, "a", "b")}
    )
    made["woken"] = ((at % 5 == 0) | ((at % 4 == 1) & (at % 3 == 0))).astype(int)
    return made.assign(cost=np.where(at % 2 == 0, 0.0, 1.0 + 0.5 * made.woken), value=made.woken * (at % 7) * 10.0)


def _information(**options: object) -> object:
    net = ex.compare_means(1.0, 30.0, 400, 0.5, 28.0, 300).difference
    return ex.value_of_information(net, **{"persons": 5000, **options})


def _budget(**options: object) -> object:
    return ex.plan_budget(
        _table(), **{"budget": 100, "by": "tier", "thresholds": 60, "folds": 2, "splits": 1, **options}
    )


def outcome(call: Callable[[], object]) -> str:
    """Whether a call is answered."""
    try:
        call()
    except WakeLiftError as refused:
        return " ".join(filter(None, (type(refused).__name__, getattr(refused, "code", None))))
    return "answered"


def _outcomes(function: Callable[..., object], given: tuple[object, ...], options: dict[str, object]) -> object:
    made = {}
    for name, bad in BAD.items():
        for at in range(len(given)):
            changed = (*given[:at], bad, *given[at + 1 :])
            made[f"{at}: {name}"] = outcome(partial(function, *changed, **options))
        for option in options:
            made[f"{option}: {name}"] = outcome(partial(function, *given, **{**options, option: bad}))
    return {"as given": outcome(partial(function, *given, **options)), **made}


def _of_shape(call: Callable[[object], object]) -> object:
    return {name: outcome(partial(call, bad)) for name, bad in BAD.items()}


CALLS = {f"refused, {name}": partial(_outcomes, *call) for name, call in FUNCTIONS.items()} | {
    f"refused, {name}": partial(_of_shape, call) for name, call in SHAPES.items()
}
