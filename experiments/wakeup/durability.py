"""Does a wake-up last? Woken and active again at several days, and the time to return, arm by arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.durations import duration_text, microseconds, parse_duration
from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from experiments.design.common_grid import check_control
from experiments.design.pull_forward import STATUS_OF_READING
from experiments.design.pull_forward_curve import daily_events
from experiments.design.shown_words import in_words
from experiments.outcomes.instant import as_of_microseconds
from experiments.wakeup.acts import span
from experiments.wakeup.durability_days import MEASURES, followed, read_days
from experiments.wakeup.durability_return import read_returns
from experiments.wakeup.narrow_tables import narrow_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, timedelta

    from attribution.core.columns import ColumnsLike
    from attribution.core.render.display import Display
    from attribution.plots.plot import Plot
    from experiments.design.pull_forward_curve import Counted

__all__ = ["Durability", "durability"]

messages.register("experiments")

_MOST_DAYS = 20
_FIELDS = (
    Field("measure", "text"), Field("arm", "text"), Field("control", "text"), Field("day", "count"),
    Field("n", "count"), Field("n_control", "count"), Field("value", "rate"), Field("value_control", "rate"),
    Field("difference", "pp"), Field("low", "pp"), Field("high", "pp"), Field("p_value", "p"), Field("note", "text"),
)  # fmt: skip
_CHANGES = (
    Field("measure", "text"), Field("arm", "text"), Field("control", "text"), Field("first_day", "count"),
    Field("last_day", "count"), Field("early", "pp"), Field("late_change", "pp"), Field("late_change_low", "pp"),
    Field("late_change_high", "pp"), Field("p_value", "p"), Field("reading", "text"), Field("note", "text"),
)  # fmt: skip
_CURVE = (
    Field("arm", "text"), Field("day"), Field("n", "count"), Field("share_returned", "rate"), Field("low", "rate"),
    Field("high", "rate"),
)  # fmt: skip
_MEANS = (
    Field("arm", "text"), Field("control", "text"), Field("horizon", "count"), Field("n", "count"),
    Field("n_control", "count"), Field("days_silent"), Field("days_silent_control"), Field("difference"),
    Field("low"), Field("high"), Field("p_value", "p"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Durability(TabularResult):
    """What is left of an effect after weeks and months.

    Attributes:
        records: measure ("woken": converted by that day; "active": converted in the window before that day), arm,
            control, day, n, n_control, value and value_control (shares of everybody assigned), difference with low and
            high, p_value, note.
        changes: The change of the difference from the first day to the last, of the same persons, with a reading:
            "taken back", "kept", "grown", "undecided", or "unknown" with its reason as note.
        curve: Share returned by day and arm, with limits, of everybody assigned as long as followed, up to the last
            day that the conversions reach.
        means: Mean days without a return up to the last day, by arm and control, with their difference.
        findings: DURABILITY, RE_RETENTION or RE_RETENTION_FADES of every arm, and what the tables showed.
        recipe: How it was made.
    """

    records: Records
    changes: Records
    curve: Records
    means: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def plot(self) -> Plot:
        """Draw the share returned by arm with its band."""
        from experiments.plots.durability import plot_durability

        return plot_durability(self)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        settings = dict(self.recipe.settings)
        title = messages.text("DURABILITY.title", settings | dict(self.recipe.n))
        own = ("DURABILITY", "RE_RETENTION")
        notes = [
            finding.text() for finding in self.findings
            if finding.code.startswith(own) or finding.status not in ("pass", "note")
        ]  # fmt: skip
        titles = [messages.text(f"DURABILITY.{name}", settings) for name in ("days", "change", "means")]
        heads = {
            name: messages.text(f"DURABILITY.{name}") for name in ("value", "value_control", "early", "late_change")
        }
        tables = (
            narrow_table(
                in_words(self.records, "measure"), ends="difference", without=("control",), labels=heads,
                title=titles[0],
            ),
            narrow_table(
                in_words(in_words(self.changes, "measure"), "reading"), without=("control", "first_day", "last_day"),
                labels=heads, title=titles[1],
            ),
            narrow_table(self.means, ends="difference", without=("control", "horizon"), title=titles[2]),
        )  # fmt: skip
        return Display(title, (*tables, *self.recipe.sentences(), *notes))


def durability(  # noqa: PLR0913 - two tables, the clock and the arms
    assignment: object,
    conversions: object,
    *,
    days: Sequence[int] = (28, 60, 90),
    as_of: str | date | datetime,
    activity: str | timedelta = "30d",
    lag: str | timedelta = "0d",
    control: str = "holdout",
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> Durability:
    """Follow woken customers: does the effect last, and do they stay active?

    Estimands, all over everybody assigned and never among the woken (who differ between the arms): the difference in
    the share woken by day d (a conversion in [assignment, + d)), and in the share active at day d (a conversion in
    [d - activity, d)). The persons are the same on all days: those followed to the last one. With a stratum in the
    assignment the arms are compared inside the strata, weighted by their persons. A difference in "woken" that fades is
    pull-forward: the control catches up. A difference in "active" that fades says that the wake-up was a single one.

    Beside it the time to return: Kaplan-Meier's share returned by day, of everybody assigned as long as followed, and
    the mean days without a return up to the last day. Persons assigned at other times are followed for other lengths;
    inside a stratum the length must not go with the time to return.

    Args:
        assignment: Everybody assigned, as for `build_outcomes`.
        conversions: The conversions, as for `build_outcomes`.
        days: Two to 20 days since the assignment, ascending.
        as_of: The moment up to which the data are complete.
        activity: Window before a day in which an active person converts. A day before its end reads from the
            assignment on, so that "active" is "woken" there.
        lag: How long bookings may arrive late.
        control: The control arm.
        level: Confidence level of each interval.
        columns: The user's names of the columns.

    Returns:
        The rows. Intervals of a day are the readout's (score, inside the strata); that of the change is normal with the
        joint covariance of both days, hence much shorter than two intervals side by side suggest. Finding DURABILITY
        (of "woken") per arm: "warn" when an effect on the first day is taken back, "pass" when at least half of it is
        left beyond doubt or it grew, else "note"; RE_RETENTION (of "active") likewise, and RE_RETENTION_FADES ("note")
        when it is taken back. "unknown" when the change has no interval: nobody's outcome changed (ZERO_VARIANCE), or
        the conversions end well before the last day (AS_OF_BEYOND_DATA); then the days and means that they do not reach
        are None.

    Raises:
        TableError: With every problem of both tables.
        DesignError: NONE_MATURE when nobody has been followed to the last day, NO_HOLDOUT, NO_COMMON_STRATUM.
        InputError: Days that are not whole, ascending and above 0, and as `build_outcomes`.

    References:
        Kaplan and Meier (1958), Journal of the American Statistical Association 53:457. Royston and Parmar (2013), BMC
        Medical Research Methodology 13:152 (restricted mean). Miettinen and Nurminen (1985), Statistics in Medicine
        4:213.

    Verified against: `build_outcomes` and `compare_stratified_rates` for every day, `pull_forward` for the change, R's
    survival for curve and restricted mean; see docs/methods/durability.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("pull_forward", persons=6_000, seed=7)
        >>> found = ex.durability(c.assignment, c.conversions, days=(14, 28, 56), as_of=c.as_of)
        >>> [(row["arm"], row["day"], row["difference"] > 0) for row in found.to_dicts()[3:6]]
        [('full', 14, True), ('full', 28, True), ('full', 56, True)]
    """
    level, ends = check_level(level), _days(days)
    window, late = span(activity, "activity"), microseconds(parse_duration(lag, name="lag"))
    until = as_of_microseconds(as_of, columns_for(columns, "assignment").timezone) - late
    far = parse_duration(f"{ends[-1]}d")
    counted = daily_events(
        assignment, conversions, horizon=far, step=1, last=until - 1, column="orders", columns=columns
    )  # fmt: skip
    control = str(control)  # arms that are numbers are known by their text, as they are printed
    check_control([str(counted.arms[code]) for code in sorted(set(counted.arm.tolist()))], control)
    mature = followed(counted, until, microseconds(far))
    if not len(mature.arm):
        raise DesignError(
            "NONE_MATURE",
            f"no person has been followed for {ends[-1]} days at as_of (less lag). Choose earlier days=, or wait.",
        )  # fmt: skip
    found = read_days(mature, ends, window, control=control, level=level)
    arms = sorted(set(mature.arm.tolist()))
    returns = read_returns(counted, arms, until, ends[-1], control=control, level=level)
    settings: dict[str, object] = {
        "days": list(ends), "first_day": ends[0], "last_day": ends[-1],
        "activity": duration_text(parse_duration(activity)), "lag": duration_text(parse_duration(lag)),
        "control": control, "level": level, "as_of": str(as_of),
        "strata": columns_for(columns, "assignment").stratum if counted.stratum.any() else "none",
    }  # fmt: skip
    return Durability(
        records=Records.from_rows(_FIELDS, found.rows),
        changes=Records.from_rows(_CHANGES, found.changes),
        curve=Records.from_rows(_CURVE, returns.curve),
        means=Records.from_rows(_MEANS, returns.means),
        findings=(
            *counted.findings, *_left(found.left, returns.left), *_young(counted, arms),
            *_beyond(counted, min(until, int(counted.start.max()) + microseconds(far)), str(as_of)),
            *(_finding(row, settings) for row in found.changes)
        ),
        recipe=Recipe(
            method="durability", definitions=("DURABILITY", "DURABILITY_RETURN"), settings=settings,
            n={"assigned": len(counted.arm), "persons": len(mature.arm), "events": len(counted.step)},
            fingerprint=fingerprint({"person": counted.person, "step": counted.step})[:8]
            + fingerprint({"arm": counted.arm, "start": counted.start, "stratum": counted.stratum})[:8],
        ),
    )  # fmt: skip


def _days(days: Sequence[int]) -> tuple[int, ...]:
    listed = tuple(days) if isinstance(days, Sequence) and not isinstance(days, str) else ()
    whole = all(hasattr(day, "__index__") and not isinstance(day, bool) and day > 0 for day in listed)
    if not 2 <= len(listed) <= _MOST_DAYS or not whole or sorted(set(listed)) != list(listed):
        raise InputError(
            f"days must be 2 to {_MOST_DAYS} whole numbers above 0 in ascending order, for example (28, 60, 90), got "
            f"{days!r}."
        )
    return tuple(int(day) for day in listed)


def _young(counted: Counted, arms: Sequence[int]) -> list[Finding]:
    """Arms of which nobody was followed to the last day."""
    there = sorted(set(counted.arm.tolist()) - set(arms))
    if not there:
        return []
    values = {
        "arms": ", ".join(str(counted.arms[code]) for code in there),
        "persons": int(np.isin(counted.arm, there).sum()),
    }
    return [Finding(code="DURABILITY_ARMS_LEFT", status="note", values=values)]


def _left(days: int, curve: int) -> list[Finding]:
    values = {"persons": days, "persons_curve": curve}
    return [Finding(code="DURABILITY_STRATA_LEFT", status="note", values=values)] if days or curve else []


def _beyond(counted: Counted, end: int, as_of: str) -> list[Finding]:
    """The warning that the conversions end well before the last instant that is read."""
    return [counted.log.finding(as_of, end)] if counted.log is not None and counted.log.before(end) else []


def _finding(row: Mapping[str, object], settings: Mapping[str, object]) -> Finding:
    values, reading = {**row, "activity": settings["activity"]}, str(row["reading"])
    if row["measure"] == MEASURES[0]:
        return Finding(code="DURABILITY", status=STATUS_OF_READING[reading], values=values)
    if reading == "taken back":  # that some of the woken leave again is a fact, no fault of the experiment
        return Finding(code="RE_RETENTION_FADES", status="note", values=values)
    return Finding(code="RE_RETENTION", status=STATUS_OF_READING[reading], values=values)
