"""Times written as text, held against those of all batches: either all of them carry an offset, or none does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from attribution.core.tables import examples_of
from attribution.core.times import MIXED_TIMES, carry_offsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.errors import TableIssue
    from attribution.core.tables import Problems

__all__ = ["TimeTexts", "time_texts"]


@dataclass(slots=True, eq=False)
class TimeTexts:
    """What the texts of some batches look like.

    Attributes:
        placed: Times with an offset.
        unplaced: Times without one.
        examples: Some of those without.
    """

    placed: int = 0
    unplaced: int = 0
    examples: Sequence[object] = field(default_factory=list)

    def add(self, other: TimeTexts) -> None:
        """Add those of the batches behind."""
        self.placed += other.placed
        self.unplaced += other.unplaced
        self.examples = sorted({*map(str, self.examples), *map(str, other.examples)})[:5]

    @property
    def mixed(self) -> bool:
        """Whether some carry an offset and some do not."""
        return bool(self.placed and self.unplaced)

    def note(self, name: str, column: str, problems: Problems) -> None:
        """Note that they are mixed, in the place of what single batches have told of it."""
        told = ("MIXED_TIMES", "NAIVE_TIME", "NULL_TIME")  # a table in memory is not looked at any further
        problems.issues[:] = [
            issue
            for issue in problems.issues
            if not (issue.table == name and issue.column == column and issue.code in told)
        ]
        problems.add("MIXED_TIMES", name, column, self.unplaced, message=MIXED_TIMES, examples=self.examples)


def time_texts(array: pa.Array, issues: Sequence[TableIssue]) -> TimeTexts | None:
    """What the texts of a batch look like; None when the times are no text.

    Args:
        array: The times of a batch.
        issues: What is wrong with the batch: text that is no time carries nothing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return None
    array = array.cast(pa.large_string())
    there = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(array), ""), False).to_numpy(zero_copy_only=False)
    if any(issue.code == "BAD_TIME" for issue in issues):
        there &= _read(array)
    offset = carry_offsets(array)
    unplaced = there & ~offset
    return TimeTexts(int((there & offset).sum()), int(unplaced.sum()), examples_of(array, unplaced))


def _read(array: pa.Array) -> NDArray[np.bool_]:
    """Which texts are times."""
    import pandas as pd

    texts = pd.Series(array.to_pylist(), dtype="object")
    return pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True).notna().to_numpy()
