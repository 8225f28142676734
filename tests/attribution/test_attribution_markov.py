"""The Markov model against exact fractions, published examples and the packages whose removals it offers."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import attribution as at
from attribution.models import solve
from attribution.models.removal import REMOVALS, effects_of, normalised
from oracles import markov as oracle

REFERENCE = json.loads((Path(__file__).parents[1] / "references" / "markov" / "peers.json").read_text(encoding="utf-8"))
TEXTBOOK = ([["C1", "C2", "C3"], ["C1"], ["C2", "C3"]], [1, 0, 0], [0, 1, 1])


def paths_of(paths, conversions, nulls=None) -> at.PathCounts:
    return at.PathCounts.of(paths, conversions=conversions, nulls=nulls)


def world(seed: int, *, channels: int = 4, size: int = 14, longest: int = 5):
    """Distinct random paths with small counts, repeats included; at least one converts."""
    chance = random.Random(seed)
    names = [f"c{place}" for place in range(channels)]
    paths = sorted({tuple(chance.choices(names, k=chance.randint(1, longest))) for _ in range(size)})
    conversions = [chance.choice([0, 0, 1, 2, 5]) for _ in paths]
    conversions[chance.randrange(len(paths))] += 1
    return [list(path) for path in paths], conversions, [chance.choice([0, 1, 3, 8]) for _ in paths]


def effects(data, order: int = 1, removal: str = "redirect_to_null") -> np.ndarray:
    paths = paths_of(*data)
    prepared = effects_of(paths, order, removal)
    return prepared.effects(prepared.totals(paths.conversions, paths.nulls))


# --- the example of the field -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("removal", "expected"),
    [
        ("redirect_to_null", [0.2, 0.4, 0.4]),  # analyzecore.com, 2016-08-03: effects 0.5, 1, 1
        ("reconnect", [0, 0.5, 0.5]),  # mta-audit 0.1.2, its default
        ("fail", [1 / 3, 1 / 3, 1 / 3]),  # do-attribution 0.0.2, its default
        ("detour", [1, 0, 0]),  # do-attribution 0.0.2
        ("drop_paths", [1 / 3, 1 / 3, 1 / 3]),  # mta 0.0.9
    ],
)
def test_the_textbook_example_under_every_removal(removal, expected):
    paths = paths_of(*TEXTBOOK)
    np.testing.assert_allclose(at.Markov(removal=removal).shares(paths), expected, rtol=0, atol=1e-15)


def test_the_textbook_example_as_published():
    """AnalyzeCore, "Marketing multi-channel attribution model with R (part 1)", 2016-08-03."""
    fit = at.Markov().fit(paths_of(*TEXTBOOK))
    assert fit.conversion_probability == pytest.approx(1 / 3, abs=1e-15)
    assert fit.removal_effects().table()["removal_effect"].tolist() == pytest.approx([0.5, 1, 1], abs=1e-15)


def test_transitions_as_published():
    """Puzyrov, "Markov chain attribution: simple explanation of removal effect", 2019-07: counts and probabilities."""
    fit = at.Markov().fit(
        paths_of([["google ads"], ["mailing"], ["google ads", "mailing"]], conversions=[2, 1, 1], nulls=[1, 0, 0])
    )
    rows = {(row["from_state"], row["to_state"]): row for row in fit.transitions().to_dicts()}
    published = {
        ("google ads", "(conversion)"): (2, 0.5),
        ("google ads", "mailing"): (1, 0.25),
        ("google ads", "(null)"): (1, 0.25),
        ("mailing", "(conversion)"): (2, 1),
        ("(start)", "google ads"): (4, 0.8),
        ("(start)", "mailing"): (1, 0.2),
    }
    assert {key: (row["count"], row["probability"]) for key, row in rows.items()} == published
    assert fit.conversion_probability == pytest.approx(0.8, abs=1e-15)
    # By hand: without google ads 0.2 convert, without mailing 0.8 x 0.5.
    assert fit.effects.tolist() == pytest.approx([0.75, 0.5], abs=1e-15)


# --- exact fractions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(12))
def test_effects_equal_exact_fractions(seed, order, removal):
    data = world(seed, channels=2 + seed % 4)
    exact = oracle.removal_effects(oracle.journeys(*data), order, removal)
    np.testing.assert_allclose(
        effects(data, order, removal), [float(exact[name]) for name in sorted(exact)], atol=1e-12
    )


@pytest.mark.parametrize("removal", ["redirect_to_null", "fail", "drop_paths"])
def test_shares_equal_exact_fractions(removal):
    data = world(3)
    exact = oracle.shares(oracle.removal_effects(oracle.journeys(*data), 2, removal), removal)
    found = at.Markov(order=2, removal=removal).shares(paths_of(*data))
    np.testing.assert_allclose(found, [float(exact[name]) for name in sorted(exact)], atol=1e-12)


@pytest.mark.parametrize("removal", ["redirect_to_null", "reconnect"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("limits", [{"_DENSE": 0}, {"_DENSE": 0, "_SHARED": 0}], ids=["shared", "one by one"])
def test_every_way_of_solving_agrees(monkeypatch, order, removal, limits):
    data = world(7, channels=5, size=40)
    dense = effects(data, order, removal)
    for name, value in limits.items():
        monkeypatch.setattr(solve, name, value)
    np.testing.assert_allclose(effects(data, order, removal), dense, atol=1e-12)


@pytest.mark.parametrize(
    "case", REFERENCE["expected"], ids=lambda c: f"{c['world']}-{c['by']}-{c['order']}-{c['removal']}"
)
def test_effects_of_the_packages_that_define_them(case):
    given = REFERENCE["inputs"][case["world"]]
    found = effects((given["paths"], given["conversions"], given["nulls"]), case["order"], case["removal"])
    if case["by"] == "mta-audit":
        found = np.maximum(found, 0)  # it cuts at 0
    expected = [case["effects"][name] for name in sorted(case["effects"])]
    np.testing.assert_allclose(found, expected, rtol=REFERENCE["rtol"], atol=REFERENCE["atol"])


# --- what must hold on any data -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_the_chain_converts_as_often_as_the_journeys_at_every_order(seed):
    data = world(seed)
    expected = sum(data[1]) / (sum(data[1]) + sum(data[2]))
    for order in (1, 2, 3, 9):
        assert at.Markov(order=order).fit(paths_of(*data)).conversion_probability == pytest.approx(expected, abs=1e-13)


def test_beyond_the_longest_path_the_order_changes_nothing():
    paths = paths_of(*world(2, longest=4))
    np.testing.assert_array_equal(at.Markov(order=4).shares(paths), at.Markov(order=50).shares(paths))


@pytest.mark.parametrize("removal", REMOVALS)
def test_duplicating_all_journeys_changes_no_share(removal):
    paths, conversions, nulls = world(5)
    model = at.Markov(order=2, removal=removal)
    more = paths_of(paths, [7 * count for count in conversions], [7 * count for count in nulls])
    np.testing.assert_allclose(model.shares(more), model.shares(paths_of(paths, conversions, nulls)), atol=1e-12)


@pytest.mark.parametrize("removal", REMOVALS)
def test_names_and_order_of_the_paths_change_no_share(removal):
    paths, conversions, nulls = world(5)
    model = at.Markov(order=2, removal=removal)
    shares = dict(zip(["c0", "c1", "c2", "c3"], model.shares(paths_of(paths, conversions, nulls)), strict=True))
    rename = {"c0": "z", "c1": "a", "c2": "y", "c3": "b"}
    turned = paths_of([[rename[step] for step in path] for path in paths][::-1], conversions[::-1], nulls[::-1])
    found = dict(zip(turned.channel_names, model.shares(turned), strict=True))
    assert {rename[name]: share for name, share in shares.items()} == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("removal", REMOVALS)
def test_paths_that_nobody_took_change_nothing(removal):
    paths, conversions, nulls = world(5)
    extra = paths_of([*paths, ["c0", "never", "c1"]], [*conversions, 0], [*nulls, 0])
    found = dict(zip(extra.channel_names, at.Markov(removal=removal).shares(extra), strict=True))
    assert found.pop("never") == 0
    np.testing.assert_allclose(
        list(found.values()), at.Markov(removal=removal).shares(paths_of(paths, conversions, nulls)), atol=1e-12
    )


def test_fail_and_detour_depend_on_no_order():
    paths = paths_of(*world(6))
    for removal in ("fail", "detour"):
        first = at.Markov(removal=removal).shares(paths)
        np.testing.assert_array_equal(at.Markov(order=3, removal=removal).shares(paths), first)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_self_transitions_of_states_change_no_effect(order):
    """The chain as seen when it moves: counts from a state to itself left out."""
    data = world(11, channels=3, size=30, longest=7)
    prepared = effects_of(paths_of(*data), order, "redirect_to_null")
    totals = prepared.totals(np.array(data[1], float), np.array(data[2], float))
    stays = prepared.chain.source == prepared.chain.target
    assert totals[stays].sum() > 0
    moving = np.where(stays, 0.0, totals)
    np.testing.assert_allclose(prepared.effects(moving), prepared.effects(totals), atol=1e-14)


def test_without_null_journeys_an_effect_is_the_chance_to_pass_the_channel():
    fit = at.Markov().fit(paths_of([["A", "B"], ["B"], ["A"]], [2, 5, 1]))
    assert fit.conversion_probability == pytest.approx(1, abs=1e-15)
    assert fit.effects.tolist() == pytest.approx([3 / 8, 7 / 8], abs=1e-15)
    assert [finding.code for finding in fit.findings] == ["NO_NULL_JOURNEYS"]
    assert "only says how often journeys pass a channel" in repr(fit)


def test_a_channel_seen_in_no_converting_journey_has_no_effect():
    fit = at.Markov().fit(paths_of([["A"], ["A", "B"]], [3, 0], [1, 4]))
    assert fit.effects.tolist() == pytest.approx([1, 0], abs=1e-15)


@pytest.mark.parametrize(
    "limits", [{}, {"_DENSE": 0}, {"_DENSE": 0, "_SHARED": 0}], ids=["dense", "shared", "one by one"]
)
@pytest.mark.parametrize("seed", range(6))
def test_an_effect_of_0_never_falls_below_it(monkeypatch, seed, limits):
    paths, conversions, nulls = world(seed, channels=5, size=40)
    won = [0 if "c4" in path else count for path, count in zip(paths, conversions, strict=True)]
    for name, value in limits.items():
        monkeypatch.setattr(solve, name, value)
    found = effects((paths, won, [count + 1 for count in nulls]), order=5)
    assert found.min() >= 0
    assert found[4] == pytest.approx(0, abs=1e-14)


def test_reconnecting_can_leave_states_that_turn_for_ever():
    """Without C the chain would go from A to B and back without end: it never converts."""
    data = ([["A", "B", "A", "C"]], [2], [1])
    assert effects(data, removal="reconnect")[2] == 1
    assert oracle.removal_effects(oracle.journeys(*data), 1, "reconnect")["C"] == Fraction(1)


def test_a_detour_can_leave_a_single_journey_or_none():
    assert effects(([["A"], ["B"]], [3, 1], [4, 0]), removal="detour").tolist() == pytest.approx(
        [-1, 0.1428571428571428]
    )
    assert effects(([["A"]], [3], [4]), removal="detour").tolist() == [1]


def test_effects_below_0_are_told():
    reconnected = at.Markov(removal="reconnect").fit(paths_of(*TEXTBOOK))
    assert reconnected.effects[0] == pytest.approx(-0.5)
    assert reconnected.shares[0] == 0
    (finding,) = reconnected.findings
    assert (finding.code, finding.status, finding.values["keys"]) == ("NEGATIVE_REMOVAL_EFFECTS", "note", "C1")
    (finding,) = at.Markov(removal="detour").fit(paths_of(*TEXTBOOK)).findings
    assert (finding.code, finding.status) == ("NEGATIVE_REMOVAL_EFFECTS", "warn")


# --- sums for resampling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_tally_gives_the_shares_of_any_resample(order, removal):
    paths = paths_of(*world(8, size=25))
    model = at.Markov(order=order, removal=removal)
    tally = model.tally(paths)
    chance = np.random.Generator(np.random.PCG64(5))
    for _ in range(10):
        conversions = paths.conversions * chance.integers(0, 4, len(paths))
        nulls = paths.nulls * chance.integers(0, 4, len(paths))
        expected = normalised(
            effects_of(paths, order, removal).effects(  # every path, taken or not
                effects_of(paths, order, removal).totals(conversions, nulls)
            ),
            removal,
        )
        found = tally.shares_of(conversions @ tally.converting + nulls @ tally.lost)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        np.testing.assert_allclose(found, model.shares(paths.with_counts(conversions, nulls)), atol=1e-11)


@pytest.mark.parametrize("removal", REMOVALS)
def test_a_resample_without_conversions_credits_nobody(removal):
    paths = paths_of(*TEXTBOOK)
    tally = at.Markov(removal=removal).tally(paths)
    assert tally.shares_of(np.ones(3) @ tally.lost).tolist() == [0, 0, 0]


# --- tables -------------------------------------------------------------------------------------------------------


def test_states_of_order_2_are_written_oldest_first():
    fit = at.Markov(order=2).fit(paths_of([["A", "B", "A", "B"], ["A"]], [3, 0], [1, 2]))
    rows = [(row["from_state"], row["to_state"], row["count"]) for row in fit.transitions().to_dicts()]
    assert rows == [
        ("(start)", "A", 6),
        ("A", "A > B", 4),
        ("A", "(null)", 2),
        ("A > B", "B > A", 4),
        ("A > B", "(conversion)", 3),
        ("A > B", "(null)", 1),
        ("B > A", "A > B", 4),
    ]
    assert fit.states == 3
    assert (fit.conversions, fit.nulls, fit.paths) == (3, 3, 2)


def test_probabilities_of_each_state_sum_to_1_with_and_without_self_transitions():
    fit = at.Markov().fit(paths_of(*world(4)))
    for kept in (True, False):
        table = fit.transitions(self_transitions=kept).table()
        assert table.groupby("from_state")["probability"].sum().tolist() == pytest.approx([1.0] * 5)
        assert (table["from_state"] == table["to_state"]).any() == kept


def test_a_long_table_of_transitions_prints_its_first_rows():
    names = [f"c{place:02d}" for place in range(40)]
    fit = at.Markov().fit(paths_of([[name] for name in names], [1] * 40, [1] * 40))
    assert len(fit.transitions().to_dicts()) == 120
    assert "... and 60 more rows" in repr(fit.transitions())


def test_a_fit_cannot_be_changed():
    fit = at.Markov().fit(paths_of(*TEXTBOOK))
    with pytest.raises(ValueError, match="read-only"):
        fit.shares[0] = 1.0


def test_a_fit_prints_order_removal_and_what_it_is_not():
    fit = at.Markov(order=2).fit(at.PathCounts.of([["短信", "电话"]], conversions=[2], nulls=[2], value=[30.0]))
    text = repr(fit)
    assert "Order 2, 2 states; the chain converts 50.0% of the journeys (2 conversions, 2 null journeys)." in text
    assert "leads to null" in text
    assert "Credit, not cause" in text
    with at.language("zh"):
        assert "该链使 50.0% 的旅程转化" in repr(fit)
    assert fit.value == 30
    assert fit.recipe.settings["removal"] == "redirect_to_null"
    assert fit.recipe.n == {"paths": 1, "conversions": 2, "nulls": 2, "states": 2}


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_removal_has_its_definition(removal, lang):
    recipe = at.Markov(order=3, removal=removal).fit(paths_of(*TEXTBOOK)).recipe
    (sentence,) = recipe.sentences(lang)
    assert "3" in sentence


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [0, -1, 1.5, "2", True, None])
def test_an_order_that_is_no_whole_number_is_refused(order):
    with pytest.raises(at.InputError, match="order must be a whole number of at least 1"):
        at.Markov(order=order)


@pytest.mark.parametrize("removal", ["null", "", None, "Fail"])
def test_an_unknown_removal_is_refused_with_the_known_ones(removal):
    with pytest.raises(at.InputError, match="removal must be one of 'redirect_to_null', 'reconnect'"):
        at.Markov(removal=removal)


def test_a_blank_name_is_refused():
    with pytest.raises(at.InputError, match="name of a model must be text"):
        at.Markov(name=" ")


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("data", [([], [], []), ([["A"]], [0], [5]), ([["A"]], [0], [0])])
def test_no_conversion_is_an_error_that_says_what_to_do(removal, data):
    with pytest.raises(at.DesignError, match=r"NO_CONVERSIONS.*check the join of touches and conversions"):
        at.Markov(removal=removal).shares(paths_of(*data))


@pytest.mark.parametrize("removal", ["reconnect", "detour"])
def test_effects_that_sum_to_0_are_an_error(removal):
    data = ([["A", "B"], ["B", "A"], ["A"], ["B"]], [1, 1, 1, 1], [1, 1, 1, 1])
    with pytest.raises(at.DesignError, match=r"NO_REMOVAL_EFFECT.*redirect_to_null"):
        at.Markov(removal=removal).shares(paths_of(*data))


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_impossible_counts_are_refused(bad):
    with pytest.raises(at.InputError, match="finite numbers of at least 0"):
        at.Markov().shares(paths_of([["A"], ["B"]], [1, bad], [0, 0]))
