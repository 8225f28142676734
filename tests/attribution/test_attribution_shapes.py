"""Last non-direct, the shapes with usual names, the case of two touches, whole days, the milestone, participation."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import attribution as at

DAY = 86_400.0
NEWEST = pd.Timestamp("2026-10-10 12:00", tz="UTC")


def journey(*channels: str, ages: list[float] | None = None) -> at.JourneyArrays:
    days = list(range(len(channels) - 1, -1, -1)) if ages is None else ages
    return at.JourneyArrays.of([list(channels)], ages_seconds=[[age * DAY for age in days]])


def weights(model: object, j: at.JourneyArrays) -> list[float]:
    return [round(weight, 12) for weight in model.weights(j).tolist()]


# --- last non-direct -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ("a direct b direct direct", [0, 0, 1, 0, 0]),
        ("direct direct", [0, 1]),
        ("direct", [1]),
        ("direct a", [0, 1]),
        ("a direct", [1, 0]),
        ("a b", [0, 1]),
    ],
)
def test_last_non_direct(channels: str, expected: list[float]):
    assert weights(at.LastNonDirect(), journey(*channels.split())) == expected


def test_last_non_direct_without_direct_is_last_touch():
    j = at.JourneyArrays.of([["a", "b"], ["b"]], ages_seconds=[[2.0, 1.0], [0.0]])
    assert at.LastNonDirect().weights(j).tolist() == at.LastTouch().weights(j).tolist()
    assert at.LastNonDirect().weights(at.JourneyArrays.of([], ages_seconds=[])).tolist() == []


def test_several_direct_channels_in_any_order():
    j = journey("sms", "app open", "direct")
    assert weights(at.LastNonDirect(direct=("direct", "app open")), j) == [1, 0, 0]
    assert at.LastNonDirect(direct=("b", "a", "a")) == at.LastNonDirect(direct=("a", "b"))
    assert at.LastNonDirect(direct="direct") == at.LastNonDirect()


def test_a_direct_channel_by_another_spelling_is_refused():
    with pytest.raises(at.InputError, match=r"there is 'Direct '.*direct=\('Direct ',\)"):
        at.LastNonDirect().weights(journey("sms", "Direct "))
    with pytest.raises(at.InputError, match=r"no channel is called 'app open'.*direct=\('App Open', 'direct'\)"):
        at.LastNonDirect(direct=("direct", "app open")).weights(journey("sms", "App Open", "direct"))
    with pytest.raises(at.InputError, match="at least one channel"):
        at.LastNonDirect(direct=())
    for wrong in (None, 5, 0.5):
        with pytest.raises(at.InputError, match="direct must name at least one channel"):
            at.LastNonDirect(direct=wrong)


# --- two touches -----------------------------------------------------------------------------------------------------

TWO = {
    "proportional": {"j": [0.25, 0.75], "inverse": [0.75, 0.25], "u": [0.5, 0.5]},
    "half_middle": {"j": [0.3, 0.7], "inverse": [0.7, 0.3], "u": [0.5, 0.5]},
    "even": {"j": [0.5, 0.5], "inverse": [0.5, 0.5], "u": [0.5, 0.5]},
}


@pytest.mark.parametrize("two", sorted(TWO))
def test_two_touches_by_policy(two: str):
    j = journey("a", "b")
    assert weights(at.JShaped(two=two), j) == TWO[two]["j"]
    assert weights(at.InverseJ(two=two), j) == TWO[two]["inverse"]
    assert weights(at.UShaped(two=two), j) == TWO[two]["u"]
    assert weights(at.PositionBased(first=0.2, last=0.6, two=two), j) == TWO[two]["j"]


@pytest.mark.parametrize("two", sorted(TWO))
@pytest.mark.parametrize(
    ("model", "ends"), [(at.UShaped, (0.4, 0.4)), (at.JShaped, (0.2, 0.6)), (at.InverseJ, (0.6, 0.2))]
)
def test_shapes_are_position_based_under_another_name(model: type, ends: tuple[float, float], two: str):
    j = at.JourneyArrays.of(
        [["a"], ["a", "b"], ["a", "b", "a"], list("abcab")],
        ages_seconds=[[1.0], [2.0, 1.0], [3.0, 2.0, 1.0], [5, 4, 3, 2, 1]],
    )
    same = at.PositionBased(first=ends[0], last=ends[1], two=two)
    assert model(two=two).weights(j).tolist() == same.weights(j).tolist()


@pytest.mark.parametrize("model", [at.PositionBased, at.UShaped, at.JShaped, at.InverseJ])
def test_unknown_policies_are_refused(model: type):
    with pytest.raises(at.InputError, match=r"two must be one of .* got 'halves'"):
        model(two="halves")


def test_half_middle_with_both_ends_zero_and_all_to_the_ends():
    j = journey("a", "b")
    assert weights(at.PositionBased(first=0, last=0, two="half_middle"), j) == [0.5, 0.5]
    assert weights(at.PositionBased(first=0.3, last=0.7, two="half_middle"), j) == [0.3, 0.7]


def test_the_recipe_says_what_happens_with_two_touches():
    touches, conversions = tables(["a", "b"])
    models = [at.PositionBased(first=0.2, last=0.6, two="half_middle"), at.JShaped(two="even"), at.InverseJ()]
    sentences = " ".join(at.attribute(touches, conversions, models=models).recipe.sentences())
    assert "with two touches each gets half of that rest as well" in sentences
    assert "J-shaped: 20% to the first touch" in sentences
    assert "with two touches half each" in sentences
    assert "with two touches 75% and 25%" in sentences


# --- time decay ------------------------------------------------------------------------------------------------------


def test_whole_days_round_the_age_down():
    j = journey("a", "b", "c", "d", ages=[9.99, 1.0, 0.999, 0.0])
    raw = np.array([2 ** (-9 / 7), 2 ** (-1 / 7), 1.0, 1.0])
    np.testing.assert_allclose(at.TimeDecay(unit="whole_days").weights(j), raw / raw.sum(), rtol=1e-14)


def test_whole_days_and_continuous_agree_at_whole_days():
    j = journey("a", "b", "c", ages=[9.0, 6.0, 0.0])
    np.testing.assert_allclose(at.TimeDecay(unit="whole_days").weights(j), at.TimeDecay().weights(j), rtol=1e-14)


def test_whole_days_of_old_journeys_do_not_underflow():
    j = journey("a", "b", ages=[3_650_007.5, 3_650_000.5])
    np.testing.assert_allclose(at.TimeDecay(unit="whole_days").weights(j), [1 / 3, 2 / 3], rtol=1e-12)


def test_an_unknown_unit_is_refused():
    with pytest.raises(at.InputError, match=r"unit must be one of 'continuous', 'whole_days', got 'days'"):
        at.TimeDecay(unit="days")


# --- W with a milestone ----------------------------------------------------------------------------------------------


def tables(
    channels: list[str], milestone: object = None, *, name: str = "registered_at"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One person, one touch a day, the last at the conversion; the milestone in days before the conversion."""
    ages = range(len(channels) - 1, -1, -1)
    touches = pd.DataFrame(
        {"person_id": "p", "time": [NEWEST - pd.Timedelta(days=age) for age in ages], "channel": channels}
    )
    conversions = pd.DataFrame({"person_id": ["p"], "time": [NEWEST], "conversion_id": ["o"], "value": [100.0]})
    instant = None if milestone is None else NEWEST - pd.Timedelta(days=milestone)
    conversions[name] = pd.Series([instant], dtype="datetime64[us, UTC]")
    return touches, conversions


def by_hand(count: int, milestone: int | None) -> list[Fraction]:
    """The definition in fractions: roles add up, then what is there is normalised."""
    found = [Fraction(0)] * count
    for place in (0, count - 1, *(() if milestone is None else (milestone,))):
        found[place] += Fraction(3, 10)
    others = [place for place in range(count) if not found[place]]
    for place in others:
        found[place] = Fraction(1, 10) / len(others)
    return [share / sum(found) for share in found]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_w_shaped_at_every_milestone(count: int):
    channels = [f"c{place}" for place in range(count)]
    model = at.WShaped(milestone="registered_at")
    # Milestone touch = newest at or before it; half a day after touch i is still touch i, before the first is none.
    asked: list[tuple[float | None, int | None]] = [(None, None), (count - 0.5, None), (-1.0, None)]
    asked += [(count - 1 - place, place) for place in range(count)]
    asked += [(count - 1 - place - 0.5, place) for place in range(count - 1)]
    for milestone, place in asked:
        credit = at.attribute(*tables(channels, milestone), models=model)
        rows = {row["channel"]: row["conversions"] for row in credit.to_dicts()}
        expected = [float(share) for share in by_hand(count, place)]
        np.testing.assert_allclose(
            [rows[channel] for channel in channels], expected, rtol=1e-12, err_msg=str(milestone)
        )
        missing = [finding for finding in model.findings(credit.journeys) if finding.code == "NO_MILESTONE"]
        assert bool(missing) == (place is None)


def test_w_shaped_known_numbers():
    assert [float(share) for share in by_hand(5, 2)] == [0.3, 0.05, 0.3, 0.05, 0.3]
    assert by_hand(2, 1) == [Fraction(1, 3), Fraction(2, 3)]
    assert by_hand(4, None) == [Fraction(3, 7), Fraction(1, 14), Fraction(1, 14), Fraction(3, 7)]


def test_w_shaped_sees_only_eligible_touches():
    touches, conversions = tables(["a", "b", "c", "d"], 2.5)
    rules = at.Rules(lookback="2d")  # "a" and the milestone itself lie outside; b, c, d stay
    rows = at.attribute(touches, conversions, models=at.WShaped(milestone="registered_at"), rules=rules).to_dicts()
    found = {row["channel"]: row["conversions"] for row in rows}
    np.testing.assert_allclose([found["b"], found["c"], found["d"]], [3 / 7, 1 / 7, 3 / 7], rtol=1e-12)


def test_w_shaped_counts_conversions_without_milestone():
    touches, conversions = tables(["a", "b"], None)
    (finding,) = at.WShaped(milestone="registered_at").findings(at.build_journeys(touches, conversions))
    assert finding.status == "note"
    assert finding.values["n"] == 1
    assert "1 of 1 touched conversions" in finding.text("en")
    assert "里程碑" in finding.text("zh")
    credit = at.attribute(touches, conversions, models=at.WShaped(milestone="registered_at"))
    assert "NO_MILESTONE" in {found.code for found in credit.findings}


@pytest.mark.parametrize(
    "values", [[datetime(2026, 10, 1)], ["2026-10-01"], [20261001]], ids=["naive", "text", "number"]
)
def test_a_milestone_that_is_no_instant_is_refused(values: list[object]):
    touches, conversions = tables(["a", "b"])
    conversions["registered_at"] = values
    with pytest.raises(at.InputError, match="must hold instants with a time zone"):
        at.attribute(touches, conversions, models=at.WShaped(milestone="registered_at"))


def test_a_milestone_column_that_is_missing_names_the_closest():
    touches, conversions = tables(["a", "b"], 1)
    with pytest.raises(at.InputError, match="registered_at"):
        at.attribute(touches, conversions, models=at.WShaped(milestone="registred_at"))
    with pytest.raises(at.InputError, match="written by hand"):
        at.WShaped(milestone="x").weights(journey("a"))
    with pytest.raises(at.InputError, match="must name a column"):
        at.WShaped(milestone="")


def test_milestones_in_another_zone_are_the_same_instants():
    touches, conversions = tables(["a", "b", "c"], 1)
    shifted = conversions.assign(registered_at=conversions["registered_at"].dt.tz_convert("Asia/Shanghai"))
    model = at.WShaped(milestone="registered_at")
    assert (
        at.attribute(touches, conversions, models=model).to_dicts()
        == at.attribute(touches, shifted, models=model).to_dicts()
    )


# --- all of them together --------------------------------------------------------------------------------------------

MODELS = [
    at.LastNonDirect(direct=("a",)), at.UShaped(), at.JShaped(), at.JShaped(two="half_middle", name="j2"),
    at.InverseJ(), at.InverseJ(two="even", name="i2"), at.PositionBased(first=0.1, last=0.7, two="half_middle"),
    at.TimeDecay(unit="whole_days"), at.WShaped(milestone="registered_at"),
]  # fmt: skip
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 240), st.sampled_from("abc")), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, milestones=st.lists(st.one_of(st.none(), st.integers(0, 240)), min_size=4, max_size=4))
def test_every_shape_conserves_on_random_tables(rows: list[tuple[int, int, str]], milestones: list[int | None]):
    start = pd.Timestamp("2026-09-01", tz="UTC")
    touches = pd.DataFrame(
        {"person_id": [f"p{person}" for person, _, _ in rows],
         "time": [start + pd.Timedelta(hours=hour) for _, hour, _ in rows],
         "channel": [channel for *_, channel in rows]}
    )  # fmt: skip
    conversions = pd.DataFrame(
        {"person_id": [f"p{person}" for person in range(4)], "time": start + pd.Timedelta(hours=200),
         "conversion_id": range(4), "value": [1.0, 2.0, 4.0, 8.0],
         "registered_at": pd.Series([None if hour is None else start + pd.Timedelta(hours=hour) for hour in milestones],
                                    dtype="datetime64[us, UTC]")}
    )  # fmt: skip
    credit = at.attribute(touches, conversions, models=MODELS, rules=at.Rules(lookback="5d"))
    sums = credit.table().groupby("model")[["conversions", "value"]].sum()
    np.testing.assert_allclose(sums["conversions"], 4.0, rtol=1e-9)
    np.testing.assert_allclose(sums["value"], 15.0, rtol=1e-9)
    again = at.attribute(touches.iloc[::-1], conversions.iloc[::-1], models=MODELS, rules=at.Rules(lookback="5d"))
    assert credit.to_dicts() == again.to_dicts()


# --- participation ---------------------------------------------------------------------------------------------------


def two_persons() -> tuple[pd.DataFrame, pd.DataFrame]:
    times = pd.to_datetime(["2026-10-01", "2026-10-02", "2026-10-03", "2026-10-03", "2026-10-03"], utc=True)
    touches = pd.DataFrame(
        {"person_id": ["p", "p", "p", "q", "z"], "time": times, "channel": ["sms", "phone", "sms", "sms", "mail"]}
    )
    conversions = pd.DataFrame(
        {"person_id": ["p", "q", "r"], "time": pd.to_datetime(["2026-10-04"] * 3, utc=True),
         "conversion_id": [1, 2, 3], "value": [100.0, 10.0, 1.0]}
    )  # fmt: skip
    return touches, conversions


def test_participation_counts_each_channel_in_full():
    rows = at.participation(at.build_journeys(*two_persons())).to_dicts()
    assert [(row["channel"], row["conversions"], row["value"]) for row in rows] == [
        ("mail", 0, 0.0), ("phone", 1, 100.0), ("sms", 2, 110.0), ("(none)", 1, 1.0),
    ]  # fmt: skip
    assert [row["share_of_conversions"] for row in rows] == [0, 1 / 3, 2 / 3, 1 / 3]


def test_participation_of_a_credit_and_of_its_journeys_is_the_same():
    touches, conversions = two_persons()
    credit = at.attribute(touches, conversions, models="linear")
    assert at.participation(credit).to_dicts() == at.participation(credit.journeys).to_dicts()
    assert "participation" not in set(credit.table()["model"])


def test_participation_says_that_it_does_not_sum():
    shown = at.participation(at.build_journeys(*two_persons()))
    assert "do not sum to the 3 counted conversions" in repr(shown)
    assert "counted 1.50 times" in repr(shown)
    assert "lookback 30d; reuse shared" in repr(shown)
    assert shown.recipe.n == {"conversions": 3, "touched_conversions": 2}
    assert {finding.code for finding in shown.findings} >= {"NO_TOUCH"}
    with at.language("zh"):
        assert "各行之和不等于" in repr(shown)


def test_participation_under_rules_and_without_values():
    touches, conversions = two_persons()
    journeys = at.build_journeys(touches, conversions.drop(columns="value"), rules=at.Rules(lookback="36h"))
    rows = {row["channel"]: row for row in at.participation(journeys).to_dicts()}
    assert rows["phone"]["conversions"] == 0
    assert rows["sms"]["conversions"] == 2
    assert rows["sms"]["value"] is None


def test_participation_needs_journeys():
    with pytest.raises(at.InputError, match="needs journeys or a credit, got dict"):
        at.participation({})
