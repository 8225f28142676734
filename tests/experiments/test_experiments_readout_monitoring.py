"""Looks at an experiment: the readout's own test at the bound of the look."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import attribution as at
import experiments as ex
from experiments.readout.monitoring import early_reading, monitor

RATE = {"woken": ex.Rate("woken")}


def persons(n, seed=5, effect=0.02, arms=("holdout", "sms")):
    rng = np.random.default_rng(seed)
    arm = rng.choice(len(arms), n, p=[0.2, *[0.8 / (len(arms) - 1)] * (len(arms) - 1)])
    woken = rng.random(n) < 0.05 + effect * (arm > 0)
    value = np.where(woken, rng.lognormal(3.0, 0.8, n), 0.0)
    names = np.array(arms, dtype=object)[arm]
    return pd.DataFrame({"person_id": np.arange(n), "arm": names, "woken": woken.astype(int), "value": value})


def looks_of(**options):
    return ex.Looks(**{"planned": 12_000, "arms": ["sms"], "metric": "woken", **options})


def test_a_look_is_the_readouts_own_test_at_the_bound():
    table, spec = persons(12_000), ex.Experiment(RATE)
    log = looks_of()
    for day, n in (("2026-10-01", 3_000), ("2026-10-08", 7_000), ("2026-10-15", 12_000)):
        log = monitor(spec, table[:n], looks=log, day=day)
    rows = log.to_dicts()
    bounds = ex.spending_bounds(3, fractions=[0.25, 7 / 12, 1.0])
    assert [row["bound"] for row in rows] == pytest.approx(list(bounds), rel=1e-12)
    for row, n in zip(rows, (3_000, 7_000, 12_000), strict=True):
        part = table[:n].groupby("arm")["woken"].agg(["sum", "count"])
        one = ex.compare_rates(*part.loc["sms"], *part.loc["holdout"])
        assert row["difference"] == pytest.approx(one.difference.value, rel=1e-12)
        assert abs(row["z"]) == pytest.approx(_z(one.difference.p_value), rel=1e-9)
        level = 1 - bounds.nominal[row["look"] - 1]
        at_bound = ex.compare_rates(*part.loc["sms"], *part.loc["holdout"], level=level).difference
        assert (row["low"], row["high"]) == pytest.approx((at_bound.low, at_bound.high), rel=1e-9)
        assert (row["low"] > 0) == (row["decision"] == "higher") == (row["p_value"] < 0.05)
        assert (row["events"], row["n_control"]) == (part.loc["sms", "sum"], part.loc["holdout", "count"])
    assert log.ended


def _z(p):
    from scipy.stats import norm

    return norm.isf(p / 2)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("method", ["spending", "always_valid"])
@pytest.mark.parametrize("effect", [-0.03, 0.0, 0.03])
def test_decision_interval_and_p_agree(side, method, effect):
    table = persons(9_000, effect=effect)
    log = monitor(ex.Experiment(RATE), table, looks=looks_of(side=side, method=method), day="2026-10-01")
    row = log.to_dicts()[0]
    decided = row["decision"] in ("higher", "lower")
    assert (row["low"] > 0 or row["high"] < 0) == decided == (row["p_value"] < 0.05)
    assert decided == ((effect > 0 and side != "less") or (effect < 0 and side != "greater"))


def test_always_valid_looks_use_the_score_variance():
    table = persons(9_000)
    row = monitor(ex.Experiment(RATE), table, looks=looks_of(method="always_valid"), day="2026-10-01").to_dicts()[0]
    part = table.groupby("arm")["woken"].agg(["sum", "count"])
    n, n0 = part.loc["sms", "count"], part.loc["holdout", "count"]
    rate = part["sum"].sum() / (n + n0)
    error = np.sqrt(rate * (1 - rate) * (1 / n + 1 / n0) * (n + n0) / (n + n0 - 1))
    assert row["standard_error"] == pytest.approx(error, rel=1e-9)
    one = ex.always_valid(row["difference"], error, 9_000, planned_n=12_000)
    assert (row["low"], row["high"], row["p_value"]) == pytest.approx((one.low, one.high, one.p_value), rel=1e-9)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, lambda table: pl.DataFrame(table).lazy()])
def test_means_count_persons_with_money(kind):
    table = persons(8_000)
    spec = ex.Experiment({"value": ex.Mean("value")})
    row = monitor(
        spec, kind(table), looks=looks_of(metric="value", kind="mean", least=60), day="2026-10-01"
    ).to_dicts()[0]
    counted = (table["value"] != 0).groupby(table["arm"]).sum()
    assert (row["events"], row["events_control"]) == (counted["sms"], counted["holdout"])
    assert row["decision"] != "unknown"
    few = monitor(spec, kind(table), looks=looks_of(metric="value", kind="mean"), day="2026-10-01").to_dicts()[0]
    assert (few["note"], few["decision"], few["low"]) == ("LOOK_FEW_EVENTS", "unknown", None)


def test_a_readout_serves_as_well_and_means_then_need_their_counts():
    table = persons(8_000)
    spec = ex.Experiment({"value": ex.Mean("value"), "woken": ex.Rate("woken")})
    readout = spec.analyze(table)
    rate = looks_of()
    assert (
        monitor(spec, readout, looks=rate, day="2026-10-01").to_dicts()
        == monitor(spec, table, looks=rate, day="2026-10-01").to_dicts()
    )
    money = looks_of(metric="value", kind="mean")
    with pytest.raises(at.InputError, match="how many persons have a non-zero"):
        monitor(spec, readout, looks=money, day="2026-10-01")
    statistics = spec.aggregate(table)
    assert (
        monitor(spec, statistics, looks=rate, day="2026-10-01").to_dicts()
        == monitor(spec, table, looks=rate, day="2026-10-01").to_dicts()
    )
    with pytest.raises(at.InputError, match="how many persons have a non-zero"):
        monitor(spec, statistics, looks=money, day="2026-10-01")
    told = monitor(spec, readout, looks=money, day="2026-10-01", events={"holdout": 120, "sms": 500})
    assert told.to_dicts()[0]["events"] == 500


def test_a_dict_of_days_takes_one_look_after_the_other():
    table, spec = persons(12_000, arms=("holdout", "sms", "phone")), ex.Experiment(RATE)
    plan = looks_of(arms=["sms", "phone"])
    by_day = {"2026-10-15": table[:10_000], "2026-10-01": table[:4_000]}
    log = monitor(spec, by_day, looks=plan, final=True)
    one = monitor(spec, table[:4_000], looks=plan, day="2026-10-01")
    two = monitor(spec, table[:10_000], looks=one, day="2026-10-15", final=True)
    assert log.to_dicts() == two.to_dicts()
    assert log.ended
    assert len(log.to_dicts()) == 4


def test_the_order_of_rows_does_not_matter():
    table, spec = persons(6_000), ex.Experiment(RATE)
    turned = table.sample(frac=1.0, random_state=1)
    rows = [monitor(spec, one, looks=looks_of(), day="2026-10-01").to_dicts() for one in (table, turned)]
    assert rows[0] == rows[1]


def test_no_difference_at_all():
    table = pd.DataFrame({"person_id": range(400), "arm": ["holdout", "sms"] * 200, "woken": [0, 0, 1, 1] * 100})
    row = monitor(ex.Experiment(RATE), table, looks=looks_of(), day="2026-10-01").to_dicts()[0]
    assert (row["z"], row["decision"], row["p_value"]) == (0.0, "continue", 1.0)
    still = table.assign(woken=1)
    row = monitor(ex.Experiment(RATE), still, looks=looks_of(), day="2026-10-01").to_dicts()[0]
    assert row["decision"] in ("continue", "unknown")


def test_what_a_look_refuses():
    table, spec = persons(2_000), ex.Experiment(RATE)
    with pytest.raises(at.InputError, match="a look needs its day"):
        monitor(spec, table, looks=looks_of())
    with pytest.raises(at.InputError, match=r"which the experiment does not have. Did you mean 'woken'"):
        monitor(spec, table, looks=looks_of(metric="wokne"), day="2026-10-01")
    with pytest.raises(at.InputError, match="Declare a log with these arms"):
        monitor(spec, table, looks=looks_of(arms=["sms", "phone"]), day="2026-10-01")
    with pytest.raises(at.InputError, match="is a Rate, so the log needs kind='rate', got 'mean'"):
        monitor(spec, table, looks=looks_of(kind="mean"), day="2026-10-01")
    with pytest.raises(at.TableError, match="REPEATED_PERSON"):
        monitor(spec, pd.concat([table, table]), looks=looks_of(), day="2026-10-01")


def test_a_reading_with_immature_persons_is_early():
    c = ex.simulate("default", persons=3_000, seed=7)
    late = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
    later = c.assignment.assign(
        assigned_at=c.assignment["assigned_at"] + pd.to_timedelta(np.arange(len(c.assignment)) % 2 * 20, unit="D")
    )
    early = ex.build_outcomes(
        later, c.conversions, window="28d", as_of=c.assignment["assigned_at"].max() + pd.Timedelta(days=30)
    )
    assert early_reading(late) is None
    found = early_reading(early)
    assert found.code == "EARLY_READING"
    assert found.values["matured"] == len(early.to_dicts())
    assert found.values["planned"] == len(c.assignment)
    assert early_reading(late, planned=10_000).values["fraction"] == pytest.approx(len(late.to_dicts()) / 10_000)


def test_a_table_of_rows_is_early_by_its_rows_and_when_the_final_look_lacks():
    table, log = persons(3_000), looks_of()
    found = early_reading(table, looks=log)
    assert (found.values["matured"], found.values["reached"]) == (3_000, False)
    assert "3,000 of 12,000" in found.text("en")
    assert early_reading(pl.DataFrame(table).lazy(), looks=log).values == found.values
    whole = early_reading(persons(13_000), looks=log)
    assert whole.values["reached"]
    assert "not taken as the final look" in whole.text("en")
    assert "before the end" not in whole.text("en")
    assert "最后一次查看" in whole.text("zh")
    assert early_reading(table) is None


def test_persons_with_money_are_counted_in_the_strata_that_are_kept():
    table = persons(6_000).assign(wave="one", value=5.0)
    table.loc[table["person_id"] % 2 == 0, "value"] = 3.0
    alone = table[table["arm"] == "sms"].head(50).assign(wave="two", person_id=lambda rows: rows["person_id"] + 10**6)
    spec = ex.Experiment({"value": ex.Mean("value")}, strata="wave")
    row = monitor(
        spec, pd.concat([table, alone]), looks=looks_of(metric="value", kind="mean"), day="2026-10-01"
    ).to_dicts()[0]
    assert row["events"] == row["n"] == int((table["arm"] == "sms").sum())


@pytest.mark.parametrize(("factor", "shift"), [(1_000.0, 0.0), (0.01, 0.0), (1.0, 1e9), (-1.0, 0.0)])
def test_units_and_offsets_of_money_do_not_move_z(factor, shift):
    table = persons(5_000)
    spec, log = ex.Experiment({"value": ex.Mean("value")}), looks_of(metric="value", kind="mean")
    counts = {"holdout": 150, "sms": 300}
    here = monitor(spec, table, looks=log, day="2026-10-01", events=counts).to_dicts()[0]
    moved = table.assign(value=table["value"] * factor + shift)
    there = monitor(spec, moved, looks=log, day="2026-10-01", events=counts).to_dicts()[0]
    assert there["z"] == pytest.approx(np.sign(factor) * here["z"], rel=1e-6)
    assert there["p_value"] == pytest.approx(here["p_value"], rel=1e-5)
    assert there["difference"] == pytest.approx(factor * here["difference"], rel=1e-5)
