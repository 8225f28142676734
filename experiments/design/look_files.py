"""A log of looks as rows of a table, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.design.look_cells import compare_look, count_of, log_changed, number_of, rows_of_log
from experiments.design.look_entry import ArmReading, as_day
from experiments.inference.sequential.spending import spending_from_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.records import Field
    from experiments.design.looks import Looks

__all__ = ["look_rows", "read_looks"]

_PLAN = ("planned", "control", "metric", "metric_kind", "method", "level", "side", "least")
_MADE = ("matured", "fraction", "bound", "p_value")


def look_rows(log: Looks) -> list[dict[str, object]]:
    """One row per look and arm; the plan is repeated in each, so that a file holds all of it."""
    plan, rows = log.plan, []
    days = {day: number for number, day in enumerate(dict.fromkeys(look.day for look in log.looks), start=1)}
    for look in log.looks:
        seen = look.reading
        rows.append(
            {
                "look": days[look.day], "date": look.day, "arm": look.arm, "control": plan.control,
                "matured": look.matured, "planned": plan.planned, "fraction": look.matured / plan.planned, "n": look.n,
                "n_control": look.n_control, "events": look.events, "events_control": look.events_control,
                "difference": seen.difference, "standard_error": seen.standard_error, "z": seen.z, "bound": look.bound,
                "low": seen.low, "high": seen.high, "p_value": look.p_value, "decision": look.decision,
                "final": "yes" if look.final else "no", "metric": plan.metric, "metric_kind": plan.kind,
                "method": plan.told, "level": plan.level, "side": plan.side, "least": plan.least, "note": look.note,
            }
        )  # fmt: skip
    return rows


def read_looks(kind: type[Looks], table: object, fields: Sequence[Field]) -> Looks:
    """Carry out `Looks.read`."""
    rows = rows_of_log(table, [field.name for field in fields if field.name != "note"])
    if not rows:
        raise InputError("the table of looks has no rows, so it holds no plan. Declare a new log with Looks(...).")
    _no_empty_text(rows)
    rows.sort(key=lambda row: count_of(row, "look"))  # stable: a table may come back in another order
    first = rows[0]
    for name in _PLAN:
        if any(row[name] != first[name] for row in rows):
            raise log_changed(f"the column {name!r} differs between looks; the plan is fixed before the first one")
    looks: dict[int, dict[str, dict[str, Any]]] = {}
    for row in rows:
        look, arm = looks.setdefault(count_of(row, "look"), {}), str(row["arm"])
        if arm in look:
            raise log_changed(f"look {row['look']} has more than one row of the arm {arm!r}")
        look[arm] = row
    log = _declared(kind, first, tuple(next(iter(looks.values()))))
    for group in looks.values():
        log = _again(log, group)
    for made in look_rows(log):
        compare_look(looks[count_of(made, "look")][str(made["arm"])], made, numbers=_MADE, words=("decision", "final"))
    return log


def _no_empty_text(rows: Sequence[dict[str, Any]]) -> None:
    """Some readers of CSV take names such as NA or None for empty cells."""
    for name in ("arm", "control", "metric", "decision", "final"):
        empty = sum(row[name] is None or row[name] != row[name] for row in rows)
        if empty:
            raise InputError(
                f"the column {name!r} of the log has {empty} empty cell(s). If a name in it is a word such as NA or "
                "None, read the file without taking these for missing values (in pandas keep_default_na=False)."
            )


def _declared(kind: type[Looks], row: dict[str, Any], arms: tuple[str, ...]) -> Looks:
    method, _, spending = str(row["method"]).partition(" ")
    return kind(
        planned=count_of(row, "planned"),
        arms=arms,
        control=str(row["control"]),
        metric=str(row["metric"]),
        kind=row["metric_kind"],
        method=method,  # type: ignore[arg-type]
        spending=spending_from_text(spending) if spending else "obrien_fleming",
        level=float(row["level"]),
        side=row["side"],
        least=count_of(row, "least"),
    )


def _again(log: Looks, rows: dict[str, dict[str, Any]]) -> Looks:
    """Take one look of the table again."""
    plan = log.plan
    days = sorted({as_day(row["date"]).isoformat() for row in rows.values()})
    day = days[0]
    if len(days) > 1:
        raise log_changed(f"the rows of one look name different days, {', '.join(days)}")
    if set(rows) != set(plan.arms):
        raise log_changed(f"on {day} the arms are {sorted(rows)!r}, and the plan holds {sorted(plan.arms)!r}")
    some = rows[plan.arms[0]]
    matured = {arm: count_of(row, "n") for arm, row in rows.items()} | {plan.control: count_of(some, "n_control")}
    events = {arm: count_of(row, "events") for arm, row in rows.items()} | {
        plan.control: count_of(some, "events_control")
    }

    def read(arm: str, bound: float | None) -> ArmReading:
        named = {name: number_of(rows[arm], name) for name in ("difference", "standard_error", "z", "low", "high")}
        if bound is not None and named["z"] is not None:  # JSON has no infinite numbers
            for end, open_end in (("low", -math.inf), ("high", math.inf)):
                named[end] = open_end if named[end] is None else named[end]
        return ArmReading(**named)

    return log.extended(day, matured=matured, events=events, read=read, final=str(some["final"]) == "yes")
