"""Quantiles by arm: definition, Woodruff's variance, mass points, strata and clusters."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.tables import Problems, open_table
from experiments.inference.figures import compare_figures
from experiments.inference.quantiles import compare_quantiles, quantile_figures, quantile_of
from experiments.metrics import Quantile, inputs_of
from experiments.moments import metric_rows, moments_of
from experiments.moments.grid import arrange, collapse

FOLDER = Path(__file__).parents[1] / "references/quantiles"


def figures_of(frame, q=0.5, *, strata=(), cluster=None):
    table = open_table(frame, "outcomes", Columns(), problems=Problems())
    keys = (*strata, "arm", *([] if cluster is None else [cluster]))
    rows = metric_rows(table, inputs_of(Quantile("value", q)), keys=keys)
    grid = arrange(collapse(moments_of(rows), len(strata) + 1))
    weights = grid.n.sum(axis=1) / grid.n.sum()
    return quantile_figures(rows, grid, q, weights=weights, clustered=cluster is not None), grid


@pytest.mark.parametrize("q", [0.1, 0.5, 0.75, 0.9])
def test_counted_rows_give_the_same_as_arrays(q):
    chance = np.random.default_rng(1)
    a, b = np.round(chance.lognormal(3, 1, 400), 1), np.round(chance.lognormal(2.8, 1, 130), 1)
    strata_a, strata_b = chance.integers(0, 3, 400), chance.integers(0, 3, 130)
    frame = pd.DataFrame(
        {
            "value": np.concatenate([a, b]),
            "arm": ["sms"] * 400 + ["holdout"] * 130,
            "stratum": np.concatenate([strata_a, strata_b]),
        }
    )
    for strata in ((), ("stratum",)):
        figures, grid = figures_of(frame.sample(frac=1, random_state=4), q, strata=strata)
        found = compare_figures(figures, grid.arms.index("sms"), grid.arms.index("holdout"), level=0.9)
        given = {"strata": strata_a, "control_strata": strata_b} if strata else {}
        plain = compare_quantiles(a, b, q=q, level=0.9, **given)
        assert found.difference.value == plain.difference.value
        assert found.difference.low == pytest.approx(plain.difference.low, rel=1e-12)
        assert found.difference.p_value == pytest.approx(plain.difference.p_value, rel=1e-12)
        assert found.difference.method == ("stratified woodruff" if strata else "woodruff")


def test_an_atom_in_one_arm_spoils_its_contrasts_and_no_other():
    chance = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "value": np.concatenate([chance.normal(10, 2, 300), np.zeros(290), np.ones(10), chance.normal(11, 2, 300)]),
            "arm": ["holdout"] * 300 + ["flat"] * 300 + ["sms"] * 300,
        }
    )
    figures, grid = figures_of(frame)
    flat, holdout, sms = (grid.arms.index(arm) for arm in ("flat", "holdout", "sms"))
    spoiled = compare_figures(figures, flat, holdout, level=0.95)
    assert (spoiled.treatment, spoiled.difference.value, spoiled.difference.note) == (None, None, "UNDEFINED; ATOM")
    assert (spoiled.relative.value, spoiled.relative.note) == (None, "UNDEFINED; ATOM")
    sound = compare_figures(figures, sms, holdout, level=0.95)
    assert (sound.difference.note, sound.difference.low < sound.difference.value) == ("", True)


def test_a_tie_is_an_atom_from_half_of_the_window_of_ranks_on():
    """With n = 400 the window of ranks is 0.5 -+ 1.96 * 0.025 wide 0.098: a tie of 4 % is none, one of 6 % is."""
    ladder = np.arange(400.0)

    def tied(persons):
        values = ladder.copy()
        values[200 - persons // 2 : 200 + persons // 2] = 200.0
        return compare_quantiles(values, ladder).difference.note

    assert tied(16) == ""
    assert tied(24) == "UNDEFINED; ATOM"


def test_no_interval_when_the_ranks_leave_the_data():
    found = compare_quantiles(np.arange(300.0), np.arange(300.0), q=0.99).difference
    assert (found.value, found.low, found.p_value, found.note) == (0.0, None, None, "TOO_FEW_PERSONS")
    assert compare_quantiles([3.0], [1.0, 2.0]).difference.note == "TOO_FEW_PERSONS"
    assert compare_quantiles(np.arange(500.0), np.arange(500.0), q=0.99).difference.low is not None


def test_the_quantile_is_the_second_definition_of_hyndman_and_fan():
    chance = np.random.default_rng(5)
    for n in (1, 2, 7, 10, 33):
        values = np.sort(chance.integers(0, 30, n).astype(float))
        for q in (0.05, 0.1, 0.25, 0.5, 0.9):
            wanted = np.quantile(values, q, method="averaged_inverted_cdf")
            assert quantile_of(values, np.arange(1, n + 1) / n, q) == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("strata", [None, 2, 100])
@pytest.mark.parametrize("n", [100_000, 500_000])
def test_the_midpoint_is_met_among_many_persons(n, strata):
    """Adding a share of 1 / n so many times misses 0.5 by rounding; counting persons does not."""
    ladder = np.arange(n)
    home = None if strata is None else (ladder // 2) % strata
    found = compare_quantiles(ladder, ladder + 3, strata=home, control_strata=home)
    slack = 0.5 if strata == 100 else 0.0  # many strata are added up: a rank may be missed where long numbers are short
    assert found.treatment == pytest.approx((n - 1) / 2, rel=0, abs=slack)
    assert found.control == pytest.approx((n + 5) / 2, rel=0, abs=slack)


def test_clusters_of_one_are_no_clusters_and_copies_widen():
    chance = np.random.default_rng(6)
    value = np.concatenate([chance.gamma(2, 5, 240), chance.gamma(2, 4, 240)])
    frame = pd.DataFrame({"value": value, "arm": ["sms"] * 240 + ["holdout"] * 240, "home": np.arange(480)})
    plain, _ = figures_of(frame)
    single, _ = figures_of(frame, cluster="home")
    assert single.covariance == pytest.approx(plain.covariance, rel=1e-12)
    copies = pd.concat([frame] * 4)
    together, _ = figures_of(copies, cluster="home")
    apart, _ = figures_of(copies)
    assert together.value == pytest.approx(apart.value)
    ratio = np.diag(together.covariance) / np.diag(apart.covariance)
    assert np.all((ratio > 2.0) & (ratio < 8.0))


def references():
    files = sorted(FOLDER.glob("*.json"))
    assert files, "no reference values"
    for path in files:
        case = json.loads(path.read_text(encoding="utf-8"))
        for row in case["expected"]:
            yield pytest.param(case, row, id=f"{path.stem} {row['data']} {row['q']} {row['quantity']}")


@pytest.mark.parametrize(("case", "row"), list(references()))
def test_outside_numbers(case, row):
    values = np.array(case["inputs"][row["data"]], dtype=float)
    wide = np.array(values) + 0.0
    found = compare_quantiles(wide, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0] * 3, q=row["q"])
    if row["quantity"] == "quantile":
        assert found.treatment == pytest.approx(row["value"], rel=case["rtol"], abs=case["atol"])
        return
    frame = pd.DataFrame({"value": values, "arm": "sms"})
    figures, _ = figures_of(frame, row["q"])
    assert math.sqrt(figures.variance(0)) == pytest.approx(row["value"], rel=case["rtol"], abs=case["atol"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": 0.0}, "q must lie strictly between 0 and 1"),
        ({"q": True}, "q must lie strictly between 0 and 1"),
        ({"values": []}, "at least one person"),
        ({"values": [1.0, math.nan]}, "must be finite, got 1 empty or infinite"),
        ({"values": [1.0, None]}, "must be finite, got 1 empty or infinite"),
        ({"values": ["a", "b"]}, "values must be numbers"),
        ({"values": [[1.0], [2.0]]}, "one number per person"),
        ({"strata": [1, 1]}, "go together"),
        ({"strata": [1], "control_strata": [1, 1]}, "one entry per person"),
        ({"strata": [1, None], "control_strata": [1, 1]}, "empty entries"),
        ({"strata": [1, 2], "control_strata": [1, 1]}, "needs persons of both groups"),
        ({"level": 95}, "level must lie"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"values": [1.0, 2.0], "control_values": [1.0, 2.0]} | change
    with pytest.raises(InputError, match=message):
        compare_quantiles(**arguments)
