"""What was carried out: touches by channel, stage and wave, and who of each arm was reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.execution import carried_out

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.post_mortem.execution import Execution

__all__ = ["run"]


def run(evidence: Evidence) -> Execution | None:
    """Count the touches; None without them."""
    return carried_out(evidence)
