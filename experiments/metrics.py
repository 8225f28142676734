"""What is measured: a rate or a mean of one column of the outcomes."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

from attribution.core.errors import InputError

__all__ = ["Direction", "Mean", "Metric", "Missing", "Rate", "Role", "with_roles"]

Role = Literal["primary", "secondary", "guardrail"]
Direction = Literal["up", "down"]
Missing = Literal["zero", "exclude"]


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of persons with the event: the mean of a column that holds only 0 and 1.

    Attributes:
        column: Name of the column of the outcomes; whole numbers or booleans.
        role: "primary", "secondary" or "guardrail". Without any declared primary metric the first metric of the
            experiment is it; every other undeclared one is secondary.
        direction: The wished direction, "up" or "down"; None is read as "up", but a guardrail must not leave it open.
            The sentence of the readout says when a change goes against it.
        missing: What an empty cell means: None (an error), "zero" (no event happened) or "exclude" (the person
            leaves this metric; never allowed for the primary metric, and tested for a difference between the arms).

    Example:
        >>> import experiments as ex
        >>> ex.Rate("woken").missing is None
        True
    """

    column: str
    _: KW_ONLY
    role: Role | None = None
    direction: Direction | None = None
    missing: Missing | None = None

    def __post_init__(self) -> None:
        _check_metric(self)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a column over all persons, in the column's own unit.

    Attributes:
        column: Name of the numeric column of the outcomes.
        role: As for `Rate`.
        direction: As for `Rate`.
        missing: As for `Rate`; "zero" stands for the number 0.
        cap: Every value above it counts as the cap (winsorised). A capped mean is another question than the mean,
            and the method of the readout says so. None leaves the values alone.

    Example:
        >>> import experiments as ex
        >>> ex.Mean("value", cap=10_000.0).cap
        10000.0
    """

    column: str
    _: KW_ONLY
    role: Role | None = None
    direction: Direction | None = None
    missing: Missing | None = None
    cap: float | None = None

    def __post_init__(self) -> None:
        _check_metric(self)
        if self.cap is None:
            return
        number = isinstance(self.cap, (int, float)) and not isinstance(self.cap, bool)
        if not number or not math.isfinite(self.cap):
            raise InputError(f"cap must be a finite number in the unit of the column, or None, got {self.cap!r}.")


Metric = Rate | Mean


def _check_metric(metric: Metric) -> None:
    if not isinstance(metric.column, str) or not metric.column:
        raise InputError(f"{type(metric).__name__}(column) must be the name of a column, got {metric.column!r}.")
    if metric.role is not None and metric.role not in get_args(Role):
        raise InputError(f'role must be "primary", "secondary", "guardrail" or None, got {metric.role!r}.')
    if metric.direction is not None and metric.direction not in get_args(Direction):
        raise InputError(f'direction must be "up", "down" or None, got {metric.direction!r}.')
    if metric.missing is not None and metric.missing not in get_args(Missing):
        raise InputError(f'missing must be "zero", "exclude" or None, got {metric.missing!r}.')


def with_roles(metrics: dict[str, Metric]) -> dict[str, Role]:
    """The role of every metric: exactly one primary, the first metric unless one is declared.

    Raises:
        InputError: For two primary metrics, or none that could be it.
    """
    declared = [name for name, metric in metrics.items() if metric.role == "primary"]
    if len(declared) > 1:
        raise InputError(
            f"an experiment has exactly one primary metric, got {len(declared)}: {', '.join(map(repr, declared))}. "
            "Decide "
            'which one settles the question and give the others role="secondary".'
        )
    first = declared[0] if declared else next(iter(metrics))
    if metrics[first].role not in (None, "primary"):
        raise InputError(
            f"no metric is primary: the first metric {first!r} has role={metrics[first].role!r}. Put the deciding "
            "metric "
            'first or give it role="primary".'
        )
    return {name: "primary" if name == first else metric.role or "secondary" for name, metric in metrics.items()}
