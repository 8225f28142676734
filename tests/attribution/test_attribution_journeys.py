"""Which touches are eligible: window edges, order, reuse, match, origin; on journeys made by hand."""

from __future__ import annotations

import tracemalloc
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import attribution as at
from attribution.journeys import eligibility

START = pd.Timestamp("2026-10-01 00:00", tz="UTC")


def day(number: float) -> pd.Timestamp:
    return START + timedelta(days=number)


def touch_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame(
        [(person, day(when), channel) for person, when, channel in rows], columns=["person_id", "time", "channel"]
    )
    return table.assign(**columns)


def conversion_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame(
        [(person, day(when), name, float(value)) for person, when, name, value in rows],
        columns=["person_id", "time", "conversion_id", "value"],
    )
    return table.assign(**columns)


def weights(touches, conversions, model="linear", **rules) -> dict[tuple[str, str], float]:
    credit = at.attribute(touches, conversions, models=model, rules=at.Rules(**rules))
    rows = credit.touches().to_dicts()
    return {(row["conversion_id"], row["channel"]): row["weight"] for row in rows}


MICROSECOND = 1 / 86_400e6


def test_both_ends_of_the_window_are_included():
    touches = touch_table(("p", 0, "oldest"), ("p", 30, "newest"))
    assert weights(touches, conversion_table(("p", 30, "o", 1))) == {("o", "oldest"): 0.5, ("o", "newest"): 0.5}
    late = conversion_table(("p", 30 + MICROSECOND, "o", 1))
    assert weights(touches, late) == {("o", "newest"): 1.0}
    early = conversion_table(("p", 30 - MICROSECOND, "o", 1))
    assert weights(touches, early) == {("o", "oldest"): 1.0}


def test_same_instant_can_be_excluded():
    touches = touch_table(("p", 1, "before"), ("p", 2, "same"))
    conversions = conversion_table(("p", 2, "o", 1))
    assert weights(touches, conversions, same_instant="exclude") == {("o", "before"): 1.0}
    assert weights(touches, conversions, lookback="0d") == {("o", "same"): 1.0}


def test_lookback_by_channel_and_kind():
    touches = touch_table(
        ("p", 0, "banner"),
        ("p", 0, "sms"),
        ("p", 0.5, "sms"),
        ("p", 0, "phone"),
        kind=["show", "sent", "click", "call"],
    )
    conversions = conversion_table(("p", 10, "o", 1))
    rules = {"lookback": {"banner": "1d", ("sms", "click"): "20d", "sms": "2d", "*": "10d"}}
    credit = at.attribute(touches, conversions, models="linear", rules=at.Rules(**rules))
    rows = [(row["channel"], row["time"]) for row in credit.touches().to_dicts()]
    assert [channel for channel, _ in rows] == ["phone", "sms"]
    assert rows[1][1] == day(0.5)


def test_a_lookback_longer_than_history():
    touches = touch_table(("p", 0, "sms"))
    assert weights(touches, conversion_table(("p", 10, "o", 1)), lookback=timedelta.max) == {("o", "sms"): 1.0}


def test_ties_are_broken_by_touch_id_then_by_content():
    conversions = conversion_table(("p", 1, "o", 1))
    touches = touch_table(("p", 0, "b"), ("p", 0, "a"), ("p", 0, "c"))
    assert weights(touches, conversions, "first_touch")["o", "a"] == 1.0
    assert weights(touches, conversions, "last_touch")["o", "c"] == 1.0
    numbered = touches.assign(touch_id=[1, 3, 2])
    assert weights(numbered, conversions, "first_touch")["o", "b"] == 1.0
    assert weights(numbered, conversions, "last_touch")["o", "a"] == 1.0


def test_ties_of_one_channel_are_broken_by_the_other_columns():
    conversions = conversion_table(("p", 1, "o", 1))
    touches = touch_table(("p", 0, "a"), ("p", 0, "a"), ("p", 0, "a"), campaign=["z", "x", "y"], agent=[1, 1, None])
    credit = at.attribute(touches, conversions, models=["first_touch", "last_touch"]).by("campaign").table()
    # Column `agent` comes before `campaign` by name, and an empty cell first.
    first, last = (
        credit[credit.model == name].set_index("campaign").conversions for name in ("first_touch", "last_touch")
    )
    assert first["y"] == 1.0
    assert last["z"] == 1.0


def test_persons_do_not_mix():
    touches = touch_table(("p", 0, "a"), ("q", 0, "b"), ("r", 0, "c"))
    conversions = conversion_table(("q", 1, "oq", 1), ("p", 1, "op", 1))
    assert weights(touches, conversions) == {("op", "a"): 1.0, ("oq", "b"): 1.0}


def test_repeated_channels_count_each_time():
    touches = touch_table(("p", 0, "a"), ("p", 1, "a"), ("p", 2, "b"))
    table = at.attribute(touches, conversion_table(("p", 3, "o", 9)), models="linear").table().set_index("channel")
    assert table.conversions["a"] == pytest.approx(2 / 3)
    assert table.value["b"] == pytest.approx(3.0)


TWO_ORDERS = conversion_table(("p", 1, "o1", 1), ("p", 3, "o2", 10), ("p", 3.5, "o3", 100))
THREE_TOUCHES = touch_table(("p", 0, "a"), ("p", 2, "b"), ("p", 9, "c"))


def test_reuse_shared():
    assert weights(THREE_TOUCHES, TWO_ORDERS) == {
        ("o1", "a"): 1.0, ("o2", "a"): 0.5, ("o2", "b"): 0.5, ("o3", "a"): 0.5, ("o3", "b"): 0.5,
    }  # fmt: skip


def test_reuse_reset():
    credit = at.attribute(THREE_TOUCHES, TWO_ORDERS, models="linear", rules=at.Rules(reuse="reset"))
    assert [(r["conversion_id"], r["channel"], r["weight"]) for r in credit.touches().to_dicts()] == [
        ("o1", "a", 1),
        ("o2", "b", 1),
    ]
    none = credit.table().set_index("channel").loc["(none)"]
    assert (none.conversions, none.value) == (1.0, 100.0)


def test_reuse_reset_passes_a_touch_that_the_first_conversion_may_not_use():
    # The touch is of product y: the earlier conversion of product x does not use it up.
    touches = touch_table(("p", 0, "a"), product=["y"])
    conversions = conversion_table(("p", 1, "o1", 1), ("p", 2, "o2", 1), product=["x", "y"])
    assert weights(touches, conversions, reuse="reset", match="product") == {("o2", "a"): 1.0}


def test_reuse_reset_at_one_instant_serves_the_smaller_conversion_id():
    touches = touch_table(("p", 0, "a"))
    conversions = conversion_table(("p", 1, "o2", 1), ("p", 1, "o1", 1))
    assert weights(touches, conversions, reuse="reset") == {("o1", "a"): 1.0}


def test_reuse_first():
    credit = at.attribute(THREE_TOUCHES, TWO_ORDERS, models="linear", rules=at.Rules(reuse="first"))
    table = credit.table().set_index("channel")
    assert table.conversions.to_dict() == {"a": 1.0, "b": 0.0, "c": 0.0, "(none)": 0.0}
    assert table.value.sum() == 1.0
    assert [f.values["n"] for f in credit.findings if f.code == "LATER_CONVERSIONS"] == [2]


def test_match_columns_must_agree_and_empty_cells_agree_with_nothing():
    touches = touch_table(("p", 0, "a"), ("p", 0, "b"), ("p", 0, "c"), product=["x", "y", None], region=["n", "n", "n"])
    conversions = conversion_table(("p", 1, "o1", 1), ("p", 1, "o2", 1), product=["x", None], region=["n", "n"])
    assert weights(touches, conversions, match=("product", "region")) == {("o1", "a"): 1.0}


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_blank_match_cells_agree_with_nothing(blank):
    touches = touch_table(("p", 0, "a"), ("p", 0, "b"), product=["x", blank])
    conversions = conversion_table(("p", 1, "o1", 1), ("p", 1, "o2", 1), product=["x", blank])
    assert weights(touches, conversions, match="product") == {("o1", "a"): 1.0}
    credit = at.attribute(touches, conversions, models="linear", rules=at.Rules(match="product"))
    assert {row["status"] for row in credit.explain("o2").to_dicts()} == {"MATCH_DIFFERS"}


def test_blank_match_cells_beside_numbers_agree_with_nothing():
    touches = touch_table(("p", 0, "a"), ("p", 0, "b"), product=[7, 8])
    conversions = conversion_table(("p", 1, "o1", 1), ("p", 1, "o2", 1), product=["7", " "])
    assert weights(touches, conversions, match="product") == {("o1", "a"): 1.0}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([62170000000001, 62170000000002], pd.Series([62170000000001.0, None])),  # numbers with a gap arrive as floats
        (["62170000000001", "62170000000002"], pd.Series([62170000000001.0, None])),
        (pd.Series([7, 8], dtype="int8"), [7, 9]),
        ([0.5, 7.0], [Decimal("0.50"), Decimal(8)]),
        (pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"])).astype("datetime64[ns]"), [date(2026, 1, 1), None]),
        (pd.date_range("2026-01-01", periods=2, tz="UTC"), [pd.Timestamp("2026-01-01 08:00+08:00")] * 2),
    ],
)
def test_match_cells_agree_whatever_their_storage(left, right):
    touches = touch_table(("p", 0, "a"), ("p", 0, "b")).assign(product=left)
    conversions = conversion_table(("p", 1, "o1", 1), ("q", 1, "o2", 1)).assign(product=right)
    assert weights(touches, conversions, match="product") == {("o1", "a"): 1.0}


def test_not_a_number_agrees_with_nothing():
    touches = pl.from_pandas(touch_table(("p", 0, "a"), ("p", 0, "b"))).with_columns(product=pl.Series([1.0, np.nan]))
    conversions = pl.from_pandas(conversion_table(("p", 1, "o1", 1))).with_columns(product=pl.Series([np.nan]))
    journeys = at.build_journeys(touches, conversions, rules=at.Rules(match="product"))
    assert [pairs.counts.tolist() for pairs in journeys.pairs()] == [[0]]


def test_a_refund_that_names_a_list_is_noted():
    conversions = conversion_table(("p", 1, "o1", 1), ("p", 2, "o2", 1)).assign(refund_of=[None, ["o1"]])
    with pytest.raises(at.TableError, match=r"WRONG_TYPE\] conversions.refund_of: a refund names one conversion"):
        at.build_journeys(touch_table(("p", 0, "a")), conversions)


def test_columns_named_by_numbers_take_no_part():
    touches = touch_table(("p", 0, "a"), ("p", 0, "b")).rename(columns={"nothing": "x"}).assign(year=1)
    touches = touches.rename(columns={"year": 2024})
    assert weights(touches, conversion_table(("p", 1, "o", 1))) == {("o", "a"): 0.5, ("o", "b"): 0.5}


def test_outbound_only():
    touches = touch_table(("p", 0, "a"), ("p", 0.5, "b"), origin=["outbound", "inbound"])
    conversions = conversion_table(("p", 1, "o", 1))
    assert weights(touches, conversions, origin="outbound") == {("o", "a"): 1.0}
    assert len(weights(touches, conversions)) == 2


def test_refunds_reduce_and_full_refunds_set_aside():
    conversions = conversion_table(("p", 1, "o1", 100), ("p", 2, "o2", 50), ("p", 3, "r1", -30), ("p", 3, "r2", -50))
    conversions["refund_of"] = [None, None, "o1", "o2"]
    credit = at.attribute(touch_table(("p", 0, "a")), conversions, models="linear")
    table = credit.table().set_index("channel")
    assert (table.conversions["a"], table.value["a"]) == (1.0, 70.0)
    (refunds,) = [finding for finding in credit.findings if finding.code == "REFUNDS"]
    assert dict(refunds.values) == {"refunds": 2, "refunded": 1}


def test_pieces_change_no_bit(monkeypatch):
    random = np.random.default_rng(5)
    touches = touch_table(
        *[(f"p{random.integers(6)}", float(random.integers(60)), f"c{random.integers(4)}") for _ in range(300)]
    )
    conversions = conversion_table(
        *[
            (f"p{random.integers(6)}", float(random.integers(60)) + 0.1 * (i % 2), f"o{i}", random.lognormal())
            for i in range(50)
        ]
    )
    for reuse in ("shared", "reset", "first"):
        rules = at.Rules(lookback="20d", reuse=reuse)
        whole = at.attribute(touches, conversions, rules=rules)
        with monkeypatch.context() as patch:
            patch.setattr(eligibility, "PAIR_BUDGET", 7)
            pieces = at.attribute(touches, conversions, rules=rules)
            assert len(list(pieces.journeys.pairs())) > 1
            pd.testing.assert_frame_equal(pieces.table(), whole.table(), check_exact=True)
            pd.testing.assert_frame_equal(pieces.table(level=0.9), whole.table(level=0.9), rtol=1e-12)
            assert pieces.touches().to_dicts() == whole.touches().to_dicts()
            columns = ["path", "conversions", "share"]
            pd.testing.assert_frame_equal(
                pieces.journeys.paths().table()[columns], whole.journeys.paths().table()[columns]
            )


def test_ranks_of_times_stand_in_when_the_span_is_too_long(monkeypatch):
    from attribution.kernels import ordering

    touches = touch_table(("p", 0, "a"), ("p", 1, "b"), ("q", 2, "c"))
    conversions = conversion_table(("p", 1, "o1", 1), ("q", 40, "o2", 1), ("q", 2, "o3", 1))
    expected = at.attribute(touches, conversions).table()
    monkeypatch.setattr(ordering, "_BITS", 1)
    pd.testing.assert_frame_equal(at.attribute(touches, conversions).table(), expected, check_exact=True)


def test_one_very_busy_person_is_served_in_bounded_pieces():
    touches = pd.DataFrame(
        {"person_id": "p", "time": START + pd.to_timedelta(np.arange(40_000), unit="s"), "channel": "a"}
    )
    conversions = pd.DataFrame(
        {
            "person_id": "p",
            "time": START + pd.to_timedelta(np.arange(400) * 100, unit="s"),
            "conversion_id": np.arange(400),
            "value": 1.0,
        }
    )
    journeys = at.build_journeys(touches, conversions)
    sizes = [len(pairs.touch) for pairs in journeys.pairs()]
    assert sum(sizes) == int((np.arange(400) * 100 + 1).sum())
    assert max(sizes) <= eligibility.PAIR_BUDGET
    assert len(sizes) >= 2
    assert journeys.attribute("linear").table().conversions.tolist() == pytest.approx([400, 0])


def test_reset_takes_room_for_the_touches_of_a_piece_and_not_for_all():
    persons = 200_000
    touches = pd.DataFrame({"person_id": np.arange(persons), "time": START, "channel": "a"})
    conversions = pd.DataFrame(
        {"person_id": np.arange(persons), "time": day(1.5), "conversion_id": np.arange(persons), "value": 1.0}
    )
    plan = at.build_journeys(touches, conversions, rules=at.Rules(reuse="reset"))
    pieces = eligibility.eligible_pairs(plan.counted, plan.served, plan.rules, budget=10)
    first = next(pieces)
    tracemalloc.start()
    try:
        second = next(pieces)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert first.touch.tolist() + second.touch.tolist() == list(range(20))
    assert peak < 8 * persons  # one number for every touch of the table


def test_a_person_with_very_many_pairs_is_noted_by_their_number(monkeypatch):
    from attribution.journeys import findings

    touches = touch_table(*[("busy", 0, "a")] * 4, ("q", 0, "a"))
    conversions = conversion_table(*[("busy", 1, f"o{i}", 1) for i in range(3)], ("q", 1, "o9", 1))
    monkeypatch.setattr(findings, "BUSY_PAIRS", 12)
    assert "BUSY_PERSON" not in {finding.code for finding in at.build_journeys(touches, conversions).findings}
    monkeypatch.setattr(findings, "BUSY_PAIRS", 11)
    (busy,) = [f for f in at.build_journeys(touches, conversions).findings if f.code == "BUSY_PERSON"]
    assert (busy.status, dict(busy.values)) == ("note", {"persons": 1, "pairs": 12, "limit": 11})
    assert "busy " not in busy.text("en")
    assert "12" in busy.text("zh")


def test_paths_and_summary():
    touches = touch_table(("p", 0, "a"), ("p", 1, "b"), ("q", 0, "a"), ("q", 1, "b"), ("r", 0, "b"))
    conversions = conversion_table(("p", 2, "o1", 5), ("q", 2, "o2", 7), ("r", 2, "o3", 1), ("s", 2, "o4", 1))
    journeys = at.build_journeys(touches, conversions)
    assert journeys.paths(top=1).to_dicts() == [
        {"path": "a > b", "conversions": 2, "value": 12.0, "share": pytest.approx(2 / 3)}
    ]
    assert len(journeys.paths(top=None).table()) == 2
    numbers = journeys.summary()
    assert (numbers.persons, numbers.conversions, numbers.touched_conversions, numbers.touches_used) == (4, 4, 3, 5)
    assert "journeys" in repr(journeys).lower()
    with pytest.raises(at.InputError, match="top must be"):
        journeys.paths(top=0)


def test_no_rows_at_all():
    touches, conversions = touch_table(("p", 0, "a")).iloc[:0], conversion_table(("p", 1, "o", 1)).iloc[:0]
    table = at.attribute(touches, conversions).table(level=0.9)
    assert table.channel.tolist() == ["(none)"] * 5
    assert table.conversions.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"reuse": "shard"}, "Did you mean 'shared'"),
        ({"origin": "in"}, "origin must be"),
        ({"same_instant": "maybe"}, "same_instant must be"),
        ({"lookback": 30}, 'Write "30d" for days'),
        ({"lookback": {}}, "empty mapping"),
        ({"lookback": {1: "30d"}}, "a key of lookback"),
        ({"lookback": {"a": -1}}, r"lookback\['a'\]"),
        ({"match": (1,)}, "names of columns"),
    ],
)
def test_wrong_rules(options, match):
    with pytest.raises(at.InputError, match=match):
        at.Rules(**options)


def test_rules_must_be_rules():
    with pytest.raises(at.InputError, match="rules must be a Rules"):
        at.build_journeys(THREE_TOUCHES, TWO_ORDERS, rules="30d")
