"""The kernels over arrays, against plain Python on keys and times made to be awkward."""

from __future__ import annotations

import bisect

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.core.errors import InputError
from attribution.core.key_words import TextKeys, key_words
from attribution.kernels import ordering, person_index
from attribution.kernels.ordering import first_places, person_time_order
from attribution.kernels.person_index import index_persons
from attribution.kernels.relevance import relevance

INTEGERS = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 5).map(lambda number: 1_000_000_000 + 7 * number),
)
# Texts of one to many words, alike at their begins or ends, with zeros inside and behind, in several scripts.
TEXTS = st.one_of(
    st.text(max_size=3),
    st.text(alphabet="a\0", max_size=20),
    st.builds(
        "{}{}{}".format, st.sampled_from(["", "customer-", "客户"]), st.integers(0, 3), st.sampled_from(["", "x" * 40])
    ),
)
KINDS = {"int64": (INTEGERS, pa.int64()), "string": (TEXTS, pa.string()), "large_string": (TEXTS, pa.large_string())}


@st.composite
def two_columns(draw):
    values, kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    known, asked = draw(st.lists(values, max_size=30)), draw(st.lists(values, max_size=30))
    asked = draw(st.permutations(asked + known[: draw(st.integers(0, 10))]))
    cut = draw(st.integers(0, 2))  # a column may be a slice of a longer one
    return known, asked, pa.array([*known[:cut], *known], kind)[len(known[:cut]) :], pa.array(asked, kind)


@given(columns=two_columns())
def test_an_index_numbers_the_distinct_persons_in_their_order_and_finds_them(columns):
    known, asked, left, right = columns
    index, codes = index_persons(left)
    persons = sorted(set(known), key=lambda key: key.encode() if isinstance(key, str) else key)
    assert index.persons.to_pylist() == persons
    assert [persons[code] for code in codes.tolist()] == known
    expected = [persons.index(key) if key in persons else -1 for key in asked]
    assert index.codes(key_words(right)).tolist() == expected


def test_persons_who_all_fall_into_one_slot_are_told_apart(monkeypatch):
    monkeypatch.setattr(person_index, "upper_bits", lambda mixes, size: np.full(len(mixes), size - 1))
    index, codes = index_persons(pa.array(["b", "a", "c", "a"]))
    assert index.persons.to_pylist() == ["a", "b", "c"]
    assert codes.tolist() == [1, 0, 2, 0]
    assert index.codes(key_words(pa.array(["c", "d", "a"]))).tolist() == [2, -1, 0]


def test_long_texts_that_differ_behind_their_words_are_compared(monkeypatch):
    monkeypatch.setattr(TextKeys, "_tails", lambda _keys, place, _left: np.zeros(len(place), np.uint64))
    known, other = "x" * 70 + "a", "x" * 70 + "b"
    index, _ = index_persons(pa.array([known, "p"]))
    keys = key_words(pa.array([other, "p", known]))
    assert index.codes(keys).tolist() == [-1, 0, 1]
    spans = relevance(index, np.zeros(2, np.int64), np.ones(2, np.int64), period=(0, 1))
    assert spans.rows(keys, np.zeros(3, np.int64))[0].tolist() == [1, 2]
    with pytest.raises(InputError, match="longer than 64 bytes cannot be told apart"):
        index_persons(pa.array([known, other]))


def test_words_of_texts_use_the_bytes_where_they_lie():
    array = pa.array(["some", "texts", "of", "several", "lengths", "and more of them"], pa.large_string())
    keys = key_words(array)
    assert isinstance(keys, TextKeys)
    assert keys.bytes.ctypes.data == array.buffers()[2].address


@given(
    columns=two_columns(),
    times=st.lists(st.integers(-40, 40), min_size=40, max_size=40),
    scale=st.sampled_from([1, 3600_000_000, 10**15]),
    around=st.sampled_from(["rows", "spans"]),
)
def test_relevance_keeps_every_row_that_matters_and_only_known_persons(columns, times, scale, around):
    _, asked, left, right = columns
    index, codes = index_persons(left)
    first, last = np.full(len(index), 10**18), np.full(len(index), -(10**18))
    for code, time in zip(codes.tolist(), times, strict=False):
        first[code], last[code] = min(first[code], time * scale), max(last[code], (time + 5) * scale)
    time = np.array(times[: len(asked)], np.int64) * scale
    held = np.concatenate([time if around == "rows" else np.concatenate([first, last]), [0]])
    period = (int(held.min()), int(held.max()))
    spans = relevance(index, first, last, period=period)
    rows, code = spans.rows(key_words(right), time)
    expected = index.codes(key_words(right))
    assert code.tolist() == expected[rows].tolist()
    assert (code >= 0).all()
    assert (np.diff(rows) > 0).all()
    inside = (expected >= 0) & (time >= first[expected]) & (time <= last[expected]) if len(index) else expected >= 0
    assert set(np.flatnonzero(inside).tolist()) <= set(rows.tolist())


def test_relevance_drops_what_lies_days_outside_the_span():
    day = 86_400_000_000
    index, _ = index_persons(pa.array([1, 2]))
    spans = relevance(index, np.array([10 * day, 20 * day]), np.array([12 * day, 20 * day]), period=(9 * day, 21 * day))
    person = pa.array([1, 1, 1, 1, 2, 2, 3])
    time = np.array([9, 10, 12, 13, 20, 21, 20]) * day
    rows, code = spans.rows(key_words(person), time)
    assert rows.tolist() == [1, 2, 4]
    assert code.tolist() == [0, 0, 1]


@st.composite
def person_times(draw):
    spread = draw(st.sampled_from([3, 10**9, 2**61]))
    rows = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(-spread, spread), st.integers(0, 2)), max_size=40))
    return [np.array([row[place] for row in rows], np.int64) for place in range(3)]


@given(rows=person_times(), part=st.sampled_from([1, 4, 1 << 17]))
def test_rows_are_ordered_by_person_time_and_rank_whatever_the_parts(rows, part):
    person, time, rank = rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "_ROWS", part)
        order = person_time_order(person, time, [lambda tied: rank[tied] // 2, lambda tied: rank[tied] % 2])
    found = [(int(person[row]), int(time[row]), int(rank[row])) for row in order]
    assert sorted(order.tolist()) == list(range(len(person)))
    assert found == sorted(found)


@given(numbers=st.lists(st.integers(0, 2**20 - 1) | st.sampled_from([5, 6, 7]), max_size=40), bits=st.integers(21, 70))
def test_numbers_are_ordered_by_value_even_where_bits_are_short(numbers, bits):
    array = np.array(numbers, np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "_NUMBER_BITS", 26)
        order = ordering.number_order(array, 20)
    assert order.tolist() == np.argsort(array, kind="stable").tolist()
    assert ordering.number_order(array, min(bits, 62)).tolist() == order.tolist()


def test_few_rows_of_persons_with_large_codes_are_ordered():
    person, time = np.array([69_999, 199_999, 69_999], np.int32), np.array([1, 0, 0])
    rows, persons, times = ordering.sorted_rows(np.arange(3), person, time)
    assert rows.tolist() == [2, 0, 1]
    assert persons.tolist() == [69_999, 69_999, 199_999]
    assert times.tolist() == [0, 1, 0]
    assert ordering.sorted_rows(np.arange(1), person[:1], time[:1])[1].tolist() == [69_999]


@given(rows=person_times(), asked=person_times(), part=st.sampled_from([1, 4, 1 << 17]))
def test_places_are_those_of_a_bisection(rows, asked, part):
    person, time, _ = rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "_ROWS", part)
        order = person_time_order(person, time)
        wanted = np.argsort(asked[0], kind="stable")
        found = first_places(person[order], time[order], asked[0][wanted], [asked[1][wanted]])
    known = sorted(zip(person.tolist(), time.tolist(), strict=True))
    expected = [
        bisect.bisect_left(known, pair)
        for pair in zip(asked[0][wanted].tolist(), asked[1][wanted].tolist(), strict=True)
    ]
    assert found[0].tolist() == expected
