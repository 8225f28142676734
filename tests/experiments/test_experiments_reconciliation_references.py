"""Gap and factor against R, from tables of touches and conversions to the interval."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

REFERENCES = Path(__file__).parents[1] / "references" / "reconciliation"
START = pd.Timestamp("2026-10-01 09:30", tz="UTC")
STEPS = {"sms": ("sms",)}


def case(name: str):
    held = json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8"))
    rows = pd.DataFrame(held["inputs"]).assign(person_id=lambda table: [f"p{i:04d}" for i in range(len(table))])
    return rows, held["expected"], held["rtol"]


def reconciled(rows: pd.DataFrame, metric: ex.Rate, **options: object) -> dict[str, object]:
    """Linear credit: an order of somebody with both touches is half the message's."""
    seen = [rows.loc[rows[channel] == 1, ["person_id"]].assign(channel=channel) for channel in ("sms", "search")]
    touches = pd.concat(seen).assign(time=START + pd.Timedelta("1D"))
    conversions = rows.loc[rows["woken"] == 1, ["person_id"]].assign(time=START + pd.Timedelta("2D"))
    conversions["conversion_id"] = np.arange(len(conversions))
    credit = at.attribute(touches, conversions, models="linear")
    assignment = rows[["person_id", "arm"]].assign(assigned_at=START)
    outcomes = ex.build_outcomes(
        assignment, conversions, as_of=START + pd.Timedelta("60D"), history=rows[["person_id", "past"]]
    )
    readout = ex.Experiment({"woken": metric}).analyze(outcomes)
    result = ex.reconcile(credit, readout, steps=STEPS, **options)
    return result.to_dicts()[0] | ex.calibrate(result).to_dicts()[0]


def test_gap_and_factor_are_those_of_r():
    rows, expected, rtol = case("gap")
    found = reconciled(rows, ex.Rate("woken"), variance="plugin")
    for end in ("", "_low", "_high"):
        assert found[f"gap_per_1000{end}"] == pytest.approx(1000 * expected[f"gap{end}"], rel=rtol)
    for name in ("factor", "factor_low", "factor_high"):
        assert found[name] == pytest.approx(expected[name], rel=rtol)


def test_the_adjusted_gap_is_that_of_lins_regression_in_r():
    rows, expected, rtol = case("adjusted")
    found = reconciled(rows, ex.Rate("woken", covariate="past"))
    assert found["gap_per_1000"] == pytest.approx(1000 * expected["gap"], rel=rtol)
    half = (found["gap_per_1000_high"] - found["gap_per_1000_low"]) / 2
    # R's Student quantile of a thousand degrees of freedom and ours differ in the fourth digit
    assert half == pytest.approx(1000 * 1.9615 * expected["error"], rel=3e-3)
