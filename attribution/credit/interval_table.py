"""The credit table with intervals, and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records
from attribution.core.render.display import Display, records_table
from attribution.credit.interval_notes import sampling_notes
from attribution.credit.intervals import credit_intervals
from attribution.credit.recipe import credit_recipe
from attribution.credit.records import credit_records
from attribution.credit.resampling import check_replicates
from attribution.credit.sampled import SampledResult

if TYPE_CHECKING:
    from attribution.core.recipe import Recipe
    from attribution.credit.credit import Credit

__all__ = ["IntervalTable", "interval_table"]

_SHOWN = {"share_low": "share_of_attributed_low", "share_high": "share_of_attributed_high"}


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class IntervalTable(SampledResult):
    """The rows of the credit table with ``_low`` and ``_high`` of every figure.

    Attributes:
        records: The rows.
        level: Confidence level of each interval by itself.
        population: The persons at risk.
        resampled: The models of paths that were fitted to persons drawn anew, and the resamples in which each gave no
            shares and which are left out.
        seed: Seed of the resampling.
        replicates: Number of resamples.
    """

    @property
    def recipe(self) -> Recipe:
        """How the credit and its intervals were made."""
        made = credit_recipe(self._credit)
        settings: dict[str, object] = {"level": self.level, "population": self.population.size}
        if self.resampled:
            settings |= {"seed": self.seed, "replicates": self.replicates}
        return replace(made, settings={**made.settings, **settings})

    @property
    def notes(self) -> tuple[str, ...]:
        """What the intervals rest on, one sentence each."""
        found = sampling_notes(
            self._credit, self.population, self.resampled, replicates=self.replicates, seed=self.seed
        )
        return (messages.text("INTERVALS.UNIT", {"level": self.level}), *found, messages.text("CREDIT.NOT_CAUSE"))

    def _display(self) -> Display:
        # The ends of the share stand beside it under its own name, so that the display joins them.
        fields = tuple(Field(_SHOWN.get(field.name, field.name), field.kind) for field in self.records.fields)
        table = records_table(Records(fields, self.records.columns))
        return Display(messages.text("INTERVALS.TITLE", {"level": self.level}), (table, *self.notes))


def interval_table(
    credit: Credit, *, level: float, population: int | None, seed: int, replicates: int | None
) -> IntervalTable:
    """The table with intervals.

    Raises:
        InputError: For a level outside (0, 1), a population below the number of converting persons, an unusable seed or
        number of replicates.
    """
    wanted = check_replicates(replicates)
    found = credit_intervals(credit, level=level, population=population, seed=seed, replicates=wanted)
    return IntervalTable(
        records=credit_records(credit, found),
        level=level,
        population=found.population,
        resampled=found.resampled,
        seed=seed,
        replicates=wanted,
        _credit=credit,
    )
