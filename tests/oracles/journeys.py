"""Attribution by plain loops: slow, obvious, and independent of the library (it imports nothing of ours).

Written from the definitions in docs/methods: a touch is a dict with person, time (whole microseconds), channel and,
where the rules ask, touch_id, kind, origin and match columns; a conversion is a dict with person, time, id, value and,
where there are any, refund_of and match columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

NONE = "(none)"
RULE_MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position_based")
WEEK = 7 * 86_400_000_000


@dataclass(frozen=True)
class OracleRules:
    """The rules, with lookbacks in microseconds: keys are a channel, a (channel, kind) pair, or "*"."""

    lookback: dict
    reuse: str = "shared"
    origin: str = "all"
    match: tuple = ()
    same_instant: str = "include"


@dataclass
class OracleCredit:
    """weights[model][conversion id] lists (touch, weight) in order; credit[model][channel] is [conversions, value]."""

    weights: dict = field(default_factory=dict)
    credit: dict = field(default_factory=dict)
    counted: list = field(default_factory=list)


def lookback_of(touch, rules):
    for key in ((touch["channel"], touch.get("kind")), touch["channel"], "*"):
        if key in rules.lookback:
            return rules.lookback[key]
    return None


def is_eligible(touch, conversion, rules):
    if touch["person"] != conversion["person"]:
        return False
    if rules.origin == "outbound" and touch["origin"] != "outbound":
        return False
    for column in rules.match:
        if touch[column] != conversion[column]:
            return False
    age = conversion["time"] - touch["time"]
    if age < 0 or (age == 0 and rules.same_instant == "exclude"):
        return False
    return age <= lookback_of(touch, rules)


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


def touch_order(touch):
    return (touch["time"], touch["touch_id"]) if "touch_id" in touch else (touch["time"], touch["channel"])


def journeys(touches, conversions, rules):
    """A list of (conversion, eligible touches in order)."""
    counted = counted_conversions(conversions, rules)
    eligible = {conversion["id"]: [] for conversion in counted}
    for touch in touches:
        serves = [conversion for conversion in counted if is_eligible(touch, conversion, rules)]
        if rules.reuse == "reset" and serves:
            serves = [min(serves, key=lambda conversion: (conversion["time"], conversion["id"]))]
        for conversion in serves:
            eligible[conversion["id"]].append(touch)
    return [(conversion, sorted(eligible[conversion["id"]], key=touch_order)) for conversion in counted]


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


def attribute(touches, conversions, rules, models=RULE_MODELS):
    """Weights and credits of every model."""
    result = OracleCredit()
    built = journeys(touches, conversions, rules)
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
