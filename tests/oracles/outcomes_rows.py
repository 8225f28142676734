"""Outcomes row by row in plain loops: slow and obvious."""

from __future__ import annotations


def outcomes_rows(assignment, conversions, touches, *, window, until, fixed):
    """One dict per person whose window is over, in the order of the assignment.

    Args:
        assignment: Dicts with person_id, arm, assigned_at.
        conversions: Dicts with person_id, time, value, incentive_cost.
        touches: Dicts with person_id, time, cost.
        window: Length of the window.
        until: Last moment that is known.
        fixed: (sum, arms) pairs.
    """
    rows = []
    for person in assignment:
        start = person["assigned_at"]
        if start + window > until:
            continue
        inside = [
            c for c in conversions if c["person_id"] == person["person_id"] and start <= c["time"] < start + window
        ]
        touched = [t for t in touches if t["person_id"] == person["person_id"] and start <= t["time"] < start + window]
        share = 0.0
        for amount, arms in fixed:
            if person["arm"] in arms:
                share += amount / sum(1 for other in assignment if other["arm"] in arms)
        row = {
            "person_id": person["person_id"],
            "arm": person["arm"],
            "woken": int(bool(inside)),
            "value": sum(c["value"] for c in inside),
            "orders": len(inside),
            "touch_cost": sum(t["cost"] for t in touched),
            "incentive_cost": sum(c["incentive_cost"] for c in inside),
            "fixed_cost": share,
        }
        row["cost"] = row["touch_cost"] + row["incentive_cost"] + row["fixed_cost"]
        rows.append(row)
    return rows
