"""Path transforms: what is left of a path, step by step; on flat paths, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.rules import Transform

__all__ = ["kept_by_transforms"]


def kept_by_transforms(
    counts: NDArray[np.int64],
    channel: NDArray[np.int64],
    names: NDArray[np.object_],
    transforms: Sequence[Transform],
) -> NDArray[np.bool_]:
    """Which steps of some paths the transforms leave, each transform working on what the one before it left.

    Args:
        counts: Number of steps of each path; a path may be empty.
        channel: Channel codes of all steps, path after path.
        names: The channels' names.
        transforms: As `attribution.Rules` holds them.

    Example:
        >>> import numpy as np
        >>> names = np.array(["a", "b"], dtype=object)
        >>> kept_by_transforms(np.array([4]), np.array([0, 0, 1, 0]), names, ("exposure",)).tolist()
        [True, False, True, True]
        >>> kept_by_transforms(np.array([4]), np.array([0, 0, 1, 0]), names, ("exposure", "last")).tolist()
        [False, False, True, True]
    """
    path = np.repeat(np.arange(len(counts)), counts)
    steps = np.arange(len(channel))
    for transform in transforms:
        kept = _kept(path[steps], channel[steps], names, transform)
        steps = steps[kept]
    result = np.zeros(len(channel), bool)
    result[steps] = True
    return result


def _kept(
    path: NDArray[np.int64], channel: NDArray[np.int64], names: NDArray[np.object_], transform: Transform
) -> NDArray[np.bool_]:
    if not len(path):
        return np.zeros(0, bool)
    if isinstance(transform, tuple):
        name, argument = transform
        if name == "trim_long_path":
            return np.asarray(_last_places(path) - np.arange(len(path)) < int(argument))
        return _without(path, np.array([str(known) == argument for known in names], bool)[channel], name)
    if transform == "first":
        return _once(path, channel, len(names))
    if transform == "last":
        return _once(path[::-1], channel[::-1], len(names))[::-1]
    kept = np.ones(len(path), bool)  # exposure: a run counts once
    kept[1:] = (path[1:] != path[:-1]) | (channel[1:] != channel[:-1])
    return kept


def _once(path: NDArray[np.int64], channel: NDArray[np.int64], width: int) -> NDArray[np.bool_]:
    """The first step of each channel in each path."""
    _, first = np.unique(path * width + channel, return_index=True)
    kept = np.zeros(len(path), bool)
    kept[first] = True
    return kept


def _last_places(path: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of the last step of each step's path."""
    return np.searchsorted(path, path, side="right").astype(np.int64) - 1


def _without(path: NDArray[np.int64], named: NDArray[np.bool_], name: str | int) -> NDArray[np.bool_]:
    """Paths without the named channel's steps (those at the end only); a path of nothing else stays as it is."""
    others = np.bincount(path, weights=~named, minlength=int(path[-1]) + 1)
    alone = others[path] == 0
    if name == "remove_if_not_all":
        return np.asarray(~named | alone)
    last_other = np.full(int(path[-1]) + 1, -1, np.int64)
    places = np.flatnonzero(~named)
    last_other[path[places]] = places  # of a repeated index the last assignment stays: the latest place
    return np.asarray((np.arange(len(path)) <= last_other[path]) | alone)
