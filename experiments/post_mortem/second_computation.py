"""The primary numbers computed a second time, from the rows of the outcomes, with sums of plain Python.

Nothing of the library's estimators is used: a loop over the persons, exactly rounded sums (`math.fsum`), decimal
arithmetic, and intervals of another kind (Newcombe's for rates, the normal approximation for money).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from experiments.metrics import Count, Mean, Rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from attribution.core.render.display import Display
    from experiments.metrics import Metric
    from experiments.post_mortem.evidence import Evidence

__all__ = ["SecondComputation", "SecondFigure", "compute_again"]

_KINDS = (Rate, Mean, Count)
_CLOSE = 1e-9
_DIGITS = 40
_BETWEEN = " · "
_FIELDS = (
    Field("figure", "text"), Field("arm", "text"), Field("control", "text"), Field("segment", "text"),
    Field("threshold", "money"), Field("first"), Field("second"), Field("first_low"), Field("first_high"),
    Field("second_low"), Field("second_high"), Field("agrees", "text"), Field("reason", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SecondFigure:
    """One figure, as the report has it and computed again.

    Attributes:
        figure: The metric of a readout, or ``"net_benefit"``.
        arm: The arm.
        control: What it is compared with.
        segment: The segment; None for everybody.
        threshold: What a woken customer may cost; None for a metric.
        first: The figure of the report, per person, with its interval.
        second: The figure computed again, with its interval; None where it was not.
        reason: Why it was not computed again: ``ADJUSTED``, ``CLUSTERED``, ``OTHER_KIND``; empty else.
    """

    figure: str
    arm: str
    control: str
    segment: str | None
    threshold: float | None
    first: tuple[float | None, float | None, float | None]
    second: tuple[float, float, float] | None
    reason: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether the two points agree to 1e-9; None where there are not two."""
        if self.second is None or self.first[0] is None:
            return None
        return math.isclose(self.first[0], self.second[0], rel_tol=_CLOSE, abs_tol=_CLOSE)

    def to_dict(self) -> dict[str, object]:
        """The row of the table."""
        second = (None, None, None) if self.second is None else self.second
        return {
            "figure": self.figure, "arm": self.arm, "control": self.control, "segment": self.segment,
            "threshold": self.threshold, "first": self.first[0], "first_low": self.first[1],
            "first_high": self.first[2], "second": second[0], "second_low": second[1], "second_high": second[2],
            "agrees": {True: "yes", False: "no", None: ""}[self.agrees], "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SecondComputation(TabularResult):
    """The primary numbers beside the same numbers computed again.

    Columns: figure, arm, control, segment, threshold, first, second (per person), their intervals, agrees, reason.

    Attributes:
        figures: One for each contrast of the primary metric, and one for each verdict.
    """

    figures: tuple[SecondFigure, ...]

    @property
    def disagreeing(self) -> tuple[SecondFigure, ...]:
        """Those whose points do not agree to 1e-9."""
        return tuple(figure for figure in self.figures if figure.agrees is False)

    def _records(self) -> Records:
        return Records.from_rows(_FIELDS, [figure.to_dict() for figure in self.figures])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        return Display("", (records_table(self._records()),))


@dataclass(slots=True)
class _Rows:
    """The columns of the outcomes as plain lists."""

    arm: list[str]
    stratum: list[tuple[object, ...]]
    columns: dict[str, list[Any]]


def compute_again(evidence: Evidence) -> SecondComputation:
    """Compute the primary metric and every net benefit again, person by person; empty without a trial.

    Args:
        evidence: The results of the report with the outcomes behind them.
    """
    if evidence.readout is None or evidence.outcomes is None:
        return SecondComputation(figures=())
    with localcontext() as context:
        context.prec = _DIGITS
        figures = [*_metric(evidence), *_net_benefits(evidence)]
    return SecondComputation(figures=tuple(figures))


def _read(evidence: Evidence, names: Iterable[str]) -> _Rows:
    """Plain lists of the columns that are needed, one entry a person."""
    readout = evidence.readout
    if readout is None:  # unreachable: the caller has asked
        return _Rows([], [], {})
    experiment = readout.experiment
    roles = evidence.plan.columns()["outcomes"]
    table = open_table(evidence.outcomes, "outcomes", roles, problems=Problems())
    columns = {name: table.arrow(name).to_pylist() for name in {*names, *experiment.layers, experiment.arm}}
    strata = [columns[name] for name in experiment.layers]
    persons = len(columns[experiment.arm])
    return _Rows(
        arm=[str(arm) for arm in columns[experiment.arm]],
        stratum=list(zip(*strata, strict=True)) if strata else [()] * persons,
        columns=columns,
    )


def _metric(evidence: Evidence) -> list[SecondFigure]:
    readout = evidence.readout
    if readout is None:  # unreachable: the caller has asked
        return []
    experiment = readout.experiment
    metric = experiment.metrics[experiment.primary]
    reason = _why_not(metric, experiment.cluster)
    rows = [row for row in readout.to_dicts() if row["metric"] == experiment.primary]
    cells: dict[Any, dict[str, list[Any]]] = {}
    if not reason:
        column = metric.column if isinstance(metric, _KINDS) else ""
        read = _read(evidence, [column])
        zero = getattr(metric, "missing", None) == "zero"
        values = [0 if value is None and zero else value for value in read.columns[column]]
        cells = _cells(read, [(value,) for value in values], keep=[value is not None for value in values])
    return [
        SecondFigure(
            figure=experiment.primary, arm=row["arm"], control=row["control"], segment=None, threshold=None,
            first=(row["difference"], row["low"], row["high"]), reason=reason,
            second=None if reason else _difference(
                cells, row["arm"], row["control"], experiment.level, rate=isinstance(metric, Rate)
            ),
        )
        for row in rows
    ]  # fmt: skip


def _why_not(metric: Metric, cluster: str | None) -> str:
    """Why a metric is not computed again; empty where it is."""
    if cluster is not None:
        return "CLUSTERED"
    if not isinstance(metric, _KINDS):
        return "OTHER_KIND"
    adjusted = getattr(metric, "covariate", None) is not None or getattr(metric, "cap", None) is not None
    return "ADJUSTED" if adjusted or getattr(metric, "equal_variances", False) else ""


def _cells(
    read: _Rows, values: Sequence[tuple[Any, ...]], *, keep: Sequence[bool]
) -> dict[tuple[object, ...], dict[str, list[Any]]]:
    """Values by stratum and arm; a stratum without persons of some arm is left out, as in the report."""
    arms = {arm for arm, kept in zip(read.arm, keep, strict=True) if kept}
    found: dict[tuple[object, ...], dict[str, list[Any]]] = {}
    for arm, stratum, value, kept in zip(read.arm, read.stratum, values, keep, strict=True):
        if kept:
            found.setdefault(stratum, {}).setdefault(arm, []).append(value)
    return {stratum: by_arm for stratum, by_arm in found.items() if set(by_arm) == arms}


def _shares(cells: Mapping[Any, Mapping[str, list[Any]]]) -> dict[Any, Decimal]:
    """Share of each stratum in all persons, all arms together."""
    persons = {stratum: sum(map(len, by_arm.values())) for stratum, by_arm in cells.items()}
    total = Decimal(sum(persons.values()))
    return {stratum: Decimal(number) / total for stratum, number in persons.items()}


def _difference(
    cells: Mapping[Any, Mapping[str, list[Any]]], arm: str, control: str, level: float, *, rate: bool
) -> tuple[float, float, float]:
    """The difference of means over strata, with Newcombe's interval for one table, else the normal one."""
    shares = _shares(cells)
    parts = {
        stratum: [[value[0] for value in by_arm[name]] for name in (arm, control)] for stratum, by_arm in cells.items()
    }
    point = sum((shares[key] * (_mean(one) - _mean(two)) for key, (one, two) in parts.items()), Decimal(0))
    if rate and len(parts) == 1:
        (one, two) = next(iter(parts.values()))
        return _newcombe(one, two, level)
    spread = sum((shares[key] ** 2 * (_spread(one) + _spread(two)) for key, (one, two) in parts.items()), Decimal(0))
    return _normal(point, spread, level)


def _net_benefits(evidence: Evidence) -> list[SecondFigure]:
    """T times the woken less the cost, person by person, in every contrast and segment at every threshold."""
    from experiments.post_mortem.evidence import event_of
    from experiments.roi.reading import counts_empty

    thresholds, readout = evidence.thresholds, evidence.readout
    if thresholds is None or readout is None:
        return []
    event, by = event_of(readout), _columns(evidence)
    reason = "CLUSTERED" if readout.experiment.cluster is not None else ""
    found: dict[str | None, dict[Any, dict[str, list[Any]]]] = {}
    if not reason and event is not None:
        read = _read(evidence, [event, "cost", *by])
        if counts_empty(readout.experiment, event):
            read.columns[event] = [0 if value is None else value for value in read.columns[event]]
        found = _by_segment(read, event, by)
    made = []
    for row in thresholds.judged:
        contrast, net = row.contrast, row.net
        cells = found.get(contrast.segment)
        second = None
        if cells:
            second = _net_benefit(cells, contrast.arm, contrast.control, row.threshold, thresholds.level)
        made.append(SecondFigure(
            figure="net_benefit", arm=contrast.arm, control=contrast.control, segment=contrast.segment,
            threshold=row.threshold, first=(net.value, net.low, net.high), second=second,
            reason=reason if second is None else "",
        ))  # fmt: skip
    return made


def _columns(evidence: Evidence) -> tuple[str, ...]:
    from experiments.roi.segment_cells import by_columns

    return by_columns(None if evidence.plan.costs is None else evidence.plan.costs.by or None)


def _by_segment(read: _Rows, event: str, by: Sequence[str]) -> dict[str | None, dict[Any, dict[str, list[Any]]]]:
    """Event and cost of every person by segment, stratum and arm."""
    values = list(zip(read.columns[event], read.columns["cost"], strict=True))
    there = [None not in value for value in values]
    whole: dict[str | None, dict[Any, dict[str, list[Any]]]] = {None: _cells(read, values, keep=there)}
    if not by:
        return whole
    named = [_BETWEEN.join(map(str, parts)) for parts in zip(*(read.columns[name] for name in by), strict=True)]
    return whole | {
        segment: _cells(read, values, keep=[name == segment and kept for name, kept in zip(named, there, strict=True)])
        for segment in sorted(set(named))
    }


def _net_benefit(
    cells: Mapping[Any, Mapping[str, list[Any]]], arm: str, control: str, threshold: float, level: float
) -> tuple[float, float, float]:
    shares, price = _shares(cells), Decimal(threshold)
    point = spread = Decimal(0)
    for stratum, by_arm in cells.items():
        woken = [_mean([value[0] for value in by_arm[name]]) for name in (arm, control)]
        cost = [_mean([value[1] for value in by_arm[name]]) for name in (arm, control)]
        point += shares[stratum] * (price * (woken[0] - woken[1]) - (cost[0] - cost[1]))
        nets = [[threshold * float(y) - float(c) for y, c in by_arm[name]] for name in (arm, control)]
        spread += shares[stratum] ** 2 * (_spread(nets[0]) + _spread(nets[1]))
    return _normal(point, spread, level)


def _mean(values: Sequence[Any]) -> Decimal:
    return Decimal(math.fsum(map(float, values))) / Decimal(len(values))


def _spread(values: Sequence[Any]) -> Decimal:
    """The variance of the mean."""
    n = len(values)
    if n < 2:
        return Decimal(0)
    mean = float(_mean(values))
    squares = math.fsum((float(value) - mean) ** 2 for value in values)
    return Decimal(squares) / Decimal(n - 1) / Decimal(n)


def _normal(point: Decimal, spread: Decimal, level: float) -> tuple[float, float, float]:
    half = Decimal(NormalDist().inv_cdf(0.5 + level / 2.0)) * spread.sqrt()
    return float(point), float(point - half), float(point + half)


def _newcombe(one: Sequence[Any], two: Sequence[Any], level: float) -> tuple[float, float, float]:
    """Difference of two rates with the interval made of Wilson's two (Newcombe 1998, method 10)."""
    p, q = float(_mean(one)), float(_mean(two))
    (p_low, p_high), (q_low, q_high) = _wilson(p, len(one), level), _wilson(q, len(two), level)
    low = p - q - math.hypot(p - p_low, q_high - q)
    high = p - q + math.hypot(p_high - p, q - q_low)
    return float(_mean(one) - _mean(two)), low, high


def _wilson(p: float, n: int, level: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
