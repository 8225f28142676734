"""Incremental value per incremental wake-up: its set against net benefits, Fieller on the rows, and weak effects."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, TableError
from attribution.core.language import language
from attribution.core.randomness import generator
from experiments.inference.ratios import fieller
from experiments.roi.arms import ArmCosts
from experiments.roi.net_benefit import net_benefit

Z = 1.959963984540054


def draw(rng, n, rates, spread=1.0, mean=4.0):
    parts = []
    for arm, size, rate in zip(("sms", "holdout"), n, rates, strict=True):
        woken = (rng.random(size) < rate).astype(int)
        value = np.where(woken, rng.lognormal(mean, spread, size), rng.normal(0.0, 0.05, size))
        parts.append(pd.DataFrame({"arm": arm, "woken": woken, "value": value}))
    return pd.concat(parts, ignore_index=True).assign(person_id=lambda frame: range(len(frame)))


def arm_of(table, arm, shared):
    part = table[table["arm"] == arm]
    yes, no = part.loc[part["woken"] == 1, "value"], part.loc[part["woken"] == 0, "value"]
    return ArmCosts(
        n=len(part), woken=len(yes), cost_mean_woken=yes.mean(), cost_mean_other=no.mean(),
        cost_variance_woken=yes.var() if shared is None else shared, cost_variance_other=no.var(),
    )  # fmt: skip


def shared_variance(table):
    woken = table[table["woken"] == 1].groupby("arm")["value"]
    return ((woken.count() - 1) * woken.var()).sum() / (woken.count() - 1).sum()


def kept(table, amount):
    """Whether either reading keeps an amount: the net benefit of |amount|, values negated for amounts below 0."""
    sign = 1.0 if amount >= 0.0 else -1.0
    turned = table.assign(value=sign * table["value"])
    for shared in (None, shared_variance(table)):
        net = net_benefit([arm_of(turned, "sms", shared)], [arm_of(turned, "holdout", shared)], abs(amount))
        if net.low <= 0.0 <= net.high:
            return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_the_set_holds_what_the_net_benefit_does_not_reject(seed):
    rng = generator(seed, "value sets")
    table = draw(rng, (6_000, 1_500), (rng.uniform(0.02, 0.04), 0.02))
    ratio = ex.value_per_wakeup(table).lines[0].ratio
    ends = [end for end in (ratio.low, ratio.high) if math.isfinite(end)]
    looked = [-1e4, -300.0, -20.0, 0.0, 20.0, 90.0, 300.0, 1e4, *(e + s for e in ends for s in (-1e-6, 1e-6))]
    for amount in looked:
        assert ratio.contains(amount) == kept(table, amount), (ratio, amount)


@pytest.mark.parametrize("seed", range(8))
def test_plugin_is_fiellers_set_on_the_joint_covariance_of_the_rows(seed):
    rng = generator(seed, "value plugin")
    table = draw(rng, (4_000, 1_000), (rng.uniform(0.015, 0.05), 0.02))
    found = ex.value_per_wakeup(table, variance="plugin").lines[0].ratio
    parts = [table.loc[table["arm"] == arm, ["value", "woken"]] for arm in ("sms", "holdout")]
    top, bottom = parts[0].mean() - parts[1].mean()
    joint = sum(part.cov() / len(part) for part in parts)
    expected = fieller(top, bottom, joint.iloc[0, 0], joint.iloc[1, 1], t=Z, level=0.95, joint=joint.iloc[0, 1])
    assert found.kind == expected.kind
    if found.kind != "all":
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-8)


def test_a_weak_effect_gives_everything_or_an_unbounded_set():
    table = draw(generator(1, "value weak"), (4_000, 1_000), (0.021, 0.02))
    line = ex.value_per_wakeup(table).lines[0]
    assert math.isinf(line.ratio.low) or math.isinf(line.ratio.high) or line.ratio.kind == "complement"
    shown = ex.value_per_wakeup(table)
    assert "every amount is possible" in repr(shown) or "or " in repr(shown)


def test_fewer_wake_ups_have_no_ratio_but_a_set():
    table = draw(generator(2, "value harm"), (4_000, 4_000), (0.01, 0.05))
    line = ex.value_per_wakeup(table).lines[0]
    assert (line.ratio.value, line.note) == (None, "HARM")
    few = draw(generator(3, "value few"), (400, 400), (0.02, 0.03))
    assert ex.value_per_wakeup(few).lines[0].note == "NO_INCREMENT; FEW_EVENTS"


def test_beside_the_declared_value():
    table = draw(generator(4, "value beside"), (20_000, 20_000), (0.06, 0.02), spread=0.3)
    found = ex.value_per_wakeup(table)
    ratio = found.lines[0].ratio
    readings = found.against([ratio.low - 1.0, ratio.value, ratio.high + 1.0]).column("reading")
    assert list(readings) == ["above", "undecided", "below"]


def test_the_unit_of_money_scales_the_set():
    table = draw(generator(5, "value unit"), (6_000, 3_000), (0.05, 0.02))
    one = ex.value_per_wakeup(table).lines[0].ratio
    cents = ex.value_per_wakeup(table.assign(value=100.0 * table["value"])).lines[0].ratio
    assert (cents.low, cents.high) == pytest.approx((100 * one.low, 100 * one.high), rel=1e-9)


def test_strata_clusters_and_segments_are_read():
    table = draw(generator(6, "value designs"), (6_000, 3_000), (0.05, 0.02))
    table["seg"], table["house"] = np.where(np.arange(len(table)) % 2, "a", "b"), np.arange(len(table)) // 3
    assert [line.segment for line in ex.value_per_wakeup(table, by="seg").lines] == ["a", "b"]
    strata = ex.value_per_wakeup(table, experiment=ex.Experiment({"woken": ex.Rate("woken")}, strata="seg")).lines[0]
    plain = ex.value_per_wakeup(table).lines[0]
    assert strata.ratio.value == pytest.approx(plain.ratio.value, rel=0.1)
    design = ex.Experiment({"woken": ex.Rate("woken")}, cluster="house")
    clustered = ex.value_per_wakeup(table, experiment=design).lines[0]
    assert clustered.ratio.value == pytest.approx(plain.ratio.value, rel=1e-9)
    # Rows are independent here, so households change the plug-in set only a little.
    plugin = ex.value_per_wakeup(table, variance="plugin").lines[0].ratio
    assert clustered.ratio.low == pytest.approx(plugin.low, rel=0.2)


def test_row_order_changes_nothing_and_chinese_is_spoken():
    table = draw(generator(7, "value order"), (3_000, 3_000), (0.05, 0.02))
    mixed = table.sample(frac=1.0, random_state=1)
    assert ex.value_per_wakeup(mixed).to_dicts() == ex.value_per_wakeup(table).to_dicts()
    with language("zh"):
        assert "每增量唤醒的增量价值" in repr(ex.value_per_wakeup(table))


@pytest.mark.parametrize("sizes", [(30_000, 3_000, 900, 30), (3_000, 300, 60, 40), (700, 900, 77, 33)])
def test_one_value_for_everybody_leaves_that_value_and_not_nothing(sizes):
    n, m, woken, came = sizes
    rows = pd.DataFrame({"arm": ["sms"] * n + ["holdout"] * m, "person_id": range(n + m)})
    rows["woken"] = [1] * woken + [0] * (n - woken) + [1] * came + [0] * (m - came)
    rows["value"] = rows["cost"] = 49.9 * rows["woken"]
    line = ex.value_per_wakeup(rows).lines[0]
    assert line.ratio.kind == "interval"
    assert (line.ratio.low, line.ratio.high) == pytest.approx((49.9, 49.9), rel=1e-12)
    # The same of a cost: the price itself is undecided.
    if line.woken.value > 0.0:
        row = ex.cost_thresholds(rows, thresholds=[85]).to_dicts()[0]
        assert (row["cost_kind"], row["cost_per_incremental_low"]) == ("interval", pytest.approx(49.9, rel=1e-12))


def test_an_empty_event_counts_as_none_where_the_metric_declares_it():
    table = draw(generator(9, "value empty"), (3_000, 3_000), (0.05, 0.02))
    empty = table.assign(woken=table["woken"].where(table["woken"] > 0), house=table["person_id"] // 3)
    table = table.assign(house=empty["house"])
    for options in ({}, {"cluster": "house"}):
        zero = ex.Experiment({"woken": ex.Rate("woken", missing="zero")}, **options)
        one, other = (ex.value_per_wakeup(rows, experiment=zero).lines[0] for rows in (empty, table))
        assert one.ratio.value == pytest.approx(other.ratio.value, rel=1e-12)
        assert (one.ratio.low, one.ratio.high) == pytest.approx((other.ratio.low, other.ratio.high), rel=1e-9)
    # The value is declared by nobody.
    with pytest.raises(TableError, match=r"value"):
        ex.value_per_wakeup(empty.assign(value=table["value"].where(table["value"] > 0.0)), experiment=zero)


def test_unusable_tables_are_refused():
    table = draw(generator(8, "value refused"), (300, 300), (0.2, 0.1))
    with pytest.raises(TableError, match="NOT_BINARY"):
        ex.value_per_wakeup(table.assign(woken=2))
    with pytest.raises(TableError, match="NULL_OUTCOME"):
        ex.value_per_wakeup(table.assign(value=table["value"].where(table.index > 0)))
    with pytest.raises(DesignError, match="POST_ASSIGNMENT"):
        ex.value_per_wakeup(table.assign(clicked=1), by="clicked")
