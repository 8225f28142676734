"""When part of the holdout was treated anyway: what the effect without contamination can be."""

from __future__ import annotations

import math
from collections.abc import Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.tables import Problems, open_table
from attribution.core.values import numbers
from experiments.inference.compliance import read_contrast
from experiments.inference.compliance_columns import arrow_columns, read_persons
from experiments.inference.compliance_moments import person_contrast
from experiments.inference.contamination_moments import (
    Bound,
    bound_pair,
    imbens_manski,
    shares_of_audit,
    untreated_means,
)
from experiments.inference.contamination_result import Assumption, ContaminationBounds, ContaminationRow
from experiments.inference.proportions import share_interval
from experiments.inference.rates import compare_rates
from experiments.inference.tails import one_sided_tail

if TYPE_CHECKING:
    from experiments.inference.compliance_columns import CompliancePersons

__all__ = ["ContaminationBounds", "ContaminationRow", "contamination_bounds"]

Floats = NDArray[np.float64]

_CLEAR = 2.0  # standard errors
_ROUNDING = 1e-9
_AUDIT_PART = 0.1  # of the error probability goes to the audited share


def contamination_bounds(  # noqa: PLR0913 - options, keyword-only
    assigned: object,
    outcome: object,
    *,
    share: float | tuple[float, float] | None = None,
    audit: tuple[int, int] | None = None,
    contaminated: object = None,
    limits: tuple[float | None, float | None] | None = None,
    direction: Literal["up", "down"] = "up",
    level: float = 0.95,
) -> ContaminationBounds:
    """Bounds of the effect when part of the holdout was treated anyway.

    Estimand: the average effect over everybody assigned of the treatment as the treated arm got it, against no
    treatment at all. The measured difference compares with a holdout of which a share c was treated, and

        effect = measured difference + c x (average effect on the contaminated persons),

    so only what is assumed of these persons stands between the two. The treated arm is taken as it is: who was not
    reached there counts as treated as assigned.

    Args:
        assigned: Assignment of each person, 1 for the treatment and 0 for the holdout; any column.
        outcome: Outcome of each person.
        share: Share of the holdout that was treated, where nobody knows who: a number, or a pair (lowest, highest) that
            is declared.
        audit: (treated, checked): of a random sample of the holdout so many had been treated. Its uncertainty enters
            the intervals: a tenth of the error probability goes to the share (Clopper-Pearson), the rest to the effect.
        contaminated: Column that is 1 for the persons of the holdout who were treated (a leak log); what it says of
            treated persons is not read. Exactly one of `share`, `audit`, `contaminated` is given.
        limits: Lowest and highest possible outcome, None for an end that is not known; (0, 1) for outcomes of 0 and 1.
        direction: What "no harm" means: "up", the treatment does not lower anybody's expected outcome; "down", it does
            not raise it.
        level: Confidence level.

    Returns:
        Rows "as_measured", "constant" (difference / (1 - c)), "no_harm" and "none" with the ends of what is possible
        and an interval that holds the effect with the level wherever it lies between them (Imbens and Manski). With 0/1
        outcomes the intervals are score intervals at that critical value, else Student's t; "constant" with flags is
        the Anderson-Rubin set. Notes: UNBOUNDED (an end of `limits` is not known, or the whole holdout was treated),
        CONSTANT_IMPOSSIBLE (the effect of "constant" lies outside what is possible), TOO_FEW_PERSONS (no interval).

    Raises:
        TableError: Missing or infinite numbers, text in place of numbers.
        InputError: None or several of share, audit, contaminated; a share outside [0, 1); outcomes beyond the limits.
        DesignError: NO_HOLDOUT, ONE_ARM.

    References:
        Manski (1990), American Economic Review 80(2):319. Horowitz and Manski (1995), Econometrica 63:281. Lee (2009),
        Review of Economic Studies 76:1071. Imbens and Manski (2004), Econometrica 72:1845.

    Verified against plain enumeration of the worst cases, Imbens and Manski's equation solved in R, R's binom.test
    and simulated coverage; see docs/methods/contamination.md.

    Example:
        >>> import numpy as np
        >>> assigned = np.repeat([1, 0], [9000, 1000])
        >>> woken = np.r_[np.repeat([1, 0], [270, 8730]), np.repeat([1, 0], [18, 982])]
        >>> found = contamination_bounds(assigned, woken, share=0.05)
        >>> [f"{r['assumption']} {r['lower']:.4f} {r['upper']:.4f}" for r in found.to_dicts()]
        ['as_measured 0.0120 0.0120', 'constant 0.0126 0.0126', 'no_harm 0.0120 0.0300', 'none -0.0380 0.0300']
    """
    level = check_level(level)
    if direction not in ("up", "down"):
        raise InputError(f'direction must be "up" or "down", got {direction!r}.')
    flags = _flags(assigned, contaminated)
    unflagged = np.zeros(len(assigned)) if isinstance(assigned, Sized) else assigned
    persons = read_persons(assigned, unflagged if flags is None else flags, outcome)
    treated = np.sort(persons.outcome[persons.assigned])
    holdout = persons.outcome[~persons.assigned]
    rates = persons.binary_outcome
    span = _limits(limits, persons.outcome, rates=rates)
    known = persons.treated[~persons.assigned] > 0.5 if contaminated is not None else None
    told = _share(share, audit, known, level)
    case = _Case(
        treated=treated, holdout=holdout, known=known, span=span, rates=rates, up=direction == "up", told=told,
        level=level if audit is None else 1.0 - (1.0 - level) * (1.0 - _AUDIT_PART),
    )  # fmt: skip
    harmless, free = _bounded(case, harmless=True), _bounded(case, harmless=False)
    rows = (_measured(case, level), _possible(_constant(case, persons), free), harmless, free)
    settings = {"level": level, "direction": direction, "limits": span, "rates": rates, "known": known is not None}
    columns = {"assigned": persons.assigned.astype(np.float64), "outcome": persons.outcome, "flag": persons.treated}
    return ContaminationBounds(
        share=told.points,
        rows=rows,
        findings=(),
        recipe=Recipe(
            method="contamination_bounds",
            definitions=("CONTAMINATION",),
            settings=settings,
            n={"persons": len(persons.outcome), "control": len(holdout)},
            fingerprint=fingerprint(columns),
        ),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Share:
    """The contaminated share: for the points, and for the intervals."""

    points: tuple[float, float]
    sure: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Case:
    treated: Floats
    holdout: Floats
    known: NDArray[np.bool_] | None
    span: tuple[float, float]
    rates: bool
    up: bool
    told: _Share
    level: float

    @property
    def few(self) -> bool:
        """Whether an arm is too small for a variance."""
        return min(len(self.treated), len(self.holdout)) < 2


def _flags(assigned: object, contaminated: object) -> Floats | None:
    """The flags as numbers, 1 for treated persons (theirs are not read); None without flags."""
    if contaminated is None:
        return None
    import pyarrow as pa

    given = arrow_columns({"assigned": assigned, "contaminated": contaminated})
    table = open_table(given, "persons", Columns(), problems=Problems())
    arm = numbers(table, "assigned")
    table.problems.raise_if_any()
    if arm is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("assigned must be a column of numbers.")
    holdout = open_table(given.filter(pa.array(arm != 1.0)), "persons of the holdout", Columns(), problems=Problems())
    told = numbers(holdout, "contaminated")
    holdout.problems.raise_if_any()
    if told is None or not np.isin(told, (0.0, 1.0)).all():
        raise InputError("contaminated must be 1 for the persons of the holdout who were treated and 0 for the others.")
    flags = np.ones(len(arm))
    flags[arm != 1.0] = told
    return flags


def _is_number(x: object) -> bool:
    return isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool)


def _limits(limits: tuple[float | None, float | None] | None, outcome: Floats, *, rates: bool) -> tuple[float, float]:
    if limits is None:
        return (0.0, 1.0) if rates else (-math.inf, math.inf)
    pair = isinstance(limits, (tuple, list)) and len(limits) == 2
    if not pair or not all(x is None or _is_number(x) for x in limits):
        raise InputError(f"limits must be a pair (lowest, highest) of possible outcomes, got {limits!r}.")
    low = -math.inf if limits[0] is None else float(limits[0])
    high = math.inf if limits[1] is None else float(limits[1])
    if not low < high or outcome.min() < low or outcome.max() > high:
        raise InputError(
            f"limits must hold every outcome: the outcomes reach from {outcome.min():g} to {outcome.max():g}, got "
            f"{limits!r}."
        )
    return low, high


def _share(
    share: float | tuple[float, float] | None,
    audit: tuple[int, int] | None,
    known: NDArray[np.bool_] | None,
    level: float,
) -> _Share:
    if sum(one is not None for one in (share, audit, known)) != 1:
        raise InputError(
            "give exactly one of share= (a number or a declared range), audit= (treated, checked), contaminated= (a "
            "column of flags)."
        )
    if known is not None:
        exact = float(known.mean())
        return _Share(points=(exact, exact), sure=(exact, exact))
    if audit is not None:
        return _audited(audit, level)
    ends = share if isinstance(share, (tuple, list)) else (share, share)
    good = len(ends) == 2 and all(_is_number(x) for x in ends)
    if not good or not 0.0 <= ends[0] <= ends[1] < 1.0:  # type: ignore[operator]
        raise InputError(
            f"share must be a number from 0 to below 1, or a pair (lowest, highest) of such, got {share!r}."
        )
    pair = (float(ends[0]), float(ends[1]))  # type: ignore[arg-type]
    return _Share(points=pair, sure=pair)


def _audited(audit: tuple[int, int], level: float) -> _Share:
    whole = (
        isinstance(audit, (tuple, list)) and len(audit) == 2 and all(isinstance(x, (int, np.integer)) for x in audit)
    )
    if not whole or not 0 <= audit[0] <= audit[1] or audit[1] < 1:
        raise InputError(f"audit must be (treated, checked): whole numbers, treated at most checked, got {audit!r}.")
    if audit[0] == audit[1]:
        raise InputError(f"every audited person of the holdout had been treated ({audit!r}): there is no holdout.")
    exact = audit[0] / audit[1]
    sure = shares_of_audit(int(audit[0]), int(audit[1]), 1.0 - (1.0 - level) * _AUDIT_PART)
    return _Share(points=(exact, exact), sure=sure)


def _measured(case: _Case, level: float) -> ContaminationRow:
    low, high = _interval(case, 0.0, 0.0, level)
    gap = float(case.treated.mean() - case.holdout.mean())
    note = "TOO_FEW_PERSONS" if low is None else ""
    return ContaminationRow(assumption="as_measured", lower=gap, upper=gap, low=low, high=high, note=note)


def _interval(case: _Case, shift_low: float, shift_high: float, level: float) -> tuple[float | None, float | None]:
    """Two-sided interval of the measured difference, its ends moved."""
    if case.few:
        return None, None
    if case.rates:
        found = compare_rates(*_counts(case, case.holdout), level=level).difference
        if found.low is None or found.high is None:  # pragma: no cover - score intervals of two persons have both ends
            return None, None
        return found.low + shift_low, found.high + shift_high
    bound = bound_pair(case.treated, (np.sort(case.holdout), np.sort(case.holdout)))[0]
    c = imbens_manski(bound, bound, level) * bound.error
    return bound.value - c + shift_low, bound.value + c + shift_high


def _constant(case: _Case, persons: CompliancePersons) -> ContaminationRow:
    """The contaminated gain what the others gain: the difference over 1 - share."""
    gap = float(case.treated.mean() - case.holdout.mean())
    if case.known is not None:
        return _ratio(case, persons, gap)
    ends = [gap / (1.0 - c) for c in case.told.points]
    low, high = _interval(case, 0.0, 0.0, case.level)
    note = "TOO_FEW_PERSONS"
    if low is not None and high is not None:
        note = ""
        scaled = [end / (1.0 - c) for end in (low, high) for c in case.told.sure]
        low, high = min(scaled), max(scaled)
    return ContaminationRow(assumption="constant", lower=min(ends), upper=max(ends), low=low, high=high, note=note)


def _possible(constant: ContaminationRow, free: ContaminationRow) -> ContaminationRow:
    """Says so where no outcomes of the contaminated could make "constant" true."""
    slack = _ROUNDING * max(1.0, abs(free.lower), abs(free.upper)) if math.isfinite(free.upper - free.lower) else 0.0
    inside = free.lower - slack <= constant.lower and constant.upper <= free.upper + slack
    if inside or math.isinf(constant.upper):
        return constant
    return replace(constant, note="; ".join(filter(None, (constant.note, "CONSTANT_IMPOSSIBLE"))))


def _ratio(case: _Case, persons: CompliancePersons, gap: float) -> ContaminationRow:
    """With flags the share is estimated too: Wald's ratio and the Anderson-Rubin set."""
    share = 1.0 - case.told.points[0]
    rows = np.column_stack((persons.outcome, persons.outcome * (1.0 - persons.treated), persons.treated))
    found = read_contrast(person_contrast(persons, rows), level=case.level)
    value = gap / share if share > 0.0 else math.nan
    if math.isnan(value):
        return ContaminationRow(
            assumption="constant", lower=-math.inf, upper=math.inf, low=-math.inf, high=math.inf, note="UNBOUNDED"
        )
    note = "" if found.robust.kind == "interval" else found.effect.note or "UNBOUNDED"
    low, high = (found.robust.low, found.robust.high) if found.robust.kind == "interval" else (-math.inf, math.inf)
    return ContaminationRow(assumption="constant", lower=value, upper=value, low=low, high=high, note=note)


def _bounded(case: _Case, *, harmless: bool) -> ContaminationRow:
    """Ends under no assumption, or with one end at the measured difference."""
    name: Assumption = "no_harm" if harmless else "none"
    points = _ends(case, case.told.points[1], harmless=harmless)
    wide = _ends(case, case.told.sure[1], harmless=harmless)
    low, high = _around(case, wide, harmless=harmless)
    unbounded = math.isinf(points[0].value) or math.isinf(points[1].value)
    note = "TOO_FEW_PERSONS" if case.few else "UNBOUNDED" if unbounded else ""
    return ContaminationRow(
        assumption=name, lower=points[0].value, upper=points[1].value, low=low, high=high, note=note
    )


def _ends(case: _Case, share: float, *, harmless: bool) -> tuple[Bound, Bound]:
    holdout = np.sort(case.holdout)
    if case.known is None:
        lowest, highest = untreated_means(holdout, share, case.span)
    else:
        lowest, highest = (np.sort(np.where(case.known, end, case.holdout)) for end in case.span)
    if harmless:
        lowest, highest = (lowest, holdout) if case.up else (holdout, highest)
    return bound_pair(case.treated, (lowest, highest)) if not case.few else _bare(case, lowest, highest)


def _bare(case: _Case, lowest: Floats, highest: Floats) -> tuple[Bound, Bound]:
    """Ends without a spread."""
    top = float(case.treated.mean())
    lower, upper = (Bound(value=top - float(x.mean()), error=0.0, freedom=math.inf) for x in (highest, lowest))
    return lower, upper


def _around(case: _Case, ends: tuple[Bound, Bound], *, harmless: bool) -> tuple[float | None, float | None]:
    """The interval of the effect; with 0 and 1 as outcomes its ends are moved score limits."""
    if case.few:
        return None, None
    lower, upper = ends
    if not (case.rates and case.span == (0.0, 1.0)):
        c = imbens_manski(lower, upper, case.level)
        return lower.value - c * lower.error, upper.value + c * upper.error
    lower, upper = _rate_ends(case, ends)
    c = imbens_manski(lower, upper, case.level)
    if c <= 0.0:  # a level of 0.5 or less with ends far apart; no score interval has such a level
        return lower.value - c * lower.error, upper.value + c * upper.error
    level = 1.0 - 2.0 * one_sided_tail(c)
    return (_score_ends if case.known is None else _flagged_ends)(case, level, harmless=harmless)


def _rate_ends(case: _Case, ends: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    """The ends with an error that does not vanish without events: one more of either kind (Agresti and Caffo)."""
    parts = []
    for arm in (case.treated, case.holdout):
        rate, n = (float(arm.sum()) + 1.0) / (len(arm) + 2.0), len(arm) + 2.0
        parts.append(rate * (1.0 - rate) / n)
    lower, upper = (replace(end, error=math.sqrt(sum(parts)), freedom=math.inf) for end in ends)
    return lower, upper


def _counts(case: _Case, holdout: Floats) -> tuple[int, int, int, int]:
    return int(case.treated.sum()), len(case.treated), int(holdout.sum()), len(holdout)


def _flagged_ends(case: _Case, level: float, *, harmless: bool) -> tuple[float, float]:
    """Score limits with the flagged outcomes of 0 and 1 replaced by the worst ones."""
    known = np.zeros(len(case.holdout), bool) if case.known is None else case.known
    lowest, highest = (np.where(known, end, case.holdout) for end in case.span)
    low = compare_rates(*_counts(case, case.holdout if harmless and case.up else highest), level=level).difference.low
    high = compare_rates(*_counts(case, case.holdout if harmless and not case.up else lowest), level=level)
    top = high.difference.high
    return -math.inf if low is None else low, math.inf if top is None else top


def _score_ends(case: _Case, level: float, *, harmless: bool) -> tuple[float, float]:
    """Score limits moved by the share; where the holdout's rate meets its edge, the treated rate's own limits."""
    hits, n, base, m = _counts(case, case.holdout)
    share = case.told.sure[1]
    measured = compare_rates(hits, n, base, m, level=level).difference
    alone_low, alone_high = _single(hits, n, level)
    # Both forms of a limit hold; the narrower one is taken only where the data are clear about which end binds.
    unsure = _CLEAR * math.sqrt(base / m * (1.0 - base / m) / m)
    first, last = (
        (-math.inf, math.inf) if measured.low is None or measured.high is None else (measured.low, measured.high)
    )
    low, high = first - share, last + share
    if base / m + share > 1.0 - unsure:
        low = alone_low - 1.0 if base / m + share >= 1.0 + unsure else min(low, alone_low - 1.0)
    if base / m < share + unsure:
        high = alone_high if base / m <= share - unsure else max(high, alone_high)
    if harmless and case.up:
        low = first
    if harmless and not case.up:
        high = last
    return low, high


def _single(hits: int, n: int, level: float) -> tuple[float, float]:
    return share_interval(hits / n, 0.0, n, level=level)
