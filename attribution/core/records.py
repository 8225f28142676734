"""Rows of a result with a declared kind per column: the one thing that every table, export and display is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import WakeLiftError
from attribution.core.formats import NUMERIC_KINDS, ValueKind
from attribution.core.whole import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from attribution.core.render.display import Display

__all__ = ["Field", "Records", "TabularResult"]

_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a result: its contract name and the kind of its values."""

    name: str
    kind: ValueKind = "number"


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Immutable rows with a kind per column.

    Attributes:
        fields: The columns, in order.
        columns: One sequence per column; None is an undefined value.
    """

    fields: tuple[Field, ...]
    columns: tuple[Sequence[Any], ...]

    def __post_init__(self) -> None:
        if len(self.fields) != len(self.columns) or len({len(column) for column in self.columns}) > 1:
            raise WakeLiftError(
                "columns of unequal length: "
                f"{[(f.name, len(c)) for f, c in zip(self.fields, self.columns, strict=False)]}"
            )

    @classmethod
    def from_rows(cls, fields: Sequence[Field], rows: Iterable[Mapping[str, object]]) -> Records:
        """Records from one mapping per row; an absent key is None."""
        listed = list(rows)
        return cls(tuple(fields), tuple([row.get(field.name) for row in listed] for field in fields))

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __repr__(self) -> str:
        from attribution.core import messages
        from attribution.core.render.display import records_table, table_text

        more = len(self) - _SHOWN_ROWS
        told = table_text(records_table(self.head(_SHOWN_ROWS)))
        return told if more <= 0 else f"{told}\n{messages.text('VALUE.more_rows', {'n': more})}"

    def head(self, n: int) -> Records:
        """The first rows."""
        return Records(self.fields, tuple(column[:n] for column in self.columns))

    def column(self, name: str) -> Sequence[Any]:
        """One column by name."""
        for field, column in zip(self.fields, self.columns, strict=True):
            if field.name == name:
                return column
        raise WakeLiftError(f"no column {name!r}; there are {[field.name for field in self.fields]}")

    def to_dicts(self) -> list[dict[str, Any]]:
        """One plain dict per row; undefined numbers are None."""
        names = [field.name for field in self.fields]
        plain = [[_plain(value) for value in _values(column)] for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*plain, strict=True)]

    def to_arrow(self) -> pa.Table:
        """An Arrow table."""
        import pyarrow as pa

        return pa.table(
            {field.name: _arrow(field, column) for field, column in zip(self.fields, self.columns, strict=True)}
        )

    def to_pandas(self) -> pd.DataFrame:
        """A pandas data frame; undefined numbers are missing."""
        import pandas as pd

        arrow = self.to_arrow()
        return pd.DataFrame({name: arrow.column(name).to_pandas() for name in arrow.column_names})

    def to_polars(self) -> pl.DataFrame:
        """A Polars data frame (needs the extra ``polars``)."""
        from attribution.core.extras import needed

        polars = needed("polars", extra="polars")
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow())
        return frame


def _values(column: Sequence[Any]) -> Sequence[Any]:
    """Python or NumPy values of a column; Arrow columns would give Arrow scalars."""
    to_pylist: Any = getattr(column, "to_pylist", None)
    return column if to_pylist is None else list(to_pylist())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def _arrow(field: Field, column: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return column
    if isinstance(column, np.ndarray) and column.dtype != object:
        return pa.array(column, from_pandas=True)
    values = [_plain(value) for value in column]
    if field.kind == "text" and any(value is not None and not isinstance(value, (str, int, bool)) for value in values):
        values = [None if value is None else str(value) for value in values]
    if field.kind in NUMERIC_KINDS:
        whole = field.kind == "count" and all(value is None or isinstance(value, int) for value in values)
        return pa.array(values, type=pa.int64() if whole else pa.float64())
    if all(value is None for value in values):
        return pa.array(values, type=pa.string())
    return pa.array(values)


class TabularResult:
    """What every result with a table can do; a subclass gives `_records` and `_display`."""

    __slots__ = ()

    def _records(self) -> Records:
        raise NotImplementedError(f"{type(self).__name__} must give its records")

    def _display(self) -> Display:
        raise NotImplementedError(f"{type(self).__name__} must give its display")

    def table(self) -> pd.DataFrame:
        """The rows as a pandas data frame."""
        return self._records().to_pandas()

    def head(self, n: int = 5) -> pd.DataFrame:
        """The first rows as a pandas data frame.

        Args:
            n: How many.

        Raises:
            InputError: If `n` is no whole number of at least 0.
        """
        return self._records().head(check_whole("n", n, least=0)).to_pandas()

    def __len__(self) -> int:
        """Rows of `.table()` as it is without options."""
        return len(self._records())

    def __bool__(self) -> bool:
        # A result without rows is an answer too: "if result:" asks whether there is one.
        return True

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas data frame."""
        return self._records().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """The rows as a Polars data frame."""
        return self._records().to_polars()

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self._records().to_arrow()

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows as plain dicts."""
        return self._records().to_dicts()

    def to_markdown(self) -> str:
        """What the result prints, as Markdown."""
        from attribution.core.render.display import to_markdown

        return to_markdown(self._display())

    def __repr__(self) -> str:
        from attribution.core.render.display import to_text

        return to_text(self._display())

    def _repr_html_(self) -> str:
        from attribution.core.render.display import to_html

        return to_html(self._display())
