"""Who of each cohort acted again, period by period."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.observed import activity_of, observed

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.wakeup.retention_result import Retention

__all__ = ["run"]


def run(evidence: Evidence) -> Retention | None:
    """Retention by the quarter of the first act, without small cells; None without a log of acts.

    Quarters, as a page has no room for every month of several years.
    """
    from experiments.wakeup.retention import retention

    given = activity_of(evidence)
    if given is None:
        return None
    log, rule = given
    found = observed(
        lambda: retention(
            log,
            as_of=evidence.plan.campaign.as_of,
            period=rule.retention_period,
            periods=rule.retention_periods,
            cohort="quarter",
            columns=evidence.plan.columns(),
        )
    )
    limit = evidence.plan.report.min_cell
    kept = tuple(row for row in found.rows if row.size >= limit and not 0 < row.retained < limit)
    return replace(found, rows=kept)
