"""Equivalence and non-inferiority: two one-sided tests at margins, for means and for rates, absolute and relative.

The question is turned round: the null is a difference at or beyond the margin, and a small p-value shows that the
difference is smaller than it. A large p-value of an ordinary test never shows that.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Side, check_level, check_side
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.counts import checked_number, checked_tables, raise_problems
from experiments.inference.figures import compare_figures
from experiments.inference.means import compare_means, mean_figures
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.score import difference_statistic, ratio_statistic
from experiments.inference.skewed_score import skewed_difference_statistic, skewed_ratio_statistic
from experiments.inference.tails import one_sided_tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from attribution.core.estimates import Comparison, Estimate
    from attribution.core.render.display import Display
    from experiments.inference.figures import ArmFigures
    from experiments.inference.score import Tables

__all__ = [
    "Decision", "Equivalence", "Margin", "equivalence_means", "equivalence_rates", "figures_margin_p", "rates_margin_p",
]  # fmt: skip

Decision = Literal["equivalent", "not_equivalent", "non_inferior", "inferior", "not_shown"]
Margin = float | tuple[float, float]

_BOSCHLOO = re.compile(r" \(Boschloo p = [^)]*\)")  # the exact p of no difference, which is not asked here
_FIELDS = (
    Field("treatment"), Field("control"), Field("scale", "text"), Field("difference"), Field("low"), Field("high"),
    Field("margin_low"), Field("margin_high"), Field("p_low", "p"), Field("p_high", "p"), Field("p_value", "p"),
    Field("decision", "text"), Field("method", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Equivalence(TabularResult):
    """Whether a difference is shown to be smaller than a margin.

    Attributes:
        comparison: The comparison with the two-sided interval of level 1 - 2 alpha that belongs to the tests; its own
            p-value is the ordinary one, of no difference, and decides nothing here.
        relative: Whether margins and decision are about the lift (ratio - 1) instead of the difference.
        margin_low: The lower margin; None when only the upper one is asked for.
        margin_high: The upper margin; None when only the lower one is asked for.
        p_low: One-sided p-value of "at or below the lower margin"; None without that margin or when undefined.
        p_high: One-sided p-value of "at or above the upper margin".
        level: 1 - alpha of each one-sided test.
        side: "two" (equivalence), "greater" (not worse than the lower margin), "less" (not above the upper margin).
        decision: "equivalent": the interval lies inside both margins. "non_inferior": it lies on the good side of the
            one margin. "not_equivalent", "inferior": it lies wholly beyond a margin. "not_shown": neither; this is not
            evidence of a difference, nor of its absence.
        note: Why the decision has no test, or reason codes of the comparison.
    """

    comparison: Comparison
    relative: bool
    margin_low: float | None
    margin_high: float | None
    p_low: float | None
    p_high: float | None
    level: float
    side: Side
    decision: Decision
    note: str = ""

    @property
    def estimate(self) -> Estimate:
        """The difference, or the lift, with the interval of level 1 - 2 alpha."""
        return self.comparison.relative if self.relative else self.comparison.difference

    @property
    def p_value(self) -> float | None:
        """The p-value of the decision: the larger of the one-sided ones; None when undefined."""
        asked = [self.p_low] if self.side == "greater" else [self.p_high] if self.side == "less" else [
            self.p_low, self.p_high
        ]  # fmt: skip
        known = [p for p in asked if p is not None]
        return max(known) if len(known) == len(asked) else None

    def sentence(self, lang: str | None = "en") -> str:
        """The decision in words, with its interval and margins.

        Args:
            lang: "en" or "zh"; None for the language that is set.
        """
        scale = "relative" if self.relative else "difference"
        values = {
            "value": self.estimate.value, "low": self.estimate.low, "high": self.estimate.high,
            "level": self.estimate.level, "margin_low": self.margin_low, "margin_high": self.margin_high,
            "note": self.note or "–",
        }  # fmt: skip
        if self.p_value is None:
            return messages.text("EQUIVALENCE.undefined", values, lang=lang)
        told = messages.text(f"EQUIVALENCE.{self.decision}", values, lang=lang)
        range_ = messages.text(f"EQUIVALENCE.{scale}.{self.side}", values, lang=lang)
        return told + ("" if _chinese(lang) else " ") + range_

    def _records(self) -> Records:
        found = self.estimate
        row = {
            "treatment": self.comparison.treatment, "control": self.comparison.control,
            "scale": "relative" if self.relative else "difference", "difference": found.value, "low": found.low,
            "high": found.high, "margin_low": self.margin_low, "margin_high": self.margin_high, "p_low": self.p_low,
            "p_high": self.p_high, "p_value": self.p_value, "decision": self.decision, "method": found.method,
            "note": self.note,
        }  # fmt: skip
        return Records.from_rows(_FIELDS, [row])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text(f"EQUIVALENCE.title.{self.side}", {"level": self.level})
        return Display(title, (self.sentence(None), records_table(self._records(), decisive="decision")))


def _chinese(lang: str | None) -> bool:
    from attribution.core.language import current_language

    return (lang or current_language()) == "zh"


def equivalence_means(  # noqa: PLR0913 - six numbers of data by position, options keyword-only
    mean: float,
    std: float | None,
    n: int,
    control_mean: float,
    control_std: float | None,
    control_n: int,
    *,
    margin: Margin,
    relative: bool = False,
    level: float = 0.95,
    side: Side = "two",
    equal_variances: bool = False,
) -> Equivalence:
    """Test whether two means differ by less than a margin (two one-sided t tests), or by no more than it to one side.

    Estimand: the difference of the means, or with `relative` their ratio - 1. The decision is the position of the
    two-sided interval of level 1 - 2 alpha (Welch; Fieller for the ratio, with the difference's degrees of freedom),
    and it agrees with the one-sided p-values at the margins.

    Args:
        mean: Mean of the treated group.
        std: Standard deviation of the treated group, with n - 1.
        n: Treated persons.
        control_mean: Mean of the control group.
        control_std: Standard deviation of the control group.
        control_n: Control persons.
        margin: The smallest difference that would matter: one number of more than 0 for both directions, or (lower,
            upper) with lower < 0 < upper; in the unit of the mean, or with `relative` as a share (0.02 is 2 %).
        relative: Whether the margins are about the lift.
        level: 1 - alpha of each one-sided test; the interval has level 1 - 2 alpha.
        side: ``"two"``: equivalence. ``"greater"``: treated not below control by the margin or more (more is better).
            ``"less"``: treated not above control by the margin or more (less is better).
        equal_variances: Whether one pooled variance serves both groups (Student) instead of Welch.

    Returns:
        The decision with both one-sided p-values. Notes as for `compare_means`: where the interval is undefined the
        decision is "not_shown" and the p-values are None.

    Raises:
        InputError: A number is not allowed, or the margin is not; all problems of the numbers are listed at once.

    References:
        Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657. Sasabuchi (1988) and Hauschke and
        others (1999), Statistics in Medicine 18:93 (ratio). Blackwelder (1982), Controlled Clinical Trials 3:345.

    Verified against statsmodels' ttost_ind and R's t.test; see docs/methods/equivalence.md.

    Example:
        >>> found = equivalence_means(10.1, 3.0, 500, 10.0, 3.1, 480, margin=0.5)
        >>> found.decision, round(found.p_value, 4)
        ('equivalent', 0.0202)
        >>> equivalence_means(10.1, 3.0, 50, 10.0, 3.1, 48, margin=0.5).decision
        'not_shown'
    """
    level, side = _checked(level, side)
    low, high = _margins(margin, side, relative=relative)
    two_sided = 2.0 * level - 1.0
    comparison = compare_means(mean, std, n, control_mean, control_std, control_n, level=two_sided)
    variances = [math.nan if s is None else float(s) ** 2 for s in (std, control_std)]
    figures = mean_figures(
        np.array([[mean, control_mean]], dtype=np.float64),
        np.array([variances]),
        np.array([[n, control_n]], dtype=np.int64),
        weights=np.ones(1),
        equal_variances=equal_variances,
    )
    if equal_variances:
        comparison = compare_figures(figures, 0, 1, level=two_sided)

    def tail(bound: float, *, upper: bool) -> float | None:
        return figures_margin_p(figures, 0, 1, bound, upper=upper, relative=relative)

    return _decided(comparison, tail, (low, high), relative=relative, level=level, side=side)


def equivalence_rates(  # noqa: PLR0913 - four counts by position, options keyword-only
    hits: ArrayLike,
    n: ArrayLike,
    control_hits: ArrayLike,
    control_n: ArrayLike,
    *,
    margin: Margin,
    relative: bool = False,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    side: Side = "two",
) -> Equivalence:
    """Test whether two rates differ by less than a margin, or by no more than it to one side (score at the margin).

    Estimand: the difference of the rates, or with `relative` their ratio - 1; with strata the weighted ones. The
    p-values are those of the score statistic with the rates that maximise the likelihood at the margin (Farrington and
    Manning), times Miettinen and Nurminen's N / (N - 1) in the variance; the interval of level 1 - 2 alpha inverts the
    same statistic, so both always agree. It holds with no event in an arm.

    Args:
        hits: Treated persons with the event (one per stratum with strata).
        n: Treated persons.
        control_hits: Control persons with the event.
        control_n: Control persons.
        margin: The smallest difference that would matter, as a difference of rates (0.01 is 1 percentage point), or
            with `relative` as a share of the control's rate; one number above 0, or (lower, upper) around 0.
        relative: Whether the margins are about the lift.
        weights: Weights of the strata; their shares of persons when None.
        level: 1 - alpha of each one-sided test; the interval has level 1 - 2 alpha.
        side: As for `equivalence_means`.

    Returns:
        The decision with both one-sided p-values. With a relative margin and no event in either group the lift is
        undefined (note BOTH_ZERO) and the decision is "not_shown".

    Raises:
        InputError: Counts or margin are not allowed; all problems of the counts are listed at once.

    References:
        Farrington and Manning (1990), Statistics in Medicine 9:1447. Miettinen and Nurminen (1985), Statistics in
        Medicine 4:213. Blackwelder (1982), Controlled Clinical Trials 3:345.

    Verified against an independent maximisation of the likelihood at the margin, published examples, and its own
    interval; see docs/methods/equivalence.md. statsmodels is no oracle here: its constrained estimate of a difference
    is wrong (issue 10269).

    Example:
        >>> found = equivalence_rates(83, 88, 69, 76, margin=0.1, side="greater")
        >>> found.decision, round(found.p_value, 5)
        ('non_inferior', 0.0016)
        >>> equivalence_rates(0, 500, 0, 500, margin=0.02).decision
        'equivalent'
    """
    level, side = _checked(level, side)
    low, high = _margins(margin, side, relative=relative)
    if not relative and max(abs(bound) for bound in (low, high) if bound is not None) >= 1.0:
        raise InputError(
            f"the margin of a difference of rates must lie below 1 (100 percentage points), got {margin!r}. 2 "
            "percentage points are 0.02."
        )
    tables = checked_tables(hits, n, control_hits, control_n, weights=weights)
    comparison = compare_stratified_rates(hits, n, control_hits, control_n, weights=weights, level=2.0 * level - 1.0)

    def tail(bound: float, *, upper: bool) -> float | None:
        return rates_margin_p(tables, bound, upper=upper, relative=relative)

    return _decided(comparison, tail, (low, high), relative=relative, level=level, side=side)


def rates_margin_p(
    tables: Tables, bound: float, *, upper: bool, relative: bool = False, skewed: bool = False
) -> float | None:
    """One-sided p-value of a difference of two rates, or of their lift, at or beyond a margin; None when undefined.

    Args:
        tables: The counts.
        bound: The margin, with its sign.
        upper: Whether the null is "at or above"; else "at or below".
        relative: Whether the margin is about the lift.
        skewed: Whether the score is corrected for its skewness.
    """
    if relative and tables.rate == 0.0 and tables.control_rate == 0.0:
        return None
    if relative:
        z = (skewed_ratio_statistic if skewed else ratio_statistic)(tables, 1.0 + bound)
    else:
        z = (skewed_difference_statistic if skewed else difference_statistic)(tables, bound)
    return one_sided_tail(-z if upper else z)


def figures_margin_p(
    figures: ArmFigures, i: int, j: int, bound: float, *, upper: bool, relative: bool = False
) -> float | None:
    """One-sided p-value of arm ``i`` minus arm ``j`` (or their lift) at or beyond a margin; None when undefined.

    Args:
        figures: One figure per arm.
        i: Position of the treated arm.
        j: Position of the control.
        bound: The margin, with its sign.
        upper: Whether the null is "at or above"; else "at or below".
        relative: Whether the margin is about the lift; the control's figure must then be above 0.
    """
    top, base = float(figures.value[i]), float(figures.value[j])
    spread, df = figures.contrast(i, j)
    factor = 1.0 + bound if relative else 1.0
    if relative:
        joint = float(figures.covariance[i, j])
        spread = figures.variance(i) + factor**2 * figures.variance(j) - 2.0 * factor * joint
    distance = top - factor * base if relative else top - base - bound
    if math.isnan(spread) or math.isnan(distance) or not spread > 0.0 or not df >= 1.0 or (relative and base <= 0.0):
        return None
    t = distance / math.sqrt(spread)
    return one_sided_tail(-t if upper else t, df)


def _checked(level: float, side: str) -> tuple[float, Side]:
    level = check_level(level)
    if level <= 0.5:
        raise InputError(f"level must lie above 0.5, so that the interval of level 1 - 2 alpha exists, got {level!r}.")
    return level, check_side(side)


def _margins(margin: object, side: Side, *, relative: bool) -> tuple[float | None, float | None]:
    """Lower and upper margin; None on the side that is not asked for."""
    problems: list[str] = []
    if isinstance(margin, (tuple, list)):
        if len(margin) != 2:
            raise InputError(f"margin must be one number above 0 or (lower, upper), got {margin!r}.")
        low, high = (checked_number("margin", part, problems) for part in margin)
    else:
        high = checked_number("margin", margin, problems)
        low = -high
    raise_problems(problems)
    if not low < 0.0 < high:
        raise InputError(
            f"margin must be one number above 0, or (lower, upper) with lower < 0 < upper, got {margin!r}. Without a "
            "margin nothing can be shown to be small; for a plain test of a difference use compare_means or "
            "compare_rates."
        )
    if relative and low <= -1.0 and side != "less":
        raise InputError(f"a relative margin must lie above -1 (a fall of 100 %), got {margin!r}. 2 % is 0.02.")
    return (None if side == "less" else low), (None if side == "greater" else high)


def _decided(
    comparison: Comparison,
    tail: Callable[..., float | None],
    margins: tuple[float | None, float | None],
    *,
    relative: bool,
    level: float,
    side: Side,
) -> Equivalence:
    low, high = margins
    found = comparison.relative if relative else comparison.difference
    defined = found.low is not None and found.high is not None and found.kind == "interval"
    p_low = tail(low, upper=False) if defined and low is not None else None
    p_high = tail(high, upper=True) if defined and high is not None else None
    return Equivalence(
        comparison=comparison,
        relative=relative,
        margin_low=low,
        margin_high=high,
        p_low=p_low,
        p_high=p_high,
        level=level,
        side=side,
        decision=_word(p_low, p_high, 1.0 - level, side),
        note=_BOSCHLOO.sub("", found.note),
    )


def _word(p_low: float | None, p_high: float | None, alpha: float, side: Side) -> Decision:
    """The position of the interval, told by the one-sided p-values: beyond a margin is its complement below alpha."""
    inside = [p for p, asked in ((p_low, side != "less"), (p_high, side != "greater")) if asked]
    if any(p is None for p in inside):
        return "not_shown"
    known = [p for p in inside if p is not None]
    if max(known) < alpha:
        return "equivalent" if side == "two" else "non_inferior"
    if max(known) > 1.0 - alpha:
        return "not_equivalent" if side == "two" else "inferior"
    return "not_shown"
