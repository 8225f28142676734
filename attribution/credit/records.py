"""The rows of a credit table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.records import Field, Records
from attribution.journeys.sizes import plan_size
from attribution.touches import NONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.intervals import CreditIntervals

__all__ = ["Rows", "credit_records", "table_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows that every model has, in order.

    Attributes:
        keys: One list of values per key column.
        cell: The cell behind each row; -1 for a key that has spend only.
        cost: Cost of each row; nan where there is none; None without spend.
    """

    keys: tuple[list[str], ...]
    cell: NDArray[np.int64]
    cost: NDArray[np.float64] | None


def table_rows(credit: Credit) -> Rows:
    """Cells in the order of their keys, keys that have only spend among them, "(none)" last."""
    cells = credit.cells
    order = cells.order()
    columns = [cells.values(place) for place in range(len(cells.keys))]
    listed = [tuple(column[place] for column in columns) for place in order.tolist()]
    places = order.tolist()
    if credit.spend is not None:
        known = set(listed)
        extra = sorted(key for key in credit.spend.cost if key not in known)
        if extra:
            together = [*zip(listed, places, strict=True), *((key, -1) for key in extra)]
            together.sort(key=lambda item: [(part == NONE, part) for part in item[0]])
            listed, places = [item[0] for item in together], [item[1] for item in together]
    cost = None
    if credit.spend is not None:
        cost = np.array([credit.spend.cost.get(key, np.nan) for key in listed], np.float64)
    keys = tuple([key[place] for key in listed] for place in range(len(cells.keys)))
    return Rows(keys, np.array(places, np.int64), cost)


def credit_records(credit: Credit, intervals: CreditIntervals | None = None) -> Records:
    """The credit table: one row per model and key."""
    rows = table_rows(credit)
    models = [model.name for model in credit.models]
    columns: list[tuple[Field, Any]] = [
        (Field("model", "text"), np.repeat(np.array(models, object), len(rows.cell)).tolist())
    ]
    columns += [
        (Field(key.name, "text"), values * len(models))
        for key, values in zip(credit.cells.keys, rows.keys, strict=True)
    ]
    conversions = _spread(credit.sums.conversions, rows)
    value = _spread(credit.sums.value, rows)
    size = plan_size(credit.journeys)
    has_value = size.has_value
    columns.append((Field("conversions", "count"), conversions))
    columns += _ends(intervals and intervals.conversions, rows, "conversions", "count")
    columns.append((Field("value", "money"), value if has_value else [None] * len(value)))
    if has_value:
        columns += _ends(intervals and intervals.value, rows, "value", "money")
    credited = np.tile((rows.cell >= -1) & (rows.cell < credit.cells.credited), len(models))
    columns.append((Field("share_of_attributed", "rate"), _divided(conversions, float(credit.sums.touched), credited)))
    columns += _ends(intervals and intervals.share, rows, "share", "rate")
    everywhere = np.ones(len(conversions), bool)
    columns.append((Field("share_of_all", "rate"), _divided(conversions, float(size.conversions), everywhere)))
    if rows.cost is not None:
        columns += _costs(np.tile(rows.cost, len(models)), conversions, value if has_value else None)
        if intervals is not None:
            columns += _cost_ends(intervals, rows, has_value=has_value)
    return Records(tuple(field for field, _ in columns), tuple(_plain(values) for _, values in columns))


def _spread(sums: NDArray[np.float64], rows: Rows) -> NDArray[np.float64]:
    """Models x cells as one column in the order of the rows; keys without a cell have 0."""
    return np.where(rows.cell < 0, 0.0, sums[:, rows.cell]).ravel()


def _divided(amount: NDArray[np.float64], by: float, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    if by <= 0:
        return np.full(len(amount), np.nan)
    return np.where(where, amount / by, np.nan)


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    """A quotient; nan where the bottom is 0 or unknown."""
    usable = np.isfinite(bottom) & (bottom != 0)
    return np.where(usable, top / np.where(usable, bottom, 1.0), np.nan)


def _costs(
    cost: NDArray[np.float64], conversions: NDArray[np.float64], value: NDArray[np.float64] | None
) -> list[tuple[Field, Any]]:
    returns = np.full(len(cost), np.nan) if value is None else _ratio(value, cost)
    earned = np.where(conversions > 0, conversions, np.nan)  # negative credit has no price
    return [
        (Field("cost", "money"), cost),
        (Field("cost_per_conversion", "money"), _ratio(cost, earned)),
        (Field("return_on_spend", "ratio"), returns),
    ]


def _ends(found: Any, rows: Rows, name: str, kind: Any) -> list[tuple[Field, Any]]:
    if found is None:
        return []
    # The last column of the ends is a cell without any credit: it serves the keys (-1) that have spend only.
    return [
        (Field(f"{name}_{end}", kind), ends[:, rows.cell].ravel())
        for end, ends in zip(("low", "high"), found, strict=True)
    ]


def _cost_ends(intervals: CreditIntervals, rows: Rows, *, has_value: bool) -> list[tuple[Field, Any]]:
    """Intervals of the two quotients: of the ratio where cost varies with the persons, else with the cost known."""
    if rows.cost is None:
        return []
    cost = np.tile(rows.cost, len(intervals.conversions[0]))
    known = [values for _, values in _ends(intervals.conversions, rows, "conversions", "count")]
    low, high = _rates(known, intervals.conversions_per_cost, rows, cost)
    endless = np.where(np.isnan(cost), np.nan, np.where(cost > 0, np.inf, 0.0))
    per_low = np.where(high > 0, 1 / np.where(high > 0, high, 1.0), np.nan)
    per_high = np.where(low > 0, 1 / np.where(low > 0, low, 1.0), endless)
    per_high = np.where((high < 0) & (cost > 0), np.nan, per_high)  # wholly negative credit has no price
    per_low = np.where(cost == 0, np.where(known[1] > 0, 0.0, np.nan), per_low)
    fields: list[tuple[Field, Any]] = [
        (Field("cost_per_conversion_low", "money"), per_low),
        (Field("cost_per_conversion_high", "money"), np.where(cost == 0, 0.0, per_high)),
    ]
    if has_value:
        worth = [values for _, values in _ends(intervals.value, rows, "value", "money")]
        low, high = _rates(worth, intervals.value_per_cost, rows, cost)
        fields += [(Field("return_on_spend_low", "ratio"), low), (Field("return_on_spend_high", "ratio"), high)]
    return fields


def _rates(
    known: list[NDArray[np.float64]],
    found: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    rows: Rows,
    cost: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """Ends of credit per unit of cost; nan where there is no cost."""
    rates = [_ratio(ends, cost) for ends in known]
    if found is None:
        return rates
    own = [ends[:, rows.cell].ravel() for ends in found]
    return [np.where(np.isnan(end), rate, end) for rate, end in zip(rates, own, strict=True)]


def _plain(values: Any) -> list[Any]:
    if not isinstance(values, np.ndarray):
        return list(values)
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - nan is undefined
