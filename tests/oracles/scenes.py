"""Scenes of customers, one customer and one event at a time: the log is {customer: [(time, event), ...]}."""

from __future__ import annotations


def before(log, customer, moment):
    """What a customer did before a moment."""
    return sorted((time, event) for time, event in log.get(customer, []) if time < moment)


def at_nth(done, event, low, high, after=()):
    """From `low` to `high` times, after all of the others."""
    names = [name for _, name in done]
    return low <= names.count(event) <= high and all(name in names for name in after)


def lapsed(done, moment, event, silent, at_most=None):
    """Longer ago than `silent`."""
    times = [time for time, name in done if name == event]
    if not times:
        return False
    age = moment - max(times)
    return age > silent and (at_most is None or age <= at_most)


def dropped_out(done, moment, ends, within, since=None, *, late=False):
    """Began and did not finish."""
    start, finish = ends
    begun = [time for time, name in done if name == start]
    if not begun or max(begun) + within > moment:
        return False
    if since is not None and moment - max(begun) > since:
        return False
    finished = [time for time, name in done if name == finish and time >= max(begun)]
    if late:
        finished = [time for time in finished if time <= max(begun) + within]
    return not finished
