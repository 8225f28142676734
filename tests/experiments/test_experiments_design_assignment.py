"""Assignment by salted hash: digests, cut points, growing lists, damage that verification must find."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import chisquare

import attribution as at
import experiments as ex
from experiments.design.assignment_hash import checked_shares, cut, unit_numbers

DIGESTS = json.loads((Path(__file__).parents[1] / "references/assignment/digests.json").read_text(encoding="utf-8"))
SHARES = {"holdout": 0.2, "digital": 0.3, "sms": 0.5}
NOON = "2026-10-12T12:00:00+08:00"


def people(n, start=0):
    return pd.DataFrame({"person_id": [f"p{i}" for i in range(start, start + n)], "wave": [i % 3 for i in range(n)]})


def arms(made):
    table = made.table()
    return dict(zip(table["person_id"], table["arm"], strict=True))


@pytest.mark.parametrize("row", DIGESTS["expected"], ids=lambda row: f"{row['salt']}-{row['unit']}")
def test_the_number_is_the_first_64_bits_of_the_digest_of_coreutils(row):
    (number,) = unit_numbers(pa.array([row["unit"]]), row["salt"])
    assert f"{int(number):016x}" == row["hex"]


def test_duckdb_makes_the_same_numbers():
    duckdb = pytest.importorskip("duckdb")
    units = [f"客户{i}" for i in range(200)] + [str(i) for i in range(200)]
    told = duckdb.sql(
        "select left(sha256(sha256('2026Q4') || unit), 16) as hex from (select unnest(?) as unit)", params=[units]
    ).fetchall()
    ours = unit_numbers(pa.array(units), "2026Q4")
    assert [row[0] for row in told] == [f"{int(number):016x}" for number in ours]


def test_whole_numbers_and_their_text_are_one_person():
    whole = ex.assign(pd.DataFrame({"person_id": range(500)}), shares=SHARES, salt="s", at=NOON)
    text = ex.assign(pd.DataFrame({"person_id": [str(i) for i in range(500)]}), shares=SHARES, salt="s", at=NOON)
    assert list(arms(whole).values()) == list(arms(text).values())
    padded = ex.assign(pd.DataFrame({"person_id": [f"0{i}" for i in range(500)]}), shares=SHARES, salt="s", at=NOON)
    assert list(arms(whole).values()) != list(arms(padded).values())


def test_a_column_with_a_gap_is_refused_and_its_floats_are_whole_numbers():
    floats = ex.assign(pd.DataFrame({"person_id": [1.0, 2.0, 3.0]}), shares=SHARES, salt="s", at=NOON)
    whole = ex.assign(pd.DataFrame({"person_id": [1, 2, 3]}), shares=SHARES, salt="s", at=NOON)
    assert floats.to_dicts() == whole.to_dicts()
    with pytest.raises(ex.TableError, match="NULL_KEY"):
        ex.assign(pd.DataFrame({"person_id": [1.0, None]}), shares=SHARES, salt="s", at=NOON)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table], ids=lambda kind: kind.__name__)
def test_every_engine_gives_the_same_bytes(kind):
    frame = people(400)
    data = kind({name: frame[name].tolist() for name in frame})
    made = ex.assign(data, shares=SHARES, salt="s", at=NOON, strata="wave")
    reference = ex.assign(frame, shares=SHARES, salt="s", at=NOON, strata="wave")
    assert made.to_dicts() == reference.to_dicts()
    assert made.recipe.fingerprint == reference.recipe.fingerprint


def test_a_growing_list_keeps_its_arms():
    first = arms(ex.assign(people(1_000), shares=SHARES, salt="s", at=NOON))
    later = arms(ex.assign(people(3_000).sample(frac=1.0, random_state=1), shares=SHARES, salt="s", at=NOON))
    assert {person: later[person] for person in first} == first


def test_strata_do_not_enter_the_hash():
    plain = arms(ex.assign(people(1_000), shares=SHARES, salt="s", at=NOON))
    made = ex.assign(people(1_000), shares=SHARES, salt="s", at=NOON, strata="wave")
    assert arms(made) == plain
    assert set(made.table()["stratum"]) == {"0", "1", "2"}


def test_the_order_of_the_shares_does_not_matter():
    turned = dict(reversed(SHARES.items()))
    made = [ex.assign(people(500), shares=shares, salt="s", at=NOON) for shares in (SHARES, turned)]
    assert arms(made[0]) == arms(made[1])


def test_shares_by_stratum():
    shares = {"0": {"holdout": 0.5, "sms": 0.5}, "1": {"holdout": 0.1, "sms": 0.9}, "2": {"holdout": 0.2, "sms": 0.8}}
    made = ex.assign(people(30_000), shares=shares, salt="s", at=NOON, strata="wave").table()
    for stratum, own in shares.items():
        part = made[made["stratum"] == stratum]
        assert (part["arm"] == "holdout").mean() == pytest.approx(own["holdout"], abs=0.02)
        assert set(part.loc[part["arm"] == "sms", "p_assign"]) == {own["sms"]}
    with pytest.raises(ex.InputError, match="no shares for the strata"):
        ex.assign(people(30), shares={"0": shares["0"]}, salt="s", at=NOON, strata="wave")


def test_several_columns_of_strata_are_joined():
    table = people(60).assign(region=["北", "南"] * 30)
    made = ex.assign(table, shares=SHARES, salt="s", at=NOON, strata=["wave", "region"]).table()
    assert set(made["stratum"]) == {f"{wave} / {region}" for wave in range(3) for region in "北南"}
    same = pd.DataFrame({"person_id": [1, 2], "a": ["x / y", "x"], "b": ["z", "y / z"]})
    with pytest.raises(ex.InputError, match="same name"):
        ex.assign(same, shares=SHARES, salt="s", at=NOON, strata=["a", "b"])


def test_clusters_are_assigned_as_a_whole():
    table = people(3_000).assign(household=[i // 3 for i in range(3_000)])
    made = ex.assign(table, shares=SHARES, salt="s", at=NOON, cluster="household").table()
    assert len(made[["household", "arm"]].drop_duplicates()) == 1_000
    alone = ex.assign(pd.DataFrame({"person_id": range(1_000)}), shares=SHARES, salt="s", at=NOON).table()
    assert made.groupby("household")["arm"].first().tolist() == alone["arm"].tolist()
    with pytest.raises(ex.TableError, match="CLUSTER_SPLIT"):
        ex.assign(
            table, salt="s", at=NOON, cluster="household", strata="wave",
            shares={"0": {"a": 0.9, "b": 0.1}, "1": {"a": 0.1, "b": 0.9}, "2": {"a": 0.5, "b": 0.5}},
        )  # fmt: skip


def test_cut_points_are_exact():
    cuts = cut(checked_shares({"a": 0.1, "b": 0.2, "c": 0.7}))
    assert [int(last) for last in cuts.last] == [2**64 // 10 - 1, 3 * 2**64 // 10 - 1, 2**64 - 1]
    numbers = np.array([0, 2**64 // 10 - 1, 2**64 // 10, 2**64 - 1], dtype=np.uint64)
    assert [cuts.arms[i] for i in cuts.arm_of(numbers)] == ["a", "a", "b", "c"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 0.2, "b": 0.3, "c": 0.5}, {"a": 0.1, "b": 0.3, "c": 0.6}),
        ({"a": 0.2, "b": 0.3, "c": 0.5}, {"a": 0.4, "b": 0.2, "c": 0.4}),
        ({"a": 0.5, "b": 0.5}, {"a": 0.4, "b": 0.4, "new": 0.2}),
        ({"a": 0.5, "b": 0.4, "gone": 0.1}, {"a": 0.5, "b": 0.5}),
    ],
)
def test_a_change_of_shares_moves_as_few_as_it_must(before, after):
    first = ex.assign(people(20_000), shares=before, salt="s", at=NOON)
    then = ex.assign(people(20_000), shares=after, salt="s", at=NOON, earlier=[before])
    moved = first.table()["arm"] != then.table()["arm"]
    least = sum(max(0.0, share - before.get(arm, 0.0)) for arm, share in after.items())
    assert moved.mean() == pytest.approx(least, abs=0.012)
    # Nobody moves between arms that both kept or gained, and none out of an arm that grew.
    left = first.table().loc[moved, "arm"]
    assert all(after.get(arm, 0.0) < before[arm] for arm in set(left))
    assert ex.verify_assignment(then, people(20_000), salt="s", earlier=[before]).status == "pass"
    back = ex.assign(people(20_000), shares=before, salt="s", at=NOON, earlier=[before, after])
    assert back.table()["arm"].value_counts(normalize=True).to_dict() == pytest.approx(before, abs=0.012)


def test_a_million_numbers_are_uniform_and_runs_are_random():
    numbers = unit_numbers(pa.array(np.arange(1_000_000)), "2026Q4") / 2.0**64
    assert chisquare(np.bincount((numbers * 1_000).astype(int), minlength=1_000)).pvalue > 1e-4
    above = numbers > 0.5
    runs = 1 + int((above[1:] != above[:-1]).sum())
    many, few = int(above.sum()), int((~above).sum())
    mean = 1 + 2 * many * few / len(numbers)
    variance = (mean - 1) * (mean - 2) / (len(numbers) - 1)
    assert abs(runs - mean) / variance**0.5 < 4
    # Two salts draw independently of each other.
    other = unit_numbers(pa.array(np.arange(1_000_000)), "2026Q3") / 2.0**64
    table = np.bincount((numbers * 10).astype(int) * 10 + (other * 10).astype(int), minlength=100)
    assert chisquare(table).pvalue > 1e-4


def test_moments_of_assignment():
    made = ex.assign(people(3), shares=SHARES, salt="s", at="2026-10-12", columns=at.Columns(timezone="Asia/Shanghai"))
    assert set(made.table()["assigned_at"].astype("datetime64[us, UTC]")) == {pd.Timestamp("2026-10-11T16:00Z")}
    each = people(3).assign(at=pd.to_datetime(["2026-10-12T01:00Z", "2026-10-13T01:00Z", "2026-10-14T01:00Z"]))
    made = ex.assign(each, shares=SHARES, salt="s", at="at")
    assert made.table()["assigned_at"].tolist() == each["at"].tolist()


@pytest.mark.parametrize("wrong", ["2026-10-12", "2026-10-12T09:00:00", "soon", 5, None, pd.NaT])
def test_a_moment_without_a_place_in_time_is_refused(wrong):
    with pytest.raises(ex.InputError, match="at"):
        ex.assign(people(3), shares=SHARES, salt="s", at=wrong)


@pytest.mark.parametrize(
    ("shares", "match"),
    [
        ({"a": 1.0}, "at least two arms"),
        ({"a": 0.5, "b": 0.6}, "sum to 1"),
        ({"a": 0.5, "b": -0.5, "c": 1.0}, "above 0"),
        ({"a": float("nan"), "b": 0.5}, "above 0"),
        ({"a": True, "b": 0.5}, "above 0"),
        ({1: 0.5, "b": 0.5}, "must be text"),
        ({}, "dict of arm"),
        (0.5, "dict of arm"),
    ],
)
def test_shares_that_are_none(shares, match):
    with pytest.raises(ex.InputError, match=match):
        ex.assign(people(3), shares=shares, salt="s", at=NOON)


@pytest.mark.parametrize("salt", ["", "  ", None, 7])
def test_a_salt_says_something(salt):
    with pytest.raises(ex.InputError, match="salt"):
        ex.assign(people(3), shares=SHARES, salt=salt, at=NOON)


def test_tables_that_cannot_be_assigned():
    with pytest.raises(ex.TableError, match="REPEATED_PERSON"):
        ex.assign(pd.concat([people(3), people(1)]), shares=SHARES, salt="s", at=NOON)
    with pytest.raises(ex.TableError, match="MISSING_COLUMN"):
        ex.assign(people(3), shares=SHARES, salt="s", at=NOON, strata="waves")
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        ex.assign(people(3).assign(answered=1), shares=SHARES, salt="s", at=NOON, strata="answered")
    empty = ex.assign(people(0).astype({"person_id": str}), shares=SHARES, salt="s", at=NOON)
    assert empty.to_dicts() == []
    named = ex.assign(
        people(3).rename(columns={"person_id": "客户号"}), shares=SHARES, salt="s", at=NOON, person="客户号"
    )
    assert list(named.table().columns) == ["person_id", "arm", "p_assign", "assigned_at", "stratum"]


def test_the_assignment_goes_into_the_outcomes_and_the_experiment():
    made = ex.assign(people(2_000), shares=SHARES, salt="s", at=NOON, strata="wave")
    sold = pd.DataFrame({
        "conversion_id": range(200), "person_id": [f"p{i * 7}" for i in range(200)],
        "time": pd.Timestamp("2026-10-15T02:00Z"),
    })  # fmt: skip
    outcomes = ex.build_outcomes(made, sold, as_of="2026-12-31")
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", strata="stratum").analyze(outcomes)
    assert [finding.status for finding in readout.findings if finding.code == "SRM"] == ["pass"]


# --- verification ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    return ex.assign(people(2_000), shares=SHARES, salt="s", at=NOON, strata="wave").table()


def test_what_was_assigned_passes(made):
    for options in ({}, {"shares": SHARES}, {"strata": "wave"}):
        found = ex.verify_assignment(made, people(2_000), salt="s", **options)
        assert (found.code, found.status) == ("ASSIGNMENT", "pass")
        assert found.values["agree"] == 2_000
    assert "all 2,000 persons" in found.text("en")


def test_every_damage_is_counted(made):
    damaged = made.copy()
    swapped = damaged.index[:7]
    damaged.loc[swapped, "arm"] = ["sms" if arm == "holdout" else "holdout" for arm in damaged.loc[swapped, "arm"]]
    damaged.loc[swapped, "p_assign"] = [SHARES[arm] for arm in damaged.loc[swapped, "arm"]]
    damaged = damaged.drop(damaged.index[10:15])
    extra = damaged.iloc[[20, 21]].assign(person_id=["x1", "x2"])
    twice = damaged.iloc[[30]]
    both = damaged.iloc[[40]]
    both = both.assign(arm="sms" if both["arm"].iloc[0] == "holdout" else "holdout", p_assign=0.2)
    damaged.loc[damaged.index[50], "p_assign"] = 0.25
    found = ex.verify_assignment(pd.concat([damaged, extra, twice, both]), people(2_000), salt="s")
    told = {name: found.values[name] for name in ("missing", "extra", "two_arms", "repeated", "other_p")}
    assert told == {"missing": 5, "extra": 2, "two_arms": 1, "repeated": 1, "other_p": 1}
    assert found.values["other_arm"] == 8  # the seven, and the second row of the person in two arms
    assert found.status == "fail"
    assert len(str(found.values["examples"]).split(", ")) == 3


def test_another_salt_agrees_by_chance_alone(made):
    found = ex.verify_assignment(made, people(2_000), salt="other")
    assert found.values["share"] == pytest.approx(found.values["by_chance"], abs=0.05)
    assert found.values["by_chance"] == pytest.approx(0.2**2 + 0.3**2 + 0.5**2)
    for lang in ("en", "zh"):
        assert "{" not in found.text(lang)


def test_verification_reads_keys_of_both_kinds():
    table = pd.DataFrame({"person_id": range(300)})
    assigned = ex.assign(table, shares=SHARES, salt="s", at=NOON)
    assert ex.verify_assignment(assigned, table.astype(str), salt="s").status == "pass"


def test_verification_asks_for_shares_that_it_cannot_know(made):
    with pytest.raises(ex.InputError, match="shares="):
        ex.verify_assignment(made.drop(columns="p_assign"), people(2_000), salt="s")
    few = made[made["arm"] != "holdout"]
    with pytest.raises(ex.InputError, match="without persons"):
        ex.verify_assignment(few, people(2_000), salt="s")
    assert ex.verify_assignment(few, people(2_000), salt="s", shares=SHARES).values["missing"] == 2_000 - len(few)


@pytest.mark.parametrize("shares", [{"a": 1e-30, "b": 1.0}, {"z": 1e-30, "b": 1.0}], ids=["first", "last"])
def test_a_share_that_nobody_can_get_is_refused(shares):
    with pytest.raises(ex.InputError, match="too small for anybody"):
        ex.assign(pd.DataFrame({"person_id": [1]}), shares=shares, salt="q4", at=NOON)


@pytest.mark.parametrize("cluster", ["arm", "stratum", "p_assign", "assigned_at"])
def test_a_cluster_may_not_overwrite_a_column_of_the_assignment(cluster):
    data = pd.DataFrame({"person_id": [1, 2], cluster: ["x", "y"]})
    with pytest.raises(ex.InputError, match="would be overwritten"):
        ex.assign(data, shares=SHARES, salt="q4", at=NOON, cluster=cluster)
    other = pd.DataFrame({"member": [1, 2], "person_id": ["x", "y"]})
    with pytest.raises(ex.InputError, match="would be overwritten"):
        ex.assign(other, shares=SHARES, salt="q4", at=NOON, person="member", cluster="person_id")


def test_strata_of_numbers_may_be_named_by_numbers():
    data = pd.DataFrame({"person_id": range(200), "tier": [1, 2] * 100})
    shares = {1: {"holdout": 0.5, "sms": 0.5}, 2: SHARES}
    made = ex.assign(data, shares=shares, salt="q4", at=NOON, strata="tier")
    text = {str(tier): own for tier, own in shares.items()}
    assert made.to_dicts() == ex.assign(data, shares=text, salt="q4", at=NOON, strata="tier").to_dicts()
    with pytest.raises(ex.InputError, match="names a stratum twice"):
        ex.assign(data, shares=shares | {"1": SHARES}, salt="q4", at=NOON, strata="tier")


def test_a_salt_that_cannot_be_written_is_refused():
    with pytest.raises(ex.InputError, match="salt must be text"):
        ex.assign(pd.DataFrame({"person_id": [1]}), shares=SHARES, salt="\ud800", at=NOON)


def test_many_strata_with_shares_of_their_own():
    data = pd.DataFrame({"person_id": range(4_000), "shop": [f"s{i % 500}" for i in range(4_000)]})
    shares = {f"s{i}": {"holdout": 0.1 + i / 1_000, "sms": 0.9 - i / 1_000} for i in range(500)}
    made = ex.assign(data, shares=shares, salt="q4", at=NOON, strata="shop").table()
    share = made["stratum"].str[1:].astype(int) / 1_000 + 0.1
    held = made["arm"] == "holdout"
    assert made["p_assign"].to_numpy() == pytest.approx(np.where(held, share, 1 - share))
    every = ex.assign(data, shares={"holdout": 0.599, "sms": 0.401}, salt="q4", at=NOON).table()["arm"] == "holdout"
    assert (every | ~held).all()  # one number per person, cut by each stratum's own share
    assert held.sum() == pytest.approx(share.sum(), abs=100)
