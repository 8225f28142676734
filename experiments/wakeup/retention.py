"""How many of those who came are still there, period by period?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.whole import check_whole
from experiments.inference.proportions import share_estimate
from experiments.wakeup.acts import read_acts
from experiments.wakeup.retention_counts import cell_counts, cohorts_of, retained_pairs
from experiments.wakeup.retention_periods import NAMED, periods_of
from experiments.wakeup.retention_result import Retained, Retention
from experiments.wakeup.retention_trend import TREND_ALARM, rising
from experiments.wakeup.states import ended_early, fingerprint_of

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from experiments.wakeup.retention_counts import Cohorts
    from experiments.wakeup.retention_periods import Periods
    from experiments.wakeup.retention_trend import Trend

__all__ = ["retention"]

messages.register("experiments")

Kind = Literal["period", "cumulative", "rolling"]
_KINDS = ("period", "cumulative", "rolling")
_MOST = 1_000


def retention(  # noqa: PLR0913 - the contract's options
    events: object,
    *,
    as_of: str | date | datetime,
    period: str | timedelta = "30d",
    periods: int = 6,
    kind: Kind = "period",
    cohort: str = "month",
    registered: object = None,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> Retention:
    """Follow every cohort of customers from its beginning: who acted again, period by period.

    Period k of a customer whose first act was at f is [f + k P, f + (k + 1) P), counted from 0; the first act itself is
    no return (another act at the same instant is one). A cohort shows a period only when that period is over for all of
    its members, so a column of the triangle never mixes customers who had time to return with those who had not.

    - ``kind="period"``: acted in period k.
    - ``kind="cumulative"``: acted in any period up to k.
    - ``kind="rolling"``: acted in period k or later, up to the common end f + `periods` P. Only cohorts whose members
      all have that follow-up are shown, so the rates of a cohort never rise and those of two cohorts compare.

    The retention ratio of the field (新增交互客户数 / 新增客户数) is period 0 with `registered`: of the newly
    registered customers of a cohort, those with at least one act in their first period. The second and third periods
    are 1 and 2.

    Args:
        events: The log of acts: a person and a time per act.
        as_of: Until when the log is complete.
        period: A duration such as "30d" (exactly 30 times 24 hours), or "day" (calendar days of the declared time zone:
            period 1 is the next day, whatever the hour of the first act), "week" (7 such days: period 1 is days 7 to
            13), "month", "quarter", "year" (from the day of the first act to its anniversary; the 31st is the last day
            of a shorter month).
        periods: Number of periods.
        kind: "period", "cumulative" or "rolling".
        cohort: Calendar "day", "week", "month", "quarter" or "year" of the beginning in the declared time zone, "all",
            or a column of `registered` or of the log that holds one value per customer.
        registered: One row per customer with the time of registration (``time``; name it by
            ``columns={"customers": Columns(time=...)}``). Customers then begin at their registration, those who never
            acted stay in the cohort, and the first act counts as a return.
        level: Confidence level of Wilson's intervals.
        columns: The user's names of the columns, for ``"events"`` and ``"customers"``.

    Returns:
        The table: cohort, period, size, retained, rate, low, high. With ``kind="period"`` every cohort is tested for
        retention that rises with the period; finding REVERSE_TREND when it does at a Holm-adjusted p below 0.001 (rates
        that rise with the age of a cohort say that the service comes too early for these customers, or that another
        activity is taken for it: a hint, and nothing about its cause). Period 0 takes no part where the first act takes
        up its beginning. Fewer than 20 persons whose own periods have a slope are not tested.

    Raises:
        TableError: With every problem of the tables.
        DesignError: NONE_MATURE when no cohort has a single period in full.
        InputError: For options that cannot be used.

    References:
        Wilson (1927), Journal of the American Statistical Association 22:209. McNemar (1947), Psychometrika 12:153 (the
        trend test with two periods). Holm (1979), Scandinavian Journal of Statistics 6:65.

    Verified against: a loop over customers in plain Python (tests/oracles/retention.py) on made-up logs and on a public
    cohort of 23,570 customers; statsmodels' McNemar; size and power in tests/statistical/retention_designs.py. See
    docs/methods/retention.md.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> log = pd.DataFrame({"person_id": ["a", "a", "b", "b", "c"],
        ...                     "time": ["2026-01-05", "2026-02-20", "2026-01-10", "2026-01-20", "2026-01-25"]})
        >>> log["time"] = pd.to_datetime(log["time"], utc=True)
        >>> ex.retention(log, as_of="2026-06-30", periods=2).table()[["period", "size", "retained"]].values.tolist()
        [[0, 3, 1], [1, 3, 1]]
    """
    level = check_level(level)
    if kind not in _KINDS:
        raise InputError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}.")
    count = check_whole("periods", periods, least=1, most=_MOST)
    acts = read_acts(events, as_of=as_of, columns=columns)
    measure = periods_of(period, acts.zone, acts.table.roles.precision)
    people = cohorts_of(acts, registered, cohort, columns, measure)
    over = np.clip(measure.complete(people.begin, acts.as_of), 0, count)
    observed = np.full(len(people.names), count, np.int64)
    np.minimum.at(observed, people.cohort, over)
    shown = observed if kind != "rolling" else np.where(observed == count, count, 0)
    if not shown.any():
        raise DesignError(
            "NONE_MATURE", f"no cohort has been followed for {'all periods' if kind == 'rolling' else 'one period'} of "
            f"{period!r} at as_of={as_of!r}. Wait, or take shorter or fewer periods, or smaller cohorts.",
        )  # fmt: skip
    pairs = retained_pairs(acts, people, measure, count)
    cells = cell_counts(pairs, people, count, kind)
    first = 1 if people.own_act else 0
    trends = rising(pairs, people.cohort, observed, first=first) if kind == "period" else ()
    rows = _rows(people, shown, cells, level)
    settings = {
        "period": measure.name, "periods": count, "kind": kind, "cohort": cohort, "level": level, "as_of": str(as_of),
        "begin": "registration" if registered is not None else "first act", "timezone": acts.zone.key,
    }  # fmt: skip
    recipe = Recipe(
        method="retention",
        definitions=_definitions(kind, cohort, measure, begins="act" if people.own_act else "registration"),
        settings=settings,
        n={"customers": len(people.begin), "acts": len(acts.time)},
        fingerprint=fingerprint_of(acts),
    )
    told = (
        *acts.findings,
        *ended_early(acts, as_of),
        *people.findings,
        *_young(people, shown, count),
        *_rises(trends, people, rows),
    )
    return Retention(rows=rows, names=people.names, tested=trends, findings=told, recipe=recipe)


def _definitions(kind: str, cohort: str, measure: Periods, *, begins: str) -> tuple[str, ...]:
    """Codes of what was counted."""
    return (
        f"RETENTION.{kind}",
        f"RETENTION_STEP.{measure.name if measure.name in NAMED else measure.unit}",
        f"RETENTION_BEGIN.{begins}",
        f"RETENTION_COHORT.{cohort if cohort in (*NAMED, 'all') else 'column'}",
        "RETENTION_INTERVAL",
    )


def _rows(people: Cohorts, shown: NDArray[np.int64], cells: NDArray[np.int64], level: float) -> tuple[Retained, ...]:
    size = np.bincount(people.cohort, minlength=len(people.names))
    return tuple(
        Retained(
            cohort=place, period=number, size=int(size[place]), retained=int(cells[place, number]),
            share=share_estimate(int(cells[place, number]), int(size[place]), level=level),
        )
        for place in range(len(people.names))
        for number in range(int(shown[place]))
    )  # fmt: skip


def _young(people: Cohorts, shown: NDArray[np.int64], count: int) -> tuple[Finding, ...]:
    young = shown < count
    if not young.any():
        return ()
    size = np.bincount(people.cohort, minlength=len(people.names))
    values = {
        "cohorts": int(young.sum()), "n": len(people.names), "unseen": int((shown == 0).sum()), "periods": count,
        "persons": int(size[shown == 0].sum()),
    }  # fmt: skip
    return (Finding(code="COHORTS_TOO_YOUNG", status="note", values=values),)


def _rises(trends: tuple[Trend, ...], people: Cohorts, rows: tuple[Retained, ...]) -> tuple[Finding, ...]:
    """One finding per cohort whose retention rises."""
    made = []
    for trend in trends:
        if trend.p_adjusted is None or trend.p_adjusted >= TREND_ALARM:
            continue
        own = [row for row in rows if row.cohort == trend.cohort][-trend.periods :]
        values = {
            "cohort": str(people.names[trend.cohort]), "first": own[0].period, "last": own[-1].period,
            "rate_first": own[0].share.value, "rate_last": own[-1].share.value, "slope": trend.slope,
            "p_value": trend.p_value, "p_adjusted": trend.p_adjusted, "size": trend.size,
        }  # fmt: skip
        made.append(Finding(code="REVERSE_TREND", status="warn", values=values))
    return tuple(made)
