"""The chart of the section on whom not to contact, as records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records
from experiments.post_mortem.sections.cost_words import why_words
from experiments.post_mortem.words import alt_text, interval_words, word
from experiments.report.document import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.uplift.leave_alone import LeaveAlone, SegmentAdvice

__all__ = ["leave_alone_chart", "withheld_of", "withheld_why"]

_ENDS = (Field("value", "money"), Field("low", "money"), Field("high", "money"))


def leave_alone_chart(reading: LeaveAlone, arm: str, number: int, invalid: str = "") -> Chart | None:
    """Forest of the net benefit of every segment: one arm against the control; the lowest last."""
    here = [row for row in reading.rows if row.judged.contrast.arm == arm and row.judged.net.value is not None]
    if not here:
        return None
    first = here[0].judged
    drawn = []
    for row in here:
        net = row.judged.net
        value, low, high = (None if end is None else 1000.0 * end for end in (net.value, net.low, net.high))
        drawn.append({"label": str(row.judged.contrast.segment), "value": value, "low": low, "high": high})
    title = word("chart.invalid", codes=invalid) if invalid else _title(reading, arm)
    told = [f"{row['label']}: {interval_words(row['value'], row['low'], row['high'], 'money')}" for row in drawn]
    names = {"arm": arm, "control": first.contrast.control}
    return Chart(
        name=f"chart-leave-alone-{number}",
        kind="forest",
        title=title,
        subtitle=word("chart.leave_alone.subtitle", **names, level=first.net.level),
        alt=alt_text(title, told),
        records=Records.from_rows((Field("label", "text"), *_ENDS), drawn),
        words={"x": word("chart.leave_alone.x"), "zero": word("chart.leave_alone.zero")},
    )


def withheld_of(reading: LeaveAlone, arm: str) -> list[SegmentAdvice]:
    """The segments of an arm whose interval lies below 0 by itself, and which are not advised against all the same."""
    return [
        row
        for row in reading.rows
        if row.judged.contrast.arm == arm
        and row.advice != "leave_alone"
        and row.judged.net.high is not None
        and row.judged.net.high < 0.0
    ]


def withheld_why(rows: Sequence[SegmentAdvice]) -> str:
    """Why no verdict follows from intervals that lie below 0."""
    codes = dict.fromkeys(row.judged.verdict.reason for row in rows if row.judged.verdict.reason)
    return why_words("; ".join(codes)) or word("why.MULTIPLICITY")


def _title(reading: LeaveAlone, arm: str) -> str:
    names = reading.advised("leave_alone", arm=arm)
    if not names:
        withheld, of = withheld_of(reading, arm), sum(row.judged.contrast.arm == arm for row in reading.rows)
        if withheld:
            return word("chart.leave_alone.withheld", arm=arm, n=len(withheld), of=of, why=withheld_why(withheld))
        return word("chart.leave_alone.none", arm=arm)
    return word("chart.leave_alone.named", arm=arm, names=messages.text("LEAVE_ALONE.BETWEEN").join(names))
