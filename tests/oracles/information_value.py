"""What more data are worth for a decision, by living through it: truth, campaign, decision, many times."""

from __future__ import annotations

import random


def simulated_worth(mean, spread, noise, *, n, persons, draws, seed):
    """Mean gain of deciding after n further persons over deciding now, and the share of changed decisions.

    The truth is drawn from the belief, a campaign's estimate around it, and the belief is updated by it.
    """
    stream = random.Random(seed)
    now = mean > 0
    gained = changed = 0.0
    for _ in range(draws):
        truth = stream.gauss(mean, spread)
        seen = stream.gauss(truth, (noise / n) ** 0.5)
        weight = spread**2 / (spread**2 + noise / n)
        later = mean + weight * (seen - mean) > 0
        gained += persons * truth * (later - now)
        changed += later != now
    return gained / draws, changed / draws
