"""The comparisons of the page: who runs beside whom, on what, with which goal."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.suite import data, duckdb_queries, ours, pandas_query, peers, polars_queries
from benchmarks.suite.memory import COLUMNS
from benchmarks.suite.side_by_side import Entry, Rounds, best, in_turns
from benchmarks.suite.table import Goal, Row, row

OURS, AS_READ = "at.attribute", "at.attribute, plain texts in many chunks"
DUCKDB, POLARS = "DuckDB, own table", "Polars, in memory"
PANDAS = "pandas, merge and group by"
READ = "reading the Parquet columns (pyarrow)"
READ_POLARS = "reading the Parquet columns (Polars)"
MAM, CHANNEL = "marketing-attribution-models, with its sessions", "ChannelAttribution (three models), with its paths"
FILES, READ_FIRST = "at.attribute, from files", "read with pyarrow, then at.attribute"
DUCKDB_FILES, POLARS_FILES = "DuckDB, from Parquet", "Polars, from Parquet"
GOALS = {
    DUCKDB: Goal(2.0, 3.0), POLARS: Goal(1.4, 2.0), PANDAS: Goal(5, 10), MAM: Goal(10, 15), CHANNEL: Goal(4, 6),
    DUCKDB_FILES: Goal(1.3, 2.0), POLARS_FILES: Goal(1.1, 1.6), READ: Goal(2.8, 1.5, smaller=True),
}  # fmt: skip
SMALL_GOALS = {POLARS: Goal(0.5, 1.0)}


@dataclass(frozen=True)
class Task:
    """The tables of one comparison, in the kinds that the competitors hold, and the numbers expected."""

    ids: str
    places: tuple[Path, Path]
    arrow: tuple[pa.Table, pa.Table]
    polars: tuple[pl.LazyFrame, pl.LazyFrame]
    expected: np.ndarray

    def own_arrow(self) -> tuple[pa.Table, pa.Table]:
        """Ours as an analyst would hold it: in one piece, channels as a dictionary, as DuckDB has its enumeration."""
        touches = self.arrow[0].combine_chunks()
        place = touches.schema.get_field_index("channel")
        channels = touches.column("channel").combine_chunks().dictionary_encode()
        return touches.set_column(place, "channel", channels), self.arrow[1].combine_chunks()

    def own_polars(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """The same for Polars."""
        touches = pl.from_arrow(self.arrow[0], rechunk=True).with_columns(pl.col("channel").cast(polars_queries.PLACES))
        return touches.rechunk().lazy(), pl.from_arrow(self.arrow[1], rechunk=True).lazy()

    @classmethod
    def make(cls, rows: int, ids: str, folder: Path) -> Task:
        """Tables of `rows` touches; the expected numbers are those of the DuckDB query with window functions."""
        places = data.files(rows, ids, folder)
        arrow = pq.read_table(places[0], columns=COLUMNS), pq.read_table(places[1])
        polars = tuple(pl.from_arrow(table).lazy() for table in arrow)
        expected = duckdb_queries.run(duckdb_queries.connect(), "window functions", *places)
        return cls(ids, places, arrow, polars, expected)

    def size(self) -> str:
        """How much there is to do."""
        touches, conversions = (table.num_rows for table in self.arrow)
        untouched = self.expected[0, -1, 0] / conversions
        return f"{self.ids}: {touches:,} touches, {conversions:,} conversions, {untouched:.1%} without a touch"


def duckdb_entries(task: Task) -> list[Entry]:
    """Every idiom on tables of DuckDB's own."""
    connection = duckdb_queries.load(*task.arrow, threads=os.cpu_count() or 1)
    return [
        Entry(f"{DUCKDB}: {idiom}", lambda idiom=idiom: duckdb_queries.run(connection, idiom))
        for idiom in duckdb_queries.QUERIES
    ]


def polars_entries(task: Task) -> list[Entry]:
    """Every idiom, streaming and not, on tables in memory."""
    frames = task.own_polars()
    return [
        Entry(
            f"{POLARS}: {idiom}, {engine}",
            lambda idiom=idiom, engine=engine: polars_queries.run(*frames, idiom, engine),
        )
        for idiom in polars_queries.QUERIES
        for engine in ("streaming", "in-memory")
    ]


def reading(place: str, task: Task) -> Entry:
    """Reading the same columns of both files and nothing else."""
    read = pq.read_table if place == READ else pl.read_parquet
    return Entry(place, lambda: [read(task.places[0], columns=COLUMNS), read(task.places[1])], cells=None)


def in_memory(task: Task, rounds: int, goals: Mapping[str, Goal] = GOALS) -> tuple[list[Row], Rounds]:
    """Ours on Arrow tables beside the best of DuckDB and of Polars, and beside reading the files."""
    duck, pole = best(duckdb_entries(task), task.expected), best(polars_entries(task), task.expected)
    own = task.own_arrow()
    mine = [Entry(OURS, lambda: ours.run(*own)), Entry(AS_READ, lambda: ours.run(*task.arrow))]
    entries = [*mine, duck, pole, reading(READ, task), reading(READ_POLARS, task)]
    timed = in_turns(entries, task.expected, rounds)
    found = [
        row(timed, duck.name, OURS, ids=task.ids, goal=goals.get(DUCKDB)),
        row(timed, pole.name, OURS, ids=task.ids, goal=goals.get(POLARS)),
    ]
    found.append(
        Row("our time for plain texts in many chunks over our own layout", task.ids, *timed.ratio(AS_READ, OURS))
    )
    for place, goal in ((READ, goals.get(READ)), (READ_POLARS, None)):
        found.append(Row(f"our time over {place}", task.ids, *timed.ratio(OURS, place), goal))
    return found, timed


def packages(task: Task, rounds: int) -> tuple[list[Row], Rounds]:
    """Ours beside pandas and the two packages; all fast enough to wait for in a few rounds."""
    frames = tuple(table.to_pandas() for table in task.arrow)
    entries = [Entry(OURS, lambda: ours.run(*task.arrow)), Entry(PANDAS, lambda: pandas_query.run(*frames))]
    # Values only, and ages in whole seconds; then counts and values of three models.
    asked = {
        MAM: Entry(MAM, lambda: peers.mam(*task.polars), lambda found: found[:, :, 1], tolerance=1e-6),
        CHANNEL: Entry(CHANNEL, lambda: peers.channel_attribution(*task.polars), lambda found: found[:3]),
    }
    there = {MAM: not peers.absent("marketing-attribution-models"), CHANNEL: not peers.absent("ChannelAttribution")}
    entries += [entry for name, entry in asked.items() if there[name]]
    timed = in_turns(entries, task.expected, rounds)
    return [
        row(timed, name, OURS, ids=task.ids, goal=GOALS[name])
        if there.get(name, True)
        else Row(name, task.ids, None, goal=GOALS[name], note=peers.WHY_ABSENT)
        for name in (PANDAS, MAM, CHANNEL)
    ], timed


def from_files(task: Task, rounds: int) -> tuple[list[Row], Rounds]:
    """From the files to the answer: ours given the places, ours after reading, DuckDB and Polars scanning."""
    connection = duckdb_queries.connect(os.cpu_count() or 1)
    scans = [pl.scan_parquet(place) for place in task.places]
    duck = [
        Entry(f"{DUCKDB_FILES}: {idiom}", lambda idiom=idiom: duckdb_queries.run(connection, idiom, *task.places))
        for idiom in duckdb_queries.QUERIES
    ]
    pole = [
        Entry(f"{POLARS_FILES}: {idiom}", lambda idiom=idiom: polars_queries.run(*scans, idiom))
        for idiom in polars_queries.QUERIES
    ]
    chosen = best(duck, task.expected), best(pole, task.expected)
    mine = [
        Entry(FILES, lambda: ours.run_files(*task.places)),
        Entry(READ_FIRST, lambda: ours.run(*(pq.read_table(place) for place in task.places))),
    ]
    timed = in_turns([*mine, *chosen], task.expected, rounds)
    goals = GOALS[DUCKDB_FILES], GOALS[POLARS_FILES]
    rows = [row(timed, one.name, FILES, ids=task.ids, goal=goal) for one, goal in zip(chosen, goals, strict=True)]
    return [*rows, row(timed, READ_FIRST, FILES, ids=task.ids)], timed


def own_inputs(task: Task, rounds: int) -> tuple[list[Row], Rounds]:
    """Ours beside ours: kinds of tables, engines, touch ids, intervals, and validation alone."""
    touches, conversions = task.arrow
    numbered = touches.append_column("touch_id", data.scattered(np.arange(touches.num_rows)))
    coded = touches.set_column(2, "channel", touches["channel"].dictionary_encode())
    frames = tuple(table.to_pandas() for table in task.arrow)
    eager = tuple(frame.collect() for frame in task.polars)
    connection = duckdb_queries.load(touches, conversions, threads=os.cpu_count() or 1)
    engine = connection.table("touches"), connection.table("conversions")
    variants = {
        "pandas tables": lambda: ours.run(*frames),
        "Polars tables": lambda: ours.run(*eager),
        "Polars lazy tables": lambda: ours.run(*task.polars),
        "DuckDB tables, in the engine": lambda: ours.run(*engine),
        "channels dictionary-encoded": lambda: ours.run(coded, conversions),
        "with 95 % intervals": lambda: ours.run(*task.arrow, level=0.95),
    }
    entries = [Entry(OURS, lambda: ours.run(*task.arrow))]
    entries += [Entry(f"{OURS}, {name}", call) for name, call in variants.items()]
    # Touch ids decide ties in place of the channel: other numbers, rightly.
    entries += [
        Entry(f"{OURS}, with touch ids", lambda: ours.run(numbered, conversions), cells=None),
        Entry("validation alone", lambda: ours.validate(*task.arrow), cells=None),
    ]
    timed = in_turns(entries, task.expected, rounds)
    return [row(timed, one.name, OURS, ids=task.ids) for one in entries[1:]], timed


def tasks(rows: int, ids: tuple[str, ...], folder: Path) -> Iterator[Task]:
    """The tasks one after another; the former one's tables are let go first."""
    for kind in ids:
        gc.collect()
        yield Task.make(rows, kind, folder)
