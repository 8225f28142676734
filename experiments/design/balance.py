"""Were the arms alike before the experiment? Every column by itself, and all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError, WakeLiftError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from experiments.design.balance_columns import read_rows
from experiments.design.balance_test import contrast_columns, omnibus, single_tests
from experiments.design.common_grid import check_control, listed, refuse_torn
from experiments.design.late_columns import refuse_post
from experiments.inference.multiplicity import adjust_pvalues
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.render.display import Display
    from experiments.design.balance_columns import Coordinate, Rows
    from experiments.design.balance_test import Contrasted, Omnibus

__all__ = ["BALANCE_ALARM", "Balance", "balance"]

messages.register("experiments")

BALANCE_ALARM = 0.001
_FIELDS = (
    Field("column", "text"), Field("level", "text"), Field("arm", "text"), Field("control", "text"),
    Field("n", "count"), Field("n_control", "count"), Field("mean"), Field("mean_control"),
    Field("standardised_difference"), Field("low"), Field("high"), Field("p_value", "p"), Field("p_adjusted", "p"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Balance(TabularResult):
    """How alike the arms were before the experiment: one row per column (or level) and arm.

    Attributes:
        records: column, level (of groupings; "(missing)" for empty cells), arm, control, n, n_control, mean,
            mean_control, standardised_difference with low and high, p_value, p_adjusted (Holm over the rows of one
            arm), note.
        joint: One row per arm: the joint test of all columns.
        findings: BALANCE, and what was left out.
        recipe: How it was made.
    """

    records: Records
    joint: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("BALANCE.title", {"columns": self.recipe.n["columns"], "n": self.recipe.n["persons"]})
        shown = [name for name in (field.name for field in self.records.fields) if name not in ("low", "high")]
        notes = [finding.text() for finding in self.findings]
        return Display(
            title,
            (records_table(self.joint), records_table(self.records, shown), *self.recipe.sentences(), *notes),
        )


def balance(  # noqa: PLR0913 - the options of an experiment, keyword-only
    data: object,
    columns: str | Sequence[str],
    *,
    arm: str = "arm",
    control: str = "holdout",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    level: float = 0.95,
    post: Sequence[str] = (),
) -> Balance:
    """Compare the arms on columns that were known before the assignment (an A/A check).

    The question is whether the assignment was random, so what varies is the assignment alone: the persons and their
    columns are fixed, and inside every stratum each choice of units for the arm was equally likely (Hansen and Bowers).
    Differences are taken inside the strata and weighted by their persons; clusters are shuffled whole. Numbers are
    compared as means, groupings level by level, and empty cells as a level of their own.

    Args:
        data: One row per person: the outcomes, or the assignment joined with what was known before.
        columns: The columns.
        arm: Column of the arm.
        control: The control arm.
        strata: Column(s) inside which the persons were assigned.
        cluster: Column of the unit that was assigned as a whole.
        level: Confidence level of the intervals.
        post: Further columns that are known only after the assignment and are refused.

    Returns:
        The table and the finding BALANCE. It fails when the joint test of all columns (over the arms by Bonferroni) has
        p < 0.001. Single rows are for finding the cause: among 20 columns one is below 0.05 in an honest assignment, so
        they are adjusted by Holm and raise no alarm. The standardised difference is the difference divided by the root
        of the mean of the two variances; below 0.1 it is usually called small, which is a convention and no test.

    Raises:
        TableError: With every problem of the table, without clusters a `person_id` that repeats among them; without
            that column each row is taken for a person.
        DesignError: POST_ASSIGNMENT for columns known only after the assignment; NO_HOLDOUT without control persons;
            NO_COMMON_STRATUM; CLUSTER_IN_TWO_ARMS.

    References:
        Hansen and Bowers (2008), Statistical Science 23:219. Hotelling (1931), Annals of Mathematical Statistics 2:360.
        Austin (2009), Statistics in Medicine 28:3083 (standardised differences).

    Verified against: the same formulas computed in R by hand, Hotelling's T-squared and t.test in R, and enumeration of
    all assignments of small tables; size by simulation; see docs/methods/balance.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=5_000, seed=7)
        >>> found = ex.balance(c.outcomes, ["recency_days", "source"], strata="stratum")
        >>> found.findings[0].code, found.findings[0].status
        ('BALANCE', 'pass')
    """
    check_level(level)
    names, layers = listed("columns", columns), listed("strata", strata)
    if not names:
        raise InputError(f"columns must name at least one column known before the assignment, got {columns!r}.")
    for given, use in ((names, "a column of balance"), (layers, "a stratum"), ((arm,), "the arm")):
        refuse_post(given, post, use=use)
    if arm in names:
        raise InputError(f"columns must not name the arm itself ({arm!r}): the arms differ in it by definition.")
    table = open_table(data, "outcomes", Columns(arm=arm), problems=Problems())
    if cluster is None:
        note_repeated_persons(table)
    rows = read_rows(table, names, arm=arm, strata=layers, cluster=cluster)
    table.problems.raise_if_any()
    if rows is None:
        raise WakeLiftError("a table was unusable and nothing was noted; this is an error of ours, please report.")
    _check_arms(rows, control, cluster)
    others = [name for name in rows.arms if name != control]
    found = [(name, _contrast(rows, name, control)) for name in others]
    joint = [(name, part, omnibus(part.difference, part.covariance, part.freedom)) for name, part in found]
    settings = {
        "columns": ", ".join(names), "control": control, "strata": ", ".join(layers) or "none",
        "cluster": cluster or "none", "level": level,
    }  # fmt: skip
    return Balance(
        records=Records.from_rows(
            _FIELDS, [row for name, part in found for row in _rows(rows.coordinates, name, control, part, level)]
        ),
        joint=_joint_records(joint, control),
        findings=_findings(joint, rows.coordinates, names),
        recipe=Recipe(
            method="balance",
            definitions=("BALANCE",),
            settings=settings,
            n={"persons": len(rows.arm), "columns": len(names), "coordinates": len(rows.coordinates)},
            fingerprint=fingerprint({f"{i}": column for i, column in enumerate(rows.values.T)} | {"arm": rows.arm}),
        ),
    )


def _check_arms(rows: Rows, control: str, cluster: str | None) -> None:
    check_control(rows.arms, control)
    if cluster is not None:
        refuse_torn(rows.cluster, rows.arm, cluster)


def _contrast(rows: Rows, name: object, control: str) -> Contrasted:
    both = np.flatnonzero(np.isin(rows.arm, [rows.arms.index(name), rows.arms.index(control)]))
    treated = rows.arm[both] == rows.arms.index(name)
    found = contrast_columns(rows.values[both], treated, rows.stratum[both], rows.cluster[both])
    if found is None:
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"no stratum holds persons of both {name!r} and {control!r}. Use coarser strata=.",
        )
    return found


def _rows(
    coordinates: Sequence[Coordinate], name: object, control: str, part: Contrasted, level: float
) -> list[dict[str, object]]:
    low, high, p = single_tests(part.difference, part.covariance, part.freedom, level)
    known = [None if np.isnan(value) else float(value) for value in p]
    adjusted = adjust_pvalues(known, method="holm")
    made = []
    for i, coordinate in enumerate(coordinates):
        spread = float(part.spread[i])
        told = known[i] is not None and spread > 0.0
        made.append({
            "column": coordinate.column, "level": coordinate.level, "arm": str(name), "control": str(control),
            "n": part.n, "n_control": part.n_control, "mean": float(part.value[i]),
            "mean_control": float(part.value_control[i]),
            "standardised_difference": float(part.difference[i]) / spread if spread > 0.0 else None,
            "low": float(low[i]) / spread if told else None, "high": float(high[i]) / spread if told else None,
            "p_value": known[i], "p_adjusted": adjusted[i], "note": "" if told else "ZERO_VARIANCE",
        })  # fmt: skip
    return made


def _joint_records(joint: Sequence[tuple[object, Contrasted, Omnibus]], control: str) -> Records:
    fields = (
        Field("arm", "text"), Field("control", "text"), Field("n", "count"), Field("n_control", "count"),
        Field("chi_square"), Field("df", "count"), Field("p_value", "p"), Field("p_adjusted", "p"),
    )  # fmt: skip
    adjusted = adjust_pvalues([test.p_value for *_, test in joint], method="bonferroni")
    rows = [
        {
            "arm": str(name), "control": control, "n": part.n, "n_control": part.n_control,
            "chi_square": test.chi_square, "df": test.df, "p_value": test.p_value, "p_adjusted": p,
        }
        for (name, part, test), p in zip(joint, adjusted, strict=True)
    ]  # fmt: skip
    return Records.from_rows(fields, rows)


def _findings(
    joint: Sequence[tuple[object, Contrasted, Omnibus]], coordinates: Sequence[Coordinate], columns: Sequence[str]
) -> tuple[Finding, ...]:
    adjusted = adjust_pvalues([test.p_value for *_, test in joint], method="bonferroni")
    known = [(p, i) for i, p in enumerate(adjusted) if p is not None]
    if not known:
        return (Finding(code="BALANCE", status="unknown", values={"columns": len(columns), "p_value": None}),)
    p, place = min(known)
    name, part, test = joint[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.where(part.spread > 0.0, part.difference / part.spread, 0.0)
    worst = int(np.argmax(np.abs(sizes)))
    told = coordinates[worst]
    values = {
        "p_value": p, "columns": len(columns), "contrasts": len(joint), "arm": str(name), "chi_square": test.chi_square,
        "df": test.df, "column": told.column if not told.level else f"{told.column} = {told.level}",
        "standardised_difference": float(sizes[worst]), "alarm": BALANCE_ALARM,
    }  # fmt: skip
    found = [Finding(code="BALANCE", status="fail" if p < BALANCE_ALARM else "pass", values=values)]
    left = sum(part.left_out for _, part, _ in joint)
    if left:
        found.append(Finding(code="BALANCE_STRATA_LEFT", status="note", values={"persons": left}))
    return tuple(found)
