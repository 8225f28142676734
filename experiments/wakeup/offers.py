"""Offers made to people who were not in the segment that the offer is for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, keys, same_key_kind
from experiments.inference.proportions import bundled_share
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.effective_columns import money
from experiments.wakeup.effective_spend import Groups, grouping_names, listed_names, read_groups
from experiments.wakeup.offers_eligible import REASONS, Spans, why_not
from experiments.wakeup.offers_result import FIELDS, OfferRow, OffSegmentOffers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table

__all__ = ["off_segment_offers"]

messages.register("experiments")

_FAR = 2**62


def off_segment_offers(  # noqa: PLR0913 - two tables and their options, keyword-only
    offers: object,
    eligible: object,
    *,
    by: str | Sequence[str] | None = "channel",
    match: str | Sequence[str] | None = None,
    cost: str | None = None,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> OffSegmentOffers:
    """Which share of the offers went to people who were not eligible at that moment, and what did it cost?

    Estimand: share of offers made outside the eligible segment, with the person as the unit (offers of one person
    come in bundles). Eligibility is that of the offer's own moment: a list drawn afterwards makes offers look right
    or wrong that were not (who bought meanwhile has left the segment *because* of the offer).

    Args:
        offers: One row per offer: person and time.
        eligible: Who was eligible: person, and where they are there ``valid_from`` (included) and ``valid_to``
            (excluded; empty: without end). Several rows per person are several spells; they may overlap.
        by: Column(s) of the offers that make groups; empty cells are "(unknown)".
        match: Column(s) of both tables that must agree, such as the product or the segment.
        cost: Column of the offers with the money of each (touch plus incentive).
        level: Confidence level.
        columns: Names of the columns, for the tables ``"offers"`` and ``"eligible"``.

    Returns:
        Per group, and "(all)": offers, persons, off_segment, off_share with its interval, cost, cost_off,
        cost_off_share; and how many for which reason: never_listed, other_offer (listed for something else),
        too_early, too_late. The costs are what was paid, so they have no interval.

    Raises:
        TableError: Every problem of the tables; BAD_PERIOD for spells that end before they begin.
        InputError: Options out of range, or no offer.

    References:
        Cochran (1977), Sampling Techniques, section 3.12. Wilson (1927), Journal of the American Statistical
        Association 22:209.

    Verified against plain loops (tests/oracles/offers_outside.py).

    Example:
        >>> import pandas as pd
        >>> when = pd.to_datetime(["2026-03-01", "2026-03-09", "2026-03-01", "2026-03-02"], utc=True)
        >>> sent = pd.DataFrame({"person_id": list("aabc"), "time": when, "channel": "sms", "cost": 1.0})
        >>> spells = pd.DataFrame({"person_id": ["a", "b"], "valid_to": [when[1], pd.NaT]})
        >>> found = off_segment_offers(sent, spells, cost="cost")
        >>> row = found.to_dicts()[0]
        >>> row["off_segment"], row["too_late"], row["never_listed"], row["cost_off"]
        (2, 1, 1, 2.0)
    """
    level = check_level(level)
    names, agree = grouping_names("by", by, FIELDS), listed_names("match", match)
    problems = Problems()
    made = open_table(offers, "offers", columns_for(columns, "offers"), problems=problems,
                      required=("person", "time"))  # fmt: skip
    listed = open_table(eligible, "eligible", columns_for(columns, "eligible"), problems=problems,
                        required=("person",), optional=("valid_from", "valid_to"))  # fmt: skip
    person, time, holder = keys(made, "person"), instants(made, "time"), keys(listed, "person")
    same_key_kind([(made, person), (listed, holder)], "person")
    paid = None if cost is None else money(made, cost)
    groups = read_groups(made, names)
    wanted, given = read_groups(made, agree), read_groups(listed, agree)
    begin, end = _ends(listed)
    problems.raise_if_any()
    if person is None or time is None or holder is None or groups is None or wanted is None or given is None:
        raise InputError("offers and the eligible need a person in every row.")  # pragma: no cover - noted above
    if not len(time):
        raise InputError("there is no offer in the table.")
    (who, whose), _ = number_keys(person, holder)
    offer_kind, spell_kind = _joint(wanted, given)
    reason = why_not((who, offer_kind, time), Spans(person=whose, kind=spell_kind, begin=begin, end=end))
    rows = _rows(groups, who, reason, paid, level)
    values = {"level": level, "by": ", ".join(names), "match": ", ".join(agree), "cost": cost}
    recipe = Recipe(
        method="wilson, persons", definitions=("OFF_SEGMENT",), settings=values,
        n={"offers": len(time), "persons": int(np.count_nonzero(np.bincount(who))), "spells": len(whose)},
    )  # fmt: skip
    return OffSegmentOffers(names=names, rows=rows, findings=_findings(rows[-1]), recipe=recipe)


def _ends(listed: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Begin and end of every spell; empty ones reach to the ends of time."""
    low, high = (_moments(listed, role) for role in ("valid_from", "valid_to"))
    size = listed.rows
    none = np.iinfo(np.int64).min
    begin = np.full(size, -_FAR) if low is None else np.where(low == none, -_FAR, low)
    end = np.full(size, _FAR) if high is None else np.where(high == none, _FAR, high)
    wrong = end < begin
    if wrong.any():
        rows = [f"row {row}" for row in np.flatnonzero(wrong)[:5]]
        listed.problems.add(
            "BAD_PERIOD", listed.name, listed.roles.valid_to, int(wrong.sum()), examples=rows,
            message="a spell of eligibility ends before it begins; repair these rows",
        )  # fmt: skip
    return begin.astype(np.int64), end.astype(np.int64)


def _moments(table: Table, role: str) -> NDArray[np.int64] | None:
    return instants(table, role, allow_null=True) if table.has(role) else None


def _joint(wanted: Groups, given: Groups) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What an offer is for and what a spell is for, in one numbering."""
    place = {key: position for position, key in enumerate(sorted({*wanted.keys, *given.keys}))}
    left, right = (np.array([place[key] for key in side.keys] or [0], np.int64) for side in (wanted, given))
    return left[wanted.codes], right[given.codes]


def _rows(
    groups: Groups, who: NDArray[np.int64], reason: NDArray[np.int64], paid: NDArray[np.float64] | None, level: float
) -> tuple[OfferRow, ...]:
    rows = groups.rows() if groups.names else {}
    found = [_row(key, who, reason, paid, here, level) for key, here in rows.items()]
    return (*found, _row(None, who, reason, paid, np.arange(len(who)), level))


def _row(
    key: tuple[str, ...] | None,
    who: NDArray[np.int64],
    reason: NDArray[np.int64],
    paid: NDArray[np.float64] | None,
    here: NDArray[np.int64],
    level: float,
) -> OfferRow:
    off = reason[here] > 0
    _, persons = np.unique(who[here], return_inverse=True)
    n = np.bincount(persons).astype(np.float64)
    hits = np.bincount(persons, weights=off * 1.0).astype(np.float64)
    return OfferRow(
        key=key,
        offers=len(here),
        persons=len(n),
        share=bundled_share(hits, n, level=level),
        reasons=tuple(int(np.count_nonzero(reason[here] == code)) for code in range(1, len(REASONS) + 1)),
        cost=None if paid is None else math.fsum(paid[here]),
        cost_off=None if paid is None else math.fsum(paid[here][off]),
    )


def _findings(total: OfferRow) -> tuple[Finding, ...]:
    if not total.off_segment:
        return ()
    values: dict[str, object] = {
        "off": total.off_segment, "offers": total.offers, "share": total.share.value, "low": total.share.low,
        "high": total.share.high, "late": total.reasons[-1],
    }  # fmt: skip
    found = [Finding(code="OFF_SEGMENT", status="warn", values=values)]
    if total.cost_off:
        values = {"cost_off": total.cost_off, "cost": total.cost}
        found.append(Finding(code="OFF_SEGMENT_COST", status="warn", values=values))
    return tuple(found)
