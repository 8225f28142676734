"""A product-sale campaign: completion against target, lead conversion, hand-over from stage to stage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.tables import Problems, open_table
from attribution.core.values import keys, numbers
from experiments.inference.proportions import bundled_share, share_estimate
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.effective_columns import condition, money
from experiments.wakeup.effective_spend import Groups, grouping_names, listed_names, read_groups
from experiments.wakeup.sales_result import FIELDS, STAGES, SalesCampaign, SalesRow, SalesStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table

__all__ = ["sales_campaign"]

messages.register("experiments")

Key = tuple[str, ...]


def sales_campaign(  # noqa: PLR0913 - three tables and their options, keyword-only
    sales: object,
    targets: object,
    *,
    by: str | Sequence[str] = "region",
    amount: str | None = None,
    target: str = "target",
    leads: object = None,
    stages: Sequence[str] = ("contacted", "closed"),
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> SalesCampaign:
    """How far did each region come, and what became of its leads?

    Estimand: completion = actual / target, by group and in all. Actual and target are facts, so completion has no
    interval. A target of 0 or a missing one gives no completion, with its reason; such groups do not enter the
    completion of all (their sales would count against nobody's target), and the result says which they are.

    Lead conversion = leads that reached the last stage / leads, and for each stage its share of the stage before. A
    lead counts for a stage when it or a later one is marked. The interval is Wilson's, clustered by person where the
    leads have one (two leads of one person are not two trials). Regions differ in customers and products: a
    difference of conversion describes and does not rate the people who work there.

    Args:
        sales: One row per sale with the grouping columns.
        targets: Targets with the grouping columns; rows of a group are summed.
        by: Column(s) of all tables that make groups (region, branch, product); empty cells are "(unknown)".
        amount: Column of the sales with the amount; None counts rows.
        target: Column of the targets.
        leads: One row per lead with the grouping columns and one column of 0 and 1 per stage.
        stages: Those columns, in order; the last is success.
        level: Confidence level.
        columns: Names of the columns, for the tables ``"sales"``, ``"targets"`` and ``"leads"`` (role ``person``).

    Returns:
        Per group, and "(all)": actual, target, completion, above_target, leads, won, conversion with its interval,
        note (NO_TARGET, TARGET_ZERO, NOBODY_AT_RISK without leads, PARTIAL_TARGETS for "(all)"). `.handover()`: the
        stages.

    Raises:
        TableError: Every problem of the tables; NEGATIVE_VALUE for targets below 0.
        InputError: Options out of range.

    References:
        Wilson (1927), Journal of the American Statistical Association 22:209.

    Verified against plain loops (tests/oracles/sales_figures.py).

    Example:
        >>> import pandas as pd
        >>> sold = pd.DataFrame({"region": ["north", "north", "south"], "amount": [60.0, 30.0, 50.0]})
        >>> planned = pd.DataFrame({"region": ["north", "south", "west"], "target": [100.0, 0.0, 40.0]})
        >>> found = sales_campaign(sold, planned, amount="amount")
        >>> [(row["region"], row["completion"], row["note"]) for row in found.to_dicts()]
        [('north', 0.9, ''), ('south', None, 'TARGET_ZERO'), ('west', 0.0, ''), ('(all)', 0.6428571428571429,
        'PARTIAL_TARGETS')]
    """
    level = check_level(level)
    names, steps = grouping_names("by", by, (*FIELDS, *STAGES)), listed_names("stages", stages)
    if not names or not steps:
        raise InputError("by and stages must name at least one column each.")
    problems = Problems()
    sold = open_table(sales, "sales", columns_for(columns, "sales"), problems=problems)
    planned = open_table(targets, "targets", columns_for(columns, "targets"), problems=problems)
    worth = None if amount is None else money(sold, amount, minimum=None)
    goal = numbers(planned, target, minimum=0.0, missing=math.nan) if planned.require_names(target) else None
    sold_groups, planned_groups = read_groups(sold, names), read_groups(planned, names)
    contacts = None if leads is None else _read_leads(leads, names, steps, columns, problems)
    problems.raise_if_any()
    if sold_groups is None or planned_groups is None or goal is None:  # pragma: no cover - noted above
        raise InputError("sales and targets need their grouping columns.")
    actual = _sums(sold_groups, np.ones(len(sold_groups.codes)) if worth is None else worth)
    goals = _sums(planned_groups, goal)
    lead_keys = () if contacts is None else contacts.groups.keys
    listed = sorted({*actual, *goals, *lead_keys})
    rows = [_row(key, actual.get(key, 0.0), goals.get(key), contacts, level) for key in listed]
    total = _total(rows, contacts, level)
    values = {"level": level, "by": ", ".join(names), "amount": amount, "stages": " > ".join(steps)}
    counts = {"sales": len(sold_groups.codes), "leads": 0 if contacts is None else len(contacts.groups.codes)}
    definitions = ("SALES_CAMPAIGN",) if contacts is None else ("SALES_CAMPAIGN", "SALES_LEADS")
    recipe = Recipe(method="wilson", definitions=definitions, settings=values, n=counts)
    return SalesCampaign(names=names, rows=(*rows, total), findings=_findings(rows, contacts, steps), recipe=recipe)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Leads:
    """Leads with the last stage that each reached.

    Attributes:
        groups: Their groups.
        places: Rows of each group.
        reached: Number of stages reached: 0 for none, all of them for a success.
        skipped: For each stage the leads that count only because a later one is marked.
        person: Codes of persons; None without that column.
        steps: Names of the stages.
    """

    groups: Groups
    places: dict[Key, NDArray[np.int64]]
    reached: NDArray[np.int64]
    skipped: tuple[int, ...]
    person: NDArray[np.int64] | None
    steps: tuple[str, ...]

    def rows(self, key: Key | None) -> NDArray[np.int64]:
        """Leads of a group, or all of them."""
        if key is None:
            return np.arange(len(self.reached), dtype=np.int64)
        return self.places.get(key, np.empty(0, np.int64))


def _read_leads(
    leads: object, names: tuple[str, ...], steps: tuple[str, ...], columns: ColumnsLike, problems: Problems
) -> _Leads | None:
    table: Table = open_table(leads, "leads", columns_for(columns, "leads"), problems=problems)
    groups = read_groups(table, names)
    marked = [condition(table, step) for step in steps]
    person = keys(table, "person") if table.has("person") else None
    known = [mark for mark in marked if mark is not None]
    if groups is None or len(known) < len(steps):
        return None
    flags = np.stack(known)
    later = np.maximum.accumulate(flags[::-1], axis=0)[::-1]
    codes = None if person is None else number_keys(person)[0][0]
    return _Leads(
        groups=groups, places=groups.rows(), reached=later.sum(axis=0).astype(np.int64), person=codes, steps=steps,
        skipped=tuple(int(number) for number in (later & ~flags).sum(axis=1)),
    )  # fmt: skip


def _sums(groups: Groups, values: NDArray[np.float64]) -> dict[Key, float]:
    """Sums per group, the same for any order of rows; an unknown part leaves the sum unknown (nan)."""
    order = np.lexsort((values, groups.codes))
    ends = np.searchsorted(groups.codes[order], np.arange(len(groups.keys) + 1))
    ranked = values[order]
    return {key: math.fsum(ranked[ends[i] : ends[i + 1]]) for i, key in enumerate(groups.keys)}


def _row(key: Key, actual: float, goal: float | None, leads: _Leads | None, level: float) -> SalesRow:
    known = None if goal is None or math.isnan(goal) else goal
    note = "NO_TARGET" if known is None else "TARGET_ZERO" if known == 0.0 else ""
    handover = _handover(key, leads, level)
    return SalesRow(
        key=key, actual=actual, target=known, completion=actual / known if known else None, handover=handover, note=note
    )


def _total(rows: Sequence[SalesRow], leads: _Leads | None, level: float) -> SalesRow:
    """All groups: completion over those with a target above 0."""
    counted = [row for row in rows if row.target]
    goal = math.fsum(row.target for row in counted if row.target)
    reached = math.fsum(row.actual for row in counted)
    note = "NO_TARGET" if not counted else "" if len(counted) == len(rows) else "PARTIAL_TARGETS"
    return SalesRow(
        key=None, actual=math.fsum(row.actual for row in rows), target=goal if counted else None,
        completion=reached / goal if counted else None, handover=_handover(None, leads, level), note=note,
        counted=reached,
    )  # fmt: skip


def _handover(key: Key | None, leads: _Leads | None, level: float) -> tuple[SalesStage, ...]:
    if leads is None:
        return ()
    here = leads.rows(key)
    stages = [SalesStage(name="", reached=len(here), step=None, total=None)]
    for number, name in enumerate(leads.steps, start=1):
        now, before = leads.reached[here] >= number, leads.reached[here] >= number - 1
        stages.append(
            SalesStage(
                name=name, reached=int(now.sum()), step=_share(now[before], _of(leads, here[before]), level),
                total=_share(now, _of(leads, here), level),
            )
        )  # fmt: skip
    return tuple(stages)


def _of(leads: _Leads, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    return None if leads.person is None else leads.person[rows]


def _share(hits: NDArray[np.bool_], person: NDArray[np.int64] | None, level: float) -> Estimate:
    if person is None or len(person) == 0:
        return share_estimate(int(hits.sum()), len(hits), level=level)
    _, group = np.unique(person, return_inverse=True)
    n = np.bincount(group).astype(np.float64)
    if n.max() == 1.0:
        return share_estimate(int(hits.sum()), len(hits), level=level)
    return bundled_share(np.bincount(group, weights=hits * 1.0).astype(np.float64), n, level=level)


def _findings(rows: Sequence[SalesRow], leads: _Leads | None, steps: tuple[str, ...]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    missing = [row for row in rows if row.note == "NO_TARGET"]
    if missing:
        found.append(Finding(code="TARGET_MISSING", status="warn", values=_without(missing)))
    zero = [row for row in rows if row.note == "TARGET_ZERO"]
    if zero:
        found.append(Finding(code="TARGET_IS_ZERO", status="warn", values=_without(zero)))
    skipped = () if leads is None else zip(steps, leads.skipped, range(1, len(steps) + 1), strict=True)
    for step, number, place in skipped:
        if number and leads is not None:
            reached = int(np.count_nonzero(leads.reached >= place))
            values: dict[str, object] = {
                "leads": number, "reached": reached, "share": number / reached, "stage": step,
            }  # fmt: skip
            found.append(Finding(code="LEADS_SKIPPED", status="warn", values=values))
    return tuple(found)


def _without(rows: Sequence[SalesRow]) -> dict[str, object]:
    return {"groups": "; ".join(row.label for row in rows), "actual": math.fsum(row.actual for row in rows)}
