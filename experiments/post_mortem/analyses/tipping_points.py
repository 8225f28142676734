"""What would turn each verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribution.core.records import Records
from experiments.post_mortem.analyses.asked import cost_ground
from experiments.post_mortem.cards import decisions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.post_mortem.analyses.asked import CostGround
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.tipping import Tipping

__all__ = ["run"]

_PARTS = ("touch_cost", "incentive_cost", "fixed_cost")
_CONTRASTS = 6

Key = tuple[str, str, str | None, float]


def run(evidence: Evidence) -> Tipping | None:
    """The value of each assumption at which a verdict would turn; None without verdicts.

    Single prices are varied at the leading threshold of each contrast, where contrasts are few: every factor is found
    by halving. Elsewhere the common factor of all costs has to do.
    """
    from experiments.roi.tipping import tipping

    ground = cost_ground(evidence)
    if ground is None:
        return None
    found = tipping(ground.thresholds)
    priced = _priced(evidence, ground)
    if not priced:
        return found
    rows: list[dict[str, Any]] = []
    every = found.to_dicts()
    for row, after in zip(every, [*every[1:], None], strict=True):
        rows.append(row)
        if after is None or _key(after) != _key(row):
            rows += priced.get(_key(row), [])
    return replace(found, records=Records.from_rows(found.records.fields, rows))


def _priced(evidence: Evidence, ground: CostGround) -> dict[Key, list[dict[str, Any]]]:
    """The factors of single parts of the cost, by verdict."""
    from attribution.core.tables import Problems, open_table
    from experiments.roi.tipping import tipping

    roles = evidence.plan.columns()["outcomes"]
    names = open_table(ground.outcomes, "outcomes", roles, problems=Problems()).names
    parts = [part for part in _PARTS if part in names]
    lead: dict[tuple[str, str, str | None], float] = {}
    for one in decisions_of(evidence.plan, ground.thresholds):
        lead.setdefault((one.arm, one.control, one.segment), one.threshold)
    if not parts or len(lead) > _CONTRASTS or evidence.plan.costs is None:
        return {}
    kept = tuple(
        row
        for row in ground.thresholds.judged
        if lead.get((row.contrast.arm, row.contrast.control, row.contrast.segment)) == row.threshold
    )
    found = tipping(
        replace(ground.thresholds, judged=kept),
        outcomes=ground.outcomes,
        prices=parts,
        experiment=ground.experiment,
        woken=ground.woken,
        by=evidence.plan.costs.by,
    )
    made: dict[Key, list[dict[str, Any]]] = {}
    for row in found.to_dicts():
        if row["assumption"] in parts:
            made.setdefault(_key(row), []).append(row)
    return made


def _key(row: Mapping[str, Any]) -> Key:
    return row["arm"], row["control"], row.get("segment"), row["threshold"]
