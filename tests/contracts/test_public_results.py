"""Every public result answers alike: `len()` counts its rows and `.head()` shows the first ones."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest
from degenerate_calls import CALLS
from degenerate_world import World

from attribution.core.records import Records, TabularResult


@cache
def result(name):
    return CALLS[name](World())


@pytest.mark.parametrize("name", CALLS)
def test_tables_answer_alike(name):
    found = result(name)
    if not isinstance(found, TabularResult):
        return
    table = found.table()
    assert len(found) == len(table)
    assert bool(found)
    pd.testing.assert_frame_equal(found.head(2), table.head(2), check_dtype=False)
    assert list(found.head(0).columns) == list(table.columns)


def test_a_head_has_five_rows_unless_asked_otherwise():
    outcomes = result("ex.build_outcomes")
    assert len(outcomes) > 5
    assert len(outcomes.head()) == 5
    assert len(outcomes.head(10**6)) == len(outcomes)
    with pytest.raises(ValueError, match="n must be a whole number of at least 0, got -1"):
        outcomes.head(-1)


def test_a_result_without_rows_is_a_result():
    empty = Records((), ())

    class Empty(TabularResult):
        def _records(self):
            return empty

    assert len(Empty()) == 0
    assert Empty()
