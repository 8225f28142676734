"""Acts of day precision on the calendar, so that a day of silence is a day also where the clocks change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.wakeup.states_kernel import local_day, local_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.wakeup.acts import Acts

__all__ = ["acts_in_days", "days_of"]


def acts_in_days(acts: Acts) -> Acts:
    """With day precision the acts at midnights of clocks that never change; otherwise the acts as they are."""
    if acts.table.roles.precision != "day":
        return acts
    end = int(local_time(np.array([acts.as_of], dtype=np.int64), acts.zone)[0])
    return replace(acts, time=local_day(acts.time, acts.zone), as_of=end)


def days_of(when: NDArray[np.int64], acts: Acts) -> NDArray[np.int64]:
    """Other instants beside such acts: the day they lie on, because nobody knows the hour of the acts of that day."""
    return local_day(when, acts.zone) if acts.table.roles.precision == "day" else when
