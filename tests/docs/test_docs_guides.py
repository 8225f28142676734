"""Guides, questions and the choice of a method name what there is, and their commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import attribution as at
import experiments as ex
from experiments.cli import main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?P<kind>\w+)[^\n]*\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"\b(at|ex|credit|study|readout|pays)\.(?!(?:md|csv|xlsx|toml)\b)([a-zA-Z_]\w*)")
OWNERS: dict[str, Any] = {
    "at": at, "ex": ex, "credit": at.Credit, "study": ex.Experiment, "readout": ex.Readout, "pays": ex.CostThresholds,
}  # fmt: skip
BOTH = (
    "own-tables", "excel", "notebooks", "ci", "choose-a-method", "choose-a-model", "thirty-mistakes", "own-metric",
    "own-model", "databases", "larger-than-memory",
)  # fmt: skip
ENGLISH = ("plan", "command-line")
PAGES = [*sorted((DOCS / "guides").glob("*.md")), *sorted((DOCS / "zh" / "guides").glob("*.md"))]
QUESTIONS = [DOCS / "faq.md", DOCS / "zh" / "faq.md"]
METHODS = [DOCS / "guides" / "choose-a-method.md", DOCS / "zh" / "guides" / "choose-a-method.md"]


def place(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def test_the_guides_that_readers_need_are_there():
    assert [name for name in (*BOTH, *ENGLISH) if not (DOCS / "guides" / f"{name}.md").is_file()] == []
    assert [name for name in BOTH if not (DOCS / "zh" / "guides" / f"{name}.md").is_file()] == []


@pytest.mark.parametrize("page", [*PAGES, *QUESTIONS], ids=place)
def test_every_function_that_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    named = {found.groups() for found in re.finditer(NAMED, text)}
    assert [f"{owner}.{name}" for owner, name in sorted(named) if not hasattr(OWNERS[owner], name)] == []


@pytest.mark.parametrize("page", [*PAGES, *QUESTIONS], ids=place)
def test_every_code_that_a_page_names_is_one(page):
    codes = (DOCS / "reference" / "codes.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", codes, re.MULTILINE))
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    named = set(re.findall(r"`([A-Z]+_[A-Z_0-9]+)`", text))
    assert sorted(named - known - {"PIP_INDEX_URL", "WAKELIFT_TRACEBACK"}) == []


@pytest.mark.parametrize("page", METHODS, ids=place)
def test_every_row_of_the_choice_names_a_page(page):
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    heads = {rows[0], *(line for line in rows if re.fullmatch(r"\|[^`\[]*\|[^`\[]*\|[^`\[]*\|", line))}
    first = 5  # the rows of the three questions lead to the glossary and to functions
    assert [line for line in rows[first:] if line not in heads and ".md" not in line] == []
    assert len(rows) - len(heads) > 60


def test_the_choice_leads_to_most_methods():
    linked = set(re.findall(r"methods/([\w-]+)\.md", METHODS[0].read_text(encoding="utf-8")))
    pages = {page.stem for page in (DOCS / "methods").glob("*.md")}
    assert linked <= pages
    assert len(linked) >= 60


@pytest.mark.parametrize("page", QUESTIONS, ids=place)
def test_every_question_is_one_and_its_answer_is_held_or_leads_on(page):
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert 20 <= len(sections) <= 30
    for section in sections:
        title, answer = section.split("\n", 1)
        assert title.rstrip().endswith(("?", "？")), title
        assert ">>>" in answer or "](" in answer or "`wakelift " in answer, title
        short = BLOCK.sub("", answer)
        assert len(re.sub(r"\]\([^)]*\)", "]", short)) < 900, title


def commands(page: Path) -> list[list[str]]:
    blocks = [found["code"] for found in BLOCK.finditer(page.read_text(encoding="utf-8")) if found["kind"] == "bash"]
    lines = [line for code in blocks for line in code.splitlines() if line.startswith("wakelift ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_commands_of_own_tables_run_on_the_files_of_the_page(tmp_path, monkeypatch):
    page = DOCS / "guides" / "own-tables.md"
    monkeypatch.chdir(tmp_path)
    code = next(
        found["code"] for found in BLOCK.finditer(page.read_text(encoding="utf-8")) if found["kind"] == "python"
    )
    exec(compile(code, "own-tables.md", "exec", dont_inherit=True), {})
    for arguments in commands(page):
        done = CliRunner().invoke(main, arguments)
        assert (arguments[0], done.exit_code) == (arguments[0], 0), done.output
    plan = Path("plan.toml").read_text(encoding="utf-8")
    assert 'encoding = "gb18030"' in plan
    assert 'precision = "day"' in plan
    assert "客户号" in plan


def test_the_commands_of_the_guide_to_excel_run_on_workbooks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    c = ex.simulate("default", persons=1_000, seed=7)
    chinese = {
        "person_id": "客户号",
        "channel": "渠道",
        "conversion_id": "订单号",
        "arm": "分组",
        "assigned_at": "分组时间",
    }
    for name, frame in {"触达": c.touches, "交易": c.conversions, "分组": c.assignment}.items():
        bare = frame.assign(**{
            column: frame[column].dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
            for column in ("time", "assigned_at") if column in frame
        })  # fmt: skip
        bare.rename(columns={**chinese, "time": "时间"}).to_excel(f"{name}.xlsx", index=False)
    init, report = commands(DOCS / "guides" / "excel.md")
    done = CliRunner().invoke(main, init)
    assert done.exit_code == 0, done.output
    plan = Path("plan.toml")
    assert 'timezone = "Asia/Shanghai"' in plan.read_text(encoding="utf-8")
    done = CliRunner().invoke(main, report)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "report" / "report.xlsx").stat().st_size > 10_000
