"""What a chain loses when a channel is removed, under each meaning of "removed"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from attribution.core.errors import InputError
from attribution.models.chain import lay_out, number_codes, weighted_counts
from attribution.models.solve import Redirected, conversion_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from attribution.journeys.path_counts import PathCounts
    from attribution.models.chain import Chain

__all__ = [
    "REMOVALS",
    "ChainEffects",
    "Effects",
    "JourneyEffects",
    "PathEffects",
    "Removal",
    "effects_of",
    "normalised",
]

Removal = Literal["redirect_to_null", "reconnect", "fail", "detour", "drop_paths"]
REMOVALS: tuple[Removal, ...] = ("redirect_to_null", "reconnect", "fail", "detour", "drop_paths")

_CANCELLED = 1e-9
_ROUNDING = 1e-12  # relative losses below this, all together, are rounding


class Effects(Protocol):
    """Removal effects as a function of sums over paths: the sums, and what is made of them."""

    def totals(self, conversions: NDArray[np.float64], nulls: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sums when the paths are taken this often."""
        ...  # pragma: no cover - a protocol has no body

    def matrices(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Paths x sums: what one conversion, and what one null journey, on a path adds."""
        ...  # pragma: no cover - a protocol has no body

    def converts(self, totals: NDArray[np.float64]) -> bool:
        """Whether there is a conversion at all."""
        ...  # pragma: no cover - a protocol has no body

    def effects(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Relative loss of conversion per channel: 1 - (probability without it) / (probability)."""
        ...  # pragma: no cover - a protocol has no body


def effects_of(paths: PathCounts, order: int, removal: Removal) -> Effects:
    """The removal effects of some paths, ready for any counts on them."""
    if removal in ("fail", "detour"):
        return JourneyEffects.of(paths, removal)
    chain = lay_out(paths, order)
    return PathEffects.of(paths, chain) if removal == "drop_paths" else ChainEffects.of(chain, removal)


def normalised(effects: NDArray[np.float64], removal: Removal) -> NDArray[np.float64] | None:
    """Effects as shares that sum to 1; None where they cancel, or are nothing but rounding.

    Reconnecting can raise conversion; such an effect counts as 0. Detours keep their sign.
    """
    counted = np.maximum(effects, 0.0) if removal == "reconnect" else effects
    total, magnitude = float(counted.sum()), float(np.abs(counted).sum())
    if not abs(total) > max(_CANCELLED * magnitude, _ROUNDING):
        return None
    return counted / total + 0.0  # no -0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChainEffects:
    """Effects from the chain alone: entries into the channel lead to null, or their rest is spread anew.

    Attributes:
        chain: The chain.
        removal: ``"redirect_to_null"`` or ``"reconnect"``.
        redirected: The solution of the first, prepared.
    """

    chain: Chain
    removal: Removal
    redirected: Redirected | None

    @classmethod
    def of(cls, chain: Chain, removal: Removal) -> ChainEffects:
        """Effects on a chain."""
        redirected = Redirected.of(chain) if removal == "redirect_to_null" else None
        return cls(chain=chain, removal=removal, redirected=redirected)

    def totals(self, conversions: NDArray[np.float64], nulls: NDArray[np.float64]) -> NDArray[np.float64]:
        """How often each transition is made."""
        return self.chain.totals(conversions, nulls)

    def matrices(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Paths x transitions."""
        return self.chain.matrices()

    def converts(self, totals: NDArray[np.float64]) -> bool:
        """Whether a transition leads to the conversion."""
        return bool(totals[self.chain.next == self.chain.channels].any())

    def effects(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Loss of the chain's conversion probability per channel."""
        if self.redirected is not None:
            return self.redirected.effects(totals)
        chain = self.chain
        whole = conversion_probability(chain, totals)
        loss = np.zeros(chain.channels)
        for channel in np.unique(chain.last).tolist():
            kept = np.where(chain.next == channel, 0.0, totals)
            loss[channel] = 1.0 - conversion_probability(chain, kept) / whole
        return loss


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class JourneyEffects:
    """Effects from edited journeys, to which the chain is fitted anew.

    A fitted chain converts with probability conversions / journeys whatever its order, so the new fit needs no
    chain: only how many conversions ran through a channel, and how many journeys knew no other.

    Attributes:
        removal: ``"fail"`` or ``"detour"``.
        channels: Number of channels.
        path: Path of each distinct pair of a path and one of its channels.
        channel: The channel of each pair.
        alone: Whether the path of the pair has no other channel.
        paths: Number of paths.
    """

    removal: Removal
    channels: int
    path: NDArray[np.int64]
    channel: NDArray[np.int64]
    alone: NDArray[np.bool_]
    paths: int

    @classmethod
    def of(cls, paths: PathCounts, removal: Removal) -> JourneyEffects:
        """Effects on the journeys of some paths."""
        path, channel = channels_of_paths(paths)
        alone = (np.bincount(path, minlength=len(paths)) == 1)[path]
        channels = len(paths.channel_names)
        return cls(removal=removal, channels=channels, path=path, channel=channel, alone=alone, paths=len(paths))

    def totals(self, conversions: NDArray[np.float64], nulls: NDArray[np.float64]) -> NDArray[np.float64]:
        """Conversions through each channel, conversions and nulls of each channel alone, conversions, nulls."""
        size, alone = self.channels, self.alone
        through = weighted_counts(self.channel, conversions[self.path], size)
        path, channel = self.path[alone], self.channel[alone]
        only = [weighted_counts(channel, count[path], size) for count in (conversions, nulls)]
        return np.concatenate([through, *only, [conversions.sum(), nulls.sum()]])

    def matrices(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Paths x sums."""
        from scipy import sparse

        size, every = self.channels, np.arange(self.paths)
        path, channel = self.path[self.alone], self.channel[self.alone]
        shape = (self.paths, 3 * size + 2)

        def matrix(rows: list[NDArray[np.int64]], columns: list[NDArray[np.int64]]) -> sparse.csr_array:
            row, column = np.concatenate(rows), np.concatenate(columns)
            return sparse.csr_array((np.ones(len(row)), (row, column)), shape=shape)

        converting = matrix(
            [self.path, path, every], [self.channel, size + channel, np.full(self.paths, 3 * size, np.int64)]
        )
        return converting, matrix([path, every], [2 * size + channel, np.full(self.paths, 3 * size + 1, np.int64)])

    def converts(self, totals: NDArray[np.float64]) -> bool:
        """Whether any journey converts."""
        return bool(totals[-2] > 0)

    def effects(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Loss of the conversion probability per channel."""
        size = self.channels
        conversions, journeys = totals[-2], totals[-2] + totals[-1]
        if self.removal == "fail":
            part: NDArray[np.float64] = totals[:size] / conversions
            return part
        kept = conversions - totals[size : 2 * size]
        left = journeys - totals[size : 2 * size] - totals[2 * size : 3 * size]
        # Products before the quotient: a channel that is nowhere alone loses exactly nothing.
        part = np.divide(kept * journeys, left * conversions, out=np.zeros(size), where=left > 0)
        loss: NDArray[np.float64] = 1.0 - part
        return loss


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PathEffects:
    """Effects from the converting paths that were seen: those through the channel are dropped.

    Attributes:
        chain: The chain that gives each path its probability.
        path: Path of each distinct pair of a path and one of its channels.
        channel: The channel of each pair.
    """

    chain: Chain
    path: NDArray[np.int64]
    channel: NDArray[np.int64]

    @classmethod
    def of(cls, paths: PathCounts, chain: Chain) -> PathEffects:
        """Effects on the converting paths of a chain."""
        path, channel = channels_of_paths(paths)
        return cls(chain=chain, path=path, channel=channel)

    def totals(self, conversions: NDArray[np.float64], nulls: NDArray[np.float64]) -> NDArray[np.float64]:
        """How often each transition is made, and the conversions of each path."""
        return np.concatenate([self.chain.totals(conversions, nulls), conversions])

    def matrices(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Paths x transitions and paths."""
        from scipy import sparse

        converting, lost = self.chain.matrices()
        size = converting.shape[0]
        none = sparse.csr_array((size, size))
        return (
            sparse.csr_array(sparse.hstack([converting, sparse.eye_array(size)])),
            sparse.csr_array(sparse.hstack([lost, none])),
        )

    def converts(self, totals: NDArray[np.float64]) -> bool:
        """Whether any path converts."""
        return bool(totals[self.chain.transitions :].any())

    def effects(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Part of the probability of all converting paths that runs through each channel."""
        chain = self.chain
        made, conversions = totals[: chain.transitions], totals[chain.transitions :]
        leaving = weighted_counts(chain.source, made, chain.states + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log(made / leaving[chain.source])
        seen = conversions > 0
        length = np.add.reduceat(log[chain.step], chain.offsets[:-1]) + log[chain.converting]
        # Only ratios matter; measured from the likeliest path no sum can underflow to 0.
        weight = np.exp(np.where(seen, length - length[seen].max(), -np.inf))
        through = weighted_counts(self.channel, weight[self.path], chain.channels)
        share: NDArray[np.float64] = through / weight.sum()
        return share


def channels_of_paths(paths: PathCounts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each path with each of its channels once."""
    width = max(len(paths.channel_names), 1)
    path = np.repeat(np.arange(len(paths)), paths.lengths)
    _, found = number_codes(path * width + paths.channel, len(paths) * width)
    return found // width, found % width


def check_removal(removal: str) -> None:
    """Raise `InputError` unless a removal is one of `REMOVALS`."""
    if removal not in REMOVALS:
        listed = ", ".join(repr(name) for name in REMOVALS)
        raise InputError(f"removal must be one of {listed}, got {removal!r}. The default is 'redirect_to_null'.")
