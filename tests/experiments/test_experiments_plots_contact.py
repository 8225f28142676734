from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

_HOSTILE = '<script>alert("$x^2$")</script>'
_BEGIN = pd.Timestamp("2026-03-01 08:00", tz="UTC")


def _svg(plot: at.Plot) -> str:
    svg = plot.to_svg()
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "<script" not in svg
    return svg


def _log() -> pd.DataFrame:
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"person_id": random.integers(0, 90, 600), "hour": random.integers(0, 500, 600)})
    frame["event"] = random.choice(["open", _HOSTILE, "投资"], 600)
    frame["device"] = np.where(frame["person_id"] % 2, "app", _HOSTILE)
    return frame.assign(time=_BEGIN + frame["hour"] * pd.Timedelta("1h"))


@pytest.mark.parametrize("by", [None, "device"])
def test_a_funnel_is_drawn_with_its_rows(by: str | None) -> None:
    found = ex.funnel(_log(), stages=["open", _HOSTILE, "投资"], window="9D".lower(), by=by)
    plot = found.plot()
    assert plot.to_dicts() == found.to_dicts()
    assert _svg(plot) == _svg(ex.plot_funnel(found))
    assert "投资" in plot.title
    with at.language("zh"):
        assert "走到" in found.plot().title or "划分" in found.plot().title


def test_a_funnel_of_many_groups_is_refused() -> None:
    frame = _log().assign(device=lambda table: table["person_id"])
    with pytest.raises(ex.InputError, match="at most 8 lines"):
        ex.funnel(frame, stages=["open", "投资"], window="9d", by="device").plot()
    with pytest.raises(ex.InputError, match="needs a funnel"):
        ex.plot_funnel(frame)


def _pressure(most: int) -> ex.ContactPressure:
    rows = [(f"p{i}", j) for i in range(1, most + 1) for j in range(i)]
    frame = pd.DataFrame(rows, columns=["person_id", "hour"]).assign(channel=_HOSTILE, origin="outbound")
    return ex.contact_pressure(
        frame.assign(time=_BEGIN + frame["hour"] * pd.Timedelta("1h")), caps={"7d": 3, "30d": 90}
    )


def test_pressure_counts_those_above_the_cap() -> None:
    plot = _pressure(5).plot()
    assert plot.title.startswith("40% of touched persons have more than 3 contacts")
    assert [row["contacts"] for row in plot.to_dicts()] == [1, 2, 3, 4, 5]
    assert "cap 3" in _svg(plot)
    with at.language("zh"):
        assert "接触超过 3 次" in _pressure(5).plot().title


def test_pressure_with_long_tails_and_high_caps_fits() -> None:
    many = _pressure(60)
    assert "21+" in _svg(many.plot())
    high = many.plot(window="30d")
    assert high.title.startswith("0% of touched persons")
    with pytest.raises(ex.InputError, match="no cap for '8d'"):
        many.plot(window="8d")
    with pytest.raises(ex.InputError, match="needs a contact pressure"):
        ex.plot_pressure(_log())


def test_durability_draws_every_arm_with_the_control_first() -> None:
    campaign = ex.simulate("default", persons=4_000, seed=3)
    found = ex.durability(campaign.assignment, campaign.conversions, days=(14, 28), as_of=campaign.as_of)
    plot = found.plot()
    assert plot.to_dicts() == found.curve.to_dicts()
    assert _svg(plot) == _svg(found.plot())
    assert plot.title.startswith("By day 28, ")
    assert next(iter(plot.to_dicts()))["arm"] == "holdout"
    with at.language("zh"):
        assert "回流" in found.plot().title
    with pytest.raises(ex.InputError, match="needs a durability"):
        ex.plot_durability(campaign.assignment)
