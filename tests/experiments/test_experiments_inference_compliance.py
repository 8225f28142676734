"""Complier effects against R, published counts, a plain oracle, and the degenerate cases."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.optimize import brentq
from scipy.stats import t as student

import attribution as at
from attribution.core.errors import DesignError, InputError, TableError
from experiments.inference.compliance import complier_effect
from oracles.complier_effects import rejected, wald

FOLDER = Path(__file__).parents[1] / "references/compliance"
R = json.loads((FOLDER / "r_compliance.json").read_text(encoding="utf-8"))
PUBLISHED = json.loads((FOLDER / "published.json").read_text(encoding="utf-8"))
NUMBERS = [(case, name) for case, found in R["expected"].items() for name in found if name != "itt_df_model"]


def persons():
    with (FOLDER / "rows.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {case: pd.DataFrame([row for row in rows if row["case"] == case]) for case in R["expected"]}


ROWS = persons()
FOUND = {}


def found(case):
    if case not in FOUND:
        frame = ROWS[case]
        numbers = frame[["z", "d", "y"]].astype(float)
        strata = frame["stratum"] if case.startswith("strata") else None
        cluster = frame["cluster"] if case.startswith("clustered") else None
        FOUND[case] = complier_effect(numbers.z, numbers.d, numbers.y, strata=strata, cluster=cluster)
    return FOUND[case]


def figure(result, name):
    kinds = result.compliance
    read = {
        "wald": lambda: result.effect.value,
        "se": lambda: result.effect.standard_error,
        "se_clubsandwich": lambda: result.effect.standard_error,
        "itt": lambda: result.assignment.value,
        "itt_se": lambda: result.assignment.standard_error,
        "itt_p": lambda: result.assignment.p_value,
        "itt_low": lambda: result.assignment.low,
        "itt_high": lambda: result.assignment.high,
        "first_stage": lambda: result.first_stage.value,
        "first_stage_se": lambda: result.first_stage.standard_error,
        "strength": lambda: result.strength,
        "ar_low": lambda: result.robust.low,
        "ar_high": lambda: result.robust.high,
        "treated_mean": lambda: kinds.treated_mean.value,
        "untreated_mean": lambda: kinds.untreated_mean.value,
        "treated_mean_se": lambda: kinds.treated_mean.standard_error,
        "untreated_mean_se": lambda: kinds.untreated_mean.standard_error,
    }
    return read[name]()


def hc0(case):
    """The residual's variance with n in place of n - 1 in each arm."""
    frame = ROWS[case][["z", "d", "y"]].astype(float)
    result = found(case)
    rest = frame.y - result.effect.value * frame.d
    spread = sum(rest[frame.z == g].var(ddof=0) / (frame.z == g).sum() for g in (0, 1))
    return math.sqrt(spread) / abs(result.first_stage.value)


@pytest.mark.parametrize(("case", "name"), NUMBERS, ids=str)
def test_r(case, name):
    wanted = R["expected"][case][name]
    if name == "se_hc0":
        assert hc0(case) == pytest.approx(wanted, rel=1e-8)
        frame = ROWS[case]["z"].astype(float)
        if not case.startswith("clustered"):  # HC2 is larger by n / (n - 1) in each arm, nothing else
            least = min((frame == g).sum() for g in (0, 1))
            assert 1 < found(case).effect.standard_error / wanted < math.sqrt(least / (least - 1)) + 1e-9
    elif wanted is None:  # the Anderson-Rubin set has no end there
        assert found(case).robust.kind in ("all", "complement")
    else:
        assert figure(found(case), name) == pytest.approx(wanted, rel=R["rtol"], abs=1e-9)


def test_published_vitamin_a():
    rows = np.vstack([[row[:3]] * row[3] for row in PUBLISHED["inputs"]["vitamin_a_counts"]])
    result = complier_effect(rows[:, 0], rows[:, 1], rows[:, 2])
    wanted, atol = PUBLISHED["expected"], PUBLISHED["atol"]
    assert result.assignment.value == pytest.approx(wanted["itt"], abs=atol["itt"])
    assert result.effect.value == pytest.approx(wanted["cace"], abs=atol["cace"])
    assert result.first_stage.value == pytest.approx(wanted["first_stage"], abs=atol["first_stage"])
    risk = result.compliance.relative.value + 1
    assert risk == pytest.approx(wanted["relative_risk_among_compliers"], abs=5e-3)
    assert result.compliance.kind == "one_sided"
    assert result.robust.high < 0


@pytest.mark.parametrize("seed", range(6))
def test_the_oracle_of_loops(seed):
    rng = np.random.default_rng(seed)
    n = 60
    z = np.r_[np.ones(2), np.zeros(2), rng.integers(0, 2, n)]
    d = (rng.random(n + 4) < np.where(z, 0.6, 0.3)).astype(float)
    y = rng.normal(size=n + 4) + d
    result = complier_effect(z, d, y)
    ratio, error = wald(z.tolist(), d.tolist(), y.tolist())
    assert (result.effect.value, result.effect.standard_error) == pytest.approx((ratio, error), rel=1e-10)
    v1, v0 = (y[z == g].var(ddof=1) / (z == g).sum() for g in (1, 0))
    n1, n0 = (z == 1).sum(), (z == 0).sum()
    quantile = student.isf(0.025, (v1 + v0) ** 2 / (v1**2 / (n1 - 1) + v0**2 / (n0 - 1)))
    for tau in np.linspace(-8, 8, 161):
        assert result.robust.contains(tau) is not rejected(z.tolist(), d.tolist(), y.tolist(), tau, quantile)


def test_every_kind_of_column_gives_the_same_bytes():
    frame = ROWS["two_sided_rate"][["z", "d", "y"]].astype(float)
    wanted = complier_effect(frame.z.to_numpy(), frame.d.to_numpy(), frame.y.to_numpy()).to_dicts()
    polars, arrow = pl.from_pandas(frame), pa.Table.from_pandas(frame)
    given = [
        [frame[name] for name in "zdy"],
        [frame[name].tolist() for name in "zdy"],
        [frame.z.astype(bool), frame.d.astype("Int64"), frame.y],
        [polars[name] for name in "zdy"],
        [arrow.column(name) for name in "zdy"],
    ]
    for columns in given:
        assert complier_effect(*columns).to_dicts() == wanted


def test_full_compliance_is_the_difference_itself():
    z = np.repeat([1, 0], 30)
    y = np.random.default_rng(5).normal(size=60) + z
    result = complier_effect(z, z, y)
    assert result.strength == math.inf
    assert result.compliance.kind == "full"
    assert (result.robust.low, result.robust.high) == pytest.approx((result.assignment.low, result.assignment.high))
    assert result.effect.p_value == pytest.approx(result.assignment.p_value)


def test_nobody_reached_has_no_effect_among_compliers():
    z = np.repeat([1, 0], 30)
    result = complier_effect(z, np.zeros(60), np.random.default_rng(5).normal(size=60))
    assert (result.effect.value, result.effect.low, result.effect.note) == (None, None, "NO_FIRST_STAGE")
    assert (result.robust.value, result.robust.kind) == (None, "all")
    assert result.first_stage.note == "ZERO_VARIANCE"
    assert "nothing is excluded" in repr(result)
    row = result.to_dicts()[2]  # no ratio, so no p-value of it, however clear the assignment's own is
    assert (row["quantity"], row["p_value"], row["note"]) == ("anderson_rubin", None, "NO_FIRST_STAGE")


def test_a_weak_first_stage_is_said():
    result = found("weak_money")
    assert result.effect.note == "WEAK_FIRST_STAGE"
    assert [(f.code, f.status) for f in result.findings] == [("WEAK_FIRST_STAGE", "warn")]
    assert result.robust.kind != "interval"
    with at.language("zh"):
        assert "不要看 t 区间" in repr(result)


def test_swapped_arms_are_noticed():
    frame = ROWS["two_sided_money"][["z", "d", "y"]].astype(float)
    result = complier_effect(1 - frame.z, frame.d, frame.y)
    assert "NEGATIVE_FIRST_STAGE" in [f.code for f in result.findings]
    assert result.effect.value == pytest.approx(found("two_sided_money").effect.value)
    assert result.compliance.relative.value == pytest.approx(found("two_sided_money").compliance.relative.value)


def test_data_that_refute_the_exclusion():
    """Persons never treated wake more often when assigned: the assignment has another way to the outcome."""
    z = np.repeat([1, 0], 1000)
    d = np.r_[np.repeat([1, 0], [100, 900]), np.zeros(1000)]
    y = np.r_[np.repeat([1, 0], [20, 80]), np.repeat([1, 0], [400, 500]), np.repeat([1, 0], [100, 900])]
    assert "EXCLUSION_REFUTED" in [f.code for f in complier_effect(z, d, y).findings]
    calm = np.r_[np.repeat([1, 0], [30, 70]), np.repeat([1, 0], [90, 810]), np.repeat([1, 0], [100, 900])]
    assert "EXCLUSION_REFUTED" not in [f.code for f in complier_effect(z, d, calm).findings]


def test_an_arm_without_events_refutes_nothing():
    """100 held out, 1 %: no event in a third of all campaigns; the contrast then knows no variance of that arm."""
    for assigned, control in ((10_000, 100), (100, 10_000)):
        z = np.repeat([1, 0], [assigned, control])
        d = z * (np.arange(len(z)) % 2)
        y = np.zeros(len(z))
        large = np.flatnonzero(z == int(assigned > control))
        y[large[:100]] = 1.0
        assert [f.code for f in complier_effect(z, d, y).findings if f.code == "EXCLUSION_REFUTED"] == []


@pytest.mark.parametrize(("events", "said"), [(0, True), (49, True), (50, False), (950, False), (960, True)])
def test_rare_events_are_said(events, said):
    z = np.repeat([1, 0], 1_000)
    y = np.r_[np.repeat([1, 0], [300, 700]), np.repeat([1, 0], [events, 1_000 - events])]
    found = complier_effect(z, z, y).findings
    told = [f.values for f in found if f.code == "COMPLIER_RATE_RARE"]
    assert told == ([{"events": min(events, 1_000 - events), "persons": 1_000, "least": 50}] if said else [])


def test_arms_that_are_swapped_altogether_are_noticed():
    z = np.repeat([1, 0], 30)
    result = complier_effect(z, 1 - z, np.random.default_rng(5).normal(size=60))
    assert result.first_stage.value == -1.0
    assert [f.code for f in result.findings] == ["NEGATIVE_FIRST_STAGE"]


def test_a_dose_has_no_types():
    rng = np.random.default_rng(3)
    z = np.repeat([1, 0], 100)
    dose = rng.poisson(np.where(z, 3, 0.5))
    result = complier_effect(z, dose, dose * 2.0 + rng.normal(size=200))
    assert result.compliance is None
    assert result.effect.value == pytest.approx(2.0, abs=0.3)
    assert result.recipe.definitions[0] == "DOSE_EFFECT"


def test_one_person_and_no_variance():
    single = complier_effect([1, 0, 0], [1, 0, 0], [1.0, 0.5, 0.2])
    assert single.assignment.note == "TOO_FEW_PERSONS"
    assert (single.effect.low, single.robust.kind, single.strength) == (None, "all", None)
    flat = complier_effect([1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0])
    assert (flat.assignment.value, flat.assignment.p_value, flat.assignment.note) == (0.0, None, "ZERO_VARIANCE")
    assert flat.robust.kind == "all"
    assert "ZERO_VARIANCE" in flat.effect.note


def test_strata_without_both_arms_leave_with_a_finding():
    z, d = [1, 1, 0, 0, 1, 1], [1, 0, 0, 0, 1, 0]
    result = complier_effect(z, d, [1.0, 2, 0, 1, 5, 6], strata=["a", "a", "a", "a", "b", "b"])
    assert next(f.code for f in result.findings) == "STRATUM_DROPPED"
    assert result.assignment.value == pytest.approx(1.0)
    with pytest.raises(DesignError, match="NO_COMMON_STRATUM"):
        complier_effect(z, d, [1, 2, 0, 1, 5, 6], strata=["a", "b", "c", "d", "e", "f"])


def test_few_clusters():
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(4), 20)
    z = cluster % 2
    d = z * (rng.random(80) < 0.7)
    result = complier_effect(z, d, rng.normal(size=80), cluster=cluster)
    assert result.assignment.note == "TOO_FEW_CLUSTERS"
    assert result.assignment.low is not None
    alone = complier_effect(z, d, rng.normal(size=80), cluster=z)
    assert (alone.assignment.low, alone.assignment.note, alone.robust.kind) == (None, "TOO_FEW_CLUSTERS", "all")


def test_clusters_in_strata_agree_with_the_readout():
    from attribution.core.columns import Columns
    from attribution.core.tables import Problems, open_table
    from experiments.inference.clusters import clustered_figures
    from experiments.metrics import Mean, inputs_of
    from experiments.moments import metric_moments
    from experiments.moments.grid import arrange, collapse

    rng = np.random.default_rng(8)
    cluster = rng.integers(0, 30, 600)
    frame = pd.DataFrame({"cluster": cluster, "arm": cluster % 2, "stratum": rng.integers(0, 2, 600)})
    frame["y"] = rng.normal(size=600) + cluster / 10
    keys = ("stratum", "arm", "cluster")
    table = open_table(frame, "outcomes", Columns(), problems=Problems())
    moments = metric_moments(table, {"y": inputs_of(Mean("y"))}, keys=keys)["y"]
    grid = arrange(collapse(moments, 2))
    weights = grid.persons.sum(axis=1) / grid.persons.sum()
    figures = clustered_figures(moments, grid, weights=weights)
    result = complier_effect(frame.arm, frame.arm, frame.y, strata=frame.stratum, cluster=frame.cluster).assignment
    # A cluster in two strata: the readout corrects jointly, this one stratum by stratum; the two differ by little.
    assert result.value == pytest.approx(figures.value[1] - figures.value[0], rel=1e-10)
    assert result.standard_error == pytest.approx(math.sqrt(figures.contrast(1, 0)[0]), rel=0.02)


def degrees(result):
    """Degrees of freedom behind an interval."""
    quantile = (result.high - result.value) / result.standard_error
    return brentq(lambda df: student.isf(0.025, df) - quantile, 0.5, 1e4)


@pytest.mark.parametrize(("strata", "clusters"), [(6, 2), (6, 3), (4, 5), (1, 9)])
def test_every_stratum_takes_a_degree_of_freedom_of_the_clusters(strata, clusters):
    """clubSandwich (CR2, Satterthwaite), one arm's mean over 6 strata with 3 clusters each: 12.0 degrees of freedom."""
    rng = np.random.default_rng(strata)
    cluster = np.repeat(np.arange(2 * strata * clusters), 10)
    z, stratum = cluster % 2, cluster // 2 % strata
    y = rng.normal(size=cluster.size)
    y[z == 0] = np.where(cluster[z == 0] // 2 % 2, 1e-9, -1e-9)  # all variance is the treated arm's
    found = complier_effect(z, z, y, strata=stratum, cluster=cluster).assignment
    assert degrees(found) == pytest.approx(strata * (clusters - 1), rel=1e-6)


def test_degrees_of_freedom_of_clusters_in_several_strata():
    """Against the matrix of all residuals under independent errors, written down."""
    rng = np.random.default_rng(3)
    cluster, stratum = np.repeat(np.arange(14), 12), rng.integers(0, 3, 168)
    z = cluster % 2
    y = np.where(z == 1, rng.normal(size=168), 0.0)
    weights = np.bincount(stratum) / 168
    mine = np.flatnonzero(z == 1)
    rows = np.zeros((14, 168))
    for g in np.unique(cluster[mine]):
        for s in range(3):
            cell = mine[stratum[mine] == s]
            part = cell[cluster[cell] == g]
            f = len(part) / len(cell)
            rows[g, part] += weights[s] / len(cell) / math.sqrt(1 - f)
            rows[g, cell] -= f * weights[s] / len(cell) / math.sqrt(1 - f)
    spread = rows @ rows.T
    found = complier_effect(z, z, y, strata=stratum, cluster=cluster).assignment
    assert degrees(found) == pytest.approx(np.trace(spread) ** 2 / np.sum(spread**2), rel=1e-6)


def test_a_share_of_nobody_in_clusters_counts_clusters():
    cluster = np.repeat(np.arange(20), 50)
    z = cluster % 2
    d = z * (np.arange(1_000) % 3 > 0)
    result = complier_effect(z, d, np.random.default_rng(1).normal(size=1_000), cluster=cluster)
    always = result.compliance.always_takers
    assert (always.value, always.n) == (0.0, 500)
    assert always.high == pytest.approx(3.841458821 / (10 + 3.841458821))  # Wilson's limit of 0 of 10


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (([1, 1], [1, 0], [1, 2]), DesignError, "NO_HOLDOUT"),
        (([0, 0], [1, 0], [1, 2]), DesignError, "ONE_ARM"),
        (([1, 0], [1], [1, 2]), InputError, "equal length, .* treated 1"),
        (([], [], []), InputError, "no entries"),
        (([1, 2, 0], [1, 0, 0], [1, 2, 3]), TableError, "NOT_BINARY"),
        (([1, 0], [1, None], [1, math.nan]), TableError, "NULL_VALUE"),
        (([1, 0], [1, 0], [1, math.inf]), TableError, "NOT_FINITE"),
        (([1, 0], [1, 0], [1, 1e300]), TableError, "cannot be squared"),
        (([1, 0], [1, 0], ["a", "b"]), TableError, "WRONG_TYPE"),
        ((5, [1, 0], [1, 2]), InputError, "one entry per person"),
        (([1, 0], [1, 0], ["a", 1]), InputError, "one kind of value"),
    ],
)
def test_bad_columns(given, error, said):
    with pytest.raises(error, match=said):
        complier_effect(*given)


def test_what_was_received_is_no_stratum():
    z, d = [1, 1, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0]
    with pytest.raises(DesignError, match="POST_ASSIGNMENT"):
        complier_effect(z, d, [1, 2, 3, 4, 5, 6], strata=d)


def test_a_cluster_lies_in_one_arm():
    with pytest.raises(DesignError, match="CLUSTER_IN_TWO_ARMS"):
        complier_effect([1, 0, 1, 0], [1, 0, 1, 0], [1, 2, 3, 4], cluster=["a", "a", "b", "c"])


def test_level_is_checked():
    with pytest.raises(InputError, match="level"):
        complier_effect([1, 0], [1, 0], [1, 2], level=95)


def test_hostile_names_of_strata():
    names = np.array(["东区📱", "<script>", "a\x1b[2J"])[np.arange(60) % 3]
    rng = np.random.default_rng(2)
    z = rng.integers(0, 2, 60)
    result = complier_effect(z, z * rng.integers(0, 2, 60), rng.normal(size=60), strata=names)
    assert result.recipe.settings["strata"] == 3
    assert "\x1b" not in repr(result)


def test_equal_shares_that_floats_cannot_hold_are_equal():
    """2 of 5 and 4 of 10 are the same share; a ratio over what rounding leaves of them would be enormous."""
    z = np.repeat([1, 0], [5, 10])
    d = np.r_[1, 1, 0, 0, 0, np.repeat([1, 0], [4, 6])]
    result = complier_effect(z, d, np.arange(15) % 4)
    assert (result.first_stage.value, result.effect.note, result.robust.value) == (0.0, "NO_FIRST_STAGE", None)
