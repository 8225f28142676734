"""From a table of outcomes to contrasts with costs: what every threshold, wave and look shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from experiments.design.alarms import share_alarm
from experiments.metrics import Count, Mean, MetricInputs, Rate
from experiments.moments import CostMoments, cost_moments, metric_rows
from experiments.readout.analysis import missing_findings, open_outcomes, trust_findings
from experiments.readout.guard import refuse_post
from experiments.roi.arms import few_events
from experiments.roi.clustered import cluster_costs
from experiments.roi.contrasts import ContrastCosts, build_contrasts, pairs_of
from experiments.roi.net_benefit import FEW_EVENTS
from experiments.roi.segment_cells import by_columns, check_names, segment_name
from experiments.roi.undecidable import decidable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.tables import Table
    from experiments.readout.experiment import Experiment
    from experiments.roi.clustered import ClusterCosts

__all__ = ["CostReading", "CostSource", "counts_empty", "fill_of", "read_costs"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CostSource:
    """What is read: the table, its columns, and how the trust checks are asked.

    Attributes:
        outcomes: The outcomes as the caller passed them.
        experiment: The declared experiment.
        woken: Column of the event.
        cost: Column of the full cost.
        by: Columns of the segments.
        touches: The touches, for the leakage check.
        campaign: Names of this campaign in the touches.
        leak_limit: Share of touched control persons above which the experiment is invalid.
        columns: Names of the columns of the touches.
        checked: The experiment whose strata the trust checks use, when these are more than the analysis'.
        decline: Whether a segment in which nothing can be compared is told and left out; else it is an error.
    """

    outcomes: object
    experiment: Experiment
    woken: str = "woken"
    cost: str = "cost"
    by: tuple[str, ...] = ()
    touches: object = None
    campaign: str | Sequence[str] | None = None
    leak_limit: float = 0.05
    columns: ColumnsLike = None
    checked: Experiment | None = None
    decline: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CostReading:
    """What was read.

    Attributes:
        experiment: The declared experiment.
        table: The opened outcomes.
        findings: Trust checks, with the strata that left.
        moments: Persons, woken and costs by segment, stratum and arm.
        pairs: (arm, control) of every contrast.
        contrasts: The contrasts in every segment.
        segments: Values of the segment columns by the segment's name.
        zero: Whether an empty event means that nothing happened.
        clusters: What clusters say of every segment, where they were assigned; else empty.
    """

    experiment: Experiment
    table: Table
    findings: tuple[Finding, ...]
    moments: CostMoments
    pairs: tuple[tuple[str, str], ...]
    contrasts: tuple[ContrastCosts, ...]
    segments: Mapping[str | None, tuple[object, ...]]
    zero: bool
    clusters: Mapping[str | None, ClusterCosts]

    @property
    def invalid(self) -> tuple[str, ...]:
        """Codes of the checks that failed."""
        return tuple(dict.fromkeys(finding.code for finding in self.findings if finding.status == "fail"))

    @property
    def persons(self) -> int:
        """Persons of the table."""
        return int(self.moments.n.sum())


def read_costs(source: CostSource, *, order: Sequence[str] | None = None, whole: bool = False) -> CostReading:
    """Check the outcomes, take their statistics and make the contrasts.

    Args:
        source: What is read.
        order: Arms from the control upwards, each compared with the one before; None: each with the control.
        whole: Whether the last arm of the order is compared with the control as well.

    Raises:
        TableError: With every problem of the table.
        DesignError: NO_HOLDOUT, POST_ASSIGNMENT, NO_COMMON_STRATUM.
        InputError: For an unusable order or segments.
    """
    declared, by = source.experiment, by_columns(source.by or None)
    if by:
        refuse_post(by, declared.post, use="a segment")
    table = open_outcomes(declared, source.outcomes)
    _check_control_cost(table, declared, source.cost)
    # First the checks that note problems of other tables: the moments raise whatever has been noted by then.
    named = (source.campaign,) if isinstance(source.campaign, str) else source.campaign
    findings = trust_findings(
        source.checked or declared, table, source.outcomes, touches=source.touches, campaign=named,
        leak_limit=source.leak_limit, columns=source.columns,
    )  # fmt: skip
    findings = share_alarm([*findings, *missing_findings(table, declared)])
    zero = counts_empty(declared, source.woken)
    moments = cost_moments(
        table, arm=declared.arm, woken=source.woken, cost=source.cost, strata=declared.layers, by=by, zero=zero
    )
    check_names(moments.segment)
    arms = list(dict.fromkeys(str(arm) for arm in moments.arm))
    pairs = pairs_of(sorted(arms), str(declared.control), order)
    judged, declined = decidable(moments, str(declared.control)) if source.decline else (moments, ())
    names = frozenset(segment_name(segment) for segment in judged.segment)
    if whole and order is not None and len(pairs) > 1:
        pairs.append((pairs[-1][0], str(declared.control)))
    found = cluster_costs(table, declared, woken=source.woken, cost=source.cost, by=by, zero=zero, segments=names)
    contrasts, dropped = build_contrasts(judged, pairs, found)
    contrasts = tuple(_with_clusters(contrasts, found)) if found else contrasts
    keys = {segment_name(segment): segment for segment in judged.segment}
    return CostReading(
        experiment=declared,
        table=table,
        findings=(*findings, *declined, *dropped),
        moments=moments,
        pairs=tuple(pairs),
        contrasts=contrasts,
        segments={name: key if isinstance(key, tuple) else (key,) for name, key in keys.items()},
        zero=zero,
        clusters=found,
    )


def counts_empty(experiment: Experiment, column: str) -> bool:
    """Whether a metric of the experiment declares that an empty event or value means that nothing happened."""
    return any(
        isinstance(metric, (Rate, Mean, Count)) and metric.column == column and metric.missing == "zero"
        for metric in experiment.metrics.values()
    )


def fill_of(table: Table, experiment: Experiment, columns: Sequence[str]) -> float | None:
    """What an empty cell of the columns counts as: 0 where a metric declares it for one of them, else it is an error.

    The other columns may have no empty cells then; those are noted as a problem of the table.
    """
    declared = [column for column in columns if counts_empty(experiment, column)]
    if not declared:
        return None
    for column in columns:
        rows = None
        if column not in declared:
            rows = metric_rows(table, MetricInputs(columns=(column,), limits=(None,)), keys=(experiment.arm,))
        if rows is not None and (lost := int(rows.persons.sum() - rows.count.sum())):
            table.problems.add(
                "NULL_OUTCOME", table.name, column, lost,
                message="a number is missing; write 0 only where 0 is known, for control persons too",
            )  # fmt: skip
    return 0.0


def _with_clusters(contrasts: Sequence[ContrastCosts], found: Mapping[str | None, ClusterCosts]) -> list[ContrastCosts]:
    """The contrasts with the variances of clusters."""
    made = []
    for contrast in contrasts:
        few = FEW_EVENTS if few_events(contrast.treated, contrast.untreated) else ""
        clustered = found[contrast.segment].contrast(contrast.arm, contrast.control, note=few)
        made.append(replace(contrast, clustered=clustered))
    return made


def _check_control_cost(table: Table, experiment: Experiment, cost: str) -> None:
    """Control persons must have a cost, if only 0: what was not spent on them is part of the difference."""
    if not table.require_names(cost) or experiment.arm not in table.names:
        return
    if not table.lazy().collect_schema()[cost].is_numeric():
        return  # the moments say what is wrong with it
    money = nw.col(cost).cast(nw.Float64)
    empty = (
        table.lazy()
        .filter(nw.col(experiment.arm) == experiment.control)
        .filter(money.is_null() | money.is_nan())
        .select(empty=nw.len())
        .collect("pyarrow")
    )
    count = int(empty.get_column("empty").item())
    if count:
        table.problems.add(
            "CONTROL_WITHOUT_COST", table.name, cost, count,
            message="control persons have no cost; write 0 where nothing was spent, else their clicks and incentives",
        )  # fmt: skip
