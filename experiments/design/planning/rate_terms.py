"""Distance from the null and standard errors of two rates, for one control person's worth of data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["NullKind", "RateTerms", "margin_terms", "plain_terms"]

NullKind = Literal["difference", "relative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTerms:
    """What the power of a test of two rates needs; divide the errors by the root of the control persons.

    Attributes:
        distance: The statistic's expectation, 0 under the null.
        null_error: Standard error that the test uses, under the null.
        true_error: Standard error in truth.
    """

    distance: float
    null_error: float
    true_error: float

    def widened(self, factor: float) -> RateTerms:
        """Both errors times a factor."""
        return RateTerms(
            distance=self.distance, null_error=self.null_error * factor, true_error=self.true_error * factor
        )


def plain_terms(control: float, treatment: float, allocation: float, method: str) -> RateTerms:
    """Terms under "no difference".

    Args:
        control: Rate of the control arm.
        treatment: Rate of the treated arm.
        allocation: Treated per control person.
        method: "pooled", "continuity", "exact", "unpooled", "baseline" or "arcsine".
    """
    if method == "arcsine":
        error = math.sqrt(1.0 + 1.0 / allocation)
        distance = 2.0 * (math.asin(math.sqrt(treatment)) - math.asin(math.sqrt(control)))
        return RateTerms(distance=distance, null_error=error, true_error=error)
    true_error = math.sqrt(control * (1.0 - control) + treatment * (1.0 - treatment) / allocation)
    if method == "unpooled":
        return RateTerms(distance=treatment - control, null_error=true_error, true_error=true_error)
    shared = control if method == "baseline" else (control + allocation * treatment) / (1.0 + allocation)
    null_error = math.sqrt(shared * (1.0 - shared) * (1.0 + 1.0 / allocation))
    return RateTerms(distance=treatment - control, null_error=null_error, true_error=true_error)


def margin_terms(
    control: float, treatment: float, allocation: float, *, difference: float, ratio: float | None, pooled: bool
) -> RateTerms:
    """Terms under a null difference, or a null ratio, by Farrington and Manning.

    Args:
        control: Rate of the control arm.
        treatment: Rate of the treated arm.
        allocation: Treated per control person.
        difference: The null difference, when ``ratio`` is None.
        ratio: The null ratio of the rates.
        pooled: Whether the null's error uses the rates that maximise the likelihood under the null (limits for many
            persons); else both errors are the true one.
    """
    from experiments.inference.score import Tables, constrained_difference, constrained_ratio

    slope = 1.0 if ratio is None else ratio
    distance = treatment - control - difference if ratio is None else treatment - ratio * control

    def error(one: float, other: float) -> float:
        return math.sqrt(slope * slope * other * (1.0 - other) + one * (1.0 - one) / allocation)

    true_error = error(treatment, control)
    if not pooled:
        return RateTerms(distance=distance, null_error=true_error, true_error=true_error)
    expected = Tables(
        hits=np.array([allocation * treatment]), n=np.array([allocation]), control_hits=np.array([control]),
        control_n=np.ones(1), weights=np.ones(1),
    )  # fmt: skip
    found = constrained_difference(expected, difference) if ratio is None else constrained_ratio(expected, ratio)
    null_error = error(float(found[0][0]), float(found[1][0]))
    return RateTerms(distance=distance, null_error=null_error, true_error=true_error)
