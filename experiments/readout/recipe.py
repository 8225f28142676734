"""What a readout says about how its figures were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.recipe import Recipe, fingerprint
from experiments.metrics import Duration, Mean, Quantile, Rate, Ratio, inputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.moments import Moments
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit

__all__ = ["readout_recipe"]


def readout_recipe(experiment: Experiment, fits: Sequence[Fit], moments: Mapping[str, Moments]) -> Recipe:
    """The recipe of a readout: the methods that were used, the settings, and a fingerprint of the data."""
    first = next(iter(moments.values()))
    cells = np.array([" ".join(repr(part) for part in cell) for cell in first.cells], dtype=object)
    columns: dict[str, np.ndarray] = {"cell": cells}
    for name, part in moments.items():
        columns |= {f"{name}.n": part.n, f"{name}.mean": part.mean, f"{name}.squares": part.squares}
        for i, j in _further(len(part.labels)):
            columns[f"{name}.product_{i}_{j}"] = part.products[:, i, j]
            columns[f"{name}.mean_{i}"] = part.means[:, i]
    settings: dict[str, object] = {
        "level": experiment.level,
        "correction": experiment.correction or "none",
        "control": experiment.control,
        "strata": ", ".join(experiment.layers) or "none",
        "shares": _shares(experiment),
        "primary": experiment.primary,
    }
    if experiment.gatekeeping is not None:
        gate = experiment.gatekeeping
        settings["gatekeeping"] = gate if isinstance(gate, str) else f"{gate[0]}, truncated by {gate[1]:g}"
    if experiment.cluster is not None:
        settings["cluster"] = experiment.cluster
    if experiment.target != "sample":
        settings["target"] = experiment.target
    definitions = ["READOUT", *dict.fromkeys(_definition(fit, experiment) for fit in fits)]
    if experiment.cluster is not None:
        definitions.append("READOUT_CLUSTER")
    if any(inputs_of(fit.metric).covariates for fit in fits):
        definitions.append("READOUT_ADJUSTED" if experiment.cluster is None else "READOUT_ADJUSTED_CLUSTER")
    if experiment.layers:
        definitions.append("READOUT_STRATA")
    if experiment.target == "population":
        definitions.append("READOUT_POPULATION")
    return Recipe(
        method="experiment",
        definitions=tuple(definitions),
        settings=settings,
        n={"persons": int(first.persons.sum())},
        fingerprint=fingerprint(columns),
    )


def _shares(experiment: Experiment) -> str:
    """The declared shares as text: "none", the column that holds them, or each arm with its own."""
    shares = experiment.shares
    if shares is None or isinstance(shares, str):
        return shares or "none"
    return ", ".join(f"{arm} {share:g}" for arm, share in shares.items())


def _further(size: int) -> list[tuple[int, int]]:
    """The pairs of coordinates beyond the first one's own square."""
    return [(i, j) for i in range(1, size) for j in range(i + 1)]


def _definition(fit: Fit, experiment: Experiment) -> str:
    """Code of the sentence that says how a metric was read."""
    metric = fit.metric
    if isinstance(metric, Rate) and fit.figures is None:
        return "READOUT_RATE" if metric.method == "score" else "READOUT_RATE_SKEWED"
    if isinstance(metric, Ratio):
        return "READOUT_RATIO"
    if isinstance(metric, Quantile):
        return "READOUT_QUANTILE"
    if isinstance(metric, Duration):
        return "READOUT_DURATION"
    if isinstance(metric, Rate) or experiment.cluster is not None or inputs_of(metric).covariates:
        return "READOUT_LINEAR"
    return "READOUT_STUDENT" if isinstance(metric, Mean) and metric.equal_variances else "READOUT_MEAN"
