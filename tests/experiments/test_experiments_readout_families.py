"""Families of a readout: Dunnett, gates, simultaneous intervals, guardrails."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import attribution as at
import experiments as ex
from attribution.core.errors import InputError
from attribution.core.randomness import generator
from experiments.inference.joint_t import joint_p

METRICS = {
    "woken": ex.Rate("woken"),
    "value": ex.Mean("value"),
    "orders": ex.Mean("orders", equal_variances=True),
    "closed": ex.Rate("closed", role="guardrail", direction="down"),
}


def outcomes(seed=0, n=4_000, shares=(0.1, 0.3, 0.3, 0.3), effect=0.03):
    random = generator(seed, "test.families")
    arm = np.array(["holdout", "a", "b", "c"], dtype=object)[random.choice(4, size=n, p=shares)]
    woken = (random.random(n) < 0.05 + effect * (arm == "c")).astype(int)
    return pd.DataFrame({
        "person_id": np.arange(n), "arm": arm, "woken": woken, "wave": random.integers(2, size=n),
        "value": np.round(woken * random.lognormal(3, 1, size=n) + random.normal(size=n), 3),
        "orders": woken + random.integers(2, size=n), "closed": (random.random(n) < 0.01).astype(int),
        "complaint": (random.random(n) < 0.02).astype(int), "score": np.round(random.normal(5, 1, size=n), 3),
    })  # fmt: skip


def rows(table, metric):
    return table[table["metric"] == metric].set_index("arm")


def test_dunnett_for_means_of_one_variance_is_dunnetts_original():
    table = outcomes(1)
    found = rows(ex.Experiment(METRICS, correction="dunnett").analyze(table).table(), "orders")
    samples = [table.loc[table["arm"] == arm, "orders"].to_numpy(float) for arm in ("a", "b", "c", "holdout")]
    wanted = scipy.stats.dunnett(*samples[:3], control=samples[3], rng=np.random.default_rng(1))
    assert found["p_adjusted"].tolist() == pytest.approx(list(wanted.pvalue), abs=5e-4)
    arms = {arm: (x.mean(), x.std(ddof=1), len(x)) for arm, x in zip(("a", "b", "c", "h"), samples, strict=True)}
    exact = ex.dunnett(arms, control="h")
    assert found["p_adjusted"].tolist() == pytest.approx(exact.p_adjusted, rel=1e-9)


def test_dunnett_for_rates_correlates_by_the_persons_of_the_arms():
    table = outcomes(2)
    found = rows(ex.Experiment(METRICS, correction="dunnett").analyze(table).table(), "woken")
    n = found["n"].to_numpy(float)
    loadings = np.sqrt(n / (n + found["n_control"].to_numpy(float)))
    wanted = [joint_p(p, loadings, 3, np.inf, "two") for p in found["p_value"]]
    assert found["p_adjusted"].tolist() == pytest.approx(wanted, rel=1e-10)


def test_dunnett_adjusts_each_metric_over_its_arms_alone():
    table = outcomes(3)
    both = ex.Experiment(METRICS, correction="dunnett").analyze(table).table()
    alone = ex.Experiment({"value": ex.Mean("value")}, correction="dunnett").analyze(table).table()
    assert rows(both, "value")["p_adjusted"].tolist() == rows(alone, "value")["p_adjusted"].tolist()
    assert rows(both, "closed")["p_adjusted"].isna().all()


def test_dunnett_with_strata_and_one_arm():
    table = outcomes(4)
    strata = rows(ex.Experiment(METRICS, correction="dunnett", strata="wave").analyze(table).table(), "woken")
    assert (strata["p_adjusted"] > strata["p_value"]).all()
    assert (strata["p_adjusted"] <= 3 * strata["p_value"] + 1e-15).all()
    one = ex.Experiment(METRICS, correction="dunnett").analyze(table[table["arm"].isin(["a", "holdout"])])
    assert one.table()["p_adjusted"].dropna().tolist() == one.table()["p_value"][:3].tolist()
    assert one.table(simultaneous=True).equals(one.table())


def test_steps_share_no_control_and_use_holm():
    readout = ex.Experiment(METRICS, correction="dunnett").analyze(outcomes(5))
    steps = readout.steps(["holdout", "a", "b", "c"])
    found = rows(steps.table(), "woken")
    assert tuple(found["p_adjusted"]) == ex.adjust_pvalues(found["p_value"])
    together = rows(steps.table(simultaneous=True), "woken")
    assert set(together["method"]) == {"score, bonferroni of 3"}


def test_simultaneous_intervals_name_themselves_and_leave_guardrails_alone():
    holm = ex.Experiment(METRICS).analyze(outcomes(6))
    together = holm.table(simultaneous=True)
    assert set(rows(together, "woken")["method"]) == {"score, bonferroni of 3"}
    assert set(rows(together, "value")["method"]) == {"welch, bonferroni of 6"}
    assert rows(together, "closed").equals(rows(holm.table(), "closed"))
    third = holm.fit("woken").compare("a", "holdout", level=1 - 0.05 / 3).difference
    assert rows(together, "woken").loc["a", "low"] == pytest.approx(third.low, rel=1e-12)
    assert holm.table().columns.tolist() == together.columns.tolist()


def test_gates_are_those_of_the_function():
    table = outcomes(7)
    plain = ex.Experiment(METRICS, correction=None).analyze(table).table()
    p = {metric: rows(plain, metric)["p_value"].tolist() for metric in ("woken", "value", "orders")}
    for gate in ("serial", "parallel", ("parallel", 0.8), "arm"):
        found = ex.Experiment(METRICS, gatekeeping=gate).analyze(table).table()
        first, second = ex.gatekeeping(p["woken"], [p["value"], p["orders"]], gate=gate)
        assert rows(found, "woken")["p_adjusted"].tolist() == list(first)
        assert rows(found, "value")["p_adjusted"].tolist() == list(second[0])
        assert rows(found, "orders")["p_adjusted"].tolist() == list(second[1])


def test_a_serial_gate_stands_behind_dunnett():
    table = outcomes(8)
    found = ex.Experiment(METRICS, correction="dunnett", gatekeeping="serial").analyze(table).table()
    gate = rows(found, "woken")["p_adjusted"].max()
    assert rows(found, "woken")["p_adjusted"].equals(
        rows(ex.Experiment(METRICS, correction="dunnett").analyze(table).table(), "woken")["p_adjusted"]
    )
    assert (rows(found, "value")["p_adjusted"] >= gate).all()


def test_the_display_says_what_is_adjusted():
    table = outcomes(9)
    assert "Dunnett's over the arms of each metric" in repr(ex.Experiment(METRICS, correction="dunnett").analyze(table))
    gated = ex.Experiment(METRICS, gatekeeping="arm").analyze(table)
    assert "stand behind the primary one of that arm" in repr(gated)
    with at.language("zh"):
        assert "排在该组的主要指标之后" in repr(gated)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"correction": "tukey"}, "correction must be one of .*dunnett"),
        ({"gatekeeping": "tree"}, "gatekeeping must be"),
        ({"gatekeeping": "serial", "correction": "bh"}, "any false rejection"),
        ({"gatekeeping": "arm", "correction": "dunnett"}, "Holm or Bonferroni"),
    ],
)
def test_what_cannot_be_kept_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        ex.Experiment(METRICS, **options)


# --- guardrails -----------------------------------------------------------------------------------------------------


def guarded(table, *guardrails, **metrics):
    return ex.Experiment({**METRICS, **metrics}, guardrails=guardrails).analyze(table).guardrails


def test_guardrails_read_as_the_guardrail_itself_does():
    table = outcomes(10)
    guard = ex.Guardrail("complaint", 0.01)
    found = guarded(table, guard).table()
    for arm in ("a", "b", "c"):
        treated, control = (table.loc[table["arm"] == name, "complaint"] for name in (arm, "holdout"))
        counts = (treated.sum(), len(treated), control.sum(), len(control))
        upper = ex.compare_rates(*counts, side="less", null=0.01).difference
        lower = ex.compare_rates(*counts, side="greater").difference
        row = found[(found["metric"] == "complaint") & (found["arm"] == arm)].iloc[0]
        assert (row["low"], row["high"]) == pytest.approx((lower.low, upper.high))
        assert row["p_value"] == pytest.approx(upper.p_value)
        assert row["state"] == guard.read(upper.value, low=lower.low, high=upper.high).state
        assert (row["state"] == "safe") == (row["p_value"] <= 0.05)


def test_a_fall_is_the_harm_of_a_metric_of_which_more_is_better():
    table = outcomes(11)
    table.loc[table["arm"] == "a", "score"] -= 1.0
    table.loc[table["arm"] == "b", "score"] += 1.0
    found = guarded(table, ex.Guardrail("score", 0.2), score=ex.Mean("score", direction="up")).table()
    states = found[found["metric"] == "score"].set_index("arm")
    assert (states.loc["a", "state"], states.loc["b", "state"]) == ("harm", "safe")
    assert states.loc["a", "worsening"] == pytest.approx(-states.loc["a", "difference"])
    assert states.loc["a", "p_value"] > 0.99
    assert states.loc["b", "p_value"] < 1e-6


def test_a_role_without_a_margin_or_a_direction_says_so():
    found = guarded(outcomes(12), score=ex.Mean("score", role="guardrail")).table()
    notes = found.drop_duplicates("metric").set_index("metric")["note"]
    assert notes["closed"].endswith("NO_MARGIN")
    assert notes["score"] == "NO_DIRECTION"
    assert found["p_value"].isna().all()
    assert set(found["state"]) == {"undecided"}


def test_a_column_that_is_no_share_has_no_reading_and_stops_nothing():
    table = outcomes(13)
    readout = ex.Experiment(METRICS, guardrails=[ex.Guardrail("score", 0.1), ex.Guardrail("nothere", 0.1)]).analyze(
        table
    )
    found = readout.guardrails.table()
    assert set(found.loc[found["metric"].isin(["score", "nothere"]), "note"]) == {"UNDEFINED"}
    assert "Guardrails: is the worsening" in repr(readout.guardrails)
    assert len(ex.Experiment({"woken": ex.Rate("woken")}).analyze(table).guardrails.table()) == 0


def test_guardrails_carry_the_findings_and_their_level():
    table = outcomes(14)
    spec = ex.Experiment(METRICS, guardrails=[ex.Guardrail("complaint", 0.5, level=0.9)], shares={
        "holdout": 0.7, "a": 0.1, "b": 0.1, "c": 0.1,
    })  # fmt: skip
    readout = spec.analyze(table)
    found = readout.guardrails
    assert found.findings == readout.findings
    assert found.recipe is readout.recipe
    assert "[fail] SRM" in repr(found)
    levels = found.table().set_index("metric")["bound_level"]
    assert set(levels["complaint"]) == {0.9}
    assert set(levels["closed"]) == {0.95}


def test_without_a_correction_the_display_claims_none():
    readout = ex.Experiment(METRICS, correction=None).analyze(outcomes(9))
    assert "no p-value is adjusted" in repr(readout)
    assert "corrected within" not in repr(readout)
    with at.language("zh"):
        assert "p 值未按比较次数校正" in repr(readout)


@pytest.mark.parametrize("options", [{}, {"method": "skewed_score"}], ids=str)
@pytest.mark.parametrize("level", [0.85, 0.95, 0.999])
def test_relative_margins_are_held_against_the_lift(level, options):
    table = outcomes(15)
    table["score"] += 8.0
    metrics = {
        "woken": ex.Rate("woken"), "bad": ex.Rate("complaint", direction="down", **options),
        "score": ex.Mean("score", direction="up"),
    }  # fmt: skip
    rails = [
        ex.Guardrail("bad", 0.4, level=level, relative=True),
        ex.Guardrail("score", 0.01, level=level, relative=True),
    ]
    found = ex.Experiment(metrics, guardrails=rails).analyze(table).guardrails.table().set_index(["metric", "arm"])
    for arm in ("a", "b", "c"):
        bad, score = found.loc[("bad", arm)], found.loc[("score", arm)]
        rows = [table[table["arm"] == name] for name in (arm, "holdout")]
        counts = [one for part in rows for one in (part["complaint"].sum(), len(part))]
        wanted = [ex.compare_rates(*counts, level=level, side=side, **options).relative for side in ("greater", "less")]
        assert (bad["low"], bad["high"]) == pytest.approx((wanted[0].low, wanted[1].high))
        figures = [one for part in rows for one in (part["score"].mean(), part["score"].std(), len(part))]
        wanted = [ex.compare_means(*figures, level=level, side=side).relative for side in ("greater", "less")]
        assert (score["low"], score["high"]) == pytest.approx((-wanted[1].high, -wanted[0].low))
        same = ex.equivalence_means(*figures, margin=0.01, relative=True, side="greater", level=level)
        assert score["p_value"] == pytest.approx(same.p_value)
        for row in (bad, score):
            assert row["scale"] == "relative"
            assert (row["state"] == "safe") == (row["p_value"] <= 1 - level) == (row["high"] <= row["margin"])


def test_a_margin_that_nothing_can_exceed_is_refused():
    table = outcomes(16).assign(cost=0.0)
    spec = ex.Experiment(METRICS, guardrails=[ex.Guardrail("complaint", 5)])
    with pytest.raises(InputError, match=r"guardrail 'complaint' is a difference of rates .* got 5\.0\. 2 % is 0\.02"):
        _ = spec.analyze(table).guardrails
    with pytest.raises(InputError, match="guardrail 'complaint' is a difference of rates"):
        ex.cost_thresholds(table, experiment=spec, thresholds=[60])
    up = {**METRICS, "score": ex.Mean("score", direction="up")}
    with pytest.raises(InputError, match="is a relative fall"):
        _ = ex.Experiment(up, guardrails=[ex.Guardrail("score", 1, relative=True)]).analyze(table).guardrails
    with pytest.raises(InputError, match="relative must be True or False"):
        ex.Guardrail("closed", 0.1, relative="yes")


def test_thresholds_read_relative_margins_and_say_so():
    table = outcomes(17).assign(cost=0.0)
    table.loc[(table["arm"] == "a") & (table.index % 4 == 0), "woken"] = 1
    rail = ex.Guardrail("complaint", 0.05, relative=True)
    spec = ex.Experiment(METRICS, guardrails=[rail])
    wanted = spec.analyze(table).guardrails.table().set_index(["metric", "arm"]).loc[("complaint", "a")]
    found = ex.cost_thresholds(table, experiment=spec, thresholds=[60])
    reading = next(row for row in found.judged if row.contrast.arm == "a").guardrails[0]
    assert (reading.low, reading.high) == pytest.approx((wanted["low"], wanted["high"]))
    assert reading.state == wanted["state"] == "undecided"
    assert found.verdict(arm="a", threshold=60).reason == "GUARDRAIL_UNDECIDED"
    assert "complaint: relative worsening" in found.sentence(arm="a", threshold=60)
    assert "margin 5.00%" in found.sentence(arm="a", threshold=60)
    assert "complaint：相对恶化" in found.sentence(arm="a", threshold=60, lang="zh")


def test_a_relative_margin_is_planned_as_its_share_of_the_pilots_figure():
    table = outcomes(18)
    base = table.loc[table["arm"] == "holdout", "complaint"].mean()
    metrics = {"woken": ex.Rate("woken"), "bad": ex.Rate("complaint", direction="down")}
    relative = ex.Experiment(metrics, guardrails=[ex.Guardrail("bad", 0.5, relative=True)])
    plain = relative.sample_size(table, effect=0.02)
    rows = {one.metric: one for one in plain.rows}
    assert rows["bad"].method.endswith(f"rise at most {0.5 * rows['bad'].baseline:g}")
    assert rows["bad"].baseline == pytest.approx(base, rel=0.2)
    absolute = ex.Experiment(metrics, guardrails=[ex.Guardrail("bad", 0.5 * rows["bad"].baseline)])
    assert absolute.sample_size(table, effect=0.02).to_dicts() == plain.to_dicts()
    debts = {"woken": ex.Rate("woken"), "bad": ex.Mean("score", direction="up")}
    below = ex.Experiment(debts, guardrails=[ex.Guardrail("bad", 0.5, relative=True)])
    rows = below.sample_size(table.assign(score=table["score"] - 50.0), effect=0.02).rows
    assert {one.note for one in rows if one.metric == "bad"} == {"BASE_NOT_POSITIVE"}
