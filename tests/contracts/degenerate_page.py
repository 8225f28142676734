"""Writes docs/reference/degenerate.md from the declared outcomes: `python tests/contracts/degenerate_page.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from degenerate_calls import REASONS  # noqa: E402 - the checkout must be found first
from degenerate_cases import CASES  # noqa: E402
from degenerate_declared import declared  # noqa: E402
from degenerate_exact import exact, families  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "degenerate.md"
_HEAD = """# What happens with degenerate input?

What does a function answer to an empty table, to NaN, to one arm alone, to a name with a line break in it? This page
lists it for every public name. It is written from `tests/contracts/degenerate/*.toml` by
`python tests/contracts/degenerate_page.py`; a test runs every cell and fails when a public name is missing.

| word | meaning |
|---|---|
| value | a result, every number defined that is defined for plain data |
| unknown | a result with undefined numbers (None), and a note or a finding that says why |
| finding | a result, with findings that plain data do not give |
| error | one error that says what is wrong, what was given and what to do |
| – | the case says nothing about the function's inputs, or another function has read them before |

Several words in a cell: it depends on which input is degenerate. In every cell that gives a result: no NaN and no
infinity without a reason, the caller's tables unchanged, no warning of NumPy, names as they were in the data and
escaped in HTML and Markdown. Decimals, int8, whole numbers above 2^53, Booleans, several time zones and strange names
give the numbers that the same data give when they are written plainly.

## The cases

| case | what it is |
|---|---|
"""
_EXACT = """
## Exact numbers

For {cells} of these cells (of {functions} functions) the page's source declares not only a word but the numbers,
{numbers:,} in all: shares, credit, effects, ends of intervals. None of them is copied from the program. Each comes from
a formula or a count that can be followed by hand, written without the library in `tests/oracles/degenerate_*.py`.
One test computes them anew and holds the declared numbers against them, another holds the library's results against the
declared numbers, both to 1e-12. What an undefined number is said to be (None) stands in the tables above.

| function | cases | where the numbers come from |
|---|---|---|"""
_FIRST = ("empty", "one_row", "one_arm", "zero_variance", "all_converted", "none_converted", "zero", "one_channel",
    "one_journey", "duplicates", "negative", "nan")  # fmt: skip


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("**", "^")


def _word(part: str) -> str:
    first = part.strip().split(" ")[0].rstrip(":")
    return {"not": "–"}.get(first, first)


def words(outcome: Any) -> str:
    """A cell in one or a few words."""
    texts = [outcome] if isinstance(outcome, str) else list(outcome.values())
    known = ("value", "unknown", "finding", "error", "defect", "–")
    found = {_word(part) for text in texts for part in text.split(";")}
    return ", ".join(word for word in known if word in found) or "–"


def _table(names: list[str], cases: list[str]) -> list[str]:
    lines = ["| function | " + " | ".join(cases) + " |", "|---|" + "---|" * len(cases)]
    for name in names:
        row = declared()[name]
        lines.append(f"| `{name}` | " + " | ".join(words(row[case]) if case in row else "–" for case in cases) + " |")
    return lines


def _exact() -> list[str]:
    """The cells that hold exact numbers, and the formula of each function."""
    cells: dict[str, dict[str, set[str]]] = {}
    for cell in exact():
        own = cells.setdefault(cell.name, {"cases": set(), "formulas": set()})
        own["cases"].add(cell.case)
        own["formulas"].add(cell.source.split("(")[0])
    text = _EXACT.format(cells=sum(len(own["cases"]) for own in cells.values()), functions=len(cells),
        numbers=sum(len(cell.values) for cell in exact()))  # fmt: skip
    lines = text.splitlines()
    for name, own in sorted(cells.items(), key=lambda item: item[0].casefold()):
        cases = ", ".join(case for case in CASES if case in own["cases"])
        said = " ".join(_plain(families()[each]) for each in sorted(own["formulas"]))
        lines.append(f"| `{name}` | {cases} | {said} |")
    return lines


def page() -> str:
    """The page as text."""
    lines = [
        _HEAD.rstrip("\n"),
        *(f"| {case} | {_plain(meaning)} |" for case, meaning in CASES.items()),
    ]
    rest = [case for case in CASES if case not in _FIRST]
    for alias, package in (("at", "attribution"), ("ex", "experiments")):
        names = sorted((name for name in declared() if name.startswith(f"{alias}.")), key=str.casefold)
        lines += ["", f"## `{package}`: how much there is", "", *_table(names, list(_FIRST))]
        lines += ["", f"## `{package}`: how it is written", "", *_table(names, rest)]
    lines += _exact()
    lines += ["", "## Names without a row", "", "| name | where its behaviour is held |", "|---|---|"]
    lines += [f"| `{name}` | {REASONS[name]} |" for name in sorted(REASONS, key=str.casefold)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
