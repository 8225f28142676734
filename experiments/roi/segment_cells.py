"""Segments made of one or several columns: their names, and the cells of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from experiments.moments import Moments

__all__ = ["By", "by_columns", "check_names", "segment_name", "split_segments"]

By = str | Sequence[str] | None
_ARRAYS = ("persons", "observed", "n", "means", "products", "cubes", "smallest", "largest")
_BETWEEN = " · "


def by_columns(by: object) -> tuple[str, ...]:
    """The columns of the segments; empty without segments.

    Raises:
        InputError: For anything but the name of a column or several different ones.

    Example:
        >>> by_columns(None), by_columns("tier"), by_columns(["tier", "wave"])
        ((), ('tier',), ('tier', 'wave'))
    """
    if by is None:
        return ()
    listed = (by,) if isinstance(by, str) else tuple(by) if isinstance(by, Sequence) else ()
    if not listed or not all(isinstance(name, str) for name in listed) or len(set(listed)) < len(listed):
        raise InputError(f"by must name one column of segments, or several different ones as a list, got {by!r}.")
    return tuple(str(name) for name in listed)


def segment_name(segment: object) -> str | None:
    """The name of a segment: its value, or the values of several columns with " · " between them.

    Example:
        >>> segment_name(None), segment_name(3), segment_name(("hunter", "wave 1"))
        (None, '3', 'hunter · wave 1')
    """
    if segment is None:
        return None
    return _BETWEEN.join(map(str, segment)) if isinstance(segment, tuple) else str(segment)


def check_names(segments: Iterable[object]) -> None:
    """Refuse different segments that would have one name.

    Raises:
        InputError: When two segments have the same name.
    """
    seen: dict[str | None, object] = {}
    for segment in dict.fromkeys(segments):
        name = segment_name(segment)
        if name in seen:
            raise InputError(
                f"the segments {seen[name]!r} and {segment!r} have one name, {name!r}. Rename a value of these columns."
            )
        seen[name] = segment


def split_segments(moments: Moments, wide: int) -> dict[str | None, Moments]:
    """The moments of every segment, without the first ``wide`` keys; one entry named None without segments."""
    if wide == 0:
        return {None: moments}
    found: dict[str | None, Moments] = {}
    for key in dict.fromkeys(cell[:wide] for cell in moments.cells):
        rows = np.array([cell[:wide] == key for cell in moments.cells])
        found[segment_name(key if wide > 1 else key[0])] = replace(
            moments,
            names=moments.names[wide:],
            cells=tuple(cell[wide:] for cell in moments.cells if cell[:wide] == key),
            **{name: getattr(moments, name)[rows] for name in _ARRAYS},
        )
    return found
