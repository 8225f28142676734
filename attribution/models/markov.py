"""The Markov model: credit by what an absorbing chain of channels would lose without each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attribution.core.errors import DesignError
from attribution.core.whole import check_whole
from attribution.journeys.path_counts import PathCounts, check_counts
from attribution.models.markov_fit import MarkovFit, fit_of
from attribution.models.protocol import Tally, check_name
from attribution.models.removal import Removal, check_removal, effects_of, normalised

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from attribution.models.removal import Effects

__all__ = ["Markov"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Markov:
    """Credit in proportion to the conversion probability that a chain of channels loses when a channel is removed.

    Journeys, converting and null, are counted as one absorbing chain: a state is the last `order` channels (fewer near
    the start, repeats kept), a journey ends in the conversion or in null. The removal effect of a channel is the
    relative loss of conversion probability without it; the shares are the effects divided by their sum. Solved exactly
    by linear equations, sparse where the chain is large; nothing is simulated.

    "Removed" has several meanings in the field, with different answers:

    - ``"redirect_to_null"`` (default): every entry into the channel leads to null.
    - ``"reconnect"``: transitions into the channel are struck out and the rest of each state is scaled up to 1 (to
      null where nothing is left). Conversion can rise; such an effect counts as 0 in the shares.
    - ``"fail"``: journeys through the channel lose their conversion, the channel is cut out, the chain is fitted anew.
      The effect is the part of the conversions whose journeys hold the channel, whatever the order.
    - ``"detour"``: the channel is cut out of all journeys, which keep their outcome; journeys of nothing else are left
      out; the chain is fitted anew. Effects keep their sign, so shares can be negative.
    - ``"drop_paths"``: of the probability of all converting paths that were seen, the part through the channel.

    Assumptions: the next step depends on the last `order` channels only; null journeys are as complete as converting
    ones. A removal effect is a property of the chain, not what a campaign without the channel would bring.

    Attributes:
        order: Number of channels that a state remembers, at least 1. Beyond the longest path it changes nothing.
        removal: What removing a channel means.
        name: The model's name in tables; give one of two Markov models another.

    Raises:
        InputError: For an order that is no whole number of at least 1, or an unknown removal.

    References:
        Anderl, Becker, von Wangenheim, Schumann (2016), Mapping the customer journey, Int. J. of Research in Marketing
        33(3). Kemeny and Snell (1960), Finite Markov Chains, chapter 3.

    Verified against exact fractions, an independent iterative solution of the 10,000-path file of the field, published
    examples, and the packages whose removals are offered (docs/methods/markov.md).

    Example:
        >>> import attribution as at
        >>> from attribution.journeys.path_counts import PathCounts
        >>> paths = PathCounts.of([["A", "B", "C"], ["A"], ["B", "C"]], conversions=[1, 0, 0], nulls=[0, 1, 1])
        >>> at.Markov().shares(paths).round(12).tolist()
        [0.2, 0.4, 0.4]
        >>> at.Markov(removal="reconnect").shares(paths).round(12).tolist()
        [0.0, 0.5, 0.5]
    """

    order: int = 1
    removal: Removal = "redirect_to_null"
    name: str = "markov"
    needs: ClassVar[Literal["paths"]] = "paths"

    def __post_init__(self) -> None:
        check_name(self.name)
        check_removal(self.removal)
        check_order(self.order)

    @property
    def definition(self) -> str:
        """Code of the sentence that says what removing a channel means."""
        return f"MARKOV_{self.removal.upper()}"

    @property
    def settings(self) -> dict[str, object]:
        """Order and removal, for the recipe."""
        return {"order": self.order, "removal": self.removal}

    def shares(self, paths: PathCounts) -> NDArray[np.float64]:
        """One share per channel; they sum to 1, and a channel in no path has 0.

        Raises:
            InputError: For negative counts.
            DesignError: ``NO_CONVERSIONS`` when no path converts, ``NO_REMOVAL_EFFECT`` when the effects sum to 0.
        """
        return self._fitted(_checked(paths))[1]

    def fit(self, paths: PathCounts) -> MarkovFit:
        """The fitted chain: conversion probability, removal effects, transitions.

        Raises:
            InputError: For negative counts.
            DesignError: As `shares`.

        Example:
            >>> import attribution as at
            >>> from attribution.journeys.path_counts import PathCounts
            >>> paths = PathCounts.of([["A", "B", "C"], ["A"], ["B", "C"]], conversions=[1, 0, 0], nulls=[0, 1, 1])
            >>> fit = at.Markov().fit(paths)
            >>> round(fit.conversion_probability, 12)
            0.333333333333
            >>> [round(row["removal_effect"], 12) for row in fit.removal_effects().to_dicts()]
            [0.5, 1.0, 1.0]
        """
        used = _checked(paths)
        effects, shares = self._fitted(used)
        return fit_of(self, used, effects, shares)

    def tally(self, paths: PathCounts) -> Tally:
        """Sums over paths from which the shares of any resample follow.

        `shares_of` gives zeros for sums without a conversion (credit is then 0 for every channel), and nan where the
        effects of a resample cancel, which neither "redirect_to_null" nor "fail" nor "drop_paths" ever do.
        """
        effects = effects_of(paths, self.order, self.removal)
        converting, lost = effects.matrices()
        return Tally(converting=converting, lost=lost, shares_of=self._shares_of(effects, len(paths.channel_names)))

    def _shares_of(self, effects: Effects, channels: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        def shares_of(totals: NDArray[np.float64]) -> NDArray[np.float64]:
            if not effects.converts(totals):
                return np.zeros(channels)
            found = normalised(effects.effects(totals), self.removal)
            return np.full(channels, np.nan) if found is None else found

        return shares_of

    def _fitted(self, paths: PathCounts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        prepared = effects_of(paths, self.order, self.removal)
        effects = prepared.effects(prepared.totals(paths.conversions, paths.nulls))
        shares = normalised(effects, self.removal)
        if shares is None:
            raise DesignError(
                "NO_REMOVAL_EFFECT",
                f"under removal={self.removal!r} the removal effects of all {len(effects)} channels sum to 0, so they "
                "give no shares. Use removal='redirect_to_null', whose effects are positive wherever there is a "
                "conversion.",
            )
        return effects, shares


def check_order(order: object) -> None:
    """Raise `InputError` unless an order is a whole number of at least 1."""
    check_whole("order", order, least=1, more=" (the channels that a state remembers)")


def _checked(paths: PathCounts) -> PathCounts:
    """The paths that were taken at all, or an error."""
    check_counts(paths)
    if not paths.conversions.sum() > 0:
        raise DesignError(
            "NO_CONVERSIONS",
            f"{len(paths):,} paths with {paths.nulls.sum():,.0f} null journeys hold no conversion, so no removal can "
            "lose one. A Markov model needs at least one converting journey with a touch: check the join of touches "
            "and conversions, and the lookback.",
        )
    taken = paths.conversions + paths.nulls > 0
    return paths if taken.all() else _only(paths, taken)


def _only(paths: PathCounts, kept: NDArray[np.bool_]) -> PathCounts:
    """Some of the paths."""
    lengths = paths.lengths
    return PathCounts(
        offsets=np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64),
        channel=paths.channel[np.repeat(kept, lengths)],
        channel_names=paths.channel_names,
        conversions=paths.conversions[kept],
        value=paths.value[kept],
        nulls=paths.nulls[kept],
    )
