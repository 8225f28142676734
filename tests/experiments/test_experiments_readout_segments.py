"""Effects by segment: the same numbers as on the segment's rows, the test first, exploratory marked, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError
from attribution.core.randomness import generator

METRICS = {"woken": ex.Rate("woken"), "value": ex.Mean("value"), "closed": ex.Rate("closed", role="guardrail")}


def outcomes(seed=0, n=4_000, differs=False):
    random = generator(seed, "test.segments")
    arm = np.array(["holdout", "a", "b"], dtype=object)[random.choice(3, size=n, p=(0.3, 0.4, 0.3))]
    region = np.array(["东区", "west", "north 🧭"], dtype=object)[random.choice(3, size=n, p=(0.5, 0.3, 0.2))]
    effect = 0.04 * (arm != "holdout") * ((region == "东区") * 5 if differs else 1)
    woken = (random.random(n) < 0.05 + effect).astype(int)
    return pd.DataFrame({
        "person_id": np.arange(n), "arm": arm, "region": region, "tier": random.integers(3, size=n), "woken": woken,
        "wave": random.integers(2, size=n), "value": np.round(woken * random.lognormal(3, 1, size=n), 2),
        "closed": (random.random(n) < 0.01).astype(int), "history": random.normal(size=n),
        "house": random.integers(n // 3, size=n),
    })  # fmt: skip


def part(table, **where):
    for name, value in where.items():
        table = table[table[name].isna() if value is None else table[name] == value]
    return table


@pytest.mark.parametrize(
    "options",
    [
        {}, {"strata": "wave"}, {"cluster": "house"}, {"target": "population", "strata": "wave"},
    ],
    ids=str,
)  # fmt: skip
def test_every_segment_is_the_experiment_on_its_rows(options):
    table = outcomes(1)
    metrics = {**METRICS, "adjusted": ex.Mean("value", covariate="history")}
    if "cluster" in options:
        metrics = METRICS
    spec = ex.Experiment(metrics, segments="region", **options)
    found = spec.by_segment(table).table()
    for segment in ("东区", "west", "north 🧭"):
        alone = spec.analyze(table[table["region"] == segment]).table()
        mine = part(found, segment=segment).reset_index(drop=True)
        for name in ("n", "n_control", "value", "value_control", "difference", "low", "high", "p_value"):
            assert np.allclose(mine[name].to_numpy(float), alone[name].to_numpy(float), rtol=1e-9, equal_nan=True), name
    whole = part(found, segment=None)
    assert np.allclose(whole["difference"].to_numpy(float), spec.analyze(table).table()["difference"], rtol=1e-12)


def test_columns_rows_and_families():
    spec = ex.Experiment(METRICS, segments="region")
    readout = spec.by_segment(outcomes(2), by=["region", "tier"])
    found = readout.table()
    assert list(found) == [
        "metric", "arm", "control", "by", "segment", "n", "n_control", "value", "value_control", "difference", "low",
        "high", "p_value", "p_adjusted", "p_interaction", "declared", "note",
    ]  # fmt: skip
    assert len(found) == 3 * 2 * (1 + 3 + 3)
    for by in ("region", "tier"):
        family = part(found, metric="woken", by=by)
        assert tuple(family["p_adjusted"]) == pytest.approx(ex.adjust_pvalues(family["p_value"]))
        tests = part(readout.interaction_tests().to_pandas(), metric="woken", by=by)
        assert tuple(tests["p_adjusted"]) == pytest.approx(ex.adjust_pvalues(tests["p_value"]))
        assert set(family["p_interaction"]) == set(tests["p_adjusted"])
    assert part(found, metric="closed")["p_adjusted"].isna().all()
    assert part(found, segment=None)["p_adjusted"].isna().all()


def test_a_column_that_was_not_declared_is_exploratory_everywhere():
    readout = ex.Experiment(METRICS, segments="region").by_segment(outcomes(3), by=["region", "tier"])
    found = readout.table()
    assert part(found, by="tier")["note"].str.contains("EXPLORATORY").all()
    assert not part(found, by="tier")["declared"].any()
    assert part(found, by="region")["declared"].all()
    assert not part(found, by="region")["note"].str.contains("EXPLORATORY").any()
    assert "The column tier was not declared before: its readings are exploratory" in readout.sentence()
    assert "tier 列没有预先声明" in readout.sentence("zh")
    assert readout.sentence().count("was not declared before") == 1
    assert [finding.values["by"] for finding in readout.findings if finding.code == "EXPLORATORY"] == ["tier"]
    assert "exploratory" in repr(readout)


def test_the_test_comes_first_and_finds_what_is_there():
    same = ex.Experiment(METRICS, segments="region").by_segment(outcomes(4))
    differs = ex.Experiment(METRICS, segments="region").by_segment(outcomes(4, differs=True))
    assert "do not show that the effect on woken differs" in same.sentence()
    assert "the effect on woken differs between the 3 segments of region" in differs.sentence()
    shown = repr(differs)
    assert shown.index("Does the effect differ") < shown.index("woken (primary)")
    methods = differs.interaction_tests().to_pandas().drop_duplicates("metric").set_index("metric")["method"]
    assert methods.to_dict() == {
        "woken": "score interaction", "value": "welch interaction", "closed": "score interaction",
    }  # fmt: skip
    with at.language("zh"):
        assert "效果在各分群之间是否不同" in repr(differs)


def test_small_and_absent_segments_are_told_and_left_out():
    table = outcomes(5)
    table.loc[table.index[:12], "region"] = "tiny"
    table.loc[(table["region"] == "west") & (table["arm"] == "b"), "region"] = "东区"
    readout = ex.Experiment(METRICS, segments="region").by_segment(table)
    found = part(readout.table(), metric="woken")
    assert part(found, segment="tiny")["difference"].isna().all()
    assert set(part(found, segment="tiny")["note"]) == {"FEW_PERSONS"}
    assert part(found, segment="west", arm="b")["note"].tolist() == ["FEW_PERSONS"]
    assert part(found, segment="west", arm="b")["n"].tolist() == [0]
    assert part(found, segment="west", arm="a")["difference"].notna().all()
    tests = part(readout.interaction_tests().to_pandas(), metric="woken").set_index("arm")
    assert tests["segments"].to_dict() == {"a": 3, "b": 2}
    assert (tests["note"] == "SEGMENT_LEFT_OUT").all()
    small = next(finding for finding in readout.findings if finding.code == "SEGMENT_SMALL")
    assert (small.values["n"], small.values["names"]) == (2, "tiny, west")


def test_one_segment_has_no_test():
    table = outcomes(6).assign(region="all")
    readout = ex.Experiment(METRICS, segments="region").by_segment(table)
    assert set(readout.interaction_tests().to_pandas()["note"]) == {"ONE_SEGMENT"}
    assert "cannot be tested (ONE_SEGMENT)" in readout.sentence()


def test_rows_may_come_in_any_order_and_in_any_kind_of_table():
    pl = pytest.importorskip("polars")
    table = outcomes(7)
    spec = ex.Experiment(METRICS, segments=["region", "tier"])
    wanted = spec.by_segment(table).to_dicts()
    assert spec.by_segment(table.sample(frac=1, random_state=1)).to_dicts() == wanted
    assert spec.by_segment(pl.from_pandas(table)).to_dicts() == wanted


def test_a_stratum_may_be_a_segment():
    table = outcomes(8)
    spec = ex.Experiment(METRICS, segments="wave", strata="wave")
    found = part(spec.by_segment(table).table(), segment="1", metric="woken")
    alone = ex.Experiment(METRICS).analyze(table[table["wave"] == 1]).table()
    assert found["difference"].tolist() == pytest.approx(alone["difference"][:2].tolist())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, InputError, "the experiment declares none"),
        ({"by": "arm"}, InputError, "is the arm or the person"),
        ({"by": "woken"}, DesignError, "known only after assignment"),
        ({"by": 3}, InputError, "by must be the name of a column"),
        ({"by": [""]}, InputError, "by must be the name of a column"),
        ({"by": "region", "min_persons": 1}, InputError, "min_persons must be a whole number of at least 2"),
        ({"by": "regoin"}, TableError, "regoin"),
        ({"by": "person"}, TableError, "more than 100 different values"),
        ({"by": "hole"}, TableError, "the segment of some persons is empty"),
    ],
)
def test_refusals(options, error, message):
    table = outcomes(9).assign(person=np.arange(4_000))
    table["hole"] = table["region"].where(table.index > 5)
    with pytest.raises(error, match=message):
        ex.Experiment(METRICS).by_segment(table, **options)


def test_an_outcome_of_any_name_is_no_segment():
    table = outcomes(10).rename(columns={"woken": "returned", "closed": "left"})
    metrics = {"woken": ex.Rate("returned"), "value": ex.Mean("value")}
    spec = ex.Experiment(metrics, guardrails=[ex.Guardrail("left", 0.01)])
    for name in ("returned", "left"):
        with pytest.raises(DesignError, match=f"{name}' is known only after assignment, so it cannot be a segment"):
            spec.by_segment(table, by=name)
    with pytest.raises(DesignError, match="decides 'returned' for every person"):
        spec.by_segment(table.assign(copy=table["returned"].map({0: "no", 1: "yes"})), by="copy")


def test_a_stratum_that_leaves_is_told_over_everybody_and_in_its_segment():
    table = outcomes(11)
    table.loc[(table["region"] == "west") & (table["wave"] == 1) & (table["arm"] == "holdout"), "wave"] = 0
    spec = ex.Experiment(METRICS, segments="region", strata="wave")
    rows = part(spec.by_segment(table).table(), metric="woken", arm="a").set_index("segment")["note"]
    assert rows["west"] == "STRATUM_DROPPED"
    assert rows["东区"] == ""
    table.loc[(table["wave"] == 1) & (table["arm"] == "holdout"), "wave"] = 0
    told = [(one.code, one.values["metric"]) for one in spec.by_segment(table).findings if one.status == "warn"]
    assert ("STRATUM_DROPPED", "woken") in told
    assert told == [(one.code, one.values["metric"]) for one in spec.analyze(table).findings if one.status == "warn"]


def test_an_arm_that_is_in_no_segment_keeps_the_name_of_its_test():
    table = outcomes(12)
    table["seen"] = np.where(table["arm"] == "b", "b alone", table["region"])
    tests = (
        ex.Experiment(METRICS).by_segment(table, by="seen").interaction_tests().to_pandas().set_index(["metric", "arm"])
    )
    assert tests.loc[("value", "b"), "method"] == "welch interaction"
    assert tests.loc[("woken", "b"), "method"] == "score interaction"
    assert tests.loc[("value", "b"), "note"] == "ONE_SEGMENT; SEGMENT_LEFT_OUT; EXPLORATORY"


def test_the_table_of_tests_marks_what_is_exploratory_too():
    readout = ex.Experiment(METRICS, segments="region").by_segment(outcomes(3), by=["region", "tier"])
    tests = readout.interaction_tests().to_pandas()
    assert part(tests, by="tier")["note"].str.contains("EXPLORATORY").all()
    assert not part(tests, by="region")["note"].str.contains("EXPLORATORY").any()


def test_without_a_correction_nothing_is_said_to_be_adjusted():
    readout = ex.Experiment(METRICS, segments="region", correction=None).by_segment(outcomes(13))
    assert "no p-value is adjusted" in repr(readout)
    assert "p adjusted counts" not in repr(readout)
    with at.language("zh"):
        assert "p 值未作校正" in repr(readout)
