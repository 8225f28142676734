"""Flows between states as results: one period, and its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from experiments.wakeup.flows_kernel import HIDDEN
from experiments.wakeup.shown_rows import last_rows, reasons
from experiments.wakeup.states_kernel import STATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display, DisplayTable
    from attribution.plots.plot import Plot
    from experiments.wakeup.flows_kernel import Flows

__all__ = ["CustomerFlows", "FlowRow", "FlowSeries"]

messages.register("experiments")

_COUNTS = (
    "active_start", "new", "woken", "woken_from_dormant", "woken_from_churned", "to_dormant", "to_churned",
    "active_end",
)  # fmt: skip
_GROUP = Field("group", "text")
_FIELDS = (
    Field("start", "text"), Field("end", "text"), _GROUP, *(Field(name, "count") for name in _COUNTS),
    Field("acquisition_ratio", "ratio"), Field("stock_ratio", "ratio"), *(Field(name, "count") for name in HIDDEN),
    Field("note", "text"),
)  # fmt: skip
_MOST_SHOWN = 36
_SHOWN = (
    "start", "end", "group", "active_start", "new", "woken", "to_dormant", "to_churned", "active_end",
    "acquisition_ratio",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FlowRow:
    """The flows of one group in one step.

    Attributes:
        start: The start, as labelled.
        end: The end.
        group: The group; None for all customers together.
        flows: The flows.
    """

    start: str
    end: str
    group: object
    flows: Flows

    @property
    def note(self) -> str:
        """Why a ratio is undefined."""
        ratios = (("NOBODY_LEFT", self.flows.acquisition_ratio), ("NOBODY_ASLEEP", self.flows.stock_ratio))
        return "; ".join(code for code, ratio in ratios if ratio is None)

    def to_dict(self) -> dict[str, object]:
        """The row of the table."""
        found = self.flows
        row: dict[str, object] = {"start": self.start, "end": self.end, "group": self.group}
        row |= {name: getattr(found, name) for name in _COUNTS}
        row |= {"acquisition_ratio": found.acquisition_ratio, "stock_ratio": found.stock_ratio}
        row |= dict(zip(HIDDEN, found.hidden, strict=True))
        return {**row, "note": self.note}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class FlowSeries(TabularResult):
    """Flows step by step; the columns are those of `CustomerFlows`.

    The flows of the steps do not add to those of the whole period: who leaves and returns is counted in both steps, and
    in neither over the whole period.

    Attributes:
        rows: One per step (and group), in time.

    Example:
        >>> import experiments as ex
        >>> log = ex.simulate_acts(persons=500, seed=7)
        >>> flows = ex.customer_flows(log.events, start="2025-06-30", end="2025-09-30", every="month")
        >>> len(flows.series.rows)
        3
    """

    rows: tuple[FlowRow, ...]

    def plot(self) -> Plot:
        """Draw the steps: who came above the line, who left below it."""
        from experiments.wakeup.flows_plot import plot_series

        return plot_series(self)

    def _records(self) -> Records:
        return Records.from_rows(_FIELDS, [row.to_dict() for row in self.rows])

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        why = reasons(row.note for row in self.rows)
        return Display(messages.text("FLOWS.series"), (*_shown(self.rows), messages.text("FLOWS.no_sum"), *why))


def _shown(rows: Sequence[FlowRow]) -> tuple[DisplayTable | str, ...]:
    """A table of rows, the last ones when there are many, with the reasons for what is undefined in it."""
    from attribution.core.render.display import records_table

    records, cut = last_rows(Records.from_rows(_FIELDS, [row.to_dict() for row in rows]), _MOST_SHOWN)
    grouped = any(value is not None for value in records.column("group"))
    every = messages.text("FLOWS.all")
    named = [every if value is None else value for value in records.column("group")]
    columns = [
        named if field.name == "group" else column for field, column in zip(_FIELDS, records.columns, strict=True)
    ]
    table = records_table(Records(_FIELDS, tuple(columns)), [name for name in _SHOWN if grouped or name != "group"])
    return (table, *cut)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CustomerFlows(TabularResult):
    """The customers who became active and who left, between two dates.

    Columns: start, end, group (empty for all customers), active_start, new, woken (= woken_from_dormant +
    woken_from_churned), to_dormant, to_churned, active_end, acquisition_ratio, stock_ratio, left_and_returned,
    woken_and_lost, new_and_lost, note. Always active_end = active_start + new + woken - to_dormant - to_churned.

    Attributes:
        rows: All customers first, then one row per group.
        series: The flows of every step, when steps were asked for.
        hidden: Customers whose movements inside the period do not show at its ends: person_id, movement.
        findings: What was set aside, and what must be known to read the flows.
        recipe: How they were made.
    """

    rows: tuple[FlowRow, ...]
    series: FlowSeries | None
    hidden: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def active_start(self) -> int:
        """Customers active at the start."""
        return self.rows[0].flows.active_start

    @property
    def new(self) -> int:
        """First act after the start, active at the end."""
        return self.rows[0].flows.new

    @property
    def woken(self) -> int:
        """Dormant or churned at the start, active at the end."""
        return self.rows[0].flows.woken

    @property
    def woken_from_dormant(self) -> int:
        """Dormant at the start, active at the end."""
        return self.rows[0].flows.woken_from_dormant

    @property
    def woken_from_churned(self) -> int:
        """Churned at the start, active at the end."""
        return self.rows[0].flows.woken_from_churned

    @property
    def to_dormant(self) -> int:
        """Active at the start, dormant at the end."""
        return self.rows[0].flows.to_dormant

    @property
    def to_churned(self) -> int:
        """Active at the start, churned at the end."""
        return self.rows[0].flows.to_churned

    @property
    def active_end(self) -> int:
        """Customers active at the end."""
        return self.rows[0].flows.active_end

    @property
    def acquisition_ratio(self) -> float | None:
        """(new + woken) / (to_dormant + to_churned): above 1 exactly when more are active at the end than at the start.

        None when nobody left; the note is then NOBODY_LEFT.
        """
        return self.rows[0].flows.acquisition_ratio

    @property
    def stock_ratio(self) -> float | None:
        """(new + woken) / (dormant + churned at the end), the stock reading; None when nobody is asleep.

        It divides what happened in the period by what has piled up since the log began, so it falls with the age of
        the log and says nothing about growth.
        """
        return self.rows[0].flows.stock_ratio

    @property
    def left_and_returned(self) -> int:
        """Active at both ends, dormant in between: no flow of the period counts them."""
        return self.rows[0].flows.hidden[0]

    def transitions(self, group: object = None) -> Records:
        """Customers by state at the start and at the end, one row per pair of states.

        Columns: state_start, state_end, customers, share_of_start (None where nobody was in that state).

        Args:
            group: A group; None for all customers.

        Raises:
            InputError: When there is no such group.
        """
        for row in self.rows:
            if row.group == group:
                return _transitions(row.flows)
        known = [row.group for row in self.rows if row.group is not None]
        raise InputError(f"there is no group {group!r}; there are {known[:10]}.")

    def _records(self) -> Records:
        return Records.from_rows(_FIELDS, [row.to_dict() for row in self.rows])

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        title = messages.text("FLOWS.title", dict(self.recipe.settings))
        notes = [finding.text() for finding in self.findings]
        whole = self.rows[0].to_dict()
        parts: list[DisplayTable | str] = [
            *_shown(self.rows),
            messages.text("FLOWS.identity", whole),
            messages.text("FLOWS.ratios", whole),
        ]
        steps = [] if self.series is None else [row for row in self.series.rows if row.group is None]
        if steps:  # those of the groups stand in .series
            parts += [messages.text("FLOWS.series"), *_shown(steps), messages.text("FLOWS.no_sum")]
        why = reasons(row.note for row in (*self.rows, *steps))
        return Display(title, (*parts, *why, *self.recipe.sentences(), *notes))


def _transitions(flows: Flows) -> Records:
    fields = (Field("state_start", "text"), Field("state_end", "text"), Field("customers", "count"))
    rows = []
    for before, counts in zip(STATES, flows.matrix.tolist(), strict=True):
        total = sum(counts)
        rows += [
            {"state_start": before, "state_end": after, "customers": n, "share_of_start": n / total if total else None}
            for after, n in zip(STATES, counts, strict=True)
        ]
    return Records.from_rows((*fields, Field("share_of_start", "rate")), rows)
