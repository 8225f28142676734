"""Flat, read-only arrays of journeys: what a model sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["DistinctChannels", "JourneyArrays", "journey_places", "make_arrays"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class JourneyArrays:
    """Some journeys with at least one touch each, flat: the touches of journey i are ``offsets[i]:offsets[i + 1]``.

    Every array is read-only. Models must not depend on which journeys come together: a long table is served in pieces.

    Attributes:
        offsets: Begin of each journey, and the end of the last; one longer than the number of journeys.
        channel: Channel code of each touch, an index into `channel_names`.
        channel_names: The distinct channels, sorted.
        age_seconds: How long before the conversion each touch happened.
        journey: The journey of each touch: ``x[j.journey]`` is ``np.repeat(x, j.lengths)`` in a fraction of its time.
        conversion_time: When each journey converted, microseconds since 1970-01-01 UTC; None for journeys written by
            hand.

    Example:
        >>> import numpy as np
        >>> j = JourneyArrays.of([["sms", "phone"], ["sms"]], ages_seconds=[[7200.0, 60.0], [0.0]])
        >>> j.offsets.tolist(), j.position.tolist(), [j.channel_names[code] for code in j.channel]
        ([0, 2, 3], [0, 1, 0], ['sms', 'phone', 'sms'])
    """

    offsets: NDArray[np.int64]
    channel: NDArray[np.int64]
    channel_names: NDArray[np.object_]
    age_seconds: NDArray[np.float64]
    journey: NDArray[np.int64]
    conversion_time: NDArray[np.int64] | None
    _column: Callable[[str], NDArray[Any]]
    _conversion_column: Callable[[str], NDArray[Any]]

    def __post_init__(self) -> None:
        served = (self.offsets, self.channel, self.channel_names, self.age_seconds, self.journey)
        for array in served:
            array.flags.writeable = False
        if self.conversion_time is not None:
            self.conversion_time.flags.writeable = False

    @classmethod
    def of(
        cls,
        channels: list[list[str]],
        *,
        ages_seconds: list[list[float]],
        columns: Mapping[str, list[object]] | None = None,
        conversion_columns: Mapping[str, list[object]] | None = None,
    ) -> JourneyArrays:
        """Journeys written out by hand, for trying a model.

        Args:
            channels: The channels of each journey, oldest touch first.
            ages_seconds: The ages of its touches.
            columns: Further columns of the touches, one value per touch.
            conversion_columns: Columns of the conversions, one value per journey.

        Raises:
            InputError: For journeys without a touch, ages that are no numbers of at least 0, or not one for each touch.
        """
        flat = [channel for journey in channels for channel in journey]
        names = np.array(sorted(set(flat)), dtype=object)
        counts = np.array([len(journey) for journey in channels], np.int64)
        return make_arrays(
            counts,
            np.searchsorted(names.astype(str), np.array(flat, dtype=str)).astype(np.int64),
            names,
            _checked_ages(channels, ages_seconds),
            columns=(_by_name(columns), _by_name(conversion_columns)),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def position(self) -> NDArray[np.int64]:
        """Place of each touch in its journey, 0 for the first."""
        found = np.arange(len(self.channel), dtype=np.int64) - self.offsets[self.journey]
        found.flags.writeable = False
        return found

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of touches of each journey."""
        return np.diff(self.offsets)

    def column(self, name: str) -> NDArray[Any]:
        """Another column of the touches table, one value per touch, as an object array; empty cells are None."""
        return self._column(name)

    def conversion_column(self, name: str) -> NDArray[Any]:
        """A column of the conversions table, one value per journey, as an object array; empty cells are None."""
        return self._conversion_column(name)

    def distinct_channels(self) -> DistinctChannels:
        """The distinct channels of each journey."""
        width = max(len(self.channel_names), 1)
        joint = self.journey * width + self.channel
        found, place, touches = np.unique(joint, return_inverse=True, return_counts=True)
        return DistinctChannels(journey=found // width, channel=found % width, touches=touches, place=place)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DistinctChannels:
    """One entry per journey and distinct channel in it.

    Attributes:
        journey: The journey.
        channel: The channel's code.
        touches: Number of its touches in the journey.
        place: For every touch its entry.
    """

    journey: NDArray[np.int64]
    channel: NDArray[np.int64]
    touches: NDArray[np.int64]
    place: NDArray[np.int64]


def journey_places(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The journey of each touch: ``np.repeat(np.arange(len(counts)), counts)``, without a jump of its own for each."""
    # Where one journey ends the next begins; repeat decides that anew for every count, and guesses wrong.
    ends = np.cumsum(counts)
    if not len(ends):
        return np.empty(0, np.int64)
    steps = np.bincount(ends[:-1], minlength=int(ends[-1]) + 1)
    return np.cumsum(steps[: ends[-1]], dtype=np.int64)


def make_arrays(
    counts: NDArray[np.int64],
    channel: NDArray[np.int64],
    channel_names: NDArray[np.object_],
    age_seconds: NDArray[np.float64],
    *,
    columns: tuple[Callable[[str], NDArray[Any]], Callable[[str], NDArray[Any]]],
    conversion_time: NDArray[np.int64] | None = None,
) -> JourneyArrays:
    """Flat arrays of journeys of which none is empty; `columns` serve the touches' and the conversions' columns."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return JourneyArrays(
        offsets=offsets,
        channel=channel,
        channel_names=channel_names.copy(),
        age_seconds=age_seconds,
        journey=journey_places(counts),
        conversion_time=conversion_time,
        _column=columns[0],
        _conversion_column=columns[1],
    )


def _checked_ages(channels: list[list[str]], ages_seconds: list[list[float]]) -> NDArray[np.float64]:
    """The ages of journeys written by hand, one for each touch."""
    touches, given = [len(journey) for journey in channels], [len(ages) for ages in ages_seconds]
    if touches != given or 0 in touches:
        raise InputError(
            f"every journey needs at least one channel and one age for each of them, got {touches} channels and "
            f"{given} ages."
        )
    flat = [age for ages in ages_seconds for age in ages]
    try:
        found = np.array(flat, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"ages_seconds must be numbers of seconds, got {flat[:5]!r}.") from error
    if not (np.isfinite(found) & (found >= 0)).all():
        raise InputError(f"ages_seconds must be finite numbers of at least 0, got {flat[:5]!r}.")
    return found


def _by_name(columns: Mapping[str, list[object]] | None) -> Callable[[str], NDArray[Any]]:
    """The columns of journeys written by hand."""

    def column(name: str) -> NDArray[Any]:
        if columns is None or name not in columns:
            raise InputError(f"these journeys were written by hand and have no column {name!r}.")
        values = np.empty(len(columns[name]), dtype=object)
        values[:] = columns[name]
        return values

    return column
