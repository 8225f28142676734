"""Which link of the growth chain moved: penetration, buyers, repurchase, orders, ticket?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table
from attribution.core.values import numbers, same_key_kind
from experiments.inference.tails import critical_value
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.growth_parts import chain_levels, check_parts, lmdi_parts, shapley_parts
from experiments.wakeup.growth_result import GrowthChain, GrowthFactor
from experiments.wakeup.states_customers import persons_once

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table

__all__ = ["FEWEST_PERSONS", "STAGES", "growth_chain"]

messages.register("experiments")

STAGES = ("base", "reached", "buyers", "orders", "value")
FEWEST_PERSONS = (
    30  # persons with something in the last stage, in each period, below which no interval is given (judgement)
)
_MOST_STAGES = 12
_STEP = 1e-30
_SMALLEST, _LARGEST = 1e-100, 1e100
_NAMES = {
    ("base", "reached"): "penetration", ("reached", "buyers"): "buyer_rate", ("base", "buyers"): "buyer_rate",
    ("buyers", "repeat_buyers"): "repurchase", ("repeat_buyers", "orders"): "orders_per_repeat_buyer",
    ("buyers", "orders"): "orders_per_buyer", ("orders", "value"): "ticket", ("buyers", "value"): "value_per_buyer",
}  # fmt: skip
_PARTS: dict[str, Callable[[Sequence[complex], Sequence[complex]], list[complex]]] = {
    "lmdi": lmdi_parts,
    "shapley": shapley_parts,
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Period:
    """One period: totals, and the rows behind them when there are any."""

    totals: tuple[float, ...]
    repeat: float | None
    persons: pa.Array | None
    rows: NDArray[np.float64] | None
    table: Table | None


def growth_chain(
    before: object,
    after: object,
    *,
    stages: Sequence[str] = STAGES,
    method: Literal["lmdi", "shapley"] = "lmdi",
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> GrowthChain:
    """Decompose the change of value between two periods along the growth chain, exactly.

    Value is a product along the chain: customers of the platform (`base`) x penetration (`reached` / base) x buyer rate
    (`buyers` / reached) x orders per buyer x ticket (value / orders). Each factor's part of the change is

    - ``"lmdi"``: L(V1, V0) ln(x1 / x0) with the logarithmic mean L(a, b) = (a - b) / ln(a / b). Exact, the same in both
      directions of time, and the parts of two links put together are the part of their product.
    - ``"shapley"``: the mean over all orders in which the factors can be moved. Exact too; the parts depend on how
      finely the chain is cut.

    The parts describe how the numbers moved together. They are **no effects**: that penetration makes up most of the
    growth does not say that raising penetration would raise the value.

    Args:
        before: The first period: a mapping of the totals of all stages, or a table with one row per customer and a
            column per stage (see `growth_period`; the column ``base`` may be absent: every row counts 1).
        after: The second period, of the same kind or not.
        stages: The totals, in the order of the chain; the last one is the value. Any two or more names of your own are
            possible; with ``"repeat_buyers"`` between buyers and orders repurchase is a link of its own.
        method: "lmdi" or "shapley".
        level: Confidence level of the intervals.
        columns: The user's names of the columns, for ``"customers"``.

    Returns:
        One row per link. With rows of persons in both periods there are intervals: persons are the sampling unit, a
        person of both periods moves in both at once, their number is random as well (uncentred sums of squares), and
        the parts are linearised in the totals. Without rows there is none, and the finding GROWTH_DESCRIPTION says so.
        Where a total is 0 in one period, the chain breaks off there: that factor takes the whole change ("lmdi"), later
        ones have no level (note BEHIND_ZERO) and no interval is given.

    Raises:
        TableError: With every problem of the tables.
        InputError: For totals that are negative, not finite or missing, a total above 0 behind one that is 0, or stages
            and methods that cannot be used. A negative value (refunds) has no logarithm: use "shapley".
        ConservationError: When the parts do not sum to the change (an error of the library).

    References:
        Ang (2005), Energy Policy 33:867 (LMDI-I); Ang and Liu (2007), Energy Policy 35:238 (zeros); Sun (1998), Energy
        Economics 20:85, and Albrecht, Francois and Schoors (2002), Energy Policy 30:727 (Shapley).

    Verified against: base R on the published formula and rational arithmetic over all orders (tests/references/growth,
    tests/oracles/growth.py), the path integral of the logarithmic mean in 50 digits, intervals by simulation.

    Example:
        >>> import experiments as ex
        >>> before = {"base": 1_000, "reached": 200, "buyers": 40, "orders": 80, "value": 8_000}
        >>> after = {"base": 1_100, "reached": 330, "buyers": 60, "orders": 120, "value": 10_800}
        >>> found = ex.growth_chain(before, after)
        >>> [(row["link"], round(row["contribution"])) for row in found.to_dicts()]
        [('base', 889), ('penetration', 3783), ('buyer_rate', -889), ('orders_per_buyer', 0), ('ticket', -983)]
        >>> round(sum(row["contribution"] for row in found.to_dicts()), 6), found.change
        (2800.0, 2800.0)
    """
    level = check_level(level)
    names = _checked_stages(stages)
    if method not in _PARTS:
        raise InputError(f"method must be one of {', '.join(_PARTS)}, got {method!r}.")
    periods = [_read(given, which, names, columns) for given, which in ((before, "before"), (after, "after"))]
    _check_totals(periods, names, method)
    old, new = periods[0].totals, periods[1].totals
    parts = [float(part.real) for part in _PARTS[method](old, new)]
    change = new[-1] - old[-1]
    check_parts(parts, change, max(abs(old[-1]), abs(new[-1])))
    errors, why = _errors(periods[0], periods[1], method)
    factors = _factors(names, periods, parts, (errors, critical_value(level, "two")))
    findings = _no_interval(why)
    known = [period.repeat for period in periods]
    repurchase = None
    if "buyers" in names and None not in known:
        place = names.index("buyers")
        repurchase = tuple(_over(period.repeat, period.totals[place]) for period in periods)
    recipe = Recipe(
        method=f"growth_chain, {method}",
        definitions=(f"GROWTH_{method.upper()}", "GROWTH_NO_EFFECT", *(() if errors is None else ("GROWTH_INTERVAL",))),
        settings={"stages": ", ".join(names), "method": method, "level": level},
        n={
            which: 0 if one.rows is None else len(one.rows)
            for which, one in zip(("before", "after"), periods, strict=True)
        },
        fingerprint=fingerprint({"before": np.array(old), "after": np.array(new), "stage": list(names)}),
    )
    totals = Records((Field("stage", "text"), Field("before"), Field("after")), (list(names), list(old), list(new)))
    return GrowthChain(
        factors=factors, totals=totals, change=change, repurchase=repurchase,  # type: ignore[arg-type]
        findings=findings, recipe=recipe,
    )  # fmt: skip


def _no_interval(why: str) -> tuple[Finding, ...]:
    """Why the parts carry no interval."""
    if why == "no rows":
        return (Finding(code="GROWTH_DESCRIPTION", status="note", values={}),)
    if why == "few persons":
        return (Finding(code="GROWTH_FEW_PERSONS", status="note", values={"fewest": FEWEST_PERSONS}),)
    if why == "zero":
        return (Finding(code="GROWTH_ZERO_TOTAL", status="note", values={}),)
    return ()


def _over(part: float | None, whole: float) -> float | None:
    return None if part is None or not whole else part / whole


def _checked_stages(stages: object) -> tuple[str, ...]:
    if isinstance(stages, str) or not isinstance(stages, Sequence) or not all(isinstance(one, str) for one in stages):
        raise InputError(f"stages must be a sequence of names, got {stages!r}.")
    names = tuple(str(one) for one in stages)
    if not 2 <= len(names) <= _MOST_STAGES or len(set(names)) < len(names) or not all(names):
        raise InputError(f"stages must be 2 to {_MOST_STAGES} different names, the last one the value, got {names!r}.")
    return names


def _read(given: object, which: str, names: tuple[str, ...], columns: ColumnsLike) -> _Period:
    if isinstance(given, Mapping):
        missing = [name for name in names if name not in given]
        if missing:
            raise InputError(f"{which} lacks the totals {', '.join(missing)}. Give all stages: {', '.join(names)}.")
        totals = tuple(_total(given[name], which, name) for name in names)
        repeat = given.get("repeat_buyers")
        repeat = None if repeat is None else _total(repeat, which, "repeat_buyers")
        return _Period(totals=totals, repeat=repeat, persons=None, rows=None, table=None)
    return _read_rows(given, which, names, columns)


def _total(value: object, which: str, name: str) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(value, (bool, str)) or not math.isfinite(found):
        raise InputError(f"{which}[{name!r}] must be a finite number, got {value!r}.")
    if found and not _SMALLEST < abs(found) < _LARGEST:
        raise InputError(f"{which}[{name!r}] must be 0 or between {_SMALLEST:g} and {_LARGEST:g}, got {value!r}.")
    return found


def _read_rows(given: object, which: str, names: tuple[str, ...], columns: ColumnsLike) -> _Period:
    """One row per customer; every stage but a missing base is a column."""
    problems = Problems()
    table = open_table(given, which, columns_for(columns, "customers"), problems=problems, required=("person",))
    persons = persons_once(table)
    free = "base" if names[0] == "base" and "base" not in table.names else ""
    table.require_names(*(name for name in names if name != free))
    found = [
        np.ones(table.rows) if name == free else numbers(table, name, minimum=None if name == names[-1] else 0.0)
        for name in names
        if name == free or name in table.names
    ]
    repeated = numbers(table, "repeat_buyers", minimum=0.0) if "repeat_buyers" in table.names else None
    problems.raise_if_any()
    rows = np.column_stack([column for column in found if column is not None])
    totals = tuple(math.fsum(column) for column in rows.T.tolist())
    repeat = None if repeated is None else math.fsum(repeated.tolist())
    return _Period(totals=totals, repeat=repeat, persons=persons, rows=rows, table=table)


def _check_totals(periods: Sequence[_Period], names: tuple[str, ...], method: str) -> None:
    for which, period in zip(("before", "after"), periods, strict=True):
        for name, total in zip(names[:-1], period.totals[:-1], strict=True):
            if total < 0.0:
                raise InputError(f"{which}: the total of {name!r} is {total:g}; only the last stage may be negative.")
        if period.totals[-1] < 0.0 and method == "lmdi":
            raise InputError(
                f'{which}: {names[-1]!r} is {period.totals[-1]:g}, which has no logarithm. Use method="shapley".'
            )
        for (name, total), (following, later) in pairwise(zip(names, period.totals, strict=True)):
            if not total and later:
                raise InputError(
                    f"{which}: {name!r} is 0, but {following!r} behind it is {later:g}; a chain cannot go on behind a "
                    "0. Check the totals, or leave the stage out of stages=."
                )


def _errors(before: _Period, after: _Period, method: str) -> tuple[list[float] | None, str]:
    """Standard errors of the parts, or None with the reason."""
    if before.rows is None or after.rows is None or before.persons is None or after.persons is None:
        return None, "no rows"
    if before.table is not None and after.table is not None:
        same_key_kind([(before.table, before.persons), (after.table, after.persons)], "person")
        after.table.problems.raise_if_any()
    if not all((*before.totals, *after.totals)):
        return None, "zero"
    if min(np.count_nonzero(period[:, -1]) for period in (before.rows, after.rows)) < FEWEST_PERSONS:
        return None, "few persons"
    slopes = _slopes(before.totals, after.totals, method)
    n = len(before.totals)
    (old, new), _ = number_keys(before.persons, after.persons)
    persons = int(max(old.max(), new.max())) + 1
    found = []
    for slope in slopes:
        moved = np.bincount(old, weights=before.rows @ slope[:n], minlength=persons)
        moved += np.bincount(new, weights=after.rows @ slope[n:], minlength=persons)
        found.append(math.sqrt(math.fsum((moved * moved).tolist())))
    return found, ""


def _slopes(before: Sequence[float], after: Sequence[float], method: str) -> NDArray[np.float64]:
    """Derivatives of every part by every total of both periods: by a complex step, exact to rounding."""
    both = [*before, *after]
    n = len(before)
    columns = []
    for place, total in enumerate(both):
        step = _STEP * max(1.0, abs(total))
        moved: list[complex] = list(both)
        moved[place] = complex(total, step)
        columns.append([complex(part).imag / step for part in _PARTS[method](moved[:n], moved[n:])])
    return np.array(columns).T


def _name(names: tuple[str, ...], place: int) -> str:
    """The name of a factor: a total over the one before it."""
    if place == 0:
        return names[0]
    pair = (names[place - 1], names[place])
    return _NAMES.get(pair, f"{pair[1]}/{pair[0]}")


def _factors(
    names: tuple[str, ...],
    periods: Sequence[_Period],
    parts: Sequence[float],
    spread: tuple[list[float] | None, float],
) -> tuple[GrowthFactor, ...]:
    errors, critical = spread
    levels = [[None if level is None else float(level.real) for level in chain_levels(one.totals)] for one in periods]
    change = periods[1].totals[-1] - periods[0].totals[-1]
    rows = []
    for place, part in enumerate(parts):
        low, high = levels[0][place], levels[1][place]
        half = None if errors is None else critical * errors[place]
        rows.append(
            GrowthFactor(
                link=_name(names, place),
                level_before=low, level_after=high, contribution=part,
                contribution_low=None if half is None else part - half,
                contribution_high=None if half is None else part + half,
                share_of_change=part / change if change else None,
                note="BEHIND_ZERO" if low is None or high is None else "" if change else "NOTHING_CHANGED",
            )
        )  # fmt: skip
    return tuple(rows)
