"""Every kind of metric in a readout: against SciPy, hand formulas and the functions on arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import attribution as at
import experiments as ex


@pytest.fixture(scope="module")
def rows():
    stream = np.random.default_rng(11)
    n = 6_000
    table = pd.DataFrame(
        {"person_id": range(n), "arm": stream.choice(["holdout", "sms", "full"], n, p=[0.2, 0.5, 0.3])}
    )
    table["household"] = np.arange(n) // 2
    table["layer"] = stream.integers(0, 3, n)
    table["tenure"] = stream.gamma(3, 2, n)
    table["woken"] = (stream.random(n) < 0.05 + 0.03 * (table["arm"] != "holdout")).astype(int)
    table["orders"] = table["woken"] * stream.poisson(3, n)
    table["value"] = table["orders"] * stream.lognormal(3, 0.6, n) + 2 * table["tenure"]
    table["days"] = np.where(table["woken"] == 1, stream.random(n) * 40, np.nan)
    return table


def row(readout, metric, arm="sms"):
    return readout.table().query("metric == @metric and arm == @arm").iloc[0]


def test_one_variance_for_all_arms_is_student(rows):
    found = row(ex.Experiment({"value": ex.Mean("value", equal_variances=True)}).analyze(rows), "value")
    groups = [part["value"] for _, part in rows.groupby("arm")]
    pool = sum((len(g) - 1) * g.var() for g in groups) / (len(rows) - 3)
    top, base = (rows.loc[rows["arm"] == arm, "value"] for arm in ("sms", "holdout"))
    se = np.sqrt(pool * (1 / len(top) + 1 / len(base)))
    assert found["low"] == pytest.approx(top.mean() - base.mean() - stats.t.ppf(0.975, len(rows) - 3) * se, rel=1e-10)
    assert found["method"] == "student"


def test_two_arms_with_one_variance_are_scipys_t_test(rows):
    two = rows[rows["arm"] != "full"]
    found = row(ex.Experiment({"value": ex.Mean("value", equal_variances=True)}).analyze(two), "value")
    wanted = stats.ttest_ind(*(two.loc[two["arm"] == arm, "value"] for arm in ("sms", "holdout")))
    assert found["p_value"] == pytest.approx(wanted.pvalue, rel=1e-9)


def test_a_ratio_of_sums_by_the_linearised_numerator(rows):
    found = row(ex.Experiment({"ticket": ex.Ratio("value", "orders")}).analyze(rows), "ticket")
    parts = {}
    for arm in ("sms", "holdout"):
        part = rows[rows["arm"] == arm]
        ratio = part["value"].sum() / part["orders"].sum()
        linear = (part["value"] - ratio * part["orders"]) / part["orders"].mean()
        parts[arm] = (ratio, linear.var() / len(part))
    assert found["value"] == pytest.approx(parts["sms"][0], rel=1e-12)
    assert found["difference"] == pytest.approx(parts["sms"][0] - parts["holdout"][0], rel=1e-9)
    se = np.sqrt(parts["sms"][1] + parts["holdout"][1])
    assert (found["high"] - found["low"]) / (2 * se) == pytest.approx(1.96, abs=0.01)


def test_one_stratum_and_many_give_the_ratio_of_weighted_sums(rows):
    found = row(ex.Experiment({"ticket": ex.Ratio("value", "orders")}, strata="layer").analyze(rows), "ticket")
    weights = rows["layer"].value_counts(normalize=True)
    part = rows[rows["arm"] == "sms"].groupby("layer")[["value", "orders"]].mean()
    wanted = (weights * part["value"]).sum() / (weights * part["orders"]).sum()
    assert found["value"] == pytest.approx(wanted, rel=1e-12)
    assert found["method"] == "stratified delta"


def test_who_had_no_event_counts_with_the_horizon(rows):
    found = row(ex.Experiment({"days": ex.Duration("days", horizon="28d", direction="down")}).analyze(rows), "days")
    days = rows["days"].fillna(28.0).clip(upper=28.0)
    assert found["value"] == pytest.approx(days[rows["arm"] == "sms"].mean(), rel=1e-12)
    assert found["n"] == (rows["arm"] == "sms").sum()


def test_limits_on_both_sides(rows):
    readout = ex.Experiment({"value": ex.Mean("value", cap=(5.0, 60.0))}).analyze(rows)
    found = row(readout, "value")
    assert found["value"] == pytest.approx(rows.loc[rows["arm"] == "sms", "value"].clip(5, 60).mean(), rel=1e-12)
    assert found["method"] == "welch, capped to 5 to 60"


def test_a_quantile_is_the_one_of_arrays(rows):
    found = row(ex.Experiment({"upper": ex.Quantile("value", 0.9)}).analyze(rows), "upper")
    arrays = (rows.loc[rows["arm"] == arm, "value"].to_numpy() for arm in ("sms", "holdout"))
    wanted = ex.compare_quantiles(*arrays, q=0.9)
    assert found["low"] == pytest.approx(wanted.difference.low, rel=1e-12)
    assert found["p_value"] == pytest.approx(wanted.difference.p_value, rel=1e-12)


def test_covariates_narrow_the_interval_and_say_by_how_much(rows):
    metrics = {"plain": ex.Mean("value"), "adjusted": ex.Mean("value", covariate="tenure")}
    readout = ex.Experiment(metrics).analyze(rows)
    width = {name: row(readout, name)["high"] - row(readout, name)["low"] for name in metrics}
    assert width["adjusted"] < width["plain"]
    (gain,) = (finding for finding in readout.findings if finding.code == "ADJUSTMENT_GAIN")
    assert gain.values["width"] == pytest.approx(width["adjusted"] / width["plain"], rel=0.02)


def test_what_covariates_buy_with_clusters_is_told_by_the_clusters(rows):
    stream = np.random.default_rng(3)
    branch = np.arange(len(rows)) // 20
    table = rows.assign(branch=branch, arm=np.array(["holdout", "sms"])[branch % 2])
    table["street"] = stream.normal(size=branch.max() + 1)[branch]
    table["value"] = table["street"] + 3.0 * stream.normal(size=len(rows))  # a tenth of the variance among persons
    metrics = {"plain": ex.Mean("value"), "adjusted": ex.Mean("value", covariate="street")}
    for strata in (None, "layer"):
        readout = ex.Experiment(metrics, cluster="branch", strata=strata).analyze(table)
        error = [readout.comparison(name, arm="sms").difference.standard_error for name in metrics]
        (gain,) = (finding for finding in readout.findings if finding.code == "ADJUSTMENT_GAIN")
        assert error[1] < 0.7 * error[0]
        assert gain.values["width"] == pytest.approx(error[1] / error[0], rel=1e-9)


def test_clusters_widen_what_persons_share(rows):
    table = rows.assign(arm=rows.groupby("household")["arm"].transform("first"))
    table["value"] = table["value"] + table.groupby("household")["value"].transform("mean")
    alone = row(ex.Experiment({"value": ex.Mean("value")}).analyze(table), "value")
    together = row(ex.Experiment({"value": ex.Mean("value")}, cluster="household").analyze(table), "value")
    assert together["difference"] == pytest.approx(alone["difference"], rel=1e-12)
    assert together["high"] - together["low"] > 1.2 * (alone["high"] - alone["low"])


def test_clusters_in_two_arms_fail_the_readout(rows):
    readout = ex.Experiment({"value": ex.Mean("value")}, cluster="household").analyze(rows)
    assert "CLUSTER_SPLIT" in [finding.code for finding in readout.findings if finding.status == "fail"]
    with pytest.raises(at.DesignError, match="CLUSTER_SPLIT"):
        readout.assert_ok()


def test_the_sample_ratio_counts_clusters(rows):
    table = rows.assign(arm=rows.groupby("household")["arm"].transform("first"))
    shares = {"holdout": 0.2, "sms": 0.5, "full": 0.3}
    readout = ex.Experiment({"value": ex.Mean("value")}, cluster="household", shares=shares).analyze(table)
    (split,) = (finding for finding in readout.findings if finding.code == "SRM")
    assert sum(split.values["observed"].values()) == table["household"].nunique()


def test_the_population_is_less_certain_than_the_sample(rows):
    table = rows.assign(value=rows["value"] + 40 * rows["layer"] * (rows["arm"] == "sms"))
    widths = []
    for target in ("sample", "population"):
        found = row(ex.Experiment({"value": ex.Mean("value")}, strata="layer", target=target).analyze(table), "value")
        widths.append(found["high"] - found["low"])
    weights = table["layer"].value_counts(normalize=True)
    effects = 40 * weights.index.to_numpy()
    extra = np.sum(weights * (effects - np.sum(weights * effects)) ** 2) / len(table)
    assert widths[1] ** 2 - widths[0] ** 2 == pytest.approx((2 * 1.96) ** 2 * extra, rel=0.15)


@pytest.mark.parametrize(
    ("metric", "code"),
    [
        (ex.Count("minus"), "NEGATIVE_VALUE"),
        (ex.Duration("minus", horizon="9d"), "NEGATIVE_VALUE"),
        (ex.Ratio("value", "gaps"), "NULL_OUTCOME"),
        (ex.Mean("value", covariate="nowhere"), "MISSING_COLUMN"),
    ],
)
def test_values_that_a_metric_cannot_read(rows, metric, code):
    table = rows.assign(minus=-1.0, gaps=[np.nan, *[1.0] * (len(rows) - 1)])
    with pytest.raises(at.TableError, match=code):
        ex.Experiment({"x": metric}).analyze(table)


def test_quantiles_of_clusters_are_wider(rows):
    table = rows.assign(arm=rows.groupby("household")["arm"].transform("first"))
    table["value"] = table.groupby("household")["value"].transform("mean") + rows["tenure"] * 1e-3
    metrics = {"q": ex.Quantile("value", 0.9)}
    alone = row(ex.Experiment(metrics).analyze(table), "q")
    together = row(ex.Experiment(metrics, cluster="household").analyze(table), "q")
    assert together["difference"] == alone["difference"]
    assert together["high"] - together["low"] > 1.2 * (alone["high"] - alone["low"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"covariate": "value"}, "its own covariate"),
        ({"covariate": []}, "list of names"),
        ({"covariate": ["a", "a"]}, "twice"),
        ({"covariate": "tenure", "equal_variances": True}, "exclude each other"),
        ({"cap": (5, 1)}, "lower and an upper limit"),
    ],
)
def test_metrics_that_contradict_themselves(options, words):
    with pytest.raises(at.InputError, match=words):
        ex.Mean("value", **options)


def test_a_covariate_known_only_later_is_refused():
    with pytest.raises(at.DesignError, match="POST_ASSIGNMENT"):
        ex.Experiment({"value": ex.Mean("value", covariate="clicked")})


def test_a_stratum_that_is_the_outcome_by_another_name_is_refused(rows):
    table = rows.assign(tier=np.where(rows["woken"] == 1, "gold", "plain"))
    with pytest.raises(at.DesignError, match="'tier' decides 'woken' for every person"):
        ex.Experiment({"woken": ex.Rate("woken")}, strata="tier").analyze(table)


@pytest.mark.parametrize("aggregated", [False, True], ids=["rows", "aggregates"])
@pytest.mark.parametrize("strata", [None, "stratum"])
def test_a_cluster_in_several_strata_counts_once_in_the_split(strata, aggregated):
    # 56 clusters against 44: fine for clusters (p = 0.23), impossible for 12 times as many independent units.
    cluster = np.repeat(np.arange(100), 24)
    frame = pd.DataFrame({
        "person_id": np.arange(2400), "household": cluster, "arm": np.where(cluster < 56, "sms", "holdout"),
        "stratum": np.arange(2400) % 12, "woken": np.arange(2400) % 7 == 0,
    })  # fmt: skip
    spec = ex.Experiment(
        {"woken": ex.Rate("woken")}, cluster="household", strata=strata, shares={"sms": 0.5, "holdout": 0.5}
    )
    readout = spec.analyze(spec.aggregate(frame) if aggregated else frame)
    (split,) = [finding for finding in readout.findings if finding.code == "SRM"]
    assert split.values["observed"] == {"holdout": 44, "sms": 56}
    assert split.values["p_value"] == pytest.approx(stats.chisquare([44, 56]).pvalue, rel=1e-9)
    assert "100 clusters" in split.text("en")
    assert "persons" not in split.text("en")
    assert "100 \u4e2a\u7fa4" in split.text("zh")


def test_a_readout_speaks_the_language_that_is_set(rows):
    readout = ex.Experiment({"value": ex.Mean("value")}).analyze(rows)
    with at.language("zh"):
        assert readout.sentence() == readout.sentence("zh") != readout.sentence("en")
        assert "\u672c\u7ec4\u503c" in str(readout)  # the arm's figure, not the column of money
        assert "\u4ef7\u503c" not in str(readout)
    assert readout.sentence() == readout.sentence("en")


@pytest.mark.parametrize("options", [{"strata": "seen"}, {"cluster": "seen"}, {"strata": ["region", "seen"]}])
def test_a_measured_column_defines_no_group(options):
    with pytest.raises(at.DesignError, match="'seen' is what the metric 'x' measures"):
        ex.Experiment({"x": ex.Rate("seen")}, **options)
