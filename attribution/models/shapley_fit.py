"""The Shapley values of some paths, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.models.shapley_games import EXACT_CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ShapleyFit"]

_LISTED = 5


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ShapleyFit(TabularResult):
    """One row per channel: channel, credit, share, standard_error.

    `credit` is in conversions for the counting game and in conversion rate for the rate game; it sums to what the
    coalition of all channels is worth (`total`). `standard_error` is that of the credit over sampled orders, empty
    where the values are exact; it speaks of the sampling of orders, not of the sampling of persons.

    Attributes:
        value: What a coalition is worth, "count" or "rate".
        channel_names: The channels, sorted.
        credit: Shapley value of each channel; 0 for a channel in no path.
        standard_error: Standard error of each value; None where the values are exact.
        conversions: Conversions of the journeys.
        nulls: Journeys without a conversion.
        samples: Number of sampled orders, were the channels too many for the exact values.
        seed: Seed of the sampled orders.

    Example:
        >>> import attribution as at
        >>> paths = at.PathCounts.of([["A", "B"], ["A"]], conversions=[1, 1], nulls=[0, 0])
        >>> at.Shapley().fit(paths).credit.tolist()
        [1.5, 0.5]
    """

    value: Literal["count", "rate"]
    channel_names: NDArray[np.object_]
    credit: NDArray[np.float64]
    standard_error: NDArray[np.float64] | None
    conversions: float
    nulls: float
    samples: int
    seed: int

    def __post_init__(self) -> None:
        self.credit.flags.writeable = False
        if self.standard_error is not None:
            self.standard_error.flags.writeable = False

    @property
    def total(self) -> float:
        """What all channels together are worth: the conversions, or the conversion rate of all journeys."""
        return self.conversions if self.value == "count" else self.conversions / (self.conversions + self.nulls)

    @property
    def shares(self) -> NDArray[np.float64]:
        """The credit divided by its sum."""
        shares: NDArray[np.float64] = self.credit / self.credit.sum()
        return shares

    @property
    def method(self) -> Literal["closed form", "exact", "sampled"]:
        """How the values were found."""
        if self.value == "count":
            return "closed form"
        return "exact" if self.standard_error is None else "sampled"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Rates without a null journey; channels with negative credit; how exact sampled values are."""
        found = []
        if self.value == "rate" and self.nulls == 0:
            found.append(Finding(code="NO_NULL_JOURNEYS", status="note", values={"conversions": self.conversions}))
        negative = np.flatnonzero(self.credit < 0)
        if len(negative):
            order = negative[np.argsort(self.credit[negative], kind="stable")]
            names = ", ".join(str(name) for name in self.channel_names[order[:_LISTED]])
            more = " ..." if len(negative) > _LISTED else ""
            share = float(self.shares[negative].sum())
            values = {"channels": names + more, "n": len(negative), "share": share}
            found.append(Finding(code="SHAPLEY_NEGATIVE", status="warn", values=values))
        if self.standard_error is not None:
            worst = int(self.standard_error.argmax())
            values = {
                "samples": self.samples,
                "seed": self.seed,
                "channel": str(self.channel_names[worst]),
                "error": float(self.standard_error[worst] / self.total),
                "limit": EXACT_CHANNELS,
            }
            found.append(Finding(code="SHAPLEY_SAMPLED", status="note", values=values))
        return tuple(found)

    @property
    def recipe(self) -> Recipe:
        """How the values were made."""
        settings: dict[str, object] = {"value": self.value, "method": self.method}
        if self.value == "rate":
            settings |= {"shapley_exact": EXACT_CHANNELS, "shapley_samples": self.samples, "shapley_seed": self.seed}
        return Recipe(
            method="shapley",
            definitions=(f"SHAPLEY_{self.value.upper()}",),
            settings=settings,
            n={"conversions": round(self.conversions), "nulls": round(self.nulls), "channels": len(self.credit)},
        )

    def _records(self) -> Records:
        error = [None] * len(self.credit) if self.standard_error is None else self.standard_error.tolist()
        kind: Literal["count", "rate"] = self.value
        return Records(
            (
                Field("channel", "text"),
                Field("credit", kind),
                Field("share", "rate"),
                Field("standard_error", kind),
            ),
            ([str(name) for name in self.channel_names], self.credit.tolist(), self.shares.tolist(), error),
        )

    def _display(self) -> Display:
        lines = [*self.recipe.sentences(), *(finding.text() for finding in self.findings)]
        shown = ["channel", "credit", "share"] + (["standard_error"] if self.standard_error is not None else [])
        title = messages.text(f"SHAPLEY.TITLE_{self.value.upper()}")
        return Display(title, (records_table(self._records(), shown), messages.text("CREDIT.NOT_CAUSE"), *lines))
