"""What is measured: rates, means, ratios of sums, quantiles, counts and durations of the outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Literal, get_args

from attribution.core.durations import parse_duration
from attribution.core.errors import InputError

__all__ = [
    "Cap",
    "Count",
    "Direction",
    "Duration",
    "Mean",
    "Metric",
    "MetricInputs",
    "Missing",
    "Quantile",
    "Rate",
    "Ratio",
    "Role",
    "inputs_of",
    "with_roles",
]

Role = Literal["primary", "secondary", "guardrail"]
Direction = Literal["up", "down"]
Missing = Literal["zero", "exclude"]
Cap = float | tuple[float, float]

_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of persons with the event: the mean of a column that holds only 0 and 1.

    Attributes:
        column: Name of the column of the outcomes; whole numbers or booleans.
        covariate: Column or columns, fixed before the assignment, that explain some of the noise; None leaves the
            rate alone and keeps the score test. See docs/methods/adjustment.md.
        role: "primary", "secondary" or "guardrail". Without any declared primary metric the first metric of the
            experiment is it; every other undeclared one is secondary.
        direction: The wished direction, "up" or "down"; None is read as "up", but a guardrail must not leave it open.
            The sentence of the readout says when a change goes against it.
        missing: What an empty cell means: None (an error), "zero" (no event happened) or "exclude" (the person
            leaves this metric; never allowed for the primary metric, and tested for a difference between the arms).
        method: "score", or "skewed_score", whose tails each have their level also with a small holdout and rare events
            (advised for one-sided decisions). Covariates, clusters and ``target="population"`` have methods of their
            own.

    Example:
        >>> import experiments as ex
        >>> ex.Rate("woken").missing is None
        True
    """

    column: str
    _: KW_ONLY
    covariate: str | Sequence[str] | None = None
    role: Role | None = None
    direction: Direction | None = None
    missing: Missing | None = None
    method: Literal["score", "skewed_score"] = "score"

    def __post_init__(self) -> None:
        _check_metric(self, (self.column,))
        if self.method not in ("score", "skewed_score"):
            raise InputError(f'method must be "score" or "skewed_score", got {self.method!r}.')


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a column over all persons, in the column's own unit.

    Attributes:
        column: Name of the numeric column of the outcomes.
        covariate: As for `Rate`; a covariate of a person without history may be empty.
        role: As for `Rate`.
        direction: As for `Rate`.
        missing: As for `Rate`; "zero" stands for the number 0.
        cap: Every value above it counts as the cap (winsorised); two numbers are a lower and an upper limit. The
            limits are fixed before the data and the same for all arms (`pooled_cap` proposes one). A capped mean is
            another question than the mean, and the method of the readout says so. None leaves the values alone.
        equal_variances: Whether one variance, pooled over all arms, serves every contrast (Student's t and Dunnett's
            original test). False: Welch.

    Example:
        >>> import experiments as ex
        >>> ex.Mean("value", cap=10_000.0).cap
        10000.0
    """

    column: str
    _: KW_ONLY
    covariate: str | Sequence[str] | None = None
    role: Role | None = None
    direction: Direction | None = None
    missing: Missing | None = None
    cap: Cap | None = None
    equal_variances: bool = False

    def __post_init__(self) -> None:
        _check_metric(self, (self.column,))
        _check_cap("cap", self.cap)
        if self.equal_variances and self.covariate is not None:
            raise InputError("equal_variances=True and a covariate exclude each other: the adjusted mean has its own "
                             "variance per arm.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums, such as clicks per message or money per order: sum of the numerator / sum of the denominator.

    It is not the mean of each person's own ratio. The persons are the units; the denominator may differ by arm, and
    then the ratio answers another question than the numerator's mean (declare the denominator as a metric too).

    Attributes:
        numerator: Name of the numeric column above the line.
        denominator: Name of the numeric column below the line; its mean must lie above 0 in every arm.
        covariate: As for `Rate`; both sums are adjusted.
        role: As for `Rate`.
        direction: As for `Rate`.
        missing: As for `Mean`, for both columns.
        cap: As for `Mean`, for the numerator.
        denominator_cap: As for `Mean`, for the denominator.

    Example:
        >>> import experiments as ex
        >>> ex.Ratio("value", "orders").denominator
        'orders'
    """

    numerator: str
    denominator: str
    _: KW_ONLY
    covariate: str | Sequence[str] | None = None
    role: Role | None = None
    direction: Direction | None = None
    missing: Missing | None = None
    cap: Cap | None = None
    denominator_cap: Cap | None = None

    def __post_init__(self) -> None:
        _check_metric(self, (self.numerator, self.denominator))
        _check_cap("cap", self.cap)
        _check_cap("denominator_cap", self.denominator_cap)


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of a column over all persons, such as the median days of silence.

    Undefined, with the reason ATOM, where the quantile lies in a value that many persons share: among dormant
    customers of whom 98 % spend nothing the median is 0 in every arm and says nothing.

    Attributes:
        column: Name of the numeric column of the outcomes.
        q: The quantile's share, strictly between 0 and 1.
        role: As for `Rate`.
        direction: As for `Rate`.
        missing: As for `Mean`.

    Example:
        >>> import experiments as ex
        >>> ex.Quantile("value", 0.9).q
        0.9
    """

    column: str
    q: float = 0.5
    _: KW_ONLY
    role: Role | None = None
    direction: Direction | None = None
    missing: Missing | None = None

    def __post_init__(self) -> None:
        _check_metric(self, (self.column,))
        if not _is_number(self.q) or not 0.0 < self.q < 1.0:
            raise InputError(f"q must lie strictly between 0 and 1, got {self.q!r}.")


@dataclass(frozen=True, slots=True)
class Count:
    """The mean number of events per person, such as orders: a `Mean` whose column holds numbers from 0 on.

    Attributes:
        column: Name of the column of counts.
        covariate: As for `Rate`.
        role: As for `Rate`.
        direction: As for `Rate`.
        missing: As for `Mean`.
        cap: As for `Mean`.

    Example:
        >>> import experiments as ex
        >>> ex.Count("orders").column
        'orders'
    """

    column: str
    _: KW_ONLY
    covariate: str | Sequence[str] | None = None
    role: Role | None = None
    direction: Direction | None = None
    missing: Missing | None = None
    cap: Cap | None = None

    def __post_init__(self) -> None:
        _check_metric(self, (self.column,))
        _check_cap("cap", self.cap)


@dataclass(frozen=True, slots=True)
class Duration:
    """The mean time to an event within a horizon that everybody was observed for, in days (restricted mean time).

    A person without the event, and one whose event came later, counts with the whole horizon; nobody is left out, as
    leaving out those who never came back would compare different kinds of persons.

    Attributes:
        column: Name of a column of days from 0 on; empty where the event did not happen.
        horizon: The horizon, such as "28d"; at most the window of the outcomes.
        covariate: As for `Rate`.
        role: As for `Rate`.
        direction: As for `Rate`; usually "down": sooner is better.

    Example:
        >>> import experiments as ex
        >>> ex.Duration("days_to_return", horizon="28d", direction="down").days
        28.0
    """

    column: str
    _: KW_ONLY
    horizon: str
    covariate: str | Sequence[str] | None = None
    role: Role | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        _check_metric(self, (self.column,))
        if self.days <= 0.0:
            raise InputError(f'horizon must be a duration above 0 such as "28d", got {self.horizon!r}.')

    @property
    def days(self) -> float:
        """The horizon in days."""
        return parse_duration(self.horizon).total_seconds() / _DAY_SECONDS

    @property
    def missing(self) -> Missing | None:
        """Nobody leaves this metric: an empty cell counts with the horizon."""
        return None


Metric = Rate | Mean | Ratio | Quantile | Count | Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInputs:
    """What a metric reads from a row of the outcomes.

    Attributes:
        columns: The measured columns: one, or numerator and denominator.
        limits: Lower and upper limit of each measured column; None where it is left alone.
        fill: What an empty measured cell counts as; None: the row does not count.
        covariates: Columns fixed before the assignment.
    """

    columns: tuple[str, ...]
    limits: tuple[tuple[float, float] | None, ...]
    fill: float | None = None
    covariates: tuple[str, ...] = ()


def inputs_of(metric: Metric) -> MetricInputs:
    """What a metric reads from a row of the outcomes."""
    fill = 0.0 if metric.missing == "zero" else None
    if isinstance(metric, Ratio):
        return MetricInputs(
            columns=(metric.numerator, metric.denominator),
            limits=(_limits(metric.cap), _limits(metric.denominator_cap)),
            fill=fill,
            covariates=_listed(metric.covariate),
        )
    if isinstance(metric, Duration):
        limits, fill = (-math.inf, metric.days), metric.days
        return MetricInputs(columns=(metric.column,), limits=(limits,), fill=fill, covariates=_listed(metric.covariate))
    cap = metric.cap if isinstance(metric, (Mean, Count)) else None
    covariates = () if isinstance(metric, Quantile) else _listed(metric.covariate)
    return MetricInputs(columns=(metric.column,), limits=(_limits(cap),), fill=fill, covariates=covariates)


def _listed(covariate: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if covariate is None else (covariate,) if isinstance(covariate, str) else tuple(covariate)


def _limits(cap: Cap | None) -> tuple[float, float] | None:
    if cap is None:
        return None
    return (float(cap[0]), float(cap[1])) if isinstance(cap, tuple) else (-math.inf, float(cap))


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _check_metric(metric: Metric, columns: tuple[str, ...]) -> None:
    kind = type(metric).__name__
    for column in columns:
        if not isinstance(column, str) or not column:
            raise InputError(f"{kind}(column) must be the name of a column, got {column!r}.")
    if len(set(columns)) < len(columns):
        raise InputError(f"{kind} needs two different columns, got {columns[0]!r} twice.")
    if metric.role is not None and metric.role not in get_args(Role):
        raise InputError(f'role must be "primary", "secondary", "guardrail" or None, got {metric.role!r}.')
    if metric.direction is not None and metric.direction not in get_args(Direction):
        raise InputError(f'direction must be "up", "down" or None, got {metric.direction!r}.')
    if metric.missing is not None and metric.missing not in get_args(Missing):
        raise InputError(f'missing must be "zero", "exclude" or None, got {metric.missing!r}.')
    covariate = getattr(metric, "covariate", None)
    if covariate is not None:
        _check_covariates(covariate, columns)


def _check_covariates(covariate: object, columns: tuple[str, ...]) -> None:
    names = (covariate,) if isinstance(covariate, str) else covariate
    if not isinstance(names, Sequence) or not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"covariate must be the name of a column or a list of names, got {covariate!r}.")
    if len(set(names)) < len(names):
        raise InputError(f"covariate names a column twice: {list(names)!r}.")
    both = sorted(set(names) & set(columns))
    if both:
        raise InputError(
            f"{both[0]!r} is measured and cannot be its own covariate; a covariate is fixed before the assignment."
        )


def _check_cap(name: str, cap: object) -> None:
    if cap is None or _is_number(cap):
        return
    if isinstance(cap, tuple) and len(cap) == 2 and all(map(_is_number, cap)) and cap[0] < cap[1]:
        return
    raise InputError(
        f"{name} must be a finite number in the unit of the column, a pair of a lower and an upper limit, or None, got "
        f"{cap!r}."
    )


def with_roles(metrics: dict[str, Metric]) -> dict[str, Role]:
    """The role of every metric: exactly one primary, the first metric unless one is declared.

    Raises:
        InputError: For two primary metrics, or none that could be it.
    """
    declared = [name for name, metric in metrics.items() if metric.role == "primary"]
    if len(declared) > 1:
        raise InputError(
            f"an experiment has exactly one primary metric, got {len(declared)}: {', '.join(map(repr, declared))}. "
            'Decide which one settles the question and give the others role="secondary".'
        )
    first = declared[0] if declared else next(iter(metrics))
    if metrics[first].role not in (None, "primary"):
        raise InputError(
            f"no metric is primary: the first metric {first!r} has role={metrics[first].role!r}. Put the deciding "
            'metric first or give it role="primary".'
        )
    return {name: "primary" if name == first else metric.role or "secondary" for name, metric in metrics.items()}
