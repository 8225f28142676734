"""Intervals of credit: formulas by hand, and limits."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

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


def bent(variance: float, third: float, level: float = 0.95) -> tuple[float, float]:
    """What is taken off at the lower end and at the upper end: the roots of Hall's cubic, found numerically."""
    z, g = stats.norm.ppf(0.5 + level / 2), third / variance**1.5

    def transform(t: float) -> float:
        return t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 6

    roots = [optimize.brentq(lambda t, q=q: transform(t) - q, -60, 60, xtol=1e-14) for q in (z, -z)]
    return roots[0] * math.sqrt(variance), roots[1] * math.sqrt(variance)


def test_large_cells_by_hand():
    row = intervals(MANY, level=0.95).loc["a"]
    credit, _, value = per_person()
    for name, amounts in (("conversions", credit), ("value", value)):
        low, high = bent((amounts**2).sum(), (amounts**3).sum())
        assert row[f"{name}_low"] == pytest.approx(amounts.sum() - low, rel=1e-10)
        assert row[f"{name}_high"] == pytest.approx(amounts.sum() - high, rel=1e-10)


def test_large_shares_are_the_ones_that_a_test_keeps():
    table = intervals(MANY, level=0.95)
    a = per_person()[0]
    person = np.arange(80)
    whole = np.where(person < 40, 2.0, 1.0)
    row, share = table.loc["a"], a.sum() / whole.sum()
    assert row.share_of_attributed == pytest.approx(share, rel=1e-12)
    d = a - share * whole
    g = (d**3).sum() / (d**2).sum() ** 1.5
    for end, side in ((row.share_low, 1.0), (row.share_high, -1.0)):
        d = a - end * whole
        t = d.sum() / math.sqrt((d**2).sum())
        assert t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 6 == pytest.approx(side * Z, rel=1e-9)


def test_a_known_population_centres_the_variance():
    row = intervals(MANY, level=0.95, population=200).loc["a"]
    credit = np.concatenate([per_person()[0], np.zeros(120)])
    low, high = bent(200 * credit.var(ddof=1), ((credit - credit.mean()) ** 3).sum())
    assert (row.conversions_low, row.conversions_high) == pytest.approx(
        (credit.sum() - low, credit.sum() - high), rel=1e-10
    )


def test_where_nearly_everybody_converts_the_interval_is_no_point():
    everybody = [(person, ["a"], 1.0) for person in range(60)]
    row = intervals(everybody, level=0.95, population=60).loc["a"]
    assert row.conversions_low < 59
    assert row.conversions_high > 61


def test_unweighted_small_cells_are_exact_poisson_limits():
    table = intervals([(person, ["a"], 1.0) for person in range(7)], level=0.9)
    assert table.conversions_low["a"] == pytest.approx(stats.chi2.ppf(0.05, 14) / 2, rel=1e-12)
    assert table.conversions_high["a"] == pytest.approx(stats.chi2.ppf(0.95, 16) / 2, rel=1e-12)
    assert table.conversions_low["(none)"] == 0.0
    assert table.conversions_high["(none)"] == pytest.approx(-math.log(0.05), rel=1e-12)


def test_weighted_small_cells_follow_fay_and_feuer():
    journeys = [(0, ["a"], 3.0), (1, ["a", "b"], 4.0), (2, ["a", "b", "b", "b"], 8.0)]
    row = intervals(journeys, level=0.95).loc["a"]
    cells = {
        "conversions": ([1, 0.5, 0.25], [0.5, 0.75]),
        "value": ([3.0, 2.0, 2.0], [2.0, 6.0]),
    }
    for name, (inside, other) in cells.items():
        amounts, every = np.array(inside), np.array([*inside, *other])
        lump = (every**2).sum() / every.sum()
        total, squares = amounts.sum(), max((amounts**2).sum(), lump * amounts.sum())
        largest = max(amounts.max(), lump)
        low = squares / (2 * total) * stats.chi2.ppf(0.025, 2 * total**2 / squares)
        more, spread = total + largest, squares + largest**2
        high = spread / (2 * more) * stats.chi2.ppf(0.975, 2 * more**2 / spread)
        assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx((low, high), rel=1e-10)


def test_a_few_single_converters_know_of_heavy_ones_elsewhere():
    heavy = [(person, ["b"], 1.0) for person in range(40) for _ in range(6)]
    light = [(100 + person, ["a"], 1.0) for person in range(5)]
    alone, among = intervals(light, level=0.95).loc["a"], intervals(heavy + light, level=0.95).loc["a"]
    assert among.conversions_low < alone.conversions_low
    assert among.conversions_high > alone.conversions_high


def test_small_shares_are_at_least_those_on_the_logit_scale():
    table = intervals([(person, ["a"] if person else ["b"], 1.0) for person in range(12)], level=0.95)
    share, error = 1 / 12, math.sqrt(11 / 12 + (11 / 12) ** 2) / 12  # sum (c - s)^2 = 11/12, and one more person
    step = Z * error / (share * (1 - share))
    logit = math.log(share / (1 - share))
    low, high = 1 / (1 + math.exp(step - logit)), 1 / (1 + math.exp(-step - logit))
    assert table.share_low["b"] <= low * (1 + 1e-12)
    assert table.share_high["b"] >= high * (1 - 1e-12)
    # The complement of a share has the complement of its interval.
    assert table.share_low["a"] == pytest.approx(1 - table.share_high["b"], rel=1e-9)
    assert table.share_high["a"] == pytest.approx(1 - table.share_low["b"], rel=1e-9)
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
    # Nobody has credit for tv; one more person would bring sum T^2 / sum T of conversions, on average.
    unseen = (40 * 4 + 40) / 120
    assert rows.conversions_high["tv"] == pytest.approx(-unseen * math.log(0.025), rel=1e-12)
    assert math.isnan(rows.cost_per_conversion_low["b"])


def spent(persons, channel="a", cost=1.0) -> pd.DataFrame:
    return pd.DataFrame({"person_id": persons, "channel": channel, "cost": cost})


def test_cost_spent_on_persons_varies_with_them():
    touches, conversions = tables(MANY)
    credit = at.attribute(touches, conversions, models="linear")
    # Everybody with credit in a costs the same, and so do 60 persons who never convert.
    spend = spent(list(range(80)) + list(range(1_000, 1_060)), cost=[2.0] * 80 + [3.0] * 60)
    row = credit.with_costs(spend).table(level=0.95).set_index("channel").loc["a"]
    a = np.concatenate([per_person()[0], np.zeros(60)])
    cost = np.array([2.0] * 80 + [3.0] * 60)
    x = a.sum() / cost.sum()
    assert row.cost_per_conversion == pytest.approx(1 / x, rel=1e-12)
    d = a - x * cost
    g = (d**3).sum() / (d**2).sum() ** 1.5
    for end, side in ((row.cost_per_conversion_high, 1.0), (row.cost_per_conversion_low, -1.0)):
        d = a - cost / end
        t = d.sum() / math.sqrt((d**2).sum())
        assert t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 6 == pytest.approx(side * Z, rel=1e-9)
    # Rows in another order, and rows of one person in pieces, change nothing.
    halves = pd.concat([spend.assign(cost=spend.cost / 2)] * 2).sample(frac=1, random_state=1)
    again = credit.with_costs(halves).table(level=0.95).set_index("channel").loc["a"]
    assert again.cost_per_conversion_low == pytest.approx(row.cost_per_conversion_low, rel=1e-12)


def test_fixed_cost_gives_the_interval_of_known_cost():
    touches, conversions = tables(MANY)
    credit = at.attribute(touches, conversions, models="linear")
    nobody = credit.with_costs(pd.DataFrame({"person_id": [None], "channel": ["a"], "cost": [50.0]}))
    known = credit.with_costs(pd.DataFrame({"channel": ["a"], "cost": [50.0]}))
    left, right = (found.table(level=0.95).set_index("channel").loc["a"] for found in (nobody, known))
    # With no person of a known type, the first table says nothing about persons.
    assert left.cost_per_conversion_low == pytest.approx(right.cost_per_conversion_low, rel=1e-12)
    mixed = pd.DataFrame({"person_id": [3, None], "channel": ["a", "a"], "cost": [1e-9, 50.0]})
    row = credit.with_costs(mixed).table(level=0.95).set_index("channel").loc["a"]
    assert row.return_on_spend_high == pytest.approx(right.return_on_spend_high, rel=0.05)


def test_cost_is_known_where_persons_or_costs_are_not():
    touches, conversions = tables(MANY)
    credit = at.attribute(touches, conversions, models="linear")
    text = spent([f"p{person}" for person in range(80)])  # no person of the touches is called so
    waived = pd.concat([spent([1, 2]), spent([3], channel="b", cost=None)])
    for spend, said in ((spent(list(range(80))), False), (text, True), (waived, True)):
        found = credit.with_costs(spend).intervals()
        assert ("Costs are taken as known" in repr(found)) == said
        row = found.table().set_index("channel").loc["a"]
        assert row.cost_per_conversion_low < row.cost_per_conversion < row.cost_per_conversion_high
    row = credit.with_costs(waived).table(level=0.9).set_index("channel").loc["b"]
    assert math.isnan(row.cost_per_conversion_low)
    assert math.isnan(row.return_on_spend_high)


def test_few_persons_with_cost_per_person_keep_a_finite_cost_range():
    few = [(person, ["a"], 1.0) for person in range(6)] + [(50 + person, ["b"], 1.0) for person in range(40)]
    touches, conversions = tables(few)
    credit = at.attribute(touches, conversions, models="linear").with_costs(spent(list(range(30)), cost=2.0))
    row = credit.table(level=0.95).set_index("channel").loc["a"]
    d = np.where(np.arange(30) < 6, 1.0, 0.0) - 6 / 60 * 2.0
    squares = max((d**2).sum(), 6.0)  # every person brings one conversion
    high = (squares + 1) / (2 * 7) * stats.chi2.ppf(0.975, 2 * 49 / (squares + 1)) / 60
    assert row.cost_per_conversion_low == pytest.approx(1 / high, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"level": 95}, "write level=0.95"),
        ({"level": 0.95, "population": 79}, "at least the 80 persons"),
        ({"level": 0.95, "population": 1e6}, "whole number of persons"),
        ({"population": 100}, "population= serves the intervals; pass level= too"),
        ({"seed": 3}, "seed= serves the intervals"),
        ({"replicates": 500}, "replicates= serves the intervals"),
        ({"level": 0.95, "replicates": 10}, "from 200 to"),
    ],
)
def test_wrong_options(options, match):
    with pytest.raises(at.InputError, match=match):
        intervals(MANY, **options)


def test_a_few_persons_who_are_all_alike_do_not_give_a_point():
    table = intervals([(person, ["a", "b"], 1.0) for person in range(3)], level=0.95)
    step = Z * math.sqrt(0.25) / 3 / 0.25
    ends = (1 / (1 + math.exp(step)), 1 / (1 + math.exp(-step)))
    assert (table.share_low["a"], table.share_high["a"]) == pytest.approx(ends, rel=1e-12)


def test_many_persons_who_are_all_alike_do_not_give_a_point():
    table = intervals([(person, ["a", "b"], 1.0) for person in range(80)], level=0.95)
    step = Z * math.sqrt(0.25) / 80 / 0.25
    ends = (1 / (1 + math.exp(step)), 1 / (1 + math.exp(-step)))
    assert (table.share_low["a"], table.share_high["a"]) == pytest.approx(ends, rel=1e-12)


def test_few_persons_never_narrow_a_share_at_a_higher_level():
    journeys = [(person, [["a", "b"], ["a"], ["b", "c", "a"]][person % 3], 1.0) for person in range(12)]
    credit = at.attribute(*tables(journeys), models=["linear", "last_touch"])
    found = [credit.table(level=level) for level in (0.5, 0.8, 0.95, 0.99, 0.999, 0.99999)]
    for narrow, wide in itertools.pairwise(found):
        kept = narrow.share_low.notna()
        assert (wide.share_low[kept] <= narrow.share_low[kept]).all()
        assert (wide.share_high[kept] >= narrow.share_high[kept]).all()
    assert (found[-1].share_high.max(), found[-1].share_low.min()) == (1.0, 0.0)


def test_one_person_says_nothing_about_shares_of_models_of_paths_either():
    table = intervals([(1, ["a", "b", "a"], 1.0)], model="markov", level=0.95)
    assert table.loc[["a", "b"], ["share_low", "share_high"]].to_numpy().tolist() == [[0.0, 1.0]] * 2


def test_paths_that_are_all_alike_do_not_give_a_point():
    table = intervals([(person, ["a", "b"], 1.0) for person in range(60)], model="markov", level=0.95)
    assert (table.share_high - table.share_low)[["a", "b"]].min() > 0.005


def test_persons_with_spend_are_at_risk():
    touches, conversions = tables([(person, ["a", "b"], 1.0) for person in range(40)])
    credit = at.attribute(touches, conversions, models="linear")
    paid = credit.with_costs(spent(range(20, 100)))
    match = "at least the 100 persons with a conversion or with spend on them"
    with pytest.raises(at.InputError, match=match):
        paid.table(level=0.95, population=99)
    assert paid.intervals(population=100).population.size == 100
    assert credit.intervals(population=40).population.size == 40
    known = at.attribute(touches, conversions, models="linear", customers=pd.DataFrame({"person_id": range(50)}))
    assert known.intervals().population.size == 50
    assert known.with_costs(spent(range(20, 100))).intervals().population.size == 100


def test_wholly_negative_credit_has_no_price_at_either_end():
    rows = [(person, [["a"], ["b"], ["a", "b"]][person % 3]) for person in range(600)]
    converts = {0: 5, 1: 100, 2: 20}
    touches = pd.DataFrame(
        [(person, START + timedelta(hours=hour), name) for person, names in rows for hour, name in enumerate(names)],
        columns=["person_id", "time", "channel"],
    )
    buyers = [person for person, _ in rows if (person // 3) % converts[person % 3] == 0]
    conversions = pd.DataFrame({"person_id": buyers, "time": START + timedelta(hours=5), "conversion_id": buyers})
    credit = at.attribute(
        touches, conversions, models=at.Shapley(value="rate"), observed=(START, START + timedelta(days=90))
    )
    paid = credit.with_costs(pd.DataFrame({"channel": ["a", "b"], "cost": [5.0, 5.0]}))
    row = paid.table(level=0.95).set_index("channel").loc["b"]
    assert row.conversions_high < 0
    assert row[["cost_per_conversion", "cost_per_conversion_low", "cost_per_conversion_high"]].isna().all()


def test_a_model_moves_all_journeys_of_a_person_together():
    # Eight conversions each: counted as independent, the interval would be sqrt(8) times too narrow.
    repeated = [(person, ["a"], 1.0) for person in range(40) for _ in range(8)]
    row = intervals(repeated, level=0.95).loc["a"]
    low, high = bent(40 * 64, 40 * 512)
    assert (row.conversions_low, row.conversions_high) == pytest.approx((320 - low, 320 - high), rel=1e-10)


@pytest.mark.parametrize("skewness", [-2.0, -0.3, -1e-12, 0.0, 1e-12, 1e-7, 0.3, 2.0])
@pytest.mark.parametrize("y", [-3.0, -1.96, 0.0, 1.96, 3.0])
def test_hall_inverts_itself(skewness, y):
    t = uncertainty.hall_inverse(y, np.array([skewness]))
    assert uncertainty.hall(t, np.array([skewness]))[0] == pytest.approx(y, abs=1e-9)


def test_the_customers_table_is_the_population():
    touches, conversions = tables(MANY)
    persons = pd.DataFrame({"person_id": range(300), "is_test": [False] * 299 + [True]})
    counted = at.attribute(touches, conversions, models="linear", customers=persons)
    plain = at.attribute(touches, conversions, models="linear")
    pd.testing.assert_frame_equal(counted.table(level=0.95), plain.table(level=0.95, population=299))
    found = counted.intervals()
    assert (found.population.size, found.population.source) == (299, "customers")
    assert "299 persons at risk, from the customers table" in repr(found)
    assert counted.intervals(population=400).population.source == "given"
    assert "unknown" in repr(plain.intervals())
    # Somebody converts who is not in the table: the person counts too.
    fewer = at.attribute(touches, conversions, models="linear", customers=persons[10:])
    assert fewer.intervals().population.size == 299


def test_the_result_prints_its_share_with_the_ends():
    touches, conversions = tables(MANY)
    found = at.attribute(touches, conversions, models="linear").intervals(level=0.9)
    assert found.recipe.settings["level"] == 0.9
    assert "share_low" in found.table()
    assert "share_low" not in repr(found)
    assert not found.resampled


JOURNEYS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
        st.floats(0.0, 1e6, allow_nan=False),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40)
@given(journeys=JOURNEYS, level=st.floats(0.01, 0.999), known=st.booleans())
def test_any_journeys_have_intervals_around_their_credit(journeys, level, known):
    touches, conversions = tables(journeys)
    credit = at.attribute(touches, conversions, models=["linear", "last_touch"])
    population = 40 if known else None
    table = credit.table(level=level, population=population)
    stems = (("conversions", "conversions"), ("value", "value"), ("share_of_attributed", "share"))
    for name, stem in stems:
        kept = table[table[name].notna() & table[f"{stem}_low"].notna()]
        assert (kept[f"{stem}_low"] >= 0).all()
        assert (kept[f"{stem}_low"] <= kept[name] * (1 + 1e-9)).all()
        assert (kept[name] <= kept[f"{stem}_high"] * (1 + 1e-9) + 1e-12).all()
        assert np.isfinite(kept[f"{stem}_high"]).all()
    assert (table.share_high.dropna() <= 1).all()
    # A unit of money is a unit: eight times the value, eight times its interval.
    dearer = at.attribute(touches, conversions.assign(value=conversions.value * 8), models=["linear", "last_touch"])
    scaled = dearer.table(level=level, population=population)
    for end in ("low", "high"):
        np.testing.assert_allclose(scaled[f"value_{end}"], 8 * table[f"value_{end}"], rtol=1e-9, atol=1e-9)
