"""Plots of effects: their data, their words, hostile names, unbounded and undefined intervals, equal bytes."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.plots.palette import TINTS, tint
from experiments.design.looks import ArmReading
from experiments.plots.frame import dashes_of
from experiments.plots.names import told_apart

HOSTILE = '<script>alert("$x^2$")</script>'


@pytest.fixture(scope="module")
def rows():
    stream = np.random.default_rng(3)
    n = 4_000
    table = pd.DataFrame(
        {"person_id": range(n), "arm": stream.choice(["holdout", "sms", HOSTILE], n, p=[0.2, 0.5, 0.3])}
    )
    table["woken"] = (stream.random(n) < 0.03 + 0.05 * (table["arm"] == "sms")).astype(int)
    table["value"] = table["woken"] * stream.lognormal(4, 1, n)
    table["closed"] = 0
    return table


@pytest.fixture(scope="module")
def readout(rows):
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value"), "closed": ex.Mean("closed")}
    return ex.Experiment(metrics).analyze(rows)


def well_formed(plot):
    svg = plot.to_svg()
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "<script" not in svg
    return svg


def test_the_forest_holds_the_rows_of_the_readout(readout):
    plot = ex.plot_forest(readout, metric="value")
    wanted = readout.table().query("metric == 'value'")
    pd.testing.assert_frame_equal(
        plot.table()[["arm", "difference", "low", "high"]],
        wanted[["arm", "difference", "low", "high"]].reset_index(drop=True),
    )
    well_formed(plot)


@pytest.mark.parametrize(("lang", "words"), [("en", "1 of 2 comparisons settle"), ("zh", "2 个比较中有 1 个")])
def test_the_title_counts_what_is_settled(readout, lang, words):
    with at.language(lang):
        plot = ex.plot_forest(readout, metric="woken")
    assert words in plot.title
    assert plot.title in plot.description
    assert "pp" in plot.description or "个百分点" in plot.description
    assert well_formed(plot) == well_formed(plot)


def test_the_lift_is_drawn_with_arrows_where_it_is_unbounded():
    n = 300
    arms = ["holdout"] * n + ["sms"] * n
    table = pd.DataFrame({"person_id": range(2 * n), "arm": arms, "woken": [0] * n + [1] * 8 + [0] * (n - 8)})
    plot = ex.plot_forest(ex.Experiment({"woken": ex.Rate("woken")}).analyze(table), reading="relative")
    assert plot.table()["relative_high"].iloc[0] == math.inf
    assert plot.title == "The comparison settles the sign of the difference in woken"
    assert "CONTROL_ZERO" in plot.description
    well_formed(plot)


def test_an_undefined_figure_shows_its_reason(readout):
    plot = ex.plot_forest(readout, metric="closed")
    assert "ZERO_VARIANCE" in plot.description
    assert "0 of 2 comparisons" in plot.title
    well_formed(plot)


def test_segments_are_named(rows):
    table = rows.assign(region=np.where(np.arange(len(rows)) % 2, "north", "south"))
    found = ex.Experiment({"woken": ex.Rate("woken")}, segments="region").by_segment(table)
    assert {"north", "south"} <= {str(value) for value in ex.plot_forest(found).table()["segment"]}


@pytest.mark.parametrize(
    ("options", "words"),
    [({"metric": "wokn"}, "Did you mean 'woken'"), ({"reading": "ratio"}, "reading must be")],
)
def test_a_forest_of_nothing_known(readout, options, words):
    with pytest.raises(at.InputError, match=words):
        ex.plot_forest(readout, **options)


def test_a_forest_needs_a_result():
    with pytest.raises(at.InputError, match="needs a readout"):
        ex.plot_forest([1, 2])


def test_the_distribution_is_the_share_of_persons_above(rows):
    plot = ex.plot_distribution(rows, "value")
    for arm, part in plot.table().groupby("arm"):
        values = rows.loc[rows["arm"] == arm, "value"].to_numpy()
        wanted = [(values > point).mean() for point in part["value"]]
        np.testing.assert_allclose(part["share_above"], wanted, atol=1e-12)
    assert "the largest value is" in plot.to_svg()
    well_formed(plot)


def test_rows_in_another_order_draw_the_same_bytes(rows):
    shuffled = rows.sample(frac=1.0, random_state=5)
    assert ex.plot_distribution(rows, "value").to_svg() == ex.plot_distribution(shuffled, "value").to_svg()


@pytest.mark.parametrize("column", ["closed", "minus", "few"])
def test_columns_of_one_value_of_losses_and_of_gaps(rows, column):
    table = rows.assign(minus=-rows["value"] - 3.0, few=np.where(rows["woken"] == 1, rows["value"], np.nan))
    plot = ex.plot_distribution(table, column)
    assert plot.table()["share_above"].between(0, 1).all()
    well_formed(plot)


def test_a_distribution_of_nothing(rows):
    with pytest.raises(at.InputError, match="no values to draw"):
        ex.plot_distribution(rows.assign(gone=np.nan), "gone")
    with pytest.raises(at.InputError, match="share must lie above 0"):
        ex.plot_distribution(rows, "value", share=0)


def log(*looks):
    made = ex.Looks(planned=20_000, arms=["sms", "full"], metric=HOSTILE)
    for day, n, difference in looks:
        matured = {"holdout": n // 10, "sms": n // 2, "full": n - n // 10 - n // 2}
        events = {arm: size // 50 for arm, size in matured.items()}
        made = made.append(
            day, matured=matured, events=events, readings=dict.fromkeys(("sms", "full"), (difference, 0.002))
        )
    return made


def test_looks_are_drawn_until_they_decide():
    found = log(("2026-10-05", 4_000, 0.001), ("2026-10-12", 9_000, 0.004), ("2026-10-19", 18_000, 0.012))
    plot = ex.plot_looks(found, arm="full")
    assert "higher, decided after 18,000 persons (20,000 planned)" in plot.title
    assert plot.table()["matured"].tolist() == [4_000, 9_000, 18_000]
    assert set(plot.table()["arm"]) == {"full"}
    well_formed(plot)


def test_a_look_that_does_not_count_has_no_interval():
    plot = ex.plot_looks(log(("2026-10-05", 400, 0.004)))
    assert plot.table()["decision"].tolist() == ["unknown"]
    assert "not decided after 400 persons (20,000 planned)" in plot.title
    well_formed(plot)


def test_a_look_whose_effect_is_undefined_is_left_out():
    found = log(("2026-10-05", 4_000, 0.001))
    nothing = ArmReading(difference=None, standard_error=None, z=None, low=None, high=None)
    counts = dict.fromkeys((found.plan.control, *found.plan.arms), 5_000)
    later = found.extended("2026-10-12", matured=counts, events=dict.fromkeys(counts, 90), read=lambda *_: nothing)
    plot = ex.plot_looks(later)
    assert plot.table()["decision"].tolist() == ["unknown", "unknown"]
    well_formed(plot)
    empty = ex.Looks(planned=20_000, arms=found.plan.arms, control=found.plan.control)
    empty = empty.extended("2026-10-12", matured=counts, events=dict.fromkeys(counts, 90), read=lambda *_: nothing)
    with pytest.raises(at.InputError, match="has a defined effect"):
        ex.plot_looks(empty)


def test_a_log_that_cannot_be_drawn():
    with pytest.raises(at.InputError, match="no look yet"):
        ex.plot_looks(log())
    with pytest.raises(at.InputError, match="no arm 'sns'"):
        ex.plot_looks(log(("2026-10-05", 4_000, 0.001)), arm="sns")
    with pytest.raises(at.InputError, match="needs a log"):
        ex.plot_looks("looks")


def test_power_curves_name_the_size_that_is_enough():
    curve = ex.power_curve([0.002, 0.004], [2_000, 5_000, 20_000], control=0.01, allocation=9)
    plot = ex.plot_power(curve)
    assert plot.table().equals(curve.table())
    (enough,) = (n for n, power in zip(curve.sizes, curve.power[1], strict=True) if power >= 0.8)
    assert f"{enough:,.0f} persons" in plot.title
    assert "No effect drawn" in ex.plot_power(curve, wanted=0.99999).title
    well_formed(plot)


def test_power_that_cannot_be_drawn():
    with pytest.raises(at.InputError, match="one size only"):
        ex.plot_power(ex.power_curve([0.002], [2_000], control=0.01))
    with pytest.raises(at.InputError, match="needs a power curve"):
        ex.plot_power([0.8])
    with pytest.raises(at.InputError, match="wanted must lie"):
        ex.plot_power(ex.power_curve([0.002], [2_000, 4_000], control=0.01), wanted=80)


def labels(plot):
    """Every text of the picture."""
    return ["".join(part.itertext()) for part in ET.fromstring(plot.to_svg()).iter() if part.tag.endswith("text")]


def campaign_of(arms):
    stream = np.random.default_rng(9)
    table = pd.DataFrame({"person_id": range(6_000), "arm": stream.choice(["holdout", *arms], 6_000)})
    return table.assign(woken=(stream.random(6_000) < 0.05).astype(int), value=stream.lognormal(3, 2, 6_000))


def test_long_names_that_begin_alike_can_be_told_apart():
    arms = [f"East region dormant premium customers by message and call, variant {i} with gift" for i in range(1, 13)]
    table = campaign_of(arms)
    forest = ex.plot_forest(ex.Experiment({"woken": ex.Rate("woken")}).analyze(table))
    for plot in (forest, ex.plot_distribution(table, "value")):
        shown = labels(plot)
        for i in range(1, 13):
            assert sum(f"\u2026{i} " in text for text in shown) == 1


def test_names_stay_whole_where_they_fit_and_numbers_are_not_torn():
    assert told_apart(["sms", "sms and call"], 200) == ["sms", "sms and call"]
    names = ["a very long name that goes on and on, version 9", "a very long name that goes on and on, version 91"]
    first, second = told_apart(names, 120)
    assert first.endswith("\u20269")
    assert second.endswith("\u202691")


def test_a_key_of_many_arms_stays_on_the_sheet():
    plot = ex.plot_distribution(campaign_of([f"arm number {i}" for i in range(20)]), "value")
    root = ET.fromstring(plot.to_svg())
    width = float(root.get("viewBox").split()[2])
    assert all(f"arm number {i}" in labels(plot) for i in range(20))
    places = [float(part.get("x")) for part in root.iter() if part.tag.endswith("text") and part.get("x")]
    assert max(places, default=0.0) < width


def test_lines_past_the_last_colour_have_another_pattern():
    styles = {(tint(i), dashes_of(i)) for i in range(4 * len(TINTS))}
    assert len(styles) == 4 * len(TINTS)
