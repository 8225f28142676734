"""What an experiment needs, or can see, by its pilot: one row per metric and arm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.metrics import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.design.planning.pilot import PilotMetric
    from experiments.design.planning.pilot_contrast import PilotContrast

__all__ = ["Effects", "PilotPlan", "PilotRow", "effects_by_metric", "make_rows", "relative_effect"]

Effects = float | str | Mapping[str, float | str]
Kind = Literal["size", "power", "detectable"]
NOT_DETECTABLE = "NOT_DETECTABLE"
_FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("baseline"), Field("baseline_low"),
    Field("baseline_high"), Field("effect"), Field("relative", "rate"), Field("power", "rate"),
    Field("n_control", "count"), Field("n", "count"), Field("n_total", "count"), Field("n_total_low", "count"),
    Field("n_total_high", "count"), Field("clusters_control", "count"), Field("clusters", "count"),
    Field("method", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotRow:
    """One metric and one arm.

    Attributes:
        metric: Name of the metric.
        arm: The arm.
        control: The control.
        baseline: The control's figure in the pilot.
        baseline_low: Lower end of its interval.
        baseline_high: Upper end of its interval.
        effect: The effect planned for, or the smallest detectable one; treated minus control.
        relative: The same as a share of the baseline.
        power: Power of this comparison.
        n_control: Persons in the control.
        n: Persons in the arm.
        n_total: Persons in all arms of the experiment.
        n_total_low: The smaller total if the baseline were at an end of its interval; None where the total does not
            hang on the baseline (an absolute effect on anything but a rate).
        n_total_high: The larger one; None also where the interval ends at a rate of 0 or 1.
        clusters_control: Clusters in the control.
        clusters: Clusters in the arm.
        method: Name of the formula.
        note: Reason code where a figure is missing.
        rate: Whether the metric is a rate.
    """

    metric: str
    arm: str
    control: str
    baseline: float | None
    baseline_low: float | None
    baseline_high: float | None
    effect: float | None
    relative: float | None
    power: float | None
    n_control: int | None
    n: int | None
    n_total: int | None
    n_total_low: int | None
    n_total_high: int | None
    clusters_control: int | None
    clusters: int | None
    method: str
    note: str
    rate: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PilotPlan(TabularResult):
    """A plan by a pilot.

    Attributes:
        kind: "size", "power" or "detectable".
        rows: One row per metric and arm.
        primary: Name of the primary metric.
        level: Confidence level of the tests.
        power: Power asked for; None for kind "power".
        persons: Control persons of the pilot.
        findings: Remarks about the pilot.
        recipe: How the figures were made.
    """

    kind: Kind
    rows: tuple[PilotRow, ...]
    primary: str
    level: float
    power: float | None
    persons: int
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def total(self) -> int | None:
        """Persons of all arms that the primary metric needs in every arm's comparison; None where undefined."""
        totals = [row.n_total for row in self.rows if row.metric == self.primary]
        known = [total for total in totals if total is not None]
        return max(known) if known and len(known) == len(totals) else None

    def _records(self) -> Records:
        return Records.from_rows(
            _FIELDS, [{field.name: getattr(row, field.name) for field in _FIELDS} for row in self.rows]
        )

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        title = messages.text(f"PILOT.title.{self.kind}", {"level": self.level, "persons": self.persons})
        names = dict.fromkeys(row.metric for row in self.rows)
        tables = [_table(name, [row for row in self.rows if row.metric == name]) for name in names]
        lines = []
        if self.kind == "size" and self.total is not None:
            told = {"total": self.total, "metric": self.primary, "power": self.power}
            lines.append(messages.text("PILOT.total", told))
        loud = [f"[{finding.status}] {finding.code}: {finding.text()}" for finding in self.findings]
        return Display(title, (*lines, *tables, *self.recipe.sentences(), *loud))


def _table(name: str, rows: Sequence[PilotRow]) -> DisplayTable:
    value: ValueKind = "rate" if rows[0].rate else "number"
    change: ValueKind = "pp" if rows[0].rate else "number"
    kinds: dict[str, ValueKind] = {
        "arm": "text", "control": "text", "baseline": value, "effect": change, "relative": "rate", "power": "rate",
        "n_control": "count", "n": "count", "n_total": "count", "clusters_control": "count", "clusters": "count",
        "method": "text", "note": "text",
    }  # fmt: skip
    shown = [one for one in kinds if one != "note" or any(row.note for row in rows)]
    shown = [one for one in shown if "clusters" not in one or any(row.clusters for row in rows)]
    columns = tuple(DisplayColumn(column_label(one), kinds[one], decisive=one == "n_total") for one in shown)
    return DisplayTable(columns, tuple(tuple(_cell(row, one) for one in shown) for row in rows), title=name)


def _cell(row: PilotRow, name: str) -> object:
    if name in ("baseline", "n_total"):
        return Cell(getattr(row, name), getattr(row, f"{name}_low"), getattr(row, f"{name}_high"))
    return getattr(row, name)


def effects_by_metric(effect: object, baselines: Mapping[str, PilotMetric], *, primary: str) -> dict[str, float | str]:
    """The effect declared for each metric: a number is the primary metric's, a percentage everybody's but guardrails'.

    Raises:
        InputError: For anything else, or an unknown metric.
    """
    if isinstance(effect, Mapping):
        for name in effect:
            if name not in baselines:
                raise InputError(
                    f"effect names the metric {name!r}, which there is not. {closest(str(name), baselines)}"
                )
        chosen = dict(effect)
    elif isinstance(effect, str):
        chosen = {name: effect for name, metric in baselines.items() if metric.role != "guardrail"}
    else:
        chosen = {primary: effect}
    if not chosen:
        raise InputError("effect names no metric; write for example effect={'woken': 0.002} or effect=\"10%\".")
    for name, one in chosen.items():
        relative_effect(name, one)
    return chosen


def relative_effect(name: str, effect: object) -> float | None:
    """The relative effect that a text such as "10%" declares; None for an absolute one."""
    if isinstance(effect, str):
        text = effect.strip().removesuffix("%")
        try:
            share = float(text) / 100.0
        except ValueError:
            share = math.nan
        if effect.strip().endswith("%") and math.isfinite(share) and share != 0.0:
            return share
    elif isinstance(effect, (int, float)) and not isinstance(effect, bool) and math.isfinite(effect) and effect != 0:
        return None
    raise InputError(
        f"the effect of {name!r} must be a number other than 0 in the unit of the metric, or a share of its baseline "
        f'such as "10%", got {effect!r}.'
    )


def absolute(metric: PilotMetric, effect: float | str) -> float:
    """The effect in the unit of the metric, at its baseline."""
    share = None if effect == 0.0 else relative_effect(metric.name, effect)
    return float(effect) if share is None else share * metric.baseline


def make_rows(
    kind: Kind,
    contrasts: Sequence[PilotContrast],
    *,
    control: object,
    effects: Mapping[str, float | str],
    power: float | None,
    persons: float | None,
) -> tuple[PilotRow, ...]:
    """Answer one of the three questions for every contrast."""
    rows = []
    for contrast in contrasts:
        metric = contrast.metric
        effect = effects.get(metric.name, None if contrast.margin is None else 0.0)
        if kind != "detectable" and effect is None:
            continue
        figures = {} if metric.note or _never(contrast, effect) else _answer(kind, contrast, effect, power, persons)
        rows.append(_row(contrast, control, figures))
    return tuple(rows)


def _never(contrast: PilotContrast, effect: float | str | None) -> bool:
    """Whether a guardrail's margin leaves nothing to show: the worsening expected is as large."""
    if contrast.margin is None or effect is None:
        return False
    beyond = absolute(contrast.metric, effect) - contrast.margin
    return beyond >= 0.0 if contrast.side == "less" else beyond <= 0.0


def _check_rate(contrast: PilotContrast, size: float) -> None:
    metric = contrast.metric
    rate = metric.baseline + contrast.reach * size
    if isinstance(metric.metric, Rate) and not 0.0 <= rate <= 1.0:
        raise InputError(
            f"the effect {size:g} of {metric.name!r} would put its rate at {rate:g}, outside 0 to 1; the baseline is "
            f"{metric.baseline:.4g}. One percentage point is 0.01."
        )


def _answer(
    kind: Kind, contrast: PilotContrast, effect: float | str | None, power: float | None, persons: float | None
) -> dict[str, float | None]:
    metric = contrast.metric
    if kind == "detectable" or effect is None:
        down = metric.metric.direction == "down" if contrast.side == "two" else contrast.side == "less"
        found = contrast.detectable(persons or 0.0, power or 0.8, down=down)
        return {"effect": found, "power": power, "total": persons}
    size = absolute(metric, effect)
    _check_rate(contrast, size)
    if kind == "power":
        return {"effect": size, "power": contrast.power(size, persons or 0.0), "total": persons}
    totals = [contrast.persons(size, power or 0.8)]
    if not isinstance(metric.metric, Rate) and not isinstance(effect, str):
        return {"effect": size, "power": power, "total": totals[0]}  # the baseline plays no part
    for end in (metric.low, metric.high):
        there = contrast.at(end)
        ends = absolute(there.metric, effect)
        usable = (ends != 0.0 if contrast.margin is None else not _never(there, effect)) and (
            not isinstance(metric.metric, Rate) or 0.0 < end < 1.0
        )
        totals.append(there.persons(ends, power or 0.8) if usable else math.inf)
    finite = [total for total in totals[1:] if math.isfinite(total)]
    low = min([totals[0], *finite])
    high = max(totals) if len(finite) == 2 else None
    return {"effect": size, "power": power, "total": totals[0], "low": low, "high": high}


def _row(contrast: PilotContrast, control: object, found: Mapping[str, float | None]) -> PilotRow:
    metric = contrast.metric
    total, effect = found.get("total"), found.get("effect")
    defined = not metric.note
    relative = effect / metric.baseline if effect is not None and metric.baseline > 0.0 else None
    size = metric.cluster_size if metric.correlation is not None else None
    n_control, n = (None if total is None else total * share for share in (contrast.control_share, contrast.share))
    note = metric.note or (NOT_DETECTABLE if effect is None else "")
    return PilotRow(
        metric=metric.name, arm=str(contrast.arm), control=str(control),
        baseline=metric.baseline if math.isfinite(metric.baseline) else None,
        baseline_low=metric.low if defined else None, baseline_high=metric.high if defined else None,
        effect=effect, relative=relative, power=found.get("power"), n_control=_up(n_control), n=_up(n),
        n_total=_up(total), n_total_low=_up(found.get("low")), n_total_high=_up(found.get("high")),
        clusters_control=None if size is None or n_control is None else _up(n_control / size),
        clusters=None if size is None or n is None else _up(n / size),
        method=contrast.method, note=note, rate=isinstance(metric.metric, Rate),
    )  # fmt: skip


def _up(number: float | None) -> int | None:
    return None if number is None else math.ceil(number * (1.0 - 1e-9))
