"""Credit with and without the touches that customers began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.records import Records, TabularResult

if TYPE_CHECKING:
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from attribution.credit.origin import OriginComparison
    from experiments.post_mortem.evidence import Evidence

__all__ = ["WithoutInbound", "run"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class WithoutInbound(TabularResult):
    """Both credits side by side; the remarks on the tables are those of the credit itself, told once.

    Attributes:
        compared: Both credits.
    """

    compared: OriginComparison

    @property
    def recipe(self) -> Recipe:
        """How the credit without inbound touches was made."""
        return self.compared.recipe

    def _records(self) -> Records:
        return self.compared._records()  # noqa: SLF001 -- our own

    def _display(self) -> Display:
        return self.compared._display()  # noqa: SLF001 -- our own


def run(evidence: Evidence) -> WithoutInbound | None:
    """Both credits side by side; None where the plan does not ask, or the touches do not tell who began them."""
    import attribution as at
    from attribution.core.tables import Problems, open_table

    credit = evidence.credit
    if credit is None or not evidence.plan.attribution.inbound:
        return None
    roles = evidence.plan.columns()["touches"]
    if roles.origin not in open_table(evidence.tables["touches"], "touches", roles, problems=Problems()).names:
        return None
    found = at.compare_origins(credit)
    # Nobody came by himself: both credits are the same.
    moved = any(row["conversions_difference"] for row in found.to_dicts())
    return WithoutInbound(compared=found) if moved else None
