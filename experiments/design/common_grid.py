"""What the checks of a design share: names of columns, and the strata in which arms can be compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError, InputError, closest

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from experiments.moments.grid import Grid

__all__ = ["alike", "check_control", "common_grid", "distinct_rows", "listed", "person_codes", "refuse_torn"]

_ROOM, _LEAST_ROOM = 8, 1_024  # distinct codes are counted when there are not many more than rows


def listed(option: str, given: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names of columns that an option holds; none for None.

    Raises:
        InputError: For anything but a name or a list of names.
    """
    names = () if given is None else (given,) if isinstance(given, str) else given
    if not isinstance(names, Sequence) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{option} must be the name of a column or a list of names, got {given!r}.")
    return tuple(dict.fromkeys(names))


def check_control(arms: Sequence[object], control: str) -> None:
    """Raise DesignError NO_HOLDOUT when nobody is in the control arm, or nobody in another."""
    if control in arms and len(arms) > 1:
        return
    same = [arm for arm in arms if str(arm) == str(control)]
    if same and control not in arms:
        hint = f"The arms are no text here: pass control={same[0]!r}."
    else:
        hint = f"Name the control with control=. {closest(str(control), map(str, arms))}"
    raise DesignError("NO_HOLDOUT", f"no person is in the control arm {control!r}, or none is in another arm. {hint}")


def common_grid(name: str, grid: Grid, *, control: str, least: int) -> Grid:
    """The strata that hold at least so many persons with a value in every arm.

    Raises:
        DesignError: NO_HOLDOUT without control persons, NO_COMMON_STRATUM when no stratum is left.
    """
    check_control(grid.arms, control)
    kept = np.all(grid.n >= least, axis=1)
    if not kept.any():
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"no stratum holds at least {least} person(s) of every arm with a value of {name!r}. Use coarser strata=.",
        )
    return grid.keep(kept)


def distinct_rows(*codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct combinations of several code columns, sorted, and each row's index among them.

    Args:
        codes: Columns of codes from 0 up, equally long; the product of their ranges below 2^62.
    """
    sizes = [int(column.max(initial=0)) + 1 for column in codes]
    together = np.zeros(len(codes[0]), np.int64)
    for column, size in zip(codes, sizes, strict=True):
        together = together * size + column
    found, place = _distinct(together, math.prod(sizes))
    cells = np.empty((len(found), len(codes)), np.int64)
    for i in range(len(codes) - 1, -1, -1):
        found, cells[:, i] = np.divmod(found, sizes[i])
    return cells, place


def _distinct(codes: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct codes below `size`, sorted, and each row's index among them; by counting where that is cheaper."""
    if size > _ROOM * len(codes) + _LEAST_ROOM:
        found, place = np.unique(codes, return_inverse=True)
        return found, place.reshape(-1).astype(np.int64)
    there = np.zeros(size, bool)
    there[codes] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]


def refuse_torn(cluster: NDArray[np.int64], arm: NDArray[np.int64], name: str) -> None:
    """Raise DesignError CLUSTER_IN_TWO_ARMS when a cluster holds persons of several arms."""
    pairs, _ = distinct_rows(cluster, arm)
    torn = len(pairs) - len(np.unique(pairs[:, 0]))
    if torn:
        raise DesignError(
            "CLUSTER_IN_TWO_ARMS",
            f"{torn} cluster(s) of the column {name!r} hold persons of several arms, so clusters were not "
            "assigned as a whole. Leave cluster= out when persons were assigned one by one.",
        )


def person_codes(first: pa.Array, second: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Codes from 0 up of the persons of two tables, equal for equal persons, and their number.

    The order of the codes is that of the rows, which costs less than sorting: use them to match, not to order.
    """
    import pyarrow as pa

    encoded = pa.concat_arrays(alike(first, second)).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes[: len(first)], codes[len(first) :], len(encoded.dictionary)


def alike(first: pa.Array, second: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Two key columns of one type: 7 and "7" are one person, as they are to `assign`."""
    import pyarrow as pa

    if first.type == second.type:
        return first, second
    return first.cast(pa.large_string()), second.cast(pa.large_string())
