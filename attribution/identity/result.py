"""The result of identity resolution: a person for every customer number, and the way to apply it to a table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.extras import needed
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe

__all__ = ["Identity"]

_PERSON = "person_id"
_SHOWN_ROWS = 10
_JOINS = count()
_SHOWN_EXAMPLES = 5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Identity(TabularResult):
    """Customer numbers and the persons they belong to.

    Attributes:
        customers: Every customer number, sorted.
        persons: The person of each, as text.
        findings: What was seen on the way: shared links, late links, persons in two arms.
        recipe: How it was made.

    Example:
        >>> import pandas as pd
        >>> import attribution as at
        >>> links = pd.DataFrame({"customer_id": ["C1", "C2", "C3"], "phone": ["138", "138", None]})
        >>> identity = at.resolve_identity(links, ids=("customer_id", "phone"))
        >>> identity.to_dicts()[1]
        {'customer_id': 'C2', 'person_id': 'C1'}
    """

    customers: pa.Array
    persons: pa.Array
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return Records((Field("customer_id", "text"), Field(_PERSON, "text")), (self.customers, self.persons))

    def _display(self) -> Display:
        columns = (self.customers[:_SHOWN_ROWS].to_pylist(), self.persons[:_SHOWN_ROWS].to_pylist())
        head = Records(self._records().fields, columns)
        hidden = len(self.customers) - len(head)
        notes = [messages.text("IDENTITY_ROWS_HIDDEN", {"rows": hidden})] if hidden else []
        said = [finding.text() for finding in self.findings]
        table = records_table(head, notes=notes)
        return Display(messages.text("TITLE.identity"), (*said, table, *self.recipe.sentences()))

    def apply(self, table: object, *, column: str = "customer_id") -> Any:
        """Give every row of a table the person of its customer number.

        Args:
            table: Any table with a customer number. Never changed.
            column: Name of its column with the customer number.

        Returns:
            The same kind of table with the column ``person_id`` (text), added, or replaced where it was there.

        Raises:
            TableError: UNKNOWN_CUSTOMER for numbers that the links did not hold, KEY_TYPE_MISMATCH when one side is
                text and the other a number, NULL_KEY, MISSING_COLUMN, WRONG_TYPE.
            InputError: For a lazy table of an engine other than DuckDB and Polars.

        Example:
            >>> import pandas as pd
            >>> import attribution as at
            >>> links = pd.DataFrame({"customer_id": ["C1", "C2"], "phone": ["138", "138"]})
            >>> identity = at.resolve_identity(links, ids=("customer_id", "phone"))
            >>> identity.apply(pd.DataFrame({"customer_id": ["C2"], "channel": ["sms"]}))["person_id"].tolist()
            ['C1']
        """
        problems = Problems()
        roles = Columns(customer=column)
        opened = open_table(table, "table", roles, problems=problems)
        opened.require("customer")
        frame = nw.from_native(_native(table))  # type: ignore[call-overload]
        if isinstance(frame, nw.LazyFrame):
            return self._apply_lazily(opened, frame, column)
        position = self._positions(opened)
        problems.raise_if_any()
        persons = self.persons.take(position).to_pylist()
        return frame.with_columns(
            nw.new_series(_PERSON, persons, nw.String(), backend=frame.implementation)
        ).to_native()

    def _positions(self, opened: Table) -> pa.Array | None:
        """The row of each customer number in this identity; what is unknown is noted."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = keys(opened, "customer")
        if found is None:
            return None
        if found.type != self.customers.type:
            opened.problems.add(
                "KEY_TYPE_MISMATCH", opened.name, opened.roles.customer, len(found),
                message=f"the customer number is {found.type} here and {self.customers.type} in the links; cast one",
            )  # fmt: skip
            return None
        position = pc.index_in(found, value_set=self.customers)
        if position.null_count:
            strangers = pc.unique(found.filter(pc.is_null(position)))
            strangers = strangers.take(pc.sort_indices(strangers)).slice(0, _SHOWN_EXAMPLES)
            opened.problems.add(
                "UNKNOWN_CUSTOMER", opened.name, opened.roles.customer, position.null_count,
                message="customer numbers that the links do not hold; add a row for each to the links",
                examples=strangers.to_pylist(),
            )  # fmt: skip
            return None
        return position.cast(pa.int64())

    def _apply_lazily(self, opened: Table, frame: nw.LazyFrame[Any], column: str) -> Any:
        """The engine joins the persons to its own rows; only the distinct customer numbers come here to be checked."""
        if opened.problems.issues:
            opened.problems.raise_if_any()
        distinct = frame.select(column).unique().collect("pyarrow").to_native()
        self._positions(open_table(distinct, opened.name, opened.roles, problems=opened.problems))
        opened.problems.raise_if_any()
        if frame.implementation.is_polars():
            return self._join_polars(frame, column)
        if frame.implementation.is_duckdb():
            return self._join_duckdb(frame.to_native(), column, frame.collect_schema().names())
        raise InputError(
            f"apply cannot join inside {frame.implementation}: write the table of this identity (.to_arrow()) to that "
            f"engine and join it on {column!r} there."
        )

    def _join_polars(self, frame: nw.LazyFrame[Any], column: str) -> Any:
        polars = needed("polars", extra="polars")
        known = polars.from_arrow(self.to_arrow()).rename({"customer_id": "__customer", _PERSON: "__person"})
        as_text = polars.col(column).cast(polars.String)
        joined = frame.to_native().join(
            known.lazy().with_columns(polars.col("__customer").cast(polars.String)),
            left_on=as_text,
            right_on="__customer",
            how="left",
            maintain_order="left",
            coalesce=False,
        )
        return joined.with_columns(polars.col("__person").cast(polars.String).alias(_PERSON)).drop(
            "__person", "__customer"
        )

    def _join_duckdb(self, relation: Any, column: str, names: Sequence[str]) -> Any:
        # The relation's own connection must run the join; it finds the local Arrow table by its name. The view of the
        # rows has a name of its own in every call: older DuckDB looks it up only when the join is run.
        wakelift_identity = self.to_arrow()
        rows = f"wakelift_rows_{next(_JOINS)}"
        kept = ", ".join(f"rows.{_quoted(name)}" for name in names if name != _PERSON)
        made = relation.query(
            rows,
            f"SELECT {kept}, known.person_id FROM {rows} AS rows "  # noqa: S608 - names are quoted
            f"LEFT JOIN wakelift_identity AS known ON rows.{_quoted(column)} = known.customer_id",
        )
        del wakelift_identity
        return made


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _native(table: object) -> object:
    if isinstance(nw.from_native(table, pass_through=True), (nw.DataFrame, nw.LazyFrame)):
        return table
    to_arrow: Any = getattr(table, "to_arrow", None)
    return to_arrow()
