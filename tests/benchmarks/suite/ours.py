"""Our side of every comparison: the public API with validation, down to the table of the credit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import attribution as at
from attribution.conversions import read_conversions
from attribution.core.columns import Columns
from attribution.core.tables import Problems
from attribution.touches import read_touches
from benchmarks.suite.answers import MODELS, NAMES
from benchmarks.suite.data import CHANNELS


def run(touches: object, conversions: object, **options: object) -> np.ndarray:
    """The answer from two tables of any kind; `level=` asks for intervals as well."""
    level = options.pop("level", None)
    credit = at.attribute(touches, conversions, models=at.RULE_MODELS, **options)
    table = credit.table() if level is None else credit.table(level=level)
    rows = table.set_index(["model", "channel"])[["conversions", "value"]]
    wanted = [(model, name) for model in MODELS for name in NAMES]
    found = rows.reindex(wanted, fill_value=0.0).to_numpy(dtype=float)
    return found.reshape(len(MODELS), len(CHANNELS) + 1, 2)


def run_files(touches: Path, conversions: Path, memory: str | None = None) -> np.ndarray:
    """The answer from two Parquet files, whose places are given to the library."""
    options = {} if memory is None else {"memory": memory}
    return run(str(touches), str(conversions), **options)


def validate(touches: object, conversions: object) -> None:
    """Only the reading and checking of both tables."""
    problems = Problems()
    read_touches(touches, Columns(), problems=problems)
    read_conversions(conversions, Columns(), problems=problems)
