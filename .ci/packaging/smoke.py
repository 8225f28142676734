"""Use the distribution as installed: the demo, every extra that is there, the words about every extra that is not.

Usage: python smoke.py FOLDER [EXTRA ...]     (FOLDER is written to; EXTRA are those that were installed)
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# The module that shows whether an extra is there.
# In the order in which they are tried. Spark starts its Java by a copy of the process, for which there is room before
# the others have reserved memory.
MODULE = {"spark": "pyspark", "polars": "polars", "duckdb": "duckdb", "ibis": "ibis", "excel": "xlsxwriter"}


def same(one: object, two: object) -> None:
    """Fail unless two values are equal."""
    if one != two:
        message = f"{one!r} is not {two!r}"
        raise AssertionError(message)


def credited(touches: object, conversions: object) -> list[object]:
    """Credit of the five models, to nine digits."""
    import attribution as at

    rows = at.attribute(touches, conversions).table()
    return [(row.model, row.channel, round(row.conversions, 9)) for row in rows.itertuples()]


def with_polars(campaign: object) -> None:
    """Polars frames in, the same credit out."""
    import polars

    frames = [polars.from_pandas(table) for table in (campaign.touches, campaign.conversions)]
    same(credited(*frames), credited(campaign.touches, campaign.conversions))


def with_duckdb(campaign: object) -> None:
    """Tables that stay in DuckDB."""
    import duckdb

    with duckdb.connect() as connection:
        connection.register("touches_frame", campaign.touches)
        connection.register("conversions_frame", campaign.conversions)
        tables = [connection.sql(f"select * from {name}_frame") for name in ("touches", "conversions")]
        same(credited(*tables), credited(campaign.touches, campaign.conversions))


def with_ibis(campaign: object) -> None:
    """Tables of Ibis, which hands them to DuckDB."""
    import ibis

    tables = [ibis.memtable(table) for table in (campaign.touches, campaign.conversions)]
    same(credited(*tables), credited(campaign.touches, campaign.conversions))


def with_excel(folder: Path) -> None:
    """The report as a workbook."""
    command("report", str(folder / "demo" / "plan.toml"), "--format", "xlsx", "--out", str(folder / "workbook"))
    (workbook,) = (folder / "workbook").glob("*.xlsx")
    same(workbook.read_bytes()[:2], b"PK")


def with_spark(campaign: object) -> None:
    """A table of Spark, where there is Java."""
    os.environ["PYSPARK_PYTHON"] = sys.executable  # PySpark 4.0 takes the first python3 of the path
    if shutil.which("java") is None:
        sys.stdout.write("    spark: no Java, imported only\n")
        return
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        frames = [session.createDataFrame(table) for table in (campaign.touches, campaign.conversions)]
        same(credited(*frames), credited(campaign.touches, campaign.conversions))
    finally:
        session.stop()


def without(extra: str, folder: Path) -> None:
    """An extra that is not there is missed in words that say how to install it."""
    import attribution as at
    import experiments as ex

    campaign = ex.simulate("default", persons=300)
    wishes: dict[str, Callable[[], object]] = {
        "polars": lambda: at.attribute(campaign.touches, campaign.conversions).to_polars(),
        "excel": lambda: ex.postmortem(folder / "demo" / "plan.toml").to_excel(folder / "none.xlsx"),
    }
    if extra not in wishes:
        return
    try:
        wishes[extra]()
    except at.WakeLiftError as error:
        if f"wakelift[{extra}]" not in str(error):
            raise
        return
    message = f"{extra} is not installed, and nothing was missed"
    raise AssertionError(message)


def command(*arguments: str) -> str:
    """Run `wakelift` as installed; what it printed."""
    script = Path(sys.executable).with_name("wakelift.exe" if sys.platform == "win32" else "wakelift")
    done = subprocess.run([str(script), *arguments], capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        message = f"wakelift {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        raise AssertionError(message)
    return done.stdout


def import_time() -> str:
    """How long both packages take to import, in imports of NumPy; the smallest of five."""

    def smallest(code: str) -> float:
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            taken.append(time.perf_counter() - start)
        return min(taken)

    empty, numpy, ours = (smallest(code) for code in ("pass", "import numpy", "import attribution, experiments"))
    return f"import {1000 * (ours - empty):.0f} ms, {(ours - empty) / (numpy - empty):.1f} times NumPy's"


def main(folder: Path, extras: list[str]) -> None:
    """Everything, in order; the first failure ends it."""
    import attribution as at
    import experiments as ex

    for package in (at, ex):
        if Path(sys.prefix).resolve() not in Path(str(package.__file__)).resolve().parents:
            message = f"{package.__name__} comes from {package.__file__}, not from the environment"
            raise AssertionError(message)
    same(at.__version__, importlib.metadata.version("wakelift"))
    command("demo", "--out", str(folder / "demo"), "--persons", "3000")
    same((folder / "demo" / "report.html").stat().st_size > 100_000, True)
    command("selftest")
    campaign = ex.simulate("default", persons=2_000)
    checks: dict[str, Callable[[], None]] = {
        "polars": lambda: with_polars(campaign),
        "duckdb": lambda: with_duckdb(campaign),
        "ibis": lambda: with_ibis(campaign),
        "excel": lambda: with_excel(folder),
        "spark": lambda: with_spark(campaign),
    }
    for extra, module in MODULE.items():
        there = importlib.util.find_spec(module) is not None
        if extra in extras and not there:
            message = f"the extra {extra} was installed, and {module} is not there"
            raise AssertionError(message)
        if there:
            checks[extra]()
        else:
            without(extra, folder)
    sys.stdout.write(f"    {import_time()}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
