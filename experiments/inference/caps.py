"""Caps for heavy-tailed money: one limit proposed from all arms together, and when Welch's tails are known to miss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from experiments.inference.quantiles import checked_share
from experiments.inference.tails import critical_value, one_sided_tail
from experiments.moments import value_counts
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from attribution.core.render.display import Display
    from experiments.inference.figures import Floats
    from experiments.moments import ValueCounts
    from experiments.moments.counted import Counts
    from experiments.moments.grid import Grid

__all__ = ["PooledCap", "heavy_tail", "pooled_cap", "welch_tails"]

_FIELDS = (
    Field("arm", "text"), Field("persons", "count"), Field("nonzero", "count"), Field("above", "count"),
    Field("share_above", "rate"), Field("largest"), Field("cut_share", "rate"), Field("without_value", "count"),
)  # fmt: skip
_FEW_ABOVE = 5
_TOLD = 1.4  # a tail this many times its nominal size is told (judgement): 3.5 % where 2.5 % is promised
_WARNED = 2.0  # and from here on a warning: 5 %; near Cochran's rule, 25 squared skewnesses of persons
_RIGHT = 0.35  # skewness up to which the predicted tails were found right; beyond, they overstate


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PooledCap(TabularResult):
    """A proposed cap, and what it would cut in each arm.

    Attributes:
        cap: The proposed limit, in the unit of the column: a value that somebody has.
        records: One row per arm. ``persons``: persons with a value; ``nonzero``: persons with another value than 0;
            ``above``: persons above the cap; ``share_above``: of the persons not at 0; ``largest``: the largest value;
            ``cut_share``: the share of the arm's total above 0 that the cap cuts off (refunds do not lower that total);
            ``without_value``: persons with an empty cell, who do not count.
        findings: CAP_RESTS_ON_FEW where fewer than five persons lie above.
        recipe: Column, percentile and fingerprint of the data.
    """

    cap: float
    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("POOLED_CAP.title", {"cap": self.cap, **self.recipe.settings})
        told = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        return Display(title, (records_table(self.records), *told))


def pooled_cap(outcomes: object, column: str, *, q: float = 0.999, arm: str = "arm") -> PooledCap:
    """Propose one cap for a money column: a percentile of the values other than 0, over all arms together.

    A cap decides what the mean means, so it is declared before the outcomes are seen: take it from an earlier
    campaign, or from the plan, and write it into ``Mean(cap=...)``. One cap serves all arms; a percentile per arm
    would cut off part of the effect. Zeros do not enter: among dormant customers the 99th percentile of all values is
    often 0 itself.

    Args:
        outcomes: One row per person, with the arm. A `person_id` that repeats is refused.
        column: The numeric column; empty cells do not count, and are counted in ``without_value``.
        q: Share of the non-zero values at or below the cap.
        arm: Column of the arm.

    Returns:
        The cap, and per arm how many persons lie above it and how much of the total it would cut.

    Raises:
        TableError: A column is missing or holds no numbers; REPEATED_PERSON.
        InputError: No value differs from 0, the cap would not lie above 0, or q is not allowed.

    Verified against numpy.quantile(method="inverted_cdf") on the non-zero values; see docs/methods/caps.md.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"arm": ["sms", "holdout"] * 50, "value": [0] * 90 + [*range(1, 10), 500]})
        >>> found = pooled_cap(table, "value", q=0.9)
        >>> found.cap, found.records.column("above")
        (9.0, [1, 0])
    """
    q = checked_share(q)
    table = open_table(outcomes, "outcomes", Columns(), problems=Problems())
    note_repeated_persons(table)
    counted = value_counts(table, keys=(arm,), columns=(column,))
    table.problems.raise_if_any()
    if counted is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError(f"the column {column!r} cannot be counted.")
    values, count = counted.values[0], counted.count
    cap = _percentile(column, values, count, q)
    if not cap > 0.0:
        raise InputError(
            f"a share {q:g} of the values of {column!r} other than 0 lies at or below {cap:g}, and a cap must lie "
            "above 0. Look at the negative values (refunds?), or raise q."
        )
    above = values > cap
    persons = int(count[above].sum())
    findings = []
    if persons < _FEW_ABOVE:
        told = {"column": column, "cap": cap, "persons": persons, "q": q}
        findings.append(Finding(code="CAP_RESTS_ON_FEW", status="note", values=told))
    cells = np.array([str(cell[0]) for cell in counted.cells], dtype=object)[counted.cell]
    return PooledCap(
        cap=cap,
        records=Records.from_rows(_FIELDS, _cut(counted, cap)),
        findings=tuple(findings),
        recipe=Recipe(
            method="pooled cap",
            definitions=("POOLED_CAP",),
            settings={"column": column, "q": q, "arm": arm},
            n={"persons": int(count[~np.isnan(values)].sum())},
            fingerprint=fingerprint({"arm": cells, "value": values, "count": count}),
        ),
    )


def _percentile(column: str, values: Floats, count: Counts, q: float) -> float:
    """The smallest value with at least a share q of the non-zero ones at or below it."""
    known = np.flatnonzero(~np.isnan(values) & (values != 0.0))
    if not len(known):
        raise InputError(f"no value of {column!r} differs from 0, so there is nothing to cap. Look at the column.")
    order = known[np.argsort(values[known], kind="stable")]
    upto = np.cumsum(count[order])
    return float(values[order][np.searchsorted(upto, q * upto[-1] * (1.0 - 1e-12))])


def _cut(counted: ValueCounts, cap: float) -> list[dict[str, object]]:
    """What the cap cuts in every arm."""
    rows: list[dict[str, object]] = []
    for i, cell in enumerate(counted.cells):
        mine = np.flatnonzero((counted.cell == i) & ~np.isnan(counted.values[0]))
        values, count = counted.values[0][mine], counted.count[mine]
        nonzero, above = int(count[values != 0.0].sum()), int(count[values > cap].sum())
        total = float(np.sum(np.maximum(values, 0.0) * count))
        cut = float(np.sum(np.maximum(values - cap, 0.0) * count))
        rows.append(
            {
                "arm": str(cell[0]),
                "persons": int(count.sum()),
                "nonzero": nonzero,
                "above": above,
                "share_above": above / nonzero if nonzero else None,
                "largest": float(values.max()) if len(values) else None,
                "cut_share": cut / total if total > 0.0 else None,
                "without_value": int(counted.count[counted.cell == i].sum() - count.sum()),
            }
        )
    return rows


def welch_tails(lean: float, *, level: float = 0.95) -> tuple[float, float]:
    """How often a two-sided Welch interval misses above and below, by the skewness of the contrast.

    A difference of means and its estimated standard error are correlated when values are skewed. Hall's cubic
    transformation of t is normal to the next order, so the chance that t leaves its bounds is read from it.

    Args:
        lean: Third central moment of the difference over the 3/2 power of its variance.
        level: Confidence level.

    Returns:
        The chance that the interval lies wholly above the truth (a false winner when nothing happened), and wholly
        below it; both (1 - level) / 2 where nothing is skewed. Right to half a percentage point for a lean within
        -0.35 to 0.35 at level 0.95; beyond, the larger of the two is too large.

    References:
        Hall (1992), Journal of the Royal Statistical Society B 54:221. Johnson (1978), Journal of the American
        Statistical Association 73:536.

    Example:
        >>> above, below = welch_tails(-0.1)
        >>> f"{above:.4f} {below:.4f}"
        '0.0345 0.0175'
    """
    z = critical_value(check_level(level), "two")

    def cubic(t: float) -> float:
        return t + lean * t * t / 3.0 + lean * lean * t**3 / 27.0 + lean / 6.0

    return one_sided_tail(cubic(z)), one_sided_tail(-cubic(-z))


def heavy_tail(grid: Grid, weights: Floats, *, metric: str, control: object, level: float = 0.95) -> Finding | None:
    """Whether the tails of Welch's interval are known to miss on a mean, for the arm where they miss most.

    Args:
        grid: The moments of the metric, strata by arms.
        weights: Weight of each stratum; they sum to 1.
        metric: Name of the metric.
        control: The control arm.
        level: Confidence level.

    Returns:
        HEAVY_TAIL when a predicted tail is at least 1.4 times its nominal size in some contrast with the control, with
        status "note", and "warn" from twice the nominal size on; None otherwise, and where an arm has too few persons
        to tell. A lean beyond 0.35 in size is predicted as 0.35: the larger tail is then a minimum.
    """
    if control not in grid.arms or bool(np.any(grid.n < 2)):
        return None
    n = grid.n.astype(np.float64)
    spread = np.sum(weights[:, None] ** 2 * grid.covariance[:, :, 0, 0] / n, axis=0)
    third = np.sum(weights[:, None] ** 3 * grid.cubes / n**3, axis=0)
    j = grid.arms.index(control)
    leans: dict[object, float] = {}
    for i, arm in enumerate(grid.arms):
        variance = float(spread[i] + spread[j])
        if i != j and variance > 0.0:
            leans[arm] = float(third[i] - third[j]) / variance**1.5
    leans = {arm: lean for arm, lean in leans.items() if math.isfinite(lean)}
    if not leans:
        return None
    arm = max(leans, key=lambda one: abs(leans[one]))
    above, below = welch_tails(max(-_RIGHT, min(leans[arm], _RIGHT)), level=level)
    nominal = (1.0 - level) / 2.0
    if max(above, below) < _TOLD * nominal:
        return None
    values = {
        "metric": metric, "arm": str(arm), "control": str(control), "lean": leans[arm], "above": above, "below": below,
        "level": level, "nominal": nominal, "right": _RIGHT,
    }  # fmt: skip
    return Finding(
        code="HEAVY_TAIL", status="warn" if max(above, below) >= _WARNED * nominal else "note", values=values
    )
