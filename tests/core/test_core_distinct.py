"""Codes of distinct values and repeated keys: every layout of a column, every way to find them, against the obvious."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.core import distinct, threads
from attribution.core.columns import Columns
from attribution.core.distinct import duplicates, encode, encode_together, narrowest
from attribution.core.tables import Problems, open_table
from attribution.core.values import labels
from oracles import columns_read as oracle

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "a",
            "a\0",
            "a\0\0",
            "\0",
            "ab",
            "sms",
            "短信",
            "push",
            "12345678",
            "123456789",
            "x" * 40,
            "x" * 41,
            "x" * 70,
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
WHOLE = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
KINDS = {
    "texts": (TEXTS, pa.large_string()),
    "short offsets": (TEXTS, pa.string()),
    "views": (TEXTS, pa.string_view()),
    "whole": (WHOLE, pa.int64()),
    "unsigned": (st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1)), pa.uint64()),
    "bytes": (st.integers(-128, 127), pa.int8()),
    "truth": (st.booleans(), pa.bool_()),
    "dates": (st.dates(), pa.date32()),
}


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"], autouse=True)
def small_blocks(request, monkeypatch):
    """Blocks of a few rows, so that short columns have many; of keys more than of names."""
    monkeypatch.setattr(distinct, "_BLOCK", 4)
    monkeypatch.setattr(distinct, "_MANY", 2)
    monkeypatch.setattr(threads, "thread_count", lambda length: request.param)


@st.composite
def columns(draw):
    """A column in some layout: chunks with offsets into longer arrays, some with dictionaries of their own."""
    values, kind = draw(st.sampled_from(list(KINDS.values())))
    cells = draw(st.lists(values, max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(cells)), max_size=3)))
    own = kind != pa.string_view() and draw(st.booleans())
    chunks = []
    for begin, end in zip([0, *cuts], [*cuts, len(cells)], strict=True):
        part = cells[begin:end]
        if own:
            spare = draw(st.lists(values, max_size=3))
            known = [*spare, *part, *part[:2]]  # unused and doubled entries
            index = draw(st.sampled_from([pa.int8(), pa.uint8(), pa.int32(), pa.uint32(), pa.int64()]))
            places = [len(spare) + row for row in range(len(part))]
            around = pa.array([0, *places, 0], index) if known else pa.array([], index)
            made = pa.DictionaryArray.from_arrays(around, pa.array(known, kind))
            chunks.append(made.slice(1, len(part)) if known else made)
        else:
            chunks.append(pa.array([*cells[:2], *part, *cells[:1]], kind).slice(min(len(cells), 2), len(part)))
    if own:
        target = pa.dictionary(chunks[0].type.index_type, kind)
        chunks = [
            pa.DictionaryArray.from_arrays(item.indices.cast(target.index_type), item.dictionary) for item in chunks
        ]
    return cells, pa.chunked_array(chunks)


@given(columns(), st.sampled_from([None, np.int64]))
@settings(max_examples=300)
def test_codes_are_places_among_the_sorted_distinct_values(made, kind):
    cells, column = made
    codes, names = encode(column, kind)
    assert (codes.tolist(), names.tolist()) == oracle.codes_of(cells)
    assert codes.dtype == (kind or np.int8)


@given(columns())
@settings(max_examples=200)
def test_labels_are_the_same_codes_in_any_layout(made):
    cells, column = made
    opened = open_table(pa.table({"x": column}), "touches", Columns(), problems=Problems())
    for narrow in (False, True):
        found = labels(opened, "x", narrow=narrow)
        assert (found.codes.tolist(), found.names.tolist()) == oracle.codes_of(cells)


@given(st.lists(st.lists(TEXTS, max_size=12), min_size=1, max_size=3))
def test_columns_encoded_together_share_their_codes(lists):
    found, names = encode_together(*(pa.array(cells, pa.string()) for cells in lists))
    codes, expected = oracle.codes_of([cell for cells in lists for cell in cells])
    assert [code for part in found for code in part.tolist()] == codes
    assert [len(part) for part in found] == [len(cells) for cells in lists]
    assert names.tolist() == expected
    assert all(part.dtype == np.int64 for part in found)


@given(columns().filter(lambda made: not pa.types.is_dictionary(made[1].type) and made[1].type != pa.string_view()))
@settings(max_examples=300)
def test_repeated_keys_are_counted(made):
    cells, column = made
    assert duplicates(column.combine_chunks()) == oracle.repeats(cells)
    assert duplicates(
        pa.concat_arrays([pa.array(cells, column.type), pa.nulls(1, column.type)]).slice(0, len(cells))
    ) == (oracle.repeats(cells))


@pytest.mark.parametrize("spread", [1, 7, 10**9], ids=["dense", "gaps", "wide"])
@pytest.mark.parametrize("begin", [0, -(2**62), 2**62])
@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
def test_one_repeat_among_many_is_found_whatever_the_range(spread, begin, kind):
    begin = max(begin, 0) if kind == pa.uint64() else begin
    numbers = begin + np.random.Generator(np.random.PCG64(1)).permutation(1000) * spread
    assert duplicates(pa.array(np.sort(numbers), kind)) == (0, [])
    assert duplicates(pa.array(numbers, kind)) == (0, [])
    again = np.append(numbers, numbers[0])
    assert duplicates(pa.array(again, kind)) == (1, [str(numbers[0])])
    texts = pa.array(numbers, kind).cast(pa.large_string())
    assert duplicates(texts) == (0, [])
    assert duplicates(pa.array(again, kind).cast(pa.string())) == (1, [str(numbers[0])])


def test_empty_cells_count_as_keys_that_repeat():
    assert duplicates(pa.array([None, 1, None, None], pa.int64())) == (2, ["None"])


@pytest.mark.parametrize(
    ("count", "kind"), [(0, "int8"), (128, "int8"), (129, "int16"), (2**15 + 1, "int32"), (2**32, "int64")]
)
def test_the_narrowest_codes_hold_all(count, kind):
    assert narrowest(count) == np.dtype(kind)


@pytest.mark.parametrize("count", [127, 128, 129, 300])
def test_narrow_codes_do_not_wrap(count, monkeypatch):
    monkeypatch.setattr(distinct, "_BLOCK", 64)
    cells = [f"{number:03}" for number in range(count)] * 2
    for column in (pa.chunked_array([cells]), pa.chunked_array([pa.array(cells).dictionary_encode()])):
        codes, names = encode(column, None)
        assert names[codes].tolist() == cells
        assert codes.max() == count - 1


# --- empty cells in dictionaries -------------------------------------------------------------------------------------


def column_with(dictionary, places):
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int8()), pa.array(dictionary, pa.large_string()))


@pytest.mark.parametrize(
    "dictionary", [["a", "b"], ["b", "a"], ["b", "a", "c"], ["a", "b", "c"], ["0", "a", "b"], ["a", "a", "b"]]
)
def test_a_dictionary_in_order_gives_its_places_as_codes_and_no_other(dictionary):
    places = [dictionary.index("b"), dictionary.index("a"), dictionary.index("b")]
    column = pa.chunked_array([column_with(dictionary, places)])
    codes, names = encode(column, None)
    assert (codes.tolist(), names.tolist()) == ([1, 0, 1], ["a", "b"])
    assert np.shares_memory(codes, column.chunk(0).indices.to_numpy()) == (dictionary == ["a", "b"])


@pytest.mark.parametrize(
    "column",
    [
        column_with(["b", "a", "unused"], [0, None, 1]),
        column_with(["b", None, "a", "unused"], [0, 1, 2]),
        pd.Series(["b", None, "a"], dtype="category"),
        pl.Series(["b", None, "a"], dtype=pl.Categorical),
    ],
    ids=["no place", "empty value", "pandas", "polars"],
)
def test_empty_cells_of_a_dictionary_are_empty(column):
    data = {"x": column}
    frame = (
        pa.table(data)
        if isinstance(column, pa.Array)
        else pd.DataFrame(data)
        if isinstance(column, pd.Series)
        else pl.DataFrame(data)
    )
    problems = Problems()
    opened = open_table(frame, "touches", Columns(), problems=problems)
    found = labels(opened, "x", missing="(empty)")
    assert found.values().tolist() == ["b", "(empty)", "a"]
    assert found.names.tolist() == ["(empty)", "a", "b"]
    assert labels(opened, "x", missing=None) is None
    assert [(issue.code, issue.count, issue.examples) for issue in problems.issues] == [("NULL_KEY", 1, ("'row 1'",))]


@given(st.lists(st.sampled_from(["b", "a", "c", "短信"]), max_size=20), st.permutations(["z", "c", "b", "a", "短信"]))
def test_categories_of_frames_are_read_with_those_that_occur_only(cells, categories):
    expected = oracle.codes_of(cells)
    other = pl.Series(categories, dtype=pl.Categorical)  # in case that categories are numbered for all columns
    frames = [
        pd.DataFrame({"x": pd.Categorical(cells, categories=categories)}),
        pd.DataFrame({"x": pd.Categorical(cells, categories=categories, ordered=True)}),
        pl.DataFrame({"x": pl.Series(cells, dtype=pl.Categorical)}),
        pl.DataFrame({"x": pl.Series(cells, dtype=pl.Enum(categories))}),
        pl.concat(
            [pl.DataFrame({"x": pl.Series(part, dtype=pl.Categorical)}) for part in (cells[:3], cells[3:])],
            rechunk=False,
        ),
    ]
    assert len(other) == len(categories)
    for frame in frames:
        opened = open_table(frame, "touches", Columns(), problems=Problems())
        found = labels(opened, "x", narrow=True)
        assert (found.codes.tolist(), found.names.tolist()) == expected
        assert opened.arrow("x").to_pylist() == cells


@pytest.mark.parametrize("cells", [[["a"], ["b"]], [{"a": 1}, {"a": 2}]])
def test_nested_values_of_a_dictionary_are_noted(cells):
    values = pa.array(cells)
    problems = Problems()
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), values)
    assert labels(open_table(pa.table({"x": column}), "touches", Columns(), problems=problems), "x") is None
    assert [(issue.code, issue.count) for issue in problems.issues] == [("WRONG_TYPE", 3)]
    assert f"got {values.type}" in problems.issues[0].message
