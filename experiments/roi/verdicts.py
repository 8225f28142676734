"""From a net benefit to a word: PASS, FAIL, INCONCLUSIVE, INVALID, NO_HOLDOUT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, Side, check_level, check_side
from experiments.roi.net_benefit import FEW_EVENTS

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from experiments.roi.guardrails import GuardrailReading

__all__ = [
    "GUARDRAIL_UNDECIDED",
    "HARM_GUARDRAIL",
    "NO_HOLDOUT",
    "Verdict",
    "Word",
    "adjust_verdicts",
    "decide",
    "no_holdout",
    "verdict_p_values",
]

Word = Literal["PASS", "FAIL", "INCONCLUSIVE", "INVALID", "NO_HOLDOUT"]
NO_HOLDOUT: Final = "NO_HOLDOUT"
HARM_GUARDRAIL = "HARM_GUARDRAIL"
GUARDRAIL_UNDECIDED = "GUARDRAIL_UNDECIDED"
_SEPARATOR = "; "


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Verdict:
    """The decision of one contrast at one threshold.

    Attributes:
        word: ``"PASS"``, ``"FAIL"``, ``"INCONCLUSIVE"``, ``"INVALID"`` or ``"NO_HOLDOUT"``; the same in every language.
        reason: Code(s) of what overrode the interval, joined by ``"; "``; empty when the interval decided.
        net_benefit: Net benefit per assigned person.
    """

    word: Word
    reason: str = ""
    net_benefit: Estimate

    def __repr__(self) -> str:
        from attribution.core import messages
        from attribution.core.render.values import interval_text

        values = {"told": self.told, "shown": interval_text(self.net_benefit, "money")}
        return messages.text("VALUE_OF.verdict", values)

    @property
    def told(self) -> str:
        """The word with what overrode the interval in brackets, for tables."""
        return f"{self.word} ({self.reason})" if self.reason else self.word


def decide(
    net_benefit: Estimate,
    *,
    few_events: bool | None = None,
    invalid: Sequence[str] = (),
    guardrails: Sequence[GuardrailReading] = (),
    word: Word | None = None,
) -> Verdict:
    """The verdict of one row.

    In this order: codes of failed checks give INVALID; fewer than 20 woken in an arm INCONCLUSIVE (reason
    ``FEW_EVENTS``); a lower bound above 0 PASS; an upper bound below 0 FAIL; else INCONCLUSIVE. A PASS becomes FAIL
    when a guardrail harms (``HARM_GUARDRAIL``) and INCONCLUSIVE when one is undecided (``GUARDRAIL_UNDECIDED``). A
    one-sided estimate has one finite bound, so ``"greater"`` never fails and ``"less"`` never passes on the
    interval.

    Args:
        net_benefit: The net benefit with its interval.
        few_events: Whether an arm has fewer than 20 woken; None reads it from the estimate's note.
        invalid: Codes of the findings that failed.
        guardrails: The guardrails' readings.
        word: The word that the interval gives after adjustment for many verdicts; None takes the interval's own.

    Returns:
        The verdict.

    Raises:
        InputError: When the net benefit has no interval (for a design without a control use `no_holdout`).

    Example:
        >>> from attribution.core.estimates import Estimate
        >>> decide(Estimate(value=0.5, low=0.1, high=0.9)).word
        'PASS'
        >>> verdict = decide(Estimate(value=0.5, low=0.1, high=0.9), invalid=["SRM"])
        >>> verdict.word, verdict.reason
        ('INVALID', 'SRM')
    """
    if invalid:
        return Verdict(word="INVALID", reason=_SEPARATOR.join(dict.fromkeys(invalid)), net_benefit=net_benefit)
    few = FEW_EVENTS in net_benefit.note.split(_SEPARATOR) if few_events is None else few_events
    if few:
        return Verdict(word="INCONCLUSIVE", reason=FEW_EVENTS, net_benefit=net_benefit)
    found = _word(net_benefit) if word is None else word
    states = {reading.state for reading in guardrails}
    if found == "PASS" and "harm" in states:
        return Verdict(word="FAIL", reason=HARM_GUARDRAIL, net_benefit=net_benefit)
    if found == "PASS" and "undecided" in states:
        return Verdict(word="INCONCLUSIVE", reason=GUARDRAIL_UNDECIDED, net_benefit=net_benefit)
    return Verdict(word=found, net_benefit=net_benefit)


def no_holdout() -> Verdict:
    """The verdict of a design without a random control.

    Example:
        >>> no_holdout().word
        'NO_HOLDOUT'
    """
    return Verdict(word=NO_HOLDOUT, reason=NO_HOLDOUT, net_benefit=Estimate(value=None, note=NO_HOLDOUT))


def _word(net_benefit: Estimate) -> Word:
    if net_benefit.low is None or net_benefit.high is None:
        raise InputError(
            f"a verdict needs the interval of the net benefit, got none ({net_benefit.note or 'no note'}). "
            f"Use the estimate of net_benefit, or no_holdout() for a design without a control."
        )
    if net_benefit.low > 0.0:
        return "PASS"
    return "FAIL" if net_benefit.high < 0.0 else "INCONCLUSIVE"


def verdict_p_values(net_benefit: Estimate) -> tuple[float, float]:
    """The one-sided p-values of "it pays" and "it does not pay" that belong to an estimate.

    Args:
        net_benefit: The net benefit, with its p-value.

    Returns:
        (p of PASS, p of FAIL). The estimate passes when the first is below (1 - level) / 2, or below 1 - level for
        ``side="greater"``; a side that is not asked has p = 1.

    Raises:
        InputError: When the estimate has no value or p-value.

    Example:
        >>> from attribution.core.estimates import Estimate
        >>> verdict_p_values(Estimate(value=0.5, low=0.1, high=0.9, p_value=0.01))
        (0.005, 0.995)
    """
    value, p = net_benefit.value, net_benefit.p_value
    if value is None or p is None:
        raise InputError(f"a net benefit without value or p-value has no verdict ({net_benefit.note or 'no note'}).")
    if net_benefit.side == "greater":
        return p, 1.0
    if net_benefit.side == "less":
        return 1.0, p
    return (0.5 * p, 1.0 - 0.5 * p) if value > 0.0 else (1.0 - 0.5 * p, 0.5 * p)


def adjust_verdicts(
    p_pass: Sequence[float],
    p_fail: Sequence[float],
    primary: Sequence[bool],
    *,
    level: float = 0.95,
    side: Side = "two",
    contrast: Sequence[Hashable] | None = None,
) -> tuple[Word, ...]:
    """The interval's words after adjustment for many verdicts.

    Rows declared primary keep their level. The others go through one step-down over all of them, for PASS and for FAIL
    separately: alpha is divided by the number of contrasts that still have a row without a decision, and the rows of
    one contrast share its part. With one row per contrast this is Holm.

    Why it controls the chance of any false word: until the first false rejection every contrast with a true null
    keeps a row without a decision, so the divisor is at least the number m of such contrasts, and one of them has a
    true null with p < alpha / m. Within a contrast the nulls are nested: NB(T) = T * dY - dC is monotone in T, so
    "NB(T) <= 0" up to a threshold T* contains all others that are true, and a false PASS below T* comes with one at
    T*, whose chance is alpha / m; the m contrasts together have at most alpha. (That p-values follow the order of T*
    holds while the estimated net benefit rises in T, the data not saying that treating is cheaper; and FAIL likewise.)

    Args:
        p_pass: One-sided p-values of "it pays" (`verdict_p_values`), one per row.
        p_fail: One-sided p-values of "it does not pay".
        primary: Which rows are declared primary.
        level: Level of the intervals.
        side: Their side.
        contrast: Identity of each row's contrast (treated arm, control, segment): rows that differ only in their
            threshold share it. None: every row is a contrast of its own.

    Returns:
        PASS, FAIL or INCONCLUSIVE per row, in the order given; hand each to `decide` as ``word``.

    Raises:
        InputError: When the lengths differ or a p-value is not between 0 and 1.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6:65; Goeman and Solari (2010), Annals of Statistics 38:3782
        (sequential rejection).

    Example:
        >>> adjust_verdicts([0.02, 0.02, 0.9], [0.98, 0.98, 0.1], [True, False, False])
        ('PASS', 'INCONCLUSIVE', 'INCONCLUSIVE')
        >>> adjust_verdicts([0.02, 0.01], [0.98, 0.99], [False, False], contrast=["sms", "sms"])
        ('PASS', 'PASS')
    """
    level, side = check_level(level), check_side(side)
    groups: Sequence[Hashable] = range(len(p_pass)) if contrast is None else contrast
    if not len(p_pass) == len(p_fail) == len(primary) == len(groups):
        raise InputError(
            f"p_pass, p_fail, primary and contrast must have one entry per row, got {len(p_pass)}, {len(p_fail)}, "
            f"{len(primary)} and {len(groups)}."
        )
    if not all(0.0 <= p <= 1.0 for p in (*p_pass, *p_fail)):
        raise InputError("p-values must lie between 0 and 1; take them from verdict_p_values.")
    alpha = (1.0 - level) / (2.0 if side == "two" else 1.0)
    passes = _rejected(p_pass, primary, groups, alpha)
    fails = _rejected(p_fail, primary, groups, alpha)
    return tuple("PASS" if up else "FAIL" if down else "INCONCLUSIVE" for up, down in zip(passes, fails, strict=True))


def _rejected(
    p_values: Sequence[float], primary: Sequence[bool], groups: Sequence[Hashable], alpha: float
) -> list[bool]:
    """Which rows are decided: primary ones at alpha, the others by a step-down over contrasts."""
    rejected = [own and p < alpha for p, own in zip(p_values, primary, strict=True)]
    waiting = [i for i, own in enumerate(primary) if not own]
    while waiting:
        part = alpha / len({groups[i] for i in waiting})
        kept = [i for i in waiting if p_values[i] >= part]
        for i in set(waiting) - set(kept):
            rejected[i] = True
        if len(kept) == len(waiting):
            break
        waiting = kept
    return rejected
