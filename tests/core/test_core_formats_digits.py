"""How many digits a number is shown with: money by its size, rates per thousand, and marks that turn text round."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from attribution.core.distinct import duplicates
from attribution.core.formats import format_value
from attribution.core.key_columns import KeyColumn
from attribution.core.times import _finite


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (1.2346, "1.23"),
        (9.876, "9.88"), (12.346, "12.35"), (123.46, "123.5"), (1234.56, "1,235"), (0.012346, "0.0123"),
        (7.0, "7"), (0.0, "0"),
    ],
)  # fmt: skip
def test_money_has_two_digits_behind_its_point_until_there_are_four(amount, shown):
    assert format_value(amount, "money", lang="en") == shown


@pytest.mark.parametrize(("rate", "shown"), [(0.0123, "12.3"), (1.5, "1,500"), (0.25, "250")])
def test_a_rate_per_thousand_is_a_thousand_times_the_rate(rate, shown):
    assert format_value(rate, "per1000", lang="en") == shown


@pytest.mark.parametrize("mark", [0x202A, 0x202E, 0x2066, 0x2069, 0x200 - 0x180, 0x0B])
def test_marks_that_turn_text_round_are_not_shown(mark):
    assert format_value(f"a{chr(mark)}b", "text", lang="en").replace("�", "") == "ab"


def test_times_that_are_infinite_or_missing_are_not_there():
    values = np.array([-(2**63) + 1, 0, 5, 2**63 - 1], np.int64)
    assert _finite(values, None).tolist() == [False, True, True, False]
    assert _finite(values, np.array([True, True, False, True])).tolist() == [False, True, False, False]
    assert _finite(values[1:3], None) is None


def test_a_column_of_several_chunks_has_the_keys_of_all_of_them():
    chunks = pa.chunked_array([pa.array(["a", "b"]), pa.array(["c" * 20, "a"]), pa.array(["d"])])
    whole = pa.chunked_array([chunks.combine_chunks()])
    several, one = KeyColumn.of(chunks).words(), KeyColumn.of(whole).words()
    assert len(several) == len(one) == 5
    width = one.width()
    assert several.width() == width
    for left, right in zip(several.words(0, 5, width), one.words(0, 5, width), strict=True):
        assert np.asarray(left).tolist() == np.asarray(right).tolist()


def test_repeats_are_counted_beyond_the_first():
    count, examples = duplicates(pa.array([3, 1, 3, 2, 3, 1]))
    assert (count, examples) == (3, ["1", "3"])
