"""What the campaign cost in all, what it brought and what it left: the rows of the arms and their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.roi.package import scaled
from experiments.roi.verdicts import decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Estimate, Side
    from experiments.roi.net_benefit import Variance
    from experiments.roi.package import Package
    from experiments.roi.verdicts import Verdict

__all__ = ["CampaignTotals", "Total", "campaign_totals"]

_SEPARATOR = "; "


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Total:
    """One arm, or all treated arms together, at one threshold; amounts over all persons.

    Attributes:
        arms: The treated arms that it holds.
        control: The control.
        segment: The segment; None for everybody.
        threshold: What one woken customer may cost.
        persons: Persons of these arms.
        left_out: Treated persons of strata that lack some arm; they are in no figure.
        cost: What was booked for these persons.
        cost_without: What they would have cost as control persons.
        incremental: Woken persons whom the campaign brought; None where a check fails.
        net: Net benefit over all these persons; None where a check fails.
        verdict: The verdict on all treated arms as one decision, its amounts per person; None for one arm of several.
        reason: Why there is no figure; empty when there is.
    """

    arms: tuple[str, ...]
    control: str
    segment: str | None
    threshold: float
    persons: int
    left_out: int
    cost: float
    cost_without: float
    incremental: Estimate | None
    net: Estimate | None
    verdict: Verdict | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CampaignTotals(TabularResult):
    """What the campaign cost in all, what it brought and what it left, for the persons who were in fact treated.

    Attributes:
        rows: At each threshold one row for each treated arm, then their sum, in every segment.
        recipe: Definitions.
        level: Confidence level.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> totals = ex.cost_thresholds(c.outcomes, thresholds=[85], order=c.order).totals()
        >>> whole = totals.whole(85)
        >>> whole.arms, whole.persons, round(whole.cost), round(whole.net.value)
        (('digital', 'sms', 'full'), 5960, 8405, -2146)
        >>> whole.verdict.word
        'INCONCLUSIVE'
    """

    rows: tuple[Total, ...]
    recipe: Recipe
    level: float

    def whole(self, threshold: float, *, segment: str | None = None) -> Total | None:
        """All treated arms together at one of the thresholds; None where there is no such row."""
        found = (row for row in self.rows if (row.threshold, row.segment) == (threshold, segment))
        return next((row for row in found if row.verdict is not None), None)

    def _records(self) -> Records:
        segmented = any(row.segment is not None for row in self.rows)
        return Records.from_rows(_fields(segmented=segmented), [_record(row) for row in self.rows])

    def _display(self) -> Display:
        segmented = any(row.segment is not None for row in self.rows)
        columns = [
            DisplayColumn(column_label("arm")),
            *([DisplayColumn(column_label("segment"))] if segmented else []),
            DisplayColumn(column_label("threshold"), "money"),
            DisplayColumn(column_label("persons"), "count"),
            DisplayColumn(messages.text("TOTALS.cost"), "money"),
            DisplayColumn(messages.text("TOTALS.incremental"), "number"),
            DisplayColumn(messages.text("TOTALS.net_benefit"), "money", decisive=True),
            DisplayColumn(column_label("verdict"), "text", decisive=True),
        ]
        rows = tuple(_shown(row, segmented=segmented) for row in self.rows)
        title = messages.text("TOTALS.title", {"level": self.level})
        return Display(title, (DisplayTable(tuple(columns), rows), *self.recipe.sentences()))


def campaign_totals(
    packages: Sequence[Package], thresholds: dict[str | None, list[float]], *, level: float, side: Side,
    variance: Variance,
) -> CampaignTotals:  # fmt: skip
    """The rows of every segment at its thresholds, each arm alone and then all of them.

    Args:
        packages: The treated arms and the control of every segment.
        thresholds: The thresholds of each segment.
        level: Confidence level.
        side: Side of the intervals.
        variance: "score" or "plugin".
    """
    options: dict[str, Any] = {"level": level, "side": side, "variance": variance}
    rows = [
        row
        for package in packages
        for threshold in thresholds.get(package.segment, [])
        for row in _rows(package, threshold, options)
    ]
    clustered = any(package.clusters is not None for package in packages)
    recipe = Recipe(
        method="campaign_totals",
        definitions=("TOTALS", "TOTALS_INTERVAL_CLUSTER" if clustered else "TOTALS_INTERVAL", "TOTALS_ONE"),
        settings={"variance": variance, "side": side, "level": level},
    )
    return CampaignTotals(rows=tuple(rows), recipe=recipe, level=level)


def _rows(package: Package, threshold: float, options: dict[str, Any]) -> list[Total]:
    arms = tuple(package.treated)
    parts = [(arm,) for arm in arms] if len(arms) > 1 else []
    return [
        *(_total(package, part, threshold, options, judged=False) for part in parts),
        _total(package, arms, threshold, options, judged=True),
    ]


def _total(
    package: Package, arms: tuple[str, ...], threshold: float, options: dict[str, Any], *, judged: bool
) -> Total:
    net, woken = package.net(arms, threshold, **options), package.woken(arms, **options)
    persons = package.persons(arms)
    verdict = (
        decide(scaled(net, 1.0 / persons), invalid=package.invalid, guardrails=package.guardrails) if judged else None
    )
    return Total(
        arms=arms,
        control=package.control,
        segment=package.segment,
        threshold=threshold,
        persons=persons,
        left_out=package.left_out if judged else 0,
        cost=package.cost(arms),
        cost_without=package.cost_without(arms),
        incremental=None if package.invalid else woken,
        net=None if package.invalid else net,
        verdict=verdict,
        reason=_SEPARATOR.join(package.invalid) or ("" if verdict is None else verdict.reason),
    )


def _fields(*, segmented: bool) -> tuple[Field, ...]:
    segment = (Field("segment", "text"),) if segmented else ()
    return (
        Field("arm", "text"),
        Field("control", "text"),
        *segment,
        Field("threshold", "money"),
        Field("persons", "count"),
        Field("persons_left_out", "count"),
        Field("cost", "money"),
        Field("cost_without", "money"),
        Field("incremental", "number"),
        Field("incremental_low", "number"),
        Field("incremental_high", "number"),
        Field("net_benefit", "money"),
        Field("net_benefit_low", "money"),
        Field("net_benefit_high", "money"),
        Field("verdict", "text"),
        Field("reason", "text"),
    )


def _record(row: Total) -> dict[str, object]:
    made: dict[str, object] = {
        "arm": None if row.verdict is not None else row.arms[0],
        "control": row.control,
        "segment": row.segment,
        "threshold": row.threshold,
        "persons": row.persons,
        "persons_left_out": row.left_out,
        "cost": row.cost,
        "cost_without": row.cost_without,
        "verdict": None if row.verdict is None else row.verdict.word,
        "reason": row.reason,
    }
    for name, found in (("incremental", row.incremental), ("net_benefit", row.net)):
        ends = (None, None, None) if found is None else (found.value, found.low, found.high)
        made |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
    return made


def _shown(row: Total, *, segmented: bool) -> tuple[object, ...]:
    record = _record(row)
    name = record["arm"] if record["arm"] is not None else messages.text("TOTALS.all")
    cells = [
        Cell(record[part], record[f"{part}_low"], record[f"{part}_high"], note=row.reason if row.net is None else "")
        for part in ("incremental", "net_benefit")
    ]
    verdict = "" if row.verdict is None else row.verdict.told
    return (name, *([row.segment] if segmented else []), row.threshold, row.persons, row.cost, *cells, verdict)
