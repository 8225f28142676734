"""Which rules the graph holds, and why it does not hold the others: the published table is made from this."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.rules import Rules

__all__ = ["MODELS_IN_ENGINE", "RULES_IN_ENGINE", "RULES_THAT_PULL", "why_not"]

RULES_IN_ENGINE: dict[str, str] = {
    "lookback": 'one duration, or by channel, (channel, kind), ("*", kind) and "*"',
    "reuse": '"shared", "first", "reset"',
    "origin": '"all", "outbound"',
    "match": "text with text, whole numbers with whole numbers, dates, truth values",
    "same_instant": '"include", "exclude"',
    "window": '"exact", "open", "whole_days", "calendar_days"',
    "timezone": "every IANA name",
    "not_before": "every instant",
    "tie_order": "channels and kinds",
}
RULES_THAT_PULL: dict[str, str] = {
    "levels": "the rows of a message are judged together",
    "key_event": "the next key event of every touch comes from a third table",
    "dormancy": "the last activity of every person comes from a third table",
    "transforms": "what is left of a path depends on its neighbours",
}
MODELS_IN_ENGINE: tuple[str, ...] = (
    "FirstTouch", "LastTouch", "LastNonDirect", "Linear", "TimeDecay", "PositionBased", "UShaped", "JShaped",
    "InverseJ",
)  # fmt: skip
_IN_USE = {
    "levels": lambda rules: bool(rules.levels),
    "key_event": lambda rules: rules.key_event is not None,
    "dormancy": lambda rules: rules.dormancy is not None,
    "transforms": lambda rules: bool(rules.transforms),
}


def why_not(rules: Rules, models: Iterable[str] = ()) -> str | None:
    """Why the graph cannot hold some rules, or models of these class names; None when it can."""
    for name, reason in RULES_THAT_PULL.items():
        if _IN_USE[name](rules):
            return f"the rule {name} needs rows in memory: {reason}"
    for model in models:
        if model not in MODELS_IN_ENGINE:
            return f"the model {model} needs rows in memory"
    return None
