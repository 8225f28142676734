"""How many of those silent for so long come back by themselves, and the cut that this puts on silence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribution.core.records import TabularResult
from experiments.post_mortem.analyses.observed import activity_of, observed

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.records import Records
    from attribution.core.render.display import Display
    from experiments.post_mortem.evidence import Evidence
    from experiments.wakeup.dormancy_result import DormancyCurve, DormancyCut

__all__ = ["TOLERATED", "DeclaredDormancy", "run"]

TOLERATED = 0.05
"""The share of returns that a cut tolerates; a judgement, said beside the cut."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class DeclaredDormancy(TabularResult):
    """The dormancy curve beside the declared rule.

    Attributes:
        curve: The curve, without points at which too few spells are at risk to be shown.
        cut: The shortest silence after which hardly anybody comes back.
        dormant_after: The declared rule, as written in the plan.
    """

    curve: DormancyCurve
    cut: DormancyCut
    dormant_after: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was left out, and whether silence still means what it meant."""
        return self.curve.findings

    @property
    def recipe(self) -> Recipe:
        """How the cut was made, which names how the curve was."""
        return self.cut.recipe

    def _records(self) -> Records:
        return self.curve._records()  # noqa: SLF001 -- our own

    def _display(self) -> Display:
        return self.curve._display()  # noqa: SLF001 -- our own


def run(evidence: Evidence) -> DeclaredDormancy | None:
    """The curve with its cut; None without a log of acts."""
    from experiments.wakeup.dormancy import dormancy_curve

    given = activity_of(evidence)
    if given is None:
        return None
    log, rule = given
    plan = evidence.plan
    # Treated persons' spells are no natural returns; the control stands for them where persons were assigned.
    trial = evidence.readout is not None and plan.experiment is not None
    curve = observed(
        lambda: dormancy_curve(
            log,
            horizon=rule.horizon,
            as_of=plan.campaign.as_of,
            level=plan.experiment.level if plan.experiment is not None else 0.95,
            assignment=evidence.tables.get("assignment") if trial else None,
            control=plan.experiment.control if plan.experiment is not None else "holdout",
            columns=plan.columns(),
        )
    )
    cut = curve.cut(TOLERATED)
    rows = tuple(row for row in curve.rows if row.at_risk >= plan.report.min_cell)
    return DeclaredDormancy(curve=replace(curve, rows=rows), cut=cut, dormant_after=str(rule.dormant_after))
