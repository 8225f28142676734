"""The tables of the execution section."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.records import Records
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.words import contrast_words, head, kind_words, listed, window_words, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.formats import ValueKind
    from experiments.post_mortem.execution import Execution
    from experiments.readout.result import Readout
    from experiments.wakeup.pressure import ContactPressure

__all__ = [
    "activity_table", "caps_table", "channels_table", "contacts_by_arm", "harms_table", "reach_table", "stages_table",
]  # fmt: skip

_COUNTS = ("sent", "delivered", "answered")
_KINDS: Mapping[str, ValueKind] = {"channel": "text", "wave": "text"}


def stages_table(execution: Execution, limit: int) -> DisplayTable:
    """Planned, sent, delivered, answered touches by channel and wave; a stage that was not logged says so."""
    rows = execution.records.to_dicts()
    planned = any(row["planned"] is not None for row in rows)
    waved = any(row["wave"] for row in rows)
    names = [
        "channel", *(["wave"] if waved else []), *(["planned"] if planned else []), *_COUNTS,
        *(["carried_out"] if planned else []), "delivered_share", "answered_share", "persons",
    ]  # fmt: skip
    columns = tuple(DisplayColumn(head(name), _kind(name), decisive=name == "persons") for name in names)
    body = tuple(tuple(_stage(row, name) for name in names) for row in rows)
    unlogged = any(row[name] is None for row in rows for name in _COUNTS)
    notes = [word("execution.not_logged_note")] if unlogged else []
    unseen = [row["channel"] for row in rows if row["persons"] is None]
    notes += [word("execution.unseen", channels=listed(dict.fromkeys(unseen)))] if unseen else []
    notes += [] if planned else [word("execution.no_plan")]
    notes += [word("execution.small", groups=execution.small[0], limit=limit)] if execution.small[0] else []
    notes += [word("execution.unplaced", touches=execution.unplaced)] if execution.unplaced else []
    notes += [word("execution.inbound", touches=execution.inbound)] if execution.inbound else []
    return DisplayTable(columns, body, title=word("execution.stages"), notes=tuple(notes))


def _kind(name: str) -> ValueKind:
    return _KINDS.get(name, "rate" if name == "carried_out" or name.endswith("_share") else "count")


def _stage(row: Mapping[str, Any], name: str) -> object:
    if name in _COUNTS and row[name] is None:
        return Cell(None, note=word("execution.not_logged"))
    if name == "wave" and not row[name]:
        return word("execution.all_waves")
    return row[name]


def reach_table(execution: Execution) -> DisplayTable:
    """Per arm the share of assigned persons with a touch of its channels, and of other arms' channels."""
    columns = (
        DisplayColumn(head("arm")), DisplayColumn(head("step_channels")), DisplayColumn(head("assigned"), "count"),
        DisplayColumn(head("reached"), "rate", decisive=True), DisplayColumn(head("beside"), "rate"),
    )  # fmt: skip
    body = tuple(
        (
            row["arm"], listed(part for part in row["channels"].split("; ") if part) or None, row["n"],
            Cell(row["reached"], row["reached_low"], row["reached_high"]),
            Cell(row["beside"], row["beside_low"], row["beside_high"]),
        )
        for row in execution.reach.to_dicts()
    )  # fmt: skip
    notes = tuple(
        word("execution.delivery", channel=channel, sentence=finding.text()) for channel, finding in execution.delivery
    )
    return DisplayTable(columns, body, title=word("execution.reach"), notes=notes)


def guarded(count: int | None, limit: int) -> object:
    """A number of persons or of their acts; a small one that is not 0 is told as below the limit."""
    small = count is not None and 0 < count < limit
    return Cell(None, note=word("execution.few", limit=limit)) if small else count


def caps_table(pressure: ContactPressure, limit: int, *, declared: bool) -> DisplayTable:
    """Contacts and persons beyond each cap."""
    few = Cell(None, note=word("execution.few", limit=limit))
    columns = (
        DisplayColumn(head("window")), DisplayColumn(head("cap"), "count"), DisplayColumn(head("contacts"), "count"),
        DisplayColumn(head("beyond"), "count"), DisplayColumn(head("beyond_share"), "rate"),
        DisplayColumn(head("persons_beyond"), "count", decisive=True), DisplayColumn(head("persons"), "count"),
    )  # fmt: skip
    body = tuple(
        (
            window_words(row["window"]), row["cap"], row["touches"], row["beyond"], row["share_beyond"],
            few if row["persons_beyond"] is None else row["persons_beyond"], row["persons"],
        )
        for row in pressure.records.to_dicts()
    )  # fmt: skip
    notes = () if declared else (word("execution.default_caps"),)
    return DisplayTable(columns, body, title=word("execution.caps"), notes=notes)


def channels_table(pressure: ContactPressure, limit: int, order: Sequence[str]) -> DisplayTable | None:
    """Contacts after a conversion, opt-outs and complaints by channel; None where the tables show none of them."""
    place = {channel: at for at, channel in enumerate(order)}
    rows = sorted(pressure.channels.to_dicts(), key=lambda row: place.get(row["channel"], len(place)))
    kept = [row for row in rows if row["persons"] >= limit]
    quiet = window_words(str(pressure.recipe.settings["quiet"]))
    followed = any(row["after_conversion"] is not None for row in kept)
    marked = [name for name in ("opt_outs", "complaints") if any(row[name] for row in rows)]
    if not followed and not marked:
        return None
    columns = [DisplayColumn(head("channel")), DisplayColumn(head("contacts"), "count")]
    if followed:
        columns += [
            DisplayColumn(word("col.after", quiet=quiet), "count"),
            DisplayColumn(head("after_share"), "rate", decisive=True),
        ]
    columns += [DisplayColumn(head(name), "count", decisive=not followed) for name in marked]
    body = tuple(_channel(row, limit, marked, followed=followed) for row in kept)
    small = len(rows) - len(kept)
    notes = (word("execution.small", groups=small, limit=limit),) if small else ()
    title = word("execution.channels" if marked else "execution.after")
    return DisplayTable(tuple(columns), body, title=title, notes=notes)


def _channel(row: Mapping[str, Any], limit: int, marked: Sequence[str], *, followed: bool) -> tuple[object, ...]:
    after = guarded(row["after_conversion"], limit)
    share = row["share_after_conversion"] if after is row["after_conversion"] else None
    told = (after, share) if followed else ()
    return (row["channel"], row["touches"], *told, *(guarded(row[name], limit) for name in marked))


def harms_table(harms: Readout, order: Sequence[str]) -> DisplayTable:
    """Each harm of each arm against the control, per 1,000 persons assigned."""
    columns = (
        DisplayColumn(head("harm")), DisplayColumn(word("effect.contrast")), DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("effect.value"), "rate"), DisplayColumn(word("effect.base"), "rate"),
        DisplayColumn(word("effect.per1000"), "per1000", decisive=True),
    )  # fmt: skip
    place = {arm: at for at, arm in enumerate(order)}
    rows = sorted(harms.to_dicts(), key=lambda row: place.get(row["arm"], len(place)))
    body = tuple(
        (
            word(f"harm.{name}"), contrast_words(row["arm"], row["control"]), row["n"], row["value"],
            row["value_control"],
            Cell(row["difference"], row["low"], row["high"], note=str(row["note"] or "") if row["low"] is None else ""),
        )
        for name in harms.experiment.metrics
        for row in rows
        if row["metric"] == name
    )  # fmt: skip
    return DisplayTable(columns, body, title=word("execution.harms"))


def contacts_by_arm(arms: Records, order: Sequence[str]) -> DisplayTable:
    """Contacts per person assigned, and per incremental wake-up with their set, in the order of the plan."""
    from experiments.wakeup.pressure_effect import arms_table

    place = {arm: at for at, arm in enumerate(order)}
    rows = sorted(arms.to_dicts(), key=lambda row: place.get(row["arm"], len(place)))
    table = arms_table(Records.from_rows(arms.fields, rows))
    decisive = messages.text("PRESSURE_ARMS.weighted_per_incremental")
    at = next(at for at, column in enumerate(table.columns) if column.label == decisive)
    # A ratio and its set are text, but stand as numbers do.
    columns = tuple(
        replace(column, decisive=True, kind="number") if column.label == decisive else replace(column, decisive=False)
        for column in table.columns
    )
    body = tuple((*row[:at], Cell(None, note=str(row[at])), *row[at + 1 :]) for row in table.rows)
    return replace(table, columns=columns, rows=body)


def activity_table(execution: Execution, limit: int) -> DisplayTable:
    """Rows of the log and persons by channel and kind, and how many groups are too small to show."""
    columns = (
        DisplayColumn(head("channel")), DisplayColumn(head("kind")), DisplayColumn(head("touches"), "count"),
        DisplayColumn(head("persons"), "count", decisive=True),
    )  # fmt: skip
    rows = tuple(
        (row["channel"], kind_words(row["kind"]), row["touches"], row["persons"])
        for row in execution.activity.to_dicts()
    )
    small = execution.small[1]
    notes = (word("execution.small", groups=small, limit=limit),) if small else ()
    return DisplayTable(columns, rows, title=word("execution.activity"), notes=notes)
