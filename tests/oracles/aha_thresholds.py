"""Counts of early actions, separation for each k, person by person."""

from __future__ import annotations

import math

import pandas as pd


def counts_and_retention(log, people, *, end, within, begin, finish, left=None):
    """(count, retained by the log) of each person who is observed to the end, and who is not."""
    found, recent, gone = {}, 0, 0
    for row in people.to_dict("records"):
        start = row["registered_at"]
        if start + finish > end:
            recent += 1
            continue
        if left is not None and pd.notna(row[left]) and row[left] < start + within:
            gone += 1
            continue
        own = [time for person, time in zip(log.person_id, log.time, strict=True) if person == row["person_id"]]
        own = [time for time in own if time < end]
        count = sum(start <= time < start + within for time in own)
        retained = any(start + begin <= time < start + finish for time in own)
        found[row["person_id"]] = (count, retained)
    return found, recent, gone


def curve(pairs):
    """k -> (n reached, retained reached, n below, retained below, youden, phi) for every k that parts the persons."""
    values = sorted({count for count, _ in pairs})[1:]
    found = {}
    for k in values:
        a = sum(count >= k and kept for count, kept in pairs)
        b = sum(count >= k and not kept for count, kept in pairs)
        c = sum(count < k and kept for count, kept in pairs)
        d = sum(count < k and not kept for count, kept in pairs)
        youden = a / (a + c) - b / (b + d)
        spread = (a + b) * (c + d) * (a + c) * (b + d)
        phi = (a * d - b * c) / math.sqrt(spread) if spread else 0.0
        found[k] = (a + b, a, c + d, c, youden, phi)
    return found
