"""`make bench`: every comparison, printed, kept under build/bench, and written as docs/reference/speed.md.

``python -m benchmarks.suite.run`` with no option does everything but the 100 million touches; ``--parts tables files``
does some; ``--page`` only writes the page from what was measured before.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.suite import comparisons, growth, machine, table
from benchmarks.suite.side_by_side import Rounds

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build" / "bench"
PAGE = ROOT / "docs" / "reference" / "speed.md"
WIDE = ("integers", "strings", "random integers", "long strings")
MAIN = WIDE[:2]
TITLES = {
    "tables": "Tables in memory",
    "packages": "pandas and the packages",
    "files": "From Parquet files",
    "inputs": "Other inputs and outputs of ours (their time over plain `at.attribute` on Arrow tables)",
    "small": "One hundred thousand touches",
    "peaks": "Extra memory at the peak",
    "growth": "Growth with the number of touches",
    "huge": "More than memory",
}
FIGURES = ("peaks", "growth", "huge")


@dataclass
class Found:
    """The rows of one part and how they were come by."""

    rows: list[table.Row]
    others: list[float] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    rounds: int = 1

    def add(self, found: tuple[list[table.Row], Rounds], remark: str) -> None:
        """One more comparison."""
        self.rows += found[0]
        self.others += found[1].others
        self.remarks.append(f"- {remark}")
        self.rounds = len(found[1].others)


Compare = Callable[[comparisons.Task, int], tuple[list[table.Row], Rounds]]


def _in_turns(compare: Compare, ids: tuple[str, ...], rows: int, rounds: int) -> Found:
    found = Found([])
    for task in comparisons.tasks(rows, ids, FOLDER):
        found.add(compare(task, rounds), task.size())
    return found


def _growth(options: argparse.Namespace) -> Found:
    sizes = growth.decades(1_000_000, max(3 * options.rows, 1_000_000))
    rows, timed = growth.in_memory(sizes, FOLDER, max(options.rounds // 2, 2))
    return Found(rows, timed.others, rounds=len(timed.others))


def _huge(options: argparse.Namespace) -> Found:
    sizes = growth.decades(1_000_000, options.huge)
    remark = growth.beside_files(options.rows, "integers", FOLDER)
    return Found(growth.from_files(sizes, FOLDER, options.memory), remarks=[f"- {remark}"])


def _peaks(options: argparse.Namespace) -> Found:
    return Found(growth.peaks(options.rows, options.ids or MAIN, FOLDER))


def measure(part: str, options: argparse.Namespace) -> Found:
    """Run one part."""
    rounds, wide, main = options.rounds, options.ids or WIDE, options.ids or MAIN
    few = max(rounds // 2, 2)
    small = partial(comparisons.in_memory, goals=comparisons.SMALL_GOALS)
    parts: dict[str, Callable[[], Found]] = {
        "tables": lambda: _in_turns(comparisons.in_memory, wide, options.rows, rounds),
        "packages": lambda: _in_turns(comparisons.packages, main, options.rows, few),
        "files": lambda: _in_turns(comparisons.from_files, main, options.rows, rounds),
        "inputs": lambda: _in_turns(comparisons.own_inputs, main, options.rows, few),
        "small": lambda: _in_turns(small, main, 100_000, 3 * rounds),
        "peaks": lambda: _peaks(options),
        "growth": lambda: _growth(options),
        "huge": lambda: _huge(options),
    }
    return parts[part]()


def circumstances(found: Found, before: str) -> str:
    """How many rounds, and what else ran."""
    if not found.others:
        return f"one run each in fresh processes; load average before {before}, after {machine.load()}"
    share = f"{statistics.median(found.others):.0%} (at most {max(found.others):.0%})"
    return (
        f"{found.rounds} rounds; other processes used {share} of the machine during a round; load average before "
        f"{before}, after {machine.load()}"
    )


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="touches of the large comparisons")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--parts", nargs="+", choices=list(TITLES), default=[one for one in TITLES if one != "huge"])
    parser.add_argument("--ids", nargs="+", choices=WIDE, help="kinds of ids; each part has its own by default")
    parser.add_argument("--huge", type=int, default=100_000_000, help="the largest number of touches of `huge`")
    parser.add_argument("--memory", default="4GB", help="the limit of `huge`")
    parser.add_argument("--page", action="store_true", help="only write the page from the results kept")
    parser.add_argument("--no-page", action="store_true", help="keep the results, leave the page as it is")
    options = parser.parse_args()
    options.ids = tuple(options.ids) if options.ids else None
    return options


def main() -> None:
    """Measure, print, keep, write."""
    options = arguments()
    place = FOLDER / "results.json"
    for part in () if options.page else options.parts:
        before = machine.load()
        print(f"\n{TITLES[part]}", flush=True)
        found = measure(part, options)
        said = circumstances(found, before)
        print(
            table.plain(found.rows, table.FIGURES if part in FIGURES else table.HEAD),
            *found.remarks,
            said,
            sep="\n",
            flush=True,
        )
        table.keep(place, part, found.rows, {"remarks": found.remarks, "circumstances": said, "touches": options.rows})
    if not options.no_page:
        results = json.loads(place.read_text(encoding="utf-8"))
        PAGE.write_text(table.page(results, TITLES, FIGURES), encoding="utf-8")
        print(f"\nwritten: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
