"""How hard customers were pressed: contacts per head, beyond the caps, after a conversion, per wake-up caused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError, TableError
from attribution.core.records import Records
from experiments.post_mortem.follow_up import readout_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.post_mortem.evidence import Evidence
    from experiments.wakeup.pressure import ContactPressure

__all__ = ["run"]

_SMALL = ("beyond", "share_beyond", "persons_beyond", "weighted_beyond", "cost_beyond")


def run(evidence: Evidence) -> ContactPressure | None:
    """Contact pressure by the plan's caps; None without touches, or where none of them is a contact of ours."""
    from experiments.wakeup.pressure import contact_pressure

    plan, tables = evidence.plan, evidence.tables
    declared = plan.pressure
    if tables.get("touches") is None:
        return None
    try:
        found = contact_pressure(
            tables["touches"], conversions=tables.get("conversions"), caps=declared.caps, weights=declared.weights,
            kinds=declared.kinds, quiet=declared.quiet, opt_outs=declared.opt_outs, complaints=declared.complaints,
            columns=readout_columns(evidence), **_by_arm(evidence),
        )  # fmt: skip
    except TableError:
        raise
    except InputError:
        if declared.kinds is not None or declared.weights is not None:
            raise  # what the plan says of contacts does not fit the touches
        return None
    return _without_small(found, plan.report.min_cell)


def _by_arm(evidence: Evidence) -> dict[str, Any]:
    """What the reading by arm needs, where there is a random control whose persons can be followed."""
    declared, tables = evidence.plan.experiment, evidence.tables
    absent = any(tables.get(name) is None for name in ("assignment", "conversions"))
    if declared is None or evidence.readout is None or absent:
        return {}
    return {
        "assignment": tables["assignment"], "as_of": evidence.plan.campaign.as_of, "window": declared.window,
        "lag": declared.lag, "control": declared.control, "level": declared.level,
    }  # fmt: skip


def _without_small(found: ContactPressure, limit: int) -> ContactPressure:
    """Caps that fewer persons than the limit are beyond tell neither how many nor how far."""
    rows = [
        row | (dict.fromkeys(_SMALL) if 0 < row["persons_beyond"] < limit else {}) for row in found.records.to_dicts()
    ]
    small = {row["window"] for row in rows if row["persons_beyond"] is None}
    return replace(
        found,
        records=Records.from_rows(found.records.fields, rows),
        findings=tuple(
            finding for finding in found.findings if finding.code != "PRESSURE_CAP" or not _named(finding.values, small)
        ),
    )


def _named(values: Mapping[str, object], windows: set[str]) -> bool:
    return values.get("window") in windows
