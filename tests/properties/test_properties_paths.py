"""Laws of the models on aggregated paths: every removal of Markov at several orders, Shapley, single journeys."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from campaign_cases import MODELS, NONE, assert_close, cases, examples, totals
from hypothesis import assume, example, given

import attribution as at
from oracles import markov

REMOVALS = ("redirect_to_null", "reconnect", "fail", "detour", "drop_paths")
CHAINS = tuple(
    at.Markov(order=order, removal=removal, name=f"{removal}_{order}") for removal in REMOVALS for order in (1, 2, 3)
)
TIMELESS = tuple(model for model in MODELS if not isinstance(model, (at.TimeDecay, at.WShaped)))
COUNTS = st.integers(0, 5)


@st.composite
def path_tables(draw, channels="ABCD"):
    """Rows (path, conversions, nulls, value): paths repeat, some are empty, and some path with a channel converts."""
    row = st.tuples(st.text(channels, max_size=6), COUNTS, COUNTS, st.integers(0, 40).map(lambda quarter: quarter / 4))
    rows = [
        (path, won, lost, value if won else 0.0)
        for path, won, lost, value in draw(st.lists(row, min_size=1, max_size=8))
    ]
    first = draw(st.text(channels, min_size=1, max_size=6))
    return [(first, draw(st.integers(1, 5)), draw(COUNTS), 1.0), *rows]


def frame(rows) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["path", "conversions", "nulls", "value"])
    made["path"] = [" > ".join(path) for path in made["path"]]
    return made


def credit_of(rows, models=TIMELESS) -> dict:
    return totals(at.attribute_paths(frame(rows), models=list(models), value="value", nulls="nulls"))


def taken(rows) -> list:
    """The paths that somebody took, for the chains in fractions."""
    kept = [(path, won, lost) for path, won, lost, _ in rows if path and won + lost]
    return markov.journeys(*zip(*kept, strict=True))


def each_chain(rows) -> dict:
    """Channel -> share under every chain, or the code of the refusal where no channel has a removal effect."""
    counts = at.attribute_paths(frame(rows), models="linear", nulls="nulls").paths.counts
    found = {}
    for model in CHAINS:
        try:
            found[model.name] = dict(zip(counts.channel_names.tolist(), model.shares(counts).tolist(), strict=True))
        except at.DesignError as refusal:
            found[model.name] = refusal.code
    return found


def assert_same_chains(found: dict, expected: dict) -> None:
    for model, shares in expected.items():
        if isinstance(shares, str) or isinstance(found[model], str):
            assert found[model] == shares, model
        else:
            assert found[model] == pytest.approx(shares, rel=1e-9, abs=1e-9), model


@given(rows=path_tables())
@examples(40)
def test_every_model_gives_out_exactly_what_happened(rows):
    frame_sums = {name: frame(rows)[name].sum() for name in ("conversions", "value")}
    empty = [row for row in rows if not row[0]]
    credit = credit_of(rows)
    for model in {model for model, _ in credit}:
        mine = [pair for (name, _), pair in credit.items() if name == model]
        assert sum(count for count, _ in mine) == pytest.approx(frame_sums["conversions"], rel=1e-9)
        assert sum(value for _, value in mine) == pytest.approx(frame_sums["value"], rel=1e-9, abs=1e-9)
        assert credit[model, NONE] == (sum(row[1] for row in empty), sum(row[3] for row in empty))
    for shares in each_chain(rows).values():
        assert isinstance(shares, str) or sum(shares.values()) == pytest.approx(1.0, rel=1e-9)


@given(rows=path_tables(), data=st.data())
@examples(30)
def test_the_order_of_the_rows_and_rows_in_parts_change_nothing(rows, data):
    parts = []
    for path, won, lost, value in rows:
        kept = data.draw(st.integers(0, won)), data.draw(st.integers(0, lost))
        share = value * kept[0] / won if won else 0.0
        rest = value - share if won > kept[0] else 0.0
        parts += [(path, kept[0], kept[1], value - rest), (path, won - kept[0], lost - kept[1], rest)]
    mixed = data.draw(st.permutations(parts))
    assert_close(credit_of(mixed), credit_of(rows))
    assert_same_chains(each_chain(mixed), each_chain(rows))


@given(rows=path_tables())
@examples(30)
def test_relabelled_channels_take_the_same_credit(rows):
    names = {"A": "z", "B": "x", "C": "w", "D": "v"}
    renamed = [("".join(names[channel] for channel in path), *counts) for path, *counts in rows]
    before, after = credit_of(rows), credit_of(renamed)
    assert_close(after, {(model, names.get(channel, channel)): pair for (model, channel), pair in before.items()})
    chains = {
        model: shares if isinstance(shares, str) else {names[channel]: share for channel, share in shares.items()}
        for model, shares in each_chain(rows).items()
    }
    assert_same_chains(each_chain(renamed), chains)


@given(rows=path_tables(), times=st.integers(2, 1000))
@examples(30)
def test_so_many_times_the_journeys_take_so_many_times_the_credit(rows, times):
    more = [(path, won * times, lost * times, value * times) for path, won, lost, value in rows]
    expected = {key: (times * count, times * value) for key, (count, value) in credit_of(rows).items()}
    assert_close(credit_of(more), expected)
    assert_same_chains(each_chain(more), each_chain(rows))


# A set of channels that only failed has the rate 0, which differs from no rate: rates give such a channel a value.
WITHOUT_RATES = tuple(model for model in TIMELESS if model.name != "shapley_rate")


@given(rows=path_tables(), lost=st.integers(1, 9))
@examples(30)
def test_a_channel_of_failed_journeys_of_its_own_takes_nothing(rows, lost):
    stranger = ("E", 0, lost, 0.0)
    models = (*WITHOUT_RATES, *(chain for chain in CHAINS if chain.removal == "redirect_to_null"))
    before, after = credit_of(rows, models), credit_of([*rows, stranger], models)
    for model in models:
        assert after.pop((model.name, "E")) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.0, abs=1e-12))
    assert_close(after, before)


@given(rows=path_tables())
@examples(30)
def test_a_channel_in_no_path_takes_nothing_under_any_model_of_paths(rows):
    counts = at.attribute_paths(frame(rows), models="linear", nulls="nulls").paths.counts
    more = at.PathCounts(
        offsets=counts.offsets.copy(),
        channel=counts.channel.copy(),
        channel_names=np.array([*counts.channel_names, "~"], dtype=object),
        conversions=counts.conversions.copy(),
        value=counts.value.copy(),
        nulls=counts.nulls.copy(),
    )
    for model in (*CHAINS, at.Shapley(), at.Shapley(value="rate")):
        try:
            before = model.shares(counts)
        except at.DesignError as refusal:
            with pytest.raises(at.DesignError, match=refusal.code):
                model.shares(more)
            continue
        assert model.shares(more).tolist() == pytest.approx([*before, 0.0], rel=1e-9, abs=1e-12)


@given(rows=path_tables(), order=st.integers(1, 4))
@examples(40)
def test_a_chain_converts_as_often_as_the_journeys_did(rows, order):
    fit = at.attribute_paths(frame(rows), models=at.Markov(order=order), nulls="nulls").fits["markov"]
    won = sum(row[1] for row in rows if row[0])
    lost = sum(row[2] for row in rows if row[0])
    assert fit.conversion_probability == pytest.approx(won / (won + lost), rel=1e-9)


@given(rows=path_tables())
@examples(20)
def test_dropping_self_transitions_changes_no_effect_of_the_first_order(rows):
    """The chain in fractions whose states never stay has the same conversion probability and the same effects."""
    assume(any(path and any(a == b for a, b in pairwise(path)) for path, *_ in rows))
    data = taken(rows)
    made = markov.counts(data, 1)
    for state, row in made.items():
        row.pop(state, None)
    chances = markov.probabilities(made)
    whole = markov.eliminated(chances)
    fit = at.attribute_paths(frame(rows), models=at.Markov(), nulls="nulls").fits["markov"]
    assert fit.conversion_probability == pytest.approx(float(whole), rel=1e-9)
    for name, effect in zip(fit.channel_names.tolist(), fit.effects.tolist(), strict=True):
        without = markov.eliminated(markov.redirected(chances, name))
        assert effect == pytest.approx(float(1 - without / whole), rel=1e-9, abs=1e-12)


@given(rows=path_tables(channels="ABC"))
@example(rows=[("CB", 2, 0, 1.0), ("A", 0, 1, 0.0)])  # one state per channel, not in the order of the channels
@example(rows=[("A", 1, 5, 1.0), ("CC", 2, 10, 1.0), ("CCCACC", 1, 5, 1.0)])  # all paths convert alike
@examples(25)
def test_every_removal_is_that_of_fractions(rows):
    data = taken(rows)
    found = each_chain(rows)
    for chain in CHAINS:
        effects = markov.removal_effects(data, chain.order, chain.removal)
        counted = {name: max(effect, Fraction(0)) for name, effect in effects.items()}
        if isinstance(found[chain.name], str):
            assert sum((counted if chain.removal == "reconnect" else effects).values()) <= 0
            continue
        shares = {name: float(share) for name, share in markov.shares(effects, chain.removal).items()}
        expected = dict.fromkeys(found[chain.name], 0.0) | shares
        assert found[chain.name] == pytest.approx(expected, rel=1e-9, abs=1e-9), chain.name


@given(case=cases(touch_ids=True))
@examples(30)
def test_journeys_counted_as_paths_take_the_same_credit(case):
    """The counted paths of journeys, handed over as a table of paths, give what the journeys gave."""
    credit = case.credit(TIMELESS)
    counts = credit.journeys.path_counts()
    assume(counts.conversions.sum())
    none = next(row for row in credit.to_dicts() if row["channel"] == NONE)
    rows = [
        (" > ".join(counts.channel_names[counts.channel[begin:end]]), int(won), int(lost), value)
        for begin, end, won, lost, value in zip(
            counts.offsets[:-1], counts.offsets[1:], counts.conversions, counts.nulls, counts.value, strict=True
        )
    ]
    rows.append(("", int(none["conversions"]), 0, none["value"]))
    table = pd.DataFrame(rows, columns=["path", "conversions", "nulls", "value"])
    again = at.attribute_paths(table, models=list(TIMELESS), value="value", nulls="nulls")
    assert_close(totals(again), totals(credit))
