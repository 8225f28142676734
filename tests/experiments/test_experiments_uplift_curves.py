"""Uplift, Qini and profit curves: another package's numbers, a slow oracle, ties, clusters, strata, bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from oracles.uplift_curves import gain

REFERENCE = json.loads((Path(__file__).parents[1] / "references" / "uplift" / "curves.json").read_text())
HALF = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.5, "sms": 0.5})


def _table(case: dict[str, list[float]]) -> pd.DataFrame:
    arm = np.where(np.array(case["treated"]) == 1, "sms", "holdout")
    return pd.DataFrame(
        {"person_id": range(len(arm)), "arm": arm, "woken": case["event"], "score_before": case["score"]}
    )


def _random(n: int, seed: int, *, levels: int | None = None) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    score = chance.random(n) if levels is None else chance.integers(0, levels, n)
    arm = np.where(chance.random(n) < 0.5, "sms", "holdout")
    woken = (chance.random(n) < 0.1 + 0.2 * (arm == "sms") * (score > np.median(score))).astype(int)
    cost = np.where(arm == "sms", 1.5, 0.0)
    return pd.DataFrame(
        {
            "person_id": range(n),
            "arm": arm,
            "woken": woken,
            "cost": cost,
            "before": score,
            "household": np.arange(n) // 3,
        }
    )


@pytest.mark.parametrize("name", sorted(REFERENCE["inputs"]))
@pytest.mark.parametrize("kind", ["uplift", "qini"])
def test_scikit_uplift_draws_the_same_curves(name: str, kind: str):
    table, expected = _table(REFERENCE["inputs"][name]), REFERENCE["expected"][name]
    n = len(table)
    found = ex.uplift_curve(table, "score_before", experiment=HALF, shares=n).table().set_index("share")
    compared = 0
    for at_persons, value in zip(expected[f"{kind}_at"], expected[kind], strict=True):
        row = found.iloc[round(at_persons)]
        if min(row["persons"], row["persons_control"]) < 2:
            continue
        ours = row["gain_per_1000"] / 1000 * n if kind == "uplift" else row["qini"]
        assert ours == pytest.approx(value, rel=REFERENCE["rtol"], abs=REFERENCE["atol"])
        compared += 1
    assert compared >= 6


@pytest.mark.parametrize("levels", [None, 4])
def test_the_slow_oracle_agrees_where_no_tie_is_cut_and_inside_ties(levels: int | None):
    table = _random(200, 3, levels=levels)
    found = ex.uplift_curve(table, "before", experiment=HALF, shares=10)
    treated = (table["arm"] == "sms").tolist()
    for place, share in enumerate(np.linspace(0, 1, 11).tolist()):
        slow = gain(table["before"].tolist(), treated, table["woken"].tolist(), share)
        if slow is None:
            continue
        assert found.numbers.gain[place] == pytest.approx(slow[0], abs=1e-12)
        if levels is None:
            assert found.numbers.covariance[place, place] == pytest.approx(slow[1], rel=1e-9)


def test_the_end_of_the_curve_is_the_effect_on_everybody():
    table = _random(5_000, 4)
    found = ex.uplift_curve(table, "before", experiment=HALF).table().iloc[-1]
    arms = {arm: rows["woken"] for arm, rows in table.groupby("arm")}
    welch = ex.compare_means(*(part for arm in ("sms", "holdout") for part in _moments(arms[arm])))
    assert found["gain_per_1000"] == pytest.approx(1000 * welch.difference.value)
    assert (found["high"] - found["low"]) == pytest.approx(
        1000 * (welch.difference.high - welch.difference.low), rel=1e-3
    )


def _moments(rows: pd.Series) -> tuple[float, float, int]:
    return rows.mean(), rows.std(), len(rows)


def test_profit_is_the_uplift_curve_of_money():
    table = _random(3_000, 5)
    table["money"] = 85.0 * table["woken"] - table["cost"]
    profit = ex.profit_curve(table, "before", threshold=85, experiment=HALF).table()
    uplift = ex.uplift_curve(table, "before", outcome="money", experiment=HALF).table()
    assert np.allclose(profit["gain_per_1000"], uplift["gain_per_1000"], equal_nan=True)
    assert np.allclose(profit["band_low"], uplift["band_low"], equal_nan=True)


def test_each_segment_has_its_own_value():
    table = _random(3_000, 6)
    table["tier"] = np.where(table["before"] > 0.5, "high", "low")
    by_tier = ex.profit_curve(table, "before", threshold={"high": 100, "low": 10}, by="tier", experiment=HALF)
    table["money"] = np.where(table["tier"] == "high", 100.0, 10.0) * table["woken"] - table["cost"]
    realised = ex.uplift_curve(table, "before", outcome="money", experiment=HALF)
    assert np.allclose(by_tier.numbers.gain, realised.numbers.gain, equal_nan=True)
    with pytest.raises(at.WakeLiftError, match="names no value for the segment 'low'"):
        ex.profit_curve(table, "before", threshold={"high": 100}, by="tier", experiment=HALF)


def test_households_assigned_together_are_units():
    table = _random(3_000, 7)
    table["arm"] = np.where(table["household"] % 2 == 0, "sms", "holdout")
    table["woken"] = table.groupby("household")["woken"].transform("max")
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.5, "sms": 0.5}, cluster="household")
    clustered = ex.uplift_curve(table, "before", experiment=spec).numbers
    plain = ex.uplift_curve(table, "before", experiment=HALF).numbers
    assert clustered.gain == pytest.approx(plain.gain, nan_ok=True)
    assert clustered.error[-1] > 1.4 * plain.error[-1]


def test_strata_with_their_own_shares_are_weighted_back():
    """A wave with 10 % holdout and one with 50 %: unweighted, the waves' different baselines look like an effect."""
    chance = np.random.default_rng(8)
    n = 40_000
    wave = chance.integers(0, 2, n)
    p_sms = np.where(wave == 0, 0.9, 0.5)
    sms = chance.random(n) < p_sms
    woken = (chance.random(n) < np.where(wave == 0, 0.3, 0.1)).astype(int)
    table = pd.DataFrame(
        {
            "person_id": range(n), "arm": np.where(sms, "sms", "holdout"), "wave": wave, "woken": woken,
            "p_assign": np.where(sms, p_sms, 1 - p_sms), "before": chance.random(n),
        }
    )  # fmt: skip
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", strata="wave")
    end = ex.uplift_curve(table, "before", experiment=spec).table().iloc[-1]
    assert end["low"] < 0 < end["high"]
    naive = table.groupby("arm")["woken"].mean()
    assert naive["sms"] - naive["holdout"] > 0.05
    with pytest.raises(at.DesignError, match="differs between persons of one stratum"):
        ex.uplift_curve(table, "before", experiment=ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign"))


def test_row_order_and_kind_of_table_change_no_byte():
    import polars as pl

    table = _random(2_000, 9, levels=30)
    one = ex.uplift_curve(table, "before", experiment=HALF)
    two = ex.uplift_curve(pl.from_pandas(table.sample(frac=1, random_state=1)), "before", experiment=HALF)
    assert repr(one) == repr(two)
    assert one.numbers.gain.tobytes() == two.numbers.gain.tobytes()
    assert one.numbers.covariance.tobytes() == two.numbers.covariance.tobytes()


def test_a_score_for_nobody_is_flat_and_reversal_mirrors_the_area():
    table = _random(3_000, 10)
    table["same"] = 1.0
    flat = ex.uplift_curve(table, "same", experiment=HALF)
    assert flat.area.value == pytest.approx(0.0, abs=1e-9)
    up = ex.uplift_curve(table, "before", experiment=HALF)
    down = ex.uplift_curve(table, "before", experiment=HALF, highest_first=False)
    assert up.area.value > 0 > down.area.value
    assert up.area.p_value < 1e-6
    assert up.best.low > 0.3, "the upper half alone responds, so no smaller share is best"
    assert up.best.low <= up.best.share <= up.best.high


def test_what_is_known_only_later_is_refused():
    table = _random(500, 11).assign(answered=1)
    with pytest.raises(at.DesignError, match="answered"):
        ex.uplift_curve(table, "answered", experiment=HALF)
    with pytest.raises(at.DesignError, match="'woken' is known only after"):
        ex.uplift_curve(table, "woken", experiment=HALF)
    for column in ("woken", "money"):  # the outcome under another name, and amounts that only the woken have
        money = np.where(table["woken"] == 1, 5.0, np.nan)
        disguised = table.assign(other=table["woken"] if column == "woken" else money)
        with pytest.raises(at.DesignError, match="POST_ASSIGNMENT"):
            ex.uplift_curve(disguised, "other", experiment=HALF)
    with pytest.raises(at.DesignError, match="NO_HOLDOUT"):
        ex.uplift_curve(table[table["arm"] == "sms"], "before")
    with pytest.raises(at.WakeLiftError, match="say what a woken customer is worth"):
        ex.profit_curve(table, "before", experiment=HALF)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_printed_says_what_it_is(language: str):
    with at.language(language):
        text = repr(ex.uplift_curve(_random(2_000, 12), "before", experiment=HALF))
    assert ("not normalised" if language == "en" else "未作归一化") in text
    assert "nan" not in text


def test_the_curve_draws_itself():
    plot = ex.profit_curve(_random(2_000, 13), "before", threshold=85, experiment=HALF).plot()
    assert "Profit curve of before" in plot.title
    with pytest.raises(at.WakeLiftError, match="needs a curve"):
        ex.plot_uplift("curve")
