"""The glossary of both languages, made from one table of terms."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
TERMS: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("glossary.toml").read_text(encoding="utf-8")
)["term"]  # fmt: skip
PLACES = {"en": DOCS / "glossary.md", "zh": DOCS / "zh" / "glossary.md"}
HEADS = {
    "en": (
        "# Glossary, English and Chinese\n\n"
        "What does a word in a report, a message or on these pages mean, and what is it called in the other language?\n"
        "By the English alphabet; [the same in Chinese order](zh/glossary.md). Codes such as `SRM` are on the page of\n"
        "[codes](reference/codes.md).\n"
    ),
    "zh": (
        "# 术语表：中文与英文\n\n"
        "报告、消息和这些页面里的一个词是什么意思，另一种语言怎么说？按拼音排列；[按英文字母排列](../glossary.md)。\n"
        "`SRM` 之类的代码见[代码表](../reference/codes.md)（英文）。\n"
    ),
}


def _heading(term: dict[str, Any], lang: str) -> str:
    """The name of a term; a Chinese word of two ideas carries the English one beside it."""
    if lang == "en":
        return str(term["en"])
    shared = [other for other in TERMS if other["zh"] == term["zh"]]
    return str(term["zh"]) if len(shared) == 1 else f"{term['zh']} {term['en']}"


def ordered(lang: str) -> list[dict[str, Any]]:
    """The terms by the English alphabet, or by the order of GBK, which is that of pinyin for common characters."""
    if lang == "en":
        return sorted(TERMS, key=lambda term: term["en"].lstrip("(").lower())
    return sorted(TERMS, key=lambda term: (term["zh"].isascii(), term["zh"].lower().encode("gb18030"), term["en"]))


def _link(term: dict[str, Any], lang: str) -> str:
    path = os.path.relpath(DOCS / term["page"], PLACES[lang].parent).replace(os.sep, "/")
    name = Path(term["page"]).stem.replace("-", " ")
    return f"[{name}]({path})" + ("." if lang == "en" else "（英文）。")


def _entry(term: dict[str, Any], lang: str) -> str:
    other = {"en": term["zh"], "zh": term["en"]}[lang]
    said = {"en": term["means"], "zh": term["means_zh"]}
    first, second = (said["en"], said["zh"]) if lang == "en" else (said["zh"], said["en"])
    told = f"**{other}**: {first}\n" if lang == "en" else f"**{other}**：{first}\n"
    more = "More: " if lang == "en" else "详见："
    return f"## {_heading(term, lang)}\n\n{told}{more}{_link(term, lang)}\n\n{second}\n"


def page(lang: str) -> str:
    """The whole page."""
    return "\n".join([HEADS[lang], *(_entry(term, lang) for term in ordered(lang))])
