"""The 10,000-path file of the field under first, last, linear and Markov orders 1 to 4, against slow oracles."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.models.removal import effects_of
from oracles import markov as oracle

CONVERSIONS, NULLS = 19_785, 68_602


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict[str, str]]:
    file = shared_data / "pathdata" / "PathData.csv"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    with file.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter=";"))


@pytest.fixture(scope="module")
def journeys(rows) -> list[oracle.Journey]:
    return oracle.journeys(
        [row["path"].split(" > ") for row in rows],
        [int(row["total_conversions"]) for row in rows],
        [int(row["total_null"]) for row in rows],
    )


@pytest.fixture(scope="module")
def paths(journeys) -> at.PathCounts:
    """The distinct paths: rows of one path added up."""
    counted: dict[tuple[str, ...], list[float]] = {}
    for path, won, lost in journeys:
        row = counted.setdefault(path, [0, 0])
        row[0] += float(won)
        row[1] += float(lost)
    listed = sorted(counted)
    return at.PathCounts.of(
        listed, conversions=[counted[path][0] for path in listed], nulls=[counted[path][1] for path in listed]
    )


@pytest.fixture(scope="module")
def table(rows) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"total_conversions": int, "total_null": int, "total_conversion_value": float})


def test_the_file_is_the_one_that_is_meant(rows, paths):
    assert (len(rows), len(paths), len(paths.channel_names)) == (10_000, 5_408, 12)
    assert (paths.conversions.sum(), paths.nulls.sum()) == (CONVERSIONS, NULLS)


@pytest.mark.parametrize("rule", ["first", "last", "linear"])
def test_rules_equal_plain_loops(rule, journeys, table):
    expected = oracle.rule_credit(journeys, rule)
    model = {"first": "first_touch", "last": "last_touch", "linear": "linear"}[rule]
    credit = at.attribute_paths(table, models=model, conversions="total_conversions", nulls="total_null")
    found = {row["channel"]: row["conversions"] for row in credit.to_dicts() if row["channel"] != "(none)"}
    assert found == pytest.approx({name: float(expected.get(name, 0)) for name in found}, rel=1e-9, abs=1e-9)
    assert set(expected) <= set(found)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_effects_equal_an_independent_exact_solver(order, journeys, paths):
    whole, expected = oracle.swept_effects(journeys, order)
    fit = at.Markov(order=order).fit(paths)
    assert fit.conversion_probability == pytest.approx(whole, abs=1e-12)
    np.testing.assert_allclose(fit.effects, [expected[name] for name in paths.channel_names], rtol=0, atol=1e-9)
    total = sum(expected.values())
    np.testing.assert_allclose(fit.shares, [expected[name] / total for name in paths.channel_names], rtol=0, atol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_credit_of_the_table_is_share_times_total(order, paths, table):
    credit = at.attribute_paths(
        table,
        models=at.Markov(order=order),
        conversions="total_conversions",
        value="total_conversion_value",
        nulls="total_null",
    )
    rows = {row["channel"]: row for row in credit.to_dicts() if row["channel"] != "(none)"}
    shares = at.Markov(order=order).shares(paths)
    for name, share in zip(paths.channel_names, shares, strict=True):
        assert rows[name]["conversions"] == pytest.approx(share * CONVERSIONS, rel=1e-9)
        assert rows[name]["value"] == pytest.approx(share * table["total_conversion_value"].sum(), rel=1e-9)


def test_order_1_equals_fractions(journeys, paths):
    expected = oracle.removal_effects(journeys, 1, "redirect_to_null")
    np.testing.assert_allclose(
        at.Markov().fit(paths).effects, [float(expected[name]) for name in paths.channel_names], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_chain_converts_as_often_as_the_journeys(order, paths):
    fit = at.Markov(order=order).fit(paths)
    assert fit.conversion_probability == pytest.approx(CONVERSIONS / (CONVERSIONS + NULLS), rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_dropping_self_transitions_of_the_states_changes_no_effect(order, paths):
    prepared = effects_of(paths, order, "redirect_to_null")
    totals = prepared.totals(paths.conversions, paths.nulls)
    stays = prepared.chain.source == prepared.chain.target
    assert totals[stays].sum() > 1_000
    found = prepared.effects(np.where(stays, 0.0, totals))
    np.testing.assert_allclose(found, prepared.effects(totals), rtol=0, atol=1e-13)


def test_dropping_self_transitions_changes_no_effect_of_the_oracle_either(journeys):
    with_them, without = (oracle.swept_effects(journeys, 1, self_transitions=kept)[1] for kept in (True, False))
    assert with_them == pytest.approx(without, abs=1e-12)
