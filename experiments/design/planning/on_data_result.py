"""What simulations on the user's own rows showed: false positives, power, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.records import Field, Records, TabularResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.design.planning.on_data import ArmTally

__all__ = ["DataSimulation", "SimulatedRow", "judged", "simulated_row"]

_ALARM = 1e-3
_FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("trial", "text"), Field("effect"),
    Field("replications", "count"), Field("rejected", "rate"), Field("rejected_low", "rate"),
    Field("rejected_high", "rate"), Field("up", "rate"), Field("down", "rate"), Field("coverage", "rate"),
    Field("coverage_low", "rate"), Field("coverage_high", "rate"), Field("undefined", "count"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRow:
    """One metric, one arm, with or without an effect.

    Attributes:
        metric: Name of the metric.
        arm: The arm.
        trial: "A/A" without an effect, "A/B" with one.
        effect: The difference that was put in.
        replications: Replications with an interval.
        rejected: Share of them whose interval excludes 0: false positives in A/A; in A/B in the direction of the
            effect, the power.
        rejected_low: Lower end of its exact interval.
        rejected_high: Upper end of its exact interval.
        up: Share of intervals wholly above 0.
        down: Share of intervals wholly below 0.
        coverage: Share of intervals that contain the difference put in.
        coverage_low: Lower end of its exact interval.
        coverage_high: Upper end of its exact interval.
        undefined: Replications without an interval.
        note: Codes of the reasons why they have none.
    """

    metric: str
    arm: str
    trial: str
    effect: float
    replications: int
    rejected: float | None
    rejected_low: float | None
    rejected_high: float | None
    up: float | None
    down: float | None
    coverage: float | None
    coverage_low: float | None
    coverage_high: float | None
    undefined: int
    note: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class DataSimulation(TabularResult):
    """Simulations of the experiment on the user's own rows.

    Attributes:
        rows: One row per metric, arm and trial.
        level: Confidence level of the experiment.
        persons: Persons in the pilot.
        findings: Whether the false positives are what the level promises, per metric and arm.
        recipe: How the figures were made.
    """

    rows: tuple[SimulatedRow, ...]
    level: float
    persons: int
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return Records.from_rows(
            _FIELDS, [{field.name: getattr(row, field.name) for field in _FIELDS} for row in self.rows]
        )

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("ON_DATA.title", {"persons": self.persons, "level": self.level})
        lines = [f"[{finding.status}] {finding.code}: {finding.text()}" for finding in self.findings]
        return Display(title, (records_table(self._records(), decisive="rejected"), *lines, *self.recipe.sentences()))


def simulated_row(metric: str, arm: object, tally: ArmTally, *, effect: float, trial: str) -> SimulatedRow:
    """A row with exact binomial intervals of level 0.95."""
    n = tally.replications
    right = tally.up + tally.down if trial == "A/A" else tally.up if effect > 0.0 else tally.down
    rejected, covered = _share(right, n), _share(tally.covered, n)
    return SimulatedRow(
        metric=metric, arm=str(arm), trial=trial, effect=effect, replications=n, rejected=rejected[0],
        rejected_low=rejected[1], rejected_high=rejected[2], up=_share(tally.up, n)[0], down=_share(tally.down, n)[0],
        coverage=covered[0], coverage_low=covered[1], coverage_high=covered[2], undefined=tally.undefined,
        note=tally.note,
    )  # fmt: skip


def _share(hits: int, n: int) -> tuple[float | None, float | None, float | None]:
    """A share with Clopper and Pearson's interval."""
    if n == 0:
        return None, None, None
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1.0, 0.025))
    high = 1.0 if hits == n else float(betaincinv(hits + 1.0, n - hits, 0.975))
    return hits / n, low, high


def judged(rows: Sequence[SimulatedRow], tallies: Sequence[ArmTally], *, level: float) -> tuple[Finding, ...]:
    """Whether each A/A's two tails are what the level promises; all checks of one result share a chance of 0.1 %."""
    from scipy.stats import binomtest

    checks = [(row, tally) for row, tally in zip(rows, tallies, strict=True) if row.trial == "A/A"]
    alarm = _ALARM / max(1, 2 * len(checks))
    found = []
    for row, tally in checks:
        values: dict[str, object] = {
            "metric": row.metric, "arm": row.arm, "up": row.up, "down": row.down, "tail": (1.0 - level) / 2.0,
            "replications": row.replications, "undefined": row.undefined, "note": row.note,
        }  # fmt: skip
        if row.replications == 0:
            found.append(Finding(code="AA_RATE", status="unknown", values=values))
            continue
        p = min(binomtest(hits, row.replications, (1.0 - level) / 2.0).pvalue for hits in (tally.up, tally.down))
        found.append(Finding(code="AA_RATE", status="warn" if p < alarm else "pass", values=values))
    return tuple(found)
