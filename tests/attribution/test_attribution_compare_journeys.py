"""Which journeys carry the difference of two models, by hand and against plain loops."""

from __future__ import annotations

from collections import defaultdict

import hypothesis.strategies as st
import pandas as pd
import pytest
from compare_tables import START, compared, tables
from hypothesis import given, settings

import attribution as at
from attribution.journeys import eligibility
from oracles.model_differences import differences

# --- the journeys that carry the difference ---------------------------------------------------------------------------


def test_journeys_by_hand():
    result = compared("ab", "ab", "ba", "c", "cc").journeys("first_touch", "last_touch", top=None)
    rows = {row["path"]: row for row in result.to_dicts()}
    assert list(rows) == ["a > b", "b > a", "c", "c > c"]
    assert rows["a > b"] == {
        "path": "a > b", "conversions": 2, "moved": 2.0, "share": pytest.approx(2 / 3), "net": 2.0,
        "from_channel": "a", "to_channel": "b",
    }  # fmt: skip
    assert rows["b > a"]["net"] == -1.0  # moves against the totals
    assert (rows["b > a"]["from_channel"], rows["b > a"]["to_channel"]) == ("b", "a")
    assert (rows["c > c"]["moved"], rows["c > c"]["from_channel"]) == (0.0, None)
    assert result.carried.moved == 3.0
    assert result.carried.reassigned == 1.0
    assert "3 of 5 attributed conversions change channel" in repr(result)
    assert "2 of them are undone" in repr(result)


def test_the_pair_that_differs_most_is_the_default():
    result = compared("abc", "abc", "cab")
    assert (result.journeys().carried.model_a, result.journeys().carried.model_b) == ("first_touch", "last_touch")
    same = compared("a", "b")
    assert (same.journeys().carried.model_a, same.journeys().carried.model_b) == ("first_touch", "last_touch")
    assert {row["share"] for row in same.journeys().to_dicts()} == {None}


def test_paths_that_are_not_listed_are_one_row():
    result = compared("ab", "ab", "ab", "bc", "bc", "ca", "ab")
    rows = result.journeys("first_touch", "last_touch", top=1).to_dicts()
    assert [row["path"] for row in rows] == ["a > b", "(other paths)"]
    assert rows[1]["conversions"] == 3
    assert rows[1]["moved"] == pytest.approx(3.0)
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)
    assert sum(row["net"] for row in rows) == pytest.approx(result.pairs().to_dicts()[0]["conversions"])


def test_paths_of_very_many_touches_fit_a_line_and_are_whole_in_the_table():
    found = compared("ab" * 300, hours=1).journeys("first_touch", "last_touch")
    assert found.to_dicts()[0]["path"].count(" > ") == 599
    assert "b > … 588 … > a" in repr(found)
    assert max(map(len, repr(found).splitlines()[:4])) < 200


def test_ties_are_listed_by_their_text_whatever_is_cut():
    every = [row["path"] for row in compared("ab", "ba", "ac", "ca").journeys(top=None).to_dicts()]
    cut = [row["path"] for row in compared("ab", "ba", "ac", "ca").journeys(top=2).to_dicts()]
    assert every == sorted(every)
    assert cut == [*every[:2], "(other paths)"]


CHANNELS = "abcd"


@given(journeys=st.lists(st.text(CHANNELS, max_size=6), min_size=1, max_size=12))
@settings(max_examples=25)
def test_journeys_are_the_plain_loops(journeys):
    credit = at.attribute(*tables(*journeys), models=["first_touch", "linear", "time_decay"])
    result = at.compare_models(credit)
    lists = by_journey(credit.touches().to_dicts())
    for first, second in (("first_touch", "linear"), ("linear", "time_decay")):
        expected, reassigned = differences([(keys, w[first], w[second]) for keys, w in lists])
        found = result.journeys(first, second, top=None)
        assert {row["path"] for row in found.to_dicts()} == {" > ".join(path) for path in expected}
        for row in found.to_dicts():
            count, moved, net, shift = expected[tuple(row["path"].split(" > "))]
            assert row["conversions"] == count
            assert row["moved"] == pytest.approx(float(moved), abs=1e-8)
            assert row["net"] == pytest.approx(float(net), abs=1e-8)
            if row["to_channel"] is not None:
                assert float(shift[row["to_channel"]]) == pytest.approx(float(max(shift.values())), abs=1e-8)
                assert float(shift[row["from_channel"]]) == pytest.approx(float(min(shift.values())), abs=1e-8)
        assert found.carried.reassigned == pytest.approx(float(reassigned), abs=1e-8)


def by_journey(rows: list[dict]) -> list[tuple[list[str], dict[str, list[float]]]]:
    """Keys and weights per model of every conversion, from the event-level export."""
    keys, weights = defaultdict(list), defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["model"] == "linear":
            keys[row["conversion_id"]].append(row["channel"])
        weights[row["conversion_id"]][row["model"]].append(row["weight"])
    return [(keys[conversion], weights[conversion]) for conversion in keys]


def test_pieces_do_not_matter(monkeypatch):
    journeys = ["ab", "abc", "cab", "a", "bb", "abcabc", "ab", "cc"]
    whole = compared(*journeys)
    monkeypatch.setattr(eligibility, "PAIR_BUDGET", 3)
    parts = compared(*journeys)
    assert parts.journeys(top=None).to_dicts() == whole.journeys(top=None).to_dicts()
    assert parts.reasons().to_dicts() == whole.reasons().to_dicts()


def test_keys_of_several_columns():
    touches, conversions = tables("ab", "aa", "b")
    touches["campaign"] = ["x", "x", "x", "y", "y"]
    conversions["product"] = ["fund", "gold", "gold"]
    credit = at.attribute(touches, conversions)
    by_both = at.compare_models(credit.by(("channel", "campaign")))
    rows = by_both.journeys("first_touch", "last_touch").to_dicts()
    assert [row["path"] for row in rows] == ["a / x > a / y", "a / x > b / x", "b / y"]
    assert (rows[0]["from_channel"], rows[0]["to_channel"]) == ("a / x", "a / y")
    assert by_both.reassigned == pytest.approx(2 / 3)
    joint = at.compare_models(credit.by(("channel", "product")))
    assert joint.journeys().to_dicts()[0]["path"] == "a / fund > b / fund"
    # A column of the conversions is the same for all touches of a journey: nothing can move.
    product = at.compare_models(credit.by("product"))
    assert product.reassigned == pytest.approx(0.0, abs=1e-12)
    assert {row["moved"] for row in product.journeys().to_dicts()} == {0.0}


# --- what is particular about them ------------------------------------------------------------------------------------


def test_reasons_by_hand():
    result = compared("a", "aa", "ab", "ba", "abc", "aba", "abcd", "abcdabc", hours=24).reasons(
        "first_touch", "last_touch"
    )
    rows = {(row["split"], row["reason"]): (row["conversions"], row["moved"]) for row in result.to_dicts()}
    assert rows == {
        ("length", "one_touch"): (1, 0.0),
        ("length", "one_key"): (1, 0.0),
        ("length", "two_touches"): (2, 2.0),
        ("length", "three_touches"): (2, 1.0),
        ("length", "four_to_six"): (1, 1.0),
        ("length", "seven_or_more"): (1, 1.0),
        ("repeats", "no_second_key"): (2, 0.0),
        ("repeats", "each_once"): (4, 4.0),
        ("repeats", "comes_back"): (2, 1.0),
        ("span", "within_a_day"): (4, 2.0),
        ("span", "within_a_week"): (4, 3.0),
    }


def test_every_split_sums_to_the_whole():
    touches, conversions = tables("ab", "abd", "ddd", "abcabc", "b", hours=60)
    touches["channel"] = touches["channel"].replace({"d": "direct"})
    touches["origin"] = ["inbound" if channel in ("b", "direct") else "outbound" for channel in touches["channel"]]
    result = at.compare_models(at.attribute(touches, conversions))
    frame = result.reasons("first_touch", "time_decay").table()
    sums = frame.groupby("split")[["conversions", "moved", "share", "net"]].sum()
    assert set(sums.index) == {"length", "repeats", "origin", "direct", "span"}
    assert sums["conversions"].tolist() == [5.0] * 5
    moved = result.journeys("first_touch", "time_decay").carried.moved
    assert sums["moved"].tolist() == pytest.approx([moved] * 5)
    assert sums["share"].tolist() == pytest.approx([1.0] * 5)
    reassigned = result.journeys("first_touch", "time_decay").carried.reassigned
    assert sums["net"].tolist() == pytest.approx([reassigned] * 5)
    reasons = {(row["split"], row["reason"]): row["conversions"] for row in result.reasons().to_dicts()}
    assert reasons["origin", "with_inbound"] == 5
    assert reasons["direct", "with_direct"] == 2
    assert reasons["direct", "without_direct"] == 3
    with at.language("zh"):
        assert "含直接访问" in repr(result.reasons())


# --- models of paths --------------------------------------------------------------------------------------------------


def fixed_shares(paths):
    """All to the channel `c`, which is in some journeys only."""
    return (paths.channel_names == "c").astype(float)


def test_what_totals_have_and_no_journey_has_is_a_row_of_its_own():
    model = at.CustomModel("fixed", fixed_shares, needs="paths")
    result = compared("ab", "ab", "bc", "a", models=(model, "last_touch"))
    found = result.journeys("last_touch", "fixed", top=None)
    rows = {row["path"]: row for row in found.to_dicts()}
    # Last touch: a 1, b 2, c 1. Totals of the model: c 4. Inside journeys: half and half on a > b, all to c on b > c.
    assert rows["a > b"]["moved"] == pytest.approx(1.0)
    assert rows["b > c"]["moved"] == 0.0
    outside = rows["(not by journey)"]
    assert outside["conversions"] is None
    assert outside["moved"] == pytest.approx(3.0)
    assert (outside["from_channel"], outside["to_channel"]) == ("a", "c")
    assert found.carried.reassigned == pytest.approx(3.0)
    assert sum(row["net"] for row in rows.values()) == pytest.approx(3.0)
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1.0)
    assert "3 of the moved conversions are in no journey" in repr(found)
    reasons = result.reasons("last_touch", "fixed").table()
    assert reasons.groupby("split")["moved"].sum().tolist() == pytest.approx([4.0] * 3)
    assert (reasons["reason"] == "not_by_journey").sum() == 3
    with at.language("zh"):
        assert "另一种读法" in repr(found)


def test_other_keys_than_channels_have_the_reading_only():
    model = at.CustomModel("fixed", fixed_shares, needs="paths")
    touches, conversions = tables("ab", "ab", "bc", "a")
    touches["campaign"] = ["x", "y"] * 3 + ["x"]
    credit = at.attribute(touches, conversions, models=[model, "last_touch"]).by("campaign")
    rows = at.compare_models(credit).journeys("last_touch", "fixed", top=None).to_dicts()
    assert "(not by journey)" not in {row["path"] for row in rows}


def long_ago(touches: pd.DataFrame) -> pd.DataFrame:
    """Touches of persons who had every time to convert and did not."""
    return touches.iloc[:4].assign(person_id=["x", "x", "y", "z"], time=START - pd.Timedelta(days=90))


@pytest.mark.parametrize("name", ["markov", "shapley"])
def test_data_driven_models_have_beliefs_and_journeys(name):
    touches, conversions = tables("ab", "abc", "cb", "a", "bac", "cc")
    strangers = long_ago(touches)
    credit = at.attribute(pd.concat([touches, strangers]), conversions, models=["linear", name], rules=at.Rules())
    result = at.compare_models(credit)
    found = result.journeys(top=None)
    rows = found.to_dicts()
    assert sum(row["net"] for row in rows) == pytest.approx(found.carried.reassigned, abs=1e-8)
    assert found.carried.reassigned == pytest.approx(result.reassigned * 6)
    belief = result.beliefs().to_dicts()[1]
    assert "user's own" not in belief["belief"]


DEFINED = (
    "first_touch", "last_touch", "linear", "time_decay", "position_based", "last_non_direct", "u_shaped", "j_shaped",
    "inverse_j", "shapley",
)  # fmt: skip


def test_every_model_of_ours_has_a_belief_of_its_own():
    decay = at.TimeDecay(unit="whole_days", name="days")
    others = [
        at.Markov(name=f"markov_{removal}", removal=removal)
        for removal in ("redirect_to_null", "reconnect", "fail", "detour", "drop_paths")
    ]
    rates = at.Shapley(value="rate", name="rates")
    touches, conversions = tables("ab", "abc", "cb", "a", "bac", "cc")
    conversions["registered"] = START
    milestone = at.WShaped(milestone="registered")
    strangers = long_ago(touches)
    credit = at.attribute(
        pd.concat([touches, strangers]), conversions, models=[*DEFINED, decay, milestone, rates, *others]
    )
    for language in ("en", "zh"):
        with at.language(language):
            rows = at.compare_models(credit).beliefs().to_dicts()
        assert len(rows) == len(DEFINED) + 8
        assert [row["model"] for row in rows if "user's own" in row["belief"] or "自定" in row["belief"]] == []
