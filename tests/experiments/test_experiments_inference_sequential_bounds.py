"""Bounds of looks: what they are as a sequence, what they refuse, how they run over and under."""

from __future__ import annotations

import math

import numpy as np
import pytest

import attribution as at
import experiments as ex
from experiments.inference.sequential.spending import spending_from_text, spending_text, spent
from experiments.inference.sequential.walk import cross

FAMILIES = ["obrien_fleming", "pocock", ("power", 0.5), ("power", 3.0), ("hsd", -4.0), ("hsd", 0.0), ("hsd", 2.0)]


def test_bounds_read_as_the_plain_numbers():
    bounds = ex.spending_bounds(3)
    assert len(bounds) == 3
    assert list(bounds) == [bounds[0], bounds[1], bounds[2]] == list(bounds.z)
    assert bounds[-1] == max(bounds[1:][-1:])
    assert np.asarray(bounds, dtype=float).tolist() == list(bounds.z)
    assert np.abs(bounds).max() == bounds[0]
    assert bounds == pytest.approx([3.7103, 2.5114, 1.9930], abs=1e-4)


@pytest.mark.parametrize("spending", FAMILIES)
@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_all_looks_together_spend_exactly_the_error(spending, side):
    bounds = ex.spending_bounds(4, spending=spending, side=side, fractions=[0.1, 0.4, 0.55, 1.0], level=0.9)
    crossed = bounds.crossing()
    share = 0.05 if side == "two" else 0.1
    total = np.cumsum(crossed.upper)
    wanted = [spent(time, share, spending) for time in bounds.fractions]
    assert total == pytest.approx(wanted, rel=1e-9)
    assert bounds.spent == pytest.approx([value * (2 if side == "two" else 1) for value in wanted], rel=1e-12)
    assert bounds.spent[-1] == pytest.approx(0.1, rel=1e-12)
    assert sum(crossed.lower) == pytest.approx(0.05 if side == "two" else 0.0, rel=1e-9)


def test_one_look_is_the_ordinary_test():
    assert ex.spending_bounds(1)[0] == pytest.approx(1.959963984540054, rel=1e-12)
    assert ex.spending_bounds(1, side="less", level=0.9)[0] == pytest.approx(1.2815515655446004, rel=1e-12)
    assert ex.group_bounds(1)[0] == pytest.approx(1.959963984540054, rel=1e-12)
    assert ex.futility_bounds(1, power=0.9).drift == pytest.approx(1.6448536269514722 + 1.2815515655446004, rel=1e-9)


def test_the_nominal_level_is_not_what_a_look_spends():
    bounds = ex.spending_bounds(5)
    assert bounds.nominal[1] > bounds.spent[1] - bounds.spent[0]
    assert bounds.nominal[-1] == pytest.approx(0.0423, abs=1e-4)
    assert "not what the look spends" in repr(bounds)


def test_looks_taken_so_far_have_the_bounds_of_the_whole_plan():
    whole = ex.spending_bounds(4, fractions=[0.2, 0.5, 0.6, 1.0])
    assert list(ex.spending_bounds(4, fractions=[0.2, 0.5])) == list(whole[:2])
    assert not ex.spending_bounds(4, fractions=[0.2, 0.5]).final


def test_the_final_look_spends_all_that_is_left_wherever_it_is():
    short = ex.spending_bounds(3, fractions=[0.3, 0.6, 0.85])
    assert short.spent[-1] == pytest.approx(0.05)
    assert [finding.code for finding in short.findings] == ["UNDER_RUNNING"]
    assert 2 * sum(short.crossing().upper) == pytest.approx(0.05, abs=1e-10)
    long = ex.spending_bounds(3, fractions=[0.3, 0.6, 1.2])
    assert [finding.code for finding in long.findings] == ["OVER_RUNNING"]
    assert 2 * sum(long.crossing().upper) == pytest.approx(0.05, abs=1e-10)
    assert ex.spending_bounds(3).findings == ()
    with pytest.raises(at.InputError, match="everything is spent by look 2"):
        ex.spending_bounds(3, fractions=[0.5, 1.0, 1.1])


def test_a_look_that_may_spend_nothing_cannot_stop():
    bounds = ex.spending_bounds(2, fractions=[0.0005, 1.0])
    assert bounds[0] == math.inf
    assert bounds[1] == pytest.approx(1.959963984540054, rel=1e-9)
    assert bounds.nominal[0] == 0.0


def test_a_hundred_looks():
    bounds = ex.spending_bounds(100)
    assert 2 * sum(bounds.crossing().upper) == pytest.approx(0.05, abs=1e-10)
    assert np.all(np.diff(bounds) < 0.0)
    pocock = ex.group_bounds(100)
    assert ex.group_bounds(50)[0] < pocock[0] < 3.0
    assert 2 * sum(pocock.crossing().upper) == pytest.approx(0.05, abs=1e-10)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"looks": 0}, "looks must be a whole number from 1 to 100, got 0"),
        ({"looks": 2.5}, "looks must be"),
        ({"looks": True}, "looks must be"),
        ({"looks": 101}, "always_valid"),
        ({"looks": 3, "level": 95}, "level=0.95"),
        ({"looks": 3, "side": "both"}, "side must be"),
        ({"looks": 3, "spending": "OBF"}, "spending must be"),
        ({"looks": 3, "spending": ("power", 0)}, "spending must be"),
        ({"looks": 3, "spending": ("hsd", math.nan)}, "spending must be"),
        ({"looks": 2, "fractions": [0.5, 0.5]}, "must grow from look to look"),
        ({"looks": 2, "fractions": [0.0, 1.0]}, "above 0"),
        ({"looks": 2, "fractions": [0.5, math.inf]}, "finite numbers above 0"),
        ({"looks": 2, "fractions": [0.2, 0.5, 1.0]}, "at most 2 numbers"),
        ({"looks": 2, "fractions": []}, "at most 2 numbers"),
        ({"looks": 2, "fractions": [0.5, 0.500001]}, "at least 0.0001 of itself"),
    ],
)
def test_what_bounds_refuse(options, said):
    looks = options.pop("looks")
    with pytest.raises(at.InputError, match=said):
        ex.spending_bounds(looks, **options)


@pytest.mark.parametrize("kind", ["fleming", ("wang_tsiatis", 2.0), ("wang_tsiatis",), None])
def test_unknown_shapes_of_classical_bounds_are_refused(kind):
    with pytest.raises(at.InputError, match="kind must be"):
        ex.group_bounds(3, kind=kind)


def test_wang_tsiatis_holds_both_named_shapes():
    assert list(ex.group_bounds(4, kind=("wang_tsiatis", 0.5))) == list(ex.group_bounds(4))
    assert list(ex.group_bounds(4, kind=("wang_tsiatis", 0.0))) == list(ex.group_bounds(4, kind="obrien_fleming"))
    wide = ex.group_bounds(3, kind=("wang_tsiatis", 0.7))
    assert wide[0] < wide[1] < wide[2]
    assert 2 * sum(wide.crossing().upper) == pytest.approx(0.05, abs=1e-10)


@pytest.mark.parametrize("spending", FAMILIES)
def test_a_spending_function_written_as_text_is_read_back(spending):
    assert spending_from_text(spending_text(spending)) == spending


def test_power_and_drift_are_inverse_and_looks_cost_information():
    bounds = ex.spending_bounds(5)
    drift = bounds.drift_for(0.8)
    assert bounds.power(drift) == pytest.approx(0.8, abs=1e-9)
    assert bounds.power(-drift) == pytest.approx(0.8, abs=1e-9)  # two sides
    assert 1.0 < (drift / (1.959963984540054 + 0.8416212335729143)) ** 2 < 1.03
    pocock = ex.spending_bounds(5, spending="pocock").drift_for(0.8)
    assert pocock > drift
    with pytest.raises(at.InputError, match="above the error of that side"):
        bounds.drift_for(0.02)


def test_the_table_and_both_languages():
    bounds = ex.futility_bounds(3, side="less", binding=True)
    rows = bounds.to_dicts()
    assert [row["look"] for row in rows] == [1, 2, 3]
    assert set(rows[0]) == {"look", "fraction", "z", "nominal", "spent", "futility", "beta_spent"}
    assert rows[-1]["beta_spent"] == pytest.approx(0.2)
    with at.language("zh"):
        assert "无效界值具有约束力" in repr(bounds)


# --- futility --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binding", [False, True])
@pytest.mark.parametrize("spending", FAMILIES)
def test_futility_keeps_its_power_and_the_error(spending, binding):
    bounds = ex.futility_bounds(
        4, level=0.975, power=0.85, futility=spending, binding=binding, fractions=[0.2, 0.5, 0.8, 1]
    )
    obeyed = cross(bounds.fractions, bounds.futility, bounds.z, drift=bounds.drift)
    assert sum(obeyed.upper) == pytest.approx(0.85, abs=1e-8)
    assert np.cumsum(obeyed.lower)[:-1] == pytest.approx(bounds.beta_spent[:-1], abs=1e-8)
    assert sum(bounds.crossing().upper) == pytest.approx(0.025, abs=1e-9)
    ignored = cross(bounds.fractions, [-math.inf] * 4, bounds.z)
    assert sum(ignored.upper) > 0.0250001 if binding else sum(ignored.upper) == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": "two"}, "futility needs a direction"),
        ({"power": 1.0}, "strictly between 0 and 1"),
        ({"power": 0.03}, "above the error of the test"),
        ({"futility": "none"}, "futility must be"),
        ({"fractions": [0.3, 0.6]}, "all 3 looks"),
        ({"fractions": [0.5, 1.0, 1.2]}, "everything is spent"),
    ],
)
def test_what_futility_refuses(options, said):
    with pytest.raises(at.InputError, match=said):
        ex.futility_bounds(3, **options)


def test_conditional_power_with_one_look_left_is_the_closed_form():
    bounds = ex.spending_bounds(2, level=0.975, side="greater", fractions=[0.4, 1.0])
    estimate, error, effect, null = 3.0, 2.0, 5.0, 1.0
    z, root = (estimate - null) / error, math.sqrt(0.4)
    scale = error * root
    found = ex.conditional_power(bounds, look=1, estimate=estimate, standard_error=error, effect=effect, null=null)

    def normal(x):
        return 0.5 * math.erfc(-x / math.sqrt(2))

    planned = normal((z * root + (effect - null) / scale * 0.6 - bounds[1]) / math.sqrt(0.6))
    trend = normal((z / root - bounds[1]) / math.sqrt(0.6))
    predicted = normal((z - bounds[1] * root) / math.sqrt(0.6))
    assert found.under_effect == pytest.approx(planned, rel=1e-10)
    assert found.under_trend == pytest.approx(trend, rel=1e-10)
    assert found.predictive == pytest.approx(predicted, rel=1e-9)


def test_conditional_power_downwards_mirrors_upwards():
    up, down = (ex.spending_bounds(3, side=side) for side in ("greater", "less"))
    above = ex.conditional_power(up, look=1, estimate=0.4, standard_error=0.3, effect=0.5)
    below = ex.conditional_power(down, look=1, estimate=-0.4, standard_error=0.3, effect=-0.5)
    assert (above.under_effect, above.predictive) == (below.under_effect, below.predictive)
    two = ex.conditional_power(ex.spending_bounds(3), look=2, estimate=-0.2, standard_error=0.1)
    mirrored = ex.conditional_power(ex.spending_bounds(3), look=2, estimate=0.2, standard_error=0.1)
    assert two.under_effect is None
    assert two.under_trend == pytest.approx(mirrored.under_trend, rel=1e-12)


def test_what_conditional_power_refuses():
    bounds = ex.spending_bounds(3)
    with pytest.raises(at.InputError, match="look 3 is the last one"):
        ex.conditional_power(bounds, look=3, estimate=1.0, standard_error=1.0)
    with pytest.raises(at.InputError, match="from 1 to 3, got 4"):
        ex.conditional_power(bounds, look=4, estimate=1.0, standard_error=1.0)
    with pytest.raises(at.InputError, match="standard_error must be above 0"):
        ex.conditional_power(bounds, look=1, estimate=1.0, standard_error=0.0)


def test_conditional_power_says_in_words_what_each_chance_rests_on():
    bounds = ex.spending_bounds(3)
    plain = repr(ex.conditional_power(bounds, look=1, estimate=0.4, standard_error=0.3))
    asked = repr(ex.conditional_power(bounds, look=1, estimate=0.4, standard_error=0.3, effect=0.5))
    assert plain.startswith("Look 1, 33.3% of the information")
    assert asked == f"{plain}; 80.9% under the effect asked about"
