"""What the net benefit needs to know of an arm: persons, woken persons, and the cost within each of the two groups."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FEW_WOKEN", "WOKEN_COST_ASSUMED", "WOKEN_COST_POOLED", "ArmCosts", "Stratum", "few_events", "prepare"]

FEW_WOKEN = 20
WOKEN_COST_POOLED = "WOKEN_COST_POOLED"
WOKEN_COST_ASSUMED = "WOKEN_COST_ASSUMED"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArmCosts:
    """Sufficient statistics of one arm in one stratum.

    A group (woken, or not woken) without persons has no mean, and one of a single person has no variance: what is
    passed there is not read. See `net_benefit` for what stands in for it.

    Attributes:
        n: Persons assigned to the arm.
        woken: How many of them woke.
        cost_mean_woken: Mean full cost per woken person.
        cost_mean_other: Mean full cost per person who did not wake.
        cost_variance_woken: Sample variance (n - 1) of the cost among the woken.
        cost_variance_other: Sample variance (n - 1) of the cost among the others.

    Raises:
        InputError: When counts are not whole, not 0 <= woken <= n with n >= 1, or a moment that is read is not finite,
            or a variance that is read is negative.

    Example:
        >>> arm = ArmCosts(n=1000, woken=12, cost_mean_woken=30.05, cost_mean_other=0.05,
        ...                cost_variance_woken=0.0, cost_variance_other=0.0)
        >>> round(arm.cost_mean, 4)
        0.41
    """

    n: int
    woken: int
    cost_mean_woken: float = math.nan
    cost_mean_other: float = math.nan
    cost_variance_woken: float = math.nan
    cost_variance_other: float = math.nan

    def __post_init__(self) -> None:
        for name in ("n", "woken"):
            object.__setattr__(self, name, _whole(name, getattr(self, name)))
        if not 0 <= self.woken <= self.n or self.n < 1:
            raise InputError(
                f"an arm needs n >= 1 persons with 0 <= woken <= n, got n={self.n} and woken={self.woken}. "
                f"Leave a stratum without persons in an arm out of the contrast."
            )
        for field in fields(self)[2:]:
            object.__setattr__(self, field.name, float(getattr(self, field.name)))
        for group, size in (("woken", self.woken), ("other", self.other)):
            self._check_group(group, size)

    def _check_group(self, group: str, size: int) -> None:
        mean, variance = getattr(self, f"cost_mean_{group}"), getattr(self, f"cost_variance_{group}")
        if size > 0 and not math.isfinite(mean):
            raise InputError(
                f"cost_mean_{group} must be a finite amount because {size:,} persons are in that group, got {mean!r}."
            )
        if size > 1 and not 0.0 <= variance < math.inf:
            raise InputError(
                f"cost_variance_{group} must be finite and not negative because {size:,} persons are in that group, "
                f"got {variance!r}."
            )

    @property
    def other(self) -> int:
        """Persons who did not wake."""
        return self.n - self.woken

    @property
    def cost_mean(self) -> float:
        """Mean full cost per assigned person."""
        woken = self.woken * self.cost_mean_woken if self.woken else 0.0
        return (woken + (self.other * self.cost_mean_other if self.other else 0.0)) / self.n


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """One stratum of a contrast with every gap filled.

    Attributes:
        weight: Weight of the stratum; they sum to 1.
        treated: (n, woken, mean woken, mean other, variance woken, variance other) of the treated arm.
        control: The same of the control arm.
    """

    weight: float
    treated: Moments
    control: Moments


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """An arm's numbers without gaps; `wake_cost` is what a woken person costs more than another one."""

    n: int
    woken: float
    wake_cost: float
    other: float
    variance_woken: float
    variance_other: float


def _whole(name: str, value: object) -> int:
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (whole or hasattr(value, "__index__")):
        raise InputError(f"{name} must be a whole number of persons, got {value!r}.")
    return int(value)  # type: ignore[call-overload, no-any-return]


def few_events(treated: Sequence[ArmCosts], control: Sequence[ArmCosts]) -> bool:
    """Whether an arm, over all strata, has fewer than 20 woken persons.

    Example:
        >>> free = {"cost_mean_woken": 0, "cost_mean_other": 0, "cost_variance_woken": 0, "cost_variance_other": 0}
        >>> few_events([ArmCosts(n=90, woken=25, **free)], [ArmCosts(n=90, woken=19, **free)])
        True
    """
    return min(sum(arm.woken for arm in treated), sum(arm.woken for arm in control)) < FEW_WOKEN


def prepare(
    treated: Sequence[ArmCosts], control: Sequence[ArmCosts], weights: Sequence[float] | None
) -> tuple[tuple[Stratum, ...], tuple[str, ...]]:
    """The strata with weights and without gaps, and the codes of what stood in for a gap."""
    if len(treated) != len(control) or not treated:
        raise InputError(
            f"treated and control must hold the same strata in the same order, at least one; got {len(treated)} and "
            f"{len(control)}. Leave a stratum that lacks an arm out of both."
        )
    shares = _weights(treated, control, weights)
    everyone = [*treated, *control]
    codes: set[str] = set()
    strata = tuple(
        Stratum(share, _filled(arm, other, everyone, codes), _filled(other, arm, everyone, codes))
        for share, arm, other in zip(shares, treated, control, strict=True)
    )
    return strata, tuple(sorted(codes))


def _weights(treated: Sequence[ArmCosts], control: Sequence[ArmCosts], weights: Sequence[float] | None) -> list[float]:
    given = [float(arm.n + other.n) for arm, other in zip(treated, control, strict=True)]
    if weights is not None:
        given = [float(weight) for weight in weights]
    if len(given) != len(treated):
        raise InputError(f"weights must have one entry per stratum ({len(treated)}), got {len(given)}.")
    total = math.fsum(given)
    if not all(0.0 <= weight < math.inf for weight in given) or total <= 0.0:
        raise InputError(f"weights must be finite, not negative and not all 0, got {given!r}.")
    return [weight / total for weight in given]


def _filled(arm: ArmCosts, partner: ArmCosts, everyone: Sequence[ArmCosts], codes: set[str]) -> Moments:
    """An arm's moments; gaps come from the other arm of the stratum, else from all strata, else are 0."""
    if arm.woken and arm.other:
        wake_cost, other = arm.cost_mean_woken - arm.cost_mean_other, arm.cost_mean_other
    else:
        wake_cost, code = _borrowed_wake_cost(partner, everyone)
        codes.add(code)
        other = arm.cost_mean_other if arm.other else arm.cost_mean_woken - wake_cost
    return Moments(
        arm.n,
        arm.woken,
        wake_cost,
        other,
        _variance([(a.woken, a.cost_variance_woken) for a in (arm, partner, *everyone)]),
        _variance([(a.other, a.cost_variance_other) for a in (arm, partner, *everyone)]),
    )


def _borrowed_wake_cost(partner: ArmCosts, everyone: Sequence[ArmCosts]) -> tuple[float, str]:
    """What waking adds to the cost: a difference, so that the arms' own touch costs stay where they are."""
    if partner.woken and partner.other:
        return partner.cost_mean_woken - partner.cost_mean_other, WOKEN_COST_POOLED
    known = [arm for arm in everyone if arm.woken and arm.other]
    if not known:
        return 0.0, WOKEN_COST_ASSUMED
    persons = sum(arm.woken for arm in known)
    extra = math.fsum(arm.woken * (arm.cost_mean_woken - arm.cost_mean_other) for arm in known)
    return extra / persons, WOKEN_COST_POOLED


def _variance(candidates: Sequence[tuple[int, float]]) -> float:
    """The arm's own variance, else its partner's, else the pooled one, else 0."""
    for size, variance in candidates[:2]:
        if size > 1:
            return variance
    degrees = sum(size - 1 for size, _ in candidates[2:] if size > 1)
    if degrees == 0:
        return 0.0
    return math.fsum((size - 1) * variance for size, variance in candidates[2:] if size > 1) / degrees
