"""The customer base with known silences: its log against what it says is true."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import experiments as ex
from attribution.core.errors import InputError
from experiments.simulation import simulate_acts
from experiments.simulation.silences import GAPS, LEAVES

HORIZON = 180


@pytest.fixture(scope="module")
def base():
    return simulate_acts(persons=20_000, seed=3)


def first_silences(base):
    """The silence after each customer's first investment, one spell per customer: (start, length) in days."""
    invested = base.events[base.events["kind"] == "investment"]
    day = (invested["time"] - pd.Timestamp(base.as_of, tz="UTC")).dt.total_seconds() / 86_400
    days = day.groupby(invested["person_id"]).apply(list)
    return np.array([(each[0], each[1] - each[0] if len(each) > 1 else math.inf) for each in days])


@pytest.mark.parametrize("days", [10, 60, 150, 300])
def test_silences_end_as_often_as_it_says(base, days):
    start, length = first_silences(base).T
    seen = (start <= 1 - days - HORIZON) & (length > days)
    ended = seen & (length <= days + HORIZON)
    low, high = binom.interval(1 - 1e-6, int(seen.sum()), base.returning(days, horizon=HORIZON))
    assert seen.sum() > 1_000
    assert low <= ended.sum() <= high


def test_the_formula_is_the_mixture(base):
    rest = sum(share * math.exp(-40 / mean) for share, mean in GAPS)
    assert base.silent(40) == pytest.approx(LEAVES + (1 - LEAVES) * rest, rel=1e-15)
    assert base.silent(0) == pytest.approx(1.0, rel=1e-15)
    shares = [base.returning(days, horizon=HORIZON) for days in range(0, 1_000, 10)]
    assert shares == sorted(shares, reverse=True)
    for share in (0.3, 0.1, 0.02):
        cut = base.cut(share, horizon=HORIZON)
        assert base.returning(cut, horizon=HORIZON) <= share < base.returning(cut - 1, horizon=HORIZON)
    assert base.cut(0.99, horizon=HORIZON) == 0


def test_the_dormancy_curve_finds_the_known_shares_and_the_cut(base):
    curve = ex.dormancy_curve(
        base.events[base.events["kind"] == "investment"], horizon=f"{HORIZON}d", as_of=base.as_of, level=0.999
    )
    for row in curve.to_dicts():
        if row["at_risk"] >= 5_000:
            true = base.returning(row["silent_days"], horizon=HORIZON)
            assert row["low"] <= true <= row["high"]
            assert row["km_low"] <= true <= row["km_high"]


def test_every_log_begins_with_the_registration(base):
    first = base.events.groupby("person_id")["kind"].agg(["first", "size"])
    assert (first["first"] == "registration").all()
    assert len(first) == (base.events["kind"] == "registration").sum() == 20_000
    assert first["size"].min() >= 2
    assert base.events["time"].is_monotonic_increasing
    assert base.events["time"].max() < pd.Timestamp(base.as_of, tz="UTC") + pd.Timedelta(days=1)
    invested = base.events["kind"] == "investment"
    assert (base.events.loc[invested, "value"] > 0).all()
    assert (base.events.loc[~invested, "value"] == 0).all()


def test_same_seed_same_log():
    first, second = (simulate_acts(persons=300, seed=5).events for _ in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert not first.equals(simulate_acts(persons=300, seed=6).events)
    assert len(simulate_acts(persons=1).events) >= 2


@pytest.mark.parametrize("persons", [0, -1, 2.0, True, None, "10"])
def test_persons_must_be_a_whole_number(persons):
    with pytest.raises(InputError, match="persons must be a whole number of at least 1"):
        simulate_acts(persons=persons)


@pytest.mark.parametrize("days", [-1, math.inf, math.nan, "30", True])
def test_days_must_be_days(base, days):
    with pytest.raises(InputError, match="days must be a number of days"):
        base.silent(days)


@pytest.mark.parametrize("share", [0, 1, -0.1, math.nan, "5%", True])
def test_the_share_of_a_cut_lies_between_0_and_1(base, share):
    with pytest.raises(InputError, match="share must lie between 0 and 1"):
        base.cut(share, horizon=HORIZON)
