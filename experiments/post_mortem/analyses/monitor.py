"""The looks at the net benefit while the campaign ran."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.post_mortem.analyses.asked import fails, section_of

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.monitor import NetBenefitMonitor

__all__ = ["run"]


def run(evidence: Evidence) -> NetBenefitMonitor | None:
    """The saved log, every bound and verdict worked out again; None where the plan names none."""
    from experiments.plan.files import read_table
    from experiments.roi.monitor import NetBenefitMonitor

    asked = section_of(evidence, "monitor")
    if asked is None or evidence.readout is None or fails(evidence):
        return None
    path = evidence.plan.folder / asked.path
    rows: Any = _json_rows(path) if path.suffix.lower() == ".json" else read_table(path)
    return NetBenefitMonitor.read(rows)


def _json_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a log that was saved as JSON: a list of objects, one per look, contrast and threshold."""
    from experiments.plan.spelling import shown_path

    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(f"the log of looks {shown_path(path)} cannot be read: {error}.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"the log of looks {shown_path(path)} must be a list of objects: json.dumps(monitor.to_dicts())."
        )
    return rows
