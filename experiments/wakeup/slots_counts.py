"""Impressions and clicks by person and slot, their covariances over persons, and conversions after a click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from attribution.credit.ranks import rank_sets
from experiments.wakeup.pressure_counts import first_at_least

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from attribution.credit.contrasts import Comparable

__all__ = ["PersonSlots", "assisted", "by_person", "covariance", "ranked"]

_FEW = 10  # clicks below which a slot's own spread says too little about its error (judgement)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonSlots:
    """One entry per person and slot, by person, then slot.

    Attributes:
        person: Number of the person.
        slot: Code of the slot.
        impressions: Impressions of the slot on the person.
        clicks: Clicks of the person on the slot.
        size: Number of slots.
    """

    person: NDArray[np.int64]
    slot: NDArray[np.int64]
    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    size: int

    def total(self, amount: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of an amount over the persons of each slot."""
        return np.asarray(np.bincount(self.slot, weights=amount, minlength=self.size), dtype=np.float64)


def by_person(
    person: NDArray[np.int64],
    slot: NDArray[np.int64],
    impressions: NDArray[np.float64],
    clicks: NDArray[np.float64],
    size: int,
) -> PersonSlots:
    """Sum rows over person and slot."""
    key = person * size + slot
    found, place = np.unique(key, return_inverse=True)
    place = place.reshape(-1)
    return PersonSlots(
        person=found // size, slot=found % size, size=size,
        impressions=np.asarray(np.bincount(place, weights=impressions, minlength=len(found)), dtype=np.float64),
        clicks=np.asarray(np.bincount(place, weights=clicks, minlength=len(found)), dtype=np.float64),
    )  # fmt: skip


def covariance(pairs: PersonSlots, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariances of the slots' click rates over persons, whose clicks on several slots are kept together.

    A slot with fewer than 10 clicks has no spread of its own to speak of: its variance is at least that of a share with
    two clicks and two others added, at Kish's number of independent impressions.

    Args:
        pairs: Impressions and clicks by person and slot.
        share: Click rate of each slot; nan without impressions.
    """
    from scipy.sparse import csr_matrix

    shown, clicked = pairs.total(pairs.impressions), pairs.total(pairs.clicks)
    persons = np.bincount(pairs.slot, minlength=pairs.size)
    known = shown > 0.0
    scale = np.divide(1.0, shown, out=np.zeros(pairs.size), where=known)
    scale *= np.sqrt(np.divide(persons, persons - 1.0, out=np.ones(pairs.size), where=persons > 1))
    rest = (pairs.clicks - np.where(known, share, 0.0)[pairs.slot] * pairs.impressions) * scale[pairs.slot]
    rows = csr_matrix((rest, (pairs.person, pairs.slot)), shape=(int(pairs.person.max()) + 1, pairs.size))
    found: NDArray[np.float64] = np.asarray((rows.T @ rows).toarray(), dtype=np.float64)
    alone = np.divide(shown**2, pairs.total(pairs.impressions**2), out=np.ones(pairs.size), where=known)
    careful = (clicked + 2.0) / (shown + 4.0)
    least = np.where(clicked < _FEW, np.maximum(careful * (1.0 - careful), 0.0) / (alone + 4.0), 0.0)
    np.fill_diagonal(found, np.maximum(np.diagonal(found), least))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Figure:
    """What `rank_sets` reads of a figure."""

    estimate: NDArray[np.float64]
    joint: NDArray[np.float64]

    def covariance(self) -> NDArray[np.float64]:
        return self.joint


def ranked(
    share: NDArray[np.float64], joint: NDArray[np.float64], level: float, random: Generator
) -> NDArray[np.float64]:
    """Rank, lowest and highest possible rank of every slot; nan where the share is undefined."""
    return np.asarray(rank_sets(cast("Comparable", _Figure(share, joint)), level, random), dtype=np.float64)


def assisted(
    clicks: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    conversions: tuple[NDArray[np.int64], NDArray[np.int64]],
    sizes: tuple[int, int],
    lookback: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Conversions, and converting persons, of each slot with a click by the person at most `lookback` before.

    Args:
        clicks: Person, slot and time of each click, in any order.
        conversions: Person and time of each conversion.
        sizes: Number of persons and of slots.
        lookback: Longest time from the click to the conversion, both ends included.
    """
    persons, slots = sizes
    order = np.lexsort((clicks[2], clicks[1], clicks[0]))
    key, when = (clicks[0] * slots + clicks[1])[order], clicks[2][order]
    group, begin = np.unique(key, return_index=True)
    end = np.append(begin[1:], len(key))
    first = np.searchsorted(group, np.arange(persons + 1) * slots)
    held = np.diff(first)[conversions[0]]
    booked = np.repeat(np.arange(len(held)), held)
    # Each conversion meets every slot that its person ever clicked on.
    inside = np.arange(len(booked)) - np.repeat(np.cumsum(held) - held, held)
    place = first[conversions[0][booked]] + inside
    time = conversions[1][booked]
    last = first_at_least(when, begin[place], end[place], time + 1) - 1
    counted = (last >= begin[place]) & (time - when[np.maximum(last, 0)] <= lookback) if len(place) else place > 0
    found = group[place[counted]]
    people = np.unique(found)  # person and slot are one key
    return np.bincount(found % slots, minlength=slots), np.bincount(people % slots, minlength=slots)
