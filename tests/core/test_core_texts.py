"""Texts by their bytes: blank ones as Arrow trims them, repeated ones whatever the hash."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.core import key_words, threads
from attribution.core.distinct import duplicates
from attribution.core.key_repeats import suspected_repeats
from attribution.core.key_words import text_words
from attribution.core.texts import blank_texts, sorted_texts
from oracles import columns_read as oracle

SPACES = [
    chr(code)
    for code in (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, 0x2000, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
]
TEXTS = st.one_of(
    st.text(st.sampled_from([*SPACES, "a", "\0", "\u200b", "　", "中"]), max_size=4),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"], autouse=True)
def workers(request, monkeypatch):
    monkeypatch.setattr(threads, "thread_count", lambda length: request.param)


def trimmed_empty(array):
    return pc.equal(pc.utf8_trim_whitespace(array), "").to_numpy(zero_copy_only=False)


def test_every_sign_is_space_for_both_ways_or_for_none():
    signs = pa.array(
        [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000], pa.large_string()
    )
    expected = trimmed_empty(signs)
    assert blank_texts(signs).tolist() == expected.tolist()
    assert set(SPACES) <= set(signs.filter(pa.array(expected)).to_pylist())
    assert blank_texts(signs.filter(pa.array(~expected))) is None


@given(st.lists(TEXTS, max_size=12), st.integers(0, 3))
@settings(max_examples=300)
def test_blank_texts_are_those_that_trimming_empties(cells, begin):
    array = pa.array([*[" "] * begin, *cells], pa.large_string()).slice(begin)
    found, expected = blank_texts(array), trimmed_empty(array)
    assert (found is None) == (not expected.any())
    assert found is None or found.tolist() == expected.tolist()


def test_null_texts_are_blank_too():
    array = pa.array(["a", None, " ", ""], pa.large_string())
    assert blank_texts(array).tolist() == [False, True, True, True]
    assert blank_texts(array.slice(0, 1)) is None
    assert blank_texts(pa.array([], pa.large_string())) is None


@given(st.lists(TEXTS, max_size=20), st.integers(0, 3), st.sampled_from([pa.string(), pa.large_string()]))
@settings(max_examples=300)
def test_texts_that_repeat_share_a_hash_and_others_do_not(cells, begin, kind):
    array = pa.array([*cells[:begin], *cells, "end"], kind).slice(min(begin, len(cells)), len(cells))
    assert array.to_pylist() == cells
    expected = [row for row, cell in enumerate(cells) if cells.count(cell) > 1]
    assert suspected_repeats(text_words(array)).tolist() == expected


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 15, 16, 17, 100_000])
def test_texts_that_differ_in_one_byte_or_in_their_length_differ(length):
    stem = "q" * length
    several = [stem, stem + "\0", stem + "\0\0", stem + "a", "a" + stem, stem + "a" * 8, stem + "\0" * 8]
    several = sorted(set(several))
    array = pa.array(several, pa.large_string())
    assert not len(suspected_repeats(text_words(array)))
    assert len(suspected_repeats(text_words(pa.array([*several, stem], pa.large_string())))) == 2


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("factor", [0, 1 << 63], ids=["all alike", "two hashes"])
def test_keys_are_compared_where_hashes_repeat(factor, monkeypatch):
    monkeypatch.setattr(key_words, "_MIX", np.uint64(factor))
    cells = [f"key {number}" for number in range(50)]
    assert len(suspected_repeats(text_words(pa.array(cells)))) == len(cells)
    assert duplicates(pa.array(cells)) == (0, [])
    assert duplicates(pa.array([*cells, "key 7", "key 7", "key 3"])) == oracle.repeats(
        [*cells, "key 7", "key 7", "key 3"]
    )


STEMS = st.sampled_from(["", "a", "customer-", "customer-number-", "x" * 48, "\0" * 9])


@given(
    st.lists(
        st.builds(lambda stem, end: stem + end, STEMS, TEXTS.filter(lambda text: len(text.encode()) <= 16)), max_size=30
    ),
    st.integers(0, 3),
)
@settings(max_examples=400)
def test_texts_are_sorted_by_their_bytes(cells, begin):
    array = pa.array([*["q"] * begin, *cells, *cells[:5]], pa.large_string()).slice(begin)
    order, fresh = sorted_texts(array)
    placed = [array[int(row)].as_py().encode() for row in order]
    assert sorted(order.tolist()) == list(range(len(array)))
    assert placed == sorted(text.encode() for text in array.to_pylist())
    assert fresh.tolist() == [row == 0 or placed[row] != placed[row - 1] for row in range(len(placed))]


def test_long_texts_are_left_to_others():
    assert sorted_texts(pa.array(["a", "b" * 65])) is None
    order, fresh = sorted_texts(pa.array(["b" * 64, "a", "b" * 64, "b" * 63 + "a"]))
    assert (order[:2].tolist(), fresh.tolist()) == ([1, 3], [True, True, True, False])
