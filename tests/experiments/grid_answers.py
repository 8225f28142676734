"""Whole answers as plain values: every field, every property and every row of a result, whatever it is made of."""

from __future__ import annotations

import dataclasses
import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from enum import Enum

import numpy as np

from attribution.core.errors import WakeLiftError
from attribution.core.records import Records, TabularResult

RTOL, ATOL = 1e-7, 1e-10  # searches and quadratures end a little elsewhere with another SciPy
_OURS = ("attribution", "experiments")
_LEFT_OUT = {
    "versions",
    "fingerprint",
    "experiment",
    "outcomes",  # the surroundings and what was given
    "fits",
    "guard_fits",
    "contrasts",
    "effects",
    "interactions",
    "looks",
    "judged",  # what the rows are made of
}
_MOST = 12  # numbers of a long array that are kept one by one


def answer(call: Callable[[], object]) -> object:
    """What a call gives, or which error it ends with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(call())
        except WakeLiftError as refused:
            codes = [issue.code for issue in getattr(refused, "issues", ())]
            return {"refused": [type(refused).__name__, getattr(refused, "code", None), *codes]}


def plain(thing: object) -> object:
    """A value made of dicts, lists, words and numbers of nine digits."""
    if isinstance(thing, (bool, np.bool_, str, type(None))):
        return bool(thing) if isinstance(thing, np.bool_) else thing
    if isinstance(thing, (int, float, np.number)):
        return _number(float(thing))
    if isinstance(thing, np.ndarray):
        return _array(thing)
    if isinstance(thing, Mapping):
        return _without_blanks({str(key): plain(value) for key, value in thing.items() if str(key) not in _LEFT_OUT})
    if isinstance(thing, (list, tuple)):
        return [plain(one) for one in thing]
    return _object(thing)


def _object(thing: object) -> object:
    if isinstance(thing, Records):
        return _columns(thing.to_dicts())
    if isinstance(thing, Enum) or not type(thing).__module__.startswith(_OURS):
        return str(thing) if isinstance(thing, Enum) else type(thing).__name__
    found = {}
    if isinstance(thing, TabularResult):
        found["rows"] = _columns(thing.to_dicts())
    if dataclasses.is_dataclass(thing):
        found |= {one.name: plain(getattr(thing, one.name)) for one in dataclasses.fields(thing) if _kept(one.name)}
    for name, value in inspect.getmembers(type(thing), lambda one: isinstance(one, property)):
        if _kept(name) and value.fget is not None:
            found[name] = plain(getattr(thing, name))
    return _without_blanks(found)


def _columns(rows: list[dict[str, object]]) -> dict[str, object]:
    """Rows by column; columns without any value are left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [plain(row.get(name)) for row in rows] for name in names}
    return {name: values for name, values in columns.items() if any(one not in (None, "") for one in values)}


def _without_blanks(found: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in found.items() if value is not None and value not in ("", [], {})}


def _kept(name: str) -> bool:
    return not name.startswith("_") and name not in _LEFT_OUT and name != "records"


def _number(number: float) -> float | str:
    return float(f"{number:.9g}") if math.isfinite(number) else repr(number)


def _array(values: np.ndarray) -> object:
    """Short arrays number by number; of long ones the size, a few and two sums that depend on every place."""
    if values.dtype.kind not in "biuf" or values.size <= _MOST:
        return [plain(one) for one in values.tolist()]
    flat = values.astype(float).ravel()
    place = np.cos(np.arange(flat.size))
    return {
        "shape": list(values.shape),
        "few": [_number(float(one)) for one in flat[:: max(1, flat.size // 4)]],
        "sum": _number(float(flat.sum())),
        "sum by place": _number(float(flat @ place)),
    }


def differences(old: object, new: object, path: str = "") -> list[str]:
    """Where two answers differ, each place with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        parts = [(key, old.get(key, "(absent)"), new.get(key, "(absent)")) for key in {**old, **new}]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        parts = [(str(at), one, two) for at, (one, two) in enumerate(zip(old, new, strict=True))]
    else:
        return [] if _same(old, new) else [f"{path}: {old!r} -> {new!r}"]
    return [told for key, one, two in parts for told in differences(one, two, f"{path}/{key}")]


def _same(old: object, new: object) -> bool:
    numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (old, new))
    return math.isclose(old, new, rel_tol=RTOL, abs_tol=ATOL) if numbers else old == new and type(old) is type(new)
