"""What the commands read: encodings, formats, databases with queries, folders, the pipe; what they write and refuse."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from cli_runs import refused, run
from click.testing import CliRunner

import experiments as ex
from experiments.cli import main

EVENTS = pd.DataFrame({
    "person_id": [f"0{n % 30}" for n in range(300)],
    "time": [f"2026-{1 + n % 6:02d}-{1 + n % 27:02d} 08:00:00Z" for n in range(300)],
    "name": "客户",
})  # fmt: skip
ASKED = ("--as-of", "2026-12-31", "--horizon", "30d", "--days", "0,30", "--format", "csv")


def curve(*arguments: object, piped: bytes | None = None) -> str:
    result = CliRunner().invoke(main, ["dormancy", *map(str, arguments), *ASKED], input=piped)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("expected") / "events.csv"
    EVENTS.to_csv(path, index=False)
    found = curve(path)
    assert found.startswith("silent_days,at_risk,returned,rate")
    return found


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_csv_in_every_encoding_gives_the_same_answer(tmp_path, expected, codec):
    EVENTS.to_csv(tmp_path / "e.csv", index=False, encoding=codec)
    more = ("--encoding", codec) if codec.startswith("gb") else ()
    assert curve(tmp_path / "e.csv", *more) == expected


def test_the_error_names_the_encoding_that_works(tmp_path):
    EVENTS.to_csv(tmp_path / "e.csv", index=False, encoding="gb18030")
    message = refused("dormancy", tmp_path / "e.csv", *ASKED)
    assert "--encoding gb18030" in message
    assert curve(tmp_path / "e.csv", "--encoding", "gb18030")


@pytest.mark.parametrize("ending", ["parquet", "arrow", "tsv", "csv.gz", "xlsx"])
def test_every_format_gives_the_same_answer(tmp_path, expected, ending):
    path = tmp_path / f"e.{ending}"
    if ending == "parquet":
        EVENTS.to_parquet(path)
    elif ending == "arrow":
        EVENTS.to_feather(path)
    elif ending == "xlsx":
        pytest.importorskip("openpyxl")
        EVENTS.to_excel(path, index=False)
    else:
        EVENTS.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    assert curve(path) == expected


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_folder_and_a_pattern_are_one_table(tmp_path, expected, kind):
    (tmp_path / "parts").mkdir()
    for number, part in enumerate((EVENTS[:100], EVENTS[100:])):
        path = tmp_path / "parts" / f"{number}.{kind}"
        part.to_parquet(path, index=False) if kind == "parquet" else part.to_csv(path, index=False)
    assert curve(tmp_path / "parts") == expected
    assert curve(tmp_path / "parts" / f"*.{kind}") == expected


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_comes_through_the_pipe(expected, kind):
    piped = EVENTS.to_csv(index=False).encode() if kind == "csv" else EVENTS.to_parquet()
    assert curve("-", piped=piped) == expected


def test_only_one_table_comes_through_the_pipe():
    assert "more than once" in refused("attribute", "-", "-")


def test_nothing_through_the_pipe_is_told():
    assert "standard input cannot be read as .csv: it is empty" in refused("dormancy", "-", *ASKED)


@pytest.fixture
def database(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "bank.duckdb"
    EVENTS.to_parquet(tmp_path / "e.parquet")
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{tmp_path / 'e.parquet'}'")
    return path


def test_a_database_answers_by_either_spelling(database, expected):
    assert curve(f"{database}::SELECT * FROM t") == expected
    assert curve(f"{database}::FROM t;") == expected
    assert curve(database, "--query", "SELECT * FROM t WHERE 1 = 1") == expected
    assert curve(database, "--query", "events=SELECT * FROM t") == expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT 1; SELECT 2", "got 2 statements"),
        ("", "got 0 statements"),
        ("ATTACH 'other.duckdb'", "kind ATTACH"),
        ("COPY t TO 'stolen.csv'", "kind COPY"),
        ("INSTALL httpfs", "must be one SELECT"),
        ("CREATE TABLE u AS SELECT 1", "kind CREATE"),
        ("DROP TABLE t", "kind DROP"),
        ("SET threads = 1", "kind SET"),
        ("EXPORT DATABASE 'out'", "kind EXPORT"),
        ("SELECT * FROM 'https://example.invalid/a.parquet'", "DuckDB refuses the query"),
        ("SELECT * FROM reading", "does not exist"),  # a variable of the program is no table
        ("SELEC 1", "DuckDB refuses the query"),
        ("SELECT CAST(name AS INTEGER) AS person_id, time FROM t", "DuckDB cannot run the query"),
    ],
)
def test_a_query_only_reads(database, tmp_path, monkeypatch, query, said):
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert said in refused("dormancy", f"{database}::{query}", *ASKED)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_no_database_is_told(tmp_path):
    (tmp_path / "a.duckdb").write_bytes(b"no database" * 100)
    assert "not a valid DuckDB database" in refused("dormancy", f"{tmp_path / 'a.duckdb'}::FROM t", *ASKED)
    assert "is a database: say which SQL" in refused("dormancy", tmp_path / "a.duckdb", *ASKED)
    assert "two queries" in refused("dormancy", f"{tmp_path / 'a.duckdb'}::FROM t", "--query", "events=FROM u", *ASKED)
    assert "which table is meant" in refused("dormancy", "events.csv", "--query", "FROM t", *ASKED)


def test_columns_have_the_names_of_the_user(tmp_path, expected):
    EVENTS.rename(columns={"person_id": "客户号", "time": "时间"}).to_csv(tmp_path / "e.csv", index=False)
    assert curve(tmp_path / "e.csv", "--columns", "person=客户号", "--columns", "events.time=时间") == expected
    EVENTS.assign(time=EVENTS["time"].str[:-1]).to_csv(tmp_path / "n.csv", index=False)
    assert curve(tmp_path / "n.csv", "--timezone", "UTC") == expected
    assert curve(tmp_path / "n.csv", "--columns", "events.timezone=UTC") == expected
    assert "NAIVE_TIME" in refused("dormancy", tmp_path / "n.csv", *ASKED)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("persn=a", "Did you mean 'person'?"),
        ("person", "must be ROLE=NAME"),
        ("touches.person=a", "events.ROLE=NAME"),
        ("precision=week", "instant or day"),
        ("timezone=Asia/Shanghia", "Did you mean 'Asia/Shanghai'?"),
    ],
)
def test_unknown_roles_are_answered(tmp_path, columns, said):
    assert said in refused("dormancy", tmp_path / "e.csv", "--columns", columns, *ASKED)


def test_every_table_that_cannot_be_read_is_told_at_once(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    message = refused("readout", "--assignment", tmp_path / "a.csv", "--conversions", tmp_path / "no.csv")
    assert "2 problems in the tables" in message
    assert "assignment" in message
    assert "does not exist" in message


# --- what is written ---------------------------------------------------------------------------------


POWER = ("power", "--rate", "0.01", "--lift", "0.2")


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "md"])
def test_an_answer_is_written_by_its_ending_and_replaces_nothing_unasked(tmp_path, ending):
    out = tmp_path / "new" / f"answer.{ending}"
    assert run(*POWER, "--out", out).exit_code == 0
    before = out.read_bytes()
    assert before
    assert "is there already" in refused(*POWER, "--out", out)
    assert out.read_bytes() == before
    assert run(*POWER, "--power", "0.9", "--out", out, "--force").exit_code == 0
    assert out.read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rate", "1.5", "--lift", "0.2"), "--rate must lie between 0 and 1"),
        (("--rate", "nan", "--lift", "0.2"), "--rate must lie between 0 and 1"),
        (("--rate", "0.9", "--lift", "0.2"), "the rate 1.08, which must lie between 0 and 1; --lift is relative"),
        (("--rate", "0.1", "--effect", "-0.2", "--n", "50"), "--effect is added to --rate"),
        (("--rate", "0.1", "--lift", "0"), "must differ from 0"),
    ],
)
def test_rates_that_there_are_not_are_refused_in_the_words_of_the_options(arguments, said):
    assert said in refused("power", *arguments)


def test_a_missing_column_is_named_as_the_command_line_names_it(tmp_path):
    for name in ("touches", "conversions"):
        (tmp_path / f"{name}.csv").write_text("who,time\n1,2026-01-01 08:00:00\n", encoding="utf-8")
    said = refused("attribute", tmp_path / "touches.csv", tmp_path / "conversions.csv", "--timezone", "Asia/Shanghai")
    assert "--columns person=NAME" in said
    assert "--columns conversion=NAME" in said
    assert "Columns(" not in said


def test_another_ending_or_a_folder_is_refused_before_any_work(tmp_path):
    assert "must end in" in refused("dormancy", "nowhere.csv", *ASKED, "--out", tmp_path / "a.docx")
    (tmp_path / "a.csv").mkdir()
    assert "is a folder" in refused("dormancy", "nowhere.csv", *ASKED, "--out", tmp_path / "a.csv")


def test_formats_of_standard_output_hold_the_same_row():
    row = json.loads(run(*POWER, "--format", "json").stdout)["tables"]["power"][0]
    head, line = run(*POWER, "--format", "csv").stdout.splitlines()
    assert dict(zip(head.split(","), line.split(","), strict=True))["n_total"] == str(row["n_total"])
    total = ex.sample_size_rates(0.01, 0.012).total
    assert row["n_total"] == total
    assert f"| {total:,} |" in run(*POWER, "--format", "md").stdout
    assert f"{total:,}" in run(*POWER).stdout
    assert f"合计 {total:,} 人" in run(*POWER, "--lang", "zh").stdout


def test_quiet_prints_the_answer_and_nothing_else(tmp_path):
    told = run(*POWER, "--out", tmp_path / "a.csv").stdout
    quiet = run(*POWER, "--out", tmp_path / "b.csv", "--quiet").stdout
    assert told.startswith(quiet)
    assert "a.csv" in told
    assert "b.csv" not in quiet


def test_text_that_is_a_formula_stays_text_in_csv(tmp_path):
    touches = pd.DataFrame({"person_id": ["p1"], "time": ["2026-10-01T00:00Z"], "channel": ['=HYPERLINK("x")']})
    conversions = pd.DataFrame({"conversion_id": ["c"], "person_id": ["p1"], "time": ["2026-10-02T00:00Z"]})
    touches.to_csv(tmp_path / "t.csv", index=False)
    conversions.to_csv(tmp_path / "c.csv", index=False)
    result = run("attribute", tmp_path / "t.csv", tmp_path / "c.csv", "--models", "linear", "--format", "csv")
    assert '"\'=HYPERLINK(""x"")"' in result.stdout


# --- simulations replace only themselves -------------------------------------------------------------


def test_a_simulation_replaces_no_plan_that_was_edited(tmp_path):
    line = ("simulate", "--persons", 200, "--out", tmp_path)
    assert run(*line).exit_code == 0
    assert run(*line).exit_code == 0  # the same text
    plan = tmp_path / "plan.toml"
    plan.write_text(plan.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    assert "has been edited" in refused(*line)
    assert plan.read_text(encoding="utf-8").endswith("# mine\n")
    assert run(*line, "--force").exit_code == 0
    assert run("simulate", "--persons", 200, "--seed", 5, "--out", tmp_path).exit_code == 0  # another simulation


def test_a_simulation_replaces_no_tables_of_the_user(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "touches.parquet").write_bytes(b"mine")
    assert "no simulation wrote it" in refused("simulate", "--persons", 200, "--out", tmp_path)
    assert (tmp_path / "data" / "touches.parquet").read_bytes() == b"mine"
