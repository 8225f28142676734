"""The gate of coverage sees an unreached line, an unreached branch, a folder that was not run, and a low whole."""

from __future__ import annotations

import sys

import pytest
from package_sources import ROOT

FOLDERS = ("attribution/core", "attribution/kernels", "experiments/inference", "experiments/roi")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    import covered

    yield covered.judged
    sys.modules.pop("covered")


def file(*, statements: int = 10, lines: tuple[int, ...] = (), branches: tuple[tuple[int, int], ...] = ()) -> dict:
    summary = {
        "num_statements": statements,
        "covered_lines": statements - len(lines),
        "num_branches": 4,
        "covered_branches": 4 - len(branches),
    }
    return {"summary": summary, "missing_lines": list(lines), "missing_branches": [list(pair) for pair in branches]}


def files(**changed: dict) -> dict[str, dict]:
    whole = {f"{folder}/a.py": file() for folder in FOLDERS}
    return {**whole, **{name.replace("__", "/") + ".py": held for name, held in changed.items()}}


def test_whole_coverage_falls_short_of_nothing(judged):
    lines, short = judged(files())
    assert short == []
    assert len(lines) == 5
    assert all("100.00 %" in line for line in lines)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (file(lines=(7,)), "experiments/roi/a.py:7"),
        (file(branches=((3, 9),)), "experiments/roi/a.py:3 -> 9"),
        (file(branches=((3, -1),)), "experiments/roi/a.py:3 -> exit"),
    ],
)
def test_a_gap_where_numbers_are_made_is_told(judged, changed: dict, said: str):
    _, short = judged(files(experiments__roi__a=changed))
    assert said in short


def test_a_gap_elsewhere_counts_towards_the_whole_only(judged):
    assert judged(files(experiments__cli__a=file(lines=(1, 2))))[1] == []
    _, short = judged(files(experiments__cli__a=file(statements=40, lines=tuple(range(1, 31)))))
    assert short[0].startswith("both packages: ")
    assert "experiments/cli/a.py" in short[1]


def test_a_folder_that_was_not_run_is_told(judged):
    held = files()
    del held["experiments/roi/a.py"]
    assert "experiments/roi: no file was run" in judged(held)[1]
