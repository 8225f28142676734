"""Invitations counted row by row."""

from __future__ import annotations


def count(participants, invitations):
    """What each participant brought, and the rows set aside."""
    known = set(participants)
    brought = {person: {"sent": 0, "invited": 0, "arrived": 0, "effective": 0} for person in participants}
    aside = {"own": 0, "strangers": 0, "repeated": 0}
    guests = {}
    for number, row in enumerate(invitations):
        if isinstance(row["invitee_id"], str) and row["invitee_id"] == row["inviter_id"]:
            aside["own"] += 1
        elif row["inviter_id"] not in known:
            aside["strangers"] += 1
        else:
            brought[row["inviter_id"]]["sent"] += 1
            name = row["invitee_id"] if isinstance(row["invitee_id"], str) else ("unknown", number)
            guests.setdefault(name, []).append(row)
    for rows in guests.values():
        first = min(rows, key=lambda row: (row["time"], row["inviter_id"]))
        aside["repeated"] += len(rows) - 1
        host = brought[first["inviter_id"]]
        host["invited"] += 1
        host["arrived"] += any(row["arrived"] for row in rows)
        host["effective"] += any(row["arrived"] for row in rows) and any(row["effective"] for row in rows)
    return brought, aside
