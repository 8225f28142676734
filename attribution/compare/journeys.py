"""Which journeys carry the difference between two models, path by path and by what is particular about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.compare.difference import ROUNDING, path_moves, totals
from attribution.compare.keys import cell_labels, heading
from attribution.compare.reasons import reason_sums
from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label
from attribution.core.whole import check_whole
from attribution.models.fitted import FittedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.compare.difference import PathMoves, Totals
    from attribution.credit.credit import Credit

__all__ = [
    "NOT_BY_JOURNEY", "OTHER_PATHS", "Carried", "JourneyDifferences", "ReasonDifferences", "journey_differences",
    "reason_differences",
]  # fmt: skip

OTHER_PATHS = "(other paths)"
NOT_BY_JOURNEY = "(not by journey)"
_APART = " > "
_SHOWN_STEPS = 12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Carried:
    """What changes channel between two models, in credited conversions.

    Attributes:
        model_a: The first model.
        model_b: The second model.
        attributed: Conversions with a touch.
        moved: Change channel, journey by journey, with `outside` among them.
        reassigned: Change channel in the totals; the rest of `moved` is undone by other journeys.
        outside: Change channel in the totals and in no journey: totals of models of paths beyond their reading.
        by_reading: The compared models whose totals are no sum over journeys.
    """

    model_a: str
    model_b: str
    attributed: int
    moved: float
    reassigned: float
    outside: float
    by_reading: tuple[str, ...]

    def sentences(self) -> list[str]:
        """The sum in words."""
        values: dict[str, object] = {
            "model_a": column_label(self.model_a),
            "model_b": column_label(self.model_b),
            "moved": self.moved,
            "reassigned": self.reassigned,
            "undone": max(self.moved - self.reassigned, 0.0),
            "n": self.attributed,
        }
        lines = [messages.text("COMPARE.MOVED", values)]
        if self.by_reading:
            names = messages.text("COMPARE.APART").join(column_label(name) for name in self.by_reading)
            lines.append(messages.text("COMPARE.READING", {"models": names, "outside": self.outside}))
        return lines


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class JourneyDifferences(TabularResult):
    """One row per path: path, conversions, moved, share, net, from_channel, to_channel.

    ``moved`` are credited conversions that change channel between the two models inside the journeys of the path,
    ``share`` is their part of all moved, ``net`` the part that stays in the totals of the credit table (negative where
    the path moves against them). Credit goes from ``from_channel``, which loses most on the path, to ``to_channel``.
    The rows sum to the whole; "(other paths)" holds what is not listed, "(not by journey)" what a model of paths gives
    in its totals and not inside journeys.

    Attributes:
        records: The rows, most moved first.
        carried: The sums, and the two models.
        distinct: Number of distinct paths.
    """

    records: Records
    carried: Carried
    distinct: int

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        values = {"model_a": column_label(self.carried.model_a), "model_b": column_label(self.carried.model_b)}
        lines = [
            *self.carried.sentences(),
            messages.text("COMPARE.JOURNEYS_MEANING"),
            messages.text("CREDIT.NOT_CAUSE"),
        ]
        rows = [{**row, "path": _shortened(row["path"])} for row in self.records.to_dicts()]
        table = _table(Records.from_rows(self.records.fields, rows))
        return Display(messages.text("COMPARE.JOURNEYS_TITLE", values), (table, *lines))


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ReasonDifferences(TabularResult):
    """One row per split and reason: split, reason, conversions, moved, share, net; each split sums to the whole.

    Attributes:
        records: The rows.
        carried: The sums, and the two models.
    """

    records: Records
    carried: Carried

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        values = {"model_a": column_label(self.carried.model_a), "model_b": column_label(self.carried.model_b)}
        rows = self.records.to_dicts()
        for row in rows:
            row["split"] = messages.text(f"COMPARE.SPLIT_{row['split'].upper()}")
            row["reason"] = messages.text(f"COMPARE.{row['reason'].upper()}")
        table = _table(Records.from_rows(self.records.fields, rows))
        meaning = messages.text("COMPARE.REASONS_MEANING")
        lines = [*self.carried.sentences(), meaning, messages.text("CREDIT.NOT_CAUSE")]
        return Display(messages.text("COMPARE.REASONS_TITLE", values), (table, *lines))


def _shortened(path: str) -> str:
    """A path that fits a line: of very many steps the first and the last, and how many are left out."""
    steps = path.split(_APART)
    if len(steps) <= _SHOWN_STEPS:
        return path
    ends = _SHOWN_STEPS // 2
    return _APART.join([*steps[:ends], f"… {len(steps) - 2 * ends} …", *steps[-ends:]])


def _table(records: Records) -> DisplayTable:
    columns = tuple(DisplayColumn(heading(field.name), field.kind) for field in records.fields)
    return DisplayTable(columns, tuple(tuple(row.values()) for row in records.to_dicts()))


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A path before it is named: its cells (None for a remainder), its sums, and the shift of each cell."""

    name: str
    conversions: float | None
    moved: float
    net: float
    cell: NDArray[np.int64]
    shift: NDArray[np.float64]


def journey_differences(credit: Credit, first: int, second: int, *, top: int | None) -> JourneyDifferences:
    """The paths on which two models differ most."""
    top = None if top is None else check_whole("top", top, least=1, more=", or None for all")
    whole, found = totals(credit, first, second), path_moves(credit, first, second)
    labels = cell_labels(credit.cells)
    rows = _ranked(found, labels, top)
    rest = _rest(found, rows, len(labels)) if len(rows) < len(found) else []
    outside = _remainder(whole, found.reading)
    listed = [*rows, *rest, *outside]
    moved = sum(row.moved for row in listed)
    fields = (
        Field("path", "text"),
        Field("conversions", "count"),
        Field("moved", "count"),
        Field("share", "rate"),
        Field("net", "count"),
        Field("from_channel", "text"),
        Field("to_channel", "text"),
    )
    records = Records.from_rows(fields, [_named(row, labels, moved) for row in listed])
    carried = _carried(credit, (first, second), moved, sum(row.moved for row in outside))
    return JourneyDifferences(records=records, carried=carried, distinct=len(found))


def _ranked(found: PathMoves, labels: list[str], top: int | None) -> list[_Row]:
    """The paths with most moved conversions; ties by their text."""
    keyed = [
        (-round(float(moved), 9), length, place)
        for length, sums in found.sums.items()
        for place, moved in enumerate(sums[:, 1].tolist())
    ]
    keyed.sort()
    if top is not None and len(keyed) > top:
        # Whoever ties with the last one must be named before the text can decide.
        keyed = [item for item in keyed if item[0] <= keyed[top - 1][0]]
    rows = []
    for _, length, place in keyed:
        cell, sums = found.paths[length][place], found.sums[length][place]
        name = _APART.join(labels[code] for code in cell.tolist())
        rows.append(_Row(name, float(sums[0]), float(sums[1]), float(sums[2]), cell, sums[3:]))
    rows.sort(key=lambda row: (-round(row.moved, 9), row.name))
    return rows[:top]


def _rest(found: PathMoves, rows: list[_Row], cells: int) -> list[_Row]:
    """What the paths that are not listed sum to."""
    sums = np.sum([sums[:, :3].sum(axis=0) for sums in found.sums.values()], axis=0)
    shift = found.reading.copy()
    for row in rows:
        sums = sums - np.array([row.conversions, row.moved, row.net])
        shift -= np.bincount(row.cell, weights=row.shift, minlength=cells)
    return [_Row(OTHER_PATHS, round(float(sums[0])), float(sums[1]), float(sums[2]), np.arange(cells), shift)]


def _remainder(whole: Totals, reading: NDArray[np.float64]) -> list[_Row]:
    """What the totals differ by and the journeys do not: nothing, unless a model's totals are no sum over journeys."""
    shift = whole.difference - reading
    moved = float(np.abs(shift).sum() / 2)
    if moved <= whole.rounding:
        return []
    return [_Row(NOT_BY_JOURNEY, None, moved, float((whole.sign * shift).sum() / 2), np.arange(len(shift)), shift)]


def _named(row: _Row, labels: list[str], moved: float) -> dict[str, object]:
    slots = np.bincount(row.cell, weights=row.shift, minlength=len(labels)) if len(labels) else np.zeros(0)
    moves = row.moved > ROUNDING
    return {
        "path": row.name,
        "conversions": None if row.conversions is None else int(row.conversions),
        "moved": row.moved if moves else 0.0,
        "share": row.moved / moved if moves else 0.0 if moved > 0 else None,
        "net": row.net if abs(row.net) > ROUNDING else 0.0,
        "from_channel": labels[int(slots.argmin())] if moves and slots.min() < 0 else None,
        "to_channel": labels[int(slots.argmax())] if moves and slots.max() > 0 else None,
    }


def _carried(credit: Credit, models: tuple[int, int], moved: float, outside: float) -> Carried:
    first, second = (credit.models[place] for place in models)
    return Carried(
        model_a=first.name,
        model_b=second.name,
        attributed=credit.sums.touched,
        moved=moved,
        reassigned=totals(credit, *models).reassigned,
        outside=outside,
        by_reading=tuple(model.name for model in (first, second) if isinstance(model, FittedModel)),
    )


def reason_differences(credit: Credit, first: int, second: int) -> ReasonDifferences:
    """The same sums by what is particular about the journeys."""
    sums, reading = reason_sums(credit, first, second)
    outside = _remainder(totals(credit, first, second), reading)
    beyond = sum(row.moved for row in outside)
    moved = beyond + next((sum(part[1] for part in reasons.values()) for reasons in sums.values()), 0.0)
    rows: list[dict[str, object]] = []
    for split, reasons in sums.items():
        listed: dict[str, tuple[float | None, float, float]] = dict(reasons)
        for row in outside:
            listed["not_by_journey"] = (None, row.moved, row.net)
        rows += [
            {
                "split": split,
                "reason": reason,
                "conversions": None if count is None else int(count),
                "moved": part if part > ROUNDING else 0.0,
                "share": part / moved if moved > 0 else None,
                "net": net if abs(net) > ROUNDING else 0.0,
            }
            for reason, (count, part, net) in listed.items()
        ]
    fields = (
        Field("split", "text"),
        Field("reason", "text"),
        Field("conversions", "count"),
        Field("moved", "count"),
        Field("share", "rate"),
        Field("net", "count"),
    )
    carried = _carried(credit, (first, second), moved, beyond)
    return ReasonDifferences(records=Records.from_rows(fields, rows), carried=carried)
