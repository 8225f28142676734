"""What one more woken customer was worth: incremental value per incremental wake-up, with its set."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, RatioSet, Side, check_level
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label
from experiments.design.alarms import share_alarm
from experiments.inference.counts import one_number
from experiments.inference.outcome_rows import fingerprint_of
from experiments.metrics import MetricInputs, Rate
from experiments.moments import CostMoments, metric_rows
from experiments.moments.centred import single_moments
from experiments.readout.analysis import open_outcomes, trust_findings
from experiments.readout.experiment import Experiment
from experiments.readout.guard import refuse_post
from experiments.readout.show import finding_sentences
from experiments.roi.arms import few_events
from experiments.roi.clustered import cluster_costs
from experiments.roi.contrasts import build_contrasts, pairs_of
from experiments.roi.net_benefit import FEW_EVENTS, Variance, check_variance
from experiments.roi.reading import counts_empty, fill_of
from experiments.roi.segment_cells import By, by_columns, check_names, segment_name
from experiments.roi.undecidable import decidable
from experiments.roi.undecided import HARM, NO_INCREMENT, cost_per_incremental

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.tables import Table
    from experiments.moments import MetricRows
    from experiments.roi.contrasts import ContrastCosts

__all__ = ["ValueLine", "ValuePerWakeup", "value_line", "value_per_wakeup"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ValueLine:
    """The incremental value per incremental wake-up of one contrast.

    Attributes:
        arm: The treated arm.
        control: What it is compared with.
        segment: The segment; None for everybody.
        woken: Woken per assigned person, treated minus control.
        value: Value per assigned person, treated minus control.
        ratio: dV / dY with its confidence set, which may be unbounded or everything; None as value where there is no
            increment.
        note: FEW_EVENTS, NO_INCREMENT, HARM; empty when there is nothing to say.
    """

    arm: str
    control: str
    segment: str | None
    woken: Estimate
    value: float
    ratio: RatioSet
    note: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ValuePerWakeup(TabularResult):
    """Incremental value per incremental wake-up, contrast by contrast.

    Attributes:
        lines: The contrasts.
        findings: Trust checks.
        recipe: How the figures were made.
        level: Confidence level.
    """

    lines: tuple[ValueLine, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe
    level: float

    def against(self, thresholds: Sequence[float]) -> Records:
        """Each contrast's set beside declared values T.

        Args:
            thresholds: Values per woken customer.

        Returns:
            One row per contrast and threshold; ``reading``: "above" (the set lies wholly above T: an incremental
            wake-up brought more than was declared), "below", or "undecided".
        """
        rows, amounts = [], [one_number("threshold", threshold) for threshold in thresholds]
        for line in self.lines:
            for threshold in amounts:
                reading = _beside(line.ratio, threshold)
                rows.append({**_names(line), "threshold": threshold, **_ratio(line), "reading": reading})
        fields = (*self._head(), Field("threshold", "money"), *_RATIO, Field("reading", "text"))
        return Records.from_rows(fields, rows)

    def _head(self) -> tuple[Field, ...]:
        segmented = any(line.segment is not None for line in self.lines)
        return (Field("arm", "text"), Field("control", "text"), *((Field("segment", "text"),) if segmented else ()))

    def _records(self) -> Records:
        fields = (
            *self._head(),
            Field("incremental_per_1000", "number"),
            Field("value_per_1000", "money"),
            *_RATIO,
            Field("note", "text"),
        )
        rows = [
            {
                **_names(line),
                "incremental_per_1000": 1000.0 * (line.woken.value or 0.0),
                "value_per_1000": 1000.0 * line.value,
                **_ratio(line),
                "note": line.note,
            }
            for line in self.lines
        ]
        return Records.from_rows(fields, rows)

    def _display(self) -> Display:
        columns = (
            DisplayColumn(messages.text("THRESHOLDS.HEAD")),
            DisplayColumn(column_label("incremental_per_1000"), "number"),
            DisplayColumn(column_label("value_per_1000"), "money"),
            DisplayColumn(column_label("value_per_incremental"), "text", decisive=True),
            DisplayColumn(column_label("note")),
        )
        rows = tuple(_shown(line) for line in self.lines)
        title = messages.text("VALUE_PER_WAKEUP.title", {"level": self.level})
        return Display(
            title, (DisplayTable(columns, rows), *self.recipe.sentences(), *finding_sentences(self.findings))
        )


_RATIO = (
    Field("value_per_incremental", "money"),
    Field("value_per_incremental_low", "money"),
    Field("value_per_incremental_high", "money"),
    Field("value_kind", "text"),
)


def value_per_wakeup(  # noqa: PLR0913 -- the options of cost_thresholds
    outcomes: object,
    *,
    woken: str = "woken",
    value: str = "value",
    by: By = None,
    order: Sequence[str] | None = None,
    experiment: Experiment | None = None,
    touches: object = None,
    level: float | None = None,
    variance: Variance = "score",
    campaign: str | Sequence[str] | None = None,
    leak_limit: float = 0.05,
    columns: ColumnsLike = None,
) -> ValuePerWakeup:
    """Incremental value per incremental wake-up, dV / dY, with its confidence set.

    dV is the difference of the realised value per assigned person, dY that of the woken per assigned person. The ratio
    says what the customers were worth whom the campaign woke, not those who came anyway, and stands beside the declared
    value T of `cost_thresholds`: well below T, the declared value was too high for these customers. It is an average
    over the incremental wake-ups only if treating changes nothing for those who come anyway; a message that makes
    natural returners buy more moves dV and not dY.

    The set holds every r at which "r * dY - dV = 0" is not rejected: with ``variance="score"`` by the statistic of the
    net benefit, value in the place of cost, read twice (with each arm's own variance of value among its woken, and with
    the one of both arms together, which does not follow the luck of a small holdout): an r is excluded where both
    exclude it. With "plugin" it is Fieller's set with the joint covariance. A weak effect gives an unbounded set, or
    everything; the ratio is never given without it.

    Args:
        outcomes: One row per person with event and value, for control persons too.
        woken: Column of the event, 0 or 1.
        value: Column of the realised margin; 0 for persons without an order.
        by: Column(s) of segments, fixed before the assignment.
        order: Arms from the control upwards. None: each arm with the control.
        experiment: Gives arm, control, strata, cluster, shares and level.
        touches: The touches, for the leakage check.
        level: Confidence level; the experiment's by default.
        variance: "score" or "plugin"; clusters have their own.
        campaign: Name(s) of this campaign in the touches.
        leak_limit: Share of touched control persons above which LEAKAGE fails.
        columns: Names of the columns of the touches.

    Returns:
        One line per contrast and segment. Notes: NO_INCREMENT (no incremental wake-up was estimated: no ratio, the set
        stays), HARM (significantly fewer woke), FEW_EVENTS.

    Raises:
        TableError: Missing columns, empty cells, events other than 0 and 1.
        DesignError: NO_HOLDOUT, NO_COMMON_STRATUM where no segment can be compared (one that cannot is left out, with
            the finding SEGMENT_DECLINED); POST_ASSIGNMENT.
        InputError: An option is not allowed.

    References:
        Fieller (1954), JRSS B 16:175. Heitjan (2000), Health Economics 9:327.

    Verified against an inversion on a grid of ratios (tests), `ratio_interval` on the joint covariance of the rows
    (plug-in), and campaigns of known truth; see docs/methods/value-per-wakeup.md.

    Example:
        >>> import pandas as pd, experiments as ex
        >>> rows = [("sms", 1, 90.0)] * 90 + [("sms", 0, 0.0)] * 910 + [("holdout", 1, 80.0)] * 30
        >>> rows += [("holdout", 0, 0.0)] * 970
        >>> table = pd.DataFrame(rows, columns=["arm", "woken", "value"]).assign(person_id=range(2_000))
        >>> line = ex.value_per_wakeup(table).lines[0]
        >>> round(line.ratio.value, 1), line.ratio.kind, round(line.ratio.low), round(line.ratio.high)
        (95.0, 'interval', 93, 100)
    """
    declared = Experiment({woken: Rate(woken)}) if experiment is None else experiment
    level, variance = declared.level if level is None else check_level(level), check_variance(variance)
    segments = by_columns(by)
    if segments:
        refuse_post(segments, declared.post, use="a segment")
    table = open_outcomes(declared, outcomes)
    named = (campaign,) if isinstance(campaign, str) else campaign
    findings = trust_findings(
        declared, table, outcomes, touches=touches, campaign=named, leak_limit=leak_limit, columns=columns
    )
    rows = _read(table, declared, woken=woken, value=value, by=segments)
    moments = _conditional(rows, declared, wide=len(segments))
    pairs = pairs_of(sorted({str(arm) for arm in moments.arm}), str(declared.control), order)
    zero = any(counts_empty(declared, column) for column in (woken, value))
    judged, declined = decidable(moments, str(declared.control))
    names = frozenset(segment_name(segment) for segment in judged.segment)
    found = cluster_costs(table, declared, woken=woken, cost=value, by=segments, zero=zero, segments=names)
    table.problems.raise_if_any()
    contrasts, dropped = build_contrasts(judged, pairs, found)
    lines = []
    for contrast in contrasts:
        few = FEW_EVENTS if few_events(contrast.treated, contrast.untreated) else ""
        if found:
            clustered = found[contrast.segment].contrast(contrast.arm, contrast.control, note=few)
            contrast = replace(contrast, clustered=clustered)  # noqa: PLW2901 -- the same contrast, with clusters
        lines.append(value_line(contrast, level=level, variance=variance, few=few))
    settings = {
        "woken": woken, "value": value, "by": by, "level": level, "variance": variance, "control": declared.control,
        "strata": ", ".join(declared.layers), "cluster": declared.cluster,
    }  # fmt: skip
    return ValuePerWakeup(
        lines=tuple(lines),
        findings=tuple(share_alarm([*findings, *declined, *dropped])),
        recipe=Recipe(
            method="value_per_wakeup", definitions=("VALUE_PER_WAKEUP",), settings=settings,
            n={"persons": int(rows.persons.sum())}, fingerprint=fingerprint_of(rows),
        ),
        level=level,
    )  # fmt: skip


def _read(table: Table, experiment: Experiment, *, woken: str, value: str, by: Sequence[str]) -> MetricRows:
    """Counted rows of event and value by segment, stratum and arm."""
    keys = (*by, *experiment.layers, experiment.arm)
    fill = fill_of(table, experiment, (woken, value))
    rows = metric_rows(table, MetricInputs(columns=(woken, value), limits=(None, None), fill=fill), keys=keys)
    if rows is not None:
        lost = int(rows.persons.sum() - rows.count.sum())
        if lost:
            table.problems.add(
                "NULL_OUTCOME", table.name, f"{woken}, {value}", lost,
                message="an event or a value is missing; write 0 only where 0 is known",
            )  # fmt: skip
        if rows.strange:
            table.problems.add(
                "NOT_BINARY", table.name, woken, rows.strange, message="an event is 0 or 1 for every person"
            )
    table.problems.raise_if_any()
    if rows is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the outcomes cannot be read.")
    return rows


def _conditional(rows: MetricRows, experiment: Experiment, *, wide: int) -> CostMoments:
    """Persons, woken, and the value among the woken and the others, by segment, stratum and arm."""
    size = len(rows.cells)
    hit = rows.values[:, 0].astype(np.int64)
    parts = []
    for event in (1, 0):
        mine = hit == event
        made = single_moments(rows.names, rows.cells, rows.cell[mine], rows.values[mine, 1], rows.count[mine])
        parts.append((made.n, made.mean, made.variance))
    layers = len(experiment.layers)
    strata = [cell[wide : wide + layers] for cell in rows.cells]
    heads = [None if wide == 0 else cell[0] if wide == 1 else cell[:wide] for cell in rows.cells]
    check_names(heads)
    return CostMoments(
        segment=tuple(heads),
        stratum=tuple(None if not layers else part[0] if layers == 1 else part for part in strata),
        arm=tuple(cell[wide + layers] for cell in rows.cells),
        n=np.bincount(rows.cell, weights=rows.count, minlength=size).astype(np.int64),
        woken=parts[0][0],
        mean_woken=parts[0][1],
        variance_woken=parts[0][2],
        mean_other=parts[1][1],
        variance_other=parts[1][2],
    )


def value_line(contrast: ContrastCosts, *, level: float, variance: Variance = "score", few: str = "") -> ValueLine:
    """The ratio on the whole line: the thresholds above 0 that stay undecided, and those below by mirroring."""
    twice = variance == "score" and contrast.clustered is None
    pieces: list[tuple[float, float]] = []
    for one in (contrast, _shared(contrast)) if twice else (contrast,):
        above, woken = _priced(one, level=level, variance=variance)
        below, _ = _priced(_mirrored(one), level=level, variance=variance)
        pieces = _merged([*pieces, *_pieces(above), *((-high, -low) for low, high in _pieces(below))])
    dy, dv = contrast.difference("woken"), contrast.difference("cost")
    if dy != 0.0:
        # The statistic is 0 there, also where values without spread leave nothing else, less than a float wide.
        pieces = _merged([*pieces, (dv / dy, dv / dy)])
    reason = HARM if woken.high is not None and woken.high < 0.0 else "" if dy > 0.0 else NO_INCREMENT
    found = _shaped(pieces, level)
    note = "; ".join(part for part in (reason, few) if part)
    return ValueLine(
        arm=contrast.arm, control=contrast.control, segment=contrast.segment, woken=woken, value=dv,
        ratio=replace(found, value=None if reason else dv / dy), note=note,
    )  # fmt: skip


def _shared(contrast: ContrastCosts) -> ContrastCosts:
    """The contrast with one variance of value among the woken of both arms, in every stratum.

    Few woken who lack the large values by luck have a low mean and a low variance together; a small control arm would
    then say with confidence that its customers are worth little. The variance of both arms does not follow that luck.
    """
    treated, untreated = [], []
    for one, two in zip(contrast.treated, contrast.untreated, strict=True):
        degrees = [max(arm.woken - 1, 0) for arm in (one, two)]
        parts = zip(degrees, (one, two), strict=True)
        squares = math.fsum(df * arm.cost_variance_woken for df, arm in parts if df > 0)
        shared = squares / sum(degrees) if sum(degrees) else math.nan
        treated.append(replace(one, cost_variance_woken=shared))
        untreated.append(replace(two, cost_variance_woken=shared))
    return replace(contrast, treated=tuple(treated), untreated=tuple(untreated))


def _priced(contrast: ContrastCosts, *, level: float, variance: Variance) -> tuple[RatioSet, Estimate]:
    side: Side = "two"
    if contrast.clustered is not None:
        price = contrast.clustered.price(level=level, side=side)
    else:
        price = cost_per_incremental(
            contrast.treated, contrast.untreated, weights=contrast.weights, level=level, side=side, variance=variance
        )
    return price.undecided, price.woken


def _mirrored(contrast: ContrastCosts) -> ContrastCosts:
    """The contrast with every value's sign turned."""
    sides = [
        tuple(replace(arm, cost_mean_woken=-arm.cost_mean_woken, cost_mean_other=-arm.cost_mean_other) for arm in side)
        for side in (contrast.treated, contrast.untreated)
    ]
    clustered = contrast.clustered
    if clustered is not None:
        turned = [(woken, -joint, value) for woken, joint, value in clustered.moments]
        clustered = replace(clustered, cost=-clustered.cost, moments=(turned[0], turned[1]))
    return replace(contrast, treated=sides[0], untreated=sides[1], clustered=clustered)


def _pieces(found: RatioSet) -> list[tuple[float, float]]:
    """A set of thresholds of 0 or more as pieces."""
    if found.kind == "interval":
        return [(found.low, found.high)]
    if found.kind == "all":
        return [(0.0, math.inf)]
    return [] if math.isinf(found.low) else [(0.0, found.low), (found.high, math.inf)]


def _merged(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Pieces of the line in order, those that touch or overlap as one."""
    made: list[tuple[float, float]] = []
    for low, high in sorted(pieces):
        if made and low <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], high)
        else:
            made.append((low, high))
    return made


def _shaped(pieces: list[tuple[float, float]], level: float) -> RatioSet:
    """Pieces of the line as one of the shapes of a set: the smallest that holds them all."""
    if not pieces:
        return RatioSet(value=None, low=-math.inf, high=math.inf, kind="complement", level=level)
    low, high = pieces[0][0], pieces[-1][1]
    if not (math.isinf(low) and math.isinf(high)):
        return RatioSet(value=None, low=low, high=high, kind="interval", level=level)
    if len(pieces) == 1:
        return RatioSet(value=None, low=low, high=high, kind="all", level=level)
    _, low, high = max((after[0] - before[1], before[1], after[0]) for before, after in pairwise(pieces))
    return RatioSet(value=None, low=low, high=high, kind="complement", level=level)


def _beside(ratio: RatioSet, threshold: float) -> str:
    if ratio.contains(threshold) or ratio.kind != "interval":
        return "undecided"
    return "above" if ratio.low > threshold else "below"


def _names(line: ValueLine) -> dict[str, object]:
    return {"arm": line.arm, "control": line.control, "segment": line.segment}


def _ratio(line: ValueLine) -> dict[str, object]:
    ratio = line.ratio
    empty = ratio.kind == "complement" and math.isinf(ratio.low)
    ends = (None, None) if empty else (ratio.low, ratio.high)
    return dict(zip((field.name for field in _RATIO), (ratio.value, *ends, ratio.kind), strict=True))


def _shown(line: ValueLine) -> tuple[object, ...]:
    from attribution.core.formats import format_interval, format_value

    record, label = _ratio(line), messages.text("THRESHOLDS.CONTRAST", {"arm": line.arm, "control": line.control})
    low, high, kind = record["value_per_incremental_low"], record["value_per_incremental_high"], line.ratio.kind
    point = format_value(line.ratio.value, "money")
    form = "empty" if low is None else kind
    shown = (
        format_interval(low, high, "money") if form == "interval"
        else messages.text(f"VALUE_SET.{form}", {"low": low, "high": high} if form == "complement" else {})
    )  # fmt: skip
    return (
        label if line.segment is None else f"{label} · {line.segment}",
        1000.0 * (line.woken.value or 0.0),
        1000.0 * line.value,
        f"{point} ({shown})",
        line.note,
    )
