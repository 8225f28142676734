"""The conversions that stand, of the persons of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.conversions import read_conversions
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.tables import Problems

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike

__all__ = ["same_keys", "standing_bookings"]


def standing_bookings(
    persons: pa.Array, conversions: object, columns: ColumnsLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of the person, and time, of every conversion that is no refund and was not refunded in full.

    Args:
        persons: The keys of the log, sorted; a person is known by the place there. Conversions of others are left out.
        conversions: The conversions.
        columns: The user's names of the columns.

    Raises:
        TableError: With every problem of the conversions.
        InputError: When the keys are of another kind than those of the log.
    """
    problems = Problems()
    booked = read_conversions(conversions, columns_for(columns, "conversions"), problems=problems)
    problems.raise_if_any()
    if booked is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the conversions cannot be read.")
    if not len(booked.person):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    owner = same_keys(booked.person, persons, ("conversions", "touches"))
    kept = (owner >= 0) & ~booked.refund & ~booked.refunded
    return owner[kept], booked.time[kept]


def same_keys(keys: pa.Array, among: pa.Array, tables: tuple[str, str]) -> NDArray[np.int64]:
    """Place of each key among others, -1 where it is not there.

    Raises:
        InputError: When one side is numbers and the other text: nothing would match.
    """
    import pyarrow.compute as pc

    if (keys.type == "int64") != (among.type == "int64"):
        raise InputError(
            f"the person is {keys.type} in the {tables[0]} and {among.type} in the {tables[1]}: nothing would match. "
            "Cast one of them."
        )
    place = pc.fill_null(pc.index_in(keys.cast(among.type), value_set=among), -1)
    found: NDArray[np.int64] = place.to_numpy(zero_copy_only=False).astype(np.int64)
    return found
