"""The seam of a sentence and its values: in Chinese no space parts two wide characters, and no value is changed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.core import messages
from attribution.core.formats import format_value

WIDE = re.compile(r"[‘’“”…、-ヿ㐀-䶿一-鿿！-･]")


def said(monkeypatch, sentence, lang="zh", **values):
    monkeypatch.setattr(messages, "catalogue", lambda _lang: {"SEAM": sentence})
    return messages.text("SEAM", values, lang=lang)


@pytest.mark.parametrize(
    ("sentence", "values", "shown"),
    [
        ("{arm} 对 {control}", {"arm": "活动组", "control": "留白组"}, "活动组对留白组"),
        ("{arm} 对 {control}", {"arm": "sms", "control": "holdout"}, "sms 对 holdout"),
        ("{arm} 对 {control}", {"arm": "活动A", "control": "留白组"}, "活动A 对留白组"),
        ("{arm} 对 {control}", {"arm": "A 活动", "control": "组1"}, "A 活动对组1"),
        ("渠道是 {channel}：{n:count} 次", {"channel": "短信", "n": 3}, "渠道是短信：3 次"),
        ("分群 {one} {two} 中", {"one": "新客", "two": "老客"}, "分群新客 老客中"),  # two values stay apart
        ("名称 {name} 已用", {"name": "“活动”"}, "名称“活动”已用"),
        ("名称 {name} 已用", {"name": "（短信）"}, "名称（短信）已用"),
        ("名称 {name} 已用", {"name": "(短信)"}, "名称 (短信) 已用"),
        ("名称 {name} 已用", {"name": "短 信"}, "名称短 信已用"),  # the space of a value is its own
        ("名称 {name} 已用", {"name": ""}, "名称  已用"),
        ("名称 {name} 已用", {"name": None}, "名称 – 已用"),
        ("在 {window:duration} 内", {"window": "28d"}, "在 28 天内"),
        ("升 {low:pp} 以上", {"low": 0.0108}, "升 1.08 个百分点以上"),
        ("组。 {name} {{对}} {name}", {"name": "短信"}, "组。短信 {对} 短信"),  # a brace is not wide
        ("x = {name} y", {"name": "短信"}, "x = 短信 y"),
    ],
)
def test_a_space_stands_between_narrow_and_wide_only(monkeypatch, sentence, values, shown):
    assert said(monkeypatch, sentence, **values) == shown


def test_english_keeps_its_spaces(monkeypatch):
    assert said(monkeypatch, "{arm} 对 {control}", "en", arm="活动组", control="留白组") == "活动组 对 留白组"


def test_a_missing_value_is_loud_in_chinese_too():
    with pytest.raises(messages.WakeLiftError, match="message value 'rows' is missing"):
        messages.text("IDENTITY_ROWS_HIDDEN", {}, lang="zh")


@given(
    words=st.lists(st.text(alphabet="组对 a1，（", max_size=4), min_size=3, max_size=3),
    values=st.lists(st.text(alphabet="短信 a1。（", max_size=4), min_size=2, max_size=2),
)
def test_only_spaces_of_the_sentence_vanish_and_only_between_wide_characters(words, values):
    shown = [format_value(value, "text") for value in values]
    pattern = f"{words[0]}{{one}}{words[1]}{{two}}{words[2]}"
    said = messages._ValueFormatter("zh").sentence(pattern, {"one": values[0], "two": values[1]})
    # By hand: a word loses its space beside a value when the value there and its own next character are wide.
    kept = list(words)
    for at, value in ((1, shown[0]), (2, shown[1])):
        if value and WIDE.match(value[-1]) and len(kept[at]) > 1 and kept[at][0] == " " and WIDE.match(kept[at][1]):
            kept[at] = kept[at][1:]
    for at, value in ((0, shown[0]), (1, shown[1])):
        if value and WIDE.match(value[0]) and len(kept[at]) > 1 and kept[at][-1] == " " and WIDE.match(kept[at][-2]):
            kept[at] = kept[at][:-1]
    assert said == f"{kept[0]}{shown[0]}{kept[1]}{shown[1]}{kept[2]}"
