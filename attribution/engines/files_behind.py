"""What journeys of files give beyond the rows that conversions can use: they read the files again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from attribution.core.recipe import RowSums
from attribution.core.tables import Problems
from attribution.core.threads import in_blocks
from attribution.engines.file_batches import read_batch
from attribution.engines.file_source import Scope
from attribution.engines.key_ranges import one_key
from attribution.engines.merged_findings import Totals, merge_findings
from attribution.journeys.plan import Journeys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from attribution.core.findings import Finding
    from attribution.engines.file_batches import Reading
    from attribution.engines.file_source import FileSource
    from attribution.journeys.plan import Layout
    from attribution.rules import Rules

__all__ = ["FilesBehind", "source_journeys"]


def source_journeys(source: FileSource, rules: Rules, scope: Scope) -> Journeys:
    """The journeys of some of the touches; under other rules the files are read again."""

    def plan(other: Rules) -> Layout:
        layout = source.layout(other, scope, Problems())
        if not scope.whole:
            layout.touches.table.behind = FilesBehind(source, other)  # type: ignore[attr-defined]  # a FileTable
        return layout

    return Journeys(rules=rules, _plan=plan, _cache={"layout": plan(rules)})


@dataclass(frozen=True, slots=True, eq=False)
class FilesBehind:
    """The files behind journeys under some rules.

    Attributes:
        source: The files.
        rules: The rules.
    """

    source: FileSource
    rules: Rules
    _cache: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All touches."""
        return self.source.counts().rows

    @property
    def times(self) -> tuple[int, int] | None:
        """The first and the last time of all touches; None without touches."""
        counts = self.source.counts()
        return (counts.first, counts.last) if counts.rows else None

    def whole(self) -> Journeys:
        """The same journeys with every touch in memory.

        Raises:
            TooLargeError: When they do not fit the budget.
        """
        if "whole" not in self._cache:
            self._cache["whole"] = source_journeys(self.source, self.rules, Scope(whole=True))
        found: Journeys = self._cache["whole"]
        return found

    def of_person(self, person: int | str) -> Journeys:
        """The journeys of one person, with every touch."""
        return source_journeys(self.source, self.rules, Scope(whole=True, part=one_key(person)))

    def parts(self) -> Iterator[Journeys]:
        """The journeys with every touch, range of persons by range, each small enough for the budget."""
        parts = self.source.parts_for(self.rows, self.source.counts().text, whole=True)
        if parts == 1:
            known: Journeys | None = self._cache.get("whole")
            yield source_journeys(self.source, self.rules, Scope(whole=True)) if known is None else known
            return
        for part in self.source.ranges(parts):
            yield source_journeys(self.source, self.rules, Scope(whole=True, part=part))

    def findings(self) -> tuple[Finding, ...]:
        """The findings about all touches."""
        if "findings" not in self._cache:
            told, counted = [], 0
            for part in self.parts():
                told.append(part.findings)
                counted += len(part.counted)
            self._cache["findings"] = told[0] if len(told) == 1 else merge_findings(told, self._totals(counted))
        found: tuple[Finding, ...] = self._cache["findings"]
        return found

    def _totals(self, counted: int) -> Totals:
        conversions = self.source.conversions
        refunds = int(conversions.refund.sum())
        return Totals(
            rows=self.rows,
            counted=counted,
            orders=len(conversions.refund) - refunds,
            refunds=refunds,
            refunded=int(conversions.refunded.sum()),
        )

    def fingerprint(self, names: Sequence[str]) -> str:
        """The fingerprint of all touches: person, time, channel and some further columns."""
        key = f"fingerprint with {tuple(names)}"
        if key not in self._cache:
            files, reading = self.source.files, self.source.reading(self.rules)
            pieces = files.pieces()
            columns = list(dict.fromkeys([*reading.columns(files.names), *names]))

            def one(start: int, stop: int) -> RowSums:
                sums = RowSums()
                for piece in pieces[start:stop]:
                    for rows in piece.batches(columns, (reading.roles.channel,)):
                        sums.add(_told(rows, reading, names, self.source.person_kind()))
                return sums

            total = RowSums(names=tuple(sorted(["person", "time", "channel", *(f"column {name}" for name in names)])))
            for sums in in_blocks(one, len(pieces), block=1, rows=files.rows() or 1 << 30):
                total.join(sums)
            self._cache[key] = total.fingerprint()
        found: str = self._cache[key]
        return found


def _told(rows: pa.RecordBatch, reading: Reading, names: Sequence[str], kind: pa.DataType) -> dict[str, Any]:
    """What a fingerprint is made of; persons as keys of one type."""
    batch, _ = read_batch(rows, reading)
    if batch is None:
        raise InputError("the files have changed since they were read first.")
    told: dict[str, Any] = {"person": batch.person.cast(kind), "time": batch.time}
    for key, name in [("channel", reading.roles.channel), *((f"column {name}", name) for name in names)]:
        column = rows.column(name)
        told[key] = column.dictionary_decode() if hasattr(column, "dictionary_decode") else column
    return told
