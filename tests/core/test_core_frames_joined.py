"""Chunks of plain numbers become one array, whatever their type and their cuts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from attribution.core import threads
from attribution.core.frames import one_array


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.timestamp("us", "UTC"), pa.timestamp("ns"), pa.int32()])
def test_chunks_are_joined_in_order(kind, workers, monkeypatch):
    monkeypatch.setattr(threads, "thread_count", lambda _: workers)
    whole = pa.array(np.arange(-5, 20), pa.int64()).cast(pa.int32() if kind == pa.int32() else pa.int64())
    whole = whole if kind == pa.int32() else (whole.cast(kind) if pa.types.is_floating(kind) else whole.view(kind))
    column = pa.chunked_array([whole[:3], whole[3:3], whole[3:17].slice(0), whole[17:]])
    found = one_array(column)
    assert found.type == kind
    assert found.equals(whole)
    assert found[4:9].equals(whole[4:9])


def test_chunks_with_an_empty_cell_keep_it():
    column = pa.chunked_array([pa.array([1, None]), pa.array([3])])
    assert one_array(column).to_pylist() == [1, None, 3]
