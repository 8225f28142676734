"""What a long or noted table shows: its last rows, and its reason codes in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["last_rows", "reasons"]

messages.register("experiments")


def last_rows(records: Records, most: int) -> tuple[Records, tuple[str, ...]]:
    """The last rows of a table that is too long to be read, and a sentence that says so; a short one as it is."""
    n = len(records)
    if n <= most:
        return records, ()
    shown = Records(records.fields, tuple(column[n - most :] for column in records.columns))
    return shown, (messages.text("ROWS.last", {"shown": most, "n": n}),)


def reasons(notes: Iterable[str]) -> tuple[str, ...]:
    """Every reason code of some notes ("A; B"), once, with its sentence."""
    codes = dict.fromkeys(code for note in notes for code in note.split("; ") if code)
    return tuple(messages.text("ROWS.reason", {"code": code, "sentence": messages.text(code)}) for code in codes)
