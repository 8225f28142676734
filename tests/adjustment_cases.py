"""Rows, moments and grids of small tables, as the readout makes them, for the tests of adjustment and clusters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from attribution.core.columns import Columns
from attribution.core.tables import Problems, open_table
from experiments.inference.adjusted import adjusted_figures, adjusted_figures_from_moments
from experiments.inference.clusters import clustered_figures
from experiments.metrics import MetricInputs
from experiments.moments import MetricRows, Moments, metric_rows, moments_of
from experiments.moments.grid import Grid, arrange, collapse

REFERENCES = Path(__file__).parent / "references"


@dataclass(frozen=True)
class Case:
    rows: MetricRows
    moments: Moments
    grid: Grid
    weights: np.ndarray
    measured: int = 1
    clusters: Moments | None = None

    def adjusted(self, **options):
        return adjusted_figures(self.rows, self.grid, weights=self.weights, **options)

    def from_moments(self, **options):
        return adjusted_figures_from_moments(self.grid, weights=self.weights, measured=self.measured, **options)

    def clustered(self, **options):
        return clustered_figures(self.clusters, self.grid, weights=self.weights, ratio=self.measured == 2, **options)


def case(frame, *, y="y", bottom=None, covariates=(), strata=(), cluster=None, arm="arm"):
    """What the readout would hand to the figures for one metric of a table."""
    columns = (y,) if bottom is None else (y, bottom)
    inputs = MetricInputs(columns=columns, limits=(None,) * len(columns), covariates=tuple(covariates))
    keys = [*strata, arm, *([] if cluster is None else [cluster])]
    problems = Problems()
    rows = metric_rows(open_table(frame, "outcomes", Columns(), problems=problems), inputs, keys=keys)
    problems.raise_if_any()
    whole = moments_of(rows)
    moments = whole if cluster is None else collapse(whole, len(keys) - 1)
    grid = arrange(moments)
    persons = grid.persons.sum(axis=1)
    return Case(
        rows=rows, moments=moments, grid=grid, weights=persons / persons.sum(), measured=len(columns),
        clusters=None if cluster is None else whole,
    )  # fmt: skip


def reference(path):
    """One reference: the case as the readout makes it, the expected numbers, and how near they must be."""
    read = json.loads((REFERENCES / path).read_text(encoding="utf-8"))
    inputs = read["inputs"]
    frame = pd.DataFrame(inputs["columns"])
    made = case(
        frame, bottom=inputs.get("bottom"), covariates=inputs["covariates"], strata=["s"] if inputs["strata"] else (),
        cluster="cluster" if "cluster" in frame else None,
    )  # fmt: skip
    return made, read["expected"], {"rel": read["rtol"], "abs": read["atol"]}


def reference_keys(folder):
    """Every (file, key) of a folder of references."""
    files = sorted((REFERENCES / folder).glob("*.json"))
    return [
        (f"{folder}/{file.name}", key)
        for file in files
        for key in json.loads(file.read_text(encoding="utf-8"))["expected"]
    ]
