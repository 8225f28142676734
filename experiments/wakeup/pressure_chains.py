"""Chains of channels when touches come seconds apart: near-simultaneous ones are one step, in no order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.durations import duration_text, microseconds, parse_duration
from attribution.core.errors import InputError
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.journeys.sequences import number_sequences
from experiments.wakeup.acts import span
from experiments.wakeup.pressure_log import Rule, read_contacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from experiments.wakeup.pressure_log import Contacts

__all__ = ["Chains", "hand_overs"]

messages.register("experiments")

_MINUTE = 60e6
_FIELDS = (
    Field("path", "text"), Field("steps", "count"), Field("count", "count"), Field("persons", "count"),
    Field("median_minutes"), Field("longest_minutes"),
)  # fmt: skip
_TOGETHER = (Field("channels", "text"), Field("count", "count"), Field("persons", "count"))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Chains(TabularResult):
    """The most frequent chains of steps.

    Attributes:
        records: path ("hotline > sms + web": steps in order, near-simultaneous channels joined by " + "), steps, count,
            persons, median_minutes and longest_minutes from the first touch to the last.
        together: The most frequent near-simultaneous channels: channels, count, persons.
        distinct: Number of distinct chains.
        findings: What was left out.
        recipe: How it was made.
    """

    records: Records
    together: Records
    distinct: int
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("CHAINS.title", dict(self.recipe.n) | {"distinct": self.distinct})
        tables = [records_table(self.records)]
        if len(self.together):
            tables.append(records_table(self.together, title=messages.text("CHAINS.together")))
        notes = [finding.text() for finding in self.findings if finding.code.startswith("PRESSURE")]
        return Display(title, (*tables, *self.recipe.sentences(), *notes))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Steps:
    """Steps by person and time: where each begins among the touches, and the number of its set of channels."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    number: NDArray[np.int64]
    names: list[str]
    several: NDArray[np.bool_]


def hand_overs(  # noqa: PLR0913 - the options of the public contract, keyword-only
    touches: object,
    *,
    within: str | timedelta = "30min",
    joined: str | timedelta | None = "5s",
    top: int = 20,
    origin: str = "all",
    kinds: Sequence[str] | None = None,
    columns: ColumnsLike = None,
) -> Chains:
    """Find the chains in which one channel follows another, with touches seconds apart taken as simultaneous.

    A hotline call, the message that the system sends when it ends and the page that opens beside it carry times a
    second apart in an order that says nothing. The tie rule: a touch at most `joined` after the person's touch before
    it belongs to that one's step. A step is the set of its channels, sorted by name. A chain is a run of two or more
    steps, each at most `within` after the end of the one before.

    `Journeys.hand_overs` counts the links of single touches under the rules of attribution; with ``joined=None`` and no
    touches at one instant the chains are the same.

    Args:
        touches: The touches: person, time, channel, and where there are any kind and origin.
        within: Longest time from a step to the next, the end included.
        joined: Longest time between touches of one step, the end included; None: each touch is a step of its own, those
            of one instant in the order of their channels.
        top: Number of chains and of near-simultaneous sets that are listed.
        origin: "all", or "outbound".
        kinds: Kinds that are touches; None: all but what customers did with a message (click, open, reply ...).
        columns: The user's names of the columns.

    Returns:
        The chains, most frequent first. They show the plan as much as the customers: a description, not an effect.

    Raises:
        TableError: With every problem of the table.
        InputError: `joined` not shorter than `within`, and unknown options.

    Verified against: plain loops (tests/oracles/chains.py) and `Journeys.hand_overs` where nothing is joined; see
    docs/methods/hand-over-chains.md.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> when = pd.to_datetime(["2026-10-01 09:00:00", "2026-10-01 09:04:00", "2026-10-01 09:04:02"], utc=True)
        >>> log = pd.DataFrame({"person_id": "a", "channel": ["hotline", "web", "sms"], "time": when})
        >>> ex.hand_overs(log).to_dicts()[0]["path"]
        'hotline > sms + web'
    """
    limit, near = span(within, "within"), -1 if joined is None else microseconds(parse_duration(joined, name="joined"))
    if near >= limit:
        raise InputError(f"joined must be shorter than within, got {joined!r} and {within!r}.")
    if isinstance(top, bool) or not hasattr(top, "__index__") or top < 1:
        raise InputError(f"top must be a whole number of at least 1, got {top!r}.")
    contacts = read_contacts(touches, Rule(origin=origin, kinds=kinds), as_of=None, columns=columns)
    steps = _steps(contacts, near)
    records, distinct, runs = _chains(contacts, steps, limit, top)
    parts = {"person": contacts.person, "time": contacts.time, "channel": contacts.channel}
    return Chains(
        records=records,
        together=_together(contacts, steps, top),
        distinct=distinct,
        findings=contacts.findings,
        recipe=Recipe(
            method="hand_overs", definitions=("CHAINS" if joined is not None else "CHAINS_ALONE",),
            settings={
                "within": duration_text(parse_duration(within)), "origin": origin, "top": int(top),
                "joined": None if joined is None else duration_text(parse_duration(joined)),
                "kinds": None if kinds is None else list(kinds),
            },
            n={"touches": len(contacts.time), "steps": len(steps.begin), "chains": runs},
            fingerprint=fingerprint({"person": contacts.persons, "n": contacts.counts})[:8] + fingerprint(parts)[:8],
        ),
    )  # fmt: skip


def _steps(contacts: Contacts, near: int) -> _Steps:
    """Join touches that are seconds apart, and number the sets of channels."""
    person, time = contacts.person, contacts.time
    new = np.ones(len(time), bool)
    new[1:] = (person[1:] != person[:-1]) | (np.diff(time) > near)
    begin = np.flatnonzero(new)
    end = np.append(begin[1:], len(time)) - 1
    step = np.cumsum(new) - 1
    # The channels of a step, sorted, each once.
    own, channel = _pairs(step, contacts.channel, len(contacts.channels))
    counts = np.bincount(own, minlength=len(begin)).astype(np.int64)
    number, offsets, codes = number_sequences(counts, channel, len(contacts.channels))
    names = [
        " + ".join(contacts.channels[code] for code in codes[low:high].tolist())
        for low, high in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ]
    return _Steps(begin=begin, end=end, number=number, names=names, several=end > begin)


def _chains(contacts: Contacts, steps: _Steps, limit: int, top: int) -> tuple[Records, int, int]:
    """The most frequent runs of two or more steps, the number of distinct ones, and of all."""
    person, time = contacts.person, contacts.time
    follows = np.zeros(len(steps.begin), bool)
    follows[1:] = (person[steps.begin[1:]] == person[steps.begin[:-1]]) & (
        time[steps.begin[1:]] - time[steps.end[:-1]] <= limit
    )
    begins = np.flatnonzero(~follows)
    lengths = np.diff(np.append(begins, len(follows)))
    long = lengths >= 2
    if not long.any():
        return Records.from_rows(_FIELDS, []), 0, 0
    number, offsets, codes = number_sequences(
        lengths[long].astype(np.int64), steps.number[np.repeat(long, lengths)], len(steps.names)
    )
    first, last = begins[long], (begins + lengths - 1)[long]
    taken = time[steps.end[last]] - time[steps.begin[first]]
    count, persons = np.bincount(number), _persons(number, person[steps.begin[first]])
    median, longest = _medians(number, taken)
    rows: list[dict[str, object]] = []
    for place in np.lexsort([np.arange(len(count)), -count])[:top].tolist():
        path = codes[offsets[place] : offsets[place + 1]].tolist()
        rows.append({
            "path": " > ".join(steps.names[code] for code in path), "steps": len(path), "count": int(count[place]),
            "persons": int(persons[place]), "median_minutes": float(median[place]),
            "longest_minutes": float(longest[place]),
        })  # fmt: skip
    return Records.from_rows(_FIELDS, rows), len(count), len(number)


def _pairs(
    first: NDArray[np.int64], second: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct pairs of two numbers, sorted; each pair is one whole number while it is sorted."""
    key = first * size + second
    key.sort()
    key = key[np.append(True, key[1:] != key[:-1])[: len(key)]]
    return key // size, key % size


def _persons(number: NDArray[np.int64], person: NDArray[np.int64]) -> NDArray[np.int64]:
    """Distinct persons of each number."""
    return np.bincount(_pairs(number, person, int(person.max(initial=0)) + 1)[0])


def _medians(number: NDArray[np.int64], taken: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and longest time of each number, in minutes."""
    order = np.lexsort((taken, number))
    counts = np.bincount(number)
    begin = np.cumsum(counts) - counts
    ranked = taken[order] / _MINUTE
    return (ranked[begin + (counts - 1) // 2] + ranked[begin + counts // 2]) / 2.0, ranked[begin + counts - 1]


def _together(contacts: Contacts, steps: _Steps, top: int) -> Records:
    """The most frequent steps of several touches."""
    number = steps.number[steps.several]
    if not len(number):
        return Records.from_rows(_TOGETHER, [])
    count, persons = np.bincount(number), _persons(number, contacts.person[steps.begin[steps.several]])
    order = [place for place in np.lexsort([np.arange(len(count)), -count]).tolist() if count[place]][:top]
    rows = [{"channels": steps.names[at], "count": int(count[at]), "persons": int(persons[at])} for at in order]
    return Records.from_rows(_TOGETHER, rows)
