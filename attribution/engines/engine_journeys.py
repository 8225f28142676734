"""Journeys whose tables stay in their engine; rows come into memory when somebody asks for what only rows tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import Table
from attribution.core.values import Labels
from attribution.engines.pull import observed_ends, pull_relevant
from attribution.engines.sums import count_touched, engine_fingerprint
from attribution.engines.tables import collect_table
from attribution.engines.told import engine_findings
from attribution.journeys.build import build_journeys, check_rules
from attribution.journeys.findings import journey_findings
from attribution.journeys.observed import declared_ends, period_text
from attribution.journeys.plan import Journeys
from attribution.journeys.sizes import PlanSize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import narwhals.stable.v2 as nw
    import pyarrow as pa

    from attribution.core.columns import Columns
    from attribution.engines.graph import Graph
    from attribution.journeys.observed import Observed
    from attribution.journeys.plan import Layout
    from attribution.rules import Rules

__all__ = [
    "ELSE", "JOIN_FIRST", "ONE_ENGINE", "RUNNABLE", "EngineBehind", "EngineJourneys", "EngineTable", "PulledJourneys",
    "collected_journeys", "engine_journeys", "staying",
]  # fmt: skip

_ROWS = "this needs rows in memory"
# What to do instead where rows may not come: it depends on what needs them.
RUNNABLE = "choose rules and models that the engine runs (docs/reference/engines.md)"
ONE_ENGINE = "give both tables out of one engine and one connection, for example by loading the smaller one there"
JOIN_FIRST = "join that table in the engine first and leave the option out"
ELSE = "change what stands in the way: the rule, or the column by a view in the engine (docs/reference/engines.md)"
_SUMS = "ask for what is summed in the engine: .table(), .by(...), .with_costs(...) (docs/reference/engines.md)"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class EngineTable(Table):
    """The touches that were brought into memory.

    Attributes:
        behind: What asks the engine for the others.
    """

    behind: EngineBehind | None = None

    def combinations(self, names: Sequence[str]) -> pa.Table:
        """The different rows of some columns, over all touches."""
        if self.behind is None:
            raise InputError(f"the {self.name} are held by no engine.")
        source = self.behind.graph.touches.source
        return collect_table(source.frame.select(*(source.text(name).alias(name) for name in names)).unique())


@dataclass(frozen=True, slots=True, eq=False)
class EngineBehind:
    """The tables in their engine, behind journeys of the touches that can matter.

    Attributes:
        graph: The checked tables.
        rules: The rules of the journeys.
        columns: The user's names of the columns, by table.
        period: First and last instant of observation.
    """

    graph: Graph
    rules: Rules
    columns: dict[str, Columns]
    period: tuple[int, int]

    @property
    def rows(self) -> int:
        """All touches."""
        return self.graph.touches.facts.rows

    @property
    def times(self) -> tuple[int, int] | None:
        """The first and the last time of all touches; None without touches."""
        facts = self.graph.touches.facts
        return None if facts.first is None or facts.last is None else (facts.first, facts.last)

    def whole(self) -> Journeys:
        """The same journeys with every touch in memory."""
        return self._built(self.graph.touches.source.frame, self.graph.conversions.source.frame)

    def of_person(self, person: int | str) -> Journeys:
        """The journeys of one person, with every touch."""
        tables = (self.graph.touches.source, self.graph.conversions.source)
        return self._built(*(table.frame.filter(table.text(table.column("person")) == person) for table in tables))

    def findings(self) -> tuple[Finding, ...]:
        """The findings about all touches."""
        return self.whole().findings

    def fingerprint(self, names: Sequence[str]) -> str:
        """What stands for the touches in a fingerprint."""
        return engine_fingerprint(self.graph, ",".join(names))[:16]

    def _built(self, touches: nw.LazyFrame[Any], conversions: nw.LazyFrame[Any]) -> Journeys:
        return build_journeys(
            touches.collect("pyarrow").to_native(),
            conversions.collect("pyarrow").to_native(),
            rules=self.rules,
            columns=self.columns,
            observed=_instants(self.period),
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class EngineJourneys(Journeys):
    """Journeys of tables that stay in their engine.

    Attributes:
        graph: The checked tables under the rules.
        period: First and last instant of observation.
        stay: Whether no row may be brought into memory.
    """

    graph: Graph
    period: tuple[int, int]
    stay: bool = False

    @property
    def observed(self) -> tuple[int, int]:
        """First and last instant of observation, in microseconds since 1970-01-01 UTC."""
        return self.period

    def size(self) -> PlanSize:
        """The plan in numbers; no row is brought into memory for it."""
        if "size" not in self._cache:
            persons, counted, _, _ = count_touched(self.graph)
            self._cache["size"] = PlanSize(
                persons=persons,
                conversions=counted,
                touches=self.graph.touches.facts.rows,
                has_value=self.graph.conversions.has_value,
            )
        found: PlanSize = self._cache["size"]
        return found

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the engine's counts tell about the two tables, and what was not looked for."""
        if "findings" not in self._cache:
            if "touched" not in self._cache:
                _, _, self._cache["touched"], _ = count_touched(self.graph)
            found = engine_findings(self.graph, self.size().conversions, self._cache["touched"])
            self._cache["findings"] = found
        told: tuple[Finding, ...] = self._cache["findings"]
        return told

    @property
    def fingerprint(self) -> str:
        """Fingerprint of counts and sums of the two tables, of the rules and of the period of observation."""
        return engine_fingerprint(self.graph, f"{self.rules.text()}|{self.period!r}")

    def pulled(self, why: str | None = None) -> PulledJourneys:
        """The same journeys, of rows in memory.

        Args:
            why: What about the tables needs them; None: what is asked now does.

        Raises:
            InputError: When no row may be brought into memory.
        """
        if self.stay:
            raise InputError(staying(_ROWS, _SUMS) if why is None else staying(why, ELSE))
        if "pulled" not in self._cache:
            layout = {name: found for name, found in self._cache.items() if name == "layout"}
            self._cache["pulled"] = PulledJourneys(rules=self.rules, _plan=self._plan, _cache=layout)
        found: PulledJourneys = self._cache["pulled"]
        return found

    def with_rules(self, rules: Rules) -> PulledJourneys:
        """The same tables under other rules, of rows in memory."""
        return _under(rules, self._plan)

    def note(self, size: PlanSize, touched: int) -> None:
        """Keep what a sum over the journeys told besides."""
        self._cache.setdefault("size", size)
        self._cache.setdefault("touched", touched)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PulledJourneys(Journeys):
    """Journeys of rows that were brought into memory out of an engine, which is a finding."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing about the two tables, and how many rows were brought into memory."""
        if "findings" not in self._cache:
            table = self.touches.table
            rows = table.behind.rows if isinstance(table, EngineTable) and table.behind else table.rows
            values = {"n": table.rows, "rows": rows, "conversions": self.conversions.table.rows}
            note = Finding(code="PULLED_ROWS", status="note", values=values)
            self._cache["findings"] = (*journey_findings(self), note)
        told: tuple[Finding, ...] = self._cache["findings"]
        return told

    def with_rules(self, rules: Rules) -> PulledJourneys:
        """The same tables under other rules, of rows that are brought into memory for these."""
        return _under(rules, self._plan)


def staying(why: str, instead: str) -> str:
    """What is said where rows have to come into memory and may not.

    Args:
        why: What needs them.
        instead: What to do when they must not come.
    """
    return f"{why}, and collect=False keeps every row in its engine. Leave collect= out, or {instead}."


def _under(rules: Rules, plan: Callable[[Rules], Layout]) -> PulledJourneys:
    again = PulledJourneys(rules=check_rules(rules), _plan=plan)
    _ = again.layout  # what is wrong with the tables under these rules is told now
    return again


def collected_journeys(journeys: Journeys) -> PulledJourneys:
    """Journeys of lazy tables all of whose rows were brought into memory."""
    return PulledJourneys(rules=journeys.rules, _plan=journeys._plan, _cache={"layout": journeys.layout})  # noqa: SLF001


def engine_journeys(
    graph: Graph, *, columns: dict[str, Columns], observed: Observed, pulled: bool = False, stay: bool = False
) -> EngineJourneys | PulledJourneys:
    """Journeys of two checked tables that stay in their engine.

    Args:
        graph: The checked tables.
        columns: The user's names of the columns, by table.
        observed: First and last instant of observation.
        pulled: Whether the touches that can matter are brought into memory.
        stay: Whether no row may be brought into memory, whatever is asked later.

    Raises:
        InputError: For a period of observation that does not hold the data.
    """
    period = _period(graph, observed)

    def plan(rules: Rules) -> Layout:
        if stay:
            raise InputError(staying(_ROWS, _SUMS))
        found = pull_relevant(graph, rules)
        built = build_journeys(
            found.touches, found.conversions, rules=rules, columns=columns, observed=_instants(period)
        ).layout
        table = built.touches.table
        kept = {name: getattr(table, name) for name in Table.__dataclass_fields__}
        own = EngineTable(**kept, behind=EngineBehind(graph, rules, columns, period))
        channels = [channel for channel, _ in graph.touches.channels]
        touches = replace(
            built.touches,
            table=own,
            channel=_among(built.touches.channel, channels),
            kind=built.touches.kind and _among(built.touches.kind, [kind for _, kind in graph.touches.channels]),
        )
        known = _among(Labels(built.served.channel.astype(np.int64), built.served.names), channels)
        served = replace(built.served, channel=known.codes, names=known.names)
        return replace(built, touches=touches, served=served, left_out=found.left_out)

    if pulled:
        return PulledJourneys(rules=graph.rules, _plan=plan)
    return EngineJourneys(rules=graph.rules, _plan=plan, graph=graph, period=period, stay=stay)


def _among(found: Labels, names: Sequence[str]) -> Labels:
    """Labels of some rows among the names of all rows: a channel without credit has a row of the table, too."""
    everything = sorted({*found.names.tolist(), *names})
    known = np.empty(len(everything), object)
    known[:] = everything
    place = {name: code for code, name in enumerate(everything)}
    codes = np.array([place[name] for name in found.names.tolist()], np.min_scalar_type(max(len(known) - 1, 0)))
    return Labels(codes[found.codes] if len(codes) else found.codes, known)


def _period(graph: Graph, observed: Observed) -> tuple[int, int]:
    held = observed_ends(graph)
    if observed is None:
        return held
    declared = declared_ends(observed)
    first, last = (end if given is None else given for given, end in zip(declared, held, strict=True))
    if last < first:
        raise InputError(f"observed ends before it begins: {period_text((first, last))}.")
    if graph.conversions.facts.rows + graph.touches.facts.rows and (held[0] < first or held[1] > last):
        raise InputError(
            f"the period of observation ({period_text((first, last))}) does not hold all rows: the tables run from "
            f"{period_text(held)}. Widen observed=, or leave those rows out of both tables."
        )
    return first, last


def _instants(period: tuple[int, int]) -> tuple[datetime, datetime]:
    first, last = (_EPOCH + timedelta(microseconds=end) for end in period)
    return first, last
