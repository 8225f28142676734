"""The metrics that a plan declares, and the keys that each kind of metric has."""

from __future__ import annotations

from datetime import date

import pytest

import experiments as ex
from attribution.core.errors import PlanError
from experiments.plan.measuring import declared_metric

CAMPAIGN = {"name": "Q4", "as_of": date(2026, 12, 31)}


def test_every_kind_of_metric_can_be_declared():
    metrics = {
        "woken": {"kind": "rate", "covariate": ["tenure", "visits"], "method": "skewed_score"},
        "value": {"kind": "mean", "cap": 500, "missing": "zero", "equal_variances": True},
        "ticket": {"kind": "ratio", "numerator": "value", "denominator": "orders"},
        "upper": {"kind": "quantile", "column": "value", "q": 0.9},
        "orders": {"kind": "count", "cap": 20},
        "days": {"kind": "duration", "column": "days_to_return", "horizon": "28d", "direction": "down"},
    }
    plan = ex.Plan.from_dict({"campaign": CAMPAIGN, "metrics": metrics})
    made = {name: declared_metric(name, metric, role=plan.roles()[name]) for name, metric in plan.metrics.items()}
    assert made == {
        "woken": ex.Rate("woken", covariate=("tenure", "visits"), method="skewed_score", role="primary"),
        "value": ex.Mean("value", cap=500, missing="zero", equal_variances=True, role="secondary"),
        "ticket": ex.Ratio("value", "orders", role="secondary"),
        "upper": ex.Quantile("value", 0.9, role="secondary"),
        "orders": ex.Count("orders", cap=20, role="secondary"),
        "days": ex.Duration("days_to_return", horizon="28d", direction="down", role="secondary"),
    }


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ({"kind": "rate", "cap": 5}, 'a rate has no cap. Delete this key, or declare kind = "mean" or "ratio"'),
        ({"kind": "ratio", "numerator": "a"}, "metrics.x.denominator: is missing: a ratio needs it"),
        ({"kind": "ratio", "numerator": "a", "denominator": "b", "column": "c"}, "a ratio has no column"),
        ({"kind": "duration"}, "metrics.x.horizon: is missing: a duration needs it"),
        ({"kind": "duration", "horizon": "28d", "missing": "zero"}, "an empty value counts with the horizon"),
        ({"kind": "quantile", "q": 0.5, "covariate": "c"}, "a quantile has no covariate"),
        ({"kind": "count", "equal_variances": True}, "a count has no equal_variances"),
        ({"kind": "mean", "method": "score"}, "a mean has no method"),
    ],
)
def test_a_key_of_another_kind_is_refused(metric, said):
    with pytest.raises(PlanError, match=r"metrics\.x") as raised:
        ex.Plan.from_dict({"campaign": CAMPAIGN, "metrics": {"x": metric}})
    assert said in str(raised.value)
