"""Covariate adjustment against R, statsmodels and special cases, and what it does where it cannot be done."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from adjustment_cases import case, reference, reference_keys
from attribution.core.errors import DesignError
from experiments.inference.adjusted_gain import adjustment_findings, adjustment_gain, stratification_gain
from experiments.inference.adjusted_slopes import kept_covariates
from experiments.inference.figures import compare_figures
from experiments.inference.means import mean_figures
from experiments.inference.sum_ratios import ratio_figures
from experiments.moments.grid import arrange


def drawn(n=400, seed=3, arms=("a", "b"), shares=(0.3, 0.7)):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"arm": rng.choice(arms, n, p=shares), "x": rng.lognormal(size=n), "z": rng.normal(size=n)})
    frame["s"] = rng.choice(["north", "south"], n, p=[0.6, 0.4])
    frame["y"] = 2.0 + frame.x + (frame.arm == "b") * (0.4 + 0.3 * frame.x) + rng.normal(size=n)
    frame["bottom"] = 1.0 + rng.poisson(1.0 + frame.x)
    return frame


def found(made, key):
    figures = made.adjusted()
    comparison = compare_figures(figures, 1, 0, level=0.95).difference
    return {
        "value": lambda: figures.value,
        "se": lambda: np.sqrt(np.diag(figures.covariance)),
        "df": lambda: figures.freedom,
        "se_moments": lambda: np.sqrt(np.diag(made.from_moments().covariance)),
        "lin_difference": lambda: comparison.value,
        "lin_se": lambda: comparison.standard_error,
        "population_se": lambda: (
            compare_figures(made.adjusted(target="population"), 1, 0, level=0.95).difference.standard_error
        ),
    }[key]()


@pytest.mark.parametrize(("path", "key"), reference_keys("adjustment"), ids="-".join)
def test_r_gives_the_same_number(path, key):
    made, expected, tolerance = reference(path)
    assert found(made, key) == pytest.approx(np.array(expected[key]), **tolerance)


@pytest.mark.parametrize("path", sorted({path for path, _ in reference_keys("adjustment")}))
def test_moments_give_the_same_figures_as_rows(path):
    made, _, _ = reference(path)
    assert made.from_moments().value == pytest.approx(made.adjusted().value, rel=1e-11)


def test_statsmodels_gives_the_same_difference_and_error():
    import statsmodels.api as sm

    frame = drawn()
    treated = (frame.arm == "b").to_numpy(dtype=float)
    centred = (frame[["x", "z"]] - frame[["x", "z"]].mean()).to_numpy()
    design = np.column_stack([np.ones(len(frame)), treated, centred, treated[:, None] * centred])
    fitted = sm.OLS(frame.y.to_numpy(), design).fit(cov_type="HC2")
    difference = compare_figures(case(frame, covariates=["x", "z"]).adjusted(), 1, 0, level=0.95).difference
    assert difference.value == pytest.approx(fitted.params[1], rel=1e-10)
    assert difference.standard_error == pytest.approx(fitted.bse[1], rel=1e-10)


def test_the_population_adds_the_written_term():
    frame = drawn()
    made = case(frame, covariates=["x", "z"])
    slopes = [
        np.linalg.lstsq(np.column_stack([np.ones(len(part)), part[["x", "z"]]]), part.y, rcond=None)[0][1:]
        for _, part in frame.groupby("arm")
    ]
    gap = slopes[1] - slopes[0]
    added = gap @ frame[["x", "z"]].cov().to_numpy() @ gap / len(frame)
    one, two = (made.adjusted(target=target).contrast(1, 0)[0] for target in ("sample", "population"))
    assert two - one == pytest.approx(added, rel=1e-9)
    assert made.adjusted(target="population").covariance[0, 1] != 0.0


def test_the_population_of_strata_adds_the_shares():
    frame = drawn()
    made = case(frame, covariates=["x"], strata=["s"])
    added = made.adjusted(target="population").covariance - made.adjusted().covariance
    assert np.linalg.eigvalsh(added).min() > -1e-15
    assert added[1, 1] > 0.0


@pytest.mark.parametrize("strata", [(), ("s",)], ids=["one stratum", "strata"])
def test_a_useless_column_leaves_the_unadjusted_figures(strata):
    frame = drawn().assign(past=0.0)
    made = case(frame, covariates=["past"], strata=strata)
    plain = mean_figures(made.grid.means[:, :, 0], made.grid.covariance[:, :, 0, 0], made.grid.n, weights=made.weights)
    for figures in (made.adjusted(), made.from_moments()):
        assert figures.note == "COVARIATE_CONSTANT"
        assert figures.method == plain.method
        np.testing.assert_array_equal(figures.value, plain.value)
        np.testing.assert_array_equal(figures.covariance, plain.covariance)
    assert kept_covariates(made.grid) == ()


def test_a_ratio_without_usable_columns_is_the_plain_ratio():
    made = case(drawn().assign(past=7.0), bottom="bottom", covariates=["past"])
    plain = ratio_figures(made.grid.means, made.grid.covariance, made.grid.n, weights=made.weights)
    np.testing.assert_array_equal(made.adjusted().value, plain.value)
    assert made.adjusted().method == "delta"


@pytest.mark.parametrize("offset", [0.0, 1e9, -3e7], ids=str)
def test_a_constant_is_constant_at_any_offset(offset):
    frame = drawn().assign(past=offset + 0.1)
    assert case(frame, covariates=["past", "x"]).adjusted().note == "COVARIATE_CONSTANT"


def test_a_column_that_varies_in_one_arm_only_is_used_in_none():
    frame = drawn()
    frame["late"] = np.where(frame.arm == "b", frame.z, 0.0)
    made = case(frame, covariates=["late", "x"])
    assert made.adjusted().note == "COVARIATE_CONSTANT"
    np.testing.assert_allclose(made.adjusted().value, case(frame, covariates=["x"]).adjusted().value, rtol=1e-12)


def test_a_copy_of_a_column_is_dropped():
    frame = drawn()
    frame["seconds"] = frame.x * 86_400.0 + 12.0
    figures = case(frame, covariates=["x", "seconds", "z"]).adjusted()
    assert figures.note == "COVARIATE_DROPPED"
    np.testing.assert_allclose(figures.value, case(frame, covariates=["x", "z"]).adjusted().value, rtol=1e-12)


def test_missing_history_becomes_an_indicator():
    frame = drawn()
    frame["past"] = frame.x.where(frame.z < 0.5)
    made = case(frame, covariates=["past"])
    assert made.rows.labels == ("y", "past", "no past")
    filled = frame.assign(past=frame.past.fillna(-4.0), none=frame.past.isna().astype(float))
    again = case(filled, covariates=["past", "none"])
    np.testing.assert_allclose(made.adjusted().value, again.adjusted().value, rtol=1e-10)  # whatever fills the gap
    np.testing.assert_allclose(made.adjusted().covariance, again.adjusted().covariance, rtol=1e-9)


def test_a_person_whom_an_indicator_singles_out_does_not_break_the_variance():
    frame = drawn()
    frame["past"] = frame.x
    for arm in "ab":
        frame.loc[frame.index[frame.arm == arm][0], "past"] = np.nan
    figures = case(frame, covariates=["past"]).adjusted()
    without = case(frame, covariates=["x"]).adjusted()
    assert np.isfinite(figures.covariance).all()
    np.testing.assert_allclose(np.diag(figures.covariance), np.diag(without.covariance), rtol=0.1)


@pytest.mark.parametrize("offset", [1e6, 1e9, -1e9], ids=str)
def test_an_offset_of_a_covariate_changes_nothing(offset):
    frame = drawn()
    frame["x"] = np.round(frame.x * 64) / 64  # exact at any of these offsets
    plain, moved = (case(frame.assign(x=frame.x + by), covariates=["x", "z"]) for by in (0.0, offset))
    for one, two in ((plain.adjusted(), moved.adjusted()), (plain.from_moments(), moved.from_moments())):
        np.testing.assert_allclose(two.value, one.value, rtol=1e-6 if one.method.endswith("(moments)") else 1e-11)
        np.testing.assert_allclose(np.diag(two.covariance), np.diag(one.covariance), rtol=1e-7)


def test_too_few_persons_are_refused():
    frame = drawn(n=60, shares=(0.5, 0.5))
    enough = case(frame, covariates=["x"])
    assert enough.adjusted().method == "adjusted"
    many = case(frame, covariates=["x", "z"])
    for figures in (many.adjusted, many.from_moments):
        with pytest.raises(
            DesignError, match=r"TOO_FEW_FOR_ADJUSTMENT: the arm .* at least 20 persons per coefficient"
        ):
            figures()


def test_rows_outside_the_strata_kept_are_not_read():
    frame = drawn()
    made = case(frame, covariates=["x"], strata=["s"])
    kept = made.grid.keep(np.array([True, False]))
    from experiments.inference.adjusted import adjusted_figures

    figures = adjusted_figures(made.rows, kept, weights=np.ones(1))
    alone = case(frame[frame.s == "north"], covariates=["x"])
    np.testing.assert_allclose(figures.value, alone.adjusted().value, rtol=1e-12)
    np.testing.assert_allclose(figures.covariance, alone.adjusted().covariance, rtol=1e-12)


def test_a_cell_of_one_person_has_no_variance():
    frame = drawn()
    frame = frame[(frame.s == "north") | (frame.arm == "b") | (frame.index == frame.index[frame.arm == "a"][0])]
    frame.loc[frame.index[frame.arm == "a"][0], "s"] = "south"
    frame = frame.drop(frame.index[(frame.s == "south") & (frame.arm == "a")][1:])
    figures = case(frame, covariates=["x"], strata=["s"]).adjusted()
    assert np.isnan(figures.covariance[0, 0])
    comparison = compare_figures(figures, 1, 0, level=0.95)
    assert "TOO_FEW_PERSONS" in comparison.difference.note
    assert comparison.difference.low is None


def test_a_denominator_that_is_not_positive_has_no_ratio():
    frame = drawn()
    figures = case(frame.assign(bottom=-frame.bottom), bottom="bottom", covariates=["x"]).adjusted()
    assert figures.note == "DENOMINATOR_NOT_POSITIVE"
    assert compare_figures(figures, 1, 0, level=0.95).difference.value is None


def test_no_noise_left_has_no_interval():
    frame = drawn().assign(y=1.0)
    comparison = compare_figures(case(frame, covariates=["x"]).adjusted(), 1, 0, level=0.95)
    assert comparison.difference.note == "ZERO_VARIANCE"


def test_the_gain_is_one_minus_the_adjusted_share_explained():
    import statsmodels.api as sm

    frame = drawn()
    frame = frame[frame.arm == "b"].assign(arm="b")
    fitted = sm.OLS(frame.y.to_numpy(), sm.add_constant(frame[["x", "z"]].to_numpy())).fit()
    gain = adjustment_gain(case(frame, covariates=["x", "z"]).grid)
    assert gain.factor == pytest.approx(1.0 - fitted.rsquared_adj, rel=1e-10)
    assert gain.used == ("x", "z")


def test_the_findings_say_what_was_bought_and_what_to_use_instead():
    frame = drawn().assign(past=0.0)
    frame["double"] = 2.0 * frame.x
    found = adjustment_findings("value", case(frame, covariates=["past", "x", "double"]).grid)
    assert [finding.code for finding in found] == ["ADJUSTMENT_GAIN", "COVARIATE_CONSTANT", "COVARIATE_DROPPED"]
    assert found[0].values["explained"] == pytest.approx(1.0 - found[0].values["width"] ** 2)
    assert "former orders" in found[1].text("en")
    assert "past" in found[1].text("en")
    assert "以往订单数" in found[1].text("zh")
    assert "double" in found[2].text("en")


def test_a_rare_adjusted_rate_is_warned_of():
    frame = drawn(n=2000)
    frame["y"] = (frame.z > 1.8).astype(int)
    grid = case(frame, covariates=["x"]).grid
    codes = {finding.code: finding for finding in adjustment_findings("woken", grid)}
    assert codes["ADJUSTED_RATE_RARE"].values["events"] == int(frame.y[frame.arm == "a"].sum())
    assert "Leave the covariate out" in codes["ADJUSTED_RATE_RARE"].text("en")
    many = case(frame.assign(y=(frame.z > 0).astype(int)), covariates=["x"]).grid
    assert "ADJUSTED_RATE_RARE" not in {finding.code for finding in adjustment_findings("woken", many)}
    share = case(frame.assign(y=frame.y * 0.9 + 0.05), covariates=["x"]).grid
    assert "ADJUSTED_RATE_RARE" not in {finding.code for finding in adjustment_findings("share", share)}


def test_a_metric_that_does_not_vary_has_no_gain():
    gain = adjustment_gain(case(drawn().assign(y=3.0), covariates=["x"]).grid)
    assert gain.factor is None


def test_strata_gain_what_they_explain():
    frame = drawn(n=4000)
    frame["y"] = frame.y + 5.0 * (frame.s == "south")
    factor = stratification_gain(arrange(case(frame, strata=["s"]).moments))
    assert factor is not None
    assert 0.2 < factor < 0.6
    assert stratification_gain(arrange(case(frame.assign(y=1.0), strata=["s"]).moments)) is None
