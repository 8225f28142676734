"""Intervals of models of paths: the spread of their channel totals when persons are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attribution.core.errors import WakeLiftError
from attribution.credit.resampling import resample
from attribution.credit.uncertainty import SMALL, hall_ends
from attribution.journeys.path_counts import PathCounts
from attribution.models.fitted import FittedModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.population import Population
    from attribution.credit.resampling import Resamples
    from attribution.journeys.person_paths import PersonPaths

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["PathSpread", "Spread", "path_spreads"]

_EQUAL = 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spread:
    """A figure of a model of paths in every credited cell, and how it moves when persons are drawn anew.

    Attributes:
        estimate: The figure.
        moves: Replicates x cells: the replicates minus their mean.
        more: What one more person with this channel alone would add; 0 where enough persons are there.
        lowest: The figure cannot be less; -inf where credit can be negative.
        highest: The figure cannot be more.
    """

    estimate: Floats
    moves: Floats
    more: Floats
    lowest: float
    highest: float

    def moments(self, contrast: Floats) -> tuple[Floats, Floats]:
        """Variance and third central moment of linear combinations of the cells (combinations x cells)."""
        # einsum, not @: the order in which a BLAS adds may depend on its threads.
        moved = np.einsum("rc,kc->rk", self.moves, contrast)
        extra = contrast * self.more
        variance = (moved**2).mean(axis=0) + (extra**2).sum(axis=1)
        third: Floats = (moved**3).mean(axis=0) + (extra**3).sum(axis=1)
        return np.asarray(variance), third

    def covariance(self) -> Floats:
        """Cells x cells."""
        cells = np.ascontiguousarray(self.moves.T)
        found: Floats = np.einsum("cr,dr->cd", cells, cells) / len(self.moves) + np.diag(self.more**2)
        return found

    def ends(self, level: float) -> tuple[Floats, Floats]:
        """The interval: the estimate and the quantiles of its spread, bent for its skewness."""
        variance, third = (self.moves**2).mean(axis=0) + self.more**2, (self.moves**3).mean(axis=0) + self.more**3
        low, high = hall_ends(self.estimate, variance, third, level)
        return np.clip(low, self.lowest, self.highest), np.clip(high, self.lowest, self.highest)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PathSpread:
    """The figures of one model of paths.

    Attributes:
        conversions: Credited conversions.
        value: Credited value.
        share: Share of the attributed conversions.
        undefined: Replicates in which the model gave no shares; they are left out.
    """

    conversions: Spread
    value: Spread
    share: Spread
    undefined: int


def path_spreads(credit: Credit, *, population: Population, seed: int, replicates: int) -> Mapping[int, PathSpread]:
    """The spread of each model of paths, by its place among the models; empty unless the credit is by channel.

    Raises:
        InputError: For a population below the number of persons with a journey.
    """
    codes = credit.cells.channel_codes()
    places = [place for place, model in enumerate(credit.models) if isinstance(model, FittedModel)]
    if codes is None or not places:
        return {}
    paths = credit.journeys.person_paths()
    models = [model.model for model in credit.models if isinstance(model, FittedModel)]
    size = population.size
    if size is not None and population.source == "customers":
        size = max(size, paths.persons)  # somebody with a journey may be missing from the customers table
    drawn = resample(models, paths, population=size, seed=seed, replicates=replicates)
    few = _holders(paths)[codes] < SMALL
    return {place: _spread(credit, place, codes, few, paths, found) for place, found in zip(places, drawn, strict=True)}


def _holders(paths: PersonPaths) -> NDArray[np.int64]:
    """Number of persons with a converting journey that holds each channel."""
    counts = paths.paths
    width = len(counts.channel_names)
    converting = np.flatnonzero(paths.conversions > 0)
    lengths = counts.lengths[paths.path[converting]]
    step = np.arange(int(lengths.sum())) + np.repeat(
        counts.offsets[paths.path[converting]] - (np.cumsum(lengths) - lengths), lengths
    )
    pairs = np.unique(np.repeat(paths.person[converting], lengths) * width + counts.channel[step])
    return np.bincount(pairs % max(width, 1), minlength=width)


def _spread(
    credit: Credit,
    place: int,
    codes: NDArray[np.int64],
    few: NDArray[np.bool_],
    paths: PersonPaths,
    drawn: Resamples,
) -> PathSpread:
    model = credit.models[place]
    shares = model.shares[codes] if isinstance(model, FittedModel) else np.zeros(len(codes))
    kept = ~np.isnan(drawn.shares).any(axis=1)
    shares_drawn = drawn.shares[:, codes]
    few = few | ~_moved(shares_drawn[kept & (drawn.conversions > 0)])
    more = np.zeros(len(codes))
    for cell in np.flatnonzero(few).tolist():
        more[cell] = _one_more(credit.models[place], paths.paths, int(codes[cell]))
    touched, worth = float(credit.sums.touched), credit.sums.touched_value
    value = paths.value
    lump = float((value**2).sum() / value.sum()) if value.sum() > 0 else 0.0
    some = kept & (drawn.conversions > 0)
    floor = -np.inf if (drawn.shares[kept] < 0).any() or (shares < 0).any() else 0.0
    ceiling = np.inf if floor < 0 else 1.0

    def spread(estimate: Floats, replicates: Floats, step: Floats, highest: float) -> Spread:
        moves = replicates - replicates.mean(axis=0) if len(replicates) else np.zeros((1, len(estimate)))
        # A handful of persons shows too little of what could be: one more, with this channel alone, is added to them.
        more = np.where(few, step, 0.0)
        return Spread(estimate=estimate, moves=moves, more=more, lowest=floor, highest=highest)

    return PathSpread(
        conversions=spread(
            shares * touched,
            shares_drawn[kept] * drawn.conversions[kept, None],
            more * (touched + 1) - shares * touched,
            np.inf,
        ),
        value=spread(
            shares * worth, shares_drawn[kept] * drawn.value[kept, None], more * (worth + lump) - shares * worth, np.inf
        ),
        share=spread(shares, shares_drawn[some], more - shares, ceiling),
        undefined=drawn.undefined,
    )


def _moved(shares: Floats) -> NDArray[np.bool_]:
    """Which channels have another share in some replicate than in the others."""
    if not len(shares):
        return np.zeros(shares.shape[1], bool)
    found: NDArray[np.bool_] = np.ptp(shares, axis=0) > _EQUAL
    return found


def _one_more(model: object, paths: PathCounts, channel: int) -> float:
    """The channel's share if one more journey had converted, through this channel alone.

    Where the model gives no shares then, the one conversion goes wholly to the channel.
    """
    if not isinstance(model, FittedModel):
        return 0.0
    # A path must not stand twice: models may ask how likely each one is.
    known = np.flatnonzero((paths.lengths == 1) & (paths.channel[paths.offsets[:-1]] == channel))
    extended = _with_path(paths, channel) if not len(known) else paths
    more = np.zeros(len(extended))
    more[known[0] if len(known) else -1] = 1.0
    try:
        found = model.model.shares(extended.with_counts(extended.conversions + more, extended.nulls, extended.value))
    except WakeLiftError:
        touched = float(paths.conversions.sum())
        return float((model.shares[channel] * touched + 1) / (touched + 1))
    return float(found[channel])


def _with_path(paths: PathCounts, channel: int) -> PathCounts:
    """The paths and one more, of one channel alone, that nobody took."""
    return PathCounts(
        offsets=np.append(paths.offsets, paths.offsets[-1] + 1),
        channel=np.append(paths.channel, channel),
        channel_names=paths.channel_names.copy(),
        conversions=np.append(paths.conversions, 0.0),
        value=np.append(paths.value, 0.0),
        nulls=np.append(paths.nulls, 0.0),
    )
