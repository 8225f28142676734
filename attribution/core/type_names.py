"""What the type of a column is called in messages, and how an analyst makes one of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TEXT", "TO_NUMBERS", "TO_TIMES", "WHOLE_NUMBERS", "different_keys", "kind_name"]

TEXT = "text"
WHOLE_NUMBERS = "whole numbers"
TO_NUMBERS = 'make numbers of it, in pandas: pd.to_numeric(column.str.replace("[,元]", "", regex=True))'
TO_TIMES = 'make times of it, in pandas of 20261122: pd.to_datetime(column, format="%Y%m%d")'


def kind_name(kind: pa.DataType) -> str:
    """The type in words where its own name is jargon, else its own name."""
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return TEXT
    return WHOLE_NUMBERS if pa.types.is_integer(kind) else str(kind)


def different_keys(here: str, there: str, other: str) -> str:
    """The message for a key that is text in one table and a number in the other."""
    return (
        f"the key is {here} here and {there} in {other}: nothing would match; read both as text, in pandas "
        "with dtype=str (a number has lost its leading zeros)"
    )
