"""The tables of the cost section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.formats import format_interval
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.scales import is_guarded_rate
from experiments.post_mortem.sections.cost_words import (
    key_of,
    price_cell,
    reason_notes,
    short_price_cell,
    tip_words,
    turns_words,
    verdict_words,
    why_words,
)
from experiments.post_mortem.sections.guardrail_cells import worsening
from experiments.post_mortem.words import contrast_words, head, listed, thing_words, word
from experiments.roi.guardrails import worst_state
from experiments.roi.net_benefit import FEW_EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.metrics import Metric
    from experiments.post_mortem.sections.cost_words import Key
    from experiments.report.document import Decision
    from experiments.roi.marginal_result import MarginalCosts
    from experiments.roi.result import Judged
    from experiments.roi.value import ValuePerWakeup
    from experiments.roi.verdicts import Verdict

__all__ = [
    "acquisition_table", "alone_of", "break_even_table", "cost_parts_table", "guardrail_notes", "guardrail_table",
    "marginal_table", "threshold_table", "tipping_table", "value_table", "waves_table",
]  # fmt: skip

_PARTS = ("touch", "fixed", "incentive_incremental", "incentive_natural", "total")
_FEW_RETURNED = ("BASE_NOT_POSITIVE", "NO_RETURNERS")


def threshold_table(
    rows: Sequence[dict[str, Any]], title: str, values: Mapping[str, float] | None = None
) -> DisplayTable:
    """Every verdict with what it rests on; beside the threshold the declared value of a woken customer.

    Args:
        rows: The rows of the verdicts.
        title: The title.
        values: Segment -> what a woken customer of it is worth, where the plan declares it.
    """
    worth = (DisplayColumn(word("cost.worth"), "money"),) if values else ()
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("threshold"), "money"),
        *worth,
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
            *((values.get(str(row.get("segment"))),) if values else ()),
            verdict_words(row),
            Cell(row["net_benefit_per_1000"], row["net_benefit_low"], row["net_benefit_high"]),
            row["incremental_per_1000"],
            row["cost_per_1000"],
            price_cell(row),
        )
        for row in rows
    )
    return DisplayTable(columns, body, title=title, notes=(word("cost.price_note"), *reason_notes(rows)))


def break_even_table(
    rows: Sequence[dict[str, Any]],
    prices: Mapping[Key, dict[str, Any]],
    tips: Sequence[dict[str, Any]],
    lead: Mapping[Key, Decision],
    alone: Mapping[tuple[Key, float], Verdict],
) -> DisplayTable:
    """Where every contrast just pays, and where its leading verdict would turn.

    Args:
        rows: The rows of the break-even figures.
        prices: One row of the verdicts for every contrast: the cost per incremental wake-up with its set.
        tips: The rows of what would turn the verdicts.
        lead: The leading decision of every contrast.
        alone: The verdict of each contrast and threshold by itself.
    """
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("price"), "money", True),
        DisplayColumn(word("cost.at")),
        DisplayColumn(word("cost.turns"), "text", True),
        DisplayColumn(word("cost.returner"), "money"),
        DisplayColumn(word("cost.share"), "rate"),
    )
    own = {key_of(row): row for row in rows}
    body = []
    for key, decision in lead.items():
        if key not in own:
            continue
        here = [tip for tip in tips if key_of(tip) == key and tip["threshold"] == decision.threshold]
        turned = [tip for tip in here if tip["assumption"] == "value"]
        row = own[key]
        body.append((
            contrast_words(*key),
            price_cell(prices[key]),
            word("cost.at_threshold", T=decision.threshold, word=alone[key, decision.threshold].told),
            turns_words(turned),
            Cell(row["cost_per_returner"], note=why_words(row["reason"], among=("NO_RETURNERS",))),
            _share(row),
        ))  # fmt: skip
    return DisplayTable(columns, tuple(body), title=word("cost.break_even"), notes=(word("cost.break_even_note"),))


def alone_of(judged: Sequence[Judged]) -> dict[tuple[Key, float], Verdict]:
    """The verdict of every contrast and threshold by itself, before the correction over several."""
    return {
        ((row.contrast.arm, row.contrast.control, row.contrast.segment), row.threshold): row.unadjusted
        for row in judged
    }


def guardrail_notes(judged: Sequence[Judged], lead: Mapping[Key, Decision]) -> list[str]:
    """Of which contrasts a guardrail, not the interval, gives the word where the net benefit lies above 0."""
    states = {
        (row.contrast.arm, row.contrast.control, row.contrast.segment): worst_state(row.guardrails) for row in judged
    }
    told = []
    for state, code in (("harm", "cost.harmed"), ("undecided", "cost.open_guardrail")):
        named = [contrast_words(*key) for key in lead if states.get(key) == state]
        if named:
            told.append(word(code, contrasts=listed(named)))
    return told


def _share(row: Mapping[str, Any]) -> Cell:
    """The incremental share; too few returned for an interval: then no share stands without one."""
    ends = (row["incremental_share_low"], row["incremental_share_high"])
    if None in ends:
        return Cell(None, note=why_words(row["reason"], among=_FEW_RETURNED))
    return Cell(row["incremental_share"], *ends)


def marginal_table(found: MarginalCosts) -> DisplayTable:
    """What one more wake-up costs, step by step over the whole campaign."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("cost.woken"), "number"),
        DisplayColumn(head("cost_per_1000"), "money"),
        DisplayColumn(head("price"), "money", True),
    )
    rows = [row for row in found.to_dicts() if row["reading"] in ("step", "arm", "total")]
    body = tuple(
        (_marginal_label(row), row["persons"], _woken(row), row["cost_per_1000"], price_cell(row)) for row in rows
    )
    title = word("cost.marginal", level=found.level)
    return DisplayTable(columns, body, title=title, notes=(word("cost.marginal_note"),))


def _marginal_label(row: Mapping[str, Any]) -> str:
    contrast = contrast_words(row["arm"], row["control"])
    return word("cost.marginal_all", contrast=contrast) if row["reading"] == "total" else contrast


def _woken(row: Mapping[str, Any]) -> Cell:
    return Cell(row["incremental_per_1000"], row["incremental_low"], row["incremental_high"])


def waves_table(found: MarginalCosts) -> DisplayTable:
    """What every wave says by itself, with the interval that may be read after each wave."""
    columns = (
        DisplayColumn(word("cost.wave")),
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("cost.woken"), "number"),
        DisplayColumn(head("price"), "money"),
        DisplayColumn(head("net"), "money", True),
        DisplayColumn(word("cost.wave_reading"), "text", True),
    )
    body = tuple(
        (
            row["wave"],
            contrast_words(row["arm"], row["control"]),
            row["persons"],
            _woken(row),
            short_price_cell(row),
            Cell(row["net_benefit_per_1000"], row["lasting_low"], row["lasting_high"]),
            word(f"cost.wave.{_wave_reading(row)}"),
        )
        for row in found.to_dicts()
        if row["reading"] == "wave"
    )
    title = word("cost.waves", T=found.threshold, level=found.level)
    return DisplayTable(columns, body, title=title, notes=(word("cost.waves_note"),))


def _wave_reading(row: Mapping[str, Any]) -> str:
    return "few" if FEW_EVENTS in row["note"] else str(row["decision"])


def tipping_table(
    rows: Sequence[dict[str, Any]], alone: Mapping[tuple[Key, float], Verdict] | None = None
) -> DisplayTable | None:
    """One row per contrast, one column per assumption: where it turns the leading verdict, the others as they are.

    A verdict that does not rest on its interval is not among them: the table of break-even says why.

    Args:
        rows: The rows of what would turn the verdicts.
        alone: The verdict of each contrast and threshold by itself, with what overrode its interval.
    """
    known = {} if alone is None else {at: verdict.told for at, verdict in alone.items()}
    rows = [row for row in rows if row["becomes"] is not None or row["note"] == "NO_VALUE"]
    assumptions = list(dict.fromkeys(row["assumption"] for row in rows))
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("cost.at")),
        *(DisplayColumn(messages.text(f"TIPPING.{assumption}")) for assumption in assumptions),
    )
    groups: dict[Key, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    body = tuple(
        (
            contrast_words(*key),
            word("cost.at_threshold", T=(T := group[0]["threshold"]), word=known.get((key, T), group[0]["verdict"])),
            *(tip_words([row for row in group if row["assumption"] == name]) or "–" for name in assumptions),
        )
        for key, group in groups.items()
    )
    if not body:
        return None
    return DisplayTable(columns, body, title=word("cost.tipping"), notes=(word("cost.tipping_note"),))


def acquisition_table(prices: Mapping[Key, dict[str, Any]], amount: float) -> DisplayTable:
    """The cost per incremental wake-up beside what a new customer costs."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("price"), "money", True),
        DisplayColumn(word("cost.acquisition_reading"), "text", True),
    )
    body = tuple((contrast_words(*key), price_cell(row), _beside(row, amount)) for key, row in prices.items())
    title = word("cost.acquisition", amount=amount)
    return DisplayTable(columns, body, title=title, notes=(word("cost.acquisition_note"),))


def _beside(row: Mapping[str, Any], amount: float) -> str:
    low, high = row["cost_per_incremental_low"], row["cost_per_incremental_high"]
    told = row["cost_kind"] == "interval" and row["cost_per_incremental"] is not None
    if not told or low is None or high is None or low <= amount <= high:
        return word("cost.open")
    return word("cost.cheaper" if high < amount else "cost.dearer")


def value_table(found: ValuePerWakeup, values: Mapping[str, float]) -> DisplayTable:
    """What one more woken customer of a segment was worth, beside the declared value."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("cost.worth"), "money"),
        DisplayColumn(word("cost.worth_set"), "money", True),
        DisplayColumn(word("cost.worth_reading")),
    )
    readings = {(key_of(row), row["threshold"]): row["reading"] for row in _against(found, values)}
    body = tuple(_valued(row, values.get(str(row.get("segment"))), readings) for row in found.to_dicts())
    return DisplayTable(columns, body, title=word("cost.values"))


def _against(found: ValuePerWakeup, values: Mapping[str, float]) -> list[dict[str, Any]]:
    return found.against(sorted(set(values.values()))).to_dicts()


def _valued(row: Mapping[str, Any], declared: float | None, readings: Mapping[Any, str]) -> tuple[object, ...]:
    reading = "" if declared is None else word(f"cost.reading.{readings[key_of(row), declared]}")
    return contrast_words(*key_of(row)), declared, _worth(row), reading


def _worth(row: Mapping[str, Any]) -> Cell:
    low, high, kind = (row[f"value_{name}"] for name in ("per_incremental_low", "per_incremental_high", "kind"))
    if kind == "interval" and low is not None and row["value_per_incremental"] is not None:
        return Cell(row["value_per_incremental"], low, high)
    code = "empty" if low is None else kind
    shown = (
        f"({format_interval(low, high, 'money')})"
        if code == "interval"
        else word(f"cost.worth_{code}", **({"low": low, "high": high} if code == "complement" else {}))
    )
    if row["value_per_incremental"] is not None:
        return Cell(row["value_per_incremental"], note=shown)
    why = why_words(row["note"], among=("HARM", "NO_INCREMENT"))
    return Cell(None, note=f"{why} {shown}".strip())


def guardrail_table(judged: Sequence[Judged], metrics: Mapping[str, Metric]) -> DisplayTable | None:
    """What each guardrail of each contrast says: the worsening, its bounds, the margin; rates per 1,000 persons."""
    rows: dict[tuple[str, str, str | None, str], tuple[object, ...]] = {}
    for row in judged:
        for reading in row.guardrails:
            name = reading.guardrail.metric
            key = (row.contrast.arm, row.contrast.control, row.contrast.segment)
            rows[*key, name] = (
                contrast_words(*key),
                thing_words(name),
                *worsening(reading, rate=is_guarded_rate(name, metrics)),
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


def cost_parts_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """What 1,000 assigned persons of each arm cost, part by part."""
    amounts = {
        (row["arm"], row["part"]): Cell(row["per_1000"], row["per_1000_low"], row["per_1000_high"]) for row in rows
    }
    parts = [part for part in _PARTS if any(known == part for _, known in amounts)]
    columns = (
        DisplayColumn(head("arm")),
        *(DisplayColumn(word(f"chart.waterfall.{part}"), "money", decisive=part == "total") for part in parts),
    )
    arms = dict.fromkeys(arm for arm, _ in amounts)
    body = tuple((arm, *(amounts.get((arm, part)) for part in parts)) for arm in arms)
    return DisplayTable(columns, body, title=word("cost.parts"))
