"""How far models disagree, by hand and against plain loops."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from compare_tables import compared, tables
from hypothesis import given

import attribution as at
from attribution.compare.pairwise import rank_agreement
from oracles.model_differences import tau_b

WHEN = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-02 09:00Z", "2026-10-03 09:00Z"])
TOUCHES = pd.DataFrame({"person_id": "p", "time": WHEN, "channel": ["a", "b", "c"]})
CONVERSIONS = pd.DataFrame({"person_id": ["p", "q"], "time": WHEN[2], "conversion_id": [1, 2], "value": 1.0})


# --- the table per channel --------------------------------------------------------------------------------------------


def test_shares_and_ranks_by_hand():
    result = at.compare_models(at.attribute(TOUCHES, CONVERSIONS, models=["first_touch", "linear", "position_based"]))
    rows = {row["channel"]: row for row in result.to_dicts()}
    assert list(rows) == ["a", "b", "c"]
    assert (rows["a"]["share_min"], rows["a"]["share_max"]) == (pytest.approx(1 / 3), 1.0)
    assert (rows["a"]["rank_min"], rows["a"]["rank_max"], rows["a"]["rank_stable"]) == (1, 1, True)
    assert (rows["b"]["rank_min"], rows["b"]["rank_max"], rows["b"]["rank_stable"]) == (1, 3, False)
    assert (rows["a"]["lowest_model"], rows["a"]["highest_model"]) == ("linear", "first_touch")
    assert result.reassigned == pytest.approx(2 / 3)
    assert "Credit, not cause" in repr(result)
    with at.language("zh"):
        assert "归因" in repr(result)


def test_spend_without_credit_has_share_zero():
    credit = at.attribute(TOUCHES, CONVERSIONS).with_costs(pd.DataFrame({"channel": ["tv"], "cost": [1.0]}))
    result = at.compare_models(credit)
    assert result.to_dicts()[3]["share_max"] == 0.0
    assert result.pairs().to_dicts()[0]["conversions"] == 1.0
    assert result.journeys(top=None).to_dicts()[0]["moved"] == 1.0
    assert len(result.beliefs().to_dicts()) == 5


def test_nothing_attributed():
    result = at.compare_models(at.attribute(TOUCHES, CONVERSIONS.iloc[1:]))
    assert result.reassigned is None
    assert [row["share_min"] for row in result.to_dicts()] == [None] * 3
    pairs = result.pairs().to_dicts()
    assert {row["note"] for row in pairs} == {"NOTHING_ATTRIBUTED"}
    assert {row["reassigned"] for row in pairs} == {None}
    assert result.journeys().to_dicts() == []
    assert result.reasons().to_dicts() == []
    assert "about what the average" in result.beliefs().to_dicts()[0]["difference"]
    for shown in (result, result.pairs(), result.journeys(), result.reasons(), result.beliefs()):
        assert shown.to_markdown()
        assert "nan" not in repr(shown)


def test_refusals():
    with pytest.raises(at.InputError, match="at least two models"):
        at.compare_models(at.attribute(TOUCHES, CONVERSIONS, models="linear"))
    with pytest.raises(at.InputError, match="needs a Credit"):
        at.compare_models(TOUCHES)
    result = at.compare_models(at.attribute(TOUCHES, CONVERSIONS))
    with pytest.raises(at.InputError, match="Did you mean 'linear'"):
        result.journeys("linaer", "last_touch")
    with pytest.raises(at.InputError, match="both models"):
        result.journeys("linear")
    with pytest.raises(at.InputError, match="name two models"):
        result.reasons("linear", "linear")
    with pytest.raises(at.InputError, match="top must be"):
        result.journeys(top=0)


# --- two models at a time ---------------------------------------------------------------------------------------------


def test_pairs_by_hand():
    rows = compared("ab", "ab", "cb", "c").pairs().to_dicts()
    assert [(row["model_a"], row["model_b"]) for row in rows] == [
        ("first_touch", "last_touch"), ("first_touch", "linear"), ("last_touch", "linear"),
    ]  # fmt: skip
    first = rows[0]  # first touch: a 2, b 0, c 2; last touch: a 0, b 3, c 1
    assert first["reassigned"] == pytest.approx(3 / 4)
    assert first["conversions"] == pytest.approx(3.0)
    # a = c > b against b > c > a: of 3 pairs (a, b) and (b, c) are reversed, (a, c) is tied in the first.
    assert first["rank_correlation"] == pytest.approx(-2 / (2 * 3) ** 0.5)
    assert first["swaps"] == 2
    assert first["swapped"] == "a ⇄ b; c ⇄ b"
    assert first["note"] is None


def test_pairs_say_why_there_is_no_rank_correlation():
    assert compared("a", "aa").pairs().to_dicts()[0]["note"] == "ONE_CHANNEL"
    row = compared("ab", models=("linear", "first_touch")).pairs().to_dicts()[0]
    assert (row["rank_correlation"], row["note"]) == (None, "EQUAL_SHARES")
    shown = repr(compared("ab", models=("linear", "first_touch")).pairs())
    assert "equal shares" in shown
    with at.language("zh"):
        assert "无顺序可言" in repr(compared("a", "aa").pairs())


@given(
    shares=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12),
)
def test_rank_agreement_is_the_plain_loops(shares):
    first, second = (np.array(column, float) for column in zip(*shares, strict=True))
    found = rank_agreement(first, second)
    tau, swaps = tau_b(first.tolist(), second.tolist())
    assert found.tau == (None if tau is None else pytest.approx(tau))
    assert found.swaps == swaps
    for a, b in found.widest:
        assert first[a] > first[b]
        assert second[a] < second[b]


def test_rank_agreement_is_scipys():
    from scipy.stats import kendalltau

    rng = np.random.Generator(np.random.PCG64(5))
    first, second = rng.integers(0, 40, (2, 60)).astype(float)
    assert rank_agreement(first, second).tau == pytest.approx(float(kendalltau(first, second).statistic))


def test_blocks_of_channels_do_not_matter(monkeypatch):
    from attribution.compare import pairwise

    rng = np.random.Generator(np.random.PCG64(6))
    first, second = rng.integers(0, 9, (2, 30)).astype(float)
    whole = rank_agreement(first, second)
    monkeypatch.setattr(pairwise, "_BLOCK", 70)
    parts = rank_agreement(first, second)
    assert (parts.tau, parts.swaps, parts.widest) == (whole.tau, whole.swaps, whole.widest)


# --- beliefs ----------------------------------------------------------------------------------------------------------


def test_beliefs_name_what_the_data_show():
    result = compared("ab", "ab", "ab", "b")
    rows = {row["model"]: row for row in result.beliefs().to_dicts()}
    # Shares of a: first touch 3/4, last touch 0, linear 3/8; the average is 3/8.
    assert "a +37.5 pp" in rows["first_touch"]["difference"]
    assert "b −37.5 pp" in rows["first_touch"]["difference"]
    assert "average" in rows["linear"]["difference"]
    assert rows["first_touch"]["against"].startswith("a is withheld")
    assert rows["last_touch"]["against"].startswith("b is withheld")
    shown = repr(result.beliefs())
    assert not any(word in shown.lower() for word in ("score", "best model", "recommend"))
    with at.language("zh"):
        chinese = result.beliefs().to_dicts()
        assert "首次触点" in chinese[0]["belief"]
        assert "反证" in repr(result.beliefs())


def test_nobody_is_asked_to_withhold_what_customers_begin():
    touches, conversions = tables("ab", "ab", "cb")
    touches["origin"] = ["outbound", "inbound"] * 3
    rows = at.compare_models(at.attribute(touches, conversions)).beliefs().to_dicts()
    last = next(row for row in rows if row["model"] == "last_touch")
    assert "b +" in last["difference"]
    assert last["against"].startswith("a channel is withheld")


def test_a_model_of_the_users_has_a_belief_of_its_own():
    class Newest:
        name, needs = "newest", "touches"

        def weights(self, j):
            weights = np.zeros(len(j.channel))
            weights[j.offsets[1:] - 1] = 1.0
            return weights

    credit = at.attribute(*tables("ab", "b"), models=[Newest(), "first_touch"])
    row = at.compare_models(credit).beliefs().to_dicts()[0]
    assert row["belief"].startswith("The weights of newest are the user's own")


def test_html_and_markdown_escape_what_the_data_say():
    touches, conversions = tables("ab", "ba", "ab")
    touches["channel"] = touches["channel"].replace({"a": "<b>|a"})
    result = at.compare_models(at.attribute(touches, conversions))
    for shown in (result, result.pairs(), result.journeys(), result.beliefs()):
        assert "<b>|a" not in shown._repr_html_()
        assert "&lt;b&gt;|a" in shown._repr_html_()
        assert "\\<b\\>\\|a" in shown.to_markdown()


# --- ranks and chance -------------------------------------------------------------------------------------------------


def test_models_that_always_disagree_do_so_by_more_than_chance():
    result = compared(*["ab"] * 200, *["a"] * 10, models=("first_touch", "last_touch"))
    found = result.stability()
    rows = {row["channel"]: row for row in found.to_dicts()}
    assert rows["a"]["disagreement"] == rows["b"]["disagreement"] == "beyond_chance"
    assert (rows["a"]["higher_model"], rows["a"]["lower_model"]) == ("first_touch", "last_touch")
    assert (rows["b"]["higher_model"], rows["b"]["lower_model"]) == ("last_touch", "first_touch")
    assert (rows["a"]["rank_min"], rows["a"]["rank_max"]) == (1, 2)
    assert (found.level, found.models, found.seed) == (0.95, 2, 0)
    assert "more than chance" in repr(found)
    with at.language("zh"):
        assert "超出偶然" in repr(found)
        assert "首次触点" in found._repr_html_()


def test_ranks_and_chance_say_what_they_rest_on():
    credit = at.attribute(*tables(*["ab"] * 40, *["b"] * 20), models=["linear", "markov"])
    found = at.compare_models(credit).stability(population=500, seed=20261122, replicates=200)
    assert (found.population.size, found.replicates, found.resampled) == (500, 200, {"markov": 0})
    shown = repr(found)
    assert "500 persons at risk were given" in shown
    assert "markov: 200 resamples of persons" in shown
    assert "simulated with seed 20261122." in shown
    assert "the number of persons at risk is unknown" in repr(at.compare_models(credit).stability()).lower()


def test_few_persons_leave_disagreement_to_chance():
    # First touch: a leads with 2 to 1; last touch: b leads with 2 to 1. Three persons decide nothing.
    rows = compared("ab", "a", "b", models=("first_touch", "last_touch")).stability().to_dicts()
    assert {row["disagreement"] for row in rows} == {"within_chance"}
    assert {row["higher_model"] for row in rows} == {None}
    assert [(row["possible_min"], row["possible_max"]) for row in rows] == [(1, 2), (1, 2)]


def test_agreement_is_named_as_such():
    rows = compared(*["a"] * 60, *["b"] * 5, models=("first_touch", "last_touch")).stability().to_dicts()
    assert {row["disagreement"] for row in rows} == {"none"}


def test_rank_sets_hold_for_all_models_together():
    journeys = ["ab"] * 30 + ["ba"] * 20 + ["b"] * 8
    credit = at.attribute(*tables(*journeys), models=["first_touch", "last_touch"])
    each = {(row["model"], row["channel"]): row for row in credit.ranks(level=0.975).to_dicts()}
    for row in at.compare_models(credit).stability(level=0.95).to_dicts():
        mine = [each[model, row["channel"]] for model in ("first_touch", "last_touch")]
        assert row["possible_min"] == min(found["rank_low"] for found in mine)
        assert row["possible_max"] == max(found["rank_high"] for found in mine)
    with pytest.raises(at.InputError, match="level"):
        at.compare_models(credit).stability(level=1.5)
    with pytest.raises(at.InputError, match="ranks compare 2"):
        compared("a", "aa").stability()
