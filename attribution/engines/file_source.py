"""Touches that stay in files: read as often as somebody asks, each time the rows and columns that are asked for."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError
from attribution.core.key_columns import KeyColumn
from attribution.core.key_words import key_words
from attribution.core.pieces import Numbers
from attribution.core.values import Labels, duplicates, same_key_kind
from attribution.engines.file_batches import Reading
from attribution.engines.file_table import file_table
from attribution.engines.gathering import Kept, gather, nothing_of
from attribution.engines.key_ranges import KeyRange, in_range, key_ranges
from attribution.engines.memory import memory_text, release_memory
from attribution.engines.pieces import BATCH
from attribution.engines.progress import RowBar
from attribution.engines.repeats import KeyHashes, keys_with, kind_of_keys
from attribution.journeys.eligibility import reach_of, window_begins
from attribution.journeys.observed import declared_ends, observed_period
from attribution.journeys.planning import Tables, lay_out
from attribution.kernels.person_index import index_persons
from attribution.kernels.relevance import relevance
from attribution.touches import Touches

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from attribution.core.columns import Columns
    from attribution.core.tables import Problems, Table
    from attribution.customers import Customers
    from attribution.engines.gathering import Counts, Gathered, Keep
    from attribution.engines.pieces import TableFiles
    from attribution.journeys.build import AppliesIdentity
    from attribution.journeys.key_events import KeyEvents
    from attribution.journeys.plan import Layout
    from attribution.kernels.person_index import PersonIndex
    from attribution.rules import Rules

__all__ = ["FileSource", "Scope", "TooLargeError"]

# Bytes that the working set needs: a touch that is kept for its conversions, a touch of a whole table with its
# findings, a conversion; how often the bytes of text keys are held at once. Rounded up from peaks of whole processes
# with 2 million touches: 78 to 100 a kept touch, 114 to 119 a touch of all, 160 a conversion; 2 and 3.3 times the texts
# of 130 bytes. Other tables and models need other amounts, so these stay estimates.
PER_KEPT_TOUCH = 110
PER_TOUCH = 160
PER_CONVERSION = 260
_KEPT_TEXT = 2.5
_TEXT = 3.5
_BATCHES = 5  # batches whose texts are held while they are read, with what is made of them
_OWN = 280 * 2**20  # Python with its libraries, and batches of short keys that are being read
_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class TooLargeError(InputError):
    """The rows that are needed do not fit the budget; whoever can works on ranges of persons.

    Attributes:
        parts: How many ranges of persons would fit.
    """

    def __init__(self, message: str, *, parts: int) -> None:
        super().__init__(message)
        self.parts = parts


@dataclass(frozen=True, slots=True)
class Scope:
    """Which touches are asked for.

    Attributes:
        whole: All of them, not only those that conversions can use.
        part: Those of a range of persons; None for everybody.
        nothing: None of them: what was counted in an earlier pass is enough.
    """

    whole: bool = False
    part: KeyRange | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FileSource:
    """The files of the touches and the tables that they are joined to.

    Attributes:
        files: The files.
        roles: Their column names.
        identity: Persons behind customer numbers; None when the touches name persons.
        conversions: The checked conversions.
        customers: The checked customers; None when none were given.
        key_events: The checked key events; None when none were given.
        observed: The declared period of observation.
        memory: The budget in bytes; None for none.
        progress: Whether a bar is shown; None: on a terminal.
    """

    files: TableFiles
    roles: Columns
    identity: AppliesIdentity | None
    conversions: Conversions
    customers: Customers | None
    key_events: KeyEvents | None
    observed: Any
    memory: int | None
    progress: bool | None
    _known: dict[str, Any] = field(default_factory=dict)

    def layout(self, rules: Rules, scope: Scope, problems: Problems) -> Layout:
        """The touches that are asked for, laid out with the conversions; everything wrong with any row is raised.

        Raises:
            TableError: Lists every problem.
            TooLargeError: When the rows do not fit the budget.
        """
        conversions = self._in_part(scope.part)
        # A row of a message can stand for one at another time: with delivery levels the times do not decide.
        index = None
        if scope.whole or scope.nothing or rules.levels:
            keep = self._of_range(scope.part)
        else:
            keep, index = self._relevant(conversions, rules)
        if scope.nothing:
            reading: Reading = self._known["reading"]
            found = nothing_of(self.counts(), self.files, self.conversions.person.type)
            touches = self._touches(found, reading, problems)
        else:
            reading = self.reading(rules)
            found, touches = self._gathered(reading, keep, scope, problems)
        del keep  # its spans make room for those of the layout
        self._check_lookbacks(found.counts, reading, rules, problems)
        problems.raise_if_any()  # the layout would tell it again, of the kept rows
        tables = Tables(
            touches=touches,
            conversions=conversions,
            customers=self.customers,
            key_events=self.key_events,
            observed=self._observed(found.counts),
            index=index,
            codes=found.code,
        )
        if not found.full:
            raise self._too_large(found.counts, scope)
        release_memory()
        return lay_out(tables, rules, problems)

    def _too_large(self, counts: Counts, scope: Scope) -> TooLargeError:
        parts = self.parts_for(counts.kept, counts.kept_text, whole=scope.whole)
        message = (
            f"{counts.kept:,} touches are needed at once, which does not fit memory={memory_text(self.memory or 0)}. "
            "Give more memory, or name the models in at.attribute(...), which goes through the files in parts."
        )
        return TooLargeError(message, parts=parts)

    def reading(self, rules: Rules) -> Reading:
        """How batches are read under some rules."""
        outbound = rules.origin == "outbound"
        return Reading(roles=self.roles, kind=rules.needs_kind(), origin=outbound, identity=self.identity)

    def counts(self) -> Counts:
        """What is known of all touches."""
        found: Counts = self._known["counts"]
        return found

    def person_kind(self) -> pa.DataType:
        """The type of the persons of all touches."""
        found: pa.DataType = self._known["kind"]
        return found

    def ranges(self, parts: int) -> list[KeyRange]:
        """Ranges of persons that hold about equally many of those who converted."""
        import pyarrow as pa

        counts = pa.array(~self.conversions.refund & ~self.conversions.refunded)
        return key_ranges(index_persons(self.conversions.person.filter(counts))[0].persons, parts)

    def parts_for(self, touches: int, text: int, *, whole: bool) -> int:
        """How many ranges of persons it takes until the touches of one fit the budget.

        Args:
            touches: Touches of all ranges.
            text: Bytes of their keys, where these are text.
            whole: Whether they are all touches, with their findings.
        """
        if self.memory is None:
            return 1
        row, times = (PER_TOUCH, _TEXT) if whole else (PER_KEPT_TOUCH, _KEPT_TEXT)
        read = _BATCHES * BATCH * text // max(touches, 1)
        return max(1, ceil((touches * row + text * times) / self._room(read)))

    def _room(self, read: int) -> int:
        """Bytes of the budget that are left for touches beside the batches that are being read."""
        if self.memory is None:
            raise InputError("without a budget there is no bound.")
        held = self.memory - _OWN - read - PER_CONVERSION * len(self.conversions.time)
        return max(held, self.memory // 4)

    def _in_part(self, part: KeyRange | None) -> Conversions:
        """The conversions, those of other persons set aside as if they were refund rows."""
        if part is None:
            return self.conversions
        other = ~in_range(self.conversions.person, part)
        return replace(self.conversions, refund=self.conversions.refund | other)

    def _of_range(self, part: KeyRange | None) -> Keep:
        def keep(person: pa.Array, time: NDArray[np.int64]) -> Kept | None:
            del time
            return None if part is None else Kept(np.flatnonzero(in_range(person, part)))

        return keep

    def _relevant(self, conversions: Conversions, rules: Rules) -> tuple[Keep, tuple[PersonIndex, NDArray[np.int32]]]:
        """Rows of persons who converted, from their first window to their last conversion; and these persons."""
        import pyarrow as pa

        rows = np.flatnonzero(~conversions.refund & ~conversions.refunded)
        index, codes = index_persons(conversions.person.take(pa.array(rows)))
        time = conversions.time[rows]
        longest = max(reach_of(lookback, rules) for lookback in rules.lookbacks().values())
        begin = window_begins(time, longest, rules)
        first = np.full(len(index), np.iinfo(np.int64).max)
        last = np.full(len(index), np.iinfo(np.int64).min)
        np.minimum.at(first, codes, begin)
        np.maximum.at(last, codes, time)
        spans = relevance(index, first, last, period=(int(first.min(initial=0)), int(last.max(initial=0))))
        kind = index.persons.type

        def keep(person: pa.Array, time: NDArray[np.int64]) -> Kept:
            if person.type != kind:
                if not pa.types.is_large_string(kind):
                    return Kept(np.empty(0, np.int64), np.empty(0, np.int32))
                person = person.cast(kind)
            return Kept(*spans.rows(key_words(person), time))

        return keep, (index, codes)

    def _gathered(self, reading: Reading, keep: Keep, scope: Scope, problems: Problems) -> tuple[Gathered, Touches]:
        hashes = None
        if "counts" not in self._known and self.roles.touch in self.files.names:
            hashes = KeyHashes(kind_of_keys(self.files, self.roles.touch))

        def fits(rows: int, text: int) -> bool:
            return self.parts_for(rows, text, whole=scope.whole) == 1

        bound = fits if self.memory is not None and scope.part is None else None
        with RowBar(shown=self.progress, rows=self.files.rows(), what=self.files.name) as bar:
            found = gather(
                self.files,
                reading,
                keep,
                problems=problems,
                bar=bar,
                fits=bound,
                period=self._declared(),
                hashes=hashes,
            )
        if hashes is not None:
            self._check_repeats(hashes, problems)
        if found is None:
            problems.raise_if_any()
            raise InputError("the touches cannot be read.")
        touches = self._touches(found, reading, problems)
        others = [item for item in (self.conversions, self.customers, self.key_events) if item is not None]
        logs = [(touches.table, touches.keys), *((_noting(item.table, problems), item.person) for item in others)]
        same_key_kind(logs, "person")
        problems.raise_if_any()
        self._known.update(counts=found.counts, reading=reading, kind=found.person.type)
        return found, touches

    def _touches(self, found: Gathered, reading: Reading, problems: Problems) -> Touches:
        """The kept rows as a checked table."""
        names, rank = reading.channels.sorted()
        channel = Labels(_narrow(rank, found.channel), names)
        kind = None
        if found.kind is not None:
            names, rank = reading.kinds.sorted()
            kind = Labels(_narrow(rank, found.kind), names)
        made = {self.roles.person: lambda: found.person, self.roles.channel: lambda: _decoded(channel)}
        if found.touch is not None:
            made[self.roles.touch] = lambda: found.touch
        table = file_table(self.files, self.roles, problems, kept=found.rows, made=made, rows=len(found.time))
        return Touches(
            table=table,
            keys=KeyColumn.of(found.person),
            times=Numbers.of(found.time),
            channel=channel,
            touch=found.touch,
            kind=kind,
            origin=None,  # read, for the kept rows, when the rules ask for it
        )

    def _observed(self, counts: Counts) -> tuple[int, int]:
        """The period of observation, held against all rows."""
        ends = np.array([counts.first, counts.last] if counts.rows else [], np.int64)
        begin, end = self._declared() or (_FIRST, _LAST)
        outside = ends[(ends < begin) | (ends > end)]
        # Rows outside are told by their number: as many times as there are rows stand for them.
        more = np.repeat(outside[:1], counts.outside - len(outside))
        return observed_period(self.observed, _Times(Numbers.of(np.append(ends, more))), self.conversions)  # type: ignore[arg-type]

    def _declared(self) -> tuple[int, int] | None:
        """The declared ends of the period, the widest where one is not."""
        if self.observed is None:
            return None
        begin, end = declared_ends(self.observed)
        return _FIRST if begin is None else begin, _LAST if end is None else end

    def _check_lookbacks(self, counts: Counts, reading: Reading, rules: Rules, problems: Problems) -> None:
        """Note channels without a lookback, those of rows that are not kept among them."""
        found, channels, kinds = rules.lookbacks(), reading.channels.values(), reading.kinds.values() or [""]
        missing: dict[str, int] = {}
        for (channel, kind), rows in counts.pairs.items():
            name, sort = str(channels[channel]), str(kinds[kind])
            if not any(key in found for key in ((name, sort), name, ("*", sort), "*")):
                missing[name] = missing.get(name, 0) + rows
        if missing:
            message = (
                f'the lookbacks ({rules.lookback_text()}) leave touches of some channels out. Add these, or "*" for all'
            )
            problems.add(
                "NO_LOOKBACK", self.files.name, self.roles.channel, sum(missing.values()), message=message,
                examples=sorted(missing),
            )  # fmt: skip

    def _check_repeats(self, hashes: KeyHashes, problems: Problems) -> None:
        """Note touch ids that occur more than once, after a second look at those that may."""
        suspected = hashes.repeated()
        if not len(suspected):
            return
        count, examples = duplicates(keys_with(self.files, self.roles.touch, suspected))
        if count:
            message = "a touch id occurs more than once; remove repeated rows, or give each touch its own id"
            problems.add(
                "DUPLICATE_TOUCH_ID", self.files.name, self.roles.touch, count, message=message, examples=examples
            )


def _noting(table: Table, problems: Problems) -> Table:
    """The same table; what goes wrong with it from here on is noted elsewhere."""
    other = copy(table)
    other.problems = problems
    return other


@dataclass(frozen=True, slots=True, eq=False)
class _Times:
    """What the period of observation is held against."""

    times: Numbers


def _narrow(rank: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[Any]:
    """The sorted places of numbered names, in the smallest type that holds them."""
    smallest = next(kind for kind in (np.uint8, np.uint16, np.int64) if len(rank) - 1 <= np.iinfo(kind).max)
    return rank.astype(smallest)[numbers]


def _decoded(found: Labels) -> pa.Array:
    import pyarrow as pa

    return pa.array(found.names.tolist() or [""]).take(pa.array(found.codes)) if len(found) else pa.array([], pa.null())
