"""The assignment as a result: one row per person, persons by arm, recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Records, TabularResult

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display

__all__ = ["Assignment"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Assignment(TabularResult):
    """One row per person; accepted wherever a table of the assignment is.

    Attributes:
        records: The rows: person_id, arm, p_assign, assigned_at, stratum, and the cluster's column where clusters were
            assigned. In the order of the customers.
        summary: Persons by stratum and arm, with the number that the shares ask for; what is printed.
        findings: What was found on the way.
        recipe: Salt, shares and everything else that is needed to make the same assignment again.
    """

    records: Records
    summary: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("ASSIGNED.title", {"n": len(self.records)})
        notes = [finding.text() for finding in self.findings]
        return Display(title, (records_table(self.summary), *self.recipe.sentences(), *notes))
