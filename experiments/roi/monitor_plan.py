"""What is fixed before the first look at a running campaign's net benefit, and what a look says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from attribution.core.estimates import Side, check_level, check_side
from attribution.core.whole import check_whole
from experiments.inference.sequential.always_valid import always_valid, mixture_z
from experiments.roi.arms import FEW_WOKEN
from experiments.roi.net_benefit import FEW_EVENTS
from experiments.roi.series import check_thresholds
from experiments.roi.verdicts import GUARDRAIL_UNDECIDED, HARM_GUARDRAIL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

__all__ = ["LOOK_FEW_EVENTS", "MonitorLook", "MonitorPlan", "Seen", "say"]

LOOK_FEW_EVENTS = "LOOK_FEW_EVENTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorPlan:
    """What is fixed before the first look.

    Attributes:
        planned: Matured persons of all arms at which the campaign is to be judged; it fixes the mixture's scale.
        pairs: (arm, control) of every contrast.
        thresholds: What one woken customer may cost.
        level: Confidence level of the whole log: all looks and contrasts together.
        side: "two", "greater" (can it pass?) or "less" (can it fail?).
        least: Woken that every arm must have for a look to count.
    """

    planned: int
    pairs: tuple[tuple[str, str], ...]
    thresholds: tuple[float, ...]
    level: float
    side: Side
    least: int

    def __post_init__(self) -> None:
        for name, least in (("planned", 2), ("least", 1)):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least=least))
        if not self.pairs or len(set(self.pairs)) < len(self.pairs) or any(one == two for one, two in self.pairs):
            raise InputError(f"the contrasts must be different pairs of arms, got {list(self.pairs)!r}.")
        object.__setattr__(self, "thresholds", tuple(check_thresholds(list(self.thresholds))))
        object.__setattr__(self, "level", check_level(self.level))
        object.__setattr__(self, "side", check_side(self.side))

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that take part, the control first."""
        first = self.pairs[0][1]
        return tuple(dict.fromkeys([first, *(arm for pair in self.pairs for arm in pair)]))

    @property
    def contrast_level(self) -> float:
        """Level of one contrast: the error is shared evenly over the contrasts (Bonferroni)."""
        return 1.0 - (1.0 - self.level) / len(self.pairs)

    def bound(self, matured: int) -> float:
        """The bound of z at a look with that many matured persons of all arms."""
        return mixture_z(matured, planned_n=self.planned, level=self.contrast_level, side=self.side)

    def p_value(self, z: float, matured: int) -> float:
        """The smallest error, over all looks and contrasts, at which this look would have decided."""
        seen = always_valid(z, 1.0, matured, planned_n=self.planned, level=self.contrast_level, side=self.side)
        return 1.0 if seen.p_value is None else min(1.0, len(self.pairs) * seen.p_value)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Seen:
    """What was measured at a look, of one contrast at one threshold; money per person.

    Attributes:
        net: Net benefit.
        z: Its score statistic against 0.
        low: Lower end of the always-valid interval; None where the look does not count.
        high: Upper end.
        guardrail: "" (none, or safe), "undecided" or "harm", by always-valid bounds.
        invalid: Codes of checks that failed, joined by "; ".
        warned: Codes of checks that warn, joined by "; ".
    """

    net: float
    z: float
    low: float | None
    high: float | None
    guardrail: str = ""
    invalid: str = ""
    warned: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MonitorLook:
    """One look at one contrast and threshold.

    Attributes:
        day: Day of the look.
        number: Number among the looks that count, from 1; None for a look that does not.
        pair: (arm, control).
        threshold: T.
        matured: Matured persons of all arms.
        n: Matured persons by arm.
        woken: Woken by arm.
        seen: What was measured.
        bound: Bound of z; None for a look that does not count.
        p_value: As `MonitorPlan.p_value`; None for a look that does not count.
        verdict: PASS, FAIL, INCONCLUSIVE or INVALID at this look; "" for a look that does not count.
        reason: Code(s) of what overrode the interval, or why the look does not count.
    """

    day: date
    number: int | None
    pair: tuple[str, str]
    threshold: float
    matured: int
    n: tuple[int, int]
    woken: tuple[int, int]
    seen: Seen
    bound: float | None
    p_value: float | None
    verdict: str
    reason: str


def say(plan: MonitorPlan, seen: Seen, bound: float | None, woken: Sequence[int]) -> tuple[str, str]:
    """The word of a look and the code of what overrode its interval."""
    if seen.invalid:
        return "INVALID", seen.invalid
    if bound is None or math.isnan(seen.z):
        return "", LOOK_FEW_EVENTS
    if min(woken) < FEW_WOKEN:
        return "INCONCLUSIVE", FEW_EVENTS
    if plan.side != "less" and seen.z >= bound:
        if seen.guardrail == "harm":
            return "FAIL", HARM_GUARDRAIL
        return ("INCONCLUSIVE", GUARDRAIL_UNDECIDED) if seen.guardrail == "undecided" else ("PASS", "")
    return ("FAIL", "") if plan.side != "greater" and -seen.z >= bound else ("INCONCLUSIVE", "")
