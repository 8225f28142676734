"""What does a customer cost who is worth having, and does acquiring them break even?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.tables import Problems, open_table
from experiments.inference.proportions import share_estimate
from experiments.inference.tails import p_value
from experiments.wakeup.effective_columns import check_at_least, condition, money, rows_of_persons, unique_keys
from experiments.wakeup.effective_ratio import (
    FEWEST_EFFECTIVE,
    cost_per_count,
    mean_estimate,
    paid_per_count,
    reciprocal,
)
from experiments.wakeup.effective_result import FIELDS, EffectiveCustomers, EffectiveRow
from experiments.wakeup.effective_spend import Groups, grouping_names, read_groups, read_spend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike

__all__ = ["effective_customers"]

messages.register("experiments")

_LEAN = 0.2  # skewness of the mean margin beyond which it decides nothing (by simulation)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Persons:
    """Customers in the order of their keys."""

    groups: Groups
    effective: NDArray[np.bool_]
    paid: NDArray[np.float64] | None
    worth: NDArray[np.float64] | None

    def part(self, rows: NDArray[np.int64]) -> _Persons:
        """Some of them."""
        return _Persons(
            groups=self.groups,
            effective=self.effective[rows],
            paid=None if self.paid is None else self.paid[rows],
            worth=None if self.worth is None else self.worth[rows],
        )


def effective_customers(  # noqa: PLR0913 - one table and its options, keyword-only
    customers: object,
    *,
    effective: str,
    at_least: float | None = None,
    by: str | Sequence[str] | None = None,
    spend: object = None,
    cost: str | None = None,
    value: str | None = None,
    value_per_effective: float | None = None,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> EffectiveCustomers:
    """Cost per effective customer, by group, and the rate at which the acquisition breaks even.

    An account that was opened for a bonus is cheap and worth nothing. What counts is the money per customer who
    fulfils a declared condition (assets at year end of at least 10,000, a third purchase). With 1,000 spent per
    customer and a trading rate of 5 % a trading customer costs 20,000.

    Estimand: share p of effective customers among those acquired; cost per effective customer c / p with c the money
    per customer; break-even rate r* = c / v with v the value of an effective customer; margin per customer v p - c.
    The money is what was spent, on everybody who was acquired. The figures describe the groups; they do not say what
    another spending would have brought.

    Assumptions: customers are independent of each other; with `spend` the number acquired is taken as given. With
    `cost` the money may depend on the person (a bonus paid when the condition is met), and the interval is Fieller's
    for the two sums together.

    Args:
        customers: One row per customer.
        effective: Column of the condition: 0 and 1, or an amount with `at_least`.
        at_least: A customer is effective when the column is at least this.
        by: Column(s) that make groups (source, campaign); without it everybody is one group. Empty cells are the group
            "(unknown)".
        spend: Money spent: one number without `by`, a mapping from group to money, or a table with the grouping
            columns and ``cost`` (rows are summed). A group without spend has no cost, never 0.
        cost: Column of the money paid for each customer, instead of `spend`.
        value: Column of what each customer is worth (margin); that of effective customers counts.
        value_per_effective: Declared value of an effective customer, instead of `value`.
        level: Confidence level.
        columns: Names of the columns, for the tables ``"customers"`` and ``"spend"``.

    Returns:
        Groups, and "(all)" when there are several: customers, effective, effective_share, cost, cost_per_customer,
        cost_per_effective, value_per_effective, break_even (rate), margin_per_customer, each with its interval where
        it is random; standing "above", "below" or "undecided" (whether the interval of the margin lies above or below
        0), note. Notes: NO_SPEND, NONE_EFFECTIVE, NOBODY_AT_RISK, FEW_EFFECTIVE (fewer than 20 effective customers
        whose values are averaged: undecided), SKEWED_VALUE (values so skewed that Student's interval of the margin errs
        too often on the side of the verdict: undecided), VALUE_NOT_POSITIVE, ONE_PERSON.

    Raises:
        TableError: Missing or repeated persons, missing numbers, a condition other than 0 and 1; all problems at once.
        InputError: Options that contradict each other.

    References:
        Wilson (1927), Journal of the American Statistical Association 22:209. Fieller (1954), Journal of the Royal
        Statistical Society B 16:175. Hall (1992), Journal of the Royal Statistical Society B 54:221.

    Verified against plain loops and a search over the score test (tests/oracles/effective_costs.py), and by simulated
    coverage (tests/statistical/quality_designs.py).

    Example:
        >>> import pandas as pd
        >>> assets = [12_000.0] * 10 + [50.0] * 190
        >>> table = pd.DataFrame({"person_id": range(200), "assets": assets})
        >>> found = effective_customers(
        ...     table, effective="assets", at_least=10_000, spend=200_000, value_per_effective=15_000
        ... )
        >>> row = found.to_dicts()[0]
        >>> row["cost_per_effective"], round(row["break_even"], 4), row["standing"]
        (20000.0, 0.0667, 'undecided')
    """
    level = check_level(level)
    names = grouping_names("by", by, FIELDS)
    check_at_least(effective, at_least)
    _check_options(spend, cost, value, value_per_effective)
    roles = columns_for(columns, "customers")
    table = open_table(customers, "customers", roles, problems=Problems(), required=("person",))
    person = unique_keys(table)
    hit = condition(table, effective, at_least)
    paid = None if cost is None else money(table, cost)
    worth = None if value is None else money(table, value, minimum=None)
    groups = read_groups(table, names)
    spent = read_spend(spend, names, columns_for(columns, "spend"), table)
    table.problems.raise_if_any()
    if person is None or hit is None or groups is None:  # pragma: no cover - noted above, so the line above has raised
        raise InputError("customers need a person and the condition in every row.")
    order = rows_of_persons(person)
    persons = _Persons(
        groups=Groups(names=names, keys=groups.keys, codes=groups.codes[order]),
        effective=hit[order],
        paid=None if paid is None else paid[order],
        worth=None if worth is None else worth[order],
    )
    rows = _all_rows(persons, spent, value_per_effective, level)
    settings = {
        "level": level, "effective": effective if at_least is None else f"{effective} >= {at_least:g}",
        "by": ", ".join(names), "value": value or value_per_effective, "cost": cost,
    }  # fmt: skip
    recipe = Recipe(
        method="fieller" if cost else "wilson",
        definitions=("EFFECTIVE_CUSTOMERS",),
        settings=settings,
        n={"customers": len(order)},
    )
    return EffectiveCustomers(names=names, rows=rows, findings=_findings(rows), recipe=recipe)


def _check_options(spend: object, cost: str | None, value: str | None, declared: float | None) -> None:
    number = isinstance(declared, Real) and not isinstance(declared, bool) and math.isfinite(declared)
    if declared is not None and (not number or declared <= 0.0):
        raise InputError(f"value_per_effective must be a finite number above 0, or None, got {declared!r}.")
    if spend is not None and cost is not None:
        raise InputError("give spend= (money of a group) or cost= (a column of the customers), not both.")
    if value is not None and declared is not None:
        raise InputError("give value= (a column of the customers) or value_per_effective=, not both.")


def _all_rows(
    persons: _Persons, spent: dict[tuple[str, ...], float] | None, declared: float | None, level: float
) -> tuple[EffectiveRow, ...]:
    groups = persons.groups
    keys = sorted({*groups.keys, *(spent or {})})
    places = groups.rows()
    rows = []
    for key in keys:
        here = places.get(key, np.empty(0, np.int64))
        rows.append(_row(key, persons.part(here), None if spent is None else spent.get(key), declared, level))
    if len(rows) > 1:
        complete = spent is not None and all(key in spent for key in groups.keys)
        total = math.fsum(spent.values()) if spent is not None and complete else None
        rows.append(_row(None, persons, total, declared, level))
    return tuple(rows)


def _row(
    key: tuple[str, ...] | None, persons: _Persons, spend: float | None, declared: float | None, level: float
) -> EffectiveRow:
    n, hits = len(persons.effective), int(np.count_nonzero(persons.effective))
    share = share_estimate(hits, n, level=level)
    nothing = Estimate(value=None, level=level, note="NO_SPEND")
    if persons.paid is not None:
        spend = math.fsum(persons.paid)
        each = paid_per_count(persons.paid, persons.effective, level=level)
    else:
        each = nothing if spend is None else cost_per_count(spend, hits, n, level=level)
    per_customer = spend / n if spend is not None and n else None
    worth = _worth(persons, declared, level)
    margin = _margin(persons, worth, share, spend, declared, level)
    rate = None if worth is None or per_customer is None else reciprocal(per_customer, worth)
    return EffectiveRow(
        key=key, customers=n, effective=hits, share=share, cost=spend, cost_per_customer=per_customer,
        cost_per_effective=each, worth=worth, break_even=rate, margin=margin,
        standing=_standing(margin), note=_notes(each, worth, rate, margin),
    )  # fmt: skip


def _worth(persons: _Persons, declared: float | None, level: float) -> Estimate | None:
    """The value of an effective customer: declared, or the mean over those there are."""
    if declared is not None:
        return Estimate(value=declared, level=level, method="declared")
    return None if persons.worth is None else mean_estimate(persons.worth[persons.effective], level=level)


def _margin(
    persons: _Persons,
    worth: Estimate | None,
    share: Estimate,
    spend: float | None,
    declared: float | None,
    level: float,
) -> Estimate | None:
    """Value of effective customers minus money, per customer acquired."""
    n = len(persons.effective)
    if worth is None or spend is None or n == 0:
        return None
    if persons.paid is None and declared is not None:
        ends = [None if end is None else declared * end - spend / n for end in (share.value, share.low, share.high)]
        return Estimate(value=ends[0], low=ends[1], high=ends[2], level=level, method="wilson", n=n)
    worths = np.full(n, declared) if declared is not None else persons.worth
    paid = np.full(n, spend / n) if persons.paid is None else persons.paid
    if worths is None:  # pragma: no cover - a value is declared or a column
        return None
    each = np.where(persons.effective, worths, 0.0) - paid
    found = mean_estimate(each, level=level)
    if np.count_nonzero(persons.effective) < FEWEST_EFFECTIVE:
        return Estimate(value=found.value, level=level, method="t", n=n, note="FEW_EFFECTIVE")
    return replace(found, note="SKEWED_VALUE") if _misleads(each, found, level) else found


def _misleads(each: NDArray[np.float64], found: Estimate, level: float) -> bool:
    """Whether Student's interval lies on one side of 0 only because skewness moves it there.

    Without the few large values mean and standard error are small together, so the interval errs away from the long
    tail. Hall's (1992) cubic transformation of t takes a moderate skewness out; beyond `_LEAN` it cannot (simulated
    lognormal values: 12 % instead of 2.5 %).
    """
    if found.value is None or found.low is None or found.high is None or found.low <= 0.0 <= found.high:
        return False
    centred = each - np.mean(each)
    spread = float(np.mean(centred**2))
    if spread <= 0.0 or not found.standard_error:
        return False
    lean = float(np.mean(centred**3)) / spread**1.5 / math.sqrt(len(each))
    t = found.value / found.standard_error
    if lean * t >= 0.0:  # on the side of the long tail it errs less often than it says
        return False
    hall = t + lean * t**2 / 3.0 + lean**2 * t**3 / 27.0 + lean / 6.0
    return abs(lean) > _LEAN or p_value(hall, "greater" if t > 0.0 else "less") >= (1.0 - level) / 2.0


def _standing(margin: Estimate | None) -> str | None:
    if margin is None:
        return None
    if margin.low is None or margin.high is None or margin.note:
        return "undecided"
    return "above" if margin.low > 0.0 else "below" if margin.high < 0.0 else "undecided"


def _notes(*parts: Estimate | None) -> str:
    return "; ".join(dict.fromkeys(part.note for part in parts if part is not None and part.note))


def _findings(rows: tuple[EffectiveRow, ...]) -> tuple[Finding, ...]:
    """What must be known: groups whose money is unknown, groups that do not break even."""
    found = []
    groups = [row for row in rows if row.key is not None]
    unpaid = [row for row in groups if row.cost is None and row.customers]
    if unpaid and len(unpaid) < len(groups):
        values = {"groups": "; ".join(row.label for row in unpaid), "customers": sum(row.customers for row in unpaid)}
        found.append(Finding(code="SPEND_MISSING", status="warn", values=values))
    for row in groups:
        if row.standing == "below" and row.margin is not None:
            values = {
                "group": row.label, "share": row.share.value, "margin": row.margin.value, "low": row.margin.low,
                "high": row.margin.high,
            }  # fmt: skip
            found.append(Finding(code="BELOW_BREAK_EVEN", status="warn", values=values))
    return tuple(found)
