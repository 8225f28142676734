"""Pages of both languages keep step, links lead somewhere, and lists of pages are complete."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
TRANSLATED = [
    (ROOT / "README.md", ROOT / "README.zh-CN.md"),
    *((DOCS / page.relative_to(DOCS / "zh"), page) for page in sorted((DOCS / "zh").rglob("*.md"))),
]
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<code>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LANGUAGE = re.compile(r" --lang (?:en|zh)\b|^language = \"(?:en|zh)\"\n|^at\.set_language\(\"zh\"\)\n", re.MULTILINE)


def shown(value: object) -> str:
    return value.relative_to(ROOT).as_posix() if isinstance(value, Path) else ""


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def headings(page: Path) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(page), re.MULTILINE)]


def code(page: Path) -> list[tuple[str, str]]:
    return [(found["kind"], found["code"]) for found in FENCE.finditer(page.read_text(encoding="utf-8"))]


def table_shapes(page: Path) -> list[tuple[int, int]]:
    found = re.findall(r"(?:^\|.*\n)+", prose(page), re.MULTILINE)
    return [(len(table.splitlines()), table.splitlines()[0].count("|")) for table in found]


def anchor(heading: str) -> str:
    """The anchor of a heading: lower case, blanks as hyphens, all but letters, digits and hyphens gone."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize(("english", "chinese"), TRANSLATED, ids=shown)
def test_the_chinese_page_keeps_step_with_the_english_one(english: Path, chinese: Path):
    assert headings(chinese) == headings(english)
    assert table_shapes(chinese) == table_shapes(english)
    assert [kind for kind, _ in code(chinese)] == [kind for kind, _ in code(english)]
    # What a block prints may be in the reader's language, and so may be the request for it.
    assert [(kind, LANGUAGE.sub("", body)) for kind, body in code(chinese) if kind != "text"] == [
        (kind, LANGUAGE.sub("", body)) for kind, body in code(english) if kind != "text"
    ]
    assert CHINESE.search(prose(chinese))


def test_the_pages_that_everybody_reads_first_are_in_both_languages():
    assert {shown(english) for english, _ in TRANSLATED} >= {"README.md", "docs/index.md", "docs/quick-start.md"}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_to_a_file_and_a_heading(page: Path):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        titles = re.findall(r"^#+ (.*)$", prose(place), re.MULTILINE) if fragment and place.is_file() else []
        if not place.exists() or (fragment and fragment not in map(anchor, titles)):
            broken.append(target)
    assert broken == []


def test_the_index_of_methods_has_one_line_for_each_page():
    index = DOCS / "methods" / "index.md"
    linked = re.findall(r"^- \[[^\]]+\]\(([\w-]+\.md)\): ", index.read_text(encoding="utf-8"), re.MULTILINE)
    pages = [page.name for page in (DOCS / "methods").glob("*.md") if page != index]
    assert sorted(linked) == sorted(pages)


def test_every_page_of_the_documentation_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+)", prose(page))
        waiting += [(page.parent / link).resolve() for link in links if not re.match(r"[a-z]+:", link)]
    assert [shown(page) for page in PAGES if page not in reached] == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_pages_have_one_title_and_no_level_is_skipped(page: Path):
    levels = headings(page)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
