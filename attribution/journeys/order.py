"""Ranks of the values of a column: what orders rows of one person and instant, never their place in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import encode_together

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["ranks"]


def ranks(array: pa.Array) -> NDArray[np.int64]:
    """The rank of each value of a column; empty cells come first."""
    import pyarrow as pa

    if pa.types.is_null(array.type):
        return np.zeros(len(array), np.int64)
    if pa.types.is_nested(array.type) or pa.types.is_binary(array.type):
        array = pa.array(
            [None if value is None else repr(value) for value in array.to_pylist()], type=pa.large_string()
        )
    result = np.full(len(array), -1, np.int64)
    (codes,), _ = encode_together(array.drop_null())
    result[array.is_valid().to_numpy(zero_copy_only=False)] = codes
    return result
