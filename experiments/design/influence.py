"""How much of an effect hangs on one person?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import WakeLiftError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, open_table
from experiments.design.common_grid import check_control, listed
from experiments.design.late_columns import refuse_post
from experiments.moments import column_moments
from experiments.moments.grid import arrange
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Status
    from experiments.moments.grid import Grid

__all__ = ["HEAVY_PERSON", "check_influence", "influence_finding"]

messages.register("experiments")

HEAVY_PERSON = 0.1  # share of an arm's squared deviations above which one person carries its interval (judgement)


def check_influence(  # noqa: PLR0913 - the options of an experiment, keyword-only
    outcomes: object,
    column: str,
    *,
    arm: str = "arm",
    control: str = "holdout",
    strata: str | Sequence[str] | None = None,
    cap: float | None = None,
    post: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Take the one person with the most influence out of each effect, and say what is left.

    The mean of heavy-tailed money or activity can rest on a single customer. The effect without that customer is no
    better estimate (a person may not be removed for being large); it says whether the effect is one of many persons.
    A remedy that keeps everybody is a cap declared before the outcomes are known.

    Args:
        outcomes: One row per person.
        column: The measured column.
        arm: Column of the arm.
        control: The control arm.
        strata: Column(s) inside which the arms are compared.
        cap: Values above it count as the cap.
        post: Further columns that are known only after the assignment and are refused as strata.

    Returns:
        One finding INFLUENCE per arm: "warn" when that person makes up more than 10 % of the variance of the arm (a
        judgement: the interval then rests on one person), or moves the effect by more than one standard error;
        "unknown" when no stratum holds two persons of both arms or nothing varies; else "note". Values: ``difference``,
        ``without`` (the effect without the person), ``share`` ((difference - without) / difference),
        ``standard_error``, ``top`` (the person's value), ``top_arm``, ``top_share`` (of the sum of that arm),
        ``variance_share``, ``n``.

    Raises:
        TableError: With every problem of the table, a `person_id` that repeats among them; without that column
            each row is taken for a person.
        DesignError: NO_HOLDOUT without control persons; POST_ASSIGNMENT.

    References:
        Hampel (1974), Journal of the American Statistical Association 69:383 (what one observation can do).

    Verified against: removing every person in turn, in tests/experiments; the published mobile game test of 90,189
    players, where one of them moves the effect from -0.04 to -1.16 rounds.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> rounds = [3.0, 4.0, 5.0, 4.0] * 50
        >>> table = pd.DataFrame({"arm": ["holdout"] * 200 + ["sms"] * 200, "rounds": rounds + rounds[:-1] + [900.0]})
        >>> found = ex.check_influence(table, "rounds")[0]
        >>> found.status, round(found.values["difference"], 2), round(found.values["without"], 2)
        ('warn', 4.48, 0.0)
    """
    layers = listed("strata", strata)
    refuse_post(layers, post, use="a stratum")
    table = open_table(outcomes, "outcomes", Columns(arm=arm), problems=Problems())
    note_repeated_persons(table)
    moments = column_moments(table, column, keys=(*layers, arm), cap=cap)
    table.problems.raise_if_any()
    if moments is None:
        raise WakeLiftError("a table was unusable and nothing was noted; this is an error of ours, please report.")
    grid = arrange(moments)
    check_control(grid.arms, control)
    found = [
        (name, influence_finding(column, grid, arm=name, control=control)) for name in grid.arms if name != control
    ]
    return tuple(
        Finding(
            code="INFLUENCE", status="unknown", values={"metric": column, "arm": str(name), "control": str(control)}
        ) if finding is None else finding
        for name, finding in found
    )  # fmt: skip


def influence_finding(name: str, grid: Grid, *, arm: object, control: object) -> Finding | None:
    """The finding INFLUENCE of one metric and arm, from the moments alone.

    Args:
        name: Name of the metric.
        grid: Moments of the metric, strata by arms; strata that lack one of the two arms take no part.
        arm: The arm.
        control: The arm it is compared with.

    Returns:
        The finding; None when there is no effect to speak of (fewer than two persons in an arm, no variance).
    """
    i, j = grid.arms.index(arm), grid.arms.index(control)
    kept = np.all(grid.n[:, [i, j]] >= 2, axis=1)
    if not kept.any():
        return None
    part = grid.keep(kept)
    persons = part.persons.sum(axis=1)
    weights = persons / persons.sum()
    mean, n = part.means[:, :, 0], part.n
    difference = float(np.sum(weights * (mean[:, i] - mean[:, j])))
    variance = part.covariance[:, :, 0, 0] / n
    error = math.sqrt(float(np.sum(weights**2 * (variance[:, i] + variance[:, j]))))
    if not error > 0.0:
        return None
    change, top, place = _largest_change(part, weights, i, j)
    row, column = place
    without = difference + change
    total = float(np.sum(mean[:, column] * n[:, column]))
    own = float(part.products[row, column, 0, 0])
    heavy = (top - float(mean[row, column])) ** 2 / own if own > 0.0 else 0.0
    status: Status = "warn" if heavy > HEAVY_PERSON or abs(change) > error else "note"
    values = {
        "metric": name, "arm": str(arm), "control": str(control), "difference": difference, "without": without,
        "share": -change / difference if difference else None, "standard_error": error, "top": top,
        "top_arm": str(part.arms[column]), "top_share": top / total if total > 0.0 and top >= 0.0 else None,
        "variance_share": heavy, "n": int(n[row, column]), "persons": int(n[:, [i, j]].sum()),
    }  # fmt: skip
    return Finding(code="INFLUENCE", status=status, values=values)


def _largest_change(part: Grid, weights: np.ndarray, i: int, j: int) -> tuple[float, float, tuple[int, int]]:
    """The largest change of the effect when one person leaves, that person's value, stratum and arm."""
    found: list[tuple[float, float, tuple[int, int]]] = []
    for column, sign in ((i, 1.0), (j, -1.0)):
        for extreme in (part.largest, part.smallest):
            moved = sign * weights * (part.means[:, column, 0] - extreme[:, column]) / (part.n[:, column] - 1.0)
            row = int(np.argmax(np.abs(moved)))
            found.append((float(moved[row]), float(extreme[row, column]), (row, column)))
    return max(found, key=lambda one: abs(one[0]))
