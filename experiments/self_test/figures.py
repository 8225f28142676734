"""The figures of the default campaign, as they were when the library was released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.self_test.machine import SEED
from experiments.self_test.reading import Reading, compared, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PERSONS", "RTOL", "figure_readings", "figures_of_the_default_campaign"]

PERSONS = 20_000  # enough that every verdict word is among them
RTOL = 1e-9
_FAMILIES = ("credit", "effect", "reconciliation", "step", "threshold")
_SOURCE = "experiments/self_test/data/figures.json"


def figures_of_the_default_campaign() -> dict[str, Any]:
    """Figures and verdict words of the post-mortem of the simulated default campaign, 12 significant digits."""
    from experiments.post_mortem.compose import postmortem
    from experiments.report.difference_inputs import facts_of
    from experiments.simulation import simulate

    campaign = simulate("default", persons=PERSONS, seed=SEED)
    facts = facts_of(postmortem(campaign.plan, campaign))
    core = {name: figure for name, figure in facts.figures.items() if name.split(".")[0] in _FAMILIES}
    return {"figures": core, "verdicts": dict(facts.verdicts)}


def figure_readings(frozen: Mapping[str, Any]) -> Iterator[Reading]:
    """One reading per frozen figure and verdict word; a figure that is not there any more differs.

    Args:
        frozen: What ``figures.json`` holds.
    """
    yield from guarded("figures", "default_figures", _SOURCE, lambda: _compared(frozen))


def _compared(frozen: Mapping[str, Any]) -> Iterator[Reading]:
    now = figures_of_the_default_campaign()
    for kind in ("figures", "verdicts"):
        found = now[kind]
        for name in sorted({**frozen[kind], **found}):
            expected, got = frozen[kind].get(name, "(absent)"), found.get(name, "(absent)")
            tolerance = RTOL * max(abs(expected), 1.0) if isinstance(expected, (int, float)) else 0.0
            yield Reading(
                part="figures", example=f"default_{kind}", what=name, short="frozen", source=_SOURCE,
                expected=expected, got=got, tolerance=tolerance, outcome=compared(expected, got, tolerance),
            )  # fmt: skip
