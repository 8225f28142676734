"""Conversions without a touch: a note, a warning where it is nearly all of them, alike on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from file_cases import write

import attribution as at
from attribution.core.language import language
from attribution.engines import file_source
from attribution.journeys.untouched import untouched_findings

START = datetime(2026, 10, 1, 8, tzinfo=UTC)


def tables(conversions, touched):
    """So many conversions of as many persons, the first `touched` of them a day after their touch."""
    persons = [("p" if number < touched else "\uff50") + f"{number:03d}" for number in range(60)]  # a full-width p
    touches = pa.table({
        "person_id": persons,
        "time": pa.array([START] * 60, pa.timestamp("us", "UTC")),
        "channel": ["sms", "push"] * 30,
    })  # fmt: skip
    orders = pa.table({
        "person_id": pa.array([f"p{number:03d}" for number in range(conversions)], pa.string()),
        "time": pa.array([START + timedelta(days=1)] * conversions, pa.timestamp("us", "UTC")),
        "conversion_id": pa.array(range(conversions), pa.int64()),
        "value": pa.array([1.0] * conversions, pa.float64()),
    })  # fmt: skip
    return touches, orders


def in_memory(tables, _folder, _monkeypatch):
    return at.attribute(*tables)


def in_polars(tables, _folder, _monkeypatch):
    pl = pytest.importorskip("polars")
    return at.attribute(*(pl.from_arrow(table).lazy() for table in tables))


def in_duckdb(tables, _folder, _monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    return at.attribute(*(duckdb.from_arrow(table) for table in tables))


def in_files(tables, folder, _monkeypatch):
    return at.attribute(write(folder / "touches", tables[0]), tables[1], memory="1GB")


def in_ranges(tables, folder, monkeypatch):
    # Ranges of few persons: whatever the budget, there are ten of them; most hold one state of the finding only.
    monkeypatch.setattr(file_source.FileSource, "parts_for", lambda *_arguments, **_named: 10)
    return in_files(tables, folder, monkeypatch)


@pytest.mark.parametrize("engine", [in_memory, in_polars, in_duckdb, in_files, in_ranges])
@pytest.mark.parametrize(
    ("conversions", "touched", "expected"),
    [
        (0, 10, [("NO_CONVERSIONS", "warn")]),
        (40, 40, []),
        (40, 3, [("NO_TOUCH", "note")]),  # 92.5 %
        (40, 2, [("NO_TOUCH", "warn")]),  # 95 %
        (40, 0, [("NO_TOUCH", "warn")]),
        (20, 1, [("NO_TOUCH", "warn")]),
        (19, 0, [("NO_TOUCH", "note")]),  # too few to say so
    ],
)
def test_every_engine_tells_alike(tmp_path, monkeypatch, engine, conversions, touched, expected):
    credit = engine(tables(conversions, touched), tmp_path, monkeypatch)
    told = [finding for finding in credit.findings if finding.code in ("NO_CONVERSIONS", "NO_TOUCH")]
    assert [(finding.code, finding.status) for finding in told] == expected
    if told and conversions:
        without = conversions - touched
        assert dict(told[0].values) == {
            "untouched": without, "conversions": conversions, "share": pytest.approx(without / conversions),
        }  # fmt: skip


def test_ranges_were_read(tmp_path, monkeypatch):
    credit = in_ranges(tables(40, 2), tmp_path, monkeypatch)
    assert len(credit.journeys.ranges) == 10


@pytest.mark.parametrize(
    ("counted", "untouched", "status"),
    [(20, 18, "note"), (20, 19, "warn"), (100, 94, "note"), (100, 95, "warn"), (19, 19, "note"), (1000, 949, "note")],
)
def test_the_warning_begins_at_95_percent_of_20(counted, untouched, status):
    (finding,) = untouched_findings(counted, untouched)
    assert (finding.code, finding.status) == ("NO_TOUCH", status)


def test_the_warning_says_what_to_check_in_both_languages():
    credit = at.attribute(*tables(40, 0))
    (finding,) = [finding for finding in credit.findings if finding.code == "NO_TOUCH"]
    assert "40 of 40 conversions (100%)" in finding.text("en")
    assert "full-width digits" in finding.text("en")
    assert "全角数字" in finding.text("zh")
    assert finding.text("en") in str(credit)


def test_the_check_of_the_tables_warns_and_says_what_to_do():
    checked = at.check_tables(*tables(40, 0)).to_pandas().set_index("code")
    assert checked.severity["NO_TOUCH"] == "warn"
    assert checked.what_to_do["NO_TOUCH"].startswith("Write the persons alike")
    few = at.check_tables(*tables(40, 30)).to_pandas().set_index("code")
    assert few.severity["NO_TOUCH"] == "note"
    assert few.what_to_do["NO_TOUCH"].startswith("Nothing to mend")
    empty = at.check_tables(*tables(0, 3)).to_pandas().set_index("code")
    assert (empty.severity["NO_CONVERSIONS"], empty.table["NO_CONVERSIONS"]) == ("warn", "conversions")
    with language("zh"):
        chinese = at.check_tables(*tables(40, 0)).to_pandas().set_index("code")
        assert chinese.what_to_do["NO_TOUCH"].startswith("统一两张表的客户写法")


def test_shares_of_nothing_are_told():
    credit = at.attribute(*tables(0, 3))
    assert credit.table().share_of_all.isna().all()
    assert "No conversion is counted" in str(credit)


def test_paths_without_a_conversion_say_so_too():
    paths = pd.DataFrame({"path": ["sms > push", "push"], "conversions": [0, 0], "nulls": [3, 1]})
    credit = at.attribute_paths(paths, nulls="nulls", models=["linear"])
    assert [finding.code for finding in credit.findings if finding.status == "warn"] == ["NO_CONVERSIONS"]
    paths = paths.assign(conversions=[0, 2])
    assert not [f for f in at.attribute_paths(paths, nulls="nulls", models=["linear"]).findings if f.status == "warn"]
