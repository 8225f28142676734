"""Shapley credit: what a channel adds to a coalition of channels, averaged over all orders of joining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attribution.core.errors import DesignError, InputError
from attribution.core.randomness import check_seed
from attribution.core.whole import is_whole
from attribution.journeys.path_counts import PathCounts, check_counts
from attribution.models.protocol import Tally, check_name
from attribution.models.shapley_fit import ShapleyFit
from attribution.models.shapley_games import (
    EXACT_CHANNELS,
    ChannelSets,
    channel_sets,
    exact_values,
    rate_worth,
    sampled_values,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from attribution.journeys.arrays import JourneyArrays

__all__ = ["Shapley"]

_VALUES = ("count", "rate")
_RESAMPLED = 200  # orders of joining per resample


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapley:
    """Shapley value of a game between channels.

    ``value="count"``: a coalition S is worth the conversions of the journeys whose channels all lie in S. The Shapley
    value has a closed form for any number of channels: every conversion is divided equally among the *distinct*
    channels of its journey. Journeys without a conversion do not enter. It is a model of single journeys (needs
    ``"touches"``), so credit by event and by any column adds up, and value follows from the same game on value.

    ``value="rate"``: S is worth the conversion rate of the journeys whose channels all lie in S, 0 where there is none.
    Journeys without a conversion enter. Exact to 20 channels; beyond, the mean over sampled orders of joining, with
    a standard error per channel. A channel can lower the rate of the coalitions it joins: its credit is then negative,
    is kept, and is told as the finding SHAPLEY_NEGATIVE. It is a model of all paths together (needs ``"paths"``).

    Neither is an effect: both divide what happened.

    Attributes:
        value: What a coalition is worth, "count" or "rate".
        name: The model's name in tables.
        samples: Number of sampled orders for rates of more than 20 channels; even, since each order is used forwards
            and backwards; at least 4.
        seed: Seed of the sampled orders.

    Raises:
        InputError: For another value, an odd or small number of samples, an unusable seed.

    References: Shapley 1953; Dalessandro et al. 2012; Zhao, Mahboobi and Bagheri 2018 (the closed form of the counting
    game); Mitchell et al. 2022 (antithetic orders). Verified against all orders of joining in fractions, up to 6
    channels (docs/methods/shapley.md).

    Example:
        >>> import attribution as at
        >>> paths = at.PathCounts.of([["A", "B"], ["A"], ["B"]], conversions=[3, 2, 1], nulls=[1, 8, 9])
        >>> at.Shapley(value="rate").shares(paths).round(6).tolist()
        [0.7, 0.3]
        >>> j = at.JourneyArrays.of([["sms", "phone", "sms"]], ages_seconds=[[9.0, 5.0, 0.0]])
        >>> at.Shapley().weights(j).tolist()
        [0.25, 0.5, 0.25]
    """

    value: Literal["count", "rate"] = "count"
    name: str = "shapley"
    samples: int = 2_000
    seed: int = 0
    negative_shares: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.value not in _VALUES:
            raise InputError(f'value must be "count" or "rate", got {self.value!r}.')
        if not is_whole(self.samples) or self.samples < 4 or self.samples % 2:
            raise InputError(f"samples must be an even whole number of at least 4, got {self.samples!r}.")
        check_seed(self.seed)

    @property
    def needs(self) -> Literal["touches", "paths"]:
        """What the model works on: single journeys for counts, all paths together for rates."""
        return "touches" if self.value == "count" else "paths"

    @property
    def definition(self) -> str:
        """Code of the model's definition."""
        return f"SHAPLEY_{self.value.upper()}"

    @property
    def settings(self) -> dict[str, object]:
        """What was chosen, for the recipe."""
        if self.value == "count":
            return {}
        return {"shapley_samples": self.samples, "shapley_seed": self.seed, "shapley_exact": EXACT_CHANNELS}

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """1 / (distinct channels of the journey), equally over a channel's touches. Only for counts.

        Raises:
            InputError: For rates, which single journeys do not have.
        """
        if self.value == "rate":
            raise InputError("the Shapley value of rates is of all paths together; call shares(paths) or fit(paths).")
        if not len(j):
            return np.zeros(0)
        distinct = j.distinct_channels()
        number = np.bincount(distinct.journey, minlength=len(j))
        each = 1.0 / (number[distinct.journey] * distinct.touches)
        weights: NDArray[np.float64] = each[distinct.place]
        return weights

    def shares(self, paths: PathCounts) -> NDArray[np.float64]:
        """One share per channel of `channel_names`, summing to 1; a channel in no path has 0.

        Raises:
            InputError: For counts that are negative or not finite.
            DesignError: ``NO_CONVERSIONS`` when no journey converted, so that there is nothing to divide.
        """
        return self.fit(paths).shares

    def fit(self, paths: PathCounts) -> ShapleyFit:
        """The Shapley values with all that is worth knowing about them.

        Raises:
            InputError: For counts that are negative or not finite.
            DesignError: ``NO_CONVERSIONS`` when no journey converted, so that there is nothing to divide.
        """
        used = _occurring(paths)
        sets = channel_sets(used)
        conversions, nulls = sets.sums(used.conversions), sets.sums(used.nulls)
        if not conversions.sum() > 0:
            raise DesignError(
                "NO_CONVERSIONS",
                f"none of the {nulls.sum():,.0f} journeys converted, so that every coalition is worth 0 and there is "
                "nothing to divide. Give paths with conversions.",
            )
        values, error = self._values(sets, conversions, nulls, samples=self.samples)
        credit = np.zeros(len(paths.channel_names))
        credit[sets.players] = values
        return ShapleyFit(
            value=self.value,
            channel_names=paths.channel_names,
            credit=credit,
            standard_error=None if error is None else _spread(error, sets.players, len(credit)),
            conversions=float(conversions.sum()),
            nulls=float(nulls.sum()),
            samples=self.samples,
            seed=self.seed,
        )

    def tally(self, paths: PathCounts) -> Tally:
        """Conversions and null journeys by set of channels, which is all that the values depend on.

        Where no journey converts, as can happen in a resample, all shares are 0. Sampled values of a resample are means
        over at most 200 orders, the same for every resample: their error moves all resamples alike.
        """
        sets = channel_sets(_occurring(paths))
        place, number = np.full(len(paths), -1), len(sets)
        place[_occurs(paths)] = sets.place

        def shares_of(totals: NDArray[np.float64]) -> NDArray[np.float64]:
            shares = np.zeros(len(paths.channel_names))
            conversions, nulls = totals[:number], totals[number:]
            if conversions.sum() > 0:
                values, _ = self._values(sets, conversions, nulls, samples=min(self.samples, _RESAMPLED))
                shares[sets.players] = values / values.sum()
            return shares

        return Tally(
            converting=_columns(place, 0, 2 * number),
            lost=_columns(place, number, 2 * number),
            shares_of=shares_of,
        )

    def _values(
        self, sets: ChannelSets, conversions: NDArray[np.float64], nulls: NDArray[np.float64], *, samples: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Values per player and, where they are sampled, their standard errors."""
        players = len(sets.players)
        if self.value == "count":
            sizes = np.diff(sets.offsets)
            each = np.repeat(conversions / sizes, sizes)
            return np.asarray(np.bincount(sets.channel, weights=each, minlength=players), np.float64), None
        if players <= EXACT_CHANNELS:
            return exact_values(rate_worth(conversions, nulls, sets.codes(), players), players), None
        return sampled_values(sets, conversions, nulls, samples=samples, seed=self.seed)


def _occurs(paths: PathCounts) -> NDArray[np.bool_]:
    return (paths.conversions > 0) | (paths.nulls > 0)


def _occurring(paths: PathCounts) -> PathCounts:
    """The paths that some journey took.

    Raises:
        InputError: For counts that are negative or not finite.
    """
    check_counts(paths)
    kept = _occurs(paths)
    if kept.all():
        return paths
    return PathCounts(
        offsets=np.concatenate([[0], np.cumsum(paths.lengths[kept])]).astype(np.int64),
        channel=paths.channel[np.repeat(kept, paths.lengths)],
        channel_names=paths.channel_names,
        conversions=paths.conversions[kept],
        value=paths.value[kept],
        nulls=paths.nulls[kept],
    )


def _spread(error: NDArray[np.float64], players: NDArray[np.int64], channels: int) -> NDArray[np.float64]:
    spread = np.zeros(channels)
    spread[players] = error
    return spread


def _columns(place: NDArray[np.int64], start: int, width: int) -> sparse.csr_array:
    """A matrix with a one per path, in the column of its set; paths that nobody took have none."""
    from scipy import sparse

    known = np.flatnonzero(place >= 0)
    return sparse.csr_array((np.ones(len(known)), (known, start + place[known])), shape=(len(place), width))
