"""The declared plan of a log of looks: what is fixed before the first look, and the bound that follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal, get_args

from attribution.core.errors import InputError
from attribution.core.estimates import check_level, check_side
from attribution.core.recipe import Recipe
from experiments.inference.sequential.always_valid import always_valid, mixture_z
from experiments.inference.sequential.boundaries import one_side, spending_z
from experiments.inference.sequential.bounds import Bounds
from experiments.inference.sequential.spending import Spending, check_spending, spending_text
from experiments.inference.sequential.stopped import repeated_p
from experiments.inference.sequential.walk import check_steps

if TYPE_CHECKING:
    from attribution.core.estimates import Side

__all__ = ["LookKind", "LookMethod", "LookPlan"]

LookKind = Literal["rate", "mean"]
LookMethod = Literal["spending", "always_valid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPlan:
    """What is fixed before the first look.

    Attributes:
        planned: Matured persons of all arms together at which the experiment is to end.
        arms: The arms that are compared with the control.
        control: The control arm.
        metric: Name of the metric.
        kind: ``"rate"`` or ``"mean"``.
        method: ``"spending"`` or ``"always_valid"``.
        spending: The spending function; without meaning for ``"always_valid"``.
        level: Confidence level of the whole log, over all arms and looks.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        least: Events (rates) or non-zero values (means) that every arm must have for a look to count.
    """

    planned: int
    arms: tuple[str, ...]
    control: str
    metric: str
    kind: LookKind
    method: LookMethod
    spending: Spending
    level: float
    side: Side
    least: int

    def __post_init__(self) -> None:
        if not _whole(self.planned) or self.planned < 2:
            raise InputError(
                f"planned must be a whole number of persons (all arms, matured) of at least 2, got {self.planned!r}."
            )
        # A saved log knows names as text alone, and so do the looks that are taken from outcomes.
        object.__setattr__(self, "control", str(self.control))
        listed = not isinstance(self.arms, str) and isinstance(self.arms, Sequence)
        arms = tuple(map(str, self.arms)) if listed else ()
        if not arms or len(set(arms)) < len(arms) or self.control in arms:
            raise InputError(
                f"arms must list the arms that are compared with the control {self.control!r}, each once and without "
                f"it, got {self.arms!r}."
            )
        for name, value, allowed in (
            ("kind", self.kind, get_args(LookKind)),
            ("method", self.method, get_args(LookMethod)),
        ):
            if value not in allowed:
                raise InputError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")
        if not _whole(self.least) or self.least < 1:
            raise InputError(f"least must be a whole number of at least 1, got {self.least!r}.")
        object.__setattr__(self, "planned", int(self.planned))
        object.__setattr__(self, "least", int(self.least))
        object.__setattr__(self, "arms", arms)
        object.__setattr__(self, "spending", check_spending(self.spending))
        object.__setattr__(self, "level", check_level(self.level))
        object.__setattr__(self, "side", check_side(self.side))

    @property
    def arm_level(self) -> float:
        """Confidence level of one arm: the error is shared evenly over the arms (Bonferroni)."""
        return 1.0 - (1.0 - self.level) / len(self.arms)

    @property
    def told(self) -> str:
        """The method in one word, for a table."""
        return self.method if self.method == "always_valid" else f"spending {spending_text(self.spending)}"

    def bound(self, matured: Sequence[int], *, final: bool) -> float:
        """The bound of z of one arm at the last of these looks.

        Args:
            matured: Matured persons of all arms at every look that counts, this one last.
            final: Whether this look is the last of all.
        """
        if self.method == "always_valid":
            return mixture_z(matured[-1], planned_n=self.planned, level=self.arm_level, side=self.side)
        return self.bounds(matured, final=final)[-1]

    def p_value(self, z: float, matured: Sequence[int], *, final: bool) -> float:
        """The p-value of one arm's z at the last of these looks, adjusted over the arms.

        It is the smallest error at which that look, in a log with that error, would have reached its bound.
        """
        many = len(self.arms)
        if self.method == "always_valid":
            seen = always_valid(z, 1.0, matured[-1], planned_n=self.planned, level=self.arm_level, side=self.side)
            return 1.0 if seen.p_value is None else min(1.0, many * seen.p_value)
        bounds = self.bounds(matured, final=final)
        return min(1.0, many * repeated_p(bounds, look=len(matured), z=z))

    def bounds(self, matured: Sequence[int], *, final: bool) -> Bounds:
        """The bounds of one arm at the looks taken so far, for `estimate_after_stopping`."""
        times = tuple(count / self.planned for count in matured)
        check_steps(times)
        alpha = one_side(self.arm_level, self.side)
        other = None if self.side == "two" else (-math.inf,) * len(times)
        z, used = spending_z(times, alpha, self.spending, lower=other, final=final)
        both = 2.0 if self.side == "two" else 1.0
        settings = {
            "level": self.arm_level, "side": self.side, "spending": spending_text(self.spending),
            "planned": self.planned,
        }  # fmt: skip
        return Bounds(
            z=z, family="spending", shape=self.spending, final=final, fractions=times,
            spent=tuple(both * value for value in used), level=self.arm_level, side=self.side,
            recipe=Recipe(method="looks", definitions=("BOUNDS_SPENDING",), settings=settings),
        )  # fmt: skip


def _whole(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer()
