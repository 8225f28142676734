"""The touches in their engine: checked in one pass, then as the columns that the graph needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.engines.spec import TableFacts, UnsupportedError
from attribution.engines.tables import RAW, TIME, Source, Times, blank, collect, count_of, read_times, refuse_type
from attribution.touches import NONE, ORIGINS

if TYPE_CHECKING:
    from attribution.engines.zones import Clock
    from attribution.rules import Rules

__all__ = ["EngineTouches", "read_engine_touches", "tie_columns"]

PERSON, CHANNEL, KIND, ORIGIN = "wl_person", "wl_channel", "wl_kind", "wl_origin"
_MOST_GROUPS = 100_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EngineTouches:
    """The checked touches.

    Attributes:
        source: The table.
        frame: The table with the instants of its touches in the column `TIME`.
        facts: What the pass over it told.
        channels: Rows by channel and kind (empty where the rules ask for none).
        times: How its times become instants.
        clock: The clocks of its time zone.
    """

    source: Source
    frame: nw.LazyFrame[Any]
    facts: TableFacts
    channels: dict[tuple[str, str], int]
    times: Times
    clock: Clock


def read_engine_touches(source: Source, rules: Rules) -> EngineTouches | None:
    """Check the touches; None when they are unusable, and then everything wrong with them is noted.

    Raises:
        UnsupportedError: For columns of types that the engines treat each in their own way.
    """
    kind, origin = rules.needs_kind(), rules.origin == "outbound"
    roles = ["person", "time", "channel", *(["kind"] if kind else []), *(["origin"] if origin else [])]
    if not source.require([source.column(role) for role in roles]):
        return None
    _check_types(source, roles)
    read = read_times(source)
    if read is None:
        return None
    frame, times = read
    groups = _groups(source, frame, [role for role in roles if role not in ("person", "time")])
    bad = _note_problems(source, groups, origin=origin)
    _note_touch_ids(source)
    facts, low, high = _facts(groups)
    clock = times.clock(low, high)
    if _note_lost_times(source, frame, times, clock) or bad:
        return None
    instant = times.instant(clock)
    channels: dict[tuple[str, str], int] = {}
    for row in groups:
        key = (str(row[CHANNEL]), _word(row.get(KIND)))
        channels[key] = channels.get(key, 0) + row["n"]
    if low is not None and high is not None:
        low, high = _ends(clock, times, low, high)
    return EngineTouches(
        source=source,
        frame=frame.with_columns(instant.alias(TIME)),
        facts=TableFacts(rows=facts.rows, first=low, last=high, figures=facts.figures),
        channels=channels,
        times=times,
        clock=clock,
    )


def _word(value: object) -> str:
    return "" if value is None else str(value)


def _check_types(source: Source, roles: list[str]) -> None:
    person = source.column("person")
    if not source.is_text(person) and not source.is_whole(person):
        refuse_type(source, "person")
    for role in roles:
        name = source.column(role)
        if role in ("channel", "kind", "origin") and not source.is_text(name):
            raise UnsupportedError(f"touches.{name} holds {source.schema[name]}; the engine compares channels as text")
    touch = source.column("touch")
    if touch in source.schema and not source.is_text(touch) and not source.is_whole(touch):
        refuse_type(source, "touch")


def _groups(source: Source, frame: nw.LazyFrame[Any], roles: list[str]) -> list[dict[str, Any]]:
    """One pass over the table: what can be wrong, and the times, by channel (and by kind and origin if asked for)."""
    names = {"channel": CHANNEL, "kind": KIND, "origin": ORIGIN}
    person = source.column("person")
    empty = nw.col(PERSON).is_null()
    if source.is_text(person):
        empty = empty | blank(nw.col(PERSON))
    picked = frame.select(
        source.text(person).alias(PERSON),
        nw.col(RAW),
        *(source.text(source.column(role)).alias(names[role]) for role in roles),
    )
    grouped = picked.group_by(*(names[role] for role in roles)).agg(
        nw.len().alias("n"),
        count_of(empty).alias("no_person"),
        count_of(nw.col(RAW).is_null()).alias("no_time"),
        nw.col(RAW).min().alias("low"),
        nw.col(RAW).max().alias("high"),
    )
    found = collect(grouped.head(_MOST_GROUPS + 1))
    if len(found) > _MOST_GROUPS:
        raise UnsupportedError(f"the touches have more than {_MOST_GROUPS:,} channels")
    return sorted(found, key=lambda row: tuple(str(row[names[role]]) for role in roles))


def _note_problems(source: Source, groups: list[dict[str, Any]], *, origin: bool) -> bool:
    """Note what makes rows unusable; whether anything did."""
    before = len(source.problems.issues)
    for role, figure, code, message in (
        ("person", "no_person", "NULL_KEY", "a key is empty; remove or repair these rows"),
        ("time", "no_time", "NULL_TIME", "a time is missing or infinite; remove or repair these rows"),
    ):
        count = sum(row[figure] for row in groups)
        if count:
            source.note(code, source.column(role), count, message)
    channel = source.column("channel")
    nameless = sum(row["n"] for row in groups if row[CHANNEL] is None)
    if nameless:
        source.note("NULL_KEY", channel, nameless, "the column has empty cells; name them (for example 'unknown')")
        return True
    reserved = sum(row["n"] for row in groups if row[CHANNEL] == NONE)
    if reserved:
        message = f"{NONE!r} is the name of the row of conversions without a touch; give these rows another name"
        source.note("RESERVED_NAME", channel, reserved, message)
    blanks = sum(row["n"] for row in groups if not row[CHANNEL].strip())
    if blanks:
        source.note("NULL_KEY", channel, blanks, "the channel is blank; name it (for example 'unknown')")
    if origin:
        _note_origins(source, groups)
    return len(source.problems.issues) > before


def _note_origins(source: Source, groups: list[dict[str, Any]]) -> None:
    name = source.column("origin")
    missing = sum(row["n"] for row in groups if row[ORIGIN] is None)
    if missing:
        message = 'the origin of a touch is empty; write "inbound" or "outbound"'
        source.note("NULL_KEY", name, missing, message)
        return
    unknown = [row for row in groups if row[ORIGIN] not in ORIGINS]
    if unknown:
        examples = sorted({row[ORIGIN] for row in unknown})
        message = (
            'the origin of a touch is "outbound" (you contacted the customer) or "inbound" (the customer came); '
            "recode the column"
        )
        source.note("UNKNOWN_ORIGIN", name, sum(row["n"] for row in unknown), message, examples)


def _note_touch_ids(source: Source) -> None:
    name = source.column("touch")
    if name not in source.schema:
        return
    note_ids(source, "touch", "DUPLICATE_TOUCH_ID", "a touch id occurs more than once; remove repeated rows, or give "
             "each touch its own id")  # fmt: skip


def note_ids(source: Source, role: str, code: str, message: str) -> None:
    """Note ids that are empty, and ids that occur more than once."""
    name = source.column(role)
    ids = nw.col("wl_id")
    empty = ids.is_null() | blank(ids) if source.is_text(name) else ids.is_null()
    picked = source.frame.select(source.text(name).alias("wl_id"))
    repeats = picked.group_by("wl_id").agg(nw.len().alias("n"))
    without = nw.when(empty).then(nw.col("n")).otherwise(nw.lit(0))
    asked = (nw.col("n").sum().alias("n"), without.sum().alias("empty"), nw.len().alias("distinct"))
    row = {figure: number or 0 for figure, number in collect(repeats.select(*asked))[0].items()}
    if row["empty"]:
        source.note("NULL_KEY", name, row["empty"], "a key is empty; remove or repair these rows")
    elif row["distinct"] < row["n"]:
        examples = sorted(str(item["wl_id"]) for item in collect(repeats.filter(nw.col("n") > 1).head(1000)))
        source.note(code, name, row["n"] - row["distinct"], message, examples)


def _note_lost_times(source: Source, frame: nw.LazyFrame[Any], times: Times, clock: Clock) -> bool:
    """Note local times that clocks never showed, or showed twice; whether there are any."""
    lost = None if times.aware or times.day else clock.lost(nw.col(RAW))
    if lost is None:
        return False
    count = collect(frame.select(count_of(lost).alias("lost")))[0]["lost"] or 0
    if count:
        name = source.column("time")
        examples = [str(item[name]) for item in collect(frame.filter(lost).select(name).head(5))]
        source.note("AMBIGUOUS_TIME", name, count, lost_text(clock), sorted(examples))
    return bool(count)


def lost_text(clock: Clock) -> str:
    """What is said of local times that the clocks never showed, or showed twice."""
    where = f"these local times do not exist or occur twice in {clock.zone} (daylight saving)"
    return f"{where}; give times with an offset"


def _facts(groups: list[dict[str, Any]]) -> tuple[TableFacts, int | None, int | None]:
    lows = [row["low"] for row in groups if row["low"] is not None]
    highs = [row["high"] for row in groups if row["high"] is not None]
    low, high = (min(lows), max(highs)) if lows else (None, None)
    rows = sum(row["n"] for row in groups)
    figures = {
        "rows": rows,
        "groups": [[_word(row.get(name)) for name in (CHANNEL, KIND, ORIGIN)] + [row["n"], row["low"], row["high"]]
                   for row in groups],
    }  # fmt: skip
    return TableFacts(rows=rows, first=low, last=high, figures=figures), low, high


def _ends(clock: Clock, times: Times, low: int, high: int) -> tuple[int, int]:
    """The first and the last instant, from the first and the last raw time."""
    if times.aware:
        return low, high
    return plain_instant(clock, low), plain_instant(clock, high)


def plain_instant(clock: Clock, local: int) -> int:
    """The instant of one local time, as `Clock.instant` gives it with the first of two."""
    for change, before, after in zip(clock.changes, clock.offsets[:-1], clock.offsets[1:], strict=True):
        if local < change + before:
            return local - before
        if local < change + after:
            return change
    return local - clock.offsets[-1]


def tie_columns(source: Source, wanted: list[str]) -> list[str]:
    """The columns of the touches that order those of one instant, as far as the order can change a sum.

    Touches that are equal in all columns before the last key column, and in it, may change places: each of them
    credits the same keys.

    Args:
        source: The touches.
        wanted: The key columns.

    Raises:
        UnsupportedError: For a column of lists, structures or bytes among them: they have no order of their own.
    """
    roles = source.roles
    if roles.touch in source.schema:
        return [roles.touch]
    others = sorted(set(source.names) - {roles.person, roles.time, roles.channel})
    last = max((others.index(name) + 1 for name in wanted if name in others), default=0)
    order = [roles.channel, *others[:last]]
    for name in order:
        kind = source.schema[name]
        if kind.is_nested() or kind in (nw.Binary, nw.Object, nw.Unknown):
            raise UnsupportedError(f"touches.{name} holds {kind}, which has no order that all engines share")
    return order
