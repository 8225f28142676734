"""After which purchase does a customer stay? Customers by the order of their acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.durations import MICROSECONDS_PER_DAY, duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.randomness import check_repeats
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.whole import check_whole
from experiments.inference.proportions import share_estimate
from experiments.inference.survival import product_limit
from experiments.wakeup.act_days import acts_in_days
from experiments.wakeup.acts import read_acts, span
from experiments.wakeup.dormancy_cells import Patterns
from experiments.wakeup.dormancy_spells import NEVER
from experiments.wakeup.nth_purchase_result import NthPurchase, NthRow
from experiments.wakeup.nth_purchase_step import find_step

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.estimates import Estimate
    from experiments.wakeup.acts import Acts
    from experiments.wakeup.nth_purchase_step import HazardStep

__all__ = ["nth_purchase"]

messages.register("experiments")

_MOST = 40


def nth_purchase(  # noqa: PLR0913 - the log, the clock and the step
    events: object,
    *,
    as_of: str | date | datetime,
    silent_after: str | timedelta = "180d",
    value: str | None = None,
    up_to: int = 20,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
    columns: ColumnsLike = None,
) -> NthPurchase:
    """Follow customers from act to act: who stops after the first, the second, the nth?

    Estimand: among customers whose nth act lies at least `silent_after` before `as_of`, the share without a next act
    within `silent_after` (the hazard of stopping). Everybody counted was followed long enough, whatever came later;
    who came back after that is a late return and stays among the stopped. Two acts at one instant are two acts. The
    step is the order at which the hazard changes most, as one step of a constant: a description of a curve that may
    well fall smoothly. That customers with many acts stay is no sign that more acts would make others stay.

    Args:
        events: The acts: person and time.
        as_of: Until when the log is complete: a date (its end), an aware datetime, or ISO 8601 text.
        silent_after: Silence after which a customer counts as having stopped.
        value: A column with the value of each act, for the Pareto curve of value.
        up_to: Last order with a row, at most 40; the step is sought among these.
        level: Confidence level.
        replicates: Redrawn logs for the interval of the step.
        seed: Seed of the draws.
        columns: The user's names of the columns, for the table "events".

    Returns:
        One row per order, and ``step``.

    Raises:
        TableError: For unusable tables.
        InputError: When nobody has been followed for `silent_after` since the first act, an `up_to` outside 1 to 40,
            fewer than 100 replicates, and as `read_acts`.

    References:
        Wilson (1927), JASA 22:209. Hinkley (1970), Biometrika 57:1 (a change-point by likelihood). Yao (1988),
        Statistics & Probability Letters 6:181 (by Schwarz' criterion). Kaplan and Meier (1958), JASA 53:457.

    Verified against: tests/oracles/dormancy.py (plain pandas and loops) on CDNOW and on random logs; simulated logs
    with one step. See docs/methods/nth-purchase.md.

    Example:
        >>> import pandas as pd, experiments as ex
        >>> day = pd.Timestamp("2026-01-01", tz="UTC")
        >>> log = pd.DataFrame({"person_id": ["a", "a", "b", "c"], "time": [day, day + pd.Timedelta("9D"), day, day]})
        >>> found = ex.nth_purchase(log, as_of="2026-06-30", silent_after="30d")
        >>> found.table()[["nth", "reached", "stopped", "customers"]].values.tolist()
        [[1, 3, 2, 2], [2, 1, 1, 1]]
    """
    level = check_level(level)
    silent = span(silent_after, "silent_after")
    up_to = check_whole("up_to", up_to, least=1, most=_MOST)
    replicates = check_repeats("replicates", replicates, least=100)
    acts = acts_in_days(read_acts(events, as_of=as_of, columns=columns))
    orders = min(up_to, int(acts.counts.max()))
    numbers = None if value is None else acts.numbers(value)
    nth = np.arange(len(acts.time)) - acts.start[acts.person]
    following = acts.next_time(NEVER)
    mature = acts.time + silent < acts.as_of
    if not mature.any():
        raise InputError(
            f"nobody has been followed for silent_after={silent_after!r} since the first act: the log begins less than "
            f"that before as_of={as_of!r}. Shorten silent_after, or wait."
        )
    stopped = mature & (following > acts.time + silent)
    late = stopped & (following < NEVER)
    rows = _rows(acts, (mature, stopped, late, following), orders, numbers, level)
    step = find_step(_patterns(acts, nth, mature, stopped, rows), level=level, replicates=replicates, seed=seed)
    settings: dict[str, object] = {
        "silent_after": duration_text(parse_duration(silent_after)), "as_of": str(as_of), "level": level,
        "value": value or "", "up_to": up_to, "replicates": replicates, "seed": seed,
    }  # fmt: skip
    more = int(np.count_nonzero(acts.counts > orders))
    told = (Finding(code="MORE_ORDERS", status="note", values={"customers": more, "up_to": orders,
            "share": more / len(acts.counts)}),) if more else ()  # fmt: skip
    return NthPurchase(
        rows=rows, step=step, with_value=value is not None,
        findings=(*acts.findings, *told, _told(step)),
        recipe=Recipe(
            method="nth_purchase", definitions=("NTH_PURCHASE",), settings=settings,
            n={"acts": len(acts.time), "persons": len(acts.persons)},
            fingerprint=fingerprint({"person": acts.persons.take(acts.person), "time": acts.time}),
        ),
    )  # fmt: skip


def _rows(
    acts: Acts,
    marks: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]],
    orders: int,
    numbers: NDArray[np.float64] | None,
    level: float,
) -> tuple[NthRow, ...]:
    mature, stopped, late, following = marks
    each = acts.counts
    counts = np.minimum(each, orders + 1)
    exact = np.bincount(counts, minlength=orders + 2)
    value = None if numbers is None else acts.totals(numbers)
    by_count = None if value is None else np.bincount(counts, weights=value, minlength=orders + 2)
    total = 0.0 if by_count is None else float(by_count.sum())
    rows: list[NthRow] = []
    customers, money = 0, 0.0
    for order in range(orders):
        mine = acts.start[:-1][each > order] + order
        reached, ended = int(np.count_nonzero(mature[mine])), int(np.count_nonzero(stopped[mine]))
        customers += int(exact[order + 1])
        own = None if by_count is None else float(by_count[order + 1])
        money += own or 0.0
        known = own is not None and total > 0.0
        rows.append(NthRow(
            nth=order + 1, reached=reached, stopped=ended, hazard=share_estimate(ended, reached, level=level),
            late=int(np.count_nonzero(late[mine])), customers=int(exact[order + 1]),
            share=int(exact[order + 1]) / len(each), cumulative=customers / len(each),
            next_days=_next(acts, mine, following, level), value=own,
            value_share=own / total if own is not None and known else None,
            value_cumulative=money / total if known else None,
        ))  # fmt: skip
    return tuple(rows)


def _next(acts: Acts, mine: NDArray[np.int64], following: NDArray[np.int64], level: float) -> Estimate:
    """Median days to the next act, by Kaplan-Meier."""
    last = np.minimum(following[mine], acts.as_of - 1)
    days = (last - acts.time[mine]) / MICROSECONDS_PER_DAY
    return product_limit(days, following[mine] < NEVER).quantile(0.5, level=level)


def _patterns(
    acts: Acts, nth: NDArray[np.int64], mature: NDArray[np.bool_], stopped: NDArray[np.bool_], rows: tuple[NthRow, ...]
) -> Patterns:
    """Persons by how many of their acts are mature and at which of them they stopped."""
    orders = sum(row.reached > 0 for row in rows)
    counted = mature & (nth < orders)
    persons = len(acts.counts)
    depth = np.bincount(acts.person[counted], minlength=persons)
    ends = counted & stopped
    # Sums of distinct powers of two below 2^40 are exact.
    bits = np.bincount(acts.person[ends], weights=np.exp2(nth[ends]), minlength=persons).astype(np.int64)
    kinds, count = np.unique(bits * 64 + depth, return_counts=True)
    places = np.arange(orders)
    reached = places[None, :] < (kinds % 64)[:, None]
    ended = ((kinds // 64)[:, None] >> places[None, :]) & 1
    return Patterns(rows=np.concatenate((reached, ended), axis=1).astype(np.float64), count=count.astype(np.int64))


def _told(step: HazardStep) -> Finding:
    if step.nth.value is None or step.before is None or step.after is None:
        return Finding(code="NO_HAZARD_STEP", status="note", values={"support": step.support})
    values = {
        "nth": int(step.nth.value), "low": step.nth.low, "high": step.nth.high, "before": step.before,
        "after": step.after, "support": step.support, "level": step.nth.level,
    }  # fmt: skip
    return Finding(code="HAZARD_STEP" if step.after < step.before else "HAZARD_RISES", status="note", values=values)
