"""What a correct analysis of a simulated campaign can hope to see: net benefit and verdicts, from the truth alone."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.simulation.constants import ARMS, constants_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from experiments.simulation.campaign import Campaign
    from experiments.simulation.constants import Constants

__all__ = ["expected_verdicts"]


def expected_verdicts(
    campaign: Campaign, *, thresholds: Sequence[float] = (60, 85, 125), persons: int | None = None, level: float = 0.95
) -> pd.DataFrame:
    """True net benefit of each step and the chance of each verdict word, by normal approximation.

    Args:
        campaign: A simulated campaign; only its truth and scenario are used.
        thresholds: Yuan that one woken customer may cost.
        persons: Size of the campaign to judge, all arms together; the simulated size by default.
        level: Level of the two-sided interval behind the verdict.

    Returns:
        arm, control, threshold, incremental_per_1000, cost_per_1000, net_benefit_per_1000 (all true values),
        standard_error (per 1,000, of one campaign of ``persons`` in four equal arms), and the chances of PASS, FAIL
        and INCONCLUSIVE, each between 0 and 1.

    Raises:
        InputError: For a level outside (0, 1), no threshold, fewer than 100 persons, or a scenario whose arms are not
            four equal parts of all persons ("waves", "srm", "split_ids").

    Note:
        The standard error is that of a campaign drawn anew, persons included: of T x woken - cost, with the spread
        of touch costs and the chances of the search click and of the coupon. Nothing is estimated from outcomes. Few
        events, guardrails and corrections for many verdicts are left out.

    Example:
        >>> from experiments.simulation import expected_verdicts, simulate
        >>> table = expected_verdicts(simulate(persons=5_000), thresholds=[85], persons=60_000)
        >>> list(table["arm"])
        ['digital', 'sms', 'full']
    """
    size = len(campaign.truth) if persons is None else persons
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, got {level!r}; 0.95 is usual.")
    if not len(thresholds):
        raise InputError("thresholds must hold at least one number, got none; for example [60, 85, 125].")
    if size < 100:
        raise InputError(f"persons must be at least 100, got {size!r}.")
    constants = constants_of(campaign.scenario)
    if constants.design.waves or constants.design.dropped or constants.design.by_number:
        raise InputError(
            f"expected_verdicts needs four equal arms of persons; those of the scenario {campaign.scenario!r} are not. "
            f"See campaign.expected."
        )
    import pandas as pd

    probability = campaign.truth[[f"p_{arm}" for arm in ARMS]].to_numpy().T
    cost = campaign.truth[[f"c_{arm}" for arm in ARMS]].to_numpy().T
    hunter = campaign.truth["hunter"].to_numpy()
    quantile = NormalDist().inv_cdf((1 + level) / 2)
    rows = []
    for control, arm in pairwise(range(len(ARMS))):
        woken = 1000 * float(np.mean(probability[arm] - probability[control]))
        paid = 1000 * float(np.mean(cost[arm] - cost[control]))
        for threshold in thresholds:
            spread = sum(
                _variance(constants, threshold, probability[each], cost[each], hunter, treated=each > 0)
                for each in (arm, control)
            )
            error = 1000 * math.sqrt(spread * len(ARMS) / size)
            net = threshold * woken - paid
            passing = NormalDist().cdf(net / error - quantile)
            failing = NormalDist().cdf(-net / error - quantile)
            rows.append(
                {
                    "arm": ARMS[arm],
                    "control": ARMS[control],
                    "threshold": threshold,
                    "incremental_per_1000": woken,
                    "cost_per_1000": paid,
                    "net_benefit_per_1000": net,
                    "standard_error": error,
                    "PASS": passing,
                    "FAIL": failing,
                    "INCONCLUSIVE": 1 - passing - failing,
                }
            )
    return pd.DataFrame(rows)


def _variance(
    constants: Constants,
    threshold: float,
    probability: NDArray[np.float64],
    cost: NDArray[np.float64],
    hunter: NDArray[np.bool_],
    *,
    treated: bool,
) -> float:
    """Variance over persons of T x woken - cost in one arm: between persons, plus within each person."""
    coupon = np.where(hunter, constants.coupon_hunter, constants.coupon) * treated
    redeemed = np.where(hunter, constants.redeemed_hunter, constants.redeemed)
    search = constants.search_price
    clicked, silent = constants.search_if_woken, constants.search_if_silent
    jump = threshold - search * (clicked - silent) - coupon * redeemed
    if_woken = search**2 * clicked * (1 - clicked) + coupon**2 * redeemed * (1 - redeemed)
    if_silent = search**2 * silent * (1 - silent)
    within = probability * (1 - probability) * jump**2 + probability * if_woken + (1 - probability) * if_silent
    return float(np.mean(within) + np.var(threshold * probability - cost))
