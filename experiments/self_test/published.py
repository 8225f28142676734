"""The published examples that are shipped with the library, computed anew."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from experiments.self_test.calls import answer, spoken, take
from experiments.self_test.reading import Reading, compared, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["published_readings", "shipped"]


def shipped(name: str) -> Any:
    """A data file of the self test."""
    return json.loads((files("experiments.self_test") / "data" / name).read_text(encoding="utf-8"))


def published_readings(content: Mapping[str, Any]) -> Iterator[Reading]:
    """One reading per published number.

    Args:
        content: What ``published.json`` holds: examples, each with its source and calls.
    """
    for example in content["examples"]:
        for call in example["calls"]:
            yield from _of_call(example, call)


def _of_call(example: Mapping[str, Any], call: Mapping[str, Any]) -> Iterator[Reading]:
    result, stopped = None, ""
    try:
        result = answer(call["call"], _with_data(example, call))
    except Exception as error:  # noqa: BLE001 -- whatever stops an example is what this test is there to tell
        stopped = told(error)
    for path, expected in zip(call["take"], call["expected"], strict=True):
        got = stopped or _taken(result, path)
        tolerance = call["atol"] + call["rtol"] * abs(expected)
        yield Reading(
            part="published", example=example["name"], what=spoken(call["call"], call["args"], path),
            short=example["short"], source=example["source"], expected=expected, got=got, tolerance=tolerance,
            outcome=compared(expected, got, tolerance),
        )  # fmt: skip


def _with_data(example: Mapping[str, Any], call: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call; tables that several calls of an example share stand beside them."""
    shared = {"example": example["data"]} if "data" in example else {}
    return {**shared, **call["args"]}


def _taken(result: Any, path: str) -> float | str | None:
    try:
        return take(result, path)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return told(error)
