"""How credit was made: rules, models, counts, and the definitions in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.recipe import Recipe

if TYPE_CHECKING:
    from attribution.credit.credit import Credit

__all__ = ["credit_recipe"]


def credit_recipe(credit: Credit) -> Recipe:
    """Rules, models, counts, fingerprint, and the definitions in use."""
    journeys, rules = credit.journeys, credit.journeys.rules
    settings: dict[str, object] = {"lookback": rules.lookback_text(), "rules": rules.text(), "keys": _key_names(credit)}
    single = list(rules.lookbacks()) == ["*"]
    definitions = ["ELIGIBLE" if single else "ELIGIBLE_BY_CHANNEL", f"REUSE_{rules.reuse.upper()}"]
    if rules.same_instant == "exclude":
        definitions.append("SAME_INSTANT_EXCLUDED")
    if rules.origin == "outbound":
        definitions.append("OUTBOUND_ONLY")
    if rules.match:
        settings["match"] = ", ".join(rules.match)
        definitions.append("MATCH")
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


def _append(settings: dict[str, object], name: str, value: object) -> None:
    """Keep a setting of a model; a second model of the same kind adds its own."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    settings[name] = text if name not in settings else f"{settings[name]}; {text}"


def _key_names(credit: Credit) -> tuple[str, ...]:
    return tuple(key.name for key in credit.cells.keys)
