"""The charts of the execution section as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.sections.ground import bar_fields
from experiments.post_mortem.words import alt_text, head, window_words, word
from experiments.report.document import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.execution import Execution
    from experiments.wakeup.pressure import ContactPressure

__all__ = ["STAGES", "heads_chart", "least_carried_out", "stages_chart"]

STAGES = ("planned", "sent", "delivered", "answered")
_MOST_BARS = 24
_HEAD_FIELDS = (Field("group", "text"), Field("start"), Field("end"), Field("value", "count"))


def stages_chart(execution: Execution) -> Chart | None:
    """Touches by channel and stage, all waves together; None without any."""
    totals = _by_channel(execution.records.to_dicts())
    rows = [
        {"group": channel, "label": head(stage), "role": "part", "start": 0, "end": counts[stage]}
        for channel, counts in totals.items()
        for stage in STAGES
        if counts[stage] is not None
    ]
    if not rows:
        return None
    title = _stages_title(totals)
    told = [f"{row['group']}, {row['label']}: {format_value(row['end'], 'count')}" for row in rows]
    return Chart(
        name="chart-execution",
        kind="waterfall",
        title=title,
        subtitle=word("chart.stages.subtitle"),
        alt=alt_text(title, told),
        records=Records.from_rows(bar_fields("count"), rows),
        words={"x": word("chart.stages.x")},
    )


def _by_channel(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, int | None]]:
    """The stages of each channel over its waves; a stage that no wave shows is None."""
    made: dict[str, dict[str, int | None]] = {}
    whole = {row["channel"] for row in rows if not row["wave"]}
    for row in rows:
        if row["wave"] and row["channel"] in whole:
            continue  # the row of all waves holds it
        counts = made.setdefault(row["channel"], dict.fromkeys(STAGES))
        for stage in STAGES:
            if row[stage] is not None:
                counts[stage] = (counts[stage] or 0) + row[stage]
    return made


def _begun(counts: dict[str, int | None]) -> int | None:
    """The first stage that was logged."""
    return next((counts[stage] for stage in STAGES[1:] if counts[stage] is not None), None)


def least_carried_out(execution: Execution) -> dict[str, Any] | None:
    """The channel of whose plan the least went out; None where nothing was planned."""
    least = _least(_by_channel(execution.records.to_dicts()))
    return None if least is None else dict(zip(("share", "channel", "sent", "planned"), least, strict=True))


def _least(totals: dict[str, dict[str, int | None]]) -> tuple[float, str, int, int] | None:
    found = [
        (begun / counts["planned"], channel, begun, counts["planned"])
        for channel, counts in totals.items()
        if counts["planned"] and (begun := _begun(counts)) is not None
    ]
    return min(found, default=None)


def _stages_title(totals: dict[str, dict[str, int | None]]) -> str:
    least = _least(totals)
    if least is not None:
        share, channel, begun, whole = least
        return word("chart.stages.planned", channel=channel, sent=begun, planned=whole, share=share)
    rates = [
        (counts["delivered"] / counts["sent"], channel, counts["delivered"], counts["sent"])
        for channel, counts in totals.items()
        if counts["sent"] and counts["delivered"] is not None
    ]
    if rates:
        share, channel, delivered, sent = min(rates)
        code = "chart.stages.lowest" if len(rates) > 1 else "chart.stages.delivered"
        return word(code, channel=channel, delivered=delivered, sent=sent, share=share)
    sizes = {channel: _begun(counts) or 0 for channel, counts in totals.items()}
    most = max(sizes, key=lambda channel: sizes[channel])
    return word("chart.stages.most", channel=most, touches=sizes[most], total=sum(sizes.values()))


def heads_chart(pressure: ContactPressure, limit: int) -> Chart | None:
    """Touched persons by their contacts in the busiest window of the cap that most persons are beyond.

    Bars of fewer persons than the limit are joined with their neighbours; never over the cap.
    """
    caps = pressure.records.to_dicts()
    chosen = max(caps, key=lambda row: -1 if row["persons_beyond"] is None else int(row["persons_beyond"]))
    cap = int(chosen["cap"])
    counts = {
        int(row["contacts"]): int(row["persons"])
        for row in pressure.heads.to_dicts()
        if row["window"] == chosen["window"]
    }
    within = _joined({contacts: n for contacts, n in counts.items() if contacts <= cap}, limit)
    beyond = _joined({contacts: n for contacts, n in counts.items() if contacts > cap}, limit)
    bars = [*within, *beyond]
    if not bars:
        return None
    window = window_words(str(chosen["window"]))
    title = _heads_title(chosen, window, limit)
    rows = [{"group": "", "start": low - 0.5, "end": high + 0.5, "value": n} for low, high, n in bars]
    told = [_bar_words(low, high, n) for low, high, n in bars]
    return Chart(
        name="chart-pressure",
        kind="histogram",
        title=title,
        subtitle=word("chart.heads.subtitle", window=window),
        alt=alt_text(title, told),
        records=Records.from_rows(_HEAD_FIELDS, rows),
        words={"x": word("chart.heads.x", window=window), "y": word("chart.heads.y")},
        marks=((cap + 0.5, word("chart.heads.cap", cap=cap)),),
    )


def _heads_title(row: dict[str, Any], window: str, limit: int) -> str:
    told = {"persons": row["persons"], "cap": row["cap"], "window": window}
    beyond = row["persons_beyond"]
    if beyond is None:
        return word("chart.heads.few", limit=limit, **told)
    if not beyond:
        return word("chart.heads.kept", **told)
    return word("chart.heads.beyond", beyond=beyond, share=beyond / row["persons"], **told)


def _bar_words(low: int, high: int, persons: int) -> str:
    if low == high == 1:
        return word("chart.heads.one", persons=persons)
    shown = str(low) if low == high else word("chart.heads.range", low=low, high=high)
    return word("chart.heads.bar", contacts=shown, persons=persons)


def _joined(counts: dict[int, int], limit: int) -> list[tuple[int, int, int]]:
    """Bars (from, to, persons) of at least the limit each; what cannot be joined to that is left out."""
    bars: list[tuple[int, int, int]] = []
    low, persons = 0, 0
    for contacts in sorted(counts):
        low = low if persons else contacts
        persons += counts[contacts]
        if persons >= limit:
            bars.append((low, contacts, persons))
            persons = 0
    if persons and bars:
        begin, _, before = bars.pop()
        bars.append((begin, max(counts), before + persons))
    if len(bars) > _MOST_BARS:
        tail = bars[_MOST_BARS - 1 :]
        bars = [*bars[: _MOST_BARS - 1], (tail[0][0], tail[-1][1], sum(n for _, _, n in tail))]
    return bars
