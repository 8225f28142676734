"""Columns known only after the assignment, by name and by what they decide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.columns import Columns
from attribution.core.tables import Problems, open_table
from experiments.design.late_columns import KNOWN_POST, refuse_disguised, refuse_post
from experiments.readout import guard


@pytest.mark.parametrize("name", sorted(KNOWN_POST))
def test_known_names_are_refused_everywhere(name):
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        refuse_post([name], (), use="a stratum")
    metric = {"m": ex.Mean("other")}
    for options in ({"strata": name}, {"segments": name}, {"arm": name}):
        with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
            ex.Experiment(metric, **options)


def test_the_readout_uses_the_same_rule():
    assert guard.KNOWN_POST is KNOWN_POST
    assert guard.refuse_post is refuse_post


def outcomes(n=2_000):
    rng = np.random.default_rng(1)
    woken = (rng.random(n) < 0.1).astype(int)
    return pd.DataFrame({
        "woken": woken, "back": np.where(woken == 1, "yes", "no"),
        "times": np.where(woken == 1, rng.integers(1, 4, n), 0),
        "wave": rng.integers(0, 5, n),
    })  # fmt: skip


def opened(data):
    return open_table(data, "outcomes", Columns(), problems=Problems())


@pytest.mark.parametrize("name", ["back", "times"])
def test_the_outcome_under_another_name_is_refused(name):
    with pytest.raises(ex.DesignError, match=f"POST_ASSIGNMENT.*{name}"):
        refuse_disguised(opened(outcomes()), [name], outcome="woken", use="a stratum")


def test_honest_columns_pass():
    data = outcomes()
    refuse_disguised(opened(data), ["wave"], outcome="woken", use="a stratum")
    refuse_disguised(opened(data), ["wave"], outcome="absent", use="a stratum")
    # A stratum of one person is decided by nothing but chance, and so are strata in which few returned.
    refuse_disguised(opened(data.assign(own=range(len(data)))), ["own"], outcome="woken", use="a stratum")
    few = data.assign(woken=0)
    few.loc[few.index[:10], "woken"] = 1
    few["back"] = few["woken"]
    refuse_disguised(opened(few), ["back"], outcome="woken", use="a stratum")
