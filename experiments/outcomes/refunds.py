"""Refunds and incentives inside the windows: only what was booked before a window ends changes its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.conversions import check_reversals, net_of_refunds
from attribution.core.findings import Finding
from attribution.core.values import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from experiments.outcomes.events import Windows

__all__ = ["Settled", "read_incentives", "settle_refunds"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Settled:
    """The conversions as they stood when each person's window ended, one entry per row of the table.

    Attributes:
        value: Value net of the refunds booked by then.
        refunded: Which conversions had been refunded in full.
        incentive: Incentive paid, less what those refunds took back; None without a column of incentives.
        findings: Refunds that came too late to count.
    """

    value: NDArray[np.float64]
    refunded: NDArray[np.bool_]
    incentive: NDArray[np.float64] | None
    findings: tuple[Finding, ...]


def read_incentives(booked: Conversions) -> NDArray[np.float64] | None:
    """Incentive per row; a refund may carry a negative one, which says that it took the incentive back."""
    table = booked.table
    name = table.roles.incentive
    found = numbers(table, name)
    if found is None:
        return None
    wrong = (found < 0) & np.isfinite(found) & ~booked.refund
    if wrong.any():
        table.problems.add(
            "NEGATIVE_VALUE", table.name, name, int(wrong.sum()),
            message="an incentive below 0 is allowed on a refund alone, and says that it was taken back",
            examples=[f"row {row}" for row in np.flatnonzero(wrong)[:5]],
        )  # fmt: skip
    check_reversals(table, name, found, np.where(found < 0, booked.reverses, -1))
    return found


def settle_refunds(
    booked: Conversions, incentive: NDArray[np.float64] | None, code: NDArray[np.int64], windows: Windows
) -> Settled:
    """Apply the refunds that were booked before the window of their person ended.

    A later one is counted and ignored: the person did come back inside the window, and everybody is looked at for the
    same length of time.

    Args:
        booked: The conversions.
        incentive: Incentive per row.
        code: Person of each row.
        windows: The windows.
    """
    row = windows.row[code]
    since = np.where(row >= 0, booked.time - windows.start[np.maximum(row, 0)], 0)
    late = (booked.reverses >= 0) & (row >= 0) & (since >= windows.length)
    # A refund of what was sold outside the window concerns no outcome, whenever it was booked.
    target = np.maximum(booked.reverses, 0)
    told = late & (since[target] >= 0) & (since[target] < windows.length)
    reverses = np.where(late, -1, booked.reverses)
    value, refunded = net_of_refunds(booked.gross, reverses)
    findings = []
    if told.any():
        values = {"refunds": int(told.sum()), "persons": len(np.unique(row[told]))}
        findings.append(Finding(code="LATE_REFUNDS", status="note", values=values))
    return Settled(
        value=value,
        refunded=refunded,
        incentive=None if incentive is None else _net_incentive(incentive, reverses),
        findings=tuple(findings),
    )


def _net_incentive(incentive: NDArray[np.float64], reverses: NDArray[np.int64]) -> NDArray[np.float64]:
    net, _ = net_of_refunds(incentive, np.where(incentive < 0, reverses, -1))
    return net
