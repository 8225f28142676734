"""From a declared metric of the plan to the metric that an experiment measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.metrics import Count, Duration, Mean, Quantile, Rate, Ratio

if TYPE_CHECKING:
    from experiments.metrics import Metric
    from experiments.plan.schema import MetricPlan

__all__ = ["declared_metric"]


def declared_metric(name: str, metric: MetricPlan, *, role: str) -> Metric:
    """The metric of a section ``[metrics.<name>]``.

    Args:
        name: Its name, which is its column when none is declared.
        metric: The section; the plan's checks have found it coherent.
        role: Its role among all metrics of the plan.
    """
    options: dict[str, Any] = {"role": role, "direction": metric.direction}
    column = metric.column or name
    if metric.kind == "duration":
        return Duration(column, horizon=str(metric.horizon), covariate=metric.covariate, **options)
    options["missing"] = metric.missing
    if metric.kind == "quantile":
        return Quantile(column, 0.5 if metric.q is None else metric.q, **options)
    options["covariate"] = metric.covariate
    if metric.kind == "rate":
        return Rate(column, method=metric.method or "score", **options)
    options["cap"] = metric.cap
    if metric.kind == "ratio":
        return Ratio(str(metric.numerator), str(metric.denominator), **options)
    if metric.kind == "count":
        return Count(column, **options)
    return Mean(column, equal_variances=metric.equal_variances, **options)
