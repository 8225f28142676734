"""Whether the `attribution` that Python found is the one that belongs to this package.

Package indexes hold other distributions called `attribution`, and a local folder of that name comes before any of them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

__all__ = ["check_attribution"]

_MENDED = "python -m pip install --force-reinstall wakelift"


def check_attribution() -> None:
    """Raise ImportError, with how to mend it, unless the `attribution` that is imported is ours.

    Ours stands beside this package (same checkout, or same site-packages) and has the same version file.

    Raises:
        ImportError: When `attribution` is missing or is another package.

    Example:
        >>> check_attribution()
    """
    home = Path(__file__).resolve().parent.parent
    try:
        found = import_module("attribution")
    except ImportError as error:
        raise ImportError(
            f"the package `attribution` of wakelift, which should stand in {home}, cannot be imported: {error}. "
            f"Mend it with: {_MENDED}"
        ) from error
    place = _place(found)
    if place is None or place.parent != home or not (place / "_version.py").is_file():
        raise ImportError(
            f"`import attribution` found {place or found!r}, which is not the `attribution` of wakelift (that one "
            f"stands in {home / 'attribution'}). Another distribution of that name is installed, or a local folder or "
            f"file of that name shadows ours. What to do: if it is a distribution, uninstall it and run: {_MENDED}; "
            f"if it is your own folder or file, rename it, or run from another directory."
        )


def _place(module: object) -> Path | None:
    """The folder of a package; None for a namespace package, which has no file."""
    file = getattr(module, "__file__", None)
    return None if file is None else Path(file).resolve().parent
