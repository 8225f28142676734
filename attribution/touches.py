"""The checked touches of a campaign: who was touched, when, through which channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.key_columns import key_column
from attribution.core.tables import Table, open_table
from attribution.core.times import instants_in_pieces
from attribution.core.values import Labels, duplicates, encode_together, keys, labels

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.key_columns import KeyColumn
    from attribution.core.pieces import Numbers
    from attribution.core.tables import Problems

__all__ = ["NONE", "ORIGINS", "Touches", "complete_touches", "note_reserved", "read_touches", "touch_ids"]

NONE = "(none)"
ORIGINS = ("inbound", "outbound")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Touches:
    """The touches table, checked; one entry per row of the caller's table, in its order.

    Attributes:
        table: The table itself, for columns that are asked for by name.
        keys: Person keys, in the pieces that they came in.
        times: Microseconds since 1970-01-01 UTC, in the pieces that they came in.
        channel: Channels.
        touch: Touch ids, unique; None without that column.
        kind: What happened to the touch; None unless the rules ask for it.
        origin: "inbound" or "outbound"; None unless the rules ask for it.
        message: The message that a row belongs to, as a code; -1 for none. None unless the rules ask for it.
    """

    table: Table
    keys: KeyColumn
    times: Numbers
    channel: Labels
    touch: pa.Array | None
    kind: Labels | None
    origin: Labels | None
    message: NDArray[np.int64] | None = None

    @property
    def person(self) -> pa.Array:
        """Person keys as one array; who reads them block by block takes `keys`."""
        return self.keys.whole()

    @property
    def time(self) -> NDArray[np.int64]:
        """Times as one array; who reads them block by block takes `times`."""
        return self.times.whole()


def read_touches(
    data: object, roles: Columns, *, problems: Problems, kind: bool = False, origin: bool = False
) -> Touches | None:
    """Check the touches table; None when it is unusable, and then everything wrong with it is in `problems`.

    Args:
        data: Any table.
        roles: Its column names.
        problems: Where problems are noted.
        kind: Whether the rules need the kind of a touch.
        origin: Whether the rules need the origin of a touch.
    """
    needed = [role for role, wanted in (("kind", kind), ("origin", origin)) if wanted]
    table = open_table(
        data, "touches", roles, problems=problems, required=("person", "time", "channel", *needed), optional=("touch",)
    )
    person = key_column(table, "person")
    times = instants_in_pieces(table, "time")
    channel = _channels(table)
    touch = touch_ids(table)
    kinds = labels(table, roles.kind, narrow=True) if kind else None
    origins = _origins(table) if origin else None
    incomplete = (kind and kinds is None) or (origin and origins is None)
    if person is None or times is None or channel is None or incomplete:
        return None
    return Touches(table=table, keys=person, times=times, channel=channel, touch=touch, kind=kinds, origin=origins)


def complete_touches(
    touches: Touches, *, kind: bool = False, origin: bool = False, message: bool = False
) -> Touches | None:
    """The same touches with the columns that other rules ask for; None when one is unusable, which is noted.

    Problems are noted where `touches.table.problems` says.
    """
    table, found = touches.table, touches
    kind, origin, message = (
        kind and touches.kind is None, origin and touches.origin is None, message and touches.message is None
    )  # fmt: skip
    wanted = [role for role, needed in (("kind", kind), ("origin", origin), ("message", message)) if needed]
    if not wanted:
        return touches
    table.require(*wanted)
    table.load(*(table.roles.name_of(role) for role in wanted))
    if kind:
        found = replace(found, kind=labels(table, table.roles.kind, narrow=True))
    if origin:
        found = replace(found, origin=_origins(table))
    if message:
        found = replace(found, message=_messages(table))
    read = {"kind": found.kind, "origin": found.origin, "message": found.message}
    return found if all(read[role] is not None for role in wanted) else None


def note_reserved(table: Table, name: str, found: Labels) -> None:
    """Note a column that uses the name kept for conversions without a touch."""
    taken = np.flatnonzero([str(value) == NONE for value in found.names])
    if len(taken):
        count = int(np.isin(found.codes, taken).sum())
        message = f"{NONE!r} is the name of the row of conversions without a touch; give these rows another name"
        table.problems.add("RESERVED_NAME", table.name, name, count, message=message)


def _channels(table: Table) -> Labels | None:
    name = table.roles.channel
    found = labels(table, name, missing=None, narrow=True)
    table.release(name)  # nobody needs the names row by row
    if found is None:
        return None
    note_reserved(table, name, found)
    blank = np.flatnonzero([str(value).strip() == "" for value in found.names])
    if len(blank):
        count = int(np.isin(found.codes, blank).sum())
        table.problems.add(
            "NULL_KEY", table.name, name, count, message="the channel is blank; name it (for example 'unknown')"
        )
    return found


def touch_ids(table: Table) -> pa.Array | None:
    """The ids of the touches; one that occurs more than once is noted."""
    found = keys(table, "touch")
    count, examples = (0, []) if found is None else duplicates(found)
    if count:
        message = "a touch id occurs more than once; remove repeated rows, or give each touch its own id"
        table.problems.add(
            "DUPLICATE_TOUCH_ID", table.name, table.roles.touch, count, message=message, examples=examples
        )
    return found


def _origins(table: Table) -> Labels | None:
    name = table.roles.origin
    if table.readable(name) and table.arrow(name).null_count:
        message = 'the origin of a touch is empty; write "inbound" or "outbound"'
        table.problems.add("NULL_KEY", table.name, name, table.arrow(name).null_count, message=message)
        return None
    found = labels(table, name, missing=None, narrow=True)
    if found is None:
        return None
    unknown = [value for value in found.names if value not in ORIGINS]
    if unknown:
        count = int(np.isin(found.codes, np.flatnonzero([value in unknown for value in found.names])).sum())
        message = (
            'the origin of a touch is "outbound" (you contacted the customer) or "inbound" (the customer came); '
            "recode the column"
        )
        table.problems.add("UNKNOWN_ORIGIN", table.name, name, count, message=message, examples=unknown)
    return found


def _messages(table: Table) -> NDArray[np.int64] | None:
    """The message of each row as a code; an empty or blank cell names none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = table.roles.message
    if not table.readable(name):
        return None
    array = table.arrow(name)
    if pa.types.is_nested(array.type) or pa.types.is_binary(array.type):
        message = f"a message id is text or a whole number, got {array.type}; cast it"
        table.problems.add("WRONG_TYPE", table.name, name, len(array), message=message)
        return None
    text = pc.utf8_trim_whitespace(array.cast(pa.large_string()))
    filled = pc.fill_null(pc.not_equal(text, ""), False)
    codes = np.full(len(array), -1, np.int64)
    (found,), _ = encode_together(text.filter(filled))
    codes[filled.to_numpy(zero_copy_only=False)] = found
    return codes
