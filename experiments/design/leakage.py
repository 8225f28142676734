"""Leakage: did the control group stay silent, as the design says?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.values import labels, same_key_kind
from attribution.touches import read_touches
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.tables import Table
    from attribution.touches import Touches

__all__ = ["LEAK_LIMIT", "SMALL_LEAK", "ControlGroup", "LeakageFinding", "check_leakage", "unchecked_leakage"]

LEAK_LIMIT = 0.05  # share of touched control persons above which the contrast is no longer the declared one (judgement)
SMALL_LEAK = 0.01


class LeakageFinding(Finding):
    """The finding when no touches were given; its sentence names no column."""

    __slots__ = ()

    def text(self, lang: str | None = None) -> str:
        """The sentence in ``lang`` ("en" or "zh"); the current language by default."""
        return messages.text(f"{self.code}.unchecked", self.values, lang=lang)


def unchecked_leakage() -> Finding:
    """LEAKAGE, status "unknown": without touches nobody can say whether the control group was contacted."""
    return LeakageFinding(code="LEAKAGE", status="unknown")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ControlGroup:
    """The control persons.

    Attributes:
        table: The outcomes, for messages.
        person: Keys of the control persons.
        start: Start of each person's window, microseconds since 1970, UTC; None when it is not known.
        length: Length of the window, microseconds.
    """

    table: Table
    person: pa.Array
    start: NDArray[np.int64] | None
    length: int


def check_leakage(
    control: ControlGroup, touches: object, roles: Columns, *, campaign: Sequence[str] | None, limit: float = LEAK_LIMIT
) -> list[Finding]:
    """Whether outbound touches of the campaign reached control persons inside their windows.

    Inbound touches (a customer who searches) are no leak. Up to 1 % of the control persons is a warning, and so is
    anything up to `limit`; a leak past the limit is a failure, because the control group then received the treatment
    it is compared with. A leak makes the difference smaller than the effect under full silence.

    Args:
        control: The control persons and their windows.
        touches: The touches; needs `origin`.
        roles: The names of their columns.
        campaign: Names of the campaign; None: every outbound touch of the table belongs to it.
        limit: Share of control persons above which the finding is a failure.

    Returns:
        LEAKAGE, with LEAKAGE_LARGE beside it between 1 % and the limit; status "unknown" when touches of the control
        have no origin, which may be searches of theirs; without any touch of the control there is no leak.
    """
    number = isinstance(limit, Real) and not isinstance(limit, bool)
    if not number or not math.isfinite(limit) or not 0.0 <= limit < 1.0:
        raise InputError(f"leak_limit must be a share of at least 0 and below 1, got {limit!r}. Write 0.05 for 5 %.")
    problems = control.table.problems
    read = read_touches(touches, roles, problems=problems, origin=_has(touches, roles.origin))
    if read is not None and campaign is not None:
        read.table.require("campaign")
    if read is None or problems.issues:
        return []
    if not len(read.person):
        return _findings(0, len(control.person), (), limit)
    if not same_key_kind([(control.table, control.person), (read.table, read.person)], "person"):
        return []
    leaked, channels = _leaked(control, read, campaign)
    if leaked and read.origin is None:
        values = {"column": roles.origin, "touched": leaked, "persons": len(control.person)}
        return [Finding(code="LEAKAGE", status="unknown", values={**values, "channels": ", ".join(channels)})]
    return _findings(leaked, len(control.person), channels, limit)


def _has(touches: object, name: str) -> bool:
    import narwhals.stable.v2 as nw

    native = nw.from_native(touches, pass_through=True)
    if isinstance(native, (nw.DataFrame, nw.LazyFrame)):
        return name in native.collect_schema().names()
    to_arrow = getattr(touches, "to_arrow", None)
    return callable(to_arrow) and name in to_arrow().column_names


def _leaked(control: ControlGroup, read: Touches, campaign: Sequence[str] | None) -> tuple[int, tuple[str, ...]]:
    """Number of control persons touched inside their window, and through which channels.

    Without an origin every touch counts, inbound ones too: more than the leak, never less.
    """
    (people, touched), size = number_keys(control.person, read.person)
    row = np.full(size, -1, dtype=np.int64)
    row[people] = np.arange(len(people))
    if campaign is not None:
        found = labels(read.table, read.table.roles.campaign)
        mine = None if found is None else np.isin(found.names.astype(str), list(campaign))[found.codes]
    else:
        mine = None
    # Few touches are of control persons: only of these is asked what they are.
    hits = np.flatnonzero(row[touched] >= 0)
    if read.origin is not None:
        hits = hits[(read.origin.names == "outbound")[read.origin.codes[hits]]]
    if mine is not None:
        hits = hits[mine[hits]]
    place = row[touched[hits]]
    if control.start is not None and len(people):
        since = read.time[hits] - control.start[place]
        inside = (since >= 0) & (since < control.length)
        hits, place = hits[inside], place[inside]
    channels = tuple(str(name) for name in read.channel.names[np.unique(read.channel.codes[hits])])
    return int(np.count_nonzero(np.bincount(place, minlength=1))), channels


def _findings(leaked: int, persons: int, channels: tuple[str, ...], limit: float) -> list[Finding]:
    share = leaked / persons if persons else 0.0
    values = {"leaked": leaked, "persons": persons, "share": share, "limit": limit, "channels": ", ".join(channels)}
    if not leaked:
        return [Finding(code="LEAKAGE", status="pass", values=values)]
    if share > limit:
        return [Finding(code="LEAKAGE", status="fail", values=values)]
    found = [Finding(code="LEAKAGE", status="warn", values=values)]
    if share > SMALL_LEAK:
        found.append(Finding(code="LEAKAGE_LARGE", status="warn", values=values))
    return found
