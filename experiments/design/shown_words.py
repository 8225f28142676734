"""Words of a result's columns as they are printed: in the table they are codes, in the display a language's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Records

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["in_words"]


def in_words(records: Records, column: str) -> Records:
    """The records with the codes of one column in words of the current language.

    Args:
        records: The records, which stay as they are.
        column: A column of text whose values are messages "WORD.<value>", blanks written as "_".
    """
    place = [field.name for field in records.fields].index(column)
    shown: Sequence[str] = [
        messages.text("WORD." + str(value).replace(" ", "_"), {}) for value in records.column(column)
    ]
    return Records(records.fields, (*records.columns[:place], shown, *records.columns[place + 1 :]))
