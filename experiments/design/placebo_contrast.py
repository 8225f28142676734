"""The control against itself: what the comparison finds where there is nothing to find."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError, WakeLiftError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.randomness import check_repeats, check_seed
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from attribution.core.values import keys, labels, numbers
from experiments.design.assignment_hash import unit_numbers
from experiments.design.common_grid import check_control
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.findings import Status
    from attribution.core.render.display import Display

__all__ = ["PlaceboContrast", "placebo_contrast"]

messages.register("experiments")

_BAND = 0.001
_FIELDS = (
    Field("split", "count"), Field("n", "count"), Field("n_control", "count"), Field("difference"),
    Field("standard_error"), Field("statistic"), Field("p_value", "p"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PlaceboContrast(TabularResult):
    """The control split at random many times, each time compared with itself.

    Attributes:
        records: One row per split.
        summary: Splits, false alarms upwards and downwards, mean and standard deviation of the statistic.
        findings: PLACEBO_CONTRAST.
        recipe: How it was made.
    """

    records: Records
    summary: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("PLACEBO_CONTRAST.title", {"splits": len(self.records)})
        notes = [finding.text() for finding in self.findings]
        return Display(title, (records_table(self.summary), *self.recipe.sentences(), *notes))


def placebo_contrast(  # noqa: PLR0913 - the options of an experiment, keyword-only
    outcomes: object,
    column: str,
    *,
    splits: int = 500,
    share: float = 0.5,
    arm: str = "arm",
    control: str = "holdout",
    person: str = "person_id",
    level: float = 0.95,
    seed: int = 0,
) -> PlaceboContrast:
    """Split the control at random by a hash, compare the parts by Welch's test, and do so many times.

    Nobody in the control was treated, so every difference is chance, and a test at 5 % must reject in 5 % of the
    splits: half of them upwards, half downwards. On heavy-tailed money with a small share it may not, and then the
    intervals of the experiment itself are not what they say. Given the control's persons the splits are independent
    draws, so the number of rejections is binomial.

    Args:
        outcomes: One row per person.
        column: The measured column, numbers or flags; empty cells are left out.
        splits: Number of splits, at least 20.
        share: Share of the control that plays the smaller arm; take the smaller of the experiment's own shares.
        arm: Column of the arm.
        control: The control arm.
        person: Column of the person; its hash makes the splits, so the order of rows does not matter.
        level: Level of the test.
        seed: Seed of the splits.

    Returns:
        One row per split, and the finding PLACEBO_CONTRAST: "warn" when the number of rejections on either side lies
        outside the central 99.9 % of the binomial distribution, else "pass"; values: ``splits``, ``above``, ``below``
        (rejections), ``wanted`` (each), ``spread`` (standard deviation of the statistic, 1 when all is well).

    Raises:
        TableError: With every problem of the table, a person with several rows among them.
        DesignError: NO_HOLDOUT without control persons.
        InputError: Splits, share or level out of range.

    References:
        Kohavi, Tang, Xu (2020), Trustworthy Online Controlled Experiments, chapter 19 (the A/A test).

    Verified against: scipy.stats.ttest_ind on the same splits; rejections of normal columns within binomial bands.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=5_000, seed=7)
        >>> ex.placebo_contrast(c.outcomes, "woken", splits=100).findings[0].status
        'pass'
    """
    check_level(level)
    splits = check_repeats("splits", splits, least=20)
    if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0.0 < share < 1.0:
        raise InputError(f"share must lie strictly between 0 and 1, got {share!r}.")
    ticket, values = _control(outcomes, column, arm=arm, control=control, person=person, seed=check_seed(seed))
    found = _welch(_sides(ticket, splits, share), values)
    rows: list[dict[str, float | int | str | None]] = []
    for i, row in enumerate(found):
        told = "" if row[-1] is not None else "TOO_FEW_PERSONS" if row[2] is None else "ZERO_VARIANCE"
        rows.append({"split": i + 1, "note": told, **dict(zip(_NUMBERS, row, strict=True))})
    settings = {"column": column, "splits": splits, "share": share, "control": control, "level": level, "seed": seed}
    summary, finding = _judged(rows, level, column)
    return PlaceboContrast(
        records=Records.from_rows(_FIELDS, rows),
        summary=summary,
        findings=(finding,),
        recipe=Recipe(
            method="placebo_contrast", definitions=("PLACEBO_CONTRAST",), settings=settings,
            n={"persons": len(values)}, fingerprint=fingerprint({column: values}),
        ),
    )  # fmt: skip


_NUMBERS = ("n", "n_control", "difference", "standard_error", "statistic", "p_value")


def _control(
    outcomes: object, column: str, *, arm: str, control: str, person: str, seed: int
) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """A number per control person with a value, ascending, and the value."""
    import pyarrow as pa

    table = open_table(
        outcomes, "outcomes", Columns(arm=arm, person=person), problems=Problems(), required=("person", "arm")
    )
    table.require_names(column)
    note_repeated_persons(table)
    ids, arms, values = keys(table, "person"), labels(table, arm, missing=None), numbers(table, column, missing=np.nan)
    table.problems.raise_if_any()
    if ids is None or arms is None or values is None:
        raise WakeLiftError("a table was unusable and nothing was noted; this is an error of ours, please report.")
    check_control(arms.names.tolist(), control)
    rows = np.flatnonzero((arms.values() == control) & ~np.isnan(values))
    ticket = unit_numbers(ids.take(pa.array(rows)), f"placebo contrast {seed}")
    order = np.lexsort([values[rows], ticket])
    return ticket[order], values[rows][order]


def _sides(ticket: NDArray[np.uint64], splits: int, share: float) -> list[NDArray[np.bool_]]:
    """For every split, who plays the arm: the number is mixed anew and cut at the share."""
    limit = np.uint64(min(2**64 - 1, int(share * 2.0**64)))
    made = []
    for i in range(1, splits + 1):
        mixed = ticket + np.uint64((i * 0x9E3779B97F4A7C15) % 2**64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        made.append((mixed ^ (mixed >> np.uint64(31))) < limit)
    return made


def _welch(sides: list[NDArray[np.bool_]], values: NDArray[np.float64]) -> list[tuple[float | int | None, ...]]:
    """Welch's test of every split."""
    from scipy.special import stdtr

    centred = values - (values.mean() if len(values) else 0.0)
    made: list[tuple[float | int | None, ...]] = []
    for side in sides:
        parts = (centred[side], centred[~side])
        n = [len(part) for part in parts]
        if min(n) < 2:
            made.append((*n, None, None, None, None))
            continue
        shift = [float(part.mean()) for part in parts]
        terms = [float(part.var(ddof=1)) / len(part) for part in parts]
        total, difference = sum(terms), shift[0] - shift[1]
        if not total > 0.0:
            made.append((*n, difference, None, None, None))
            continue
        df = total**2 / sum(term**2 / (size - 1.0) for term, size in zip(terms, n, strict=True))
        t = difference / math.sqrt(total)
        made.append((*n, difference, math.sqrt(total), t, min(1.0, 2.0 * float(stdtr(df, -abs(t))))))
    return made


def _judged(rows: list[dict[str, float | int | str | None]], level: float, column: str) -> tuple[Records, Finding]:
    from scipy.stats import binom

    pairs = [(row["p_value"], row["statistic"]) for row in rows]
    known = [(p, t) for p, t in pairs if isinstance(p, float) and isinstance(t, float)]
    above = sum(p < 1.0 - level and t > 0 for p, t in known)
    below = sum(p < 1.0 - level and t < 0 for p, t in known)
    statistic = np.array([t for _, t in known])
    values: dict[str, object] = {
        "column": column, "splits": len(known), "above": above, "below": below,
        "wanted": len(known) * (1.0 - level) / 2.0, "level": level,
        "middle": float(statistic.mean()) if known else None,
        "spread": float(statistic.std(ddof=1)) if len(known) > 1 else None,
    }  # fmt: skip
    fields = (
        Field("splits", "count"), Field("above", "count"), Field("below", "count"), Field("wanted"), Field("middle"),
        Field("spread"),
    )  # fmt: skip
    summary = Records.from_rows(fields, [values])
    if not known:
        return summary, Finding(code="PLACEBO_CONTRAST", status="unknown", values=values)
    share = (1.0 - level) / 2.0
    low, high = binom.ppf(_BAND / 4.0, len(known), share), binom.isf(_BAND / 4.0, len(known), share)
    status: Status = "pass" if low <= min(above, below) and max(above, below) <= high else "warn"
    return summary, Finding(code="PLACEBO_CONTRAST", status=status, values=values)
