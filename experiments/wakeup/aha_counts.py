"""Actions of the first days and retention afterwards, for customers who could be watched through both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.wakeup.acts import Acts

__all__ = ["Observed", "observe"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Observed:
    """Customers who enter, in the order of their keys, and who did not.

    Attributes:
        counts: Actions in the first time.
        retained: Whether the customer was retained afterwards.
        customers: Customers of the table.
        recent: Customers whose windows are not over.
        left: Customers who left before the first time was over.
        before: Actions before their customer's start; they are not counted.
        before_persons: Customers with such actions.
        strangers: Persons of the log who are no customers of the table.
    """

    counts: NDArray[np.int64]
    retained: NDArray[np.bool_]
    customers: int
    recent: int
    left: int
    before: int
    before_persons: int
    strangers: int


def observe(
    acts: Acts,
    row: NDArray[np.int64],
    began: NDArray[np.int64],
    gone: NDArray[np.int64] | None,
    stayed: NDArray[np.bool_] | None,
    windows: tuple[int, int, int],
) -> Observed:
    """Count actions and retention.

    Args:
        acts: The log.
        row: For each person of the log the number of the customer; -1 for strangers.
        began: Start of each customer.
        gone: When each customer left; the smallest int64 for those who did not.
        stayed: Whether each customer was retained; None to see it in the log.
        windows: End of the first time, begin and end of retention, microseconds after the start.

    Raises:
        InputError: Nobody was observed long enough.
    """
    first, begin, end = windows
    size = len(began)
    owner = np.repeat(row, acts.counts)
    known = owner >= 0
    owner = owner[known]
    age = acts.time[known] - began[owner]
    early = (age >= 0) & (age < first)
    counts = np.bincount(owner[early], minlength=size)
    if stayed is None:
        later = (age >= begin) & (age < end)
        stayed = np.bincount(owner[later], minlength=size) > 0
    over = began <= acts.as_of - end  # the last moment of retention lies before the end of the data
    still = np.ones(size, bool) if gone is None else (gone == np.iinfo(np.int64).min) | (gone - began >= first)
    enters = over & still
    if not enters.any():
        raise InputError(
            f"none of {size:,} customers was observed to the end of the window of retention ({int((~over).sum()):,} "
            "started too late). Shorten the windows, or wait for later data."
        )
    return Observed(
        counts=counts[enters].astype(np.int64),
        retained=np.asarray(stayed, dtype=np.bool_)[enters],
        customers=size,
        recent=int(np.count_nonzero(~over)),
        left=int(np.count_nonzero(over & ~still)),
        before=int(np.count_nonzero(age < 0)),
        before_persons=len(np.unique(owner[age < 0])),
        strangers=int(np.count_nonzero(row < 0)),
    )
