"""Checks of arrays of values, strata and clusters that a caller hands over, one entry per person."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["checked_counts", "checked_labels", "checked_values", "paired_strata"]


def checked_values(name: str, given: ArrayLike, *, columns: int = 1) -> NDArray[np.float64]:
    """The values of a group as float64, one per person, or a table of several columns.

    Raises:
        InputError: Not numbers, not finite, empty, or of the wrong shape.
    """
    raw = np.asarray(_plain(given))
    if raw.dtype.kind == "O":
        raw = _numbers(name, raw)
    if raw.dtype.kind not in "iufb":
        raise InputError(f"{name} must be numbers, one per person, got values of type {raw.dtype}. Cast the column.")
    wanted = "one number per person" if columns == 1 else f"a table of {columns} columns, one row per person"
    shape = raw.ndim == 1 if columns == 1 else raw.ndim == 2 and raw.shape[1] == columns
    if not shape or raw.shape[0] == 0:
        raise InputError(f"{name} must be {wanted}, at least one person, got an array of shape {raw.shape}.")
    values: NDArray[np.float64] = raw.astype(np.float64) + 0.0
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong:
        raise InputError(
            f"{name} must be finite, got {wrong:,} empty or infinite of {values.shape[0]:,}. Write 0 where no record "
            "means no event, or leave these persons out of both groups and say so."
        )
    return values


def _plain(given: ArrayLike) -> ArrayLike:
    """Columns of pandas, Polars and Arrow as NumPy arrays; ranges and tuples as they are."""
    to_numpy = getattr(given, "to_numpy", None)
    if not callable(to_numpy):
        return given
    # An Arrow array refuses texts, booleans and empty entries unless it may copy them.
    copied = to_numpy(zero_copy_only=False) if hasattr(given, "to_pylist") and hasattr(given, "buffers") else to_numpy()
    return cast("ArrayLike", copied)


def _numbers(name: str, raw: NDArray[np.object_]) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if value is None else value for value in raw.ravel()], np.float64).reshape(raw.shape)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be numbers, one per person, got other objects. Cast the column.") from None


def checked_labels(name: str, given: ArrayLike | None, size: int) -> NDArray[np.object_] | None:
    """One label per person, or None.

    Raises:
        InputError: Another number of entries than persons, or an empty label.
    """
    if given is None:
        return None
    raw = np.asarray(_plain(given), dtype=object)
    if raw.shape != (size,):
        raise InputError(f"{name} must have one entry per person ({size:,}), got an array of shape {raw.shape}.")
    if any(label is None or label != label for label in raw.tolist()):  # noqa: PLR0124 -- nan is not itself
        raise InputError(f"{name} has empty entries; name them (for example 'unknown').")
    return raw


def checked_counts(name: str, given: ArrayLike | None, size: int) -> NDArray[np.int64]:
    """How many persons each value stands for; 1 each when None.

    Raises:
        InputError: Not whole numbers of 0 or more, one per value, at least one above 0.
    """
    if given is None:
        return np.ones(size, np.int64)
    raw = np.asarray(_plain(given))
    if raw.dtype.kind not in "iuf" or raw.shape != (size,):
        raise InputError(
            f"{name} must hold one whole number per value ({size:,}), got {raw.dtype} of shape {raw.shape}."
        )
    if not np.all(np.isfinite(raw)) or np.any(raw < 0) or np.any(raw != np.floor(raw)) or not np.any(raw > 0):
        raise InputError(f"{name} must be whole numbers of 0 or more, not all 0.")
    return raw.astype(np.int64)


def paired_strata(
    given: list[NDArray[np.object_] | None], persons: list[NDArray[np.int64]]
) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
    """Codes of the strata of both groups, and each stratum's share of all persons.

    Args:
        given: Stratum of every value of the treated and of the control group, or None twice.
        persons: Persons of every value of both groups.

    Raises:
        InputError: Strata of one group only, or a stratum without persons of both.
    """
    first, second = given
    if first is None and second is None:
        return [np.zeros(len(part), np.int64) for part in persons], np.ones(1)
    if first is None or second is None:
        raise InputError("strata and control_strata go together: give the strata of both groups, or of neither.")
    names, codes = np.unique(np.concatenate([first, second]).astype(str), return_inverse=True)
    split = [codes[: len(first)], codes[len(first) :]]
    held = [np.bincount(code, weights=part, minlength=len(names)) for code, part in zip(split, persons, strict=True)]
    if min(float(part.min()) for part in held) == 0:
        lost = names[(held[0] == 0) | (held[1] == 0)]
        raise InputError(
            f"every stratum needs persons of both groups; {', '.join(map(repr, lost[:5].tolist()))} has them of one. "
            "Use coarser strata, or leave these persons out of both groups."
        )
    total = held[0] + held[1]
    return split, total / total.sum()
