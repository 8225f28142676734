"""Fisher's and Boschloo's tests against listing every table, R and SciPy."""

from __future__ import annotations

import itertools

import pytest
from scipy.stats import boschloo_exact, fisher_exact

from attribution.core.errors import InputError
from experiments.inference.counts import checked_tables
from experiments.inference.exact import boschloo_p, fisher_p
from experiments.inference.rates import compare_rates
from oracles import exact_tables

SMALL = [(3, 8, 1, 5), (5, 5, 0, 7), (0, 6, 2, 9), (4, 11, 4, 11), (9, 10, 3, 10)]


@pytest.mark.parametrize("table", SMALL)
def test_fisher_by_fractions(table):
    upper = float(exact_tables.fisher_upper(*table))
    assert fisher_p(checked_tables(*table), side="greater") == pytest.approx(upper, rel=1e-12)
    mirrored = float(exact_tables.fisher_upper(*table[2:], *table[:2]))
    assert fisher_p(checked_tables(*table), side="less") == pytest.approx(mirrored, rel=1e-12)


def test_fisher_equals_scipy_on_every_small_table():
    for n, control_n in ((4, 6), (7, 7)):
        for hits, control in itertools.product(range(n + 1), range(control_n + 1)):
            wanted = fisher_exact([[hits, control], [n - hits, control_n - control]]).pvalue
            assert fisher_p(checked_tables(hits, n, control, control_n), side="two") == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("table", SMALL)
def test_boschloo_by_listing_every_table(table):
    """The oracle's grid of rates can only miss the top: its value is a lower bound, close by."""
    grid = exact_tables.boschloo_upper(*table)
    found = boschloo_p(checked_tables(*table), side="greater")
    assert grid - 1e-12 <= found <= grid + 2e-6
    both = min(grid, exact_tables.boschloo_upper(*table[2:], *table[:2]))
    assert boschloo_p(checked_tables(*table), side="two") == pytest.approx(min(1.0, 2 * both), abs=4e-6)


@pytest.mark.parametrize("table", [(20, 60, 9, 50), (2, 30, 6, 25)])
@pytest.mark.parametrize(("side", "alternative"), [("two", "two-sided"), ("greater", "greater"), ("less", "less")])
def test_boschloo_equals_scipy(table, side, alternative):
    hits, n, control, control_n = table
    wanted = boschloo_exact([[hits, control], [n - hits, control_n - control]], alternative=alternative).pvalue
    assert boschloo_p(checked_tables(*table), side=side) == pytest.approx(wanted, rel=1e-6)


def test_boschloo_beats_fisher_and_never_vanishes():
    for table in SMALL:
        tables = checked_tables(*table)
        assert 0 < boschloo_p(tables, side="two") <= 1
        assert boschloo_p(tables, side="greater") <= fisher_p(tables, side="greater") * (1 + 1e-6)


def test_too_large_a_table_is_refused_with_a_way_out():
    with pytest.raises(InputError, match=r"limited to 20,000 persons, got 20,002"):
        compare_rates(5, 10_001, 3, 10_001, method="boschloo")


def test_large_tables_by_fisher():
    assert compare_rates(29, 10**7, 10, 10**7, method="fisher").difference.p_value == pytest.approx(
        fisher_exact([[29, 10], [10**7 - 29, 10**7 - 10]]).pvalue, rel=1e-6
    )
