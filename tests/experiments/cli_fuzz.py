"""Tables and command lines drawn at random, sound and broken, for the fuzz of the command line."""

from __future__ import annotations

import csv
import gzip
import io
import random
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "[a](javascript:alert(1))", "| a | b |", "`x` **y**",
    "'; DROP TABLE t; --", "=1+1", '=HYPERLINK("http://x","y")', "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\u202eabc",
    "\u2066x\u2069", "\u200f", "a\x07b", "\x1b[31mred", "a\r\nb", "a\tb", "{value:money}", "{0}", "%s%n", "${HOME}",
    "x" * 10_000, "客户" * 5_000, "NULL", "None", "nan", "inf", "-inf", "", " ", "\ufeff", "\U0001f600", "é", "ﷺ", "0",
    "1", "\\", "../../etc/passwd", "person_id", "holdout",
]  # fmt: skip
ARMS = ["holdout", "sms", "full"]
CHANNELS = ["sms", "phone", "push"]
SCHEMAS = {
    "touches": ["touch_id", "person_id", "time", "channel", "kind"],
    "conversions": ["conversion_id", "person_id", "time", "value"],
    "assignment": ["person_id", "arm", "assigned_at", "p_assign", "stratum"],
    "outcomes": ["person_id", "arm", "woken", "value", "cost", "stratum", "p_assign"],
    "prices": ["channel", "basis", "unit_cost"],
    "customers": ["person_id", "stratum"],
    "links": ["customer_id", "person_id"],
    "history": ["person_id", "value"],
    "events": ["person_id", "time"],
}
ENDINGS = ["csv", "csv", "csv", "parquet", "parquet", "xlsx", "duckdb", "tsv", "csv.gz", "txt", "arrow"]


def cell(rng: random.Random, column: str, row: int) -> object:
    """A sound value of a column."""
    day = f"2026-10-{rng.randint(1, 28):02d} 0{rng.randint(0, 9)}:00:00"
    made = {
        "touch_id": f"t{row}", "conversion_id": f"c{row}", "person_id": f"p{row % 40}", "customer_id": f"k{row}",
        "time": f"{day}Z", "assigned_at": "2026-10-01 00:00:00Z", "channel": rng.choice(CHANNELS), "kind": "sent",
        "cost": round(rng.random(), 2), "value": rng.choice([0.5, 5.0, 120.5]), "arm": ARMS[row % 3],
        "p_assign": 0.3333, "stratum": rng.choice("ab"), "woken": int(rng.random() < 0.4), "basis": "sent",
        "unit_cost": 0.05,
    }  # fmt: skip
    return made[column]


def columns_of(rng: random.Random, name: str) -> dict[str, list]:
    """The columns of a table; about half the time something is wrong with them."""
    rows = rng.choice([0, 1, 3, *[40] * 20])
    found = {column: [cell(rng, column, row) for row in range(rows)] for column in SCHEMAS[name]}
    for _ in range(rng.choice([0, 0, 0, 0, 0, 0, 0, 1, 2, 4])):
        spoil(rng, found)
    return found


def spoil(rng: random.Random, found: dict[str, list]) -> None:
    """Break one thing."""
    if not found:
        return
    column = rng.choice(list(found))
    values = found[column]
    kind = rng.randrange(7)
    if kind == 0:
        del found[column]
    elif kind == 1:
        found[rng.choice(HOSTILE)] = found.pop(column)
    elif kind == 2 and values:
        for _ in range(rng.choice([1, 5])):
            values[rng.randrange(len(values))] = rng.choice(HOSTILE)
    elif kind == 3 and values:
        values[rng.randrange(len(values))] = None
    elif kind == 4:
        found[column] = [None] * len(values)
    elif kind == 5:
        found[column] = [rng.choice([1e308, -1, 2**62, float("nan"), float("inf"), 0])] * len(values)
    else:
        found[column] = [rng.choice(HOSTILE)] * len(values)


def arrow(rng: random.Random, found: dict[str, list]) -> pa.Table:
    """The columns as an Arrow table, now and then with unusual types."""
    arrays = {}
    for name, values in found.items():
        try:
            array = pa.array(values)
        except (pa.ArrowException, OverflowError, TypeError):
            array = pa.array([None if value is None else str(value) for value in values])
        if rng.random() < 0.02:
            array = unusual(rng, array)
        arrays[name] = array
    return pa.table(arrays)


def unusual(rng: random.Random, array: pa.Array) -> pa.Array:
    length = len(array)
    text = pa.array([None if value is None else str(value) for value in array.to_pylist()])
    return rng.choice([
        lambda: pa.array([{"a": 1}] * length, pa.struct([("a", pa.int64())])),
        lambda: pa.array([[1, None]] * length, pa.list_(pa.int64())),
        lambda: pa.array([[("k", 1)]] * length, pa.map_(pa.string(), pa.int64())),
        text.dictionary_encode,
        lambda: text.cast(pa.large_string()),
        lambda: text.cast(pa.binary()),
        lambda: pa.array([1] * length, pa.duration("s")),
        lambda: pa.array([0] * length, pa.date32()),
        lambda: pa.array([True] * length),
        lambda: pa.nulls(length),
        lambda: pa.array([2**60] * length, pa.int64()).cast(pa.timestamp("ns", "Asia/Shanghai")),
    ])()  # fmt: skip


def content(rng: random.Random, found: dict[str, list], ending: str, path: Path) -> None:
    """Write the table in a format."""
    if ending in ("csv", "tsv", "txt", "csv.gz"):
        text = io.StringIO()
        sign = rng.choice([*[","] * 30, ";", "\t"]) if ending != "tsv" else "\t"
        writer = csv.writer(text, delimiter=sign)
        writer.writerow(found)
        writer.writerows(zip(*found.values(), strict=True))
        codec = rng.choice([*["utf-8"] * 8, "utf-8-sig", "gb18030", "utf-16"])
        raw = text.getvalue().encode(codec, "replace")
        path.write_bytes(gzip.compress(raw, mtime=0) if ending == "csv.gz" else raw)
    elif ending == "parquet":
        with path.open("wb") as file:
            pq.write_table(arrow(rng, found), file)
    elif ending == "arrow":
        table = arrow(rng, found)
        with path.open("wb") as file, pa.ipc.new_file(file, table.schema) as sink:
            sink.write_table(table)
    elif ending == "xlsx":
        workbook(found, path)
    else:
        database(arrow(rng, found), path)


def workbook(found: dict[str, list], path: Path) -> None:
    import openpyxl
    from openpyxl.utils.exceptions import IllegalCharacterError

    book = openpyxl.Workbook()
    sheet = book.active
    for row in [list(found), *map(list, zip(*found.values(), strict=True))]:
        try:
            sheet.append([value if not isinstance(value, str) else value[:30_000] for value in row])
        except (IllegalCharacterError, ValueError):
            sheet.append(["?"] * len(row))
    book.save(path)


def database(table: pa.Table, path: Path) -> None:
    import duckdb

    table = table if table.num_columns else pa.table({"a": [1]})
    with duckdb.connect(str(path)) as connection:
        connection.register("given", pa.table({f"c{i}": column for i, column in enumerate(table.columns)}))
        names = ", ".join(
            'c{} AS "{}"'.format(i, (name or "empty").replace('"', '""').replace("\x00", ""))
            for i, name in enumerate(table.column_names)
        )
        try:
            connection.execute(f"CREATE TABLE t AS SELECT {names or '1 AS a'} FROM given")
        except (duckdb.Error, OverflowError):
            connection.execute("CREATE TABLE t AS SELECT 1 AS a")


def damage(rng: random.Random, path: Path) -> None:
    """Break the bytes of a file."""
    raw = bytearray(path.read_bytes())
    kind = rng.randrange(7)
    if kind == 0:
        raw = raw[: rng.randrange(len(raw) + 1)]
    elif kind == 1:
        for _ in range(rng.choice([1, 3, 20])):
            if raw:
                raw[rng.randrange(len(raw))] = rng.randrange(256)
    elif kind == 2:
        raw = bytearray(rng.randbytes(rng.choice([1, 10, 3000])))
    elif kind == 3:
        place = rng.randrange(len(raw) + 1)
        raw[place:place] = b"\x00" * 10
    elif kind == 4:
        raw = raw + raw
    elif kind == 5:
        raw = bytearray()
    else:
        raw = bytearray(zip_of(bytes(raw)))
    path.write_bytes(bytes(raw))


def zip_of(raw: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", raw[:1000])
    return packed.getvalue()


QUERIES = [
    "SELECT * FROM t", "FROM t", "SELECT * FROM t;", "SELECT 1; SELECT 2", "SELEC", "", "DROP TABLE t", "ATTACH 'x.db'",
    "COPY t TO 'stolen.csv'", "INSTALL httpfs", "CREATE TABLE u AS SELECT 1", "SELECT * FROM nowhere",
    "PRAGMA database_list",
    "SELECT CAST(person_id AS INTEGER) AS person_id FROM t", "SELECT * FROM options",
    "SELECT * FROM reading", "EXPORT DATABASE 'out'",
    "SELECT * FROM 'https://example.invalid/a.parquet'", "SET threads = 1", "DELETE FROM t", "SELECT 1/0",
]  # fmt: skip


class Drawer:
    """Draws one command line after the other, with its files in a folder."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.files: list[Path] = []

    def table(self, name: str) -> str:
        """The path of a new table, or something that is no table."""
        rng = self.rng
        if rng.random() < 0.02:
            return rng.choice(
                ["nowhere.csv", ".", "", "-", "\udcff.csv", "x" * 5_000 + ".csv", "*.nothing", "no/where.db"]
            )
        ending = rng.choice(ENDINGS)
        path = self.folder / f"{name}_{len(self.files)}.{ending}"
        content(rng, columns_of(rng, name), ending, path)
        if rng.random() < 0.08:
            damage(rng, path)
        self.files.append(path)
        if ending == "duckdb" and rng.random() < 0.95:
            query = rng.choice(QUERIES) if rng.random() < 0.2 else "SELECT * FROM t"
            return f"{path}::{query}"
        return str(path)

    def some(self, *pairs: tuple[str, list]) -> list[str]:
        """Some of the options, with one of their values each."""
        found: list[str] = []
        for option, values in pairs:
            if self.rng.random() < 0.07:
                value = self.rng.choice(values)
                found += [option] if value is None else [option, str(value)]
        return found

    def shared(self) -> list[str]:
        return self.some(
            (
                "--columns",
                [*["person=person_id"] * 5, "persn=a", "person", "time=when", "touches.time=time", *HOSTILE[:8]],
            ),
            ("--timezone", [*["Asia/Shanghai"] * 5, "Mars/Base", *HOSTILE[:3]]),
            ("--encoding", [*["gb18030", "utf-8"] * 4, "utf-88", "ascii", "rot13", "base64", *HOSTILE[:2]]),
            ("--query", ["touches=SELECT 1", "SELECT 1", "=", "events=SELECT * FROM t"]),
            ("--format", ["text", "md", "csv", "json"]),
            ("--lang", ["zh"]),
            ("--quiet", [None]),
        )

    def trial(self) -> list[str]:
        return self.some(
            ("--control", ["sms", "nobody", *HOSTILE[:4]]),
            ("--shares", [*["p_assign"] * 5, "holdout=0.3,sms=0.3,full=0.4", "a=b", "holdout=2", *HOSTILE[:3]]),
            ("--strata", [*["stratum"] * 3, "arm", "nothing", "stratum,stratum"]),
            ("--cluster", ["stratum", "nothing"]),
            ("--level", [0.9, 0.8, 0.99, 1, "nan", -1]),
            ("--order", ["holdout,sms,full", "sms,holdout", "holdout", *HOSTILE[:2]]),
            ("--arm", ["arm", "stratum", "woken"]),
        )

    def outcomes(self) -> list[str]:
        if self.rng.random() < 0.6:
            found = [self.table("outcomes")]
        else:
            found = ["--assignment", self.table("assignment"), "--conversions", self.table("conversions")]
            found += ["--as-of", self.rng.choice([*["2026-12-31"] * 8, "tomorrow", "2026-10-05"])]
            for name in ("prices", "history"):
                if self.rng.random() < 0.3:
                    found += [f"--{name}", self.table(name)]
            found += self.some(("--window", ["7d", "7", "1000d", "x"]), ("--lag", ["1d", "z"]))
        return found + (["--touches", self.table("touches")] if self.rng.random() < 0.4 else [])

    def line(self) -> list[str]:
        """One command line."""
        command = self.rng.choice(
            ["attribute", "check-data", "check-data", "readout", "thresholds", "dormancy", "power"]
        )
        made = getattr(self, f"_{command.replace('-', '_')}")()
        return [command, *made, *(self.some(("--lang", ["zh"])) if command == "power" else self.shared())]

    def _attribute(self) -> list[str]:
        options = self.some(
            ("--models", ["linear", "markov", "shapley", "linaer", "linear,linear", ""]),
            ("--lookback", ["7d", "x", "0d", "-1d"]),
            ("--reuse", ["reset", "first"]),
            ("--by", ["kind", "nothing", "cost", *HOSTILE[:3]]),
            ("--memory", ["800MB", "1B", "lots"]),
        )
        return [self.table("touches"), self.table("conversions"), *options]

    def _check_data(self) -> list[str]:
        found: list[str] = []
        for name in ("touches", "conversions", "assignment", "outcomes", "prices", "customers", "links", "history"):
            if self.rng.random() < 0.3:
                found += [f"--{name}", self.table(name)]
        when = ["--as-of", self.rng.choice(["2026-12-31"] * 6 + ["x"])]
        trial = self.trial()
        return [*found, *when, *(trial if "--order" not in trial else [])]

    def _readout(self) -> list[str]:
        metrics = self.some(
            ("--rate", ["woken", "value", "w=woken", "nothing", *HOSTILE[:2]]),
            ("--mean", ["value", "cost", "woken", "arm", "x=cost"]),
            ("--correction", ["none", "dunnett", "bh"]),
        )
        return [*self.outcomes(), *metrics, *self.trial()]

    def _thresholds(self) -> list[str]:
        amounts = self.rng.choice([*["60,85", "85"] * 6, "a=60", "stratum", "0", "-5", "1e400", "", *HOSTILE[:3]])
        options = self.some(
            ("--by", ["stratum", "arm", "nothing"]), ("--side", ["greater"]), ("--relevant-net", [0.1, "nan", -1])
        )
        return [*self.outcomes(), "--thresholds", amounts, *options, *self.trial()]

    def _dormancy(self) -> list[str]:
        when = self.rng.choice([*["2026-12-31"] * 8, "2026-10-05", "soon"])
        options = self.some(
            ("--horizon", ["180d", "x"]), ("--days", ["0,3,7", "a", "-1", "1e9"]), ("--eps", [0.2, 0, 2, "nan"])
        )
        more = ["--assignment", self.table("assignment")] if self.rng.random() < 0.2 else []
        return [self.table("events"), "--horizon", "7d", "--as-of", when, *options, *more]

    def _power(self) -> list[str]:
        numbers = [0.01, 0.5, 0.2, 2, 5000, 9, 0.8, 0, 1, -1, 1e-300, 1e300, "nan", "inf", "x"]
        rng, found = self.rng, []
        names = [rng.choice(["rate", "rate", "std"]), rng.choice(["lift", "effect", "n"])]
        more = ("mean", "lift", "effect", "n", "value", "cost", "allocation", "power", "level", "icc")
        for name in [*names, *(item for item in more if item not in names and rng.random() < 0.15)]:
            found += [f"--{name}", str(rng.choice(numbers) if rng.random() < 0.3 else rng.choice([0.02, 0.2, 500]))]
        return [*found, *self.some(("--arms", [3, 0]), ("--looks", [4, 0]), ("--cluster-size", [10, 0]))]
