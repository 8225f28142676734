"""Lump sums of price lists whose rows hold for periods: which of them are costs of the campaign."""

from __future__ import annotations

import pandas as pd
import pytest

import attribution as at
import experiments as ex

START = pd.Timestamp("2026-10-12 08:30", tz="Asia/Shanghai")
ZONE = at.Columns(timezone="Asia/Shanghai")
PEOPLE = pd.DataFrame({"person_id": ["p1", "p2"], "arm": ["sms", "holdout"], "assigned_at": START})
ORDERS = pd.DataFrame({"conversion_id": ["c1"], "person_id": ["p1"], "time": [START + pd.Timedelta("3h")]})
SENT = pd.DataFrame({"person_id": ["p1"], "time": [START + pd.Timedelta("1h")], "channel": ["sms"]})


def fixed_cost(begin: str | None, end: str | None) -> list[float]:
    prices = pd.DataFrame(
        {
            "channel": ["sms", "sms"], "basis": ["sent", "fixed"], "unit_cost": [0.05, 300.0], "arms": [None, "sms"],
            "valid_from": [None, begin], "valid_to": [None, end],
        }
    )  # fmt: skip
    made = ex.build_outcomes(PEOPLE, ORDERS, SENT, prices, window="28d", as_of="2026-12-31", columns=ZONE)
    return made.table()["fixed_cost"].tolist()


@pytest.mark.parametrize(
    ("begin", "end", "paid"),
    [
        (None, None, 300.0),
        ("2026-10-12", "2026-11-09", 300.0),  # the very days of the campaign
        ("2026-10-20", "2026-10-21", 300.0),
        ("2025-10-01", "2026-10-12", 0.0),
        ("2026-11-10", None, 0.0),
    ],
)
def test_a_lump_sum_of_another_time_is_no_cost_of_the_campaign(begin, end, paid):
    assert fixed_cost(begin, end) == [paid, 0.0]


@pytest.mark.parametrize(
    ("begin", "end"), [("2026-10-01", "2026-11-01"), ("2026-10-20", "2026-12-01"), (None, "2026-10-20")]
)
def test_a_lump_sum_partly_of_another_time_is_not_guessed(begin, end):
    with pytest.raises(at.TableError, match=r"FIXED_ACROSS_WINDOW.*first assignment to the end of the last window"):
        fixed_cost(begin, end)
