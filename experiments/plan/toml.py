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
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        found = _PLACE.search(said)
        place = (found[1] or found[2]) if found else "file"
        reason = _PLACE.sub("", said).strip()
        raise PlanError(
            [(place, f"this is not TOML: {reason}. Texts stand in quotes, dates do not.")], source=name
        ) from error


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            reason = "is a folder. Name the plan file in it, for example plan.toml."
        elif not path.exists():
            reason = "does not exist. Name an existing plan, or write one with: wakelift init"
        else:
            return path.read_bytes()
    except (OSError, ValueError) as error:  # too long a name, a null character, no permission
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}."
    raise PlanError([(shown_path(path), reason)], source=name)
