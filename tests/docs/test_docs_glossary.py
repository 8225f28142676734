"""The glossary is made from its table, and its words are those that reports and pages use.

`pytest tests/docs/test_docs_glossary.py --update-golden` writes the pages anew.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from glossary_pages import DOCS, PLACES, TERMS, ordered, page

ROOT = DOCS.parent
HAN = re.compile(r"[\u4e00-\u9fff]")


@cache
def spoken() -> str:
    """Everything that is said in Chinese: catalogues and pages, without the glossary itself."""
    places = [
        *ROOT.glob("*/messages/*.zh.toml"), ROOT / "README.zh-CN.md",
        *(place for place in (DOCS / "zh").rglob("*.md") if place != PLACES["zh"]),
    ]  # fmt: skip
    return "\n".join(place.read_text(encoding="utf-8") for place in sorted(places))


@pytest.mark.parametrize("lang", PLACES)
def test_the_page_is_made_from_the_table(request, lang):
    place = PLACES[lang]
    if request.config.getoption("--update-golden"):
        place.write_bytes(page(lang).encode("utf-8"))
    assert place.read_text(encoding="utf-8") == page(lang), "write it anew with --update-golden"


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["en"])
def test_a_chinese_term_is_the_one_in_use_and_its_synonyms_are_not(term):
    assert term["zh"] in spoken()
    assert [word for word in term.get("not", ()) if word in spoken()] == []


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["en"])
def test_a_term_is_explained_shortly_in_both_languages(term):
    assert 1 <= len(re.findall(r"[.?](?= |$)", term["means"])) <= 3
    assert 1 <= len(re.findall(r"[。？]", term["means_zh"])) <= 3
    assert HAN.search(term["means_zh"])
    assert not HAN.search(term["means"])
    assert not re.search(r"[,;:!?](?=[\u4e00-\u9fff])", term["means_zh"]), "full-width punctuation"
    assert (DOCS / term["page"]).is_file()


def test_the_terms_are_enough_and_each_stands_once():
    names = [term["en"].lower() for term in TERMS]
    assert len(names) == len(set(names))
    assert len(names) >= 100


def test_the_words_that_carry_the_library_are_there():
    known = {term["en"] for term in TERMS}
    assert known >= {
        "credit",
        "effect",
        "verdict",
        "holdout",
        "threshold",
        "attributed",
        "incremental",
        "placebo credit",
    }
    assert known >= {"PASS", "FAIL", "INCONCLUSIVE", "INVALID", "NO_HOLDOUT"}


def test_both_pages_are_in_their_order():
    english = [term["en"].lstrip("(").lower() for term in ordered("en")]
    assert english == sorted(english)
    chinese = [term["zh"] for term in ordered("zh") if HAN.match(term["zh"])]
    firsts = [word[0] for word in chinese]
    assert firsts.index("对") < firsts.index("归") < firsts.index("唤") < firsts.index("增")


def test_links_into_the_glossary_name_a_term():
    anchors = {
        lang: set(re.findall(r"^## (.*)$", PLACES[lang].read_text(encoding="utf-8"), re.MULTILINE)) for lang in PLACES
    }
    known = {
        lang: {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in names}
        for lang, names in anchors.items()
    }
    wrong = []
    for place in DOCS.rglob("*.md"):
        for path, fragment in re.findall(r"\]\(([^)\s#]*glossary\.md)#([^)\s]+)\)", place.read_text(encoding="utf-8")):
            lang = "zh" if (place.parent / path).resolve() == PLACES["zh"] else "en"
            if fragment not in known[lang]:
                wrong.append((Path(place).name, fragment))
    assert wrong == []
