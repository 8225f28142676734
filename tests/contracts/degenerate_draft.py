"""Prints what calls do at present, as rows of a data file: `python tests/contracts/degenerate_draft.py at.attribute`.

Judge every line before it goes into `degenerate/*.toml`: a row declares what should happen, not what happens. Faults
stand behind "!!".
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from degenerate_calls import CALLS
from degenerate_cases import CASES
from degenerate_outcomes import Observed, cell, row_of


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(seen: Observed) -> str:
    return seen.words + "".join(f" !! {fault}" for fault in seen.faults)


def draft(name: str) -> list[str]:
    """The row of a name as it would be if everything that happens were right."""
    row = row_of(CALLS[name])
    lines = [f'["{name}"]']
    if row.usual.error or row.usual.faults:
        lines.append(f"# !! plain: {_text(row.usual)} {row.usual.message}")
    for case in CASES:
        found = {place: _text(seen) for place, seen in cell(row, case).items()}
        if len(set(found.values())) == 1:
            lines.append(f"{case} = {_quoted(next(iter(found.values())))}")
        elif found:
            inner = ", ".join(
                f"{_quoted(place) if place == '*' else place} = {_quoted(t)}" for place, t in found.items()
            )
            lines.append(f"{case} = {{ {inner} }}")
    return lines


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(CALLS)
    for each in dict.fromkeys(name for start in wanted for name in CALLS if name.startswith(start)):
        print("\n".join(draft(each)), end="\n\n", flush=True)
