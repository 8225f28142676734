"""From the plans of several campaigns to the campaigns of a programme, and what has to stay out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.plan.spelling import shown
from experiments.post_mortem.cards import decisions_of, lead_threshold
from experiments.post_mortem.evidence import event_of, gather_core
from experiments.post_mortem.gates import invalid_codes
from experiments.post_mortem.prepared import plan_of
from experiments.programmes.campaign import ProgrammeCampaign, StandingVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from experiments.plan import Plan
    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Decision

__all__ = ["LeftOut", "Members", "members_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A campaign that does not count in the total.

    Attributes:
        campaign: Its name.
        as_of: The date of its data.
        reason: NO_HOLDOUT, NO_VALUE, CLUSTERED_PROGRAMME, or the codes of the checks that fail.
    """

    campaign: str
    as_of: date
    reason: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Members:
    """The campaigns of a programme.

    Attributes:
        campaigns: Those that count, by name.
        left_out: The others, with the reason.
        smallest: The largest ``report.min_cell`` of all plans.
    """

    campaigns: Mapping[str, ProgrammeCampaign]
    left_out: tuple[LeftOut, ...]
    smallest: int


def members_of(plans: Sequence[Plan | Mapping[str, Any] | str | Path], data: Sequence[object] | None) -> Members:
    """Run every plan, and keep what a programme can add up.

    Raises:
        InputError: No plan, or two campaigns of one name.
        PlanError: A plan is unusable.
        TableError: Its tables are.
    """
    chosen = [plan_of(plan) for plan in plans]
    if not chosen:
        raise InputError("a programme needs at least one plan.")
    names = [plan.campaign.name for plan in chosen]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two plans have the campaign name {shown(twice[0])}; give every campaign a name of its own.")
    given = list(data) if data is not None else [None] * len(chosen)
    if len(given) != len(chosen):
        raise InputError(f"data must hold one entry for each of the {len(chosen)} plans, got {len(given)}.")
    campaigns: dict[str, ProgrammeCampaign] = {}
    left_out: list[LeftOut] = []
    for plan, tables in zip(chosen, given, strict=True):
        found = _member(plan, gather_core(plan, tables))
        if isinstance(found, LeftOut):
            left_out.append(found)
        else:
            campaigns[plan.campaign.name] = found
    return Members(campaigns=campaigns, left_out=tuple(left_out), smallest=max(plan.report.min_cell for plan in chosen))


def _member(plan: Plan, evidence: Evidence) -> ProgrammeCampaign | LeftOut:
    decisions = decisions_of(plan, evidence.thresholds)
    reason = _reason(plan, evidence, decisions)
    if reason or evidence.readout is None:
        return LeftOut(campaign=plan.campaign.name, as_of=plan.campaign.as_of, reason=reason or evidence.refusal)
    worth = _worth(plan, decisions)
    value = None if worth is not None or plan.money is None else plan.money.value
    return ProgrammeCampaign(
        outcomes=evidence.outcomes,
        as_of=plan.campaign.as_of,
        experiment=evidence.readout.experiment,
        threshold=worth,
        by=evidence.plan.costs.by if isinstance(worth, dict) and evidence.plan.costs is not None else None,
        value=value,
        woken=event_of(evidence.readout) or "woken",
        verdicts=tuple(
            StandingVerdict(arm=d.arm, control=d.control, threshold=d.threshold, word=d.word, segment=d.segment)
            for d in decisions
        ),
    )


def _reason(plan: Plan, evidence: Evidence, decisions: Sequence[Decision]) -> str:
    """Why a campaign does not count; empty when it does."""
    if evidence.readout is None:
        return evidence.refusal or "NO_HOLDOUT"
    failed = invalid_codes(evidence.findings(), decisions)
    if failed:
        return failed
    if evidence.readout.experiment.cluster is not None:
        return "CLUSTERED_PROGRAMME"
    return "" if _worth(plan, decisions) is not None or plan.money is not None else "NO_VALUE"


def _worth(plan: Plan, decisions: Sequence[Decision]) -> float | dict[str, float] | None:
    """What a woken customer is worth: the threshold that leads the campaign's decisions for everybody.

    Where the plan declares thresholds by segment, everybody counts with that of the own segment.
    """
    if decisions and plan.costs is not None and isinstance(plan.costs.thresholds, dict):
        gates = {name: [gate.threshold for gate in plan.gate if gate.segment == name] for name in plan.costs.thresholds}
        return {name: lead_threshold(values, gates[name]) for name, values in plan.costs.thresholds.items()}
    whole = [decision for decision in decisions if decision.segment is None] or list(decisions)
    if not whole:
        return None
    declared = [decision.threshold for decision in whole if decision.declared]
    return lead_threshold([decision.threshold for decision in whole], declared)
