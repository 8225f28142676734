"""What orders touches of one person at one instant: the declared order, the touch id, else their content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.journeys.order import ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.rules import Rules
    from attribution.touches import Touches

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
        import pyarrow as pa

        touches, wanted = self.touches, pa.array(rows)
        declared = [self._declared(rows)] if self.rules.tie_order else []
        if touches.touch is not None:
            return [*declared, ranks(touches.touch.take(wanted))]
        roles, table = touches.table.roles, touches.table
        others = table.other_columns([roles.person, roles.time, roles.channel])
        table.load(*others)
        return [*declared, touches.channel.codes[rows], *(ranks(table.arrow(name).take(wanted)) for name in others)]

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
