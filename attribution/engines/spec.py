"""Plain values that go into an engine and come out of it: this layer knows no model and no result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["EngineKey", "EngineSums", "RuleShare", "TableFacts", "TwoEnginesError", "UnsupportedError"]

ShareKind = Literal["first", "last", "last_non_direct", "linear", "time_decay", "position_based"]


class UnsupportedError(InputError):
    """The graph cannot hold this case; the message says why, and whoever catches it brings rows into memory."""


class TwoEnginesError(UnsupportedError):
    """The two tables are not held by one engine and connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShare:
    """How one rule divides a conversion among its touches.

    Attributes:
        kind: The rule.
        half_life_microseconds: Of time decay: the age at which a touch counts half.
        whole_days: Of time decay: whether ages are days of 24 hours, rounded down.
        first: Of position based: share of the first touch.
        last: Of position based: share of the last touch.
        of_two: Of position based: share of the first of exactly two touches.
        direct: Of last non-direct: the direct channels.
    """

    kind: ShareKind
    half_life_microseconds: int = 604_800_000_000
    whole_days: bool = False
    first: float = 0.4
    last: float = 0.4
    of_two: float = 0.5
    direct: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineKey:
    """A column that keys the credit.

    Attributes:
        side: The table it comes from.
        column: The user's name of the column.
    """

    side: Literal["touch", "conversion"]
    column: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TableFacts:
    """What a pass over a whole table told.

    Attributes:
        rows: Number of rows.
        first: First time, microseconds since 1970-01-01 UTC; None without rows.
        last: Last time.
        figures: Counts and sums that stand for the data in a fingerprint: they depend on no order of rows.
    """

    rows: int
    first: int | None
    last: int | None
    figures: Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EngineSums:
    """Credit by group, per model; a group is a combination of key values, of touched or of untouched conversions.

    Attributes:
        keys: One row per group, one column per key; a key of the touches is empty for untouched conversions.
        untouched: Whether a group holds untouched conversions.
        conversions: Models x groups.
        value: Models x groups.
        number: Conversions of untouched groups; touched conversions are counted by their first touch.
        worth: Their value.
        persons: Persons with a counted conversion.
        counted: Counted conversions.
        counted_value: Their value.
    """

    keys: pa.Table
    untouched: NDArray[np.bool_]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    number: NDArray[np.float64]
    worth: NDArray[np.float64]
    persons: int
    counted: int
    counted_value: float
