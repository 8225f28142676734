"""The reference of the plan's keys is what the models of the plan say, in both languages.

`pytest tests/docs/test_docs_plan_keys.py --update-golden` writes the pages anew.
"""

from __future__ import annotations

import re

import pytest

from experiments.plan.explain import explain_markdown, key_meanings

PAGES = {"en": "docs/reference/plan-keys.md", "zh": "docs/zh/reference/plan-keys.md"}
HEADS = {
    "en": "# Every key of a plan\n\n"
    "Which keys may a plan have, of what type, and what holds when a key is left out? Made from the plan's own models; "
    "`wakelift init --explain` prints the same. A whole plan as an example, and how values are spelled: "
    "[the plan](../guides/plan.md).\n\n",
    "zh": "# 计划的全部键\n\n"
    "计划里可以有哪些键，各是什么类型，不写时按什么处理？本页由计划的模型生成；"
    "`wakelift init --explain --lang zh` 打印同样的内容。完整的例子和写法：[计划](../../guides/plan.md)（英文）。\n\n",
}


def page(lang: str) -> str:
    return HEADS[lang] + explain_markdown(lang=lang).rstrip("\n") + "\n"


@pytest.mark.parametrize("lang", PAGES)
def test_the_page_says_what_the_models_say(repo, request, lang):
    place = repo / PAGES[lang]
    if request.config.getoption("--update-golden"):
        place.write_bytes(page(lang).encode("utf-8"))
    assert place.read_text(encoding="utf-8") == page(lang), "write it anew with --update-golden"


@pytest.mark.parametrize("lang", PAGES)
def test_every_key_stands_in_its_section_with_a_meaning(repo, lang):
    text = (repo / PAGES[lang]).read_text(encoding="utf-8")
    for section in key_meanings():
        part = text.split(f"\n## `{section.heading}`\n", 1)[1].split("\n## ", 1)[0]
        for key in section.keys:
            row = re.search(rf"^\| `{key.name}` \| (.+?) \| (.+?) \| (.+) \|$", part, re.MULTILINE)
            assert row, (section.heading, key.name)
            assert all(cell.strip() for cell in row.groups())


def test_the_guide_leads_to_the_keys(repo):
    assert "](../reference/plan-keys.md)" in (repo / "docs" / "guides" / "plan.md").read_text(encoding="utf-8")
