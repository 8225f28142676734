"""Sufficient statistics by cell (arm, stratum, segment, cluster), taken where the table is."""

from experiments.moments.centred import Moments, column_moments, merge_moments, metric_moments, single_moments
from experiments.moments.costs import CostMoments, cost_moments
from experiments.moments.counted import Cell, ValueCounts, value_counts
from experiments.moments.rows import MetricRows, metric_rows, moments_of

__all__ = [
    "Cell",
    "CostMoments",
    "MetricRows",
    "Moments",
    "ValueCounts",
    "column_moments",
    "cost_moments",
    "merge_moments",
    "metric_moments",
    "metric_rows",
    "moments_of",
    "single_moments",
    "value_counts",
]
