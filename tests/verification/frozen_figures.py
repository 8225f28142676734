"""Frozen figures: what the public functions print on fixed inputs, 12 digits, kept from version to version.

The inputs are programs in frozen_calls.toml, one per public name, taken once from its docstring and kept apart from it:
a docstring may change, a program here may not. To add the programs of new names from their docstrings:
`PYTHONPATH=.:tests python tests/verification/frozen_figures.py --collect`. The test with `--update-golden` writes the
figures.
"""

from __future__ import annotations

import ast
import dataclasses
import doctest
import inspect
import io
import json
import math
import re
import sys
import tomllib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

import attribution as at
import experiments as ex
from attribution.core.records import TabularResult

HERE = Path(__file__).resolve().parent
CALLS = HERE / "frozen_calls.toml"
FIGURES = HERE.parent / "golden" / "figures.json"
RTOL, ATOL = 1e-9, 1e-12
_DIGITS = 12
_MOST = 30  # figures of a name: enough to notice, few enough to read
# Names without a number of their own; and the post-mortem, whose figures the self test has frozen in its own file.
_LEFT_OUT = {
    "ex.selftest", "ex.report_schema", "at.language", "at.set_language", "at.Columns", "at.Model", "ex.Plan",
    "ex.standard_scenes",
    "ex.postmortem", "ex.diff_reports", "ex.freeze_figures", "ex.model_risk", "ex.programme_report",
}  # fmt: skip


def calls() -> dict[str, str]:
    """The program of every name."""
    return tomllib.loads(CALLS.read_text(encoding="utf-8"))


def wanted() -> list[str]:
    """Public names whose docstring has a program: functions, models, metrics; no plots."""
    found = []
    for prefix, package in (("at", at), ("ex", ex)):
        for name in package.__all__:
            full, text = f"{prefix}.{name}", inspect.getdoc(getattr(package, name)) or ""
            if (
                full not in _LEFT_OUT
                and "plot" not in name.lower()
                and "sklearn" not in text
                and doctest.DocTestParser().get_examples(text)
            ):
                found.append(full)
    return found


def programs() -> dict[str, str]:
    """The programs that are kept, with those of names that no kept program calls, from their docstrings."""
    made = calls() if CALLS.is_file() else {}
    for full in missing(made):
        examples = doctest.DocTestParser().get_examples(inspect.getdoc(getattr(*_place(full))) or "")
        made[full] = "".join(example.source for example in examples)
    return made


def missing(made: Mapping[str, str]) -> list[str]:
    """Functions that no program calls; models, metrics and results are used by the programs of functions."""
    text = "\n".join(made.values())
    functions = [full for full in wanted() if inspect.isfunction(getattr(*_place(full)))]
    return [full for full in functions if not re.search(rf"\b{full.split('.')[1]}\(", text)]


def _place(full: str) -> tuple[ModuleType, str]:
    return (at if full.startswith("at.") else ex), full.split(".")[1]


def collected() -> str:
    """The file of programs, sorted by name."""
    made = programs()
    body = "\n".join(f"\"{name}\" = '''\n{made[name]}'''" for name in sorted(made))
    return f"{_HEAD}\n{body}\n"


_HEAD = """# Programs whose figures are frozen in tests/golden/figures.json. Add names with
# `PYTHONPATH=.:tests python tests/verification/frozen_figures.py --collect`; never change a program that is here: a
# change of its figures would then say nothing about the library.
"""


def figures_of(program: str) -> dict[str, float | str | None]:
    """The figures of a program: of every value that it shows or assigns and that is a result, in order."""
    space = _names()
    made: dict[str, float | str | None] = {}
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for i, statement in enumerate(ast.parse(program).body):
            for value in _run(statement, space):
                for path, number in _numbers(value):
                    if len(made) < _MOST:
                        made[f"{i}{path}"] = _kept(number)
    return made


def _names() -> dict[str, object]:
    """What a program may name: both packages, NumPy, pandas, and the public names by themselves."""
    public = {name: getattr(package, name) for package in (at, ex) for name in package.__all__}
    return public | {"at": at, "ex": ex, "np": np, "pd": pd}


def _run(statement: ast.stmt, space: dict[str, object]) -> list[object]:
    try:
        return _answers(statement, space)
    except at.WakeLiftError:
        return []  # a docstring may show what is refused


def _answers(statement: ast.stmt, space: dict[str, object]) -> list[object]:
    if isinstance(statement, ast.Expr):
        return [eval(compile(ast.Expression(statement.value), "frozen", "eval"), space)]
    exec(compile(ast.Module([statement], []), "frozen", "exec"), space)
    if not isinstance(statement, ast.Assign):
        return []
    names = [node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return [space[name] for name in names if name in space and _is_result(space[name])]


def _is_result(value: object) -> bool:
    """Whether a value was made by the library and is no input of the next call."""
    inputs = (ex.Campaign, ex.Outcomes, ex.Assignment)
    return type(value).__module__.split(".")[0] in ("attribution", "experiments") and not isinstance(value, inputs)


def _numbers(value: object, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a value with its path."""
    if isinstance(value, (bool, np.bool_, str, bytes)) or value is None:
        return
    if isinstance(value, (int, float, np.number)):
        yield path, float(value)
        return
    for key, part in _parts(value):
        yield from _numbers(part, f"{path}.{key}")


def _parts(value: object) -> Iterable[tuple[object, object]]:
    """What a value is made of, by name."""
    if isinstance(value, TabularResult):
        return enumerate(value.to_dicts())
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, (Sequence, np.ndarray)):
        return enumerate(value)
    if dataclasses.is_dataclass(value) and _is_result(value):
        names = [field.name for field in dataclasses.fields(value)]
        kept = [name for name in names if name not in ("recipe", "findings", "records")]
        return [(name, getattr(value, name, None)) for name in kept]
    return ()


def _kept(number: float) -> float | str:
    """12 significant digits; what JSON has no number for, as a word."""
    return float(f"{number:.{_DIGITS}g}") if math.isfinite(number) else repr(number)


def same(old: object, new: object) -> bool:
    """Whether two figures agree to 1e-9."""
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=RTOL, abs_tol=ATOL)
    return old == new


def frozen() -> dict[str, dict[str, float | str | None]]:
    """The figures as they are kept."""
    return json.loads(FIGURES.read_text(encoding="utf-8"))


def written(figures: Mapping[str, object]) -> str:
    """The file of figures, one line per figure."""
    return json.dumps(figures, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--collect"]:
        sys.exit("Say --collect: it adds the programs of new names to frozen_calls.toml and changes none.")
    CALLS.write_text(collected(), encoding="utf-8")
