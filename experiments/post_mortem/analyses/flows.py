"""The stock of active customers at two dates and the flows between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.records import Field, Records, TabularResult
from experiments.post_mortem.analyses.observed import activity_of, observed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.post_mortem.evidence import Evidence
    from experiments.wakeup.flows_result import CustomerFlows

__all__ = ["FLOWS", "DeclaredFlows", "run", "suppressed"]

FLOWS = ("active_start", "new", "woken", "to_dormant", "to_churned", "active_end")
"""The balance in its order: the first with the next two, less the next two, is the last."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class DeclaredFlows(TabularResult):
    """The flows of the declared period, without counts that are too small to be shown.

    Attributes:
        flows: The flows.
        counts: The numbers of the balance; None where one must not be shown.
        limit: Counts below it, other than 0, are not shown.
    """

    flows: CustomerFlows
    counts: Mapping[str, int | None]
    limit: int

    @property
    def acquisition_ratio(self) -> float | None:
        """(new + woken) / (to dormant + to churned); None where it is undefined or would tell a hidden count."""
        return None if None in self.counts.values() else self.flows.acquisition_ratio

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What must be known to read the flows, but for remarks that tell a small count."""
        return tuple(finding for finding in self.flows.findings if not self._tells_small(finding))

    @property
    def recipe(self) -> Recipe:
        """How they were made."""
        return self.flows.recipe

    def _tells_small(self, finding: Finding) -> bool:
        return any(isinstance(value, int) and 0 < value < self.limit for value in finding.values.values())

    def _records(self) -> Records:
        settings = self.flows.recipe.settings
        row = {"start": settings["start"], "end": settings["end"], **self.counts}
        fields = (Field("start", "text"), Field("end", "text"), *(Field(name, "count") for name in FLOWS))
        shown = {**row, "acquisition_ratio": self.acquisition_ratio}
        return Records.from_rows((*fields, Field("acquisition_ratio", "ratio")), [shown])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        return Display("", (records_table(self._records()), *self.recipe.sentences()))


def suppressed(counts: Mapping[str, int], limit: int) -> dict[str, int | None]:
    """The numbers of a balance without those below the limit; one alone would follow from the rest, so two go.

    Example:
        >>> suppressed({"start": 100, "new": 4, "lost": 20, "end": 84}, 10)
        {'start': 100, 'new': None, 'lost': None, 'end': 84}
        >>> suppressed({"start": 100, "new": 0, "lost": 20, "end": 80}, 10)
        {'start': 100, 'new': 0, 'lost': 20, 'end': 80}
    """
    hidden = {name for name, count in counts.items() if 0 < count < limit}
    if len(hidden) == 1:
        others = [(count, name) for name, count in counts.items() if name not in hidden and count > 0]
        hidden |= {min(others)[1]} if others else set()
    return {name: None if name in hidden else count for name, count in counts.items()}


def run(evidence: Evidence) -> DeclaredFlows | None:
    """The flows of the declared period; None without a log of acts or a declared period."""
    from experiments.wakeup.flows import customer_flows

    given = activity_of(evidence)
    if given is None or given[1].flows_from is None:
        return None
    log, rule = given
    begin, limit = rule.flows_from, evidence.plan.report.min_cell
    found = observed(
        lambda: customer_flows(
            log,
            start=begin if begin is not None else evidence.plan.campaign.as_of,
            end=rule.flows_to or evidence.plan.campaign.as_of,
            dormant_after=rule.dormant_after,
            churned_after=rule.churned_after,
            columns=evidence.plan.columns(),
        )
    )
    counts = suppressed({name: int(getattr(found, name)) for name in FLOWS}, limit)
    return DeclaredFlows(flows=found, counts=counts, limit=limit)
