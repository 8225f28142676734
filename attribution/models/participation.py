"""Participation: in how many conversions a channel took part. It does not sum, so it is no model of credit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.journeys.plan import Journeys
from attribution.touches import NONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.findings import Finding

__all__ = ["Participation", "participation"]


@runtime_checkable
class HasJourneys(Protocol):
    """A result that keeps the journeys it rests on, as a credit does."""

    @property
    def journeys(self) -> Journeys:
        """The journeys."""
        ...  # pragma: no cover - a protocol has no body


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Participation(TabularResult):
    """One row per channel: conversions and value in which it took part, each in full, and their share of all.

    Attributes:
        records: The rows by channel; "(none)" is last.
        conversions: Number of counted conversions.
        times: How many channels a touched conversion is counted for on average; None without any.
        recipe: Rules, counts, fingerprint of the data.
        findings: What is worth knowing about the tables.
    """

    records: Records
    conversions: int
    times: float | None
    recipe: Recipe
    findings: tuple[Finding, ...]

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        lines = [messages.text("PARTICIPATION.NOT_A_SUM", {"conversions": self.conversions})]
        if self.times is not None:
            lines.append(messages.text("PARTICIPATION.TIMES", {"times": self.times}))
        lines.append(messages.text("PARTICIPATION.NOT_CAUSE"))
        lines.append(messages.text("PARTICIPATION.RULES", self.recipe.settings))
        lines += [finding.text() for finding in self.findings]
        return Display(messages.text("PARTICIPATION.TITLE"), (records_table(self.records), *lines))


def participation(journeys: Journeys | HasJourneys) -> Participation:
    """In how many conversions each channel took part: the full conversion for every distinct channel of its journey.

    Several touches of one channel count once. The rows do not sum to the conversions, so participation is no model: it
    stays out of the credit table, and money cannot be divided by it. "(none)" holds conversions without an eligible
    touch.

    Args:
        journeys: Journeys, or a credit, whose journeys are taken.

    Returns:
        Channel, conversions, value, share_of_conversions (of all counted conversions).

    Raises:
        InputError: For something that is neither.

    References: Adobe Analytics and Mixpanel, "participation"; see docs/methods/participation.md.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-02 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": "p1", "time": when, "channel": ["sms", "phone", "sms"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[2:], "conversion_id": ["order-1"]})
        >>> rows = at.participation(at.build_journeys(touches, conversions)).to_dicts()
        >>> [(row["channel"], row["conversions"]) for row in rows]
        [('phone', 1), ('sms', 1), ('(none)', 0)]
    """
    if not isinstance(journeys, Journeys):
        if not isinstance(journeys, HasJourneys) or not isinstance(journeys.journeys, Journeys):
            raise InputError(
                f"participation needs journeys or a credit, got {type(journeys).__name__}. Pass "
                "at.build_journeys(...) or at.attribute(...)."
            )
        journeys = journeys.journeys
    names = [*journeys.touches.channel.names.tolist(), NONE]
    conversions, value, touched = _counts(journeys, len(names))
    whole = len(journeys.counted)
    columns: list[tuple[Field, Any]] = [
        (Field("channel", "text"), names),
        (Field("conversions", "count"), conversions.tolist()),
        (Field("value", "money"), value.tolist() if journeys.conversions.has_value else [None] * len(names)),
        (Field("share_of_conversions", "rate"), [count / whole if whole else None for count in conversions.tolist()]),
    ]
    records = Records(tuple(field for field, _ in columns), tuple(values for _, values in columns))
    times = float(conversions[:-1].sum()) / touched if touched else None
    recipe = Recipe(
        method="participation",
        settings={"rules": journeys.rules.text()},
        n={"conversions": whole, "touched_conversions": touched},
        fingerprint=journeys.fingerprint,
    )
    return Participation(records=records, conversions=whole, times=times, recipe=recipe, findings=journeys.findings)


def _counts(journeys: Journeys, width: int) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Conversions and value per channel, the untouched ones last, and the number of touched conversions."""
    conversions, value, touched = np.zeros(width, np.int64), np.zeros(width), 0
    for pairs in journeys.pairs():
        worth = journeys.counted.value[pairs.start : pairs.stop]
        alone = pairs.counts == 0
        conversions[-1] += int(alone.sum())
        value[-1] += float(worth[alone].sum())
        distinct = journeys.arrays(pairs).distinct_channels()
        conversions += np.bincount(distinct.channel, minlength=width)
        value += np.bincount(distinct.channel, weights=worth[~alone][distinct.journey], minlength=width)
        touched += int((~alone).sum())
    return conversions, value, touched
