"""The experiment as it was declared, and what it found: each arm against the control, with trust checks."""

from experiments.readout.experiment import Experiment
from experiments.readout.result import Readout, Steps

__all__ = ["Experiment", "Readout", "Steps"]
