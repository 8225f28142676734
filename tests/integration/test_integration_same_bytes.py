"""The same report twice: another time zone, locale, hash seed, row order and working folder change no byte."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import hashlib, locale, pathlib, sys, tempfile
import experiments as ex

shuffle = int(sys.argv[1])
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
c = ex.simulate(persons=1_500, seed=5)
tables = {name: getattr(c, name) for name in ("touches", "conversions", "assignment", "prices", "history")}
if shuffle:
    tables = {name: table.sample(frac=1.0, random_state=shuffle) for name, table in reversed(tables.items())}
for lang in ("en", "zh"):
    report = ex.postmortem(c.plan, tables, lang=lang)
    texts = {"html": report.to_html(), "md": report.to_markdown(), "json": report.to_json(), "junit": report.to_junit()}
    place = pathlib.Path(tempfile.mkdtemp()) / "report.xlsx"
    report.to_excel(place)
    for kind, text in texts.items():
        print(lang, kind, len(text), hashlib.sha256(text.encode("utf-8")).hexdigest())
    print(lang, "xlsx", hashlib.sha256(place.read_bytes()).hexdigest())
    print(lang, "repr", hashlib.sha256(repr(report).encode("utf-8")).hexdigest())
"""

PLAIN = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0", "LANG": "C"}
OTHER = {
    "TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "4242", "LANG": "tr_TR.UTF-8",
    "LANGUAGE": "zh_CN", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1",
}  # fmt: skip


def _start(repo, folder, settings, shuffle):
    dropped = ("COV_CORE", "COVERAGE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment |= {**settings, "PYTHONPATH": str(repo), "PYTHONUTF8": "1"}
    return subprocess.Popen(
        [sys.executable, "-P", "-W", "error", "-c", CODE, str(shuffle)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment, cwd=folder,
    )  # fmt: skip


def test_every_output_has_the_same_bytes_whatever_the_surroundings(repo, tmp_path):
    first, other = tmp_path / "a", tmp_path / "ß b"
    first.mkdir()
    other.mkdir()
    runs = [_start(repo, first, PLAIN, 0), _start(repo, other, OTHER, 99)]
    told = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    plain, varied = (text.splitlines() for text, _ in told)
    assert len(plain) == 12
    assert varied == plain
