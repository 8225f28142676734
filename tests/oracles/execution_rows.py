"""Touches by channel, wave and stage, and the reached share of each arm, by plain loops over rows."""

from __future__ import annotations

ANSWERED = {"answered", "click", "clicked", "open", "opened", "replied", "reply"}
DELIVERED = {"delivered", "impression", "shown"}
NO_TOUCH = {"complaint", "opt_out", "refused", "search", "unsubscribe", "unsubscribed", "visit"}


def contacts(touches):
    """One entry per touch: person, channel, stage 1 to 3, time; rows of one message are one touch."""
    made = {}
    for number, row in enumerate(touches):
        if row.get("origin") == "inbound" or row.get("kind") in NO_TOUCH:
            continue
        kind = row.get("kind", "")
        stage = 3 if kind in ANSWERED else 2 if kind in DELIVERED else 1
        message = row.get("message_id") or ""
        key = (row["person_id"], row["channel"], message) if message else number
        before = made.get(key)
        if before is None:
            made[key] = [row["person_id"], row["channel"], stage, row["time"]]
        else:
            before[2], before[3] = max(before[2], stage), min(before[3], row["time"])
    return list(made.values())


def stages(touches, waves=None):
    """(channel, wave) -> sent, delivered, answered (None where the channel's log has no row of that stage), persons."""
    listed = contacts(touches)
    logged = {(channel, stage) for _, channel, stage, _ in listed}
    made = {}
    for person, channel, stage, _ in listed:
        wave = "" if waves is None else waves.get(person, "")
        if waves is not None and not wave:
            continue
        counts = made.setdefault((channel, wave), [0, 0, 0, set()])
        for place in range(stage):
            counts[place] += 1
        counts[3].add(person)
    return {
        (channel, wave): (
            *(counts[place] if (channel, place + 1) in logged else None for place in range(3)), len(counts[3]),
        )
        for (channel, wave), counts in made.items()
    }  # fmt: skip


def reached(touches, assigned, window, channels):
    """Arm -> share of its persons with a touch of the channels inside [assigned, assigned + window)."""
    hit, size = {}, {}
    there = {}
    for person, channel, _, time in contacts(touches):
        if channel in channels:
            there.setdefault(person, []).append(time)
    for person, (arm, start) in assigned.items():
        size[arm] = size.get(arm, 0) + 1
        inside = any(start <= time < start + window for time in there.get(person, []))
        hit[arm] = hit.get(arm, 0) + inside
    return {arm: hit[arm] / size[arm] for arm in size}
