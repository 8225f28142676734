"""What was carried out: touches, persons and kinds by channel, counted by the engine that holds the touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.core.columns import Columns
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table

if TYPE_CHECKING:
    from experiments.plan import Plan

__all__ = ["channel_activity"]


def channel_activity(plan: Plan, touches: Any) -> Records:
    """One row per channel and kind: touches and persons; small cells keep the count and lose the persons."""
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
            "persons": row["persons"] if row["persons"] >= plan.report.min_cell else None,
        }
        for row in counted
    ]
    fields = (Field("channel", "text"), Field("kind", "text"), Field("touches", "count"), Field("persons", "count"))
    return Records.from_rows(fields, rows)
