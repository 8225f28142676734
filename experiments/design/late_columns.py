"""Columns known only after the assignment: they define no arm, stratum, segment, covariate or audience."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError
from experiments.moments import value_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attribution.core.tables import Table

__all__ = ["KNOWN_POST", "refuse_disguised", "refuse_post"]

KNOWN_POST = frozenset({
    "answered", "opened", "clicked", "touches", "n_touches", "woken", "value", "orders", "touch_cost",
    "incentive_cost", "fixed_cost", "cost", "closed", "closed_at", "delivered", "reached", "bounced", "unsubscribed",
    "n_clicks", "n_opens", "converted", "接通", "打开", "点击", "送达", "触达", "唤醒",
})  # fmt: skip
"""Columns that are known only after assignment, whatever the table."""

_FEWEST = (
    20  # events, and persons in a group of nothing but events, before a column can be taken for a copy (judgement)
)


def refuse_post(columns: Iterable[str], post: Iterable[str], *, use: str) -> None:
    """Raise DesignError POST_ASSIGNMENT when a column known only after assignment defines arms or strata.

    Args:
        columns: The columns in question.
        post: Further columns that are known only after assignment.
        use: What the columns are used as, for the message.
    """
    late = {*KNOWN_POST, *post}
    for name in columns:
        if name in late:
            raise DesignError(
                "POST_ASSIGNMENT",
                f"the column {name!r} is known only after assignment, so it cannot be {use}: persons who answered, "
                "opened or returned differ from the others before any effect. Compare the arms as assigned; for the "
                "effect among those who were reached use complier_effect.",
            )


def refuse_disguised(table: Table, columns: Sequence[str], *, outcome: str, use: str) -> None:
    """Raise DesignError POST_ASSIGNMENT when the values of a column decide the outcome, whatever the column is called.

    A column whose every value goes with the event for all persons or for none, and with it for at least 20 persons of
    one value, is the outcome under another name: nothing known before the assignment is so sure of a return.

    Args:
        table: The opened outcomes.
        columns: The columns that define strata or segments.
        outcome: A column of 0 and 1 known only after assignment.
        use: What the columns are used as, for the message.
    """
    for name in columns:
        if outcome not in table.names or name == outcome:
            continue
        counted = value_counts(table, keys=(name,), columns=(outcome,))
        if counted is None:
            continue
        known = ~np.isnan(counted.values[0])
        size = len(counted.cells)
        persons = np.bincount(counted.cell[known], weights=counted.count[known], minlength=size)
        events = np.bincount(
            counted.cell[known], weights=counted.count[known] * (counted.values[0][known] != 0.0), minlength=size
        )
        told = bool(np.all((events == 0) | (events == persons))) and events.max(initial=0.0) >= _FEWEST
        if told and (events == 0).any():
            raise DesignError(
                "POST_ASSIGNMENT",
                f"the column {name!r} decides {outcome!r} for every person, so it was known only after assignment and "
                f"cannot be {use}. Use columns fixed before the assignment.",
            )
