"""Findings of journeys: every row is counted once, and a time-zone slip is seen where there is one and only there."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at

START = pd.Timestamp("2026-10-01", tz="UTC")


def found(credit) -> dict:
    return {finding.code: finding for finding in credit.findings}


def test_every_touch_is_counted_once():
    random = np.random.default_rng(3)
    touches = pd.DataFrame(
        {
            "person_id": random.integers(0, 40, 500),
            "time": START + pd.to_timedelta(random.integers(0, 80 * 24, 500), unit="h"),
            "channel": random.choice(["a", "b"], 500),
            "origin": random.choice(["inbound", "outbound"], 500),
        }
    )
    conversions = pd.DataFrame(
        {
            "person_id": random.integers(20, 60, 60),
            "time": START + pd.to_timedelta(random.integers(0, 80 * 24, 60) + 0.5, unit="h"),
            "conversion_id": range(60),
            "value": 1.0,
        }
    )
    rules = at.Rules(lookback={"a": "2d", "b": "9d", "z": "1d"}, origin="outbound", reuse="reset")
    credit = at.attribute(touches, conversions, rules=rules)
    findings = found(credit)
    parts = [
        "TOUCHES_WITHOUT_CONVERSION",
        "AFTER_CONVERSION",
        "INBOUND_TOUCHES",
        "TOUCHES_NOT_ELIGIBLE",
        "TOUCHES_USED",
    ]
    assert sum(findings[code].values["n"] for code in parts) == 500
    assert findings["TOUCHES_USED"].values["n"] == credit.touches().table().groupby("model").size().iloc[0]
    assert findings["TOUCHES_WITHOUT_CONVERSION"].values["n"] == (~touches.person_id.isin(conversions.person_id)).sum()
    assert findings["NO_TOUCH"].values["untouched"] == credit.table().set_index("channel").conversions["(none)"].iloc[0]
    assert findings["LOOKBACK_UNUSED"].status == "warn"
    assert "z" in findings["LOOKBACK_UNUSED"].message


def test_a_clean_little_table_has_no_findings():
    touches = pd.DataFrame({"person_id": ["p"], "time": [START], "channel": ["a"]})
    conversions = pd.DataFrame(
        {"person_id": ["p"], "time": [START + timedelta(hours=1)], "conversion_id": ["o"], "value": [1.0]}
    )
    assert at.attribute(touches, conversions).findings == ()


def test_touches_after_the_conversion():
    touches = pd.DataFrame({"person_id": ["p", "p"], "time": [START, START + timedelta(days=2)], "channel": ["a", "a"]})
    conversions = pd.DataFrame(
        {"person_id": ["p"], "time": [START + timedelta(hours=1)], "conversion_id": ["o"], "value": [1.0]}
    )
    assert dict(found(at.attribute(touches, conversions))["AFTER_CONVERSION"].values) == {
        "n": 1,
        "rows": 2,
        "share": 0.5,
    }


def campaign(seed: int, *, quiet_after: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Touches by day with a daily rhythm, and conversions soon after the last of them."""
    random = np.random.default_rng(seed)
    persons = 3_000
    last = START + pd.to_timedelta(random.integers(5, 25, persons) * 24 + random.normal(11, 3, persons), unit="h")
    delay = pd.to_timedelta(random.exponential(9, persons), unit="h")
    earlier = last - pd.to_timedelta(random.exponential(70, persons), unit="h")
    later = last + delay + pd.to_timedelta(random.exponential(60, persons), unit="h")
    times = [last, earlier] if quiet_after else [last, earlier, later]
    touches = pd.DataFrame(
        {"person_id": np.tile(np.arange(persons), len(times)), "time": np.concatenate(times), "channel": "a"}
    )
    touches["time"] = pd.to_datetime(touches["time"], utc=True)
    conversions = pd.DataFrame(
        {"person_id": np.arange(persons), "time": last + delay, "conversion_id": np.arange(persons), "value": 1.0}
    )
    return touches, conversions


@pytest.mark.parametrize("quiet_after", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_slip_is_suspected_in_clean_tables(seed, quiet_after):
    touches, conversions = campaign(seed, quiet_after=quiet_after)
    assert "TIME_ZONE_SLIP" not in found(at.attribute(touches, conversions, models="linear"))
    # Nothing links these conversions to the touches.
    shuffled = conversions.assign(time=np.random.default_rng(seed).permutation(conversions.time))
    assert "TIME_ZONE_SLIP" not in found(at.attribute(touches, shuffled, models="linear"))


@pytest.mark.parametrize("hours", [5, 8])
def test_a_slip_is_suspected_with_its_hours(hours):
    touches, conversions = campaign(4, quiet_after=True)
    touches["time"] += timedelta(hours=hours)
    slip = found(at.attribute(touches, conversions, models="linear"))["TIME_ZONE_SLIP"]
    assert slip.status == "warn"
    assert slip.values["hours"] == hours
    assert slip.values["moved"] < slip.values["share"] / 3


def test_catalogues_speak_alike():
    from attribution.core import messages

    english, chinese = messages.catalogue("en"), messages.catalogue("zh")
    mine = [
        code
        for code in english
        if code.split(".")[0] in ("CREDIT", "JOURNEYS", "EXPLAIN", "DEFINITION", "COLUMN", "NO_TOUCH", "REFUNDS")
    ]
    assert len(mine) > 50
    for code in mine:
        assert messages.placeholders(english[code]) == messages.placeholders(chinese[code]), code
