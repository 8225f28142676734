"""Key columns of touches in files: what only rows have that were left in the files has a row of the table, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.tables import Table, open_table
from attribution.core.values import Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from attribution.journeys.plan import Journeys

__all__ = ["left_out_rows", "longer_table", "with_channels"]


def left_out_rows(journeys: Journeys, names: Sequence[str]) -> pa.Table | None:
    """The different rows of some columns among all touches; None where all touches are in memory, or no more is needed.

    Args:
        journeys: The journeys.
        names: Columns of the touches; an empty name stands for the channel.
    """
    table = journeys.touches.table
    combinations = getattr(table, "combinations", None)
    wanted = list(dict.fromkeys(name or table.roles.channel for name in names))
    # The names of channels are known of all touches.
    if combinations is None or not wanted or wanted == [table.roles.channel]:
        return None
    found: pa.Table = combinations(wanted)
    return found


def longer_table(table: Table, name: str, more: pa.Table) -> Table:
    """A table of one column, the given one with further rows behind."""
    import pyarrow as pa

    column = table.chunks(name)
    rows = pa.chunked_array([*column.chunks, *more.column(name).cast(column.type).chunks], column.type)
    return open_table(pa.table({name: rows}), table.name, table.roles, problems=table.problems)


def with_channels(journeys: Journeys, more: pa.Table) -> Labels:
    """The channels of the touches with those of further rows behind."""
    found = journeys.touches.channel
    known = {name: code for code, name in enumerate(found.names.tolist())}
    column = more.column(journeys.touches.table.roles.channel).to_pylist()
    codes = [known[name] if name in known else known[str(name)] for name in column]
    return Labels(np.append(found.codes, np.array(codes, found.codes.dtype)), found.names)
