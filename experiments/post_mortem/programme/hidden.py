"""Groups of persons too small to be shown on the page of a programme, in its tables and in what a machine reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.records import Records
from experiments.post_mortem.analyses.flows import suppressed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COUNTS", "shown_audiences", "shown_contacts"]

COUNTS = ("in_both", "both_treated", "both_held_out", "first_only", "second_only")
"""The persons of both campaigns, and the four groups that add up to them."""


def shown_audiences(records: Records, smallest: int) -> Records:
    """Pairs of campaigns without the numbers of small groups; where one alone is small, a second one goes with it."""
    rows = []
    for row in records.to_dicts():
        counts = suppressed({name: int(row[name]) for name in COUNTS}, smallest)
        share = None if counts["in_both"] is None else row["share_of_smaller"]
        rows.append(row | counts | {"share_of_smaller": share})
    return Records.from_rows(records.fields, rows)


def shown_contacts(records: Records, smallest: int) -> Records:
    """Persons by the campaigns that treated them, without small groups; all add up to persons that are shown."""
    rows = records.to_dicts()
    counts: Mapping[str, int | None] = suppressed(
        {str(row["times_treated"]): int(row["persons"]) for row in rows}, smallest
    )
    made = []
    for row in rows:
        persons = counts[str(row["times_treated"])]
        made.append(row | {"persons": persons, "share": None if persons is None else row["share"]})
    return Records.from_rows(records.fields, made)
