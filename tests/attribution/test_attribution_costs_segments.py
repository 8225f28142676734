"""Segments of short messages: the alphabet against another codec, the count against parts filled one by one."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attribution as at

REFERENCE = Path(__file__).resolve().parents[1] / "references" / "segments" / "gsm0338.json"


@pytest.fixture(scope="module")
def alphabet() -> dict[str, list[int]]:
    return json.loads(REFERENCE.read_text(encoding="utf-8"))["expected"]


def one(text: str, encoding: str = "ucs2") -> int:
    return int(at.sms_segments([text], encoding=encoding)[0])


def parts(text: str, wide, alone: int, part: int) -> int:
    """Fill parts one by one, as a gateway does."""
    units = [2 if wide(char) else 1 for char in text]
    if sum(units) <= alone:
        return 1 if units else 0
    filled = [0]
    for unit in units:
        if filled[-1] + unit > part:
            filled.append(0)
        filled[-1] += unit
    return len(filled)


@pytest.mark.parametrize(
    ("length", "expected"), [(0, 0), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (670, 10)]
)
def test_seventy_characters_and_sixty_seven_in_each_part(length, expected):
    assert one("字" * length) == expected
    assert one("a" * length) == expected  # Chinese gateways bill Latin text alike


@pytest.mark.parametrize(("length", "expected"), [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)])
def test_the_gsm_alphabet_has_longer_parts(length, expected):
    assert one("a" * length, "gsm7") == expected
    assert one("a" * length, "auto") == expected


def test_characters_outside_the_first_plane_count_twice_and_are_not_split():
    assert [one("😀" * 35), one("😀" * 36)] == [1, 2]
    assert one("字" * 66 + "😀" + "字" * 65) == 2
    assert (
        one("字" * 66 + "😀" + "字" * 66) == 3
    )  # 134 units would be two parts, but the pair goes whole into the second


def test_an_escaped_character_is_not_split():
    assert one("a" * 159 + "€", "gsm7") == 2
    assert one("a" * 152 + "€" + "a" * 151, "gsm7") == 2
    assert one("a" * 152 + "€" + "a" * 152, "gsm7") == 3  # 306 units by the plain quotient: two parts


def test_the_alphabet_is_that_of_the_standard(alphabet):
    single, double = ("".join(map(chr, alphabet[name])) for name in ("one_septet", "two_septets"))
    assert (len(single), len(double)) == (127, 10)
    for char in single:
        assert one(char * 160, "gsm7") == 1, repr(char)
        assert one(char * 161, "auto") == 2, repr(char)
    for char in double:
        assert [one(char * 80, "gsm7"), one(char * 81, "gsm7")] == [1, 2], repr(char)
    known = set(single + double)
    for code in [*range(1, 0x500), 0x20AC, 0x4E00, 0x1F600]:
        char = chr(code)
        if char not in known:
            with pytest.raises(at.InputError, match="the GSM alphabet does not have"):
                one(char, "gsm7")
            assert one(char * 71 if code < 0x10000 else char * 36, "auto") == 2


@given(st.text(alphabet=st.sampled_from("a字€[😀"), max_size=400))
def test_parts_are_filled_one_by_one(text):
    assert one(text) == parts(text, lambda char: ord(char) > 0xFFFF, 70, 67)
    if set(text) <= set("a€["):
        assert one(text, "gsm7") == one(text, "auto") == parts(text, lambda char: char in "€[", 160, 153)
    else:
        assert one(text, "auto") == one(text)


@pytest.mark.parametrize(
    "texts",
    [["字" * 71, None, ""], pd.Series(["字" * 71, None, ""]), pa.array(["字" * 71, None, ""]),
     pd.Series(["字" * 71, None, ""], dtype="string")],
    ids=["list", "pandas", "arrow", "pandas string"],
)  # fmt: skip
def test_columns_of_every_kind(texts):
    found = at.sms_segments(texts)
    assert isinstance(found, np.ndarray)
    assert found[0] == 2.0
    assert math.isnan(found[1])
    assert found[2] == 0.0


def test_segments_go_straight_into_the_price_of_touches():
    touches = pd.DataFrame({"channel": ["sms", "sms"], "segments": at.sms_segments(["您好", "字" * 71])})
    prices = pd.DataFrame({"channel": ["sms"], "basis": ["segment"], "unit_cost": [0.05]})
    assert at.price_touches(touches, prices)["cost"].tolist() == [0.05, 0.1]


@pytest.mark.parametrize(
    ("texts", "encoding", "match"),
    [
        (["a"], "utf8", "encoding must be one of ucs2, gsm7, auto"),
        ("a message", "ucs2", r"one message per touch.*write \[text\]"),
        (pd.DataFrame({"text": ["a", "b"]}), "ucs2", "column of messages, one per touch, got DataFrame"),
        (pa.table({"text": ["a", "b"]}), "ucs2", "column of messages, one per touch, got Table"),
        ({"text": "a"}, "ucs2", "column of messages, one per touch, got dict"),
        (5, "ucs2", "column of messages, one per touch, got int"),
        (["a", 3], "ucs2", "row 1: a message must be text, got int"),
        (["a", "字"], "gsm7", "row 1: the GSM alphabet does not have '字'"),
    ],
)
def test_what_is_refused(texts, encoding, match):
    with pytest.raises(at.InputError, match=match):
        at.sms_segments(texts, encoding=encoding)
