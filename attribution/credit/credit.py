"""The result of attribution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from attribution.core.records import Records, TabularResult
from attribution.credit.in_engine import credited
from attribution.credit.records import credit_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from attribution.credit.beats import Beats
    from attribution.credit.events import TouchCredit
    from attribution.credit.explain import Explanation
    from attribution.credit.interval_table import IntervalTable
    from attribution.credit.keys import Cells
    from attribution.credit.over_time import CreditOverTime
    from attribution.credit.person_spend import PersonSpend
    from attribution.credit.ranks import Ranks
    from attribution.credit.readings import Readings
    from attribution.credit.spend import Spend
    from attribution.credit.sums import CellSums
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
        person_spend: The same by person, where the spend table names persons.

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
    person_spend: PersonSpend | None = None

    def table(
        self,
        *,
        level: float | None = None,
        population: int | None = None,
        seed: int = 0,
        replicates: int | None = None,
    ) -> pd.DataFrame:
        """One row per model and key: conversions, value, share_of_attributed, share_of_all, and costs where given.

        The row "(none)" holds conversions without an eligible touch; its share of the attributed is undefined.

        Args:
            level: Adds confidence intervals at this level: ``conversions_low/_high``, ``value_low/_high``,
                ``share_low/_high`` (of ``share_of_attributed``), and with costs ``cost_per_conversion_low/_high`` and
                ``return_on_spend_low/_high``. Persons are the sampling unit. What the intervals rest on is told by
                `intervals`, which has the same rows.
            population: Number of persons at risk, converters or not; by default the persons of the customers table.
                Without either it is unknown and variances are uncentred sums of squares, which are slightly too wide.
            seed: Seed of the resampling of persons that gives the intervals of models of paths.
            replicates: Number of these resamples, at least 200; 1,000 by default.

        Raises:
            InputError: For a level outside (0, 1), or a population smaller than the number of persons with a conversion
                (with costs by person: or with spend; with models of paths: with a journey, converting or not).

        References: Hall 1992; Fay and Feuer 1997 (cells with fewer than 30 persons); docs/methods/credit-intervals.md.
        """
        if level is None:
            from attribution.credit.intervals import refuse_options

            refuse_options(population=population, seed=seed, replicates=replicates)
            return credit_records(self).to_pandas()
        return self.intervals(level=level, population=population, seed=seed, replicates=replicates).table()

    def intervals(
        self, *, level: float = 0.95, population: int | None = None, seed: int = 0, replicates: int | None = None
    ) -> IntervalTable:
        """The table with intervals, as a result that says what they rest on. The arguments are those of `table`.

        Example:
            >>> import attribution as at, pandas as pd
            >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
            >>> touches = pd.DataFrame({"person_id": ["p1", "p2"], "time": when, "channel": ["sms", "phone"]})
            >>> conversions = pd.DataFrame({"person_id": ["p1", "p2"], "time": when, "conversion_id": [1, 2]})
            >>> found = at.attribute(touches, conversions, models="linear").intervals(level=0.95)
            >>> [(row["channel"], round(row["conversions_high"], 2)) for row in found.to_dicts()]
            [('phone', 5.57), ('sms', 5.57), ('(none)', 3.69)]
            >>> found.population.source
            'unknown'
        """
        from attribution.credit.interval_table import interval_table

        return interval_table(self, level=level, population=population, seed=seed, replicates=replicates)

    def ranks(
        self,
        *,
        by: Literal["conversions", "value", "cost_per_conversion", "return_on_spend"] = "conversions",
        level: float = 0.95,
        population: int | None = None,
        seed: int = 0,
        replicates: int | None = None,
    ) -> Ranks:
        """The rank of every key, and the ranks that the data leave open: model, key, rank, rank_low, rank_high.

        The sets of all keys of one model hold their true ranks together with the confidence `level`.

        Args:
            by: The figure that orders. Rank 1 is the largest, or the lowest cost per conversion.
            level: Confidence level.
            population: As for `table`.
            seed: Seed of the simulated critical value and of the resampling of models of paths.
            replicates: As for `table`.

        Raises:
            InputError: For an unknown figure or one without its column, a level outside (0, 1), more than 300 keys.

        References: Mogstad, Romano, Shaikh and Wilhelm 2024; see docs/methods/credit-ranks.md.

        Verified against a slow calculation over persons and pairs, and by simulation (docs/verification.md).

        Example:
            >>> import attribution as at, pandas as pd
            >>> when = pd.to_datetime(["2026-10-01 09:00Z"] * 30)
            >>> touches = pd.DataFrame({"person_id": range(30), "time": when, "channel": ["sms"] * 24 + ["phone"] * 6})
            >>> conversions = pd.DataFrame({"person_id": range(30), "time": when, "conversion_id": range(30)})
            >>> for row in at.attribute(touches, conversions, models="linear").ranks().to_dicts():
            ...     print(row["channel"], row["rank"], row["rank_low"], row["rank_high"])
            phone 2 2 2
            sms 1 1 1
        """
        from attribution.credit.ranks import rank_credit

        return rank_credit(self, by=by, level=level, population=population, seed=seed, replicates=replicates)

    def beats(  # noqa: PLR0913 - options of the public contract
        self,
        first: str | Sequence[str],
        second: str | Sequence[str],
        *,
        model: str | None = None,
        level: float = 0.95,
        population: int | None = None,
        seed: int = 0,
        replicates: int | None = None,
    ) -> Beats:
        """Whether one key has more credit than another: differences with intervals and one-sided p-values, per model.

        Args:
            first: The key asked about, for example "sms"; with several key columns one text each.
            second: The key that it is held against.
            model: Name of one model; all by default.
            level: Confidence level of each interval.
            population: As for `table`.
            seed: As for `table`.
            replicates: As for `table`.

        Raises:
            InputError: For an unknown key or model, the same key twice, a level outside (0, 1).

        References: Hall 1992; see docs/methods/credit-ranks.md. Verified by hand and by simulation
        (docs/verification.md).

        Example:
            >>> import attribution as at, pandas as pd
            >>> when = pd.to_datetime(["2026-10-01 09:00Z"] * 30)
            >>> touches = pd.DataFrame({"person_id": range(30), "time": when, "channel": ["sms"] * 24 + ["phone"] * 6})
            >>> conversions = pd.DataFrame({"person_id": range(30), "time": when, "conversion_id": range(30)})
            >>> row = at.attribute(touches, conversions, models="linear").beats("sms", "phone").to_dicts()[0]
            >>> row["figure"], row["difference"], round(row["p_value"], 4)
            ('conversions', 18.0, 0.0005)
        """
        from attribution.credit.beats import beats

        return beats(
            self, first, second, model=model, level=level, population=population, seed=seed, replicates=replicates
        )

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
        journeys, cells, sums = credited(self.journeys, self.models, keys)
        return replace(self, journeys=journeys, cells=cells, sums=sums, spend=None, person_spend=None)

    def with_costs(self, spend: object, *, columns: ColumnsLike = None) -> Credit:
        """The same credit with what was spent: adds cost, cost_per_conversion and return_on_spend (value / cost).

        The cost of a key is what was spent on everybody, not on converters alone. Keys with cost and no credit, and
        keys with credit and no cost, stay in the table. The quotients are of credit, not of effect.

        Args:
            spend: Any table with the key columns and `cost`; rows are summed, so priced touches go straight in. Where
                it names persons too, the intervals of the quotients let cost vary with the persons.
            columns: The user's names of its columns.

        Raises:
            TableError: Lists every problem of the spend table.
        """
        from attribution.credit.person_spend import read_person_spend
        from attribution.credit.spend import read_spend

        found = read_spend(spend, self.cells.keys, columns)
        by_person = read_person_spend(spend, self.journeys, self.cells.keys, columns)
        return replace(self, spend=found, person_spend=by_person)

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
        from attribution.credit.parted import with_person

        return explain_conversion(with_person(self, conversion_id), conversion_id)

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

    def _display(self) -> Display:
        from attribution.credit.display import credit_display

        return credit_display(self)
