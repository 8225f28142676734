"""Pictures of returns by silence and of customers by order: what they say, in both languages, and what they refuse."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from wakeup_logs import date_of, events_of, small_log

import attribution as at
import experiments as ex

LOG = small_log(2)


def curve(**options) -> ex.DormancyCurve:
    return ex.dormancy_curve(events_of(LOG), horizon="15d", as_of=date_of(120), **{"days": [5, 10, 20], **options})


def orders(log: pd.DataFrame = LOG) -> ex.NthPurchase:
    return ex.nth_purchase(events_of(log), as_of=date_of(120), silent_after="20d", replicates=100)


def stepped(before: float, after: float) -> pd.DataFrame:
    stop = np.where(np.arange(1, 31) < 3, before, after)
    ends = np.append(np.random.default_rng(1).random((2000, 30)) < stop, np.ones((2000, 1), bool), axis=1)
    counts = 1 + np.argmax(ends, axis=1)
    return pd.DataFrame(
        {"person": np.repeat(np.arange(2000), counts), "day": np.concatenate([*map(np.arange, counts)])}
    )


def well_formed(plot) -> str:
    svg = plot.to_svg()
    ET.fromstring(svg)
    assert "http://" not in svg.replace("http://www.w3.org", "")
    return svg


def test_the_curve_says_where_it_begins_and_ends():
    found = curve()
    plot = found.plot()
    table = found.table()
    pd.testing.assert_frame_equal(plot.table(), table)
    assert plot.title.endswith("after 20 days")
    assert "within 15d" in plot.subtitle
    assert well_formed(plot) == well_formed(ex.plot_dormancy(curve()))
    with at.language("zh"):
        assert "沉默 5 天后" in found.plot().title
        assert "15 天" in found.plot().subtitle


def test_a_cut_is_told_below_and_drawn():
    found = curve()
    assert "tolerated" not in well_formed(found.plot())
    reached, missing = found.cut(0.99, 5, replicates=100), found.cut(0.0001, 5, replicates=100)
    drawn = well_formed(found.plot(reached))
    assert "Dormant from 5 days" in drawn
    assert "tolerated: 0.010%" in well_formed(found.plot(missing))
    assert "Not reached" in well_formed(found.plot(missing))


def test_one_point_and_nobody():
    assert "return after 5 days" in curve(days=[5]).plot().title
    log = pd.DataFrame({"person": ["a"] * 30, "day": np.arange(30) * 2})
    empty = ex.dormancy_curve(events_of(log), horizon="10d", as_of=date_of(58), days=[5])
    with pytest.raises(ex.InputError, match="nobody is at risk"):
        empty.plot()


def test_orders_say_where_the_step_is():
    found = orders(stepped(0.5, 0.1))
    plot = found.plot()
    assert "from act 3 on fewer stop" in plot.title
    assert "step at act 3" in well_formed(plot)
    pd.testing.assert_frame_equal(plot.table(), found.table())
    assert "from act 3 on more stop" in orders(stepped(0.1, 0.6)).plot().title
    assert "no step" in orders(pd.DataFrame({"person": list("abc"), "day": 0})).plot().title
    with at.language("zh"):
        assert "从第 3 次起停下的变少" in found.plot().title


def test_other_things_are_refused():
    with pytest.raises(ex.InputError, match="needs a dormancy curve, got NthPurchase"):
        ex.plot_dormancy(orders())
    with pytest.raises(ex.InputError, match="cut must be the cut"):
        ex.plot_dormancy(curve(), curve())
    with pytest.raises(ex.InputError, match="needs the result of"):
        ex.plot_nth_purchase(curve())


def test_weighted_rates_are_told_below_and_one_order_is_a_point():
    names = sorted(set(LOG["person"]))
    day = pd.Timestamp("2025-02-10", tz="UTC")
    table = pd.DataFrame({"person_id": names, "arm": ["holdout", "sms"] * (len(names) // 2), "assigned_at": day})
    assert "weighted columns" in well_formed(curve(assignment=table).plot())
    assert "weighted columns" not in well_formed(curve().plot())
    alone = orders(LOG.drop_duplicates("person")).plot()  # orders are whole: no tick between them
    assert "0.5" not in [text.get_text() for text in alone.figure.findobj(lambda part: hasattr(part, "get_text"))]
