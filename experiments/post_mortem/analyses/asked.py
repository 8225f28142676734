"""The ground of every analysis of costs, and whether there is any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.readout import Experiment
    from experiments.roi import CostThresholds

__all__ = ["CostGround", "checked_before", "cost_ground", "fails"]

_TOLD = frozenset({"LEAKAGE", "SEGMENT_DECLINED"})  # by the verdicts, with the limits of the plan
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CostGround:
    """What every analysis of costs starts from.

    Attributes:
        outcomes: One row per assigned person.
        experiment: The declared experiment.
        order: The steps, the control first; None where each arm is compared with the control.
        woken: Column of the event that a threshold pays for.
        thresholds: The verdicts.
    """

    outcomes: Any
    experiment: Experiment
    order: tuple[str, ...] | None
    woken: str
    thresholds: CostThresholds


def fails(evidence: Evidence) -> bool:
    """Whether a check fails: then no figure may be used, and nothing further is built on them."""
    return any(finding.status == "fail" for finding in evidence.findings())


def cost_ground(evidence: Evidence) -> CostGround | None:
    """None without verdicts, and where a check fails."""
    from experiments.post_mortem.evidence import event_of, step_order

    readout, thresholds = evidence.readout, evidence.thresholds
    woken = None if readout is None else event_of(readout)
    if readout is None or thresholds is None or woken is None or fails(evidence):
        return None
    return CostGround(
        outcomes=evidence.outcomes,
        experiment=readout.experiment,
        order=step_order(evidence.plan),
        woken=woken,
        thresholds=thresholds,
    )


def checked_before(found: _Found) -> _Found:
    """The result without its remarks on leakage and on segments without a control, which the verdicts tell already."""
    findings = tuple(finding for finding in found.findings if finding.code not in _TOLD)  # type: ignore[attr-defined]
    return replace(found, findings=findings)  # type: ignore[type-var]
