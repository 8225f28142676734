"""Paths and null journeys under every rule that bears on them, by plain loops over dates and datetimes.

From the definitions in docs/methods/rules.md and docs/methods/null-journeys.md (it imports nothing of ours). A touch is
a dict with person, time (a datetime), channel, touch_id and m (the match column); a conversion has person, time, id, m
and refunded. `rules` is a dict with lookback (days by channel and "*"), reuse, same_instant, window, zone, match,
transforms.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def lookback_of(touch, rules):
    return timedelta(days=rules["lookback"].get(touch["channel"], rules["lookback"]["*"]))


def within(touch, moment, rules):
    """Whether a conversion at that moment, after the touch, is near enough to credit it."""
    reach, age = lookback_of(touch, rules), moment - touch["time"]
    if rules["window"] == "open":
        return age < reach
    if rules["window"] == "whole_days":
        return age // DAY <= reach // DAY
    if rules["window"] == "calendar_days":
        return moment.astimezone(rules["zone"]).date() - touch["time"].astimezone(rules["zone"]).date() <= reach
    return age <= reach


def follows(moment, touch, rules):
    """Whether something at that moment counts as coming after the touch."""
    return moment > touch["time"] or (moment == touch["time"] and rules["same_instant"] == "include")


def transformed(path, transforms):
    for step in transforms:
        if step == "exposure":
            path = [channel for place, channel in enumerate(path) if place == 0 or path[place - 1] != channel]
        elif step == "first":
            path = [channel for place, channel in enumerate(path) if channel not in path[:place]]
        elif step == "last":
            path = [channel for place, channel in enumerate(path) if channel not in path[place + 1 :]]
        elif step[0] == "trim_long_path":
            path = path[-step[1] :]
        elif step[0] == "remove_if_not_all" and set(path) != {step[1]}:
            path = [channel for channel in path if channel != step[1]]
        elif step[0] == "remove_if_last_and_not_all" and set(path) != {step[1]}:
            while path[-1] == step[1]:
                path = path[:-1]
    return tuple(path)


def counted_paths(touches, conversions, rules, end):
    """Converting paths, null paths (both counted), the number of open journeys, the number of departed touches."""
    touches = sorted(touches, key=lambda touch: (touch["person"], touch["time"], touch["touch_id"]))
    counted, used, converting = [], set(), Counter()
    for conversion in sorted(conversions, key=lambda row: (row["person"], row["time"], row["id"])):
        before = [other for other in counted if other["person"] == conversion["person"]]
        if conversion["refunded"] or (rules["reuse"] == "first" and before):
            continue
        counted.append(conversion)
        mine = [touch for touch in touches if serves(touch, conversion, rules, used)]
        used |= {touch["touch_id"] for touch in mine}
        if mine:
            converting[transformed([touch["channel"] for touch in mine], rules["transforms"])] += 1
    left = [touch for touch in touches if touch["touch_id"] not in used]
    departed = [touch for touch in left if rules["reuse"] == "first" and departs(touch, counted, rules)]
    runs = []
    for touch in left:
        if touch in departed:
            continue
        if runs and continues(runs[-1][-1], touch, conversions, rules):
            runs[-1].append(touch)
        else:
            runs.append([touch])
    # Over are those that no conversion later than the end could credit.
    over = [run for run in runs if not within(run[-1], end + MICROSECOND, rules)]
    nulls = Counter(transformed([touch["channel"] for touch in run], rules["transforms"]) for run in over)
    return converting, nulls, len(runs) - len(over), len(departed)


def serves(touch, conversion, rules, used):
    return (
        touch["person"] == conversion["person"]
        and follows(conversion["time"], touch, rules)
        and within(touch, conversion["time"], rules)
        and (not rules["match"] or touch["m"] == conversion["m"])
        and not (rules["reuse"] == "reset" and touch["touch_id"] in used)
    )


def departs(touch, counted, rules):
    return any(row["person"] == touch["person"] and not follows(row["time"], touch, rules) for row in counted)


def continues(before, touch, conversions, rules):
    return (
        before["person"] == touch["person"]
        and within(before, touch["time"], rules)
        and not any(
            row["person"] == touch["person"]
            and follows(row["time"], before, rules)
            and not follows(row["time"], touch, rules)
            for row in conversions
        )
    )
