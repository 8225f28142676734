"""Effects in the segments that the plan declares: whether they differ at all, then every segment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribution.core.records import TabularResult
from experiments.post_mortem.small_groups import segment_columns, shown_readout

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.records import Records
    from attribution.core.render.display import Display
    from experiments.post_mortem.evidence import Evidence
    from experiments.readout.segments_result import SegmentReadout

__all__ = ["DeclaredSegments", "run"]

_FEWEST = 20  # as `Experiment.by_segment`: fewer persons have no effect of their own
_OF_SEGMENTS = frozenset({"EXPLORATORY", "SEGMENT_SMALL"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class DeclaredSegments(TabularResult):
    """Effects by declared segment, without groups that are too small to be shown.

    Attributes:
        readout: The readout by segment.
        hidden: How many groups (an arm in a segment) are not shown.
    """

    readout: SegmentReadout
    hidden: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be known about the segments; the checks of the experiment are those of its readout."""
        return tuple(finding for finding in self.readout.findings if finding.code in _OF_SEGMENTS)

    @property
    def recipe(self) -> Recipe:
        """How it was made."""
        return self.readout.recipe

    def _records(self) -> Records:
        return self.readout._records()  # noqa: SLF001 -- our own

    def _display(self) -> Display:
        return self.readout._display()  # noqa: SLF001 -- our own


def run(evidence: Evidence) -> DeclaredSegments | None:
    """The effects in the declared segments; None without a trial or without declared segments."""
    columns = segment_columns(evidence.plan)
    if evidence.readout is None or evidence.outcomes is None or not columns:
        return None
    limit = evidence.plan.report.min_cell
    # Segments of the verdicts are declared by the plan as well, before the data.
    experiment = replace(evidence.readout.experiment, segments=columns)
    found = experiment.by_segment(evidence.outcomes, min_persons=max(_FEWEST, limit))
    shown = shown_readout(found, limit)
    primary = experiment.primary
    counts = [sum(one.fit.name == primary for one in part.effects) for part in (found, shown)]
    return DeclaredSegments(readout=shown, hidden=counts[0] - counts[1])
