"""Sums of amounts in order of size, and busiest windows, against what is obvious and slow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.outcomes.events import in_order_of_size, sum_by_size
from experiments.wakeup.pressure_counts import busiest_window

AMOUNTS = st.one_of(st.sampled_from([0.0, 0.1, 0.2, 0.3, 1e16]), st.floats(-1e12, 1e12))
ROWS = st.lists(st.tuples(st.integers(0, 4), AMOUNTS), max_size=60)


def slowly(owner: np.ndarray, amount: np.ndarray, size: int) -> np.ndarray:
    """Added one after the other from the smallest on."""
    order = np.lexsort((amount, owner))
    return np.bincount(owner[order], weights=amount[order], minlength=size)


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_sums_have_the_bytes_of_sums_from_the_smallest_on(rows: list[tuple[int, float]]) -> None:
    owner = np.array([row[0] for row in rows], np.int64)
    amount = np.array([row[1] for row in rows], np.float64)
    assert sum_by_size(owner, amount, 6).tolist() == slowly(owner, amount, 6).tolist()


@pytest.mark.parametrize("distinct", [5, 30_000])
def test_few_and_many_different_amounts_are_added_alike(distinct: int) -> None:
    chance = np.random.default_rng(distinct)
    owner = chance.integers(0, 700, 90_000)
    amount = np.round(chance.exponential(10, distinct), 3)[chance.integers(0, distinct, 90_000)]
    assert np.array_equal(sum_by_size(owner, amount, 701), slowly(owner, amount, 701))
    order = np.lexsort((amount, owner))
    owners, amounts = in_order_of_size(owner, amount)
    assert np.array_equal(owners, owner[order])
    assert np.array_equal(amounts, amount[order])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 60), max_size=40), min_size=1, max_size=5),
    st.integers(1, 70),
)
def test_the_busiest_window_is_that_of_a_loop(persons: list[list[int]], window: int) -> None:
    times = [sorted(mine) for mine in persons]
    person = np.repeat(np.arange(len(times)), [len(mine) for mine in times]).astype(np.int64)
    time = np.array([when for mine in times for when in mine], np.int64)
    start = np.append(0, np.cumsum([len(mine) for mine in times])).astype(np.int64)
    wanted = [max((sum(last - window < when <= last for when in mine) for last in mine), default=0) for mine in times]
    assert busiest_window(person, time, start, window).tolist() == wanted
