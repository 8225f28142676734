"""Groups too small to be shown: they leave a result before anybody reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.roi.undecidable import SEGMENT_DECLINED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attribution.core.findings import Finding
    from experiments.plan import Plan
    from experiments.readout.segments_result import SegmentEffect, SegmentReadout
    from experiments.roi import CostThresholds
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.package import Package
    from experiments.roi.result import Judged

__all__ = ["is_small", "segment_columns", "shown_effects", "shown_findings", "shown_readout", "without_small"]

_HIDDEN = "\N{HORIZONTAL ELLIPSIS}"


def segment_columns(plan: Plan) -> tuple[str, ...]:
    """The columns by which the plan declares readings before the data: ``experiment.segments``, then ``costs.by``."""
    from experiments.roi.segment_cells import by_columns

    declared = None if plan.experiment is None else plan.experiment.segments
    priced = None if plan.costs is None else plan.costs.by
    return tuple(dict.fromkeys((*by_columns(declared or None), *by_columns(priced or None))))


def is_small(contrast: ContrastCosts, limit: int) -> bool:
    """Whether an arm of a segment's contrast holds fewer persons than may be shown."""
    if contrast.segment is None:
        return False
    arms = (contrast.treated, contrast.untreated)
    return min(sum(part.n for part in arm) for arm in arms) < limit


def without_small(plan: Plan, thresholds: CostThresholds | None) -> CostThresholds | None:
    """The verdicts without those of segments that are too small to be shown; None when no verdict is left."""
    if thresholds is None:
        return None
    limit = plan.report.min_cell
    kept = tuple(row for row in thresholds.judged if not is_small(row.contrast, limit))
    if not kept:
        return None
    told = tuple(finding for finding in thresholds.findings if not _tells_small(finding, limit))
    findings = shown_findings(told, _names(thresholds.judged, limit))
    packages = tuple(package for package in thresholds.packages if not _is_small_package(package, limit))
    return replace(thresholds, judged=kept, findings=findings, packages=packages)


def _is_small_package(package: Package, limit: int) -> bool:
    """Whether an arm of a segment holds fewer persons than may be shown: the others and their sum would tell it."""
    arms = (*package.treated.values(), package.untreated)
    return package.segment is not None and min(sum(cell.n for cell in arm) for arm in arms) < limit


def _tells_small(finding: Finding, limit: int) -> bool:
    """Whether it names a segment without a verdict that holds fewer persons than may be shown."""
    persons = finding.values.get("persons")
    return finding.code == SEGMENT_DECLINED and isinstance(persons, int) and persons < limit


def _names(judged: Iterable[Judged], limit: int) -> frozenset[str]:
    return frozenset(str(row.contrast.segment) for row in judged if is_small(row.contrast, limit))


def shown_effects(effects: Iterable[SegmentEffect], limit: int) -> tuple[SegmentEffect, ...]:
    """The effects without those of segments in which arm or control holds fewer persons than may be shown."""
    return tuple(one for one in effects if one.segment is None or min(one.n, one.n_control) >= limit)


def shown_readout(readout: SegmentReadout, limit: int) -> SegmentReadout:
    """A readout by segment of which small groups can be neither seen nor named."""
    effects = shown_effects(readout.effects, limit)
    left = {(one.by, str(one.segment)) for one in effects}
    hidden = frozenset(str(one.segment) for one in readout.effects if (one.by, str(one.segment)) not in left)
    return replace(readout, effects=effects, findings=shown_findings(readout.findings, hidden))


def shown_findings(findings: Sequence[Finding], hidden: frozenset[str]) -> tuple[Finding, ...]:
    """The findings without the names of hidden segments; one that is about a hidden segment alone is left out."""
    made = []
    for finding in findings:
        if finding.code == "STRATUM_DROPPED" and str(finding.values.get("metric", "")).partition(", ")[2] in hidden:
            continue
        made.append(_unnamed(finding, hidden) if finding.code == "SEGMENT_SMALL" else finding)
    return tuple(made)


def _unnamed(finding: Finding, hidden: frozenset[str]) -> Finding:
    # The names stand in one text, joined by commas that a name may hold, too: hide all as soon as one must be hidden.
    if not hidden:
        return finding
    return replace(finding, values={**finding.values, "names": _HIDDEN})
