"""How credit was made: rules, models, counts, and the definitions in use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.durations import duration_text
from attribution.core.recipe import Recipe
from attribution.journeys.observed import period_text
from attribution.journeys.sizes import plan_size
from attribution.models.fitted import FittedModel
from attribution.rules import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attribution.credit.credit import Credit
    from attribution.models.protocol import Model
    from attribution.rules import Rules

__all__ = ["CreditRecipe", "credit_recipe", "model_settings"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CreditRecipe(Recipe):
    """A recipe whose definitions may be those of several models with settings of their own.

    Attributes:
        of_models: Definition to the settings of each model that it defines, by the model's name.
    """

    of_models: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)

    def sentences(self, lang: str | None = None) -> tuple[str, ...]:
        """The definitions in words, once for models that share all settings, else once for each with its name."""
        return tuple(sentence for code in self.definitions for sentence in self._told(code, lang))

    def _told(self, code: str, lang: str | None) -> list[str]:
        names: dict[str, list[str]] = {}
        for name, own in self.of_models.get(code, {}).items():
            sentence = messages.text(f"DEFINITION.{code}", {**self.settings, **own}, lang=lang)
            names.setdefault(sentence, []).append(name)
        if not names:
            return [messages.text(f"DEFINITION.{code}", self.settings, lang=lang)]
        if len(names) == 1:
            return list(names)
        return [
            messages.text("READINGS.OF_MODEL", {"models": ", ".join(models), "sentence": sentence}, lang=lang)
            for sentence, models in names.items()
        ]


def credit_recipe(credit: Credit) -> Recipe:
    """Rules, models, counts, fingerprint, and the definitions in use."""
    journeys, rules = credit.journeys, credit.journeys.rules
    settings: dict[str, object] = {"lookback": rules.lookback_text(), "rules": rules.text(), "keys": _key_names(credit)}
    began, ended = (period_text((end, end)).split(" to ")[0] for end in journeys.observed)
    settings |= {"observed_from": began, "observed_to": ended}
    settings |= _rule_settings(rules)
    definitions = _rule_definitions(rules)
    if any(isinstance(model, FittedModel) for model in credit.models):
        definitions.append("OBSERVED")
    chosen, of_models = model_settings(credit.models)
    settings |= {name: value for name, value in chosen.items() if name not in settings}
    definitions += [code for code in of_models if code not in definitions]
    size = plan_size(journeys)
    counts = {
        "persons": size.persons,
        "conversions": size.conversions,
        "touched_conversions": credit.sums.touched,
        "touches": size.touches,
    }
    return CreditRecipe(
        method="attribution",
        definitions=tuple(definitions),
        settings=settings,
        n=counts,
        fingerprint=journeys.fingerprint,
        of_models=of_models,
    )


def model_settings(models: Iterable[Model]) -> tuple[dict[str, object], dict[str, dict[str, dict[str, str]]]]:
    """What the models were set to, all together by setting, and by definition and model."""
    settings: dict[str, object] = {}
    of_models: dict[str, dict[str, dict[str, str]]] = {}
    names = []
    for model in models:
        names.append(model.name)
        code = str(getattr(model, "definition", "CUSTOM_MODEL"))
        own = {name: _text(value) for name, value in getattr(model, "settings", {}).items()}
        if code == "CUSTOM_MODEL":
            own["custom"] = model.name
        for name, text in own.items():
            settings[name] = text if name not in settings else f"{settings[name]}; {text}"
        # The models of the user share one sentence, which lists them.
        of_models.setdefault(code, {}).update({} if code == "CUSTOM_MODEL" else {model.name: own})
    settings["models"] = tuple(names)
    return settings, of_models


def _rule_settings(rules: Rules) -> dict[str, object]:
    """The rules beyond lookback, reuse, origin and same instant in use, by the names that sentences ask for."""
    found: dict[str, object] = {}
    if rules.match:
        found["match"] = ", ".join(rules.match)
    if rules.window == "calendar_days":
        found["timezone"] = rules.timezone
    if isinstance(rules.not_before, datetime):
        found["not_before"] = rules.not_before.isoformat(sep=" ")
    if rules.tie_order:
        found["tie_order"] = " < ".join(key_text(key) for key in rules.tie_order)
    if rules.levels:
        found |= {"levels": " < ".join(rules.levels), "level": rules.level}
    if rules.key_event is not None:
        found["key_event"] = rules.key_event
    if rules.key_event_match:
        found["key_event_match"] = ", ".join(rules.key_event_match)
    if isinstance(rules.dormancy, timedelta):
        found["dormancy"] = duration_text(rules.dormancy)
    if rules.transforms:
        found["transforms"] = rules.used()["transforms"]
    return found


def _rule_definitions(rules: Rules) -> list[str]:
    """Codes of the sentences that say the rules, in the order in which the rules work."""
    eligible = "ELIGIBLE" if list(rules.lookbacks()) == ["*"] else "ELIGIBLE_BY_CHANNEL"
    eligible = {
        "exact": eligible,
        "open": "ELIGIBLE_OPEN",
        "whole_days": "ELIGIBLE_WHOLE_DAYS",
        "calendar_days": "ELIGIBLE_CALENDAR_DAYS",
    }[rules.window]
    levels = "LEVELS_HIGHEST" if rules.level == "highest" else "LEVELS_AT"
    told = (
        (eligible, True),
        (f"REUSE_{rules.reuse.upper()}", True),
        ("SAME_INSTANT_EXCLUDED", rules.same_instant == "exclude"),
        (levels, bool(rules.levels)),
        ("LEVELS_LATE", bool(rules.levels)),
        ("OUTBOUND_ONLY", rules.origin == "outbound"),
        ("NOT_BEFORE", rules.not_before is not None),
        ("DORMANCY", rules.dormancy is not None),
        ("MATCH", bool(rules.match)),
        ("KEY_EVENT", rules.key_event is not None),
        ("KEY_EVENT_MATCH", bool(rules.key_event_match)),
        ("TRANSFORMS", bool(rules.transforms)),
        ("TRANSFORMS_RESET", bool(rules.transforms) and rules.reuse == "reset"),
        ("TIE_ORDER", bool(rules.tie_order)),
    )
    return [code for code, used in told if used]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _key_names(credit: Credit) -> tuple[str, ...]:
    return tuple(key.name for key in credit.cells.keys)
