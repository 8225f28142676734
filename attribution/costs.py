"""Price lists: what a touch costs, and the lump sums that no touch costs.

A price row says what one unit of a channel costs and what the unit is (its basis). A touch costs the sum over the rows
of its channel whose basis applies to it. What has no price is an error, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.columns import columns_for
from attribution.core.errors import InputError, closest
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import Labels, labels, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import Columns, ColumnsLike

__all__ = [
    "BASES", "KINDS", "Price", "PriceList", "fixed_costs", "price_touches", "read_prices", "touch_costs",
]  # fmt: skip

KINDS = ("sent", "delivered", "failed", "impression", "click", "attempt", "answered")
"""The kinds of a touch that a price can depend on: the highest level that the touch reached."""

# The kinds that a basis is paid for. "sent" and "segment" are paid for whatever we send, whether or not it arrives.
_PAID_KINDS = {
    "attempt": ("attempt", "answered"),
    "answered": ("answered",),
    "delivered": ("delivered", "impression", "click"),
    "impression": ("impression", "click"),
    "click": ("click",),
    "minute": ("answered",),
}
_PAID_OUTBOUND = ("sent", "segment")
_QUANTITIES = ("segment", "minute")
_NOT_PER_TOUCH = ("fixed", "incentive")
BASES = (*_PAID_OUTBOUND, *_PAID_KINDS, *_NOT_PER_TOUCH)
"""What a price can be paid for."""

_ORIGINS = ("outbound", "inbound")
_MINUTES = "minutes"


@dataclass(frozen=True, slots=True)
class Price:
    """One row of a price list.

    Attributes:
        channel: The channel.
        basis: What the price is paid for, one of `BASES`.
        unit_cost: The price of one unit.
        arms: The arms that caused a fixed cost; empty for every other basis.
    """

    channel: str
    basis: str
    unit_cost: float
    arms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PriceList:
    """A checked price list, its rows sorted by channel, basis, price and arms.

    Attributes:
        rows: The prices.
        source: The table they were read from, which also collects its problems.
    """

    rows: tuple[Price, ...]
    source: Table

    def channels(self) -> frozenset[str]:
        """The channels that have at least one price."""
        return frozenset(price.channel for price in self.rows)

    def bases(self, channels: frozenset[str]) -> frozenset[str]:
        """The bases by which some channels are paid."""
        return frozenset(price.basis for price in self.rows if price.channel in channels)


def price_touches(touches: object, prices: object, *, columns: ColumnsLike = None) -> Any:
    """Give every touch its cost, from a price list.

    A touch costs the sum over the price rows of its channel whose basis applies to it:

    | basis | paid for |
    |---|---|
    | sent | every outbound touch |
    | segment | every outbound touch, times its `segments` |
    | delivered | kinds delivered, impression, click |
    | impression | kinds impression, click |
    | click | kind click |
    | attempt | kinds attempt, answered |
    | answered | kind answered |
    | minute | kind answered, times its `minutes` |
    | fixed, incentive | never per touch |

    Args:
        touches: Touches with `channel`; with `kind` where a basis depends on it, `origin` ("outbound", "inbound"; all
            are outbound without it), `segments` where a channel is paid by segment, and a column named ``minutes``
            where one is paid by minute. Never changed.
        prices: Price list with `channel`, `basis`, `unit_cost`. Every channel of the touches must have a row; a free
            channel says so with a price of 0.
        columns: Names of columns that play a role.

    Returns:
        The touches as the same kind of table, with the column `cost` (float, in the money of the price list). A lazy
        table stays lazy: the cost is computed by its own engine.

    Raises:
        TableError: With every problem of both tables: UNPRICED_CHANNEL, UNKNOWN_KIND, UNKNOWN_BASIS, UNKNOWN_ORIGIN,
            DUPLICATE_PRICE, MISSING_COLUMN, NULL_KEY, NULL_VALUE, NEGATIVE_VALUE, NOT_FINITE, WRONG_TYPE.
        InputError: If the touches already have a cost, or one argument is not a table.

    References:
        The docs page "Costs". Verified against a plain loop over touches and price rows, for every basis and kind, on
        every kind of table.

    Example:
        >>> import pandas as pd
        >>> import attribution as at
        >>> touches = pd.DataFrame({"channel": ["sms", "phone", "phone"], "kind": ["sent", "attempt", "answered"]})
        >>> prices = pd.DataFrame({
        ...     "channel": ["sms", "phone", "phone"],
        ...     "basis": ["sent", "attempt", "answered"],
        ...     "unit_cost": [0.05, 0.2, 1.5],
        ... })
        >>> at.price_touches(touches, prices)["cost"].tolist()
        [0.05, 0.2, 1.7]
    """
    problems = Problems()
    table = open_table(touches, "touches", columns_for(columns, "touches"), problems=problems, required=("channel",))
    list_ = open_table(
        prices, "prices", columns_for(columns, "prices"), problems=problems, required=("channel", "basis", "unit_cost")
    )
    name = table.roles.name_of("cost")
    if name in table.names:
        raise InputError(
            f"the touches already have a column {name!r}: pricing them would overwrite it. Use these costs as they "
            f'are, or drop or rename the column, or name the new one with columns=Columns(cost="...").'
        )
    frame = nw.from_native(_native(touches))  # type: ignore[call-overload]
    if isinstance(frame, nw.LazyFrame):
        expression = _cost_expression(table, prices, columns_for(columns, "prices"))
        if expression is not None:
            return frame.with_columns(expression.alias(name)).to_native()
    cost = touch_costs(table, list_)
    problems.raise_if_any()
    series = nw.new_series(name, cost, nw.Float64(), backend=frame.implementation)
    return frame.with_columns(series).to_native()


def _native(touches: object) -> object:
    """The native table behind an argument: a result of ours stands for its own table."""
    if isinstance(nw.from_native(touches, pass_through=True), (nw.DataFrame, nw.LazyFrame)):
        return touches
    to_arrow: Any = getattr(touches, "to_arrow", None)
    return to_arrow()


# --- the price list --------------------------------------------------------------------------------------------------


def read_prices(prices: Table) -> PriceList | None:
    """A checked price list; None when it is unusable (and noted).

    Args:
        prices: The opened table; problems are noted in its `problems`.
    """
    if not all(prices.has(role) for role in ("channel", "basis", "unit_cost")):
        return None  # noted when the table was opened
    noted = len(prices.problems.issues)
    channel = labels(prices, prices.roles.channel, missing=None)
    basis = labels(prices, prices.roles.basis, missing=None)
    unit_cost = numbers(prices, prices.roles.unit_cost, minimum=0.0)
    arms = labels(prices, prices.roles.arms)
    _check_bases(prices, basis)
    if channel is None or basis is None or unit_cost is None:
        return None
    listed = _arm_names(arms, prices.rows)
    rows = sorted(
        (
            Price(str(name), str(paid_for), float(cost), caused if paid_for == "fixed" else ())
            for name, paid_for, cost, caused in zip(channel.values(), basis.values(), unit_cost, listed, strict=True)
        ),
        key=lambda price: (price.channel, price.basis, price.unit_cost, price.arms),
    )
    _check_doubles(prices, rows)
    return PriceList(tuple(rows), prices) if len(prices.problems.issues) == noted else None


def _check_bases(prices: Table, basis: Labels | None) -> None:
    if basis is None:
        return
    counts = np.bincount(basis.codes, minlength=len(basis.names))
    for name, count in zip(basis.names, counts, strict=True):
        if name not in BASES:
            prices.problems.add(
                "UNKNOWN_BASIS", prices.name, prices.roles.basis, count,
                message=f"{name!r} is no basis of a price. {closest(str(name), BASES)}",
            )  # fmt: skip


def _check_doubles(prices: Table, rows: Sequence[Price]) -> None:
    """Two prices of one thing would be added up in silence; several lump sums of a channel are what they seem."""
    seen: dict[tuple[str, str], int] = {}
    for price in rows:
        seen[price.channel, price.basis] = seen.get((price.channel, price.basis), 0) + 1
    doubled = {key: count for key, count in seen.items() if count > 1 and key[1] != "fixed"}
    if doubled:
        prices.problems.add(
            "DUPLICATE_PRICE", prices.name, prices.roles.basis, sum(doubled.values()),
            message="a channel has several prices for one basis; keep one of them (only fixed costs may repeat)",
            examples=[f"{channel}: {basis}" for channel, basis in sorted(doubled)],
        )  # fmt: skip


def _arm_names(arms: Labels | None, rows: int) -> list[tuple[str, ...]]:
    """The arms of each row: ``"sms; full"`` names two, an empty cell none."""
    if arms is None:
        return [()] * rows
    parts = ((name.strip() for name in str(cell).split(";")) for cell in arms.values())
    return [tuple(sorted({name for name in names if name})) for names in parts]


def fixed_costs(prices: Table | PriceList) -> list[tuple[str, float, tuple[str, ...]]]:
    """The lump sums of a price list: channel, amount, and the arms that caused it, sorted.

    A lump sum without arms, or one without the column, is noted as FIXED_WITHOUT_ARMS in the table's problems: nobody
    can say over whose persons it is to be spread.
    """
    known = prices if isinstance(prices, PriceList) else read_prices(prices)
    if known is None:
        return []
    fixed = [price for price in known.rows if price.basis == "fixed"]
    homeless = [price.channel for price in fixed if not price.arms]
    if homeless:
        source = known.source
        source.problems.add(
            "FIXED_WITHOUT_ARMS", source.name, source.roles.arms, len(homeless),
            message='a fixed cost names no arm; name the arms that caused it, separated by ";"', examples=homeless,
        )  # fmt: skip
    return [(price.channel, price.unit_cost, price.arms) for price in fixed]


# --- the cost of a touch ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """What one touch costs, by (channel code, kind code, outbound): once per touch, and times a quantity."""

    flat: NDArray[np.float64]
    times: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class _Traits:
    """What a price depends on, one entry per touch (or per distinct combination)."""

    channel: Labels
    kind: Labels | None
    outbound: NDArray[np.int64]

    def cells(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rate of every touch."""
        kind = np.zeros(len(self.channel), np.int64) if self.kind is None else self.kind.codes
        return rates[self.channel.codes, kind, self.outbound]


def touch_costs(touches: Table, prices: Table | PriceList) -> NDArray[np.float64]:
    """The cost of every touch, in the order of the rows; problems are noted and their rows are nan.

    Args:
        touches: The opened touches; needs `channel`, and what the bases of its channels need (see `price_touches`).
        prices: The opened price list, or what `read_prices` made of it.
    """
    known = prices if isinstance(prices, PriceList) else read_prices(prices)
    traits = _traits(touches)
    if traits is None or known is None:
        return np.full(touches.rows, np.nan)
    rates = _rates(touches, traits, known)
    if rates is None:
        return np.full(touches.rows, np.nan)
    cost = traits.cells(rates.flat)
    for basis, rate in rates.times.items():
        each = traits.cells(rate)
        cost = cost + np.where(each != 0.0, each * _quantity(touches, basis, needed=each != 0.0), 0.0)
    return cost


def _traits(touches: Table) -> _Traits | None:
    channel = labels(touches, touches.roles.channel, missing=None)
    if channel is None:
        return None
    kind = labels(touches, touches.roles.kind)
    origin = labels(touches, touches.roles.origin)
    if kind is not None:
        _check_known(touches, "UNKNOWN_KIND", touches.roles.kind, kind, KINDS)
    if origin is None:
        return _Traits(channel, kind, np.ones(len(channel), np.int64))
    _check_known(touches, "UNKNOWN_ORIGIN", touches.roles.origin, origin, _ORIGINS)
    return _Traits(channel, kind, np.array([name == "outbound" for name in origin.names], np.int64)[origin.codes])


def _check_known(table: Table, code: str, column: str, found: Labels, known: tuple[str, ...]) -> None:
    counts = np.bincount(found.codes, minlength=len(found.names))
    for name, count in zip(found.names, counts, strict=True):
        if name not in known:
            said = "an empty cell" if name == "" else repr(name)
            table.problems.add(
                code, table.name, column, count,
                message=f"{said} is no {column} that a price could depend on. {closest(str(name), known)}",
            )  # fmt: skip


def _rates(touches: Table, traits: _Traits, prices: PriceList) -> _Rates | None:
    """The rates by cell; None when a price or a column is missing (and noted)."""
    noted = len(touches.problems.issues)
    names = [str(name) for name in traits.channel.names]
    counts = np.bincount(traits.channel.codes, minlength=len(names))
    unpriced = [(name, int(count)) for name, count in zip(names, counts, strict=True) if name not in prices.channels()]
    if unpriced:
        listed = ", ".join(f"{name} ({count:,})" for name, count in unpriced)
        touches.problems.add(
            "UNPRICED_CHANNEL", touches.name, touches.roles.channel, sum(count for _, count in unpriced),
            message=f"no price for {listed}; add a row to the price list (unit_cost 0 where it is known to be free)",
            examples=[name for name, _ in unpriced],
        )  # fmt: skip
    _check_columns(touches, prices.bases(frozenset(names)), has_kind=traits.kind is not None)
    if len(touches.problems.issues) > noted:
        return None
    kinds: Sequence[object] = [""] if traits.kind is None else list(traits.kind.names)
    shape = (len(names), len(kinds), 2)
    rates = _Rates(np.zeros(shape), {})
    code_of = {name: code for code, name in enumerate(names)}
    for price in prices.rows:
        code = code_of.get(price.channel)
        if code is None or price.basis in _NOT_PER_TOUCH:
            continue
        target = rates.times.setdefault(price.basis, np.zeros(shape)) if price.basis in _QUANTITIES else rates.flat
        target[code] += price.unit_cost * _paid(price.basis, kinds)
    return rates


def _paid(basis: str, kinds: Sequence[object]) -> NDArray[np.float64]:
    """1 where the basis applies, by kind and outbound."""
    if basis in _PAID_OUTBOUND:
        return np.tile([0.0, 1.0], (len(kinds), 1))
    return np.repeat([[float(kind in _PAID_KINDS[basis])] for kind in kinds], 2, axis=1)


def _check_columns(touches: Table, bases: frozenset[str], *, has_kind: bool) -> None:
    by_kind = sorted(bases & set(_PAID_KINDS))
    if by_kind and not has_kind:
        touches.problems.add(
            "MISSING_COLUMN", touches.name, touches.roles.kind, 1,
            message=f"prices by {', '.join(by_kind)} depend on what happened to a touch, and the column "
            f"{touches.roles.kind!r} is missing. {closest(touches.roles.kind, touches.names)}",
        )  # fmt: skip
    for basis in _QUANTITIES:
        if basis in bases:
            touches.require_names(_quantity_name(touches, basis))


def _quantity_name(touches: Table, basis: str) -> str:
    return touches.roles.segments if basis == "segment" else _MINUTES


def _quantity(touches: Table, basis: str, *, needed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Segments or minutes; a gap matters only where the quantity is paid for."""
    name = _quantity_name(touches, basis)
    values = numbers(touches, name, minimum=0.0, missing=np.nan)
    if values is None:
        return np.full(touches.rows, np.nan)
    gaps = needed & np.isnan(values)
    if gaps.any():
        touches.problems.add(
            "NULL_VALUE", touches.name, name, gaps.sum(),
            message=f"touches paid by {basis} have no {name}; fill the column",
            examples=[f"row {row}" for row in np.flatnonzero(gaps)[:5]],
        )  # fmt: skip
    return values


# --- lazy tables -----------------------------------------------------------------------------------------------------


def _cost_expression(touches: Table, prices: object, price_roles: Columns) -> nw.Expr | None:
    """The cost as an expression for the engine that holds the touches; None when there is a problem to be told.

    The engine only lists the combinations of channel, kind and origin that occur; the same rates as in memory are then
    spelled out. Whatever is wrong is found here and reported by the way through memory, which knows rows and counts.
    """
    scratch = Problems()
    known = read_prices(open_table(prices, "prices", price_roles, problems=scratch))
    if touches.problems.issues or known is None:
        return None
    bases = known.bases(known.channels())
    quantities = {basis: _quantity_name(touches, basis) for basis in _QUANTITIES if basis in bases}
    if not set(quantities.values()) <= set(touches.names):
        return None
    cells = _combinations(touches, quantities, scratch)
    traits = _traits(cells)
    rates = None if traits is None else _rates(cells, traits, known)
    if traits is None or rates is None or scratch.issues or not _quantities_usable(cells, traits, rates):
        return None
    total = _spelled(touches, traits, traits.cells(rates.flat))
    for basis, rate in rates.times.items():
        each = _spelled(touches, traits, traits.cells(rate))
        times = each * nw.col(quantities[basis]).cast(nw.Float64())
        total = total + nw.when(each != 0.0).then(times).otherwise(0.0)
    return total


def _combinations(touches: Table, quantities: dict[str, str], problems: Problems) -> Table:
    """The combinations that occur, with their rows and with those of their rows whose quantities are usable."""
    roles = touches.roles
    by = [name for name in (roles.channel, roles.kind, roles.origin) if name in touches.names]
    usable = [_usable(name).alias(_counter(basis)) for basis, name in quantities.items()]
    counted = [nw.col(_counter(basis)).sum() for basis in quantities]
    marked = touches.lazy().select(*by, *usable)
    found = marked.group_by(*by).agg(nw.len().alias(_counter("rows")), *counted)
    cells = open_table(found.collect("pyarrow").to_native(), "touches", roles, problems=problems)
    cells.load(*cells.names)
    cells.names = (*cells.names, *quantities.values())  # they are there, only summed up
    return cells


def _counter(of: str) -> str:
    return f"__wakelift_{of}"


def _usable(name: str) -> nw.Expr:
    value = nw.col(name).cast(nw.Float64())
    return nw.when((value >= 0.0) & (value < np.inf)).then(1).otherwise(0)


def _quantities_usable(cells: Table, traits: _Traits, rates: _Rates) -> bool:
    rows = _counted(cells, "rows")
    return all(
        bool((_counted(cells, basis) == rows)[traits.cells(rate) != 0.0].all()) for basis, rate in rates.times.items()
    )


def _counted(cells: Table, of: str) -> NDArray[np.float64]:
    return np.asarray(cells.arrow(_counter(of)).to_numpy(zero_copy_only=False), np.float64)


def _spelled(touches: Table, traits: _Traits, rates: NDArray[np.float64]) -> nw.Expr:
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
            here = here & (nw.col(roles.origin) == _ORIGINS[1 - traits.outbound[row]])
        expression = nw.when(here).then(nw.lit(float(rates[row]))).otherwise(expression)
    return expression
