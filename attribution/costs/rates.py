"""What a touch costs: the rates of a price list by channel, kind and origin, looked up for every touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import closest
from attribution.core.values import Labels, labels, numbers
from attribution.costs.prices import PriceList, read_prices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["KINDS", "ORIGINS", "QUANTITIES", "Rates", "Traits", "quantity_name", "rates_of", "touch_costs", "traits_of"]

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
QUANTITIES = ("segment", "minute")
_NOT_PER_TOUCH = ("fixed", "incentive")

ORIGINS = ("outbound", "inbound")
_MINUTES = "minutes"


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """What one touch costs, by (channel code, kind code, outbound): once per touch, and times a quantity."""

    flat: NDArray[np.float64]
    times: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
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
    traits = traits_of(touches)
    if traits is None or known is None:
        return np.full(touches.rows, np.nan)
    rates = rates_of(touches, traits, known)
    if rates is None:
        return np.full(touches.rows, np.nan)
    cost = traits.cells(rates.flat)
    for basis, rate in rates.times.items():
        each = traits.cells(rate)
        if not each.any():
            continue  # the column may then be of any kind
        cost = cost + np.where(each != 0.0, each * _quantity(touches, basis, needed=each != 0.0), 0.0)
    return cost


def traits_of(touches: Table) -> Traits | None:
    """What a price depends on, checked; None when the channel is unusable (and noted)."""
    touches.require("channel")
    channel = labels(touches, touches.roles.channel, missing=None)
    if channel is None:
        return None
    kind = labels(touches, touches.roles.kind)
    origin = labels(touches, touches.roles.origin)
    if kind is not None:
        _check_known(touches, "UNKNOWN_KIND", touches.roles.kind, kind, KINDS)
    if origin is None:
        return Traits(channel, kind, np.ones(len(channel), np.int64))
    _check_known(touches, "UNKNOWN_ORIGIN", touches.roles.origin, origin, ORIGINS)
    return Traits(channel, kind, np.array([name == "outbound" for name in origin.names], np.int64)[origin.codes])


def _check_known(table: Table, code: str, column: str, found: Labels, known: tuple[str, ...]) -> None:
    counts = np.bincount(found.codes, minlength=len(found.names))
    for name, count in zip(found.names, counts, strict=True):
        if name not in known:
            said = "an empty cell" if name == "" else repr(name)
            table.problems.add(
                code, table.name, column, count,
                message=f"{said} is no {column} that a price could depend on. {closest(str(name), known)}",
            )  # fmt: skip


def rates_of(touches: Table, traits: Traits, prices: PriceList) -> Rates | None:
    """The rates by cell; None when a price or a column is missing (and noted)."""
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
    complete = _check_columns(touches, prices.bases(frozenset(names)), has_kind=traits.kind is not None)
    if unpriced or not complete:
        return None
    kinds: Sequence[object] = [""] if traits.kind is None else list(traits.kind.names)
    shape = (len(names), len(kinds), 2)
    rates = Rates(np.zeros(shape), {})
    code_of = {name: code for code, name in enumerate(names)}
    for price in prices.rows:
        code = code_of.get(price.channel)
        if code is None or price.basis in _NOT_PER_TOUCH:
            continue
        target = rates.times.setdefault(price.basis, np.zeros(shape)) if price.basis in QUANTITIES else rates.flat
        target[code] += price.unit_cost * _paid(price.basis, kinds)
    return rates


def _paid(basis: str, kinds: Sequence[object]) -> NDArray[np.float64]:
    """1 where the basis applies, by kind and outbound."""
    if basis in _PAID_OUTBOUND:
        return np.tile([0.0, 1.0], (len(kinds), 1))
    return np.repeat([[float(kind in _PAID_KINDS[basis])] for kind in kinds], 2, axis=1)


def _check_columns(touches: Table, bases: frozenset[str], *, has_kind: bool) -> bool:
    """Whether the touches have every column that the bases need; the missing ones are noted."""
    by_kind = sorted(bases & set(_PAID_KINDS))
    if by_kind and not has_kind:
        touches.problems.add(
            "MISSING_COLUMN", touches.name, touches.roles.kind, 1,
            message=f"prices by {', '.join(by_kind)} depend on what happened to a touch, and the column "
            f"{touches.roles.kind!r} is missing. {closest(touches.roles.kind, touches.names)}",
        )  # fmt: skip
    quantities = touches.require_names(*(quantity_name(touches, basis) for basis in QUANTITIES if basis in bases))
    return quantities and (has_kind or not by_kind)


def quantity_name(touches: Table, basis: str) -> str:
    """The user's name of the column that a basis multiplies."""
    return touches.roles.segments if basis == "segment" else _MINUTES


def _quantity(touches: Table, basis: str, *, needed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Segments or minutes; a gap matters only where the quantity is paid for."""
    name = quantity_name(touches, basis)
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
