"""Plans by a pilot, and simulations on it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

import experiments as ex
from attribution import language
from experiments.design.planning.arms import dunnett_limit
from experiments.design.planning.on_data import Injection, Redraw
from experiments.metrics import inputs_of
from experiments.moments.rows import MetricRows
from experiments.readout import on_data
from experiments.readout.fit import fit_metric
from statistical.planning_designs import score_z

SHARES = {"holdout": 0.1, "sms": 0.9}


def table(n=4000, seed=3):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "person_id": np.arange(n), "woken": (rng.random(n) < 0.1).astype(int), "past": rng.normal(size=n),
        "region": rng.choice(["north", "south", "西"], n), "branch": rng.integers(0, 80, n),
    })  # fmt: skip
    frame["value"] = 20.0 + 3.0 * frame.past + rng.normal(0.0, 4.0, n)
    frame["orders"] = rng.poisson(1.0, n) + 1
    return frame


def spec(metrics=None, **options):
    return ex.Experiment(metrics or {"woken": ex.Rate("woken")}, **({"shares": SHARES} | options))


def test_without_strata_a_rate_is_planned_by_the_function_of_rates():
    frame = table()
    p = frame.woken.mean()
    plan = spec().sample_size(frame, effect=0.02)
    size = ex.sample_size_rates(p, p + 0.02, allocation=9.0)
    row = plan.rows[0]
    assert row.n_total == int(np.ceil(size.exact / 0.1))
    assert (row.baseline, row.effect, row.method) == (pytest.approx(p), 0.02, "score")
    assert row.n_total_low < row.n_total < row.n_total_high
    low, high = 0.0, 0.0
    spread = p * (1 - p) / len(frame)
    low, high = p - 1.96 * spread**0.5, p + 1.96 * spread**0.5
    assert (row.baseline_low, row.baseline_high) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_a_mean_is_planned_by_the_function_of_means():
    frame = table()
    plan = spec({"value": ex.Mean("value")}).sample_size(frame, effect=0.5)
    size = ex.sample_size_means(0.5, float(frame.value.std()), allocation=9.0)
    assert plan.total == int(np.ceil(size.exact / 0.1))


def test_the_three_questions_agree():
    frame, metrics = table(), {"woken": ex.Rate("woken"), "value": ex.Mean("value"), "r": ex.Ratio("value", "orders")}
    experiment = spec(metrics, strata="region", correction="holm")
    plan = experiment.sample_size(frame, effect={"woken": 0.02, "value": 0.4, "r": "5%"})
    for row in plan.rows:
        power = experiment.power(frame, persons=row.n_total, effect={row.metric: row.effect}).rows[0].power
        assert power == pytest.approx(0.8, abs=2e-3)
        found = experiment.detectable(frame, persons=row.n_total)
        effect = next(one.effect for one in found.rows if one.metric == row.metric)
        assert effect == pytest.approx(row.effect, rel=2e-3)


def test_covariates_save_what_they_explain():
    frame = table()
    plain = spec({"value": ex.Mean("value")}).sample_size(frame, effect=0.5).total
    adjusted = spec({"value": ex.Mean("value", covariate="past")}).sample_size(frame, effect=0.5)
    explained = np.corrcoef(frame.value, frame.past)[0, 1] ** 2
    assert adjusted.total / plain == pytest.approx(1 - explained, rel=0.01)
    assert "adjusted" in adjusted.rows[0].method


def test_clusters_cost_what_their_persons_share():
    frame = table()
    frame["value"] += np.random.default_rng(1).normal(0, 2, 80)[frame.branch]
    plan = spec({"value": ex.Mean("value")}, cluster="branch").sample_size(frame, effect=1.0)
    row = plan.rows[0]
    sizes = frame.groupby("branch").size()
    assert row.clusters == int(np.ceil(row.n_total * 0.9 / sizes.mean() - 1e-6))
    assert row.n_total > 3 * spec({"value": ex.Mean("value")}).sample_size(frame, effect=1.0).total


def test_arms_share_the_level():
    frame, shares = table(), {"holdout": 0.2, "sms": 0.4, "phone": 0.4}
    totals = {
        correction: spec(shares=shares, correction=correction).sample_size(frame, effect=0.02).total
        for correction in (None, "dunnett", "holm")
    }
    assert totals[None] < totals["dunnett"] < totals["holm"]


def test_dunnett_knows_how_unequal_the_arms_are():
    shares = {"holdout": 0.1, "sms": 0.8, "phone": 0.1}
    rows = spec(shares=shares, correction="dunnett").sample_size(table(), effect=0.02).rows
    loadings = np.sqrt([8.0 / 9.0, 0.5])
    correlation = [[1.0, loadings.prod()], [loadings.prod(), 1.0]]
    limit = dunnett_limit(2, level=0.95, side="two", allocation=(8.0, 1.0))
    joint = stats.multivariate_normal([0.0, 0.0], correlation)
    inside = joint.cdf([limit, limit], lower_limit=[-limit, -limit])
    assert inside == pytest.approx(0.95, abs=1e-5)
    p = table().woken.mean()
    level = 1.0 - 2.0 * stats.norm.sf(limit)
    for row, ratio in zip(rows, (8.0, 1.0), strict=True):
        size = ex.sample_size_rates(p, p + 0.02, allocation=ratio, level=level)
        assert row.n_control == pytest.approx(size.exact, abs=1.0)


def test_why_a_simulation_has_no_interval_is_told():
    found = spec({"q": ex.Quantile("woken", 0.5)}).simulate_on(table(300), replications=5)
    assert (found.rows[0].undefined, found.rows[0].rejected) == (5, None)
    assert "ATOM" in found.rows[0].note
    assert found.rows[0].note in found.findings[-1].text()


def test_looks_and_reach_come_as_options():
    frame = table()
    plain = spec().sample_size(frame, effect=0.02).total
    looks = spec().sample_size(frame, effect=0.02, options=ex.PlanOptions(looks=5, spending="pocock"))
    assert looks.total > 1.15 * plain
    assert "5 looks by pocock" in looks.rows[0].method
    reached = spec().sample_size(frame, effect=0.02, options=ex.PlanOptions(reach=0.5)).total
    assert reached == pytest.approx(4 * plain, rel=0.05)
    with pytest.raises(ex.InputError, match="come from the experiment and its pilot"):
        spec().sample_size(frame, effect=0.02, options=ex.PlanOptions(arms=2))


def test_the_pilots_own_arms_are_read():
    frame = table()
    frame["arm"] = np.where(frame.person_id % 4 == 0, "holdout", "sms")
    frame.loc[frame.arm == "sms", "woken"] = 1
    plan = spec(shares=None).sample_size(frame, effect=0.02)
    assert plan.rows[0].baseline == pytest.approx(frame[frame.arm == "holdout"].woken.mean())
    assert [finding.code for finding in plan.findings] == ["PILOT_SHARES"]
    assert plan.rows[0].n_control == pytest.approx(plan.rows[0].n_total * 0.25, abs=1)
    frame["arm"] = "sms"
    with pytest.raises(ex.DesignError, match="NO_HOLDOUT"):
        spec().sample_size(frame, effect=0.02)
    with pytest.raises(ex.InputError, match="no shares are declared"):
        spec(shares=None).sample_size(table(), effect=0.02)


@pytest.mark.parametrize("effect", [0, True, "ten", "0%", "inf%", {}, {"nothing": 0.1}, {"woken": "x"}])
def test_effects_that_say_nothing_are_refused(effect):
    with pytest.raises(ex.InputError, match="effect"):
        spec().sample_size(table(500), effect=effect)


def test_what_the_pilot_cannot_tell_is_said():
    frame = table(300)
    frame["woken"], frame["value"] = 0, 7.0
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value"), "q": ex.Quantile("woken", 0.5)}
    found = {row.metric: row for row in spec(metrics).sample_size(frame, effect="10%").rows}
    assert found["woken"].note == found["value"].note == "ZERO_VARIANCE"
    assert "ATOM" in found["q"].note
    assert found["woken"].n_total is None
    assert "–" in repr(spec(metrics).sample_size(frame, effect="10%"))
    tiny = spec().detectable(table(), persons=2)
    assert tiny.rows[0].note == "NOT_DETECTABLE"


def test_rows_in_any_order_and_kind_of_table_give_the_same_bytes():
    frame, metrics = table(), {"woken": ex.Rate("woken"), "value": ex.Mean("value", covariate="past")}
    first = json.dumps(spec(metrics, strata="region").sample_size(frame, effect="10%").to_dicts())
    mixed = frame.sample(frac=1.0, random_state=1)
    assert json.dumps(spec(metrics, strata="region").sample_size(mixed, effect="10%").to_dicts()) == first
    lazy = pl.from_pandas(mixed).lazy()
    assert json.dumps(spec(metrics, strata="region").sample_size(lazy, effect="10%").to_dicts()) == first


def test_simulations_find_what_they_should():
    frame = table()
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value")}
    experiment = spec(metrics, shares={"holdout": 0.3, "sms": 0.7})
    found = experiment.simulate_on(frame, effect={"woken": 0.03, "value": 0.5}, replications=120)
    rows = {(row.metric, row.trial): row for row in found.rows}
    assert rows["woken", "A/A"].rejected < 0.15
    claimed = {row.metric: row.power for row in
               experiment.power(frame, persons=len(frame), effect={"woken": 0.03, "value": 0.5}).rows}  # fmt: skip
    # value is secondary and alone in its family, so the plan's level is the simulation's
    for name in metrics:
        row = rows[name, "A/B"]
        assert row.rejected == pytest.approx(claimed[name], abs=0.13)
        assert row.coverage > 0.87
        assert row.rejected_low < row.rejected < row.rejected_high
    assert [finding.status for finding in found.findings] == ["pass", "pass"]
    assert (
        found.to_dicts()
        == experiment.simulate_on(
            frame.sample(frac=1.0, random_state=2), effect={"woken": 0.03, "value": 0.5}, replications=120
        ).to_dicts()
    )
    with language("zh"):
        assert "随机重新分组" in repr(found)


@pytest.mark.parametrize(
    ("metric", "options", "effect"),
    [
        (ex.Mean("value", covariate="past"), {"strata": "region"}, 0.6),
        (ex.Rate("woken", covariate="past"), {}, 0.04),
        (ex.Quantile("value", 0.5), {}, "4%"),
        (ex.Ratio("value", "orders"), {"strata": "region"}, "4%"),
        (ex.Rate("woken"), {"cluster": "branch"}, -0.04),
        (ex.Mean("value"), {"cluster": "branch", "strata": "region"}, "3%"),
        (ex.Count("orders", cap=3.0), {}, 0.12),
    ],
    ids=["adjusted", "adjusted rate", "quantile", "ratio", "clustered rate", "clustered", "count"],
)
def test_every_method_is_simulated(metric, options, effect):
    experiment = spec({"m": metric}, shares={"holdout": 0.4, "sms": 0.6}, **options)
    found = experiment.simulate_on(table(1500), effect=effect, replications=60)
    nothing, something = found.rows
    assert nothing.rejected <= 0.2
    assert something.rejected > 0.3
    assert something.coverage >= 0.8
    assert nothing.undefined == something.undefined == 0


def test_a_method_that_is_off_is_told():
    rng = np.random.default_rng(8)
    frame = table(3000)
    frame["value"] = np.where(rng.random(3000) < 0.01, rng.pareto(1.1, 3000) * 1000, 0.0)
    found = spec({"value": ex.Mean("value")}, shares={"holdout": 0.05, "sms": 0.95}).simulate_on(
        frame, replications=400
    )
    assert found.findings[0].status == "warn"
    assert "misses its level" in found.findings[0].text("en")


@pytest.mark.parametrize("replications", [0, 1.5, True])
def test_replications_are_whole(replications):
    with pytest.raises(ex.InputError, match="replications"):
        spec().simulate_on(table(100), replications=replications)


def test_an_effect_that_no_rate_can_have_is_refused():
    with pytest.raises(ex.InputError, match="outside 0 to 1"):
        spec().simulate_on(table(500), effect=0.99, replications=2)


@pytest.mark.parametrize("metric", [ex.Rate("woken"), ex.Mean("value"), ex.Ratio("value", "orders")], ids=str)
def test_a_replication_expanded_to_rows_is_read_alike(metric):
    columns = inputs_of(metric).columns
    rng = np.random.default_rng(4)
    count, strata = np.array([40, 30, 1, 55, 1, 20]), (("a",), ("b",))
    values = np.column_stack([[0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [1.0, 2.0, 5.0, 1.0, 3.0, 7.0]])[:, : len(columns)]
    persons = np.array([71, 76])
    rows = MetricRows(
        names=("s",), cells=strata, labels=columns, cell=np.array([0, 0, 0, 1, 1, 1]), values=values, count=count,
        persons=persons, observed=persons, strange=0, measured=len(columns),
    )  # fmt: skip
    redraw = Redraw(
        rows=rows, clusters=None, arm="arm", arms=("holdout", "sms"), shares=np.array([[0.4, 0.6], [0.5, 0.5]]),
        strata=strata, by_rows=True,
    )  # fmt: skip
    flips = (0.2, 0.3) if isinstance(metric, ex.Rate) else None
    injection = Injection(flips=flips) if flips else Injection(factor=1.5, shift=2.0)
    experiment = ex.Experiment({"m": metric}, strata="s")
    for data in redraw.replications(rng, 5, control="holdout", injection=injection):
        fit, _ = fit_metric("m", metric, "primary", data.moments, level=0.95)
        again = as_persons(data.rows)
        told = experiment.analyze(again).comparison("m", arm="sms").difference
        ours = fit.compare("sms", "holdout").difference
        assert (ours.value, ours.low, ours.high) == pytest.approx((told.value, told.low, told.high), rel=1e-9)


def as_persons(rows):
    """The replication as a table of persons."""
    cells = np.array(rows.cells, dtype=object)[rows.cell]
    frame = pd.DataFrame({"s": cells[:, 0], "arm": cells[:, 1]})
    for i, name in enumerate(rows.labels):
        frame[name] = rows.values[:, i]
    frame = frame.loc[frame.index.repeat(rows.count)].reset_index(drop=True)
    frame["person_id"] = np.arange(len(frame))
    if "woken" in frame:
        frame["woken"] = frame["woken"].astype(int)
    return frame


def test_moments_and_rows_of_a_replication_agree():
    rng = np.random.default_rng(6)
    values, count = rng.normal(1e6, 3.0, (50, 2)), rng.integers(1, 4, 50)
    persons = np.array([count.sum()])
    rows = MetricRows(
        names=(), cells=((),), labels=("a", "b"), cell=np.zeros(50, dtype=np.int64), values=values, count=count,
        persons=persons, observed=persons, strange=0, measured=2,
    )  # fmt: skip
    made = []
    for by_rows in (True, False):
        redraw = Redraw(
            rows=rows, clusters=None, arm="arm", arms=("c", "t", "u"), shares=np.array([[0.2, 0.3, 0.5]]),
            strata=((),), by_rows=by_rows,
        )  # fmt: skip
        data = list(redraw.replications(np.random.default_rng(9), 4, control="c", injection=Injection(factor=1.25)))
        made.append([one.moments for one in data])
    for first, second in zip(*made, strict=True):
        assert first.n.tolist() == second.n.tolist()
        assert np.allclose(first.means, second.means, rtol=1e-12)
        assert np.allclose(first.products, second.products, rtol=1e-7, atol=1e-6)


def test_the_statistic_says_what_the_interval_says(monkeypatch):
    experiment = spec(shares={"holdout": 0.3, "sms": 0.7}, strata="region")
    fast = experiment.simulate_on(table(900), effect=0.04, replications=80).to_dicts()
    monkeypatch.setattr(on_data, "_ByScore", on_data._ByInterval)
    assert experiment.simulate_on(table(900), effect=0.04, replications=80).to_dicts() == fast


def test_a_guardrail_is_planned_to_be_shown_safe():
    frame = table()
    frame["closed"] = (np.random.default_rng(2).random(len(frame)) < 0.03).astype(int)
    metrics = {"woken": ex.Rate("woken"), "closed": ex.Rate("closed", direction="down")}
    experiment = spec(metrics, guardrails=[ex.Guardrail("closed", 0.01)])
    plan = experiment.sample_size(frame, effect=0.02)
    row = next(one for one in plan.rows if one.metric == "closed")
    p = frame.closed.mean()
    size = ex.sample_size_rates(p, p, allocation=9.0, null=0.01, side="less")
    assert row.n_total == int(np.ceil(size.exact / 0.1 - 1e-6))
    assert row.method == "score, rise at most 0.01"
    found = experiment.power(frame, persons=row.n_total, effect=0.02).rows
    power = next(one for one in found if one.metric == "closed")
    assert power.power == pytest.approx(0.8, abs=1e-3)
    never = spec(metrics, guardrails=[ex.Guardrail("closed", 0.0)]).sample_size(frame, effect=0.02)
    assert next(one for one in never.rows if one.metric == "closed").note == "NOT_DETECTABLE"


def test_a_guardrail_that_must_not_fall_is_planned_downwards():
    frame = table()
    frame["kept"] = (np.random.default_rng(2).random(len(frame)) < 0.6).astype(int)

    def row(direction, margin=0.05, **options):
        metrics = {"woken": ex.Rate("woken"), "kept": ex.Rate("kept", direction=direction)}
        experiment = spec(metrics, guardrails=[ex.Guardrail("kept", margin)])
        return next(one for one in experiment.sample_size(frame, **({"effect": 0.02} | options)).rows
                    if one.metric == "kept")  # fmt: skip

    p = frame.kept.mean()
    size = ex.sample_size_rates(p, p, allocation=9.0, null=-0.05, side="greater")
    fall = row("up")
    assert fall.n_total == int(np.ceil(size.exact / 0.1 - 1e-6))
    assert fall.method == "score, fall at most 0.05"
    assert row("up", effect={"kept": 0.02}).n_total < fall.n_total < row("up", effect={"kept": -0.02}).n_total
    assert row("up", effect={"kept": -0.05}).note == "NOT_DETECTABLE"
    assert row(None).note == "NO_DIRECTION"
    assert row("down", effect={"kept": 0.02}).n_total > row("down", effect={"kept": -0.02}).n_total


def test_a_guardrail_is_planned_without_harm_unless_it_is_named():
    frame = table()
    frame["closed"] = (np.random.default_rng(2).random(len(frame)) < 0.05).astype(int)
    metrics = {"woken": ex.Rate("woken"), "closed": ex.Rate("closed", direction="down")}
    experiment = spec(metrics, guardrails=[ex.Guardrail("closed", 0.01)])
    wished, nothing = (experiment.sample_size(frame, effect=one).rows[1] for one in ("20%", {"woken": "20%"}))
    assert (wished.effect, wished.n_total) == (nothing.effect, nothing.n_total) == (0.0, nothing.n_total)
    # at the upper end of the baseline's interval 19 % of it is more than the margin: no persons are enough there
    named = experiment.sample_size(frame, effect={"closed": "19%"}).rows[0]
    assert named.n_total > nothing.n_total
    assert named.n_total_high is None


def test_a_guardrail_leaves_the_primary_metric_its_own_plan():
    plain = spec().sample_size(table(), effect=0.02).to_dicts()
    assert spec(guardrails=[ex.Guardrail("woken", 0.05)]).sample_size(table(), effect=0.02).to_dicts() == plain


def test_a_range_is_told_only_where_the_baseline_matters():
    frame, metrics = table(), {"woken": ex.Rate("woken"), "value": ex.Mean("value")}
    share = {row.metric: row for row in spec(metrics).sample_size(frame, effect="10%").rows}
    assert all(row.n_total_low < row.n_total < row.n_total_high for row in share.values())
    fixed = {row.metric: row for row in spec(metrics).sample_size(frame, effect={"woken": 0.02, "value": 0.5}).rows}
    assert fixed["woken"].n_total_low < fixed["woken"].n_total
    assert fixed["value"].n_total_low is fixed["value"].n_total_high is None


def test_aggregates_plan_what_their_rows_plan():
    frame = table()
    frame["arm"] = np.where(frame.person_id % 4 == 0, "holdout", "sms")
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value", covariate="past")}
    experiment = spec(metrics, strata="region")
    rows = experiment.sample_size(frame, effect="10%").to_dicts()
    sums = experiment.sample_size(experiment.aggregate(frame), effect="10%").to_dicts()
    for row, one in zip(rows, sums, strict=True):
        assert one["n_total"] == pytest.approx(row["n_total"], rel=1e-6)
        assert one["baseline"] == pytest.approx(row["baseline"])
    with pytest.raises((ex.DesignError, ex.InputError), match="rows"):
        experiment.simulate_on(experiment.aggregate(frame), replications=2)


@pytest.mark.parametrize(("hits", "control_hits"), [(190, 30), (220, 50), (300, 40), (60, 60), (205, 19)])
def test_a_planned_pass_is_the_verdict(hits, control_hits):
    n, control_n, value, cost = 2400, 800, 85.0, 1.0
    frame = pd.DataFrame({
        "person_id": np.arange(n + control_n), "arm": ["sms"] * n + ["holdout"] * control_n,
        "woken": np.concatenate([np.arange(n) < hits, np.arange(control_n) < control_hits]).astype(int),
        "cost": [cost] * n + [0.0] * control_n,
    })  # fmt: skip
    experiment = spec(shares={"holdout": 0.25, "sms": 0.75})
    word = ex.cost_thresholds(frame, thresholds=[value], experiment=experiment).verdict(arm="sms", threshold=value).word
    z = float(score_z(hits, n, control_hits, control_n, cost / value))
    few = min(hits, control_hits) < 20
    assert word == ("INCONCLUSIVE" if few or abs(z) <= 1.959963984540054 else "PASS" if z > 0 else "FAIL")


@pytest.mark.parametrize("n", [None, "many", float("nan"), 0, True, -5])
def test_persons_must_be_a_number(n):
    with pytest.raises(ex.InputError, match="persons counts all arms together"):
        spec().detectable(table(200), persons=n)


def test_impossible_rates_and_pilots_are_refused():
    with pytest.raises(ex.InputError, match="One percentage point"):
        spec().sample_size(table(500), effect=1.0)
    with pytest.raises((ex.DesignError, ex.InputError), match=r"NO_HOLDOUT|NO_COMMON|no rows"):
        spec().sample_size(table(500).iloc[:0], effect=0.01)
    with pytest.raises(ex.TableError, match="NULL_OUTCOME"):
        spec({"value": ex.Mean("value")}).sample_size(table(50).assign(value=np.nan), effect=0.01)
    with pytest.raises(ex.TableError, match="REPEATED_PERSON"):
        spec().sample_size(table(50).assign(person_id=1), effect=0.01)
    with pytest.raises(ex.DesignError, match="NO_COMMON_STRATUM"):
        spec({"value": ex.Mean("value")}).sample_size(table(1), effect=0.01)


def test_names_of_any_script_are_kept():
    arms = {"holdout": 0.5, "短信 📱": 0.25, "<b>|x": 0.25}
    plan = spec({"唤醒 🔔": ex.Rate("woken")}, shares=arms).sample_size(table(), effect="20%")
    assert {row.arm for row in plan.rows} == {"短信 📱", "<b>|x"}
    assert "<b>" not in plan._repr_html_()
    with language("zh"):
        assert "唤醒 🔔" in repr(plan)
