"""At which cost per woken customer does it pay? The series of thresholds, with verdicts, on a table of outcomes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.errors import InputError, closest
from attribution.core.estimates import Side, check_level, check_side
from attribution.core.recipe import Recipe
from experiments.design.alarms import share_alarm
from experiments.metrics import Rate, inputs_of
from experiments.moments import CostMoments, cost_moments, metric_moments
from experiments.moments.grid import collapse
from experiments.readout.analysis import missing_findings, open_outcomes, trust_findings
from experiments.readout.experiment import Experiment
from experiments.readout.fit import fit_metric
from experiments.readout.guard import refuse_post
from experiments.readout.guardrails import check_margin, read_worsening
from experiments.roi.arms import few_events
from experiments.roi.clustered import ClusterCosts, cluster_costs
from experiments.roi.contrasts import ContrastCosts, build_contrasts, pairs_of
from experiments.roi.guardrails import Guardrail, GuardrailReading
from experiments.roi.net_benefit import FEW_EVENTS, Variance, check_variance
from experiments.roi.result import CostThresholds, Row, judge
from experiments.roi.waterfall import cost_parts

if TYPE_CHECKING:
    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from experiments.metrics import Metric

__all__ = ["cost_thresholds"]

Thresholds = Sequence[float] | Mapping[str, Sequence[float]]


def cost_thresholds(  # noqa: PLR0913 -- the contract's options
    outcomes: object,
    *,
    woken: str = "woken",
    cost: str = "cost",
    thresholds: Thresholds = (60, 85, 125),
    by: str | None = None,
    order: Sequence[str] | None = None,
    experiment: Experiment | None = None,
    touches: object = None,
    level: float | None = None,
    side: Side = "two",
    variance: Variance = "score",
    relevant_net: float | None = None,
    primary: Sequence[str | tuple[str, str | None]] = (),
    campaign: str | Sequence[str] | None = None,
    leak_limit: float = 0.05,
    columns: ColumnsLike = None,
) -> CostThresholds:
    """Whether each contrast pays when one woken customer may cost so much.

    For a threshold T the net benefit per assigned person is NB(T) = T * dY - dC: the woken per person and the *full*
    cost per person, treated minus control. PASS when the interval of NB(T) lies above 0, FAIL when below,
    INCONCLUSIVE else; INVALID when a check of the experiment fails.

    Args:
        outcomes: One row per person with the event and the full cost, for control persons too.
        woken: Column of the event, 0 or 1.
        cost: Column of the full cost per person; 0 is declared, never assumed.
        thresholds: What one woken customer may cost, a list; or a mapping of segment to its own list.
        by: Column of segments, fixed before assignment.
        order: Arms from the control upwards: each is compared with the one before. None: each arm with the control.
        experiment: Gives arm, control, strata, shares, guardrails and level; the default experiment otherwise.
        touches: The touches, for the leakage check.
        level: Confidence level; the experiment's by default.
        side: "two"; "greater" asks only whether it pays, "less" only whether it does not.
        variance: "score"; "plugin" only to reconcile with other tools.
        relevant_net: The smallest net benefit per person worth knowing about; it makes `people_needed` a declared
            number.
        primary: Arms, or (arm, segment) pairs, whose rows are declared primary and keep their level; the
            others are adjusted by Holm over
            segments and contrasts, for PASS and for FAIL separately.
        campaign: Name(s) of this campaign in the touches; None: every outbound touch belongs to it.
        leak_limit: Share of touched control persons above which the experiment is INVALID.
        columns: Names of the columns of the touches.

    Returns:
        One row per contrast, segment and threshold.

    Raises:
        TableError: For missing columns, empty costs, events other than 0 and 1; CONTROL_WITHOUT_COST.
        DesignError: NO_HOLDOUT without persons in the control arm; POST_ASSIGNMENT for segments known only later.
        InputError: For unusable thresholds, order or options.

    Assumptions:
        Arms are randomised; persons are independent, or the clusters that the experiment names are (then every figure
        has the CR2 variance of clusters and Student's t, whatever `variance` says); costs are complete (touches,
        attempts, incentives to natural returners too, fixed cost). Covariates of the experiment are not used here.

    References:
        Stinnett and Mullahy (1998), Medical Decision Making 18:S68; Miettinen and Nurminen (1985), Statistics in
        Medicine 4:213.

    Verified against simulated campaigns of known truth, Fieller's set (plug-in), and the rate score test at equal
    costs.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, touches=c.touches, prices=c.prices, as_of=c.as_of)
        >>> pays = ex.cost_thresholds(outcomes, thresholds=[85], order=c.order)
        >>> pays.verdict(arm="full", threshold=85).word
        'FAIL'
    """
    declared = Experiment({woken: Rate(woken)}) if experiment is None else experiment
    level = declared.level if level is None else check_level(level)
    side, variance = check_side(side), check_variance(variance)
    if by is not None:
        refuse_post((by,), declared.post, use="a segment")
    table = open_outcomes(declared, outcomes)
    _check_control_cost(table, declared, cost)
    # First the checks that note problems of other tables: the moments raise whatever has been noted by then.
    named = (campaign,) if isinstance(campaign, str) else campaign
    findings = trust_findings(
        declared, table, outcomes, touches=touches, campaign=named, leak_limit=leak_limit, columns=columns
    )
    findings = share_alarm([*findings, *missing_findings(table, declared)])
    zero = any(
        isinstance(metric, Rate) and metric.column == woken and metric.missing == "zero"
        for metric in declared.metrics.values()
    )
    moments = cost_moments(table, arm=declared.arm, woken=woken, cost=cost, strata=declared.layers, by=by, zero=zero)
    arms = list(dict.fromkeys(str(arm) for arm in moments.arm))
    pairs = pairs_of(sorted(arms), str(declared.control), order)
    found = cluster_costs(table, declared, woken=woken, cost=cost, by=by, zero=zero)
    contrasts, dropped = build_contrasts(moments, pairs, found)
    contrasts = tuple(_with_clusters(contrasts, found)) if found else contrasts
    readings = {pair: _guardrails(table, declared, pair) for pair in pairs}
    parts = cost_parts(table, declared, woken=woken, cost=cost, arms=[arm for arm, _ in pairs], zero=zero)
    table.problems.raise_if_any()
    findings = [*findings, *dropped]
    rows = _rows(contrasts, thresholds, by)
    return judge(
        rows,
        readings=readings,
        findings=tuple(findings),
        invalid=tuple(dict.fromkeys(finding.code for finding in findings if finding.status == "fail")),
        primary=_primary(primary, contrasts),
        level=level,
        side=side,
        variance=variance,
        relevant_net=relevant_net,
        parts=parts,
        recipe=_recipe(declared, moments, level=level, side=side, variance=variance, relevant_net=relevant_net, by=by),
    )


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


def _guardrails(table: Table, experiment: Experiment, pair: tuple[str, str]) -> tuple[GuardrailReading, ...]:
    return tuple(
        _reading(table, experiment, guard, pair) for guard in experiment.guardrails if isinstance(guard, Guardrail)
    )


def _guarded(experiment: Experiment, guardrail: Guardrail) -> Metric:
    """The metric of a guardrail; a bare column is one whose rise is harm."""
    metric = experiment.metrics.get(guardrail.metric, Rate(guardrail.metric, direction="down"))
    if metric.direction is None:
        raise InputError(
            f"the guardrail {guardrail.metric!r} names a metric without a direction: is a rise good or harm? Write "
            f'direction="down" when a rise is harm (closures), "up" when a fall is.'
        )
    check_margin(guardrail.metric, guardrail.margin, metric, relative=guardrail.relative)
    return metric


def _reading(table: Table, experiment: Experiment, guardrail: Guardrail, pair: tuple[str, str]) -> GuardrailReading:
    """One guardrail on one contrast: two one-sided bounds of the worsening."""
    metric = _guarded(experiment, guardrail)
    keys = (*experiment.layers, experiment.arm, *(() if experiment.cluster is None else (experiment.cluster,)))
    found = metric_moments(table, {guardrail.metric: inputs_of(metric)}, keys=keys)[guardrail.metric]
    if found is None:
        return guardrail.read(None, low=None, high=None)
    clusters = None if experiment.cluster is None else found
    part = found if clusters is None else collapse(clusters, len(keys) - 1)
    if (isinstance(metric, Rate) and part.strange) or (part.persons != part.n).any():
        table.problems.add(
            "NOT_BINARY", table.name, ", ".join(inputs_of(metric).columns), int(part.persons.sum()),
            message=f"the guardrail {guardrail.metric!r} needs a value for every person, 0 or 1 for a rate; a cell "
            'may be empty only where its metric declares missing="zero"',
        )  # fmt: skip
        return guardrail.read(None, low=None, high=None)
    fit, _ = fit_metric(guardrail.metric, metric, "guardrail", part, level=guardrail.level, clusters=clusters)
    i, j = (next(k for k, arm in enumerate(fit.arms) if str(arm) == name) for name in pair)
    worse = read_worsening(fit, fit.arms[i], fit.arms[j], level=guardrail.level, relative=guardrail.relative)
    return guardrail.read(worse.value, low=worse.low, high=worse.high)


def _primary(
    declared: Sequence[str | tuple[str, str | None]], contrasts: Sequence[ContrastCosts]
) -> frozenset[tuple[str, str | None]]:
    """The (arm, segment) pairs whose rows are declared primary; an arm alone stands for all its segments."""
    if isinstance(declared, str):
        raise InputError(f"primary must be a list of arms or of (arm, segment) pairs, got the text {declared!r}.")
    known = {(contrast.arm, contrast.segment) for contrast in contrasts}
    made: set[tuple[str, str | None]] = set()
    for item in declared:
        if isinstance(item, str):
            found = {pair for pair in known if pair[0] == item}
        else:
            found = {pair for pair in known if pair == tuple(item)}
        if not found:
            hint = closest(item if isinstance(item, str) else str(item[0]), {arm for arm, _ in known})
            raise InputError(f"primary names {item!r}, which is no treated arm of these contrasts. {hint}")
        made |= found
    return frozenset(made)


def _rows(contrasts: Sequence[ContrastCosts], thresholds: Thresholds, by: str | None) -> list[Row]:
    if isinstance(thresholds, Mapping):
        if by is None:
            raise InputError("thresholds by segment need by=, the column of the segments.")
        absent = sorted({str(c.segment) for c in contrasts} - {str(key) for key in thresholds})
        if absent:
            raise InputError(f"thresholds names no list for the segment {absent[0]!r}; every segment needs its own.")
        lists = {str(key): check_thresholds(values) for key, values in thresholds.items()}
        return [Row(c, value) for c in contrasts for value in lists[str(c.segment)]]
    values = check_thresholds(thresholds)
    return [Row(contrast, value) for contrast in contrasts for value in values]


def check_thresholds(values: object) -> list[float]:
    """Finite amounts of money, 0 or more, each once, in the order given."""
    values = values.tolist() if isinstance(values, np.ndarray) else values
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise InputError(
            f"thresholds must be a list of amounts per woken customer, such as [60, 85, 125], got {values!r}."
        )
    made: list[float] = []
    for value in values:
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not 0.0 <= float(value) < math.inf:
            raise InputError(f"a threshold must be a finite amount of money, 0 or more, got {value!r}.")
        made.append(float(value))
    if len(set(made)) < len(made):
        raise InputError(f"thresholds must differ, got {values!r}.")
    return made


def _recipe(experiment: Experiment, moments: CostMoments, **settings: object) -> Recipe:
    shares = experiment.shares
    return Recipe(
        method="cost_thresholds",
        definitions=(
            "NET_BENEFIT" if experiment.cluster is None else "NET_BENEFIT_CLUSTER",
            "COST_PER_INCREMENTAL",
            "VERDICT_WORDS",
        ),
        settings={
            **settings,
            "control": experiment.control,
            "strata": ", ".join(experiment.layers),
            **({} if experiment.cluster is None else {"cluster": experiment.cluster}),
            "shares": shares if isinstance(shares, str) or shares is None else dict(shares),
            "guardrails": [
                f"{getattr(g, 'metric', '')} {'relative ' if getattr(g, 'relative', False) else ''}margin "
                f"{getattr(g, 'margin', '')}"
                for g in experiment.guardrails
            ],
        },
        n={"persons": int(moments.n.sum())},
    )
