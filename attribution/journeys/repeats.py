"""Rows that seem to be there twice: orders sent again under a new number, touches logged again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from attribution.core.key_repeats import suspected_repeats
from attribution.core.key_words import key_words
from attribution.core.values import encode_together

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from attribution.touches import Touches

__all__ = ["SECONDS", "near_duplicates", "repeated_touches"]

SECONDS = 60
"""How soon after another a conversion of the same person and value is suspicious."""

_SHOWN = 3
_ROW_NUMBERS = re.compile(r"__index_level_\d+__|Unnamed: \d+|")


def near_duplicates(conversions: Conversions) -> tuple[Finding, ...]:
    """Conversions that follow one of the same person and value within a minute, under another id.

    Nothing is removed: two true orders can be as near. Without values, and where times are days, nothing can be said.
    """
    import pyarrow as pa

    table = conversions.table
    if not conversions.has_value or table.roles.precision == "day":
        return ()
    judged = ~conversions.refund & np.isfinite(conversions.gross)
    rows = suspected_repeats(key_words(conversions.person), conversions.gross)
    rows = rows[judged[rows]]
    person = np.full(table.rows, -1, np.int64)
    person[rows] = _codes(conversions.person.take(pa.array(rows)))
    order = np.lexsort((conversions.time[rows], conversions.gross[rows], person[rows]))
    placed = rows[order]
    near = _near(conversions, person, placed)
    if not near.any():
        return ()
    # Only these rows are sorted by id too, so that ties at one instant are counted alike in any order of rows.
    involved = np.unique(np.concatenate([placed[:-1][near], placed[1:][near]]))
    (found,), names = encode_together(conversions.conversion.take(pa.array(involved)))
    order = np.lexsort((found, conversions.time[involved], conversions.gross[involved], person[involved]))
    placed, codes = involved[order], found[order]
    near = _near(conversions, person, placed) & (codes[1:] != codes[:-1])
    if not near.any():
        return ()
    pairs = zip(names[codes[:-1][near]], names[codes[1:][near]], strict=True)
    values = {
        "n": int(near.sum()),
        "rows": int(judged.sum()),
        "value": float(np.sort(conversions.gross[placed[1:][near]]).sum()),
        "examples": ", ".join(sorted(f"{left} / {right}" for left, right in pairs)[:_SHOWN]),
    }
    return (Finding(code="NEAR_DUPLICATE", status="warn", values=values),)


def _near(conversions: Conversions, person: NDArray[np.int64], placed: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each row, in order of person, value and time, is soon after the one before it."""
    same = (np.diff(person[placed]) == 0) & (np.diff(conversions.gross[placed]) == 0)
    near: NDArray[np.bool_] = same & (np.diff(conversions.time[placed]) <= SECONDS * 1_000_000)
    return near


def _codes(array: pa.Array) -> NDArray[np.int64]:
    """Equal values, equal codes; an empty cell has a code of its own."""
    import pyarrow as pa

    if pa.types.is_nested(array.type) or pa.types.is_binary(array.type):
        array = pa.array([repr(value) for value in array.to_pylist()], pa.large_string())
    found = array.dictionary_encode(null_encoding="encode").indices
    codes: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def repeated_touches(touches: Touches) -> tuple[Finding, ...]:
    """Touches that agree with another in everything but the touch id: person, time, channel and every other column."""
    rows = suspected_repeats(touches.keys.words(), touches.time, touches.channel.codes)
    if not len(rows):
        return ()
    content = _content(touches, rows)
    _, first, group, counts = np.unique(content, axis=0, return_index=True, return_inverse=True, return_counts=True)
    repeated = int((counts - 1).sum())
    if not repeated:
        return ()
    later = np.ones(len(rows), bool)
    later[first] = False
    shown = _names(touches, rows[later | (counts[group.ravel()] > 1)])
    values = {"n": repeated, "rows": len(touches.time), "examples": ", ".join(shown[: 2 * _SHOWN])}
    return (Finding(code="REPEATED_TOUCH", status="warn", values=values),)


def _content(touches: Touches, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Codes of every column of some rows, but for the touch id and the row numbers that pandas writes along."""
    import pyarrow as pa

    table, wanted = touches.table, pa.array(rows)
    roles = table.roles
    named = table.other_columns([roles.person, roles.time, roles.channel, roles.touch])
    others = [name for name in named if not _ROW_NUMBERS.fullmatch(name)]
    table.load(*others)
    columns = [_codes(table.arrow(name).take(wanted)) for name in others if table.readable(name)]
    keys = [touches.channel.codes[rows].astype(np.int64), touches.time[rows], _codes(touches.person.take(wanted))]
    return np.stack([*keys, *columns], axis=1)


def _names(touches: Touches, rows: NDArray[np.int64]) -> list[str]:
    if touches.touch is None:
        return [f"{touches.channel.names[touches.channel.codes[row]]}" for row in rows[:1]]
    return sorted(str(touches.touch[int(row)].as_py()) for row in rows[:1000])
