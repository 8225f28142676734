"""States and flows of customers, one customer at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise


def state(times, moment, dormant_after, churned_after, *, inclusive=True):
    """The state at a moment out of the times of one customer; `inclusive` counts an act at the very moment."""
    known = [time for time in times if time < moment or (inclusive and time == moment)]
    if not known:
        return "not_yet"
    silence = moment - max(known)
    if silence <= dormant_after:
        return "active"
    return "dormant" if silence <= churned_after else "churned"


def by_customer(persons, times):
    """The sorted times of every customer."""
    found = defaultdict(list)
    for person, time in zip(persons, times, strict=True):
        found[person].append(time)
    return {person: sorted(found[person]) for person in sorted(found)}


def flows(log, start, end, dormant_after, churned_after, *, inclusive=True):
    """All counts between two moments out of {customer: times}."""
    pairs, hidden = Counter(), Counter()
    for times in log.values():
        before = state(times, start, dormant_after, churned_after, inclusive=inclusive)
        after = state(times, end, dormant_after, churned_after, inclusive=inclusive)
        pairs[before, after] += 1
        known = [time for time in times if time < end or (inclusive and time == end)]
        inside = [time for time in known if time > start or (not inclusive and time == start)]
        earlier = [time for time in known if time not in inside]
        if before == after == "active":
            walk = [*earlier[-1:], *inside]
            if any(later - sooner > dormant_after for sooner, later in pairwise(walk)):
                hidden["left_and_returned"] += 1
        if before in ("dormant", "churned") and after in ("dormant", "churned") and inside:
            hidden["woken_and_lost"] += 1
        if before == "not_yet" and after in ("dormant", "churned"):
            hidden["new_and_lost"] += 1
    lost = pairs["active", "dormant"] + pairs["active", "churned"]
    won = pairs["not_yet", "active"] + pairs["dormant", "active"] + pairs["churned", "active"]
    asleep = sum(n for (_, after), n in pairs.items() if after in ("dormant", "churned"))
    return {
        "active_start": sum(n for (before, _), n in pairs.items() if before == "active"),
        "new": pairs["not_yet", "active"],
        "woken": pairs["dormant", "active"] + pairs["churned", "active"],
        "woken_from_dormant": pairs["dormant", "active"],
        "woken_from_churned": pairs["churned", "active"],
        "to_dormant": pairs["active", "dormant"],
        "to_churned": pairs["active", "churned"],
        "active_end": sum(n for (_, after), n in pairs.items() if after == "active"),
        "acquisition_ratio": won / lost if lost else None,
        "stock_ratio": won / asleep if asleep else None,
        **{name: hidden[name] for name in ("left_and_returned", "woken_and_lost", "new_and_lost")},
    }
