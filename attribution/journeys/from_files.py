"""Tables that are given as files: what stands for them, and the way up to where files are read."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from attribution.journeys.plan import Journeys

__all__ = ["FilesLike", "journeys_of_files", "stands_for_files", "whole_tables"]

FilesLike: TypeAlias = "str | os.PathLike[str] | list[str | os.PathLike[str]] | tuple[str | os.PathLike[str], ...]"


def stands_for_files(data: object) -> TypeGuard[FilesLike]:
    """Whether something stands for files: a path, a glob, a folder, or a list of such.

    Example:
        >>> stands_for_files("touches/*.parquet"), stands_for_files(["a.parquet", "b.parquet"])
        (True, True)
        >>> stands_for_files([1, 2]), stands_for_files(None)
        (False, False)
    """
    if isinstance(data, (str, os.PathLike)):
        return True
    return isinstance(data, (list, tuple)) and len(data) > 0 and all(isinstance(x, (str, os.PathLike)) for x in data)


def journeys_of_files(given: dict[str, Any], **options: Any) -> Journeys:
    """The journeys of touches in files; see `attribution.engines.files`.

    Args:
        given: What was passed for each table.
        options: The other arguments of `build_journeys`.
    """
    # Engines stand on journeys; this function only hands the files upwards.
    found: Journeys = import_module("attribution.engines.files").journeys_of_files(given, **options)
    return found


def whole_tables(given: dict[str, Any], columns: Any) -> dict[str, Any]:
    """The tables with those that are files read into memory, all of them.

    Args:
        given: What was passed for each table.
        columns: The user's names of the columns.

    Raises:
        TableError: Lists every file that is missing or cannot be read.
    """
    if not any(stands_for_files(data) for data in given.values()):
        return given
    found: dict[str, Any] = import_module("attribution.engines.files").whole_tables(given, columns)
    return found
