"""Tables written to files in many ways, and the credit of files against that of the same table in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

import attribution as at

PERSONS = ("first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "position_based")
PATHS = ("markov", "shapley", "shapley_rate")


@st.composite
def layouts(draw, rows):
    """How the rows of a table are spread: their order, files, rows of a group, types of text and time."""
    cuts = sorted(draw(st.lists(st.integers(0, rows), max_size=3)))
    return {
        "order": draw(st.permutations(range(rows))) if rows else [],
        "cuts": [0, *cuts, rows],
        "group": draw(st.integers(1, 7)),
        "text": draw(st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])),
        "unit": draw(st.sampled_from(["us", "ns"])),
        "ending": draw(st.sampled_from([".parquet", ".arrow"])),
    }


def write(folder, table, layout=None):
    """Write a table to several files of a folder; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    layout = layout or {"order": None, "cuts": [0, table.num_rows], "group": 5, "ending": ".parquet"}
    if layout["order"] is not None:
        table = table.take(pa.array(layout["order"], pa.int64()))
    table = _cast(table, layout)
    for number, (begin, end) in enumerate(zip(layout["cuts"][:-1], layout["cuts"][1:], strict=True)):
        part, path = table.slice(begin, end - begin), folder / f"part-{number}{layout['ending']}"
        if layout["ending"] == ".parquet":
            pq.write_table(part, path, row_group_size=layout["group"])
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                for batch in part.combine_chunks().unify_dictionaries().to_batches(layout["group"]):
                    writer.write(batch)
    return folder


def _cast(table, layout):
    fields = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_string(kind) and field.name == "channel":
            kind = layout.get("text", kind)
        if pa.types.is_timestamp(kind):
            kind = pa.timestamp(layout.get("unit", kind.unit), kind.tz)
        fields.append(pa.field(field.name, kind))
    return table.cast(pa.schema(fields))


def same(credit, expected, keys=None):
    """Assert that two credits are equal, to 1e-9 of the totals."""
    left, right = (item.by(keys) if keys else item for item in (credit, expected))
    left, right = left.table(), right.table()
    pd.testing.assert_frame_equal(left, right, rtol=1e-9, atol=1e-9)


def problems(call, *args, **options):
    """What is wrong with the tables: code, table, column, count and examples of every problem."""
    try:
        call(*args, **options)
    except at.TableError as error:
        return sorted(
            (issue.code, issue.table, str(issue.column), issue.count, issue.examples) for issue in error.issues
        )
    return []


def plain_tables(touches=400, persons=40, seed=3, text=False):
    """Touches and conversions of some persons over sixty days, without anything special."""
    random = np.random.default_rng(seed)
    day = 86_400_000_000

    def ids(numbers):
        return pa.array([f"客户{number:03d}" for number in numbers.tolist()] if text else numbers)

    def times(size):
        return pa.array(random.integers(0, 60 * day, size) + 1_790_000_000_000_000, pa.timestamp("us", "UTC"))

    log = pa.table(
        {
            "person_id": ids(random.integers(0, persons, touches)),
            "time": times(touches),
            "channel": pa.array(random.choice(["sms", "phone", "push", "email"], touches, p=[0.4, 0.3, 0.2, 0.1])),
            "campaign": pa.array(random.choice(["a", "b", "c"], touches)),
        }
    )
    orders = touches // 10
    bought = pa.table(
        {
            "person_id": ids(random.integers(0, persons * 2, orders)),
            "time": times(orders),
            "conversion_id": pa.array(np.arange(orders)),
            "value": pa.array(np.round(random.exponential(100, orders), 2)),
        }
    )
    return log, bought
