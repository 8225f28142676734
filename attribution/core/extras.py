"""Optional dependencies: loaded when asked for, and missed in words that say how to install them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from attribution.core.errors import ExtraNeededError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["needed"]


def needed(module: str, *, extra: str) -> ModuleType:
    """The module, or `ExtraNeededError` that names the extra to install."""
    try:
        return import_module(module)
    except ImportError as error:
        message = f"{module} is not installed. Install it with: python -m pip install 'wakelift[{extra}]'"
        raise ExtraNeededError(message) from error
