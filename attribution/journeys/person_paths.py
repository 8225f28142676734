"""Whose journeys took which path: what the models of paths are fitted and resampled on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import encode_together
from attribution.journeys.behind import whole
from attribution.journeys.nulls import null_journeys
from attribution.journeys.path_counts import PathCounts
from attribution.journeys.sequences import number_sequences
from attribution.journeys.transforms import kept_by_transforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.nulls import NullJourneys
    from attribution.journeys.plan import Journeys

__all__ = ["PersonPaths", "person_paths"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonPaths:
    """One entry per journey with a touch: the person and the path, and whether it converted.

    Attributes:
        paths: The distinct paths with their counts over all entries.
        person: Person of each entry; a person's entries stand together.
        path: Path of each entry, a place in `paths`.
        conversions: 1 for a converting journey, else 0.
        value: Value of its conversion.
        nulls: 1 for a null journey, else 0.
        persons: Number of persons with an entry.
        open: Null journeys left out because they could still have converted when observation ended.
        departed: Touches left out because they came after the conversion that counts (``reuse="first"``).
    """

    paths: PathCounts
    person: NDArray[np.int64]
    path: NDArray[np.int64]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    nulls: NDArray[np.float64]
    persons: int
    open: int
    departed: int

    def __len__(self) -> int:
        return len(self.person)


def person_paths(journeys: Journeys) -> PersonPaths:
    """The paths of all touched conversions and of all null journeys, by person."""
    journeys = whole(journeys)
    conversion, counts, channel = _converting(journeys)
    missed = null_journeys(journeys)
    null_counts, null_channel = _null_channels(journeys, missed)
    names = journeys.touches.channel.names
    width = len(names)
    number, offsets, steps = number_sequences(
        np.concatenate([counts, null_counts]), np.concatenate([channel, null_channel]), width
    )
    converts = np.arange(len(number)) < len(conversion)
    value = np.zeros(len(number))
    value[: len(conversion)] = journeys.counted.value[conversion]
    person = _codes(journeys, journeys.counted.person[conversion], missed)
    order = np.lexsort([number, ~converts, person])
    size = len(offsets) - 1
    paths = PathCounts(
        offsets=offsets,
        channel=steps,
        channel_names=names.copy(),
        conversions=np.bincount(number[converts], minlength=size).astype(np.float64),
        value=np.bincount(number[order], weights=value[order], minlength=size).astype(np.float64),
        nulls=np.bincount(number[~converts], minlength=size).astype(np.float64),
    )
    _, dense = np.unique(person, return_inverse=True)
    return PersonPaths(
        paths=paths,
        person=dense[order],
        path=number[order],
        conversions=converts[order].astype(np.float64),
        value=value[order],
        nulls=(~converts[order]).astype(np.float64),
        persons=int(dense.max(initial=-1)) + 1,
        open=missed.open,
        departed=missed.departed,
    )


def _converting(journeys: Journeys) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The touched conversions, the number of touches of each, and the channels of all of them."""
    conversion, counts, channel = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for pairs in journeys.pairs():
        touched = np.flatnonzero(pairs.counts)
        conversion.append(pairs.start + touched)
        counts.append(pairs.counts[touched])
        channel.append(journeys.served.channel[pairs.touch].astype(np.int64))
    return np.concatenate(conversion), np.concatenate(counts), np.concatenate(channel)


def _null_channels(journeys: Journeys, missed: NullJourneys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Touches of each null journey and their channels, after the transforms of the rules."""
    channel = journeys.touches.channel.codes[missed.row].astype(np.int64)
    transforms = journeys.rules.transforms
    if not transforms or not len(missed.counts):
        return missed.counts, channel
    kept = kept_by_transforms(missed.counts, channel, journeys.touches.channel.names, transforms)
    journey = np.repeat(np.arange(len(missed.counts)), missed.counts)
    return np.bincount(journey[kept], minlength=len(missed.counts)).astype(np.int64), channel[kept]


def _codes(journeys: Journeys, converters: NDArray[np.int64], missed: NullJourneys) -> NDArray[np.int64]:
    """One numbering for the persons behind the converting journeys and those behind the null journeys."""
    kind = missed.persons.type
    (left, right), _ = encode_together(journeys.persons.cast(kind), missed.persons)
    return np.concatenate([left[converters], right[missed.person]]).astype(np.int64)
