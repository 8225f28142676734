"""Uplift at its edges: rankings of noise, arms of one person, nothing that happens, skewed money, odd models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

import attribution as at
import experiments as ex
from experiments.uplift.curves import learned_area

HALF = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.5, "sms": 0.5})
LEARNER = ex.TransformedOutcome(LinearRegression())


def _table(n: int, seed: int, *, rate: float = 0.2, effect: float = 0.1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    sms = chance.random(n) < 0.5
    return pd.DataFrame(
        {
            "person_id": range(n), "arm": np.where(sms, "sms", "holdout"), "cost": np.where(sms, 1.0, 0.0),
            "woken": (chance.random(n) < rate + effect * sms).astype(int), "depth": chance.normal(size=n),
            "noise": chance.normal(size=n), "tier": chance.choice(["deep", "shallow"], n),
            "region": chance.choice(["N", "S"], n),
        }
    )  # fmt: skip


def test_area_of_a_learned_ranking_is_coherent():
    for value in (-3.0, -1.0, 0.0, 1.0, 2.0, 2.7, 2.8, 3.5, 8.0):
        for shared in (-0.2, 0.0, 0.4, 1.3):
            found = learned_area(value, 1.0, shared, level=0.95, n=100)
            assert found.low < value < found.high
            assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
    steady = learned_area(40.0, 4.0, 0.0, level=0.95, n=100)
    assert (steady.low, steady.high) == pytest.approx((40 - 1.959963985 * 2, 40 + 1.959963985 * 2))
    nothing = learned_area(0.0, 4.0, 0.0, level=0.95, n=100)
    assert -nothing.low == pytest.approx(1.959963985 * 2 * 2**0.5), "the floor: what folds share is the own part again"


def test_the_interval_of_the_area_covers_where_a_ranking_follows_three_directions_of_noise():
    """Sums of five folds in three directions, each valued along that of the other folds: areas around 0."""
    chance = np.random.default_rng(1)
    wins = losses = 0
    for _ in range(3_000):
        sums = chance.normal(size=(5, 3)) / 5**0.5
        whole = sums.sum(axis=0)
        along = [_unit(whole - own) for own in sums]
        value = sum(float(own @ way) for own, way in zip(sums, along, strict=True))
        shared = 0.0
        for one in range(5):
            for two in range(one):
                apart = _unit(whole - sums[one] - sums[two])
                shared += 2 * float(sums[one] @ (along[one] - apart)) * float(sums[two] @ (along[two] - apart))
        found = learned_area(value, 1.0, shared, level=0.95, n=100)
        wins, losses = wins + (found.low > 0), losses + (found.high < 0)
    assert wins <= 75 + 35, "4.2 % of 3,000 with the estimated covariance alone would be 126"
    assert losses <= 75 + 35


def _unit(way: np.ndarray) -> np.ndarray:
    return way / np.linalg.norm(way)


def test_models_that_left_out_two_folds_rank_for_the_covariance():
    table = _table(600, 2)
    ranking = ex.rank_uplift(table, LEARNER, features=["depth", "noise"], experiment=HALF, folds=3)
    split, trial = ranking.splits[0], ranking.trial
    rows = table.set_index("person_id").loc[ranking.table()["person_id"]]
    features = np.column_stack((np.ones(600), rows["depth"], rows["noise"]))
    signal = rows["woken"].to_numpy() * np.where(trial.treated, 2.0, -2.0)
    for own, other in ((0, 1), (1, 0), (2, 0), (1, 2)):
        learn, mine = (split.fold != own) & (split.fold != other), split.fold == own
        score = features[mine] @ np.linalg.lstsq(features[learn], signal[learn], rcond=None)[0]
        place = np.argsort(np.argsort(-score))
        assert split.apart[mine, other] == pytest.approx((place + 0.5) / mine.sum())
    with pytest.raises(at.InputError, match="from 3 on"):
        ex.rank_uplift(table, LEARNER, features=["depth"], experiment=HALF, folds=2)


@pytest.mark.parametrize("levels", [1, 3, 12])
def test_covariance_of_gains_with_ties_and_offsets_is_that_of_the_persons_errors(levels: int):
    chance = np.random.default_rng(levels)
    n, top = 300, 20
    score, sms = chance.integers(0, levels, n), chance.random(n) < 0.5
    money = chance.normal(size=n) * (1 + score) + 1e4
    table = pd.DataFrame(
        {"person_id": range(n), "arm": np.where(sms, "sms", "holdout"), "money": money, "before": score}
    )
    spec = ex.Experiment({"money": ex.Mean("money")}, shares={"holdout": 0.5, "sms": 0.5})
    found = ex.uplift_curve(table, "before", outcome="money", experiment=spec, shares=top).numbers
    grid = np.linspace(0, 1, top + 1)
    above, same = (np.array([(score > own).sum() for own in score]), np.array([(score == own).sum() for own in score]))
    part = np.clip((grid * n - above[:, None]) / same[:, None], 0, 1)
    errors = np.zeros((n, top + 1))
    for side, sign in ((sms, 1), (~sms, -1)):
        for place, share in enumerate(grid):
            units = np.sum(side & (above / n < share - 1e-12))
            weight = part[:, place] * side
            if share and units > 1:
                gap = money - weight @ money / weight.sum()
                errors[:, place] += sign * share * weight * gap / weight.sum() * (units / (units - 1)) ** 0.5
    assert found.covariance == pytest.approx(errors.T @ errors, rel=1e-8, abs=1e-12)


def test_rules_learned_on_different_folds_are_compared_with_care():
    table = _table(1_500, 3)
    rankings = [
        ex.rank_uplift(table, LEARNER, features=["depth", "noise"], experiment=HALF, folds=folds, seed=seed)
        for folds, seed in ((5, 0), (5, 0), (4, 0), (5, 1))
    ]
    rules = {name: ranking.top(0.3) for name, ranking in zip("abcd", rankings, strict=True)}
    found = ex.policy_value(table, rules, outcome="woken", experiment=HALF, nuisance=rankings[0])
    assert (found.difference("b").value, found.difference("b").low) == (0.0, 0.0), "one rule twice"
    for name in "cd":
        assert found.difference(name).low < found.difference(name).value < found.difference(name).high


def test_everybody_has_the_interval_of_welch():
    table = _table(400, 4)
    found = ex.policy_value(table, {"all": True}, outcome="woken", experiment=ex.Experiment(HALF.metrics)).value("all")
    groups = [rows["woken"] for _, rows in table.groupby("arm")]
    welch = sum(rows.var() / len(rows) for rows in groups)
    assert found.standard_error == pytest.approx((welch * 400 / 399) ** 0.5, rel=1e-9)


def test_what_cannot_be_known_has_no_interval_and_a_reason():
    table = _table(200, 5)
    lonely = pd.concat([table[table["arm"] == "sms"], table[table["arm"] == "holdout"].head(1)])
    counted = ex.Experiment(HALF.metrics)
    found = ex.policy_value(lonely, {"all": True, "none": False}, outcome="woken", experiment=counted)
    assert (found.value("all").low, found.value("all").note) == (None, "TOO_FEW_PERSONS")
    assert (found.value("none").value, found.value("none").low) == (0.0, 0.0)
    curve = ex.uplift_curve(lonely, "depth", experiment=counted)
    assert (curve.area.value, curve.area.note, curve.best) == (None, "TOO_FEW_PERSONS", None)
    assert "not defined" in repr(curve)
    still = table.assign(woken=0)
    silent = ex.policy_value(still, {"all": True}, outcome="woken", experiment=HALF).value("all")
    assert (silent.low, silent.note) == (None, "ZERO_VARIANCE")
    rows = ex.uplift_curve(still, "depth", experiment=HALF).table()
    assert rows["low"].iloc[1:].isna().all()
    assert set(rows["note"].iloc[50:]) == {"ZERO_VARIANCE"}
    assert "Uplift curve" in ex.uplift_curve(still, "depth", experiment=HALF).plot().title
    with pytest.raises(at.InputError, match="no gain to draw"):
        curve.plot()
    few = ex.policy_value(_table(100, 6), {"all": True}, outcome="woken", experiment=HALF)
    assert few.value("all").note == "FEW_EVENTS"
    assert "fewer than 20 events" in repr(few)


def test_few_woken_are_noted_in_money_too():
    table = _table(100, 6)
    assert ex.profit_curve(table, "depth", threshold=85, experiment=HALF).table()["note"].iloc[-1] == "FEW_EVENTS"


def test_skewed_money_is_told():
    table = _table(1_000, 7)
    table["margin"] = np.where(table["woken"] == 1, np.random.default_rng(7).pareto(1.2, 1_000) * 50, 0.0)
    found = ex.policy_value(table, {"all": True}, value="margin", experiment=HALF)
    assert "HEAVY_TAIL" in [finding.code for finding in found.findings]
    curve = ex.profit_curve(table, "depth", value="margin", experiment=HALF)
    assert "HEAVY_TAIL" in [finding.code for finding in curve.findings]
    calm = ex.policy_value(_table(8_000, 8), {"all": True}, outcome="woken", experiment=HALF)
    assert "HEAVY_TAIL" not in [finding.code for finding in calm.findings]


def test_arms_may_be_numbers():
    table = _table(500, 9)
    numbered = table.assign(arm=np.where(table["arm"] == "sms", 2, 1))
    spec = ex.Experiment(HALF.metrics, control=1, shares={1: 0.5, 2: 0.5})
    one, two = (ex.uplift_curve(rows, "depth", experiment=how) for rows, how in ((numbered, spec), (table, HALF)))
    assert one.area.value == two.area.value


def test_models_of_classes_are_refused_where_chances_or_money_are_needed():
    for made in (ex.TwoModel, lambda model: ex.DoublyRobust(model, final=LinearRegression())):
        with pytest.raises(at.InputError, match="predicts classes only"):
            made(RidgeClassifier())
    with pytest.raises(at.InputError, match="needs a regression model"):
        ex.TransformedOutcome(RidgeClassifier())
    table = _table(500, 10).assign(margin=lambda rows: rows["woken"] * 3.5)
    with pytest.raises(at.InputError, match="other values than 0 and 1"):
        ex.rank_uplift(table, ex.TwoModel(LogisticRegression()), features=["depth"], outcome="margin", experiment=HALF)


def test_a_feature_that_says_nothing_ranks_nobody():
    table = _table(600, 11).assign(same=1.0)
    ranking = ex.rank_uplift(table, LEARNER, features=["same"], experiment=HALF)
    assert (ranking.curve().area.value, ranking.curve().area.note) == (0.0, "ZERO_VARIANCE")
    assert ranking.top(0.3).members()[0] == pytest.approx(0.3)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_segments_of_two_columns_and_of_few_persons_are_advised(language: str):
    table = _table(4_000, 12)
    table.loc[:29, "tier"] = "tiny"
    spec = ex.Experiment(HALF.metrics, shares=HALF.shares, segments=["tier", "region"])
    with at.language(language):
        found = ex.leave_alone(table, by="tier", threshold=20, experiment=spec)
        assert "FEW_PERSONS" in repr(found)
    tiny = found.table().set_index("segment").loc["tiny"]
    assert (tiny["note"], tiny["reason"]) == ("FEW_PERSONS", "FEW_EVENTS")
    crossed = ex.leave_alone(table, by=["tier", "region"], threshold={"tiny": 9, ("deep", "N"): 30, "deep": 20,
                             "shallow": 20}, experiment=spec)  # fmt: skip
    joined = table.assign(both=table["tier"] + " · " + table["region"])
    expected = ex.leave_alone(
        joined, by="both", experiment=ex.Experiment(HALF.metrics, shares=HALF.shares, segments="both"),
        threshold={name: 30 if name == "deep · N" else 9 if "tiny" in name else 20 for name in set(joined["both"])},
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        crossed.table().sort_values("segment", ignore_index=True),
        expected.table().sort_values("segment", ignore_index=True),
    )
    assert "EXPLORATORY" not in [finding.code for finding in crossed.findings]


def test_a_harmed_guardrail_is_no_net_benefit_below_zero():
    table = _table(12_000, 14, effect=0.2)
    harmed = (table["arm"] == "sms") & (table["tier"] == "deep") & (table.index % 5 == 0)
    table["closed"] = harmed.astype(int)
    spec = ex.Experiment(
        {"woken": ex.Rate("woken"), "closed": ex.Rate("closed", direction="down", role="guardrail")},
        shares=HALF.shares, segments="tier", guardrails=[ex.Guardrail("closed", margin=0.01)],
    )  # fmt: skip
    found = ex.leave_alone(table, by="tier", threshold=40, experiment=spec)
    assert (found.advised("leave_alone"), found.advised("contact")) == (("deep",), ("shallow",))
    assert "guardrail is harmed there" in repr(found)
    assert "net benefit lies below 0" not in repr(found)


def test_why_a_segment_is_undecided_is_printed():
    spec = ex.Experiment(HALF.metrics, shares=HALF.shares, segments="tier")
    found = ex.leave_alone(_table(60, 13), by="tier", threshold=20, experiment=spec)
    assert "INCONCLUSIVE (FEW_EVENTS)" in repr(found)
    with pytest.raises(at.InputError, match="threshold must be the value"):
        ex.leave_alone(_table(60, 13), by="tier", threshold="85", experiment=spec)
    with pytest.raises(at.InputError, match="by must name the column"):
        ex.leave_alone(_table(60, 13), by=None, threshold=85, experiment=spec)
