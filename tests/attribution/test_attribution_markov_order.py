"""The order of a Markov chain, chosen out of sample: against single journeys scored one by one, and known orders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.models.markov_order import _divided
from oracles import markov as oracle

CHANNELS = 3


def drawn(order: int, journeys: int, seed: int) -> at.PathCounts:
    """Journeys of a chain that remembers exactly `order` channels."""
    chance = np.random.Generator(np.random.PCG64(seed))
    rows: dict[tuple[int, ...], np.ndarray] = {}
    counted: dict[tuple[int, ...], list[int]] = {}
    for _ in range(journeys):
        path: tuple[int, ...] = ()
        while len(path) < 12:
            state = path[-order:]
            if state not in rows:
                rows[state] = np.random.Generator(np.random.PCG64([seed, *state])).dirichlet([0.6] * (CHANNELS + 2))
                rows[state] = np.append(rows[state][:CHANNELS], [0, 0]) if not state else rows[state]
                rows[state] /= rows[state].sum()
            step = int(chance.choice(CHANNELS + 2, p=rows[state]))
            if step >= CHANNELS:
                break
            path += (step,)
        counted.setdefault(path, [0, 0])[int(step != CHANNELS)] += 1
    listed = sorted(counted)
    return at.PathCounts.of(
        [[f"c{step}" for step in path] for path in listed],
        conversions=[counted[path][0] for path in listed],
        nulls=[counted[path][1] for path in listed],
    )


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_order_of_a_known_chain_is_found(order):
    found = at.choose_markov_order(drawn(order, 4_000, seed=order), orders=range(1, 5))
    assert (found.chosen, found.lowest) == (order, order)
    assert found.table()["chosen"].tolist() == [place == order for place in range(1, 5)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_scores_equal_single_journeys_scored_one_by_one(order):
    paths = drawn(2, 120, seed=9)
    folds = 3
    table = at.choose_markov_order(paths, orders=[order], folds=folds, seed=4).to_dicts()[0]
    _, won, lost, units, unit = _divided(paths, folds, 4)
    assert (won.sum(axis=1).tolist(), lost.sum(axis=1).tolist()) == (paths.conversions.tolist(), paths.nulls.tolist())
    assert (units, unit) == (120, "journeys")
    texts = [
        [paths.channel_names[code] for code in paths.channel[begin:end]]
        for begin, end in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)
    ]
    scores = []
    for fold in range(folds):
        held = oracle.journeys(texts, won[:, fold], lost[:, fold])
        known = oracle.journeys(texts, won.sum(axis=1) - won[:, fold], lost.sum(axis=1) - lost[:, fold])
        scores.append(oracle.held_out(known, held, order, CHANNELS))
    whole, outcome, auc = (np.array(column) for column in zip(*scores, strict=True))
    assert table["journey_log_loss"] == pytest.approx(whole.sum() / 120, rel=1e-12)
    assert table["outcome_log_loss"] == pytest.approx(outcome.sum() / 120, rel=1e-12)
    assert table["held_out_auc"] == pytest.approx(auc.mean(), rel=1e-12)


def test_the_choice_is_the_smallest_order_within_one_standard_error():
    """Recomputed from the folds of single journeys, where the best order is not the one chosen."""
    paths, folds = drawn(2, 60, seed=14), 4
    found = at.choose_markov_order(paths, orders=(1, 2, 3), folds=folds, seed=2)
    _, won, lost, _, _ = _divided(paths, folds, 2)
    texts = [
        [paths.channel_names[code] for code in paths.channel[begin:end]]
        for begin, end in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)
    ]
    loss = np.empty((3, folds))
    size = won.sum(axis=0) + lost.sum(axis=0)
    for fold in range(folds):
        rest = won.sum(axis=1) - won[:, fold], lost.sum(axis=1) - lost[:, fold]
        held = oracle.journeys(texts, won[:, fold], lost[:, fold])
        for order in (1, 2, 3):
            loss[order - 1, fold] = oracle.held_out(oracle.journeys(texts, *rest), held, order, CHANNELS)[0]
    mean = loss.sum(axis=1) / size.sum()
    apart = loss / size - (loss / size)[mean.argmin()]
    error = [np.sqrt(((row - row.mean()) ** 2).sum() / (folds - 1) / folds) for row in apart]
    table = found.table()
    assert table["excess"].tolist() == pytest.approx((mean - mean.min()).tolist(), rel=1e-9, abs=1e-12)
    assert table["excess_standard_error"].tolist() == pytest.approx(error, rel=1e-9, abs=1e-12)
    expected = next(place + 1 for place in range(3) if mean[place] - mean.min() <= error[place])
    assert (found.chosen, found.lowest) == (expected, int(mean.argmin()) + 1) == (1, 2)


def test_outcomes_that_no_memory_explains_choose_order_1():
    """Steps of order 2, outcomes by lot: the journey needs the memory, its outcome does not."""
    paths = drawn(2, 3_000, seed=2)
    chance = np.random.Generator(np.random.PCG64(1))
    taken = (paths.conversions + paths.nulls).astype(int)
    conversions = chance.binomial(taken, 0.3).astype(float)
    drawn_by_lot = paths.with_counts(conversions, taken - conversions)
    assert at.choose_markov_order(drawn_by_lot, orders=(1, 2, 3)).chosen == 2
    assert at.choose_markov_order(drawn_by_lot, orders=(1, 2, 3), score="outcome").chosen == 1


def test_persons_stay_whole():
    """Each person repeats one journey of its own: with persons apart, nothing of it is known beforehand."""
    chance = np.random.Generator(np.random.PCG64(3))
    rows, won = [], []
    for person in range(60):
        steps = chance.integers(0, 4, 4)
        for journey in range(4):
            start = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=40 * journey)
            rows += [(f"p{person}", start + pd.Timedelta(hours=int(h)), f"c{c}") for h, c in enumerate(steps)]
            won.append((f"p{person}", start + pd.Timedelta(hours=9), f"{person}-{journey}", 1.0))
    touches = pd.DataFrame(rows, columns=["person_id", "time", "channel"])
    conversions = pd.DataFrame(won, columns=["person_id", "time", "conversion_id", "value"])
    journeys = at.build_journeys(touches, conversions, rules=at.Rules(lookback="5d"))
    by_person = at.choose_markov_order(journeys, orders=(1, 4))
    by_journey = at.choose_markov_order(journeys.path_counts(), orders=(1, 4))
    assert (by_person.unit, by_journey.unit) == ("persons", "journeys")
    assert (by_person.recipe.n["persons"], by_person.recipe.n["journeys"]) == (60, 240)
    assert by_person.chosen == 1
    assert by_journey.chosen == 4
    with at.language("zh"):
        assert "按客户划分" in repr(by_person)


def test_the_order_of_the_rows_changes_nothing():
    paths = drawn(2, 300, seed=5)
    texts = [
        [paths.channel_names[code] for code in paths.channel[begin:end]]
        for begin, end in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)
    ]
    turned = at.PathCounts.of(texts[::-1], conversions=paths.conversions[::-1], nulls=paths.nulls[::-1])
    for one, other in zip(
        at.choose_markov_order(paths).to_dicts(), at.choose_markov_order(turned).to_dicts(), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-12)


def test_the_seed_decides_the_folds_and_nothing_else_does():
    paths = drawn(2, 300, seed=5)
    first, again, other = (at.choose_markov_order(paths, seed=seed).to_dicts() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_text_names_the_score_and_the_folds():
    text = repr(at.choose_markov_order(drawn(1, 200, seed=1), orders=(1, 2), score="outcome", folds=4))
    assert "held-out log loss of the outcome is within one standard error of the lowest (4 folds of journeys)" in text


def test_without_nulls_there_is_no_auc():
    paths = at.PathCounts.of([["A"], ["A", "B"]], conversions=[10, 10])
    assert at.choose_markov_order(paths, orders=(1,)).to_dicts()[0]["held_out_auc"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"orders": []}, "at least one order"),
        ({"orders": [0]}, "order must be a whole number"),
        ({"orders": [1.5]}, "order must be a whole number"),
        ({"folds": 1}, "folds must be a whole number of at least 2"),
        ({"folds": True}, "folds must be a whole number of at least 2"),
        ({"folds": 50}, "50 folds need at least as many journeys, got 20"),
        ({"score": "auc"}, "score must be 'journey' or 'outcome', got 'auc'"),
        ({"seed": -1}, "seed must be a non-negative integer"),
    ],
)
def test_bad_options_are_refused(options, message):
    paths = at.PathCounts.of([["A"], ["A", "B"]], conversions=[5, 5], nulls=[5, 5])
    with pytest.raises(at.InputError, match=message):
        at.choose_markov_order(paths, **options)


@pytest.mark.parametrize("count", [0.5, -1.0, float("nan"), float("inf")])
def test_counts_that_are_no_journeys_are_refused(count):
    with pytest.raises(at.InputError, match="whole numbers"):
        at.choose_markov_order(at.PathCounts.of([["A"], ["B"]], conversions=[count, 30]))


def test_something_else_than_journeys_is_refused():
    with pytest.raises(at.InputError, match=r"needs Journeys or PathCounts, got list. Pass at.build_journeys"):
        at.choose_markov_order([["A", "B"]])
