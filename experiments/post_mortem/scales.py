"""In which unit the report shows a metric, and which of its sentences fit it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.metrics import Count, Duration, Mean, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.formats import ValueKind
    from experiments.metrics import Metric

__all__ = ["MetricScale", "is_guarded_rate", "is_return", "scale_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricScale:
    """How a metric is shown.

    Attributes:
        level: Kind of an arm's value.
        change: Kind of a difference.
        answer: Code of the sentence about one contrast.
        heading: Code of the heading above the differences.
    """

    level: ValueKind
    change: ValueKind
    answer: str
    heading: str


_RATE = MetricScale(level="rate", change="per1000", answer="effect.answer", heading="effect.per1000")
_MEAN = MetricScale(level="money", change="money", answer="effect.answer_mean", heading="effect.per_person")
_DAYS = MetricScale(level="number", change="ratio", answer="effect.answer_days", heading="effect.days")
_FIGURE = MetricScale(level="number", change="ratio", answer="effect.answer_figure", heading="effect.difference")


def scale_of(metric: Metric) -> MetricScale:
    """The scale of a metric by its kind: the method that compared it says nothing about its unit."""
    if isinstance(metric, Rate):
        return _RATE
    if isinstance(metric, Duration):
        return _DAYS
    return _MEAN if isinstance(metric, (Mean, Count)) else _FIGURE


def is_return(metric: Metric) -> bool:
    """Whether the metric can be read as customers who came back: the rate of a wanted event."""
    return isinstance(metric, Rate) and metric.direction != "down"


def is_guarded_rate(name: str, metrics: Mapping[str, Metric]) -> bool:
    """Whether a guardrail is on a rate: a bare column is one, and a declared metric where its kind says so."""
    return name not in metrics or isinstance(metrics[name], Rate)
