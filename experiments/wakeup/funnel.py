"""How many persons pass through ordered stages within a window, and where they stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.proportions import share_estimate
from experiments.wakeup.acts import Wanted, span
from experiments.wakeup.funnel_chains import first_of_persons, instants_of, reached_stages, smallest_at_instant
from experiments.wakeup.group_names import check_group
from experiments.wakeup.narrow_tables import narrow_table
from experiments.wakeup.pressure_log import read_log
from experiments.wakeup.states import ended_early

if TYPE_CHECKING:
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.render.display import Display
    from attribution.core.values import Labels
    from attribution.plots.plot import Plot

__all__ = ["Funnel", "Start", "funnel"]

messages.register("experiments")

Start = Literal["first", "farthest"]
_MOST_STAGES = 50
_FIELDS = (
    Field("stage", "text"), Field("reached", "count"), Field("rate_step", "rate"), Field("rate_step_low", "rate"),
    Field("rate_step_high", "rate"), Field("rate_total", "rate"), Field("low", "rate"), Field("high", "rate"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Funnel(TabularResult):
    """Persons by the stages that they reached.

    Attributes:
        records: [by] stage, reached (persons), rate_step (of those who reached the stage before, with rate_step_low and
            rate_step_high), rate_total (of those who started, with low and high), note.
        by: The column that splits the persons; None without one.
        findings: Starts whose window is not over, stages without an act, acts set aside, a log that ends before as_of.
        recipe: How it was made.
    """

    records: Records
    by: str | None
    findings: tuple[Finding, ...]
    recipe: Recipe

    def plot(self) -> Plot:
        """Draw the persons left at each stage as bars."""
        from experiments.plots.funnel import plot_funnel

        return plot_funnel(self)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        title = messages.text("FUNNEL.title", dict(self.recipe.settings) | dict(self.recipe.n))
        notes = [finding.text() for finding in self.findings]
        # In the readout a column of this name is of all assigned; here it is of all who started.
        table = narrow_table(self.records, ends="rate_total", labels={"rate_total": messages.text("FUNNEL.of_all")})
        return Display(title, (table, *self.recipe.sentences(), *notes))


def funnel(  # noqa: PLR0913 - the options of the public contract, keyword-only
    events: object,
    *,
    stages: Sequence[str] | Mapping[str, str | Sequence[str]],
    window: str | timedelta = "7d",
    by: str | None = None,
    as_of: object = None,
    start: Start = "first",
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> Funnel:
    """Count persons through ordered stages within a window.

    Estimand: of the persons who started and whose window is over, the share who passed the stages in order, each at or
    after the stage before, all less than `window` after the start. A stage is reached at the earliest act of it at or
    after the time at which the stage before was reached (greedy: no other choice reaches more). Acts at one instant
    count as in order, since a log of seconds or days says nothing about their order. Other acts in between do not
    matter.

    A person who starts several times is one person. ``start="first"``: the first act of the first stage counts; the
    person is left out, and counted, when its window is not over. ``start="farthest"``: of all starts whose window
    is over, the one from which the person gets farthest.

    A description, not an effect: who reaches a stage differs from who does not in more than the stage.

    Args:
        events: One row per act: person, time and what it was (the role `event`; for touches name the column with
            ``Columns(event="kind")``).
        stages: Names of the stages in order, as they stand in the column; or stage name to one or several values.
        window: From the start to the last moment that counts, itself excluded.
        by: A column of the events: a person belongs to its value at the person's first counted start (the smallest, as
            text, when acts at that instant differ).
        as_of: Until when the log is complete: a date (its end), an aware datetime, or ISO 8601 text. None: until its
            last act.
        start: Which start of a person counts.
        level: Confidence level of each interval; persons are independent.
        columns: The user's names of the columns, for the table "events".

    Returns:
        One row per stage (and value of `by`); rate_total and its low and high are of all who started. The first stage
        has no rate_step (None), and its rate_total is 1 without error; after a stage that nobody reached rate_step is
        None with the note NOBODY_AT_RISK.

    Raises:
        TableError: With every problem of the table.
        InputError: Fewer than two stages, a value in two stages, no act of the first stage, nobody whose window is
            over, and unknown options.

    References:
        Wilson (1927), Journal of the American Statistical Association 22:209.

    Verified against: plain loops over persons and all of their acts (tests/oracles/funnels.py), which try every chain;
    statsmodels' Wilson interval; see docs/methods/funnel.md.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> log = pd.DataFrame({"person_id": list("aaabbc"), "event": ["open", "form", "invest", "open", "invest",
        ...                     "open"], "time": pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-03",
        ...                     "2026-03-01", "2026-03-02", "2026-03-09"], utc=True)})
        >>> found = ex.funnel(log, stages=["open", "form", "invest"], window="7d", as_of="2026-03-10")
        >>> [(row["stage"], row["reached"], row["rate_total"]) for row in found.to_dicts()]
        [('open', 2, 1.0), ('form', 1, 0.5), ('invest', 1, 0.5)]
        >>> found.findings[0].code
        'FUNNEL_IMMATURE'
    """
    level, length, named = check_level(level), span(window, "window"), _stages(stages)
    check_group(by, _FIELDS)
    if start not in ("first", "farthest"):
        raise InputError(f'start must be "first" or "farthest", got {start!r}.')
    acts = read_log(events, as_of=as_of, columns=columns, table="events", wanted=Wanted(optional=("event",)))
    what = acts.labels(acts.table.roles.event)
    until = acts.as_of if as_of is not None else int(acts.time.max()) + 1
    early = () if as_of is None else ended_early(acts, as_of)
    places = _places(what, named)
    if not len(places[0]):
        raise InputError(
            f"no act of the first stage {next(iter(named))!r} is in the column {acts.table.roles.event!r}. "
            f"{closest(str(next(iter(named.values()))[0]), [str(name) for name in what.names])}"
        )
    instant = instants_of(acts)
    over = places[0][acts.time[places[0]] + length <= until]
    began, counted = first_of_persons(acts, places[0]), first_of_persons(acts, over)
    if not len(counted):
        raise InputError(
            f"nobody's window is over: the first start lies less than {duration_text(parse_duration(window))} before "
            f"the end of the log. Choose a shorter window, or wait."
        )
    reached = reached_stages(acts, instant, places, counted if start == "first" else over, length)[acts.person[counted]]
    split = None
    if by is not None:
        group = acts.labels(by)
        split = (by, group, smallest_at_instant(instant, places[0], counted, group.codes))
    settings: dict[str, object] = {
        "stages": list(named), "window": duration_text(parse_duration(window)), "by": by, "start": start,
        "as_of": "last act" if as_of is None else str(as_of), "level": level,
    }  # fmt: skip
    return Funnel(
        records=_rows(list(named), reached, split, level),
        by=by,
        findings=(*acts.findings, *early, *_findings(list(named), places, len(began), len(counted), settings)),
        recipe=Recipe(
            method="funnel", definitions=("FUNNEL", f"FUNNEL_{start.upper()}"), settings=settings,
            n={"persons": len(counted), "left_out": len(began) - len(counted), "acts": len(acts.time)},
            # Each person's key is hashed once: hashing it for every act would cost more than the counting.
            fingerprint=fingerprint({"person": acts.persons, "acts": acts.counts})[:8]
            + fingerprint({"person": acts.person, "time": acts.time, "event": what.codes})[:8],
        ),
    )  # fmt: skip


def _stages(stages: Sequence[str] | Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Name of each stage with its values, checked."""
    if isinstance(stages, str) or not isinstance(stages, (Sequence, Mapping)):
        raise InputError(f'stages must be a list such as ["open", "form", "invest"], got {stages!r}.')
    pairs = stages.items() if isinstance(stages, Mapping) else [(name, name) for name in stages]
    named = {str(name): (values,) if isinstance(values, str) else tuple(values) for name, values in pairs}
    if not 2 <= len(stages) <= _MOST_STAGES or len(named) < len(stages):
        raise InputError(f"a funnel has 2 to {_MOST_STAGES} stages, each named once, got {list(stages)!r}.")
    every = [value for values in named.values() for value in values]
    if len(set(every)) < len(every) or not all(named.values()):
        raise InputError(
            f"every stage needs values of its own, got {named!r}. For the second of two equal acts give it a name of "
            "its own in the log, or read ex.nth_purchase."
        )
    return named


def _places(what: Labels, named: dict[str, tuple[str, ...]]) -> list[NDArray[np.int64]]:
    """Positions of the acts of each stage, ascending; one pass over the log."""
    stage_of = np.full(len(what.names), -1, np.int16)
    known = {str(name): code for code, name in enumerate(what.names)}
    for stage, values in enumerate(named.values()):
        stage_of[[known[str(value)] for value in values if str(value) in known]] = stage
    own = stage_of[what.codes]
    return [np.flatnonzero(own == place) for place in range(len(named))]


def _rows(
    names: list[str], reached: NDArray[np.int64], split: tuple[str, Labels, NDArray[np.int64]] | None, level: float
) -> Records:
    if split is None:
        return Records.from_rows(_FIELDS, _one(names, reached, level))
    by, group, code = split
    rows: list[dict[str, object]] = []
    for value in np.unique(code).tolist():
        rows += [{by: group.names[value]} | row for row in _one(names, reached[code == value], level)]
    return Records.from_rows((Field(by, "text"), *_FIELDS), rows)


def _one(names: list[str], reached: NDArray[np.int64], level: float) -> list[dict[str, object]]:
    counts = [int((reached >= number).sum()) for number in range(1, len(names) + 1)]
    rows: list[dict[str, object]] = []
    for place, (name, count) in enumerate(zip(names, counts, strict=True)):
        total = share_estimate(count, counts[0], level=level)
        # Everybody counted has started: that share is known, not estimated.
        low, high = (total.low, total.high) if place else (1.0, 1.0)
        row: dict[str, object] = {
            "stage": name, "reached": count, "rate_total": total.value, "low": low, "high": high, "note": "",
        }  # fmt: skip
        if place:
            step = share_estimate(count, counts[place - 1], level=level)
            row |= {
                "rate_step": step.value, "rate_step_low": step.low, "rate_step_high": step.high, "note": step.note,
            }  # fmt: skip
        rows.append(row)
    return rows


def _findings(
    names: list[str], places: list[NDArray[np.int64]], began: int, counted: int, settings: dict[str, object]
) -> list[Finding]:
    found: list[Finding] = []
    if began > counted:
        values = {"persons": began, "left_out": began - counted, "window": settings["window"]}
        found.append(Finding(code="FUNNEL_IMMATURE", status="note", values=values))
    empty = [name for name, place in zip(names, places, strict=True) if not len(place)]
    if empty:
        values = {"stages": ", ".join(empty), "count": len(empty)}
        found.append(Finding(code="FUNNEL_EMPTY_STAGE", status="warn", values=values))
    return found
