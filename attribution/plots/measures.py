"""What a plot of credit can measure, and the rows that it draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.render.display import column_label
from attribution.core.whole import check_whole
from attribution.credit.credit import Credit
from attribution.credit.path_credit import PathCredit
from attribution.touches import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.formats import ValueKind

__all__ = [
    "Drawn", "Measure", "check_top", "drawn_credit", "measure_of", "model_label", "more_line", "none_line",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of the credit table.

    Attributes:
        name: The word of the argument ``measure=``.
        column: The column of the credit table.
        ends: Stem of the columns that hold its interval.
        kind: How its values are written.
    """

    name: str
    column: str
    ends: str
    kind: ValueKind


_MEASURES = {
    "conversions": Measure("conversions", "conversions", "conversions", "count"),
    "value": Measure("value", "value", "value", "money"),
    "share": Measure("share", "share_of_attributed", "share", "rate"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Credit as a plot needs it.

    Attributes:
        models: Names of the models.
        keys: Names of the key columns.
        rows: The credited rows of all models, model by model.
        labels: The label of each key, largest credit first.
        values: By model and label: value, low and high (None without a level).
        none: Conversions (or their value) without an eligible touch; None for shares.
        touched: Conversions with one.
    """

    models: tuple[str, ...]
    keys: tuple[str, ...]
    rows: list[dict[str, Any]]
    labels: list[str]
    values: Mapping[tuple[str, str], tuple[float, float | None, float | None]]
    none: float | None
    touched: float


def measure_of(credit: object, name: str, where: str) -> Measure:
    """The measure of a name, after checking that there is a credit that has it."""
    if not isinstance(credit, (Credit, PathCredit)):
        raise InputError(f"{where} needs a Credit, got {type(credit).__name__}. Pass at.attribute(...).")
    if name not in _MEASURES:
        raise InputError(
            f"measure must be one of {', '.join(_MEASURES)}, got {name!r}. {closest(str(name), _MEASURES)}"
        )
    return _MEASURES[name]


def check_top(top: object) -> int:
    """How many rows to draw, or `InputError`."""
    return check_whole("top", top, least=1)


def model_label(name: str) -> str:
    """A model as the current language calls it."""
    return column_label(name)


def drawn_credit(credit: Credit | PathCredit, measure: Measure, level: float | None) -> Drawn:
    """The rows of the credit table that a plot draws: all but "(none)"."""
    frame = credit.table() if level is None else credit.table(level=level)
    if measure.name == "value" and frame["value"].isna().all():
        raise InputError('measure="value" needs a value column in the conversions; there is none.')
    keys = tuple(key.name for key in credit.cells.keys) if isinstance(credit, Credit) else ("channel",)
    models = tuple(model.name for model in credit.models)
    rows: list[dict[str, Any]] = []
    values: dict[tuple[str, str], tuple[float, float | None, float | None]] = {}
    none = 0.0
    names = ["model", *keys, measure.column]
    ends = [f"{measure.ends}_{end}" for end in ("low", "high")] if level is not None else []
    for row in frame[[*names, *ends]].to_dict("records"):
        named = [str(row[key]) for key in keys]
        point = _number(row[measure.column])
        if NONE in named:
            none += point or 0.0 if row["model"] == models[0] else 0.0
            continue
        low, high = (_number(row[end]) for end in ends) if ends else (None, None)
        label = " / ".join(named)
        values[str(row["model"]), label] = (point or 0.0, low, high)
        kept = {"model": row["model"], **dict(zip(keys, named, strict=True)), measure.column: point}
        rows.append(kept | ({ends[0]: low, ends[1]: high} if ends else {}))
    labels = list(dict.fromkeys(label for _, label in values))
    total = {label: sum(values[model, label][0] for model in models) for label in labels}
    labels.sort(key=lambda label: (-round(total[label], 9), label))
    first = frame[(frame["model"] == models[0]) & ~(frame[list(keys)] == NONE).any(axis=1)]
    touched = float(first["conversions"].sum())
    return Drawn(models, keys, rows, labels, values, None if measure.name == "share" else none, touched)


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)  # noqa: PLR0124 - nan is undefined


def more_line(hidden: int) -> str:
    """How many rows are in the table only."""
    return messages.text("PLOT.MORE_ROWS", {"n": hidden}) if hidden else ""


def none_line(drawn: Drawn, measure: Measure) -> str:
    """What is not drawn: the row of conversions without a touch."""
    if not drawn.none:
        return ""
    return messages.text(f"PLOT.NONE_{measure.name.upper()}", {"n": drawn.none})
