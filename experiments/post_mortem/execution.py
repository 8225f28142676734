"""What was carried out: planned, sent, delivered, answered by channel and wave, and who of each arm was reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table
from attribution.core.values import keys, labels, same_key_kind
from experiments.outcomes.numbering import number_keys
from experiments.outcomes.result import Outcomes
from experiments.post_mortem.execution_log import ANSWERED, DELIVERED, SENT, each_message_once, read_log
from experiments.post_mortem.execution_planned import planned_touches
from experiments.post_mortem.execution_reach import REACH_FIELDS, Assigned, delivery_of, reach_of, touched_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.findings import Finding
    from experiments.plan import Plan
    from experiments.post_mortem.evidence import Evidence
    from experiments.post_mortem.execution_log import Contacts, Log

__all__ = ["Execution", "assigned_days", "carried_out"]

_STAGES = {"sent": SENT, "delivered": DELIVERED, "answered": ANSWERED}
_STAGE_FIELDS = (
    Field("channel", "text"), Field("wave", "text"), Field("planned", "count"), Field("sent", "count"),
    Field("delivered", "count"), Field("answered", "count"), Field("persons", "count"), Field("carried_out", "rate"),
    Field("delivered_share", "rate"), Field("answered_share", "rate"),
)  # fmt: skip
_ACTIVITY_FIELDS = (
    Field("channel", "text"), Field("kind", "text"), Field("touches", "count"), Field("persons", "count"),
)  # fmt: skip
_WIDE = ANSWERED + 1
_MARKED = 2**27  # persons by groups that are marked in one table; more are sorted


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Execution:
    """What was carried out; groups of fewer persons than ``report.min_cell`` are left out and counted.

    Attributes:
        records: One row per channel (and wave): planned, sent, delivered, answered touches, persons, and rates. A stage
            that the channel's log does not show is None, never 0.
        activity: Rows of the log and persons by channel and kind, inbound ones among them.
        reach: Per arm the share of its assigned persons with a touch of the channels that the arm adds (`reached`), and
            of channels of other arms (`beside`), inside each person's window; without outcomes no row.
        delivery: Channel and finding SRM_DELIVERED of channels that several arms share.
        touches: Our touches.
        inbound: Rows of customers who came by themselves.
        channels: Channels of our touches.
        small: Groups left out of `records` and of `activity`.
        unplaced: Touches of persons without a wave; 0 without waves.
        findings: Nothing: what is wrong with the tables is told elsewhere.
        recipe: How it was counted.
    """

    records: Records
    activity: Records
    reach: Records
    delivery: tuple[tuple[str, Finding], ...]
    touches: int
    inbound: int
    channels: int
    small: tuple[int, int]
    unplaced: int
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Waves:
    """The wave of each person by code: names, and -1 for persons without one."""

    names: tuple[str, ...]
    of_person: NDArray[np.int64]


def carried_out(evidence: Evidence) -> Execution | None:
    """Count the touches of a campaign; None without touches.

    Raises:
        TableError: With every problem of the touches, the planned touches and the waves.
    """
    plan, touches = evidence.plan, evidence.tables.get("touches")
    if touches is None:
        return None
    log = read_log(plan, touches)
    outcomes = evidence.outcomes if isinstance(evidence.outcomes, Outcomes) else None
    time = None if outcomes is None else log.times()
    waves = _waves_table(evidence)
    people = [log.keys, *(() if outcomes is None else (_keys_of(outcomes),)), *(() if waves is None else (waves[0],))]
    (person, *others), size = _numbered(log, people)
    contacts = each_message_once(log, person, time)
    assigned = None if outcomes is None else _assigned(outcomes, others[0], size)
    placed = None if waves is None else _placed(waves[1], others[-1], size)
    stages, left, unplaced = _stages(evidence, log, contacts, placed, size)
    activity, hidden = _activity(plan, log, person, size)
    touched = None if assigned is None else touched_of(log, contacts, assigned)
    return Execution(
        records=Records.from_rows(_STAGE_FIELDS, stages),
        activity=Records.from_rows(_ACTIVITY_FIELDS, activity),
        reach=Records.from_rows(REACH_FIELDS, [] if touched is None else reach_of(evidence, touched)),
        delivery=() if touched is None else delivery_of(evidence, touched),
        touches=len(contacts.person),
        inbound=log.inbound,
        channels=len(np.unique(contacts.channel)),
        small=(left, hidden),
        unplaced=unplaced,
        findings=(),
        recipe=_recipe(log, contacts, waved=waves is not None),
    )


def _recipe(log: Log, contacts: Contacts, *, waved: bool) -> Recipe:
    counted = np.bincount(contacts.channel * _WIDE + contacts.stage, minlength=_WIDE * len(log.channel.names))
    used = ("EXECUTION", *(("EXECUTION_MESSAGES",) if log.message is not None else ()))
    return Recipe(
        method="execution", definitions=used, settings={"wave": "yes" if waved else "none"},
        n={"touches": len(contacts.person), "inbound": log.inbound},
        fingerprint=fingerprint({"group": np.arange(len(counted)), "touches": counted}),
    )  # fmt: skip


def _keys_of(outcomes: Outcomes) -> pa.Array:
    found: pa.Array = outcomes.to_arrow()["person_id"].combine_chunks()
    return found


def _numbered(log: Log, people: list[pa.Array]) -> tuple[list[NDArray[np.int64]], int]:
    """Joint codes of all persons, the log's first."""
    tables = [(log.table, array) for array in people if len(array)]
    if not same_key_kind(tables, "person"):
        log.table.problems.raise_if_any()
    return number_keys(*people)


def _waves_table(evidence: Evidence) -> tuple[pa.Array, Any] | None:
    """Person and wave of the assignment, where the plan names the column of the wave."""
    declared = evidence.plan.experiment
    name = None if declared is None else declared.wave
    if name is None or evidence.tables.get("assignment") is None:
        return None
    roles = evidence.plan.columns()["assignment"]
    table = open_table(evidence.tables["assignment"], "assignment", roles, problems=Problems(), required=("person",))
    table.require_names(name)
    person, wave = keys(table, "person"), labels(table, name) if name in table.names else None
    table.problems.raise_if_any()
    return None if person is None or wave is None else (person, wave)


def _placed(wave: Any, person: NDArray[np.int64], size: int) -> _Waves:
    """Everybody's first wave in the order of their names; an empty cell is no wave."""
    names = tuple(str(name) for name in wave.names)
    code = np.where(np.array([name != "" for name in names], bool)[wave.codes], wave.codes, len(names))
    first = np.full(size, len(names), np.int64)
    np.minimum.at(first, person, code)
    return _Waves(names=names, of_person=np.where(first == len(names), -1, first))


def _assigned(outcomes: Outcomes, code: NDArray[np.int64], size: int) -> Assigned:
    table = outcomes.to_arrow()
    coded = table["arm"].combine_chunks().dictionary_encode()
    names, places = np.unique([str(name) for name in coded.dictionary.to_pylist()], return_inverse=True)
    arms = places[coded.indices.to_numpy(zero_copy_only=False)]
    row = np.full(size, -1, np.int64)
    row[code] = np.arange(len(code))
    return Assigned(
        row=row, arm=arms.astype(np.int64), arms=tuple(names.tolist()), start=outcomes.assigned_at,
        window=outcomes.window,
    )  # fmt: skip


def _stages(
    evidence: Evidence, log: Log, contacts: Contacts, waves: _Waves | None, size: int
) -> tuple[list[dict[str, object]], int, int]:
    """Rows by channel and wave, how many small ones are left out, and touches without a wave.

    Channels whose plan says nothing of waves have a row of all waves besides, unless one of them is too small to show.
    """
    planned = planned_touches(evidence, by_wave=waves is not None)
    every = _Waves(names=("",), of_person=np.zeros(size, np.int64))
    if waves is None:
        rows, hidden = _cells(evidence, log, contacts, every, planned)
        return rows, len(hidden), 0
    rows, hidden = _cells(evidence, log, contacts, waves, {key: n for key, n in planned.items() if key[1]})
    small = {channel for channel, _ in hidden}
    whole = {key: n for key, n in planned.items() if not key[1]}
    totals = [
        row for row in _cells(evidence, log, contacts, every, whole)[0]
        if (row["channel"], "") in whole and row["channel"] not in small
    ] if whole else []  # fmt: skip
    place = {key: at for at, key in enumerate(_in_order(evidence, {_key(row) for row in (*totals, *rows)}))}
    unplaced = int((waves.of_person[contacts.person] < 0).sum())
    return sorted((*totals, *rows), key=lambda row: place[_key(row)]), len(hidden), unplaced


def _key(row: Mapping[str, object]) -> tuple[str, str]:
    return str(row["channel"]), str(row["wave"])


def _cells(
    evidence: Evidence, log: Log, contacts: Contacts, waves: _Waves, planned: Mapping[tuple[str, str], int]
) -> tuple[list[dict[str, object]], list[tuple[str, str]]]:
    """Rows by channel and wave, and those that hold too few persons to show."""
    limit, size = evidence.plan.report.min_cell, len(waves.of_person)
    wave = waves.of_person[contacts.person]
    placed: NDArray[np.bool_] | slice = slice(None) if wave.min(initial=0) >= 0 else wave >= 0
    channels, wide = [str(name) for name in log.channel.names], len(waves.names)
    cell = (contacts.channel * wide + wave)[placed]
    cells = len(channels) * wide
    persons = _persons(contacts.person[placed], cell, (size, cells))
    exactly = np.bincount(cell * _WIDE + contacts.stage[placed], minlength=cells * _WIDE).reshape(cells, _WIDE)
    reached = {name: exactly[:, stage:].sum(axis=1) for name, stage in _STAGES.items()}
    logged = _logged(log, len(channels))
    keyed = {(channels[at // wide], waves.names[at % wide]): at for at in np.flatnonzero(persons).tolist()}
    hidden = [key for key, at in keyed.items() if persons[at] < limit]
    rows: list[dict[str, object]] = []
    for key in _in_order(evidence, {*keyed, *planned} - set(hidden)):
        at = keyed.get(key)
        counts = {
            name: None if at is None or not logged[name][at // wide] else int(reached[name][at]) for name in _STAGES
        }
        count = None if at is None else int(persons[at])
        rows.append({"channel": key[0], "wave": key[1], "persons": count} | counts | _rates(counts, planned.get(key)))
    return rows, hidden


def _logged(log: Log, channels: int) -> dict[str, NDArray[np.bool_]]:
    """By stage: whether the log of each channel shows it by rows of its own, be they of messages that came further."""
    counted = np.bincount(log.channel.codes.astype(np.int64) * _WIDE + log.stage, minlength=channels * _WIDE)
    return {name: counted.reshape(channels, _WIDE)[:, stage] > 0 for name, stage in _STAGES.items()}


def _rates(counts: Mapping[str, int | None], planned: int | None) -> dict[str, object]:
    sent, delivered, answered = (counts[name] for name in _STAGES)
    begun = next((count for count in (sent, delivered, answered) if count is not None), None)
    before = delivered if delivered is not None else sent
    return {
        "planned": planned, "carried_out": _share(begun, planned), "delivered_share": _share(delivered, sent),
        "answered_share": _share(answered, before),
    }  # fmt: skip


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _in_order(evidence: Evidence, cells: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Channels in the order of the plan's steps, others after them by name; waves by number, else by name."""
    declared = evidence.plan.experiment
    steps = [] if declared is None else [channel for channels in declared.steps.values() for channel in channels]
    place = {channel: at for at, channel in enumerate(dict.fromkeys(steps))}
    return sorted(
        cells, key=lambda cell: (place.get(cell[0], len(place)), cell[0], cell[1] != "", _number(cell[1]), cell[1])
    )


def _number(name: str) -> float:
    return float(name) if name.isdecimal() else float("inf")


def _persons(person: NDArray[np.int64], cell: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Distinct persons in each cell."""
    size, cells = shape
    pair = person * cells + cell
    if size * cells <= _MARKED:
        seen = np.zeros(size * cells, bool)
        seen[pair] = True
        return np.asarray(seen.reshape(size, cells).sum(axis=0), dtype=np.int64)
    return np.bincount(np.unique(pair) % cells, minlength=cells)


def _activity(plan: Plan, log: Log, person: NDArray[np.int64], size: int) -> tuple[list[dict[str, object]], int]:
    """Rows of the log and persons by channel and kind; small groups are left out and counted."""
    kinds = [""] if log.kind is None else [str(name) for name in log.kind.names]
    cell = log.channel.codes.astype(np.int64) * len(kinds)
    cell = cell if log.kind is None else cell + log.kind.codes
    cells = len(log.channel.names) * len(kinds)
    touches, persons = np.bincount(cell, minlength=cells), _persons(person, cell, (size, cells))
    there = np.flatnonzero(persons)
    kept = there[persons[there] >= plan.report.min_cell]
    rows: list[dict[str, object]] = [
        {
            "channel": str(log.channel.names[at // len(kinds)]), "kind": kinds[at % len(kinds)],
            "touches": int(touches[at]), "persons": int(persons[at]),
        }
        for at in kept.tolist()
    ]  # fmt: skip
    return rows, len(there) - len(kept)


def assigned_days(plan: Plan, assignment: Any) -> tuple[date, date, bool] | None:
    """The first and the last day of assignment, and whether days are counted in UTC; None without times."""
    roles: Columns = plan.columns()["assignment"]
    table = open_table(assignment, "assignment", roles, problems=Problems(), optional=("assigned_at",))
    if not table.has("assigned_at"):
        return None
    column = nw.col(roles.assigned_at)
    ends = table.lazy().select(column.min().alias("first"), column.max().alias("last")).collect("pyarrow")
    (row,) = ends.to_arrow().to_pylist()
    first, last = row["first"], row["last"]
    if not isinstance(first, date) or not isinstance(last, date):
        return None
    zone = ZoneInfo(roles.timezone) if roles.timezone else None
    in_utc = isinstance(first, datetime) and zone is None and str(first.tzinfo) in ("UTC", "Etc/UTC", "+00:00")
    return _day(first, zone), _day(last, zone), in_utc


def _day(value: date, zone: ZoneInfo | None) -> date:
    """The day of an instant in the declared zone, else in the zone that it carries."""
    if not isinstance(value, datetime):
        return value
    return (value.astimezone(zone) if zone is not None and value.tzinfo is not None else value).date()
