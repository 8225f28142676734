"""Markov attribution the slow way: dictionaries, fractions, elimination by hand; nothing of ours.

A journey is ``(channels, conversions, nulls)``. A state is a tuple of the last channels. Removals are carried out as
they are told: probabilities rewritten, or journeys edited and the chain built anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import log

Journey = tuple[tuple[str, ...], Fraction, Fraction]
State = tuple[str, ...] | str
Rows = dict[State, dict[State, Fraction]]

START, CONVERSION, NULL = "<start>", "<conversion>", "<null>"


def journeys(paths: Iterable[Sequence[str]], conversions: Iterable[float], nulls: Iterable[float]) -> list[Journey]:
    return [
        (tuple(path), Fraction(won), Fraction(lost)) for path, won, lost in zip(paths, conversions, nulls, strict=True)
    ]


def walk(path: tuple[str, ...], order: int) -> list[State]:
    """The start, then the state after each step."""
    return [START, *(path[max(0, step + 1 - order) : step + 1] for step in range(len(path)))]


def counts(data: Iterable[Journey], order: int) -> Rows:
    made: Rows = defaultdict(lambda: defaultdict(Fraction))
    for path, won, lost in data:
        states = walk(path, order)
        for before, after in pairwise(states):
            made[before][after] += won + lost
        made[states[-1]][CONVERSION] += won
        made[states[-1]][NULL] += lost
    return made


def probabilities(made: Rows) -> Rows:
    rows: Rows = {}
    for state, row in made.items():
        total = sum(row.values())
        if total:
            rows[state] = {after: count / total for after, count in row.items() if count}
    return rows


def eliminated(rows: Rows) -> Fraction:
    """Probability of converting from the start: states are taken out one by one until only the start is left."""
    left = {state: dict(row) for state, row in rows.items()}
    for state in [state for state in left if state != START]:
        row = left.pop(state)
        stay = row.pop(state, Fraction(0))
        # What turns for ever never converts.
        row = {NULL: Fraction(1)} if stay == 1 else {after: chance / (1 - stay) for after, chance in row.items()}
        for other in left.values():
            through = other.pop(state, None)
            if through:
                for after, chance in row.items():
                    other[after] = other.get(after, Fraction(0)) + through * chance
    row = left[START]
    return row.get(CONVERSION, Fraction(0))


def last(state: State) -> str:
    return state[-1] if isinstance(state, tuple) else ""


def redirected(rows: Rows, channel: str) -> Rows:
    new: Rows = {}
    for state, row in rows.items():
        changed: dict[State, Fraction] = defaultdict(Fraction)
        for after, chance in row.items():
            changed[NULL if last(after) == channel else after] += chance
        new[state] = dict(changed)
    return new


def reconnected(rows: Rows, channel: str) -> Rows:
    new: Rows = {}
    for state, row in rows.items():
        kept = {after: chance for after, chance in row.items() if last(after) != channel}
        total = sum(kept.values())
        new[state] = {after: chance / total for after, chance in kept.items()} if total else {NULL: Fraction(1)}
    return new


def failing(data: Iterable[Journey], channel: str) -> list[Journey]:
    return [
        (tuple(step for step in path if step != channel), Fraction(0), won + lost)
        if channel in path
        else (path, won, lost)
        for path, won, lost in data
    ]


def detoured(data: Iterable[Journey], channel: str) -> list[Journey]:
    cut = [(tuple(step for step in path if step != channel), won, lost) for path, won, lost in data]
    return [journey for journey in cut if journey[0]]


def fitted(data: list[Journey], order: int) -> Fraction:
    return eliminated(probabilities(counts(data, order))) if data else Fraction(0)


def removal_effects(data: list[Journey], order: int, removal: str) -> dict[str, Fraction]:
    """1 - (conversion probability without the channel) / (conversion probability), for each channel."""
    channels = sorted({step for path, _, _ in data for step in path})
    rows = probabilities(counts(data, order))
    if removal == "drop_paths":
        return dropped(data, rows, order, channels)
    without: dict[str, Callable[[str], Fraction]] = {
        "redirect_to_null": lambda channel: eliminated(redirected(rows, channel)),
        "reconnect": lambda channel: eliminated(reconnected(rows, channel)),
        "fail": lambda channel: fitted(failing(data, channel), order),
        "detour": lambda channel: fitted(detoured(data, channel), order),
    }
    whole = eliminated(rows)
    return {channel: 1 - without[removal](channel) / whole for channel in channels}


def dropped(data: list[Journey], rows: Rows, order: int, channels: list[str]) -> dict[str, Fraction]:
    def chance(path: tuple[str, ...]) -> Fraction:
        states = [*walk(path, order), CONVERSION]
        product = Fraction(1)
        for before, after in pairwise(states):
            product *= rows[before].get(after, Fraction(0))
        return product

    seen = {path: chance(path) for path, won, _ in data if won}
    whole = sum(seen.values())
    return {channel: sum(p for path, p in seen.items() if channel in path) / whole for channel in channels}


def shares(effects: dict[str, Fraction], removal: str) -> dict[str, Fraction]:
    counted = {name: max(effect, Fraction(0)) if removal == "reconnect" else effect for name, effect in effects.items()}
    return {name: effect / sum(counted.values()) for name, effect in counted.items()}


# --- large files: sweeps in floating point ------------------------------------------------------------------------


def swept(rows: dict[State, dict[State, float]], banned: str = "", tolerance: float = 1e-15) -> float:
    """Probability of converting from the start without entering a channel, by Gauss-Seidel sweeps."""
    # Late steps first: what happens near the end is known before it is needed.
    states = [state for state in reversed(rows) if last(state) != banned or state == START]
    place = {state: number for number, state in enumerate(states)} | {CONVERSION: len(states)}
    chance = [0.0] * len(states) + [1.0]
    table = [
        (
            1.0 - rows[state].get(state, 0.0),
            [(place[x], p) for x, p in rows[state].items() if x != state and x in place],
        )
        for state in states
    ]
    moved = 1.0
    while moved > tolerance:
        moved = 0.0
        for number, (leaves, others) in enumerate(table):
            new = sum([p * chance[after] for after, p in others]) / leaves
            moved = max(moved, abs(new - chance[number]))
            chance[number] = new
    return chance[place[START]]


def swept_effects(data: list[Journey], order: int, *, self_transitions: bool = True) -> tuple[float, dict[str, float]]:
    """Conversion probability and redirect-to-null effects of a large file.

    Without self-transitions of the states, their counts are left out before the probabilities are formed.
    """
    made = counts(data, order)
    if not self_transitions:
        for state, row in made.items():
            row.pop(state, None)
    rows = {
        state: {after: float(chance) for after, chance in row.items()} for state, row in probabilities(made).items()
    }
    whole = swept(rows)
    channels = sorted({step for path, _, _ in data for step in path})
    return whole, {channel: 1.0 - swept(rows, channel) / whole for channel in channels}


def rule_credit(data: list[Journey], rule: str) -> dict[str, Fraction]:
    """Conversions by channel under first, last or linear: one journey after the other."""
    credit: dict[str, Fraction] = defaultdict(Fraction)
    for path, won, _ in data:
        touches = {"first": path[:1], "last": path[-1:], "linear": path}[rule]
        for channel in touches:
            credit[channel] += won / len(touches)
    return dict(credit)


# --- the order, out of sample: one held-out journey after the other --------------------------------------------------


def held_out(known: list[Journey], held: list[Journey], order: int, channels: int) -> tuple[float, float, float]:
    """Log losses (sums) of the held-out journeys and of their outcomes, and the AUC, from a chain of the known ones."""
    made = counts(known, order)

    def chance(before: State, after: State) -> float:
        row = made.get(before, {})
        possible = channels if before == START else channels + 2
        return float((row.get(after, 0) + Fraction(1, 2)) / (sum(row.values()) + Fraction(possible, 2)))

    def converts(state: State) -> float:
        row = made.get(state, {})
        won, lost = row.get(CONVERSION, Fraction(0)), row.get(NULL, Fraction(0))
        return float((won + Fraction(1, 2)) / (won + lost + 1))

    whole = outcome = 0.0
    good, bad = [], []
    for path, won, lost in held:
        states = walk(path, order)
        steps = -sum(log(chance(before, after)) for before, after in pairwise(states))
        p = converts(states[-1])
        for times, end, scores, end_chance in ((won, CONVERSION, good, p), (lost, NULL, bad, 1 - p)):
            for _ in range(int(times)):
                whole += steps - log(chance(states[-1], end))
                outcome -= log(end_chance)
                scores.append(p)
    wins = sum((x > y) + (x == y) / 2 for x in good for y in bad)
    return whole, outcome, wins / (len(good) * len(bad)) if good and bad else float("nan")
