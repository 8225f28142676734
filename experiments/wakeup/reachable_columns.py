"""Address and permission of each customer, out of the columns that a channel names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError, closest

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["check_channels", "read_channel"]

_PARTS = ("address", "permission", "opt_out", "reachable")


def check_channels(
    channels: Mapping[str, str | Mapping[str, str]], reserved: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Parts and columns of each channel.

    Raises:
        InputError: For channels that name no column, unknown parts, or a reserved name.
    """
    if not isinstance(channels, Mapping) or not channels:
        raise InputError(
            f'channels must map channels to columns, such as {{"sms": {{"address": "phone", "opt_out": "no_sms"}}}}, '
            f"got {channels!r}."
        )
    made: dict[str, dict[str, str]] = {}
    for name, given in channels.items():
        parts = {"reachable": given} if isinstance(given, str) else given
        if name in reserved:
            raise InputError(f"{name!r} is the name of a row of the result; give the channel another name.")
        if not isinstance(parts, Mapping) or not parts:
            raise InputError(f"the channel {name!r} names no column; give an address and a permission or an opt-out.")
        unknown = [part for part in parts if part not in _PARTS]
        if unknown:
            raise InputError(f"the channel {name!r} has an unknown part {unknown[0]!r}. {closest(unknown[0], _PARTS)}")
        if "permission" in parts and "opt_out" in parts:
            raise InputError(f"the channel {name!r} names a permission and an opt-out; give the one that decides.")
        made[str(name)] = dict(parts)
    return made


def read_channel(
    table: Table, parts: Mapping[str, str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows have an address, a permission, both, and an empty cell where the permission is asked for."""
    size = table.rows
    address, permitted = np.ones(size, bool), np.ones(size, bool)
    unknown = np.zeros(size, bool)
    if "address" in parts:
        address = _filled(table.arrow(parts["address"]))
    for part in ("permission", "opt_out", "reachable"):
        if part in parts:
            yes, empty = _yes(table, parts[part])
            permitted = permitted & (~yes if part == "opt_out" else yes) & ~empty
            unknown |= empty
    return address, permitted, address & permitted, unknown


def _filled(array: pa.Array) -> NDArray[np.bool_]:
    """Whether an address is there: no empty or blank cell, and true where it is a yes or no."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(array.type):
        return np.zeros(len(array), bool)
    if pa.types.is_boolean(array.type):
        there = pc.fill_null(array, False)
    elif pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        text = pc.fill_null(array.cast(pa.large_string()), "")
        there = pc.not_equal(pc.utf8_trim_whitespace(text), "")
    else:
        there = pc.invert(pc.is_null(array, nan_is_null=True))
    return np.asarray(there.to_numpy(zero_copy_only=False), dtype=bool)


def _yes(table: Table, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """A column of yes and no: which cells are yes, and which are empty."""
    import pyarrow as pa

    from attribution.core.values import numbers

    array = table.arrow(name)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        told = array.drop_null()
        if len(told):
            table.problems.add(
                "NOT_BINARY", table.name, name, len(told),
                message="a permission is true or false (or 1 or 0), not text",
                examples=sorted(set(told.to_pylist()))[:5],
            )  # fmt: skip
        return np.zeros(len(array), bool), np.ones(len(array), bool)
    empty = np.asarray(array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False), dtype=bool)
    found = numbers(table, name, missing=0.0)
    if found is None:
        return np.zeros(len(array), bool), empty
    wrong = (found != 0.0) & (found != 1.0)
    if wrong.any():
        table.problems.add(
            "NOT_BINARY", table.name, name, int(wrong.sum()), message="a permission is true or false (or 1 or 0)",
            examples=sorted(set(found[wrong].tolist()))[:5],
        )  # fmt: skip
    return found == 1.0, empty
