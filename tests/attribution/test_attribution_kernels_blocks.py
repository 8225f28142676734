"""The kernels where rows fall into several blocks and parts and numbers need nearly every bit, against plain Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.core.key_words import key_words
from attribution.kernels import ordering, person_index
from attribution.kernels import relevance as spans_module
from attribution.kernels.ordering import first_places, number_order, sorted_rows
from attribution.kernels.person_index import index_persons
from attribution.kernels.relevance import relevance

LARGE = 2**62 - 1
# Numbers of 62 bits, many of them alike but for their lowest bits.
NUMBERS = st.integers(0, LARGE) | st.builds(
    lambda base, step: base + step, st.sampled_from([0, 2**40, LARGE - 9]), st.integers(0, 9)
)


@given(numbers=st.lists(NUMBERS, max_size=60))
def test_numbers_of_62_bits_are_ordered_by_value(numbers):
    array = np.array(numbers, np.int64)
    assert number_order(array, 62).tolist() == np.argsort(array, kind="stable").tolist()


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("few_parts", [1, 256])
@pytest.mark.parametrize("rows_of_a_part", [1, 16, 1 << 17])
@pytest.mark.parametrize("persons", [3, 300, 70_000])
def test_rows_in_several_blocks_and_parts_are_sorted_as_tuples(monkeypatch, block, few_parts, rows_of_a_part, persons):
    monkeypatch.setattr(ordering, "_BLOCK", block)
    monkeypatch.setattr(ordering, "_FEW_PARTS", few_parts)
    monkeypatch.setattr(ordering, "_ROWS", rows_of_a_part)
    stream = np.random.default_rng(persons + block)
    person = stream.integers(0, persons, 200).astype(np.int32)
    time = stream.integers(-50, 50, 200) * 1_000_003
    rank = stream.permutation(200)
    names = np.arange(1000, 1200)
    rows, persons_found, times = sorted_rows(names, person, time, [lambda some: rank[some - 1000]])
    expected = sorted(range(200), key=lambda row: (person[row], time[row], rank[row]))
    assert rows.tolist() == [1000 + row for row in expected]
    assert persons_found.tolist() == person[expected].tolist()
    assert persons_found.dtype == person.dtype
    assert times.tolist() == time[expected].tolist()


@pytest.mark.parametrize("rows_of_a_part", [1, 16, 1 << 17])
@pytest.mark.parametrize("persons", [3, 300, 70_000])
@pytest.mark.parametrize("scale", [1, 2**48])
def test_places_in_several_parts_are_those_of_a_count(monkeypatch, rows_of_a_part, persons, scale):
    monkeypatch.setattr(ordering, "_ROWS", rows_of_a_part)
    stream = np.random.default_rng(persons)
    person = np.sort(stream.integers(0, persons, 150)).astype(np.int32)
    time = stream.integers(-50, 50, 150) * scale
    time = time[np.lexsort((time, person))]
    wanted = np.sort(stream.integers(0, persons + 5, 60)).astype(np.int32)
    asked = [stream.integers(-60, 60, 60) * scale, stream.integers(-60, 60, 60) * scale]
    found = first_places(person, time, wanted, asked)
    pairs = list(zip(person.tolist(), time.tolist(), strict=True))
    for places, times in zip(found, asked, strict=True):
        for place, one, at in zip(places.tolist(), wanted.tolist(), times.tolist(), strict=True):
            assert place == sum(pair < (one, at) for pair in pairs)


@pytest.mark.parametrize(
    "keys",
    [
        [2**62, -(2**62), 0, 2**62],
        [2**63 - 1, -(2**63), 5, -(2**63)],
        [2**62 + 3, 2**61, 2**61, 7],
        [-(2**62), -(2**62) + 1, 2**61],
        [7],
    ],
)
def test_persons_with_keys_far_apart_are_numbered_in_their_order(keys):
    index, codes = index_persons(pa.array(keys, pa.int64()))
    assert index.persons.to_pylist() == sorted(set(keys))
    assert codes.tolist() == [sorted(set(keys)).index(key) for key in keys]


def test_an_index_has_twice_the_slots_of_its_persons_and_at_least_1024():
    for persons, size in ((1, 1024), (512, 1024), (513, 2048), (1024, 2048), (1025, 4096)):
        index, _ = index_persons(pa.array(np.arange(persons), pa.int64()))
        assert index.size == size
        assert len(index) == persons
        assert sorted(code for code in index.slots.tolist() if code >= 0) == list(range(persons))
        assert index.slots[-1] == -1


@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
def test_codes_and_relevance_are_the_same_in_small_blocks(monkeypatch, kind):
    stream = np.random.default_rng(5)
    known, asked = stream.integers(0, 40, 60), stream.integers(0, 60, 500)
    time = stream.integers(0, 1000, 500)
    index, _ = index_persons(pa.array(known, pa.int64()).cast(kind))
    keys = key_words(pa.array(asked, pa.int64()).cast(kind))
    persons = index.persons.to_pylist()
    first = stream.integers(0, 900, len(persons))
    last = first + stream.integers(0, 100, len(persons))
    names = pa.array(asked, pa.int64()).cast(kind).to_pylist()
    expected = [persons.index(name) if name in persons else -1 for name in names]
    kept = [row for row, code in enumerate(expected) if code >= 0 and first[code] <= time[row] <= last[code]]
    for block in (1, 7, 1 << 16):
        monkeypatch.setattr(person_index, "_BLOCK", block)
        monkeypatch.setattr(spans_module, "_BLOCK", block)
        assert index.codes(keys).tolist() == expected
        rows, code = relevance(index, first, last, period=(0, 1000)).rows(keys, time)
        assert rows.tolist() == kept
        assert code.tolist() == [expected[row] for row in kept]


def test_codes_of_some_rows_are_those_of_the_same_rows_of_all():
    index, _ = index_persons(pa.array(["a", "b", "c" * 70]))
    keys = key_words(pa.array(["c" * 70, "x", "b", "a", "c" * 71]))
    assert index.codes(keys).tolist() == [2, -1, 1, 0, -1]
    assert index.codes_of(keys, 1, 4).tolist() == [-1, 1, 0]


def test_ties_are_broken_rank_by_rank():
    """Runs of many equal rows, told apart by three ranks in turn; rows equal in all of them may stay in any order."""
    stream = np.random.default_rng(11)
    person, time = stream.integers(0, 2, 300).astype(np.int32), stream.integers(0, 2, 300)
    digits = stream.integers(0, 4, (3, 300))
    asked = []

    def rank(place):
        def ranks(rows):
            asked.append((place, len(rows)))
            return digits[place][rows]

        return ranks

    rows, _, _ = sorted_rows(np.arange(300), person, time, [rank(place) for place in range(3)])
    found = [(person[row], time[row], *digits[:, row].tolist()) for row in rows]
    assert found == sorted(found)
    assert sorted(rows.tolist()) == list(range(300))
    assert asked[0] == (0, 300)
    assert [place for place, _ in asked] == [0, 1, 2]


def test_a_rank_is_not_asked_about_rows_that_differ_already():
    asked = []

    def rank(rows):
        asked.append(sorted(rows.tolist()))
        return np.array([5, 4, 3, 2, 1, 0])[rows]

    time = np.array([7, 1, 7, 2, 7, 3])
    rows, _, _ = sorted_rows(np.arange(6), np.zeros(6, np.int32), time, [rank, rank])
    assert rows.tolist() == [1, 3, 5, 4, 2, 0]
    assert asked == [[0, 2, 4]]


def test_times_too_far_apart_for_a_number_are_placed_by_rank_also_behind_the_last():
    far = 2**61
    for times in ([-far, 0, 5, far], [-far, -7, 0, far], [-far, far], [-far, -3, -2, -1, 0, 1, 2, far]):
        time = np.array(times, np.int64)
        person = np.zeros(len(time), np.int32)
        asked = np.array([-far - 1, -far, -1, 0, 4, 6, far, far + 1], np.int64)
        for owner, place in ((0, None), (1, len(time))):
            wanted = np.full(len(asked), owner, np.int32)
            (found,) = first_places(person, time, wanted, [asked])
            expected = [sum(one < limit for one in times) if place is None else place for limit in asked.tolist()]
            assert found.tolist() == expected


def test_a_search_goes_on_behind_the_first_person_who_stands_in_anothers_slot(monkeypatch):
    """Own slots 6, 5, 5, 6: persons 1 and 2 stand in 5 and 6, person 0 in 7, person 3 in 8."""
    own = {0: 6, 1: 5, 2: 5, 3: 6, 4: 5}
    monkeypatch.setattr(person_index, "mixed", lambda words: np.asarray(words[0]).view(np.int64))
    monkeypatch.setattr(
        person_index, "upper_bits", lambda mixes, _: np.array([own[number] for number in mixes.tolist()], np.int64)
    )
    index, codes = index_persons(pa.array([3, 1, 0, 2], pa.int64()))
    assert codes.tolist() == [3, 1, 0, 2]
    assert index.slots[4:10].tolist() == [-1, 1, 2, 0, 3, -1]
    assert index.codes(key_words(pa.array([0, 1, 2, 3, 4], pa.int64()))).tolist() == [0, 1, 2, 3, -1]


def test_one_long_text_is_a_person():
    index, codes = index_persons(pa.array(["x" * 70]))
    assert (index.persons.to_pylist(), codes.tolist()) == (["x" * 70], [0])
    assert index.codes(key_words(pa.array(["x" * 70, "x" * 71]))).tolist() == [0, -1]
