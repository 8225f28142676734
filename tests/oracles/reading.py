"""Reading journeys by plain loops: slow, obvious, and independent of the library (it imports nothing of ours).

Touches are dicts with person, time (an aware datetime), channel; conversions are dicts with person, time, id, value.
Every touch of a person at most `lookback` before a conversion is eligible; ties of time are ordered by channel.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

NONE = "(none)"
WEIGHTS = {
    "first_touch": lambda m: [1.0] + [0.0] * (m - 1),
    "last_touch": lambda m: [0.0] * (m - 1) + [1.0],
    "linear": lambda m: [1.0 / m] * m,
}


def journey(touches, conversion, lookback):
    mine = [t for t in touches if t["person"] == conversion["person"]]
    kept = [t for t in mine if timedelta(0) <= conversion["time"] - t["time"] <= lookback]
    return sorted(kept, key=lambda t: (t["time"], t["channel"]))


def first_day(moment, period, zone):
    """The first local day of the period that holds a moment."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    if period == "week":
        day -= timedelta(days=day.weekday())
    if period == "month":
        day = day.replace(day=1)
    return day


def over_time(touches, conversions, model, *, period, at, zone, lookback):
    """Credit by (first day, channel): [conversions, value]."""
    found = {}

    def add(moment, channel, weight, value):
        entry = found.setdefault((first_day(moment, period, zone), channel), [0.0, 0.0])
        entry[0] += weight
        entry[1] += weight * value

    for conversion in conversions:
        path = journey(touches, conversion, lookback)
        if not path:
            add(conversion["time"], NONE, 1.0, conversion["value"])
            continue
        for touch, weight in zip(path, WEIGHTS[model](len(path)), strict=True):
            moment = conversion["time"] if at == "conversion" else touch["time"]
            add(moment, touch["channel"], weight, conversion["value"])
    return found


def next_period(day, period):
    if period == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if period == "week" else 1)


def sequences(touches, conversions, of, lookback):
    """(person, touches in order, conversion or None) of every person, or of every journey."""
    if of == "journeys":
        paths = [(c["person"], journey(touches, c, lookback), c) for c in conversions]
        return [found for found in paths if found[1]]
    persons = sorted({t["person"] for t in touches})
    order = {
        p: sorted((t for t in touches if t["person"] == p), key=lambda t: (t["time"], t["channel"])) for p in persons
    }
    return [(p, order[p], None) for p in persons]


def hand_overs(touches, conversions, *, within, of, lookback, converted_within):
    """By (from, to): count, persons, share, median gap in minutes, converted."""
    pairs, totals = {}, {}
    for person, path, _ in sequences(touches, conversions, of, lookback):
        for touch in path:
            totals[touch["channel"]] = totals.get(touch["channel"], 0) + 1
        for left, right in pairwise(path):
            gap = right["time"] - left["time"]
            if gap <= within:
                later = [c["time"] - right["time"] for c in conversions if c["person"] == person]
                converted = any(timedelta(0) <= wait <= converted_within for wait in later)
                pairs.setdefault((left["channel"], right["channel"]), []).append((person, gap, converted))
    return {
        key: {
            "count": len(rows),
            "persons": len({person for person, _, _ in rows}),
            "share_of_from": len(rows) / totals[key[0]],
            "median_gap_minutes": median(gap.total_seconds() for _, gap, _ in rows) / 60,
            "converted": sum(converted for _, _, converted in rows),
        }
        for key, rows in pairs.items()
    }


def chains(touches, conversions, *, within, of, lookback):
    """Runs of two or more touches: path to (count, persons)."""
    found = {}
    for person, path, _ in sequences(touches, conversions, of, lookback):
        run = [path[0]]
        for touch in [*path[1:], None]:
            if touch is not None and touch["time"] - run[-1]["time"] <= within:
                run.append(touch)
                continue
            if len(run) > 1:
                found.setdefault(" > ".join(t["channel"] for t in run), []).append(person)
            run = [touch]
    return {path: (len(persons), len(set(persons))) for path, persons in found.items()}


def reach(touches, conversions):
    """By (channel, other): persons, converting persons; by channel: persons and converting persons of it alone."""
    of_person = {}
    for touch in touches:
        of_person.setdefault(touch["person"], set()).add(touch["channel"])
    converting = {c["person"] for c in conversions}
    channels = sorted({t["channel"] for t in touches})
    both = {
        (a, b): ({p for p, seen in of_person.items() if a in seen and b in seen}) for a in channels for b in channels
    }
    alone = {a: {p for p, seen in of_person.items() if seen == {a}} for a in channels}
    return (
        {key: (len(persons), len(persons & converting)) for key, persons in both.items()},
        {a: (len(persons), len(persons & converting)) for a, persons in alone.items()},
    )
