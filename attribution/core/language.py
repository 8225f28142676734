"""The language of displays: English unless the caller sets another; never taken from the locale."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LANGUAGES", "Language", "check_language", "current_language", "language", "set_language"]

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_current: ContextVar[Language] = ContextVar("wakelift_language", default="en")


def check_language(lang: str) -> Language:
    """Return ``lang`` if it is spoken here, else raise `InputError`."""
    for known in LANGUAGES:
        if lang == known:
            return known
    raise InputError(f'lang must be "en" or "zh", got {lang!r}.')


def current_language() -> Language:
    """The language in which results display themselves now."""
    return _current.get()


def set_language(lang: str) -> None:
    """Let every display from here on speak ``lang`` ("en" or "zh").

    Example:
        >>> import attribution as at
        >>> at.set_language("en")
    """
    _current.set(check_language(lang))


@contextmanager
def language(lang: str) -> Iterator[None]:
    """Let displays inside the ``with`` block speak ``lang``.

    Example:
        >>> import attribution as at
        >>> with at.language("zh"):
        ...     pass
    """
    token = _current.set(check_language(lang))
    try:
        yield
    finally:
        _current.reset(token)
