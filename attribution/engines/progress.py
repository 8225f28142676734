"""A bar of the rows read, on standard error when that is a terminal."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["RowBar", "check_progress"]


def check_progress(given: object) -> bool | None:
    """Whether a bar is shown; None: when standard error is a terminal.

    Raises:
        InputError: For anything but True, False and None.
    """
    if given is None or isinstance(given, bool):
        return given
    raise InputError(f"progress must be True, False or None (a bar when it is read on a terminal), got {given!r}.")


class RowBar:
    """Counts the rows that threads have read."""

    def __init__(self, *, shown: bool | None, rows: int | None, what: str) -> None:
        self._shown, self._rows, self._what = shown, rows, what
        self._bar: Any = None
        self._lock = Lock()

    def __enter__(self) -> RowBar:
        if self._shown is not False:
            from tqdm import tqdm

            disable = None if self._shown is None else False  # None: silent unless standard error is a terminal
            self._bar = tqdm(
                total=self._rows, desc=self._what, unit=" rows", unit_scale=True, leave=False, disable=disable
            )
        return self

    def add(self, rows: int) -> None:
        """Count rows that have been read."""
        if self._bar is not None:
            with self._lock:
                self._bar.update(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
