"""Tables out of workbooks: the first sheet, with ids as text, and a limit on what a small file may unpack to."""

from __future__ import annotations

import warnings
import zipfile
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

from attribution.core.errors import ExtraNeededError, InputError
from experiments.plan.file_reading import KEYS, first_line, unreadable

if TYPE_CHECKING:
    from experiments.plan.file_reading import FileReading

__all__ = ["LIMIT", "read"]

# A sheet of a million full rows unpacks to some 400 MB; a "zip bomb" of a few kilobytes to as much as it likes.
LIMIT = 1 << 30


def read(reading: FileReading) -> Any:
    """The first sheet as a pandas data frame.

    Raises:
        InputError: For what is no workbook, or one that unpacks to more than the limit.
        ExtraNeededError: When openpyxl is not installed.
    """
    reading.must_be(".xlsx")
    source: Any = BytesIO(reading.content) if reading.content is not None else reading.path
    _must_be_small(reading, source)
    if find_spec("openpyxl") is None:
        raise ExtraNeededError("openpyxl, which reads .xlsx, is not installed. Run: python -m pip install openpyxl")
    import pandas as pd

    keys = {reading.columns.name_of(role): str for role in KEYS}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl tells of styles that it does not know
            frame = pd.read_excel(
                source, sheet_name=0, dtype=keys, keep_default_na=False, na_values=[""], engine="openpyxl"
            )
    except MemoryError:
        raise
    except Exception as error:  # broken workbooks raise whatever the reader stumbles over
        raise InputError(unreadable(reading, f"the workbook is broken ({first_line(error).rstrip('.')})")) from error
    frame.columns = [str(name) for name in frame.columns]
    return frame


def _must_be_small(reading: FileReading, source: Any) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            size = sum(item.file_size for item in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        reason = f"it is no workbook, or a broken one ({first_line(error).rstrip('.')})"
        raise InputError(unreadable(reading, reason)) from error
    if size > LIMIT:
        reason = f"it unpacks to {size:,} bytes, and {LIMIT:,} are allowed; use .csv or .parquet"
        raise InputError(unreadable(reading, reason))
