"""The outcomes as a result: one row per person, a summary by arm, findings and recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from experiments.outcomes.events import sum_by_size

if TYPE_CHECKING:
    from datetime import timedelta

    import numpy as np
    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display

__all__ = ["Outcomes", "summarise"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Outcomes(TabularResult):
    """One row per assigned person whose window is over; accepted wherever a table of outcomes is.

    Attributes:
        records: The rows: person_id, arm, p_assign, stratum, woken, value, orders, touch_cost, incentive_cost,
            fixed_cost, cost, closed, then the columns of the history; columns whose source was not given are absent.
        summary: Persons, woken persons, value and cost by arm; what is printed.
        findings: What was found on the way.
        recipe: How the rows were made.
        window: Length of every person's window.
        assigned_at: Start of the window of each row, microseconds since 1970, UTC.
    """

    records: Records
    summary: Records
    findings: tuple[Finding, ...]
    recipe: Recipe
    window: timedelta
    assigned_at: NDArray[np.int64]

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("OUTCOMES.title", {"n": len(self.records)})
        notes = [finding.text() for finding in self.findings]
        return Display(title, (records_table(self.summary), *self.recipe.sentences(), *notes))


_SUMMARY = {"woken": ("rate", "mean"), "orders": ("count", "sum"), "value": ("money", "sum"), "cost": ("money", "sum")}


def summarise(arm: NDArray[np.int64], names: NDArray[np.object_], columns: dict[str, NDArray[np.float64]]) -> Records:
    """Persons by arm, the share woken, and the sums of orders, value and cost."""
    import numpy as np

    persons = np.bincount(arm, minlength=len(names))
    shown = persons > 0
    fields = [Field("arm", "text"), Field("persons", "count")]
    values: list[list[object]] = [names[shown].tolist(), persons[shown].tolist()]
    for name, (kind, reading) in _SUMMARY.items():
        if name not in columns:
            continue
        total = sum_by_size(arm, columns[name], len(names))[shown]
        fields.append(Field(name, kind))  # type: ignore[arg-type]
        values.append((total / persons[shown] if reading == "mean" else total).tolist())
    return Records(tuple(fields), tuple(values))
