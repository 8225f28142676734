"""Planned touches by channel and wave: from the plan's own numbers, or from the table of planned touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.columns import Columns
from attribution.core.tables import Problems, open_table
from attribution.core.values import labels, numbers

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence

__all__ = ["planned_touches"]


def planned_touches(evidence: Evidence, *, by_wave: bool) -> dict[tuple[str, str], int]:
    """Planned touches by channel and wave, "" for all waves together; the table counts where both are given.

    Args:
        evidence: The results.
        by_wave: Whether touches are counted by wave.

    Raises:
        TableError: With every problem of the table.
    """
    plan, table = evidence.plan, evidence.tables.get("planned")
    if table is None:
        declared = {} if plan.execution is None else plan.execution.planned
        return {(str(channel), ""): int(number) for channel, number in declared.items()}
    opened = open_table(table, "planned", Columns(), problems=Problems(), required=("channel",))
    opened.require_names("planned")
    channel = labels(opened, "channel", missing=None)
    number = numbers(opened, "planned", minimum=0.0) if "planned" in opened.names else None
    wave = labels(opened, "wave") if "wave" in opened.names else None
    opened.problems.raise_if_any()
    if channel is None or number is None:  # unreachable: what is missing has been raised
        return {}
    waves = [""] * len(channel) if wave is None or not by_wave else [str(name) for name in wave.values()]
    made: dict[tuple[str, str], int] = {}
    for name, which, count in zip(channel.values(), waves, number.tolist(), strict=True):
        made[str(name), which] = made.get((str(name), which), 0) + round(count)
    return made
