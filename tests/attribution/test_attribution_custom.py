"""Models from a function: the same bits as built-in ones where they say the same, and every refusal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.models.protocol import checked_shares, checked_weights


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate(persons=2_000, seed=3)


def evenly(j):
    return np.repeat(1.0 / j.lengths, j.lengths)


def journey():
    return at.JourneyArrays.of([["a", "b", "a"], ["c"]], ages_seconds=[[5.0, 2.0, 1.0], [0.0]])


def test_a_function_that_says_linear_is_linear(campaign):
    asked = ["linear", at.CustomModel("mine", evenly)]
    table = at.attribute(campaign.touches, campaign.conversions, models=asked).table(level=0.95)
    one, two = (table[table.model == name].drop(columns="model").reset_index(drop=True) for name in ("linear", "mine"))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_columns_of_the_touches_are_there(campaign):
    def clicks_first(j):
        clicked = np.where(j.column("kind") == "click", 1.0, 1e-3)
        return clicked / np.repeat(np.add.reduceat(clicked, j.offsets[:-1]), j.lengths)

    credit = at.attribute(campaign.touches, campaign.conversions, models=[at.CustomModel("clicks", clicks_first)])
    by_kind = credit.by("kind").table().set_index("kind").conversions
    plain = at.attribute(campaign.touches, campaign.conversions, models="linear").by("kind").table()
    assert by_kind["click"] > plain.set_index("kind").conversions["click"]
    assert by_kind.sum() == pytest.approx(plain.conversions.sum(), rel=1e-9)


def test_the_name_of_a_custom_model_is_in_the_recipe_and_the_display(campaign):
    credit = at.attribute(campaign.touches, campaign.conversions, models=[at.CustomModel("mine", evenly)])
    assert credit.recipe.settings["custom"] == "mine"
    assert "Models of the user: mine." in repr(credit)
    with at.language("zh"):
        assert "mine" in repr(credit)


def test_lists_are_taken_for_weights():
    model = at.CustomModel("first", lambda j: [1, 0, 0, 1])
    assert checked_weights(model, journey()).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([0.5, 0.5, 0.5, 1.0], at.ConservationError, "'mine' gave weights that sum to 1.5"),
        ([2.0, -1.0, 0.0, 1.0], at.InputError, "'mine' gave a negative weight"),
        ([np.nan, 0.5, 0.5, 1.0], at.InputError, "'mine' gave 1 weights that are not finite"),
        ([1.0, 0.0, 0.0], at.InputError, "one per touch"),
        ("many", at.InputError, "gave str, expected one weight per touch as numbers"),
        ([object()] * 4, at.InputError, "gave list, expected one weight per touch as numbers"),
        ({"a": 1}, at.InputError, "gave dict, expected one weight per touch as numbers"),
    ],
)
def test_what_a_function_gives_is_checked_and_never_mended(given, error, message):
    with pytest.raises(error, match=message):
        checked_weights(at.CustomModel("mine", lambda j: given), journey())


def test_arrays_cannot_be_written():
    def spoil(j):
        j.channel[0] = 5

    with pytest.raises(ValueError, match="read-only"):
        checked_weights(at.CustomModel("mine", spoil), journey())


def test_a_model_of_paths():
    paths = at.PathCounts.of([["A", "B"], ["A"]], conversions=[2, 1], nulls=[0, 3])
    model = at.CustomModel("mine", lambda p: [0.25, 0.75], needs="paths")
    assert model.needs == "paths"
    assert checked_shares(model, paths).tolist() == [0.25, 0.75]
    table = pd.DataFrame({"path": ["A > B", "A"], "conversions": [2, 1]})
    credit = at.attribute_paths(table, models=[model])
    assert credit.table().conversions.tolist() == [0.75, 2.25, 0.0]
    assert credit.recipe.settings["custom"] == "mine"
    for wrong, error, message in (
        ([0.5, 0.6], at.ConservationError, "sum to 1.1"),
        ([1.0], at.InputError, "one per channel"),
        ([np.inf, 0.0], at.InputError, "not finite"),
        ("x", at.InputError, "expected one share per channel as numbers"),
    ):
        with pytest.raises(error, match=message):
            at.attribute_paths(table, models=[at.CustomModel("mine", lambda p, w=wrong: w, needs="paths")])


def test_a_model_of_paths_on_journeys(campaign):
    def by_conversions(paths):
        raw = np.bincount(
            paths.channel, weights=np.repeat(paths.conversions, paths.lengths), minlength=len(paths.channel_names)
        )
        return raw / raw.sum()

    credit = at.attribute(
        campaign.touches, campaign.conversions, models=[at.CustomModel("mine", by_conversions, needs="paths"), "linear"]
    )
    table = credit.table()
    totals = table.groupby("model").conversions.sum()
    assert totals["mine"] == pytest.approx(totals["linear"], rel=1e-9)


def test_a_model_serves_what_it_was_declared_for():
    paths = at.PathCounts.of([["A"]], conversions=[1])
    with pytest.raises(at.InputError, match='declared with needs="touches" and cannot work on paths'):
        at.CustomModel("mine", evenly).shares(paths)
    with pytest.raises(at.InputError, match='declared with needs="paths" and cannot work on touches'):
        at.CustomModel("mine", evenly, needs="paths").weights(journey())


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("mine", 3), {}, "must be callable, got int"),
        (("", evenly), {}, "name of a model must be text"),
        ((None, evenly), {}, "name of a model must be text"),
        (("mine", evenly), {"needs": "rows"}, 'needs must be "touches" or "paths"'),
    ],
)
def test_unusable_declarations(arguments, options, message):
    with pytest.raises(at.InputError, match=message):
        at.CustomModel(*arguments, **options)


def test_two_models_of_one_name_are_refused(campaign):
    with pytest.raises(at.InputError, match="two models are called 'linear'"):
        at.attribute(campaign.touches, campaign.conversions, models=["linear", at.CustomModel("linear", evenly)])


class LatestInstead(at.FirstTouch):
    """A model of one's own that is derived from one of ours."""

    def weights(self, j):
        """1 on the last touch of each journey."""
        weights = np.zeros(len(j.channel))
        weights[j.offsets[1:] - 1] = 1.0
        return weights


class TwiceAsMuch(at.Linear):
    """A derived model whose weights do not sum to 1."""

    def weights(self, j):
        """1 on each touch."""
        return np.ones(len(j.channel))


def test_a_derived_model_has_its_own_weights(campaign):
    credit = at.attribute(
        campaign.touches, campaign.conversions, models=[LatestInstead(name="mine"), "last_touch"]
    ).table()
    mine, last = (credit.loc[credit["model"] == name, "conversions"].to_list() for name in ("mine", "last_touch"))
    assert mine == last
    first = at.attribute(campaign.touches, campaign.conversions, models="first_touch").table()["conversions"].to_list()
    assert mine != first


def test_the_weights_of_a_derived_model_are_checked(campaign):
    with pytest.raises(at.ConservationError, match="gave weights that sum to"):
        at.attribute(campaign.touches, campaign.conversions, models=TwiceAsMuch(name="twice"))
