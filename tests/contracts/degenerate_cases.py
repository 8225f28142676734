"""The degenerate cases, and how each kind of input is put into each of them.

An input is a table, a list (array), a number, a mapping (arm -> number) or a text. `changed(case, kind, clean)` gives
the input in that case, or `AbsentError` with the reason why the case says nothing about such an input. Where the case
only writes the same data in another form (other types, other names, another zone), `twin` gives the same data plainly
written: the function must answer both alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
from degenerate_tables import Roles

CASES = {
    "empty": "nothing in it",
    "one_row": "one row",
    "one_arm": "one arm only",
    "zero_variance": "all amounts equal",
    "all_converted": "everybody came back",
    "none_converted": "nobody came back",
    "nan": "NaN among the amounts",
    "inf": "an infinite amount",
    "none": "None in a key, or instead of a number",
    "negative": "negative amounts",
    "duplicates": "a row twice",
    "mixed_zones": "instants in several time zones",
    "decimals": "decimal.Decimal",
    "tiny_int": "int8, whose sums overflow",
    "huge_int": "whole numbers above 2**53",
    "offset": "1e9 plus small differences",
    "chinese": "Chinese and emoji names",
    "hostile": "control characters, =, <, |, new lines in names",
    "boolean": "True and False instead of numbers",
    "text": "numbers as text",
    "zero": "zero, also where something is divided by it",
    "one_channel": "one channel",
    "one_journey": "one person's journey",
}
HUGE = 2**53
CHINESE = "{}渠道😀"
HOSTILE = "=<b>{}|x\n\x07</b>"
ZONES = ("UTC", "Asia/Shanghai", "America/New_York")


class AbsentError(Exception):
    """The case says nothing about this input."""


@dataclass(frozen=True)
class Changed:
    """An input in a case, and the same data plainly written where there is such a thing."""

    value: object
    twin: object = None
    has_twin: bool = False


def renamed(text: object, case: str) -> object:
    """A name in the case of names; a path or a list of arms is renamed part by part."""
    if not isinstance(text, str):
        return text
    pattern = CHINESE if case == "chinese" else HOSTILE
    for sep in (" > ", ";"):
        if sep in text:
            return sep.join(pattern.format(part) for part in text.split(sep))
    return pattern.format(text)


# --- tables --------------------------------------------------------------------------------------


def _need(columns: object, what: str) -> None:
    if not columns:
        raise AbsentError(f"no {what}")


def _all_numbers(roles: Roles) -> tuple[str, ...]:
    return (*roles.numbers, *roles.flags, *roles.counts)


def _put(frame: pd.DataFrame, columns: tuple[str, ...], value: object, rows: int = 2) -> pd.DataFrame:
    changed = frame.copy()
    for column in columns:
        values = changed[column].tolist()
        dtype = object if value is None else None
        changed[column] = pd.Series([value] * rows + values[rows:], index=changed.index, dtype=dtype)
    return changed


def _cast(frame: pd.DataFrame, columns: tuple[str, ...], function: object) -> pd.DataFrame:
    return frame.assign(**{column: function(frame[column]) for column in columns})


def _objects(values: list) -> pd.Series:
    return pd.Series(values, dtype=object)


def _table_rows(case: str, frame: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    if case == "empty":
        return frame.iloc[:0]
    if case == "one_row":
        return frame.iloc[:1]
    if case == "one_arm":
        _need(roles.arm, "arms")
        return frame[frame[roles.arm] == "sms"].reset_index(drop=True)
    if case == "duplicates":
        return pd.concat([frame, frame.iloc[:2]], ignore_index=True)
    if case == "one_channel":
        _need(roles.channel, "channels")
        kept = frame[frame[roles.channel] == frame[roles.channel].iloc[0]]
        return kept.reset_index(drop=True)
    _need(roles.person and roles.times, "journeys")
    return frame[frame[roles.person] == "P0001"].reset_index(drop=True)


def _table_values(case: str, frame: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    if case in ("all_converted", "none_converted"):
        _need(roles.flags, "column of who came back")
        return frame.assign(**dict.fromkeys(roles.flags, int(case == "all_converted")))
    if case == "none":
        _need(roles.keys, "keys")
        return _put(frame, roles.keys[:1], None)
    _need(_all_numbers(roles), "amounts")
    if case == "zero_variance":
        _need(roles.numbers, "amounts")
        return frame.assign(**dict.fromkeys(roles.numbers, 0.5 if roles.numbers == ("p_assign",) else 5.0))
    if case == "zero":
        return frame.assign(**{column: frame[column] * 0 for column in _all_numbers(roles)})
    if case == "nan":
        return _put(frame, _all_numbers(roles), float("nan"))
    if case == "inf":
        return _put(frame, _all_numbers(roles), float("inf"))
    if case == "negative":
        return _put(frame, _all_numbers(roles), -3)
    return _cast(frame, _all_numbers(roles), lambda column: _objects([str(value) for value in column]))


def _table_forms(case: str, frame: pd.DataFrame, roles: Roles) -> Changed:
    if case == "decimals":
        _need(roles.numbers, "amounts")
        return Changed(_cast(frame, roles.numbers, lambda c: _objects([Decimal(str(v)) for v in c])), frame, True)
    if case == "boolean":
        _need(roles.flags, "column of who came back")
        return Changed(_cast(frame, roles.flags, lambda column: column.astype(bool)), frame, True)
    if case == "mixed_zones":
        _need(roles.times, "instants")

        def zoned(column: pd.Series) -> pd.Series:
            return _objects([value.tz_convert(ZONES[row % 3]) for row, value in enumerate(column)])

        return Changed(_cast(frame, roles.times, zoned), frame, True)
    _need(roles.numbers or roles.counts, "amounts")
    if case == "offset":
        return Changed(_cast(frame, roles.numbers, lambda column: column + 1e9))
    columns = tuple(name for name in (*roles.numbers, *roles.counts) if name not in ("p_assign", "score"))
    _need(columns, "amounts that can be whole numbers")
    if case == "tiny_int":
        whole = _cast(frame, columns, lambda column: column.clip(0, 127).round().astype(np.int64))
        return Changed(_cast(whole, columns, lambda column: column.astype(np.int8)), whole, True)
    whole = _cast(frame, columns, lambda column: column.round().astype(np.int64) + HUGE)
    return Changed(whole, _cast(whole, columns, lambda column: column.astype(np.float64)), True)


def _table(case: str, frame: pd.DataFrame, roles: Roles) -> Changed:
    if case in ("empty", "one_row", "one_arm", "duplicates", "one_channel", "one_journey"):
        return Changed(_table_rows(case, frame, roles))
    if case in ("chinese", "hostile"):
        _need(roles.names, "names")
        return Changed(_cast(frame, roles.names, lambda c: c.map(lambda v: renamed(v, case))), frame, True)
    if case in ("decimals", "boolean", "mixed_zones", "tiny_int", "huge_int", "offset"):
        return _table_forms(case, frame, roles)
    return Changed(_table_values(case, frame, roles))


# --- lists, numbers, mappings, texts ---------------------------------------------------------------


def _number(case: str, clean: float) -> Changed:
    plain = {
        "zero": 0, "nan": float("nan"), "inf": float("inf"), "none": None, "negative": -abs(clean) or -1.0,
        "boolean": True, "text": str(clean), "offset": 1e9 + clean, "huge_int": 2**60, "one_row": 1,
    }  # fmt: skip
    if case in plain:
        return Changed(plain[case])
    if case == "decimals":
        return Changed(Decimal(str(clean)), clean, True)
    if case == "tiny_int" and float(clean).is_integer() and abs(clean) <= 127:
        return Changed(np.int8(clean), clean, True)
    raise AbsentError("a number")


def _list_forms(case: str, clean: list) -> Changed:
    if case == "decimals":
        return Changed([Decimal(str(value)) for value in clean], clean, True)
    if case == "tiny_int":
        whole = np.asarray(np.round(np.clip(clean, 0, 127)), dtype=np.int8)
        return Changed(whole, whole.astype(np.float64), True)
    if case == "huge_int":
        whole = np.asarray(np.round(clean), dtype=np.int64) + HUGE
        return Changed(whole, whole.astype(np.float64), True)
    return Changed(np.asarray(clean, dtype=np.float64) + 1e9)


def _list(case: str, clean: list) -> Changed:
    first = {"nan": float("nan"), "inf": float("inf"), "none": None}
    if case in first:
        return Changed([first[case], *clean[1:]])
    if case in ("decimals", "tiny_int", "huge_int", "offset"):
        return _list_forms(case, clean)
    plain = {
        "empty": [], "one_row": clean[:1], "zero_variance": [clean[0]] * len(clean), "zero": [0.0] * len(clean),
        "negative": [-abs(value) or -1.0 for value in clean], "boolean": [value > 0 for value in clean],
        "text": [str(value) for value in clean],
    }  # fmt: skip
    if case in plain:
        return Changed(plain[case])
    raise AbsentError("a list of numbers")


def _mapping(case: str, clean: dict) -> Changed:
    """A mapping of arms to numbers, or to tuples of numbers whose first is changed."""
    names, numbers = list(clean), list(clean.values())
    if case in ("chinese", "hostile"):
        return Changed({renamed(name, case): value for name, value in clean.items()}, clean, True)
    if case == "empty":
        return Changed({})
    if case in ("one_row", "one_arm"):
        return Changed({names[0]: numbers[0]})

    def one(value: object) -> Changed:
        if isinstance(value, tuple):
            changed = _number(case, value[0])
            twin = (changed.twin, *value[1:]) if changed.has_twin else None
            return Changed((changed.value, *value[1:]), twin, changed.has_twin)
        return _number(case, value)

    if case in ("nan", "inf", "none", "negative", "boolean", "text", "zero", "huge_int"):
        last = one(numbers[-1])
        return Changed({**clean, names[-1]: last.value})
    every = [one(value) for value in numbers]
    value = dict(zip(names, (each.value for each in every), strict=True))
    return Changed(value, dict(zip(names, (each.twin for each in every), strict=True)), every[0].has_twin)


def _text(case: str, clean: str) -> Changed:
    plain = {"empty": "", "none": None, "boolean": True, "zero": 0, "nan": float("nan")}
    if case in plain:
        return Changed(plain[case])
    if case in ("chinese", "hostile"):
        return Changed(renamed(clean, case), clean, True)
    raise AbsentError("a text")


def changed(case: str, kind: str, clean: object, roles: Roles | None = None) -> Changed:
    """An input of a kind ("table", "list", "number", "mapping", "text") in a case."""
    if kind == "table":
        return _table(case, clean, roles)
    return {"list": _list, "number": _number, "mapping": _mapping, "text": _text}[kind](case, clean)
