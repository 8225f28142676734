"""Retention of cohorts, one customer, one cell and one act at a time."""

from __future__ import annotations

import math
from collections import defaultdict


def triangle(begins, acts, cohorts, period, *, periods, as_of, kind):
    """{(cohort, k): (size, retained)} of the cells that are over for the whole cohort.

    Args:
        begins: {customer: beginning}.
        acts: {customer: times of the acts that count as returns}.
        cohorts: {customer: cohort}.
        period: Function (beginning, k) -> the end of k periods after the beginning.
        periods: Number of periods.
        as_of: Until when all acts are known, itself excluded.
        kind: "period", "cumulative" or "rolling".
    """
    members = defaultdict(list)
    for customer, cohort in cohorts.items():
        members[cohort].append(customer)
    found = {}
    for cohort, customers in members.items():
        for k in range(periods):
            needed = periods if kind == "rolling" else k + 1
            if any(period(begins[one], needed) > as_of for one in customers):
                continue
            retained = 0
            for one in customers:
                low = begins[one] if kind == "cumulative" else period(begins[one], k)
                high = period(begins[one], needed)
                retained += any(low <= act < high for act in acts.get(one, ()))
            found[cohort, k] = (len(customers), retained)
    return found


def trend(rows):
    """The statistic of rising retention out of one list of 0 and 1 per customer, one entry per period."""
    scores = []
    for row in rows:
        middle = (len(row) - 1) / 2
        scores.append(sum((k - middle) * there for k, there in enumerate(row)))
    return sum(scores) / math.sqrt(sum(score * score for score in scores))
