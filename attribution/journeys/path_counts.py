"""Distinct journeys, counted: what the models of paths (Markov, Shapley) see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.journeys.sequences import number_sequences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["PathCounts", "check_counts", "merge_counts"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PathCounts:
    """Distinct sequences of channels with their counts, flat: path i is ``channel[offsets[i]:offsets[i + 1]]``.

    Every array is read-only. No path is empty: conversions without a touch are not the business of these models.

    Attributes:
        offsets: Begin of each path, and the end of the last; one longer than the number of paths.
        channel: Channel code of each step, an index into `channel_names`.
        channel_names: The channels, sorted; some may occur in no path.
        conversions: Conversions per path.
        value: Value of these conversions per path.
        nulls: Journeys per path that ended without a conversion.

    Example:
        >>> paths = PathCounts.of([["A", "B", "C"], ["A"], ["B", "C"]], conversions=[1, 0, 0], nulls=[0, 1, 1])
        >>> paths.offsets.tolist(), paths.channel.tolist(), paths.nulls.tolist()
        ([0, 3, 4, 6], [0, 1, 2, 0, 1, 2], [0.0, 1.0, 1.0])
    """

    offsets: NDArray[np.int64]
    channel: NDArray[np.int64]
    channel_names: NDArray[np.object_]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    nulls: NDArray[np.float64]

    def __post_init__(self) -> None:
        size = len(self.offsets) - 1
        if any(len(counts) != size for counts in (self.conversions, self.value, self.nulls)):
            raise InputError(f"paths need one count each: {size} paths, {len(self.conversions)} conversions.")
        if size and int(np.diff(self.offsets).min()) < 1:
            raise InputError("a path must hold at least one channel.")
        for array in (self.offsets, self.channel, self.channel_names, self.conversions, self.value, self.nulls):
            array.flags.writeable = False

    @classmethod
    def of(
        cls,
        paths: Sequence[Sequence[str]],
        *,
        conversions: Sequence[float],
        value: Sequence[float] | None = None,
        nulls: Sequence[float] | None = None,
    ) -> PathCounts:
        """Paths written out by hand, for trying a model; equal ones are added up, at the place of the first.

        Raises:
            InputError: For a path that is one text, counts that do not fit the paths, an empty path.
        """
        if any(isinstance(path, str) for path in paths):
            raise InputError('a path is a sequence of channels, got text. Write ["sms", "phone"], or ["sms"] for one.')
        counts = {"conversions": conversions, "value": value, "nulls": nulls}
        for name, given in counts.items():
            if given is not None and len(given) != len(paths):
                raise InputError(f"paths need one count each: {len(paths)} paths, {len(given)} {name}.")
        place = {path: number for number, path in enumerate(dict.fromkeys(tuple(path) for path in paths))}
        row = np.array([place[tuple(path)] for path in paths], np.int64)
        names = np.array(sorted({channel for path in paths for channel in path}), dtype=object)
        code = {name: number for number, name in enumerate(names.tolist())}

        def summed(given: Sequence[float] | None) -> NDArray[np.float64]:
            weights = np.zeros(len(paths)) if given is None else np.asarray(given, np.float64)
            return np.bincount(row, weights=weights, minlength=len(place)).astype(np.float64)

        return cls(
            offsets=np.concatenate([[0], np.cumsum([len(path) for path in place])]).astype(np.int64),
            channel=np.array([code[channel] for path in place for channel in path], np.int64),
            channel_names=names,
            conversions=summed(conversions),
            value=summed(value),
            nulls=summed(nulls),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each path."""
        return np.diff(self.offsets)

    def with_counts(
        self, conversions: NDArray[np.float64], nulls: NDArray[np.float64], value: NDArray[np.float64] | None = None
    ) -> PathCounts:
        """The same paths with other counts, as a resample has."""
        return PathCounts(
            offsets=self.offsets,
            channel=self.channel,
            channel_names=self.channel_names,
            conversions=np.asarray(conversions, np.float64),
            value=np.zeros(len(self)) if value is None else np.asarray(value, np.float64),
            nulls=np.asarray(nulls, np.float64),
        )


def merge_counts(parts: Sequence[PathCounts]) -> PathCounts:
    """The counts of several groups of persons together.

    Args:
        parts: The groups, all of them with the same names of channels.
    """
    names = parts[0].channel_names
    lengths = np.concatenate([part.lengths for part in parts])
    channel = np.concatenate([part.channel for part in parts])
    number, offsets, steps = number_sequences(lengths, channel, len(names))
    size = len(offsets) - 1

    def summed(counts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.bincount(number, weights=np.concatenate(counts), minlength=size).astype(np.float64)

    return PathCounts(
        offsets=offsets,
        channel=steps,
        channel_names=names,
        conversions=summed([part.conversions for part in parts]),
        value=summed([part.value for part in parts]),
        nulls=summed([part.nulls for part in parts]),
    )


def check_counts(paths: object) -> PathCounts:
    """The paths, where they are counted paths with counts that can be.

    Raises:
        InputError: For something else, and for counts that are negative or not finite.
    """
    if not isinstance(paths, PathCounts):
        raise InputError(
            f"models of paths are fitted to PathCounts, got {type(paths).__name__}. Take journeys.path_counts() or "
            "at.PathCounts.of(...), or give a table of paths to at.attribute_paths."
        )
    counts = np.concatenate([paths.conversions, paths.nulls])
    if len(counts) and not (np.isfinite(counts).all() and counts.min() >= 0):
        raise InputError("conversions and nulls of paths must be finite numbers of at least 0.")
    return paths
