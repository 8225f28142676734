"""Hold the branch coverage of the last test run against its marks: whole where numbers are made, and enough over all.

Usage: python .ci/covered.py      reads build/coverage, the data of `pytest --cov`; lists what no test reaches
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "build" / "coverage" / "coverage.json"
# Every line and every branch; then the share of lines and branches together over both packages.
WHOLE = ("attribution/core", "attribution/kernels", "experiments/inference", "experiments/roi")
OVER_ALL = 95.0
SHOWN = 40


@dataclass(frozen=True)
class Covered:
    """Lines and branches of a file or folder, and how many of them a test reached."""

    parts: int
    reached: int

    @property
    def percent(self) -> float:
        """The share reached, in percent; a folder without code is reached."""
        return 100 * self.reached / self.parts if self.parts else 100.0

    def __add__(self, other: Covered) -> Covered:
        return Covered(self.parts + other.parts, self.reached + other.reached)


def counted(file: dict) -> Covered:
    """The counts of one file of the report."""
    found = file["summary"]
    parts = found["num_statements"] + found.get("num_branches", 0)
    return Covered(parts, found["covered_lines"] + found.get("covered_branches", 0))


def missed(name: str, file: dict) -> list[str]:
    """What no test reached in a file: lines, and branches as line -> line."""
    lines = [f"{name}:{line}" for line in file["missing_lines"]]
    return lines + [f"{name}:{one} -> {two if two > 0 else 'exit'}" for one, two in file.get("missing_branches", [])]


def judged(files: dict[str, dict]) -> tuple[list[str], list[str]]:
    """A line about every folder and about all, and what falls short of its mark."""
    lines, short = [], []
    for folder in WHOLE:
        inside = {name: file for name, file in files.items() if name.startswith(folder + "/")}
        found = sum((counted(file) for file in inside.values()), Covered(0, 0))
        lines.append(f"{folder:24} {found.percent:6.2f} % of {found.parts} lines and branches (mark: all)")
        gaps = [gap for name, file in sorted(inside.items()) for gap in missed(name, file)]
        short += [f"{folder}: no file was run"] if not inside else gaps
    found = sum((counted(file) for file in files.values()), Covered(0, 0))
    lines.append(
        f"{'both packages':24} {found.percent:6.2f} % of {found.parts} lines and branches (mark: {OVER_ALL:g} %)"
    )
    if found.percent < OVER_ALL:
        short.append(f"both packages: {found.percent:.2f} % is below {OVER_ALL:g} %")
        worst = sorted(files, key=lambda name: counted(files[name]).reached - counted(files[name]).parts)[:10]
        short += [f"  most to win: {name} ({counted(files[name]).percent:.0f} %)" for name in worst]
    return lines, short


def main() -> int:
    """Read the data, judge it, say what is missing; 1 when a mark is missed."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(REPORT)], check=True, cwd=ROOT)
    lines, short = judged(json.loads(REPORT.read_text(encoding="utf-8"))["files"])
    sys.stdout.write("\n".join(lines) + "\n")
    for gap in short[:SHOWN]:
        sys.stderr.write(f"not reached by any test: {gap}\n" if ":" in gap else gap + "\n")
    if len(short) > SHOWN:
        sys.stderr.write(f"and {len(short) - SHOWN} more\n")
    return int(bool(short))


if __name__ == "__main__":
    sys.exit(main())
