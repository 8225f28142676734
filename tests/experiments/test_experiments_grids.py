"""Every function of inference and of thresholds with each option moved, and on the edge: the whole answers are frozen.

The calls stand in the files grid_*.py, the answers in tests/golden/grid_*.json, one line a call. The numbers are held
against references and oracles elsewhere, on fewer inputs; here nothing may move that nobody meant to move, in any field
of a result.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from grid_answers import answer, differences

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
GRIDS = ("grid_numbers", "grid_rows", "grid_experiments", "grid_roi", "grid_inner", "grid_refusals")
CALLS = {(grid, name): call for grid in GRIDS for name, call in import_module(grid).CALLS.items()}
TOLD = (
    "{count} places of this answer moved. Either this is a defect: mend it. Or they are meant to move: write the "
    "answers anew (--update-golden) and say in CHANGELOG.md which published number moved.\n{places}"
)


@cache
def frozen(grid):
    place = GOLDEN / f"{grid}.json"
    return json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}


@pytest.fixture(scope="module", autouse=True)
def _update(request):
    """With --update-golden the answers are written anew, before they are compared."""
    if not request.config.getoption("--update-golden"):
        return
    for grid in GRIDS:
        answers = {name: answer(call) for (one, name), call in CALLS.items() if one == grid}
        lines = [f"{json.dumps(name)}: {json.dumps(found, allow_nan=False)}" for name, found in sorted(answers.items())]
        (GOLDEN / f"{grid}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    frozen.cache_clear()


@pytest.mark.parametrize(("grid", "name"), CALLS, ids=lambda one: one)
def test_the_answer_has_not_moved(grid, name):
    assert name in frozen(grid), "a new call: write its answer with --update-golden and read it"
    places = differences(frozen(grid)[name], answer(CALLS[grid, name]))
    assert not places, TOLD.format(count=len(places), places="\n".join(places[:10]))


@pytest.mark.parametrize("grid", GRIDS)
def test_the_file_holds_the_calls_and_no_others(grid):
    names = [name for one, name in CALLS if one == grid]
    assert sorted(frozen(grid)) == sorted(names)
    refused = [name for name in names if "refused" in (frozen(grid)[name] or ())]
    assert len(refused) <= len(names) / 10, refused


def test_answers_are_alike_to_1e_7_and_no_further():
    old = {"low": 1.0, "note": "A", "rows": [{"n": 3}, {"n": 4}]}
    assert differences(old, {"low": 1.0 + 5e-8, "note": "A", "rows": [{"n": 3}, {"n": 4}]}) == []
    assert differences(old, {"low": 1.0 + 5e-7, "note": "A", "rows": [{"n": 3}, {"n": 4}]}) != []
    assert differences(old, {"low": 1.0, "rows": [{"n": 3}, {"n": 5}]}) == [
        "/note: 'A' -> '(absent)'",
        "/rows/1/n: 4 -> 5",
    ]
    assert differences(old, {"low": 1.0, "note": "A", "rows": [{"n": 3}]}) != []
    assert differences({"yes": True}, {"yes": 1.0}) != []
