"""Break-even figures, the ceiling of cost, confidence curves and their pictures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import InputError
from attribution.core.language import language
from attribution.core.randomness import generator
from experiments.inference.rates import compare_rates
from experiments.roi.break_even import break_even_effect
from experiments.roi.net_benefit import net_benefit

RATES = {"holdout": 0.02, "digital": 0.03, "sms": 0.05}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    parts = []
    for position, (arm, rate) in enumerate(RATES.items()):
        woken = (np.arange(4_000) < rate * 4_000).astype(int)
        cost = (0.0, 0.05, 0.2)[position] + (20.0 * woken if position else 0.0)
        parts.append(pd.DataFrame({"arm": arm, "woken": woken, "cost": cost}))
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(
        person_id=range(len(whole)), stratum=np.arange(len(whole)) % 3, house=np.arange(len(whole)) // 2
    )


@pytest.fixture(scope="module")
def pays(table):
    return ex.cost_thresholds(table, thresholds=[10, 60, 85])


def test_the_break_even_effect_makes_the_net_benefit_nothing(table, pays):
    row = next(row for row in pays.break_even().to_dicts() if (row["arm"], row["threshold"]) == ("sms", 85))
    # 0.2 for everybody and 20 for every woken person, natural ones too: (85 - 20) p1 = 0.2 + 85 x 0.02.
    expected = (0.2 + 85 * 0.02) / 65 - 0.02
    assert row["break_even_effect"] == pytest.approx(1000 * expected, rel=1e-12)
    assert row["break_even_effect"] > row["cost_per_1000"] / 85 - 1e-9 or row["incremental_per_1000"] > 0
    # Proved on rows: so many of the arm wake, at the arm's own cost.
    n = 40_000
    p1 = (0.02 + expected) * n
    woken = (np.arange(n) < round(p1)).astype(int)
    sms = pd.DataFrame({"arm": "sms", "woken": woken, "cost": 0.2 + 20.0 * woken})
    none = pd.DataFrame({"arm": "holdout", "woken": (np.arange(n) < 0.02 * n).astype(int), "cost": 0.0})
    made = pd.concat([sms, none], ignore_index=True)
    net = ex.cost_thresholds(made.assign(person_id=range(len(made))), thresholds=[85]).to_dicts()[0]
    assert abs(net["net_benefit_per_1000"]) <= 1000 * 65 / n


def test_costs_values_and_shares_of_a_row(table, pays):
    row = next(row for row in pays.break_even().to_dicts() if (row["arm"], row["threshold"]) == ("sms", 60))
    woken = compare_rates(200, 4_000, 80, 4_000)
    for end, value in (("", woken.difference.value), ("_low", woken.difference.low), ("_high", woken.difference.high)):
        assert row[f"break_even_cost{end}"] == pytest.approx(60 * 1000 * value, rel=1e-9)
    assert row["cost_per_incremental"] == pytest.approx(1.2 / 0.03, rel=1e-12)
    assert row["cost_per_returner"] == pytest.approx(1.2 / 0.05, rel=1e-12)
    assert row["incremental_share"] == pytest.approx(0.6, rel=1e-12)
    low, high = (1.0 - 1.0 / (1.0 + end) for end in (woken.relative.low, woken.relative.high))
    assert (row["incremental_share_low"], row["incremental_share_high"]) == pytest.approx((low, high), rel=1e-9)
    # The control cost nothing, so a cost per returner over the incremental share is the cost per incremental one.
    assert row["cost_per_returner"] / row["incremental_share"] == pytest.approx(row["cost_per_incremental"], rel=1e-12)


def test_reasons_why_no_effect_breaks_even(pays):
    rows = {(row["arm"], row["threshold"]): row for row in pays.break_even().to_dicts()}
    # At 10 per woken customer a coupon of 20 is never earned back.
    assert (rows["sms", 10]["break_even_effect"], rows["sms", 10]["reason"]) == (None, "WAKING_COSTS_MORE")
    contrast = pays.judged[0].contrast
    dear = type(contrast)(
        arm="a", control="b", segment=None, weights=(1.0,), untreated=contrast.untreated,
        treated=tuple(
            type(arm)(n=arm.n, woken=arm.woken, cost_mean_woken=500.0, cost_mean_other=480.0, cost_variance_woken=0.0,
                      cost_variance_other=0.0) for arm in contrast.treated
        ),
    )  # fmt: skip
    assert break_even_effect(dear, 85.0) == (None, "NOT_ATTAINABLE")


def test_strata_clusters_and_segments_have_their_rows(table):
    for options in ({"strata": "stratum"}, {"cluster": "house"}):
        design = ex.Experiment({"woken": ex.Rate("woken")}, **options)
        rows = ex.cost_thresholds(table, thresholds=[85], experiment=design).break_even().to_dicts()
        whole = ex.cost_thresholds(table, thresholds=[85]).break_even().to_dicts()
        for one, other in zip(rows, whole, strict=True):
            assert one["break_even_effect"] == pytest.approx(other["break_even_effect"], rel=0.05)
    by = ex.cost_thresholds(table, thresholds=[85], by="stratum").break_even()
    assert set(by.table()["segment"]) == {"0", "1", "2"}


def test_with_clusters_the_share_has_the_interval_of_fieller(table):
    design = ex.Experiment({"woken": ex.Rate("woken")}, cluster="branch")
    rates = table.groupby("arm")["woken"].mean()
    seen = set()
    for number in (40, 400):
        drawn = generator(number, "branches").integers(0, number, len(table)).astype(str)
        branches = table.assign(branch=table["arm"] + drawn)
        for level in (0.5, 0.95, 0.999):
            pays = ex.cost_thresholds(branches, thresholds=[85], experiment=design, level=level)
            for row, judged in zip(pays.break_even().to_dicts(), pays.judged, strict=True):
                low, high, woken = row["incremental_share_low"], row["incremental_share_high"], judged.cost.woken
                arm = rates[row["arm"]]
                assert row["incremental_share"] == pytest.approx(1.0 - rates["holdout"] / arm, rel=1e-12)
                assert low < row["incremental_share"] < high <= 1.0
                assert (low > 0.0) == (woken.low > 0.0)
                seen.add(low > 0.0)
                # At an end the two rates differ by the share of the arm's, as far as the data bear.
                (treated, _, _), (control, _, _) = judged.contrast.clustered.moments
                off = rates["holdout"] - (1.0 - low) * arm
                reach = off / math.sqrt(control + (1.0 - low) ** 2 * treated)
                z = (woken.value - woken.low) / woken.standard_error
                assert abs(reach) == pytest.approx(z, rel=1e-6)
    assert True in seen


def test_a_share_without_interval_says_why(table):
    """All who woke in an arm stand in one branch: its rate may as well be 0."""
    few = (
        table.groupby("arm")
        .head(400)
        .assign(branch=lambda t: t["arm"] + (t.groupby("arm").cumcount() // 100).astype(str))
    )
    few = few.assign(woken=(few.groupby("arm").cumcount() < few["arm"].map({"holdout": 20, "digital": 25, "sms": 30})))
    few = few.assign(woken=few["woken"].astype(int))
    design = ex.Experiment({"woken": ex.Rate("woken")}, cluster="branch")
    found = ex.cost_thresholds(few, thresholds=[85], experiment=design).break_even()
    for row in found.to_dicts():
        assert (row["incremental_share_low"], row["incremental_share_high"]) == (None, None)
        assert "BASE_NOT_POSITIVE" in row["reason"]
    assert "BASE_NOT_POSITIVE" in repr(found)


def test_an_arm_in_which_nobody_woke_has_neither_share_nor_cost_per_returner(table):
    none = table.assign(woken=table["woken"].where(table["arm"] != "sms", 0))
    found = ex.cost_thresholds(none, thresholds=[85]).break_even()
    row = next(row for row in found.to_dicts() if row["arm"] == "sms")
    assert (row["cost_per_returner"], row["incremental_share"], row["reason"]) == (None, None, "HARM; NO_RETURNERS")
    line = next(line for line in repr(found).splitlines() if line.startswith("sms vs holdout"))
    assert line.count("NO_RETURNERS") == 2


def test_the_printed_tables_tell_what_depends_on_the_threshold_and_why_a_figure_is_missing(pays):
    lines = repr(pays.break_even()).splitlines()
    assert sum(line.startswith("sms vs holdout") for line in lines) == 1 + 3
    assert any("WAKING_COSTS_MORE" in line for line in lines)


def test_the_ceiling_leaves_out_sunk_cost_and_counts_incremental_returners():
    found = ex.cost_ceiling(1_150.0, servicing=0.0, acquisition=1_000.0, incremental_share=0.3)
    assert (found.per_incremental, found.field_formula, found.per_returner) == (1_150.0, 150.0, 345.0)
    assert found.incremental_cost(85.0) == pytest.approx(283.33, abs=0.01)
    assert "sunk acquisition cost" in repr(found)
    with language("zh"):
        assert "沉没" in repr(found)
    assert [row["reading"] for row in ex.cost_ceiling(10.0).to_dicts()] == ["per_incremental"]
    with pytest.raises(InputError, match="incremental_share="):
        ex.cost_ceiling(10.0).incremental_cost(5.0)
    for options in ({"contribution": -1.0}, {"contribution": 1.0, "servicing": math.inf}):
        with pytest.raises(InputError, match="must be a finite amount"):
            ex.cost_ceiling(**options)
    with pytest.raises(InputError, match="incremental_share must lie"):
        ex.cost_ceiling(1.0, incremental_share=0.0)


def test_the_confidence_curve_is_the_one_sided_p_of_each_threshold(table, pays):
    curve = pays.acceptability()
    rows = [row for row in curve.to_dicts() if row["arm"] == "sms"]
    assert {10.0, 60.0, 85.0} <= {row["threshold"] for row in rows}
    contrast = next(row.contrast for row in pays.judged if row.contrast.arm == "sms")
    for row in rows[::7]:
        p = net_benefit(contrast.treated, contrast.untreated, row["threshold"], side="greater").p_value
        assert row["p_pass"] == pytest.approx(p, rel=1e-12)
        assert row["confidence"] == pytest.approx(1.0 - p, abs=1e-12)
    shares = [row["confidence"] for row in rows]
    assert shares == sorted(shares)
    # Where the curve crosses 97.5 % the two-sided interval begins to exclude 0, at the end of the undecided set.
    high = pays.judged[-1].cost.undecided.high
    below, above = (pays.acceptability([high * off]).to_dicts()[-1]["confidence"] for off in (1 - 1e-6, 1 + 1e-6))
    assert below < 0.975 < above
    assert "not the probability" in repr(curve)
    with language("zh"):
        assert "不是“值得”的概率" in repr(curve)


def test_both_pictures_hold_their_data_and_their_thresholds(pays, table):
    net = ex.plot_net_benefit(pays, thresholds=[0, 50, 100])
    assert net.records.column("threshold") == [0.0, 50.0, 100.0] * 2
    assert net.title.endswith("digital vs holdout, sms vs holdout")
    assert ">60<" in net.to_svg()
    curve = ex.plot_acceptability(pays)
    assert (
        curve.to_svg() == ex.plot_acceptability(pays.acceptability()).to_svg() == pays.acceptability().plot().to_svg()
    )
    assert pays.plot(thresholds=[0, 50, 100]).to_svg() == net.to_svg()
    assert "97.5 %" in curve.to_svg()
    with language("zh"):
        assert "支持程度" in ex.plot_acceptability(pays).title
    design = ex.Experiment({"woken": ex.Rate("woken")}, cluster="house")
    clustered = ex.cost_thresholds(table, thresholds=[60], experiment=design)
    assert ex.plot_net_benefit(clustered).to_svg().startswith("<svg ")


def test_amounts_of_near_thresholds_do_not_stand_on_each_other(table):
    drawn = ex.cost_thresholds(table, thresholds=[60, 61, 62, 125]).plot().figure
    drawn.canvas.draw()
    boxes = [
        text.get_window_extent() for text in drawn.findobj(lambda artist: getattr(artist, "get_text", str)() in
                                                           {"60", "61", "62", "125"})
    ]  # fmt: skip
    assert len(boxes) == 4
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_pictures_refuse_what_they_cannot_draw(pays, table):
    with pytest.raises(InputError, match="needs the result of cost_thresholds"):
        ex.plot_net_benefit(pays.table())
    with pytest.raises(InputError, match="needs an acceptability curve"):
        ex.plot_acceptability(3)
    with pytest.raises(InputError, match="two thresholds or more"):
        ex.plot_net_benefit(pays, thresholds=[60])
    many = ex.cost_thresholds(table.assign(seg=np.arange(len(table)) % 5), thresholds=[60], by="seg")
    with pytest.raises(InputError, match="one to 8 contrasts, got 10"):
        ex.plot_acceptability(many)
