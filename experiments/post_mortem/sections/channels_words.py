"""The sentences of the channels section: who is over-credited, and how far the models disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from experiments.post_mortem.sections.channels_tables import customers, grouped, step_named
from experiments.post_mortem.words import listed, model_words, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.compare import ModelComparison

__all__ = ["disagreement_sentence", "gap_sentences", "inbound_sentence"]


def gap_sentences(rows: Sequence[dict[str, Any]], level: float) -> list[str]:
    """Which step is credited with more customers than it caused, with fewer, and of which that cannot be told."""
    told: list[str] = []
    open_steps: dict[tuple[str, str], list[str]] = {}
    for group in grouped(rows):
        first = group[0]
        if first["step"] in ("untested", "total"):
            continue
        name = step_named(first)
        for side, judged in _sides(group).items():
            models = _models(judged, of=len(group))
            if side in ("over", "under"):
                told.append(word(f"channels.{side}", step=name, models=models, **_widest(judged, level)))
            else:
                open_steps.setdefault((side, models), []).append(name)
    told += [word(f"channels.{side}", steps=listed(names), models=m) for (side, m), names in open_steps.items()]
    untested = dict.fromkeys(row["channels"] for row in rows if row["step"] == "untested")
    return [*told, word("channels.gap_untested", channels=listed(untested))] if untested else told


def _sides(group: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of a step by what their gap says."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in group:
        found.setdefault(_side(row), []).append(row)
    return found


def _widest(rows: Sequence[dict[str, Any]], level: float) -> dict[str, object]:
    """The widest gap with its interval."""
    widest = max(rows, key=lambda row: abs(row["gap"]))
    return {
        "model": model_words(widest["model"]),
        "gap": format_value(customers(widest["gap"]), "count"),
        "level": level,
        "ends": format_interval(customers(widest["gap_low"]), customers(widest["gap_high"]), "count"),
    }


def _side(row: dict[str, Any]) -> str:
    if row["gap"] is None or row["gap_low"] is None or row["gap_high"] is None:
        return "gap_undefined"
    return "over" if row["gap_low"] > 0 else "under" if row["gap_high"] < 0 else "gap_open"


def _models(rows: Sequence[dict[str, Any]], *, of: int) -> str:
    if len(rows) == 1:
        return word("channels.one_model", model=model_words(rows[0]["model"]))
    if len(rows) == of:
        return word("channels.all_models", n=of)
    return word("channels.these_models", models=listed(model_words(row["model"]) for row in rows))


def disagreement_sentence(compared: ModelComparison) -> str:
    """How much of the credit hangs on the choice of the model."""
    rows = compared.to_dicts()
    if not rows or not compared.reassigned:
        return word("channels.agree") if compared.reassigned == 0 else ""
    widest = max(rows, key=lambda row: row["share_range"])
    return word(
        "channels.disagree",
        share=compared.reassigned,
        channel=widest["channel"],
        low=widest["share_min"],
        high=widest["share_max"],
        lowest=model_words(widest["lowest_model"]),
        highest=model_words(widest["highest_model"]),
    )


def inbound_sentence(rows: Sequence[dict[str, Any]]) -> str:
    """How much credit the touches hold that customers began themselves."""
    held: dict[str, float] = {}
    for row in rows:
        held[row["model"]] = held.get(row["model"], 0.0) + max(0.0, -row["conversions_difference"])
    low, high = round(min(held.values())), round(max(held.values()))
    return word("channels.inbound_says_one" if low == high else "channels.inbound_says", low=low, high=high)
