"""Columns as they rarely come: empty dictionaries, many categories, keys in other types, days among empty times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from attribution.core.columns import Columns
from attribution.core.errors import InputError, TableError, closest
from attribution.core.estimates import Estimate
from attribution.core.formats import format_value
from attribution.core.frames import one_array
from attribution.core.key_columns import KeyColumn, key_column
from attribution.core.key_words import key_words, text_words
from attribution.core.randomness import check_repeats
from attribution.core.recipe import fingerprint
from attribution.core.tables import Problems, open_table
from attribution.core.times import instants, instants_in_pieces


@pytest.mark.parametrize("x", ["0.5", None, True, float("nan")])
def test_an_interval_is_asked_for_numbers(x):
    with pytest.raises(InputError, match=r"x must be a number \(not NaN\)"):
        Estimate(value=0.0, low=-1.0, high=1.0).contains(x)


def test_dictionaries_of_no_and_of_several_pieces_become_one_plain_array():
    kind = pa.dictionary(pa.int32(), pa.string())
    empty = one_array(pa.chunked_array([], type=kind))
    assert (empty.type, len(empty)) == (pa.string(), 0)
    pieces = [pa.array(["a", "b", "a"]).dictionary_encode(), pa.array(["c", "b"]).dictionary_encode()]
    assert one_array(pa.chunked_array(pieces)).to_pylist() == ["a", "b", "a", "c", "b"]


def test_few_rows_of_many_categories_are_read_row_by_row(monkeypatch):
    """A code beyond both the rows and the limit: no table of all categories is made for two names."""
    monkeypatch.setattr("attribution.core.frames._CATEGORIES", 3)
    names = pl.Series("name", [f"n{i}" for i in range(50)], dtype=pl.Categorical)
    table = open_table(pl.DataFrame({"name": names[[48, 49, 48]]}), "touches", Columns(), problems=Problems())
    assert table.arrow("name").to_pylist() == ["n48", "n49", "n48"]


def test_keys_count_and_come_as_words_whatever_text_they_are():
    keys = KeyColumn.of(pa.chunked_array([pa.array(["a", "b"]), pa.array(["c"])]))
    assert (len(keys), keys.whole().to_pylist()) == (3, ["a", "b", "c"])
    texts = pa.array(["ab", "", "a long name of a person"])
    view, plain = (text_words(texts.cast(kind)) for kind in (pa.string_view(), pa.string()))
    for width in (1, 3):
        for one, other in zip(view.words(0, 3, width), plain.words(0, 3, width), strict=True):
            assert one.tolist() == other.tolist()
    assert type(key_words(pa.array([3], pa.int32()))).__name__ == "IntegerKeys"


@pytest.mark.parametrize(("read", "role"), [(key_column, "person"), (instants_in_pieces, "time")])
def test_a_key_or_time_of_mixed_types_is_noted_and_one_that_is_missing_is_none(read, role):
    problems = Problems()
    name = Columns().name_of(role)
    table = open_table(pd.DataFrame({name: [1, "a", 2.5]}, dtype=object), "touches", Columns(), problems=problems)
    assert read(table, role) is None
    with pytest.raises(TableError, match=f"MIXED_TYPES.*{name}"):
        problems.raise_if_any()
    without = open_table(pd.DataFrame({"other": [1]}), "touches", Columns(), problems=Problems())
    assert read(without, role) is None


def test_days_among_empty_times_are_still_days():
    """28 of 28 times that are there lie at midnight; with 3 of them an hour later 25 of 28 (89 %) are too few."""
    days = ["2026-10-01" if row not in {3, 7} else None for row in range(30)]
    times = pd.Series(pd.to_datetime(days)).dt.tz_localize("Asia/Shanghai")
    problems = Problems()
    name = Columns().name_of("time")
    table = open_table(pd.DataFrame({name: times}), "conversions", Columns(), problems=problems)
    assert instants(table, "time", end_of_day=True, allow_null=True) is None
    with pytest.raises(TableError, match=r"DAY_PRECISION.*28 affected"):
        problems.raise_if_any()
    moved = times + pd.to_timedelta([int(row in {4, 5, 6}) for row in range(30)], unit="h")
    table = open_table(pd.DataFrame({name: moved}), "conversions", Columns(), problems=Problems())
    found = instants(table, "time", end_of_day=True, allow_null=True)
    assert found[[0, 3, 4]].tolist() == [
        pd.Timestamp("2026-09-30 16:00", tz="UTC").value // 1000,
        np.iinfo(np.int64).min,
        pd.Timestamp("2026-09-30 17:00", tz="UTC").value // 1000,
    ]


def test_a_dictionary_with_an_unused_name_hashes_as_its_texts():
    texts = pa.array(["a", "b", "a"])
    unused = pa.DictionaryArray.from_arrays(pa.array([0, 2, 0]), pa.array(["a", "never", "b"]))
    assert fingerprint({"x": unused}) == fingerprint({"x": texts}) == fingerprint({"x": texts.dictionary_encode()})


def test_a_polars_column_that_was_released_comes_again():
    table = open_table(pl.DataFrame({"name": ["a", "b"]}), "touches", Columns(), problems=Problems())
    before = table.arrow("name")
    table.release("name")
    after = table.arrow("name")
    assert after is not before
    assert after.to_pylist() == ["a", "b"]
    held = open_table(pd.DataFrame({"name": ["a", "b"]}), "touches", Columns(), problems=Problems())
    kept = held.arrow("name")
    held.release("name")
    assert held.arrow("name") is kept


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_numbers_that_no_cell_holds_have_an_exponent(lang):
    assert format_value(-(10**21), "count", lang=lang) == "−1e+21"
    assert format_value(1.2345678e30, "number", lang=lang) == "1.235e+30"
    assert format_value(10**20, "count", lang=lang) == "100,000,000,000,000,000,000"


def test_repeats_are_whole_and_end_at_ten_million():
    assert check_repeats("splits", np.int64(7), least=2) == 7
    for wrong in (1, 2.0, True, 10_000_001, "7"):
        with pytest.raises(InputError, match="splits must be a whole number from 2 to 10,000,000, got"):
            check_repeats("splits", wrong, least=2)


def test_a_name_among_none_has_no_neighbour():
    assert closest("sms", []) == "There is none."
    assert closest("SMS ", ["phone", "sms"]) == "Did you mean 'sms'?"
    assert closest("fax", ["phone", "sms"]) == "There are: 'phone', 'sms'."
