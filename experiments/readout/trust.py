"""The trust panel: every check of an experiment in one table, those that could not be run among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.findings import Finding
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from experiments.design.alarms import require_trusted, share_alarm
from experiments.design.balance import balance
from experiments.design.exclusions import check_exclusions
from experiments.design.influence import influence_finding
from experiments.design.split_over_time import check_split_over_time
from experiments.inference.second import second_computation
from experiments.metrics import Count, Mean, Quantile, inputs_of
from experiments.moments import metric_rows
from experiments.outcomes.result import Outcomes
from experiments.readout.analysis import analyze, open_outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.columns import ColumnsLike
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.readout.experiment import Experiment
    from experiments.readout.result import Readout

__all__ = ["TrustPanel", "trust_panel"]

_FIELDS = (Field("check", "text"), Field("status", "text"), Field("p_value", "p"), Field("sentence", "text"))
_ORDER = ("fail", "warn", "unknown", "note", "pass")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class TrustPanel(TabularResult):
    """Whether a comparison can be trusted: one row per check, what failed first.

    Attributes:
        findings: The findings, what failed first.
        recipe: The recipe of the readout that was checked.
    """

    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(finding.status != "fail" for finding in self.findings)

    def assert_ok(self) -> None:
        """Raise when a check failed.

        Raises:
            DesignError: INVALID, with every failed finding.
        """
        require_trusted(self.findings)

    def _records(self) -> Records:
        rows = [
            {
                "check": finding.code, "status": finding.status, "p_value": finding.values.get("p_value"),
                "sentence": finding.text(),
            }
            for finding in self.findings
        ]  # fmt: skip
        return Records.from_rows(_FIELDS, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        failed = sum(finding.status == "fail" for finding in self.findings)
        values = {"n": len(self.findings), "failed": failed}
        title = messages.text("TRUST.failed" if failed else "TRUST.title", values)
        return Display(title, (records_table(self._records(), decisive="status"),))


def trust_panel(  # noqa: PLR0913 - what Experiment.trust passes on
    experiment: Experiment,
    outcomes: object,
    *,
    assignment: object,
    touches: object,
    history: Sequence[str],
    campaign: Sequence[str] | None,
    leak_limit: float,
    columns: ColumnsLike,
) -> TrustPanel:
    """Carry out `Experiment.trust`."""
    readout = analyze(experiment, outcomes, touches=touches, campaign=campaign, leak_limit=leak_limit, columns=columns)
    found = list(readout.findings)
    torn = any(finding.code == "CLUSTER_SPLIT" for finding in found)  # then who was lost cannot be read by cluster
    found += [] if torn else _assigned(experiment, outcomes, assignment, columns)
    found += _balance(experiment, outcomes, history)
    found += _influence(readout)
    found += _second(readout, outcomes)
    shared = share_alarm(found)
    shared.sort(key=lambda finding: _ORDER.index(finding.status))
    return TrustPanel(findings=tuple(shared), recipe=readout.recipe)


def _unknown(code: str, **values: object) -> Finding:
    """A check that could not be run, with what it needs."""
    return Finding(code=code, status="unknown", values=values)


def _assigned(experiment: Experiment, outcomes: object, assignment: object, columns: ColumnsLike) -> list[Finding]:
    """Who was left out, and the sample ratio over time."""
    found: list[Finding] = []
    if assignment is None:
        found.append(_unknown("EXCLUSIONS_UNCHECKED"))
    else:
        found += check_exclusions(assignment, outcomes, cluster=_cluster(experiment, assignment), columns=columns)
    timed = assignment if assignment is not None else outcomes if isinstance(outcomes, Outcomes) else None
    if timed is None or experiment.shares is None or experiment.cluster is not None:
        return [*found, _unknown("SRM_DAYS_UNCHECKED")]
    strata = experiment.strata if experiment.layers else None
    return [*found, *check_split_over_time(timed, shares=experiment.shares, strata=strata, columns=columns)]


def _cluster(experiment: Experiment, assignment: object) -> str | None:
    """The cluster's column where the assignment has it; without it persons are counted."""
    table = open_table(assignment, "assignment", Columns(), problems=Problems())
    return experiment.cluster if experiment.cluster in table.names else None


def _balance(experiment: Experiment, outcomes: object, history: Sequence[str]) -> list[Finding]:
    if not history:
        return [_unknown("BALANCE_UNCHECKED")]
    made = balance(
        outcomes, history, arm=experiment.arm, control=experiment.control, strata=experiment.strata,
        cluster=experiment.cluster, level=experiment.level, post=experiment.post,
    )  # fmt: skip
    return list(made.findings)


def _influence(readout: Readout) -> list[Finding]:
    """The share of the largest person in the effect on every mean and count."""
    experiment = readout.experiment
    found = []
    for fit in readout.fits:
        if isinstance(fit.metric, (Mean, Count)) and experiment.cluster is None:
            made = (influence_finding(fit.name, fit.grid, arm=arm, control=experiment.control) for arm in readout.arms)
            found += [finding for finding in made if finding is not None]
    return found


def _second(readout: Readout, outcomes: object) -> list[Finding]:
    """The primary metric once more, by a randomisation test that shares only the rows with the readout."""
    experiment = readout.experiment
    fit = readout.fit(experiment.primary)
    if isinstance(fit.metric, Quantile):
        return [_unknown("SECOND_COMPUTATION_UNCHECKED", metric=fit.name)]
    units = () if experiment.cluster is None else (experiment.cluster,)
    table = open_outcomes(experiment, outcomes)
    rows = metric_rows(table, inputs_of(fit.metric), keys=(*experiment.layers, experiment.arm, *units))
    table.problems.raise_if_any()
    if rows is None:  # pragma: no cover - the readout has read the same rows
        return []
    return [
        second_computation(
            rows, fit.strata, fit.weights, metric=fit.name, arm=arm, control=experiment.control,
            p_value=readout.comparison(fit.name, arm=str(arm)).difference.p_value, level=experiment.level,
            clustered=bool(units), seed=experiment.seed,
        )
        for arm in readout.arms
    ]  # fmt: skip
