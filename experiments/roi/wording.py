"""The fixed sentence of a verdict, in both languages, with every interval filled in."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_value
from attribution.core.language import check_language, current_language
from experiments.roi.arms import FEW_WOKEN
from experiments.roi.net_benefit import FEW_EVENTS
from experiments.roi.people import ENOUGH_PERSONS, NOT_REACHABLE, OTHER_DIRECTION
from experiments.roi.undecided import HARM
from experiments.roi.verdicts import GUARDRAIL_UNDECIDED, HARM_GUARDRAIL, NO_HOLDOUT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from experiments.roi.guardrails import GuardrailReading
    from experiments.roi.people import PeopleNeeded
    from experiments.roi.undecided import IncrementalCost
    from experiments.roi.verdicts import Verdict

__all__ = ["guarded_sentence", "price_text", "verdict_sentence"]

messages.register("experiments")

_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")


def verdict_sentence(  # noqa: PLR0913
    verdict: Verdict,
    *,
    contrast: str,
    threshold: float,
    cost: IncrementalCost | None = None,
    people: PeopleNeeded | None = None,
    guardrails: Sequence[GuardrailReading] = (),
    lang: str | None = None,
) -> str:
    """The sentence that says a verdict.

    Args:
        verdict: The verdict; amounts per person are shown per 1,000.
        contrast: Name of the contrast, for example ``"sms"`` or ``"sms - digital"``.
        threshold: T.
        cost: Cost per incremental wake-up with its undecided set.
        people: Persons that would decide.
        guardrails: The readings that the verdict used.
        lang: ``"en"`` or ``"zh"``; the current language by default.

    Returns:
        One to three sentences.

    Example:
        >>> from experiments.roi.verdicts import no_holdout
        >>> verdict_sentence(no_holdout(), contrast="sms", threshold=85)
        'There is no random control, so it cannot be judged whether the campaign brought anything; what follows ...'
    """
    if verdict.word == NO_HOLDOUT:
        return messages.text("VERDICT.NO_HOLDOUT", lang=lang)
    if verdict.word == "INVALID":
        return messages.text("VERDICT.INVALID", {"codes": verdict.reason}, lang=lang)
    if verdict.reason in {HARM_GUARDRAIL, GUARDRAIL_UNDECIDED}:
        return guarded_sentence(verdict, guardrails, lang=lang)
    if verdict.reason == FEW_EVENTS:
        return messages.text("VERDICT.FEW_EVENTS", {"limit": FEW_WOKEN}, lang=lang)
    if verdict.word == "INCONCLUSIVE":
        return _inconclusive(people, lang)
    return _decided(verdict, contrast, threshold, cost, lang)


def price_text(cost: IncrementalCost, *, lang: str | None = None) -> str:
    """The cost per incremental wake-up as text: an amount, or why there is none.

    Example:
        >>> from attribution.core.estimates import Estimate, RatioSet
        >>> undecided = RatioSet(value=None, low=0.0, high=float("inf"), kind="all", level=0.95)
        >>> from experiments.roi.undecided import IncrementalCost
        >>> price_text(IncrementalCost(value=None, undecided=undecided, woken=Estimate(value=-0.1), reason="HARM"))
        'not defined (harm)'
    """
    if cost.reason:
        return messages.text(f"COST.{cost.reason}", lang=lang)
    return format_value(cost.value, "money", lang=current_language() if lang is None else check_language(lang))


def _decided(verdict: Verdict, contrast: str, threshold: float, cost: IncrementalCost | None, lang: str | None) -> str:
    net = verdict.net_benefit
    values: dict[str, object] = {
        "threshold": f"{threshold:.12g}",  # declared, so shown as it was declared
        "contrast": contrast,
        "net": _thousand(net.value),
        "low": _thousand(net.low),
        "high": _thousand(net.high),
        "level": net.level,
    }
    return messages.text(f"VERDICT.{verdict.word}", {**values, "price": _price_clause(cost, lang)}, lang=lang)


def _price_clause(cost: IncrementalCost | None, lang: str | None) -> str:
    """Cost per incremental wake-up with its interval, which may have no upper end or two pieces."""
    if cost is None:
        return messages.text("VERDICT.PRICE.absent", lang=lang)
    undecided = cost.undecided
    if cost.reason == HARM or cost.value is None or math.isinf(undecided.low):
        reason = cost.reason or "NOT_STATED"
        return messages.text("VERDICT.PRICE.undefined", {"why": messages.text(f"COST.{reason}", lang=lang)}, lang=lang)
    form = "interval"
    if undecided.kind == "complement":
        form = "complement"
    elif math.isinf(undecided.high):
        form = "unbounded"
    values = {"cost": cost.value, "cost_low": undecided.low, "cost_high": undecided.high}
    return messages.text(f"VERDICT.PRICE.{form}", values, lang=lang)


def _inconclusive(people: PeopleNeeded | None, lang: str | None) -> str:
    if people is None or people.number is None:
        return _without_number(people, lang)
    code = "VERDICT.INCONCLUSIVE" if people.label == "declared" else "VERDICT.INCONCLUSIVE.if_true"
    return messages.text(code, {"people": people.number}, lang=lang)


def _without_number(people: PeopleNeeded | None, lang: str | None) -> str:
    """Why no number of persons is told."""
    if people is not None and people.reason == ENOUGH_PERSONS:
        if people.label == "if_true":
            return messages.text("VERDICT.INCONCLUSIVE.enough_if_true", lang=lang)
        values = {"net": _thousand(people.net), "power": people.power}
        return messages.text("VERDICT.INCONCLUSIVE.enough", values, lang=lang)
    forms = {NOT_REACHABLE: "unreachable", OTHER_DIRECTION: "other_direction"}
    form = forms.get("" if people is None else people.reason, "unknown")
    return messages.text(f"VERDICT.INCONCLUSIVE.{form}", lang=lang)


def guarded_sentence(
    verdict: Verdict,
    guardrails: Sequence[GuardrailReading],
    *,
    names: Mapping[str, str] | None = None,
    rates: Collection[str] = (),
    lang: str | None = None,
) -> str:
    """The guardrails that overrode a PASS, each with its bounds.

    Args:
        verdict: The verdict, with the code that overrode it.
        guardrails: The readings that the verdict used.
        names: Metric -> what it is called; its own name where there is none.
        rates: The metrics that are rates: those are told in percentage points.
        lang: ``"en"`` or ``"zh"``; the current language by default.
    """
    called = {} if names is None else names
    state = "harm" if verdict.reason == HARM_GUARDRAIL else "undecided"
    concerned = [reading for reading in guardrails if reading.state == state]
    told = ", ".join(called.get(reading.guardrail.metric, reading.guardrail.metric) for reading in concerned)
    sentences = [messages.text(f"VERDICT.{verdict.reason}", {"guardrail": told}, lang=lang)]
    for reading in concerned:
        values = {
            "guardrail": called.get(reading.guardrail.metric, reading.guardrail.metric),
            "value": reading.value,
            "low": reading.low,
            "high": reading.high,
            "level": reading.guardrail.level,
            "margin": reading.guardrail.margin,
        }
        form = "VERDICT.GUARDRAIL_RATE" if reading.guardrail.metric in rates else "VERDICT.GUARDRAIL_DETAIL"
        form = "VERDICT.GUARDRAIL_RELATIVE" if reading.guardrail.relative else form
        sentences.append(messages.text(form, values, lang=lang))
    chosen = current_language() if lang is None else check_language(lang)
    if chosen == "en":
        return " ".join(sentences)
    return _BETWEEN_HAN.sub("", "".join(sentences))  # spaces are for names in Latin letters


def _thousand(amount: float | None) -> float | None:
    return None if amount is None else 1000.0 * amount
