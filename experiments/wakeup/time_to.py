"""How long until the first act after registration, and from the nth act to the next?"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.durations import MICROSECONDS_PER_DAY
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.whole import check_whole
from experiments.inference.counts import one_number
from experiments.inference.survival import product_limit
from experiments.wakeup.act_days import acts_in_days
from experiments.wakeup.acts import read_acts
from experiments.wakeup.dormancy_spells import NEVER
from experiments.wakeup.time_to_registered import first_acts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from attribution.core.values import Labels
    from experiments.inference.survival import ProductLimit
    from experiments.wakeup.acts import Acts

__all__ = ["TimeTo", "time_to_first", "time_to_next"]

messages.register("experiments")

_SHARES = (0.25, 0.5, 0.8)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class TimeTo(TabularResult):
    """Quantiles of a waiting time in days, by group.

    Columns: the group's column when there is one, n (persons), events (who acted), quantile (share), days, low, high
    (``inf`` where the data do not reach it), note.

    Attributes:
        by: Name of the column of the groups; None without groups.
        curves: The Kaplan-Meier curve of each group, in days; "" without groups.
        shares: The shares whose days are told.
        findings: What was set aside.
        recipe: How it was made.
    """

    by: str | None
    curves: Mapping[str, ProductLimit]
    shares: tuple[float, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def quantile(self, share: float = 0.5, *, group: str = "") -> Estimate:
        """Days by which a share has acted.

        Raises:
            InputError: For an unknown group or a share outside (0, 1).
        """
        return self._curve(group).quantile(one_number("share", share), level=self._level)

    def acted_by(self, days: float, *, group: str = "") -> Estimate:
        """Share that has acted within so many days; undefined beyond what was followed.

        Raises:
            InputError: For an unknown group or days below 0.
        """
        found = self._curve(group).value(one_number("days", days, positive=True), level=self._level)
        return found if found.value is None else _flipped(found)

    def restricted_mean(self, days: float, *, group: str = "") -> Estimate:
        """Mean of the days, each cut at a horizon in days.

        Raises:
            InputError: For an unknown group or a horizon of 0 or less.
        """
        return self._curve(group).restricted_mean(one_number("days", days), level=self._level)

    def _curve(self, group: str) -> ProductLimit:
        if group not in self.curves:
            known = ", ".join(repr(name) for name in list(self.curves)[:20])
            raise InputError(f"there is no group {group!r}. There are {known}: name one with group=.")
        return self.curves[group]

    @property
    def _level(self) -> float:
        return float(self.recipe.settings["level"])  # type: ignore[arg-type]

    def _records(self) -> Records:
        rows: list[dict[str, object]] = []
        for group, curve in self.curves.items():
            for share in self.shares:
                found = curve.quantile(share, level=self._level)
                rows.append({
                    self.by or "": group, "n": curve.n, "events": int(curve.events.sum()), "quantile": share,
                    "days": found.value, "low": found.low, "high": found.high, "note": found.note,
                })  # fmt: skip
        head = () if self.by is None else (Field(self.by, "text"),)
        fields = (
            *head, Field("n", "count"), Field("events", "count"), Field("quantile", "rate"), Field("days"),
            Field("low"), Field("high"), Field("note", "text"),
        )  # fmt: skip
        return Records.from_rows(fields, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable

        heads = [] if self.by is None else [DisplayColumn(self.by)]
        heads += [DisplayColumn(messages.text(f"TIME_TO.{name}"), "count") for name in ("persons", "acted")]
        heads += [DisplayColumn(messages.text("TIME_TO.quantile", {"share": share}), "number") for share in self.shares]
        rows: list[tuple[object, ...]] = []
        for group, curve in self.curves.items():
            found = [curve.quantile(share, level=self._level) for share in self.shares]
            cells = [Cell(one.value, one.low, one.high) for one in found]
            head: tuple[object, ...] = () if self.by is None else (group,)
            rows.append((*head, curve.n, int(curve.events.sum()), *cells))
        what = messages.text(f"TIME_TO.{self.recipe.method.rpartition('_')[2]}", dict(self.recipe.settings))
        title = messages.text("TIME_TO.title", {"what": what, "level": self._level})
        told = tuple(finding.text() for finding in self.findings)
        return Display(title, (DisplayTable(tuple(heads), tuple(rows)), *self.recipe.sentences(), *told))


def _flipped(found: Estimate) -> Estimate:
    from dataclasses import replace

    low, high = (None if end is None else 1.0 - end for end in (found.high, found.low))
    return replace(found, value=None if found.value is None else 1.0 - found.value, low=low, high=high)


def time_to_first(  # noqa: PLR0913 - two tables, the clock and the groups
    registrations: object,
    events: object,
    *,
    as_of: str | date | datetime,
    by: str | None = None,
    quantiles: Sequence[float] = _SHARES,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> TimeTo:
    """Days from registration to the first act, of all who registered.

    Estimand: the distribution of the waiting time over registered persons; who has not acted yet is censored at
    `as_of`, never left out, so a recent registration counts as far as it was followed. Assumes that persons of early
    and late registrations wait alike. A quantile that fewer have reached is undefined, its interval open above.

    Args:
        registrations: Registered persons with a time; a person's first row counts.
        events: The acts: person and time.
        as_of: Until when both tables are complete.
        by: A column of the registrations, for one curve per group.
        quantiles: Shares that have acted.
        level: Confidence level.
        columns: The user's names, for the tables "customers" (the registrations) and "events".

    Returns:
        Quantiles with intervals by group, and ``acted_by(days)``, ``restricted_mean(days)``.

    Raises:
        TableError: For unusable tables, or keys of two kinds.
        InputError: When nobody registered before `as_of`, for quantiles outside (0, 1), and as `read_acts`.

    References:
        Kaplan and Meier (1958), JASA 53:457. Brookmeyer and Crowley (1982), Biometrics 38:29.

    Verified against: tests/oracles/dormancy.py and survival::survfit in R; see docs/methods/survival.md.

    Example:
        >>> import pandas as pd, experiments as ex
        >>> day = pd.Timestamp("2026-01-01", tz="UTC")
        >>> registered = pd.DataFrame({"person_id": ["a", "b", "c"], "time": [day] * 3})
        >>> acts = pd.DataFrame({"person_id": ["a", "b"], "time": [day + pd.Timedelta("2D"), day + pd.Timedelta("9D")]})
        >>> ex.time_to_first(registered, acts, as_of="2026-01-31").quantile(0.5).value
        9.0
    """
    level = check_level(level)
    acts = acts_in_days(read_acts(events, as_of=as_of, columns=columns))
    found = first_acts(registrations, acts, as_of=as_of, by=by, columns=columns)
    settings = {"as_of": str(as_of), "level": level, "by": by or "", "limits": "log-log"}
    return TimeTo(
        by=by, curves=_curves(found.days, found.acted, found.groups), shares=_checked(quantiles),
        findings=(*acts.findings, *found.findings),
        recipe=Recipe(
            method="time_to_first", definitions=("TIME_TO_FIRST",), settings=settings, n={"persons": len(found.days)},
            fingerprint=fingerprint({"person": found.persons, "days": found.days, "acted": found.acted}),
        ),
    )  # fmt: skip


def time_to_next(  # noqa: PLR0913 - the log, the clock and the groups
    events: object,
    *,
    as_of: str | date | datetime,
    n: int = 1,
    by: str | None = None,
    quantiles: Sequence[float] = _SHARES,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> TimeTo:
    """Days from a customer's nth act to the next, of all who reached the nth.

    Estimand: the distribution of that gap over persons with at least n acts; who has not acted again is censored at
    `as_of`. Two acts at one instant are a gap of 0 days. Assumes that early and late customers are alike.

    Args:
        events: The acts: person and time.
        as_of: Until when the log is complete.
        n: From which act on.
        by: A column of the events as it stands at the nth act, for one curve per group; of several acts at that
            instant the first name by alphabet.
        quantiles: Shares that have acted again.
        level: Confidence level.
        columns: The user's names, for the table "events".

    Returns:
        Quantiles with intervals by group, and ``acted_by(days)``, ``restricted_mean(days)``.

    Raises:
        TableError: For unusable tables.
        InputError: When nobody has n acts, for an n below 1 or quantiles outside (0, 1), and as `read_acts`.

    References:
        Kaplan and Meier (1958), JASA 53:457. Brookmeyer and Crowley (1982), Biometrics 38:29.

    Verified against: tests/oracles/dormancy.py and survival::survfit in R; see docs/methods/survival.md.

    Example:
        >>> import pandas as pd, experiments as ex
        >>> day = pd.Timestamp("2026-01-01", tz="UTC")
        >>> log = pd.DataFrame({"person_id": ["a", "a", "b"], "time": [day, day + pd.Timedelta("5D"), day]})
        >>> ex.time_to_next(log, as_of="2026-03-31").quantile(0.5).value
        5.0
    """
    level = check_level(level)
    n = check_whole("n", n, least=1)
    acts = acts_in_days(read_acts(events, as_of=as_of, columns=columns))
    owners = np.flatnonzero(acts.counts >= n)
    if not len(owners):
        raise InputError(f"nobody has {n} acts before as_of={as_of!r}; the most is {int(acts.counts.max())}.")
    place = acts.start[owners] + (n - 1)
    following = acts.next_time(NEVER)[place]
    acted = following < NEVER
    days = (np.minimum(following, acts.as_of - 1) - acts.time[place]) / MICROSECONDS_PER_DAY
    groups = None if by is None else _labels_at(acts, place, by)
    settings = {"as_of": str(as_of), "level": level, "by": by or "", "n": n, "limits": "log-log"}
    return TimeTo(
        by=by, curves=_curves(days, acted, groups), shares=_checked(quantiles), findings=acts.findings,
        recipe=Recipe(
            method="time_to_next", definitions=("TIME_TO_NEXT",), settings=settings, n={"persons": len(owners)},
            fingerprint=fingerprint({"person": acts.persons.take(owners), "days": days, "acted": acted}),
        ),
    )  # fmt: skip


def _labels_at(acts: Acts, place: NDArray[np.int64], by: str) -> Labels:
    """Labels of chosen acts; where several acts share person and instant, the smallest, whatever the rows' order."""
    found = acts.labels(by)
    fresh = np.concatenate(([True], (np.diff(acts.person) > 0) | (np.diff(acts.time) > 0)))
    instant = np.cumsum(fresh) - 1
    smallest = np.minimum.reduceat(found.codes, np.flatnonzero(fresh))
    return type(found)(smallest[instant[place]], found.names)


def _curves(days: NDArray[np.float64], acted: NDArray[np.bool_], groups: Labels | None) -> dict[str, ProductLimit]:
    if groups is None:
        return {"": product_limit(days, acted)}
    order = np.argsort(groups.codes, kind="stable")
    edges = np.searchsorted(groups.codes[order], np.arange(len(groups.names) + 1))
    parts = [order[begin:end] for begin, end in itertools.pairwise(edges)]
    return {
        str(name): product_limit(days[part], acted[part])
        for name, part in zip(groups.names, parts, strict=True)
        if len(part)
    }


def _checked(quantiles: Sequence[float]) -> tuple[float, ...]:
    try:
        found = tuple(float(share) for share in quantiles)
    except (TypeError, ValueError):
        raise InputError(f"quantiles must be numbers between 0 and 1, got {quantiles!r}.") from None
    if not found or not all(0.0 < share < 1.0 for share in found):
        raise InputError(f"quantiles must lie strictly between 0 and 1, at least one, got {quantiles!r}.")
    return tuple(sorted(set(found)))
