"""At which cost per woken customer does it pay? The series of thresholds, with verdicts, on a table of outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.errors import InputError, closest
from attribution.core.estimates import Side, check_level, check_side
from attribution.core.recipe import Recipe
from experiments.metrics import Rate
from experiments.readout.experiment import Experiment
from experiments.roi.guardrail_readings import read_contrasts
from experiments.roi.net_benefit import Variance, check_variance
from experiments.roi.package import build_packages, pairs_with_control
from experiments.roi.reading import CostSource, read_costs
from experiments.roi.result import CostThresholds, judge
from experiments.roi.segment_cells import By, by_columns
from experiments.roi.series import Thresholds, declared_values, series_rows
from experiments.roi.undecidable import SEGMENT_DECLINED
from experiments.roi.waterfall import cost_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.columns import ColumnsLike
    from experiments.moments import CostMoments
    from experiments.roi.reading import CostReading

__all__ = ["cost_thresholds"]


def cost_thresholds(  # noqa: PLR0913 -- the contract's options
    outcomes: object,
    *,
    woken: str = "woken",
    cost: str = "cost",
    thresholds: Thresholds = (60, 85, 125),
    by: By = None,
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
        thresholds: What one woken customer may cost: a list for all; or a mapping of segment to its own amount or list
            (by the segment's name, the values of its columns as a tuple, or the value of its first column alone);
            or the name of a column that holds each segment's own amount.
        by: Column of segments, fixed before assignment; several columns (a segment and a wave, say) give a segment per
            combination, named "a · b".
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
        One row per contrast, segment and threshold. A guardrail is read in the row's own segment. A segment without
        persons of every arm in some stratum has no row: the finding SEGMENT_DECLINED names it.

    Raises:
        TableError: For missing columns, empty costs, events other than 0 and 1; CONTROL_WITHOUT_COST.
        DesignError: NO_HOLDOUT without persons in the control arm, in no segment where there are some;
            NO_COMMON_STRATUM likewise; POST_ASSIGNMENT for segments known only later.
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
    segments = by_columns(by)
    source = CostSource(
        outcomes=outcomes, experiment=declared, woken=woken, cost=cost, by=segments, touches=touches,
        campaign=campaign, leak_limit=leak_limit, columns=columns, decline=True,
    )  # fmt: skip
    read = read_costs(source, order=order)
    asked = list(dict.fromkeys([*read.pairs, *pairs_with_control(read)]))
    readings = read_contrasts(read.table, declared, asked, by=segments, segments=tuple(read.segments))
    parts = cost_parts(
        read.table, declared, woken=woken, cost=cost, arms=[arm for arm, _ in read.pairs], level=level, zero=read.zero
    )
    series = declared_values(read.table, thresholds, segments) if isinstance(thresholds, str) else thresholds
    read.table.problems.raise_if_any()
    settings = {"level": level, "side": side, "variance": variance, "relevant_net": relevant_net, "by": by}
    return judge(
        series_rows(read.contrasts, series, segments, segments=read.segments),
        readings=readings,
        findings=read.findings,
        invalid=read.invalid,
        primary=_primary(primary, read),
        level=level,
        side=side,
        variance=variance,
        relevant_net=relevant_net,
        parts=parts,
        packages=build_packages(read, readings),
        recipe=_recipe(declared, read.moments, **settings),
    )


def _primary(declared: Sequence[str | tuple[str, str | None]], read: CostReading) -> frozenset[tuple[str, str | None]]:
    """The (arm, segment) pairs whose rows are declared primary; an arm alone stands for all its segments."""
    if isinstance(declared, str):
        raise InputError(f"primary must be a list of arms or of (arm, segment) pairs, got the text {declared!r}.")
    known = {(contrast.arm, contrast.segment) for contrast in read.contrasts}
    declined = {str(told.values["segment"]) for told in read.findings if told.code == SEGMENT_DECLINED}
    made: set[tuple[str, str | None]] = set()
    for item in declared:
        if isinstance(item, str):
            found = {pair for pair in known if pair[0] == item}
        else:
            found = {pair for pair in known if pair == tuple(item)}
        if not found and (isinstance(item, str) or item[-1] not in declined):
            hint = closest(item if isinstance(item, str) else str(item[0]), {arm for arm, _ in known})
            raise InputError(f"primary names {item!r}, which is no treated arm of these contrasts. {hint}")
        made |= found
    return frozenset(made)


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
