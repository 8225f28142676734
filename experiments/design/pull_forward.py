"""Did the campaign cause returns, or only bring them forward?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.durations import duration_text, microseconds, parse_duration
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.randomness import check_seed, generator
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from experiments.design.log_end import ENDS_EARLY
from experiments.design.pull_forward_curve import Measure, curves, daily_events
from experiments.design.shown_words import in_words
from experiments.inference.tails import critical_value, p_value
from experiments.outcomes.instant import as_of_microseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime, timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Status
    from attribution.core.render.display import Display
    from experiments.design.pull_forward_curve import Counted, Curve

__all__ = [
    "STATUS_OF_READING", "PullForward", "Rise", "band_width", "beyond_log", "known_steps", "late_reading",
    "pull_forward", "rise", "withheld_reading", "withheld_rows",
]  # fmt: skip

messages.register("experiments")

_DRAWS = 20_000
_MOST_STEPS = 400
STATUS_OF_READING: Mapping[str, Status] = {
    "taken back": "warn", "kept": "pass", "grown": "pass", "undecided": "note", "unknown": "unknown",
}  # fmt: skip
_FIGURES = ("value", "value_control", "difference", "low", "high", "band_low", "band_high")
_FIELDS = (
    Field("arm", "text"), Field("control", "text"), Field("day"), Field("n", "count"), Field("n_control", "count"),
    Field("value"), Field("value_control"), Field("difference"), Field("low"), Field("high"), Field("band_low"),
    Field("band_high"), Field("note", "text"),
)  # fmt: skip
_LATE = (
    Field("arm", "text"), Field("control", "text"), Field("early"), Field("early_low"), Field("early_high"),
    Field("late_change"), Field("late_change_low"), Field("late_change_high"), Field("total"), Field("total_low"),
    Field("total_high"), Field("p_value", "p"), Field("reading", "text"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PullForward(TabularResult):
    """The effect as it builds up, day by day since the assignment.

    Attributes:
        records: arm, control, day (end of the step, days since the assignment), n, n_control, value and value_control
            (per person up to then), difference with low and high (that day by itself) and band_low, band_high (all days
            at once), note.
        late: One row per arm: the effect at the end of the window (early), what happened to it until the horizon
            (late_change) and the effect at the horizon (total), with intervals; reading is "taken back", "kept",
            "grown", "undecided", or "unknown" with its reason as note.
        findings: PULL_FORWARD for every arm, and what the tables showed.
        recipe: How it was made.
    """

    records: Records
    late: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("PULL_FORWARD.title", dict(self.recipe.settings))
        notes = [
            finding.text() for finding in self.findings
            if finding.code.startswith("PULL_FORWARD") or finding.status not in ("pass", "note")
        ]  # fmt: skip
        late = in_words(self.late, "reading")
        told = [field.name for field in late.fields if field.name != "note" or any(late.column("note"))]
        return Display(title, (records_table(late, told), *self.recipe.sentences(), *notes))


def pull_forward(  # noqa: PLR0913 - two tables, the clock and the arms
    assignment: object,
    conversions: object,
    *,
    as_of: str | date | datetime,
    window: str | timedelta = "28d",
    horizon: str | timedelta = "90d",
    step: str | timedelta = "1d",
    lag: str | timedelta = "0d",
    column: Measure = "woken",
    control: str = "holdout",
    level: float = 0.95,
    seed: int = 0,
    columns: ColumnsLike = None,
) -> PullForward:
    """Follow the effect beyond the window: does the control catch up?

    A coupon can bring a purchase forward that would have come anyway. The effect in the window is then real, and gone
    later. Everybody is followed for the same horizon (persons whose horizon is not over take no part, in no arm), and
    the arms are compared up to every day. What happened after the window is the difference between two points of one
    curve, of the same persons, so its interval is much shorter than two intervals side by side would suggest. With a
    stratum in the assignment (waves, tiers) the arms are compared inside the strata, weighted by their persons: shares
    that differ between strata would else look like an effect.

    Args:
        assignment: Everybody assigned, as for `build_outcomes`; its stratum is used when it has one.
        conversions: The conversions, as for `build_outcomes`.
        as_of: The moment up to which the data are complete.
        window: The window of the experiment.
        horizon: How long everybody is followed; longer than the window.
        step: Length of a step of the curve.
        lag: How long bookings may arrive late.
        column: "woken" (came back at all), "orders" or "value" per person assigned.
        control: The control arm.
        level: Confidence level.
        seed: Seed of the band's critical value.
        columns: The user's names of the columns.

    Returns:
        The curve and the finding PULL_FORWARD of every arm: "warn" (reading "taken back") when there is an effect in
        the window and the change afterwards lies wholly below 0, against the effect's direction; "pass" when the
        effect kept at least half of itself beyond doubt ("kept") or grew ("grown"); else "note" ("undecided"), also
        when no effect in the window was shown. Refunds count as they stood at the horizon. Status "unknown" (reading
        "unknown") when the change has no interval: nobody's outcome changed (ZERO_VARIANCE), or the conversions end
        well before the horizon (AS_OF_BEYOND_DATA); then the days that they do not reach are None.

    Raises:
        TableError: With every problem of both tables.
        DesignError: NONE_MATURE when nobody has been followed for the horizon, NO_HOLDOUT, NO_COMMON_STRATUM.
        InputError: A horizon not longer than the window, more than 400 steps, and as `build_outcomes`.

    References:
        Neslin (2002), Sales Promotion, Marketing Science Institute (purchase acceleration). Montiel Olea and
        Plagborg-Moller (2019), Journal of Applied Econometrics 34:1 (simultaneous bands by the largest statistic).

    Verified against: outcomes of `build_outcomes` for every window, Welch's test on them, and mvtnorm::qmvnorm in R for
    the band; see docs/methods/pull-forward.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=5_000, seed=7)
        >>> found = ex.pull_forward(c.assignment, c.conversions, window="14d", horizon="28d", as_of=c.as_of)
        >>> len(found.to_dicts()), [finding.code for finding in found.findings[-1:]]
        (84, ['PULL_FORWARD'])
    """
    check_level(level)
    near, far, size = _lengths(window, horizon, step)
    late = microseconds(parse_duration(lag, name="lag"))
    if column not in ("woken", "orders", "value"):
        raise InputError(f'column must be "woken", "orders" or "value", got {column!r}.')
    until = as_of_microseconds(as_of, columns_for(columns, "assignment").timezone)
    counted = daily_events(
        assignment, conversions, horizon=far, step=size, last=until - late - microseconds(far), column=column,
        columns=columns,
    )  # fmt: skip
    found, left = curves(counted, control=control)
    place = -(-microseconds(near) // size) - 1
    known = known_steps(counted, [(number + 1) * size for number in range(counted.steps)])
    rows: list[dict[str, object]] = []
    lates: list[dict[str, object]] = []
    for own in sorted((name for name in found if name != control), key=str):
        random = generator(check_seed(seed), f"pull_forward.{own}")
        part = rise(found[own], found[control])
        width = band_width(part.covariance[:known, :known], level, random.standard_normal((_DRAWS, known)))
        rows += withheld_rows(_rows((str(own), control), part, width, level, size), known, _FIGURES)
        late_row = late_reading(part, place, level)
        if known < counted.steps:
            late_row = withheld_reading(late_row, early=place < known)
        lates.append({"arm": str(own), "control": control} | late_row)
    settings = {
        "window": duration_text(near), "horizon": duration_text(far), "step": duration_text(parse_duration(step)),
        "column": column, "control": control, "level": level, "as_of": str(as_of), "seed": seed,
        "strata": columns_for(columns, "assignment").stratum if counted.stratum.any() else "none",
    }  # fmt: skip
    return PullForward(
        records=Records.from_rows(_FIELDS, rows),
        late=Records.from_rows(_LATE, lates),
        findings=(
            *counted.findings, *_strata_left(left), *beyond_log(counted, known, far, str(as_of)),
            *(_finding(row, settings) for row in lates),
        ),
        recipe=Recipe(
            method="pull_forward", definitions=("PULL_FORWARD",), settings=settings,
            n={"persons": len(counted.arm), "events": len(counted.step)},
            fingerprint=fingerprint({"person": counted.person, "step": counted.step, "amount": counted.amount}),
        ),
    )  # fmt: skip


def _strata_left(persons: int) -> tuple[Finding, ...]:
    return (Finding(code="PULL_FORWARD_STRATA_LEFT", status="note", values={"persons": persons}),) if persons else ()


def known_steps(counted: Counted, ends: Sequence[int]) -> int:
    """How many of some spans since the assignment, microseconds ascending, the conversions reach for everybody."""
    latest = int(counted.start.max())
    return len(ends) if counted.log is None else counted.log.reached([latest + end for end in ends])


def beyond_log(counted: Counted, known: int, horizon: timedelta, as_of: str) -> tuple[Finding, ...]:
    """The warning that some of the steps lie beyond the conversions."""
    if known == counted.steps or counted.log is None:
        return ()
    return (counted.log.finding(as_of, int(counted.start.max()) + microseconds(horizon)),)


def withheld_rows(rows: list[dict[str, object]], known: int, names: Sequence[str]) -> list[dict[str, object]]:
    """Rows of steps without the numbers of those that the conversions do not reach: the silence is the log's."""
    hidden = dict.fromkeys(names) | {"note": ENDS_EARLY}
    return [row if place < known else row | hidden for place, row in enumerate(rows)]


def withheld_reading(late: Mapping[str, object], *, early: bool) -> dict[str, object]:
    """A reading whose last step, and without `early` whose first too, the conversions do not reach."""
    names = ("late_change", "total", *(() if early else ("early",)))
    hidden = dict.fromkeys(f"{name}{end}" for name in names for end in ("", "_low", "_high"))
    return {**late, **hidden, "p_value": None, "reading": "unknown", "note": ENDS_EARLY}


def _lengths(
    window: str | timedelta, horizon: str | timedelta, step: str | timedelta
) -> tuple[timedelta, timedelta, int]:
    near, far = parse_duration(window, name="window"), parse_duration(horizon, name="horizon")
    size = microseconds(parse_duration(step, name="step"))
    if not near or far <= near:
        raise InputError(
            f"horizon must be longer than window, and window longer than 0, got {horizon!r} and {window!r}."
        )
    if not size or microseconds(near) % size or microseconds(far) % size or microseconds(far) // size > _MOST_STEPS:
        raise InputError(
            f"step must divide window and horizon into whole steps, at most {_MOST_STEPS}, got {step!r} for "
            f"{window!r} and {horizon!r}."
        )
    return near, far, size


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rise:
    """The difference of two curves.

    Attributes:
        value: Cumulative mean of the arm.
        value_control: Cumulative mean of the control.
        difference: Their difference.
        covariance: Covariance of the differences over the steps.
        n: Persons of the arm.
        n_control: Persons of the control.
    """

    value: NDArray[np.float64]
    value_control: NDArray[np.float64]
    difference: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int
    n_control: int


def rise(treated: Curve, control: Curve) -> Rise:
    """The difference of the curves of two independent arms, with Neyman's covariance."""
    return Rise(
        value=treated.mean, value_control=control.mean, difference=treated.mean - control.mean,
        covariance=treated.covariance + control.covariance, n=treated.n, n_control=control.n,
    )  # fmt: skip


def band_width(covariance: NDArray[np.float64], level: float, draws: NDArray[np.float64]) -> float:
    """The number of standard errors that hold the whole curve at once: a quantile of the largest statistic.

    Args:
        covariance: Covariance of the differences over the steps.
        level: Confidence level.
        draws: Standard normal draws, draws by steps.

    Returns:
        The quantile, never below that of a single step.
    """
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    used = scale > 0.0
    single = critical_value(level, "two")
    if not used.any():
        return single
    roots, axes = np.linalg.eigh(covariance[np.ix_(used, used)] / np.outer(scale[used], scale[used]))
    factor = axes * np.sqrt(np.maximum(roots, 0.0))
    largest = np.abs(draws[:, used] @ factor.T).max(axis=1)
    return max(single, float(np.quantile(largest, level)))


def _rows(names: tuple[str, str], part: Rise, width: float, level: float, size: int) -> list[dict[str, object]]:
    single = critical_value(level, "two")
    rows: list[dict[str, object]] = []
    for i, difference in enumerate(part.difference.tolist()):
        error = math.sqrt(max(0.0, float(part.covariance[i, i])))
        told = error > 0.0
        rows.append({
            "arm": names[0], "control": names[1], "day": (i + 1) * size / 86_400_000_000, "n": part.n,
            "n_control": part.n_control, "value": float(part.value[i]), "value_control": float(part.value_control[i]),
            "difference": difference, "low": difference - single * error if told else None,
            "high": difference + single * error if told else None,
            "band_low": difference - width * error if told else None,
            "band_high": difference + width * error if told else None, "note": "" if told else "ZERO_VARIANCE",
        })  # fmt: skip
    return rows


def late_reading(part: Rise, place: int, level: float) -> dict[str, object]:
    """The effect in the window, what happened afterwards, and both together.

    Args:
        part: The difference of two curves.
        place: The step that ends the window.
        level: Confidence level.
    """
    z, v, d = critical_value(level, "two"), part.covariance, part.difference
    early, total = float(d[place]), float(d[-1])
    errors = {
        "early": math.sqrt(max(0.0, float(v[place, place]))),
        "late_change": math.sqrt(max(0.0, float(v[place, place] + v[-1, -1] - 2.0 * v[place, -1]))),
        "total": math.sqrt(max(0.0, float(v[-1, -1]))),
    }
    values = {"early": early, "late_change": total - early, "total": total}
    made: dict[str, object] = {}
    for name, value in values.items():
        told = errors[name] > 0.0
        made |= {
            name: value, f"{name}_low": value - z * errors[name] if told else None,
            f"{name}_high": value + z * errors[name] if told else None,
        }  # fmt: skip
    change = errors["late_change"]
    made["p_value"] = p_value((total - early) / change, "two") if change > 0.0 else None
    made["reading"] = _reading(part, place, values, errors, z)
    made["note"] = "" if change > 0.0 else "ZERO_VARIANCE"
    return made


def _reading(part: Rise, place: int, values: dict[str, float], errors: dict[str, float], z: float) -> str:
    early, change = values["early"], values["late_change"]
    sign = math.copysign(1.0, early)
    if not errors["late_change"] > 0.0:
        return "unknown"
    if not errors["early"] > 0.0 or abs(early) <= z * errors["early"]:
        return "undecided"
    if sign * change + z * errors["late_change"] < 0.0:
        return "taken back"
    if sign * change - z * errors["late_change"] > 0.0:
        return "grown"
    # At least half is left: total - early / 2 lies on the effect's side, with its own variance.
    v = part.covariance
    half = math.sqrt(max(0.0, float(v[-1, -1] + v[place, place] / 4.0 - v[place, -1])))
    return "kept" if sign * (values["total"] - early / 2.0) - z * half > 0.0 else "undecided"


def _finding(row: dict[str, object], settings: dict[str, object]) -> Finding:
    early, change = row["early"], row["late_change"]
    share = change / early if isinstance(early, float) and isinstance(change, float) and early else None
    values = {
        **row,
        "share": share,
        "window": settings["window"],
        "horizon": settings["horizon"],
        "column": settings["column"],
    }
    return Finding(code="PULL_FORWARD", status=STATUS_OF_READING[str(row["reading"])], values=values)
