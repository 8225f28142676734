"""Credit by event: one row per model, conversion and eligible touch."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayTable, records_table
from attribution.credit.readings import path_models, readings
from attribution.credit.recipe import credit_recipe
from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.recipe import Recipe
    from attribution.credit.credit import Credit
    from attribution.credit.keys import Key
    from attribution.credit.readings import Readings

__all__ = ["TouchCredit", "inside_models", "touch_credit"]

_SHOWN_ROWS = 10


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class TouchCredit(TabularResult):
    """Credit by event: person_id, conversion_id, time, channel, model, weight, conversions, value, and the key columns.

    Rows are in the order of the models, then by person, conversion and touch. Conversions without an eligible touch
    have no row here, so the sums are those of the credit table without "(none)". A model of paths (Markov, Shapley)
    divides all journeys together; its credit by event is another reading, inside each journey in proportion to the
    channels' shares and equally over a channel's touches; `Credit.readings` holds both totals by channel.

    Attributes:
        records: The rows.
        reading: Name of each model and what its weights are: "rule", or "inside" for a model of paths.
        both: Both readings of the models of paths by channel; None where there is nothing to compare.
        recipe: How the credit was made.
    """

    records: Records
    reading: Mapping[str, str]
    both: Readings | None
    recipe: Recipe

    def __len__(self) -> int:
        return len(self.records)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        head = Records(self.records.fields, tuple(column[:_SHOWN_ROWS] for column in self.records.columns))
        more = len(self.records) - len(head)
        notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more else ()
        blocks: list[DisplayTable | str] = [records_table(Records.from_rows(head.fields, head.to_dicts()), notes=notes)]
        inside = [name for name, reading in self.reading.items() if reading == "inside"]
        if inside:
            blocks.append(messages.text("READINGS.INSIDE", {"models": ", ".join(inside)}))
        if self.both is not None:
            blocks.append(records_table(self.both.records, title=messages.text("READINGS.TITLE")))
        return Display(messages.text("CREDIT.EVENTS_TITLE"), (*blocks, messages.text("CREDIT.NOT_CAUSE")))


def inside_models(credit: Credit) -> tuple[str, ...]:
    """Names of the models of paths: their credit inside journeys is another reading than their channel totals."""
    return tuple(model.name for model in path_models(credit))


def touch_credit(credit: Credit) -> TouchCredit:
    """Every eligible pair with its weight in every model."""
    import pyarrow as pa

    journeys = credit.journeys
    conversion, touch, weights = _all_pairs(credit)
    touch_rows = pa.array(journeys.served.row[touch])
    conversion_rows = pa.array(journeys.counted.row[conversion])
    size, models = len(touch), len(credit.models)
    flat = weights.ravel()
    value: Any = [None] * len(flat)
    if journeys.conversions.has_value:
        value = flat * np.tile(journeys.counted.value[conversion], models)
    channel = journeys.touches.table.arrow(journeys.touches.table.roles.channel)
    time = pa.array(journeys.touches.time).take(touch_rows).cast(pa.timestamp("us", "UTC"))
    columns: list[tuple[Field, Any]] = [
        (Field("person_id", "text"), _repeated(journeys.touches.person.take(touch_rows), models)),
        (Field("conversion_id", "text"), _repeated(journeys.conversions.conversion.take(conversion_rows), models)),
        (Field("time", "date"), _repeated(time, models)),
        (Field("channel", "text"), _repeated(channel.take(touch_rows), models)),
        (Field("model", "text"), _repeated_names([model.name for model in credit.models], size)),
        (Field("weight", "number"), flat),
        (Field("conversions", "number"), flat),
        (Field("value", "money"), value),
    ]
    taken = {field.name for field, _ in columns}
    columns += [
        (Field(key.name, "text"), _repeated(_key_column(credit, key, touch_rows, conversion_rows), models))
        for key in credit.cells.keys
        if key.name not in taken
    ]
    inside = inside_models(credit)
    return TouchCredit(
        records=Records(tuple(field for field, _ in columns), tuple(values for _, values in columns)),
        reading=MappingProxyType({model.name: "inside" if model.name in inside else "rule" for model in credit.models}),
        both=readings(credit) if inside and credit.cells.channel_codes() is not None else None,
        recipe=credit_recipe(credit),
    )


def _all_pairs(credit: Credit) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Conversion, touch and weights (models x pairs) of every eligible pair."""
    conversions, touches, weights = [], [], []
    for pairs in credit.journeys.pairs():
        arrays = credit.journeys.arrays(pairs)
        conversions.append(pairs.conversion())
        touches.append(pairs.touch)
        weights.append(np.stack([checked_weights(model, arrays) for model in credit.models]))
    if not conversions:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((len(credit.models), 0))
    return np.concatenate(conversions), np.concatenate(touches), np.concatenate(weights, axis=1)


def _repeated(column: pa.Array, times: int) -> pa.Array:
    import pyarrow as pa

    return pa.concat_arrays([column] * times)


def _repeated_names(names: list[str], size: int) -> pa.Array:
    import pyarrow as pa

    codes = np.repeat(np.arange(len(names)), size)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names)).cast(pa.string())


def _key_column(credit: Credit, key: Key, touch_rows: pa.Array, conversion_rows: pa.Array) -> pa.Array:
    side = credit.journeys.touches.table if key.side == "touch" else credit.journeys.conversions.table
    return side.arrow(key.column).take(touch_rows if key.side == "touch" else conversion_rows)
