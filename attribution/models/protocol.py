"""What a model must be, and the check of the weights it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from attribution.core.errors import ConservationError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays

__all__ = ["Model", "check_name", "checked_weights"]

_TOLERANCE = 1e-9


@runtime_checkable
class Model(Protocol):
    """A model that divides the credit of a conversion among its touches.

    Any object with these three members works wherever a model is asked for.

    Attributes:
        name: The model's name in tables.
        needs: ``"touches"``.

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
        """What the model works on: "touches"."""
        ...  # pragma: no cover - a protocol has no body

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """One weight per touch; the weights of each journey are non-negative and sum to 1."""
        ...  # pragma: no cover - a protocol has no body


def check_name(name: object) -> None:
    """Raise `InputError` unless a model's name is text that is not blank."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"the name of a model must be text, got {name!r}.")


def checked_weights(model: Model, j: JourneyArrays) -> NDArray[np.float64]:
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
    sums = np.add.reduceat(weights, j.offsets[:-1])
    off = np.abs(sums - 1.0)
    if off.max() > _TOLERANCE:
        journey = int(off.argmax())
        raise ConservationError(
            f"model {name!r} gave weights that sum to {sums[journey]:.12g} for a journey of {int(j.lengths[journey])} "
            "touches; the weights of each journey must sum to 1."
        )
    return weights
