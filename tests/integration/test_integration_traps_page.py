"""docs/guides/thirty-mistakes.md and the tests of the mistakes name each other, one for one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guides" / "thirty-mistakes.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "docs" / "zh" / "guides" / "thirty-mistakes.md").read_text(encoding="utf-8")
FILES = [Path(__file__).with_name(f"test_integration_traps_{part}.py") for part in ("data", "analysis")]
SOURCE = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
CODES = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")
TESTS = re.findall(r"^def (test_trap_\d\d_\w+)\(", SOURCE, re.MULTILINE)
SECTION = re.compile(r"^### (\d+)\. (.+?)\n\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = SECTION.findall(PAGE)


def test_every_one_of_the_thirty_mistakes_has_one_test():
    assert sorted(int(name[10:12]) for name in TESTS) == list(range(1, 31))


def test_every_one_of_the_thirty_mistakes_is_on_the_page():
    assert sorted(int(number) for number, _, _ in SECTIONS) == list(range(1, 31))


@pytest.mark.parametrize(("number", "title", "text"), SECTIONS, ids=[number for number, _, _ in SECTIONS])
def test_the_page_names_the_test_and_the_answer(number, title, text):
    named = re.findall(r"^Test: `(\w+)`$", text, re.MULTILINE)
    assert named == [name for name in TESTS if int(name[10:12]) == int(number)]
    assert len(re.findall(r"^\*[A-Z][\w ]+\*: ", text, re.MULTILINE)) == 1
    assert title[0].isupper() or title[0] == '"'
    assert "](" in text, "no page to read on"


def test_the_codes_on_the_page_are_codes_and_the_tests_of_the_mistakes_see_them():
    known = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", CODES, re.MULTILINE))
    named = {code for _, _, text in SECTIONS for code in re.findall(r"`([A-Z][A-Z_0-9]+)`", text)}
    assert named <= known
    assert {code for code in named if code not in SOURCE} == set()


def test_the_chinese_page_names_the_same_mistakes_codes_tests_and_pages():
    def told(text: str) -> list[str]:
        return sorted([*re.findall(r"`[^`]+`", text), *re.findall(r"/methods/([\w-]+\.md)", text)])

    chinese = SECTION.findall(CHINESE)
    assert [number for number, _, _ in chinese] == [number for number, _, _ in SECTIONS]
    for (number, _, one), (_, _, other) in zip(SECTIONS, chinese, strict=True):
        assert (number, told(other)) == (number, told(one))
        assert len(re.findall(r"^测试：`(\w+)`$", other, re.MULTILINE)) == 1
