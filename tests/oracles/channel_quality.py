"""Quality of sources with plain loops over customers."""

from __future__ import annotations

import pandas as pd


def quality(customers, events, *, end, silence, lost_by, source="source", value="value"):
    """Per source: customers, bought, observed, lost, purchases and value over equal time."""
    log = {key: part.sort_values("time") for key, part in events[events.time < end].groupby("person_id")}
    found = {}
    for row in customers.to_dict("records"):
        name = row[source] if isinstance(row[source], str) and row[source].strip() else "(unknown)"
        one = found.setdefault(
            name, {"customers": 0, "bought": 0, "observed": 0, "lost": 0, "purchases": [], "value": []}
        )
        one["customers"] += 1
        if row["person_id"] not in log:
            continue
        one["bought"] += 1
        times = list(log[row["person_id"]].time)
        worth = list(log[row["person_id"]][value])
        if not times[0] + lost_by * silence < end:
            continue
        one["observed"] += 1
        stopped = False
        for n in range(lost_by):
            following = times[n + 1] if n + 1 < len(times) else None
            if following is None or following - times[n] > silence:
                stopped = True
                break
        one["lost"] += stopped
        inside = [i for i, time in enumerate(times) if time - times[0] <= lost_by * silence]
        one["purchases"].append(len(inside))
        one["value"].append(sum(worth[i] for i in inside))
    return found


def silence_of(days):
    return pd.Timedelta(days=days)
