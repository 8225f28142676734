"""The plan that joins touches to conversions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attribution.core.errors import InputError, closest
from attribution.journeys.arrays import JourneyArrays, make_arrays
from attribution.journeys.behind import behind
from attribution.journeys.eligibility import Pairs, eligible_pairs
from attribution.journeys.ties import Ties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from attribution.core.findings import Finding
    from attribution.core.tables import Table
    from attribution.credit.credit import Credit
    from attribution.customers import Customers
    from attribution.journeys.eligibility import Counted, Served
    from attribution.journeys.handover import HandOvers
    from attribution.journeys.key_events import KeyEvents
    from attribution.journeys.path_counts import PathCounts
    from attribution.journeys.paths import Paths, Summary
    from attribution.journeys.person_paths import PersonPaths
    from attribution.journeys.reach import Reach
    from attribution.journeys.timing import PathLengths, TimeToConversion
    from attribution.kernels.person_index import PersonIndex
    from attribution.models.protocol import Model
    from attribution.rules import Rules
    from attribution.touches import Touches

__all__ = ["Journeys", "Layout", "LeftOut"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LeftOut:
    """Touches that were left where they are because no conversion can credit them; they are counted all the same.

    Attributes:
        rows: All of them.
        strangers: Those of persons without a counted conversion.
        after: Those after the last counted conversion of their person.
        withheld: Those of other persons that may take no credit, by `attribution.journeys.withheld.Withheld`.
    """

    rows: int
    strangers: int
    after: int
    withheld: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Layout:
    """Checked tables, laid out for the kernels under some rules.

    Attributes:
        touches: The checked touches.
        conversions: The checked conversions.
        customers: The checked customers; None when none were given.
        key_events: The checked key events; None when none were given.
        observed: First and last instant of observation, in microseconds since 1970-01-01 UTC.
        index: The persons with a counted conversion, sorted.
        counted: The counted conversions, in canonical order.
        served: The touches that may serve one of them, in canonical order.
        withheld: Per row of the touches, 0 when it may take credit, else the first reason against it; None when the
            rules know no reason.
        later_conversions: Conversions set aside by ``reuse="first"``.
        left_out: Touches that are in no row of `touches`; None when all are there.
    """

    touches: Touches
    conversions: Conversions
    customers: Customers | None
    key_events: KeyEvents | None
    observed: tuple[int, int]
    index: PersonIndex
    counted: Counted
    served: Served
    withheld: NDArray[np.int8] | None
    later_conversions: int
    left_out: LeftOut | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Journeys:
    """Touches joined to conversions: a checked plan, from which arrays are made on demand in bounded pieces.

    Attributes:
        rules: Which touches are eligible.
    """

    rules: Rules
    _plan: Callable[[Rules], Layout]
    _cache: dict[str, Any] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """The tables laid out under the rules; made when it is first asked for."""
        if "layout" not in self._cache:
            self._cache["layout"] = self._plan(self.rules)
        found: Layout = self._cache["layout"]
        return found

    @property
    def touches(self) -> Touches:
        """The checked touches."""
        return self.layout.touches

    @property
    def conversions(self) -> Conversions:
        """The checked conversions."""
        return self.layout.conversions

    @property
    def customers(self) -> Customers | None:
        """The checked customers; None when none were given."""
        return self.layout.customers

    @property
    def key_events(self) -> KeyEvents | None:
        """The checked key events; None when none were given."""
        return self.layout.key_events

    @property
    def observed(self) -> tuple[int, int]:
        """First and last instant of observation, in microseconds since 1970-01-01 UTC."""
        return self.layout.observed

    @property
    def persons(self) -> pa.Array:
        """The persons with a counted conversion, sorted."""
        return self.layout.index.persons

    @property
    def counted(self) -> Counted:
        """The counted conversions, in canonical order."""
        return self.layout.counted

    @property
    def served(self) -> Served:
        """The touches that may serve one of them, in canonical order."""
        return self.layout.served

    @property
    def withheld(self) -> NDArray[np.int8]:
        """Per row of the touches, 0 when it may take credit, else the first reason against it, whatever the conversion.

        The reasons are those of `attribution.journeys.withheld.Withheld`.
        """
        found = self.layout.withheld
        return np.zeros(self.touches.table.rows, np.int8) if found is None else found

    @property
    def later_conversions(self) -> int:
        """Conversions set aside by ``reuse="first"``."""
        return self.layout.later_conversions

    def attribute(self, models: Sequence[Model | str] | Model | str | None = None) -> Credit:
        """Divide the credit of every conversion among its touches; see `attribution.attribute`.

        Args:
            models: Models or their names; `RULE_MODELS` by default.
        """
        # The plan lies below the models and the credit; this method only hands itself upwards.
        credit: Credit = import_module("attribution.credit.attribute").attribute_journeys(self, models)
        return credit

    def paths(self, top: int | None = 20, *, nulls: bool = False) -> Paths:
        """The most frequent journeys, as channels in order.

        Args:
            top: How many; None for all.
            nulls: Adds the null journeys on each path and its conversion rate.
        """
        from attribution.journeys.paths import count_paths

        return count_paths(self, top, nulls=nulls)

    def lengths(self) -> PathLengths:
        """Touches per journey: length, conversions, value and shares; 0 for conversions without an eligible touch."""
        from attribution.journeys.timing import journey_lengths

        return journey_lengths(self)

    def time_to_conversion(self, *, bin: str | timedelta = "1d") -> TimeToConversion:
        """Time from the first and from the last eligible touch to the conversion: histograms and quantiles.

        Args:
            bin: Width of a bin, an exact duration ("1d", "6h").

        Raises:
            InputError: For a width that is no duration, or so small that there are more than 100,000 bins.
        """
        from attribution.journeys.timing import time_to_conversion

        return time_to_conversion(self, bin)

    def hand_overs(
        self,
        within: str | timedelta = "60min",
        *,
        of: Literal["all", "journeys"] = "all",
        ends: bool = False,
        converted_within: str | timedelta | None = None,
        top: int = 20,
    ) -> HandOvers:
        """Which channel followed which within some time of one person, and the chains that these steps form.

        Args:
            within: The longest gap between a touch and the next one, the end included.
            of: "all": the touches that may take credit, of all persons, converters or not, before path transforms.
                "journeys": the eligible touches of each conversion; a touch counts once in every journey it serves.
            ends: Adds rows from "(start)" to the first touch of each chain, and from the last one to "(conversion)"
                (a counted conversion of the person within the same time) or "(none)"; then what goes into a channel
                equals what comes out of it.
            converted_within: Adds the hand-overs whose person converts at the second touch or within this time of it.
            top: How many chains to keep.

        Raises:
            InputError: For something that is no duration, an unknown word, a channel with the name of an end.
        """
        from attribution.journeys.handover import count_hand_overs

        return count_hand_overs(self, within, of=of, ends=ends, converted_within=converted_within, top=top)

    def reach(self) -> Reach:
        """Persons touched by each channel, by each pair of channels together, and by each channel alone."""
        from attribution.journeys.reach import count_reach

        return count_reach(self)

    def summary(self) -> Summary:
        """What went in and what came of it, in numbers."""
        from attribution.journeys.paths import summarise

        return summarise(self)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing about the two tables; every row that took no part is counted here."""
        if "findings" not in self._cache:
            from attribution.journeys.findings import journey_findings

            files = behind(self)
            self._cache["findings"] = journey_findings(self) if files is None else files.findings()
        found: tuple[Finding, ...] = self._cache["findings"]
        return found

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the columns that built the journeys, the rules, the period of observation, further tables.

        The same for any order of rows. Its first 16 digits are of the touches, the next 16 of the conversions.
        """
        if "fingerprint" not in self._cache:
            from attribution.journeys.fingerprints import journey_fingerprint

            self._cache["fingerprint"] = journey_fingerprint(self)
        found: str = self._cache["fingerprint"]
        return found

    def with_rules(self, rules: Rules) -> Journeys:
        """The same checked tables under other rules.

        Args:
            rules: The other rules; ``dataclasses.replace(journeys.rules, origin="outbound")`` changes one of them.

        Raises:
            TableError: For columns that these rules need and the tables do not have.
            InputError: For rules that need a table that was not given.
        """
        from attribution.journeys.build import check_rules

        again = Journeys(rules=check_rules(rules), _plan=self._plan)
        _ = again.layout  # what is wrong with the tables under these rules is told now
        return again

    def observed_until(self, end: int) -> Journeys:
        """The same journeys, observed until a later instant; what earlier observation holds stays.

        Args:
            end: Microseconds since 1970-01-01 UTC; an instant before the end of observation changes nothing.
        """

        def longer(layout: Layout) -> Layout:
            return replace(layout, observed=(layout.observed[0], max(layout.observed[1], end)))

        return Journeys(
            rules=self.rules,
            _plan=lambda rules: longer(self._plan(rules)),
            _cache={"layout": longer(self.layout)},
        )

    def pairs(self, *, span: tuple[int, int] | None = None, transformed: bool = True) -> Iterator[Pairs]:
        """The eligible (conversion, touch) pairs, in canonical order, in bounded pieces.

        Args:
            span: First conversion and one past the last, both where persons change; None for all.
            transformed: Whether the path transforms of the rules are applied.
        """
        return eligible_pairs(self.counted, self.served, self.rules, span=span, transformed=transformed)

    def ties(self) -> Ties:
        """What orders touches of one person and instant."""
        return Ties(self.touches, self.rules)

    def person_paths(self) -> PersonPaths:
        """Whose journeys took which path: those that converted and the null journeys."""
        if "person paths" not in self._cache:
            from attribution.journeys.person_paths import person_paths

            self._cache["person paths"] = person_paths(self)
        found: PersonPaths = self._cache["person paths"]
        return found

    def path_counts(self) -> PathCounts:
        """The distinct paths with their conversions, value and null journeys: what models of paths are fitted to."""
        return self.person_paths().paths

    def arrays(self, pairs: Pairs) -> JourneyArrays:
        """What a model sees of some pairs: the journeys that have a touch."""
        touched = pairs.counts > 0
        journey = pairs.start + np.flatnonzero(touched)
        age = (self.counted.time[pairs.conversion()] - self.served.time[pairs.touch]) / 1e6

        def column(name: str) -> NDArray[Any]:
            values: NDArray[Any] = self.touch_column(name)[self.served.row[pairs.touch]]
            return values

        def conversion_column(name: str) -> NDArray[Any]:
            return self.conversion_column(name)[self.counted.row[journey]]

        return make_arrays(
            pairs.counts[touched],
            self.served.channel[pairs.touch].astype(np.int64, copy=False),
            self.touches.channel.names,
            age,
            columns=(column, conversion_column),
            conversion_time=self.counted.time[journey],
        )

    def touch_column(self, name: str) -> NDArray[np.object_]:
        """A column of the touches as Python values, one per row of the table."""
        return self._values("touches", self.touches.table, name)

    def conversion_column(self, name: str) -> NDArray[np.object_]:
        """A column of the conversions as Python values, one per row of the table."""
        return self._values("conversions", self.conversions.table, name)

    def _values(self, of: str, table: Table, name: str) -> NDArray[np.object_]:
        key = f"column of {of}: {name}"
        if key not in self._cache:
            if name not in table.names:
                raise InputError(f"the {of} have no column {name!r}. {closest(name, table.names)}")
            if not table.readable(name):
                raise InputError(f"the column {name!r} of the {of} holds values of several types; cast it to one.")
            values = np.empty(table.rows, dtype=object)
            values[:] = table.arrow(name).to_pylist()
            self._cache[key] = values
        found: NDArray[np.object_] = self._cache[key]
        return found

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
