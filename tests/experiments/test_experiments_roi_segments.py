"""Thresholds and guardrails in segments of one or several columns, each with its own values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError
from attribution.core.language import language
from experiments.inference.rates import compare_rates
from experiments.roi.net_benefit import ArmCosts, net_benefit

SHARES = {"holdout": 0.4, "sms": 0.6}


def people(seed: int = 5, n: int = 24_000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.choice(["holdout", "sms"], n, p=[0.4, 0.6])
    tier = rng.choice(["gold", "plain"], n)
    wave = rng.choice([1, 2], n)
    rate = np.where(tier == "gold", 0.04, 0.02) + np.where(arm == "sms", np.where(wave == 1, 0.03, 0.01), 0.0)
    woken = rng.binomial(1, rate)
    cost = np.where(arm == "sms", 0.3 + 10.0 * woken, 0.0)
    closed = rng.binomial(1, np.where((arm == "sms") & (tier == "plain"), 0.02, 0.004))
    return pd.DataFrame(
        {
            "person_id": np.arange(n), "arm": arm, "woken": woken, "cost": cost, "tier": tier, "wave": wave,
            "closed": closed, "worth": np.where(tier == "gold", 120.0, 30.0),
        }
    )  # fmt: skip


def spec(**options: object) -> ex.Experiment:
    return ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES, **options)


def kernel(part: pd.DataFrame, threshold: float):
    arms = []
    for name in ("sms", "holdout"):
        own = part[part["arm"] == name]
        yes, no = own.loc[own["woken"] == 1, "cost"], own.loc[own["woken"] == 0, "cost"]
        arms.append(
            ArmCosts(
                n=len(own), woken=int(own["woken"].sum()), cost_mean_woken=yes.mean(), cost_mean_other=no.mean(),
                cost_variance_woken=yes.var(), cost_variance_other=no.var(),
            )
        )  # fmt: skip
    return net_benefit([arms[0]], [arms[1]], threshold)


def test_segments_of_two_columns_are_the_persons_of_each_combination() -> None:
    table = people()
    rows = ex.cost_thresholds(table, thresholds=[40], by=["tier", "wave"], experiment=spec()).table()
    assert rows["segment"].tolist() == ["gold · 1", "gold · 2", "plain · 1", "plain · 2"]
    for row in rows.to_dict("records"):
        tier, wave = row["segment"].split(" · ")
        net = kernel(table[(table["tier"] == tier) & (table["wave"] == int(wave))], 40.0)
        assert row["net_benefit_per_1000"] == pytest.approx(1000 * net.value, rel=1e-12)
        assert row["net_benefit_low"] == pytest.approx(1000 * net.low, rel=1e-12)
        assert row["net_benefit_high"] == pytest.approx(1000 * net.high, rel=1e-12)


def test_one_column_gives_the_same_rows_as_a_list_of_one() -> None:
    table = people()
    one = ex.cost_thresholds(table, thresholds=[40], by="tier", experiment=spec())
    listed = ex.cost_thresholds(table, thresholds=[40], by=["tier"], experiment=spec())
    assert one.to_dicts() == listed.to_dicts()


@pytest.mark.parametrize(
    "given",
    [
        {"gold": 120, "plain": [30]},
        {("gold", 1): 120, ("gold", 2): [120.0], "plain": 30},
        {"gold · 1": 120, "gold · 2": 120, ("plain", 1): 30, ("plain", 2): 30},
        "worth",
    ],
)
def test_every_segment_has_its_own_value(given: object) -> None:
    rows = ex.cost_thresholds(people(), thresholds=given, by=["tier", "wave"], experiment=spec()).to_dicts()
    found = [(row["segment"], row["threshold"]) for row in rows]
    assert found == [("gold · 1", 120.0), ("gold · 2", 120.0), ("plain · 1", 30.0), ("plain · 2", 30.0)]


def test_the_whole_name_of_a_segment_comes_before_its_first_column() -> None:
    given = {"gold": 120, "plain": 30, ("plain", 2): 35}
    rows = ex.cost_thresholds(people(), thresholds=given, by=["tier", "wave"], experiment=spec()).to_dicts()
    assert [row["threshold"] for row in rows] == [120.0, 120.0, 30.0, 35.0]


def test_a_column_of_values_serves_everybody_without_segments() -> None:
    table = people().assign(worth=77.0)
    assert ex.cost_thresholds(table, thresholds="worth", experiment=spec()).to_dicts()[0]["threshold"] == 77.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": {"gold": 120}, "by": ["tier", "wave"]}, "names no list for the segment 'plain · 1'"),
        ({"thresholds": {"gold": 120}}, "need by="),
        ({"thresholds": "worth"}, "values from 30 to 120"),
        ({"thresholds": "tier", "by": "tier"}, "holds no numbers"),
        ({"thresholds": "wroth", "by": "tier"}, "the name of a column"),
        ({"thresholds": {"gold": -1, "plain": 3}, "by": "tier"}, "0 or more"),
        ({"thresholds": [40], "by": []}, "by must name"),
        ({"thresholds": [40], "by": ["tier", "tier"]}, "by must name"),
        ({"thresholds": [40], "by": 7}, "by must name"),
    ],
)
def test_what_cannot_be_a_series_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ex.cost_thresholds(people(n=2_000), experiment=spec(), **options)


def test_an_empty_value_is_refused() -> None:
    table = people(n=2_000)
    table.loc[0, "worth"] = None
    with pytest.raises(InputError, match="empty cells"):
        ex.cost_thresholds(table, thresholds="worth", by="tier", experiment=spec())


def test_two_segments_of_one_name_are_refused() -> None:
    table = people(n=2_000)
    table["left"] = np.where(table["wave"] == 1, "a · b", "a")
    table["right"] = np.where(table["wave"] == 1, "c", "b · c")
    with pytest.raises(InputError, match="have one name"):
        ex.cost_thresholds(table, thresholds=[40], by=["left", "right"], experiment=spec())


def test_a_segment_column_known_only_later_is_refused() -> None:
    table = people(n=2_000).assign(answered=0)
    with pytest.raises(DesignError, match="answered"):
        ex.cost_thresholds(table, thresholds=[40], by=["tier", "answered"], experiment=spec())


def test_a_segment_without_control_is_left_out_and_told() -> None:
    table = people(n=2_000)
    table = table[~((table["tier"] == "gold") & (table["arm"] == "holdout"))]
    found = ex.cost_thresholds(table, thresholds=[40], by="tier", experiment=spec())
    assert {row["segment"] for row in found.to_dicts()} == {"plain"}
    (told,) = [finding for finding in found.findings if finding.code == "SEGMENT_DECLINED"]
    assert (told.values["segment"], told.values["reason"]) == ("gold", "NO_HOLDOUT")
    with pytest.raises(DesignError, match="NO_HOLDOUT"):
        ex.cost_thresholds(table[table["tier"] == "gold"], thresholds=[40], by="tier", experiment=spec())


def test_the_order_of_rows_and_names_in_chinese_change_nothing() -> None:
    table = people(n=6_000).assign(tier=lambda rows: rows["tier"].map({"gold": "金卡", "plain": "普通\n'客户'"}))
    options = {"thresholds": [40], "by": ["tier", "wave"], "experiment": spec()}
    straight = ex.cost_thresholds(table, **options).to_dicts()
    assert ex.cost_thresholds(table.sample(frac=1.0, random_state=1), **options).to_dicts() == straight
    assert {row["segment"].split(" · ")[0] for row in straight} == {"金卡", "普通\n'客户'"}


def test_a_guardrail_is_read_in_the_rows_own_segment() -> None:
    table = people()
    guarded = spec(guardrails=(ex.Guardrail("closed", 0.01),))
    pays = ex.cost_thresholds(table, thresholds=[200], by="tier", experiment=guarded, primary=["sms"])
    gold, plain = (pays.verdict(arm="sms", threshold=200, segment=name) for name in ("gold", "plain"))
    assert (gold.word, gold.reason) == ("PASS", "")
    assert (plain.word, plain.reason) == ("FAIL", "HARM_GUARDRAIL")


def test_the_table_of_guardrails_equals_plain_comparisons_in_each_segment() -> None:
    table = people()
    guarded = spec(guardrails=(ex.Guardrail("closed", 0.01, level=0.9), ex.Guardrail("closed", 0.05, relative=True)))
    rows = ex.guardrail_table(table, experiment=guarded, by="tier").to_dicts()
    assert [(row["segment"], row["scale"]) for row in rows] == [
        ("gold", "difference"), ("gold", "relative"), ("plain", "difference"), ("plain", "relative"),
    ]  # fmt: skip
    for row in rows:
        part = table[table["tier"] == row["segment"]].groupby("arm")["closed"].agg(["sum", "count"])
        counts = (*part.loc["sms"].tolist(), *part.loc["holdout"].tolist())
        low = compare_rates(*counts, level=row["bound_level"], side="greater")
        high = compare_rates(*counts, level=row["bound_level"], side="less")
        name = "difference" if row["scale"] == "difference" else "relative"
        assert row["low"] == pytest.approx(getattr(low, name).low, rel=1e-10)
        assert row["high"] == pytest.approx(getattr(high, name).high, rel=1e-10)
        expected = "safe" if row["high"] <= row["margin"] else "harm" if row["low"] > 0 else "undecided"
        assert row["state"] == expected
    assert {row["state"] for row in rows} == {"safe", "undecided", "harm"}


def test_clusters_keep_their_variance_in_segments_of_two_columns() -> None:
    table = people().assign(branch=lambda rows: rows["person_id"] % 240)
    table["arm"] = np.where(table["branch"] % 5 < 2, "holdout", "sms")
    clustered = spec(cluster="branch", guardrails=(ex.Guardrail("closed", 0.01),))
    rows = ex.cost_thresholds(table, thresholds=[40], by=["tier", "wave"], experiment=clustered).table()
    part = table[(table["tier"] == "gold") & (table["wave"] == 2)]
    alone = ex.cost_thresholds(part, thresholds=[40], experiment=clustered).table()
    shown = rows.loc[rows["segment"] == "gold · 2", alone.columns.drop(["verdict", "reason"])]
    pd.testing.assert_frame_equal(shown.reset_index(drop=True), alone[shown.columns], check_dtype=False)


def test_an_undefined_rise_says_why_and_the_note_speaks_of_shown_columns_alone() -> None:
    table = people().assign(closed=0)
    guarded = ex.Experiment({"woken": ex.Rate("woken")}, guardrails=(ex.Guardrail("closed", 0.05, relative=True),))
    found = ex.guardrail_table(table, experiment=guarded)
    assert {(row["worsening"], row["state"]) for row in found.to_dicts()} == {(None, "undecided")}
    assert all(row["note"] for row in found.to_dicts())
    for lang, missing in (("en", "p is that"), ("zh", "p 值")):
        with language(lang):
            assert missing not in repr(found)


def test_a_table_of_guardrails_needs_guardrails_that_can_be_read() -> None:
    with pytest.raises(InputError, match="declares no guardrail"):
        ex.guardrail_table(people(n=500), experiment=spec())
    table = people(n=500).assign(closed=3)
    with pytest.raises(TableError, match="NOT_BINARY"):
        ex.guardrail_table(table, experiment=spec(guardrails=(ex.Guardrail("closed", 0.01),)), by="tier")


def test_deal_hunters_pass_at_one_threshold_for_all_and_fail_at_their_own_value() -> None:
    """A woken hunter is worth 18 yuan, others far more: at 175 for everybody the calls pay among hunters."""
    c = ex.simulate("default", persons=60_000, seed=7)
    truth = c.truth.assign(kind=np.where(c.truth["hunter"], "hunter", "other"))
    table = c.outcomes.merge(truth[["person_id", "kind"]], on="person_id")
    options = {"by": "kind", "experiment": ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign")}
    uniform = ex.cost_thresholds(table, thresholds=[175], **options)
    own = ex.cost_thresholds(table, thresholds={"hunter": 18, "other": 175}, **options)
    assert uniform.verdict(arm="full", threshold=175, segment="hunter").word == "PASS"
    assert own.verdict(arm="full", threshold=18, segment="hunter").word == "FAIL"
    hunters = truth[truth["hunter"]]
    lift, cost = (hunters[f"{x}_full"].mean() - hunters[f"{x}_holdout"].mean() for x in ("p", "c"))
    assert 175 * lift - cost > 0 > 18 * lift - cost  # the words agree with the truth
