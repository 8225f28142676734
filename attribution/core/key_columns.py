"""Checked key columns: read in the pieces that they came in, and put together only for who asks for one array."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attribution.core.frames import one_array
from attribution.core.key_words import PieceKeys, key_words
from attribution.core.pieces import Cuts, few_pieces
from attribution.core.texts import any_blank
from attribution.core.values import keys

if TYPE_CHECKING:
    import pyarrow as pa

    from attribution.core.key_words import Keys
    from attribution.core.tables import Table

__all__ = ["KeyColumn", "key_column"]


@dataclass(frozen=True, slots=True, eq=False)
class KeyColumn:
    """Keys without nulls, int64 or text, in the pieces that they came in.

    Attributes:
        column: The pieces.
        type: int64, or large_string for text of any kind: the type of the whole.
    """

    column: pa.ChunkedArray
    type: pa.DataType
    _made: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: pa.Array | pa.ChunkedArray) -> KeyColumn:
        """These keys."""
        import pyarrow as pa

        column = keys if isinstance(keys, pa.ChunkedArray) else pa.chunked_array([keys])
        return cls(column, pa.int64() if pa.types.is_integer(column.type) else pa.large_string())

    def __len__(self) -> int:
        return len(self.column)

    def words(self) -> Keys:
        """The keys as machine words."""
        if "words" not in self._made:
            parts = [key_words(chunk) for chunk in self.column.chunks]
            self._made["words"] = parts[0] if len(parts) == 1 else PieceKeys(parts, Cuts.of(parts))
        found: Keys = self._made["words"]
        return found

    def whole(self) -> pa.Array:
        """The keys as one array; pieces are put together once."""
        if "whole" not in self._made:
            self._made["whole"] = one_array(self.column).cast(self.type)
        return self._made["whole"]


def key_column(table: Table, role: str) -> KeyColumn | None:
    """A key column (text or integers) without nulls; None when it is missing or unusable (and noted)."""
    import pyarrow as pa

    name = table.roles.name_of(role)
    if table.readable(name):
        column = table.chunks(name)
        if _plain(column) and (pa.types.is_int64(column.type) or not any_blank(column.chunks)):
            return KeyColumn.of(column)
    found = keys(table, role)
    return None if found is None else KeyColumn.of(found)


def _plain(column: pa.ChunkedArray) -> bool:
    """Whether the pieces of a column are keys as they are, but for blank ones."""
    import pyarrow as pa

    kind = column.type
    plain = pa.types.is_int64(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(plain) and column.num_chunks > 0 and not column.null_count and few_pieces(column)
