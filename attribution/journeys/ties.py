"""What orders touches of one person at one instant: the declared order, the touch id, else their content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.journeys.order import ranks

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.rules import Rules
    from attribution.touches import Touches

    Rank = Callable[[NDArray[np.int64]], NDArray[np.int64]]

__all__ = ["Ties"]


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """The tie breakers of touches under some rules.

    Attributes:
        touches: The touches.
        rules: The rules, for their `tie_order`.
    """

    touches: Touches
    rules: Rules

    def ranks(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Ranks of some rows, most important first; rows that are equal in all of them are equal in every column."""
        return [rank(rows) for rank in self.levels()]

    def levels(self) -> list[Rank]:
        """The same one by one: what no tie asks for is not looked at."""
        touches = self.touches
        declared: list[Rank] = [self._declared] if self.rules.tie_order else []
        if touches.touch is not None:
            return [*declared, lambda rows: ranks(_taken(touches.touch, rows))]
        roles, table = touches.table.roles, touches.table

        def column(name: str) -> Rank:
            return lambda rows: ranks(_taken(table.arrow(name), rows))

        others = table.other_columns([roles.person, roles.time, roles.channel])
        return [*declared, lambda rows: touches.channel.codes[rows].astype(np.int64), *map(column, others)]

    def _declared(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place in the declared order; what is not listed comes last."""
        touches, listed = self.touches, {key: place for place, key in enumerate(self.rules.tie_order)}
        kinds = [""] if touches.kind is None else [str(name) for name in touches.kind.names]
        table = np.array(
            [
                [
                    next((listed[key] for key in ((channel, kind), channel, ("*", kind)) if key in listed), len(listed))
                    for kind in kinds
                ]
                for channel in map(str, touches.channel.names)
            ],
            np.int64,
        ).reshape(len(touches.channel.names), len(kinds))
        kind = 0 if touches.kind is None else touches.kind.codes[rows]
        return np.asarray(table[touches.channel.codes[rows], kind], np.int64)


def _taken(array: pa.Array | None, rows: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    return pa.nulls(len(rows)) if array is None else array.take(pa.array(rows))
