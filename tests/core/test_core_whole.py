"""Whole numbers of Python and of NumPy are alike, and Booleans are none; every public option takes both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attribution as at
import experiments as ex
from attribution.core.errors import InputError
from attribution.core.whole import check_whole, is_whole

WIDTHS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)


@given(st.integers(0, 127), st.sampled_from((int, *WIDTHS)))
def test_every_width_is_the_same_number(number, kind):
    found = check_whole("top", kind(number), least=0)
    assert found == number
    assert type(found) is int


@pytest.mark.parametrize(
    "given_", [True, np.True_, np.timedelta64(3, "D"), 3.0, np.float64(3), "3", None, [3], np.array([3, 4])]
)
def test_what_is_no_whole_number_is_refused(given_):
    assert not is_whole(given_)
    with pytest.raises(InputError, match=r"top must be a whole number of at least 1, got"):
        check_whole("top", given_, least=1)


@pytest.mark.parametrize(
    ("number", "options", "message"),
    [
        (0, {"least": 1}, "n must be a whole number of at least 1, got 0."),
        (np.int64(0), {"least": 1}, "n must be a whole number of at least 1, got np.int64(0)."),
        (1001, {"least": 1, "most": 1000}, "n must be a whole number from 1 to 1,000, got 1001."),
        (0, {"least": 1, "of": "persons"}, "n must be a whole number of persons, at least 1, got 0."),
        (9, {"least": 1, "most": 8, "of": "steps"}, "n must be a whole number of steps from 1 to 8, got 9."),
        (0, {"least": 1, "more": ", or None"}, "n must be a whole number of at least 1, or None, got 0."),
    ],
)
def test_the_message_says_the_range(number, options, message):
    with pytest.raises(InputError) as caught:
        check_whole("n", number, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(("number", "most"), [(1, 1), (1, None), (8, 8), (4, 8)])
def test_both_ends_belong_to_the_range(number, most):
    assert check_whole("n", number, least=1, most=most) == number


def journeys():
    when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
    touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
    return at.build_journeys(
        touches, pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"], "value": [1.0]})
    )


def events():
    day = pd.Timestamp("2026-01-01", tz="UTC")
    people = [f"p{number}" for number in range(30)]
    acts = [(name, day + pd.Timedelta(days=9 * turn + place)) for place, name in enumerate(people) for turn in range(3)]
    return pd.DataFrame(acts, columns=["person_id", "time"])


def outcomes():
    drawn = np.random.default_rng(3)
    size = 600
    return pd.DataFrame({
        "person_id": range(size), "arm": np.resize(["holdout", "sms"], size), "p_assign": 0.5,
        "woken": drawn.integers(0, 2, size), "cost": 1.0, "region": np.resize(["a", "a", "b", "b"], size),
    })  # fmt: skip


CALLS = {
    "paths": lambda n: journeys().paths(top=n(2)),
    "hand_overs": lambda n: journeys().hand_overs("5d", top=n(2)),
    "plot_credit": lambda n: at.plot_credit(journeys().attribute(), top=n(2)),
    "plot_flow": lambda n: at.plot_flow(journeys(), steps=n(2), top=n(3)),
    "plot_path_lengths": lambda n: at.plot_path_lengths(journeys(), longest=n(3)),
    "compare journeys": lambda n: at.compare_models(journeys().attribute()).journeys("first_touch", "linear", top=n(1)),
    "transforms": lambda n: journeys().with_rules(at.Rules(transforms=[("trim_long_path", n(5))])).attribute(),
    "by_segment": lambda n: ex.Experiment({"woken": ex.Rate("woken")}).by_segment(
        outcomes(), by="region", min_persons=n(20)
    ),
    "best_shares": lambda n: ex.best_shares(n(3)),
    "AtNth": lambda n: ex.AtNth("invest", n(1), to=n(2)).text("en"),
    "standard_scenes": lambda n: [scene.text("en") for scene in ex.standard_scenes(nth=n(4)).values()],
    "time_to_next": lambda n: ex.time_to_next(events(), n=n(2), as_of="2026-06-30"),
    "nth_purchase": lambda n: ex.nth_purchase(events(), up_to=n(5), as_of="2026-06-30", silent_after="30d"),
    "retention": lambda n: ex.retention(events(), period="30d", periods=n(2), as_of="2026-06-30"),
    "head": lambda n: journeys().attribute().head(n(2)).to_dict(),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("width", [np.int64, np.int32, np.uint8])
def test_public_options_take_the_whole_numbers_of_numpy(name, width):
    assert str(CALLS[name](width)) == str(CALLS[name](int))


@pytest.mark.parametrize("name", CALLS)
def test_public_options_refuse_booleans(name):
    with pytest.raises(at.InputError, match=r"whole number|number of treated arms|must be"):
        CALLS[name](lambda _number: True)
