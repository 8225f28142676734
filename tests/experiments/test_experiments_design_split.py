"""The check of the split against R, listing every split, and its sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attribution.core.errors import InputError
from experiments.design.split import check_split, unknown_split
from oracles import exact_tables

REFERENCES = json.loads((Path(__file__).parents[1] / "references/split/r_split.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", REFERENCES["expected"], ids=lambda row: str(row["counts"]))
def test_base_r(row):
    counts = {f"arm{i}": int(count) for i, count in enumerate(row["counts"])}
    found = check_split(counts, {f"arm{i}": share for i, share in enumerate(row["shares"])})
    assert found.values["p_value"] == pytest.approx(row["p"], rel=1e-6)
    assert found.values["power"] == pytest.approx(row["power"], rel=1e-6)
    assert found.values["test"] == row["test"]
    assert found.status == ("fail" if row["p"] < 0.001 else "pass")
    assert found.code == "SRM"


@pytest.mark.parametrize(
    ("counts", "shares"),
    [((3, 1, 6), (0.2, 0.3, 0.5)), ((0, 7), (0.5, 0.5)), ((1, 2, 3, 0), (0.25,) * 4), ((9, 0, 1), (0.1, 0.1, 0.8))],
)
def test_small_totals_by_listing_every_split(counts, shares):
    arms = "abcd"[: len(counts)]
    found = check_split(dict(zip(arms, counts, strict=True)), dict(zip(arms, shares, strict=True)))
    assert found.values["test"] == "exact_multinomial"
    assert found.values["p_value"] == pytest.approx(exact_tables.multinomial_p(counts, shares), rel=1e-9)


def test_many_arms_with_one_tiny_share_use_an_exact_bound():
    shares = {"a": 0.001, "b": 0.333, "c": 0.333, "d": 0.333}
    found = check_split({"a": 30, "b": 650, "c": 660, "d": 660}, shares)
    assert found.values["test"] == "exact_binomial_bound"
    assert found.status == "fail"
    assert found.values["worst_arm"] == "a"
    fine = check_split({"a": 2, "b": 666, "c": 666, "d": 666}, shares)
    assert (fine.status, fine.values["p_value"]) == ("pass", 1.0)


def test_order_of_the_arms_does_not_matter():
    one = check_split({"a": 480, "b": 521}, {"a": 0.5, "b": 0.5})
    two = check_split({"b": 521, "a": 480}, {"a": 0.5, "b": 0.5})
    assert one.values["p_value"] == two.values["p_value"]


def test_assumed_equal_shares_are_said():
    for status, counts in (("pass", {"a": 5000, "b": 5030}), ("fail", {"a": 5000, "b": 5400})):
        assumed, declared = check_split(counts), check_split(counts, {"a": 0.5, "b": 0.5})
        assert assumed.status == declared.status == status
        assert assumed.values["assumed_equal"] is True
        assert "assumed because none were declared" in assumed.text("en")
        assert "没有声明分配比例" in assumed.text("zh")
        assert "assumed" not in declared.text("en")
        assert "没有声明" not in declared.text("zh")


def test_sentences_carry_the_numbers():
    text = check_split({"holdout": 5000, "sms": 5400}, {"holdout": 0.5, "sms": 0.5}).text("en")
    assert "arm holdout has 5,000 persons where 5,200 were expected" in text
    assert "<0.0001" in text
    assert "5,000" in check_split({"holdout": 5000, "sms": 5400}, {"holdout": 0.5, "sms": 0.5}).text("zh")


def test_undeclared_shares_are_unknown():
    found = unknown_split({"holdout": 100, "sms": 400})
    assert (found.code, found.status, found.values["p_value"]) == ("SRM", "unknown", None)
    assert "500 persons over 2 arms" in found.text("en")
    assert "500 人" in found.text("zh")


def test_huge_counts_keep_their_tail():
    found = check_split({"a": 50_100_000, "b": 49_900_000}, {"a": 0.5, "b": 0.5})
    assert 0 < found.values["p_value"] < 1e-80
    assert found.values["power"] > 0.999


@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ({"a": 10}, None, "at least two arms"),
        ({"a": 10, "b": 2.5}, None, r"counts\['b'\] must be a whole number"),
        ({"a": 10, "b": -1}, None, r"counts\['b'\]"),
        ({"a": 0, "b": 0}, None, "every arm is empty"),
        ({"a": 10, "b": 10}, {"a": 0.5, "c": 0.5}, r"without share: \['b'\], without count: \['c'\]"),
        ({"a": 10, "b": 10}, {"a": 0.5, "b": 0.4}, "sum to 1, got a sum of 0.9"),
        ({"a": 10, "b": 10}, {"a": 1.0, "b": 0.0}, r"expected\['b'\] must be a share above 0"),
        ({"a": "x", "b": None}, None, "2 problems"),
    ],
)
def test_bad_input_is_refused_with_the_reason(counts, shares, message):
    with pytest.raises(InputError, match=message):
        check_split(counts, shares)
