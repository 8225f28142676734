"""Did it pay in realised money? Margin minus cost per assigned person, under two variances at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, Side, check_level, check_side
from attribution.core.randomness import check_repeats, check_seed
from attribution.core.recipe import Recipe
from experiments.design.alarms import share_alarm
from experiments.inference.caps import heavy_tail
from experiments.inference.outcome_rows import fingerprint_of
from experiments.inference.redrawn import pair_of, redraw
from experiments.metrics import Mean, MetricInputs
from experiments.moments import metric_rows, moments_of
from experiments.moments.grid import Grid, arrange, collapse
from experiments.readout.analysis import open_outcomes, trust_findings
from experiments.readout.experiment import Experiment
from experiments.readout.guard import refuse_post
from experiments.roi.arms import FEW_WOKEN
from experiments.roi.contrasts import pairs_of
from experiments.roi.guardrail_readings import read_contrasts
from experiments.roi.money_kernel import MoneyFigures, both, money_figures, pooled_difference, welch_difference
from experiments.roi.money_result import MULTIPLICITY, SECOND_READING, MoneyLine, MoneyTest
from experiments.roi.net_benefit import FEW_EVENTS
from experiments.roi.people import people_needed
from experiments.roi.reading import fill_of
from experiments.roi.segment_cells import By, by_columns, check_names, segment_name
from experiments.roi.verdicts import Word, adjust_verdicts, decide, verdict_p_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.tables import Table
    from experiments.moments import MetricRows
    from experiments.roi.guardrails import GuardrailReading

__all__ = ["Second", "money_test"]

Second = Literal["pooled", "randomisation"]
_NULL = "NULL_OUTCOME"


def money_test(  # noqa: PLR0913 -- the contract's options
    outcomes: object,
    *,
    value: str = "value",
    cost: str = "cost",
    cap: float | None = None,
    by: By = None,
    order: Sequence[str] | None = None,
    experiment: Experiment | None = None,
    touches: object = None,
    level: float | None = None,
    side: Side = "two",
    second: Second = "pooled",
    relevant_net: float | None = None,
    campaign: str | Sequence[str] | None = None,
    leak_limit: float = 0.05,
    columns: ColumnsLike = None,
    replicates: int = 9_999,
    seed: int = 0,
) -> MoneyTest:
    """Whether each contrast pays in realised money: value minus full cost per assigned person.

    Estimand: the mean of ``value - cost`` over all assigned persons, treated minus control. It needs no declared value
    of a woken customer, and pays for that: money of dormant customers is nearly always 0 and now and then very large,
    so it decides later and rests on fewer persons than counts times a declared value (`cost_thresholds`), to which it
    is secondary.

    PASS needs two bounds above 0, FAIL two below. With a small holdout and heavy tails Welch's interval passes in 6 to
    12 % of simulated campaigns that bring nothing instead of 2.5 %, because a small arm that lacks its large values by
    luck has a low mean and a low variance together. The second reading (``second``) does not follow that luck:
    "pooled" uses the variance that both arms share when nothing happened, "randomisation" redraws the assignment
    (studentised; exact when nothing happened). The default is "pooled": it is immediate, has no seed and gives an
    interval; PASS then errs in at most the nominal share of campaigns and, at unbalanced holdouts, in much less (about
    0.5 % at a holdout of a tenth), at the price of power. "randomisation" is nearer to its level there, and so the
    sharper one.

    Args:
        outcomes: One row per person with the realised margin and the full cost, for control persons too.
        value: Column of the realised margin (not revenue); 0 for persons without an order.
        cost: Column of the full cost.
        cap: Every value above it counts as the cap, on lines of their own: the capped mean is another estimand. It is
            declared before the outcomes are seen (`pooled_cap` proposes one from an earlier campaign).
        by: Column(s) of segments, fixed before the assignment.
        order: Arms from the control upwards: each is compared with the one before. None: each arm with the control.
        experiment: Gives arm, control, strata, cluster, shares, guardrails and level.
        touches: The touches, for the leakage check.
        level: Confidence level; the experiment's by default.
        side: "two"; "greater" asks only whether it pays, "less" only whether it does not.
        second: "pooled" or "randomisation".
        relevant_net: The smallest net amount per person worth knowing about; it makes people_needed declared.
        campaign: Name(s) of this campaign in the touches.
        leak_limit: Share of touched control persons above which the experiment is INVALID.
        columns: Names of the columns of the touches.
        replicates: Assignments drawn by "randomisation".
        seed: Seed of these draws.

    Returns:
        One line per contrast and segment, and as many capped lines when there is a cap. Lines of one estimand are
        adjusted by Holm, PASS and FAIL separately. Fewer than 20 persons with a value other than 0 in an arm:
        FEW_EVENTS, neither PASS nor FAIL.

    Raises:
        TableError: Missing columns, empty cells, text where money is expected.
        DesignError: NO_HOLDOUT without persons in the control arm; NO_COMMON_STRATUM; POST_ASSIGNMENT.
        InputError: An option is not allowed.

    Assumptions:
        Arms are randomised; persons are independent, or the clusters that the experiment names are; value and cost are
        complete for everybody within the same window.

    References:
        Welch (1947), Biometrika 34:28. Wu and Ding (2021), Journal of the American Statistical Association 116:1898.

    Verified against R's t.test (both variances) and coin::oneway_test, and by simulated campaigns whose true net is 0;
    see docs/methods/money-test.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, touches=c.touches, prices=c.prices, as_of=c.as_of)
        >>> ex.money_test(outcomes, order=c.order).verdict(arm="sms").word
        'INCONCLUSIVE'
    """
    declared = Experiment({value: Mean(value)}) if experiment is None else experiment
    level = declared.level if level is None else check_level(level)
    side, seed = check_side(side), check_seed(seed)
    _check_options(cap, second, replicates)
    segments = by_columns(by)
    if segments:
        refuse_post(segments, declared.post, use="a segment")
    table = open_outcomes(declared, outcomes)
    named = (campaign,) if isinstance(campaign, str) else campaign
    found = trust_findings(
        declared, table, outcomes, touches=touches, campaign=named, leak_limit=leak_limit, columns=columns
    )
    data = _read(table, declared, value=value, cost=cost, by=segments, cap=cap)
    place = len(segments) + len(declared.layers)
    pairs = pairs_of(sorted({str(cell[place]) for cell in data["all"].cells}), str(declared.control), order)
    tests = {name: _Estimand(rows, declared, wide=len(segments), name=name) for name, rows in data.items()}
    guards = read_contrasts(table, declared, pairs, by=segments, segments=tuple(tests["all"].parts))
    table.problems.raise_if_any()
    options = _Options(level=level, side=side, second=second, replicates=replicates, seed=seed, relevant=relevant_net)
    findings = list(found)
    for test in tests.values():
        findings += test.findings(pairs, level=level)
    findings = share_alarm(findings)
    invalid = tuple(dict.fromkeys(one.code for one in findings if one.status == "fail"))
    lines = [line for test in tests.values() for line in test.lines(pairs, guards, invalid=invalid, options=options)]
    return MoneyTest(
        lines=tuple(lines), findings=tuple(dict.fromkeys(findings)), level=level, side=side, cap=cap,
        recipe=_recipe(declared, data["all"], options, value=value, cost=cost, cap=cap, by=by),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What every line of a call shares."""

    level: float
    side: Side
    second: Second
    replicates: int
    seed: int
    relevant: float | None


def _check_options(cap: float | None, second: str, replicates: int) -> None:
    if second not in get_args(Second):
        raise InputError(f'second must be "pooled" or "randomisation", got {second!r}.')
    number = isinstance(cap, Real) and not isinstance(cap, bool)
    if cap is not None and not (number and 0.0 < float(cap) < math.inf):
        raise InputError(f"cap must be a finite amount of money above 0, or None for no capped lines, got {cap!r}.")
    check_repeats("replicates", replicates)


def _read(
    table: Table, experiment: Experiment, *, value: str, cost: str, by: Sequence[str], cap: float | None
) -> dict[Literal["all", "capped"], MetricRows]:
    """Counted rows of net, value and cost by segment, stratum, arm and cluster; of the capped value too."""
    cluster = () if experiment.cluster is None else (experiment.cluster,)
    keys = (*by, *experiment.layers, experiment.arm, *cluster)
    made: dict[Literal["all", "capped"], MetricRows] = {}
    fill = fill_of(table, experiment, (value, cost))
    caps: list[tuple[Literal["all", "capped"], tuple[float, float] | None]] = [("all", None)]
    caps += [] if cap is None else [("capped", (-math.inf, float(cap)))]
    for name, limits in caps:
        inputs = MetricInputs(columns=(value, cost), limits=(limits, None), fill=fill)
        rows = metric_rows(table, inputs, keys=keys)
        if rows is None:
            table.problems.raise_if_any()
            raise InputError("the outcomes cannot be read.")  # pragma: no cover - a problem was noted, which has raised
        lost = int(rows.persons.sum() - rows.count.sum())
        if lost:
            table.problems.add(
                _NULL, table.name, f"{value}, {cost}", lost,
                message="a value or a cost is missing; write 0 only where 0 is known, for control persons too",
            )  # fmt: skip
            table.problems.raise_if_any()
        net = rows.values[:, 0] - rows.values[:, 1]
        capped = value if limits is None else f"min({value}, {limits[1]:g})"
        made[name] = replace(rows, values=np.column_stack([net, rows.values]), labels=("net", capped, cost), measured=3)
    return made


class _Estimand:
    """The money as it is, or the capped money, in every segment."""

    def __init__(self, rows: MetricRows, experiment: Experiment, *, wide: int, name: Literal["all", "capped"]) -> None:
        self.name = name
        self.experiment = experiment
        # In the caller's own names, so that it reads alike in every language.
        self.label = f"{rows.labels[1]} - {rows.labels[2]}"
        self.parts: dict[str | None, tuple[MetricRows, MoneyFigures]] = {}
        self.dropped: list[Finding] = []
        for segment, part in _segments(rows, wide).items():
            # The net alone: further coordinates of a cluster would be read as its covariates.
            moments = moments_of(_net_of(part))
            clusters = None if experiment.cluster is None else moments
            grid = arrange(moments if clusters is None else collapse(clusters, len(part.names) - 1))
            figures, findings = money_figures(grid, clusters, name=self._label(segment))
            self.parts[segment] = part, figures
            self.dropped += findings if name == "all" else []

    def _label(self, segment: str | None) -> str:
        return self.label if segment is None else f"{self.label} · {segment}"

    def findings(self, pairs: Sequence[tuple[str, str]], *, level: float) -> list[Finding]:
        """Strata left out, and where the tails of Welch's interval are known to miss."""
        found = list(self.dropped)
        if self.experiment.cluster is not None:
            return found
        for segment, (_, money) in self.parts.items():
            for arm, control in pairs:
                places = [money.place(arm), money.place(control)]
                tail = heavy_tail(
                    _of_arms(money.grid, places), money.weights, control=money.grid.arms[places[1]], level=level,
                    metric=self._label(segment),
                )  # fmt: skip
                found += [] if tail is None else [tail]
        return found

    def lines(
        self,
        pairs: Sequence[tuple[str, str]],
        guards: Mapping[tuple[str, str, str | None], tuple[GuardrailReading, ...]],
        *,
        invalid: tuple[str, ...],
        options: _Options,
    ) -> list[MoneyLine]:
        """Every contrast in every segment, adjusted over all of them."""
        made = [
            (pair, segment, money, *self._readings(rows, money, pair, options))
            for segment, (rows, money) in self.parts.items()
            for pair in pairs
        ]
        words = _words([net for *_, net, _, _ in made], options)
        found = []
        for (pair, segment, money, net, welch, second), word in zip(made, words, strict=True):
            own, guarded = _words([net], options)[0], guards[(*pair, segment)]
            plain = decide(net, invalid=invalid, guardrails=guarded, word=own)
            judged = decide(net, invalid=invalid, guardrails=guarded, word=word)
            if word != own and not judged.reason:
                judged = replace(judged, reason=MULTIPLICITY)
            if own == "INCONCLUSIVE" and _excludes(net):
                # The interval shown is Welch's; the randomisation test, which has none, does not agree with it.
                plain, judged = (one if one.reason else replace(one, reason=SECOND_READING) for one in (plain, judged))
            i, j = money.place(pair[0]), money.place(pair[1])
            parts = self._means(segment, money)
            means = np.sum(money.weights[:, None] * (parts[:, i] - parts[:, j]), axis=0)
            found.append(
                MoneyLine(
                    arm=pair[0],
                    control=pair[1],
                    segment=segment,
                    estimand=self.name,
                    value=float(means[0]),
                    cost=float(means[1]),
                    net=net,
                    welch=welch,
                    second=second,
                    verdict=judged,
                    unadjusted=plain,
                    people=people_needed(net, max(net.n, 1), relevant_net=options.relevant),
                    guardrails=guarded,
                )
            )  # fmt: skip
        return found

    def _readings(
        self, rows: MetricRows, money: MoneyFigures, pair: tuple[str, str], options: _Options
    ) -> tuple[Estimate, Estimate, Estimate]:
        """What both readings say together, and each of them."""
        welch = welch_difference(money, *pair, level=options.level, side=options.side)
        if options.second == "pooled":
            second = pooled_difference(money, *pair, level=options.level, side=options.side)
            net = both(welch, second)
        else:
            second = self._redrawn(rows, money, pair, options)
            net = replace(welch, p_value=None, note=second.note)
            if welch.p_value is not None and second.p_value is not None:
                net = replace(welch, p_value=max(welch.p_value, second.p_value), method="welch and randomisation")
        if self._few(rows, pair):
            notes = [FEW_EVENTS, *(part for part in net.note.split("; ") if part)]
            net = replace(net, note="; ".join(dict.fromkeys(notes)))
        return net, welch, second

    def _means(self, segment: str | None, money: MoneyFigures) -> NDArray[np.float64]:
        """Means of value and cost: the kept strata by arms by two."""
        rows, _ = self.parts[segment]
        moments = moments_of(rows)
        whole = arrange(moments if money.clusters is None else collapse(moments, len(rows.names) - 1))
        kept = np.array([stratum in money.grid.strata for stratum in whole.strata])
        return whole.keep(kept).means[:, :, 1:3]

    def _few(self, rows: MetricRows, pair: tuple[str, str]) -> bool:
        """Whether an arm has fewer than 20 persons with a value other than 0."""
        place = len(rows.names) - (1 if self.experiment.cluster is None else 2)
        arms = np.array([str(cell[place]) for cell in rows.cells], dtype=object)[rows.cell]
        some = rows.values[:, 1] != 0.0
        return min(int(rows.count[some & (arms == arm)].sum()) for arm in pair) < FEW_WOKEN

    def _redrawn(self, rows: MetricRows, money: MoneyFigures, pair: tuple[str, str], options: _Options) -> Estimate:
        grid = money.grid
        assigned = pair_of(
            _net_of(rows), grid.strata, money.weights, arm=grid.arms[money.place(pair[0])],
            control=grid.arms[money.place(pair[1])], clustered=money.clusters is not None,
        )  # fmt: skip
        drawn = redraw(
            assigned, design="complete", share=math.nan, side=options.side, studentised=True,
            replicates=options.replicates, seed=options.seed, purpose=f"money/{self.name}/{pair[0]}/{pair[1]}",
        )  # fmt: skip
        return Estimate(
            value=drawn.difference, p_value=drawn.p_value, level=options.level, side=options.side,
            method="randomisation", n=int(assigned.count.sum()), note=drawn.note,
        )  # fmt: skip


def _excludes(net: Estimate) -> bool:
    """Whether the interval lies wholly on one side of 0."""
    return net.low is not None and net.high is not None and not net.low <= 0.0 <= net.high


def _net_of(rows: MetricRows) -> MetricRows:
    """The rows of the net alone."""
    return replace(rows, values=rows.values[:, :1], labels=("net",), measured=1)


def _words(nets: Sequence[Estimate], options: _Options) -> list[Word]:
    """PASS, FAIL or INCONCLUSIVE of each line by its p-value, adjusted over those that have one."""
    known = [i for i, net in enumerate(nets) if net.p_value is not None and net.value is not None]
    p_values = [verdict_p_values(nets[i]) for i in known]
    words = adjust_verdicts(
        [p[0] for p in p_values], [p[1] for p in p_values], [False] * len(known),
        level=options.level, side=options.side,
    )  # fmt: skip
    made: list[Word] = ["INCONCLUSIVE"] * len(nets)
    for i, word in zip(known, words, strict=True):
        made[i] = word
    return made


def _segments(rows: MetricRows, wide: int) -> dict[str | None, MetricRows]:
    """The rows of every segment, without the segments' keys; one entry named None without segments.

    Raises:
        InputError: When two segments have one name.
    """
    if wide == 0:
        return {None: rows}
    heads = [cell[0] if wide == 1 else cell[:wide] for cell in rows.cells]
    check_names(heads)
    found: dict[str | None, MetricRows] = {}
    for head in dict.fromkeys(heads):
        kept = [i for i, one in enumerate(heads) if one == head]
        place = np.full(len(rows.cells), -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        mine = place[rows.cell] >= 0
        found[segment_name(head)] = replace(
            rows,
            names=rows.names[wide:],
            cells=tuple(rows.cells[i][wide:] for i in kept),
            cell=place[rows.cell[mine]],
            values=rows.values[mine],
            count=rows.count[mine],
            persons=rows.persons[kept],
            observed=rows.observed[kept],
        )
    return found


def _of_arms(grid: Grid, places: list[int]) -> Grid:
    """The grid of two arms."""
    arrays = ("persons", "n", "means", "products", "cubes", "smallest", "largest")
    return replace(
        grid, arms=tuple(grid.arms[i] for i in places), **{name: getattr(grid, name)[:, places] for name in arrays}
    )


def _recipe(experiment: Experiment, rows: MetricRows, options: _Options, **settings: Any) -> Recipe:
    drawn = {"replicates": options.replicates, "seed": options.seed} if options.second == "randomisation" else {}
    capped = () if settings["cap"] is None else ("MONEY_CAPPED",)
    return Recipe(
        method="money_test",
        definitions=("MONEY_TEST", "MONEY_SECOND_POOLED" if options.second == "pooled" else "MONEY_SECOND_DRAWN",
                     *capped, "MONEY_SECONDARY"),
        settings={
            **settings, **drawn, "level": options.level, "side": options.side, "second": options.second,
            "relevant_net": options.relevant, "control": experiment.control, "strata": ", ".join(experiment.layers),
            **({} if experiment.cluster is None else {"cluster": experiment.cluster}),
        },
        n={"persons": int(rows.persons.sum())},
        fingerprint=fingerprint_of(rows),
    )  # fmt: skip
