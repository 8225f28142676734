"""Every sentence exists in both languages with the same placeholders, and every code has its sentence."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from package_sources import PACKAGES, ROOT, package_files, shown, tree

from attribution.core.formats import KINDS
from attribution.core.language import LANGUAGES
from attribution.core.messages import placeholders

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def catalogues(lang: str) -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package / "messages").glob(f"*.{lang}.toml"))


def flat(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    result: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            assert isinstance(value, str), f"{prefix}{key} is not a sentence"
            result[prefix + key] = value
    return result


def sentences(path: Path) -> dict[str, str]:
    return flat(tomllib.loads(path.read_text(encoding="utf-8")))


def all_sentences(lang: str) -> dict[str, str]:
    merged: dict[str, str] = {}
    for path in catalogues(lang):
        merged |= sentences(path)
    return merged


def test_every_topic_has_both_languages():
    topics = {lang: {shown(path).removesuffix(f".{lang}.toml") for path in catalogues(lang)} for lang in LANGUAGES}
    assert topics["en"] == topics["zh"]
    strangers = [
        shown(path)
        for package in PACKAGES
        for path in (ROOT / package / "messages").glob("*.toml")
        if path not in catalogues("en") and path not in catalogues("zh")
    ]
    assert strangers == []


@pytest.mark.parametrize("english", catalogues("en"), ids=shown)
def test_a_topic_says_the_same_in_both_languages(english: Path):
    ours = sentences(english)
    theirs = sentences(english.with_name(english.name.replace(".en.toml", ".zh.toml")))
    assert set(ours) == set(theirs)
    different = {
        code: (ours[code], theirs[code]) for code in ours if placeholders(ours[code]) != placeholders(theirs[code])
    }
    assert different == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_placeholders_are_of_known_kinds(lang: str):
    unknown = {
        code: kind
        for code, sentence in all_sentences(lang).items()
        for _, kind in placeholders(sentence)
        if kind and kind not in KINDS
    }
    assert unknown == {}


def test_no_code_is_defined_twice():
    counts = Counter(code for path in catalogues("en") for code in sentences(path))
    assert [code for code, count in counts.items() if count > 1] == []


def test_chinese_sentences_are_chinese_and_english_ones_english():
    assert [code for code, sentence in all_sentences("en").items() if CHINESE.search(sentence)] == []
    # What is a bare code, a symbol or only placeholders reads alike in both languages.
    words = {code: re.sub(r"\{[^}]*\}", "", sentence) for code, sentence in all_sentences("zh").items()}
    assert [
        code for code, text in words.items() if re.search(r"[a-z]{4,}.* .*[a-z]{4,}", text) and not CHINESE.search(text)
    ] == []


def test_every_finding_in_the_code_has_its_sentence():
    known = all_sentences("en")
    missing = []
    for path in package_files():
        for node in ast.walk(tree(path)):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Finding"):
                continue
            codes = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            for code in codes:
                if isinstance(code, ast.Constant) and not _spoken(str(code.value), known):
                    missing.append(f"{shown(path)}:{node.lineno} {code.value}")
    assert missing == []


def _spoken(code: str, known: Mapping[str, str]) -> bool:
    return code in known or any(name.startswith(f"{code}.") for name in known)
