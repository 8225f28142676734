"""Shapley credit against every order of joining in fractions, against published games, and its own laws."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from math import comb
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import attribution as at
from attribution.models.protocol import TallyModel, checked_shares, checked_weights
from attribution.models.shapley_games import channel_sets, exact_values, rate_worth, sampled_values
from oracles.shapley import equal_split, shapley_by_orders, shapley_of_paths
from oracles.shapley import rate_worth as oracle_rate_worth

PUBLISHED = json.loads((Path(__file__).parents[1] / "references" / "shapley" / "published.json").read_text("utf-8"))
GAMES, EXPECTED = PUBLISHED["inputs"], PUBLISHED["expected"]
ULP = 2.0**-50


def counted(journeys):
    """Journeys as (path, conversions, nulls) as the model sees them."""
    paths, conversions, nulls = zip(*journeys, strict=True)
    return at.PathCounts.of([list(path) for path in paths], conversions=conversions, nulls=nulls)


@st.composite
def journeys_of(draw, *, channels=6, some=True):
    names = "ABCDEF"[:channels]
    path = st.lists(st.sampled_from(names), min_size=1, max_size=6).map("".join)
    rows = draw(st.lists(st.tuples(path, st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=12))
    if some and not any(converted for _, converted, _ in rows):
        rows[0] = (rows[0][0], 1, rows[0][2])
    return rows


# --- all orders of joining ---


@given(journeys_of())
@settings(max_examples=40)
def test_the_counting_game_is_the_equal_split_exactly(journeys):
    assert shapley_of_paths(journeys, "count") == equal_split(journeys)


@pytest.mark.parametrize("value", ["count", "rate"])
@given(journeys=journeys_of())
@settings(max_examples=40)
def test_values_equal_all_orders_of_joining(value, journeys):
    paths = counted(journeys)
    fit = at.Shapley(value=value).fit(paths)
    expected = shapley_of_paths(journeys, value)
    for name, credit in zip(paths.channel_names, fit.credit, strict=True):
        assert abs(credit - float(expected[name])) <= ULP * fit.total
    assert fit.shares.sum() == pytest.approx(1.0, abs=1e-14)
    assert fit.total == pytest.approx(float(sum(expected.values())), rel=1e-14)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6])
def test_the_arithmetic_is_exact_when_the_numbers_are_fractions(channels):
    stream = random.Random(channels)
    names = "ABCDEF"[:channels]
    journeys = [
        ("".join(stream.choices(names, k=stream.randint(1, 6))), stream.randint(0, 9), stream.randint(0, 30))
        for _ in range(15)
    ] + [(name, 1, 1) for name in names]
    paths = counted(journeys)
    sets = channel_sets(paths)
    code_of = {name: place for place, name in enumerate(names)}
    counts = np.array([[Fraction(n) for n in kind.tolist()] for kind in (paths.conversions, paths.nulls)], dtype=object)
    by_set = np.full((2, len(sets)), Fraction(0), dtype=object)
    for path, place in enumerate(sets.place):
        by_set[:, place] += counts[:, path]
    worth = np.array([Fraction(v) for v in rate_worth(by_set[0], by_set[1], sets.codes(), channels)], dtype=object)
    weights = np.array([Fraction(1, channels * comb(channels - 1, size)) for size in range(channels)], dtype=object)
    expected = shapley_by_orders(list(names), oracle_rate_worth(journeys))
    values = exact_values(worth, channels, weights)
    assert [values[code_of[name]] for name in names] == [expected[name] for name in names]


# --- published games ---


def test_a_published_example_of_three_channels():
    game = GAMES["three_channels"]
    paths = at.PathCounts.of(game["paths"], conversions=game["conversions"])
    fit = at.Shapley().fit(paths)
    credit = dict(zip(paths.channel_names, fit.credit, strict=True))
    assert credit == pytest.approx(EXPECTED["three_channels"], rel=PUBLISHED["rtol"])
    # The paths as journeys: the model of touches gives the same.
    made = at.attribute_paths(
        pd.DataFrame({"path": [" > ".join(path) for path in game["paths"]], "conversions": game["conversions"]}),
        models=at.Shapley(),
    )
    assert made.table().set_index("channel").conversions.drop("(none)").to_dict() == pytest.approx(credit)


def test_the_glove_game():
    values = exact_values(np.array(GAMES["gloves"]["worth_by_bits"], float), 3)
    np.testing.assert_allclose(values, [float(Fraction(value)) for value in EXPECTED["gloves"]], rtol=1e-15)


def test_power_in_the_security_council():
    game = GAMES["security_council"]
    players = game["permanent"] + game["others"]
    votes = np.array([coalition.bit_count() for coalition in range(1 << players)])
    veto = (1 << game["permanent"]) - 1
    passes = (votes >= game["needed"]) & (np.arange(1 << players) & veto == veto)
    values = exact_values(passes.astype(float), players)
    expected = [float(Fraction(EXPECTED["security_council"][kind])) for kind in ("permanent", "other")]
    np.testing.assert_allclose(values, np.repeat(expected, [game["permanent"], game["others"]]), rtol=1e-12)


def test_leave_one_out_is_not_shapley():
    rate = {path: won / (won + lost) for path, (won, lost) in GAMES["leave_one_out"].items()}
    loss = {"C": rate["C > A"] - rate["A"], "A": rate["C > A"] - rate["C"]}
    published = EXPECTED["leave_one_out"]["published"]
    for channel, lost in loss.items():
        assert lost / sum(loss.values()) == pytest.approx(published[channel], rel=1e-12)
    values = exact_values(np.array([0.0, rate["C"], rate["A"], rate["C > A"]]), 2)
    assert values / values.sum() == pytest.approx([0.567, 0.433], abs=5e-4)
    assert values[0] / values.sum() - published["C"] > 0.02


# --- the laws of the model ---


def test_counts_equal_linear_over_the_distinct_channels():
    j = at.JourneyArrays.of(
        [["sms", "phone", "sms", "sms"], ["push"], ["phone", "phone"]], ages_seconds=[[4.0, 3, 2, 1], [0.0], [1.0, 0]]
    )
    model = at.Shapley()
    weights = checked_weights(model, j)
    assert weights.tolist() == [1 / 6, 1 / 2, 1 / 6, 1 / 6, 1.0, 0.5, 0.5]
    assert isinstance(model, TallyModel)
    assert model.weights(at.JourneyArrays.of([], ages_seconds=[])).tolist() == []


def test_null_journeys_enter_rates_only():
    with_nulls = counted([("AB", 3, 40), ("A", 2, 8), ("B", 5, 1)])
    without = with_nulls.with_counts(with_nulls.conversions, np.zeros(3))
    assert at.Shapley().shares(with_nulls).tolist() == at.Shapley().shares(without).tolist()
    rates = at.Shapley(value="rate")
    assert not np.allclose(rates.shares(with_nulls), rates.shares(without))


def test_needs_follows_the_value():
    assert at.Shapley().needs == "touches"
    assert at.Shapley(value="rate").needs == "paths"
    j = at.JourneyArrays.of([["a"]], ages_seconds=[[0.0]])
    with pytest.raises(at.InputError, match="of all paths together"):
        at.Shapley(value="rate").weights(j)


@given(journeys_of(), st.permutations("ABCDEF"), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_names_and_order_of_rows_do_not_matter(journeys, names, stream):
    other = dict(zip("ABCDEF", names, strict=True))
    renamed = [("".join(other[channel] for channel in path), won, lost) for path, won, lost in journeys]
    stream.shuffle(renamed)
    for value in ("count", "rate"):
        before, after = (
            dict(zip(paths.channel_names, at.Shapley(value=value).shares(paths), strict=True))
            for paths in (counted(journeys), counted(renamed))
        )
        assert {other[name]: share for name, share in before.items()} == pytest.approx(after, abs=1e-12)


@given(journeys_of(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_shuffled_rows_change_no_bit(journeys, stream):
    shuffled = stream.sample(journeys, len(journeys))
    for value in ("count", "rate"):
        model = at.Shapley(value=value)
        assert model.shares(counted(journeys)).tolist() == model.shares(counted(shuffled)).tolist()


@given(journeys_of(), st.integers(2, 5))
@settings(max_examples=30)
def test_duplicated_journeys_change_no_share(journeys, times):
    more = [(path, won * times, lost * times) for path, won, lost in journeys]
    for value in ("count", "rate"):
        model = at.Shapley(value=value)
        np.testing.assert_allclose(model.shares(counted(journeys)), model.shares(counted(more)), atol=1e-12)


def test_channels_that_nobody_met_have_nothing():
    paths = counted([("AB", 3, 4), ("A", 2, 8), ("C", 0, 0)])
    for value in ("count", "rate"):
        model = at.Shapley(value=value)
        assert checked_shares(model, paths)[2] == 0.0
        np.testing.assert_array_equal(model.shares(paths)[:2], model.shares(counted([("AB", 3, 4), ("A", 2, 8)])))


def test_equal_channels_have_equal_credit():
    paths = counted([("AC", 3, 4), ("BC", 3, 4), ("A", 1, 9), ("B", 1, 9), ("AB", 2, 2)])
    shares = at.Shapley(value="rate").shares(paths)
    assert shares[0] == pytest.approx(shares[1], abs=1e-15)


@pytest.mark.parametrize("value", ["count", "rate"])
@given(journeys=journeys_of(some=False))
@settings(max_examples=30)
def test_the_tally_gives_the_shares(value, journeys):
    paths = counted(journeys)
    model = at.Shapley(value=value)
    tally = model.tally(paths)
    shares = tally.shares_of(paths.conversions @ tally.converting + paths.nulls @ tally.lost)
    if paths.conversions.any():
        np.testing.assert_allclose(shares, model.shares(paths), rtol=0, atol=1e-14)
    else:
        assert not shares.any()


def test_no_conversion_nothing_to_divide():
    for value in ("count", "rate"):
        with pytest.raises(at.DesignError, match="none of the 7 journeys converted") as caught:
            at.Shapley(value=value).fit(counted([("AB", 0, 4), ("A", 0, 3)]))
        assert caught.value.code == "NO_CONVERSIONS"


def test_unusable_counts():
    for conversions, nulls in (([1, -1], [0, 5]), ([1, 1], [0, np.nan]), ([np.inf, 1], [0, 0])):
        paths = at.PathCounts.of([["A"], ["B"]], conversions=conversions, nulls=nulls)
        for model in (at.Shapley(), at.Shapley(value="rate")):
            with pytest.raises(at.InputError, match="finite numbers of at least 0"):
                model.fit(paths)


# --- negative credit ---


def test_negative_credit_is_kept_and_told():
    paths = counted([("A", 10, 10), ("AB", 1, 99)])
    model = at.Shapley(value="rate")
    fit = model.fit(paths)
    assert fit.credit[1] < 0 < fit.credit[0]
    assert checked_shares(model, paths).sum() == pytest.approx(1.0, abs=1e-15)
    (finding,) = fit.findings
    assert (finding.code, finding.status, finding.values["channels"]) == ("SHAPLEY_NEGATIVE", "warn", "B")
    assert "B" in repr(fit)
    assert "negative" in repr(fit)
    with at.language("zh"):
        assert "为负" in repr(fit)


# --- more than 20 channels ---


def many(channels, paths=400, seed=5):
    stream = np.random.default_rng(seed)
    lengths = stream.integers(1, 6, paths)
    names = [f"c{code:02d}" for code in range(channels)]
    journeys = [[names[code] for code in stream.integers(0, channels, length)] for length in lengths]
    return at.PathCounts.of(
        journeys, conversions=stream.integers(0, 4, paths).tolist(), nulls=stream.integers(0, 20, paths).tolist()
    )


def test_sampled_values_agree_with_the_exact_ones():
    paths = many(8)
    sets = channel_sets(paths)
    conversions, nulls = sets.sums(paths.conversions), sets.sums(paths.nulls)
    exact = exact_values(rate_worth(conversions, nulls, sets.codes(), 8), 8)
    values, error = sampled_values(sets, conversions, nulls, samples=2000, seed=0)
    assert values.sum() == pytest.approx(exact.sum(), rel=1e-12)  # every order sums to the whole
    assert (error > 0).all()
    assert (np.abs(values - exact) < 4.5 * error).all()
    more, smaller = sampled_values(sets, conversions, nulls, samples=32_000, seed=0)
    assert (np.abs(more - exact) < 4.5 * smaller).all()
    assert smaller.mean() == pytest.approx(error.mean() / 4, rel=0.1)


def test_the_stated_error_is_the_spread_over_seeds():
    paths = many(8)
    sets = channel_sets(paths)
    conversions, nulls = sets.sums(paths.conversions), sets.sums(paths.nulls)
    runs = [sampled_values(sets, conversions, nulls, samples=60, seed=seed) for seed in range(200)]
    spread = np.std([values for values, _ in runs], axis=0, ddof=1)
    stated = np.sqrt(np.mean([error**2 for _, error in runs], axis=0))
    np.testing.assert_allclose(spread, stated, rtol=0.2)


def test_twenty_channels_are_still_exact():
    paths = many(20, paths=3000)
    fit = at.Shapley(value="rate").fit(paths)
    assert fit.method == "exact"
    assert fit.credit.sum() == pytest.approx(fit.total, rel=1e-12)
    sets = channel_sets(paths)
    values, error = sampled_values(sets, sets.sums(paths.conversions), sets.sums(paths.nulls), samples=2000, seed=0)
    assert (np.abs(values - fit.credit) < 4.5 * error).all()


@pytest.mark.parametrize("channels", [21, 64, 130])
def test_many_channels_are_sampled(channels):
    paths = many(channels)
    fit = at.Shapley(value="rate", samples=100).fit(paths)
    assert fit.method == "sampled"
    assert fit.credit.sum() == pytest.approx(fit.total, rel=1e-12)
    assert fit.credit.tolist() == at.Shapley(value="rate", samples=100).fit(paths).credit.tolist()
    assert fit.credit.tolist() != at.Shapley(value="rate", samples=100, seed=1).fit(paths).credit.tolist()
    told = {finding.code: finding for finding in fit.findings}["SHAPLEY_SAMPLED"]
    assert told.values["samples"] == 100
    assert told.values["error"] == pytest.approx(fit.standard_error.max() / fit.total)
    assert "standard error" in repr(fit)
    # The closed form of counts has no limit.
    counts = at.Shapley().fit(paths)
    assert counts.method == "closed form"
    assert counts.credit.sum() == pytest.approx(paths.conversions.sum(), rel=1e-12)


def test_resamples_of_many_channels_take_fewer_orders():
    paths = many(30, paths=3000)
    model = at.Shapley(value="rate")
    tally = model.tally(paths)
    totals = paths.conversions @ tally.converting + paths.nulls @ tally.lost
    shares, fit = tally.shares_of(totals), at.Shapley(value="rate", samples=200).fit(paths)
    np.testing.assert_allclose(shares, fit.shares, rtol=0, atol=1e-14)
    assert (np.abs(shares - model.shares(paths)) < 5 * fit.standard_error / fit.total).all()


def test_sets_of_many_channels_are_told_apart():
    names = [f"c{code:03d}" for code in range(130)]
    sets = channel_sets(
        at.PathCounts.of(
            [[names[0], names[129]], [names[129], names[0], names[0]], [names[0]], [names[63], names[64]], names],
            conversions=[1, 2, 4, 8, 16],
        )
    )
    assert len(sets) == 4
    assert sets.place[0] == sets.place[1]
    members = [sets.channel[sets.offsets[place] : sets.offsets[place + 1]].tolist() for place in sets.place]
    present = [int(name[1:]) for name in [names[0], names[63], names[64], names[129]]]
    assert [members[0], members[2], members[3]] == [[0, 129], [0], present[1:3]]
    assert members[4] == list(range(130))


# --- what may be asked ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value": "odds"}, 'value must be "count" or "rate", got'),
        ({"samples": 3}, "even whole number"),
        ({"samples": 2}, "at least 4"),
        ({"samples": True}, "even whole number"),
        ({"seed": -1}, "seed must be"),
        ({"name": " "}, "name of a model"),
    ],
)
def test_unusable_settings(options, message):
    with pytest.raises(at.InputError, match=message):
        at.Shapley(**options)


def test_a_fit_is_a_table():
    fit = at.Shapley(value="rate").fit(counted([("AB", 3, 1), ("A", 2, 8), ("B", 1, 9)]))
    assert fit.to_dicts() == [
        {"channel": "A", "credit": pytest.approx(0.175), "share": pytest.approx(0.7), "standard_error": None},
        {"channel": "B", "credit": pytest.approx(0.075), "share": pytest.approx(0.3), "standard_error": None},
    ]
    assert fit.method == "exact"
    assert fit.recipe.settings["method"] == "exact"
    assert "17.5%" in repr(fit)
    assert "standard error" not in repr(fit)
