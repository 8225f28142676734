"""Touches that the campaign would have sent to holdout persons: the journeys that the models would have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.columns import Columns, ColumnsLike, columns_for
from attribution.core.errors import InputError
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, keys, labels
from attribution.journeys.build import build_journeys
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys
    from experiments.reconciliation.ground import Ground

__all__ = ["WouldBe", "journeys_with", "read_would_be"]

_BARRED = ("levels", "key_event", "dormancy", "transforms", "not_before")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WouldBe:
    """A log of touches that were not sent.

    Attributes:
        columns: Person, time, channel, and what the rules ask for, by the names that `journeys_with` uses.
        arm: The arm whose touches they would have been, one per row; None for all arms alike.
        outside: Rows of persons outside the holdout.
    """

    columns: dict[str, Any]
    arm: NDArray[np.object_] | None
    outside: int


def read_would_be(
    data: object, journeys: Journeys, ground: Ground, columns: ColumnsLike, *, arms: Sequence[str]
) -> WouldBe:
    """Check the log and keep the rows of holdout persons.

    Raises:
        InputError: When several arms are tested and the log does not say whose touches they would have been, or the
            rules look at more than the log holds.
        TableError: When the log is unusable.
    """
    rules = journeys.rules
    used = [name for name in _BARRED if getattr(rules, name)]
    if used:
        raise InputError(
            f"would_be= cannot be joined under rules with {', '.join(used)}: they look at more than a log of would-be "
            "touches holds. Attribute with rules without them."
        )
    roles = columns_for(columns, "touches")
    table = open_table(data, "would_be", roles, problems=Problems(), required=("person", "time", "channel"))
    table.require_names(*rules.match)
    person, time = keys(table, "person"), instants(table, "time")
    wanted = {"channel": roles.channel}
    wanted |= {"kind": roles.kind} if rules.needs_kind() else {}
    wanted |= {"origin": roles.origin} if rules.origin == "outbound" else {}
    table.require_names(*wanted.values())
    texts = {name: labels(table, column, missing=None) for name, column in wanted.items()}
    arm = labels(table, roles.arm, missing=None) if roles.arm in table.names else None
    table.problems.raise_if_any()
    if arm is None and len(arms) > 1:
        raise InputError(
            f"the would-be touches need the column {roles.arm!r}: the arms {', '.join(arms)} get different touches, so "
            "each row must say in which arm the person would have got it."
        )
    if person is None or time is None:  # pragma: no cover - the problems above were raised
        raise InputError("the would-be touches cannot be read.")
    (known, here), size = number_keys(ground.person, person)
    place = np.full(size, -1, np.int64)
    place[known] = ground.arm
    kept = place[here] == 0
    found: dict[str, Any] = {"person_id": person.filter(_mask(kept)), "time": time[kept]}
    for name, label in texts.items():
        if label is not None:
            found[name] = label.names[label.codes[kept]]
    for name in rules.match:
        found[name] = table.arrow(name).filter(_mask(kept))
    named = None if arm is None else np.array([str(name) for name in arm.names], object)[arm.codes]
    stray = ~kept if named is None else ~kept | ~np.isin(named, list(arms))
    return WouldBe(columns=found, arm=None if named is None else named[kept], outside=int(stray.sum()))


def journeys_with(journeys: Journeys, ground: Ground, extra: WouldBe, arm: str) -> Journeys:
    """The journeys of the holdout's converters as the models would have seen them with the touches of an arm."""
    import pyarrow as pa

    rules, touches = journeys.rules, journeys.touches
    (known, converted), size = number_keys(ground.person, journeys.persons)
    place = np.full(size, -1, np.int64)
    place[known] = ground.arm
    mine = place[converted] == 0
    bought, seen = mine[journeys.counted.person], mine[journeys.served.person]
    row, touch = journeys.counted.row[bought], journeys.served.row[seen]
    conversions = {
        "person_id": journeys.persons.take(pa.array(journeys.counted.person[bought])),
        "time": _stamps(journeys.counted.time[bought]),
        "conversion_id": journeys.conversions.conversion.take(pa.array(row)),
        "value": journeys.counted.value[bought],
    }
    sent = np.ones(len(extra.columns["time"]), bool) if extra.arm is None else extra.arm == arm
    real: dict[str, Any] = {
        "person_id": journeys.persons.take(pa.array(journeys.served.person[seen])),
        "time": journeys.served.time[seen],
        "channel": touches.channel.names[touches.channel.codes[touch]],
    }
    for name, label in (("kind", touches.kind), ("origin", touches.origin)):
        if name in extra.columns and label is not None:
            real[name] = label.names[label.codes[touch]]
    for name in rules.match:
        conversions[name] = journeys.conversions.table.arrow(name).take(pa.array(row))
        real[name] = touches.table.arrow(name).take(pa.array(touch))
    both = {name: _joined(real[name], extra.columns[name], sent) for name in real}
    both["time"] = _stamps(np.concatenate([real["time"], extra.columns["time"][sent]]))
    return build_journeys(pa.table(both), pa.table(conversions), rules=rules, columns=Columns())


def _mask(kept: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    return pa.array(kept)


def _stamps(microseconds: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    return pa.array(microseconds).cast(pa.timestamp("us", tz="UTC"))


def _joined(real: Any, extra: Any, sent: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    if isinstance(real, np.ndarray):
        return pa.array(np.concatenate([real, extra[sent]]))
    parts = [real, extra.filter(_mask(sent))]
    if parts[0].type != parts[1].type:
        parts = [part.cast(pa.large_string()) for part in parts]
    return pa.concat_arrays(parts)
