"""Peak extra memory of one call in a fresh process, above what was resident when its input had been loaded.

Run as ``python -m benchmarks.suite.memory WHO ROWS IDS FOLDER [LIMIT]``; prints one line of JSON. Before the call the
process runs the same on a thousand rows (imports, thread pools), loads its input, and gives freed memory back to the
system, so that the garbage of loading cannot be used again unseen. The peak is the kernel's own high-water mark, set
back before the call; a thread that looks every few milliseconds says how far above the start the process was, too.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.suite import data

Call = Callable[[], object]
COLUMNS = ["person_id", "time", "channel"]


def _ours(touches: Path, conversions: Path) -> Call:
    from benchmarks.suite import ours

    both = pq.read_table(touches, columns=COLUMNS), pq.read_table(conversions)
    return lambda: ours.run(*both)


def _ours_intervals(touches: Path, conversions: Path) -> Call:
    from benchmarks.suite import ours

    both = pq.read_table(touches, columns=COLUMNS), pq.read_table(conversions)
    return lambda: ours.run(*both, level=0.95)


def _ours_files(touches: Path, conversions: Path, limit: str | None = None) -> Call:
    from benchmarks.suite import ours

    return lambda: ours.run_files(touches, conversions, memory=limit)


def _duckdb(touches: Path, conversions: Path) -> Call:
    from benchmarks.suite import duckdb_queries

    connection = duckdb_queries.load(pq.read_table(touches), pq.read_table(conversions), threads=os.cpu_count() or 1)
    return lambda: duckdb_queries.run(connection, "group by, joined back")


def _polars(touches: Path, conversions: Path) -> Call:
    import polars as pl

    from benchmarks.suite import polars_queries

    both = pl.read_parquet(touches, columns=COLUMNS).lazy(), pl.read_parquet(conversions).lazy()
    return lambda: polars_queries.run(*both, "group by, joined back")


def _pandas(touches: Path, conversions: Path) -> Call:
    import pandas as pd

    from benchmarks.suite import pandas_query

    both = pd.read_parquet(touches, columns=COLUMNS), pd.read_parquet(conversions)
    return lambda: pandas_query.run(*both)


WHO: dict[str, Callable[..., Call]] = {
    "ours": _ours, "ours, intervals": _ours_intervals, "ours, files": _ours_files, "DuckDB, own table": _duckdb,
    "Polars, in memory": _polars, "pandas": _pandas,
}  # fmt: skip


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _high_water() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def _give_back() -> None:
    """Give freed memory back, then let the kernel's high-water mark start anew."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        print("this C library gives no memory back on demand: the figures may be too small", file=sys.stderr)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


class Sampler(threading.Thread):
    """The largest resident size seen every two milliseconds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.largest, self.ended = resident(), threading.Event()

    def run(self) -> None:
        """Look until told to end."""
        while not self.ended.wait(0.002):
            self.largest = max(self.largest, resident())


def measure(who: str, rows: int, ids: str, folder: Path, *limit: str) -> dict[str, float]:
    """Bytes above the start and seconds of one call, in this process."""
    WHO[who](*data.files(1000, ids, folder), *limit)()
    call = WHO[who](*data.files(rows, ids, folder), *limit)
    _give_back()
    start, sampler = resident(), Sampler()
    sampler.start()
    began = time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    sampler.ended.set()
    sampler.join()
    return {
        "rows": rows,
        "seconds": seconds,
        "loaded": start,
        "extra": _high_water() - start,
        "sampled": sampler.largest - start,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def in_fresh_process(who: str, rows: int, ids: str, folder: Path, *limit: str) -> dict[str, float]:
    """The same in a process of its own; its last words when it fails."""
    data.files(rows, ids, folder)
    command = [sys.executable, "-m", "benchmarks.suite.memory", who, str(rows), ids, str(folder), *limit]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"{who}, {rows} rows: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), *sys.argv[5:])))
