"""The command line on random tables and options, sound and broken: an exit code and a message, never a traceback."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from cli_fuzz import Drawer
from click.testing import CliRunner

from experiments.cli import main

NORMAL, LONG = 200, 6_000


@pytest.fixture(autouse=True)
def _tell_faults(monkeypatch, tmp_path):
    """Let an error that nobody planned for leave the program; write nowhere but into the test's folder."""
    monkeypatch.setenv("WAKELIFT_TRACEBACK", "1")
    monkeypatch.chdir(tmp_path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tried(folder: Path, seed: int) -> int:
    """Run one drawn command line; its exit code."""
    folder.mkdir()
    drawer = Drawer(seed, folder)
    line = drawer.line()
    before = {path: digest(path) for path in drawer.files}
    result = CliRunner().invoke(main, line, input=b"person_id,time\np1,2026-10-01T00:00:00Z\n")
    shown = f"seed {seed}: {[part[:200] for part in line]}\n{result.output[-2000:]}"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(shown) from result.exception
    assert result.exit_code in {0, 1, 2, 3}, shown
    assert "Traceback" not in result.output, shown
    if result.exit_code == 2 and "check-data" not in line[0]:
        assert result.stdout == "", shown
        assert result.stderr.count("Error: ") >= 1, shown
    assert len(result.stderr) < 20_000, shown
    assert {path: digest(path) for path in drawer.files} == before, shown
    left = {path for path in folder.rglob("*") if path.is_file()} - set(drawer.files)
    assert not left, shown
    return result.exit_code


def run_all(folder: Path, first: int, count: int) -> Counter[int]:
    return Counter(tried(folder / str(seed), seed) for seed in range(first, first + count))


def test_random_tables_and_options_end_with_an_exit_code(tmp_path):
    codes = run_all(tmp_path, 0, NORMAL)
    assert sum(codes.values()) == NORMAL
    assert codes[0] >= NORMAL // 20  # the sound ones are analysed
    assert codes[2] >= NORMAL // 20  # the broken ones are refused


@pytest.mark.statistical
def test_many_random_tables_and_options_end_with_an_exit_code(tmp_path):
    assert sum(run_all(tmp_path, 10_000, LONG).values()) == LONG
