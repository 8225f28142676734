"""A model of paths after the fit: one share per channel, and its reading inside single journeys."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from attribution.core.records import TabularResult
from attribution.models.protocol import checked_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays
    from attribution.journeys.path_counts import PathCounts
    from attribution.models.protocol import Model, PathModel

__all__ = ["FittedModel", "fit_model", "fit_result"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedModel:
    """A model of paths with the shares that some paths gave it.

    Channel totals are share x total of the touched journeys. The credit inside one journey is another reading: in
    proportion to the shares of the journey's channels (a negative share counts as 0), equally over the touches of a
    channel; equally over the channels where none has a share. The two need not agree: a channel can bring more
    conversions of its own than its total.

    Attributes:
        model: The model as declared.
        channel_names: The channels, sorted.
        shares: Share of each channel; they sum to 1.
        result: What the model tells of its fit (removal effects, Shapley values); None when it tells nothing.
    """

    model: PathModel
    channel_names: NDArray[np.object_]
    shares: NDArray[np.float64]
    result: TabularResult | None = None
    needs: ClassVar[Literal["touches"]] = "touches"

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return self.model.name

    @property
    def definition(self) -> str:
        """Code of the model's definition."""
        return str(getattr(self.model, "definition", "CUSTOM_MODEL"))

    @property
    def settings(self) -> dict[str, object]:
        """The model's settings, for the recipe."""
        return dict(getattr(self.model, "settings", {}))

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """The reading inside single journeys: one weight per touch."""
        if not len(j):
            return np.zeros(0)
        distinct = j.distinct_channels()
        strength = np.maximum(self._shares_for(j.channel_names), 0.0)[distinct.channel]
        whole = np.bincount(distinct.journey, weights=strength, minlength=len(j))
        strength = np.where(whole[distinct.journey] > 0, strength, 1.0)
        whole = np.bincount(distinct.journey, weights=strength, minlength=len(j))
        each = strength / whole[distinct.journey] / distinct.touches
        weights: NDArray[np.float64] = each[distinct.place]
        return weights

    def _shares_for(self, names: NDArray[np.object_]) -> NDArray[np.float64]:
        if names.shape == self.channel_names.shape and bool((names == self.channel_names).all()):
            return self.shares
        known = dict(zip(self.channel_names.tolist(), self.shares.tolist(), strict=True))
        return np.array([known.get(name, 0.0) for name in names.tolist()])


def fit_model(model: PathModel, paths: PathCounts) -> FittedModel:
    """The model with the shares that the paths give it; without any touched journey, all shares are 0."""
    names = paths.channel_names
    if not (paths.conversions > 0).any():
        return FittedModel(model=model, channel_names=names, shares=np.zeros(len(names)))
    result = fit_result(model, paths)
    solved = getattr(result, "shares", None)
    # A model whose fit holds the shares is not solved a second time.
    shares = checked_shares(_Solved(model.name, solved) if isinstance(solved, np.ndarray) else model, paths)
    return FittedModel(model=model, channel_names=names, shares=shares, result=result)


def fit_result(model: Model, paths: PathCounts) -> TabularResult | None:
    """What a model tells of its fit to paths; None when it has no ``fit(paths)`` that gives a result of this library.

    A model of the user may have a `fit` of its own that means something else.
    """
    fit: Any = getattr(model, "fit", None)
    if not callable(fit):
        return None
    try:
        inspect.signature(fit).bind(paths)
    except (TypeError, ValueError):
        return None
    found = fit(paths)
    return found if isinstance(found, TabularResult) else None


class _Solved:
    """The shares of a fit in the place of its model, so that the check of shares does not solve it again."""

    needs = "paths"

    def __init__(self, name: str, shares: NDArray[np.float64]) -> None:
        self.name = name
        self._shares = shares

    def shares(self, paths: PathCounts) -> NDArray[np.float64]:
        """The shares of the fit."""
        del paths  # the fit is of these paths
        return self._shares
