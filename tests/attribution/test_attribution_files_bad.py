"""What is wrong with files, and with the rows in them, comes as one error that lists all of it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_cases import plain_tables, problems, write

import attribution as at

THREE = {"order": None, "cuts": [0, 100, 250, 400], "group": 60, "ending": ".parquet"}


def _with(table, name, values, kind=None):
    return table.set_column(table.column_names.index(name), name, pa.array(values, kind))


def test_every_missing_and_broken_file_is_told_at_once(tmp_path):
    touches, conversions = plain_tables()
    folder = write(tmp_path / "touches", touches, THREE)
    (folder / "part-1.parquet").write_bytes(b"no Parquet")
    found = problems(at.attribute, [folder, tmp_path / "touchse"], tmp_path / "conversions.parquet")
    assert [item[:4] for item in found] == [
        ("NO_FILE", "conversions", "None", 1), ("NO_FILE", "touches", "None", 1),
        ("UNREADABLE_FILE", "touches", "None", 1),
    ]  # fmt: skip
    with pytest.raises(at.TableError, match="Did you mean 'touches'"):
        at.attribute(tmp_path / "touchse", conversions)
    with pytest.raises(at.TableError, match="more than once"):
        at.attribute([folder / "part-0.parquet", folder / "part-0.parquet"], conversions)
    with pytest.raises(at.TableError, match="ending that is not known"):
        at.attribute(__file__, conversions)
    (tmp_path / "empty").mkdir()
    with pytest.raises(at.TableError, match="holds no file"):
        at.attribute(tmp_path / "empty", conversions)


def test_files_that_differ_are_told_with_the_files(tmp_path):
    touches, conversions = plain_tables()
    folder = write(tmp_path / "touches", touches, THREE)
    pq.write_table(touches.slice(0, 5).drop_columns(["channel"]), folder / "part-3.parquet")
    text = _with(touches.slice(0, 5), "person_id", ["1"] * 5)
    pq.write_table(text, folder / "part-4.parquet")
    found = problems(at.attribute, folder, conversions)
    assert [item[:4] for item in found] == [
        ("FILES_DIFFER", "touches", "person_id", 1),
        ("MISSING_COLUMN", "touches", "channel", 1),
    ]


def test_files_of_one_name_in_several_folders_are_told_apart(tmp_path):
    touches, conversions = plain_tables()
    for day, rows in (("1", touches.slice(0, 9)), ("2", _with(touches.slice(9, 5), "person_id", ["1"] * 5))):
        (tmp_path / "touches" / f"day={day}").mkdir(parents=True)
        pq.write_table(rows, tmp_path / "touches" / f"day={day}" / "part-0.parquet")
    with pytest.raises(at.TableError, match=r"in 1 \(.*day=1/part-0.parquet\); .* in 1 \(.*day=2/part-0.parquet\)"):
        at.attribute(tmp_path / "touches", conversions)


def test_a_column_that_no_file_has_is_told_as_in_memory(tmp_path):
    touches, conversions = plain_tables()
    touches = touches.rename_columns({"channel": "Channel"})
    files = write(tmp_path / "touches", touches, THREE)
    expected = problems(at.attribute, touches, conversions)
    assert problems(at.attribute, files, conversions) == expected != []


BAD = {
    "no person": lambda t: _with(t, "person_id", [None if n in (70, 260) else n for n in range(400)], pa.int64()),
    "blank person": lambda t: _with(t, "person_id", [" " if n in (3, 333) else f"p{n}" for n in range(400)]),
    "no time": lambda t: _with(t, "time", [None if n % 150 == 9 else t["time"][n].as_py() for n in range(400)]),
    "naive": lambda t: _with(t, "time", t["time"].cast(pa.timestamp("us")).combine_chunks()),
    "a date as text": lambda t: _with(t, "time", ["yesterday"] * 400),
    "no channel": lambda t: _with(t, "channel", [None if n == 299 else "sms" for n in range(400)]),
    "blank channel": lambda t: _with(t, "channel", ["" if n % 100 == 5 else "sms" for n in range(400)]),
    "reserved": lambda t: _with(t, "channel", ["(none)" if n % 50 == 5 else "sms" for n in range(400)]),
    "floats": lambda t: _with(t, "person_id", [n + 0.5 for n in range(400)]),
    "times": lambda t: _with(t, "person_id", t["time"].combine_chunks()),
    "ids twice": lambda t: t.append_column("touch_id", pa.array([n % 390 for n in range(400)])),
    "ids of floats twice": lambda t: t.append_column("touch_id", pa.array([float(n % 390) for n in range(400)])),
    "ids beyond int64 twice": lambda t: t.append_column(
        "touch_id", pa.array([2**63 + n if n in (7, 399) else n % 390 for n in range(400)], pa.uint64())
    ),
    "long numbers twice": lambda t: t.append_column(
        "touch_id", pa.array([2**63 + n % 398 for n in range(400)], pa.uint64())
    ),
    "texts twice": lambda t: t.append_column("touch_id", pa.array([f"touch number {n % 398}" for n in range(400)])),
    "two at once": lambda t: _with(
        _with(t, "channel", ["(none)" if n < 7 else "sms" for n in range(400)]),
        "person_id", [None if n > 390 else n for n in range(400)], pa.int64(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", BAD)
def test_bad_rows_are_told_as_in_memory(tmp_path, wrong):
    touches, conversions = plain_tables(text=wrong == "blank person")
    touches = BAD[wrong](touches)
    files = write(tmp_path / "touches", touches, THREE)
    expected = problems(at.attribute, touches, conversions)
    assert expected != []
    assert problems(at.attribute, files, conversions) == expected


def test_problems_of_both_tables_come_together(tmp_path):
    touches, conversions = plain_tables()
    touches = BAD["blank channel"](touches)
    conversions = _with(conversions, "conversion_id", [0] * len(conversions))
    files = write(tmp_path / "touches", touches, THREE)
    expected = problems(at.attribute, touches, conversions)
    assert {item[1] for item in expected} == {"touches", "conversions"}
    assert problems(at.attribute, files, conversions) == expected


def test_rules_and_periods_look_at_every_row(tmp_path):
    touches, conversions = plain_tables()
    files = write(tmp_path / "touches", touches, THREE)
    rules = at.Rules(lookback={"sms": "1d", "phone": "2d"})
    expected = problems(at.attribute, touches, conversions, rules=rules)
    assert problems(at.attribute, files, conversions, rules=rules) == expected != []
    period = ("2026-10-01T00:00Z", "2026-11-01T00:00Z")
    told = []
    for given in (touches, files):
        with pytest.raises(at.InputError, match="does not hold all rows") as error:
            at.attribute(given, conversions, observed=period)
        told.append(str(error.value))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("memory", "much", "memory must be an amount"),
        ("memory", "4 parsecs", "memory must be an amount"),
        ("memory", True, "memory must be an amount"),
        ("memory", 12, "at least 16 MiB"),
        ("progress", "yes", "progress must be"),
    ],
)
def test_options_are_checked(tmp_path, option, value, said):
    touches, conversions = plain_tables()
    with pytest.raises(at.InputError, match=said):
        at.attribute(write(tmp_path / "touches", touches), conversions, **{option: value})


_SCRIPT = """
import resource, sys
import attribution as at
at.attribute(sys.argv[1], sys.argv[2], models="linear")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
at.attribute(sys.argv[3], sys.argv[2], models="linear")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_touches_that_no_conversion_can_use_take_no_memory(tmp_path):
    random, rows = np.random.default_rng(5), 3_000_000
    time = pa.array(random.integers(0, 10**12, rows) + 1_790_000_000_000_000, pa.timestamp("us", "UTC"))
    channel = pa.DictionaryArray.from_arrays(random.integers(0, 3, rows).astype(np.int32), pa.array(["a", "b", "c"]))
    touches = pa.table({"person_id": random.integers(0, 10**9, rows), "time": time, "channel": channel})
    pq.write_table(touches, tmp_path / "many.parquet", row_group_size=300_000)
    pq.write_table(touches.slice(0, 300_000), tmp_path / "few.parquet", row_group_size=300_000)
    conversions = pa.table({"person_id": touches["person_id"][:50], "time": time[:50], "conversion_id": np.arange(50)})
    pq.write_table(conversions, tmp_path / "conversions.parquet")
    files = [tmp_path / f"{name}.parquet" for name in ("few", "conversions", "many")]
    run = subprocess.run([sys.executable, "-c", _SCRIPT, *files], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < 0.8 * touches.nbytes  # all of them in memory would be more than once that


ZONED, PLAIN = "2026-10-02T09:00:00+08:00", "2026-10-02 09:00:00"


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
@pytest.mark.parametrize(
    "times",
    [
        [ZONED, PLAIN],
        [PLAIN, ZONED, "2026-10-03 09:00"],
        [ZONED, "yesterday"],
        [PLAIN, "yesterday", ZONED],
        [" ", ZONED, PLAIN],
    ],
)
def test_times_with_and_without_offset_are_told_across_files(tmp_path, times, zone):
    conversions = plain_tables(text=True)[1]
    touches = pa.table({"person_id": ["a"] * len(times), "time": times, "channel": ["sms"] * len(times)})
    layout = {"order": None, "cuts": [*range(len(times) + 1)], "group": 1, "ending": ".parquet"}
    files, columns = write(tmp_path / "touches", touches, layout), {"touches": at.Columns(timezone=zone)}
    expected = problems(at.attribute, touches, conversions, columns=columns)
    assert expected != []
    assert problems(at.attribute, files, conversions, columns=columns) == expected


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.csv"])
def test_a_pointer_of_git_lfs_is_told_with_the_command(tmp_path, name):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (tmp_path / name).write_bytes(pointer)
    for given in (tmp_path / name, f"{tmp_path.as_posix()}/*"):
        with pytest.raises(at.TableError, match=r"a pointer of Git LFS, not the table.*git lfs pull") as caught:
            at.attribute(given, plain_tables()[1])
        assert [(issue.code, issue.count) for issue in caught.value.issues] == [("UNREADABLE_FILE", 1)]
        assert name in str(caught.value)
