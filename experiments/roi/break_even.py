"""Where it would just pay: the effect, the cost and the value at which the net benefit is 0, and a ceiling of cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.inference.counts import one_number
from experiments.inference.figures import satterthwaite
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.ratios import ratio_interval
from experiments.roi.arms import prepare
from experiments.roi.undecided import COST_SAVING, HARM, NO_INCREMENT

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from attribution.core.estimates import Estimate
    from experiments.roi.arms import ArmCosts
    from experiments.roi.clustered import ClusterContrast
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.result import Judged

__all__ = ["NOT_ATTAINABLE", "WAKING_COSTS_MORE", "BreakEven", "CostCeiling", "break_even", "cost_ceiling"]

WAKING_COSTS_MORE = "WAKING_COSTS_MORE"
NOT_ATTAINABLE = "NOT_ATTAINABLE"
BASE_NOT_POSITIVE = "BASE_NOT_POSITIVE"
NO_RETURNERS = "NO_RETURNERS"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class BreakEven(TabularResult):
    """Break-even effect, cost and value of every contrast at every threshold.

    Attributes:
        records: The rows.
        recipe: Definitions.
        level: Confidence level.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> found = ex.cost_thresholds(c.outcomes, thresholds=[85], order=c.order).break_even()
        >>> found.table()["arm"].tolist()
        ['digital', 'sms', 'full']
    """

    records: Records
    recipe: Recipe
    level: float

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        found = self.records.to_dicts()
        title = messages.text("BREAK_EVEN.title", {"level": self.level})
        # What does not depend on the threshold stands once per contrast.
        own = {_label(row): row for row in found}
        contrasts = DisplayTable(
            (
                DisplayColumn(messages.text("THRESHOLDS.HEAD")),
                DisplayColumn(column_label("incremental_per_1000"), "number"),
                DisplayColumn(column_label("cost_per_1000"), "money"),
                DisplayColumn(column_label("cost_per_incremental"), "money", decisive=True),
                DisplayColumn(column_label("cost_per_returner"), "money"),
                DisplayColumn(column_label("incremental_share"), "rate"),
            ),
            tuple(_of_contrast(label, row) for label, row in own.items()),
        )
        thresholds = DisplayTable(
            (
                DisplayColumn(messages.text("THRESHOLDS.HEAD")),
                DisplayColumn(column_label("threshold"), "money"),
                DisplayColumn(column_label("break_even_effect"), "number", decisive=True),
                DisplayColumn(column_label("break_even_cost"), "money", decisive=True),
            ),
            tuple(_of_threshold(row) for row in found),
        )
        return Display(title, (contrasts, thresholds, *self.recipe.sentences()))


def break_even(judged: Sequence[Judged], *, level: float) -> BreakEven:
    """The break-even figures of rows that were judged; see `CostThresholds.break_even`."""
    segmented = any(row.contrast.segment is not None for row in judged)
    fields = (
        Field("arm", "text"),
        Field("control", "text"),
        *((Field("segment", "text"),) if segmented else ()),
        Field("threshold", "money"),
        *(Field(f"incremental_per_1000{end}", "number") for end in _ENDS),
        Field("break_even_effect", "number"),
        Field("cost_per_1000", "money"),
        *(Field(f"break_even_cost{end}", "money") for end in _ENDS),
        Field("cost_per_incremental", "money"),
        Field("cost_per_returner", "money"),
        *(Field(f"incremental_share{end}", "rate") for end in _ENDS),
        Field("reason", "text"),
    )
    return BreakEven(
        records=Records.from_rows(fields, [_row(row, level=level) for row in judged]),
        recipe=Recipe(method="break_even", definitions=("BREAK_EVEN", "COST_PER_RETURNER"), settings={"level": level}),
        level=level,
    )


_ENDS = ("", "_low", "_high")


def _row(row: Judged, *, level: float) -> dict[str, object]:
    contrast, woken = row.contrast, row.cost.woken
    effect, reason = break_even_effect(contrast, row.threshold)
    treated, returned = _treated(contrast)
    per_1000 = [None if end is None else 1000.0 * end for end in (woken.value, woken.low, woken.high)]
    share = _incremental_share(contrast, level=level)
    unbounded = NO_RETURNERS if not returned > 0.0 else BASE_NOT_POSITIVE if share[1] is None else ""
    return {
        "arm": contrast.arm,
        "control": contrast.control,
        "segment": contrast.segment,
        "threshold": row.threshold,
        **{f"incremental_per_1000{end}": value for end, value in zip(_ENDS, per_1000, strict=True)},
        "break_even_effect": None if effect is None else 1000.0 * effect,
        "cost_per_1000": 1000.0 * contrast.difference("cost"),
        **{
            f"break_even_cost{end}": None if value is None else row.threshold * value
            for end, value in zip(_ENDS, per_1000, strict=True)
        },
        "cost_per_incremental": row.cost.value,
        "cost_per_returner": treated / returned if returned > 0.0 else None,
        **{f"incremental_share{end}": value for end, value in zip(_ENDS, share, strict=True)},
        "reason": "; ".join(part for part in (row.cost.reason, reason, unbounded) if part),
    }


def break_even_effect(contrast: ContrastCosts, threshold: float) -> tuple[float | None, str]:
    """The woken per person, treated minus control, at which the net benefit would be 0.

    The treated arm's rate moves by the same amount in every stratum, each further woken person at the cost of waking
    seen in the arm, so that incentives move along; touch costs stay.

    Args:
        contrast: The contrast.
        threshold: T.

    Returns:
        The effect and ""; or None with WAKING_COSTS_MORE (a woken person costs at least T: no effect pays), or
        NOT_ATTAINABLE (more than all would have to wake).

    Example:
        >>> from experiments.roi.arms import ArmCosts
        >>> from experiments.roi.contrasts import ContrastCosts
        >>> sms = ArmCosts(n=1000, woken=30, cost_mean_woken=20.5, cost_mean_other=0.5, cost_variance_woken=0.0,
        ...                cost_variance_other=0.0)
        >>> none = ArmCosts(n=1000, woken=20, cost_mean_woken=0, cost_mean_other=0, cost_variance_woken=0,
        ...                 cost_variance_other=0)
        >>> one = ContrastCosts(arm="sms", control="holdout", segment=None, treated=(sms,), untreated=(none,),
        ...                     weights=(1.0,))
        >>> round(1000 * break_even_effect(one, 85.0)[0], 6)  # 0.5 touch cost + 20 x 20 natural returners, at 65 each
        13.846154
    """
    strata, _ = prepare(contrast.treated, contrast.untreated, contrast.weights)
    worth = math.fsum(s.weight * (threshold - s.treated.wake_cost) for s in strata)
    if worth <= 0.0:
        return None, WAKING_COSTS_MORE
    woken, cost = contrast.difference("woken"), contrast.difference("cost")
    effect = woken - (threshold * woken - cost) / worth
    base = math.fsum(s.weight * s.control.woken / s.control.n for s in strata)
    return (None, NOT_ATTAINABLE) if base + effect > 1.0 else (effect, "")


def _treated(contrast: ContrastCosts) -> tuple[float, float]:
    """Mean cost and woken per assigned person of the treated arm, weighted as the contrast is."""
    parts = list(zip(contrast.weights, contrast.treated, strict=True))
    cost = math.fsum(weight * arm.cost_mean for weight, arm in parts)
    return cost, math.fsum(weight * arm.woken / arm.n for weight, arm in parts)


def _incremental_share(contrast: ContrastCosts, *, level: float) -> tuple[float | None, float | None, float | None]:
    """Incremental share of the treated arm's woken, (p1 - p0) / p1, from the rate ratio and its interval."""
    _, returned = _treated(contrast)
    if not returned > 0.0:
        return None, None, None
    value = contrast.difference("woken") / returned
    if contrast.clustered is not None:
        return value, *_clustered_share(contrast.clustered, returned, level=level)

    def column(arms: Sequence[ArmCosts], name: str) -> np.ndarray:
        return np.array([getattr(arm, name) for arm in arms], dtype=np.float64)

    lift: Estimate = compare_stratified_rates(
        column(contrast.treated, "woken"), column(contrast.treated, "n"), column(contrast.untreated, "woken"),
        column(contrast.untreated, "n"), weights=np.array(contrast.weights), level=level,
    ).relative  # fmt: skip
    return value, _share_of(lift.low), _share_of(lift.high)


def _clustered_share(found: ClusterContrast, returned: float, *, level: float) -> tuple[float | None, float | None]:
    """Both ends from Fieller's set of p0 / p1; None where the arm's own rate is not clearly above 0."""
    (treated, _, _), (control, _, _) = found.moments
    df = satterthwaite(np.array([treated, control]), found.freedom)
    ratio = ratio_interval(
        returned - found.woken, returned, control, treated, level=level, df=None if math.isnan(df) else df
    )
    if ratio.kind != "interval":
        return None, None
    return 1.0 - ratio.high, min(1.0, 1.0 - ratio.low)


def _share_of(lift: float | None) -> float | None:
    """p1 / p0 - 1 as 1 - p0 / p1."""
    if lift is None:
        return None
    if math.isinf(lift):
        return 1.0
    return lift / (1.0 + lift) if lift > -1.0 else -math.inf


def _label(row: Mapping[str, object]) -> str:
    label = messages.text("THRESHOLDS.CONTRAST", {"arm": row["arm"], "control": row["control"]})
    return label if row.get("segment") is None else f"{label} · {row['segment']}"


def _cell(row: Mapping[str, object], name: str) -> Cell:
    return Cell(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _reason(row: Mapping[str, object], codes: Container[str]) -> str:
    """The reasons of a row that concern one of its figures."""
    return "; ".join(code for code in str(row["reason"]).split("; ") if code in codes)


def _of_contrast(label: str, row: Mapping[str, object]) -> tuple[object, ...]:
    return (
        label,
        _cell(row, "incremental_per_1000"),
        row["cost_per_1000"],
        Cell(row["cost_per_incremental"], note=_reason(row, {HARM, NO_INCREMENT, COST_SAVING})),
        Cell(row["cost_per_returner"], note=_reason(row, {NO_RETURNERS})),
        replace(_cell(row, "incremental_share"), note=_reason(row, {BASE_NOT_POSITIVE, NO_RETURNERS})),
    )


def _of_threshold(row: Mapping[str, object]) -> tuple[object, ...]:
    effect = Cell(row["break_even_effect"], note=_reason(row, {WAKING_COSTS_MORE, NOT_ATTAINABLE}))
    return _label(row), row["threshold"], effect, _cell(row, "break_even_cost")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CostCeiling(TabularResult):
    """What a woken customer may cost at most.

    Attributes:
        per_incremental: The most that one *incremental* wake-up may cost: contribution less servicing.
        per_returner: The most that one returner of all may cost, when only a share of them is incremental; None without
            that share.
        field_formula: What the field's formula gives, the first acquisition cost subtracted too; None when it was not
            given. It is shown to be compared, not used: that money is spent whatever is decided now.
        incremental_share: The share that was given.
        recipe: Definitions and settings.
    """

    per_incremental: float
    per_returner: float | None
    field_formula: float | None
    incremental_share: float | None
    recipe: Recipe

    def incremental_cost(self, cost_per_returner: float) -> float:
        """A cost per returner of all as a cost per incremental wake-up.

        Raises:
            InputError: Without an incremental share, or for a cost that is no number of 0 or more.
        """
        if self.incremental_share is None:
            raise InputError("a cost per returner needs incremental_share= to become a cost per incremental wake-up.")
        return one_number("cost_per_returner", cost_per_returner, positive=True) / self.incremental_share

    def _records(self) -> Records:
        rows = [
            {"reading": name, "amount": getattr(self, name)}
            for name in ("per_incremental", "per_returner", "field_formula")
            if getattr(self, name) is not None
        ]
        return Records.from_rows((Field("reading", "text"), Field("amount", "money")), rows)

    def _display(self) -> Display:
        columns = (DisplayColumn(""), DisplayColumn(column_label("amount"), "money"))
        rows = tuple(
            (messages.text(f"COST_CEILING.{row['reading']}"), row["amount"]) for row in self._records().to_dicts()
        )
        return Display(messages.text("COST_CEILING.title"), (DisplayTable(columns, rows), *self.recipe.sentences()))


def cost_ceiling(
    contribution: float,
    *,
    servicing: float = 0.0,
    acquisition: float | None = None,
    incremental_share: float | None = None,
) -> CostCeiling:
    """What an incremental wake-up may cost at most: its future contribution less the cost of serving it.

    Teams use ``ceiling = contribution - first acquisition cost - servicing`` and hold it against the cost per returner.
    That has two faults. The first acquisition cost is sunk: it was paid years ago and is the same whether the customer
    wakes or not. And a cost per returner counts everybody who came back, also those who would have come anyway: with an
    incremental share of 30 %, a cost of 85 per returner is 283 per incremental wake-up.

    Args:
        contribution: Margin that a woken customer brings from now on.
        servicing: What serving the customer costs over the same time.
        acquisition: The first acquisition cost, to show what the field's formula would say; it enters nothing else.
        incremental_share: Share of the returners who would not have come without the campaign, above 0 and at most 1
            (`CostThresholds.break_even` estimates it).

    Raises:
        InputError: An amount is not finite or below 0, or the share is not above 0 and at most 1.

    Verified against hand calculation; see docs/methods/break-even.md.

    Example:
        >>> ceiling = cost_ceiling(150.0, incremental_share=0.3)
        >>> ceiling.per_incremental, ceiling.per_returner, round(ceiling.incremental_cost(85.0))
        (150.0, 45.0, 283)
    """
    amounts = {"contribution": contribution, "servicing": servicing}
    amounts |= {} if acquisition is None else {"acquisition": acquisition}
    for name, amount in amounts.items():
        number = isinstance(amount, Real) and not isinstance(amount, bool)
        if not number or not 0.0 <= float(amount) < math.inf:
            raise InputError(f"{name} must be a finite amount of money, 0 or more, got {amount!r}.")
    share = incremental_share
    number = isinstance(share, Real) and not isinstance(share, bool)
    if share is not None and not (number and 0.0 < float(share) <= 1.0):
        raise InputError(f"incremental_share must lie above 0 and be at most 1, got {share!r}.")
    ceiling = float(contribution) - float(servicing)
    definitions = ("COST_CEILING", *(() if acquisition is None else ("SUNK_COST",)))
    return CostCeiling(
        per_incremental=ceiling,
        per_returner=None if share is None else ceiling * float(share),
        field_formula=None if acquisition is None else ceiling - float(acquisition),
        incremental_share=None if share is None else float(share),
        recipe=Recipe(method="cost_ceiling", definitions=definitions, settings={**amounts, "incremental_share": share}),
    )
