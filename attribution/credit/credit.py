"""The result of attribution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from attribution.core.records import Records, TabularResult
from attribution.credit.keys import make_cells, resolve_keys
from attribution.credit.records import credit_records
from attribution.credit.sums import CellSums, sum_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from attribution.credit.events import TouchCredit
    from attribution.credit.explain import Explanation
    from attribution.credit.keys import Cells
    from attribution.credit.over_time import CreditOverTime
    from attribution.credit.readings import Readings
    from attribution.credit.spend import Spend
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import TouchModel

__all__ = ["Credit"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Credit(TabularResult):
    """Who gets the credit, by one or several models. It sums to what happened and proves no cause.

    Attributes:
        journeys: The plan that the credit rests on.
        models: The models, in the order given; a model of paths as a `FittedModel`.
        cells: The key columns and the cells they span.
        sums: Credit per model and cell.
        spend: Money spent per key; None before `with_costs`.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame(
        ...     {"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"], "value": [90.0]}
        ... )
        >>> credit = at.attribute(touches, conversions, models=["first_touch", "linear"])
        >>> spend = pd.DataFrame({"channel": ["sms", "phone"], "cost": [0.05, 6.0]})
        >>> credit.with_costs(spend).to_dicts()[1]["return_on_spend"]
        1800.0
    """

    journeys: Journeys
    models: tuple[TouchModel, ...]
    cells: Cells
    sums: CellSums
    spend: Spend | None = None

    def table(self, *, level: float | None = None, population: int | None = None) -> pd.DataFrame:
        """One row per model and key: conversions, value, share_of_attributed, share_of_all, and costs where given.

        The row "(none)" holds conversions without an eligible touch; its share of the attributed is undefined.

        Args:
            level: Adds confidence intervals at this level: ``conversions_low/_high``, ``value_low/_high``,
                ``share_low/_high`` (of ``share_of_attributed``), and with costs ``cost_per_conversion_low/_high`` and
                ``return_on_spend_low/_high`` (the cost is taken as known). Persons are the sampling unit.
            population: Number of persons at risk, converters or not. Without it that number is unknown and variances
                are uncentred sums of squares, which are slightly too wide.

        Raises:
            InputError: For a level outside (0, 1), or a population smaller than the number of converting persons.

        References: Fay and Feuer 1997 (cells with fewer than 30 persons); see docs/methods/credit-intervals.md.
        """
        return self._records_at(level, population).to_pandas()

    def by(self, keys: str | Sequence[str]) -> Credit:
        """The same credit keyed by other columns: any column of the touches or the conversions, or several.

        A name that both tables have means the touches' column; "touch.x" and "conversion.x" say which. Costs are
        dropped: call `with_costs` after `by`, with spend for these keys.

        Args:
            keys: Names of columns.

        Raises:
            InputError: For an unknown or repeated column.
            TableError: For a column that holds the reserved name "(none)".
        """
        cells = make_cells(self.journeys, resolve_keys(self.journeys, keys))
        return replace(self, cells=cells, sums=sum_cells(self.journeys, self.models, cells), spend=None)

    def with_costs(self, spend: object, *, columns: ColumnsLike = None) -> Credit:
        """The same credit with what was spent: adds cost, cost_per_conversion and return_on_spend (value / cost).

        The cost of a key is what was spent on everybody, not on converters alone. Keys with cost and no credit, and
        keys with credit and no cost, stay in the table. The quotients are of credit, not of effect.

        Args:
            spend: Any table with the key columns and `cost`; rows are summed, so priced touches go straight in.
            columns: The user's names of its columns.

        Raises:
            TableError: Lists every problem of the spend table.
        """
        from attribution.credit.spend import read_spend

        return replace(self, spend=read_spend(spend, self.cells.keys, columns))

    def touches(self) -> TouchCredit:
        """Credit by event: one row per model, conversion and eligible touch."""
        from attribution.credit.events import touch_credit

        return touch_credit(self)

    def over_time(
        self,
        period: Literal["day", "week", "month"] = "day",
        *,
        at: Literal["conversion", "touch"] = "conversion",
        timezone: str | None = None,
    ) -> CreditOverTime:
        """The credit by day, week or month: model, period (its first day), the key columns, conversions, value.

        Every period between the first and the last one with credit is there, also those with 0, and the periods sum to
        the credit table. A model of paths is read inside journeys, as in `touches`.

        Args:
            period: "day", "week" (from Monday, ISO 8601) or "month".
            at: Whether credit counts when the conversion or when the touch happened; a conversion without a touch
                counts at its own time.
            timezone: IANA name of the zone in which days begin; by default the one that `Columns` names for the
                conversions, else UTC.

        Raises:
            InputError: For an unknown period, time zone or `at`, or too many numbers.
        """
        from attribution.credit.over_time import credit_over_time

        return credit_over_time(self, period, at, timezone)

    def explain(self, conversion_id: str | int) -> Explanation:
        """One journey: every touch of the person, its weight in every model, and why others were not eligible.

        Args:
            conversion_id: The id of a counted conversion.

        Raises:
            InputError: For an unknown id, or a conversion that was set aside.
        """
        from attribution.credit.explain import explain_conversion

        return explain_conversion(self, conversion_id)

    def readings(self) -> Readings:
        """Both readings of the models of paths: channel totals, and the credit inside journeys added up.

        Raises:
            InputError: When the credit is keyed by something else than the channel, or has no model of paths.
        """
        from attribution.credit.readings import readings

        return readings(self)

    def fit(self, model: str) -> TabularResult:
        """What a model of paths was fitted to: removal effects and transitions, or Shapley values.

        Args:
            model: The model's name, for example "markov".

        Raises:
            InputError: For a name that is no model of paths of this credit.
        """
        from attribution.credit.readings import fit_of

        return fit_of(self, model)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing about the tables, the models of paths and the spend."""
        from attribution.credit.display import spend_findings
        from attribution.credit.readings import model_findings

        return (*self.journeys.findings, *model_findings(self), *spend_findings(self))

    @property
    def recipe(self) -> Recipe:
        """How the credit was made: rules, models, counts, versions, fingerprint of the data."""
        from attribution.credit.recipe import credit_recipe

        return credit_recipe(self)

    def _records(self) -> Records:
        return credit_records(self)

    def _records_at(self, level: float | None, population: int | None) -> Records:
        from attribution.core.errors import InputError

        if level is None:
            if population is not None:
                raise InputError("population= serves the intervals; pass level= too, for example level=0.95.")
            return credit_records(self)
        from attribution.credit.intervals import credit_intervals

        return credit_records(self, credit_intervals(self, level=level, population=population))

    def _display(self) -> Display:
        from attribution.credit.display import credit_display

        return credit_display(self)
