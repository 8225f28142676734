"""Silence by the calendar: dates, sorted lists and loops, written from the definitions alone; imports nothing of ours.

A log maps each person to the dates of the acts. Everything up to and with the date `as_of` is known.
"""

from __future__ import annotations

from datetime import date, timedelta

Log = dict[object, list[date]]


def known(log: Log, as_of: date) -> list[list[date]]:
    """Every person's acts in order, those after `as_of` set aside."""
    histories = [sorted(day for day in days if day <= as_of) for days in log.values()]
    return [days for days in histories if days]


def returns(log: Log, *, as_of: date, horizon: int, silent: int) -> tuple[int, int]:
    """At risk: start <= as_of - silent - horizon, longer than `silent`; returned: the next act in the horizon after."""
    latest = as_of - timedelta(days=silent + horizon)
    at_risk = returned = 0
    for days in known(log, as_of):
        for place, start in enumerate(days):
            following = days[place + 1] if place + 1 < len(days) else None
            if start > latest or (following is not None and (following - start).days <= silent):
                continue
            at_risk += 1
            returned += following is not None and (following - start).days <= silent + horizon
    return at_risk, returned


def cut(points: list[tuple[int, int, int]], *, eps: float, least: int) -> int | None:
    """From the last judged day back as long as the share is at most eps; points are (day, at risk, returned)."""
    found = None
    for day, at_risk, returned in reversed([point for point in points if point[1] >= least]):
        if returned / at_risk > eps:
            break
        found = day
    return found


def orders(log: Log, *, as_of: date, silent: int, up_to: int) -> list[tuple[int, int, int, int]]:
    """For each order: reached (the nth <= as_of - silent), stopped, late returns, customers with exactly so many."""
    histories, rows = known(log, as_of), []
    for nth in range(1, min(up_to, max(map(len, histories))) + 1):
        reached = stopped = late = 0
        for days in histories:
            if len(days) < nth or days[nth - 1] > as_of - timedelta(days=silent):
                continue
            reached += 1
            if len(days) == nth or days[nth] > days[nth - 1] + timedelta(days=silent):
                stopped += 1
                late += len(days) > nth
        rows.append((reached, stopped, late, sum(len(days) == nth for days in histories)))
    return rows
