"""How many persons were at risk, and from where that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.whole import is_whole

if TYPE_CHECKING:
    from attribution.credit.credit import Credit
    from attribution.journeys.plan import Journeys

__all__ = ["Population", "resolve_population"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Population:
    """The number of persons at risk, converters or not.

    Attributes:
        size: The number; None when it is unknown.
        source: "given" by the caller, counted in the "customers" table, or "unknown".
    """

    size: int | None
    source: Literal["given", "customers", "unknown"]

    def sentence(self) -> str:
        """What the intervals rest on."""
        return messages.text(f"INTERVALS.POPULATION_{self.source.upper()}", {"n": self.size or 0})


def resolve_population(credit: Credit, given: int | None) -> Population:
    """The population that the caller gave; else the persons of the customers table; else unknown.

    Persons with a conversion who are missing from the customers table are counted with it; test accounts are not.

    Raises:
        InputError: For something that is no whole number, or fewer than the persons with a conversion or with spend.
    """
    converting = len(credit.journeys.persons)
    if given is None:
        counted = _customers(credit.journeys)
        if counted is None:
            return Population(size=None, source="unknown")
        return Population(size=max(counted, _paid_for(credit)), source="customers")
    if not is_whole(given):
        raise InputError(f"population must be a whole number of persons, got {given!r}.")
    if given < max(converting, 1):
        raise InputError(f"population must be at least the {converting:,} persons with a conversion, got {given!r}.")
    paid_for = _paid_for(credit)
    if given < paid_for:
        raise InputError(
            f"population must be at least the {paid_for:,} persons with a conversion or with spend on them, "
            f"got {given!r}."
        )
    return Population(size=int(given), source="given")


def _paid_for(credit: Credit) -> int:
    """Persons with a conversion or with spend on them, where the spend says on whom it was spent."""
    spend, converting = credit.person_spend, len(credit.journeys.persons)
    if spend is None:
        return converting
    return converting + len(np.unique(spend.person[spend.person >= converting]))


def _customers(journeys: Journeys) -> int | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    customers = journeys.customers
    if customers is None:
        return None
    known, converting = customers.person, journeys.persons
    if known.type != converting.type:
        known, converting = known.cast(pa.large_string()), converting.cast(pa.large_string())
    if customers.is_test is not None:
        known = known.filter(pa.array(~customers.is_test))
    absent = int(pc.sum(pc.invert(pc.is_in(converting, value_set=known))).as_py() or 0)
    return len(known) + absent
