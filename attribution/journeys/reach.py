"""Reach: how many persons each channel touched, each pair of channels together, and each channel alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label, records_table
from attribution.journeys.behind import whole
from attribution.journeys.handover import distinct, touched_persons, with_heads

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["Reach", "count_reach"]

_SHOWN_CHANNELS = 12
_MEASURES = ("persons", "share_of_channel", "share_of_touched", "converting_persons")


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Reach(TabularResult):
    """Persons touched by each pair of channels: one row per channel and other channel.

    Columns: channel, other_channel, persons (touched by both), share_of_channel (of the persons that the first channel
    touched), share_of_touched (of all touched persons), converting_persons (those of them with a counted conversion at
    any time). The row of a channel with itself is its reach; only there stand only_persons and only_converting
    (persons whom no other channel touched). Every touch that may take credit counts, whenever it came.

    Attributes:
        records: The rows.
        persons: Touched persons.
        converting_persons: Those of them with a counted conversion.
    """

    records: Records
    persons: int
    converting_persons: int

    def matrix(self, measure: str = "persons") -> pd.DataFrame:
        """Channels x channels; the diagonal is the reach of each channel.

        Args:
            measure: "persons", "share_of_channel" (of the persons of the row's channel), "share_of_touched" or
                "converting_persons".

        Raises:
            InputError: For another measure.
        """
        import pandas as pd

        if measure not in _MEASURES:
            raise InputError(f"measure must be one of {', '.join(_MEASURES)}, got {measure!r}.")
        channels = list(dict.fromkeys(self.records.column("channel")))
        values = np.array(self.records.column(measure)).reshape(len(channels), len(channels))
        index = pd.Index(channels, name="channel")
        return pd.DataFrame(values, index=index, columns=pd.Index(channels, name="other_channel"))

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = self.records.to_dicts()
        channels = list(dict.fromkeys(row["channel"] for row in rows))
        shown = channels[:_SHOWN_CHANNELS]
        own = [row for row in rows if row["channel"] == row["other_channel"]]
        fields = (
            Field("channel", "text"), Field("persons", "count"), Field("share_of_touched", "rate"),
            Field("only_persons", "count"), Field("converting_persons", "count"), Field("only_converting", "count"),
        )  # fmt: skip
        table = records_table(Records.from_rows(fields, own), decisive="persons")
        table = with_heads(table, [field.name for field in fields])
        both = {(row["channel"], row["other_channel"]): row["persons"] for row in rows}
        heads = (DisplayColumn(column_label("channel")), *(DisplayColumn(name, "count") for name in shown))
        cells = tuple((name, *(both[name, other] for other in shown)) for name in shown)
        more = len(channels) - len(shown)
        notes = (messages.text("REACH.MORE_CHANNELS", {"n": more}),) if more else ()
        pairs = DisplayTable(heads, cells, title=messages.text("REACH.BOTH"), notes=notes)
        values = {"persons": self.persons, "converting": self.converting_persons}
        return Display(messages.text("REACH.TITLE"), (table, pairs, messages.text("REACH.MEANING", values)))


def count_reach(journeys: Journeys) -> Reach:
    """Count the persons behind each pair of channels."""
    journeys = whole(journeys)
    rows, person, persons = touched_persons(journeys)
    names = [str(name) for name in journeys.touches.channel.names]
    width = max(len(names), 1)
    entries = distinct(person * width + journeys.touches.channel.codes[rows])
    person, channel = entries // width, entries % width
    alone = np.bincount(person, minlength=persons) == 1
    converting = np.arange(persons) < len(journeys.persons)
    together = _together(person, channel, persons, len(names), np.ones(persons, bool))
    converted = _together(person, channel, persons, len(names), converting)
    only = np.bincount(channel[alone[person]], minlength=len(names))
    only_converted = np.bincount(channel[(alone & converting)[person]], minlength=len(names))
    touched = distinct(person)
    found: list[dict[str, Any]] = []
    for left, name in enumerate(names):
        for right, other in enumerate(names):
            both, own = int(together[left, right]), int(together[left, left])
            found.append(
                {
                    "channel": name,
                    "other_channel": other,
                    "persons": both,
                    "share_of_channel": both / own if own else None,
                    "share_of_touched": both / len(touched) if len(touched) else None,
                    "converting_persons": int(converted[left, right]),
                    "only_persons": int(only[left]) if left == right else None,
                    "only_converting": int(only_converted[left]) if left == right else None,
                }
            )
    fields = (
        Field("channel", "text"), Field("other_channel", "text"), Field("persons", "count"),
        Field("share_of_channel", "rate"), Field("share_of_touched", "rate"), Field("converting_persons", "count"),
        Field("only_persons", "count"), Field("only_converting", "count"),
    )  # fmt: skip
    return Reach(
        records=Records.from_rows(fields, found),
        persons=len(touched),
        converting_persons=int(converting[touched].sum()),
    )


def _together(
    person: NDArray[np.int64], channel: NDArray[np.int64], persons: int, channels: int, wanted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Channels x channels: the wanted persons whom both touched."""
    from scipy import sparse

    kept = wanted[person]
    entries = (np.ones(int(kept.sum()), np.int64), (person[kept], channel[kept]))
    touched = sparse.csr_array(entries, shape=(persons, channels))
    both: NDArray[np.int64] = (touched.T @ touched).toarray()
    return both
