"""The tables of the report: headings in its language, compact numbers, the decisive column bold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.post_mortem.scales import is_guarded_rate, scale_of
from experiments.post_mortem.words import (
    contrast_words,
    head,
    interval_words,
    kind_words,
    model_words,
    thing_words,
    word,
)

if TYPE_CHECKING:
    from attribution.core.recipe import Recipe
    from attribution.core.records import Records
    from experiments.metrics import Metric
    from experiments.report.document import Decision
    from experiments.roi.guardrails import GuardrailReading
    from experiments.roi.result import Judged

__all__ = [
    "activity_table",
    "arms_table",
    "cost_parts_table",
    "credit_table",
    "effect_table",
    "guardrail_table",
    "next_table",
    "recipes_table",
    "reconciliation_table",
    "threshold_table",
]

_PARTS = ("touch", "fixed", "incentive_incremental", "incentive_natural", "total")
_NONE = "(none)"


def arms_table(persons: Mapping[str, int], limit: int) -> DisplayTable:
    """Persons of each arm; an arm smaller than the limit keeps its name and loses its number."""
    columns = (DisplayColumn(head("arm")), DisplayColumn(head("persons"), "count"))
    rows = tuple((arm, n if n >= limit else Cell(None, note=f"< {limit}")) for arm, n in persons.items())
    return DisplayTable(columns, rows)


def activity_table(activity: Records, *, small: int, limit: int) -> DisplayTable:
    """Touches and persons by channel and kind, and how many groups are too small to show."""
    columns = (
        DisplayColumn(head("channel")),
        DisplayColumn(head("kind")),
        DisplayColumn(head("touches"), "count"),
        DisplayColumn(head("persons"), "count", decisive=True),
    )
    rows = tuple(
        (row["channel"], kind_words(row["kind"]), row["touches"], row["persons"]) for row in activity.to_dicts()
    )
    notes = (word("execution.small", groups=small, limit=limit),) if small else ()
    return DisplayTable(columns, rows, notes=notes)


def effect_table(rows: Sequence[dict[str, Any]], name: str, metric: Metric, title: str) -> DisplayTable:
    """Compact: rates in percent and their differences per 1,000 persons, other metrics as they are, lift in percent."""
    here = [row for row in rows if row["metric"] == name]
    scale = scale_of(metric)
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("effect.value"), scale.level),
        DisplayColumn(word("effect.base"), scale.level),
        DisplayColumn(word(scale.heading), scale.change, decisive=True),
        DisplayColumn(column_label("relative"), "rate"),
        DisplayColumn(column_label("p_value"), "p"),
        DisplayColumn(column_label("p_adjusted"), "p"),
    )
    body = tuple(
        (
            contrast_words(row["arm"], row["control"]),
            row["n"],
            row["value"],
            row["value_control"],
            Cell(row["difference"], row["low"], row["high"], note=_reason(row, row["low"])),
            Cell(row["relative"], row["relative_low"], row["relative_high"], note=_reason(row, row["relative_low"])),
            row["p_value"],
            row["p_adjusted"],
        )
        for row in here
    )
    return DisplayTable(columns, body, title=title)


def _reason(row: Mapping[str, Any], end: float | None) -> str:
    """Why a figure has no interval; nothing where it has one."""
    return str(row["note"] or "") if end is None else ""


def credit_table(rows: Sequence[dict[str, Any]], title: str, notes: Sequence[str] = ()) -> DisplayTable:
    """Channels by models, conversions; the share of all in the model's own column would hide the sums."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    credit = {(row["channel"], row["model"]): row["conversions"] for row in rows}
    columns = (
        DisplayColumn(head("channel")),
        *(DisplayColumn(model_words(model), "count") for model in models),
    )
    body = [
        (
            word("channels.none") if channel == _NONE else channel,
            *(_tenth(credit.get((channel, model))) for model in models),
        )
        for channel in channels
    ]
    total = (word("channels.total"), *(_tenth(sum(credit.get((c, m), 0.0) for c in channels)) for m in models))
    return DisplayTable(columns, (*body, total), title=title, notes=tuple(notes))


def _tenth(value: float | None) -> float | None:
    # Four digits are enough for a credit: tenths below 1,000, whole conversions above.
    return None if value is None else round(value, 1) if abs(value) < 1000 else round(value)


def reconciliation_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """Touched, attributed by each model and incremental of every step, on the same persons."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    columns = (
        DisplayColumn(head("step")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(head("touched"), "count"),
        *(DisplayColumn(model_words(model), "count") for model in models),
        DisplayColumn(head("placebo_scaled"), "count"),
        DisplayColumn(head("incremental"), "count", decisive=True),
    )
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["step"], row["channels"]), []).append(row)
    body = tuple(_reconciled(group, models) for group in groups.values())
    return DisplayTable(columns, body, title=word("channels.reconcile"))


def step_words(step: str, arm: str | None, channels: str) -> str:
    """A step with the channels that it adds."""
    if step == "untested":
        return word("channels.untested", channels=channels)
    name = word("chart.reconcile.total") if step == "total" else arm
    return word("channels.step", arm=name, channels=channels)


def _reconciled(group: Sequence[dict[str, Any]], models: Sequence[str]) -> tuple[object, ...]:
    first = group[0]
    credited = {row["model"]: _tenth(row["attributed"]) for row in group}
    placebo = sorted(round(row["placebo_scaled"], 1) for row in group)
    spread = format_value(placebo[0], "count")
    if placebo[0] != placebo[-1]:
        spread = format_interval(placebo[0], placebo[-1], "count")
    effect = Cell(None, note=word("chart.reconcile.untested_word"))
    if first["incremental"] is not None:
        ends = (_whole(first["incremental_low"]), _whole(first["incremental_high"]))
        effect = Cell(_whole(first["incremental"]), *ends)
    label = step_words(first["step"], first["arm"], first["channels"])
    shown = (credited.get(model) for model in models)
    return (label, first["persons"], first["touched"], *shown, Cell(None, note=spread), effect)


def _whole(value: float | None) -> float | None:
    return value if value is None or abs(value) == float("inf") else round(value)


def threshold_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """Every verdict with what it rests on."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("threshold"), "money"),
        DisplayColumn(head("verdict"), "text", True),
        DisplayColumn(head("net"), "money", True),
        DisplayColumn(head("incremental_per_1000"), "ratio"),
        DisplayColumn(head("cost_per_1000"), "money"),
        DisplayColumn(head("price"), "money"),
    )
    body = tuple(
        (
            contrast_words(row["arm"], row["control"], row.get("segment")),
            row["threshold"],
            row["verdict"],
            Cell(row["net_benefit_per_1000"], row["net_benefit_low"], row["net_benefit_high"]),
            row["incremental_per_1000"],
            row["cost_per_1000"],
            _price(row),
        )
        for row in rows
    )
    return DisplayTable(columns, body, title=word("cost.table"), notes=(word("cost.price_note"),))


def _price(row: dict[str, Any]) -> Cell:
    if row["cost_kind"] == "interval":
        return Cell(row["cost_per_incremental"], row["cost_per_incremental_low"], row["cost_per_incremental_high"])
    return Cell(row["cost_per_incremental"], note=word(f"cost.kind.{row['cost_kind']}"))


def guardrail_table(judged: Sequence[Judged], metrics: Mapping[str, Metric]) -> DisplayTable | None:
    """What each guardrail of each contrast says: the worsening, its bounds, the margin; rates per 1,000 persons."""
    rows: dict[tuple[str, str, str], tuple[object, ...]] = {}
    for row in judged:
        for reading in row.guardrails:
            name = reading.guardrail.metric
            label = contrast_words(row.contrast.arm, row.contrast.control)
            rows[row.contrast.arm, row.contrast.control, name] = (
                label,
                thing_words(name),
                *_worsening(reading, rate=is_guarded_rate(name, metrics)),
                word(f"guardrail.{reading.state}"),
            )
    if not rows:
        return None
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("guardrail.head")),
        DisplayColumn(word("guardrail.rise"), "per1000", decisive=True),
        DisplayColumn(word("guardrail.margin"), "per1000"),
        DisplayColumn(word("guardrail.state")),
    )
    return DisplayTable(columns, tuple(rows.values()), title=word("guardrail.title"), notes=(word("guardrail.note"),))


def _worsening(reading: GuardrailReading, *, rate: bool) -> tuple[object, object]:
    """The worsening with its bounds, and the margin; what is no rate says that it stands in its own unit."""
    if rate:
        return Cell(reading.value, reading.low, reading.high), reading.guardrail.margin
    shown = interval_words(reading.value, reading.low, reading.high, "number")
    margin = format_value(reading.guardrail.margin, "number")
    return tuple(Cell(None, note=word("guardrail.own", shown=text)) for text in (shown, margin))  # type: ignore[return-value]


def cost_parts_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """What 1,000 assigned persons of each arm cost, part by part."""
    amounts = {(row["arm"], row["part"]): row["end"] - row["start"] for row in rows}
    parts = [part for part in _PARTS if any(known == part for _, known in amounts)]
    columns = (
        DisplayColumn(head("arm")),
        *(DisplayColumn(word(f"chart.waterfall.{part}"), "money", decisive=part == "total") for part in parts),
    )
    arms = dict.fromkeys(arm for arm, _ in amounts)
    body = tuple((arm, *(amounts.get((arm, part)) for part in parts)) for arm in arms)
    return DisplayTable(columns, body, title=word("cost.parts"))


def next_table(decisions: Sequence[Decision], people: Mapping[Any, object]) -> DisplayTable:
    """What to do about each contrast, with the persons that would decide where it is undecided."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("threshold"), "money"),
        DisplayColumn(head("verdict")),
        DisplayColumn(head("next"), "text", True),
        DisplayColumn(head("people"), "count"),
    )
    body = tuple(
        (
            contrast_words(d.arm, d.control, d.segment),
            d.threshold,
            d.verdict.word,
            d.next_step,
            people.get((d.arm, d.control, d.segment, d.threshold)),
        )
        for d in decisions
    )
    return DisplayTable(columns, body)


def recipes_table(recipes: Sequence[tuple[str, Recipe]]) -> DisplayTable:
    """Method, settings and fingerprint of every result."""
    columns = tuple(DisplayColumn(head(name)) for name in ("result", "method", "settings", "fingerprint"))
    body = tuple(
        (word(f"result.{name}"), recipe.method, _settings(recipe.settings), recipe.fingerprint)
        for name, recipe in recipes
    )
    return DisplayTable(columns, body)


def _settings(settings: Mapping[str, object]) -> str:
    return "; ".join(f"{key} = {_setting(value)}" for key, value in sorted(settings.items()))


def _setting(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_setting(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_setting, value))
    return "–" if value is None or value == "" else str(value)
