"""Tables out of Parquet and Arrow files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from experiments.plan.file_reading import ARROW

if TYPE_CHECKING:
    import pyarrow as pa

    from experiments.plan.file_reading import FileReading

__all__ = ["read"]


def read(reading: FileReading) -> pa.Table:
    """The table of one file, checked to the last offset."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    reading.must_be(".arrow" if reading.ending in ARROW else ".parquet")
    # Never a file of Python's: Arrow's threads may outlive the reading, and one that waits for the interpreter while it
    # ends aborts the program (apache/arrow#34314, #50482). The path as bytes: not every name is UTF-8.
    content = reading.content
    with pa.BufferReader(content) if content is not None else pa.OSFile(os.fsencode(reading.path), "rb") as file:
        # One file is one table: a folder called "a=b" above it is no partition.
        table = pa.ipc.open_file(file).read_all() if reading.ending in ARROW else pq.ParquetFile(file).read()
    # Arrow trusts what a file says of itself: a damaged offset would end the program without a word.
    table.validate(full=True)
    return table
