"""Every methods page answers the same questions, asks one itself, and names only files that are there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from methods_pages import asks, missing_topics, pages, twice

import attribution as at
import experiments as ex

ROOT = Path(__file__).resolve().parents[2]
# "tests/statistical/trust_designs.py", "tests/references/survival/", also with a dot or a comma behind it.
FILES = re.compile(r"\btests/[\w./-]*\w")
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LIST = (ROOT / "docs" / "methods" / "index.md").read_text(encoding="utf-8")
ROWS = [line for line in LIST.splitlines() if line.startswith("- ")]
SOURCES = [file for package in ("attribution", "experiments") for file in (ROOT / package).rglob("*.py")]
SOURCES += [file for package in ("attribution", "experiments") for file in (ROOT / package).rglob("*.toml")]
CODES = {code for file in SOURCES for code in re.findall(r"[A-Z]{2,}(?:_[A-Z0-9]+)+", file.read_text(encoding="utf-8"))}
CALL = re.compile(r"`(at|ex)\.([\w.]+)(\([^`]*\))?`")


def named(page: Path) -> str:
    return page.stem


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_methods_page_holds_every_topic_once(page: Path):
    text = page.read_text(encoding="utf-8")
    assert missing_topics(text) == []
    assert twice(text) == []


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_methods_page_begins_with_a_question(page: Path):
    assert asks(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_the_files_that_a_methods_page_names_are_there(page: Path):
    files = FILES.findall(page.read_text(encoding="utf-8"))
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=named)
def test_no_heading_of_a_methods_page_stands_over_nothing(page: Path):
    prose = BLOCK.sub("(code)", page.read_text(encoding="utf-8"))
    parts = re.split(r"^(#{2,3}) (.*)$", prose, flags=re.MULTILINE)[1:]
    sections = list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))
    following = [*(len(marks) for marks, _, _ in sections[1:]), 2]
    empty = [
        heading
        for (marks, heading, body), deeper in zip(sections, following, strict=False)
        if not body.strip() and deeper <= len(marks)
    ]
    assert empty == []


def test_the_list_of_methods_begins_with_a_question():
    assert asks(LIST)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row)[:40])
def test_a_row_of_the_list_asks_and_names_functions_that_there_are(row: str):
    assert "?" in row
    calls = CALL.findall(row)
    assert calls
    for package, path, arguments in calls:
        found: object = {"at": at, "ex": ex}[package]
        for part in path.split("."):
            found = getattr(found, part)
        options = re.findall(r"(\w+)=", arguments)
        assert set(options) <= set(inspect.signature(found).parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("page", pages(), ids=named)
def test_the_functions_and_codes_that_a_methods_page_names_are_there(page: Path):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    packages = {"at": at, "ex": ex}
    names = set(re.findall(r"`(at|ex)\.([A-Za-z_]+)", text))
    assert sorted(f"{package}.{name}" for package, name in names if not hasattr(packages[package], name)) == []
    assert sorted(set(re.findall(r"`([A-Z]{2,}(?:_[A-Z0-9]+)+)`", text)) - CODES) == []
