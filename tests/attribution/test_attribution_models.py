"""The five rule models on journeys small enough to do by hand, and the check of what custom models give."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at

DAY = 86_400.0


def journey(*ages_days: float) -> at.JourneyArrays:
    return at.JourneyArrays.of(
        [[f"c{i}" for i in range(len(ages_days))]], ages_seconds=[[age * DAY for age in ages_days]]
    )


JOURNEYS = {1: journey(3), 2: journey(7, 0), 3: journey(14, 7, 0), 4: journey(21, 14, 7, 0)}
EXPECTED = {
    "first_touch": {1: [1], 2: [1, 0], 3: [1, 0, 0], 4: [1, 0, 0, 0]},
    "last_touch": {1: [1], 2: [0, 1], 3: [0, 0, 1], 4: [0, 0, 0, 1]},
    "linear": {1: [1], 2: [1 / 2] * 2, 3: [1 / 3] * 3, 4: [1 / 4] * 4},
    "time_decay": {1: [1], 2: [1 / 3, 2 / 3], 3: [1 / 7, 2 / 7, 4 / 7], 4: [1 / 15, 2 / 15, 4 / 15, 8 / 15]},
    "position_based": {1: [1], 2: [0.5, 0.5], 3: [0.4, 0.2, 0.4], 4: [0.4, 0.1, 0.1, 0.4]},
}


@pytest.mark.parametrize("model", at.RULE_MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("touches", [1, 2, 3, 4])
def test_weights_of_short_journeys(model, touches):
    np.testing.assert_allclose(model.weights(JOURNEYS[touches]), EXPECTED[model.name][touches], rtol=0, atol=1e-15)


@pytest.mark.parametrize("model", at.RULE_MODELS, ids=lambda model: model.name)
def test_several_journeys_at_once_equal_each_alone(model):
    together = at.JourneyArrays.of(
        [["a"], ["a", "b", "c"], ["b", "b"]], ages_seconds=[[DAY], [9 * DAY, 2 * DAY, 0.0], [5 * DAY, 4 * DAY]]
    )
    alone = [journey(1), journey(9, 2, 0), journey(5, 4)]
    assert model.weights(together).tolist() == [weight for j in alone for weight in model.weights(j).tolist()]


@pytest.mark.parametrize("model", at.RULE_MODELS, ids=lambda model: model.name)
def test_no_journeys_no_weights(model):
    assert model.weights(at.JourneyArrays.of([], ages_seconds=[])).tolist() == []


def test_position_based_ends():
    first, last, middle = (
        at.PositionBased(first=1, last=0),
        at.PositionBased(first=0, last=1),
        at.PositionBased(first=0, last=0),
    )
    for j in JOURNEYS.values():
        np.testing.assert_array_equal(first.weights(j), at.FirstTouch().weights(j))
        np.testing.assert_array_equal(last.weights(j), at.LastTouch().weights(j))
    assert middle.weights(JOURNEYS[2]).tolist() == [0.5, 0.5]
    assert middle.weights(JOURNEYS[4]).tolist() == [0.0, 0.5, 0.5, 0.0]
    uneven = at.PositionBased(first=0.6, last=0.2)
    np.testing.assert_allclose(uneven.weights(JOURNEYS[2]), [0.75, 0.25], rtol=1e-15)


@pytest.mark.parametrize("shares", [(-0.1, 0.4), (0.7, 0.4), (float("nan"), 0.2), ("0.4", 0.4), (True, 0.0)])
def test_position_based_refuses(shares):
    with pytest.raises(at.InputError, match=r"must be"):
        at.PositionBased(first=shares[0], last=shares[1])


def test_time_decay_of_old_journeys_does_not_underflow():
    old = journey(3_650_007, 3_650_000)  # ten thousand years: 2^(-age / half-life) alone is 0
    np.testing.assert_allclose(at.TimeDecay().weights(old), [1 / 3, 2 / 3], rtol=1e-12)


def test_time_decay_half_life():
    np.testing.assert_allclose(
        at.TimeDecay(half_life=timedelta(days=3.5)).weights(journey(7, 0)), [0.2, 0.8], rtol=1e-15
    )
    with pytest.raises(at.InputError, match="with its unit"):
        at.TimeDecay(half_life=7)
    with pytest.raises(at.InputError, match="longer than zero"):
        at.TimeDecay(half_life="0d")


def test_arrays_are_read_only():
    j = journey(1, 0)
    for array in (j.offsets, j.channel, j.age_seconds, j.position):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


# --- custom models ----------------------------------------------------------------------------------------------------


class Custom:
    needs = "touches"

    def __init__(self, function, name="mine"):
        self.name = name
        self.function = function

    def weights(self, j):
        return self.function(j)


WHEN = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
TOUCHES = pd.DataFrame({"person_id": ["p", "p"], "time": WHEN, "channel": ["sms", "phone"], "campaign": ["x", None]})
CONVERSIONS = pd.DataFrame({"person_id": ["p"], "time": WHEN[1:], "conversion_id": ["o"], "value": [10.0]})


def test_a_custom_model_stands_beside_the_others():
    newest = Custom(lambda j: (j.position == np.repeat(j.lengths, j.lengths) - 1).astype(float))
    table = at.attribute(TOUCHES, CONVERSIONS, models=["last_touch", newest]).table()
    mine, last = (table[table.model == name].conversions.tolist() for name in ("mine", "last_touch"))
    assert mine == last == [1.0, 0.0, 0.0]


def test_a_custom_model_sees_any_column():
    seen = []

    def look(j):
        seen.append(j.column("campaign").tolist())
        return np.full(len(j.channel), 0.5)

    at.attribute(TOUCHES, CONVERSIONS, models=Custom(look))
    assert seen == [["x", None]]


@pytest.mark.parametrize(
    ("function", "error", "match"),
    [
        (lambda j: np.ones(1), at.InputError, "'mine' gave weights of shape"),
        (lambda j: np.array([np.nan, 1.0]), at.InputError, "'mine' gave 1 weights that are not finite"),
        (lambda j: np.array([-0.5, 1.5]), at.InputError, "'mine' gave a negative weight"),
        (lambda j: np.array([0.5, 0.4]), at.ConservationError, "'mine' gave weights that sum to 0.9"),
        (lambda j: j.column("campain"), at.InputError, "no column 'campain'. Did you mean 'campaign'"),
    ],
)
def test_wrong_weights_name_the_model(function, error, match):
    with pytest.raises(error, match=match):
        at.attribute(TOUCHES, CONVERSIONS, models=Custom(function))


@pytest.mark.parametrize(
    ("models", "match"),
    [
        ("lineer", "Did you mean 'linear'"),
        ([], "at least one model"),
        ([at.TimeDecay(), at.TimeDecay(half_life="1d")], "two models are called 'time_decay'"),
        ([at.Linear], r"write Linear\(\)"),
        ([object()], "is no model"),
        ([Custom(None, name=" ")], "name of a model"),
    ],
)
def test_wrong_models(models, match):
    with pytest.raises(at.InputError, match=match):
        at.attribute(TOUCHES, CONVERSIONS, models=models)


def test_two_half_lives_with_names():
    models = [at.TimeDecay(), at.TimeDecay(half_life="1d", name="fast")]
    credit = at.attribute(TOUCHES, CONVERSIONS, models=models)
    assert credit.table().model.unique().tolist() == ["time_decay", "fast"]
    assert credit.recipe.settings["half_life"] == "7d; 1d"
