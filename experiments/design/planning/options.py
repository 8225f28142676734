"""What else a planned test has: several arms, looks, clusters, covariates, persons who are not reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from attribution.core.errors import InputError
from experiments.inference.counts import checked_number, raise_problems
from experiments.inference.sequential.spending import Spending, check_spending, spending_text

__all__ = ["ArmCorrection", "PlanOptions", "variance_factor"]

ArmCorrection = Literal["dunnett", "bonferroni", "holm", "hochberg", "hommel"]
_MOST_ARMS = 1000
_MOST_LOOKS = 50
_LEAST_STEP = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The design of a test beyond two arms that are read once.

    Attributes:
        arms: Treated arms that are each compared with the one control. The power is that of one of them, and every
            treated arm gets the same number of persons.
        correction: How the level is shared over the arms: "dunnett", "bonferroni", or "holm", "hochberg", "hommel",
            which are planned as Bonferroni: what they guarantee an arm when no other arm does anything. None: every
            arm is tested at the whole level.
        looks: Number of equally spaced looks at the data, the last one included, or the shares of the persons that
            have matured at each look, rising to 1. With looks the statistic is planned as normal.
        spending: How the level is spent over the looks: "obrien_fleming" or "pocock" (Lan and DeMets),
            ("power", rho) or ("hsd", gamma).
        reach: Share of the treated persons whom the campaign reaches. Effects are then those among the reached, and
            the test compares the arms as assigned: the effect over all assigned is reach times as large.
        covariates: Share of the outcome's variance that covariates explain (R squared); the variance is 1 minus that.
        icc: Correlation of two persons of one cluster; None when persons are assigned one by one.
        cluster_size: Persons per cluster, on average.
        cluster_variation: Standard deviation of the cluster sizes divided by their mean.

    Raises:
        InputError: Lists every option that cannot be used.

    References:
        Dunnett (1955), Journal of the American Statistical Association 50:1096. Lan and DeMets (1983), Biometrika
        70:659. Donner and Klar (2000), Design and Analysis of Cluster Randomization Trials, chapter 5. Eldridge, Ashby
        and Kerry (2006), International Journal of Epidemiology 35:1292 (unequal clusters).

    Example:
        >>> import experiments as ex
        >>> options = ex.PlanOptions(icc=0.02, cluster_size=20)
        >>> ex.sample_size_means(0.5, 2.0, options=options).clusters_control
        19
    """

    arms: int = 1
    correction: ArmCorrection | None = "bonferroni"
    looks: int | Sequence[float] = 1
    spending: Spending = "obrien_fleming"
    reach: float = 1.0
    covariates: float = 0.0
    icc: float | None = None
    cluster_size: float = 1.0
    cluster_variation: float = 0.0

    def __post_init__(self) -> None:
        for name in (
            "arms",
            "looks",
            "reach",
            "covariates",
            "icc",
            "cluster_size",
            "cluster_variation",
        ):  # numbers and arrays of NumPy and pandas are as good as Python's
            given = getattr(self, name)
            if hasattr(given, "tolist"):
                object.__setattr__(self, name, given.tolist())
        problems: list[str] = []
        _check_arms(self, problems)
        _check_looks(self, problems)
        _check_shares(self, problems)
        _check_clusters(self, problems)
        raise_problems(problems)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Information at each look; the last is 1."""
        if isinstance(self.looks, int):
            return tuple((i + 1) / self.looks for i in range(self.looks))
        return tuple(float(share) for share in self.looks)

    @property
    def words(self) -> str:
        """What the formula's name adds."""
        parts = []
        if self.arms > 1:
            parts.append(f"{self.arms} arms by {self.correction or 'no correction'}")
        if len(self.fractions) > 1:
            parts.append(f"{len(self.fractions)} looks by {spending_text(self.spending)}")
        if self.icc is not None:
            parts.append("clusters")
        if self.covariates:
            parts.append(f"covariates explain {self.covariates:.3g}")
        if self.reach != 1.0:
            parts.append(f"reach {self.reach:g}")
        return "".join(f", {part}" for part in parts)


def variance_factor(options: PlanOptions) -> float:
    """What multiplies the variance of an arm's figure: 1 - R squared, and the design effect of clusters.

    The design effect is ``1 + ((cv ** 2 + 1) m - 1) icc`` with m persons per cluster on average.
    """
    factor = 1.0 - options.covariates
    if options.icc is not None:
        spread = options.cluster_variation**2 + 1.0
        factor *= 1.0 + (spread * options.cluster_size - 1.0) * options.icc
    return factor


def _check_arms(options: PlanOptions, problems: list[str]) -> None:
    if isinstance(options.arms, bool) or not isinstance(options.arms, int) or not 1 <= options.arms <= _MOST_ARMS:
        problems.append(f"arms must be the number of treated arms, 1 to {_MOST_ARMS}, got {options.arms!r}.")
    if options.correction is not None and options.correction not in get_args(ArmCorrection):
        allowed = ", ".join(get_args(ArmCorrection))
        problems.append(f"correction must be one of {allowed}, or None, got {options.correction!r}.")


def _check_looks(options: PlanOptions, problems: list[str]) -> None:
    looks, told = options.looks, "looks must be a number of looks, or the rising shares at each look, the last being 1"
    if isinstance(looks, (bool, str)) or not isinstance(looks, (int, Sequence)):
        problems.append(f"{told}; got {looks!r}.")
    elif isinstance(looks, int):
        if not 1 <= looks <= _MOST_LOOKS:
            problems.append(f"looks must lie between 1 and {_MOST_LOOKS}, got {looks!r}.")
    else:
        shares = [checked_number("looks", share, problems) for share in looks]
        rising = all(b - a >= _LEAST_STEP - 1e-9 for a, b in pairwise([*shares]))
        if not shares or not rising or not shares[0] > 0.0 or shares[-1] != 1.0:
            problems.append(f"{told}, and neighbours at least {_LEAST_STEP} apart; got {looks!r}.")
    try:
        check_spending(options.spending)
    except InputError as error:
        problems.append(str(error))


def _check_shares(options: PlanOptions, problems: list[str]) -> None:
    reach = checked_number("reach", options.reach, problems)
    if not 0.0 < reach <= 1.0 and not math.isnan(reach):
        problems.append(f"reach must lie above 0 and be at most 1, got {options.reach!r}.")
    share = checked_number("covariates", options.covariates, problems)
    if not 0.0 <= share < 1.0 and not math.isnan(share):
        problems.append(f"covariates is a share of variance, from 0 to below 1, got {options.covariates!r}.")


def _check_clusters(options: PlanOptions, problems: list[str]) -> None:
    size = checked_number("cluster_size", options.cluster_size, problems)
    if size < 1.0:
        problems.append(f"cluster_size must be at least 1 person, got {options.cluster_size!r}.")
    checked_number("cluster_variation", options.cluster_variation, problems, positive=True)
    if options.icc is None:
        if size > 1.0:
            problems.append(
                "cluster_size without icc says nothing: give icc= (the correlation of two persons of one cluster; "
                "experiment.sample_size(pilot) estimates it)."
            )
        return
    icc = checked_number("icc", options.icc, problems)
    if not 0.0 <= icc <= 1.0 and not math.isnan(icc):
        problems.append(f"icc must lie between 0 and 1, got {options.icc!r}. A negative estimate is planned as 0.")
