"""Weights of every model of single journeys, one journey at a time, in fractions where they exist; nothing of ours.

Written from the definitions in docs/methods. A journey is a list of (channel, age in microseconds), oldest first, and
the age of a milestone of the person at the conversion (None: never reached).
"""

from __future__ import annotations

from fractions import Fraction

DAY = 86_400_000_000
WEEK = 7 * DAY
TENTH = Fraction(1, 10)


def position(m, first, last, two):
    """Shares of the ends, the rest equally between; `two` says what happens with two touches."""
    if m == 1:
        return [Fraction(1)]
    if m == 2:
        if two == "even":
            return [Fraction(1, 2)] * 2
        if two == "half_middle":
            middle = 1 - first - last
            return [first + middle / 2, last + middle / 2]
        return [first / (first + last), last / (first + last)]
    return [first, *[(1 - first - last) / (m - 2)] * (m - 2), last]


def halving(ages, half_life):
    smallest = min(ages)
    raw = [2.0 ** (-(age - smallest) / half_life) for age in ages]
    return [weight / sum(raw) for weight in raw]


def milestone(ages, reached):
    """Three tenths each to the first, the newest at or before the milestone, the last; a tenth to the others."""
    m = len(ages)
    roles = [0, m - 1]
    if reached is not None and reached >= 0:
        before = [place for place, age in enumerate(ages) if age >= reached]
        roles += before[-1:]
    weights = [3 * TENTH * roles.count(place) for place in range(m)]
    others = [place for place in range(m) if place not in roles]
    for place in others:
        weights[place] = TENTH / len(others)
    return [weight / sum(weights) for weight in weights]


def equal_channels(channels):
    distinct = set(channels)
    return [Fraction(1, len(distinct) * channels.count(channel)) for channel in channels]


def last_non_direct(channels, direct):
    others = [place for place, channel in enumerate(channels) if channel not in direct]
    chosen = others[-1] if others else len(channels) - 1
    return [Fraction(place == chosen) for place in range(len(channels))]


def weights_of(journey, reached, direct):
    """Model name -> weights of the touches of one journey."""
    channels, ages = [channel for channel, _ in journey], [age for _, age in journey]
    m = len(ages)
    half, fifth = Fraction(1, 2), Fraction(1, 5)
    ways = ("proportional", "half_middle", "even")
    return {
        "first_touch": [Fraction(place == 0) for place in range(m)],
        "last_touch": [Fraction(place == m - 1) for place in range(m)],
        "last_non_direct": last_non_direct(channels, direct),
        "linear": [Fraction(1, m)] * m,
        "time_decay": halving(ages, WEEK),
        "time_decay_days": halving([age // DAY * DAY for age in ages], 9 * DAY // 24),
        **{f"position_{two}": position(m, half, fifth, two) for two in ways},
        "u_shaped": position(m, 2 * fifth, 2 * fifth, "proportional"),
        **{f"j_{two}": position(m, fifth, 3 * fifth, two) for two in ways},
        "inverse_j": position(m, 3 * fifth, fifth, "proportional"),
        "w_shaped": milestone(ages, reached),
        "shapley": equal_channels(channels),
        "rising": [Fraction(2 * (place + 1), m * (m + 1)) for place in range(m)],
    }
