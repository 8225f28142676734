"""Laws of adjusted and clustered figures: coherence, swapping, scaling, shifting, permuting, splitting and merging."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adjustment_cases import case
from experiments.inference.figures import compare_figures
from experiments.moments import merge_moments
from experiments.moments.grid import arrange

KINDS = ("adjusted", "moments", "clustered", "adjusted ratio", "clustered ratio", "adjusted clusters", "population")
SETTINGS = settings(max_examples=15, deadline=None, derandomize=True)


@st.composite
def tables(draw):
    seed = draw(st.integers(0, 10_000))
    persons = draw(st.integers(80, 200))
    stream = np.random.default_rng(seed)
    groups = draw(st.integers(16, 24))
    frame = pd.DataFrame({"cluster": stream.permutation(np.resize(np.arange(groups), persons))})
    frame["arm"] = np.where(frame.cluster % 2, "b", "a")
    frame["s"] = stream.choice(["north", "south"], persons)
    frame["x"] = np.round(stream.lognormal(size=persons) * 16) / 16
    frame["y"] = np.round((frame.x * draw(st.sampled_from([0.0, 1.0])) + stream.normal(size=persons) + 3.0) * 64) / 64
    frame["y"] += draw(st.sampled_from([0.0, 1.0])) * (frame.arm == "b")
    frame["bottom"] = 1.0 + stream.poisson(2.0, persons)
    return frame


def figures(frame, kind, *, strata=()):
    bottom = "bottom" if "ratio" in kind else None
    covariates = ["x"] if kind not in {"clustered", "clustered ratio"} else []
    made = case(
        frame, bottom=bottom, covariates=covariates, strata=strata, cluster="cluster" if "cluster" in kind else None
    )
    assume((made.grid.n > 1).all())
    if "cluster" in kind:
        return made.clustered()
    if kind == "moments":
        return made.from_moments()
    return made.adjusted(target="population" if kind == "population" else "sample")


@pytest.mark.parametrize("kind", KINDS)
@given(frame=tables(), level=st.sampled_from([0.8, 0.9, 0.95, 0.99]), side=st.sampled_from(["two", "greater", "less"]))
@SETTINGS
def test_an_interval_leaves_out_nothing_exactly_when_p_is_small(kind, frame, level, side):
    made = compare_figures(figures(frame, kind), 1, 0, level=level, side=side)
    for estimate in (made.difference, made.relative):
        if estimate.low is None:
            assert estimate.note
            continue
        outside = estimate.low > 0.0 or estimate.high < 0.0
        assert outside == (estimate.p_value < 1.0 - level) or abs(estimate.p_value - (1.0 - level)) < 1e-9


@pytest.mark.parametrize("kind", KINDS)
@given(frame=tables())
@SETTINGS
def test_swapped_arms_turn_the_sign(kind, frame):
    one = compare_figures(figures(frame, kind, strata=["s"]), 1, 0, level=0.9).difference
    swapped = frame.assign(arm=frame.arm.map({"a": "b", "b": "a"}))
    two = compare_figures(figures(swapped, kind, strata=["s"]), 1, 0, level=0.9).difference
    assert [two.value, two.low, two.high, two.p_value] == pytest.approx(
        [-one.value, -one.high, -one.low, one.p_value], rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("kind", KINDS)
@given(frame=tables(), factor=st.sampled_from([1e-6, 0.01, 100.0, 1e8]))
@SETTINGS
def test_units_scale_the_figures_and_those_of_a_covariate_do_not(kind, frame, factor):
    one, two = (figures(part, kind) for part in (frame, frame.assign(y=frame.y * factor, x=frame.x / factor)))
    np.testing.assert_allclose(two.value, one.value * factor, rtol=1e-9)
    np.testing.assert_allclose(two.covariance, one.covariance * factor**2, rtol=1e-7, atol=1e-12 * factor**2)
    np.testing.assert_allclose(two.freedom, one.freedom, rtol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@given(frame=tables())
@SETTINGS
def test_an_offset_of_the_covariate_changes_nothing(kind, frame):
    one, two = (figures(frame.assign(x=frame.x + by), kind, strata=["s"]) for by in (0.0, 1e9))
    np.testing.assert_allclose(two.value, one.value, rtol=1e-6)
    np.testing.assert_allclose(np.diag(two.covariance), np.diag(one.covariance), rtol=1e-5)


@pytest.mark.parametrize("kind", ["adjusted", "moments", "clustered", "adjusted clusters", "population"])
@given(frame=tables())
@SETTINGS
def test_an_offset_of_the_outcome_moves_the_figures_only(kind, frame):
    one, two = (figures(frame.assign(y=frame.y + by), kind, strata=["s"]) for by in (0.0, 1e9))
    np.testing.assert_allclose(two.value - 1e9, one.value, atol=1e-6)
    np.testing.assert_allclose(np.diag(two.covariance), np.diag(one.covariance), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@given(frame=tables(), seed=st.integers(0, 100))
@SETTINGS
def test_the_order_of_rows_changes_no_byte(kind, frame, seed):
    one, two = (figures(part, kind, strata=["s"]) for part in (frame, frame.sample(frac=1.0, random_state=seed)))
    assert one.value.tobytes() == two.value.tobytes()
    assert one.covariance.tobytes() == two.covariance.tobytes()
    assert one.freedom.tobytes() == two.freedom.tobytes()


@pytest.mark.parametrize("kind", ["moments", "clustered", "adjusted clusters"])
@given(frame=tables(), at=st.integers(20, 60))
@SETTINGS
def test_merged_parts_give_the_figures_of_the_whole(kind, frame, at):
    covariates = [] if kind == "clustered" else ["x"]
    cluster = None if kind == "moments" else "cluster"
    whole, first, second = (
        case(part, covariates=covariates, cluster=cluster) for part in (frame, frame[:at], frame[at:])
    )
    if cluster is None:
        grid = arrange(merge_moments(first.moments, second.moments))
        made = type(whole)(rows=whole.rows, moments=whole.moments, grid=grid, weights=whole.weights).from_moments()
        expected = whole.from_moments()
    else:
        merged = merge_moments(first.clusters, second.clusters)
        made = type(whole)(
            rows=whole.rows, moments=whole.moments, grid=whole.grid, weights=whole.weights, clusters=merged
        ).clustered()
        expected = whole.clustered()
    np.testing.assert_allclose(made.value, expected.value, rtol=1e-11)
    np.testing.assert_allclose(made.covariance, expected.covariance, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(frame=tables())
@SETTINGS
def test_figures_of_arms_with_hostile_names_are_the_same(kind, frame):
    names = {"a": "=1+1|<b>\n", "b": "短信 📱"}
    one, two = (figures(part, kind) for part in (frame, frame.assign(arm=frame.arm.map(names))))
    np.testing.assert_array_equal(one.value, two.value)
    np.testing.assert_array_equal(one.covariance, two.covariance)
