"""Planning against R, rpact, pwr, mvtnorm, statsmodels and print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import experiments as ex
from experiments.design.planning.arms import dunnett_limit

FOLDER = Path(__file__).resolve().parents[1] / "references" / "power"


def cases():
    for path in sorted(FOLDER.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        for i, (call, expected) in enumerate(zip(data["inputs"], data["expected"], strict=True)):
            yield pytest.param(call, expected, data["rtol"], id=f"{path.stem}-{i}-{call['call']}")


def tupled(value):
    return tuple(value) if isinstance(value, list) else value


def answer(call):
    function = dunnett_limit if call["call"] == "dunnett_limit" else getattr(ex, call["call"])
    arguments = {name: tupled(value) for name, value in call["args"].items()}
    if "options" in arguments:
        options = {name: tupled(value) for name, value in arguments["options"].items()}
        arguments["options"] = ex.PlanOptions(**options)
    found = function(**arguments)
    return getattr(found, call["take"]) if call["take"] else found


@pytest.mark.parametrize(("call", "expected", "rtol"), list(cases()))
def test_numbers_from_outside(call, expected, rtol):
    assert float(answer(call)) == pytest.approx(expected, rel=rtol)


def test_there_are_enough_numbers_from_outside():
    assert len(list(cases())) >= 100
