"""Sums over persons of their credit, by plain loops: slow, obvious, and independent of the library.

A journey is (person, channels in order, ages in days, value); one without channels is untouched.
"""

from __future__ import annotations

NONE = "(none)"


def first_touch(channels, ages):
    return [1.0] + [0.0] * (len(channels) - 1)


def last_touch(channels, ages):
    return [0.0] * (len(channels) - 1) + [1.0]


def linear(channels, ages):
    return [1.0 / len(channels)] * len(channels)


def time_decay(channels, ages):
    raw = [2.0 ** (-age / 7.0) for age in ages]
    return [weight / sum(raw) for weight in raw]


def position_based(channels, ages):
    size = len(channels)
    if size == 1:
        return [1.0]
    if size == 2:
        return [0.5, 0.5]
    return [0.4, *[0.2 / (size - 2)] * (size - 2), 0.4]


MODELS = (first_touch, last_touch, linear, time_decay, position_based)


def by_person(journeys, model):
    """{person: {channel: [conversions, value]}}, the row "(none)" among the channels."""
    found = {}
    for person, channels, ages, value in journeys:
        own = found.setdefault(person, {})
        weights = model(channels, ages) if channels else [1.0]
        for channel, weight in zip(channels or [NONE], weights, strict=True):
            entry = own.setdefault(channel, [0.0, 0.0])
            entry[0] += weight
            entry[1] += weight * value
    return found


def wholes(journeys):
    """{person: [attributed conversions, value of all conversions]}."""
    found = {}
    for person, channels, _, value in journeys:
        own = found.setdefault(person, [0.0, 0.0])
        own[0] += bool(channels)
        own[1] += value
    return found


def table_sums(journeys, model, names):
    """Of each name: lists of the figures over persons, in the order of `names`."""
    credit, whole = by_person(journeys, model), wholes(journeys)
    touched = sum(attributed > 0 for attributed, _ in whole.values())
    found = {key: [] for key in (
        "total", "squares", "cubes", "largest", "persons", "value", "value squares", "cross", "cross top",
        "cross bottom", "outside",
    )}  # fmt: skip
    for name in names:
        rows = [(own[name][0], own[name][1], whole[person][0]) for person, own in credit.items() if name in own]
        found["total"].append(sum(c for c, _, _ in rows))
        found["squares"].append(sum(c**2 for c, _, _ in rows))
        found["cubes"].append(sum(c**3 for c, _, _ in rows))
        found["largest"].append(max((c for c, _, _ in rows), default=0.0))
        found["persons"].append(sum(c > 0 for c, _, _ in rows))
        found["value"].append(sum(v for _, v, _ in rows))
        found["value squares"].append(sum(v**2 for _, v, _ in rows))
        found["cross"].append(sum(c * t for c, _, t in rows))
        found["cross top"].append(sum(c * c * t for c, _, t in rows))
        found["cross bottom"].append(sum(c * t * t for c, _, t in rows))
        found["outside"].append(touched - sum(t > 0 and c > t - 1e-8 for c, _, t in rows))
    return found


def moved(journeys, model, one, two, *, place=0, share=False):
    """What each person moves the difference of two channels by: of conversions (place 0), value (1) or shares."""
    credit, whole = by_person(journeys, model), wholes(journeys)
    total = sum(attributed for attributed, _ in whole.values())
    difference = {name: sum(own.get(name, [0.0, 0.0])[place] for own in credit.values()) for name in (one, two)}
    found = []
    for person, own in credit.items():
        each = own.get(one, [0.0, 0.0])[place] - own.get(two, [0.0, 0.0])[place]
        if share:
            each = (each - whole[person][0] * (difference[one] - difference[two]) / total) / total
        found.append(each)
    return found


def covariance(journeys, model, names):
    """Sums over persons of the products of their conversions in two channels."""
    credit = by_person(journeys, model)
    return [[sum(own.get(a, [0.0])[0] * own.get(b, [0.0])[0] for own in credit.values()) for b in names] for a in names]
