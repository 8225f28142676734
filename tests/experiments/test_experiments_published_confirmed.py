"""Published numbers that were entered by hand, held against R in full digits, and so is the library."""

from __future__ import annotations

import json

import pytest

from experiments.self_test.calls import answer, take
from experiments.self_test.published import shipped
from references.shipped_examples import FOLDER

CONFIRMED = json.loads((FOLDER / "published" / "r_confirmed.json").read_text(encoding="utf-8"))
EXAMPLES = {example["name"]: example for example in shipped("published.json")["examples"]}


def flat(expected):
    rows = expected.values() if isinstance(expected, dict) else expected
    return [number for row in rows for number in (row if isinstance(row, list) else [row])]


def example(name):
    """The example's published numbers, how exactly each was printed, and what the library answers."""
    held = EXAMPLES[name]
    printed, slack, ours = [], [], []
    for call in held["calls"]:
        result = answer(call["call"], ({"example": held["data"]} if "data" in held else {}) | call["args"])
        for path, number in zip(call["take"], call["expected"], strict=True):
            printed.append(number)
            slack.append(call["atol"] + call["rtol"] * abs(number))
            ours.append(take(result, path))
    return printed, slack, ours


@pytest.mark.parametrize("name", sorted(CONFIRMED["expected"]))
def test_r_confirms_every_digit_that_was_entered_by_hand(name):
    printed, slack, _ = example(name)
    confirmed = flat(CONFIRMED["expected"][name])
    assert len(confirmed) == len(printed) > 0
    assert [abs(one - other) <= most for one, other, most in zip(printed, confirmed, slack, strict=True)] == [
        True
    ] * len(printed)


@pytest.mark.parametrize("name", sorted(CONFIRMED["expected"]))
def test_the_library_agrees_with_r_beyond_the_printed_digits(name):
    _, _, ours = example(name)
    assert ours == pytest.approx(flat(CONFIRMED["expected"][name]), rel=CONFIRMED["rtol"], abs=CONFIRMED["atol"])


def test_what_was_entered_by_hand_is_confirmed_but_for_two_files_that_name_another_confirmation():
    files = {path.stem for path in (FOLDER / "published").glob("*.json")} - {"r_confirmed"}
    assert files - set(CONFIRMED["expected"]) == {"markov_removal", "spending"}
    assert "r_bounds.json" in (FOLDER / "published" / "spending.json").read_text(encoding="utf-8")
