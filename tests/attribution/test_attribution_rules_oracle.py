"""Every rule, alone and together with others, against plain loops on small random campaigns full of ties and edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.journeys import eligibility
from oracles.journeys import OracleRules, journeys

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = int(datetime(2026, 10, 30, 16, tzinfo=UTC).timestamp()) * 1_000_000  # New York's clocks go back on 1 November
PEOPLE = ("张三", "李四", "p 3")
CHANNELS = ("短信", "push", "banner")
LEVELS = ("sent", "delivered", "click")
COUNTED_ONCE = (
    "TOUCHES_WITHOUT_CONVERSION", "AFTER_CONVERSION", "LEVELS_COLLAPSED", "BELOW_LEVEL", "INBOUND_TOUCHES",
    "BEFORE_START", "BEFORE_DORMANCY", "TOUCHES_NO_KEY_EVENT", "TOUCHES_REMOVED", "TOUCHES_NOT_ELIGIBLE",
    "TOUCHES_USED",
)  # fmt: skip

# What each rule may be; a case draws each with probability 1/2, else its default.
CHOICES = {
    "reuse": ("reset", "first"),
    "origin": ("outbound",),
    "match": (("product",),),
    "same_instant": ("exclude",),
    "window": ("open", "whole_days", "calendar_days"),
    "not_before": (START + 6 * HOUR, START + 24 * HOUR),
    "tie_order": (("push",), ("banner", ("短信", "click"), "短信"), (("*", "click"), ("*", "sent"))),
    "levels": (LEVELS, ("sent", "click")),
    "level": ("highest", "sent", "click"),
    "key_event": ("看过",),
    "key_event_match": (("product",), ("product", "origin")),
    "dormancy": (0, 12 * HOUR, 30 * HOUR),
    "transforms": (
        ("exposure",), ("first",), ("last",), (("trim_long_path", 1),), (("trim_long_path", 2), "exposure"),
        (("remove_if_not_all", "push"),), (("remove_if_last_and_not_all", "短信"), "first"),
        ("exposure", ("remove_if_last_and_not_all", "push"), ("remove_if_not_all", "banner")),
    ),
}  # fmt: skip
LOOKBACKS = (
    {"*": 48}, {"*": 24}, {"*": 0}, {"短信": 24, "*": 72},
    {("短信", "click"): 72, ("*", "click"): 24, "push": 48, "*": 0},
)  # fmt: skip


def draw(random, values):
    return values[int(random.integers(len(values)))]


def hours(random) -> int:
    return draw(random, (0, 6, 12, 24, 32, 48, 56, int(random.integers(0, 80))))


def campaign(random):
    """Touches, conversions, key events and last activities with many rows at one instant."""
    touches = [
        {
            "person": draw(random, PEOPLE),
            "time": START + hours(random) * HOUR,
            "channel": draw(random, CHANNELS),
            "kind": draw(random, (*LEVELS, "call")),
            "origin": draw(random, ("outbound", "outbound", "inbound")),
            "product": draw(random, ("fund", "gold", None)),
            "message": draw(random, ("m1", "m1", "m1", "m2", None)),
        }
        for _ in range(int(random.integers(1, 10)))
    ]
    touches += [  # further levels of some messages
        {**touch, "time": START + hours(random) * HOUR, "kind": draw(random, LEVELS)}
        for touch in touches
        if random.random() < 0.7
    ]
    if random.random() < 0.5:
        for touch, number in zip(touches, random.permutation(len(touches)), strict=True):
            touch["touch_id"] = f"t{number:03d}"
    else:  # without ids, rows that are alike in time and channel must be alike in all that breaks ties
        for touch in touches:
            touch["kind"] = LEVELS[CHANNELS.index(touch["channel"])]
            touch["origin"], touch["product"], touch["message"] = "outbound", "fund", None
    conversions = [
        {
            "person": draw(random, PEOPLE),
            "time": START + hours(random) * HOUR,
            "id": f"单{number}",
            "value": 1.0,
            "product": draw(random, ("fund", "gold", None)),
        }
        for number in random.permutation(int(random.integers(1, 6)))
    ]
    events = [
        {
            "person": draw(random, PEOPLE),
            "time": START + hours(random) * HOUR,
            "event": draw(random, ("看过", "看过", "别的")),
            "product": draw(random, ("fund", "gold", None)),
            "origin": draw(random, ("outbound", "inbound")),
        }
        for _ in range(int(random.integers(0, 10)))
    ]
    events.append({**events[0], "event": "看过"} if events else {
        "person": "stranger", "time": START, "event": "看过", "product": "fund", "origin": "outbound"})  # fmt: skip
    customers = {
        person: draw(random, (None, START - 24 * HOUR, START, START + 12 * HOUR))
        for person in PEOPLE
        if random.random() < 0.8
    }
    return touches, conversions, events, customers


def drawn_rules(random, always: str | None = None) -> OracleRules:
    chosen = {"lookback": {key: value * HOUR for key, value in draw(random, LOOKBACKS).items()}}
    for name, values in CHOICES.items():
        if name == always or random.random() < 0.5:
            chosen[name] = draw(random, values)
    if "levels" not in chosen:
        chosen.pop("level", None)
    if "key_event" not in chosen:
        chosen.pop("key_event_match", None)
    if chosen.get("window") == "calendar_days":
        chosen["timezone"] = draw(random, ("America/New_York", "Asia/Shanghai"))
    if always == "key_event_match":
        chosen["key_event"] = "看过"
    if always == "level" and "levels" not in chosen:
        chosen |= {"levels": LEVELS, "level": "delivered"}
    return OracleRules(**chosen)


def ours(rule: OracleRules) -> at.Rules:
    told = {name: getattr(rule, name) for name in OracleRules.__dataclass_fields__}
    told["lookback"] = {key: timedelta(microseconds=value) for key, value in rule.lookback.items()}
    if rule.not_before is not None:
        told["not_before"] = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=rule.not_before)
    if rule.dormancy is not None:
        told["dormancy"] = timedelta(microseconds=rule.dormancy)
    return at.Rules(**told)


def frame(rows: list[dict], **renamed: str) -> pd.DataFrame:
    table = pd.DataFrame(rows).rename(columns={"person": "person_id", "message": "message_id", **renamed})
    for name in {"time", "last_active_at"} & set(table.columns):
        table[name] = pd.to_datetime(table[name].astype("Int64"), unit="us", utc=True)
    return table


def built(touches, conversions, events, customers, rule) -> at.Journeys:
    people = [{"person": person, "last_active_at": time} for person, time in customers.items()]
    return at.build_journeys(
        frame(touches),
        frame(conversions, id="conversion_id"),
        rules=ours(rule),
        customers=frame(people or [{"person": "stranger", "last_active_at": None}]),
        key_events=frame(events),
    )


def paths_of(plan: at.Journeys, touches, conversions) -> dict[str, list[dict]]:
    found = {}
    for pairs in plan.pairs():
        rows = plan.served.row[pairs.touch]
        ends = np.cumsum(pairs.counts)
        for place, end, count in zip(range(pairs.start, pairs.stop), ends, pairs.counts, strict=True):
            mine = [touches[row] for row in rows[end - count : end]]
            found[conversions[plan.counted.row[place]]["id"]] = mine
    return found


def assert_like_oracle(random, rule, *, explained: bool = False) -> None:
    touches, conversions, events, customers = campaign(random)
    plan = built(touches, conversions, events, customers, rule)
    expected = journeys(touches, conversions, rule, customers=customers, key_events=events)
    found = paths_of(plan, touches, conversions)
    assert found == {conversion["id"]: path for conversion, path in expected}
    if explained:
        assert_explained(plan, found, touches)
    values = {finding.code: finding.values for finding in plan.findings}
    if "TOUCHES_USED" in values:
        assert sum(values[code]["n"] for code in COUNTED_ONCE if code in values) == len(touches)
    else:
        assert all(code not in values for code in COUNTED_ONCE)


def assert_explained(plan, found, touches) -> None:
    """`explain` calls the same touches eligible, lists all touches of the person, and says why it withholds others."""
    credit = plan.attribute("linear")
    for name, path in found.items():
        told = credit.explain(name)
        rows = told.to_dicts()
        assert [row["channel"] for row in rows if row["status"] == "ELIGIBLE"] == [touch["channel"] for touch in path]
        assert len(rows) == sum(touch["person"] == told.person_id for touch in touches)
        assert sum(row["linear"] or 0.0 for row in rows) == pytest.approx(1.0 if path else 0.0)
        assert repr(told).isprintable() or "\n" in repr(told)


@pytest.mark.parametrize("rule", [*CHOICES, "lookback"])
def test_paths_are_the_oracles(rule):
    random = np.random.default_rng(sum(map(ord, rule)))
    for number in range(18):
        assert_like_oracle(random, drawn_rules(random, always=rule), explained=number % 5 == 0)


@pytest.mark.parametrize("rule", ["reuse", "transforms", "key_event"])
def test_pieces_change_nothing(rule, monkeypatch):
    random = np.random.default_rng(sum(map(ord, rule)) + 1)
    monkeypatch.setattr(eligibility, "PAIR_BUDGET", 2)
    for _ in range(10):
        assert_like_oracle(random, drawn_rules(random, always=rule))


def test_other_rules_on_the_same_tables_are_those_of_a_new_plan():
    random = np.random.default_rng(17)
    for _ in range(25):
        touches, conversions, events, customers = campaign(random)
        before, after = drawn_rules(random), drawn_rules(random)
        moved = built(touches, conversions, events, customers, before).with_rules(ours(after))
        fresh = built(touches, conversions, events, customers, after)
        assert paths_of(moved, touches, conversions) == paths_of(fresh, touches, conversions)
        assert moved.fingerprint == fresh.fingerprint
        assert [(finding.code, dict(finding.values)) for finding in moved.findings] == [
            (finding.code, dict(finding.values)) for finding in fresh.findings
        ]


def test_the_order_of_rows_changes_no_path():
    random = np.random.default_rng(23)
    for _ in range(20):
        touches, conversions, events, customers = campaign(random)
        rule = drawn_rules(random)
        plan = built(touches, conversions, events, customers, rule)
        order, other = random.permutation(len(touches)), random.permutation(len(conversions))
        mixed, moved = [touches[place] for place in order], [conversions[place] for place in other]
        again = built(mixed, moved, events[::-1], dict(reversed(customers.items())), rule)
        assert paths_of(again, mixed, moved) == paths_of(plan, touches, conversions)
        assert again.fingerprint == plan.fingerprint
