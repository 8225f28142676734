"""The gap of two credits taken apart: sums, steps, orders, impossible mixtures, refusals, both languages."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import attribution as at

START = pd.Timestamp("2026-09-01", tz="UTC")


def random_tables(seed: int = 0, persons: int = 30) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Touches of five channels over 40 days, some in ties or at a conversion's very time; one or two conversions."""
    random = np.random.default_rng(seed)
    size = persons * 6
    touches = pd.DataFrame(
        {
            "person_id": random.integers(0, persons, size),
            "time": START + pd.to_timedelta(random.integers(0, 960, size), unit="h"),
            "channel": random.choice(["sms", "phone", "push", "mail", "direct"], size),
            "kind": random.choice(["view", "click"], size),
            "origin": random.choice(["outbound", "inbound"], size, p=[0.8, 0.2]),
            "product": random.choice(["card", "fund"], size),
        }
    )
    many = int(persons * 1.4)
    conversions = pd.DataFrame(
        {
            "person_id": np.concatenate([np.arange(persons), random.integers(0, persons, many - persons)]),
            "time": START + pd.to_timedelta(random.integers(480, 960, many), unit="h"),
            "conversion_id": np.arange(many),
            "value": random.integers(1, 100, many).astype(float),
            "product": random.choice(["card", "fund"], many),
        }
    )
    tied = conversions.head(10).assign(kind="click", origin="outbound")[
        ["person_id", "time", "kind", "origin", "product"]
    ]
    twice = pd.concat([tied.assign(channel="mail"), tied.assign(channel="phone"), tied.assign(channel="sms")])
    touches = pd.concat([touches, twice], ignore_index=True)
    touches["message_id"] = np.arange(len(touches)) // 2
    return touches, conversions


TOUCHES, CONVERSIONS = random_tables()


def credit(model: object, rules: at.Rules | None = None) -> at.Credit:
    return at.attribute(TOUCHES, CONVERSIONS, models=[model], rules=rules)


def parts(found: object) -> np.ndarray:
    frame = found.table()
    changes = [name for name in frame if name.startswith("change_")]
    return frame[changes].to_numpy(float)


def by_channel(found: at.Credit, measure: str = "conversions") -> dict[str, float]:
    return {row["channel"]: row[measure] for row in found.to_dicts()}


# --- the steps -------------------------------------------------------------------------------------------------------

A = at.Rules(lookback="30d")
LINEAR = at.Linear()
STEPS = {
    "window": (A, replace(A, lookback="7d"), LINEAR, LINEAR),
    "window by channel": (A, at.Rules(lookback={"push": "1d", "*": "30d"}), LINEAR, LINEAR),
    "edge": (A, replace(A, window="calendar_days", timezone="Asia/Shanghai"), LINEAR, LINEAR),
    "edge by instant": (A, replace(A, same_instant="exclude"), LINEAR, LINEAR),
    "edge by date": (A, replace(A, not_before="2026-09-20T00:00+00:00"), LINEAR, LINEAR),
    "ties": (A, replace(A, tie_order=("sms", "phone")), at.LastTouch(), at.LastTouch()),
    "origin": (A, replace(A, origin="outbound"), LINEAR, LINEAR),
    "match": (A, replace(A, match=("product",)), LINEAR, LINEAR),
    "reuse": (A, replace(A, reuse="reset"), LINEAR, LINEAR),
    "reuse first": (A, replace(A, reuse="first"), LINEAR, LINEAR),
    "direct": (A, A, at.LastTouch(), at.LastNonDirect()),
    "direct by transform": (A, replace(A, transforms=(("remove_if_last_and_not_all", "direct"),)), LINEAR, LINEAR),
    "repeats": (A, replace(A, transforms=("exposure",)), LINEAR, LINEAR),
    "two_touch": (A, A, at.JShaped(), at.JShaped(two="half_middle")),
    "half_life": (A, A, at.TimeDecay(), at.TimeDecay(half_life="1d")),
    "decay_unit": (A, A, at.TimeDecay(), at.TimeDecay(unit="whole_days")),
    "model": (A, A, at.FirstTouch(), LINEAR),
    "model within a family": (A, A, at.UShaped(), at.JShaped()),
}


@pytest.mark.parametrize("name", sorted(STEPS))
def test_one_setting_that_differs_is_one_step_with_the_whole_gap(name: str):
    first, second, model_a, model_b = STEPS[name]
    a, b = credit(model_a, first), credit(model_b, second)
    step = name.split(maxsplit=1)[0]
    found = at.explain_difference(a, b)
    assert found.steps == ((step,),)
    gap = {channel: by_channel(b)[channel] - before for channel, before in by_channel(a).items()}
    for row in found.to_dicts():
        assert abs(row[f"change_{step}"] - gap[row["channel"]]) < 1e-9
        assert row["credit_a"] == by_channel(a)[row["channel"]]
        assert row["credit_b"] == by_channel(b)[row["channel"]]
    assert any(abs(amount) > 1e-6 for amount in gap.values()), "the tables do not show this rule"


def test_the_same_credit_has_no_steps():
    found = at.explain_difference(credit(LINEAR), credit(at.Linear(name="even")))
    assert found.steps == ()
    assert found.changes == ()
    assert [row["gap"] for row in found.to_dicts()] == [0.0] * 6
    assert "Rules and model are the same in both." in repr(found)


RULES_B = at.Rules(lookback="7d", reuse="reset", origin="outbound", same_instant="exclude", transforms=("exposure",))


def test_many_steps_sum_to_the_gap_in_every_order():
    a, b = credit(at.PositionBased(first=0.2, last=0.6)), credit(at.UShaped(two="even"), RULES_B)
    names = ["window", "edge", "origin", "reuse", "repeats", "two_touch", "model"]
    for order in ((), tuple(reversed(names)), ("model", "repeats")):
        found = at.explain_difference(a, b, order=order)
        assert {step for group in found.steps for step in group} == set(names)
        frame = found.table()
        np.testing.assert_allclose(parts(found).sum(axis=1), frame["gap"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(frame["credit_a"] + frame["gap"], frame["credit_b"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(parts(found).sum(axis=0), 0, atol=1e-9)  # a rule moves credit, it makes none
    assert [group[0] for group in found.steps][:2] == ["model", "repeats"]


def test_a_part_is_the_credit_after_the_step_less_the_credit_before_it():
    a, b = credit(LINEAR), credit(at.FirstTouch(), replace(A, lookback="7d", origin="outbound"))
    found = {row["channel"]: row for row in at.explain_difference(a, b, order=("origin", "model", "window")).to_dicts()}
    path = [
        credit(LINEAR),
        credit(LINEAR, replace(A, origin="outbound")),
        credit(at.FirstTouch(), replace(A, origin="outbound")),
        b,
    ]
    for step, before, after in zip(("origin", "model", "window"), path, path[1:], strict=False):
        for channel, row in found.items():
            assert abs(row[f"change_{step}"] - (by_channel(after)[channel] - by_channel(before)[channel])) < 1e-9


def test_the_average_is_the_mean_over_all_orders():
    a, b = credit(LINEAR), credit(at.FirstTouch(), replace(A, lookback="7d", origin="outbound"))
    averaged = at.explain_difference(a, b, average=True)
    assert averaged.averaged
    orders = list(permutations(["window", "origin", "model"]))
    for step in ("window", "origin", "model"):
        by_hand = np.mean(
            [at.explain_difference(a, b, order=order).table()[f"change_{step}"] for order in orders], axis=0
        )
        np.testing.assert_allclose(averaged.table()[f"change_{step}"], by_hand, rtol=0, atol=1e-12)
    np.testing.assert_allclose(parts(averaged).sum(axis=1), averaged.table()["gap"], rtol=0, atol=1e-9)
    assert "averages over all orders" in repr(averaged)


def test_the_average_needs_six_steps_at_most():
    a, b = credit(at.PositionBased(first=0.2, last=0.6)), credit(at.UShaped(two="even"), RULES_B)
    with pytest.raises(at.InputError, match=r"7 steps differ .* at most 6"):
        at.explain_difference(a, b, average=True)


# --- mixtures that are no rules --------------------------------------------------------------------------------------

HOURS = at.Rules(lookback="36h", origin="outbound")
DATES = at.Rules(lookback="7d", window="calendar_days", timezone="Asia/Shanghai")


@pytest.mark.parametrize("average", [False, True])
def test_steps_that_make_no_rules_alone_go_together(average: bool):
    """36 hours cannot be counted in dates: with the edge first, lookback and edge change hands together."""
    a, b = credit(LINEAR, HOURS), credit(at.FirstTouch(), DATES)
    found = at.explain_difference(a, b, order=("edge", "window", "origin", "model"), average=average)
    assert found.steps[0] in (("edge", "window"), ("window", "edge"))
    assert "change_edge_window" in found.table() or "change_window_edge" in found.table()
    np.testing.assert_allclose(parts(found).sum(axis=1), found.table()["gap"], rtol=0, atol=1e-9)
    assert [change.step for change in found.changes][:2] == ["edge", "window"]


def test_the_other_way_round_they_can_be_told_apart():
    a, b = credit(LINEAR, HOURS), credit(LINEAR, DATES)
    assert at.explain_difference(a, b).steps == (("window",), ("edge",), ("origin",))


def test_both_kinds_of_transforms_can_be_told_apart():
    rules = replace(A, transforms=("exposure", ("remove_if_not_all", "direct"), ("trim_long_path", 3)))
    found = at.explain_difference(credit(LINEAR), credit(LINEAR, rules))
    assert found.steps == (("direct",), ("repeats",))
    np.testing.assert_allclose(parts(found).sum(axis=1), found.table()["gap"], rtol=0, atol=1e-9)


# --- other measures, keys, models ------------------------------------------------------------------------------------


def test_value_is_a_measure_too():
    a, b = credit(LINEAR), credit(at.LastTouch(), RULES_B)
    found = at.explain_difference(a, b, measure="value")
    np.testing.assert_allclose(parts(found).sum(axis=1), found.table()["gap"], rtol=0, atol=1e-6)
    assert found.to_dicts()[0]["credit_a"] == by_channel(a, "value")[found.to_dicts()[0]["channel"]]
    plain = at.attribute(TOUCHES, CONVERSIONS.drop(columns="value"), models="linear")
    with pytest.raises(at.InputError, match="have no value"):
        at.explain_difference(plain, plain, measure="value")


@pytest.mark.parametrize("keys", ["kind", ("channel", "conversion.product")])
def test_other_keys(keys: str | tuple[str, ...]):
    a, b = credit(LINEAR).by(keys), credit(at.LastTouch(), RULES_B).by(keys)
    frame = at.explain_difference(a, b).table()
    changes = frame[[name for name in frame if name.startswith("change_")]].sum(axis=1)
    np.testing.assert_allclose(changes, frame["gap"], rtol=0, atol=1e-9)
    assert len(frame.columns) == len(a.cells.keys) + 3 + 6
    with pytest.raises(at.InputError, match="different keys"):
        at.explain_difference(a, credit(LINEAR))


def test_models_of_paths_are_fitted_anew_under_every_rule():
    a, b = credit(at.Markov()), credit(at.LastTouch(), replace(A, lookback="7d"))
    found = at.explain_difference(a, b)
    assert found.steps == (("window",), ("model",))
    short = by_channel(credit(at.Markov(), replace(A, lookback="7d")))
    for row in found.to_dicts():
        assert abs(row["change_window"] - (short[row["channel"]] - by_channel(a)[row["channel"]])) < 1e-9


def test_a_credit_of_several_models_is_asked_which():
    several = at.attribute(TOUCHES, CONVERSIONS)
    with pytest.raises(at.InputError, match=r"write model_a= as one of 'first_touch', 'last_touch'"):
        at.explain_difference(several, several)
    with pytest.raises(at.InputError, match="Did you mean 'linear'"):
        at.explain_difference(several, several, model_a="linaer", model_b="linear")
    found = at.explain_difference(several, several, model_a="first_touch", model_b="last_touch")
    assert found.steps == (("model",),)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_other_tables_are_refused():
    a = credit(LINEAR)
    others = [
        at.attribute(TOUCHES[1:], CONVERSIONS, models="linear"),
        at.attribute(TOUCHES.assign(channel=TOUCHES["channel"].replace("sms", "SMS")), CONVERSIONS, models="linear"),
        at.attribute(TOUCHES, CONVERSIONS.assign(value=1.0), models="linear"),
    ]
    for other in others:
        with pytest.raises(at.InputError, match="rest on different tables"):
            at.explain_difference(a, other)
    shuffled = at.attribute(TOUCHES.sample(frac=1, random_state=1), CONVERSIONS[::-1], models="linear")
    assert at.explain_difference(a, shuffled).steps == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"measure": "clicks"}, "measure must be"),
        ({"order": ("windows",)}, "Did you mean 'window'"),
        ({"order": "window"}, "order must hold names of steps"),
    ],
)
def test_unknown_words_are_refused(given: dict[str, object], said: str):
    with pytest.raises(at.InputError, match=said):
        at.explain_difference(credit(LINEAR), credit(LINEAR), **given)


def test_something_else_than_a_credit_is_refused():
    with pytest.raises(at.InputError, match="credit_b must be a Credit of journeys, got DataFrame"):
        at.explain_difference(credit(LINEAR), TOUCHES)


def test_key_events_and_levels_are_steps_of_their_own():
    events = pd.DataFrame({"person_id": range(15), "time": START + pd.Timedelta(days=25), "event": "opened"})
    touches = TOUCHES.assign(person_id=TOUCHES["message_id"] % 30)  # the rows of a message are one person's
    a = at.attribute(touches, CONVERSIONS, models="linear", key_events=events)
    rules = at.Rules(key_event="opened", levels=("view", "click"))
    b = at.attribute(touches, CONVERSIONS, models="linear", key_events=events, rules=rules)
    found = at.explain_difference(a, b)
    assert found.steps == (("key_event",), ("levels",))
    assert (np.abs(parts(found)).max(axis=0) > 1e-6).all()
    np.testing.assert_allclose(parts(found).sum(axis=1), found.table()["gap"], rtol=0, atol=1e-9)


def test_further_tables_that_differ_are_refused():
    rules = at.Rules(key_event="opened")
    events = pd.DataFrame({"person_id": range(15), "time": START + pd.Timedelta(days=25), "event": "opened"})
    a = at.attribute(TOUCHES, CONVERSIONS, models="linear", key_events=events, rules=rules)
    b = at.attribute(TOUCHES, CONVERSIONS, models="linear", key_events=events[:5], rules=rules)
    with pytest.raises(at.InputError, match="differ in more than rules and model"):
        at.explain_difference(a, b)


def test_further_columns_that_differ_are_refused():
    rules = at.Rules(lookback={("*", "x"): "1d", "*": "30d"})
    a = at.attribute(TOUCHES.assign(kind="y"), CONVERSIONS, models="linear")
    b = at.attribute(TOUCHES.assign(kind="x"), CONVERSIONS, models="linear", rules=rules)
    with pytest.raises(at.InputError, match="a further column that a rule reads"):
        at.explain_difference(a, b)


def test_customers_on_one_side_only():
    """The side that has the table can be put under both rules; where it decides more than rules, that is said."""
    customers = pd.DataFrame(
        {"person_id": range(30), "last_active_at": START - pd.Timedelta(days=20), "is_test": [True] + [False] * 29}
    )
    dormant = at.Rules(dormancy="30d")
    b = at.attribute(TOUCHES, CONVERSIONS, models="linear", rules=dormant, customers=customers)
    found = at.explain_difference(credit(LINEAR), b)
    assert found.steps == (("dormancy",),)
    assert any(abs(row["gap"]) > 1e-6 for row in found.to_dicts())


# --- shown -----------------------------------------------------------------------------------------------------------


def test_what_is_shown_in_both_languages():
    found = at.explain_difference(credit(LINEAR), credit(at.LastNonDirect(), RULES_B))
    shown = repr(found)
    assert "Why the two credits differ" in shown
    assert "lookback, edge of the window, origin, several conversions, repeats, model" in shown
    assert "not which credit is right" in shown
    assert [(change.step, change.before, change.after) for change in found.changes] == [
        ("window", "30d", "7d"),
        ("edge", "same_instant=include", "same_instant=exclude"),
        ("origin", "all", "outbound"),
        ("reuse", "shared", "reset"),
        ("repeats", "–", "exposure"),
        ("model", "linear", "last_non_direct (direct=direct)"),
    ]
    assert all(change.after in shown for change in found.changes)
    with at.language("zh"):
        shown = repr(found)
    assert "回溯窗口、窗口边界" in shown
    assert "乙 − 甲" in shown
    assert found.recipe.settings["order"][0] == "window"


def test_row_order_changes_nothing():
    b = credit(at.LastTouch(), RULES_B)
    shuffled = at.attribute(TOUCHES.sample(frac=1, random_state=3), CONVERSIONS[::-1], models="linear")
    assert at.explain_difference(credit(LINEAR), b).to_dicts() == at.explain_difference(shuffled, b).to_dicts()


# --- all rules at random ---------------------------------------------------------------------------------------------

ANY_RULES = st.builds(
    at.Rules,
    lookback=st.sampled_from(["1d", "7d", "30d", "36h"]),
    reuse=st.sampled_from(["shared", "reset", "first"]),
    origin=st.sampled_from(["all", "outbound"]),
    match=st.sampled_from([(), ("product",)]),
    same_instant=st.sampled_from(["include", "exclude"]),
    not_before=st.sampled_from([None, "2026-09-20T00:00+00:00"]),
    tie_order=st.sampled_from([(), ("phone",)]),
    transforms=st.sampled_from([(), ("exposure",), ("first", ("remove_if_not_all", "direct"))]),
)
ANY_MODEL = st.sampled_from(
    [
        at.FirstTouch(),
        at.LastTouch(),
        at.LastNonDirect(),
        at.Linear(),
        at.TimeDecay(),
        at.JShaped(),
        at.UShaped(two="even"),
    ]
)


@settings(max_examples=25, deadline=None)
@given(rules_a=ANY_RULES, rules_b=ANY_RULES, model_a=ANY_MODEL, model_b=ANY_MODEL)
def test_the_parts_sum_whatever_the_rules(rules_a: at.Rules, rules_b: at.Rules, model_a: object, model_b: object):
    a, b = credit(model_a, rules_a), credit(model_b, rules_b)
    frame = at.explain_difference(a, b).table()
    changes = frame[[name for name in frame if name.startswith("change_")]].sum(axis=1)
    np.testing.assert_allclose(changes, frame["gap"], rtol=0, atol=1e-9)
    expected = [by_channel(b)[channel] for channel in frame["channel"]]
    np.testing.assert_allclose(frame["credit_b"], expected, rtol=0, atol=1e-12)
