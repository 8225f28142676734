"""Credit on the experiment's own ground: the analysed persons, their windows, one conversion each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.models.protocol import checked_weights
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.credit import Credit
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import TouchModel
    from experiments.reconciliation.ground import Ground

__all__ = ["Credited", "Firsts", "credit_on", "firsts_of"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Firsts:
    """The first conversion in the window of each person of the arms.

    Attributes:
        row: Row of the person on the ground, one per first conversion, in canonical order.
        slot: Per counted conversion its place among the first ones; -1 for all others.
        outside: Counted conversions of persons outside the arms, or outside their windows.
        later: Further conversions of the same persons in their windows.
    """

    row: NDArray[np.int64]
    slot: NDArray[np.int64]
    outside: int
    later: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Credited:
    """Credit of the first conversion in the window of each person, by group of channels.

    Attributes:
        models: Names of the models.
        channels: Names of the channels.
        groups: The groups of channels; every channel is in one of them.
        amount: Models x groups x first conversions: the credit of the group's touches.
        touch: Groups x first conversions: whether a touch of the group was eligible.
        arm: Arm of each first conversion.
        firsts: The first conversions.
        counted: Customers of each arm: persons with a conversion in the window.
        persons: Persons of each arm.
    """

    models: tuple[str, ...]
    channels: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    amount: NDArray[np.float64]
    touch: NDArray[np.bool_]
    arm: NDArray[np.int64]
    firsts: Firsts
    counted: NDArray[np.int64]
    persons: NDArray[np.int64]

    def each(self, model: int, groups: Sequence[int]) -> NDArray[np.float64]:
        """Credit of a model to some groups, one number per first conversion."""
        found: NDArray[np.float64] = self.amount[model][list(groups)].sum(axis=0)
        return found

    def credited(self, model: int, arms: Sequence[int], groups: Sequence[int]) -> float:
        """Credit of a model to some groups among the persons of some arms."""
        return float(self.each(model, groups)[np.isin(self.arm, list(arms))].sum())

    def touched(self, arms: Sequence[int], groups: Sequence[int]) -> int:
        """First conversions of some arms with a touch of any of the groups."""
        return int((self.touch[list(groups)].any(axis=0) & np.isin(self.arm, list(arms))).sum())


def credit_on(credit: Credit, ground: Ground, arms: int, groups: Sequence[Sequence[str]]) -> Credited:
    """The credit of each person's first conversion, by model and group of channels, piece by piece.

    Memory: 8 bytes per model, group and customer, whatever the number of persons and touches.

    Args:
        credit: The credit; its models and journeys are used, whatever its key.
        ground: The persons.
        arms: Number of arms in the order.
        groups: Groups of channels; a channel is in at most one. Channels of none make a group each, in their order.
    """
    return credit_of(credit.journeys, credit.models, ground, arms, groups)


def credit_of(
    journeys: Journeys, models: Sequence[TouchModel], ground: Ground, arms: int, groups: Sequence[Sequence[str]]
) -> Credited:
    """`credit_on` for models, as fitted, on any journeys."""
    names = tuple(str(name) for name in journeys.touches.channel.names)
    member = {channel: place for place, group in enumerate(groups) for channel in group}
    every = [tuple(group) for group in groups]
    for name in names:
        if name not in member:
            member[name] = len(every)
            every.append((name,))
    place = np.array([member[name] for name in names], dtype=np.int64)
    firsts = firsts_of(journeys, ground)
    amount = np.zeros((len(models), len(every), len(firsts.row)))
    touch = np.zeros((len(every), len(firsts.row)), bool)
    for pairs in journeys.pairs():
        slot = firsts.slot[pairs.conversion()]
        used = slot >= 0
        if not used.any():
            continue
        kept = slot[used]
        # Conversions of a piece are neighbours, so a piece touches one stretch of the first ones.
        begin, end = int(kept.min()), int(kept.max()) + 1
        cell = place[journeys.served.channel[pairs.touch[used]]] * (end - begin) + (kept - begin)
        size = len(every) * (end - begin)
        arrays = journeys.arrays(pairs)
        for number, model in enumerate(models):
            weights = checked_weights(model, arrays)[used]
            sums = np.bincount(cell, weights=weights, minlength=size)
            amount[number, :, begin:end] += sums.reshape(len(every), -1)
        touch[:, begin:end] |= np.bincount(cell, minlength=size).reshape(len(every), -1) > 0
    arm = ground.arm[firsts.row] if len(firsts.row) else np.empty(0, np.int64)
    return Credited(
        models=tuple(model.name for model in models),
        channels=names,
        groups=tuple(every),
        amount=amount,
        touch=touch,
        arm=arm,
        firsts=firsts,
        counted=np.bincount(arm, minlength=arms),
        persons=np.bincount(ground.arm[ground.arm >= 0], minlength=arms),
    )


def firsts_of(journeys: Journeys, ground: Ground) -> Firsts:
    """Each person's first counted conversion in the window."""
    counted = journeys.counted
    (known, here), size = number_keys(ground.person, journeys.persons)
    row_of_person: NDArray[Any] = np.full(size, -1, np.int64)
    row_of_person[known] = np.arange(len(known))
    row = row_of_person[here][counted.person] if len(here) else np.empty(0, np.int64)
    inside = (row >= 0) & (ground.arm[row] >= 0) if len(ground.arm) else np.zeros(len(row), bool)
    if ground.start is not None and len(ground.start):
        since = counted.time - ground.start[row]
        inside &= (since >= 0) & (since < ground.length)
    rows = np.flatnonzero(inside)
    first = rows[np.unique(counted.person[rows], return_index=True)[1]]
    slot = np.full(len(row), -1, np.int64)
    first.sort()
    slot[first] = np.arange(len(first))
    return Firsts(
        row=row[first], slot=slot, outside=int((~inside).sum()), later=int(inside.sum()) - len(first),
    )  # fmt: skip
