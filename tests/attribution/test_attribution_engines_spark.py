"""The graph in Spark, on this machine, in a session whose time zone is not UTC."""

from __future__ import annotations

import shutil
from itertools import count

import pyarrow.parquet as pq
import pytest
from engine_cases import RULES, check_same, drawn_tables

pytest.importorskip("pyspark", reason="PySpark is not installed: pip install 'wakelift[spark]'")

if shutil.which("java") is None:
    pytest.skip("Spark needs Java", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # Spark's own deprecations are not ours
_NUMBER = count()


@pytest.fixture(scope="module")
def put(tmp_path_factory):
    """A function that gives Arrow tables as Spark data frames."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "Asia/Shanghai",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    folder = tmp_path_factory.mktemp("spark")

    def held(table):
        path = folder / f"{next(_NUMBER)}.parquet"
        pq.write_table(table, path)
        return session.read.parquet(str(path))

    yield lambda *tables: tuple(held(table) for table in tables)
    session.stop()


# Each case runs several queries of seconds each: the rules that differ most in what they ask of the engine.
@pytest.mark.parametrize(
    ("seed", "name"),
    list(enumerate(["default", "by channel", "reset by channel", "calendar"])),
)
def test_spark_gives_the_credit_of_memory(put, seed, name):
    drawn = drawn_tables(seed)
    check_same(put(*drawn), drawn, RULES[name])


def test_spark_gives_the_credit_of_memory_by_columns_of_both_tables(put):
    drawn = drawn_tables(99)
    check_same(put(*drawn), drawn, keys=("campaign", "shop"))
