"""What is known only after assignment may not define groups of persons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.errors import DesignError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KNOWN_POST", "refuse_post"]

KNOWN_POST = frozenset({
    "answered", "opened", "clicked", "touches", "n_touches", "woken", "value", "orders", "touch_cost",
    "incentive_cost", "cost", "closed", "closed_at",
})  # fmt: skip
"""Columns that are known only after assignment, whatever the table."""


def refuse_post(columns: Iterable[str], post: Iterable[str], *, use: str) -> None:
    """Raise DesignError POST_ASSIGNMENT when a column known only after assignment defines arms or strata."""
    late = {*KNOWN_POST, *post}
    for name in columns:
        if name in late:
            raise DesignError(
                "POST_ASSIGNMENT",
                f"the column {name!r} is known only after assignment, so it cannot be {use}: persons who answered, "
                "opened or returned differ from the others before any effect. Compare the arms as assigned; for the "
                "effect among those who were reached use complier_effect.",
            )
