"""The declared outcomes, and whether what a call did is what is declared.

A cell is one text, or one text per input (`{ touches = "value", conversions = "unknown" }`). A text has parts with ";"
between them; what follows ": " in a part is a remark for the reader, and it is what allows the exception that it names:

- `value`: a result without an undefined number that the plain data does not have. `value: woken=0` holds a column to a
  number in every row.
- `unknown NOTE ...`: undefined numbers (None), told by these notes; `unknown: why` where no note is needed.
- `finding CODE ...`: findings that the plain data does not give.
- `error Class text`: one error of this class; for a TableError exactly these codes, else a piece of its message.
- `not applicable: NAME refuses it`: the call takes a result of NAME, and NAME refuses the case.
- `nan: why`, `infinite: why`, `unlike: why`: the exceptions that a reader must know of.
- `defect: what`: known, not yet mended; the test is expected to fail.

`["NAME".exact]` beside a row holds the numbers of its cells that a formula gives; see `degenerate_exact.py`.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from degenerate_outcomes import Observed

FOLDER = Path(__file__).resolve().parent / "degenerate"
ALLOWED = {"unknown": "None in ", "nan": "NaN in ", "infinite": "inf in ", "unlike": "unlike: "}


@cache
def declared() -> dict[str, dict[str, Any]]:
    """All rows: name -> case -> outcome."""
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        assert not set(rows) & set(found), f"{path.name} repeats {set(rows) & set(found)}"
        rows |= {name: {case: cell for case, cell in row.items() if case != "exact"} for name, row in found.items()}
    return rows


def by_place(outcome: Any, places: list[str]) -> dict[str, str]:
    """A cell as place -> text."""
    return dict.fromkeys(places, outcome) if isinstance(outcome, str) else dict(outcome)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";")]


def complaint(text: str, seen: Observed) -> str:
    """In what a call did something else than declared; empty when it did what is declared."""
    parts = _parts(text)
    faults = [fault for fault in seen.faults if not _allows(parts, fault)]
    if faults:
        return "; ".join(faults)
    if text.startswith("error "):
        return _error_complaint(text, seen)
    wanted = [part.partition(":")[0] for part in parts if not part.startswith(("nan:", "infinite:", "unlike:"))]
    if seen.words.partition(":")[0] != "; ".join(wanted or ["value"]):
        return f"{seen.words!r}, declared {text!r}"
    return _number_complaint(parts[0], seen)


def _allows(parts: list[str], fault: str) -> bool:
    """Whether a part with a remark ("unknown NOTE: why") names this exception."""
    remarked = [part for part in parts if ": " in part]
    return any(part.startswith(key) and ALLOWED[key] in fault for part in remarked for key in ALLOWED)


def _error_complaint(text: str, seen: Observed) -> str:
    _, name, said = text.split(" ", 2)
    if seen.error != name:
        return f"{seen.words!r}, declared {text!r}"
    if name == "TableError":
        return "" if seen.words == text else f"{seen.words!r}, declared {text!r}"
    message = re.sub(r"\s+", " ", seen.message)
    return "" if said in message else f"{message!r} does not say {said!r}"


def _number_complaint(part: str, seen: Observed) -> str:
    _, _, remark = part.partition(": ")
    for column, number in re.findall(r"(\w[\w.]*)=(-?[\d.e+-]+)", remark):
        values = [row[column] for row in seen.rows if row.get(column) is not None]
        if not values or any(abs(float(value) - float(number)) > 1e-9 for value in values):
            return f"{column} is {values[:5]}, declared {number}"
    return ""
