"""Where the tables are, and which of their columns name one person: sections of a plan."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainValidator

from attribution.core.columns import Columns
from experiments.plan import spelling
from experiments.plan.sections import FilePath, Names, Section, Text, key, role_names

__all__ = ["IdentityPlan", "TableName", "TablePlan"]

TableName = Literal[
    "touches", "conversions", "assignment", "prices", "history", "spend", "links", "outcomes", "customers",
    "key_events", "events", "planned",
]  # fmt: skip


class TablePlan(Section):
    """Where a table is and how to read it."""

    path: FilePath = key(
        "The file, relative to the plan: .parquet, .csv, .xlsx (first sheet) or .duckdb (with a query).", kind="text"
    )
    columns: Annotated[dict[str, Text], AfterValidator(role_names)] = key(
        'Role -> the name of the column in your table, for example { person = "uid", time = "sent_at" }. '
        "Only names that differ from the defaults are needed.",
        kind="table of texts",
        default={},
        shown="{}",
    )
    timezone: Annotated[str, PlainValidator(spelling.time_zone)] | None = key(
        'Zone of times that carry none, for example "Asia/Shanghai". Without it such times are an error.',
        kind="text",
        default=None,
    )
    precision: Literal["instant", "day"] = key(
        '"day" when the times are booking dates; then a conversion counts at the end of its day.',
        kind='"instant" or "day"',
        default="instant",
    )
    encoding: Annotated[str, PlainValidator(spelling.codec)] = key(
        'Encoding of a CSV file. Excel in China often writes "gb18030"; a byte-order mark is recognised.',
        kind="text",
        default="utf-8",
    )
    query: Annotated[str, PlainValidator(spelling.query_text)] | None = key(
        "SQL that gives the table, for a DuckDB file; it is opened read-only.", kind="text", default=None
    )

    def roles(self) -> Columns:
        """The columns with their roles, as `columns=` arguments want them."""
        return Columns(**self.columns, timezone=self.timezone, precision=self.precision)


class IdentityPlan(Section):
    """Which customer numbers are one person: those that share a phone, a device; needs [tables.links]."""

    ids: Annotated[Names, Field(min_length=2)] = key(
        "Columns of the links: the customer number first, then what customers of one person share.",
        kind="list of texts",
        default=("customer_id", "phone", "device"),
    )
    max_share: Annotated[int, Field(ge=1, le=10**9)] = key(
        "Values shared by more customers than this (a branch's phone, a test device) link nobody and are listed.",
        kind="whole number",
        default=10,
    )
