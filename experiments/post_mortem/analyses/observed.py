"""What the analyses of the customers' own activity share: their log, and the answer where it is too short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attribution.core.errors import DesignError, InputError, TableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.plan.dormant import PopulationPlan
    from experiments.post_mortem.evidence import Evidence

__all__ = ["activity_of", "observed"]

_Made = TypeVar("_Made")


def activity_of(evidence: Evidence) -> tuple[Any, PopulationPlan] | None:
    """The log of acts and the declared rule of dormancy; None without the log.

    The defaults of the rule serve where the plan has the log and says nothing more.
    """
    from experiments.plan.dormant import PopulationPlan

    log = evidence.tables.get("events")
    if log is None or (evidence.plan.population is None and "events" not in evidence.plan.tables):
        return None
    return log, evidence.plan.population or PopulationPlan()


def observed(make: Callable[[], _Made]) -> _Made:
    """A result of the log; a log that is too short for it is a design that cannot answer, and no reason to stop.

    Raises:
        DesignError: NOT_OBSERVABLE.
        TableError: For an unusable log.
    """
    try:
        return make()
    except TableError:
        raise
    except InputError as error:
        raise DesignError("NOT_OBSERVABLE", str(error)) from error
