"""How far the models disagree: the share and the rank of every channel under each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.credit.credit import Credit
from attribution.credit.records import table_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ModelComparison", "compare_models"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ModelComparison(TabularResult):
    """One row per key: share_min, share_max, share_range, rank_min, rank_max, rank_stable, and the models at the ends.

    Shares are of attributed conversions, ranks are by share (1 is the largest; equal shares have equal ranks).

    Attributes:
        records: The rows, in the order of the credit table, without "(none)".
        models: Names of the models compared.
        reassigned: The largest part of the attributed conversions that changes channel between two models.
    """

    records: Records
    models: tuple[str, ...]
    reassigned: float | None

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        lines = [messages.text("COMPARE.MEANING", {"n": len(self.models)})]
        if self.reassigned is not None:
            lines.append(messages.text("COMPARE.REASSIGNED", {"share": self.reassigned}))
        lines.append(messages.text("CREDIT.NOT_CAUSE"))
        return Display(messages.text("COMPARE.TITLE"), (records_table(self.records), *lines))


def compare_models(credit: Credit) -> ModelComparison:
    """How stable shares and ranks are across the models of a credit.

    Disagreement says how much the answer depends on a convention. Agreement is no evidence of cause: all models divide
    the same conversions.

    Args:
        credit: Credit by at least two models.

    Raises:
        InputError: For a credit with a single model, or something that is no credit.

    Example:
        >>> import attribution as at
        >>> import pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> at.compare_models(at.attribute(touches, conversions)).to_dicts()[0]["share_range"]
        1.0
    """
    if not isinstance(credit, Credit):
        raise InputError(f"compare_models needs a Credit, got {type(credit).__name__}. Pass at.attribute(...).")
    if len(credit.models) < 2:
        raise InputError(
            "compare_models needs credit by at least two models. Name more in at.attribute(..., models=...)."
        )
    rows = table_rows(credit)
    kept = np.flatnonzero(rows.cell < credit.cells.credited)
    cell = rows.cell[kept]
    names = tuple(model.name for model in credit.models)
    columns: list[tuple[Field, Any]] = [
        (Field(key.name, "text"), [values[place] for place in kept.tolist()])
        for key, values in zip(credit.cells.keys, rows.keys, strict=True)
    ]
    attributed = float(credit.sums.touched)
    if attributed <= 0:
        columns += [(field, [None] * len(kept)) for field in _FIELDS]
        return ModelComparison(records=_records(columns), models=names, reassigned=None)
    shares = np.where(cell < 0, 0.0, credit.sums.conversions[:, cell]) / attributed
    columns += _columns(shares, names)
    return ModelComparison(records=_records(columns), models=names, reassigned=_reassigned(shares))


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


def _records(columns: list[tuple[Field, Any]]) -> Records:
    return Records(tuple(field for field, _ in columns), tuple(values for _, values in columns))


def _columns(shares: NDArray[np.float64], names: tuple[str, ...]) -> list[tuple[Field, Any]]:
    # Shares that differ by rounding only are equal: they share a rank.
    rounded = np.round(shares, 12)
    ranks = 1 + (rounded[:, None, :] > rounded[:, :, None]).sum(axis=2)
    low, high = rounded.argmin(axis=0), rounded.argmax(axis=0)
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


def _reassigned(shares: NDArray[np.float64]) -> float:
    """Half the sum of absolute differences of shares, at its largest over pairs of models."""
    distance = np.abs(shares[:, None, :] - shares[None, :, :]).sum(axis=2) / 2
    return float(distance.max())
