"""Persons drawn anew, and the models of paths fitted to every draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError, WakeLiftError
from attribution.core.randomness import check_repeats, generator
from attribution.journeys.sequences import number_sequences
from attribution.models.protocol import Tally, TallyModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from attribution.journeys.person_paths import PersonPaths
    from attribution.models.protocol import PathModel

    Floats = NDArray[np.float64]

__all__ = ["REPLICATES", "Resamples", "check_replicates", "draw_weights", "resample"]

REPLICATES = 1_000
_FEWEST = 200
_PURPOSE = "credit.resampling"
# Weights held at once: persons x replicates.
_BUDGET = 4_000_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Resamples:
    """What a model of paths gives for persons drawn anew.

    Attributes:
        shares: Replicates x channels; nan in a replicate in which the model gives no shares.
        conversions: Touched conversions of each replicate.
        value: Their value.
    """

    shares: Floats
    conversions: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.conversions)

    @property
    def undefined(self) -> int:
        """Replicates in which the model gives no shares."""
        return int(np.isnan(self.shares).any(axis=1).sum())

    def totals(self, figure: Floats) -> Floats:
        """Replicates x channels: share x total, where it is defined."""
        found = self.shares * figure[:, None]
        kept: Floats = found[~np.isnan(found).any(axis=1)]
        return kept


def check_replicates(replicates: int | None) -> int:
    """The number of replicates, `REPLICATES` by default.

    Raises:
        InputError: For something that is no whole number of at least 200, or more than ten million.
    """
    if replicates is None:
        return REPLICATES
    return check_repeats("replicates", replicates, least=_FEWEST)


def resample(
    models: Sequence[PathModel],
    paths: PersonPaths,
    *,
    population: int | None,
    seed: int,
    replicates: int,
) -> list[Resamples]:
    """Draw persons with replacement, all their journeys together, and fit every model to every draw.

    With the population N known, N persons are drawn from N, most of whom have no journey: the number drawn who have one
    is Binomial(N, persons / N), and given it their weights are multinomial. With N unknown it is taken as beyond all
    bounds, so that this number is Poisson(persons). All models see the same draws. Persons whose journeys took the same
    paths, each as often and with the same end, are drawn one by one but fitted together: that changes no number.

    Raises:
        InputError: For a population below the number of persons with a journey.
    """
    if population is not None and population < paths.persons:
        raise InputError(
            f"population must be at least the {paths.persons:,} persons with a journey, converting or not, got "
            f"{population!r}."
        )
    alike, first = _alike(paths)
    fits = [_Fit.of(model, paths, first) for model in models]
    random = generator(seed, _PURPOSE)
    conversions, value = np.zeros(replicates), np.zeros(replicates)
    shares = [np.full((replicates, len(paths.paths.channel_names)), np.nan) for _ in models]
    converting, worth = _by_person(paths, paths.conversions), _by_person(paths, paths.value)
    done = 0
    for weights in draw_weights(random, paths.persons, population, replicates):
        stop = done + len(weights)
        # einsum, not @: the order in which a BLAS adds may depend on its threads.
        conversions[done:stop] = np.einsum("rp,p->r", weights, converting)
        value[done:stop] = np.einsum("rp,p->r", weights, worth)
        merged = np.empty((len(first), len(weights)))
        for place, row in enumerate(weights):
            merged[:, place] = np.bincount(alike, weights=row, minlength=len(first))
        for fit, found in zip(fits, shares, strict=True):
            found[done:stop] = fit.shares(merged, conversions[done:stop])
        done = stop
    return [Resamples(shares=found, conversions=conversions, value=value) for found in shares]


def draw_weights(random: Generator, persons: int, population: int | None, replicates: int) -> Iterator[Floats]:
    """How often each person is drawn, replicates x persons, in pieces that change no number."""
    chunk = max(1, min(replicates, _BUDGET // max(persons, 1)))
    for start in range(0, replicates, chunk):
        weights = np.zeros((min(chunk, replicates - start), persons))
        for row in weights:
            if population is None:
                drawn = int(random.poisson(persons))
            else:
                drawn = int(random.binomial(population, min(persons / population, 1.0)))
            if drawn and persons:
                row[:] = np.bincount(random.integers(0, persons, drawn), minlength=persons)
        yield weights


def _alike(paths: PersonPaths) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each person the group with the same journeys, and the first person of each group."""
    # A person's entries come in the order of their ends and paths.
    what = 2 * paths.path + (paths.conversions > 0)
    counts = np.bincount(paths.person, minlength=paths.persons)
    group, _, _ = number_sequences(counts, what, 2 * max(len(paths.paths), 1))
    _, first = np.unique(group, return_index=True)
    return group, first


def _by_person(paths: PersonPaths, amounts: Floats) -> Floats:
    return np.bincount(paths.person, weights=amounts, minlength=paths.persons).astype(np.float64)


def _matrix(paths: PersonPaths, amounts: Floats) -> Any:
    """Persons x paths, sparse."""
    from scipy import sparse

    kept = np.flatnonzero(amounts)
    shape = (paths.persons, len(paths.paths))
    return sparse.csr_array((amounts[kept], (paths.person[kept], paths.path[kept])), shape=shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A model, and what it needs to be fitted to weights of persons."""

    model: PathModel
    paths: PersonPaths
    tally: Tally | None
    converting: Any
    lost: Any

    @classmethod
    def of(cls, model: PathModel, paths: PersonPaths, persons: NDArray[np.int64]) -> _Fit:
        """The model, to be fitted to weights of some of the persons, who stand for those like them."""
        converting, lost = _matrix(paths, paths.conversions)[persons], _matrix(paths, paths.nulls)[persons]
        if isinstance(model, TallyModel):
            tally = model.tally(paths.paths)
            return cls(model, paths, tally, (converting @ tally.converting + lost @ tally.lost).T.tocsr(), None)
        return cls(model, paths, None, converting.T.tocsr(), lost.T.tocsr())

    def shares(self, weights: Floats, conversions: Floats) -> Floats:
        """The shares of each column of weights; zeros where nothing converts, nan where the model gives none."""
        found = np.zeros((weights.shape[1], len(self.paths.paths.channel_names)))
        counts = self.converting @ weights
        nulls = None if self.lost is None else self.lost @ weights
        for place in np.flatnonzero(conversions > 0).tolist():
            try:
                if self.tally is not None:
                    found[place] = self.tally.shares_of(counts[:, place])
                elif nulls is not None:
                    paths = self.paths.paths.with_counts(counts[:, place], nulls[:, place])
                    found[place] = self.model.shares(paths)
            except (WakeLiftError, np.linalg.LinAlgError):
                found[place] = np.nan
        found[~np.isfinite(found).all(axis=1)] = np.nan
        return found
