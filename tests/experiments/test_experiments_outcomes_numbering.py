"""Codes of keys against the place of each key among the sorted distinct ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.outcomes.numbering import number_keys

NUMBERED = st.builds("{}{:0{}d}{}".format, st.sampled_from(["", "C", "客户-"]), st.integers(0, 10**6),
                     st.integers(1, 9), st.sampled_from(["", "", "-x"]))  # fmt: skip
ANY_TEXT = st.text(st.sampled_from("a0\x00zé客"), max_size=40)
WHOLE = st.one_of(st.integers(-5, 5), st.integers(0, 10**9), st.integers(-(2**63), 2**63 - 1))


def places(*columns: list[object]) -> tuple[list[list[int]], int]:
    """The slow way: texts stand in the order of their bytes."""
    order = sorted({key for column in columns for key in column}, key=lambda k: k.encode() if isinstance(k, str) else k)
    place = {key: number for number, key in enumerate(order)}
    return [[place[key] for key in column] for column in columns], len(order)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(NUMBERED, max_size=30), min_size=1, max_size=3), st.sampled_from([pa.string, pa.large_string]))
def test_customer_numbers_have_the_place_of_their_key(columns: list[list[str]], kind: object) -> None:
    found, size = number_keys(*(pa.array(column, kind()) for column in columns))
    assert ([codes.tolist() for codes in found], size) == places(*columns)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(ANY_TEXT, max_size=20), min_size=1, max_size=3))
def test_any_texts_have_the_place_of_their_key(columns: list[list[str]]) -> None:
    found, size = number_keys(*(pa.array(column, pa.large_string()) for column in columns))
    assert ([codes.tolist() for codes in found], size) == places(*columns)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(WHOLE, max_size=30), min_size=1, max_size=3))
def test_whole_numbers_have_the_place_of_their_key(columns: list[list[int]]) -> None:
    found, size = number_keys(*(pa.array(column, pa.int64()) for column in columns))
    assert ([codes.tolist() for codes in found], size) == places(*columns)


@pytest.mark.parametrize("spread", [1, 3, 977])
@pytest.mark.parametrize("text", [False, True])
def test_columns_of_several_blocks_are_numbered_alike(spread: int, *, text: bool) -> None:
    numbers = np.random.default_rng(spread).integers(0, 90_000, 150_000) * spread
    column = pa.array([f"P{number:08d}" for number in numbers]) if text else pa.array(numbers)
    (codes, again), size = number_keys(column.slice(7, 140_000), column)
    distinct, place = np.unique(numbers, return_inverse=True)
    assert size == len(distinct)
    assert np.array_equal(again, place)
    assert np.array_equal(codes, place[7 : 7 + 140_000])


def test_columns_of_several_types_are_compared_as_text() -> None:
    (codes, others), size = number_keys(pa.array([10, 9]), pa.array(["9", "10", "x"]))
    assert (codes.tolist(), others.tolist(), size) == ([0, 1], [1, 0, 2], 3)
