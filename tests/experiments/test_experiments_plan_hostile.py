"""Plans that were not meant well, or not saved well: exit code 2 and one clear message, at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_runs import refused

CAMPAIGN = '[campaign]\nname = "Q4"\nas_of = 2026-12-31\n'
ATTESTED = CAMPAIGN + '[experiment]\nrandomised = true\n[tables.assignment]\npath = "a.csv"\n'


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "plan.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def touches_at(place: str) -> str:
    quoted = place.replace("\\", "\\\\").replace('"', '\\"')
    return CAMPAIGN + f'[tables.touches]\npath = "{quoted}"\n[tables.conversions]\npath = "{quoted}"\n'


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("../../../../../../etc/passwd", "ending that is not known"),
        ("/etc/shadow.csv", "does not exist"),
        ("/dev/zero", "ending that is not known"),
        ("../nowhere/touches.csv", "does not exist"),
        ("https://example.org/touches.csv", "Nothing is fetched from the network"),
        ("s3://bucket/touches.parquet", "Nothing is fetched from the network"),
        ("file:///etc/passwd.csv", "Nothing is fetched from the network"),
        ("~/touches.csv", '"~" is not a folder here'),
        ("\\\\server\\share\\touches.csv", "does not exist"),
        ("C:\\Users\\me\\touches.csv", "does not exist"),
        ("x" * 900 + ".csv", "cannot be read: File name too long"),
        ("x" * 5_000 + ".csv", "at most 1,000 characters"),
        ("touches.csv/", "does not exist"),
        (".", "ending that is not known"),
        ("", "must not be empty"),
    ],
)
def test_paths_of_tables_that_lead_nowhere(tmp_path, place, said):
    result = refused("report", written(tmp_path, touches_at(place)), "--out", tmp_path / "out")
    assert said in result
    assert len(result) < 3_000


@pytest.mark.parametrize("place", ["a\\u0000.csv", "\\u202egpj.csv", "a\\u001b[31m.csv", "\\ud800.csv"])
def test_paths_with_signs_that_no_path_has(tmp_path, place):
    content = CAMPAIGN + f'[tables.touches]\npath = "{place}"\n'
    result = refused("report", written(tmp_path, content), "--out", tmp_path / "out")
    assert "\x1b" not in result


@pytest.mark.parametrize("section", ["looks", "monitor"])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere.json", "does not exist"),
        ("../../etc/passwd", "is not a log"),
        ("/dev/zero.json", "does not exist"),
        ("https://example.org/looks.json", "Nothing is fetched"),
    ],
)
def test_logs_that_are_none(tmp_path, section, place, said):
    content = ATTESTED + f'[{section}]\npath = "{place}"\n'
    (tmp_path / "a.csv").write_text("person_id,arm\n1,holdout\n", encoding="utf-8")
    result = refused("report", written(tmp_path, content), "--out", tmp_path / "out")
    assert said in result
    assert f"{section}.path" in result


@pytest.mark.parametrize("make", ["device", "pipe", "link", "loop", "folder"])
def test_a_plan_that_is_no_file_is_refused_at_once(tmp_path, make):
    path = tmp_path / "plan.toml"
    if make == "device":
        path = Path("/dev/zero")
    elif make == "pipe":
        os.mkfifo(path)
    elif make == "link":
        path.symlink_to("/dev/zero")
    elif make == "loop":
        path.symlink_to(path)
    else:
        path.mkdir()
    result = refused("report", path, "--out", tmp_path / "out")
    assert len(result) < 600


@pytest.mark.parametrize(
    "name", ["https://example.org/plan.toml", "~/plan.toml", "a\x00.toml", "x" * 10_000, "\\\\s\\p.toml"]
)
def test_names_of_plans_that_lead_nowhere(tmp_path, name):
    result = refused("report", name, "--out", tmp_path / "out")
    assert len(result) < 900


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Add the section [campaign]"),
        (b"\xef\xbb\xbf", "Add the section [campaign]"),
        (b"\xff\xfe" + CAMPAIGN.encode("utf-16-le"), "is not UTF-8 text"),
        (CAMPAIGN.replace("Q4", "唤醒").encode("gb18030"), "is not UTF-8 text"),
        (b"\x00" * 1_000, "this is not TOML"),
        (CAMPAIGN.encode()[:-5], "this is not TOML"),
        (b"[" * 5_000, "this is not TOML"),
        (b"a = " + b"[" * 5_000 + b"]" * 5_000, "nested too deeply"),
        (b"a = " + b"9" * 5_000, "this is not TOML"),
        (CAMPAIGN.encode() + b"[report]\nmin_cell = 0x" + b"f" * 6_000, "a number of thousands of digits"),
        (CAMPAIGN.encode() + b"[costs]\nthresholds = [1" + b"0" * 400 + b"]", "usual size"),
        (CAMPAIGN.encode() + b"[costs]\nthresholds = [nan]", "usual size"),
        (CAMPAIGN.encode() + b"[costs]\nthresholds = [1e999]", "usual size"),
        (CAMPAIGN.encode() + b"k" * 10_000 + b" = 1", "is not a key of"),
        (CAMPAIGN.replace("2026-12-31", '"31.12.2026"').encode(), "must be a date"),
        (CAMPAIGN.replace("2026-12-31", "2026-02-30").encode(), "this is not TOML"),
        (CAMPAIGN.encode() + b"[report]\nmin_cell = -1", "at least 1"),
        (CAMPAIGN.encode() + b"[durability]\ndays = [28, 1000000]", "whole numbers from 1 to 36,500"),
        (CAMPAIGN.encode() + b"[population]\nretention_periods = 1000", "at most 60"),
        (b"#" + b"x" * 5_000_000, "a plan has at most 4,000,000"),
    ],
    ids=range(20),
)
def test_files_that_are_no_plan(tmp_path, content, said):
    path = written(tmp_path, content)
    result = refused("report", path, "--out", tmp_path / "out")
    assert said in result
    assert len(result) < 3_000
    assert path.read_bytes() == content


@pytest.mark.parametrize("command", ["report", "check", "lock"])
def test_every_command_that_reads_a_plan_refuses_alike(tmp_path, command):
    path = written(tmp_path, CAMPAIGN + "[experimnt]\n[costs]\nthresholds = [60]\nsid = 1\n")
    more = ["--out", tmp_path / "out"] if command == "report" else []
    result = refused(command, path, *more)
    assert "Did you mean 'experiment'?" in result
    assert "Did you mean 'side'?" in result
