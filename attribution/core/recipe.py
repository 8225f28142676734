"""The recipe of a number: how it was made, from which data, with which versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Recipe", "RowSums", "fingerprint", "versions"]

_EXACT = 2.0**53
_BLOCK = 1 << 16  # rows whose hashes fit the cache of one core
_LIBRARIES = ("wakelift", "numpy", "scipy", "pandas", "narwhals", "pyarrow")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Recipe:
    """How a result was made.

    Attributes:
        method: Name of the method.
        definitions: Codes of the definitions that the result used; `sentences` spells them out.
        settings: Rules, level, seed, and every other choice.
        n: Counts the result rests on.
        fingerprint: Fingerprint of the data, the same for any order of rows; empty when there is none.
        versions: Versions of the libraries.
    """

    method: str
    definitions: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    n: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = ""
    versions: Mapping[str, str] = field(default_factory=lambda: versions())  # noqa: PLW0108 -- defined below

    def __post_init__(self) -> None:
        for name in ("settings", "n", "versions"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def sentences(self, lang: str | None = None) -> tuple[str, ...]:
        """The definitions in words."""
        return tuple(messages.text(f"DEFINITION.{code}", self.settings, lang=lang) for code in self.definitions)

    def to_dict(self) -> dict[str, object]:
        """Plain Python values, for JSON."""
        return {
            "method": self.method,
            "definitions": list(self.definitions),
            "settings": {key: _plain(value) for key, value in self.settings.items()},
            "n": dict(self.n),
            "fingerprint": self.fingerprint,
            "versions": dict(self.versions),
        }


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


@cache
def _versions() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return MappingProxyType(found)


def versions() -> Mapping[str, str]:
    """Versions of this library and of those its numbers rest on."""
    return _versions()


def fingerprint(columns: Mapping[str, pa.Array | NDArray[Any] | Sequence[object]]) -> str:
    """A fingerprint of a table's content that does not depend on the order of its rows or columns.

    Rows are hashed with a keyed, version-stable hash and summed; sum, number of rows and column names are hashed
    together. It detects change; it is no protection against somebody who wants to forge one.
    """
    sums = RowSums()
    sums.add(columns)
    return sums.fingerprint()


@dataclass(slots=True, eq=False)
class RowSums:
    """The hashed rows of one table, added up part by part; the order of the parts does not matter.

    Attributes:
        rows: Rows so far.
        total: The sum of their hashes, modulo 2^64.
        names: Names of the columns.
    """

    rows: int = 0
    total: int = 0
    names: tuple[str, ...] = ()

    def add(self, columns: Mapping[str, pa.Array | NDArray[Any] | Sequence[object]]) -> None:
        """Add some rows."""
        names = sorted(columns)
        hashed = [_column_hash(columns[name]) for name in names]
        salts = [hashlib.sha256(f"{position}:{name}".encode()).digest()[:8] for position, name in enumerate(names)]
        factors = [np.uint64(int.from_bytes(salt, "little") | 1) for salt in salts]
        rows = len(hashed[-1]) if hashed else 0

        def block(start: int, stop: int) -> int:
            total = np.zeros(0, np.uint64)
            for position, (part, factor) in enumerate(zip(hashed, factors, strict=True)):
                mixed = _mix(part[start:stop] * factor)
                total = mixed if position == 0 else _mix(total * np.uint64(0x9E3779B97F4A7C15) + mixed)
            return int(np.sum(total, dtype=np.uint64))

        summed = sum(in_blocks(block, rows, block=_BLOCK)) % 2**64
        self.join(RowSums(rows, summed, tuple(names)))

    def join(self, other: RowSums) -> None:
        """Add the rows of another part."""
        self.rows += other.rows
        self.total = (self.total + other.total) % 2**64
        self.names = self.names or other.names

    def fingerprint(self) -> str:
        """The fingerprint of all rows."""
        head = "|".join(self.names)
        return hashlib.sha256(f"{head}|{self.rows}|{self.total}".encode()).hexdigest()[:16]


def _column_hash(column: pa.Array | NDArray[Any] | Sequence[object]) -> NDArray[np.uint64]:
    import pandas as pd
    import pyarrow as pa

    array = column if isinstance(column, pa.Array) else pa.array(column, from_pandas=True)
    kind = array.type
    if pa.types.is_dictionary(kind) and not array.null_count:  # each value is hashed once
        places = array.indices.to_numpy(zero_copy_only=False)
        used = np.zeros(len(array.dictionary), bool)
        used[places] = True
        if used.all():  # what does not occur must not decide how the others are hashed
            each: NDArray[np.uint64] = _column_hash(array.dictionary)[places]
            return each
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        unit = pa.timestamp("us", getattr(kind, "tz", None))
        values = (
            array.cast(unit, safe=False)
            .cast(pa.int64())
            .fill_null(np.iinfo(np.int64).min)
            .to_numpy(zero_copy_only=False)
        )
        return pd.util.hash_array(np.ascontiguousarray(values)).astype(np.uint64)
    if (
        pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        found = _number_hash(array, whole=pa.types.is_integer(kind))
        if found is not None:
            return found
        # Neighbours beyond 2^53 are one float64: such keys are hashed as text.
    encoded = array.cast(pa.large_string()).dictionary_encode()
    words = np.array(encoded.dictionary.to_pylist(), dtype=object)
    hashed = pd.util.hash_array(words, categorize=False) if len(words) else np.empty(0, np.uint64)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    spread: NDArray[np.uint64] = np.append(hashed.astype(np.uint64), np.uint64(0x5BD1E995))[codes]
    return spread


def _number_hash(array: pa.Array, *, whole: bool) -> NDArray[np.uint64] | None:
    """Hashes of numbers as float64, block by block; None for whole numbers of which floats are not exact."""
    import pandas as pd
    import pyarrow as pa

    hashed = np.empty(len(array), np.uint64)

    def block(start: int, stop: int) -> bool:
        part = array.slice(start, stop - start).cast(pa.float64(), safe=False)
        values = (part.fill_null(np.nan) if part.null_count else part).to_numpy(zero_copy_only=False) + 0.0
        if whole and (np.abs(values) >= _EXACT).any():
            return False
        hashed[start:stop] = pd.util.hash_array(values)
        return True

    return hashed if all(in_blocks(block, len(array), block=_BLOCK)) else None


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit over the word (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
