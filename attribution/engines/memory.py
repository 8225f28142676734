"""A budget of memory, as people write it."""

from __future__ import annotations

import re

from attribution.core.errors import InputError
from attribution.core.whole import is_whole

__all__ = ["memory_text", "parse_memory", "release_memory"]

_UNITS = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30,
    "TIB": 2**40,
}  # fmt: skip
_LEAST = 16 * 2**20
_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


def parse_memory(given: object) -> int | None:
    """A budget in bytes; None stays None: no budget.

    Args:
        given: "4GB", "512MB", "2GiB", a whole number of bytes, or None.

    Raises:
        InputError: For anything else, and for less than 16 MiB.

    Example:
        >>> parse_memory("4GB"), parse_memory("1.5 GiB"), parse_memory(100_000_000)
        (4000000000, 1610612736, 100000000)
    """
    if given is None:
        return None
    found: int | None = None
    if is_whole(given):
        found = int(given)
    elif isinstance(given, str):
        parts = _FORM.fullmatch(given)
        if parts is not None and parts[2].upper() in _UNITS and (parts[2] or parts[1].isdigit()):
            found = int(float(parts[1]) * _UNITS[parts[2].upper()])
    if found is None:
        raise InputError(
            f'memory must be an amount such as "4GB", "512MB", "2GiB" or a number of bytes, got {given!r}.'
        )
    if found < _LEAST:
        raise InputError(f"memory must be at least 16 MiB, got {given!r}: no block of rows fits less.")
    return found


def release_memory() -> None:
    """Give back what Arrow keeps for later; reading has needed it, sums do not."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def memory_text(size: float) -> str:
    """An amount as people read it.

    Example:
        >>> memory_text(4_000_000_000), memory_text(52_000_000)
        ('4.0 GB', '52 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
