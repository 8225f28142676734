"""`make bench-quick`: has anything become slow? One million touches, about a minute, ratios only.

Each limit lies about 40 % from the ratio that was measured when it was set, because ratios on a shared machine stray
that far; a real loss (a copy of every touch, a sort of all of them) is larger. When ours becomes faster the limits
should follow: ``--show`` prints the ratios beside them and never fails.
"""

from __future__ import annotations

import argparse
import os
import sys

import numpy as np
import pyarrow.parquet as pq

from benchmarks.suite import duckdb_queries, ours, polars_queries, table
from benchmarks.suite.comparisons import OURS, Task
from benchmarks.suite.memory import COLUMNS, in_fresh_process
from benchmarks.suite.run import FOLDER
from benchmarks.suite.side_by_side import Entry, in_turns

ROWS, ROUNDS = 1_000_000, 7
REFERENCE = "np.sort of as many integers, and reading the columns"
DUCKDB, POLARS = "DuckDB, group by and join back", "Polars, group by and join back, streaming"
INTERVALS, FRAMES, CHECKED = f"{OURS}, with 95 % intervals", f"{OURS}, pandas tables", "validation alone"
# Their time over ours, at least.
FLOORS = {
    "integers": {REFERENCE: 0.3, DUCKDB: 0.6, POLARS: 1.0},
    "strings": {REFERENCE: 0.3, DUCKDB: 0.6, POLARS: 1.0},
}
# What else of ours costs, over plain `at.attribute` on Arrow tables, at most.
CEILINGS = {INTERVALS: 2.8, FRAMES: 1.9, CHECKED: 0.4}
BYTES_PER_TOUCH = 90.0


def entries(task: Task) -> list[Entry]:
    """Ours, fixed work to measure it by, two competitors, and more of ours."""
    numbers = np.random.Generator(np.random.PCG64(1)).integers(0, 2**62, ROWS)
    connection = duckdb_queries.load(*task.arrow, threads=os.cpu_count() or 1)
    frames = tuple(one.to_pandas() for one in task.arrow)

    def fixed_work() -> None:
        np.sort(numbers)
        pq.read_table(task.places[0], columns=COLUMNS)
        pq.read_table(task.places[1])

    return [
        Entry(OURS, lambda: ours.run(*task.arrow)),
        Entry(REFERENCE, fixed_work, cells=None),
        Entry(DUCKDB, lambda: duckdb_queries.run(connection, "group by, joined back")),
        Entry(POLARS, lambda: polars_queries.run(*task.polars, "group by, joined back")),
        Entry(INTERVALS, lambda: ours.run(*task.arrow, level=0.95)),
        Entry(FRAMES, lambda: ours.run(*frames)),
        Entry(CHECKED, lambda: ours.validate(*task.arrow), cells=None),
    ]


def compare(task: Task) -> list[table.Row]:
    """The rows of one kind of ids."""
    timed = in_turns(entries(task), task.expected, ROUNDS)
    limits = {name: table.Goal(low, low) for name, low in FLOORS[task.ids].items()}
    limits |= {name: table.Goal(high, high, smaller=True) for name, high in CEILINGS.items()}
    return [table.Row(name, task.ids, *timed.ratio(name, OURS), limit) for name, limit in limits.items()]


def memory() -> table.Row:
    """Extra bytes per touch."""
    extra = in_fresh_process("ours", ROWS, "integers", FOLDER)["extra"] / ROWS
    limit = table.Goal(BYTES_PER_TOUCH, BYTES_PER_TOUCH, smaller=True)
    return table.Row("extra bytes per touch", "integers", extra, goal=limit)


def main() -> int:
    """Print the ratios; 1 when one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print only, never fail")
    options = parser.parse_args()
    rows = [row for ids in FLOORS for row in compare(Task.make(ROWS, ids, FOLDER))]
    rows.append(memory())
    print(table.plain(rows))
    beyond = [row for row in rows if row.goal.met(row.ratio) == "no"]
    for row in beyond:
        print(f"beyond its limit: {row.against} ({row.ids})", file=sys.stderr)
    return 1 if beyond and not options.show else 0


if __name__ == "__main__":
    sys.exit(main())
