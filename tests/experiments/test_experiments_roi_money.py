"""Realised money: R's two t tests, the rule of two bounds, segments, clusters, caps, trust, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError
from attribution.core.language import language
from attribution.core.randomness import generator
from experiments.roi.money_kernel import both

REFERENCE = json.loads((Path(__file__).parents[1] / "references/money/r_money.json").read_text(encoding="utf-8"))
SHARES = {"holdout": 0.2, "sms": 0.8}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """8,000 treated and 2,000 control persons; a touch cost, a coupon, lognormal margins, two segments, households."""
    rng = generator(1, "money test")
    n = 10_000
    arm = np.where(np.arange(n) < 2_000, "holdout", "sms")
    woken = rng.random(n) < np.where(arm == "sms", 0.05, 0.02)
    return pd.DataFrame(
        {
            "person_id": [f"p{i}" for i in range(n)],
            "arm": arm,
            "woken": woken.astype(int),
            "value": np.where(woken, rng.lognormal(4.0, 0.8, n), 0.0),
            "cost": np.where(arm == "sms", 0.2 + 5.0 * woken, 0.0),
            "segment": np.where(np.arange(n) % 2 == 0, "old", "new"),
            "household": np.arange(n) // 4,
            "closed": (rng.random(n) < np.where(arm == "sms", 0.06, 0.001)).astype(int),
        }
    )


def experiment(**options):
    return ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES, **options)


@pytest.mark.parametrize("case", REFERENCE["expected"], ids=lambda c: f"{c['level']}-{c['side']}-{c['reading']}")
def test_both_readings_are_those_of_r(case):
    rows = pd.DataFrame(REFERENCE["inputs"]).assign(person_id=lambda frame: range(len(frame)))
    line = ex.money_test(rows, level=case["level"], side=case["side"]).lines[0]
    reading = line.welch if case["reading"] == "welch" else line.second
    tolerance = {"rel": REFERENCE["rtol"], "abs": REFERENCE["atol"]}
    assert reading.p_value == pytest.approx(case["p"], **tolerance)
    for end in ("low", "high"):
        if case[end] is None:
            assert math.isinf(getattr(reading, end))
        else:
            assert getattr(reading, end) == pytest.approx(case[end], **tolerance)


def test_a_line_is_decided_only_where_both_readings_are(table):
    line = ex.money_test(table, experiment=experiment()).lines[0]
    assert line.net.low == min(line.welch.low, line.second.low)
    assert line.net.high == max(line.welch.high, line.second.high)
    assert line.net.p_value == max(line.welch.p_value, line.second.p_value)
    assert (line.net.low > 0.0) == (line.verdict.word == "PASS")
    assert line.value - line.cost == pytest.approx(line.net.value, rel=1e-12)


def test_a_small_holdout_that_lacks_its_large_values_does_not_pass():
    """Welch sees a precise gain; the variance of both arms together does not."""
    n, control = 5_000, 500
    value = np.zeros(n + control)
    value[:150] = np.exp(np.linspace(1.0, 8.0, 150))
    value[n : n + 25] = 40.0
    rows = pd.DataFrame(
        {"person_id": range(n + control), "arm": ["sms"] * n + ["holdout"] * control, "value": value, "cost": 0.0}
    )
    found = ex.money_test(rows)
    line = found.lines[0]
    assert line.welch.low > 0.0
    assert line.second.low < 0.0
    assert (line.verdict.word, line.verdict.reason) == ("INCONCLUSIVE", "")
    assert any(finding.code == "HEAVY_TAIL" for finding in found.findings)
    named = {one.values["metric"] for one in ex.money_test(rows, cap=2_000.0).findings if one.code == "HEAVY_TAIL"}
    assert named == {"value - cost", "min(value, 2000) - cost"}


def test_a_line_that_only_the_drawn_reading_holds_back_says_so():
    """The randomisation test has no interval: Welch's is shown, and excludes 0."""
    rng = generator(0, "money tails")
    bought = [rng.random(n) < 0.06 for n in (4_000, 400)]
    drawn = [np.where(some, rng.lognormal(0.0, 1.8, len(some)), 0.0) for some in bought]
    rows = pd.DataFrame({"arm": ["sms"] * 4_000 + ["holdout"] * 400, "value": np.concatenate(drawn), "cost": 0.0})
    found = ex.money_test(rows.assign(person_id=range(4_400)), second="randomisation", replicates=199)
    line = found.lines[0]
    assert line.net.low > 0.0
    assert line.second.p_value > 0.05
    assert (line.verdict.word, line.verdict.reason) == ("INCONCLUSIVE", "SECOND_READING")
    assert line.unadjusted.reason == "SECOND_READING"
    assert "INCONCLUSIVE (SECOND_READING)" in repr(found)
    assert found.to_dicts()[0]["people_needed"] is None


def test_arms_of_one_size_have_one_variance():
    rng = generator(2, "money even")
    rows = pd.DataFrame({"person_id": range(400), "arm": ["sms", "holdout"] * 200, "value": rng.exponential(5, 400)})
    line = ex.money_test(rows.assign(cost=0.0)).lines[0]
    assert line.second.standard_error == pytest.approx(line.welch.standard_error, rel=1e-12)


def test_strata_are_weighted_and_pooled_inside(table):
    line = ex.money_test(table, experiment=experiment(strata="segment")).lines[0]
    value = variance = 0.0
    for _, part in table.groupby("segment"):
        net = part["value"] - part["cost"]
        one, two = net[part["arm"] == "sms"], net[part["arm"] == "holdout"]
        weight = len(part) / len(table)
        shared = ((len(one) - 1) * one.var() + (len(two) - 1) * two.var()) / (len(part) - 2)
        value += weight * (one.mean() - two.mean())
        variance += weight**2 * shared * (1 / len(one) + 1 / len(two))
    assert line.net.value == pytest.approx(value, rel=1e-12)
    assert line.second.standard_error == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_clusters_widen_both_readings_and_keep_the_point():
    rng = generator(3, "money clusters")
    base = pd.DataFrame({"arm": ["sms"] * 60 + ["holdout"] * 40, "value": rng.exponential(5, 100), "cost": 1.0})
    copied = base.loc[base.index.repeat(4)].assign(household=np.repeat(np.arange(100), 4), person_id=range(400))
    design = ex.Experiment({"value": ex.Mean("value")}, cluster="household")
    line = ex.money_test(copied, experiment=design).lines[0]
    once = ex.money_test(base.assign(person_id=range(100))).lines[0]
    # Four persons who do the same are one household: the figures of the hundred.
    assert line.net.value == pytest.approx(once.net.value, rel=1e-12)
    assert line.second.standard_error == pytest.approx(once.second.standard_error, rel=1e-12)
    assert line.welch.standard_error == pytest.approx(once.welch.standard_error, rel=1e-9)
    assert line.value == pytest.approx(once.value, rel=1e-12)


def test_the_capped_reading_is_a_line_of_its_own(table):
    found = ex.money_test(table, experiment=experiment(), cap=60.0)
    rows = found.table()
    assert rows["estimand"].tolist() == ["all", "capped"]
    capped = ex.money_test(table.assign(value=table["value"].clip(upper=60.0)), experiment=experiment()).lines[0]
    assert found.lines[1].net.low == pytest.approx(capped.net.low, rel=1e-12)
    assert found.lines[0].net.low == ex.money_test(table, experiment=experiment()).lines[0].net.low
    assert found.verdict(arm="sms", capped=True).word == found.lines[1].verdict.word


def test_the_randomisation_test_is_the_other_second_reading(table):
    found = ex.money_test(table, experiment=experiment(), second="randomisation", replicates=999, seed=3).lines[0]
    alone = ex.randomisation_test(
        table.assign(net=table["value"] - table["cost"]), "net", replicates=999, seed=3
    ).p_value("sms")
    assert found.second.p_value == pytest.approx(alone, abs=0.01)
    assert found.net.p_value == max(found.welch.p_value, found.second.p_value)
    assert (found.net.low, found.net.high) == (found.welch.low, found.welch.high)


def test_segments_share_one_family(table):
    waves = table.assign(wave=np.where(np.arange(len(table)) % 20 < 2, "b", "a"))
    found = ex.money_test(waves, experiment=experiment(), by=["segment", "wave"])
    assert set(found.table()["segment"]) == {"new · a", "old · a", "new · b", "old · b"}
    assert {line.verdict.reason for line in found.lines if line.segment.endswith("b")} == {"FEW_EVENTS"}
    alone = ex.money_test(waves[(waves["segment"] == "old") & (waves["wave"] == "a")], experiment=experiment())
    line = next(line for line in found.lines if line.segment == "old · a")
    assert line.net.low == pytest.approx(alone.lines[0].net.low, rel=1e-12)


def test_a_guardrail_and_a_failing_check_override_a_pass(table):
    plain = ex.money_test(table, experiment=experiment()).verdict(arm="sms")
    assert plain.word == "PASS"
    guarded = experiment(guardrails=(ex.Guardrail("closed", 0.001),))
    verdict = ex.money_test(table, experiment=guarded).verdict(arm="sms")
    assert (verdict.word, verdict.reason) == ("FAIL", "HARM_GUARDRAIL")
    wrong = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.5, "sms": 0.5})
    verdict = ex.money_test(table, experiment=wrong).verdict(arm="sms")
    assert (verdict.word, verdict.reason) == ("INVALID", "SRM")


def test_rows_may_come_in_any_order_and_kind(table, table_kinds):
    expected = ex.money_test(table, experiment=experiment(), cap=60.0).to_dicts()
    mixed = table.sample(frac=1.0, random_state=1)
    assert ex.money_test(mixed, experiment=experiment(), cap=60.0).to_dicts() == expected
    for kind, rows in table_kinds(table).items():
        found = ex.money_test(rows, experiment=experiment(), cap=60.0).to_dicts()
        assert [row["verdict"] for row in found] == [row["verdict"] for row in expected], kind
        assert found[0]["money_low"] == pytest.approx(expected[0]["money_low"], rel=1e-9), kind


def test_the_display_says_that_it_is_secondary_in_both_languages(table):
    found = ex.money_test(table, experiment=experiment(), cap=60.0, second="randomisation", replicates=99)
    assert "Secondary to the cost thresholds" in repr(found)
    assert "values capped at 60" in repr(found)
    with language("zh"):
        assert "相对于成本阈值是次要读数" in repr(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"second": "bootstrap"}, "second must be"),
        ({"cap": 0.0}, "cap must be"),
        ({"cap": math.inf}, "cap must be"),
        ({"replicates": 0}, "replicates must be"),
        ({"side": "both"}, "side must be"),
        ({"order": ["sms", "holdout"]}, "order must begin"),
    ],
)
def test_unusable_options_are_refused(table, options, message):
    with pytest.raises(InputError, match=message):
        ex.money_test(table, experiment=experiment(), **options)


def test_holes_a_missing_control_and_late_segments_are_refused(table):
    with pytest.raises(TableError, match="write 0 only where 0 is known"):
        ex.money_test(table.assign(cost=table["cost"].where(table["arm"] == "sms")), experiment=experiment())
    with pytest.raises(TableError, match="value"):
        ex.money_test(table.drop(columns="value"), experiment=experiment())
    with pytest.raises(DesignError, match="NO_HOLDOUT"):
        ex.money_test(table[table["arm"] == "sms"], experiment=experiment())
    with pytest.raises(DesignError, match="POST_ASSIGNMENT"):
        ex.money_test(table.assign(answered=0), experiment=experiment(), by="answered")
    with pytest.raises(InputError, match="no line for the arm"):
        ex.money_test(table, experiment=experiment()).verdict(arm="smss")


def test_an_empty_value_counts_as_nothing_only_where_a_metric_declares_it(table):
    empty = table.assign(value=table["value"].where(table["value"] > 0.0))
    with pytest.raises(TableError, match="NULL_OUTCOME"):
        ex.money_test(empty, experiment=experiment())
    zero = ex.Experiment({"value": ex.Mean("value", missing="zero")}, shares=SHARES)
    filled, written = (ex.money_test(rows, experiment=zero, cap=60.0).lines for rows in (empty, table))
    for one, other in zip(filled, written, strict=True):
        assert (one.net.low, one.second.p_value) == pytest.approx((other.net.low, other.second.p_value), rel=1e-9)
    # The cost is declared by nobody.
    holes = empty.assign(cost=table["cost"].where(table["arm"] == "sms"))
    with pytest.raises(TableError, match=r"outcomes.cost: .*2,000 affected"):
        ex.money_test(holes, experiment=zero)


def test_a_missing_number_of_persons_has_its_reason(table):
    found = ex.money_test(table, experiment=experiment(), relevant_net=1e-4, level=0.999999)
    assert found.lines[0].people.reason == "NOT_REACHABLE"
    assert any(line.endswith("INCONCLUSIVE  NOT_REACHABLE") for line in repr(found).splitlines())


def test_money_that_does_not_vary_decides_nothing():
    rows = pd.DataFrame({"person_id": range(80), "arm": ["sms", "holdout"] * 40, "value": 0.0, "cost": 0.0})
    line = ex.money_test(rows).lines[0]
    assert line.verdict.word == "INCONCLUSIVE"
    assert "ZERO_VARIANCE" in line.net.note
    assert both(line.welch, line.second).p_value is None
    repr(ex.money_test(rows))
