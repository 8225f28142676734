"""Which files a path, a glob, a folder or a list of them stands for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.core.errors import closest

if TYPE_CHECKING:
    from attribution.core.tables import Problems
    from attribution.journeys.from_files import FilesLike

__all__ = ["ENDINGS", "FileList", "list_files"]

PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")
CSV = (".csv", ".tsv")
ENDINGS = (*PARQUET, *ARROW, *CSV)
_ALLOWED = ".parquet, .arrow, .feather, .csv or .tsv"


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of one table, in a fixed order.

    Attributes:
        name: What the table is, for messages: "touches", "conversions" ...
        paths: The files, sorted by name inside every folder and glob, in the order in which these were given.
    """

    name: str
    paths: tuple[Path, ...]


def list_files(data: FilesLike, name: str, problems: Problems) -> FileList:
    """The files that something stands for; what is not there is noted.

    Args:
        data: What `stands_for_files` accepts.
        name: What the table is.
        problems: Where problems are noted.
    """
    given = [data] if isinstance(data, (str, os.PathLike)) else data
    found: list[Path] = []
    for item in given:
        found += _files_of(os.fspath(item), name, problems)
    known: set[Path] = set()
    twice = []
    for path in found:
        place = path.resolve()
        if place in known:
            twice.append(path)
        known.add(place)
    if twice:
        message = "a file is given more than once, so its rows would count more than once; name each file once"
        problems.add("REPEATED_FILE", name, None, len(twice), message=message, examples=[p.as_posix() for p in twice])
    return FileList(name, tuple(dict.fromkeys(found)))


def _files_of(text: str, name: str, problems: Problems) -> list[Path]:
    if not text.strip():
        _missing(name, f"{text!r} names no file", problems)
        return []
    path = Path(text)
    try:
        if path.is_dir():
            return _of_folder(path, name, problems)
        if path.is_file():
            return _known_ending(path, name, problems)
    except (OSError, ValueError) as error:  # too long a name, a null character
        _missing(name, f"{text!r} cannot be opened: {error}", problems)
        return []
    if not has_magic(text):
        _missing(name, f"{text!r} does not exist. {_near(path)}", problems)
        return []
    matched = [Path(item) for item in sorted(glob(text, recursive=True))]  # noqa: PTH207 - Path's takes no absolute one
    found = [item for item in matched if item.is_file()]
    for folder in (item for item in matched if item.is_dir() and "**" not in text):
        found += _of_folder(folder, name, problems)
    if not found:
        _missing(name, f"no file matches {text!r}. {_near(_fixed_part(path))}", problems)
    return [item for path in found for item in _known_ending(path, name, problems)]


def _of_folder(folder: Path, name: str, problems: Problems) -> list[Path]:
    """The tables in a folder and below it; what begins with a point or an underscore is some writer's note."""
    inside = (
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )
    found = sorted(inside)
    if not found:
        _missing(name, f"the folder {folder.as_posix()!r} holds no file that ends in {_ALLOWED}", problems)
    return found


def _known_ending(path: Path, name: str, problems: Problems) -> list[Path]:
    if path.suffix.lower() in ENDINGS:
        return [path]
    message = f"{path.as_posix()!r} has an ending that is not known. Allowed: {_ALLOWED}; read other files first"
    _missing(name, message, problems)
    return []


def _missing(name: str, message: str, problems: Problems) -> None:
    problems.add("NO_FILE", name, None, 1, message=message)


def _fixed_part(pattern: Path) -> Path:
    """The pattern down to the first part with a wildcard, whose folder can be listed."""
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if has_magic(part))
    return Path(*parts[: first + 1])


def _near(path: Path) -> str:
    """The closest names in the folder that would hold a path, or which part of the path is missing."""
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {folder.as_posix()!r} does not exist."
    names = [item.name for item in folder.iterdir() if not item.name.startswith(".")]
    return f"{closest(path.name, names)}" if names else f"The folder {folder.as_posix()!r} is empty."
