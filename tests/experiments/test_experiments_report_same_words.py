"""A campaign in every kind of table and file, under other locales, zones, hash seeds and row orders: the same report.

Two runs on tables of one kind give the same bytes in every format; other kinds of tables give the same words and
printed numbers, and figures that agree to 1e-9.
`python tests/experiments/test_experiments_report_same_words.py 200000` does the same for a larger campaign.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = ("touches", "conversions", "assignment", "prices", "history")
FORMATS = ("report.html", "report.md", "report.json", "junit.xml", "report.xlsx", "summary.md")

# One campaign, one kind of table, two languages; every format into a folder.
CODE = """
import locale, pathlib, sys
import experiments as ex

persons, kind, shuffle, place = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), pathlib.Path(sys.argv[4])
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
c = ex.simulate("default", persons=persons, seed=5)
plan = {**c.plan, "gate": [{"arm": "sms", "threshold": 85, "expect": "PASS"}]}
tables = {name: getattr(c, name) for name in ("touches", "conversions", "assignment", "prices", "history")}
if shuffle:
    tables = {name: table.sample(frac=1.0, random_state=shuffle) for name, table in reversed(tables.items())}
if kind == "polars":
    import polars
    tables = {name: polars.from_pandas(table) for name, table in tables.items()}
elif kind == "duckdb":
    import duckdb, pyarrow
    engine = duckdb.connect()
    tables = {name: engine.from_arrow(pyarrow.Table.from_pandas(table, preserve_index=False))
              for name, table in tables.items()}
elif kind in ("parquet", "duckdb_file"):
    import duckdb
    declared = {}
    database = duckdb.connect(str(place / "campaign.duckdb"))
    for name, table in tables.items():
        table.to_parquet(place / f"{name}.parquet")
        database.execute(f"CREATE TABLE {name} AS SELECT * FROM '{place}/{name}.parquet'")
        spoken = {"path": str(place / f"{name}.parquet")}
        if kind == "duckdb_file":
            spoken = {"path": str(place / "campaign.duckdb"), "query": f"SELECT * FROM {name}"}
        declared[name] = {**plan["tables"][name], **spoken}
    database.close()
    plan, tables = {**plan, "tables": declared}, None
for lang in ("en", "zh"):
    report = ex.postmortem(plan, tables, lang=lang)
    folder = place / lang
    folder.mkdir()
    report.to_html(folder / "report.html")
    report.to_markdown(folder / "report.md")
    report.to_markdown(folder / "summary.md", summary=True)
    report.to_json(folder / "report.json")
    report.to_junit(folder / "junit.xml")
    report.to_excel(folder / "report.xlsx")
"""

SURROUNDINGS = {
    "plain": ("pandas", 0, {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"}),
    "shuffled": ("pandas", 99, {"TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "4242"}),
    "polars": ("polars", 7, {"TZ": "Asia/Shanghai", "LC_ALL": "zh_CN.UTF-8", "PYTHONHASHSEED": "1"}),
    "duckdb": ("duckdb", 8, {"TZ": "Pacific/Apia", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}),
    "parquet": ("parquet", 9, {"TZ": "UTC", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "3"}),
    "duckdb_file": ("duckdb_file", 10, {"TZ": "Asia/Shanghai", "LC_ALL": "C", "PYTHONHASHSEED": "5"}),
}


def _locale(name, folder):
    """Make a locale that the machine does not have, where it can be made; without it the run falls back to C."""
    compiler, language = shutil.which("localedef"), name.partition(".")[0]
    if compiler is None or language == "C":
        return {}
    made = folder / "locales"
    made.mkdir(exist_ok=True)
    if not (made / name).exists():
        command = [compiler, "-i", language, "-f", "UTF-8", str(made / name)]
        subprocess.run(command, capture_output=True, check=False)
    return {"LOCPATH": str(made)}


def run(name, folder, persons):
    """Write all formats under one name's surroundings."""
    kind, shuffle, settings = SURROUNDINGS[name]
    place = folder / name
    place.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV_CORE", "COVERAGE"))}
    environment |= {**settings, **_locale(settings["LC_ALL"], folder), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", CODE, str(persons), kind, str(shuffle), str(place)],
        env=environment, cwd=place, capture_output=True, encoding="utf-8", timeout=3_600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    return place


def differing(first, second):
    """Files that are not the same, byte for byte."""
    pairs = [(lang, name) for lang in ("en", "zh") for name in FORMATS]
    return [
        f"{lang}/{name}"
        for lang, name in pairs
        if (first / lang / name).read_bytes() != (second / lang / name).read_bytes()
    ]


def differing_words(first, second):
    """What is not the same in words and printed numbers, or beyond 1e-9 in figures; paths and fingerprints apart."""
    import experiments as ex

    found = []
    for lang in ("en", "zh"):
        pair = [place / lang / "report.json" for place in (first, second)]
        changes = ex.diff_reports(*pair, rtol=1e-9).changes
        found += [change for change in changes if change.area not in {"data", "version", "plan"}]
        # All that is printed, up to the appendix, which names paths and fingerprints.
        texts = [
            (place / lang / "report.md").read_text(encoding="utf-8").rpartition("\n## ")[0] for place in (first, second)
        ]
        found += sorted(_lines(texts[0]) ^ _lines(texts[1]))
        held = [json.loads(path.read_text(encoding="utf-8")) for path in pair]
        for one in held:
            for section in one["sections"]:
                section.pop("folded")  # the settings and fingerprints of the appendix
        words = [[one["verdicts"], one["trust"], one["not_known"], one["gates"]] for one in held]
        found += [f"{lang}: words"] if _sentences(words[0]) != _sentences(words[1]) else []
        found += [
            f"{lang}: {old['name']}"
            for old, new in zip(held[0]["sections"], held[1]["sections"], strict=True)
            if old["name"] != "appendix" and _sentences(old) != _sentences(new)
        ]
        titles = [{name: (chart["title"], chart["alt"]) for name, chart in one["charts"].items()} for one in held]
        found += [name for name in titles[0] if titles[0][name] != titles[1].get(name)]
    return found


def _lines(text):
    assert text.count("\n## ") >= 5
    return set(text.splitlines())


def _sentences(value):
    """Every text in order; numbers are compared as figures, here only as they are printed."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _sentences(part)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("same")


@pytest.fixture(scope="module")
def plain(folder):
    pytest.importorskip("xlsxwriter")
    return run("plain", folder, 1_500)


def test_the_same_tables_give_the_same_bytes_whatever_the_surroundings(plain, folder):
    assert differing(plain, run("shuffled", folder, 1_500)) == []


@pytest.mark.parametrize("name", ["polars", "duckdb", "parquet", "duckdb_file"])
def test_every_kind_of_table_gives_the_same_words_and_printed_numbers(plain, folder, name):
    pytest.importorskip("polars" if name == "polars" else "duckdb")
    assert differing_words(plain, run(name, folder, 1_500)) == []


if __name__ == "__main__":
    import tempfile

    size = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as made:
        here = Path(made)
        first_run = run("plain", here, size)
        print("bytes:", differing(first_run, run("shuffled", here, size)) or "all the same")
        for other in ("polars", "duckdb", "parquet", "duckdb_file"):
            print(f"{other}:", differing_words(first_run, run(other, here, size)) or "the same words and numbers")
