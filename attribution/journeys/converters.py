"""The touches of persons with a counted conversion, counted over the whole table: most of them serve none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.threads import in_blocks
from attribution.journeys.eligibility import last_times
from attribution.journeys.withheld import Withheld

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["ConvertersTouches", "converters_touches"]

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ConvertersTouches:
    """Counts of touches.

    Attributes:
        rows: All touches, those that were left where they are among them.
        strangers: Touches of persons without a counted conversion.
        withheld: Touches of the other persons by `attribution.journeys.withheld.Withheld`; first those that may take
            credit.
        after: Of these the ones after the last counted conversion of their person.
    """

    rows: int
    strangers: int
    withheld: list[int]
    after: int


def converters_touches(journeys: Journeys) -> ConvertersTouches:
    """Count the touches of every person."""
    layout, kinds = journeys.layout, max(Withheld) + 1
    keys, time, index = layout.touches.keys.words(), layout.touches.times, layout.index
    last = last_times(layout.counted.person, layout.counted.time)

    def block(start: int, stop: int) -> NDArray[np.int64]:
        code = index.codes_of(keys, start, stop)
        known = np.flatnonzero(code >= 0)
        after = time[start:stop][known] > last[code[known]]
        reason = np.zeros(len(known), np.int8) if layout.withheld is None else layout.withheld[start:stop][known]
        return np.append(np.bincount(reason, minlength=kinds), (after & (reason == 0)).sum())

    counts = np.sum([np.zeros(kinds + 1, np.int64), *in_blocks(block, len(keys), block=_BLOCK)], axis=0)
    rows, strangers, away = len(keys), len(keys) - int(counts[:kinds].sum()), layout.left_out
    if away is not None:
        rows, strangers = rows + away.rows, strangers + away.strangers
        counts += [*away.withheld, away.after]
    return ConvertersTouches(rows=rows, strangers=strangers, withheld=counts[:kinds].tolist(), after=int(counts[kinds]))
