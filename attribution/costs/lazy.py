"""Costs inside a lazy engine: the same rates, spelled out as one expression; the touches stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.tables import Problems, Table, open_table
from attribution.costs.prices import read_prices
from attribution.costs.rates import ORIGINS, QUANTITIES, Rates, Traits, quantity_name, rates_of, traits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import Columns

__all__ = ["cost_expression"]


def cost_expression(
    touches: Table, prices: object, price_roles: Columns, *, waive: Sequence[str] = ()
) -> nw.Expr | None:
    """The cost as an expression for the engine that holds the touches; None when memory has to do it.

    That is when there is a problem to be told, and when a price holds for a period only: times come in too many
    spellings (with a zone, without one, as text) to be compared by every engine as memory compares them.

    The engine only lists the combinations of channel, kind and origin that occur; the same rates as in memory are then
    spelled out. Whatever is wrong is found here and reported by the way through memory, which knows rows and counts.
    """
    scratch = Problems()
    known = read_prices(open_table(prices, "prices", price_roles, problems=scratch))
    if touches.problems.issues or known is None:
        return None
    bases = known.bases(known.channels())
    quantities = {basis: quantity_name(touches, basis) for basis in QUANTITIES if basis in bases}
    cells = _combinations(touches, quantities, scratch)
    traits = traits_of(cells)
    rates = None if traits is None else rates_of(cells, traits, known, waive=waive)
    if traits is None or rates is None or rates.dated or scratch.issues:
        return None
    if not _quantities_usable(cells, traits, rates):
        return None
    total = _spelled(touches, traits, traits.cells(rates.flat))
    for basis, rate in rates.times.items():
        if not traits.cells(rate).any():
            continue  # the column may then be of any kind
        each = _spelled(touches, traits, traits.cells(rate))
        times = each * nw.col(quantities[basis]).cast(nw.Float64())
        total = total + nw.when(each != 0.0).then(times).otherwise(0.0)
    waived = [name for name, lacks in zip(traits.channel.names, rates.waived, strict=True) if lacks]
    if waived:
        total = nw.when(~nw.col(touches.roles.channel).is_in(waived)).then(total)
    return total


def _combinations(touches: Table, quantities: dict[str, str], problems: Problems) -> Table:
    """The combinations that occur, with their rows and with those of their rows whose quantities are usable."""
    roles = touches.roles
    by = [name for name in (roles.channel, roles.kind, roles.origin) if name in touches.names]
    schema = touches.lazy().collect_schema()
    usable = [_usable(name, schema.get(name)).alias(_counter(basis)) for basis, name in quantities.items()]
    counted = [nw.col(_counter(basis)).sum() for basis in quantities]
    marked = touches.lazy().select(*by, *usable)
    found = marked.group_by(*by).agg(nw.len().alias(_counter("rows")), *counted)
    cells = open_table(found.collect("pyarrow").to_native(), "touches", roles, problems=problems)
    cells.load(*cells.names)
    # The quantities that the touches have are there, only summed up.
    cells.names = (*cells.names, *(name for name in quantities.values() if name in touches.names))
    return cells


def _counter(of: str) -> str:
    return f"__wakelift_{of}"


def _usable(name: str, kind: Any) -> nw.Expr:
    """1 where the quantity is a number that can be multiplied, else 0."""
    if kind is None or not (kind.is_numeric() or kind == nw.Boolean()):
        return nw.lit(0)
    value = nw.col(name).cast(nw.Float64())
    return nw.when((value >= 0.0) & (value < np.inf)).then(1).otherwise(0)


def _quantities_usable(cells: Table, traits: Traits, rates: Rates) -> bool:
    rows = _counted(cells, "rows")
    return all(
        bool((_counted(cells, basis) == rows)[traits.cells(rate) != 0.0].all()) for basis, rate in rates.times.items()
    )


def _counted(cells: Table, of: str) -> NDArray[np.float64]:
    return np.asarray(cells.arrow(_counter(of)).to_numpy(zero_copy_only=False), np.float64)


def _spelled(touches: Table, traits: Traits, rates: NDArray[np.float64]) -> nw.Expr:
    """The rates as nested conditions on channel, kind and origin."""
    roles = touches.roles
    expression: nw.Expr = nw.lit(0.0)
    kinds = None if traits.kind is None else traits.kind.values()
    for row, channel in enumerate(traits.channel.values()):
        if rates[row] == 0.0:
            continue
        here = nw.col(roles.channel) == channel
        if kinds is not None:
            here = here & (nw.col(roles.kind) == kinds[row])
        if roles.origin in touches.names:
            here = here & (nw.col(roles.origin) == ORIGINS[1 - traits.outbound[row]])
        expression = nw.when(here).then(nw.lit(float(rates[row]))).otherwise(expression)
    return expression
