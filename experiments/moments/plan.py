"""What has to be summed for several metrics at once: every column once, every pair of columns once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.metrics import MetricInputs
    from experiments.moments.counted import Counts, Floats

__all__ = [
    "Census", "Centre", "Column", "Plan", "Reading", "Scale", "Sheet", "Slot", "Sums", "Terms", "lacks",
    "make_centres", "make_plan", "make_terms",
]  # fmt: skip

_MOST_SCALE = 1000  # the powers of two that a value may be multiplied with, far from what a double can hold
_MOST_GAPS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a first look at a whole column tells.

    Attributes:
        empty: Rows without a value.
        infinite: Rows with an infinite one.
        low: Smallest value; None without any.
        high: Largest value.
        whole: Whether its type allows whole numbers only.
    """

    empty: int
    infinite: int
    low: float | None
    high: float | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """How a column is read: filled where it is empty, then kept between its limits."""

    column: str
    limits: tuple[float, float] | None = None
    fill: float | None = None

    def read(self, value: float) -> float:
        """One value as it is read."""
        return value if self.limits is None else min(max(value, self.limits[0]), self.limits[1])


@dataclass(frozen=True, slots=True)
class Scale:
    """A reading brought between 0 and 2: ``value * factor - origin``; the factor is a power of two."""

    exponent: int
    origin: float

    @property
    def factor(self) -> float:
        """What a value is multiplied with."""
        return 2.0**-self.exponent


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """Where the deviations of one slot start, and their unit, by cell.

    Every cell has its own unit, so that a cell whose values lie close together keeps its digits beside any other.

    Attributes:
        scaled: A number close to the mean, between the smallest and the largest value, times the scale's factor.
        power: The unit is this power of two, times the scale's factor: no deviation is larger than 1.
    """

    scaled: Floats
    power: Counts

    def take(self, cells: Counts) -> Centre:
        """The cells in another order."""
        return Centre(self.scaled[cells], self.power[cells])


@dataclass(frozen=True, slots=True)
class Slot:
    """A reading over the rows where all columns of the mask have a value."""

    mask: tuple[str, ...]
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What one metric needs.

    Attributes:
        measured: How many of the slots are measured; the others are covariates.
        mask: Columns that must have a value for a row to count.
        seen: Columns that must have a value for a row to be observed.
        slots: Index of the slot of each coordinate.
    """

    measured: int
    mask: tuple[str, ...]
    seen: tuple[str, ...]
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is read and counted for all metrics.

    Attributes:
        columns: What is known of every column.
        masks: The masks that rows are counted under; the empty one counts all rows.
        slots: The readings with their masks.
        scales: One per slot.
        firsts: Slots that are the first coordinate of a metric.
        sheets: By name of the metric.
    """

    columns: Mapping[str, Column]
    masks: tuple[tuple[str, ...], ...]
    slots: tuple[Slot, ...]
    scales: tuple[Scale, ...]
    firsts: tuple[int, ...]
    sheets: Mapping[str, Sheet]

    def binary(self, slot: int) -> bool:
        """Whether a slot can hold nothing but 0 and 1, because its column holds whole numbers in that range."""
        reading = self.slots[slot].reading
        column = self.columns[reading.column]
        known = [reading.read(value) for value in (column.low, column.high, reading.fill) if value is not None]
        return column.whole and all(value in (0.0, 1.0) for value in known)

    def gaps(self, slot: int) -> bool:
        """Whether some rows of the slot's mask may lack its value."""
        chosen = self.slots[slot]
        column = chosen.reading.column
        return (
            self.columns[column].empty > 0
            and chosen.reading.fill is None
            and column not in chosen.mask
        )  # fmt: skip

    def least_power(self, slot: int) -> int:
        """The least power of two that is the unit of a cell: what is multiplied with it must not overflow."""
        # What stands for a missing value may be far away from all values of the cell.
        return max(-_MOST_GAPS if self.gaps(slot) else -1074, -_MOST_SCALE - self.scales[slot].exponent)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Census:
    """What the scan by cell tells; the last axis of every array is the cell.

    Attributes:
        counts: Rows under each mask of the plan.
        known: Rows with a value in each slot.
        low: Smallest value of each slot; inf without any.
        high: Largest value of each slot; -inf without any.
        strange: Values other than 0 and 1 of each slot that is the first coordinate of a metric.
        coarse: Sum of each slot's scaled values on the coarsest grid, for the centres.
    """

    counts: Counts
    known: Counts
    low: Floats
    high: Floats
    strange: Counts
    coarse: Floats

    @classmethod
    def empty(cls, plan: Plan, size: int) -> Census:
        """Nothing counted yet."""
        wide = len(plan.slots)
        return cls(
            counts=np.zeros((len(plan.masks), size), np.int64),
            known=np.zeros((wide, size), np.int64),
            low=np.full((wide, size), np.inf),
            high=np.full((wide, size), -np.inf),
            strange=np.zeros((wide, size), np.int64),
            coarse=np.zeros((wide, size)),
        )

    def take(self, cells: Counts) -> Census:
        """The cells in another order."""
        return Census(**{name: getattr(self, name)[:, cells] for name in Census.__slots__})

    def add(self, other: Census) -> Census:
        """The census of the rows of both."""
        return Census(
            counts=self.counts + other.counts,
            known=self.known + other.known,
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            strange=self.strange + other.strange,
            coarse=self.coarse + other.coarse,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sums:
    """Exact sums of the parts of deviations, products and cubes: terms by parts by cells.

    Attributes:
        singles: Sums of the deviations, as listed by the terms.
        pairs: Sums of the products of each pair.
        cubes: Sums of the cubes.
    """

    singles: Floats
    pairs: Floats
    cubes: Floats

    @classmethod
    def empty(cls, terms: Terms, size: int, parts: int) -> Sums:
        """Nothing summed yet."""
        wanted = (terms.singles, terms.pairs, terms.cubes)
        singles, pairs, cubes = (np.zeros((len(listed), parts, size)) for listed in wanted)
        return cls(singles=singles, pairs=pairs, cubes=cubes)

    def take(self, cells: Counts) -> Sums:
        """The cells in another order."""
        return Sums(**{name: getattr(self, name)[:, :, cells] for name in Sums.__slots__})

    def add(self, other: Sums) -> Sums:
        """The sums over the rows of both."""
        return Sums(
            singles=self.singles + other.singles, pairs=self.pairs + other.pairs, cubes=self.cubes + other.cubes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is summed around the centres.

    A variable is a slot's deviation from its centre, or a flag: 1 where the slot's value is missing, else 0. The powers
    of a slot that holds nothing but 0 and 1 follow from the census.

    Attributes:
        flags: Slots whose missing values are flagged; their variables come after those of the slots.
        binary: Slots that hold nothing but 0 and 1, as their type or the census tells.
        singles: Slots whose deviations are summed.
        pairs: Pairs of variables whose products are summed, the smaller first.
        cubes: Slots whose cubes are summed.
    """

    flags: tuple[int, ...]
    binary: frozenset[int]
    singles: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    cubes: tuple[int, ...]

    @property
    def none(self) -> bool:
        """Whether the census tells everything, so that no row needs to be read again."""
        return not (self.singles or self.pairs or self.cubes)


def make_plan(metrics: Mapping[str, MetricInputs], columns: Mapping[str, Column]) -> Plan:
    """Plan the scans of several metrics.

    Args:
        metrics: Name to what the metric reads.
        columns: What is known of every column of the metrics.
    """
    slots: dict[Slot, int] = {}
    masks: dict[tuple[str, ...], None] = {(): None}
    sheets = {}
    for name, inputs in metrics.items():
        seen = tuple(column for column in sorted(inputs.columns) if columns[column].empty)
        mask = seen if inputs.fill is None else ()
        masks |= {mask: None, seen: None}
        readings = [
            Reading(column, limits, inputs.fill if columns[column].empty else None)
            for column, limits in zip(inputs.columns, inputs.limits, strict=True)
        ]
        readings += [Reading(column) for column in inputs.covariates]
        places = tuple(slots.setdefault(Slot(mask, reading), len(slots)) for reading in readings)
        sheets[name] = Sheet(measured=len(inputs.columns), mask=mask, seen=seen, slots=places)
    return Plan(
        columns=columns,
        masks=tuple(masks),
        slots=tuple(slots),
        scales=tuple(_scale(slot.reading, columns[slot.reading.column]) for slot in slots),
        firsts=tuple(dict.fromkeys(sheet.slots[0] for sheet in sheets.values())),
        sheets=sheets,
    )


def _scale(reading: Reading, column: Column) -> Scale:
    known = [reading.read(value) for value in (column.low, column.high, reading.fill) if value is not None]
    if not known:
        return Scale(0, 0.0)
    low, high = min(known), max(known)
    width = high / 2.0 - low / 2.0  # half the range, which cannot overflow
    exponent = 0 if width == 0.0 else min(max(math.frexp(width)[1], -_MOST_SCALE), 1024)
    return Scale(exponent, low * 2.0**-exponent)


def make_terms(plan: Plan, census: Census) -> Terms:
    """The sums around the centres that the metrics of the plan need."""
    flags: dict[int, None] = {}
    for sheet in plan.sheets.values():
        flags |= dict.fromkeys(slot for slot in sheet.slots[sheet.measured :] if lacks(plan, census, slot))
    place = {slot: len(plan.slots) + i for i, slot in enumerate(flags)}
    pairs: dict[tuple[int, int], None] = {}
    for sheet in plan.sheets.values():
        variables = [*sheet.slots, *(place[slot] for slot in sheet.slots if slot in place)]
        pairs |= dict.fromkeys(_pairs(variables))
    plain = [slot for slot in plan.firsts if plan.scales[slot] in (Scale(0, 0.0), Scale(0, 1.0))]
    told = {slot for slot in plain if not census.strange[slot].any()}
    binary = frozenset(told | {slot for slot in range(len(plan.slots)) if plan.binary(slot)})
    return Terms(
        flags=tuple(flags),
        binary=binary,
        singles=tuple(slot for slot in range(len(plan.slots)) if slot not in binary),
        pairs=tuple((first, second) for first, second in pairs if first != second or first not in binary),
        cubes=tuple(slot for slot in plan.firsts if slot not in binary),
    )


def make_centres(plan: Plan, census: Census) -> tuple[Centre, ...]:
    """The centre of every slot in every cell; engines find the same ones by the same arithmetic.

    References:
        Rump, Ogita, Oishi (2008), SIAM J. Sci. Comput. 31:189, algorithm 3.5, for the next power of two in an engine.
    """
    found = []
    for slot, scale in enumerate(plan.scales):
        n = census.known[slot].astype(np.float64)
        some = n > 0
        low, high = (np.where(some, ends[slot], 0.0) * scale.factor for ends in (census.low, census.high))
        rough = np.divide(census.coarse[slot], n, out=np.zeros(len(n)), where=some) + scale.origin
        width = high - low
        size, power = np.frexp(width)
        power = np.where(size > 0.5, power, power - 1)  # a power of two is its own next one
        power = np.where(width > 0.0, np.maximum(power, plan.least_power(slot)), 0).astype(np.int64)
        found.append(Centre(np.minimum(np.maximum(rough, low), high), power))
    return tuple(found)


def lacks(plan: Plan, census: Census, slot: int) -> bool:
    """Whether some counted row lacks the value of a slot."""
    counted = census.counts[plan.masks.index(plan.slots[slot].mask)]
    return plan.gaps(slot) and bool((census.known[slot] < counted).any())


def _pairs(variables: Sequence[int]) -> list[tuple[int, int]]:
    ordered = sorted(variables)
    return [(first, second) for i, first in enumerate(ordered) for second in ordered[i:]]
