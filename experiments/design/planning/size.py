"""What planning answers with: persons per arm, or one number that knows its formula."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.design.planning.options import PlanOptions

__all__ = ["Planned", "SampleSize", "whole_size"]

_ROUNDING = 1e-9  # a formula's 400.0000000001 persons are 400 persons


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Persons that a test needs.

    Attributes:
        control: Persons in the control arm, whole; with clusters whole clusters of persons.
        treatment: Persons in each treated arm, whole.
        total: Persons of all arms, counting every treated arm.
        exact: The formula's own number for the control arm, before rounding up.
        method: Name of the formula.
        clusters_control: Clusters in the control arm; None when persons are assigned one by one.
        clusters_treatment: Clusters in each treated arm.
    """

    control: int
    treatment: int
    total: int
    exact: float
    method: str
    clusters_control: int | None = None
    clusters_treatment: int | None = None

    def __repr__(self) -> str:
        from attribution.core import messages

        code = "VALUE_OF.size" if self.clusters_control is None else "VALUE_OF.size_clusters"
        return messages.text(code, asdict(self))


class Planned(float):
    """A power, an effect or a rate that was planned: a float that names its formula.

    Attributes:
        method: Name of the formula.
        note: What else there is to know; empty when nothing.
    """

    __slots__ = ("method", "note")

    method: str
    note: str

    def __new__(cls, value: float, method: str, note: str = "") -> Planned:
        """A number with the name of its formula."""
        made = super().__new__(cls, value)
        made.method = method
        made.note = note
        return made

    def __getnewargs__(self) -> tuple[float, str, str]:  # type: ignore[override]
        """What a copy, or a pickle for another process, is made of."""
        return float(self), self.method, self.note

    def __repr__(self) -> str:
        told = f"{self.method}; {self.note}" if self.note else self.method
        return f"{float(self):.6g} ({told})"


def whole_size(n: float, allocation: float, options: PlanOptions, method: str) -> SampleSize:
    """Round a formula's number of control persons up to whole persons, or to whole clusters of them."""
    size = options.cluster_size
    if options.icc is None:
        control, treatment = _up(n), _up(n * allocation)
        clusters: tuple[int | None, int | None] = (None, None)
    else:
        few, many = _up(n / size), _up(n * allocation / size)
        control, treatment, clusters = _up(few * size), _up(many * size), (few, many)
    return SampleSize(
        control=control,
        treatment=treatment,
        total=control + options.arms * treatment,
        exact=n,
        method=method,
        clusters_control=clusters[0],
        clusters_treatment=clusters[1],
    )


def _up(number: float) -> int:
    return math.ceil(number * (1.0 - _ROUNDING))
