"""What a touch costs: the rates of a price list by channel, kind and origin, looked up for every touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import closest
from attribution.core.values import Labels, instants, labels, numbers
from attribution.costs.prices import PriceList, read_prices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = [
    "KINDS", "ORIGINS", "QUANTITIES", "Dated", "Rates", "Traits",
    "quantity_name", "rates_of", "touch_costs", "traits_of", "unpriced_channels",
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
QUANTITIES = ("segment", "minute")
_NOT_PER_TOUCH = ("fixed", "incentive")

ORIGINS = ("outbound", "inbound")
_MINUTES = "minutes"


@dataclass(frozen=True, slots=True, eq=False)
class Dated:
    """The prices of one channel and basis that hold for periods, in the order of time.

    Attributes:
        channel: The channel.
        basis: The basis.
        begin: From when each holds.
        end: Until when, excluded.
        unit_cost: The price of one unit.
        paid: 1 where the basis applies, by (channel code, kind code, outbound).
    """

    channel: str
    basis: str
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    unit_cost: NDArray[np.float64]
    paid: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """What one touch costs, by (channel code, kind code, outbound).

    Attributes:
        flat: Once per touch.
        times: Times a quantity, by basis.
        dated: Prices that hold for periods.
        waived: Channels without any price whose costs are unknown by declaration, by channel code.
    """

    flat: NDArray[np.float64]
    times: dict[str, NDArray[np.float64]]
    dated: tuple[Dated, ...]
    waived: NDArray[np.bool_]


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


def touch_costs(touches: Table, prices: Table | PriceList, *, waive: Sequence[str] = ()) -> NDArray[np.float64]:
    """The cost of every touch, in the order of the rows; problems are noted and their rows are nan.

    Args:
        touches: The opened touches; needs `channel`, and what the bases of its channels need (see `price_touches`).
        prices: The opened price list, or what `read_prices` made of it.
        waive: Channels whose touches may stay without a price: their cost is then nan, and nothing is noted.
    """
    known = prices if isinstance(prices, PriceList) else read_prices(prices)
    traits = traits_of(touches)
    if traits is None or known is None:
        return np.full(touches.rows, np.nan)
    rates = rates_of(touches, traits, known, waive=waive)
    if rates is None:
        return np.full(touches.rows, np.nan)
    cost = traits.cells(rates.flat)
    for basis, rate in rates.times.items():
        each = traits.cells(rate)
        if not each.any():
            continue  # the column may then be of any kind
        cost = cost + np.where(each != 0.0, each * _quantity(touches, basis, needed=each != 0.0), 0.0)
    if rates.dated:
        cost = cost + _dated_costs(touches, traits, rates.dated, waive)
    return np.where(rates.waived[traits.channel.codes], np.nan, cost)


def _dated_costs(touches: Table, traits: Traits, dated: Sequence[Dated], waive: Sequence[str]) -> NDArray[np.float64]:
    """What prices that hold for periods add; a touch outside every period of its basis is noted, or nan if waived."""
    cost = np.zeros(touches.rows)
    when = instants(touches, "time") if touches.require("time") else None
    if when is None:
        return np.full(touches.rows, np.nan)
    outside = np.zeros(touches.rows, bool)
    lacking: dict[str, int] = {}
    for price in dated:
        applies = traits.cells(price.paid) != 0.0
        place = np.searchsorted(price.begin, when, side="right") - 1
        covered = (place >= 0) & (when < price.end[place])
        each = np.where(applies & covered, price.unit_cost[place], 0.0)
        if price.basis in QUANTITIES and each.any():
            each = np.where(each != 0.0, each * _quantity(touches, price.basis, needed=each != 0.0), 0.0)
        cost += each
        missed = applies & ~covered
        outside |= missed
        if missed.any() and price.channel not in waive:
            lacking[f"{price.channel}: {price.basis}"] = int(missed.sum())
    if lacking:
        _note_unpriced_touches(touches, when, outside, lacking)
    return np.where(outside, np.nan, cost)


def _note_unpriced_touches(
    touches: Table, when: NDArray[np.int64], outside: NDArray[np.bool_], lacking: dict[str, int]
) -> None:
    listed = ", ".join(f"{name} ({count:,})" for name, count in sorted(lacking.items()))
    days = [str(day) for day in np.unique(when[outside].astype("datetime64[us]").astype("datetime64[D]"))[:5]]
    touches.problems.add(
        "UNPRICED_TOUCH", touches.name, touches.roles.time, int(outside.sum()),
        message=f"no price holds at the time of these touches: {listed}. Add the missing period to the price list "
        "(unit_cost 0 where the basis was not paid then), or waive the channel. Days (UTC) as examples",
        examples=days,
    )  # fmt: skip


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


def unpriced_channels(traits: Traits, prices: PriceList) -> list[tuple[str, int]]:
    """The channels that no price row names, with their touches."""
    counts = np.bincount(traits.channel.codes, minlength=len(traits.channel.names))
    named = ((str(name), int(count)) for name, count in zip(traits.channel.names, counts, strict=True))
    return [(name, count) for name, count in named if name not in prices.channels()]


def rates_of(touches: Table, traits: Traits, prices: PriceList, *, waive: Sequence[str] = ()) -> Rates | None:
    """The rates by cell; None when a price or a column is missing (and noted)."""
    names = [str(name) for name in traits.channel.names]
    without = unpriced_channels(traits, prices)
    unpriced = [(name, count) for name, count in without if name not in waive]
    if unpriced:
        listed = ", ".join(f"{name!r} ({count:,})" for name, count in unpriced)
        touches.problems.add(
            "UNPRICED_CHANNEL", touches.name, touches.roles.channel, sum(count for _, count in unpriced),
            message=f"no price for {listed}; add a row to the price list (unit_cost 0 where it is known to be free), "
            "or recode a channel that the price list calls by another name",
            examples=[name for name, _ in unpriced],
        )  # fmt: skip
    complete = _check_columns(touches, prices.bases(frozenset(names)), has_kind=traits.kind is not None)
    if unpriced or not complete:
        return None
    kinds: Sequence[object] = [""] if traits.kind is None else list(traits.kind.names)
    shape = (len(names), len(kinds), 2)
    lacking = {name for name, _ in without}
    waived = np.array([name in lacking for name in names], bool)
    rates = Rates(np.zeros(shape), {}, _dated(prices, names, kinds), waived)
    code_of = {name: code for code, name in enumerate(names)}
    for price in prices.rows:
        code = code_of.get(price.channel)
        if code is None or price.dated or price.basis in _NOT_PER_TOUCH:
            continue
        target = rates.times.setdefault(price.basis, np.zeros(shape)) if price.basis in QUANTITIES else rates.flat
        target[code] += price.unit_cost * _paid(price.basis, kinds)
    return rates


def _dated(prices: PriceList, names: Sequence[str], kinds: Sequence[object]) -> tuple[Dated, ...]:
    """The prices that hold for periods, by channel and basis; the rows of a price list are sorted by time already."""
    groups: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    for price in prices.rows:
        if price.dated and price.channel in names and price.basis not in _NOT_PER_TOUCH:
            groups.setdefault((price.channel, price.basis), []).append((price.begin, price.end, price.unit_cost))
    found = []
    for (channel, basis), rows in groups.items():
        begin, end, unit_cost = zip(*rows, strict=True)
        paid = np.zeros((len(names), len(kinds), 2))
        paid[names.index(channel)] = _paid(basis, kinds)
        found.append(
            Dated(channel, basis, np.array(begin, np.int64), np.array(end, np.int64), np.array(unit_cost), paid)
        )
    return tuple(found)


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
