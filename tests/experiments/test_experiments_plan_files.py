"""Tables out of files: ids stay text, encodings are declared, every missing file is listed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attribution.core.columns import Columns
from attribution.core.errors import InputError, PlanError
from experiments.plan import Plan, load_tables
from experiments.plan.files import TABLE_NAMES, read_table

ROWS = "person_id,time,channel,phone,n\n001,2026-10-12 08:00:00,短信,0138,7\n002,2026-10-13 09:30:00,电话,0139,\n"


def plan_with(folder: Path, **tables: dict) -> Plan:
    campaign = {"name": "Q4", "as_of": date(2026, 12, 31)}
    return Plan.from_dict({"campaign": campaign, "tables": tables}, folder=folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_a_csv_file_is_read_in_its_encoding(tmp_path, encoding):
    path = tmp_path / "touches.csv"
    path.write_text(ROWS, encoding=encoding)
    table = read_table(path, encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    assert table.column_names == ["person_id", "time", "channel", "phone", "n"]
    assert table.column("channel").to_pylist() == ["短信", "电话"]


def test_the_mark_of_a_file_outweighs_the_declared_encoding(tmp_path):
    path = tmp_path / "touches.csv"
    path.write_text(ROWS, encoding="utf-8-sig")
    assert read_table(path, encoding="gb18030").column("channel").to_pylist() == ["短信", "电话"]


def test_ids_keep_their_leading_zeros(tmp_path):
    path = tmp_path / "touches.csv"
    path.write_text(ROWS, encoding="utf-8")
    table = read_table(path)
    assert table.column("person_id").to_pylist() == ["001", "002"]  # a key
    assert table.column("phone").to_pylist() == ["0138", "0139"]  # not a key, but no number either
    assert table.column("n").to_pylist() == [7, None]


def test_ids_of_digits_are_text_whatever_the_column_is_called(tmp_path):
    path = tmp_path / "touches.csv"
    path.write_text("客户号,time\n17,2026-10-12\n", encoding="utf-8")
    assert read_table(path, columns=Columns(person="客户号")).schema.field("客户号").type == pa.string()
    assert read_table(path).schema.field("客户号").type == pa.int64()


@pytest.mark.parametrize("zero", ["0", "0.5", "-0.5", "10", "100"])
def test_numbers_with_zeros_stay_numbers(tmp_path, zero):
    path = tmp_path / "spend.csv"
    path.write_text(f"channel,cost\nsms,{zero}\n", encoding="utf-8")
    assert read_table(path).column("cost").to_pylist() == [float(zero)]


def test_text_that_looks_like_nothing_is_kept(tmp_path):
    path = tmp_path / "touches.csv"
    path.write_text("person_id,channel\nNULL,NA\n,\n", encoding="utf-8")
    assert read_table(path).to_pylist() == [
        {"person_id": "NULL", "channel": "NA"},
        {"person_id": None, "channel": None},
    ]


@pytest.mark.parametrize(
    "written", ["2026-10-12 08:00:00", "2026-10-12T08:00:00", "2026/10/12 8:00", "2026/10/12 08:00:00"]
)
def test_times_are_read_as_excel_and_iso_write_them(tmp_path, written):
    path = tmp_path / "touches.csv"
    path.write_text(f"person_id,time\n1,{written}\n", encoding="utf-8")
    assert read_table(path).column("time").to_pylist()[0].isoformat() == "2026-10-12T08:00:00"


def test_day_and_month_are_never_guessed(tmp_path):
    path = tmp_path / "touches.csv"
    path.write_text("person_id,time\n1,10/12/2026\n", encoding="utf-8")
    assert read_table(path).column("time").to_pylist() == ["10/12/2026"]


def test_a_line_break_inside_quotes_is_no_row(tmp_path):
    path = tmp_path / "touches.csv"
    path.write_text('person_id,campaign\n1,"a\nb"\n', encoding="utf-8")
    assert read_table(path).column("campaign").to_pylist() == ["a\nb"]


def test_tabs_and_compression(tmp_path):
    import gzip

    plain = tmp_path / "touches.tsv"
    plain.write_text("person_id\tchannel\n01\ta,b\n", encoding="utf-8")
    packed = tmp_path / "touches.csv.gz"
    packed.write_bytes(gzip.compress("person_id,channel\n01,短信\n".encode()))
    assert read_table(plain).to_pylist() == [{"person_id": "01", "channel": "a,b"}]
    assert read_table(packed).to_pylist() == [{"person_id": "01", "channel": "短信"}]


def test_parquet_keeps_its_types(tmp_path):
    frame = pd.DataFrame({"person_id": ["01"], "time": pd.to_datetime(["2026-10-12"]).tz_localize("Asia/Shanghai")})
    folder = tmp_path / "day=1"  # a folder named like a partition adds no column
    folder.mkdir()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "touches.parquet")
    table = read_table(folder / "touches.parquet")
    assert table.column_names == ["person_id", "time"]
    assert table.schema.field("time").type.tz == "Asia/Shanghai"


def test_a_workbook_is_read_with_ids_as_text(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "touches.xlsx"
    pd.DataFrame({"person_id": ["001", 17], "cost": [1.5, None], "channel": ["短信", "NA"]}).to_excel(path, index=False)
    table = read_table(path)
    assert table["person_id"].tolist() == ["001", "17"]
    assert table["channel"].tolist() == ["短信", "NA"]


def test_a_database_answers_a_query_and_stays_where_it_is(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "data.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT '01' AS person_id, 'sms' AS channel UNION ALL SELECT '02', 'sms'")
    plan = plan_with(tmp_path, touches={"path": "data.duckdb", "query": "SELECT * FROM t\nWHERE person_id > '01'"})
    relation = load_tables(plan)["touches"]
    assert relation.fetchall() == [("02", "sms")]


@pytest.mark.parametrize("query", ["SELECT * FROM nowhere", "SELEC 1", "CREATE TABLE x AS SELECT 1"])
def test_a_wrong_query_is_a_plan_error(tmp_path, query):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "data.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    plan = plan_with(tmp_path, touches={"path": "data.duckdb", "query": query})
    with pytest.raises(PlanError, match=r"tables\.touches\.path: .*data\.duckdb"):
        load_tables(plan)


def test_every_missing_file_is_listed(tmp_path):
    (tmp_path / "touches.csv").write_text(ROWS, encoding="utf-8")
    plan = plan_with(tmp_path, touches={"path": "tuches.csv"}, prices={"path": "prices.csv"}, spend={"path": "."})
    with pytest.raises(PlanError, match="3 problems") as caught:
        load_tables(plan)
    found = dict(caught.value.problems)
    assert "Did you mean 'touches.csv'?" in found["tables.touches.path"]
    assert "does not exist" in found["tables.prices.path"]
    assert "ending" in found["tables.spend.path"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"person_id\n\xd6\xd0\n", 'encoding = "gb18030"'),
        ("a.csv", b"a,b\n1,2,3\n", "cannot be read as .csv"),
        ("a.csv", b"", "cannot be read as .csv"),
        ("a.parquet", b"not parquet", "cannot be read as .parquet"),
        ("a.parquet", b"", "cannot be read as .parquet"),
        ("a.docx", b"", "ending that is not known"),
        ("a", b"", "ending that is not known"),
    ],
)
def test_an_unreadable_file_is_named_with_the_reason(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        read_table(tmp_path / name)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 10_000 + ".csv", "a\x00b.csv"])
def test_names_that_no_file_can_have_are_told_shortly(tmp_path, name):
    with pytest.raises(InputError, match=r"cannot be read|does not exist") as caught:
        read_table(tmp_path / name)
    assert len(str(caught.value)) < 500


def test_a_folder_is_no_table(tmp_path):
    (tmp_path / "touches.parquet").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path / "touches.parquet")


def test_given_tables_are_handed_on_untouched(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    (tmp_path / "p.csv").write_text("channel,basis\nsms,sent\n", encoding="utf-8")
    tables = load_tables(plan_with(tmp_path), {"touches": frame, "prices": tmp_path / "p.csv", "spend": None})
    assert tables["touches"] is frame
    assert tables["prices"].num_rows == 1
    assert set(tables) == {"touches", "prices"}


def test_an_object_with_tables_is_taken_by_its_attributes(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    data = SimpleNamespace(touches=frame, outcomes=frame, truth=frame, prices=None)
    assert set(load_tables(plan_with(tmp_path), data)) == {"touches", "outcomes"}


def test_unknown_names_and_empty_objects_are_refused(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'touches'"):
        load_tables(plan_with(tmp_path), {"toches": None})
    with pytest.raises(InputError, match="got int"):
        load_tables(plan_with(tmp_path), 5)


def test_the_names_of_tables_are_the_same_everywhere():
    from typing import get_args

    from experiments.plan.schema import TableName

    assert get_args(TableName) == TABLE_NAMES
    assert {*plan_with(Path()).columns(), "planned"} == set(TABLE_NAMES)  # planned touches have no roles of their own


# --- hostile files -----------------------------------------------------------------------------------


def told(path: Path, content: bytes | None = None, **options: object) -> str:
    """The message of a file that cannot be read, which names the file and is short."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=path.name.replace(".", r"\.")) as caught:
        read_table(path, **options)
    assert len(str(caught.value)) < 700
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"a,a,b\n1,2,3\n", 'more than once: "a"'),
        (
            "a.csv",
            b"a,b\n1,2\n1,2,3\n4\n",
            "2 rows have another number of cells than the header, which names 2 columns",
        ),
        ("a.csv", b"a,b\n1,\x002\n", "null bytes"),
        ("a.csv", b"a;b\n1;2\n", "parted by semicolons"),
        ("a.csv", b"a\tb\n1\t2\n", "parted by tabs"),
        ("a.csv", b"PAR1 and more", "name it .parquet"),
        ("a.csv", b"PK\x03\x04and more", "name it .xlsx"),
        ("a.csv", b"\x1f\x8band more", "name it .csv.gz"),
        ("a.csv", b"<!DOCTYPE html>", "a web page"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\nsize 12\n", "git lfs pull"),
        ("a.xlsx", b"version https://git-lfs.github.com/spec/v1\nsize 12\n", "a pointer of Git LFS"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\nsize 12\n", "git lfs pull"),
        ("a.csv", b"\n\n", "no header and no rows"),
        ("a.csv", b"\xff\x01\x80\x81\xfe\xfd,\n", "damaged, or no text"),
        ("a.csv", "a,b\n甲,乙\n".encode("utf-16-le"), 'declare the encoding "utf-16"'),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.xlsx", b"no workbook", "no workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + b"0" * 600, "with a password"),
        ("a.parquet", b"PAR1" + b"0" * 600, "Parquet magic bytes not found in footer"),
        ("a.arrow", b"ARROW1\x00\x00" + b"0" * 600, "cannot be read"),
    ],
)
def test_a_hostile_file_is_refused_in_plain_words(tmp_path, name, content, said):
    assert said in told(tmp_path / name, content)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "xlsx", "arrow"])
def test_a_sparse_file_of_many_gigabytes_is_refused_at_once(tmp_path, ending):
    path = tmp_path / f"huge.{ending}"
    with path.open("wb") as file:
        file.write(b"person_id,time\np1,2026-10-01\n")
        file.truncate(20 << 30)
    told(path)


def test_a_copy_that_stopped_half_way_is_told(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n" + b"1,2\n" * 40_000)
        file.truncate(1 << 30)
    assert "the copy is not whole" in told(path)


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(tmp_path):
    import zipfile

    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/a.xml", "w") as file:
        for _ in range(1_100):
            file.write(b"0" * (1 << 20))
    assert path.stat().st_size < 2 << 20
    assert "unpacks to 1,153,433,600 bytes" in told(path)


def test_a_broken_workbook_is_told(tmp_path):
    import zipfile

    pytest.importorskip("openpyxl")
    path = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "nothing")
    assert "the workbook is broken" in told(path)


def test_damaged_offsets_of_an_arrow_file_are_found(tmp_path):
    path = tmp_path / "a.arrow"
    table = pa.table({"person_id": [f"p{n}" for n in range(400)]})
    with path.open("wb") as file, pa.ipc.new_file(file, table.schema) as sink:
        sink.write_table(table)
    raw = bytearray(path.read_bytes())
    place = raw.index(bytes(table.column(0).chunk(0).buffers()[1])[:400])
    raw[place + 200 : place + 204] = b"\xff\xff\xff\x7f"
    told(path, bytes(raw))


def test_a_wrong_encoding_in_a_column_that_nobody_needs_is_found_too(tmp_path):
    said = told(tmp_path / "a.csv", "person_id,remark\n1,备注\n".encode("gb18030"))
    assert 'encoding = "gb18030"' in said


@pytest.mark.parametrize("encoding", ["base64", "rot13", "utf-88", ""])
def test_what_is_no_encoding_of_text_is_refused(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes(b"a\n1\n")
    with pytest.raises(InputError, match="not a known text encoding"):
        read_table(tmp_path / "a.csv", encoding=encoding)


def test_utf16_with_its_mark_needs_no_declaration(tmp_path):
    (tmp_path / "a.csv").write_text("person_id,channel\n01,短信\n", encoding="utf-16")
    assert read_table(tmp_path / "a.csv").to_pylist() == [{"person_id": "01", "channel": "短信"}]


def test_long_names_and_long_cells_are_only_long(tmp_path):
    name, cell = "x" * 10_000, "y" * (9 << 20)
    (tmp_path / "a.csv").write_text(f'{name},b\n1,"{cell}"\n', encoding="utf-8")
    table = read_table(tmp_path / "a.csv")
    assert table.column_names == [name, "b"]
    assert table.column("b").to_pylist() == [cell]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_columnar_files_are_never_read_through_a_file_of_python(tmp_path, monkeypatch, ending):
    """A thread of Arrow that waits for the interpreter while it ends aborts the program: apache/arrow#34314."""
    place, table = tmp_path / f"t.{ending}", pa.table({"person_id": ["a"]})
    if ending == "parquet":
        pq.write_table(table, place)
    else:
        with pa.OSFile(str(place), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    given = []
    for module, name in ((pq, "ParquetFile"), (pa.ipc, "open_file")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda file, real=real: given.append(file) or real(file))
    assert read_table(place).num_rows == 1
    assert [type(file) for file in given] == [pa.OSFile]
