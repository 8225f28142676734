"""The rows of the comparison, on the terminal and as the page of the docs.

Every part of the suite writes its rows to one JSON file under the build folder, so that the page can be made from parts
that ran at different times; each part says when it ran and what else the machine did.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.suite import machine
from benchmarks.suite.side_by_side import Rounds

HEAD = ("against", "ids", "ratio", "min-max", "at least", "aim", "met", "ours", "theirs")
FIGURES = ("what", "ids", "figure", "", "goal", "aim", "met", "in all", "besides")


@dataclass(frozen=True)
class Goal:
    """What a ratio must reach and what it should; `smaller` when small is good."""

    at_least: float
    aim: float
    smaller: bool = False

    def met(self, ratio: float) -> str:
        """In words: no, yes, or the aim as well."""
        sign = -1 if self.smaller else 1
        if self.aim != self.at_least and sign * ratio >= sign * self.aim:
            return "yes, the aim too"
        return "yes" if sign * ratio >= sign * self.at_least else "no"

    def shown(self) -> tuple[str, str]:
        """Both figures."""
        return (f"at most {self.at_least:g}" if self.smaller else f"{self.at_least:g}"), f"{self.aim:g}"


@dataclass(frozen=True)
class Row:
    """One line: a competitor and what was found."""

    against: str
    ids: str
    ratio: float | None
    low: float | None = None
    high: float | None = None
    goal: Goal | None = None
    ours: str = ""
    theirs: str = ""
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """The texts of the line."""
        at_least, aim = self.goal.shown() if self.goal else ("", "")
        if self.ratio is None:
            return (self.against, self.ids, "skipped", "", at_least, aim, "", "", self.note)
        spread = "" if self.low is None or self.high is None else f"{self.low:.2f}-{self.high:.2f}"
        met = self.goal.met(self.ratio) if self.goal else ""
        return (self.against, self.ids, f"{self.ratio:.2f}", spread, at_least, aim, met, self.ours, self.theirs)


def seconds(value: float) -> str:
    """Three digits, in milliseconds below one second."""
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.2f} s"


def row(timed: Rounds, theirs: str, ours: str, *, ids: str, goal: Goal | None = None, against: str = "") -> Row:
    """The line of one competitor: their time over ours."""
    middle, low, high = timed.ratio(theirs, ours)
    took = [seconds(statistics.median(timed.seconds[name])) for name in (ours, theirs)]
    return Row(against or theirs, ids, middle, low, high, goal, *took)


def markdown(rows: Iterable[Row], head: tuple[str, ...] = HEAD) -> list[str]:
    """A Markdown table."""
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(cell.replace('|', '/') for cell in one.cells())} |" for one in rows),
    ]


def plain(rows: Iterable[Row], head: tuple[str, ...] = HEAD) -> str:
    """The same table in columns, for the terminal."""
    lines = [head, *(one.cells() for one in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def keep(place: Path, part: str, rows: Iterable[Row], facts: Mapping[str, object]) -> None:
    """Put the rows of one part into the file of results, in place of its former ones."""
    results = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    results[part] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.description(),
        "load": machine.load(),
        **facts,
        "rows": [asdict(one) for one in rows],
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(results, indent=1), encoding="utf-8")


def kept(results: Mapping[str, Mapping[str, object]], part: str) -> list[Row]:
    """The rows of one part."""
    rows = results[part]["rows"]
    return [Row(**{**one, "goal": Goal(**one["goal"]) if one["goal"] else None}) for one in rows]


INTRODUCTION = """\
# Speed, measured

How fast is it, beside what you would use instead? `make bench` wrote this page.
Every comparison runs side by side in one process: each competitor is warmed once and its
numbers are held against the others' to 1e-9, then all take turns, each round in another order, and a ratio is taken
within each round. Shown are the median of these ratios and the smallest and largest. A ratio is their time over ours,
so above 1 we are faster, unless the line says otherwise. No ratio is a promise about another machine; times are shown
for scale only.

The work is the five rule models at once, conversions and value per channel and what no touch has, 30 days back with
both ends included, ties of one instant by the channel's name. Ours goes through `at.attribute(...).table()` with
validation on. The competitors validate nothing. They are written in their best idioms (several each, the fastest right
one counts; `tests/benchmarks/suite/`). In memory each holds the tables in the layout that is best for it: in one piece,
channels as an enumeration or a dictionary.
"""


def page(results: Mapping[str, Mapping[str, object]], titles: Mapping[str, str], figures: Collection[str]) -> str:
    """The page of the docs; the parts named in `figures` hold no ratios."""
    lines = [INTRODUCTION]
    for part, title in titles.items():
        if part not in results:
            continue
        found = results[part]
        lines += [f"## {title}", "", *markdown(kept(results, part), FIGURES if part in figures else HEAD), ""]
        lines += [f"{text}" for text in found.get("remarks", [])]
        lines += [f"Measured on {found['date']}; {found['circumstances']}.", ""]
    machines = {json.dumps(found["machine"], sort_keys=True) for found in results.values()}
    for one in sorted(machines):
        lines += ["## The machine", "", *(f"- {key}: {value}" for key, value in json.loads(one).items()), ""]
    return "\n".join(lines).rstrip() + "\n"
