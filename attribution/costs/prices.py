"""Price lists: rows of channel, basis and unit cost, when they hold, and the lump sums that no touch costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import closest
from attribution.core.values import Labels, instants, labels, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = [
    "ALWAYS", "BASES", "FOREVER", "Price", "PriceList", "fixed_costs", "fixed_prices", "read_prices",
    "refuse_incentives",
]  # fmt: skip

_DAY = 86_400_000_000
ALWAYS, FOREVER = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)
"""The ends of a price that has no period of its own."""

BASES = ("sent", "segment", "delivered", "impression", "click", "attempt", "answered", "minute", "fixed", "incentive")
"""What a price can be paid for."""


@dataclass(frozen=True, slots=True)
class Price:
    """One row of a price list.

    Attributes:
        channel: The channel.
        basis: What the price is paid for, one of `BASES`.
        unit_cost: The price of one unit.
        arms: The arms that caused a fixed cost; empty for every other basis.
        begin: From when the price holds, in microseconds since 1970, UTC.
        end: Until when it holds, itself excluded.
    """

    channel: str
    basis: str
    unit_cost: float
    arms: tuple[str, ...] = ()
    begin: int = ALWAYS
    end: int = FOREVER

    @property
    def dated(self) -> bool:
        """Whether the price holds for a period only."""
        return self.begin != ALWAYS or self.end != FOREVER


@dataclass(frozen=True, slots=True, eq=False)
class PriceList:
    """A checked price list, its rows sorted by channel, basis, period, price and arms.

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


def read_prices(prices: Table) -> PriceList | None:
    """A checked price list; None when it is unusable (and noted).

    Args:
        prices: The opened table; problems are noted in its `problems`.
    """
    if not prices.require("channel", "basis", "unit_cost"):
        return None
    channel = labels(prices, prices.roles.channel, missing=None)
    basis = labels(prices, prices.roles.basis, missing=None)
    unit_cost = numbers(prices, prices.roles.unit_cost, minimum=0.0)
    arms = labels(prices, prices.roles.arms)
    known = basis is not None and _check_bases(prices, basis)
    period = _periods(prices)
    if channel is None or basis is None or unit_cost is None or period is None:
        return None
    listed = _arm_names(arms, prices.rows)
    cells = zip(channel.values(), basis.values(), unit_cost, listed, *period, strict=True)
    rows = sorted(
        (
            Price(str(name), str(paid_for), float(cost), caused if paid_for == "fixed" else (), int(begin), int(end))
            for name, paid_for, cost, caused, begin, end in cells
        ),
        key=lambda price: (price.channel, price.basis, price.begin, price.end, price.unit_cost, price.arms),
    )
    single = _check_doubles(prices, rows)
    usable = known and single and bool(np.all((unit_cost >= 0.0) & np.isfinite(unit_cost)))
    return PriceList(tuple(rows), prices) if usable else None


def _periods(prices: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """When each price holds; None when that cannot be read, or a period is empty (and noted)."""
    begin, end = np.full(prices.rows, ALWAYS), np.full(prices.rows, FOREVER)
    if prices.has("valid_from"):
        found = instants(prices, "valid_from", allow_null=True)
        if found is None:
            return None
        begin = found
    if prices.has("valid_to"):
        found = instants(prices, "valid_to", allow_null=True)
        if found is None:
            return None
        end = np.where(found == ALWAYS, FOREVER, found)
    empty = begin >= end
    if empty.any():
        prices.problems.add(
            "BAD_PERIOD", prices.name, prices.roles.valid_to, empty.sum(),
            message="a price ends before it begins; it holds from valid_from (included) to valid_to (excluded)",
            examples=[f"row {row}" for row in np.flatnonzero(empty)[:5]],
        )  # fmt: skip
        return None
    return begin, end


def _check_bases(prices: Table, basis: Labels) -> bool:
    """Whether every basis is known; the others are noted."""
    counts = np.bincount(basis.codes, minlength=len(basis.names))
    for name, count in zip(basis.names, counts, strict=True):
        if name not in BASES:
            prices.problems.add(
                "UNKNOWN_BASIS", prices.name, prices.roles.basis, count,
                message=f"{name!r} is no basis of a price. {closest(str(name), BASES)}",
            )  # fmt: skip
    return all(name in BASES for name in basis.names)


def _check_doubles(prices: Table, rows: Sequence[Price]) -> bool:
    """Whether no price is repeated: two prices of one thing would be added up in silence; only lump sums may repeat."""
    seen: dict[tuple[str, str, int, int], int] = {}
    for price in rows:
        if price.basis != "fixed":
            key = (price.channel, price.basis, price.begin, price.end)
            seen[key] = seen.get(key, 0) + 1
    doubled = {key: count for key, count in seen.items() if count > 1}
    if doubled:
        prices.problems.add(
            "DUPLICATE_PRICE", prices.name, prices.roles.basis, sum(doubled.values()),
            message="a channel has several prices for one basis; keep one of them (only fixed costs may repeat)",
            examples=[f"{channel}: {basis}" for channel, basis, _, _ in sorted(doubled)],
        )  # fmt: skip
    return not doubled and _check_overlaps(prices, sorted(seen))


def _check_overlaps(prices: Table, periods: Sequence[tuple[str, str, int, int]]) -> bool:
    """Whether no two periods of one channel and basis share a moment."""
    crossed, latest = [], FOREVER
    for place, (channel, basis, begin, end) in enumerate(periods):
        same = place > 0 and periods[place - 1][:2] == (channel, basis)
        if same and begin < latest:
            crossed.append(f"{channel}: {basis}")
        latest = max(latest, end) if same else end
    if crossed:
        prices.problems.add(
            "OVERLAPPING_PRICE", prices.name, prices.roles.valid_from, len(crossed),
            message="two prices of one channel and basis hold at the same time; let valid_to of the older one be "
            "valid_from of the newer one (a price holds from valid_from, included, to valid_to, excluded)",
            examples=sorted(set(crossed)),
        )  # fmt: skip
    return not crossed


def _arm_names(arms: Labels | None, rows: int) -> list[tuple[str, ...]]:
    """The arms of each row: ``"sms; full"`` names two, an empty cell none."""
    if arms is None:
        return [()] * rows
    parts = ((name.strip() for name in str(cell).split(";")) for cell in arms.values())
    return [tuple(sorted({name for name in names if name})) for names in parts]


def fixed_prices(
    prices: PriceList, span: tuple[int, int], *, slack: int = 0, window: str = "the window"
) -> list[Price]:
    """The lump sums that belong to a window: those without a period, and those whose period lies inside.

    A period that crosses an edge is noted as FIXED_ACROSS_WINDOW: how much of it belongs to the window is not ours to
    guess.

    Args:
        prices: The price list.
        span: Both ends of the window in microseconds since 1970, UTC, the second excluded.
        slack: How far, in microseconds, a period may reach beyond the window and still lie inside.
        window: What the window is, in words.
    """
    found, crossing = [], []
    for price in prices.rows:
        if price.basis != "fixed" or (price.dated and (price.end <= span[0] or price.begin >= span[1])):
            continue
        if price.dated and (span[0] - price.begin > slack or price.end - span[1] > slack):
            crossing.append(price.channel)
        found.append(price)
    if crossing:
        source = prices.source
        source.problems.add(
            "FIXED_ACROSS_WINDOW", source.name, source.roles.valid_from, len(crossing),
            message=f"a fixed cost holds for a period that is only partly inside {window}; split the row into the "
            "parts inside and outside, with their own sums",
            examples=crossing,
        )  # fmt: skip
    return found


def refuse_incentives(prices: PriceList) -> None:
    """Note incentives that stand in a price list: each conversion paid its own."""
    listed, source = [price.channel for price in prices.rows if price.basis == "incentive"], prices.source
    if listed:
        source.problems.add(
            "INCENTIVE_PRICE", source.name, source.roles.basis, len(listed),
            message="an incentive costs what was paid for each conversion, not a list price: give it as the column "
            "incentive_cost of the conversions and remove this row",
            examples=listed,
        )  # fmt: skip


def fixed_costs(
    prices: Table | PriceList, span: tuple[int, int] = (ALWAYS, FOREVER)
) -> list[tuple[str, float, tuple[str, ...]]]:
    """The lump sums of a price list: channel, amount, and the arms that caused it, sorted.

    Those of periods outside the campaign are no cost of it, see `fixed_prices`. A lump sum without arms, or one without
    the column, is noted as FIXED_WITHOUT_ARMS in the table's problems: nobody can say over whose persons it is to be
    spread.

    Args:
        prices: The price list.
        span: From the first assignment to the end of the last person's window; all of time by default.
    """
    known = prices if isinstance(prices, PriceList) else read_prices(prices)
    if known is None:
        return []
    what = "the time from the first assignment to the end of the last window (give or take a day)"
    fixed = fixed_prices(known, span, slack=_DAY, window=what)  # periods are written in days, assignments in seconds
    homeless = [price.channel for price in fixed if not price.arms]
    if homeless:
        source = known.source
        source.problems.add(
            "FIXED_WITHOUT_ARMS", source.name, source.roles.arms, len(homeless),
            message='a fixed cost names no arm; name the arms that caused it, separated by ";"', examples=homeless,
        )  # fmt: skip
    return [(price.channel, price.unit_cost, price.arms) for price in fixed]
