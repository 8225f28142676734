"""Gates on single rows, one- and two-sided; incentives by arm and segment; guardrail columns from tables of events."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.durations import microseconds
from attribution.core.errors import InputError, TableError
from attribution.core.language import language
from oracles.marked_events import marked

DAY = pd.Timestamp("2026-10-12 09:00", tz="Asia/Shanghai")
ARMS = ("holdout", "coupon_10", "coupon_30")
SPEC = ex.Experiment({"woken": ex.Rate("woken")}, shares=dict.fromkeys(ARMS, 1 / 3))


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Two coupons against none; hunters come back for the larger one, and natural returners redeem as well."""
    rng = np.random.default_rng(4)
    n = 36_000
    people = pd.DataFrame({"person_id": [f"p{i}" for i in range(n)], "arm": rng.choice(ARMS, n), "assigned_at": DAY})
    kind = rng.choice(["hunter", "other"], n, p=[0.3, 0.7])
    place = people["arm"].map({arm: i for i, arm in enumerate(ARMS)}).to_numpy()
    rate = np.where(kind == "hunter", np.array([0.02, 0.03, 0.08])[place], np.array([0.02, 0.04, 0.045])[place])
    back = rng.random(n) < rate
    coupon = np.array([0.0, 10.0, 30.0])[place]
    orders = people.loc[back, ["person_id"]].assign(
        conversion_id=[f"c{i}" for i in np.flatnonzero(back)],
        time=DAY + pd.to_timedelta(rng.integers(1, 27 * 24, back.sum()), unit="h"),
        incentive_cost=coupon[back],
    )
    sent = people[people["arm"] != "holdout"]
    touches = sent[["person_id"]].assign(time=DAY + pd.Timedelta("1h"), channel="sms", cost=0.1)
    history = pd.DataFrame({"person_id": people["person_id"], "kind": kind})
    gone = rng.random(n) < np.where(place == 2, 0.012, 0.004)
    hours = rng.integers(-10 * 24, 40 * 24, n)
    opt_outs = pd.DataFrame({"person_id": people["person_id"], "time": DAY + pd.to_timedelta(hours, unit="h")})[gone]
    strangers = pd.DataFrame({"person_id": ["stranger"], "time": [DAY]})
    return {
        "people": people, "orders": orders, "touches": touches, "history": history,
        "opt_outs": pd.concat([opt_outs, opt_outs.head(20), strangers], ignore_index=True),
    }  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tables: dict[str, pd.DataFrame]):
    return ex.build_outcomes(
        tables["people"], tables["orders"], tables["touches"], window="28d", as_of="2026-12-31",
        history=tables["history"],
    )  # fmt: skip


def test_every_incentive_has_a_verdict_in_every_segment(outcomes, tables: dict[str, pd.DataFrame]) -> None:
    pays = ex.cost_thresholds(outcomes, thresholds={"hunter": 18, "other": 60}, by="kind", experiment=SPEC)
    words = {(row["arm"], row["segment"]): row["verdict"] for row in pays.to_dicts()}
    assert words == {
        ("coupon_10", "hunter"): "FAIL", ("coupon_30", "hunter"): "FAIL",
        ("coupon_10", "other"): "PASS", ("coupon_30", "other"): "INCONCLUSIVE",
    }  # fmt: skip
    # The cost of an incentive is what was redeemed, by natural returners as well.
    merged = tables["people"].merge(tables["history"]).merge(tables["orders"], how="left")
    cost = merged["incentive_cost"].fillna(0.0) + 0.1 * (merged["arm"] != "holdout")
    mean = cost.groupby([merged["kind"], merged["arm"]]).mean()
    for row in pays.to_dicts():
        expected = mean[row["segment"], row["arm"]] - mean[row["segment"], "holdout"]
        assert row["cost_per_1000"] == pytest.approx(1000 * expected, rel=1e-10)
    leak = {(row["arm"], row["part"]): row["per_1000"] for row in pays.waterfall().to_dicts()}
    assert leak["coupon_30", "incentive_natural"] > leak["coupon_10", "incentive_natural"] > 0


def test_the_larger_coupon_is_compared_with_the_smaller_one_by_steps(outcomes) -> None:
    steps = ex.cost_thresholds(
        outcomes, thresholds=[90], by="kind", order=ARMS, experiment=SPEC, primary=[("coupon_30", "other")]
    )
    assert steps.verdict(arm="coupon_30", control="coupon_10", threshold=90, segment="other").word == "FAIL"


def test_holm_holds_over_incentives_and_segments(outcomes) -> None:
    pays = ex.cost_thresholds(outcomes, thresholds=[40], by="kind", experiment=SPEC)
    alone = ex.cost_thresholds(
        outcomes, thresholds=[40], by="kind", experiment=SPEC, primary=["coupon_10", "coupon_30"]
    )
    rank = {"INCONCLUSIVE": 0, "PASS": 1, "FAIL": 1}
    for together, own in zip(pays.to_dicts(), alone.to_dicts(), strict=True):
        assert together["verdict_unadjusted"] == own["verdict"]
        assert rank[together["verdict"]] <= rank[own["verdict"]]


def test_marked_events_are_those_inside_the_own_window(outcomes, tables: dict[str, pd.DataFrame]) -> None:
    made = ex.mark_events(outcomes, {"opted_out": tables["opt_outs"]})
    table = made.table()
    some = table.index[:400].tolist() + table.index[table["opted_out"] == 1][:50].tolist()
    events = list(
        zip(
            tables["opt_outs"]["person_id"], tables["opt_outs"]["time"].astype("datetime64[us, UTC]").astype(np.int64),
            strict=True,
        )
    )  # fmt: skip
    persons = table.loc[some, "person_id"].tolist()
    expected = marked(persons, outcomes.assigned_at[some].tolist(), microseconds(outcomes.window), events)
    assert table.loc[some, "opted_out"].tolist() == expected
    found = next(finding for finding in made.findings if finding.code == "MARKED_EVENTS")
    counted = {name: found.values[name] for name in ("persons", "others", "rows")}
    assert counted == {"persons": int(table["opted_out"].sum()), "others": 1, "rows": len(tables["opt_outs"])}
    assert "opted_out" in found.text("en")
    guarded = ex.Experiment(SPEC.metrics, shares=SPEC.shares, guardrails=(ex.Guardrail("opted_out", 0.002),))
    states = {row["arm"]: row["state"] for row in ex.guardrail_table(made, experiment=guarded).to_dicts()}
    assert states == {"coupon_10": "safe", "coupon_30": "harm"}


def test_no_events_at_all_mark_nobody(outcomes, tables: dict[str, pd.DataFrame]) -> None:
    empty = tables["opt_outs"].head(0)
    assert ex.mark_events(outcomes, {"complained": empty}).table()["complained"].sum() == 0


def test_events_that_cannot_be_marked(outcomes, tables: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(InputError, match="needs the result of build_outcomes"):
        ex.mark_events(outcomes.table(), {"opted_out": tables["opt_outs"]})
    with pytest.raises(InputError, match="have a column 'woken' already"):
        ex.mark_events(outcomes, {"woken": tables["opt_outs"]})
    with pytest.raises(InputError, match="must be a dict"):
        ex.mark_events(outcomes, {})
    with pytest.raises(TableError, match="MISSING_COLUMN"):
        ex.mark_events(outcomes, {"opted_out": tables["opt_outs"].drop(columns="time")})
    with pytest.raises(TableError, match="KEY_TYPE_MISMATCH"):
        ex.mark_events(outcomes, {"opted_out": tables["opt_outs"].assign(person_id=7)})


@pytest.mark.parametrize(("side", "expect"), [("greater", "PASS"), ("less", "FAIL"), ("two", "PASS"), ("two", "FAIL")])
def test_a_gate_is_the_series_with_its_own_side_and_level(outcomes, side: str, expect: str) -> None:
    pays = ex.cost_thresholds(outcomes, thresholds=[50, 90], by="kind", experiment=SPEC)
    gate = ex.ThresholdGate(arm="coupon_10", segment="other", threshold=50, side=side, level=0.9, expect=expect)
    row = ex.check_gates(pays, [gate]).to_dicts()[0]
    own = ex.cost_thresholds(
        outcomes, thresholds=[50], by="kind", experiment=SPEC, side=side, level=0.9, primary=["coupon_10"]
    )
    expected = next(r for r in own.to_dicts() if (r["arm"], r["segment"]) == ("coupon_10", "other"))
    for name in ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high", "verdict"):
        assert row[name] == expected[name]
    assert row["state"] == ("open" if row["verdict"] == expect else "undecided" if "IN" in row["verdict"] else "shut")


def test_gates_may_ask_about_amounts_that_the_series_does_not_hold(outcomes) -> None:
    pays = ex.cost_thresholds(outcomes, thresholds=[90], by="kind", experiment=SPEC)
    gates = [
        ex.ThresholdGate(arm="coupon_10", segment="other", threshold=500, side="greater"),
        ex.ThresholdGate(arm="coupon_30", segment="hunter", threshold=1, side="less", expect="FAIL"),
    ]
    assert ex.check_gates(pays, gates).all_open
    assert not ex.check_gates(pays, [*gates, ex.ThresholdGate(arm="coupon_30", segment="hunter", threshold=1)]).all_open


def test_a_table_of_gates_tells_what_the_checks_warn_of_and_joins_intervals(outcomes) -> None:
    pays = ex.cost_thresholds(outcomes, thresholds=[90], by="kind", experiment=SPEC)
    gates = ex.check_gates(pays, [ex.ThresholdGate(arm="coupon_10", segment="other", threshold=90)])
    assert "[unknown] LEAKAGE" in repr(gates)  # no touches were given
    assert "net_benefit_low" not in repr(gates)
    with language("zh"):
        assert "置信水平" in repr(gates)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": "both"}, "side"),
        ({"level": 95}, "level"),
        ({"expect": "INVALID"}, "expect must be"),
        ({"side": "greater", "expect": "FAIL"}, "can never say FAIL"),
    ],
)
def test_gates_that_cannot_be_asked(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ex.ThresholdGate(arm="sms", threshold=85, **options)


def test_gates_on_rows_that_are_not_there(outcomes) -> None:
    pays = ex.cost_thresholds(outcomes, thresholds=[90], by="kind", experiment=SPEC)
    with pytest.raises(InputError, match="names 0 contrasts"):
        ex.check_gates(pays, [ex.ThresholdGate(arm="coupon_10", threshold=90)])
    with pytest.raises(InputError, match="gates must be a list"):
        ex.check_gates(pays, [])
