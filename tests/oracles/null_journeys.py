"""Null journeys by plain loops, from the definition in docs/methods/journeys.md (it imports nothing of ours).

A touch is a dict with person, time (whole microseconds), channel and touch_id; a conversion has person, time and id.
"""

from __future__ import annotations


def lookback_of(touch, lookback):
    return lookback.get(touch["channel"], lookback.get("*"))


def served(touches, conversions, lookback, reuse):
    """The ids of the touches that serve a counted conversion, and the counted conversions."""
    counted = []
    for conversion in sorted(conversions, key=lambda c: (c["person"], c["time"], c["id"])):
        if reuse == "first" and any(other["person"] == conversion["person"] for other in counted):
            continue
        counted.append(conversion)
    used = set()
    for touch in touches:
        for conversion in counted:
            age = conversion["time"] - touch["time"]
            if conversion["person"] == touch["person"] and 0 <= age <= lookback_of(touch, lookback):
                used.add(touch["touch_id"])
    return used, counted


def null_journeys(touches, conversions, lookback, end, reuse="shared"):
    """The null journeys as (person, channels), and the number of open ones and of departed touches."""
    used, counted = served(touches, conversions, lookback, reuse)
    left = sorted(
        (touch for touch in touches if touch["touch_id"] not in used),
        key=lambda touch: (touch["person"], touch["time"], touch["touch_id"]),
    )
    departed = 0
    if reuse == "first":
        gone = {conversion["person"]: conversion["time"] for conversion in counted}
        stays = [touch for touch in left if touch["time"] <= gone.get(touch["person"], touch["time"])]
        departed, left = len(left) - len(stays), stays
    runs = []
    for touch in left:
        if runs and continues(runs[-1][-1], touch, conversions, lookback):
            runs[-1].append(touch)
        else:
            runs.append([touch])
    closed = [run for run in runs if end - run[-1]["time"] >= lookback_of(run[-1], lookback)]
    found = [(run[0]["person"], tuple(touch["channel"] for touch in run)) for run in closed]
    return sorted(found), len(runs) - len(closed), departed


def continues(before, touch, conversions, lookback):
    if before["person"] != touch["person"]:
        return False
    if touch["time"] - before["time"] > lookback_of(before, lookback):
        return False
    between = [
        conversion
        for conversion in conversions
        if conversion["person"] == touch["person"] and before["time"] <= conversion["time"] < touch["time"]
    ]
    return not between
