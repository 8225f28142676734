"""What a model must be, and the check of the weights it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from attribution.core.errors import ConservationError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from scipy import sparse

    from attribution.journeys.arrays import JourneyArrays
    from attribution.journeys.path_counts import PathCounts

__all__ = [
    "Model", "PathModel", "Tally", "TallyModel", "TouchModel", "bear_threads", "check_name", "checked_shares",
    "checked_weights",
]  # fmt: skip

_TOLERANCE = 1e-9
_OURS = tuple(f"attribution.models.{name}" for name in ("decay", "fitted", "last_non_direct", "position", "shapes"))


@runtime_checkable
class Model(Protocol):
    """A model that divides the credit of conversions.

    Any object with these members works wherever a model is asked for: a name, what it needs, and the method that goes
    with it. A model that needs ``"touches"`` has ``weights(j)``: one weight per touch of some journeys (a
    `JourneyArrays`), non-negative, summing to 1 in each journey. A model that needs ``"paths"`` has ``shares(paths)``:
    one share per channel of all paths with their conversions and nulls (a `PathCounts`), summing to 1.

    Attributes:
        name: The model's name in tables.
        needs: ``"touches"`` or ``"paths"``.

    Example:
        >>> import numpy as np
        >>> class Newest:
        ...     name, needs = "newest", "touches"
        ...     def weights(self, j):
        ...         w = np.zeros(len(j.channel)); w[j.offsets[1:] - 1] = 1.0
        ...         return w
        >>> import attribution as at
        >>> isinstance(Newest(), at.Model)
        True
    """

    @property
    def name(self) -> str:
        """The model's name in tables."""
        ...  # pragma: no cover - a protocol has no body

    @property
    def needs(self) -> str:
        """What the model works on: "touches" or "paths"."""
        ...  # pragma: no cover - a protocol has no body


@runtime_checkable
class TouchModel(Model, Protocol):
    """A model of single journeys."""

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """One weight per touch; the weights of each journey are non-negative and sum to 1."""
        ...  # pragma: no cover - a protocol has no body


@runtime_checkable
class PathModel(Model, Protocol):
    """A model of all paths together."""

    def shares(self, paths: PathCounts) -> NDArray[np.float64]:
        """One share per channel of `channel_names`; they sum to 1. A channel in no path has the share 0."""
        ...  # pragma: no cover - a protocol has no body


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tally:
    """Counts that are sums over paths, from which a model of paths gets its shares; resampling needs no more.

    The shares of the paths are ``shares_of(conversions @ converting + nulls @ lost)``.

    Attributes:
        converting: Paths x counts: what one conversion on a path adds.
        lost: Paths x counts: what one null journey on a path adds.
        shares_of: From the counts to one share per channel.
    """

    converting: sparse.csr_array
    lost: sparse.csr_array
    shares_of: Callable[[NDArray[np.float64]], NDArray[np.float64]]


@runtime_checkable
class TallyModel(PathModel, Protocol):
    """A model of paths whose shares depend on sums over paths only, so that resampling needs no second look at them."""

    def tally(self, paths: PathCounts) -> Tally:
        """The sums and what is done with them."""
        ...  # pragma: no cover - a protocol has no body


def bear_threads(models: Iterable[TouchModel]) -> bool:
    """Whether the weights of all these models depend on the journeys alone; a user's function may not bear threads."""
    return all(type(model).__module__ in _OURS for model in models)


def check_name(name: object) -> None:
    """Raise `InputError` unless a model's name is text that is not blank."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"the name of a model must be text, got {name!r}.")


def checked_weights(model: TouchModel, j: JourneyArrays) -> NDArray[np.float64]:
    """The model's weights, or an error that names the model and what is wrong with them.

    Raises:
        InputError: Not one finite, non-negative number per touch.
        ConservationError: The weights of a journey do not sum to 1 (within 1e-9).
    """
    given: Any = model.weights(j)
    weights = np.asarray(given, dtype=np.float64)
    name = model.name
    if weights.shape != j.channel.shape:
        raise InputError(
            f"model {name!r} gave weights of shape {weights.shape}, expected {j.channel.shape}: one per touch."
        )
    if not len(weights):
        return weights
    if not np.isfinite(weights).all():
        raise InputError(
            f"model {name!r} gave {int((~np.isfinite(weights)).sum())} weights that are not finite numbers."
        )
    if weights.min() < 0:
        raise InputError(
            f"model {name!r} gave a negative weight ({weights.min():.6g}); weights are shares of one conversion."
        )
    sums = np.bincount(j.journey, weights=weights, minlength=len(j))
    off = np.abs(sums - 1.0)
    if off.max() > _TOLERANCE:
        journey = int(off.argmax())
        raise ConservationError(
            f"model {name!r} gave weights that sum to {sums[journey]:.12g} for a journey of {int(j.lengths[journey])} "
            "touches; the weights of each journey must sum to 1."
        )
    return weights


def checked_shares(model: PathModel, paths: PathCounts) -> NDArray[np.float64]:
    """The model's shares of the channels, or an error that names the model and what is wrong with them.

    A share may be negative (a Shapley value of rates can be); shares that do not sum to 1 are refused.

    Raises:
        InputError: Not one finite number per channel, or a share for a channel that is in no path.
        ConservationError: The shares do not sum to 1 (within 1e-9).
    """
    given: Any = model.shares(paths)
    shares = np.asarray(given, dtype=np.float64)
    name, expected = model.name, (len(paths.channel_names),)
    if shares.shape != expected:
        raise InputError(f"model {name!r} gave shares of shape {shares.shape}, expected {expected}: one per channel.")
    if not np.isfinite(shares).all():
        raise InputError(f"model {name!r} gave {int((~np.isfinite(shares)).sum())} shares that are not finite numbers.")
    absent = np.bincount(paths.channel, minlength=len(shares)) == 0
    if shares[absent].any():
        raise InputError(f"model {name!r} gave a share to a channel that is in no path.")
    if abs(float(shares.sum()) - 1.0) > _TOLERANCE:
        raise ConservationError(f"model {name!r} gave shares that sum to {shares.sum():.12g}; they must sum to 1.")
    return shares
