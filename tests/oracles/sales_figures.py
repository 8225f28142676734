"""Completion and conversion of a sales campaign, row by row."""

from __future__ import annotations

import math


def figures(sales, targets, leads, stages):
    """Per region: actual, target (None when unknown), and how many leads reached each stage."""
    regions = sorted({row["region"] for rows in (sales, targets, leads) for row in rows})
    found = {}
    for region in regions:
        own = [row["target"] for row in targets if row["region"] == region]
        known = own and all(value is not None and not math.isnan(value) for value in own)
        reached = [sum(row["region"] == region for row in leads)]
        for place in range(len(stages)):
            hits = [row for row in leads if row["region"] == region and any(row[name] for name in stages[place:])]
            reached.append(len(hits))
        found[region] = {
            "actual": sum(row["amount"] for row in sales if row["region"] == region),
            "target": sum(own) if known else None,
            "reached": reached,
        }
    return found
