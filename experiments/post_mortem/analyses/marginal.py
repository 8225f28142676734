"""What one more wake-up costs at the margin: step by step, and wave by wave where the plan declares waves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribution.core.records import Field, Records
from experiments.outcomes import Outcomes
from experiments.post_mortem.analyses.asked import checked_before, cost_ground, section_of
from experiments.post_mortem.cards import lead_threshold

if TYPE_CHECKING:
    from experiments.post_mortem.analyses.asked import CostGround
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.marginal_result import MarginalCosts

__all__ = ["run"]

_SEVERAL = 3  # arms of an order: the control and two steps


def run(evidence: Evidence) -> MarginalCosts | None:
    """Marginal costs; None without verdicts, and without waves where there is only one step."""
    from experiments.roi.marginal import marginal_costs

    ground, waves = cost_ground(evidence), section_of(evidence, "waves")
    if ground is None:
        return None
    column = _wave_column(evidence, ground) if waves is not None else None
    if column is None and (ground.order is None or len(ground.order) < _SEVERAL):
        return None
    outcomes = ground.outcomes if column is None else _with_wave(evidence, column)
    found = marginal_costs(
        outcomes,
        order=ground.order,
        wave=column,
        threshold=_threshold(evidence, ground, waves),
        woken=ground.woken,
        experiment=ground.experiment,
        variance=ground.thresholds.variance,
        planned_waves=None if column is None else waves.planned,
        columns=evidence.plan.columns(),
    )
    return checked_before(found)


def _threshold(evidence: Evidence, ground: CostGround, waves: Any) -> float:
    """The declared one, else that of the first declared gate, else the middle one."""
    declared = getattr(waves, "threshold", None)
    known = [row.threshold for row in ground.thresholds.judged]
    return float(declared) if declared is not None else lead_threshold(known, [g.threshold for g in evidence.plan.gate])


def _wave_column(evidence: Evidence, ground: CostGround) -> str | None:
    """The column of the wave; None for clusters, whose waves are not pooled."""
    if ground.experiment.cluster is not None or evidence.plan.experiment is None:
        return None
    return getattr(evidence.plan.experiment, "wave", None)


def _with_wave(evidence: Evidence, column: str) -> Any:
    """The outcomes with the wave in which each person was assigned."""
    from attribution.core.tables import Problems, open_table

    outcomes, roles = evidence.outcomes, evidence.plan.columns()
    if not isinstance(outcomes, Outcomes) or column in [field.name for field in outcomes.records.fields]:
        return outcomes
    problems = Problems()
    table = open_table(evidence.tables["assignment"], "assignment", roles["assignment"], problems=problems)
    names = (table.roles.person, table.roles.assigned_at, column)
    table.require_names(*names)
    problems.raise_if_any()
    rows = zip(*(table.arrow(name).to_pylist() for name in names), strict=True)
    # Of a person with several rows the first assignment counts, as in the outcomes.
    waves: dict[str, str] = {}
    for person, _, wave in sorted(rows, key=lambda row: tuple(map(str, row))):
        waves.setdefault(str(person), str(wave))
    known = [waves.get(str(person)) for person in outcomes.records.column("person_id")]
    made = Records((*outcomes.records.fields, Field(column, "text")), (*outcomes.records.columns, known))
    return replace(outcomes, records=made)
