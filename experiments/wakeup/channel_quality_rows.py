"""The figures of each source, and the flag against all others."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate
from attribution.core.findings import Finding
from experiments.inference.multiplicity import adjust_pvalues
from experiments.inference.proportions import share_estimate
from experiments.inference.rates import compare_rates
from experiments.wakeup.channel_quality_flag import few_expected, p_beyond, p_within
from experiments.wakeup.channel_quality_result import QualityRow
from experiments.wakeup.effective_columns import UNKNOWN_GROUP
from experiments.wakeup.effective_ratio import cost_per_count, mean_estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from experiments.wakeup.channel_quality_acts import Followed, QualityRules
    from experiments.wakeup.channel_quality_flag import Counts
    from experiments.wakeup.effective_spend import Groups

__all__ = ["Sources", "quality_findings", "quality_rows"]

_BINS = 5  # purchases from here on are one class of the distribution


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sources:
    """Customers in the order of their keys, with what is known of them.

    Attributes:
        groups: Their sources.
        followed: What they bought.
        effective: Whether they fulfil the declared condition; None without one.
        new: Whether they were new to the house; None when unknown.
    """

    groups: Groups
    followed: Followed
    effective: NDArray[np.bool_] | None
    new: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Against:
    """A source against all others."""

    rest: Estimate
    difference: Estimate
    p_value: float | None
    within: bool
    note: str


def quality_rows(
    persons: Sources, spent: Mapping[tuple[str, ...], float] | None, rules: QualityRules
) -> tuple[QualityRow, ...]:
    """One row per source in the order of their names, sources that only have spend included, and "(all)"."""
    seen, lost = persons.followed.observed, persons.followed.observed & persons.followed.lost
    places = persons.groups.rows()
    keys = sorted({*places, *(spent or {})})
    members = [places.get(key, np.empty(0, np.int64)) for key in keys]
    n = [int(np.count_nonzero(seen[rows])) for rows in members]
    hits = [int(np.count_nonzero(lost[rows])) for rows in members]
    all_hits, all_n = sum(hits), sum(n)
    tests = sum(0 < own < all_n for own in n)
    against = [
        _against((hits[i], n[i], all_hits - hits[i], all_n - n[i]), rules, tests=tests) for i in range(len(keys))
    ]
    adjusted = adjust_pvalues([one.p_value for one in against], method="holm")
    found = []
    for key, rows, one, p_adjusted in zip(keys, members, against, adjusted, strict=True):
        money = None if spent is None else spent.get(key)
        figures = _figures(persons, rows, money, with_money=spent is not None, level=rules.level)
        found.append(replace(
            figures, key=key[0], rest=one.rest, difference=one.difference, p_value=one.p_value, p_adjusted=p_adjusted,
            deal_hunters=_flag(one, p_adjusted, rules), reason=one.note,
        ))  # fmt: skip
    complete = spent is not None and all(key in spent for key in places)
    total = math.fsum(spent.values()) if spent is not None and complete else None
    everybody = np.arange(len(seen), dtype=np.int64)
    figures = _figures(persons, everybody, total, with_money=spent is not None, level=rules.level)
    return (*found, figures)


def _against(counts: Counts, rules: QualityRules, *, tests: int) -> _Against:
    hits, n, rest_hits, rest_n = counts
    rest = share_estimate(rest_hits, rest_n, level=rules.level)
    if n == 0 or rest_n == 0:
        note = "NOBODY_AT_RISK" if n == 0 else "NO_REST"
        nothing = Estimate(value=None, note=note)
        return _Against(rest=rest, difference=nothing, p_value=None, within=False, note=note)
    difference = compare_rates(hits, n, rest_hits, rest_n, level=rules.level).difference
    alpha = (1.0 - rules.level) / 2.0
    within = difference.high is not None and difference.high <= rules.margin
    within = within and p_within(counts, margin=rules.margin, spent=alpha / 10.0) < alpha
    return _Against(
        rest=rest,
        # Boschloo's p is of another null than the margin, so it does not stand beside this p-value.
        difference=replace(difference, note="FEW_EXPECTED" if few_expected(counts) else ""),
        p_value=p_beyond(counts, margin=rules.margin, spent=alpha / (10.0 * tests)),
        within=within,
        note="",
    )


def _flag(one: _Against, p_adjusted: float | None, rules: QualityRules) -> str | None:
    """Flagged: shown to lose more by more than the margin; no: shown to lose at most the margin more."""
    if p_adjusted is None:
        return None
    if p_adjusted < (1.0 - rules.level) / 2.0:
        return "flagged"
    return "no" if one.within else "undecided"


def _figures(
    persons: Sources, rows: NDArray[np.int64], money: float | None, *, with_money: bool, level: float
) -> QualityRow:
    """The figures of some customers, apart from the comparison with others."""
    followed = persons.followed
    seen = rows[followed.observed[rows]]
    counts = followed.purchases[seen]
    classes = np.bincount(np.minimum(counts, _BINS), minlength=_BINS + 1)[1:]
    each = None
    if persons.effective is not None and money is not None:
        each = cost_per_count(money, int(np.count_nonzero(persons.effective[rows])), len(rows), level=level)
    return QualityRow(
        key=None,
        customers=len(rows),
        bought=int(np.count_nonzero(followed.bought[rows])),
        observed=len(seen),
        lost=share_estimate(int(np.count_nonzero(followed.lost[seen])), len(seen), level=level),
        purchases=mean_estimate(counts.astype(np.float64), level=level),
        value=None if followed.value is None else mean_estimate(followed.value[seen], level=level),
        share_new=_share(persons.new, rows, level),
        effective=_share(persons.effective, rows, level),
        cost=money,
        cost_per_customer=money / len(rows) if money is not None and len(rows) else None,
        cost_per_effective=each,
        unpaid=with_money and money is None,
        distribution=tuple((int(count), share_estimate(int(count), len(seen), level=level)) for count in classes),
    )


def _share(condition: NDArray[np.bool_] | None, rows: NDArray[np.int64], level: float) -> Estimate | None:
    if condition is None:
        return None
    return share_estimate(int(np.count_nonzero(condition[rows])), len(rows), level=level)


def quality_findings(rows: Sequence[QualityRow], followed: Followed, customers: int) -> tuple[Finding, ...]:
    """Who could not be watched, whose source is unknown, who was flagged."""
    found = []
    bought, observed = int(np.count_nonzero(followed.bought)), int(np.count_nonzero(followed.observed))
    if observed < bought:
        values: dict[str, object] = {"bought": bought, "left": bought - observed}
        found.append(Finding(code="QUALITY_TOO_RECENT", status="note", values=values))
    if followed.strangers:
        values = {"persons": followed.strangers, "customers": customers}
        found.append(Finding(code="BUYERS_NOT_LISTED", status="warn", values=values))
    for row in rows:
        if row.key == UNKNOWN_GROUP and row.customers:
            values = {"customers": row.customers, "share": row.customers / customers}
            found.append(Finding(code="SOURCE_UNKNOWN", status="warn", values=values))
    unpaid = [row for row in rows if row.unpaid and row.key is not None and row.customers]
    if unpaid:
        names, number = "; ".join(str(row.key) for row in unpaid), sum(row.customers for row in unpaid)
        found.append(Finding(code="SPEND_MISSING", status="warn", values={"groups": names, "customers": number}))
    for row in rows:
        if row.deal_hunters == "flagged" and row.rest is not None and row.difference is not None:
            values = {
                "source": row.key, "lost": row.lost.value, "rest": row.rest.value, "difference": row.difference.value,
                "low": row.difference.low, "high": row.difference.high, "p": row.p_adjusted,
            }  # fmt: skip
            found.append(Finding(code="DEAL_HUNTERS", status="warn", values=values))
    return tuple(found)
