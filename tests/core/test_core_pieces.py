"""Columns in pieces against the same columns put together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.core.columns import Columns
from attribution.core.key_columns import key_column
from attribution.core.key_words import PieceKeys, TextKeys, key_words
from attribution.core.pieces import Cuts, Numbers, few_pieces
from attribution.core.tables import Problems, open_table
from attribution.core.texts import any_blank
from attribution.core.times import instants_in_pieces

PIECES = st.lists(st.lists(st.integers(-50, 50), max_size=6), min_size=1, max_size=6)


@given(pieces=PIECES, ends=st.tuples(st.integers(0, 40), st.integers(0, 40)), data=st.data())
def test_numbers_in_pieces_are_those_of_the_whole(pieces, ends, data):
    numbers = Numbers.of(*(np.array(piece, np.int64) for piece in pieces))
    whole = np.array([number for piece in pieces for number in piece], np.int64)
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, max(len(whole) - 1, 0))))), np.int64)[: len(whole)]
    assert len(numbers) == len(whole)
    assert numbers.whole().tolist() == whole.tolist()
    assert numbers[min(ends) : max(ends)].tolist() == whole[min(ends) : max(ends)].tolist()
    assert numbers[rows].tolist() == whole[rows].tolist()
    picked = numbers.picked(rows)
    assert picked[1:].tolist() == whole[rows][1:].tolist()
    assert picked.bounds() == ((min(whole[rows]), max(whole[rows])) if len(rows) else None)
    assert numbers.bounds() == ((min(whole), max(whole)) if len(whole) else None)


# Texts of one length in a piece, of one length in all, and of several.
TEXTS = st.one_of(
    st.lists(st.lists(st.text(alphabet="a0\0", min_size=size, max_size=size), max_size=5), min_size=1, max_size=4)
    for size in (0, 3, 8, 11, 16, 70)
) | st.lists(st.lists(st.text(max_size=12), max_size=5), min_size=1, max_size=4)


@given(pieces=TEXTS, kind=st.sampled_from([pa.string(), pa.large_string()]), cut=st.integers(0, 2), data=st.data())
def test_keys_in_pieces_have_the_words_of_the_whole(pieces, kind, cut, data):
    column = pa.chunked_array([pa.array([*["x"] * cut, *piece], kind)[cut:] for piece in pieces], kind)
    texts = column.to_pylist()
    # A longer text at the end takes all texts away from equal distances: their words are then found one by one.
    plain = key_words(pa.array([*texts, "y" * 7, "another"], kind))
    parts = [key_words(chunk) for chunk in column.chunks]
    keys = PieceKeys(parts, Cuts.of(parts))
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, max(len(texts) - 1, 0))))), np.int64)[: len(texts)]
    assert keys.texts_of(slice(start, stop)).to_pylist() == texts[start:stop]
    assert keys.texts_of(rows).to_pylist() == [texts[row] for row in rows]
    for width in {keys.width(), plain.width()}:
        if stop > start:
            assert lists(keys.words(start, stop, width)) == lists(plain.words(start, stop, width))
        if len(rows):
            assert lists(keys.words_of(rows, width)) == lists(plain.words_of(rows, width))


def lists(words):
    return [word.tolist() for word in words]


def test_texts_of_one_length_are_read_without_their_places():
    texts = key_words(pa.array(["12345678", "abcdefgh"]))
    assert isinstance(texts, TextKeys)
    assert texts.length == 8
    (word, length) = texts.words(0, 2, 1)
    assert np.shares_memory(word, texts.bytes)
    assert length.tolist() == [8, 8]
    assert key_words(pa.array(["123", "12", "1234"])).length is None  # as long as if each had three


@given(pieces=st.lists(st.lists(st.sampled_from(["", " ", "\u3000", "a", " a", "\u3000a", "客户"]), max_size=4)))
def test_blank_texts_are_suspected_in_any_piece(pieces):
    arrays = [pa.array(piece, pa.string()) for piece in pieces]
    assert any_blank(arrays) == any(not text.strip() for piece in pieces for text in piece)


def opened(person, time):
    table = pa.table({"person_id": person, "time": time})
    return open_table(table, "touches", Columns(), problems=Problems(), required=("person", "time"))


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.large_string(), pa.int32()])
def test_columns_are_used_in_their_pieces_and_joined_only_when_asked(kind):
    values = np.arange(40_000) + 100
    person = pa.chunked_array([pa.array(values[:20_000]), pa.array(values[20_000:])]).cast(kind)
    time = pa.chunked_array([values[:15_000], values[15_000:]]).cast(pa.timestamp("us", "UTC"))
    table = opened(person, time)
    keys, times = key_column(table, "person"), instants_in_pieces(table, "time")
    assert keys.whole().to_pylist() == person.cast(keys.type).to_pylist()
    assert keys.type == (pa.int64() if pa.types.is_integer(kind) else pa.large_string())
    assert len(times.parts) == 2
    assert np.shares_memory(times.parts[1], time.chunk(1).cast(pa.int64()).to_numpy())
    assert times.whole().tolist() == values.tolist()
    assert times.whole() is times.whole()


def test_many_short_pieces_are_put_together():
    column = pa.chunked_array([[number] for number in range(50)])
    assert not few_pieces(column)
    table = opened(column, column.cast(pa.timestamp("us", "UTC")))
    assert key_column(table, "person").column.num_chunks == 1
    assert len(instants_in_pieces(table, "time").parts) == 1


def test_blank_keys_and_infinite_times_in_any_piece_are_noted():
    person = pa.chunked_array([["a"] * 20_000, [*["b"] * 19_999, " "]])
    time = pa.chunked_array([[0] * 20_000, [*[0] * 19_999, 2**62]]).cast(pa.timestamp("us", "UTC"))
    table = opened(person, time)
    assert key_column(table, "person") is None
    assert instants_in_pieces(table, "time") is None
    assert {(issue.code, issue.count) for issue in table.problems.issues} == {("NULL_KEY", 1), ("NULL_TIME", 1)}
