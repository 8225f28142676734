"""Clusters against R, a slow oracle and special cases, and what happens with few or broken clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from adjustment_cases import case, reference, reference_keys
from attribution.core.errors import DesignError
from experiments.inference.clusters_checks import cluster_findings, intra_cluster_correlation
from experiments.inference.figures import compare_figures
from experiments.inference.means import compare_means
from oracles.cluster_variance import cluster_variance


def drawn(clusters=24, seed=5, arms=("a", "b"), across=False):
    rng = np.random.default_rng(seed)
    size = rng.integers(2, 12, clusters)
    frame = pd.DataFrame(
        {"cluster": np.arange(clusters), "arm": np.resize(arms, clusters), "base": rng.normal(size=clusters)}
    )
    frame["s"] = rng.choice(["north", "south"], clusters)
    frame = frame.loc[np.repeat(frame.index, size)].reset_index(drop=True)
    n = len(frame)
    if across:
        frame["s"] = rng.choice(["north", "south"], n)
    frame["x"] = rng.lognormal(size=n) + frame.base
    frame["z"] = rng.normal(size=n)
    frame["y"] = frame.base + frame.x + (frame.arm == "b") * 0.5 + rng.normal(size=n)
    frame["bottom"] = 1.0 + rng.poisson(2.0, n)
    return frame


def found(made, key):
    figures = made.clustered()
    comparison = compare_figures(figures, 1, 0, level=0.95).difference
    return {
        "value": lambda: figures.value,
        "se": lambda: np.sqrt(np.diag(figures.covariance)),
        "df": lambda: figures.freedom,
        "difference": lambda: comparison.value,
        "difference_se": lambda: comparison.standard_error,
        "correlation": lambda: intra_cluster_correlation(made.clusters).correlation,
    }[key]()


@pytest.mark.parametrize(("path", "key"), reference_keys("clusters"), ids="-".join)
def test_r_gives_the_same_number(path, key):
    made, expected, tolerance = reference(path)
    assert found(made, key) == pytest.approx(np.array(expected[key]), **tolerance)


@pytest.mark.parametrize("across", [False, True], ids=["nested", "across strata"])
@pytest.mark.parametrize("covariates", [(), ("x",), ("x", "z")], ids=["0", "1", "2"])
@pytest.mark.parametrize("strata", [(), ("s",)], ids=["one stratum", "strata"])
def test_the_oracle_gives_the_same_figures(strata, covariates, across):
    frame = drawn(across=across)
    made = case(frame, covariates=covariates, strata=strata, cluster="cluster")
    figures = made.clustered()
    expected = [
        cluster_variance(frame, arm, covariates=list(covariates), stratum=strata[0] if strata else None) for arm in "ab"
    ]
    np.testing.assert_allclose(figures.value, [value for value, _, _ in expected], rtol=1e-9)
    np.testing.assert_allclose(np.diag(figures.covariance), [variance for _, variance, _ in expected], rtol=1e-9)
    np.testing.assert_allclose(figures.freedom, [freedom for _, _, freedom in expected], rtol=1e-8)
    assert figures.method.endswith("adjusted cluster" if covariates else "cluster")


def test_the_oracle_gives_the_same_ratio():
    frame = drawn()
    made = case(frame, bottom="bottom", cluster="cluster")
    ratio = made.clustered().value
    for i, arm in enumerate("ab"):
        part = frame[frame.arm == arm]
        linear = frame.assign(y=(frame.y - ratio[i] * frame.bottom) / part.bottom.mean())
        assert ratio[i] == pytest.approx(part.y.sum() / part.bottom.sum(), rel=1e-12)
        _, variance, freedom = cluster_variance(linear, arm, covariates=[], stratum=None)
        assert made.clustered().covariance[i, i] == pytest.approx(variance, rel=1e-9)
        assert made.clustered().freedom[i] == pytest.approx(freedom, rel=1e-8)


def test_equal_clusters_are_welch_on_their_means():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"cluster": np.repeat(np.arange(17), 5), "arm": np.repeat(np.resize(["a", "b", "b"], 17), 5)})
    frame["y"] = rng.normal(size=85) + np.repeat(rng.normal(size=17), 5) + 4.0
    ours = compare_figures(case(frame, cluster="cluster").clustered(), 1, 0, level=0.9)
    means = frame.groupby(["arm", "cluster"]).y.mean()
    b, a = means["b"], means["a"]
    welch = compare_means(b.mean(), b.std(), len(b), a.mean(), a.std(), len(a), level=0.9)
    for one, two in ((ours.difference, welch.difference), (ours.relative, welch.relative)):
        assert [one.value, one.low, one.high, one.p_value] == pytest.approx(
            [two.value, two.low, two.high, two.p_value], rel=1e-9
        )


@pytest.mark.parametrize("covariates", [(), ("x",)], ids=["plain", "adjusted"])
def test_clusters_of_one_person_are_no_clusters(covariates):
    frame = drawn().assign(cluster=lambda table: np.arange(len(table)))
    made = case(frame, covariates=covariates, cluster="cluster")
    rows = case(frame, covariates=covariates)
    expected = rows.adjusted() if covariates else None
    figures = made.clustered()
    if expected is None:
        np.testing.assert_allclose(
            np.diag(figures.covariance), rows.grid.covariance[0, :, 0, 0] / rows.grid.n[0], rtol=1e-9
        )
        np.testing.assert_allclose(figures.freedom, rows.grid.n[0] - 1.0, rtol=1e-9)
    else:
        np.testing.assert_allclose(figures.covariance, expected.covariance, rtol=1e-9)
        np.testing.assert_allclose(figures.freedom, expected.freedom, rtol=1e-9)


def test_the_population_of_one_person_clusters_is_that_of_persons():
    frame = drawn().assign(cluster=lambda table: np.arange(len(table)))
    made = case(frame, covariates=["x"], cluster="cluster", strata=["s"])
    added = made.clustered(target="population").covariance - made.clustered().covariance
    rows = case(frame, covariates=["x"], strata=["s"])
    expected = rows.adjusted(target="population").covariance - rows.adjusted().covariance
    np.testing.assert_allclose(added, expected, rtol=0.02)  # n / (n - 1) by stratum there, over all clusters here


@pytest.mark.parametrize("covariates", [(), ("x",)], ids=["plain", "adjusted"])
def test_offsets_change_nothing(covariates):
    frame = drawn()
    frame["x"] = np.round(frame.x * 64) / 64
    plain, moved = (
        case(frame.assign(x=frame.x + by, y=frame.y + by / 1e3), covariates=covariates, cluster="cluster").clustered()
        for by in (0.0, 1e9)
    )
    np.testing.assert_allclose(moved.value[1] - moved.value[0], plain.value[1] - plain.value[0], rtol=1e-6)
    np.testing.assert_allclose(np.diag(moved.covariance), np.diag(plain.covariance), rtol=1e-6)


def test_two_equal_clusters_per_arm_have_one_degree_of_freedom():
    frame = pd.DataFrame({"cluster": list("ppqqrrss"), "arm": list("aaaabbbb"), "y": [1.0, 2, 3, 5, 4, 4, 8, 9]})
    figures = case(frame, cluster="cluster").clustered()
    np.testing.assert_allclose(figures.freedom, 1.0, rtol=1e-12)
    assert figures.note == "TOO_FEW_CLUSTERS"
    difference = compare_figures(figures, 1, 0, level=0.95).difference
    assert difference.low is not None
    assert difference.low < difference.value < difference.high


@pytest.mark.parametrize("strata", [(), ("s",)], ids=["in an arm", "in a stratum of an arm"])
def test_one_cluster_has_no_variance(strata):
    frame = drawn(across=False)
    first = frame.cluster[frame.arm == "a"].iloc[0]
    frame = frame[(frame.arm == "b") | (frame.cluster == first)].assign(s="south")
    if strata:
        more = drawn(seed=6).assign(s="north", cluster=lambda table: table.cluster + 100)
        frame = pd.concat([frame, more])
    figures = case(frame, strata=strata, cluster="cluster").clustered()
    assert "TOO_FEW_CLUSTERS" in figures.note
    difference = compare_figures(figures, 1, 0, level=0.95).difference
    assert difference.value is not None
    assert difference.low is None
    assert "TOO_FEW_CLUSTERS" in difference.note


def test_too_few_clusters_for_a_covariate_are_refused():
    frame = drawn(clusters=6).loc[lambda table: np.repeat(table.index, 20)].reset_index(drop=True)
    with pytest.raises(DesignError, match=r"TOO_FEW_FOR_ADJUSTMENT: the arm 'a' has 3 cluster\(s\) for 1 coefficient"):
        case(frame, covariates=["x"], cluster="cluster").clustered()


def test_a_rate_without_events_in_one_arm_keeps_the_other_arms_spread():
    frame = drawn()
    frame["y"] = ((frame.arm == "b") & (frame.z > 1.0)).astype(int)
    comparison = compare_figures(case(frame, cluster="cluster").clustered(), 1, 0, level=0.95)
    assert comparison.difference.low < comparison.difference.value
    assert comparison.relative.note == "BASE_NOT_POSITIVE"


def test_a_cluster_in_two_arms_is_a_failure_that_names_it():
    frame = drawn()
    frame.loc[frame.cluster == 7, "arm"] = np.resize(["a", "b"], int((frame.cluster == 7).sum()))
    (finding,) = cluster_findings(case(frame, cluster="cluster").clusters, column="branch")
    assert (finding.code, finding.status) == ("CLUSTER_SPLIT", "fail")
    assert finding.values["names"] == "7"
    assert "1 of 24 clusters of branch" in finding.text("en")
    assert "24 个群中有 1 个" in finding.text("zh")


def test_few_clusters_are_warned_of():
    (finding,) = cluster_findings(case(drawn(clusters=8), cluster="cluster").clusters)
    assert (finding.code, finding.status, finding.values["clusters"]) == ("TOO_FEW_CLUSTERS", "warn", 4)
    assert cluster_findings(case(drawn(), cluster="cluster").clusters) == ()


def test_the_design_effect_is_that_of_the_variances():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"cluster": np.repeat(np.arange(4000), 10), "arm": np.repeat(np.resize(["a", "b"], 4000), 10)})
    frame["y"] = np.sqrt(0.1) * np.repeat(rng.normal(size=4000), 10) + np.sqrt(0.9) * rng.normal(size=40_000)
    made = case(frame, cluster="cluster")
    found = intra_cluster_correlation(made.clusters)
    assert found.correlation == pytest.approx(0.1, abs=0.012)  # 4 standard errors
    inflation = made.clustered().covariance[0, 0] / (made.grid.covariance[0, 0, 0, 0] / made.grid.n[0, 0])
    assert found.design_effect == pytest.approx(inflation, rel=0.03)


def test_clusters_without_a_correlation_to_measure_say_none():
    frame = drawn().assign(cluster=lambda table: np.arange(len(table)))
    assert intra_cluster_correlation(case(frame, cluster="cluster").clusters).correlation is None
    assert intra_cluster_correlation(case(drawn().assign(y=1.0), cluster="cluster").clusters).design_effect is None


def test_the_experiment_counts_clusters():
    frame = drawn(clusters=40).rename(columns={"cluster": "branch"})
    frame["person_id"] = np.arange(len(frame))
    metrics = {"y": ex.Mean("y"), "adjusted": ex.Mean("y", covariate=["x"]), "ratio": ex.Ratio("y", "bottom")}
    readout = ex.Experiment(metrics, control="a", cluster="branch", shares={"a": 0.5, "b": 0.5}).analyze(frame)
    rows = {row["metric"]: row for row in readout.to_dicts()}
    made = case(frame, covariates=["x"], cluster="branch")
    expected = compare_figures(made.clustered(), 1, 0, level=0.95).difference
    assert rows["adjusted"]["method"] == "adjusted cluster"
    assert [rows["adjusted"]["low"], rows["adjusted"]["high"]] == pytest.approx([expected.low, expected.high])
    assert rows["ratio"]["method"] == "cluster"
