"""Null journeys under every rule that bears on them, against plain loops; refunds and calendar days by hand."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import attribution as at
from oracles.null_rules import counted_paths

ZONE = "America/New_York"  # its clocks go back inside the random worlds, so that one date lasts 25 hours
START = datetime(2026, 10, 29, tzinfo=UTC)
TRANSFORMS = (
    (),
    ("exposure",),
    ("first",),
    ("last",),
    ("exposure", ("trim_long_path", 2)),
    (("remove_if_not_all", "a"),),
    (("remove_if_last_and_not_all", "b"),),
)


def world(seed):
    """Touches and conversions of three persons on a grid of times, some conversions refunded; rules; the end."""
    draw = random.Random(seed)
    step, span = draw.choice([timedelta(minutes=30), timedelta(hours=1), timedelta(hours=12)]), draw.choice([8, 40, 90])

    def row(**more):
        when = START + step * draw.randrange(span)
        return {"person": f"p{draw.randrange(3)}", "time": when, "m": draw.choice("xy"), **more}

    touches = [row(channel=draw.choice("abc"), touch_id=f"t{place:02}") for place in range(draw.randint(1, 14))]
    conversions = [row(id=f"o{place}", refunded=draw.random() < 0.25) for place in range(draw.randint(1, 5))]
    window = draw.choice(["exact", "open", "whole_days", "calendar_days"])
    rules = {
        "lookback": {"a": draw.randint(1 if window == "open" else 0, 3), "*": draw.randint(1, 4)},
        "reuse": draw.choice(["shared", "reset", "first"]),
        "same_instant": draw.choice(["include", "exclude"]),
        "window": window,
        "zone": ZoneInfo(ZONE),
        "match": draw.random() < 0.3,
        "transforms": draw.choice(TRANSFORMS),
    }
    last = max(row["time"] for row in [*touches, *conversions])
    return touches, conversions, rules, last + draw.choice([timedelta(0), step, timedelta(days=2)])


def built(touches, conversions, rules, end):
    left = pd.DataFrame(touches).rename(columns={"person": "person_id"})
    right = [
        {"person_id": row["person"], "time": row["time"], "conversion_id": row["id"], "m": row["m"], "value": 10.0}
        for row in conversions
    ]
    right += [
        {**row, "conversion_id": f"r-{row['conversion_id']}", "value": -10.0, "refund_of": row["conversion_id"]}
        for row, order in zip(right, conversions, strict=True)
        if order["refunded"]
    ]
    frame = pd.DataFrame(right)
    if "refund_of" not in frame:
        frame["refund_of"] = None
    chosen = at.Rules(
        lookback={channel: f"{days}d" for channel, days in rules["lookback"].items()},
        reuse=rules["reuse"],
        same_instant=rules["same_instant"],
        window=rules["window"],
        timezone=ZONE if rules["window"] == "calendar_days" else None,
        match=("m",) if rules["match"] else (),
        transforms=rules["transforms"],
    )
    return at.build_journeys(left, frame, rules=chosen, observed=(None, end))


def path_table(paths, counts):
    texts = [
        tuple(paths.channel_names[paths.channel[begin:end]])
        for begin, end in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)
    ]
    return Counter({text: int(count) for text, count in zip(texts, counts, strict=True) if count})


@pytest.mark.parametrize("seed", range(100))
def test_paths_are_those_of_plain_loops_under_every_rule(seed):
    touches, conversions, rules, end = world(seed)
    converting, nulls, still_open, departed = counted_paths(touches, conversions, rules, end)
    entries = built(touches, conversions, rules, end).person_paths()
    paths = entries.paths
    assert path_table(paths, paths.conversions) == converting
    assert path_table(paths, paths.nulls) == nulls
    assert (entries.open, entries.departed) == (still_open, departed)


def by_hand(touches, conversions, rules, end):
    frame = pd.DataFrame(touches, columns=["person_id", "time", "channel"])
    orders = pd.DataFrame(conversions, columns=["person_id", "time", "conversion_id", "value", "refund_of"])
    for table in (frame, orders):
        table["time"] = pd.to_datetime(table["time"])
    return at.build_journeys(frame, orders, rules=rules, observed=(None, end)).person_paths()


def test_a_touch_whose_last_calendar_day_is_not_over_is_still_open():
    rules = at.Rules(lookback="1d", window="calendar_days", timezone="UTC")
    touches = [("p1", "2026-10-01 00:01Z", "sms")]
    conversions = [("p2", "2026-10-01 00:02Z", "order", 1.0, None)]
    # An order on the evening of the 2nd would still credit it, more than a day later.
    still = by_hand(touches, conversions, rules, "2026-10-02T12:00:00Z")
    assert (still.open, still.nulls.sum()) == (1, 0)
    over = by_hand(touches, conversions, rules, "2026-10-02T23:59:59.999999Z")
    assert (over.open, over.nulls.sum()) == (0, 1)


def test_calendar_days_part_journeys_by_date_not_by_hours():
    rules = at.Rules(lookback="1d", window="calendar_days", timezone="UTC")
    conversions = [("p2", "2026-10-01 00:00Z", "order", 1.0, None)]
    late = [("p1", "2026-10-01 00:01Z", "sms"), ("p1", "2026-10-02 23:00Z", "phone")]
    assert by_hand(late, conversions, rules, "2026-10-09T00:00:00Z").paths.lengths.tolist() == [2]
    apart = [("p1", "2026-10-01 23:00Z", "sms"), ("p1", "2026-10-03 01:00Z", "phone")]
    assert by_hand(apart, conversions, rules, "2026-10-09T00:00:00Z").paths.lengths.tolist() == [1, 1]


def test_a_refunded_first_order_does_not_end_observation():
    rules = at.Rules(lookback="1d", reuse="first")
    touches = [("p1", "2026-10-03 00:00Z", "sms"), ("p1", "2026-10-25 00:00Z", "phone")]
    conversions = [
        ("p1", "2026-10-01 00:00Z", "sent back", 5.0, None),
        ("p1", "2026-10-02 00:00Z", "refund", -5.0, "sent back"),
        ("p1", "2026-10-20 00:00Z", "kept", 7.0, None),
    ]
    entries = by_hand(touches, conversions, rules, "2026-10-31T00:00:00Z")
    # Only the touch after the order that counts has departed.
    assert (entries.nulls.sum(), entries.departed) == (1, 1)
    none = by_hand(touches, conversions[:2], rules, "2026-10-31T00:00:00Z")
    assert (none.nulls.sum(), none.departed) == (2, 0)
