"""Whole numbers that users give: Python's and NumPy's alike, never a Boolean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from typing import Any, TypeGuard

__all__ = ["check_whole", "is_whole"]


def is_whole(given: object) -> TypeGuard[int | np.integer[Any]]:
    """Whether it is a whole number: an int of Python or of NumPy; True and 3.0 are none."""
    # A span of time is an integer to NumPy.
    return isinstance(given, (int, np.integer)) and not isinstance(given, (bool, np.timedelta64))


def check_whole(name: str, given: object, *, least: int, most: int | None = None, of: str = "", more: str = "") -> int:
    """Return a whole number as an int.

    Args:
        name: What the user calls it.
        given: What was given.
        least: The smallest that is allowed.
        most: The largest that is allowed; None for no limit.
        of: What is counted, such as "persons".
        more: What else the message says behind the range, such as ", or None for all".

    Raises:
        InputError: For anything else than a whole number in the range.

    Example:
        >>> check_whole("top", np.int64(3), least=1)
        3
    """
    if is_whole(given) and least <= given and (most is None or given <= most):
        return int(given)
    counted = f" of {of}" if of else ""
    link = "," if of else " of"
    span = f"{link} at least {least}" if most is None else f" from {least} to {most:,}"
    raise InputError(f"{name} must be a whole number{counted}{span}{more}, got {given!r}.")
