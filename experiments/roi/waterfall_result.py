"""The cost waterfall as a result: one row per arm, its parts side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

if TYPE_CHECKING:
    from attribution.core.recipe import Recipe
    from attribution.core.records import Records

__all__ = ["CostWaterfall"]

_PARTS = ("touch", "fixed", "incentive_incremental", "incentive_natural", "total")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CostWaterfall(TabularResult):
    """What one thousand assigned persons of each arm cost, part by part.

    Attributes:
        records: One row per arm and part. ``per_1000``: the amount; ``start`` and ``end``: where its bar stands when
            the parts are stacked; ``per_1000_low`` and ``per_1000_high``: interval of the incentives that went to
            natural returners. Only the total where the outcomes do not split the cost of every person.
        level: Confidence level of the interval.
        recipe: Definitions.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> found = ex.cost_thresholds(c.outcomes, thresholds=[85], order=c.order).waterfall()
        >>> found.table()["arm"].unique().tolist()
        ['digital', 'sms', 'full']
    """

    records: Records
    level: float
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        found: dict[object, dict[object, Cell]] = {}
        for row in self.records.to_dicts():
            cell = Cell(row["per_1000"], row["per_1000_low"], row["per_1000_high"])
            found.setdefault(row["arm"], {})[row["part"]] = cell
        parts = [part for part in _PARTS if any(part in cells for cells in found.values())]
        columns = (
            DisplayColumn(column_label("arm")),
            *(DisplayColumn(messages.text(f"WATERFALL.{part}"), "money", decisive=part == "total") for part in parts),
        )
        rows = tuple((arm, *(cells.get(part) for part in parts)) for arm, cells in found.items())
        title = messages.text("WATERFALL.title", {"level": self.level})
        notes = self.recipe.sentences() if len(parts) > 1 else (messages.text("WATERFALL.unsplit"),)
        return Display(title, (DisplayTable(columns, rows), *notes))
