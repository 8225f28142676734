"""The readout: by hand, over strata, by steps, on every kind of table, in words, and every refusal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import attribution as at
import experiments as ex
from attribution.core.randomness import generator

COLUMNS = [
    "metric", "arm", "control", "n", "n_control", "value", "value_control", "difference", "low", "high", "relative",
    "relative_low", "relative_high", "relative_kind", "p_value", "p_adjusted", "method", "note",
]  # fmt: skip
SPEC = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value"), "closed": ex.Rate("closed")})


def outcomes(seed=0, n=3_000, shares=(0.4, 0.3, 0.3)):
    random = generator(seed, "test.readout")
    arm = np.array(["holdout", "sms", "full"], dtype=object)[random.choice(3, size=n, p=shares)]
    wave = random.integers(3, size=n)
    rate = 0.05 + 0.04 * (arm == "full") + 0.02 * (arm == "sms") + 0.03 * wave
    woken = (random.random(n) < rate).astype(int)
    return pd.DataFrame({
        "person_id": [f"p{i}" for i in range(n)],
        "arm": arm,
        "p_assign": np.array(shares)[pd.Categorical(arm, ["holdout", "sms", "full"]).codes],
        "wave": wave,
        "woken": woken,
        "value": np.round(woken * random.lognormal(3, 1, size=n), 2),
        "closed": (random.random(n) < 0.01).astype(int),
    })  # fmt: skip


def row(table, metric, arm):
    return table[(table["metric"] == metric) & (table["arm"] == arm)].iloc[0]


def test_the_table_has_the_contracts_columns_and_rows():
    table = SPEC.analyze(outcomes()).table()
    assert list(table) == COLUMNS
    assert list(zip(table["metric"], table["arm"], strict=True)) == [
        (metric, arm) for metric in ("woken", "value", "closed") for arm in ("full", "sms")
    ]
    assert set(table["control"]) == {"holdout"}


def test_the_numbers_are_those_of_the_rows():
    rows = outcomes(1)
    table = SPEC.analyze(rows).table()
    treated, control = (rows[rows["arm"] == arm] for arm in ("sms", "holdout"))
    woken = row(table, "woken", "sms")
    direct = ex.compare_rates(treated["woken"].sum(), len(treated), control["woken"].sum(), len(control))
    assert (woken["n"], woken["n_control"]) == (len(treated), len(control))
    for name, value in (
        ("difference", direct.difference.value), ("low", direct.difference.low), ("high", direct.difference.high),
        ("relative", direct.relative.value), ("relative_low", direct.relative.low),
        ("p_value", direct.difference.p_value),
    ):  # fmt: skip
        assert woken[name] == pytest.approx(value, rel=1e-12)
    value = row(table, "value", "sms")
    welch = stats.ttest_ind(treated["value"], control["value"], equal_var=False)
    interval = welch.confidence_interval()
    assert value["difference"] == pytest.approx(treated["value"].mean() - control["value"].mean(), rel=1e-10)
    assert value["p_value"] == pytest.approx(welch.pvalue, rel=1e-9)
    assert (value["low"], value["high"]) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_strata_are_weighted_by_all_persons_of_the_experiment():
    rows = outcomes(2)
    spec = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, strata="wave")
    table = spec.analyze(rows).table()
    weights = rows.groupby("wave").size() / len(rows)
    for metric in ("woken", "value"):
        means = rows.pivot_table(index="wave", columns="arm", values=metric, aggfunc="mean")
        by_hand = ((means["full"] - means["holdout"]) * weights).sum()
        assert row(table, metric, "full")["difference"] == pytest.approx(by_hand, rel=1e-12)
        assert row(table, metric, "full")["value"] == pytest.approx((means["full"] * weights).sum(), rel=1e-12)
    spread = rows.groupby(["wave", "arm"])["value"].agg(["var", "size"])
    variance = sum(
        weights[wave] ** 2 * spread.loc[(wave, arm), "var"] / spread.loc[(wave, arm), "size"]
        for wave in range(3) for arm in ("full", "holdout")
    )  # fmt: skip
    found = spec.analyze(rows).comparison("value", arm="full").difference
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-12)


@pytest.mark.parametrize("strata", [None, "wave", ["wave", "p_assign"]])
def test_steps_add_up_to_the_total(strata):
    shares = (1 / 3, 1 / 3, 1 / 3)
    spec = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, strata=strata)
    readout = spec.analyze(outcomes(3, shares=shares))
    steps = readout.steps(["holdout", "sms", "full"])
    assert list(steps.table()) == COLUMNS
    assert steps.table()["control"].tolist() == ["holdout", "sms"] * 2
    for metric in ("woken", "value"):
        total = row(readout.table(), metric, "full")["difference"]
        assert abs(sum(r["difference"] for r in steps.to_dicts() if r["metric"] == metric) - total) < 1e-12
    assert "do not add" in repr(steps)


def test_a_stratum_without_an_arm_leaves_every_contrast():
    rows = outcomes(4)
    rows = rows[~((rows["wave"] == 2) & (rows["arm"] == "full"))]
    readout = ex.Experiment({"woken": ex.Rate("woken")}, strata="wave").analyze(rows)
    kept = rows[rows["wave"] < 2]
    sms = row(readout.table(), "woken", "sms")
    assert sms["n"] == (kept["arm"] == "sms").sum()
    means = kept.pivot_table(index="wave", columns="arm", values="woken", aggfunc="mean")
    weights = kept.groupby("wave").size() / len(kept)
    assert sms["difference"] == pytest.approx(((means["sms"] - means["holdout"]) * weights).sum(), rel=1e-12)
    (finding,) = [finding for finding in readout.findings if finding.code == "STRATUM_DROPPED"]
    assert (finding.status, finding.values["persons"]) == ("warn", (rows["wave"] == 2).sum())


def test_no_common_stratum_is_refused():
    rows = pd.DataFrame({"person_id": range(4), "arm": ["holdout", "a"] * 2, "s": [1, 2, 1, 2], "woken": [0, 1, 0, 1]})
    with pytest.raises(at.DesignError, match="NO_COMMON_STRATUM"):
        ex.Experiment({"woken": ex.Rate("woken")}, strata="s").analyze(rows)


def test_every_kind_of_table_gives_the_same_bytes(table_kind):
    rows = outcomes(5)
    spec = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, strata="wave", shares="p_assign")
    plain, made = spec.analyze(rows), spec.analyze(table_kind(rows))
    pd.testing.assert_frame_equal(made.table(), plain.table(), check_exact=True)
    assert made.recipe.fingerprint == plain.recipe.fingerprint
    assert repr(made) == repr(plain)


def test_the_order_of_rows_changes_no_byte():
    rows = outcomes(6)
    spec = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, strata="wave", shares="p_assign")
    plain, made = spec.analyze(rows), spec.analyze(rows.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(made.table(), plain.table(), check_exact=True)
    assert made.recipe.fingerprint == plain.recipe.fingerprint


def test_p_values_are_adjusted_within_their_family():
    readout = SPEC.analyze(outcomes(7))
    table = readout.table()
    for family in (["woken"], ["value", "closed"]):
        part = table[table["metric"].isin(family)]
        assert part["p_adjusted"].tolist() == pytest.approx(list(ex.adjust_pvalues(part["p_value"], method="holm")))
    metrics = dict(SPEC.metrics)
    plain = ex.Experiment(metrics, correction=None).analyze(outcomes(7)).table()
    assert plain["p_adjusted"].tolist() == plain["p_value"].tolist()


def test_guardrails_are_in_no_family():
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value"), "closed": ex.Rate("closed", role="guardrail")}
    table = ex.Experiment(metrics).analyze(outcomes(7)).table()
    assert table[table["metric"] == "closed"]["p_adjusted"].isna().all()
    alone = table[table["metric"] == "value"]
    assert alone["p_adjusted"].tolist() == pytest.approx(list(ex.adjust_pvalues(alone["p_value"], method="holm")))
    named = ex.Experiment(dict(SPEC.metrics), guardrails=[ex.Guardrail("closed", 0.001)])
    assert named.roles == {"woken": "primary", "value": "secondary", "closed": "guardrail"}


def test_a_comparison_is_a_row_of_the_table():
    readout = SPEC.analyze(outcomes(8))
    found = readout.comparison("value", arm="full")
    assert found.difference.value == row(readout.table(), "value", "full")["difference"]
    swapped = readout.comparison("value", arm="holdout", against="full")
    assert swapped.difference.value == pytest.approx(-found.difference.value, rel=1e-15)
    with pytest.raises(at.InputError, match="Did you mean 'full'"):
        readout.comparison("value", arm="fulll")
    with pytest.raises(at.InputError, match="no metric 'valeu'"):
        readout.comparison("valeu", arm="full")
    with pytest.raises(at.InputError, match="compared with itself"):
        readout.comparison("value", arm="full", against="full")


@pytest.mark.parametrize(
    "order", ["holdout", ["holdout"], ["sms", "holdout"], ["holdout", "sms", "sms"], ["holdout", "x"]]
)
def test_a_bad_order_of_steps_is_refused(order):
    with pytest.raises(at.InputError, match=r"order|no arm"):
        SPEC.analyze(outcomes(8)).steps(order)


def test_a_capped_mean_says_so():
    rows = outcomes(9)
    table = ex.Experiment({"value": ex.Mean("value", cap=20.0)}).analyze(rows).table()
    capped = rows.assign(value=rows["value"].clip(upper=20.0)).groupby("arm")["value"].mean()
    assert row(table, "value", "sms")["value"] == pytest.approx(capped["sms"], rel=1e-12)
    assert row(table, "value", "sms")["method"] == "welch, capped at 20"


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("lift", [0, 40, -40])
def test_the_sentence_says_what_the_interval_says(lang, lift):
    hits = {"holdout": 100, "sms": 100 + lift}
    rows = pd.DataFrame(
        [{"person_id": f"{arm}{i}", "arm": arm, "woken": int(i < hits[arm])} for arm in hits for i in range(2_000)]
    )
    sentence = ex.Experiment({"woken": ex.Rate("woken")}).analyze(rows).sentence(lang)
    words = {
        ("en", 0): "do not settle the sign", ("en", 40): "higher by", ("en", -40): "lower;",
        ("zh", 0): "不足以判断", ("zh", 40): "高出", ("zh", -40): "更低",
    }  # fmt: skip
    assert words[lang, lift] in sentence
    assert ("wished direction" in sentence or "期望方向相反" in sentence) == (lift < 0)
    assert "95%" in sentence
    for never in ("proves", "no effect", "证明有效", "没有效果"):
        assert never not in sentence


def test_a_failed_check_comes_before_the_figures():
    rows = outcomes(10)
    lost = rows.drop(rows[rows["arm"] == "sms"].index[::5])
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(lost)
    assert readout.sentence("en").startswith("The trust checks failed (SRM)")
    assert readout.sentence("zh").startswith("可信性检查未通过（SRM）")
    with pytest.raises(at.DesignError, match=r"INVALID: .*SRM") as error:
        readout.assert_ok()
    assert error.value.code == "INVALID"


def test_a_sound_experiment_is_ok():
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes(11))
    assert readout.assert_ok() is None
    assert [finding.status for finding in readout.findings if finding.code == "SRM"] == ["pass"]


def test_without_shares_the_sample_ratio_is_unknown():
    readout = SPEC.analyze(outcomes(11))
    assert [finding.status for finding in readout.findings if finding.code == "SRM"] == ["unknown"]
    assert "[unknown] SRM" in repr(readout)


def test_names_are_escaped_and_shown_in_both_languages():
    rows = outcomes(12).replace({"arm": {"sms": "<b>sms</b>"}})
    readout = ex.Experiment({"<i>woken</i>": ex.Rate("woken")}).analyze(rows)
    assert "<b>" not in readout._repr_html_()
    assert "&lt;b&gt;sms" in readout._repr_html_()
    assert "<i>" not in readout._repr_html_()
    with at.language("zh"):
        assert "试验共 3,000 人" in repr(readout)
        assert "相对提升" in readout.to_markdown()


def test_a_contrast_without_variance_is_undefined_in_words():
    rows = pd.DataFrame({"person_id": range(6), "arm": ["holdout", "a"] * 3, "value": [1.0] * 6})
    readout = ex.Experiment({"value": ex.Mean("value")}).analyze(rows)
    assert "no interval (ZERO_VARIANCE)" in readout.sentence("en")
    assert readout.to_dicts()[0]["p_adjusted"] is None


# --- missing outcomes ----------------------------------------------------------------------------


def test_missing_as_zero_counts_the_person():
    rows = outcomes(13).astype({"value": float})
    rows.loc[rows.index[:300], "value"] = np.nan
    table = ex.Experiment({"value": ex.Mean("value", missing="zero")}).analyze(rows).table()
    filled = SPEC.analyze(rows.fillna({"value": 0.0})).table()
    assert row(table, "value", "sms")["difference"] == row(filled, "value", "sms")["difference"]
    assert row(table, "value", "sms")["n"] == (rows["arm"] == "sms").sum()


def test_missing_excluded_leaves_the_metric_only():
    rows = outcomes(14).astype({"value": float})
    rows.loc[rows.index[:300], "value"] = np.nan
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value", missing="exclude")}
    readout = ex.Experiment(metrics).analyze(rows)
    sms = rows[rows["arm"] == "sms"]
    assert row(readout.table(), "value", "sms")["n"] == sms["value"].notna().sum()
    assert row(readout.table(), "woken", "sms")["n"] == len(sms)
    assert [f.status for f in readout.findings if f.code == "MISSING_OUTCOME"] == ["note"]


def test_missing_outcomes_bound_the_difference():
    rows = pd.DataFrame({
        "person_id": range(20), "arm": ["holdout"] * 10 + ["sms"] * 10, "woken": 0,
        "closed": [1, 0, None, *[0] * 7, 1, 1, None, None, *[0] * 6],
    })  # fmt: skip
    metrics = {"woken": ex.Rate("woken"), "closed": ex.Rate("closed", missing="exclude")}
    readout = ex.Experiment(metrics).analyze(rows)
    (finding,) = [f for f in readout.findings if f.code == "MISSING_BOUNDS"]
    assert finding.values["low"] == pytest.approx(0.2 - 0.2, abs=1e-15)
    assert finding.values["high"] == pytest.approx(0.4 - 0.1)
    assert "between 0 and 30.0 pp" in finding.text("en").replace("−0 and", "0 and")
    complete = ex.Experiment(metrics).analyze(rows.fillna(0))
    assert not [f for f in complete.findings if f.code.startswith("MISSING")]


def test_arms_that_miss_outcomes_differently_fail():
    rows = outcomes(15).astype({"value": float})
    rows.loc[rows[rows["arm"] == "sms"].index[:100], "value"] = np.nan
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value", missing="exclude")}
    readout = ex.Experiment(metrics).analyze(rows)
    assert [f.status for f in readout.findings if f.code == "MISSING_OUTCOME"] == ["fail"]


def test_the_primary_metric_excludes_nobody():
    with pytest.raises(at.DesignError, match="PRIMARY_EXCLUDES"):
        ex.Experiment({"woken": ex.Rate("woken", missing="exclude")})


# --- refusals ------------------------------------------------------------------------------------

BASE = pd.DataFrame({
    "person_id": ["a", "b", "c", "d"], "arm": ["holdout", "sms"] * 2, "p_assign": 0.5, "woken": [0, 1, 0, 1],
    "value": [0.0, 2.0, 1.0, 3.0], "wave": ["x", "x", "y", "y"],
})  # fmt: skip


@pytest.mark.parametrize(
    ("change", "options", "code"),
    [
        ({"person_id": ["a", "a", "c", "d"]}, {}, "REPEATED_PERSON"),
        ({"person_id": ["a", None, "c", "d"]}, {}, "NULL_KEY"),
        ({"arm": ["holdout", "sms", None, "sms"]}, {}, "NULL_KEY"),
        ({"arm": ["holdout", "sms", 3, "sms"]}, {}, "MIXED_TYPES"),
        ({"woken": [0, 1, 2, 1]}, {}, "NOT_BINARY"),
        ({"woken": [0, 1, None, 1]}, {}, "NULL_OUTCOME"),
        ({"value": [0, 1, np.inf, 1]}, {}, "NOT_FINITE"),
        ({"value": list("abcd")}, {}, "WRONG_TYPE"),
        ({"wave": ["x", None, "y", "y"]}, {"strata": "wave"}, "NULL_KEY"),
        ({}, {"strata": "weve"}, "MISSING_COLUMN"),
        ({}, {"shares": {"holdout": 0.5, "sms": 0.3, "full": 0.2}}, "UNKNOWN_ARM"),
        ({}, {"shares": {"holdout": 1.0}}, "UNKNOWN_ARM"),
        ({}, {"shares": {"holdout": 0.5, "sms": 0.4}}, "SHARES_SUM"),
        ({}, {"shares": "p_asign"}, "MISSING_COLUMN"),
        ({"p_assign": [0.5, 0.5, 1.5, 0.5]}, {"shares": "p_assign"}, "BAD_PROBABILITY"),
        ({"p_assign": [0.5, 0.4, 0.5, 0.4]}, {"shares": "p_assign"}, "SHARES_SUM"),
    ],
)
def test_bad_outcomes_are_refused(change, options, code):
    spec = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, **options)
    with pytest.raises(at.TableError, match=code):
        spec.analyze(BASE.assign(**change))


def test_all_problems_are_told_at_once():
    spec = ex.Experiment({"woken": ex.Rate("woken"), "x": ex.Mean("x"), "value": ex.Mean("value")})
    with pytest.raises(at.TableError, match="4 problems") as error:
        spec.analyze(BASE.assign(woken=[0, 1, 2, 1], person_id="a", value=[None, 1.0, 2.0, 3.0]).drop(columns="wave"))
    assert {issue.code: issue.count for issue in error.value.issues} == {
        "NOT_BINARY": 1, "REPEATED_PERSON": 3, "MISSING_COLUMN": 1, "NULL_OUTCOME": 1,
    }  # fmt: skip


def test_no_control_is_refused_even_with_shares():
    treated = BASE.assign(arm=["sms", "full"] * 2)
    for shares in (None, {"holdout": 0.5, "sms": 0.5}, "p_assign"):
        with pytest.raises(at.DesignError, match="NO_HOLDOUT") as error:
            ex.Experiment({"woken": ex.Rate("woken")}, shares=shares).analyze(treated)
        assert error.value.code == "NO_HOLDOUT"


def test_a_table_without_rows_is_refused():
    with pytest.raises(at.DesignError, match="NO_HOLDOUT: the table of outcomes has no rows"):
        ex.Experiment({"woken": ex.Rate("woken")}).analyze(BASE.iloc[:0])


def test_a_control_alone_is_refused():
    with pytest.raises(at.DesignError, match="ONE_ARM"):
        ex.Experiment({"woken": ex.Rate("woken")}).analyze(BASE.assign(arm="holdout"))


@pytest.mark.parametrize(
    "options",
    [
        {"arm": "answered"}, {"strata": "n_touches"}, {"strata": ["wave", "woken"]},
        {"arm": "reached", "post": ["reached"]}, {"strata": "reached", "post": "reached"},
    ],
)  # fmt: skip
def test_columns_known_after_assignment_define_no_groups(options):
    with pytest.raises(at.DesignError, match=r"POST_ASSIGNMENT.*complier_effect"):
        ex.Experiment({"woken": ex.Rate("woken")}, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metrics": {}}, "at least one"),
        ({"metrics": {"a": "woken"}}, "must be one of Rate"),
        ({"metrics": {1: ex.Rate("a")}}, "must be text"),
        ({"shares": 0.5}, "shares must be"),
        ({"shares": {"holdout": 0.0}}, "must lie above 0"),
        ({"strata": 3}, "strata must be"),
        ({"level": 95}, "level=0.95"),
        ({"correction": "dunnet"}, "correction must be"),
        ({"guardrails": ["closed"]}, "metric and a margin"),
        ({"guardrails": "closed"}, "list of guardrails"),
        ({"strata": "arm"}, "cannot be a stratum as well"),
    ],
)
def test_bad_declarations_are_refused(options, words):
    with pytest.raises(at.InputError, match=words):
        ex.Experiment(**{"metrics": {"woken": ex.Rate("woken")}, **options})


def test_a_result_is_accepted_as_a_table():
    c = ex.simulate("default", persons=2_000, seed=1)
    built = ex.build_outcomes(c.assignment, c.conversions, as_of=c.as_of)
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign")
    direct, plain = spec.analyze(built), spec.analyze(built.table())
    pd.testing.assert_frame_equal(direct.table(), plain.table(), check_exact=True)
    assert {f.code for f in built.findings} <= {f.code for f in direct.findings}


def test_every_problem_is_told_once():
    spec = ex.Experiment(
        {"woken": ex.Rate("woken"), "value": ex.Mean("value")}, strata="weve", shares={"holdout": 0.5, "sms": 0.4}
    )
    with pytest.raises(at.TableError, match="problems") as error:
        spec.analyze(BASE.assign(arm=["holdout", None, "holdout", "sms"], woken=[0, 1, 2, 1]))
    told = [(issue.code, issue.column) for issue in error.value.issues]
    assert sorted(told) == [("MISSING_COLUMN", "weve"), ("NOT_BINARY", "woken"), ("NULL_KEY", "arm")]
    spec = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, shares={"holdout": 0.5, "sms": 0.4})
    with pytest.raises(at.TableError, match="problems") as error:
        spec.analyze(BASE.assign(woken=[0, 1, 2, 1]))
    assert {issue.code for issue in error.value.issues} == {"NOT_BINARY", "SHARES_SUM"}
    with pytest.raises(at.TableError, match="1 problem in") as error:
        spec.analyze(BASE.assign(arm=["holdout", None, "holdout", "sms"]))
    assert [issue.count for issue in error.value.issues] == [1]
