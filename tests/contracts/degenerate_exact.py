"""The exact numbers of degenerate input: where they are declared, where they come from, and how a result is asked.

Beside the row of a function its data file may hold `["NAME".exact]`: for a case (and, where the case changes several
inputs one by one, for an input) the call of a formula in `tests/oracles/degenerate_*.py` under `from`, and the
numbers that it gives, to which a result must agree to 1e-12. The formulas know nothing of the library.

`python tests/contracts/degenerate_exact.py "two_rates(0, 60, 0, 60)"` prints the numbers of a call as a line of data.
"""

from __future__ import annotations

import ast
import math
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracles import degenerate_campaign, degenerate_values

FOLDER = Path(__file__).resolve().parent / "degenerate"
NEAR = 1e-12
_COLUMN = re.compile(r"(?:(sum)\()?([^\[()]+)\)?(?:\[(.+)\])?")


@dataclass(frozen=True)
class Exact:
    """The numbers of one cell for one input.

    Attributes:
        name: The function.
        case: The case.
        place: The input that the case changes; None where it has one outcome for all.
        source: The formula and its numbers.
        values: Number by column.
    """

    name: str
    case: str
    place: str | None
    source: str
    values: dict[str, float]


def _cells(name: str, case: str, found: dict[str, Any]) -> Iterator[Exact]:
    if "from" in found:
        values = {key: float(value) for key, value in found.items() if key != "from"}
        yield Exact(name, case, None, found["from"], values)
        return
    for place, each in found.items():
        (one,) = _cells(name, case, each)
        yield Exact(name, case, place, one.source, one.values)


@cache
def exact() -> tuple[Exact, ...]:
    """Everything that is declared to be an exact number."""
    return tuple(
        cell
        for path in sorted(FOLDER.glob("*.toml"))
        for name, row in tomllib.loads(path.read_text(encoding="utf-8")).items()
        for case, found in row.get("exact", {}).items()
        for cell in _cells(name, case, found)
    )


def _formula(name: str) -> Callable[..., dict[str, float]]:
    module = degenerate_values if hasattr(degenerate_values, name) else degenerate_campaign
    found: Callable[..., dict[str, float]] = getattr(module, name)
    return found


def worked_out(source: str) -> dict[str, float]:
    """What a formula gives; the call holds plain numbers and texts only."""
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    found = _formula(call.func.id)(*map(ast.literal_eval, call.args), **given)
    return {key: float(value) for key, value in found.items()}


def _is(value: Any, text: str) -> bool:
    if isinstance(value, str) or value is None:
        return str(value) == text
    return float(value) == float(text)


def asked(rows: list[dict[str, Any]], key: str) -> list[Any]:
    """The values that a result has at "column", "column[key=value, ...]" or "sum(column)[...]"."""
    total, column, where = _COLUMN.fullmatch(key).groups()
    wanted = dict(part.split("=", 1) for part in re.split(r", (?=\w+=)", where or "") if part)
    found = [row[column] for row in rows if all(_is(row[name], text) for name, text in wanted.items())]
    return [math.fsum(found)] if total else found


def differing(cell: Exact, rows: list[dict[str, Any]]) -> dict[str, tuple[Any, float]]:
    """The columns in which a result has something else than declared."""
    wrong = {}
    for key, number in cell.values.items():
        found = asked(rows, key)
        if not found or not all(
            value is not None and math.isclose(value, number, rel_tol=NEAR, abs_tol=NEAR) for value in found
        ):
            wrong[key] = (found[:5], number)
    return wrong


def families() -> dict[str, str]:
    """What each formula that is used says of itself."""
    names = sorted({cell.source.split("(")[0] for cell in exact()})
    return {name: (_formula(name).__doc__ or "").split("\n")[0] for name in names}


def line(source: str) -> str:
    """A call and its numbers as an inline table of a data file."""
    numbers = [f'"{key}" = {value!r}' for key, value in worked_out(source).items()]
    return "{ " + ", ".join([f"from = {_quoted(source)}", *numbers]) + " }"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(line(each))
