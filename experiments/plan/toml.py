"""Reading a TOML file strictly, with the place of every mistake."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from attribution.core.errors import PlanError
from experiments.plan.spelling import shown, shown_path

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_toml"]

_LONGEST = 200  # characters of a reason
_LARGEST = 4_000_000
_PLACE = re.compile(r"\s*\(at (?:(line \d+, column \d+)|(end of document))\)")


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        PlanError: When there is no such file, it cannot be read, is not UTF-8, or is not TOML.
    """
    name = f"file {shown(path.name)}"
    raw = _bytes(path, name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "is not UTF-8 text. Save the file as UTF-8 and run again."
        raise PlanError([(f"line {line}", message)], source=name) from error
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise PlanError([("file", "brackets are nested too deeply. This is not a plan.")], source=name) from error
    except ValueError as error:
        raise PlanError([_unreadable(error)], source=name) from error


def _unreadable(error: ValueError) -> tuple[str, str]:
    """Place and reason of what is not TOML; a number with thousands of digits is refused by Python itself."""
    said = str(error)
    found = _PLACE.search(said)
    place = (found[1] or found[2]) if found else "file"
    reason = _PLACE.sub("", said).strip()
    if len(reason) > _LONGEST:
        reason = f"{reason[:_LONGEST]}..."
    return place, f"this is not TOML: {reason.rstrip('.')}. Texts stand in quotes, dates do not."


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            reason = "is a folder. Name the plan file in it, for example plan.toml."
        elif not path.exists():
            reason = f"does not exist. Name an existing plan, or write one with: wakelift init{_address(path)}"
        elif not path.is_file():  # a device or a pipe might never end
            reason = "is not a file but a device or a pipe. Name a plan file."
        elif path.stat().st_size > _LARGEST:
            reason = f"has {path.stat().st_size:,} bytes; a plan has at most {_LARGEST:,}. This is not a plan."
        else:
            return path.read_bytes()
    except (OSError, ValueError) as error:  # too long a name, a null character, no permission
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}."
    raise PlanError([(shown_path(path), reason)], source=name)


def _address(path: Path) -> str:
    """What to do with a name that is an address of the network or of a home folder; empty for others."""
    text = path.as_posix()
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", text):
        return ". Nothing is fetched from the network: save the plan as a file first."
    return '. "~" is not a folder here: write the whole path.' if text.startswith("~") else ""
