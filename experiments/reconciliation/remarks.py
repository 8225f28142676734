"""What is worth knowing before credit and effect are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.errors import closest
from attribution.core.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from experiments.readout.fit import Fit
    from experiments.reconciliation.credited import Credited

__all__ = ["basis_findings", "reach_findings"]


def basis_findings(found: Credited, effects: Sequence[Mapping[str, Any]], fit: Fit) -> Iterator[Finding]:
    """Whether credit and effect speak of the same persons, and of the same customers among them.

    Args:
        found: The credit.
        effects: The readout's row of each arm.
        fit: The metric; its events are counted, for the rates of a row are weighted over strata.
    """
    happened = {str(arm): int(fit.hits[:, place].sum()) for place, arm in enumerate(fit.arms)}
    for place, effect in enumerate(effects, start=1):
        analysed, woken = int(effect["n"]), happened[str(effect["arm"])]
        persons, counted = int(found.persons[place]), int(found.counted[place])
        if persons != analysed:
            values = {"arm": effect["arm"], "persons": persons, "analysed": analysed}
            yield Finding(code="PERSONS_DIFFER", status="warn", values=values)
        elif counted != woken:
            values = {"arm": effect["arm"], "counted": counted, "woken": woken}
            yield Finding(code="CUSTOMERS_DIFFER", status="warn", values=values)


def reach_findings(
    found: Credited, untested: Mapping[str, int], owners: Mapping[str, str], *, windowed: bool
) -> Iterator[Finding]:
    """Windows, mistyped channels, conversions left out, channels that no step tests.

    Args:
        found: The credit.
        untested: Channels that no step adds, with their group.
        owners: The step of every other channel.
        windowed: Whether the persons' windows are known.
    """
    if not windowed:
        yield Finding(code="WINDOW_UNKNOWN", status="warn")
    for channel in owners:
        if channel not in found.channels:
            values = {"channel": channel, "hint": closest(channel, found.channels)}
            yield Finding(code="CHANNEL_UNSEEN", status="warn", values=values)
    firsts = found.firsts
    if firsts.outside or firsts.later:
        yield Finding(code="CREDIT_OUTSIDE", status="note", values={"outside": firsts.outside, "later": firsts.later})
    arms = list(range(1, len(found.persons)))
    for channel, group in untested.items():
        rows = [found.credited(number, arms, [group]) for number in range(len(found.models))]
        placebo = [found.credited(number, [0], [group]) for number in range(len(found.models))]
        yield Finding(
            code="UNTESTED_CHANNEL",
            status="note",
            values={"channel": channel, "credit": (min(rows), max(rows)), "placebo": (min(placebo), max(placebo))},
        )
