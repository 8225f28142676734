"""Arrays that a caller hands over: every kind of column, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from attribution.core.errors import InputError
from experiments.inference.values import checked_labels, checked_values

KINDS = {
    "list": list,
    "numpy": np.array,
    "pandas": pd.Series,
    "polars": pl.Series,
    "arrow": pa.array,
    "arrow chunks": lambda given: pa.chunked_array([given[:1], given[1:]]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_column_is_read(kind):
    make = KINDS[kind]
    assert checked_values("values", make([1, 2, 4])).tolist() == [1.0, 2.0, 4.0]
    assert checked_values("values", make([True, False])).tolist() == [1.0, 0.0]
    assert checked_labels("strata", make(["北", "南", "北"]), 3).tolist() == ["北", "南", "北"]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_entries_are_refused_in_every_kind_of_column(kind):
    make = KINDS[kind]
    with pytest.raises(InputError, match="values must be finite, got 1 empty or infinite of 3"):
        checked_values("values", make([1.0, None, 3.0]))
    with pytest.raises(InputError, match="strata has empty entries"):
        checked_labels("strata", make(["a", None, "b"]), 3)
