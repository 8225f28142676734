"""The threshold of early actions against loops over persons, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_curve

import attribution as at
import experiments as ex
from experiments.wakeup.aha_curve import separation
from oracles import aha_thresholds as oracle

END = pd.Timestamp("2026-01-01", tz="UTC")
D = pd.Timedelta


def world(seed, persons=120):
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2025-06-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 170, persons), unit="D")
    left = [when + D(days=int(rng.integers(1, 60))) if rng.random() < 0.2 else pd.NaT for when in start]
    people = pd.DataFrame({"person_id": rng.permutation(persons), "registered_at": start, "left_at": left})
    rows = [
        (person, when + D(days=float(day)))
        for person, when in zip(people.person_id, people.registered_at, strict=True)
        for day in rng.choice([-1.0, 0.0, 1.5, 29.99, 30.0, 45.0, 59.99, 60.0], int(rng.integers(0, 6)))
    ]
    return people, pd.DataFrame([*rows, (-9, END - D(days=3))], columns=["person_id", "time"])


@pytest.mark.parametrize("seed", range(4))
def test_counts_retention_and_curve_agree_with_loops(seed):
    people, log = world(seed)
    found = ex.aha_threshold(log, people, as_of="2025-12-31", retention=("30d", "60d"), left="left_at", replicates=99)
    expected, recent, gone = oracle.counts_and_retention(
        log, people, end=END, within=D(days=30), begin=D(days=30), finish=D(days=60), left="left_at"
    )
    assert found.recipe.n["persons"] == len(expected)
    values = {finding.code: finding.values for finding in found.findings}
    assert values["AHA_TOO_RECENT"]["left"] == recent
    assert values["AHA_LEFT_EARLY"]["left"] == gone
    assert values["ACTORS_NOT_LISTED"]["persons"] == 1
    curve = oracle.curve(list(expected.values()))
    rows = found.to_dicts()
    assert [row["k"] for row in rows] == list(curve)
    for row in rows:
        n, hits, rest, rest_hits, youden, phi = curve[row["k"]]
        assert (row["n_reached"], row["n_below"]) == (n, rest)
        assert row["rate_reached"] == pytest.approx(hits / n)
        assert row["association"] == pytest.approx(hits / n - rest_hits / rest)
        assert row["youden"] == pytest.approx(youden)
        assert row["phi"] == pytest.approx(phi)
    best = max(curve, key=lambda k: (curve[k][4], -k))
    assert found.threshold.value == best
    assert found.threshold_phi.value == max(curve, key=lambda k: (curve[k][5], -k))


def test_youden_is_the_largest_gap_of_the_roc_curve():
    rng = np.random.default_rng(8)
    counts = rng.poisson(3, 2_000)
    kept = rng.random(2_000) < 1 / (1 + np.exp(3 - 0.6 * counts))
    found = separation(counts, kept, largest=50, level=0.95, draws=(99, 0))
    false, true, cut = roc_curve(kept, counts, drop_intermediate=False)
    assert found.apparent == pytest.approx(np.max(true - false))
    assert found.threshold.value == cut[np.argmax(true - false)]


def test_choosing_is_paid_for():
    rng = np.random.default_rng(12)
    counts, kept = rng.poisson(4, 400), rng.random(400) < 0.3  # nothing separates
    found = separation(counts, kept, largest=50, level=0.95, draws=(1_000, 0))
    assert found.separation.value < found.apparent
    assert found.separation.low < 0.0 < found.apparent
    assert found.p_value > 0.05
    assert found.threshold.high - found.threshold.low >= 3  # hardly any k is excluded
    shares = [point.chosen_share for point in found.points]
    assert sum(shares) == pytest.approx(1.0)


def test_p_value_of_the_largest_index_is_that_of_all_relabellings():
    counts = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    kept = np.array([0, 0, 0, 1, 0, 1, 1, 1], bool)
    found = separation(counts, kept, largest=50, level=0.95, draws=(20_000, 0))
    from itertools import combinations

    best = [
        max(
            sum(counts[i] >= k for i in chosen) / 4 - sum(counts[i] >= k for i in set(range(8)) - set(chosen)) / 4
            for k in (1, 2, 3)
        )
        for chosen in combinations(range(8), 4)
    ]
    exact = np.mean([index >= found.apparent - 1e-12 for index in best])
    assert found.p_value == pytest.approx(exact, abs=0.01)


def test_immortal_time_is_refused():
    people, log = world(0)
    with pytest.raises(ex.DesignError, match="IMMORTAL_TIME: retention is measured from 29d"):
        ex.aha_threshold(log, people, as_of="2025-12-31", within="30d", retention=("29d", "60d"))
    ex.aha_threshold(log, people, as_of="2025-12-31", within="30d", retention=("30d", "31d"), replicates=99)


def test_every_output_says_association_and_asks_for_an_experiment():
    people, log = world(3)
    found = ex.aha_threshold(log, people, as_of="2025-12-31", retention=("30d", "60d"), replicates=99)
    drawn = found.plot()
    for text in (repr(found), found._repr_html_(), found.to_markdown(), drawn.title, drawn.subtitle, drawn.description):
        assert "ssociation" in text
    assert "experiment" in repr(found)
    assert "experiment" in drawn.subtitle
    assert "association" in found.table().columns
    for banned in ("effect", "proves", "causes", "lift"):
        assert banned not in repr(found)
    with at.language("zh"):
        assert "相关关系" in repr(found)
        assert "试验" in repr(found)
        assert "相关" in found.plot().title


def test_retention_measured_elsewhere_and_largest():
    people, log = world(4)
    people["stayed"] = np.arange(len(people)) % 2
    call = {"as_of": "2025-12-31", "retention": ("30d", "60d"), "retained": "stayed", "replicates": 99}
    found = ex.aha_threshold(log, people, **call)
    capped = ex.aha_threshold(log, people, largest=2, **call)
    assert [row["k"] for row in capped.to_dicts()] == [1, 2]
    assert capped.to_dicts() != found.to_dicts()
    assert capped.to_dicts()[1]["n_reached"] == found.to_dicts()[1]["n_reached"]


@pytest.mark.parametrize("slope", [0, -1, 1])
def test_a_threshold_that_chance_finds_as_well_is_said_to_be_none(slope):
    start = pd.Timestamp("2025-01-01", tz="UTC")
    counts = np.arange(400) % 8
    stayed = (np.arange(400) // 8 * 7) % 50 < 25 + slope * 4 * (counts - 3.5)
    people = pd.DataFrame({"person_id": range(400), "registered_at": start, "stayed": stayed})
    log = pd.DataFrame(
        [(i, start + D(days=j)) for i, n in enumerate(counts) for j in range(n)], columns=["person_id", "time"]
    )
    found = ex.aha_threshold(log, people, as_of="2025-12-31", retention=("30d", "60d"), retained="stayed")
    codes = [finding.code for finding in found.findings]
    assert (found.p_value < 0.05) == (slope == 1)
    assert ("NO_SEPARATION" in codes) == (found.threshold.note == "NO_SEPARATION") == (slope != 1)
    assert ("noise" in repr(found)) == (slope != 1)


@pytest.mark.parametrize(("counts", "note"), [([2, 2, 2], "NO_VARIATION"), ([1, 2, 3], "ONE_OUTCOME")])
def test_undefined_has_its_reason(counts, note):
    start = pd.Timestamp("2025-01-01", tz="UTC")
    people = pd.DataFrame({"person_id": range(3), "registered_at": start, "stayed": 1})
    log = pd.DataFrame(
        [(i, start + D(days=j)) for i, n in enumerate(counts) for j in range(n)], columns=["person_id", "time"]
    )
    found = ex.aha_threshold(log, people, as_of="2025-12-31", retention=("30d", "60d"), retained="stayed")
    assert found.to_dicts() == []
    assert found.threshold.value is None
    assert found.threshold.note == found.separation.note == note
    assert found.p_value is None
    assert [finding.code for finding in found.findings] == [note]
    assert "ssociation" in repr(found)
    with pytest.raises(ex.InputError, match=note):
        found.plot()


def test_row_order_changes_nothing():
    people, log = world(6)
    call = {"as_of": "2025-12-31", "retention": ("30d", "60d"), "replicates": 200}
    found = ex.aha_threshold(log, people, **call)
    again = ex.aha_threshold(log.sample(frac=1, random_state=1), people.sample(frac=1, random_state=2), **call)
    assert found.to_dicts() == again.to_dicts()
    assert repr(found) == repr(again)
    other = ex.aha_threshold(log, people, seed=5, **call)
    assert [row["youden"] for row in other.to_dicts()] == [row["youden"] for row in found.to_dicts()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"retention": "60d"}, "two durations"),
        ({"retention": ("60d", "30d")}, "end after it begins"),
        ({"largest": 0}, "largest must be"),
        ({"replicates": 10}, "replicates must be"),
        ({"level": 0.999}, "Ask for at least 2,000"),
        ({"seed": -1}, "seed must be"),
        ({"start": "registered"}, "Did you mean 'registered_at'"),
        ({"as_of": "2025-06-20"}, "observed to the end"),
        ({"retained": "person_id"}, "NOT_BINARY"),
        ({"start": "left_at"}, "NULL_TIME"),
    ],
)
def test_bad_input_is_told(change, message):
    people, log = world(1)
    with pytest.raises(ex.WakeLiftError, match=message):
        ex.aha_threshold(log, people, **{"as_of": "2025-12-31", "retention": ("30d", "60d"), **change})
