"""Counts behind "about", and sums of money in one unit."""

from __future__ import annotations

import math

import pytest

from attribution.core.formats import format_amounts, format_value


@pytest.mark.parametrize(
    ("number", "en", "zh"),
    [
        (0, "0", "0"), (7, "7", "7"), (99.4, "99", "99"), (123, "120", "120"), (995, "1,000", "1,000"),
        (8432, "8,400", "8,400"), (9999, "10,000", "1 万"), (12345, "12,000", "1.2 万"), (208391, "210,000", "21 万"),
        (1234567, "1,200,000", "120 万"), (123456789, "120,000,000", "1.2 亿"), (-8432, "−8,400", "−8,400"),
        (1e22, "1e+22", "1e+22"),
    ],
)  # fmt: skip
def test_a_count_behind_about_has_two_digits(number, en, zh):
    assert (format_value(number, "about", lang="en"), format_value(number, "about", lang="zh")) == (en, zh)


def test_a_count_behind_about_may_be_missing_or_unbounded():
    assert [format_value(one, "about", lang="zh") for one in (None, math.nan, math.inf)] == ["–", "–", "∞"]


@pytest.mark.parametrize(
    ("amounts", "lang", "shown", "unit"),
    [
        ([-13892.3, -21520.4, -6858.8], "en", ["−13.9", "−21.5", "−6.9"], "k"),
        ([-13892.3, -21520.4, -6858.8], "zh", ["−1.39", "−2.15", "−0.69"], "万"),
        ([61029.5], "zh", ["6.10"], "万"),
        ([9999.7], "zh", ["10,000"], ""),
        ([123.4, -0.2, 5], "en", ["123.4", "−0.200", "5"], ""),
        ([1.2e8, -3e3, math.inf], "zh", ["1.20", "0.00", "∞"], "亿"),
        ([2.5e12, -math.inf], "en", ["2,500", "−∞"], "bn"),
        ([3.4e6, -1e-9], "en", ["3.40", "0.00"], "m"),
        ([0.0], "en", ["0"], ""),
        ([1e22], "zh", ["1e+22"], ""),
    ],
)
def test_amounts_share_the_unit_and_the_decimals_of_the_largest(amounts, lang, shown, unit):
    assert format_amounts(amounts, lang=lang) == (shown, unit)
