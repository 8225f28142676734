"""The chart of the segments section as records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_interval
from attribution.core.records import Field, Records
from experiments.post_mortem.scales import scale_of
from experiments.post_mortem.words import alt_text, interval_words, thing_words, word
from experiments.report.document import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.readout.segments_result import SegmentEffect, SegmentInteraction, SegmentReadout

__all__ = ["segments_chart", "which_p"]


def segments_chart(readout: SegmentReadout, test: SegmentInteraction, invalid: str = "") -> Chart | None:
    """Forest of one arm against the control: everybody first, then the segments of one column."""
    wanted = (test.fit.name, str(test.arm))
    effects = [one for one in readout.effects if (one.fit.name, str(one.arm)) == wanted and one.by in ("", test.by)]
    parts = [one for one in effects if one.segment is not None and one.difference is not None]
    if not parts:
        return None
    kind = scale_of(test.fit.metric).change
    drawn = [_drawn(one) for one in effects if one.difference is not None]
    title = word("chart.invalid", codes=invalid) if invalid else _title(readout, test, parts, kind)
    told = [f"{row['label']}: {interval_words(row['value'], row['low'], row['high'], kind)}" for row in drawn]
    unit = "per1000" if kind == "per1000" else "own"
    metric = thing_words(test.fit.name)
    names = {"metric": metric, "arm": test.arm, "control": readout.experiment.control}
    return Chart(
        name=f"chart-segments-{_number(readout, test)}",
        kind="forest",
        title=title,
        subtitle=word("chart.segments.subtitle", **names, level=readout.experiment.level),
        alt=alt_text(title, told),
        records=Records.from_rows(
            (Field("label", "text"), Field("value", kind), Field("low", kind), Field("high", kind)), drawn
        ),
        words={"x": word(f"chart.effects.x.{unit}", metric=metric), "zero": word("chart.effects.zero")},
    )


def _number(readout: SegmentReadout, test: SegmentInteraction) -> int:
    """The place of the column, as an anchor: its name may hold anything."""
    return 1 + list(dict.fromkeys(one.by for one in readout.interactions)).index(test.by)


def _drawn(one: SegmentEffect) -> dict[str, object]:
    difference = one.difference
    label = word("segments.everybody") if one.segment is None else str(one.segment)
    ends = (None, None, None) if difference is None else (difference.value, difference.low, difference.high)
    return {"label": label, **dict(zip(("value", "low", "high"), ends, strict=True))}


def _title(readout: SegmentReadout, test: SegmentInteraction, parts: Sequence[SegmentEffect], kind: str) -> str:
    values = {"arm": test.arm, "by": test.by, "p": test.p_adjusted, "which": which_p(readout)}
    if test.p_adjusted is None:
        return word("chart.segments.undefined", arm=test.arm, by=test.by)
    known = [(one.difference.value, one) for one in parts if one.difference is not None]
    valued = [(value, one) for value, one in known if value is not None]
    if test.p_adjusted >= 1.0 - readout.experiment.level or not valued:
        return word("chart.segments.open", **values)
    value, most = max(valued, key=lambda pair: pair[0])
    difference = most.difference
    ends = "–" if difference is None else format_interval(difference.low, difference.high, kind)
    return word("chart.segments.differs", **values, most=most.segment, shown=_shown(value, ends, kind))


def which_p(readout: SegmentReadout) -> str:
    """Whether the p-value of an interaction is adjusted over arms and columns, in a word."""
    return messages.text(f"SEGMENTS.p_{'plain' if readout.experiment.correction is None else 'adjusted'}")


def _shown(value: float, ends: str, kind: str) -> str:
    from attribution.core.formats import format_value

    return f"{format_value(value, kind)}{word('comma')}{ends}"
