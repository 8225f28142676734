"""Figures per 1,000 persons beside their intervals: one column of a display instead of three."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.records import Field, Records

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["joined"]

_ENDS = {
    f"{name}_{end}": f"{name}_per_1000_{end}" for name in ("net_benefit", "incremental") for end in ("low", "high")
}


def joined(records: Records, headings: Mapping[str, str] | None = None) -> Records:
    """The records with the ends named after their figure, so that a display joins them to one column.

    Args:
        records: The records of a result.
        headings: Other names for the display alone, by the records' own.

    Example:
        >>> rows = [{"net_benefit_per_1000": 2.0, "net_benefit_low": 1.0}]
        >>> made = joined(Records.from_rows((Field("net_benefit_per_1000"), Field("net_benefit_low")), rows))
        >>> [field.name for field in made.fields]
        ['net_benefit_per_1000', 'net_benefit_per_1000_low']
    """
    names = {**_ENDS, **(headings or {})}
    return Records(
        tuple(Field(names.get(field.name, field.name), field.kind) for field in records.fields), records.columns
    )
