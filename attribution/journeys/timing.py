"""How long journeys are: touches per journey, and the time from the first and the last touch to the conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.durations import MICROSECONDS_PER_DAY, duration_text, microseconds, parse_duration
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table

if TYPE_CHECKING:
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["QUANTILES", "PathLengths", "TimeToConversion", "journey_lengths", "time_to_conversion"]

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_SHOWN_ROWS = 20
_MOST_BINS = 100_000
_SINCE = ("first_touch", "last_touch")


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PathLengths(TabularResult):
    """Touches per journey: length, conversions, value, share_of_attributed, share_of_all; one row per length.

    The row 0 holds the conversions without an eligible touch; its share of the attributed is undefined.

    Attributes:
        records: The rows, shortest first.
        mean: Mean touches of the journeys that have one; None without any.
        median: The smallest length that at least half of these journeys do not exceed; None without any.
    """

    records: Records
    mean: float | None
    median: int | None

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        head = Records(self.records.fields, tuple(column[:_SHOWN_ROWS] for column in self.records.columns))
        more = len(self.records) - len(head)
        notes = [messages.text("CREDIT.MORE_ROWS", {"n": more})] if more else []
        lines = []
        if self.median is not None:
            lines.append(messages.text("LENGTHS.MIDDLE", {"median": self.median, "mean": self.mean}))
        return Display(messages.text("LENGTHS.TITLE"), (records_table(head, notes=notes), *lines))


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class TimeToConversion(TabularResult):
    """Time from the first and from the last eligible touch to the conversion, as two histograms and their quantiles.

    One row per bin: since ("first_touch", "last_touch"), from_days, to_days (excluded), conversions, value, share,
    cumulative_share. Days are exactly 24 hours. Bins without conversions are there with 0. Conversions without an
    eligible touch take no part.

    Attributes:
        records: The bins, first those since the first touch.
        quantiles: since, quantile, days: the smallest time that this share of the conversions does not exceed.
        conversions: Conversions with an eligible touch.
        bin: Width of a bin.
    """

    records: Records
    quantiles: Records
    conversions: int
    bin: str

    def median(self, since: str) -> float | None:
        """The median in days since the "first_touch" or the "last_touch"; None without a touched conversion."""
        for row in self.quantiles.to_dicts():
            if row["since"] == since and row["quantile"] == 0.5:
                found: float = row["days"]
                return found
        return None

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = [{**row, "since": messages.text(f"TIMING.{row['since']}")} for row in self.quantiles.to_dicts()]
        wide: dict[str, dict[str, Any]] = {}
        for row in rows:
            wide.setdefault(row["since"], {"since": row["since"]})[f"p{row['quantile'] * 100:g}"] = row["days"]
        fields = (Field("since", "text"), *(Field(f"p{share * 100:g}", "number") for share in QUANTILES))
        table = records_table(Records.from_rows(fields, wide.values()))
        lines = (messages.text("TIMING.DAYS"), messages.text("TIMING.BINS", {"bin": self.bin, "n": len(self.records)}))
        return Display(messages.text("TIMING.TITLE"), (table, *lines))


def journey_lengths(journeys: Journeys) -> PathLengths:
    """Count journeys by their number of eligible touches."""
    counts = np.zeros(len(journeys.counted), np.int64)
    for pairs in journeys.pairs():
        counts[pairs.start : pairs.stop] = pairs.counts
    lengths, place = np.unique(np.concatenate([[0], counts]), return_inverse=True)
    found = np.bincount(place[1:], minlength=len(lengths))
    value = np.bincount(place[1:], weights=journeys.counted.value, minlength=len(lengths))
    touched = int((counts > 0).sum())
    has_value = journeys.conversions.has_value
    rows = [
        {
            "length": length,
            "conversions": number,
            "value": worth if has_value else None,
            "share_of_attributed": number / touched if length and touched else None,
            "share_of_all": number / len(counts) if len(counts) else None,
        }
        for length, number, worth in zip(lengths.tolist(), found.tolist(), value.tolist(), strict=True)
    ]
    fields = (
        Field("length", "count"), Field("conversions", "count"), Field("value", "money"),
        Field("share_of_attributed", "rate"), Field("share_of_all", "rate"),
    )  # fmt: skip
    long = np.sort(counts[counts > 0])
    return PathLengths(
        records=Records.from_rows(fields, rows),
        mean=float(long.mean()) if touched else None,
        median=int(long[(touched - 1) // 2]) if touched else None,
    )


def time_to_conversion(journeys: Journeys, width: str | timedelta) -> TimeToConversion:
    """Histograms of the time since the first and the last touch."""
    parsed = parse_duration(width, name="bin")
    size = microseconds(parsed)
    if size < 1:
        raise InputError(f'bin must be longer than 0, got {width!r}. Write for example bin="1d".')
    ages, value = _ages(journeys)
    if ages.size and int(ages.max()) // size >= _MOST_BINS:
        raise InputError(
            f"bin={width!r} gives more than {_MOST_BINS:,} bins: the longest time is "
            f"{int(ages.max()) / MICROSECONDS_PER_DAY:.6g} days. Write a wider bin."
        )
    has_value = journeys.conversions.has_value
    rows: list[dict[str, object]] = []
    quantiles: list[dict[str, object]] = []
    for since, age in zip(_SINCE, ages, strict=True):
        rows += _histogram(since, age, value if has_value else None, size)
        middle = np.sort(age)
        for share in QUANTILES if len(age) else ():
            at = int(middle[max(int(np.ceil(share * len(age) - 1e-9)) - 1, 0)])
            quantiles.append({"since": since, "quantile": share, "days": at / MICROSECONDS_PER_DAY})
    fields = (
        Field("since", "text"), Field("from_days", "number"), Field("to_days", "number"), Field("conversions", "count"),
        Field("value", "money"), Field("share", "rate"), Field("cumulative_share", "rate"),
    )  # fmt: skip
    return TimeToConversion(
        records=Records.from_rows(fields, rows),
        quantiles=Records.from_rows(
            (Field("since", "text"), Field("quantile", "ratio"), Field("days", "number")), quantiles
        ),
        conversions=ages.shape[1],
        bin=duration_text(parsed),
    )


def _ages(journeys: Journeys) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Time since the first and the last touch of every touched conversion, in microseconds, and its value."""
    ages, value = [np.empty((2, 0), np.int64)], [np.empty(0)]
    for pairs in journeys.pairs():
        touched = np.flatnonzero(pairs.counts)
        last = np.cumsum(pairs.counts)[touched] - 1
        first = last - pairs.counts[touched] + 1
        conversion = pairs.start + touched
        time = journeys.served.time[pairs.touch]
        ages.append(journeys.counted.time[conversion] - np.stack([time[first], time[last]]))
        value.append(journeys.counted.value[conversion])
    return np.concatenate(ages, axis=1), np.concatenate(value)


def _histogram(
    since: str, age: NDArray[np.int64], value: NDArray[np.float64] | None, size: int
) -> list[dict[str, object]]:
    place = age // size
    counts = np.bincount(place)
    worth = np.bincount(place, weights=value, minlength=len(counts)) if value is not None else None
    so_far = np.cumsum(counts)
    return [
        {
            "since": since,
            "from_days": number * size / MICROSECONDS_PER_DAY,
            "to_days": (number + 1) * size / MICROSECONDS_PER_DAY,
            "conversions": int(counts[number]),
            "value": None if worth is None else float(worth[number]),
            "share": float(counts[number] / len(age)),
            "cumulative_share": float(so_far[number] / len(age)),
        }
        for number in range(len(counts))
    ]
