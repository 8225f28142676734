"""What a call did in a case, in the words of the table, and everything that is held against it whatever it did."""

from __future__ import annotations

import dataclasses
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from degenerate_cases import CHINESE, HOSTILE, AbsentError
from degenerate_world import ALL, NAME_CASES, RefusedError, World, world

import attribution as at

ENDS = re.compile(r"(^|_)(low|high|lower|upper|bound|limit|until|to|horizon|ceiling)(_|$)")
NOTES = ("note", "reason", "kind", "findings", "code", "unknown", "status")
NUMBERS = (int, float, np.number, np.bool_, Decimal)


@dataclasses.dataclass
class Observed:
    """What a call did: `words` in the language of the table, and what is wrong with it by itself."""

    words: str
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    message: str = ""
    faults: list[str] = dataclasses.field(default_factory=list)
    error: str = ""
    codes: tuple[str, ...] = ()
    notes: str = ""
    undefined: tuple[str, ...] = ()


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of any result, with their places."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if not field.name.startswith("_") and field.name not in ("recipe", "findings"):
                yield from _flat(getattr(value, field.name), f"{place}.{field.name}".strip("."))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(each, f"{place}.{key}".strip("."))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _flat(each, f"{place}.{number}".strip("."))
    elif isinstance(value, np.ndarray):
        yield from _flat(value.tolist(), place)
    elif not callable(value):
        yield place, value


def rows_of(result: Any) -> list[dict[str, Any]]:
    """The table of a result as rows; a value without a table is one row."""
    if hasattr(result, "to_dicts"):
        return list(result.to_dicts())
    if isinstance(result, pd.DataFrame):
        return result.to_dict("records")
    if isinstance(result, list | tuple) and result and all(hasattr(each, "code") for each in result):
        return [dict(_flat(each)) for each in result]
    return [dict(_flat(result))] if not isinstance(result, int | float | str) else [{"value": result}]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and math.isnan(value)


def _told(row: Mapping[str, Any]) -> str:
    """What a row says about its undefined numbers."""
    said = [
        str(value)
        for key, value in row.items()
        if any(word in re.split(r"[._]", str(key)) for word in NOTES) and value not in (None, "", "interval")
    ]
    return "; ".join(said)


def undefined(rows: list[dict[str, Any]]) -> set[str]:
    """Columns that hold None or NaN somewhere."""
    return {key for row in rows for key, value in row.items() if value is None or value is pd.NaT or _is_nan(value)}


def _row_faults(row: Mapping[str, Any], usual: set[str]) -> Iterator[str]:
    told = _told(row)
    for key, value in row.items():
        if key in usual:
            continue
        if _is_nan(value):
            yield f"NaN in {key}"
        elif isinstance(value, float) and math.isinf(value) and not ENDS.search(key.replace(".", "_")) and not told:
            yield f"{value} in {key} without a note"
        elif value is None and not told:
            yield f"None in {key} without a note"


def _codes(result: Any) -> tuple[str, ...]:
    if isinstance(result, at.Finding):
        return (f"{result.code}:{result.status}",)
    if isinstance(result, tuple) and result and all(isinstance(each, at.Finding) for each in result):
        return tuple(f"{each.code}:{each.status}" for each in result)
    return tuple(f"{each.code}:{each.status}" for each in getattr(result, "findings", ()) or ())


_SHOWN = ("_repr_html_", "to_markdown", "to_arrow", "to_pandas")
# The cases in which a result is shown in every way; in the others its text is enough.
_SHOWN_CASES = (None, "empty", "one_row", "huge_int", "hostile")


def _views(result: Any, case: str | None) -> Iterator[str]:
    """Every way to show a result works, and names of the data are escaped there."""
    for view in ("repr", *(_SHOWN if case in _SHOWN_CASES else ())):
        function = (lambda: repr(result)) if view == "repr" else getattr(result, view, None)
        if function is None or isinstance(result, pd.DataFrame):
            continue
        try:
            shown = function()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
            yield f"{view} fails: {type(error).__name__}: {error}"
            continue
        if case == "hostile" and isinstance(shown, str):
            yield from _unescaped(view, shown)


def _unescaped(view: str, shown: str) -> Iterator[str]:
    if view == "_repr_html_" and "<b>" in shown:
        yield "_repr_html_ holds a name as HTML"
    if view == "to_markdown" and re.search(r"(?<!\\)<b>", shown):
        yield "to_markdown holds a name as HTML"
    if "\x07" in shown:
        yield f"{view} holds a control character"


def _error_words(error: at.WakeLiftError) -> str:
    if isinstance(error, at.TableError):
        return f"error {type(error).__name__} {' '.join(sorted({issue.code for issue in error.issues}))}"
    if isinstance(error, at.DesignError):
        return f"error {type(error).__name__} {error.code}"
    text = re.sub(r"^\d+ problems?(: \(1\) |[^\n]*\n\s*)", "", str(error))
    head = re.split(r"[\n;:]|, got|\. |\(", text)[0]
    return f"error {type(error).__name__} {head[:70].strip()}"


def observe(function: Any, inputs: World, usual: Observed | None = None) -> Observed:
    """Run a call in a world and say what it did; `usual` is what it does in the plain world.

    Raises:
        AbsentError: The case says nothing about this input.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = function(inputs)
            rows = rows_of(result)
    except AbsentError:
        raise
    except RefusedError as refused:
        return Observed(f"not applicable: {refused} refuses it")
    except at.WakeLiftError as error:
        seen = Observed(_error_words(error), message=str(error), error=type(error).__name__)
        seen.faults = [] if inputs.unchanged() else ["the input was changed"]
        return seen
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
        text = f"{type(error).__name__}: {str(error)[:120]}"
        return Observed(f"raw {text}", message=str(error), faults=[f"raw {text}"], error=type(error).__name__)
    return _returned(result, rows, inputs, usual)


def _returned(result: Any, rows: list[dict[str, Any]], inputs: World, usual: Observed | None) -> Observed:
    known = set(usual.undefined) if usual else set()
    seen = Observed("value", rows=rows, undefined=tuple(undefined(rows)))
    seen.codes = _codes(result)
    seen.notes = "; ".join(sorted({_told(row) for row in rows} - {""}))
    if not inputs.unchanged():
        seen.faults.append("the input was changed")
    if inputs.case is not None and not isinstance(result, pd.DataFrame):  # a table given back holds the caller's cells
        seen.faults += sorted({fault for row in rows for fault in _row_faults(row, known)})
    seen.faults += _views(result, inputs.case)
    seen.words = _words(seen, known, set(usual.codes) if usual else set())
    return seen


def _words(seen: Observed, known: set[str], codes: set[str]) -> str:
    new = sorted({code.partition(":")[0] for code in set(seen.codes) - codes})
    missing = set(seen.undefined) - known
    parts = []
    if missing:
        notes = sorted({note for row in seen.rows for note in re.findall(r"\b[A-Z][A-Z_]{3,}\b", _told(row))})
        parts.append(f"unknown {' '.join(notes)}".strip())
    if new:
        parts.append(f"finding {' '.join(new)}")
    return "; ".join(parts) or "value"


# --- the same data plainly written ------------------------------------------------------------------


def _rounded(value: Any) -> Any:
    return f"{float(value):.8g}" if abs(float(value)) > 1e-12 else "0"


def numbers_only(rows: list[dict[str, Any]]) -> list[str]:
    """What two results must share: the numbers of their rows, in any order."""
    kept = [[_rounded(value) for value in row.values() if isinstance(value, NUMBERS)] for row in rows]
    return sorted(repr(row) for row in kept)


def differs(seen: Observed, twin: Observed, case: str) -> str:
    """In what a result differs from the one on the same data plainly written; empty when it does not."""
    if twin.error or twin.words.startswith("not applicable"):
        return "" if seen.words == twin.words else f"plainly written: {twin.words}"
    if seen.error or seen.words.startswith("not applicable"):
        return ""
    ours, theirs = numbers_only(seen.rows), numbers_only(twin.rows)
    if ours != theirs:
        first = next(((a, b) for a, b in zip(ours, theirs, strict=False) if a != b), (len(ours), len(theirs)))
        return f"other numbers than plainly written: {first[0]} and {first[1]}"[:300]
    return _names_differ(seen, twin, case)


def _names_differ(seen: Observed, twin: Observed, case: str) -> str:
    if case not in NAME_CASES:
        return ""
    allowed = {name for row in twin.rows for name in row.values() if isinstance(name, str)}
    for row in seen.rows:
        for name in row.values():
            if not isinstance(name, str) or not _marked(name, case) or " " in _straight(name, case):
                continue  # a sentence shows names for reading, it does not hold them
            if _straight(name, case) not in allowed:
                return f"a name comes back as {name!r}"
    return ""


def _marked(name: str, case: str) -> bool:
    return ("😀" if case == "chinese" else "<b>") in name


def _straight(name: str, case: str) -> str:
    """A text with its names as they were."""
    if case == "chinese":
        return name.replace(CHINESE.format(""), "")
    before, _, after = HOSTILE.partition("{}")
    return re.sub(f"{re.escape(before)}(.*?){re.escape(after)}", r"\1", name, flags=re.DOTALL)


# --- all cells of a row -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Row:
    """A public function: how it is called, what it usually does, and which of its inputs a case can change."""

    function: Any
    usual: Observed
    places: tuple[str, ...]
    joint: frozenset[str]


def row_of(function: Any) -> Row:
    """Run a call in the plain world."""
    plain = world()
    plain.kinds, plain.joint = {}, set()
    usual = observe(function, plain)
    return Row(function, usual, tuple(sorted(plain.kinds)), frozenset(plain.joint))


def cell(row: Row, case: str) -> dict[str, Observed]:
    """What the call does in a case, by the input that is changed; inputs of which the case says nothing are absent."""
    places = [ALL] if case in NAME_CASES else [*row.places, *([ALL] if case in row.joint else [])]
    found = {}
    for place in places:
        inputs = world(case, place)
        inputs.reached = False
        try:
            seen = observe(row.function, inputs, row.usual)
        except AbsentError:
            continue
        if inputs.reached:
            found[place] = seen
            seen.faults += _unlike_twin(row, case, place, seen)
    return found


def _unlike_twin(row: Row, case: str, place: str, seen: Observed) -> list[str]:
    try:
        twin = observe(row.function, world(case, place, twin=True), row.usual)
    except AbsentError:
        return []
    difference = differs(seen, twin, case)
    return [f"unlike: {difference}"] if difference else []
