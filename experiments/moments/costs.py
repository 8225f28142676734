"""Conditional cost moments by segment, stratum and arm: what the net benefit needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.tables import Problems, Table, open_table
from experiments.moments.centred import single_moments
from experiments.moments.counted import is_noted, value_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.moments.counted import Cell, Counts, Floats, ValueCounts

__all__ = ["CostMoments", "cost_moments"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CostMoments:
    """Persons, woken persons, and the cost among the woken and among the others, one entry per cell.

    Attributes:
        segment: Segment of each cell (None for all without `by`; a tuple where several columns were given).
        stratum: Stratum of each cell (None for all without `strata`; a tuple where several columns were given).
        arm: Arm of each cell.
        n: Persons.
        woken: Persons with the event.
        mean_woken: Mean cost among the woken; nan where there is none.
        variance_woken: Sample variance of it; nan below two persons.
        mean_other: Mean cost among the others; nan where there is none.
        variance_other: Sample variance of it; nan below two persons.
    """

    segment: tuple[object, ...]
    stratum: tuple[object, ...]
    arm: tuple[object, ...]
    n: Counts
    woken: Counts
    mean_woken: Floats
    variance_woken: Floats
    mean_other: Floats
    variance_other: Floats


def cost_moments(  # noqa: PLR0913 -- options by keyword
    table: object,
    *,
    arm: str = "arm",
    woken: str = "woken",
    cost: str = "cost",
    strata: str | Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    zero: bool = False,
) -> CostMoments:
    """Persons, woken persons and conditional cost moments by segment, stratum and arm, in one query of the engine.

    Args:
        table: The outcomes: any table, or an opened `Table`.
        arm: Column of the arm.
        woken: Column of the event, 0 or 1 for every person.
        cost: Column of the full cost of every person, in money; 0 is declared, never assumed.
        strata: Stratum column(s).
        by: Segment column(s).
        zero: Whether an empty event means that nothing happened.

    Raises:
        TableError: For missing columns, empty cells, events other than 0 and 1, or costs that are not finite numbers.
    """
    opened = table if isinstance(table, Table) else open_table(table, "outcomes", Columns(), problems=Problems())
    segments, layers = _names(by), _names(strata)
    counts = value_counts(opened, keys=(*segments, *layers, arm), columns=(woken, cost))
    if counts is not None and zero:
        event, money = counts.values
        counts = replace(counts, values=(np.where(np.isnan(event), 0.0, event), money))
    if counts is not None:
        _check_events(opened, counts, woken, cost)
    opened.problems.raise_if_any()
    if counts is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the outcomes cannot be counted.")
    event, money = counts.values
    parts = []
    for value in (1.0, 0.0):
        kept = event == value
        parts.append(single_moments(counts.names, counts.cells, counts.cell[kept], money[kept], counts.count[kept]))
    yes, no = parts
    wide = len(segments)
    return CostMoments(
        segment=tuple(_group(cell[:wide]) for cell in counts.cells),
        stratum=tuple(_group(cell[wide:-1]) for cell in counts.cells),
        arm=tuple(cell[-1] for cell in counts.cells),
        n=yes.n + no.n,
        woken=yes.n,
        mean_woken=yes.mean,
        variance_woken=yes.variance,
        mean_other=no.mean,
        variance_other=no.variance,
    )


def _names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def _group(values: Cell) -> object:
    return None if not values else values[0] if len(values) == 1 else values


def _check_events(table: Table, counts: ValueCounts, woken: str, cost: str) -> None:
    event, money = counts.values
    for name, found in ((woken, event), (cost, money)):
        absent = np.isnan(found)
        if absent.any():
            table.problems.add(
                "NULL_VALUE", table.name, name, int(counts.count[absent].sum()),
                message="a number is missing; write 0 only where 0 is known",
            )  # fmt: skip
    negative = money < 0.0
    if negative.any():
        table.problems.add(
            "NEGATIVE_VALUE", table.name, cost, int(counts.count[negative].sum()), message="a full cost is not below 0",
            examples=sorted(set(money[negative].tolist())),
        )  # fmt: skip
    other = ~np.isnan(event) & (event != 0.0) & (event != 1.0)
    if other.any() and not is_noted(table, "NOT_BINARY", woken):
        table.problems.add(
            "NOT_BINARY", table.name, woken, int(counts.count[other].sum()),
            message="an event is 0 or 1 for every person",
            examples=sorted(set(event[other].tolist())),
        )  # fmt: skip
