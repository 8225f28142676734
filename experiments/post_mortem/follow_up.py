"""How long the assigned persons have been followed, and the days at which an effect can be read again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from attribution.core.durations import MICROSECONDS_PER_DAY, microseconds, parse_duration
from experiments.outcomes.instant import as_of_microseconds
from experiments.outcomes.result import Outcomes

if TYPE_CHECKING:
    from attribution.core.columns import Columns
    from experiments.post_mortem.evidence import Evidence

__all__ = ["DEFAULT_DAYS", "can_be_followed", "days_asked", "days_reached", "readout_columns", "window_days"]

DEFAULT_DAYS = (30, 60, 90)
_OF_OUTCOMES = "stratum"  # what built outcomes call the stratum, whatever the assignment calls it


def can_be_followed(evidence: Evidence) -> bool:
    """Whether there is a random control, and tables that tell when everybody came back."""
    tables = evidence.tables
    known = all(tables.get(name) is not None for name in ("assignment", "conversions"))
    return evidence.readout is not None and isinstance(evidence.outcomes, Outcomes) and known


def readout_columns(evidence: Evidence) -> dict[str, Columns]:
    """The plan's columns, with the stratum of the readout: functions that take the assignment's by themselves agree."""
    columns, declared = evidence.plan.columns(), evidence.plan.experiment
    layers = () if evidence.readout is None or declared is None else evidence.readout.experiment.layers
    roles = columns["assignment"]
    used = roles.stratum if tuple(layers) in ((roles.stratum,), (_OF_OUTCOMES,)) else ""
    return {**columns, "assignment": replace(roles, stratum=used)}


def days_asked(evidence: Evidence) -> tuple[int, ...]:
    """The declared days, else the usual ones."""
    declared = evidence.plan.durability
    return DEFAULT_DAYS if declared is None else tuple(declared.days)


def days_reached(evidence: Evidence) -> tuple[int, ...]:
    """The days asked that lie before the date of the data: declared ones for somebody, else for everybody."""
    outcomes, declared = evidence.outcomes, evidence.plan.experiment
    if declared is None or not isinstance(outcomes, Outcomes) or not len(outcomes.assigned_at):
        return ()
    zone = evidence.plan.columns()["assignment"].timezone
    until = as_of_microseconds(evidence.plan.campaign.as_of, zone) - microseconds(parse_duration(declared.lag))
    start = outcomes.assigned_at
    begun = int(start.max() if evidence.plan.durability is None else start.min())
    return tuple(day for day in days_asked(evidence) if begun + day * MICROSECONDS_PER_DAY <= until)


def window_days(evidence: Evidence) -> float:
    """Length of the window, days."""
    declared = evidence.plan.experiment
    return 0.0 if declared is None else microseconds(parse_duration(declared.window)) / MICROSECONDS_PER_DAY
