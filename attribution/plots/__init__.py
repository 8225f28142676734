"""Plots of credit and of journeys, each with its data as a table."""

from attribution.plots.credit import plot_credit
from attribution.plots.dumbbell import plot_dumbbell
from attribution.plots.flow import plot_flow
from attribution.plots.plot import Plot
from attribution.plots.timing import plot_path_lengths, plot_time_to_conversion

__all__ = ["Plot", "plot_credit", "plot_dumbbell", "plot_flow", "plot_path_lengths", "plot_time_to_conversion"]
