"""Credit by day, week or month: the credit table spread over the calendar of a place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from attribution.core import messages
from attribution.core.errors import ConservationError, InputError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label
from attribution.credit.events import inside_models
from attribution.credit.periods import check_period, check_zone, local_days, period_dates, period_numbers
from attribution.credit.recipe import credit_recipe
from attribution.journeys.eligibility import block_ends
from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    import pandas as pd
    from numpy.typing import NDArray

    from attribution.core.recipe import Recipe
    from attribution.credit.credit import Credit
    from attribution.journeys.eligibility import Pairs

__all__ = ["CreditOverTime", "credit_over_time"]

Measure: TypeAlias = Literal["conversions", "value"]
_TOLERANCE = 1e-9
_LARGEST = 20_000_000  # models x periods x cells held at once: two tables of 160 MB
_BLOCK = 1 << 14  # conversions
_SHOWN_PERIODS = 14
_SHOWN_KEYS = 8


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class CreditOverTime(TabularResult):
    """Credit per model, period and key: model, period (its first day), the key columns, conversions, value.

    Every period between the first and the last one with credit is there, for every key, also with 0. The sum over the
    periods is the credit table; for a model of paths it is the credit inside journeys (see `readings`).

    Attributes:
        records: The rows, by model, period and key; "(none)" is last in each period.
        period: "day", "week" (from Monday, ISO 8601) or "month".
        at: Which time decides: "conversion", or "touch" (then a conversion without a touch counts at its own time).
        timezone: The zone in which days begin.
        readings: Models of paths, whose credit inside journeys is shown: their channel totals are another reading.
        recipe: How the credit was made.
    """

    records: Records
    period: str
    at: str
    timezone: str
    readings: tuple[str, ...]
    recipe: Recipe
    _keys: int

    def wide(
        self, model: str | None = None, *, measure: Literal["conversions", "value"] = "conversions"
    ) -> pd.DataFrame:
        """One model with a row per period and a column per key.

        Args:
            model: Name of the model; needed when there are several.
            measure: "conversions" or "value".

        Raises:
            InputError: For an unknown model or measure, values that the conversions do not have, or no model where
                there are several.
        """
        frame = self.table()
        models = list(dict.fromkeys(frame["model"]))
        if measure not in ("conversions", "value"):
            raise InputError(f'measure must be "conversions" or "value", got {measure!r}.')
        if measure == "value" and len(frame) and frame["value"].isna().all():
            raise InputError("the conversions have no value. Write measure='conversions'.")
        if not models:
            raise InputError("there is no credit to spread out: no conversion was counted.")
        if model is None and len(models) == 1:
            model = models[0]
        if model not in models:
            raise InputError(f"model must be one of {', '.join(map(repr, models))}, got {model!r}.")
        frame = frame[frame["model"] == model]
        keys = [field.name for field in self.records.fields[2:-2]]
        columns = list(dict.fromkeys(frame.set_index(keys).index))
        return frame.pivot_table(index="period", columns=keys, values=measure, aggfunc="sum")[columns]

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        blocks: list[DisplayTable | str] = []
        models = list(dict.fromkeys(self.records.column("model")))
        rows = len(self.records) // max(len(models), 1)
        for place, model in enumerate(models):
            blocks.append(self._pivot(model, place * rows, (place + 1) * rows))
        blocks.append(messages.text(f"OVER_TIME.AT_{self.at.upper()}", {"timezone": self.timezone}))
        if self.period == "week":
            blocks.append(messages.text("OVER_TIME.WEEK"))
        if self.readings:
            blocks.append(messages.text("READINGS.INSIDE", {"models": ", ".join(self.readings)}))
        blocks.append(messages.text("CREDIT.NOT_CAUSE"))
        return Display(messages.text(f"OVER_TIME.TITLE_{self.period.upper()}"), tuple(blocks))

    def _pivot(self, model: str, begin: int, end: int) -> DisplayTable:
        """Periods x keys of one model; the newest periods and the first keys where there are many."""
        keys, size = [field.name for field in self.records.fields[2:-2]], self._keys
        names = [" / ".join(parts) for parts in zip(*(self.records.column(key)[:size] for key in keys), strict=True)]
        shown = list(range(size)) if size <= _SHOWN_KEYS else [*range(_SHOWN_KEYS - 1), size - 1]
        periods = list(self.records.column("period")[begin:end:size]) if size else []
        values = np.asarray(self.records.column("conversions")[begin:end], np.float64).reshape(len(periods), size)
        first = max(0, len(periods) - _SHOWN_PERIODS)
        heads = (
            DisplayColumn(column_label("period"), "date"),
            *(DisplayColumn(names[key], "count") for key in shown),
        )
        rows = tuple((periods[row], *values[row, shown].tolist()) for row in range(first, len(periods)))
        notes = [messages.text("OVER_TIME.EARLIER", {"n": first})] if first else []
        if len(shown) < size:
            notes.append(messages.text("OVER_TIME.MORE_KEYS", {"n": size - len(shown)}))
        title = f"{column_label(model)}: {column_label('conversions')}"
        return DisplayTable(heads, rows, title=title, notes=tuple(notes))


def credit_over_time(credit: Credit, period: str, at: str, timezone: str | None) -> CreditOverTime:
    """Spread the credit inside journeys over the periods of a calendar."""
    period = check_period(period)
    if at not in ("conversion", "touch"):
        raise InputError(f'at must be "conversion" or "touch", got {at!r}.')
    name = timezone if timezone is not None else credit.journeys.conversions.table.roles.timezone or "UTC"
    zone = check_zone(name)
    calendar = _Calendar.of(credit, period, at, zone)
    conversions, value = _spread(credit, calendar)
    for found, sums, what in (
        (conversions, credit.sums.inside_conversions, "conversions"),
        (value, credit.sums.inside_value, "value"),
    ):
        _check(credit, found, sums, what)
    return CreditOverTime(
        records=_records(credit, calendar, conversions, value),
        period=period,
        at=at,
        timezone=str(name),
        readings=inside_models(credit),
        recipe=credit_recipe(credit),
        _keys=len(credit.cells),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Calendar:
    """The period number of every counted conversion and, where touches decide, of every served touch."""

    period: str
    first: int
    count: int
    conversion: NDArray[np.int64]
    touch: NDArray[np.int64] | None

    @classmethod
    def of(cls, credit: Credit, period: str, at: str, zone: ZoneInfo) -> _Calendar:
        journeys = credit.journeys
        conversion = period_numbers(local_days(journeys.counted.time, zone), period)
        touch = None if at == "conversion" else period_numbers(local_days(journeys.served.time, zone), period)
        ends = _range(conversion) if touch is None else []
        if touch is not None:
            for pairs in journeys.pairs():
                alone = conversion[pairs.start : pairs.stop][pairs.counts == 0]
                ends += [*_range(touch[pairs.touch]), *_range(alone)]
        first = min((low for low, _ in ends), default=0)
        count = max((high for _, high in ends), default=-1) - first + 1
        if len(credit.models) * count * len(credit.cells) > _LARGEST:
            raise InputError(
                f"{len(credit.models)} models x {count:,} periods x {len(credit.cells):,} keys are more than "
                f'{_LARGEST:,} numbers. Use longer periods ("week", "month"), or by() with fewer keys.'
            )
        return cls(period, first, count, conversion, touch)

    def of_pairs(self, pairs: Pairs) -> NDArray[np.int64]:
        return (self.conversion[pairs.conversion()] if self.touch is None else self.touch[pairs.touch]) - self.first

    def of_untouched(self, conversions: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.conversion[conversions] - self.first


def _range(numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(numbers.min()), int(numbers.max()))] if len(numbers) else []


def _pieces(credit: Credit) -> Iterator[Pairs]:
    """The pairs in pieces that fit the cache of a core."""
    ends = block_ends(credit.journeys.counted.person, _BLOCK).tolist()
    for start, stop in pairwise([0, *ends]):
        yield from credit.journeys.pairs(span=(start, stop))


def _spread(credit: Credit, calendar: _Calendar) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Conversions and value: models x periods x cells."""
    journeys, cells, width = credit.journeys, credit.cells, len(credit.cells)
    shape = (len(credit.models), calendar.count * width)
    conversions, value = np.zeros(shape), np.zeros(shape)
    for pairs in _pieces(credit):
        arrays = journeys.arrays(pairs)
        alone = pairs.start + np.flatnonzero(pairs.counts == 0)
        worth = journeys.counted.value[np.concatenate([pairs.conversion(), alone])]
        cell = np.concatenate([cells.of_pairs(pairs), cells.of_untouched(alone)])
        place = np.concatenate([calendar.of_pairs(pairs), calendar.of_untouched(alone)]) * width + cell
        for number, model in enumerate(credit.models):
            weights = np.concatenate([checked_weights(model, arrays), np.ones(len(alone))])
            # One by one in canonical order: the pieces change no bit.
            np.add.at(conversions[number], place, weights)
            np.add.at(value[number], place, weights * worth)
    size = (shape[0], calendar.count, width)
    return conversions.reshape(size), value.reshape(size)


def _check(credit: Credit, found: NDArray[np.float64], sums: NDArray[np.float64], what: str) -> None:
    off = np.abs(found.sum(axis=1) - sums)
    wrong = ~(off <= _TOLERANCE * np.maximum(np.abs(sums), 1.0))  # so written, nan does not pass
    if wrong.any():
        model, cell = (int(place[0]) for place in np.nonzero(wrong))
        raise ConservationError(
            f"model {credit.models[model].name!r} does not conserve {what} over time: the periods of cell {cell} sum "
            f"to {float(found[model, :, cell].sum())!r}, expected {float(sums[model, cell])!r}."
        )


def _records(
    credit: Credit, calendar: _Calendar, conversions: NDArray[np.float64], value: NDArray[np.float64]
) -> Records:
    cells, order = credit.cells, credit.cells.order()
    models, periods = len(credit.models), calendar.count
    dates = period_dates(np.arange(periods) + calendar.first, calendar.period)
    per_model = periods * len(order)
    names = np.repeat(np.array([model.name for model in credit.models], object), per_model)
    columns: list[tuple[Field, Any]] = [
        (Field("model", "text"), names.tolist()),
        (Field("period", "date"), np.tile(np.repeat(dates, len(order)), models).tolist()),
    ]
    for place, key in enumerate(cells.keys):
        values = cells.values(place)
        columns.append((Field(key.name, "text"), [values[cell] for cell in order.tolist()] * (models * periods)))
    flat = value[:, :, order].ravel().tolist() if credit.journeys.conversions.has_value else [None] * len(names)
    columns += [
        (Field("conversions", "number"), conversions[:, :, order].ravel().tolist()),
        (Field("value", "money"), flat),
    ]
    return Records(tuple(field for field, _ in columns), tuple(values for _, values in columns))
