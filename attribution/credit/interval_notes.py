"""What intervals, ranks and differences of credit rest on, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.credit.readings import path_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.credit.credit import Credit
    from attribution.credit.path_intervals import PathSpread
    from attribution.credit.population import Population

__all__ = ["sampling_notes", "undefined_resamples"]


def undefined_resamples(credit: Credit, spreads: Mapping[int, PathSpread]) -> dict[str, int]:
    """The models that were resampled, and the resamples in which each gave no shares."""
    return {credit.models[place].name: spread.undefined for place, spread in spreads.items()}


def sampling_notes(
    credit: Credit,
    population: Population,
    resampled: Mapping[str, int],
    *,
    replicates: int,
    seed: int,
    costs: bool = True,
) -> list[str]:
    """The persons at risk, cost, and how the models of paths were treated; one sentence each."""
    notes = [population.sentence()]
    if costs and credit.spend is not None:
        known = credit.person_spend is None
        notes.append(messages.text("INTERVALS.COST_KNOWN" if known else "INTERVALS.COST_DRAWN"))
        notes += [finding.text() for finding in credit.spend.findings()]
    if resampled:
        values = {"models": ", ".join(resampled), "n": replicates, "seed": seed}
        notes.append(messages.text("INTERVALS.RESAMPLED", values))
        lost = max(resampled.values())
        if lost:
            notes.append(messages.text("INTERVALS.UNDEFINED", {"n": lost, "replicates": replicates}))
    elif path_models(credit):
        named = ", ".join(model.name for model in path_models(credit))
        notes.append(messages.text("INTERVALS.INSIDE", {"models": named}))
    return notes
