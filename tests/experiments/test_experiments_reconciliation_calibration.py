"""Calibration factors: what they refuse, what they carry, and the shrunken reading against second sources."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.meta_analysis import combine_effects

import attribution as at
import experiments as ex
from attribution.core.errors import DesignError, InputError
from experiments.reconciliation.shrinkage import shrunken


@pytest.fixture(scope="module")
def campaign() -> ex.Campaign:
    return ex.simulate(persons=30_000, seed=5)


@pytest.fixture(scope="module")
def credit(campaign: ex.Campaign) -> at.Credit:
    observed = (None, "2026-12-31T00:00:00Z")
    models = ["first_touch", "last_touch", at.Markov()]
    return at.attribute(campaign.touches, campaign.conversions, models=models, observed=observed)


@pytest.fixture(scope="module")
def reconciled(campaign: ex.Campaign, credit: at.Credit) -> ex.Reconciliation:
    outcomes = ex.build_outcomes(campaign.assignment, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
    return ex.reconcile(credit, readout, steps=campaign.steps)


def test_the_factor_times_the_credit_is_the_incremental_number(reconciled: ex.Reconciliation) -> None:
    rows = [row for row in ex.calibrate(reconciled).to_dicts() if row["reading"] == "tested"]
    assert len(rows) == 4 * 3
    for row in rows:
        assert row["calibrated"] == pytest.approx(row["incremental"], rel=1e-9)
        assert row["factor"] == pytest.approx(row["incremental"] / row["attributed"], rel=1e-9)
        if row["factor_kind"] == "interval":
            assert row["calibrated_low"] == pytest.approx(row["attributed"] * row["factor_low"])
            assert row["calibrated_low"] < row["calibrated"] < row["calibrated_high"]
    assert ex.calibrate(reconciled).to_dicts() == reconciled.calibration().to_dicts()


def test_untested_channels_and_channels_of_a_bundle_have_no_factor(reconciled: ex.Reconciliation) -> None:
    found = ex.calibrate(reconciled)
    untested = [row for row in found.to_dicts() if row["channels"] == "search"]
    assert {row["reading"] for row in untested} == {"untested"}
    assert {row["note"] for row in untested} == {"UNTESTED"}
    assert {row["factor"] for row in untested} == {None}
    with pytest.raises(DesignError, match="no step of the experiment adds the channel 'search'") as error:
        found.factor("search", model="last_touch")
    assert error.value.code == "UNTESTED_CHANNEL"
    with pytest.raises(DesignError, match="a step's lift belongs to its bundle") as error:
        found.factor("push", model="last_touch")
    assert error.value.code == "BUNDLED_CHANNEL"
    assert found.factor("phone", model="last_touch") is found.factor("full", model="last_touch")
    with pytest.raises(InputError, match="Did you mean 'digital'"):
        found.factor("digitl", model="last_touch")
    with pytest.raises(InputError, match="Did you mean 'last_touch'"):
        found.factor("sms", model="last_tuch")


def test_a_factor_without_credit_is_refused(campaign: ex.Campaign, credit: at.Credit) -> None:
    outcomes = ex.build_outcomes(campaign.assignment, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    found = ex.calibrate(ex.reconcile(credit, readout, steps={"sms": ("fax",)}))
    with pytest.raises(DesignError, match="NO_CREDIT") as error:
        found.factor("sms", model="last_touch")
    assert error.value.code == "NO_FACTOR"
    assert found.to_dicts()[0]["calibrated"] is None


def test_an_experiment_that_cannot_be_trusted_calibrates_nothing(campaign: ex.Campaign, credit: at.Credit) -> None:
    lost = campaign.assignment[(campaign.assignment["arm"] != "full") | (np.arange(30_000) % 10 < 9)]
    outcomes = ex.build_outcomes(lost, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
    broken = ex.reconcile(credit, readout, steps=campaign.steps)
    assert "SRM" in [finding.code for finding in broken.findings if finding.status == "fail"]
    with pytest.raises(DesignError, match="SRM") as error:
        ex.calibrate(broken)
    assert error.value.code == "INVALID"


def test_another_credit_is_rescaled_with_the_error_of_the_test(reconciled, credit) -> None:
    found = ex.calibrate(reconciled)
    rows = found.apply(credit).to_dicts()
    # what is attributed is everything: credit is rescaled, not lost
    for model in ("first_touch", "last_touch", "markov"):
        whole = sum(row["attributed"] for row in rows if row["model"] == model)
        assert whole == pytest.approx(len(credit.journeys.counted), rel=1e-9)
    table = credit.by("channel").table().set_index(["model", "channel"])["conversions"]
    for row in rows:
        assert row["attributed"] == pytest.approx(table[row["model"]].reindex(row["channels"].split(", ")).sum())
        if row["reading"] == "untested":
            assert row["calibrated"] is None
            assert row["step"] in ("untested", "(none)")
            continue
        factor = found.factor(row["step"], model=row["model"])
        assert row["calibrated"] == pytest.approx(row["attributed"] * factor.value)
        if factor.kind == "interval":
            assert row["calibrated_high"] == pytest.approx(row["attributed"] * factor.high)
    assert "not an effect measured here" in repr(found.apply(credit))


def test_models_without_factors_and_other_things_are_not_rescaled(campaign, reconciled) -> None:
    found = ex.calibrate(reconciled)
    linear = at.attribute(campaign.touches, campaign.conversions, models="linear")
    with pytest.raises(InputError, match="the model 'linear' has no calibration factors"):
        found.apply(linear)
    with pytest.raises(InputError, match="apply needs a Credit"):
        found.apply(linear.table())
    with pytest.raises(InputError, match="calibrate needs what"):
        ex.calibrate(linear)
    with pytest.raises(InputError, match="shrink must be"):
        ex.calibrate(reconciled, shrink="half")


def test_the_shrunken_reading_stands_apart(reconciled: ex.Reconciliation) -> None:
    plain, pooled = ex.calibrate(reconciled), ex.calibrate(reconciled, shrink="pooled")
    assert "shrunken" not in plain.table().columns
    codes = [finding.code for finding in pooled.findings]
    assert codes.count("SHRUNKEN_READING") == 1
    assert "never for a verdict" in repr(pooled)
    with at.language("zh"):
        assert "不得用于结论" in repr(pooled)
    for one, other in zip(plain.to_dicts(), pooled.to_dicts(), strict=True):
        assert one["factor"] == other["factor"]
        if other["shrunken"] is not None:
            ends = sorted((other["factor"], other["shrunken_centre"]))
            assert ends[0] - 1e-12 <= other["shrunken"] <= ends[1] + 1e-12
            assert other["shrunken_to"] == "pooled"
    assert plain.factor("sms", model="markov").value == pooled.factor("sms", model="markov").value
    zero = ex.calibrate(reconciled, shrink="zero").table()
    shown = zero[zero["shrunken"].notna()]
    assert (shown["shrunken"].abs() <= shown["factor"].abs()).all()
    assert (shown["shrunken_centre"] == 0).all()


def test_a_single_step_has_nothing_to_pool(campaign: ex.Campaign, credit: at.Credit) -> None:
    outcomes = ex.build_outcomes(campaign.assignment, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    one = ex.reconcile(credit, readout, steps={"sms": ("sms",)})
    with pytest.raises(InputError, match="there is nothing to pool"):
        ex.calibrate(one, shrink="pooled")
    assert ex.calibrate(one, shrink="zero").to_dicts()[0]["shrunken"] is not None


@pytest.mark.parametrize("factors", [[0.2, 0.9, 1.4, 0.1], [0.50, 0.52, 0.51, 0.49], [-0.3, 2.0, 0.4, 0.8]])
def test_pooled_shrinkage_has_the_spread_of_dersimonian_and_laird(factors: list[float]) -> None:
    errors = [0.1, 0.2, 0.15, 0.3]
    with np.errstate(invalid="ignore"):
        second = combine_effects(np.array(factors), np.array(errors) ** 2, method_re="chi2")
    spread = max(0.0, second.tau2)  # statsmodels does not cut it
    centre = second.mean_effect_re if spread else second.mean_effect_fe
    found = shrunken(factors, errors, "pooled")
    assert found.spread**2 == pytest.approx(spread, abs=1e-12)
    assert found.centre == pytest.approx(centre, rel=1e-12)
    kept = spread / (spread + np.array(errors) ** 2)
    assert found.value == pytest.approx(centre + kept * (np.array(factors) - centre))


def test_shrinkage_towards_0_has_the_moments_of_a_known_centre() -> None:
    """Over many draws the estimated square of the spread is right on average, where it is not cut at 0."""
    rng = np.random.default_rng(2)
    errors = np.array([0.1, 0.2, 0.15, 0.3])
    found = [
        shrunken((rng.normal(0, 2.0, 4) + rng.normal(0, errors)).tolist(), errors.tolist(), "zero").spread ** 2
        for _ in range(4_000)
    ]
    mean, error = np.mean(found), np.std(found) / np.sqrt(len(found))
    assert abs(mean - 4.0) < 4 * error


def test_the_result_is_a_table_of_the_same_bytes_whatever_the_order(campaign, reconciled) -> None:
    observed = (None, "2026-12-31T00:00:00Z")
    models = ["first_touch", "last_touch", at.Markov()]
    turned = [table.sample(frac=1, random_state=4) for table in (campaign.touches, campaign.conversions)]
    credit = at.attribute(*turned, models=models, observed=observed)
    shuffled = campaign.assignment.sample(frac=1, random_state=5)
    outcomes = ex.build_outcomes(shuffled, turned[1], as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
    again = ex.calibrate(ex.reconcile(credit, readout, steps=campaign.steps), shrink="zero")
    pd.testing.assert_frame_equal(again.table(), ex.calibrate(reconciled, shrink="zero").table(), check_exact=True)
