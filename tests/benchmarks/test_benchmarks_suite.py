"""The queries that ours is measured against are right, ties and window ends included; so is what the suite reports."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest

from benchmarks.suite import data, table
from benchmarks.suite.answers import HALF_LIFE, LOOKBACK, MODELS, NAMES, apart
from benchmarks.suite.side_by_side import Entry, Rounds, WrongAnswerError, in_turns

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")
pytest.importorskip("duckdb")

from benchmarks.suite import duckdb_queries, growth, ours, pandas_query, peers, polars_queries, run  # noqa: E402

ROWS = 3000
STEP = 6 * data.HOUR


def coarse(both):
    """Times cut to six hours: every second person has ties, and window ends are hit again and again."""
    cut = []
    for one in both:
        time = np.asarray(one["time"].cast(pa.int64()))
        cut.append(
            one.set_column(one.schema.get_field_index("time"), "time", pa.array(time // STEP * STEP, data.INSTANT))
        )
    return cut


def plain_answer(touches, conversions):
    """Plain loops and fractions."""
    of_person = defaultdict(list)
    times = np.asarray(touches["time"].cast(pa.int64())).tolist()
    for person, time, channel in zip(
        touches["person_id"].to_pylist(), times, touches["channel"].to_pylist(), strict=True
    ):
        of_person[person].append((time, channel))
    found = {model: defaultdict(lambda: [Fraction(0), Fraction(0)]) for model in MODELS}
    columns = (conversions["person_id"].to_pylist(), np.asarray(conversions["time"].cast(pa.int64())).tolist(),
               conversions["value"].to_pylist())  # fmt: skip
    for person, time, value in zip(*columns, strict=True):
        journey = sorted(touch for touch in of_person[person] if 0 <= time - touch[0] <= LOOKBACK)
        n = len(journey)
        decays = [Fraction(2 ** (-(time - at) / HALF_LIFE)) for at, _ in journey]
        weights = {
            "first_touch": [Fraction(i == 0) for i in range(n)],
            "last_touch": [Fraction(i == n - 1) for i in range(n)],
            "linear": [Fraction(1, n) for _ in range(n)],
            "time_decay": [decay / sum(decays) for decay in decays],
            "position_based": [Fraction(1, n) for _ in range(n)] if n < 3
            else [Fraction(2, 5)] + [Fraction(1, 5) / (n - 2)] * (n - 2) + [Fraction(2, 5)],
        }  # fmt: skip
        for model, each in weights.items():
            credits = zip([channel for _, channel in journey], each, strict=True) if n else [("(none)", Fraction(1))]
            for channel, weight in credits:
                found[model][channel][0] += weight
                found[model][channel][1] += weight * Fraction(value)
    return np.array([[[float(cell) for cell in found[model][name]] for name in NAMES] for model in MODELS])


@pytest.fixture(scope="module", params=["integers", "long strings"])
def case(request):
    both = coarse(data.tables(ROWS, request.param))
    expected = plain_answer(*both)
    assert (expected[:, :, 0] > 0).all()
    return both, expected


def test_the_table_has_ties_and_window_ends():
    touches, conversions = coarse(data.tables(ROWS))
    pairs = touches.to_pandas().merge(conversions.to_pandas(), on="person_id")
    age = (pairs["time_y"] - pairs["time_x"]).dt.total_seconds() * 1e6
    assert (age == 0).sum() > 5
    assert (age == LOOKBACK).sum() > 5
    assert touches.to_pandas().duplicated(["person_id", "time"]).sum() > 100
    assert touches.to_pandas().duplicated().sum() > 10


def test_ours_is_right(case):
    both, expected = case
    assert apart(ours.run(*both), expected) < 1e-9


@pytest.mark.parametrize("idiom", duckdb_queries.QUERIES)
def test_duckdb_queries_are_right(case, idiom):
    both, expected = case
    assert apart(duckdb_queries.run(duckdb_queries.load(*both, threads=1), idiom), expected) < 1e-9


@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
@pytest.mark.parametrize("idiom", polars_queries.QUERIES)
def test_polars_queries_are_right(case, idiom, engine):
    both, expected = case
    lazy = [pl.from_arrow(one).lazy() for one in both]
    assert apart(polars_queries.run(*lazy, idiom, engine), expected) < 1e-9


def test_the_pandas_query_is_right(case):
    both, expected = case
    assert apart(pandas_query.run(*(one.to_pandas() for one in both)), expected) < 1e-9


def test_queries_read_files_alike(tmp_path):
    places = data.files(ROWS, "strings", tmp_path)
    expected = plain_answer(*data.tables(ROWS, "strings"))
    connection = duckdb_queries.connect(1)
    for idiom in duckdb_queries.QUERIES:
        assert apart(duckdb_queries.run(connection, idiom, *places), expected) < 1e-9
    scans = [pl.scan_parquet(place) for place in places]
    for idiom in polars_queries.QUERIES:
        assert apart(polars_queries.run(*scans, idiom), expected) < 1e-9


@pytest.mark.parametrize("peer", peers.PEERS)
def test_the_packages_agree_where_they_can(case, peer):
    if peers.absent(peer):
        pytest.skip(f"{peer} {peers.WHY_ABSENT}")
    both, expected = case
    lazy = [pl.from_arrow(one).lazy() for one in both]
    if peer == "ChannelAttribution":
        assert apart(peers.channel_attribution(*lazy)[:3], expected[:3]) < 1e-9
    else:
        assert apart(peers.mam(*lazy)[:, :, 1], expected[:, :, 1]) < 1e-6


def test_the_same_seed_makes_the_same_tables_whatever_the_kind_of_ids():
    one, same, other = data.tables(ROWS), data.tables(ROWS), data.tables(ROWS, seed=2)
    assert one[0].equals(same[0])
    assert one[1].equals(same[1])
    assert not one[0].equals(other[0])
    for ids in data.IDS:
        touches, _ = data.tables(ROWS, ids)
        assert touches["time"].equals(one[0]["time"])
        assert len(touches["person_id"].unique()) == len(one[0]["person_id"].unique())


def test_a_wrong_answer_is_refused_before_anything_is_timed():
    called = []
    right, wrong = np.ones((1, 1, 2)), np.full((1, 1, 2), 1 + 1e-8)
    with pytest.raises(WrongAnswerError, match=r"theirs differs from the expected numbers by 1\.0e-08"):
        in_turns([Entry("ours", lambda: right), Entry("theirs", lambda: called.append(1) or wrong)], right, rounds=3)
    assert called == [1]


def test_ratios_are_taken_within_rounds():
    timed = Rounds({"ours": [1.0, 2.0, 1.0], "theirs": [2.0, 10.0, 3.0]})
    assert timed.ratio("theirs", "ours") == (3.0, 2.0, 5.0)


def test_goals_in_words():
    assert [table.Goal(2, 3).met(ratio) for ratio in (1.9, 2, 3)] == ["no", "yes", "yes, the aim too"]
    assert [table.Goal(30, 15, smaller=True).met(x) for x in (31, 30, 15)] == ["no", "yes", "yes, the aim too"]


def test_what_is_kept_makes_the_page(tmp_path):
    import json

    timed = Rounds({"ours": [1.0, 2.0, 1.0], "theirs": [2.0, 10.0, 3.0]})
    rows = [table.row(timed, "theirs", "ours", ids="integers", goal=table.Goal(2, 4)),
            table.Row("absent", "integers", None, note="not installed")]  # fmt: skip
    table.keep(tmp_path / "results.json", "tables", rows, {"remarks": ["- small"], "circumstances": "3 rounds"})
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    page = table.page(results, run.TITLES, run.FIGURES)
    assert "| theirs | integers | 3.00 | 2.00-5.00 | 2 | 4 | yes | 1.00 s | 3.00 s |" in page
    assert "| absent | integers | skipped |  |  |  |  |  | not installed |" in page
    assert "## The machine" in page


def test_sizes_grow_by_decades_and_slopes_are_those_of_logarithms():
    assert growth.decades(1_000_000, 100_000_000) == [10**6, 3 * 10**6, 10**7, 3 * 10**7, 10**8]
    assert growth.slope([10, 100, 1000], [3.0, 30.0, 300.0]) == pytest.approx(1.0)
