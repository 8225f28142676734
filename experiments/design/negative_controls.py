"""Effects that must be 0 because the outcome lies before the assignment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from experiments.design.common_grid import common_grid, listed
from experiments.design.late_columns import refuse_post
from experiments.design.shown_words import in_words
from experiments.inference.figures import compare_figures
from experiments.inference.means import mean_figures
from experiments.inference.multiplicity import adjust_pvalues
from experiments.inference.tails import one_sided_tail
from experiments.moments import column_moments
from experiments.moments.grid import arrange
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.render.display import Display
    from experiments.moments import Moments

__all__ = ["PLACEBO_ALARM", "PlaceboOutcome", "placebo_outcome"]

messages.register("experiments")

PLACEBO_ALARM = 0.001
_OUTCOME_FIELDS = (
    Field("column", "text"), Field("arm", "text"), Field("control", "text"), Field("n", "count"),
    Field("n_control", "count"), Field("value"), Field("value_control"), Field("difference"), Field("low"),
    Field("high"), Field("p_value", "p"), Field("p_adjusted", "p"), Field("margin"), Field("p_equivalence", "p"),
    Field("reading", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PlaceboOutcome(TabularResult):
    """Effects on columns that no campaign can have changed.

    Attributes:
        records: One row per column and arm; reading is "equivalent" (the effect lies within the margin),
            "different" (it is not 0), "both" (not 0, but within the margin) or "undecided".
        findings: PLACEBO_OUTCOME.
        recipe: How it was made.
    """

    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("PLACEBO_OUTCOME.title", {})
        notes = [finding.text() for finding in self.findings]
        return Display(title, (records_table(in_words(self.records, "reading")), *self.recipe.sentences(), *notes))


def placebo_outcome(  # noqa: PLR0913 - the options of an experiment, keyword-only
    outcomes: object,
    columns: str | Sequence[str],
    *,
    margin: float | Mapping[str, float] | None = None,
    arm: str = "arm",
    control: str = "holdout",
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    post: Sequence[str] = (),
) -> PlaceboOutcome:
    """Read the effect on outcomes from before the assignment, which must be 0.

    The same comparison as the experiment's own (Welch inside strata weighted by their persons), on columns such as
    last quarter's orders. A difference that is not 0 says that the arms were not alike, or that the column is not what
    it claims to be. The absence of a significant difference proves little, so the effect is also tested for being
    within a margin (two one-sided tests): only that reading says that the experiment could have seen a bias of that
    size and did not.

    Args:
        outcomes: One row per person, with the columns from before the assignment (`history=` of `build_outcomes`).
        columns: The columns, numbers or flags.
        margin: Difference, in the column's unit, that is too small to matter; a dict for several columns. None (or a
            column without margin): no reading of equivalence.
        arm: Column of the arm.
        control: The control arm.
        strata: Column(s) inside which the arms are compared.
        level: Confidence level of the intervals; each one-sided test of equivalence has 1 - level.
        post: Further columns that are known only after the assignment and are refused.

    Returns:
        The table, and the finding PLACEBO_OUTCOME: "fail" when the smallest p-value (Bonferroni over columns and arms)
        is below 0.001, else "pass"; its values say how many of the effects are known to be within the margin.

    Raises:
        TableError: With every problem of the table, a `person_id` that repeats among them; without that column
            each row is taken for a person.
        DesignError: POST_ASSIGNMENT for columns known only after the assignment; NO_HOLDOUT.
        InputError: A margin that is not above 0.

    References:
        Lipsitch, Tchetgen Tchetgen, Cohen (2010), Epidemiology 21:383 (negative controls). Schuirmann (1987), Journal
        of Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests).

    Verified against: t.test in R, both one-sided and two-sided; see docs/methods/negative-controls.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=5_000, seed=7)
        >>> found = ex.placebo_outcome(c.outcomes, "recency_days", margin=30, strata="stratum")
        >>> {row["reading"] for row in found.to_dicts()}
        {'equivalent'}
    """
    check_level(level)
    names, layers = listed("columns", columns), listed("strata", strata)
    if not names:
        raise InputError(f"columns must name at least one column from before the assignment, got {columns!r}.")
    margins = _margins(margin, names)
    refuse_post(names, post, use="an outcome from before the assignment")
    refuse_post(layers, post, use="a stratum")
    table = open_table(outcomes, "outcomes", Columns(arm=arm), problems=Problems())
    note_repeated_persons(table)
    found = {name: column_moments(table, name, keys=(*layers, arm)) for name in names}
    table.problems.raise_if_any()
    rows = [
        row
        for name, moments in found.items() if moments is not None
        for row in _outcome_rows(name, moments, control, margins.get(name), level)
    ]  # fmt: skip
    adjusted = adjust_pvalues([_known(row["p_value"]) for row in rows], method="bonferroni")
    rows = [row | {"p_adjusted": p} for row, p in zip(rows, adjusted, strict=True)]
    settings = {
        "columns": ", ".join(names), "control": control, "level": level, "margin": margins or "none",
        "strata": ", ".join(layers) or "none",
    }  # fmt: skip
    return PlaceboOutcome(
        records=Records.from_rows(_OUTCOME_FIELDS, rows),
        findings=(_outcome_finding(rows, len(names)),),
        recipe=Recipe(
            method="placebo_outcome",
            definitions=("PLACEBO_OUTCOME",),
            settings=settings,
            n={"persons": table.rows},
            fingerprint=_fingerprint(found),
        ),
    )


def _fingerprint(found: Mapping[str, Moments | None]) -> str:
    """One fingerprint of the moments of all columns and cells."""
    parts = [
        (name, str(cell), float(mean), int(n), float(squares))
        for name, part in found.items() if part is not None
        for cell, mean, n, squares in zip(part.cells, part.mean, part.n, part.products[:, 0, 0], strict=True)
    ]  # fmt: skip
    return fingerprint(dict(zip(("column", "cell", "mean", "n", "squares"), zip(*parts, strict=True), strict=True)))


def _margins(margin: object, names: Sequence[str]) -> dict[str, float]:
    """The margin of every column that has one."""
    pairs = margin.items() if isinstance(margin, Mapping) else [(name, margin) for name in names]
    made: dict[str, float] = {}
    for name, value in [] if margin is None else pairs:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
        if name in names and math.isfinite(number) and number > 0:
            made[name] = number
        else:
            raise InputError(
                f"margin must be a number above 0 in the unit of the column, a dict of column to such a number, or "
                f"None, got {margin!r}."
            )
    return made


def _outcome_rows(
    name: str, moments: Moments, control: str, margin: float | None, level: float
) -> list[dict[str, object]]:
    """One row per arm: the effect, and whether it lies within the margin."""
    grid = common_grid(name, arrange(moments), control=control, least=2)
    persons = grid.persons.sum(axis=1)
    weights = persons / persons.sum()
    figures = mean_figures(grid.means[:, :, 0], grid.covariance[:, :, 0, 0], grid.n, weights=weights)
    j = grid.arms.index(control)
    n, rows = grid.n.sum(axis=0), []
    for i, own in enumerate(grid.arms):
        if i == j:
            continue
        compared = compare_figures(figures, i, j, level=level)
        difference = compared.difference
        inside = _equivalence(figures.contrast(i, j), difference.value, margin)
        rows.append({
            "column": name, "arm": str(own), "control": control, "n": int(n[i]), "n_control": int(n[j]),
            "value": compared.treatment, "value_control": compared.control, "difference": difference.value,
            "low": difference.low, "high": difference.high, "p_value": difference.p_value, "margin": margin,
            "p_equivalence": inside, "reading": _reading(difference.p_value, inside, 1.0 - level),
            "note": difference.note,
        })  # fmt: skip
    return rows


def _reading(p: float | None, inside: float | None, alpha: float) -> str:
    apart, within = p is not None and p < alpha, inside is not None and inside < alpha
    if apart:
        return "both" if within else "different"
    return "equivalent" if within else "undecided"


def _known(value: object) -> float | None:
    return float(value) if isinstance(value, float) else None


def _equivalence(contrast: tuple[float, float], value: float | None, margin: float | None) -> float | None:
    """P-value that the difference is not within the margin: the larger of the two one-sided tests."""
    variance, df = contrast
    if margin is None or value is None or not variance > 0.0:
        return None
    error = math.sqrt(variance)
    return max(one_sided_tail((value + margin) / error, df), one_sided_tail((margin - value) / error, df))


def _outcome_finding(rows: Sequence[dict[str, object]], columns: int) -> Finding:
    known = [(p, i) for i, p in enumerate(_known(row["p_adjusted"]) for row in rows) if p is not None]
    within = sum(row["reading"] in ("equivalent", "both") for row in rows)
    values: dict[str, object] = {"effects": len(rows), "columns": columns, "equivalent": within, "p_value": None}
    if not known:
        return Finding(code="PLACEBO_OUTCOME", status="unknown", values=values)
    p, place = min(known)
    worst = rows[place]
    values |= {
        "p_value": p, "column": worst["column"], "arm": worst["arm"], "difference": worst["difference"],
        "low": worst["low"], "high": worst["high"], "alarm": PLACEBO_ALARM,
    }  # fmt: skip
    return Finding(code="PLACEBO_OUTCOME", status="fail" if p < PLACEBO_ALARM else "pass", values=values)
