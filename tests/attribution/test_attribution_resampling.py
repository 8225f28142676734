"""Persons drawn anew for models of paths: the weights, the refits, and the intervals that come of them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.core.randomness import generator
from attribution.credit import resampling
from attribution.credit.resampling import draw_weights, resample
from attribution.credit.uncertainty import hall_inverse

START = pd.Timestamp("2026-01-01 05:00", tz="UTC")
OBSERVED = (START - pd.Timedelta(days=10), START + pd.Timedelta(days=900))
MARKOV, RATE = at.Markov(), at.Shapley(value="rate", name="rate")


def tables(seed=4, persons=200) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Journeys of which about a third convert; channel d is rare."""
    random = np.random.default_rng(seed)
    touches, conversions = [], []
    for person in range(persons):
        for journey in range(1 + random.poisson(0.5)):
            end = START + pd.Timedelta(days=60 * journey)
            size = int(random.integers(1, 4))
            for place, name in enumerate(random.choice(list("abcd"), size, p=[0.5, 0.3, 0.17, 0.03])):
                touches.append((person, end - pd.Timedelta(hours=size - place), name, f"c-{name}"))
            if random.random() < 0.15 + 0.1 * size:
                conversions.append((person, end, len(conversions), float(random.exponential(30.0))))
    return (
        pd.DataFrame(touches, columns=["person_id", "time", "channel", "campaign"]),
        pd.DataFrame(conversions, columns=["person_id", "time", "conversion_id", "value"]),
    )


def credit(models=(MARKOV, RATE), **options) -> at.Credit:
    return at.attribute(*tables(**options), models=models, observed=OBSERVED)


class Plain:
    """A model of paths without sums over paths: every resample is fitted through the paths themselves."""

    needs = "paths"

    def __init__(self, model):
        self.model, self.name = model, f"plain {model.name}"

    def shares(self, paths):
        taken = np.flatnonzero(paths.conversions + paths.nulls > 0)
        names = [
            [str(paths.channel_names[code]) for code in paths.channel[slice(*paths.offsets[i : i + 2])]] for i in taken
        ]
        given = at.PathCounts.of(
            names, conversions=paths.conversions[taken].tolist(), nulls=paths.nulls[taken].tolist()
        )
        found = dict(zip(given.channel_names.tolist(), self.model.shares(given).tolist(), strict=True))
        return np.array([found.get(name, 0.0) for name in paths.channel_names.tolist()])


@pytest.mark.parametrize("model", [MARKOV, RATE, at.Markov(order=2)])
def test_sums_over_paths_give_what_a_refit_to_the_paths_gives(model):
    paths = credit(models="markov").journeys.person_paths()
    quick, slow = resample([model, Plain(model)], paths, population=None, seed=1, replicates=200)
    np.testing.assert_allclose(quick.shares, slow.shares, atol=1e-9)
    assert (quick.conversions == slow.conversions).all()


def test_a_replicate_is_a_fit_to_persons_repeated_as_often_as_drawn():
    journeys = credit(models="markov").journeys
    paths = journeys.person_paths()
    (drawn,) = resample([MARKOV], paths, population=None, seed=7, replicates=200)
    weights = np.concatenate(list(draw_weights(generator(7, "credit.resampling"), paths.persons, None, 200)))
    names = [
        tuple(paths.paths.channel_names[code] for code in paths.paths.channel[slice(*paths.paths.offsets[i : i + 2])])
        for i in range(len(paths.paths))
    ]
    for replicate in (0, 57, 199):
        converting, lost, value = Counter(), Counter(), 0.0
        for person, path, converts, worth in zip(
            paths.person.tolist(), paths.path.tolist(), paths.conversions.tolist(), paths.value.tolist(), strict=True
        ):
            times = int(weights[replicate, person])
            (converting if converts else lost)[names[path]] += times
            value += times * worth
        kept = sorted(path for path in {*converting, *lost} if converting[path] + lost[path])
        given = at.PathCounts.of(
            kept, conversions=[converting[path] for path in kept], nulls=[lost[path] for path in kept]
        )
        found = dict(zip(given.channel_names.tolist(), MARKOV.shares(given).tolist(), strict=True))
        expected = [found.get(name, 0.0) for name in paths.paths.channel_names.tolist()]
        np.testing.assert_allclose(drawn.shares[replicate], expected, atol=1e-12)
        assert drawn.conversions[replicate] == sum(converting.values())
        assert drawn.value[replicate] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("population", "variance"), [(None, 1.0), (100, 1 - 1 / 100), (50, 1 - 1 / 50)])
def test_weights_have_the_moments_of_their_law(population, variance):
    rounds = 20_000
    weights = np.concatenate(list(draw_weights(generator(0, "test"), 50, population, rounds)))
    assert weights.mean() == pytest.approx(1.0, abs=4 / math.sqrt(rounds * 50))
    assert weights.var(axis=0).mean() == pytest.approx(variance, abs=0.01)
    total = weights.sum(axis=1)
    expected = 50.0 if population is None else 50 * (1 - 50 / population)
    assert total.var() == pytest.approx(expected, rel=0.05, abs=1e-12)


def test_pieces_of_the_draws_change_nothing(monkeypatch):
    paths = credit(models="markov").journeys.person_paths()
    (whole,) = resample([RATE], paths, population=500, seed=2, replicates=200)
    monkeypatch.setattr(resampling, "_BUDGET", 3 * paths.persons)
    (pieces,) = resample([RATE], paths, population=500, seed=2, replicates=200)
    assert (whole.shares == pieces.shares).all()
    assert (whole.value == pieces.value).all()


def test_the_interval_is_the_spread_of_the_replicates_bent_for_skewness():
    found = credit()
    table = found.table(level=0.9, seed=3, replicates=300).set_index(["model", "channel"])
    paths = found.journeys.person_paths()
    for name, drawn in zip(
        ("markov", "rate"), resample([MARKOV, RATE], paths, population=None, seed=3, replicates=300), strict=True
    ):
        for figure, amounts in (("conversions", drawn.conversions), ("value", drawn.value)):
            for place, channel in enumerate("abc"):
                moves = drawn.shares[:, place] * amounts
                moves = moves - moves.mean()
                error = math.sqrt((moves**2).mean())
                g = np.array([(moves**3).mean() / error**3])
                row = table.loc[name, channel]
                low, high = (
                    row[figure] - error * hall_inverse(z, g)[0] for z in (1.6448536269514722, -1.6448536269514722)
                )
                floor = 0.0 if (drawn.shares >= 0).all() else -np.inf
                assert row[f"{figure}_low"] == pytest.approx(max(low, floor), rel=1e-9)
                assert row[f"{figure}_high"] == pytest.approx(high, rel=1e-9)


def test_a_total_alone_has_the_interval_of_linear_credit():
    """One channel, so nothing but the total varies: resampling and linearisation agree within simulation error."""
    touches, conversions = tables()
    alone = at.attribute(touches.assign(channel="x"), conversions, models=["linear", "markov"], observed=OBSERVED)
    for population in (None, 300):
        rows = alone.table(level=0.95, population=population, replicates=8_000).set_index(["model", "channel"])
        for figure in ("conversions", "value"):
            exact, drawn = rows.loc["linear", "x"], rows.loc["markov", "x"]
            width = exact[f"{figure}_high"] - exact[f"{figure}_low"]
            for end in ("low", "high"):
                assert drawn[f"{figure}_{end}"] == pytest.approx(exact[f"{figure}_{end}"], abs=0.04 * width)


def test_few_persons_are_joined_by_one_more():
    found = credit()
    table = found.table(level=0.95, replicates=300).set_index(["model", "channel"])
    assert table.loc[("markov", "d"), "conversions_high"] > 3.0
    assert table.loc[("markov", "d"), "conversions_low"] >= 0.0
    # A channel of one null journey: no resample gives it anything, and yet it is not known to be worth nothing.
    touches, conversions = tables()
    extra = pd.DataFrame({"person_id": [9_999], "time": [START], "channel": ["e"], "campaign": ["c-e"]})
    more = at.attribute(pd.concat([touches, extra]), conversions, models="markov", observed=OBSERVED)
    rows = more.by("channel").table(level=0.95, replicates=200).set_index("channel")
    assert rows.loc["e", "conversions"] == 0.0
    assert rows.loc["e", "conversions_high"] > 0.5


def test_seeds_and_row_order():
    touches, conversions = tables()
    one = at.attribute(touches, conversions, models=["markov"], observed=OBSERVED)
    shuffled = at.attribute(
        touches.sample(frac=1, random_state=1),
        conversions.sample(frac=1, random_state=2),
        models=["markov"],
        observed=OBSERVED,
    )
    first = one.table(level=0.95, replicates=200)
    pd.testing.assert_frame_equal(first, shuffled.table(level=0.95, replicates=200))
    other = one.table(level=0.95, replicates=200, seed=1)
    assert (first.conversions == other.conversions).all()
    assert (first.conversions_low[first.channel != "(none)"] != other.conversions_low[first.channel != "(none)"]).all()
    printed = one.intervals(replicates=250, seed=9)
    assert "250 resamples" in repr(printed)
    assert "seed 9" in repr(printed)
    assert printed.recipe.settings["replicates"] == 250


def test_other_keys_use_the_credit_inside_journeys_and_say_so():
    found = credit().by("campaign").intervals()
    assert "take the fitted shares as known" in repr(found)
    assert not found.resampled
    table = found.table()
    assert (table.conversions_low <= table.conversions).all()


def test_a_model_that_sometimes_gives_no_shares_is_counted():
    class Fragile(Plain):
        def shares(self, paths):
            if int(paths.conversions.sum()) % 3 == 0 and not paths.value.any():
                raise at.DesignError("NO_SHARES", "of this resample")
            return super().shares(paths)

    found = at.attribute(*tables(), models=[Fragile(MARKOV)], observed=OBSERVED).intervals(replicates=300)
    assert "a model gave no shares; they are left out" in repr(found)
    table = found.table()
    assert table.conversions_low.notna().all()


def test_the_population_holds_everybody_with_a_journey():
    found = credit(models="markov")
    with pytest.raises(at.InputError, match="at least the 200 persons with a journey"):
        found.table(level=0.95, population=150)
    customers = pd.DataFrame({"person_id": range(100, 180)})
    few = at.attribute(*tables(), models="markov", observed=OBSERVED, customers=customers)
    assert few.intervals(replicates=200).population.source == "customers"


def test_nothing_converts():
    touches, conversions = tables()
    late = conversions.assign(time=conversions.time + pd.Timedelta(days=4_000))
    table = at.attribute(touches, late, models="markov").table(level=0.95, replicates=200)
    row = table.set_index("channel").loc["(none)"]
    assert row.conversions == len(conversions)
    assert row.conversions_low > 0
