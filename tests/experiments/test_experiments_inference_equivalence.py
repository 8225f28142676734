"""Equivalence and non-inferiority against R, statsmodels and their own intervals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_ind

import attribution as at
import experiments as ex
from attribution.core.errors import InputError
from experiments.inference.equivalence import figures_margin_p
from experiments.inference.figures import ArmFigures

PLACE = Path(__file__).parents[1] / "references/equivalence"
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(PLACE.glob("*.json"))}


@pytest.mark.parametrize("row", FILES["rates"]["expected"], ids=lambda row: f"{row['table']} {row['margin']}")
def test_rates_at_the_margin(row):
    margin = tuple(row["margin"]) if isinstance(row["margin"], list) else row["margin"]
    found = ex.equivalence_rates(*row["table"], margin=margin, relative=row["relative"])
    assert found.p_low == pytest.approx(row["p_low"], rel=FILES["rates"]["rtol"])
    assert found.p_high == pytest.approx(row["p_high"], rel=FILES["rates"]["rtol"])


@pytest.mark.parametrize("row", FILES["means"]["expected"], ids=lambda row: f"{row['margin']} {row['equal_variances']}")
def test_means_at_the_margin(row):
    x, y = ([*row[name][:2], int(row[name][2])] for name in "xy")
    found = ex.equivalence_means(*x, *y, margin=row["margin"], equal_variances=row["equal_variances"])
    rtol = FILES["means"]["rtol"]
    assert found.p_low == pytest.approx(row["p_low"], rel=rtol)
    assert found.p_high == pytest.approx(row["p_high"], rel=rtol)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((row["low"], row["high"]), rel=rtol)
    assert found.estimate.level == pytest.approx(0.9)


@pytest.mark.parametrize("usevar", ["pooled", "unequal"])
def test_statsmodels(usevar):
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.1, 1, 40), rng.normal(0, 2, 25)
    wanted = ttost_ind(x, y, -0.7, 1.1, usevar=usevar)
    found = ex.equivalence_means(
        x.mean(), x.std(ddof=1), 40, y.mean(), y.std(ddof=1), 25, margin=(-0.7, 1.1), equal_variances=usevar == "pooled"
    )
    assert found.p_value == pytest.approx(wanted[0], rel=1e-10)
    assert (found.p_low, found.p_high) == pytest.approx((wanted[1][1], wanted[2][1]), rel=1e-10)


def test_the_words_are_the_place_of_the_interval():
    words = {
        (0.0, "two"): "equivalent", (3.0, "two"): "not_equivalent", (1.0, "two"): "not_shown",
        (0.0, "greater"): "non_inferior", (3.0, "greater"): "non_inferior", (-3.0, "greater"): "inferior",
        (-1.0, "greater"): "not_shown", (3.0, "less"): "inferior", (-3.0, "less"): "non_inferior",
    }  # fmt: skip
    for (shift, side), word in words.items():
        found = ex.equivalence_means(10 + shift, 2.0, 100, 10, 2.0, 100, margin=1.0, side=side)
        assert found.decision == word, (shift, side)
        assert (found.margin_low is None) == (side == "less")
        assert (found.margin_high is None) == (side == "greater")


def test_a_large_p_value_is_never_called_no_difference():
    """The same data: no significant difference, and yet not shown to be alike."""
    comparison = ex.compare_rates(30, 1000, 25, 1000)
    found = ex.equivalence_rates(30, 1000, 25, 1000, margin=0.005)
    assert comparison.difference.p_value > 0.4
    assert found.decision == "not_shown"
    assert "neither evidence of a difference nor of its absence" in found.sentence()
    assert "这既不是有差异的证据，也不是无差异的证据" in found.sentence("zh")
    for word in ("no difference", "proves", "证明"):
        assert word not in found.sentence() + found.sentence("zh")


@pytest.mark.parametrize("relative", [False, True])
def test_no_events(relative):
    found = ex.equivalence_rates(0, 500, 0, 500, margin=0.02, relative=relative)
    if relative:
        assert (found.p_value, found.decision, found.note.split("; ")[0]) == (None, "not_shown", "BOTH_ZERO")
        assert "BOTH_ZERO" in found.sentence()
    else:
        assert found.decision == "equivalent"
        assert found.p_value < 0.01


def test_no_event_in_the_control_leaves_a_relative_test():
    found = ex.equivalence_rates(30, 500, 0, 500, margin=0.2, relative=True, side="less")
    assert found.decision == "inferior"
    assert math.isinf(found.estimate.high)


def test_undefined_means_say_why():
    flat = ex.equivalence_means(1, 0.0, 5, 1, 0.0, 5, margin=1)
    assert (flat.p_value, flat.decision, flat.note) == (None, "not_shown", "ZERO_VARIANCE")
    alone = ex.equivalence_means(1, None, 1, 1, 2.0, 5, margin=1)
    assert (alone.p_value, alone.note) == (None, "TOO_FEW_PERSONS")
    base = ex.equivalence_means(1, 2.0, 50, 0.1, 2.0, 50, margin=0.5, relative=True)
    assert (base.p_value, base.decision, base.note) == (None, "not_shown", "BASE_NOT_POSITIVE")


def test_strata_of_one_are_no_strata_and_weights_are_used():
    one = ex.equivalence_rates([30], [900], [25], [880], margin=0.02)
    assert one.p_low == ex.equivalence_rates(30, 900, 25, 880, margin=0.02).p_low
    two = ex.equivalence_rates([30, 10], [900, 100], [25, 12], [880, 120], margin=0.03, weights=[1, 0])
    assert two.p_high == ex.equivalence_rates(30, 900, 25, 880, margin=0.03).p_high


def test_correlated_figures_use_their_covariance():
    figures = ArmFigures(
        value=np.array([2.0, 1.5]), covariance=np.array([[0.04, 0.01], [0.01, 0.09]]), freedom=np.full(2, math.inf),
        n=np.array([9, 9]), method="x",
    )  # fmt: skip
    difference = figures_margin_p(figures, 0, 1, 1.0, upper=True)
    assert difference == pytest.approx(0.5 * math.erfc(0.5 / math.sqrt(0.11) / math.sqrt(2)))
    lift = figures_margin_p(figures, 0, 1, 1.0, upper=True, relative=True)
    assert lift == pytest.approx(0.5 * math.erfc(1.0 / math.sqrt(0.04 + 4 * 0.09 - 4 * 0.01) / math.sqrt(2)))


def test_a_result_shows_itself_in_both_languages():
    found = ex.equivalence_rates(300, 1000, 290, 1000, margin=0.2, relative=True)
    row = found.to_dicts()[0]
    assert row["decision"] == found.decision
    assert (row["scale"], row["margin_low"], row["margin_high"]) == ("relative", -0.2, 0.2)
    assert "Equivalence" in repr(found)
    with at.language("zh"):
        assert "等效性" in repr(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0}, "one number above 0"),
        ({"margin": -0.1}, "lower < 0 < upper"),
        ({"margin": (0.01, 0.02)}, "lower < 0 < upper"),
        ({"margin": (-0.01, 0.02, 0.3)}, "one number above 0 or .lower, upper."),
        ({"margin": "0.1"}, "margin must be a finite number"),
        ({"margin": math.inf}, "margin must be a finite number"),
        ({"margin": 1.5, "relative": True}, "must lie above -1"),
        ({"margin": 0.1, "level": 0.4}, "above 0.5"),
        ({"margin": 0.1, "side": "both"}, "side must be"),
    ],
)
def test_bad_margins_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        ex.equivalence_rates(30, 900, 25, 880, **options)


def test_one_sided_relative_margins_may_exceed_one_and_margins_of_rates_may_not():
    assert ex.equivalence_means(10, 1, 100, 10, 1, 100, margin=2, relative=True, side="less").decision == "non_inferior"
    assert ex.equivalence_rates(30, 500, 20, 500, margin=3, relative=True, side="less").margin_high == 3
    with pytest.raises(InputError, match="must lie above -1"):
        ex.equivalence_means(10, 1, 100, 10, 1, 100, margin=2, relative=True)
    for side in ("two", "greater", "less"):
        with pytest.raises(InputError, match=r"must lie below 1 \(100 percentage points\)"):
            ex.equivalence_rates(10, 100, 10, 100, margin=2, side=side)


def test_the_exact_p_of_no_difference_is_not_shown_beside_a_margin():
    found = ex.equivalence_rates(1, 100, 2, 100, margin=0.1)
    assert found.note == "SMALL_EXPECTED"
    assert "Boschloo" in found.comparison.difference.note
