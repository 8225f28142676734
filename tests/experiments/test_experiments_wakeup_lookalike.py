"""Look-alikes against comparing everybody with everybody, and what they are not."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import attribution as at
import experiments as ex
from experiments.wakeup import lookalike_search
from experiments.wakeup.lookalike_chance import matched_by_luck
from experiments.wakeup.lookalike_codes import Profiles
from oracles import lookalikes as oracle


def world(seed, sought=40, pool=60, attributes=4):
    rng = np.random.default_rng(seed)
    values = np.array(["a", "b", "北京", None, " "], dtype=object)
    names = [f"x{i}" for i in range(attributes)]
    tables = []
    for size, begin in ((sought, 0), (pool, 10_000)):
        table = pd.DataFrame({"person_id": begin + rng.permutation(size)})
        for name in names[:-1]:
            table[name] = rng.choice(values, size)
        table[names[-1]] = rng.choice(np.array([1.0, 2.0, np.nan]), size)
        table["income"] = rng.normal(size=size) + (begin > 0)
        tables.append(table)
    return tables[0], tables[1], names


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("least", [1, 2, 3, 4])
@pytest.mark.parametrize("direct", [1e-9, 1e9])
def test_matches_agree_with_all_pairs(monkeypatch, seed, least, direct):
    monkeypatch.setattr(lookalike_search, "_DIRECT", direct)  # both ways of searching
    monkeypatch.setattr(lookalike_search, "_CELLS", 97)  # several chunks
    sought, pool, names = world(seed)
    found = ex.match_lookalikes(sought, pool, attributes=names, at_least=least)
    sought, pool = sought.sort_values("person_id"), pool.sort_values("person_id")
    expected = oracle.best(sought[names].values.tolist(), pool[names].values.tolist(), least)
    keys = pool.person_id.tolist()
    for row, (top, ties, matches, places) in zip(found.to_dicts(), expected, strict=True):
        assert (row["equal"], row["ties"], row["matches"]) == (top, ties, matches)
        assert row["note"] == ("" if places else "NO_MATCH")
        assert (row["match_id"] in {keys[place] for place in places}) if places else row["match_id"] is None


def test_ties_are_drawn_evenly_and_by_the_seed():
    sought = pd.DataFrame({"person_id": range(3_000), "city": "A"})
    pool = pd.DataFrame({"person_id": range(5_000, 5_004), "city": ["A", "A", "A", "B"]})
    found = ex.match_lookalikes(sought, pool, attributes=["city"])
    counts = found.table().match_id.value_counts().sort_index()
    assert counts.index.tolist() == [5_000, 5_001, 5_002]
    assert counts.min() > 900  # 1,000 expected each, standard deviation 26
    other = ex.match_lookalikes(sought, pool, attributes=["city"], seed=1)
    assert other.table().match_id.tolist() != found.table().match_id.tolist()
    assert (found.used, found.most_used) == (3, counts.max())


def test_row_order_and_table_kind_change_nothing():
    sought, pool, names = world(3)
    kept = sought.copy()
    call = {"attributes": names, "at_least": 2, "others": "income"}
    found = ex.match_lookalikes(sought, pool, **call)
    again = ex.match_lookalikes(sought.sample(frac=1, random_state=1), pool.sample(frac=1, random_state=2), **call)
    assert found.to_dicts() == again.to_dicts()
    assert found.balance().to_dicts() == again.balance().to_dicts()
    assert repr(found) == repr(again)
    other = ex.match_lookalikes(pl.from_pandas(sought), pl.from_pandas(pool), **call)
    assert other.to_dicts() == found.to_dicts()
    pd.testing.assert_frame_equal(sought, kept)


def test_a_match_is_no_assignment_and_has_no_effect():
    sought, pool, names = world(1)
    found = ex.match_lookalikes(sought, pool, attributes=names, at_least=2)
    assert {"arm", "p_assign", "assigned_at", "stratum"}.isdisjoint(found.table().columns)
    assert not [name for name in dir(found) if "effect" in name or "compar" in name or "lift" in name]
    with pytest.raises(ex.TableError, match="'arm' is missing"):
        ex.Experiment({"equal": ex.Mean("equal")}).analyze(found)
    orders = pd.DataFrame({"person_id": [1], "time": [pd.Timestamp("2026-01-01", tz="UTC")], "conversion_id": ["c"]})
    with pytest.raises(ex.TableError, match="MISSING_COLUMN"):
        ex.build_outcomes(found, orders, as_of="2026-06-30")
    assert "hypothesis" in repr(found)
    assert "hypothesis" in repr(found.balance())
    assert found.findings[0].code == "HYPOTHESIS_ONLY"
    with at.language("zh"):
        assert "假设" in repr(found)


def test_chance_is_that_of_independent_attributes():
    rng = np.random.default_rng(5)
    sizes, levels, least = (300, 40), (3, 4, 5, 2), 3
    sought = np.stack([rng.integers(0, k, 50) for k in levels], axis=1)
    shares = [rng.dirichlet(np.ones(k)) for k in levels]
    pool = np.stack([rng.choice(k, sizes[1], p=p) for k, p in zip(levels, shares, strict=True)], axis=1)
    profiles = Profiles(names=("a", "b", "c", "d"), sought=sought, pool=pool, levels=levels)
    one, anybody = matched_by_luck(profiles, least)
    # Shuffling each column of the pool makes its attributes independent, with the same values.
    hits = np.zeros((50,))
    reached = np.zeros((50,))
    for _ in range(4_000):
        mixed = np.stack([pool[rng.integers(0, sizes[1], sizes[1]), i] for i in range(4)], axis=1)
        enough = (sought[:, None, :] == mixed[None]).sum(axis=2) >= least
        hits += enough.mean(axis=1)
        reached += enough.any(axis=1)
    np.testing.assert_allclose(hits / 4_000, one, atol=0.01)
    np.testing.assert_allclose(reached / 4_000, anybody, atol=0.04)


def test_few_attributes_match_by_luck():
    rng = np.random.default_rng(2)
    sought = pd.DataFrame({"person_id": range(300), **{c: rng.integers(0, 4, 300) for c in "abcde"}})
    pool = pd.DataFrame({"person_id": range(1_000, 9_000), **{c: rng.integers(0, 4, 8_000) for c in "abcde"}})
    found = ex.match_lookalikes(sought, pool, attributes=list("abcde"))
    assert found.share_by_luck > 0.99
    assert "MATCHED_BY_LUCK" in [finding.code for finding in found.findings]


def test_balance_before_and_after():
    sought, pool, names = world(9, sought=300, pool=500)
    found = ex.match_lookalikes(sought, pool, attributes=names[:2], at_least=2, others=["income", "x3"])
    rows = found.balance().to_dicts()
    income = next(row for row in rows if row["column"] == "income")
    scale = np.sqrt((np.var(sought.income) + np.var(pool.income)) / 2)
    assert income["smd_before"] == pytest.approx((sought.income.mean() - pool.income.mean()) / scale)
    table = found.table()
    match = table[table.match_id.notna()]
    left = sought.set_index("person_id").income[match.person_id].mean()
    right = pool.set_index("person_id").income[match.match_id.astype(int)].mean()
    assert income["smd_after"] == pytest.approx((left - right) / scale)
    used = [row for row in rows if row["used"] == "used"]
    assert used
    assert all(abs(row["smd_after"]) < 1e-12 for row in used)  # all attributes equal
    assert "STILL_UNLIKE" in [finding.code for finding in found.findings]
    assert {row["level_value"] for row in rows if row["column"] == "x0"} == {"(unknown)", " ", "a", "b", "北京"}


def test_many_levels_are_joined():
    sought = pd.DataFrame({"person_id": range(30), "city": [f"c{i}" for i in range(30)]})
    pool = sought.assign(person_id=range(100, 130))
    found = ex.match_lookalikes(sought, pool, attributes=["city"])
    assert found.matched == 30
    levels = [row["level_value"] for row in found.balance().to_dicts()]
    assert len(levels) == 21
    assert levels[-1] == "(other)"


def test_too_many_pairs_say_what_to_do():
    sought, pool, names = world(0)
    with pytest.raises(ex.InputError, match=r"more than most_pairs=10\. Ask for more equal attributes"):
        ex.match_lookalikes(sought, pool, attributes=names, at_least=1, most_pairs=10)


@pytest.mark.parametrize("empty", ["sought", "pool"])
def test_an_empty_side_matches_nobody(empty):
    sought, pool, names = world(0)
    sought, pool = (sought[:0], pool) if empty == "sought" else (sought, pool[:0])
    found = ex.match_lookalikes(sought, pool, attributes=names, at_least=2, others="income")
    assert found.matched == 0
    assert len(found.to_dicts()) == len(sought)
    assert all(row["match_id"] is None for row in found.to_dicts())
    assert repr(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attributes": []}, "at least one column"),
        ({"attributes": ["x0", "x0"]}, "several different ones"),
        ({"at_least": 5}, "from 1 to 4"),
        ({"at_least": 0}, "from 1 to 4"),
        ({"attributes": ["x9"], "at_least": 1}, "MISSING_COLUMN"),
        ({"others": "incme"}, "Did you mean 'income'"),
        ({"most_pairs": 0}, "most_pairs must be"),
        ({"columns": {"custmers": at.Columns()}}, "unknown table 'custmers'. Did you mean 'customers'"),
    ],
)
def test_bad_input_is_told(change, message):
    sought, pool, names = world(2)
    with pytest.raises(ex.WakeLiftError, match=message):
        ex.match_lookalikes(sought, pool, **{"attributes": names, "at_least": 2, **change})


def test_persons_of_both_tables_and_attributes_of_two_kinds_are_refused():
    sought, pool, names = world(2)
    both = pd.concat([pool, sought[:2]])
    with pytest.raises(ex.TableError, match="IN_BOTH_TABLES"):
        ex.match_lookalikes(sought, both, attributes=names)
    with pytest.raises(ex.TableError, match="KEY_TYPE_MISMATCH"):
        ex.match_lookalikes(sought, pool.assign(x0=1), attributes=names)


def test_large_keys_whole_floats_dates_and_lazy_tables():
    a = pl.DataFrame({"person_id": ["a"], "x": [2**60 + 1]})
    b = pl.DataFrame({"person_id": ["b", "c"], "x": [2**60, 2**60 + 1]})
    for pool in (b, b.lazy(), duckdb.from_arrow(b.to_arrow())):
        assert ex.match_lookalikes(a.lazy(), pool, attributes=["x"]).to_dicts()[0]["match_id"] == "c"
    left, right = pd.DataFrame({"person_id": ["a"], "x": [1]}), pd.DataFrame({"person_id": ["b"], "x": [1.0]})
    assert ex.match_lookalikes(left, right, attributes=["x"]).matched == 1
    assert ex.match_lookalikes(left, right.assign(x=None), attributes=["x"]).matched == 0
    day = pd.Timestamp("2020-01-01")
    assert ex.match_lookalikes(left.assign(x=day), right.assign(x=day), attributes=["x"]).matched == 1


def test_a_balance_of_whole_numbers_beyond_those_of_a_float_has_a_mean():
    left = pl.DataFrame({"person_id": ["a"], "x": [1], "y": [2**63 - 1]})
    right = pl.DataFrame({"person_id": ["b", "c"], "x": [1, 2], "y": [2**53 + 1, 2**60 + 1]})
    row = ex.match_lookalikes(left, right, attributes=["x"], others="y").balance().to_dicts()[-1]
    assert (row["column"], row["level_value"], row["mean_customers"], row["mean_likes"]) == ("y", "", 2.0**63, 2.0**53)


def test_a_balance_without_spread_says_so():
    left, right = pd.DataFrame({"person_id": ["a"], "x": [1]}), pd.DataFrame({"person_id": ["b"], "x": [1]})
    found = ex.match_lookalikes(left.assign(y=1.0), right.assign(y=2.0), attributes=["x"], others="y")
    row = found.balance().to_dicts()[1]
    assert (row["mean_customers"], row["mean_pool"], row["smd_before"], row["note"]) == (1.0, 2.0, None, "NO_SPREAD")
