"""Numbers of the small degenerate campaign, by walking through its persons one by one.

The campaign is that of tests/contracts/degenerate_tables.py, written out again. As in degenerate_values.py each
function gives what a result must hold in a case, by column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, variance

from oracles.degenerate_values import Values, two_means, two_rates

_CHANNELS = ("push", "sms", "phone")


def _touches() -> list[tuple[int, str, int]]:
    """Person, channel and second: every odd person of 120, three days, all but every fourth of person plus day."""
    return [
        (i, _CHANNELS[step], round((1 + 2 * step + i / 97) * 86_400))
        for i in range(1, 120, 2)
        for step in range(3)
        if (i + step) % 4
    ]


def _bookings() -> list[tuple[int, int, float]]:
    """Person, second and value: every third of the odd persons, every sixth of the even ones."""
    back = [i for i in range(120) if (i % 3 == 1 if i % 2 else i % 12 == 4)]
    return [(i, round((8 + i / 13) * 86_400), 20.0 + i % 7 * 10) for i in back]


def _changed(touches: str, conversions: str) -> tuple[list[tuple[int, str, int]], list[tuple[int, int, float]]]:
    log, booked = _touches(), _bookings()
    amounts: dict[str, Callable[[float], float]] = {
        "zero": lambda v: 0.0, "zero_variance": lambda v: 5.0, "offset": lambda v: v + 1e9,
        "huge_int": lambda v: float(v + 2**53), "tiny_int": lambda v: float(min(v, 127)),
    }  # fmt: skip
    if conversions in amounts:
        booked = [(i, at, amounts[conversions](v)) for i, at, v in booked]
    kept = {"": log, "empty": [], "one_row": log[:1], "one_channel": [row for row in log if row[1] == "push"]}
    log = kept.get(touches, [row for row in log if row[0] == 1])
    own = [row for row in booked if row[0] == 1]
    return log, {"empty": [], "one_row": booked[:1], "one_journey": own}.get(conversions, booked)


def _weights(model: str, ages: Sequence[int]) -> list[float]:
    """Weights of one journey's touches from the oldest to the newest; ages in seconds before the conversion."""
    n = len(ages)
    if model == "first_touch":
        return [1.0, *[0.0] * (n - 1)]
    if model == "last_touch":
        return [*[0.0] * (n - 1), 1.0]
    if model == "linear":
        return [1 / n] * n
    if model == "time_decay":
        halves = [0.5 ** (age / (7 * 86_400)) for age in ages]
        return [half / sum(halves) for half in halves]
    ends = {1: [1.0], 2: [0.5, 0.5]}
    return ends.get(n, [0.4, *[0.2 / max(n - 2, 1)] * (n - 2), 0.4])


_MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position_based")


def _journeys(touches: str, conversions: str) -> list[tuple[list[tuple[str, int]], float]]:
    """The touches of the 30 days before each conversion, as channel and age, and the conversion's value."""
    log, booked = _changed(touches, conversions)
    found = []
    for i, at, value in booked:
        near = [(channel, at - t) for person, channel, t in log if person == i and 0 <= at - t <= 30 * 86_400]
        found.append((sorted(near, key=lambda step: -step[1]), value))
    return found


def credit(touches: str = "", conversions: str = "", models: Sequence[str] = _MODELS, suffix: str = "") -> Values:
    """Credit of the small campaign by walking through every conversion."""
    journeys = _journeys(touches, conversions)
    channels = [c for c in _CHANNELS if any(row[1] == c for row in _changed(touches, conversions)[0])]
    found: Values = {}
    for model in models:
        counts, values = dict.fromkeys([*channels, "(none)"], 0.0), dict.fromkeys([*channels, "(none)"], 0.0)
        for steps, value in journeys:
            shares_of = _weights(model, [age for _, age in steps]) if steps else [1.0]
            for channel, weight in zip([c for c, _ in steps] or ["(none)"], shares_of, strict=True):
                counts[channel] += weight
                values[channel] += weight * value
        for channel in counts:
            name = channel if channel == "(none)" else f"{channel}{suffix}"
            found[f"conversions[model={model}, channel={name}]"] = counts[channel]
            found[f"value[model={model}, channel={name}]"] = values[channel]
    return found


def lengths(touches: str = "", conversions: str = "") -> Values:
    """Conversions and their value by the number of touches before them."""
    journeys = _journeys(touches, conversions)
    found: Values = {"sum(conversions)": float(len(journeys)), "sum(value)": sum(v for _, v in journeys)}
    for length in sorted({len(steps) for steps, _ in journeys}):
        own = [v for steps, v in journeys if len(steps) == length]
        found |= {f"conversions[length={length}]": len(own), f"value[length={length}]": sum(own)}
    return found


def sequences(touches: str = "", conversions: str = "", suffix: str = "") -> Values:
    """Conversions and their value by path."""
    found: Values = {}
    reached = [(steps, v) for steps, v in _journeys(touches, conversions) if steps]
    journeys = [(" > ".join(f"{c}{suffix}" for c, _ in steps), v) for steps, v in reached]
    for path in sorted({path for path, _ in journeys}):
        own = [v for each, v in journeys if each == path]
        found |= {f"conversions[path={path}]": len(own), f"value[path={path}]": sum(own),
                  f"share[path={path}]": len(own) / len(journeys)}  # fmt: skip
    return found


def built(conversions: str = "") -> Values:
    """Outcomes of the small campaign: who came back in each arm, and with how much."""
    _, booked = _changed("", conversions)
    found: Values = {"p_assign": 0.5}
    for arm, odd in (("holdout", 0), ("sms", 1)):
        own = [(i, v) for i, _, v in booked if i % 2 == odd]
        found |= {f"sum({column})[arm={arm}]": amount for column, amount in (
            ("woken", float(len(own))), ("orders", float(len(own))), ("value", sum(v for _, v in own)),
        )}  # fmt: skip
    return found


def readout(case: str = "") -> Values:
    """Two arms of 60: the score interval of the share woken, Welch's of the mean value."""
    woken = [int(i % 3 == 1 if i % 2 else i % 12 == 4) for i in range(120)]
    value = [w * (20.0 + i % 7 * 10) for i, w in enumerate(woken)]
    woken = {"all_converted": [1] * 120, "none_converted": [0] * 120, "zero": [0] * 120}.get(case, woken)
    shift = {"offset": 10**9, "huge_int": 2**53}.get(case, 0)
    flat = {"zero": 0.0, "zero_variance": 5.0}.get(case)
    value = [float(v + shift) for v in value] if flat is None else [flat] * 120
    hits = [sum(woken[1::2]), sum(woken[0::2])]
    one = two_rates(hits[0], 60, hits[1], 60)
    treated, control = value[1::2], value[0::2]
    # The spread of amounts far from zero is that of the amounts without the shift.
    stds = [math.sqrt(variance([v - shift for v in arm])) for arm in (treated, control)]
    means = [fmean([v - shift for v in arm]) for arm in (treated, control)]
    two = two_means(means[0], stds[0], 60, means[1], stds[1], 60)
    found = {}
    for metric, values in (("woken", one), ("value", two)):
        names = {"difference.value": "difference", "difference.low": "low", "difference.high": "high"}
        found |= {f"{short}[metric={metric}]": values[long] for long, short in names.items() if long in values}
    found["value[metric=woken]"], found["value_control[metric=woken]"] = one["treatment"], one["control"]
    if not shift:
        found["value[metric=value]"], found["value_control[metric=value]"] = means
    return found
