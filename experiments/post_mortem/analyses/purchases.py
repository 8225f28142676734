"""Who stops after the first, the second, the nth act."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.observed import activity_of, observed

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.wakeup.nth_purchase_result import NthPurchase

__all__ = ["run"]

_MOST = 40  # as `nth_purchase`


def run(evidence: Evidence) -> NthPurchase | None:
    """Customers by the number of their acts, with the declared silence; None without a log of acts."""
    from experiments.wakeup.nth_purchase import nth_purchase

    given = activity_of(evidence)
    if given is None:
        return None
    log, rule = given
    found = observed(
        lambda: nth_purchase(
            log,
            as_of=evidence.plan.campaign.as_of,
            silent_after=rule.dormant_after,
            up_to=min(rule.purchases_up_to, _MOST),
            columns=evidence.plan.columns(),
        )
    )
    limit = evidence.plan.report.min_cell
    rows = tuple(row for row in found.rows if row.reached >= limit and row.customers >= limit)
    findings = tuple(
        told for told in found.findings if told.code != "MORE_ORDERS" or _count(told.values["customers"]) >= limit
    )
    return replace(found, rows=rows, findings=findings)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
