"""Plots of experiments, each with its data as a table."""

from experiments.plots.distribution import plot_distribution
from experiments.plots.forest import plot_forest
from experiments.plots.looks import plot_looks
from experiments.plots.power import plot_power
from experiments.plots.reconciliation import plot_reconciliation

__all__ = ["plot_distribution", "plot_forest", "plot_looks", "plot_power", "plot_reconciliation"]
