"""Intervals of credit: formulas by hand, limits, and coverage in a small simulation."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import attribution as at
from attribution.credit import uncertainty

START = pd.Timestamp("2026-10-01", tz="UTC")


def tables(journeys: list[tuple[int, list[str], float]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conversions as (person, channels, value); a person's conversions are 100 days apart."""
    touches, conversions = [], []
    seen: dict[int, int] = {}
    for number, (person, channels, value) in enumerate(journeys):
        seen[person] = seen.get(person, 0) + 1
        end = START + timedelta(days=100 * seen[person])
        touches += [(person, end - timedelta(hours=len(channels) - place), name) for place, name in enumerate(channels)]
        conversions.append((person, end + timedelta(minutes=1), number, value))
    return (
        pd.DataFrame(touches, columns=["person_id", "time", "channel"]),
        pd.DataFrame(conversions, columns=["person_id", "time", "conversion_id", "value"]),
    )


def intervals(journeys, model="linear", **options) -> pd.DataFrame:
    return at.attribute(*tables(journeys), models=model).table(**options).set_index("channel")


MANY = [(person, ["a", "b"] if person % 2 else ["a"], 10.0 + person % 3) for person in range(80)] + [
    (person, ["b"], 5.0) for person in range(40)
]  # persons 0 to 39 convert twice
Z = stats.norm.ppf(0.975)


def per_person() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Credit in a, whole credit, and value credited to a, of the 80 persons of MANY."""
    person = np.arange(80)
    credit = np.where(person % 2, 0.5, 1.0)
    return credit, np.where(person < 40, 2.0, 1.0), credit * (10.0 + person % 3)


def test_large_cells_by_hand():
    row = intervals(MANY, level=0.95).loc["a"]
    credit, whole, value = per_person()
    for name, amounts in (("conversions", credit), ("value", value)):
        half = Z * math.sqrt((amounts**2).sum())
        assert row[f"{name}_low"] == pytest.approx(amounts.sum() - half, rel=1e-12)
        assert row[f"{name}_high"] == pytest.approx(amounts.sum() + half, rel=1e-12)
    share = credit.sum() / whole.sum()
    error = math.sqrt(((credit - share * whole) ** 2).sum()) / whole.sum()
    assert row.share_of_attributed == pytest.approx(share, rel=1e-12)
    assert (row.share_low, row.share_high) == pytest.approx((share - Z * error, share + Z * error), rel=1e-12)


def test_a_known_population_centres_the_variance():
    row = intervals(MANY, level=0.95, population=100).loc["a"]
    credit = np.concatenate([per_person()[0], np.zeros(20)])
    half = Z * math.sqrt(100 * credit.var(ddof=1))
    assert (row.conversions_low, row.conversions_high) == pytest.approx(
        (credit.sum() - half, credit.sum() + half), rel=1e-12
    )


def test_unweighted_small_cells_are_exact_poisson_limits():
    table = intervals([(person, ["a"], 1.0) for person in range(7)], level=0.9)
    assert table.conversions_low["a"] == pytest.approx(stats.chi2.ppf(0.05, 14) / 2, rel=1e-12)
    assert table.conversions_high["a"] == pytest.approx(stats.chi2.ppf(0.95, 16) / 2, rel=1e-12)
    assert table.conversions_low["(none)"] == 0.0
    assert table.conversions_high["(none)"] == pytest.approx(-math.log(0.05), rel=1e-12)


def test_weighted_small_cells_follow_fay_and_feuer():
    journeys = [(0, ["a"], 3.0), (1, ["a", "b"], 4.0), (2, ["a", "b", "b", "b"], 8.0)]
    row = intervals(journeys, level=0.95).loc["a"]
    for name, amounts in (("conversions", np.array([1, 0.5, 0.25])), ("value", np.array([3.0, 2.0, 2.0]))):
        total, squares, largest = amounts.sum(), (amounts**2).sum(), amounts.max()
        low = squares / (2 * total) * stats.chi2.ppf(0.025, 2 * total**2 / squares)
        more, spread = total + largest, squares + largest**2
        high = spread / (2 * more) * stats.chi2.ppf(0.975, 2 * more**2 / spread)
        assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx((low, high), rel=1e-10)


def test_small_shares_stay_inside_their_limits():
    table = intervals([(person, ["a"] if person else ["b"], 1.0) for person in range(12)], level=0.95)
    share, error = 1 / 12, math.sqrt(11 / 12 + (11 / 12) ** 2) / 12  # sum (c - s)^2 = 11/12, and one more person
    step = Z * error / (share * (1 - share))
    logit = math.log(share / (1 - share))
    assert (table.share_low["b"], table.share_high["b"]) == pytest.approx(
        (1 / (1 + math.exp(step - logit)), 1 / (1 + math.exp(-step - logit))), rel=1e-10
    )
    only = intervals([(person, ["a"], 1.0) for person in range(12)], level=0.95)
    more = -math.log(0.025)
    assert (only.share_low["a"], only.share_high["a"]) == pytest.approx((12 / (12 + more), 1.0), rel=1e-12)
    assert math.isnan(only.share_low["(none)"])


def test_one_person_says_nothing_about_shares():
    table = intervals([(0, ["a", "b"], 1.0)], level=0.95)
    assert (table.share_low["a"], table.share_high["a"]) == (0.0, 1.0)


def test_intervals_contain_the_estimate_and_widen_with_the_level():
    touches, conversions = tables(
        [(person % 50, ["a", "b", "c"][: 1 + person % 3], float(person % 7)) for person in range(160)]
    )
    spend = pd.DataFrame({"channel": ["a", "b", "tv"], "cost": [10.0, 5.0, 3.0]})
    credit = at.attribute(touches, conversions).with_costs(spend)
    narrow, wide = credit.table(level=0.8), credit.table(level=0.99)
    pairs = [("conversions", "conversions"), ("value", "value"), ("share_of_attributed", "share")]
    pairs += [(name, name) for name in ("cost_per_conversion", "return_on_spend")]
    for name, stem in pairs:
        known = narrow[name].notna() & narrow[f"{stem}_low"].notna()
        assert known.sum() >= 5
        for table in (narrow, wide):
            assert (table[f"{stem}_low"][known] <= table[name][known]).all()
            assert (table[name][known] <= table[f"{stem}_high"][known]).all()
        assert (wide[f"{stem}_low"][known] <= narrow[f"{stem}_low"][known]).all()
        assert (wide[f"{stem}_high"][known] >= narrow[f"{stem}_high"][known]).all()


def test_quotients_take_the_cost_as_known():
    touches, conversions = tables(MANY)
    table = at.attribute(touches, conversions, models="linear").with_costs(
        pd.DataFrame({"channel": ["a", "tv", "free"], "cost": [6.0, 2.0, 0.0]})
    )
    rows = table.table(level=0.95).set_index("channel")
    assert rows.cost_per_conversion_low["a"] == pytest.approx(6.0 / rows.conversions_high["a"], rel=1e-12)
    assert rows.cost_per_conversion_high["a"] == pytest.approx(6.0 / rows.conversions_low["a"], rel=1e-12)
    assert rows.return_on_spend_high["a"] == pytest.approx(rows.value_high["a"] / 6.0, rel=1e-12)
    assert rows.cost_per_conversion_high["tv"] == math.inf
    assert rows.cost_per_conversion_high["free"] == 0.0
    assert rows.conversions_high["tv"] == pytest.approx(-math.log(0.025), rel=1e-12)
    assert math.isnan(rows.cost_per_conversion_low["b"])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"level": 95}, "write level=0.95"),
        ({"level": 0.95, "population": 79}, "at least the 80 persons"),
        ({"level": 0.95, "population": 1e6}, "whole number of persons"),
        ({"population": 100}, "pass level= too"),
    ],
)
def test_wrong_options(options, match):
    with pytest.raises(at.InputError, match=match):
        intervals(MANY, **options)


def coverage(persons: int, rate: float, rounds: int, seed: int, *, population: int | None) -> dict[str, int]:
    """How often the 95 % intervals of channel a hold the truth; persons convert once or twice."""
    random = np.random.default_rng(seed)
    probability = rate * np.array([0.5, 0.3, 0.2])
    credit = np.array([1.0, 0.5, 1.5])  # a alone; a with b; a alone, then a with b
    whole, value = np.array([1.0, 1.0, 2.0]), credit * 7.0
    hits = dict.fromkeys(("conversions", "value", "share"), 0)
    truth = {
        "conversions": persons * (probability * credit).sum(),
        "value": persons * (probability * value).sum(),
        "share": (probability * credit).sum() / (probability * whole).sum(),
    }
    for _ in range(rounds):
        counts = random.multinomial(persons, [*probability, 1 - probability.sum()])[:3].astype(float)
        found = {}
        for name, amounts in (("conversions", credit), ("value", value)):
            sums = uncertainty.PersonSums(
                total=np.array([counts @ amounts]),
                squares=np.array([counts @ amounts**2]),
                largest=np.array([amounts[counts > 0].max(initial=0.0)]),
                persons=np.array([int(counts.sum())]),
                cross=np.array([counts @ (amounts * whole)]),
            )
            found[name] = uncertainty.total_interval(sums, level=0.95, population=population, unseen=amounts.max())
            if name == "conversions":
                found["share"] = uncertainty.share_interval(
                    sums, counts @ whole, counts @ whole**2, int(counts.sum()), level=0.95, population=population
                )
        for name, (low, high) in found.items():
            hits[name] += bool(low[0] <= truth[name] <= high[0])
    return hits


@pytest.mark.parametrize(("persons", "rate", "population"), [(20_000, 0.02, None), (2_000, 0.3, 2_000)])
def test_coverage_of_large_cells(persons, rate, population):
    rounds = 2_000
    low, high = stats.binom.ppf([0.0005, 0.9995], rounds, 0.95)
    for name, hits in coverage(persons, rate, rounds, seed=21, population=population).items():
        assert low <= hits <= high, name


@pytest.mark.parametrize("expected", [1.0, 4.0, 12.0])
def test_small_cells_cover_at_least_the_level(expected):
    rounds = 1_500
    hits = coverage(100_000, expected / 100_000, rounds, seed=22, population=None)
    # With one expected converter there is nothing attributed, and so no share, in a third of the rounds.
    for name in ("conversions", "value", *(["share"] if expected > 1 else [])):
        assert hits[name] >= stats.binom.ppf(0.001, rounds, 0.95), name


def test_few_persons_who_are_all_alike_do_not_give_a_point():
    table = intervals([(person, ["a", "b"], 1.0) for person in range(3)], level=0.95)
    step = Z * math.sqrt(0.25) / 3 / 0.25
    ends = (1 / (1 + math.exp(step)), 1 / (1 + math.exp(-step)))
    assert (table.share_low["a"], table.share_high["a"]) == pytest.approx(ends, rel=1e-12)


@pytest.mark.statistical
def test_coverage_over_a_grid():
    for seed, expected in enumerate((35.0, 60.0, 150.0, 600.0)):
        hits = coverage(1_000_000, expected / 1_000_000, 20_000, seed=seed, population=1_000_000)
        for name, count in hits.items():
            assert count >= stats.binom.ppf(0.0005, 20_000, 0.935), (name, expected)


def test_a_model_moves_all_journeys_of_a_person_together():
    # Eight conversions each: counted as independent, the interval would be sqrt(8) times too narrow.
    repeated = [(person, ["a"], 1.0) for person in range(40) for _ in range(8)]
    row = intervals(repeated, level=0.95).loc["a"]
    assert row.conversions_high - row.conversions == pytest.approx(Z * math.sqrt(40 * 64), rel=1e-12)
