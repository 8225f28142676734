"""The primary comparison computed a second time, by another road: the randomisation test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attribution.core.findings import Finding
from experiments.inference.redrawn import pair_of, redraw

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from attribution.core.findings import Status
    from experiments.inference.figures import Floats
    from experiments.inference.redrawn import Redrawn
    from experiments.moments.rows import MetricRows

__all__ = ["second_computation"]

_NEAR = 0.25  # in standard errors: what separates methods that are both right (judgement)
_FAR = 0.05  # more of it far out, where tails differ relatively more
_APART = 1.0  # in standard errors: too far apart to pass over, even where both decide alike (judgement)


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
    beyond what drawing and ties leave open (between the exact p-value and the mid-p-value), and decide alike.

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
        SECOND_COMPUTATION: "pass"; "note" where they differ and decide alike; "warn" where they decide differently or
        lie more than a standard error apart; "unknown" where one of the two has no p-value.

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
    return Finding(code="SECOND_COMPUTATION", status=_status(p_value, found, level), values=values)


def _status(p_value: float | None, found: Redrawn, level: float) -> Status:
    """Whether the first p lies in the interval of the second, a little widened, and both decide alike."""
    if p_value is None or found.p_value is None or found.low is None or found.high is None or found.mid_p is None:
        return "unknown"
    # The p of a readout takes no account of steps; between p and mid-p lies the step that the data stand on.
    floor = found.low * min(1.0, found.mid_p / found.p_value)
    first, least, most = (_errors(p) for p in (p_value, found.high, floor))
    slack = _NEAR + _FAR * abs(first if math.isfinite(first) else least)
    alpha = 1.0 - level
    alike = found.low <= alpha <= found.high or (p_value < alpha) == (found.p_value < alpha)
    if alike and least - slack <= first <= most + slack:
        return "pass"
    return "note" if alike and least - _APART <= first <= most + _APART else "warn"


def _errors(p: float) -> float:
    """A p-value as the standard normal deviate that it would belong to."""
    from scipy.special import ndtri

    return -float(ndtri(p / 2.0)) if p > 0.0 else math.inf
