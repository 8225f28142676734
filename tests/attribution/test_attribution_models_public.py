"""Every public class of models can be told in both languages and is found by its name."""

from __future__ import annotations

import inspect

import pytest

import attribution as at
from attribution.core import messages
from attribution.models.registry import RULE_MODELS, resolve_models

# What a model cannot be made without; every other public model is made by its defaults and has a name in the registry.
ASKED = {"CustomModel": {"name": "mine", "function": lambda j: None}, "WShaped": {"milestone": "kind"}}
PUBLIC = {
    name: value
    for name in at.__all__
    if inspect.isclass(value := getattr(at, name))
    and "needs" in dir(value)
    and not getattr(value, "_is_protocol", False)
}


def _made(name: str) -> list[object]:
    """A model of a class, in each of its forms that has a definition of its own."""
    two: list[dict[str, object]] = [{"two": "half_middle"}, {"two": "even"}]
    more: dict[str, list[dict[str, object]]] = {
        "PositionBased": two, "JShaped": two, "InverseJ": two, "TimeDecay": [{"unit": "whole_days"}],
        "Shapley": [{"value": "rate"}], "Markov": [{"order": 2}],
    }  # fmt: skip
    return [PUBLIC[name](**ASKED.get(name, {}) | options) for options in ({}, *more.get(name, []))]


def test_the_public_models_are_found():
    assert {"FirstTouch", "Markov", "Shapley", "InverseJ", "LastNonDirect", "CustomModel"} <= set(PUBLIC)
    assert len(PUBLIC) >= 13
    assert set(ASKED) <= set(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_model_has_a_sentence_in_both_languages(name):
    for model in _made(name):
        code = f"DEFINITION.{model.definition}"
        told = {lang: messages.catalogue(lang).get(code, "") for lang in ("en", "zh")}
        for lang, said in told.items():
            assert said, f"write {code}, the sentence of {name}, into attribution/messages/*.{lang}.toml"
        assert told["en"].isascii()
        assert any("一" <= sign <= "鿿" for sign in told["zh"]), f"{code} is not in Chinese"


@pytest.mark.parametrize("name", sorted(set(PUBLIC) - set(ASKED)))
def test_a_public_model_is_found_by_its_name(name):
    made = PUBLIC[name]()
    try:
        (found,) = resolve_models(made.name)
    except at.InputError as error:
        pytest.fail(f"put {name} into attribution/models/registry.py: {error}")
    assert type(found) is PUBLIC[name]
    assert found.name == made.name


def test_the_rule_models_are_public():
    assert {type(model).__name__ for model in RULE_MODELS} <= set(PUBLIC)
