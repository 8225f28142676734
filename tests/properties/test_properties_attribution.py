"""Attribution against plain loops on random tables: every model, every rule."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import hypothesis.strategies as st
import pytest
from campaign_cases import (
    DIRECT,
    FORMS,
    HOUR,
    NONE,
    PATH_MODELS,
    PATH_NAMES,
    PEOPLE,
    TOUCH_MODELS,
    TOUCH_NAMES,
    Case,
    assert_close,
    cases,
    examples,
    totals,
)
from hypothesis import given

from oracles import markov, shapley
from oracles.journeys import OracleRules, journeys
from oracles.model_weights import weights_of


def oracle_rules(rules: dict) -> OracleRules:
    told = dict(rules)
    told["lookback"] = {key: hours * HOUR for key, hours in rules["lookback"].items()}
    if "dormancy" in rules:
        told["dormancy"] = rules["dormancy"] * HOUR
    return OracleRules(**told)


def oracle_journeys(case: Case) -> list:
    """(conversion, touches in order) by plain loops."""
    return journeys(
        [{**touch, "message": touch["message_id"]} for touch in case.touches],
        case.conversions,
        oracle_rules(case.rules),
        customers={row["person"]: row["last_active_at"] for row in case.customers},
        key_events=case.key_events,
    )


def oracle_weights(built) -> dict:
    """Model -> conversion -> list of (time, channel, weight), the touches in order."""
    found = defaultdict(dict)
    for conversion, touches in built:
        if not touches:
            continue
        ages = [(touch["channel"], conversion["time"] - touch["time"]) for touch in touches]
        at = conversion["registered_at"]
        for model, weights in weights_of(ages, None if at is None else conversion["time"] - at, DIRECT).items():
            found[model][conversion["id"]] = [
                (touch["time"], touch["channel"], float(weight)) for touch, weight in zip(touches, weights, strict=True)
            ]
    return found


def oracle_totals(built) -> dict:
    untouched = [conversion for conversion, touches in built if not touches]
    value = {conversion["id"]: conversion["value"] for conversion, _ in built}
    found = {(model, NONE): (len(untouched), sum(row["value"] for row in untouched)) for model in TOUCH_NAMES}
    for model, by_conversion in oracle_weights(built).items():
        for conversion, touches in by_conversion.items():
            for _, channel, weight in touches:
                count, worth = found.get((model, channel), (0.0, 0.0))
                found[model, channel] = (count + weight, worth + weight * value[conversion])
    return found


def with_weight(rows) -> dict:
    """(model, conversion) -> its touches with weight: times, channels and weights in order of time and channel."""
    found = defaultdict(list)
    for row in rows:
        if row["weight"] > 1e-12:
            time = int(row["time"].timestamp()) * 1_000_000 + row["time"].microsecond
            found[row["model"], row["conversion_id"]].append((time, row["channel"], row["weight"]))
    return {key: sorted(touches) for key, touches in found.items()}


def assert_like_oracle(case: Case) -> None:
    credit, built = case.credit(TOUCH_MODELS), oracle_journeys(case)
    assert_close(totals(credit), oracle_totals(built))
    mine = with_weight(credit.touches().to_dicts())
    theirs = {
        (model, conversion): sorted(touch for touch in touches if touch[2] > 1e-12)
        for model, by_conversion in oracle_weights(built).items()
        for conversion, touches in by_conversion.items()
    }
    assert mine.keys() == theirs.keys()
    for key, touches in mine.items():
        assert [touch[:2] for touch in touches] == [touch[:2] for touch in theirs[key]], key
        assert [touch[2] for touch in touches] == pytest.approx([touch[2] for touch in theirs[key]], rel=1e-9), key


@pytest.mark.parametrize("form", FORMS, ids=lambda form: " ".join(map(str, form.values())))
@given(data=st.data())
@examples(10)
def test_credit_is_the_plain_loops_under_every_rule(form, data):
    assert_like_oracle(data.draw(cases(touch_ids=True, form=form)))


@given(case=cases(touch_ids=True))
@examples(40)
def test_credit_is_the_plain_loops_under_rules_together(case):
    assert_like_oracle(case)


# Without touch ids further columns order the rows of one message, which the plain loops do not know.
@given(case=cases(touch_ids=False, without=("levels",)))
@examples(50)
def test_credit_is_the_plain_loops_without_touch_ids(case):
    assert_like_oracle(case)


@given(case=cases(touch_ids=True))
@examples(30)
def test_credit_is_the_plain_loops_for_whole_number_ids(case):
    numbers = {name: place for place, name in enumerate((*PEOPLE, "stranger", "nobody"), 5)}
    whole = case.with_rows(lambda row: {**row, "person": numbers[row["person"]]})
    touches = [{**touch, "touch_id": int(touch["touch_id"][1:])} for touch in whole.touches]
    conversions = [{**row, "id": int(row["id"][1:])} for row in whole.conversions if row["refund_of"] is None]
    assert_like_oracle(replace(whole, touches=touches, conversions=conversions))


# --- models of paths -------------------------------------------------------------------------------------------------


def paths_of(counts) -> list[tuple[tuple[str, ...], Fraction, Fraction]]:
    """(channels, conversions, nulls) of every path."""
    return [
        (
            tuple(str(counts.channel_names[code]) for code in counts.channel[begin:end]),
            Fraction(int(won)),
            Fraction(int(lost)),
        )
        for begin, end, won, lost in zip(
            counts.offsets[:-1], counts.offsets[1:], counts.conversions, counts.nulls, strict=True
        )
    ]


def oracle_shares(listed) -> dict[str, dict[str, Fraction]]:
    found = {
        name: markov.shares(markov.removal_effects(listed, order, "redirect_to_null"), "redirect_to_null")
        for name, order in (("markov", 1), ("markov_2", 2))
    }
    values = shapley.shapley_of_paths(listed, "rate")
    found["shapley_rate"] = {channel: value / sum(values.values()) for channel, value in values.items()}
    holding = {channel: sum(won for path, won, _ in listed if channel in path) for channel in values}
    found["present"] = {channel: Fraction(n, sum(holding.values())) for channel, n in holding.items()}
    return found


@given(case=cases(touch_ids=True))
@examples(60)
def test_models_of_paths_are_the_plain_loops(case):
    credit = case.credit(PATH_MODELS)
    built = oracle_journeys(case)
    listed = paths_of(credit.journeys.path_counts())
    converting = defaultdict(int)
    for _, touches in built:
        if touches:
            converting[tuple(touch["channel"] for touch in touches)] += 1
    assert {path: won for path, won, _ in listed if won} == dict(converting)
    touched = [conversion for conversion, touches in built if touches]
    alone = [conversion for conversion, touches in built if not touches]
    expected = {(model, NONE): (len(alone), sum(row["value"] for row in alone)) for model in PATH_NAMES}
    if touched:
        worth = sum(row["value"] for row in touched)
        for model, shares in oracle_shares(listed).items():
            for channel, share in shares.items():
                expected[model, channel] = (float(share) * len(touched), float(share) * worth)
    assert_close(totals(credit), expected)
