"""Checks of the numbers that a caller hands over: every problem at once, in one error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.inference.score import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["checked_number", "checked_tables", "checked_weights", "one_number", "raise_problems"]

_LARGEST = 2.0**53  # beyond it, floating point no longer holds every whole number


def raise_problems(problems: Sequence[str]) -> None:
    """Raise one `InputError` with every problem, if there is any."""
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        raise InputError(
            f"{len(problems)} problems: " + " ".join(f"({i}) {line}" for i, line in enumerate(problems, 1))
        )


def checked_number(name: str, value: object, problems: list[str], *, positive: bool = False) -> float:
    """A finite number as float; nan, with a problem noted, when it is none."""
    allowed = "a finite number of 0 or more" if positive else "a finite number"
    number = math.nan
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        number = float(value)
    if not math.isfinite(number) or (positive and number < 0):
        percent = isinstance(value, str) and value.strip().endswith("%")
        hint = " A percentage is a number too: write 0.02 for 2 %." if percent else ""
        problems.append(f"{name} must be {allowed}, got {value!r}.{hint}")
        return math.nan
    return number


def one_number(name: str, value: object, *, positive: bool = False) -> float:
    """A finite number as float.

    Raises:
        InputError: When it is none.
    """
    problems: list[str] = []
    number = checked_number(name, value, problems, positive=positive)
    raise_problems(problems)
    return number


def _counts(name: str, given: ArrayLike, problems: list[str]) -> NDArray[np.float64]:
    """Whole numbers of 0 or more as floats, one per stratum."""
    raw = np.atleast_1d(np.asarray(given))
    if raw.dtype.kind not in "iuf" or raw.ndim != 1 or raw.size == 0:
        problems.append(f"{name} must be a whole number of persons (or one per stratum), got {given!r}.")
        return np.full(1, np.nan)
    counts = raw.astype(np.float64)
    wrong = ~np.isfinite(counts) | (counts < 0) | (counts != np.floor(counts)) | (counts > _LARGEST)
    if wrong.any():
        shown = ", ".join(repr(item) for item in raw[wrong].tolist()[:5])
        problems.append(f"{name} must be whole numbers of 0 or more, got {shown}. Pass counts of persons, not rates.")
    return counts


def checked_weights(given: ArrayLike | None, persons: NDArray[np.float64], problems: list[str]) -> NDArray[np.float64]:
    """Weights per stratum that sum to 1; shares of the persons when none are given."""
    shares: NDArray[np.float64] = persons / persons.sum()
    if given is None:
        return shares
    try:
        weights = np.atleast_1d(np.asarray(given, dtype=np.float64))
    except (TypeError, ValueError):
        weights = np.full(1, np.nan)
    if weights.shape != persons.shape or not np.all(np.isfinite(weights)) or np.any(weights < 0) or weights.sum() <= 0:
        problems.append(
            f"weights must be one finite number of 0 or more per stratum ({persons.size}), not all 0, got {given!r}."
        )
        return shares
    scaled: NDArray[np.float64] = weights / weights.sum()
    return scaled


def checked_tables(
    hits: ArrayLike, n: ArrayLike, control_hits: ArrayLike, control_n: ArrayLike, *, weights: ArrayLike | None = None
) -> Tables:
    """Check counts of two groups over strata and pack them.

    Strata of weight 0 do not enter.

    Raises:
        InputError: Lists every problem: not whole numbers, no persons, more events than persons, unequal lengths.
    """
    problems: list[str] = []
    columns = {
        name: _counts(name, given, problems)
        for name, given in (("hits", hits), ("n", n), ("control_hits", control_hits), ("control_n", control_n))
    }
    sizes = {name: column.size for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        problems.append(f"hits, n, control_hits and control_n must have one entry per stratum each, got {sizes}.")
        raise_problems(problems)
    for event, base in (("hits", "n"), ("control_hits", "control_n")):
        if np.any(columns[base] == 0):
            problems.append(
                f"{base} must be at least 1 (in every stratum); leave out strata without persons in an arm."
            )
        above = columns[event] > columns[base]
        if above.any():
            first = int(np.flatnonzero(above)[0])
            problems.append(
                f"{event} must not exceed {base}, got {columns[event][first]:g} of {columns[base][first]:g}"
                f"{f' in stratum {first}' if columns[base].size > 1 else ''}."
            )
    raise_problems(problems)
    shares = checked_weights(weights, columns["n"] + columns["control_n"], problems)
    raise_problems(problems)
    used = shares > 0
    return Tables(
        hits=columns["hits"][used],
        n=columns["n"][used],
        control_hits=columns["control_hits"][used],
        control_n=columns["control_n"][used],
        weights=shares[used],
    )
