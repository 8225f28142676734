"""How far the models disagree: the share and the rank of every channel under each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.compare.keys import read_shares
from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.credit.credit import Credit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.compare.beliefs import Beliefs
    from attribution.compare.journeys import JourneyDifferences, ReasonDifferences
    from attribution.compare.keys import Shares
    from attribution.compare.pairwise import ModelPairs
    from attribution.compare.stability import RankStability

__all__ = ["ModelComparison", "compare_models"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ModelComparison(TabularResult):
    """One row per key: share_min, share_max, share_range, rank_min, rank_max, rank_stable, and the models at the ends.

    Shares are of attributed conversions, ranks are by share (1 is the largest; equal shares have equal ranks). The
    further readings say where the disagreement comes from; none of them is a score, and none says which model is right.

    Attributes:
        records: The rows, in the order of the credit table, without "(none)".
        models: Names of the models compared.
        reassigned: The largest part of the attributed conversions that changes channel between two models; None when
            nothing is attributed.
        credit: The credit compared.
    """

    records: Records
    models: tuple[str, ...]
    reassigned: float | None
    credit: Credit
    _shares: Shares

    def pairs(self) -> ModelPairs:
        """Every pair of models: how much changes hands, how alike the ranks are, which channels swap.

        Columns: model_a, model_b, reassigned (share of the attributed conversions), conversions (the same as a number),
        rank_correlation (Kendall's tau-b; None with a note where it is not defined), swaps (pairs of channels of which
        one leads under the first model and the other under the second), swapped (up to three of them, the widest
        first; the channel named first leads under model_a), note.
        """
        from attribution.compare.pairwise import model_pairs

        return model_pairs(self._shares)

    def journeys(
        self, model_a: str | None = None, model_b: str | None = None, *, top: int | None = 10
    ) -> JourneyDifferences:
        """Which journeys carry the difference between two models.

        Args:
            model_a: Name of the first model; the pair that differs most by default.
            model_b: Name of the second model.
            top: How many paths; None for all. Further paths are one row, so that the rows always sum to the whole.

        Raises:
            InputError: For a model that was not compared, the same model twice, one of two, or an unusable ``top``.
        """
        from attribution.compare.journeys import journey_differences

        return journey_differences(self.credit, *self._pair(model_a, model_b), top=top)

    def reasons(self, model_a: str | None = None, model_b: str | None = None) -> ReasonDifferences:
        """What is particular about the journeys that carry the difference: length, repeats, origin, direct, time span.

        Args:
            model_a: Name of the first model; the pair that differs most by default.
            model_b: Name of the second model.

        Raises:
            InputError: As in `journeys`.
        """
        from attribution.compare.journeys import reason_differences

        return reason_differences(self.credit, *self._pair(model_a, model_b))

    def beliefs(self) -> Beliefs:
        """For every model what one would have to believe to prefer it, and which observation would speak against it."""
        from attribution.compare.beliefs import beliefs

        return beliefs(self.credit, self._shares)

    def stability(
        self, *, level: float = 0.95, population: int | None = None, seed: int = 0, replicates: int | None = None
    ) -> RankStability:
        """Whether the models disagree about ranks by more than chance: ranks over models against rank sets within them.

        Args:
            level: Confidence level of the rank sets of all keys and models together.
            population: Number of persons at risk, as for `Credit.ranks`.
            seed: Seed of the simulated critical values and of the resampling of models of paths.
            replicates: Resamples of models of paths, as for `Credit.ranks`.

        Raises:
            InputError: As `Credit.ranks`: a level outside (0, 1), fewer than 2 or more than 300 keys.
        """
        from attribution.compare.stability import rank_stability

        return rank_stability(self.credit, level=level, population=population, seed=seed, replicates=replicates)

    def _pair(self, model_a: str | None, model_b: str | None) -> tuple[int, int]:
        """The places of two models; those that differ most when none is named."""
        if model_a is None and model_b is None:
            distance = np.nan_to_num(self._shares.distance())
            first, second = divmod(int(distance.argmax()), len(self.models))
            return (0, 1) if first == second else (min(first, second), max(first, second))
        if model_a is None or model_b is None:
            raise InputError("name both models, or neither for the pair that differs most.")
        for name in (model_a, model_b):
            if name not in self.models:
                raise InputError(f"there is no model {name!r} in this comparison. {closest(str(name), self.models)}")
        if model_a == model_b:
            raise InputError(f"model_a and model_b are both {model_a!r}; name two models.")
        return self.models.index(model_a), self.models.index(model_b)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        lines = [messages.text("COMPARE.MEANING", {"n": len(self.models)})]
        if self.reassigned is not None:
            lines.append(messages.text("COMPARE.REASSIGNED", {"share": self.reassigned}))
        lines.append(messages.text("COMPARE.FURTHER"))
        lines.append(messages.text("CREDIT.NOT_CAUSE"))
        return Display(messages.text("COMPARE.TITLE"), (records_table(self.records), *lines))


def compare_models(credit: Credit) -> ModelComparison:
    """How stable shares and ranks are across the models of a credit, and where they come apart.

    Disagreement says how much the answer depends on a convention. Agreement is no evidence of cause: all models divide
    the same conversions.

    Args:
        credit: Credit by at least two models.

    Returns:
        One row per key; ``.pairs()``, ``.journeys()``, ``.reasons()``, ``.stability()`` and ``.beliefs()`` say more.

    Raises:
        InputError: For a credit with a single model, or something that is no credit.

    Verified by hand, by conservation of every reading, and against a plain loop over journeys
    (docs/methods/model-disagreement.md).

    Example:
        >>> import attribution as at
        >>> import pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> compared = at.compare_models(at.attribute(touches, conversions))
        >>> compared.to_dicts()[0]["share_range"]
        1.0
        >>> compared.journeys("first_touch", "last_touch").to_dicts()[0]["path"]
        'sms > phone'
    """
    if not isinstance(credit, Credit):
        raise InputError(f"compare_models needs a Credit, got {type(credit).__name__}. Pass at.attribute(...).")
    if len(credit.models) < 2:
        raise InputError(
            "compare_models needs credit by at least two models. Name more in at.attribute(..., models=...)."
        )
    found = read_shares(credit)
    columns: list[tuple[Field, Any]] = [
        (Field(key.name, "text"), values) for key, values in zip(credit.cells.keys, found.keys, strict=True)
    ]
    if found.attributed:
        columns += _columns(found)
    else:
        columns += [(field, [None] * len(found.labels)) for field in _FIELDS]
    return ModelComparison(
        records=Records(tuple(field for field, _ in columns), tuple(values for _, values in columns)),
        models=found.models,
        reassigned=float(found.distance().max()) if found.attributed else None,
        credit=credit,
        _shares=found,
    )


_FIELDS = (
    Field("share_min", "rate"),
    Field("share_max", "rate"),
    Field("share_range", "rate"),
    Field("rank_min", "count"),
    Field("rank_max", "count"),
    Field("rank_stable", "text"),
    Field("lowest_model", "text"),
    Field("highest_model", "text"),
)


def _columns(found: Shares) -> list[tuple[Field, Any]]:
    shares, names = found.share, found.models
    ranks = np.stack([_ranks(row) for row in found.rounded])
    low, high = found.rounded.argmin(axis=0), found.rounded.argmax(axis=0)
    values: tuple[Any, ...] = (
        shares.min(axis=0).tolist(),
        shares.max(axis=0).tolist(),
        (shares.max(axis=0) - shares.min(axis=0)).tolist(),
        ranks.min(axis=0).tolist(),
        ranks.max(axis=0).tolist(),
        (ranks.min(axis=0) == ranks.max(axis=0)).tolist(),
        [names[place] for place in low.tolist()],
        [names[place] for place in high.tolist()],
    )
    return list(zip(_FIELDS, values, strict=True))


def _ranks(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 + the number of larger shares."""
    larger = len(shares) - np.searchsorted(np.sort(shares), shares, side="right")
    return 1 + larger.astype(np.int64)
