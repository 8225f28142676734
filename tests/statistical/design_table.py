"""The tables of simulated size, power and coverage of docs/reference/simulated-*.md.

Print: `PYTHONPATH=.:tests python tests/statistical/design_table.py [replications] [--area rates]`; with
`--write PAGE` the page is written.

Every row is one design: a situation with a known truth, drawn many times, and a method as a user calls it. A row is
judged by exact binomial bands whose error is 1 % over all judged tails of the whole table together.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.core.randomness import generator
from statistical.redraw import band

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from statistical.designs import Design, Tally

PAGES = {
    "simulated-experiments.md": (
        "rates", "adjustment", "resampling", "multiplicity", "sequential", "compliance", "bayes", "planning", "trust",
    ),
    "simulated-wakeup.md": (
        "dormancy", "retention", "quality", "wakeup_contact", "verdict", "monitoring", "budget", "uplift",
        "calibration", "programme",
    ),
}  # fmt: skip
AREAS = tuple(area for areas in PAGES.values() for area in areas)
REPLICATIONS = 4_000
FOLDER = Path(__file__).parents[2] / "docs" / "reference"
START, END = "<!-- simulated: begin -->", "<!-- simulated: end -->"


@dataclass(frozen=True)
class Row:
    """A design with what happened."""

    area: str
    design: Design
    tally: Tally


def designs(areas: Iterable[str] = AREAS) -> list[tuple[str, Design]]:
    """Every design of the given areas."""
    found = []
    for area in areas:
        module = importlib.import_module(f"statistical.{area}_designs")
        found += [(area, design) for design in module.DESIGNS]
    return found


def tails(design: Design) -> list[tuple[str, float]]:
    """The judged tails of a design and their nominal shares."""
    return [(name, share) for name, share in (("low", design.low), ("high", design.high)) if share is not None]


def outside(row: Row, judged: int) -> list[str]:
    """The tails of a row that leave their bands."""
    found = []
    for name, share in tails(row.design):
        least, most = band(row.tally.replications, share, judged)
        if not least <= getattr(row.tally, name) <= most:
            found.append(name)
    return found


def run(areas: Sequence[str], replications: int) -> list[Row]:
    """Draw every design; one random stream each, so that adding a design moves no other."""
    rows = []
    for area, design in designs(areas):
        started = time.perf_counter()
        stream = generator(2026, f"{area}: {design.name}: {design.method}")
        rows.append(Row(area=area, design=design, tally=design.run(replications, stream)))
        seconds = time.perf_counter() - started
        print(f"{area}: {design.name}: {design.method}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return rows


def lines(rows: Sequence[Row]) -> list[str]:
    """The table in Markdown."""
    judged = sum(len(tails(row.design)) for row in rows)
    least = sum(bool(outside(row, judged)) for row in rows)
    missed = sum(bool(outside(row, judged)) and not row.design.miss for row in rows)
    head = (
        f"{len(rows)} designs, {judged} judged tails; a tail is outside when an exact binomial test at 0.01 / {judged} "
        f"rejects its nominal share. Outside: {least} designs, {missed} of them without an explanation."
    )
    made = [head]
    for kind, (title, *columns) in _HEADS.items():
        part = [row for row in rows if row.design.kind == kind]
        if part:
            made += ["", f"## {title}", "", *_table(part, columns, judged)]
    return made


_HEADS = {
    "coverage": ("Coverage of 95 % intervals", "truth below the interval", "truth above the interval", "coverage"),
    "size": ("False rejections", "upwards", "downwards", "in all"),
    "power": ("Power", "rejections in the true direction", "in the wrong direction", "in all"),
}


def _table(rows: Sequence[Row], head: Sequence[str], judged: int) -> list[str]:
    made = [
        f"| area | situation | method | draws | {head[0]} | {head[1]} | {head[2]} | nominal | outside | why |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        n, low, high = row.tally.replications, row.tally.low, row.tally.high
        whole = 1 - (low + high) / n if row.design.kind == "coverage" else (low + high) / n
        nominal = " / ".join(f"{share:.2%}" for _, share in tails(row.design))
        out = ", ".join(outside(row, judged)) or "-"
        cells = (
            row.area, row.design.name, row.design.method, f"{n:,}", f"{low / n:.2%}", f"{high / n:.2%}", f"{whole:.2%}",
            nominal, out, (row.design.miss if out != "-" else "") or "-",
        )  # fmt: skip
        made.append("| " + " | ".join(cells) + " |")
    return made


def main() -> None:
    """Print the table of some areas, or write a page's table into it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("replications", type=int, nargs="?", default=REPLICATIONS)
    parser.add_argument("--area", choices=AREAS, action="append")
    parser.add_argument("--write", choices=PAGES, help="the page, with the table of all its areas")
    given = parser.parse_args()
    if given.write is None:
        print("\n".join(lines(run(given.area or AREAS, given.replications))))
        return
    made = lines(run(PAGES[given.write], given.replications))
    place = FOLDER / given.write
    head, rest = place.read_text(encoding="utf-8").split(START)
    place.write_text(head + START + "\n" + "\n".join(made) + "\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
