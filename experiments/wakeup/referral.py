"""Customers who bring customers: who shared, who came, who stayed, and what it cost."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns, columns_for
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.tables import Problems, open_table
from attribution.core.values import keys, same_key_kind
from experiments.inference.proportions import bundled_share, share_estimate
from experiments.wakeup.effective_columns import check_at_least, joined_by, rows_of_persons, unique_keys
from experiments.wakeup.effective_ratio import mean_estimate, paid_per_count
from experiments.wakeup.effective_spend import Groups, grouping_names, read_groups
from experiments.wakeup.referral_result import FIELDS, Referral, ReferralGroup, ReferralStage
from experiments.wakeup.referral_rows import Counted, Invitations, count_invitations, read_invitations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike

__all__ = ["referral"]

messages.register("experiments")


def referral(  # noqa: PLR0913 - two tables and their options, keyword-only
    participants: object,
    invitations: object,
    *,
    inviter: str = "inviter_id",
    invitee: str = "invitee_id",
    arrived: str = "arrived",
    effective: str | None = None,
    at_least: float | None = None,
    cost: float | None = None,
    reward: str | None = None,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> Referral:
    """A referral campaign from participants to effective new customers, with the inviter as the unit.

    Estimand: sharers among participants; invitations per sharer; arrived (registered) among invited; effective among
    arrived; new customers per participant (K); cost per arrived and per effective new customer. What one inviter
    brings comes in a bundle (a family, a chat group), so intervals of arrived and effective take the inviter as the
    unit, and means run over all participants, those who shared nothing counting 0.

    K counts one generation of those who were there to be observed. That the invited invite as much as the inviters
    did is an inference that the table cannot show; and that they would not have come by themselves needs an
    experiment.

    Rules: an invitation by oneself to oneself is set aside. An inviter who is no participant is set aside from the
    ratios. A person invited several times counts once, for the inviter of the earliest invitation (by ``time`` if
    that column is there, else the smallest inviter key), and has arrived if any of the invitations says so. Rows in =
    rows used + rows set aside, all counted. Money is counted for every row: what was paid was paid.

    Args:
        participants: One row per person who could invite.
        invitations: One row per invitation that was opened; an empty invitee is somebody unknown.
        inviter: Column of who invited.
        invitee: Column of who was invited.
        arrived: Column, 0 and 1: the invited registered.
        effective: Column: 0 and 1, or an amount with `at_least`. Counts only for those who arrived.
        at_least: Effective when the column is at least this.
        cost: Money of the campaign as a whole, spread over the participants.
        reward: Column of the invitations with the money paid for each.
        by: Column(s) of the participants that make groups.
        level: Confidence level.
        columns: Names of the columns, for the tables ``"participants"`` and ``"invitations"``.

    Returns:
        Per group and stage (participants, sharers, invited, arrived, effective): persons, share_step (of the stage
        before), per_participant, cost_per, each with its interval, note. `.groups` holds invitations_per_sharer and
        k_factor as estimates.

    Raises:
        TableError: Every problem of the tables.
        InputError: Options out of range.

    References:
        Cochran (1977), Sampling Techniques, section 3.12. Fieller (1954), Journal of the Royal Statistical Society B
        16:175.

    Verified against plain loops (tests/oracles/referrals.py).

    Example:
        >>> import pandas as pd
        >>> people = pd.DataFrame({"person_id": ["a", "b", "c", "d"]})
        >>> sent = pd.DataFrame({
        ...     "inviter_id": ["a", "a", "b", "b"], "invitee_id": ["x", "y", "y", "b"], "arrived": [1, 1, 0, 1],
        ... })
        >>> found = referral(people, sent, cost=100.0)
        >>> [(row["stage"], row["persons"]) for row in found.to_dicts()]
        [('participants', 4), ('sharers', 2), ('invited', 2), ('arrived', 2)]
        >>> [finding.code for finding in found.findings]
        ['SELF_REFERRAL', 'DUPLICATE_INVITEE']
    """
    level = check_level(level)
    names = grouping_names("by", by, FIELDS)
    check_at_least(effective, at_least)
    if cost is not None and (isinstance(cost, bool) or not isinstance(cost, Real) or not 0.0 <= cost < math.inf):
        raise InputError(f"cost must be money of at least 0, or None, got {cost!r}.")
    problems = Problems()
    roles = columns_for(columns, "participants")
    table = open_table(participants, "participants", roles, problems=problems, required=("person",))
    person = unique_keys(table)
    groups = read_groups(table, names)
    given = columns_for(columns, "invitations")
    sent_roles = Columns(person=inviter, time=given.time, timezone=given.timezone, precision=given.precision)
    sent = open_table(invitations, "invitations", sent_roles, problems=problems, required=("person",))
    source = keys(sent, "person")
    same_key_kind([(table, person), (sent, source)], "person")
    rows = read_invitations(sent, invitee=invitee, arrived=arrived, effective=(effective, at_least), reward=reward)
    problems.raise_if_any()
    if person is None or source is None or groups is None or rows is None:
        raise InputError("participants and inviters are needed in every row.")  # pragma: no cover - noted above
    order = rows_of_persons(person)
    counted = count_invitations(rows, source, joined_by(person.take(order), source), person)
    sorted_groups = Groups(names=names, keys=groups.keys, codes=groups.codes[order])
    found = _groups(sorted_groups, counted, _money(rows, counted, cost, len(order)), rows, level)
    settings = {
        "level": level, "by": ", ".join(names), "cost": cost, "reward": reward,
        "effective": effective if at_least is None else f"{effective} >= {at_least:g}",
    }  # fmt: skip
    counts = {"participants": len(order), "invitations": len(rows.arrived), "used": int(counted.invited.sum())}
    recipe = Recipe(method="inviters", definitions=("REFERRAL",), settings=settings, n=counts)
    return Referral(names=names, groups=found, findings=_findings(counted, counts, found), recipe=recipe)


def _money(rows: Invitations, counted: Counted, cost: float | None, participants: int) -> NDArray[np.float64] | None:
    """Money of each participant: rewards of the own invitations, and an equal part of everything else."""
    if cost is None and rows.reward is None:
        return None
    rest = float(cost or 0.0)
    own = np.zeros(participants)
    if rows.reward is not None and counted.paid is not None:
        own = counted.paid
        rest += max(0.0, math.fsum(rows.reward) - math.fsum(own))
    return own + rest / max(1, participants)


def _groups(
    groups: Groups, counted: Counted, money: NDArray[np.float64] | None, rows: Invitations, level: float
) -> tuple[ReferralGroup, ...]:
    everybody: tuple[tuple[str, ...] | None, NDArray[np.int64]] = (None, np.arange(len(counted.sent), dtype=np.int64))
    parts = [*(groups.rows() if groups.names else {}).items(), everybody]
    with_effect = rows.effective is not None
    return tuple(_group(key, counted, money, here, level=level, with_effect=with_effect) for key, here in parts)


def _group(
    key: tuple[str, ...] | None,
    counted: Counted,
    money: NDArray[np.float64] | None,
    here: NDArray[np.int64],
    *,
    level: float,
    with_effect: bool,
) -> ReferralGroup:
    sent, invited, arrived, effective = (
        part[here].astype(np.float64) for part in (counted.sent, counted.invited, counted.arrived, counted.effective)
    )
    shared = (sent > 0.0).astype(np.float64)
    everybody = np.ones(len(here))
    paid = None if money is None else money[here]
    none = Estimate(value=None, level=level)
    stages = [
        ReferralStage(name="participants", n=len(here), step=none, mean=none, cost_per=_per(paid, everybody, level)),
        ReferralStage(
            name="sharers", n=int(shared.sum()), step=share_estimate(float(shared.sum()), len(here), level=level),
            mean=share_estimate(float(shared.sum()), len(here), level=level), cost_per=_per(paid, shared, level),
        ),
    ]  # fmt: skip
    steps = [("invited", invited, None), ("arrived", arrived, invited)]
    steps += [("effective", effective, arrived)] if with_effect else []
    for name, now, before in steps:
        step = none if before is None else bundled_share(now[before > 0.0], before[before > 0.0], level=level)
        stages.append(
            ReferralStage(
                name=name, n=int(now.sum()), step=step, mean=_not_below(mean_estimate(now, level=level)),
                cost_per=_per(paid, now, level),
            )
        )  # fmt: skip
    return ReferralGroup(
        key=key, stages=tuple(stages), cost=None if paid is None else math.fsum(paid),
        invitations_per_sharer=_not_below(mean_estimate(sent[sent > 0.0], level=level)),
        k_factor=_not_below(mean_estimate(arrived, level=level)),
    )  # fmt: skip


def _per(paid: NDArray[np.float64] | None, counts: NDArray[np.float64], level: float) -> Estimate | None:
    return None if paid is None else paid_per_count(paid, counts, level=level)


def _not_below(found: Estimate) -> Estimate:
    """A mean of counts, its interval cut at 0."""
    low = None if found.low is None else max(0.0, found.low)
    return Estimate(
        value=found.value, low=low, high=found.high, level=found.level, method=found.method, n=found.n,
        standard_error=found.standard_error, note=found.note,
    )  # fmt: skip


def _findings(counted: Counted, counts: dict[str, int], groups: tuple[ReferralGroup, ...]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    rows = counts["invitations"]
    if counted.own:
        found.append(Finding(code="SELF_REFERRAL", status="warn", values=_rows(counted.own, rows)))
    if counted.strangers:
        found.append(Finding(code="UNKNOWN_INVITER", status="warn", values=_rows(counted.strangers, rows)))
    if counted.repeated:
        found.append(Finding(code="DUPLICATE_INVITEE", status="warn", values=_rows(counted.repeated, rows)))
    if counted.known:
        told = {"persons": counted.known, "invited": counts["used"]}
        found.append(Finding(code="INVITEE_PARTICIPATES", status="note", values=told))
    if counted.top_share is not None and groups[-1].stages[2].n >= 20 and counted.top_share > 0.1:  # judgement
        values: dict[str, object] = {"share": counted.top_share, "invited": counts["used"]}
        found.append(Finding(code="ONE_INVITER", status="warn", values=values))
    return tuple(found)


def _rows(number: int, rows: int) -> dict[str, object]:
    return {"rows": number, "invitations": rows}
