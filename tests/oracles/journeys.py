"""Attribution by plain loops: slow, obvious, and independent of the library (it imports nothing of ours).

Written from the definitions in docs/methods: a touch is a dict with person, time (whole microseconds), channel and,
where the rules ask, touch_id, kind, origin, message (None: it names none) and match columns; a conversion is a dict
with person, time, id, value and, where there are any, refund_of and match columns; a key event is a dict with person,
time, event and match columns; `customers` is a dict from a person to the time of the last activity (None: unknown).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

NONE = "(none)"
RULE_MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position_based")
DAY = 86_400_000_000
WEEK = 7 * DAY


@dataclass(frozen=True)
class OracleRules:
    """The rules, with lookbacks, instants and durations in microseconds.

    Keys of lookbacks are a channel, a (channel, kind) pair, ("*", kind) or "*".
    """

    lookback: dict
    reuse: str = "shared"
    origin: str = "all"
    match: tuple = ()
    same_instant: str = "include"
    window: str = "exact"
    timezone: str | None = None
    not_before: int | None = None
    tie_order: tuple = ()
    levels: tuple = ()
    level: str = "highest"
    key_event: str | None = None
    key_event_match: tuple = ()
    dormancy: int | None = None
    transforms: tuple = ()


@dataclass
class OracleCredit:
    """weights[model][conversion id] lists (touch, weight) in order; credit[model][channel] is [conversions, value]."""

    weights: dict = field(default_factory=dict)
    credit: dict = field(default_factory=dict)
    counted: list = field(default_factory=list)


def keys_of(touch):
    """From the most specific key to the least."""
    return ((touch["channel"], touch.get("kind")), touch["channel"], ("*", touch.get("kind")), "*")


def lookback_of(touch, rules):
    for key in keys_of(touch):
        if key in rules.lookback:
            return rules.lookback[key]
    return None


def local_date(time, zone):
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).astimezone(ZoneInfo(zone)).date()


def is_inside(touch, conversion, rules):
    """Whether the age of a touch lies in its window."""
    age = conversion["time"] - touch["time"]
    lookback = lookback_of(touch, rules)
    if age < 0 or (age == 0 and rules.same_instant == "exclude"):
        return False
    if rules.window == "open":
        return age < lookback
    if rules.window == "whole_days":
        return age // DAY <= lookback // DAY
    if rules.window == "calendar_days":
        dates = [local_date(row["time"], rules.timezone) for row in (touch, conversion)]
        return (dates[1] - dates[0]).days <= lookback // DAY
    return age <= lookback


def is_late(touch, counted, rules):
    """Whether a touch came too late for every counted conversion of its person; persons without one are never late."""
    times = [conversion["time"] for conversion in counted if conversion["person"] == touch["person"]]
    if not times:
        return False
    return touch["time"] > max(times) or (touch["time"] == max(times) and rules.same_instant == "exclude")


def stands_for_its_message(touch, touches, rules, counted):
    """Whether a touch is the one that counts of its message; a touch of another kind is none of a message."""
    if not rules.levels or touch["kind"] not in rules.levels:
        return True
    at_least = 0 if rules.level == "highest" else rules.levels.index(rules.level)
    mine = [touch]
    if touch["message"] is not None:
        mine = [
            other
            for other in touches
            if other["person"] == touch["person"]
            and other["channel"] == touch["channel"]
            and other["message"] == touch["message"]
            and other["kind"] in rules.levels
        ]
    able = [other for other in mine if rules.levels.index(other["kind"]) >= at_least]
    in_time = [other for other in able if not is_late(other, counted, rules)]
    able = in_time or able
    if not able:
        return False
    ranks = [rules.levels.index(other["kind"]) for other in able]
    wanted = max(ranks) if rules.level == "highest" else min(ranks)
    able = [other for other, rank in zip(able, ranks, strict=True) if rank == wanted]
    return touch is min(able, key=lambda other: touch_order(other, rules))


def may_take_credit(touch, touches, rules, customers, counted=()):
    """Whether no rule withholds the touch from every conversion."""
    if not stands_for_its_message(touch, touches, rules, counted):
        return False
    if rules.origin == "outbound" and touch["origin"] != "outbound":
        return False
    if rules.not_before is not None and touch["time"] < rules.not_before:
        return False
    if rules.dormancy is not None:
        active = customers.get(touch["person"])
        if active is not None and touch["time"] < active + rules.dormancy:
            return False
    return True


def agree(one, other, columns):
    """Whether two rows agree in some columns; an empty cell agrees with nothing."""
    return all(one[column] is not None and one[column] == other[column] for column in columns)


def is_eligible(touch, conversion, rules, key_events=()):
    if touch["person"] != conversion["person"]:
        return False
    if not is_inside(touch, conversion, rules) or not agree(touch, conversion, rules.match):
        return False
    if rules.key_event is None:
        return True
    return any(
        event["person"] == touch["person"]
        and event["event"] == rules.key_event
        and touch["time"] <= event["time"] <= conversion["time"]
        and agree(touch, event, rules.key_event_match)
        for event in key_events
    )


def transformed(path, transforms):
    """What the transforms leave of a path of touches."""
    for transform in transforms:
        name, argument = transform if isinstance(transform, tuple) else (transform, None)
        channels = [touch["channel"] for touch in path]
        if name == "exposure":
            path = [touch for i, touch in enumerate(path) if i == 0 or channels[i] != channels[i - 1]]
        elif name == "first":
            path = [touch for i, touch in enumerate(path) if channels[i] not in channels[:i]]
        elif name == "last":
            path = [touch for i, touch in enumerate(path) if channels[i] not in channels[i + 1 :]]
        elif name == "trim_long_path":
            path = path[-argument:]
        elif set(channels) == {argument}:
            continue
        elif name == "remove_if_not_all":
            path = [touch for touch in path if touch["channel"] != argument]
        elif name == "remove_if_last_and_not_all":
            while path and path[-1]["channel"] == argument:
                path = path[:-1]
        else:
            raise ValueError(name)
    return path


def settle(conversions):
    """Conversions net of refunds, the fully refunded ones set aside."""
    net = {}
    for conversion in conversions:
        if conversion.get("refund_of") is None:
            net[conversion["id"]] = dict(conversion)
    returned = dict.fromkeys(net, 0.0)
    for conversion in conversions:
        if conversion.get("refund_of") is not None:
            returned[conversion["refund_of"]] += abs(conversion["value"])
    kept = []
    for key, conversion in net.items():
        if returned[key] and returned[key] >= conversion["value"]:
            continue
        conversion["value"] -= returned[key]
        kept.append(conversion)
    return kept


def counted_conversions(conversions, rules):
    kept = settle(conversions)
    if rules.reuse != "first":
        return kept
    first = {}
    for conversion in kept:
        best = first.get(conversion["person"])
        if best is None or (conversion["time"], conversion["id"]) < (best["time"], best["id"]):
            first[conversion["person"]] = conversion
    return list(first.values())


def touch_order(touch, rules=None):
    """Time, the declared order, then the touch id, else the channel."""
    declared = () if rules is None else rules.tie_order
    places = [declared.index(key) for key in keys_of(touch)[:3] if key in declared]
    place = places[0] if places else len(declared)
    return (touch["time"], place, touch["touch_id"] if "touch_id" in touch else touch["channel"])


def journeys(touches, conversions, rules, *, customers=None, key_events=()):
    """A list of (conversion, eligible touches in order, after the transforms)."""
    counted = counted_conversions(conversions, rules)
    eligible = {conversion["id"]: [] for conversion in counted}
    for touch in touches:
        if not may_take_credit(touch, touches, rules, customers or {}, counted):
            continue
        serves = [conversion for conversion in counted if is_eligible(touch, conversion, rules, key_events)]
        if rules.reuse == "reset" and serves:
            serves = [min(serves, key=lambda conversion: (conversion["time"], conversion["id"]))]
        for conversion in serves:
            eligible[conversion["id"]].append(touch)
    built = []
    for conversion in counted:
        path = sorted(eligible[conversion["id"]], key=lambda touch: touch_order(touch, rules))
        built.append((conversion, transformed(path, rules.transforms)))
    return built


def weights_of(model, ages):
    """Weights of touches from the oldest to the latest; ages in microseconds."""
    m = len(ages)
    if model == "first_touch":
        return [1 if i == 0 else 0 for i in range(m)]
    if model == "last_touch":
        return [1 if i == m - 1 else 0 for i in range(m)]
    if model == "linear":
        return [Fraction(1, m)] * m
    if model == "position_based":
        if m == 1:
            return [Fraction(1)]
        if m == 2:
            return [Fraction(1, 2), Fraction(1, 2)]
        return [Fraction(2, 5), *[Fraction(1, 5) / (m - 2)] * (m - 2), Fraction(2, 5)]
    if model == "time_decay":
        smallest = min(ages)
        raw = [2.0 ** (-(age - smallest) / WEEK) for age in ages]
        return [value / sum(raw) for value in raw]
    raise ValueError(model)


def attribute(touches, conversions, rules, models=RULE_MODELS, *, customers=None, key_events=()):
    """Weights and credits of every model."""
    result = OracleCredit()
    built = journeys(touches, conversions, rules, customers=customers, key_events=key_events)
    result.counted = [conversion for conversion, _ in built]
    for model in models:
        weights = result.weights[model] = {}
        credit = result.credit[model] = {}
        for touch in touches:
            credit.setdefault(touch["channel"], [0, 0.0])
        credit.setdefault(NONE, [0, 0.0])
        for conversion, eligible in built:
            if not eligible:
                weights[conversion["id"]] = []
                credit[NONE][0] += 1
                credit[NONE][1] += conversion["value"]
                continue
            ages = [conversion["time"] - touch["time"] for touch in eligible]
            shares = weights_of(model, ages)
            weights[conversion["id"]] = list(zip(eligible, shares, strict=True))
            for touch, share in zip(eligible, shares, strict=True):
                credit[touch["channel"]][0] += share
                credit[touch["channel"]][1] += float(share) * conversion["value"]
    return result
