"""Sums over persons behind the intervals: against plain loops, in both layouts, and bit by bit whatever the pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import attribution as at
from attribution.core import threads
from attribution.credit import person_cells, resampling
from attribution.credit.person_moments import PersonMoments
from attribution.credit.person_sums import table_sums
from attribution.journeys import eligibility
from oracles import person_credit as oracle

START = pd.Timestamp("2024-01-01 05:17", tz="UTC")
NAMES = ["a", "b", "c", "d"]
JOURNEYS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 25)), max_size=5),
        st.sampled_from([0.0, 1.0, 7.5, 1e6]),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


def sorted_journeys(drawn) -> list[tuple[int, list[str], list[float], float]]:
    """Journeys of the oracle; a touch of age k days is k days before the conversion, ties ordered by channel."""
    found = []
    for person, touches, value in drawn:
        ordered = sorted(touches, key=lambda touch: (-touch[1], touch[0]))
        found.append((person, [name for name, _ in ordered], [float(age) for _, age in ordered], value))
    return found


def tables(journeys) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The conversions of a person are 60 days apart, further than the window of 30 days."""
    touches, conversions, seen = [("nobody", START, "a")], [], Counter()
    for number, (person, channels, ages, value) in enumerate(journeys):
        seen[person] += 1
        when = START + pd.Timedelta(days=60 * seen[person])
        touches += [
            (f"p{person}", when - pd.Timedelta(days=age), name) for name, age in zip(channels, ages, strict=True)
        ]
        conversions.append((f"p{person}", when, number, value))
    return (
        pd.DataFrame(touches, columns=["person_id", "time", "channel"]),
        pd.DataFrame(conversions, columns=["person_id", "time", "conversion_id", "value"]),
    )


def credit_of(journeys) -> at.Credit:
    return at.attribute(*tables(journeys))


@contextmanager
def blocks(*, cells: int = 32, size: int = 131_072, pairs: int = 1_000_000, rows: int = 1_000_000):
    """Grids up to so many cells, blocks of so many places, pieces of so many pairs, threads from so many rows on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(person_cells, "_MOST_CELLS", cells)
        patch.setattr(person_cells, "_PLACES", size)
        patch.setattr(person_cells, "_CONVERSIONS", size)
        patch.setattr(person_cells, "_BATCH", 2)
        patch.setattr(eligibility, "PAIR_BUDGET", pairs)
        patch.setattr(threads, "_FEWEST_ROWS", rows)
        yield


LAYOUTS = [{}, {"cells": 0}, {"size": 12}, {"cells": 0, "size": 3}]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@settings(max_examples=12, deadline=None)
@given(drawn=JOURNEYS)
def test_sums_over_persons_are_those_of_plain_loops(layout, drawn):
    journeys = sorted_journeys(drawn)
    credit = credit_of(journeys)
    with blocks(**layout):
        found = table_sums(credit)
    cells = credit.cells.values(0)
    for place, model in enumerate(oracle.MODELS):
        assert credit.models[place].name == model.__name__
        expected = oracle.table_sums(journeys, model, cells)
        share, conversions, value = found.share, found.conversions.sums, found.value.sums
        for name, sums in (
            ("total", conversions.total), ("squares", conversions.squares), ("cubes", conversions.cubes),
            ("largest", conversions.largest), ("persons", conversions.persons), ("value", value.total),
            ("value squares", value.squares), ("cross", share.cross), ("cross top", share.cross_top),
            ("cross bottom", share.cross_bottom), ("outside", found.outside),
        ):  # fmt: skip
            assert sums[place, :-1] == pytest.approx(expected[name], rel=1e-12, abs=1e-12), name
        assert (found.outside[place, -1], conversions.total[place, -1]) == (found.touched, 0.0)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@settings(max_examples=8, deadline=None)
@given(drawn=JOURNEYS)
def test_differences_and_covariances_are_those_of_plain_loops(layout, drawn):
    journeys = [*sorted_journeys(drawn), (90, ["a", "b"], [3.0, 1.0], 2.0), (91, ["b"], [0.0], 4.0)]
    credit = credit_of(journeys)
    names = credit.cells.values(0)[: credit.cells.credited]
    contrast = np.zeros((1, len(names)))
    contrast[0, [names.index("a"), names.index("b")]] = 1.0, -1.0
    with blocks(**layout):
        figures = PersonMoments.of(credit)
        for place, model in enumerate(oracle.MODELS):
            for by, options in (("conversions", {}), ("value", {"place": 1})):
                second, third = figures.figure(place, by).moments(contrast, None)
                moved = np.array(oracle.moved(journeys, model, "a", "b", **options))
                scale = np.abs(moved).sum()
                assert second[0] == pytest.approx((moved**2).sum(), rel=1e-12, abs=1e-12 * scale**2)
                assert third[0] == pytest.approx((moved**3).sum(), rel=1e-12, abs=1e-12 * scale**3)
            found = figures.figure(place, "conversions").covariance(None)
            assert found == pytest.approx(np.array(oracle.covariance(journeys, model, names)), rel=1e-12, abs=1e-12)


def world(persons=150, channels=4, seed=3) -> list[tuple[int, list[str], list[float], float]]:
    random = np.random.default_rng(seed)
    names = [f"c{number:04d}" for number in range(channels)]
    drawn = [
        (
            int(random.integers(persons)),
            [(names[random.integers(channels)], int(random.integers(25))) for _ in range(random.poisson(1.7))],
            float(random.exponential(40.0)),
        )
        for _ in range(2 * persons)
    ]
    return sorted_journeys(drawn)


def test_shares_of_many_persons_are_linearised_person_by_person():
    journeys = world()
    credit = credit_of(journeys)
    contrast = np.array([[{"c0000": 1.0, "c0001": -1.0}.get(name, 0.0) for name in credit.cells.values(0)[:-1]]])
    figures = PersonMoments.of(credit)
    for place, model in enumerate(oracle.MODELS):
        second, third = figures.figure(place, "share").moments(contrast, None)
        moved = np.array(oracle.moved(journeys, model, "c0000", "c0001", share=True))
        assert second[0] == pytest.approx((moved**2).sum(), rel=1e-11)
        assert third[0] == pytest.approx((moved**3).sum(), rel=1e-9, abs=1e-12 * (np.abs(moved) ** 3).sum())


def numbers(found: object) -> list[bytes]:
    """The bytes of all sums."""
    fields = getattr(found, "__dataclass_fields__", None)
    if fields is None:
        return [] if found is None else [np.asarray(found).tobytes()]
    return [one for name in fields for one in numbers(getattr(found, name))]


@pytest.mark.parametrize("cells", [32, 0])
def test_neither_pieces_of_pairs_nor_threads_change_a_bit(cells):
    credit = credit_of(world())
    with blocks(cells=cells, size=90):
        whole = numbers(table_sums(credit))
        expected = numbers(PersonMoments.of(credit).figure(0, "value").covariance(900))
    for options in ({"pairs": 3}, {"rows": 1}, {"pairs": 7, "rows": 1}):
        with blocks(cells=cells, size=90, **options):
            assert numbers(table_sums(credit)) == whole
            assert numbers(PersonMoments.of(credit).figure(0, "value").covariance(900)) == expected


def test_five_thousand_channels_take_entries_and_give_the_same():
    credit = credit_of(world(persons=60, channels=5_000))
    assert len(credit.cells) > 32
    entries = table_sums(credit)
    with blocks(cells=10**6):
        grid = table_sums(credit)
    np.testing.assert_allclose(entries.conversions.sums.cubes, grid.conversions.sums.cubes, rtol=1e-12)
    np.testing.assert_allclose(entries.share.cross_bottom, grid.share.cross_bottom, rtol=1e-12)
    np.testing.assert_array_equal(entries.outside, grid.outside)
    assert len(credit.table(level=0.9)) == len(credit.table())


def test_ids_too_large_for_a_packed_key_are_sorted_all_the_same(monkeypatch):
    ids = np.random.default_rng(1).integers(0, 9, 200)
    packed = person_cells._stable_order(ids, 9)
    monkeypatch.setattr(person_cells, "_KEY_LIMIT", 1)
    assert (packed == person_cells._stable_order(ids, 9)).all()
    assert (packed == np.argsort(ids, kind="stable")).all()


class Counting:
    """A model of the user that cannot bear two threads at a time."""

    name, needs = "counting", "touches"

    def __init__(self):
        self.busy = False

    def weights(self, j):
        assert not self.busy
        self.busy = True
        weights = 1.0 / j.lengths[j.journey]
        self.busy = False
        return weights


def test_models_of_the_user_see_one_thread():
    credit = at.attribute(*tables(world()), models=[Counting(), "linear"])
    with blocks(size=40, rows=1):
        found = table_sums(credit)
    assert (found.conversions.sums.squares[0] == found.conversions.sums.squares[1]).all()


def test_persons_alike_are_fitted_together_and_change_no_number(monkeypatch):
    paths = credit_of(world()).journeys.person_paths()
    group, first = resampling._alike(paths)
    assert len(first) < paths.persons
    for person in range(paths.persons):
        mine, theirs = (np.flatnonzero(paths.person == each) for each in (person, first[group[person]]))
        assert (paths.path[mine] == paths.path[theirs]).all()
        assert (paths.conversions[mine] == paths.conversions[theirs]).all()
    models = [at.Markov(), at.Shapley(value="rate")]
    together = resampling.resample(models, paths, population=None, seed=5, replicates=200)
    everybody = np.arange(paths.persons)
    monkeypatch.setattr(resampling, "_alike", lambda _: (everybody, everybody))
    apart = resampling.resample(models, paths, population=None, seed=5, replicates=200)
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.shares, other.shares, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(one.conversions, other.conversions)
        np.testing.assert_array_equal(one.value, other.value)


_PROGRAM = """
import hashlib, numpy as np, pandas as pd, attribution as at
r = np.random.default_rng(5)
when = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(r.integers(0, 80 * 24, 9_000), unit="h")
touches = pd.DataFrame({"person_id": r.integers(0, 1_500, 9_000), "time": when, "channel": r.integers(0, 40, 9_000)})
touches["channel"] = "c" + touches["channel"].astype(str)
conversions = pd.DataFrame({"person_id": r.integers(0, 1_500, 900), "time": when[:900], "conversion_id": range(900)})
conversions["value"] = r.exponential(30, 900)
credit = at.attribute(touches, conversions, models=["linear", "time_decay", at.Markov()])
found = [credit.table(level=0.95, replicates=200), credit.ranks(replicates=200).table()]
found.append(credit.beats("c1", "c2", replicates=200).table())
print(hashlib.sha256("".join(frame.to_csv(float_format=float.hex) for frame in found).encode()).hexdigest())
"""


def test_threads_of_the_algebra_library_change_no_byte():
    said = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM], env={**os.environ, "OPENBLAS_NUM_THREADS": number},
            capture_output=True, text=True, check=True, timeout=120,
        ).stdout
        for number in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
    assert len(said.pop().strip()) == 64
