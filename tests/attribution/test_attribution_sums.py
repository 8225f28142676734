"""Sums of credit: blocks of conversions change no number, and do not multiply the room that many cells take."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.credit import person_cells, sums


@pytest.fixture
def tables():
    random = np.random.default_rng(6)
    start = pd.Timestamp("2026-10-01", tz="UTC")
    touches = pd.DataFrame(
        {
            "person_id": random.integers(0, 40, 300),
            "time": start + pd.to_timedelta(random.integers(0, 60, 300), unit="h"),
            "channel": random.choice(["a", "b", "c"], 300),
        }
    )
    conversions = pd.DataFrame(
        {
            "person_id": random.integers(0, 45, 120),
            "time": start + pd.to_timedelta(random.integers(0, 80, 120), unit="h"),
            "conversion_id": np.arange(120),
            "value": random.integers(1, 900, 120) / 7,
            "shop": np.arange(120) // 2,
        }
    )
    return touches, conversions


@pytest.mark.parametrize("reuse", ["shared", "reset"])
def test_blocks_change_no_number(tables, monkeypatch, reuse):
    credit = at.attribute(*tables, rules=at.Rules(reuse=reuse))
    whole = credit.table()
    monkeypatch.setattr(sums, "_BLOCK", 1)
    monkeypatch.setattr(sums, "_PER_CELL", 1)
    pd.testing.assert_frame_equal(at.attribute(*tables, rules=at.Rules(reuse=reuse)).table(), whole, rtol=1e-12)


def test_the_tables_of_all_blocks_take_no_more_room_than_the_conversions(tables, monkeypatch):
    held = []
    added = sums._added

    def counting(blocks, shape):
        held.append(len(blocks) * shape[1])
        return added(blocks, shape)

    monkeypatch.setattr(sums, "_BLOCK", 1)
    monkeypatch.setattr(sums, "_added", counting)
    credit = at.attribute(*tables)
    credit.by("shop")
    cells = 61
    assert held[-1] <= len(tables[1]) // sums._PER_CELL + cells


def test_blocks_of_persons_change_no_interval_and_are_few_where_cells_are_many(tables, monkeypatch):
    credit = at.attribute(*tables).by("shop")
    whole = credit.table(level=0.95)
    monkeypatch.setattr(person_cells, "_CONVERSIONS", 1)
    blocks = list(person_cells.map_blocks(credit.journeys, credit.models, credit.cells, lambda block: block.persons))
    assert len(blocks) <= len(tables[1]) // (person_cells._PER_CELL * len(credit.cells)) + 1
    monkeypatch.setattr(person_cells, "_PER_CELL", 0)
    blocks = list(person_cells.map_blocks(credit.journeys, credit.models, credit.cells, lambda block: block.persons))
    assert len(blocks) == len(credit.journeys.persons)
    pd.testing.assert_frame_equal(at.attribute(*tables).by("shop").table(level=0.95), whole, rtol=1e-12)
