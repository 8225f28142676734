"""The credit of aggregated paths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import DesignError
from attribution.core.records import Field, Records, TabularResult
from attribution.credit.keys import CHANNEL
from attribution.touches import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from attribution.credit.path_reading import PathTable
    from attribution.credit.spend import Spend
    from attribution.models.protocol import Model
    from attribution.rules import Transform

__all__ = ["PathCredit", "PathRows", "path_rows", "prices", "quotient"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PathCredit(TabularResult):
    """Credit by channel of conversions that were given as counts of paths. It sums to what happened, proves no cause.

    Attributes:
        models: The models, in the order given.
        paths: The checked table of paths.
        conversions: Models x channels: conversions credited.
        value: Models x channels: value credited.
        fits: Name of a model to what it was fitted to (removal effects, Shapley values), for models that tell.
        sep: What stands between two steps of a path.
        transforms: Path transforms, in order.
        spend: Money spent per channel; None before `with_costs`.

    Example:
        >>> import attribution as at, pandas as pd
        >>> paths = pd.DataFrame({"path": ["sms > phone", "sms"], "conversions": [4, 2], "lost": [6, 18]})
        >>> credit = at.attribute_paths(paths, models=[at.Shapley(value="rate")], nulls="lost")
        >>> credit.fits["shapley"].to_dicts()[0]["credit"]
        0.05
    """

    models: tuple[Model, ...]
    paths: PathTable
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    fits: Mapping[str, Any]
    sep: str
    transforms: tuple[Transform, ...]
    spend: Spend | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fits", MappingProxyType(dict(self.fits)))
        self.conversions.flags.writeable = False
        self.value.flags.writeable = False

    @property
    def channel_names(self) -> NDArray[np.object_]:
        """The channels, sorted: the columns of `conversions` and `value`."""
        return self.paths.counts.channel_names

    def table(self, *, level: float | None = None) -> pd.DataFrame:
        """One row per model and channel: conversions, value, share_of_attributed, share_of_all, and costs where given.

        The row "(none)" holds the conversions of empty paths; its share of the attributed is undefined.

        Args:
            level: Refused: intervals need persons.

        Raises:
            DesignError: ``NO_PERSONS`` when a level is asked for: counts of paths do not say which conversions are one
                person's, so that no interval can be given.
        """
        if level is not None:
            raise DesignError(
                "NO_PERSONS",
                "a table of paths does not say which conversions and journeys belong to one person, and the person is "
                "the sampling unit of credit. Ask for intervals on touches and conversions: "
                "at.attribute(touches, conversions).table(level=...).",
            )
        return self._records().to_pandas()

    def with_costs(self, spend: object, *, columns: ColumnsLike = None) -> PathCredit:
        """The same credit with what was spent: adds cost, cost_per_conversion and return_on_spend (value / cost).

        The cost of a channel is what was spent on everybody, not on converters alone. Channels with cost and no credit,
        and channels with credit and no cost, stay in the table. The quotients are of credit, not of effect.

        Args:
            spend: Any table with the columns `channel` and `cost`; rows are summed.
            columns: The user's names of its columns.

        Raises:
            TableError: Lists every problem of the spend table.
        """
        from attribution.credit.spend import read_spend

        return replace(self, spend=read_spend(spend, (CHANNEL,), columns))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing about the table, about the models' fits and about the spend."""
        from attribution.credit.path_display import path_credit_findings

        return path_credit_findings(self)

    @property
    def recipe(self) -> Recipe:
        """How the credit was made: models, counts, versions, fingerprint of the table."""
        from attribution.credit.path_display import path_credit_recipe

        return path_credit_recipe(self)

    def _records(self) -> Records:
        return _path_credit_records(self)

    def _display(self) -> Display:
        from attribution.credit.path_display import path_credit_display

        return path_credit_display(self)


@dataclass(frozen=True, slots=True, eq=False)
class PathRows:
    """The rows that every model has: channels, those with spend only among them, "(none)" last.

    Attributes:
        channel: The channels.
        conversions: Models x rows.
        value: Models x rows.
        cost: Cost of each row; nan where there is none; None without spend.
        credited: Rows that are channels of the paths.
    """

    channel: tuple[str, ...]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    cost: NDArray[np.float64] | None
    credited: NDArray[np.bool_]


def path_rows(credit: PathCredit) -> PathRows:
    """The rows of a table of path credit."""
    known = [str(name) for name in credit.channel_names]
    listed = list(known)
    if credit.spend is not None:
        listed = sorted({*known, *(channel for (channel,) in credit.spend.cost)})
    place = {channel: row for row, channel in enumerate(listed)}
    rows = np.array([place[channel] for channel in known], np.int64)
    conversions = np.zeros((len(credit.models), len(listed) + 1))
    value = np.zeros_like(conversions)
    conversions[:, rows], value[:, rows] = credit.conversions, credit.value
    conversions[:, -1], value[:, -1] = credit.paths.none_conversions, credit.paths.none_value
    credited = np.zeros(len(listed) + 1, bool)
    credited[rows] = True
    cost = None
    if credit.spend is not None:
        cost = np.array([credit.spend.cost.get((channel,), np.nan) for channel in (*listed, NONE)], np.float64)
    return PathRows((*listed, NONE), conversions, value, cost, credited)


def _path_credit_records(credit: PathCredit) -> Records:
    rows, models = path_rows(credit), len(credit.models)
    names = [model.name for model in credit.models for _ in rows.channel]
    conversions, value = rows.conversions.ravel(), rows.value.ravel()
    has_value = credit.paths.has_value
    touched = float(credit.paths.counts.conversions.sum())
    attributed = np.tile(np.arange(len(rows.channel)) < len(rows.channel) - 1, models)
    columns: list[tuple[Field, Any]] = [
        (Field("model", "text"), names),
        (Field("channel", "text"), list(rows.channel) * models),
        (Field("conversions", "count"), conversions),
        (Field("value", "money"), value if has_value else [None] * len(value)),
        (
            Field("share_of_attributed", "rate"),
            np.where(attributed, quotient(conversions, np.full(len(conversions), touched)), np.nan),
        ),
        (
            Field("share_of_all", "rate"),
            quotient(conversions, np.full(len(conversions), touched + credit.paths.none_conversions)),
        ),
    ]
    if rows.cost is not None:
        cost = np.tile(rows.cost, models)
        returns = quotient(value, cost) if has_value else np.full(len(cost), np.nan)
        columns += [
            (Field("cost", "money"), cost),
            (Field("cost_per_conversion", "money"), prices(cost, conversions)),
            (Field("return_on_spend", "ratio"), returns),
        ]
    return Records(tuple(field for field, _ in columns), tuple(_plain(values) for _, values in columns))


def prices(cost: NDArray[np.float64], conversions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cost per conversion; nan where the credit is 0 or negative, which has no price."""
    return quotient(np.broadcast_to(cost, conversions.shape), np.where(conversions > 0, conversions, np.nan))


def quotient(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    """A quotient; nan where the bottom is 0 or unknown."""
    usable = np.isfinite(bottom) & (bottom != 0)
    return np.where(usable, top / np.where(usable, bottom, 1.0), np.nan)


def _plain(values: Any) -> list[Any]:
    if not isinstance(values, np.ndarray):
        return list(values)
    return [None if np.isnan(value) else value for value in values.tolist()]
