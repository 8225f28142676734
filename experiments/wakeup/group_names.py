"""The column that splits a result, beside the columns that the result has of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.records import Field

__all__ = ["check_group"]


def check_group(by: str | None, fields: Sequence[Field], *, option: str = "by") -> None:
    """Refuse a group named like a column of the result: one of the two would be lost.

    Raises:
        InputError: When it is.
    """
    names = [field.name for field in fields]
    if by in names:
        raise InputError(
            f"{option}={by!r} is the name of a column of the result ({', '.join(names)}). "
            "Rename the column of your table."
        )
