"""What a posterior says of a contrast: interval, chance to be better, chance to pay, what a wrong choice costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from experiments.inference.counts import checked_number, raise_problems

__all__ = ["Decision", "Posterior", "PosteriorRow", "checked_decision", "read_posterior"]


class Posterior(Protocol):
    """What a posterior of an effect can be asked."""

    @property
    def mean(self) -> float:
        """Mean of the effect."""
        ...

    def below(self, difference: float) -> float:
        """Probability that the effect is at most a number."""
        ...

    def above(self, difference: float) -> float:
        """Probability that the effect is larger than a number."""
        ...

    def shortfall(self, bar: float) -> float:
        """Mean of max(bar - effect, 0)."""
        ...

    def excess(self, bar: float) -> float:
        """Mean of max(effect - bar, 0)."""
        ...

    def quantile(self, p: float) -> float:
        """Quantile of the effect."""
        ...

    def lift_quantile(self, p: float) -> float:
        """Quantile of the lift."""
        ...

    def highest_density(self, level: float) -> tuple[float, float]:
        """The shortest interval."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Decision:
    """What the effect is judged by.

    Attributes:
        direction: Whether more is better ("up") or less ("down").
        value: What one unit of the effect is worth per person; None when no money is declared.
        cost: What the treatment costs more per person; None when no money is declared.
        rope: Differences that do not matter, from low to high; None when not declared.
    """

    direction: Literal["up", "down"]
    value: float | None
    cost: float | None
    rope: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PosteriorRow:
    """One contrast under one prior.

    Attributes:
        metric: Name of the metric; None outside a readout.
        arm: The treated arm; None outside a readout.
        control: What it is compared with; None outside a readout.
        prior: The prior, in words.
        value: Posterior mean of the difference.
        low: Lower end of the equal-tailed credible interval of the difference.
        high: Upper end.
        hdi_low: Lower end of the shortest credible interval; None under the priors of the sensitivity rows.
        hdi_high: Upper end.
        relative: Posterior median of the lift; None when undefined.
        relative_low: Lower end of its equal-tailed interval.
        relative_high: Upper end.
        p_better: Probability that the treatment is better.
        p_pays: Probability that value x difference exceeds cost; None without both.
        loss_treatment: Mean of what is lost by taking the treatment where it is the wrong choice: per person, in money
            when value and cost are declared, else in the metric's unit.
        loss_control: The same for staying with the control.
        p_negligible: Share of the posterior inside the declared range of differences that do not matter.
        note: Reason codes.
    """

    metric: str | None
    arm: str | None
    control: str | None
    prior: str
    value: float | None
    low: float | None
    high: float | None
    hdi_low: float | None
    hdi_high: float | None
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    p_better: float | None
    p_pays: float | None
    loss_treatment: float | None
    loss_control: float | None
    p_negligible: float | None
    note: str


def checked_decision(
    direction: str, value: float | None, cost: float | None, rope: float | tuple[float, float] | None
) -> Decision:
    """Check what the effect is judged by; all problems in one error."""
    problems: list[str] = []
    if direction not in ("up", "down"):
        problems.append(f'direction must be "up" (more is better) or "down", got {direction!r}.')
    if (value is None) != (cost is None):
        problems.append("value and cost are declared together: what one unit is worth, and what a person costs more.")
    worth = None if value is None else checked_number("value", value, problems)
    price = None if cost is None else checked_number("cost", cost, problems)
    if worth == 0.0:
        problems.append("value must not be 0: then nothing could pay.")
    span = None if rope is None else _span(rope, problems)
    raise_problems(problems)
    return Decision(direction="down" if direction == "down" else "up", value=worth, cost=price, rope=span)


def _span(rope: float | tuple[float, float], problems: list[str]) -> tuple[float, float] | None:
    ends = tuple(rope) if isinstance(rope, (tuple, list)) else (-rope, rope) if isinstance(rope, (int, float)) else ()
    if len(ends) == 2 and all(isinstance(e, (int, float)) and math.isfinite(e) for e in ends) and ends[0] < ends[1]:
        return float(ends[0]), float(ends[1])
    problems.append(f"rope must be a number above 0 or a pair (low, high), got {rope!r}.")
    return None


def read_posterior(  # noqa: PLR0913 - options, keyword-only
    posterior: Posterior,
    decision: Decision,
    *,
    prior: str,
    level: float,
    shortest: bool = True,
    lift: bool = True,
    note: str = "",
) -> PosteriorRow:
    """One row from a posterior.

    Args:
        posterior: The posterior.
        decision: What the effect is judged by.
        prior: The prior, in words.
        level: Level of the credible intervals.
        shortest: Whether the shortest interval is wanted.
        lift: Whether the lift is defined.
        note: Reason codes.
    """
    tail = (1.0 - level) / 2.0
    up = decision.direction == "up"
    short = posterior.highest_density(level) if shortest else (None, None)
    losses = _losses(posterior, decision)
    return PosteriorRow(
        metric=None,
        arm=None,
        control=None,
        prior=prior,
        value=posterior.mean,
        low=posterior.quantile(tail),
        high=posterior.quantile(1.0 - tail),
        hdi_low=short[0],
        hdi_high=short[1],
        relative=posterior.lift_quantile(0.5) if lift else None,
        relative_low=posterior.lift_quantile(tail) if lift else None,
        relative_high=posterior.lift_quantile(1.0 - tail) if lift else None,
        p_better=posterior.above(0.0) if up else posterior.below(0.0),
        p_pays=_pays(posterior, decision),
        loss_treatment=losses[0],
        loss_control=losses[1],
        p_negligible=_negligible(posterior, decision.rope),
        note=note,
    )


def _pays(posterior: Posterior, decision: Decision) -> float | None:
    if decision.value is None or decision.cost is None:
        return None
    bar = decision.cost / decision.value
    return posterior.above(bar) if decision.value > 0.0 else posterior.below(bar)


def _losses(posterior: Posterior, decision: Decision) -> tuple[float, float]:
    """What is lost on average by taking the treatment, and by not taking it."""
    if decision.value is None or decision.cost is None:
        short, over = posterior.shortfall(0.0), posterior.excess(0.0)
        return (short, over) if decision.direction == "up" else (over, short)
    bar, worth = decision.cost / decision.value, abs(decision.value)
    short, over = worth * posterior.shortfall(bar), worth * posterior.excess(bar)
    return (short, over) if decision.value > 0.0 else (over, short)


def _negligible(posterior: Posterior, rope: tuple[float, float] | None) -> float | None:
    if rope is None:
        return None
    low, high = rope
    # Taken from the tail on the rope's side of the posterior, so that a small share keeps its digits.
    if posterior.mean > high:
        return max(0.0, posterior.below(high) - posterior.below(low))
    if posterior.mean < low:
        return max(0.0, posterior.above(low) - posterior.above(high))
    return max(0.0, 1.0 - posterior.below(low) - posterior.above(high))
