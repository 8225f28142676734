"""Which sources of acquisition bring customers who stay?"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from attribution.core.tables import Problems, open_table
from attribution.core.values import same_key_kind
from attribution.core.whole import check_whole
from experiments.wakeup.acts import read_acts, span
from experiments.wakeup.channel_quality_acts import Followed, QualityRules, follow
from experiments.wakeup.channel_quality_result import DISTRIBUTION, FIELDS, ChannelQuality
from experiments.wakeup.channel_quality_rows import Sources, quality_findings, quality_rows
from experiments.wakeup.effective_columns import check_at_least, condition, joined_by, rows_of_persons, unique_keys
from experiments.wakeup.effective_spend import Groups, read_groups, read_spend
from experiments.wakeup.group_names import check_group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from experiments.wakeup.acts import Acts

__all__ = ["channel_quality"]

messages.register("experiments")


def channel_quality(  # noqa: PLR0913 - two tables and their options, keyword-only
    customers: object,
    events: object,
    *,
    as_of: object,
    silent_after: str = "180d",
    source: str = "source",
    lost_by: int = 2,
    margin: float = 0.05,
    value: str | None = None,
    spend: object = None,
    effective: str | None = None,
    at_least: float | None = None,
    new: str | None = None,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> ChannelQuality:
    """Customers by source of acquisition: how many are lost by the second purchase, what they buy, what they cost.

    Deal hunters come for the bonus, buy once or twice and are gone; the source tells more about it than anything else
    known at acquisition.

    Estimand: the share of customers of a source who stop at their first or second purchase, among those with a
    purchase who could be watched to the end. "Stopped at the n-th" means no further purchase within `silent_after` of
    it, as in `nth_purchase`. Watched to the end: the first purchase lies at least `lost_by` times `silent_after`
    before `as_of`. That risk set depends on the first purchase only. Counting everybody whose fate happens to be
    decided would take those who stopped early before those who went on, and overstate the loss of young sources.
    Purchases and value are counted over the same time for everybody: `lost_by` times `silent_after` from the first
    purchase on.

    The flag: each source against all others pooled, score test of "is not lost more often by more than `margin`",
    one-sided at (1 - level) / 2, Holm over the sources. A flag describes whom the source brought; it does not say that
    the same customers would have stayed had they come another way.

    Args:
        customers: One row per customer, with the source. An empty source is the group "(unknown)".
        events: Purchases: person and time; customers without any count as such.
        as_of: Until when the purchases are complete.
        silent_after: Silence after which a customer counts as stopped.
        source: Column of the source in the customers.
        lost_by: Purchase by which the loss is counted; 2 by default.
        margin: Difference of shares that matters, declared before looking; from 0 to below 1. 0.05 is a judgement.
        value: Column of the events with the value (margin) of a purchase.
        spend: Money spent on each source: a mapping, or a table with the source and ``cost``, rows summed.
        effective: Column of the customers: 0 and 1, or an amount with `at_least`. None: no cost per effective
            customer.
        at_least: A customer is effective when the column is at least this.
        new: Column of the customers, 0 and 1: new to the house (not known before through another way).
        level: Confidence level.
        columns: Names of the columns, for the tables ``"customers"``, ``"events"`` and ``"spend"``.

    Returns:
        Per source, and "(all)": customers, bought, observed, lost (share), rest_lost, difference, p_value, p_adjusted,
        deal_hunters ("flagged", "no", "undecided", None), purchases (mean) and value per observed customer, share_new,
        cost, cost_per_customer, effective_share, cost_per_effective, note. `.purchases()` is the distribution of
        purchases, `.plot()` draws the shares lost. "no": the difference is shown to be at most the margin.

    Raises:
        TableError: Every problem of the tables.
        InputError: Options out of range; no act before `as_of`.

    References:
        Miettinen and Nurminen (1985), Statistics in Medicine 4:213. Holm (1979), Scandinavian Journal of Statistics
        6:65.

    Verified against plain loops (tests/oracles/channel_quality.py); false flags by simulation
    (tests/statistical/quality_designs.py).

    Example:
        >>> import pandas as pd
        >>> people = pd.DataFrame({"person_id": range(400), "source": ["rebate"] * 200 + ["branch"] * 200})
        >>> start = pd.Timestamp("2024-01-10", tz="UTC")
        >>> stay = list(range(60)) + list(range(200, 350))  # 60 of 200 and 150 of 200 keep buying
        >>> rows = [(i, start) for i in range(400)]
        >>> rows += [(i, start + pd.Timedelta(f"{30 * n}D")) for i in stay for n in (1, 2)]
        >>> log = pd.DataFrame(rows, columns=["person_id", "time"])
        >>> found = channel_quality(people, log, as_of="2026-06-30")
        >>> [(row["source"], round(row["lost"], 2), row["deal_hunters"]) for row in found.to_dicts()]
        [('branch', 0.25, 'no'), ('rebate', 0.7, 'flagged'), ('(all)', 0.47, None)]
    """
    check_group(source, (*FIELDS, *DISTRIBUTION), option="source")
    check_at_least(effective, at_least)
    rules = _rules(silent_after, lost_by, margin, level)
    roles = columns_for(columns, "customers")
    table = open_table(customers, "customers", roles, problems=Problems(), required=("person",))
    person = unique_keys(table)
    hit = None if effective is None else condition(table, effective, at_least)
    fresh = None if new is None else condition(table, new)
    groups = read_groups(table, (source,))
    spent = read_spend(spend, (source,), columns_for(columns, "spend"), table)
    table.problems.raise_if_any()
    if person is None or groups is None:  # pragma: no cover - noted above, so the line above has raised
        raise InputError("customers need a person and a source in every row.")
    acts = read_acts(events, as_of=as_of, columns=columns_for(columns, "events"))
    same_key_kind([(table, person), (acts.table, acts.persons)], "person")
    table.problems.issues.extend(acts.table.problems.issues)
    table.problems.raise_if_any()
    order = rows_of_persons(person)
    followed = _followed(acts, joined_by(person.take(order), acts.persons), len(order), rules, value)
    persons = Sources(
        groups=Groups(names=(source,), keys=groups.keys, codes=groups.codes[order]),
        followed=followed,
        effective=None if hit is None else hit[order],
        new=None if fresh is None else fresh[order],
    )
    rows = quality_rows(persons, spent, rules)
    settings = {
        "level": level, "silent_after": duration_text(parse_duration(silent_after)), "lost_by": lost_by,
        "margin": margin, "alpha": (1.0 - level) / 2.0, "as_of": str(as_of), "source": source, "value": value,
        "effective": _shown(effective, at_least),
    }  # fmt: skip
    counts = {"customers": len(order), "observed": int(np.count_nonzero(followed.observed))}
    recipe = Recipe(method="score, Holm", definitions=("CHANNEL_QUALITY",), settings=settings, n=counts)
    findings = (*acts.findings, *quality_findings(rows, followed, len(order)))
    return ChannelQuality(source=source, rows=rows, findings=findings, recipe=recipe)


def _rules(silent_after: str, lost_by: int, margin: float, level: float) -> QualityRules:
    silence = span(silent_after, "silent_after")
    lost_by = check_whole("lost_by", lost_by, least=1, most=100)
    if not isinstance(margin, Real) or isinstance(margin, bool) or not 0.0 <= margin < 1.0:
        raise InputError(f"margin must be a share from 0 to below 1, for example 0.05, got {margin!r}.")
    return QualityRules(silence=silence, lost_by=lost_by, margin=float(margin), level=check_level(level))


def _followed(acts: Acts, row: NDArray[np.int64], customers: int, rules: QualityRules, value: str | None) -> Followed:
    worth = None if value is None else acts.numbers(value)
    return follow(acts, row, customers, rules, worth)


def _shown(effective: str | None, at_least: float | None) -> str | None:
    return effective if at_least is None else f"{effective} >= {at_least:g}"
