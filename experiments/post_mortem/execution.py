"""What was carried out: touches, persons and kinds by channel, counted by the engine that holds the touches."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table

if TYPE_CHECKING:
    from attribution.core.columns import Columns
    from experiments.plan import Plan

__all__ = ["assigned_days", "channel_activity"]


def channel_activity(plan: Plan, touches: Any) -> tuple[Records, int]:
    """One row per channel and kind, and how many groups of fewer persons than ``report.min_cell`` are left out."""
    roles: Columns = plan.columns()["touches"]
    table = open_table(touches, "touches", roles, problems=Problems(), required=("person", "channel"))
    table.problems.raise_if_any()
    keys = [roles.channel, *([roles.kind] if table.has("kind") else [])]
    counted = (
        table.lazy()
        .group_by(keys)
        .agg(nw.len().alias("touches"), nw.col(roles.person).n_unique().alias("persons"))
        .collect("pyarrow")
        .sort(keys)
        .to_arrow()
        .to_pylist()
    )
    rows = [
        {
            "channel": row[roles.channel],
            "kind": row.get(roles.kind, ""),
            "touches": row["touches"],
            "persons": row["persons"],
        }
        for row in counted
        if row["persons"] >= plan.report.min_cell
    ]
    fields = (Field("channel", "text"), Field("kind", "text"), Field("touches", "count"), Field("persons", "count"))
    return Records.from_rows(fields, rows), len(counted) - len(rows)


def assigned_days(plan: Plan, assignment: Any) -> tuple[date, date, bool] | None:
    """The first and the last day of assignment, and whether days are counted in UTC; None without times."""
    roles: Columns = plan.columns()["assignment"]
    table = open_table(assignment, "assignment", roles, problems=Problems(), optional=("assigned_at",))
    if not table.has("assigned_at"):
        return None
    column = nw.col(roles.assigned_at)
    ends = table.lazy().select(column.min().alias("first"), column.max().alias("last")).collect("pyarrow")
    (row,) = ends.to_arrow().to_pylist()
    first, last = row["first"], row["last"]
    if not isinstance(first, date) or not isinstance(last, date):
        return None
    zone = ZoneInfo(roles.timezone) if roles.timezone else None
    in_utc = isinstance(first, datetime) and zone is None and str(first.tzinfo) in ("UTC", "Etc/UTC", "+00:00")
    return _day(first, zone), _day(last, zone), in_utc


def _day(value: date, zone: ZoneInfo | None) -> date:
    """The day of an instant in the declared zone, else in the zone that it carries."""
    if not isinstance(value, datetime):
        return value
    return (value.astimezone(zone) if zone is not None and value.tzinfo is not None else value).date()
