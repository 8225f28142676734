"""How credit was made: rules, models, counts, and the definitions in use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attribution.core.durations import duration_text
from attribution.core.recipe import Recipe
from attribution.journeys.observed import period_text
from attribution.models.fitted import FittedModel
from attribution.rules import key_text

if TYPE_CHECKING:
    from attribution.credit.credit import Credit
    from attribution.rules import Rules

__all__ = ["credit_recipe"]


def credit_recipe(credit: Credit) -> Recipe:
    """Rules, models, counts, fingerprint, and the definitions in use."""
    journeys, rules = credit.journeys, credit.journeys.rules
    settings: dict[str, object] = {"lookback": rules.lookback_text(), "rules": rules.text(), "keys": _key_names(credit)}
    settings |= {"observed": period_text(journeys.observed), **_rule_settings(rules)}
    definitions = _rule_definitions(rules)
    if any(isinstance(model, FittedModel) for model in credit.models):
        definitions.append("OBSERVED")
    for model in credit.models:
        code = getattr(model, "definition", "CUSTOM_MODEL")
        if code not in definitions:
            definitions.append(code)
        for name, value in getattr(model, "settings", {}).items():
            _append(settings, name, value)
        if code == "CUSTOM_MODEL":
            _append(settings, "custom", model.name)
    settings["models"] = tuple(model.name for model in credit.models)
    counts = {
        "persons": len(journeys.persons),
        "conversions": len(journeys.counted),
        "touched_conversions": credit.sums.touched,
        "touches": journeys.touches.table.rows,
    }
    return Recipe(
        method="attribution",
        definitions=tuple(definitions),
        settings=settings,
        n=counts,
        fingerprint=journeys.fingerprint,
    )


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
        ("OUTBOUND_ONLY", rules.origin == "outbound"),
        ("NOT_BEFORE", rules.not_before is not None),
        ("DORMANCY", rules.dormancy is not None),
        ("MATCH", bool(rules.match)),
        ("KEY_EVENT", rules.key_event is not None),
        ("KEY_EVENT_MATCH", bool(rules.key_event_match)),
        ("TRANSFORMS", bool(rules.transforms)),
        ("TIE_ORDER", bool(rules.tie_order)),
    )
    return [code for code, used in told if used]


def _append(settings: dict[str, object], name: str, value: object) -> None:
    """Keep a setting of a model; a second model of the same kind adds its own."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    settings[name] = text if name not in settings else f"{settings[name]}; {text}"


def _key_names(credit: Credit) -> tuple[str, ...]:
    return tuple(key.name for key in credit.cells.keys)
