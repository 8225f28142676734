"""What one thousand assigned persons of each arm cost, part by part, and how much went to customers who come anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.records import Field, Records
from experiments.moments import column_moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.tables import Table
    from experiments.readout.experiment import Experiment

__all__ = ["cost_parts"]

_FIELDS = (
    Field("arm", "text"),
    Field("part", "text"),
    Field("per_1000", "money"),
    Field("start", "money"),
    Field("end", "money"),
)
_COLUMNS = {"touch": "touch_cost", "fixed": "fixed_cost", "incentive": "incentive_cost"}


def cost_parts(
    table: Table, experiment: Experiment, *, woken: str, cost: str, arms: Sequence[str], zero: bool = False
) -> Records:
    """Touches, fixed cost, incentives to incremental and to natural returners, total; per 1,000 persons as assigned.

    Incentives to natural returners are the arm's incentives times control rate / arm rate (at most 1): what would
    have been paid to those who come back without the campaign. Only the total is given where the outcomes do not
    split the cost of every person. With ``zero`` an empty event counts as none.
    """
    rates = _means(table, experiment, woken, zero=zero)
    means = {part: _means(table, experiment, name) for part, name in _COLUMNS.items() if name in table.names}
    split = len(means) == len(_COLUMNS) and all(means.values())
    totals = _means(table, experiment, cost)
    base = rates.get(str(experiment.control), 0.0)
    rows: list[dict[str, object]] = []
    for arm in arms:
        if arm not in totals:
            continue
        parts: dict[str, float] = {}
        if split:
            natural = min(1.0, base / rates[arm]) if rates[arm] > 0 else 1.0
            paid = means["incentive"][arm]
            parts = {"touch": means["touch"][arm], "fixed": means["fixed"][arm]}
            parts |= {"incentive_incremental": paid * (1.0 - natural), "incentive_natural": paid * natural}
        start = 0.0
        for part, amount in parts.items():
            per = 1000.0 * amount
            rows.append({"arm": arm, "part": part, "per_1000": per, "start": start, "end": start + per})
            start += per
        whole = 1000.0 * totals[arm]
        rows.append({"arm": arm, "part": "total", "per_1000": whole, "start": 0.0, "end": whole})
    return Records.from_rows(_FIELDS, rows)


def _means(table: Table, experiment: Experiment, column: str, *, zero: bool = False) -> dict[str, float]:
    """The mean in every arm; nothing when the column is unusable or has empty cells."""
    part = column_moments(table, column, keys=(experiment.arm,), zero=zero)
    if part is None or (part.n != part.persons).any():
        return {}
    return {str(cell[-1]): float(mean) for cell, mean in zip(part.cells, part.mean, strict=True)}
