"""One journey in full: every touch, its weight in every model, and why others were not eligible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.journeys.behind import behind
from attribution.journeys.eligibility import Judged, Reason, judged_pairs
from attribution.journeys.withheld import Withheld
from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.render.display import DisplayTable
    from attribution.credit.credit import Credit
    from attribution.journeys.plan import Journeys

__all__ = ["Explanation", "explain_conversion"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WITHHELD = {
    Withheld.LEVEL_COLLAPSED: "LEVEL_COLLAPSED",
    Withheld.BELOW_LEVEL: "BELOW_LEVEL",
    Withheld.INBOUND_EXCLUDED: "INBOUND_EXCLUDED",
    Withheld.BEFORE_START: "BEFORE_START",
    Withheld.BEFORE_DORMANCY: "BEFORE_DORMANCY",
}
_REASONS = {
    Reason.ELIGIBLE: "ELIGIBLE",
    Reason.OUTSIDE_LOOKBACK: "OUTSIDE_LOOKBACK",
    Reason.MATCH_DIFFERS: "MATCH_DIFFERS",
    Reason.NO_KEY_EVENT: "NO_KEY_EVENT",
    Reason.SERVED_EARLIER: "SERVED_EARLIER",
    Reason.REMOVED_BY_TRANSFORM: "REMOVED_BY_TRANSFORM",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Explanation(TabularResult):
    """Every touch of the person who converted: time, channel, age, eligible or why not, its weight in every model.

    The column ``status`` is ELIGIBLE, or the first reason against: AFTER_CONVERSION, SAME_INSTANT_EXCLUDED, then what
    withholds the touch from every conversion (LEVEL_COLLAPSED, BELOW_LEVEL, INBOUND_EXCLUDED, BEFORE_START,
    BEFORE_DORMANCY), then OUTSIDE_LOOKBACK, MATCH_DIFFERS, NO_KEY_EVENT, SERVED_EARLIER, REMOVED_BY_TRANSFORM.

    Attributes:
        conversion_id: The conversion.
        person_id: The person who converted.
        time: When.
        value: Its value net of refunds; None without a value column.
        records: The rows, oldest first.
    """

    conversion_id: object
    person_id: object
    time: datetime
    value: float | None
    records: Records

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        values = {"conversion": self.conversion_id, "person": self.person_id, "time": self.time.isoformat(sep=" ")}
        rows = self.records.to_dicts()
        for row in rows:
            row["status"] = messages.text(f"EXPLAIN.{row['status']}")
        told: list[DisplayTable | str] = []
        if rows:
            told.append(records_table(Records.from_rows(self.records.fields, rows)))
        if "ELIGIBLE" not in self.records.column("status"):
            told.append(messages.text("EXPLAIN.NONE_ELIGIBLE" if rows else "EXPLAIN.NO_TOUCHES"))
        return Display(messages.text("EXPLAIN.TITLE", values), (*told, messages.text("CREDIT.NOT_CAUSE")))


def explain_conversion(credit: Credit, conversion_id: str | int) -> Explanation:
    """Find the conversion and judge every touch of its person."""
    import pyarrow as pa
    import pyarrow.compute as pc

    journeys = credit.journeys
    place = _place(journeys, conversion_id)
    row = int(journeys.counted.row[place])
    person = journeys.conversions.person[row]
    elsewhere = behind(journeys)
    if elsewhere is not None:  # the touches that no conversion can use were left where they are
        return explain_conversion(replace(credit, journeys=elsewhere.of_person(person.as_py())), conversion_id)
    mine = np.flatnonzero(pc.equal(journeys.touches.person, person).to_numpy(zero_copy_only=False))
    judged = _judged(journeys, place)
    order, places = _in_order(journeys, mine, int(journeys.counted.person[place]))
    status = [_status(journeys, touch, served, place, judged) for touch, served in zip(order, places, strict=True)]
    weights = _weights(credit, judged)
    takes_part = np.array([word == "ELIGIBLE" for word in status], bool)
    at = np.where(takes_part, np.cumsum(takes_part) - 1, -1)
    ages = (int(journeys.counted.time[place]) - journeys.touches.time[order]) / 86_400_000_000
    channel = journeys.touches.table.arrow(journeys.touches.table.roles.channel)
    columns: list[tuple[Field, Any]] = [
        (Field("time", "date"), [_moment(int(time)) for time in journeys.touches.time[order]]),
        (Field("channel", "text"), channel.take(pa.array(order, type=pa.int64())).to_pylist()),
        (Field("age_days", "number"), ages.tolist()),
        (Field("status", "text"), status),
    ]
    for number, model in enumerate(credit.models):
        column = [float(weights[number, index]) if index >= 0 else None for index in at.tolist()]
        columns.append((Field(model.name, "rate"), column))
    return Explanation(
        conversion_id=journeys.conversions.conversion[row].as_py(),
        person_id=person.as_py(),
        time=_moment(int(journeys.counted.time[place])),
        value=float(journeys.counted.value[place]) if journeys.conversions.has_value else None,
        records=Records(tuple(field for field, _ in columns), tuple(values for _, values in columns)),
    )


def _moment(time: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time)


def _place(journeys: Journeys, conversion_id: str | int) -> int:
    """The counted conversion of an id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids: pa.Array = journeys.conversions.conversion
    try:
        wanted = pa.scalar(conversion_id, type=ids.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError, UnicodeError):
        wanted = pa.scalar(None, type=ids.type)
    rows = np.flatnonzero(pc.fill_null(pc.equal(ids, wanted), False).to_numpy(zero_copy_only=False))
    if not len(rows):
        known = [str(item) for item in pc.unique(ids)[:2000].to_pylist()]
        kind = "whole numbers" if pa.types.is_integer(ids.type) else "text"
        raise InputError(
            f"there is no conversion {conversion_id!r}; the ids are {kind}. {closest(str(conversion_id), known)}"
        )
    row = int(rows[0])
    places = np.flatnonzero(journeys.counted.row == row)
    if len(places):
        return int(places[0])
    reason = "it is not the person's first conversion (reuse='first')"
    if journeys.conversions.refund[row]:
        reason = "the row is a refund"
    elif journeys.conversions.refunded[row]:
        reason = "it was refunded in full"
    raise InputError(f"conversion {conversion_id!r} was set aside and has no credit: {reason}.")


def _judged(journeys: Journeys, place: int) -> Judged:
    """The conversion's candidate touches, each with the first reason against it."""
    person = journeys.counted.person
    # With reuse="reset" the person's earlier conversions decide what is left.
    start = int(np.searchsorted(person, person[place])) if journeys.rules.reuse == "reset" else place
    *_, last = judged_pairs(journeys.counted, journeys.served, journeys.rules, span=(start, place + 1))
    begin = len(last.touch) - int(last.counts[-1])
    return Judged(
        start=place,
        stop=place + 1,
        counts=last.counts[-1:],
        touch=last.touch[begin:],
        reason=None if last.reason is None else last.reason[begin:],
    )


def _weights(credit: Credit, judged: Judged) -> NDArray[np.float64]:
    """Models x eligible touches of one conversion."""
    pairs = judged.eligible()
    if not len(pairs.touch):
        return np.empty((len(credit.models), 0))
    arrays = credit.journeys.arrays(pairs)
    return np.stack([checked_weights(model, arrays) for model in credit.models])


def _in_order(journeys: Journeys, mine: NDArray[np.int64], person: int) -> tuple[list[int], list[int]]:
    """The person's touches in canonical order, as rows of the table and places among the served (-1: not served)."""
    rows = mine[np.lexsort([*journeys.ties().ranks(mine)[::-1], journeys.touches.time[mine]])].tolist()
    begin, end = np.searchsorted(journeys.served.person, [person, person + 1]).tolist()
    place_of = {row: begin + index for index, row in enumerate(journeys.served.row[begin:end].tolist())}
    return rows, [place_of.get(row, -1) for row in rows]


def _status(journeys: Journeys, row: int, served: int, place: int, judged: Judged) -> str:
    """Eligible, or the first reason against."""
    counted, rules = journeys.counted, journeys.rules
    age = int(counted.time[place]) - int(journeys.touches.time[row])
    if age < 0:
        return "AFTER_CONVERSION"
    if age == 0 and rules.same_instant == "exclude":
        return "SAME_INSTANT_EXCLUDED"
    if journeys.withheld[row]:
        return _WITHHELD[Withheld(int(journeys.withheld[row]))]
    first, last = int(counted.first[place]), int(counted.last[place])
    if not first <= served < last:
        return "OUTSIDE_LOOKBACK"
    reason = 0 if judged.reason is None else int(judged.reason[served - first])
    return _REASONS[Reason(reason)]
