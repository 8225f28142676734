"""From two tables to the plan: everything checked, everything wrong in one error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import narwhals.stable.v2 as nw
import numpy as np

from attribution.conversions import Conversions, read_conversions
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.tables import Problems
from attribution.core.values import encode_together, same_key_kind
from attribution.journeys.eligibility import Counted, Served, lookback_codes, match_codes, windows
from attribution.journeys.order import canonical_order, ranks, time_scale
from attribution.journeys.plan import Journeys
from attribution.rules import Rules
from attribution.touches import Touches, read_touches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table

__all__ = ["AppliesIdentity", "build_journeys"]

_PERSON = "person_id"  # what an identity calls the column that it adds


class AppliesIdentity(Protocol):
    """What resolves customer numbers to persons: `at.resolve_identity` gives one."""

    def apply(self, table: Any, *, column: str) -> Any:
        """The table with its persons in the column ``person_id``, from the customer numbers in ``column``."""
        ...  # pragma: no cover - a protocol has no body


def build_journeys(
    touches: object,
    conversions: object,
    *,
    rules: Rules | None = None,
    columns: ColumnsLike = None,
    identity: AppliesIdentity | None = None,
) -> Journeys:
    """Join touches to conversions under the rules; nothing is computed yet, everything is checked.

    A table of a lazy engine is run once, with all its columns: `by` may ask for any of them later, and a second run may
    give the rows in another order. Select the columns that you need before you pass it.

    Args:
        touches: One row per touch: person, time, channel; any further columns.
        conversions: One row per conversion: person, time, conversion id, usually a value; any further columns. The
            column ``refund_of`` marks rows that reduce the value of the conversion they name.
        rules: Which touches are eligible; `Rules()` by default.
        columns: The user's names of the columns.
        identity: Persons behind customer numbers, from `resolve_identity`; applied to the customer column (the role
            ``customer``) of both tables.

    Returns:
        The plan: ``.attribute(models=...)``, ``.paths(top=20)``, ``.summary()``, ``.findings``.

    Raises:
        TableError: Lists every problem of both tables.
        InputError: For rules or columns that are not what they should be.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame(
        ...     {"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"], "value": [90.0]}
        ... )
        >>> at.build_journeys(touches, conversions).paths().to_dicts()
        [{'path': 'sms > phone', 'conversions': 1, 'value': 90.0, 'share': 1.0}]
    """
    rules = Rules() if rules is None else rules
    if not isinstance(rules, Rules):
        raise InputError(f"rules must be a Rules, got {type(rules).__name__}. Write rules=at.Rules(lookback='30d').")
    roles, conversion_roles = columns_for(columns, "touches"), columns_for(columns, "conversions")
    if identity is not None:
        touches = identity.apply(touches, column=roles.customer)
        conversions = identity.apply(conversions, column=conversion_roles.customer)
        roles, conversion_roles = replace(roles, person=_PERSON), replace(conversion_roles, person=_PERSON)
    problems = Problems()
    checked_touches = read_touches(
        _held(touches),
        roles,
        problems=problems,
        kind=rules.needs_kind(),
        origin=rules.origin == "outbound",
    )
    checked_conversions = read_conversions(_held(conversions), conversion_roles, problems=problems)
    if checked_touches is None or checked_conversions is None:
        problems.raise_if_any()
        raise InputError("the tables cannot be read.")
    same_key_kind(
        [(checked_touches.table, checked_touches.person), (checked_conversions.table, checked_conversions.person)],
        "person",
    )
    for table in (checked_touches.table, checked_conversions.table):
        _check_match(table, rules)
    lookback, longest, uncovered = lookback_codes(checked_touches, rules)
    if uncovered is not None:
        _note_uncovered(checked_touches, uncovered, rules)
    problems.raise_if_any()
    journeys = _plan(checked_touches, checked_conversions, rules, lookback, longest)
    problems.raise_if_any()  # columns that only break ties are read last
    return journeys


def _held(data: object) -> object:
    """The data as they are now: a lazy table is run once, since a second run may give another order of rows."""
    native = nw.from_native(data, pass_through=True)
    if isinstance(native, nw.LazyFrame):
        return native.collect("pyarrow").to_native()
    if isinstance(native, nw.DataFrame) and native.implementation.is_pandas():
        return native.to_native().copy(deep=False)  # columns that the caller adds or drops later do not concern us
    return data


def _check_match(table: Table, rules: Rules) -> None:
    """Note match columns that are missing, or that hold what cannot be compared."""
    import pyarrow as pa

    table.require_names(*rules.match)
    for name in rules.match:
        if name in table.names:
            kind = table.arrow(name).type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                message = f"a match column holds text, numbers, dates or truth values, got {kind}; cast it"
                table.problems.add("WRONG_TYPE", table.name, name, table.rows, message=message)


def _note_uncovered(touches: Touches, uncovered: NDArray[np.bool_], rules: Rules) -> None:
    names = sorted({str(touches.channel.names[code]) for code in np.unique(touches.channel.codes[uncovered])})
    message = f'no lookback is given for these channels ({rules.lookback_text()}). Add them, or add "*" for all others'
    touches.table.problems.add(
        "NO_LOOKBACK", "touches", touches.table.roles.channel, int(uncovered.sum()), message=message, examples=names
    )


def _plan(
    touches: Touches, conversions: Conversions, rules: Rules, lookback: NDArray[np.int64] | None, longest: int
) -> Journeys:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = np.flatnonzero(~conversions.refund & ~conversions.refunded)
    (codes,), names = encode_together(conversions.person.take(pa.array(rows)))
    persons = pa.array(names.tolist(), type=conversions.person.type)
    code_of = pc.fill_null(pc.index_in(touches.person, value_set=persons), -1).to_numpy(zero_copy_only=False)
    relevant = code_of >= 0
    if rules.origin == "outbound" and touches.origin is not None:
        allowed = np.array([name == "outbound" for name in touches.origin.names], bool)
        relevant &= allowed[touches.origin.codes] if len(allowed) else False
    touch_rows = np.flatnonzero(relevant)
    touch_person, touch_time = code_of[touch_rows].astype(np.int64), touches.time[touch_rows]
    times = conversions.time[rows]
    scale = time_scale([touch_time, times], len(names))
    order = canonical_order(
        scale.keys(codes, times), lambda tied: [ranks(conversions.conversion.take(pa.array(rows[tied])))]
    )
    rows, codes, times = rows[order], codes[order], times[order]
    later = 0
    if rules.reuse == "first":
        first = np.ones(len(rows), bool)
        first[1:] = codes[1:] != codes[:-1]
        later = int((~first).sum())
        rows, codes, times = rows[first], codes[first], times[first]
    keys = scale.keys(touch_person, touch_time)
    order = canonical_order(keys, lambda tied: _touch_ranks(touches, touch_rows[tied]))
    touch_rows, keys = touch_rows[order], keys[order]
    begin, end = windows(scale, codes, times, keys, longest, rules)
    touch_match, match = match_codes(touches, conversions, rules.match) if rules.match else (None, None)
    counted = Counted(
        row=rows,
        person=codes,
        time=times,
        value=conversions.value[rows],
        first=begin,
        last=end,
        match=None if match is None else match[rows],
    )
    served = Served(
        row=touch_rows,
        person=touch_person[order],
        time=touch_time[order],
        channel=touches.channel.codes[touch_rows],
        lookback=None if lookback is None else lookback[touch_rows],
        match=None if touch_match is None else touch_match[touch_rows],
    )
    return Journeys(
        rules=rules,
        touches=touches,
        conversions=conversions,
        persons=persons,
        counted=counted,
        served=served,
        later_conversions=later,
        converter_touches=int((code_of >= 0).sum()),
    )


def _touch_ranks(touches: Touches, rows: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
    """What breaks ties: the touch id; without one the channel, then the other columns by name."""
    import pyarrow as pa

    wanted = pa.array(rows)
    if touches.touch is not None:
        return [ranks(touches.touch.take(wanted))]
    roles, table = touches.table.roles, touches.table
    others = table.other_columns([roles.person, roles.time, roles.channel])
    table.load(*others)
    return [touches.channel.codes[rows], *(ranks(table.arrow(name).take(wanted)) for name in others)]
