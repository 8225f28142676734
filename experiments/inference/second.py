"""The primary comparison computed a second time, by another road: the randomisation test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attribution.core.findings import Finding
from experiments.inference.redrawn import pair_of, redraw

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.inference.figures import Floats
    from experiments.inference.redrawn import Redrawn
    from experiments.moments.rows import MetricRows

__all__ = ["second_computation"]

_NEAR = 0.25  # in standard errors: what separates methods that are both right (judgement)
_FAR = 0.05  # more of it far out, where tails differ relatively more


def second_computation(  # noqa: PLR0913 - what names one comparison
    rows: MetricRows,
    strata: tuple[tuple[object, ...], ...],
    weights: Floats,
    *,
    metric: str,
    arm: object,
    control: object,
    p_value: float | None,
    level: float = 0.95,
    side: Side = "two",
    clustered: bool = False,
    replicates: int = 9_999,
    seed: int = 0,
) -> Finding:
    """Whether a randomisation test agrees with the p-value that the readout prints.

    The test shares with the readout the counted rows and nothing else: neither variances, degrees of freedom nor
    tails. Both p-values are compared as standard errors; they agree when they are within 0.25 (and 5 %) of each other,
    beyond what drawing leaves open, and decide alike.

    Args:
        rows: The rows of the metric by strata and arm (and cluster, when `clustered`), as `metric_rows` gives them.
        strata: The strata that the readout kept.
        weights: Their weights.
        metric: Name of the metric.
        arm: The arm.
        control: The arm it is compared with.
        p_value: P-value of the readout; None where it has none.
        level: Confidence level of the readout.
        side: Side of the readout's test.
        clustered: Whether the last key of the rows is the cluster.
        replicates: Assignments drawn.
        seed: Seed.

    Returns:
        SECOND_COMPUTATION: "pass", "warn", or "unknown" where one of the two has no p-value.

    Example:
        >>> second_computation.__name__
        'second_computation'
    """
    assigned = pair_of(rows, strata, weights, arm=arm, control=control, clustered=clustered)
    found = redraw(assigned, side=side, replicates=replicates, seed=seed, purpose=f"second/{metric}/{arm}")
    values: dict[str, object] = {
        "metric": metric, "arm": str(arm), "control": str(control), "p_value": p_value, "p_second": found.p_value,
        "low": found.low, "high": found.high, "assignments": found.assignments, "level": level,
    }  # fmt: skip
    if p_value is None or found.p_value is None or found.low is None or found.high is None:
        return Finding(code="SECOND_COMPUTATION", status="unknown", values=values)
    agrees = _agree(p_value, found, level)
    return Finding(code="SECOND_COMPUTATION", status="pass" if agrees else "warn", values=values)


def _agree(p_value: float, found: Redrawn, level: float) -> bool:
    """Whether the first p lies in the interval of the second, a little widened, and both decide alike."""
    if found.p_value is None or found.low is None or found.high is None:
        return False
    first, least, most = (_errors(p) for p in (p_value, found.high, found.low))
    slack = _NEAR + _FAR * abs(first if math.isfinite(first) else least)
    near = least - slack <= first <= most + slack
    alpha = 1.0 - level
    undecided = found.low <= alpha <= found.high
    return near and (undecided or (p_value < alpha) == (found.p_value < alpha))


def _errors(p: float) -> float:
    """A p-value as the standard normal deviate that it would belong to."""
    from scipy.special import ndtri

    return -float(ndtri(p / 2.0)) if p > 0.0 else math.inf
