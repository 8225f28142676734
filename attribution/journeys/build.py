"""From two tables to the plan: everything checked, everything wrong in one error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import narwhals.stable.v2 as nw
from narwhals.exceptions import DuplicateError

from attribution.conversions import read_conversions
from attribution.core.columns import columns_for
from attribution.core.errors import InputError, TableError
from attribution.core.tables import Problems
from attribution.core.values import same_key_kind
from attribution.customers import read_customers
from attribution.journeys.from_files import journeys_of_files, stands_for_files, whole_tables
from attribution.journeys.key_events import read_key_events
from attribution.journeys.observed import observed_period
from attribution.journeys.plan import Journeys
from attribution.journeys.planning import Tables, lay_out, noting
from attribution.rules import Rules
from attribution.touches import read_touches

if TYPE_CHECKING:
    from attribution.core.columns import Columns, ColumnsLike
    from attribution.journeys.observed import Observed

__all__ = ["PERSON", "AppliesIdentity", "build_journeys", "check_rules", "with_persons"]

PERSON = "person_id"  # what an identity calls the column that it adds


class AppliesIdentity(Protocol):
    """What resolves customer numbers to persons: `at.resolve_identity` gives one."""

    def apply(self, table: Any, *, column: str) -> Any:
        """The table with its persons in the column ``person_id``, from the customer numbers in ``column``."""
        ...  # pragma: no cover - a protocol has no body


def build_journeys(  # noqa: PLR0913 - a public function of keyword-only options
    touches: object,
    conversions: object,
    *,
    rules: Rules | None = None,
    columns: ColumnsLike = None,
    identity: AppliesIdentity | None = None,
    customers: object = None,
    observed: Observed = None,
    key_events: object = None,
    memory: str | int | None = None,
    progress: bool | None = None,
) -> Journeys:
    """Join touches to conversions under the rules; nothing is computed yet, everything is checked.

    A table of a lazy engine is run once, with all its columns: `by` may ask for any of them later, and a second run may
    give the rows in another order. Select the columns that you need before you pass it.

    Args:
        touches: One row per touch: person, time, channel; any further columns. Or files: a path, a glob, a folder, or a
            list of them (.parquet, .arrow, .feather, .csv); only what conversions can use is then held in memory.
        conversions: One row per conversion: person, time, conversion id, usually a value; any further columns. The
            column ``refund_of`` marks rows that reduce the value of the conversion they name.
        rules: Which touches are eligible; `Rules()` by default.
        columns: The user's names of the columns.
        identity: Persons behind customer numbers, from `resolve_identity`; applied to the customer column (the role
            ``customer``) of every table.
        customers: One row per person, or per customer number when it has that column (then the latest activity of a
            person counts, and one test account makes a test person): the last activity before the campaign
            (``last_active_at``) and whether it is a test account (``is_test``), both optional. `Rules(dormancy=...)`
            needs the first.
        observed: First and last instant of observation, with their zone; where not given (None) the first and last time
            in the two tables. In models of paths a journey that could still convert at the end counts neither as
            success nor as failure.
        key_events: One row per thing a person did: person, time, and what it was (``event``; without that column every
            row counts). `Rules(key_event=...)` needs it.
        memory: For touches in files: budget of the working set, as "4GB" or a number of bytes.
        progress: For touches in files: whether a bar of the rows read is shown; by default on a terminal.

    Returns:
        The plan: ``.attribute(models=...)``, ``.paths(top=20)``, ``.summary()``, ``.findings``.

    Raises:
        TableError: Lists every problem of all tables.
        InputError: For rules or columns that are not what they should be, rules that need a table that was not given,
            and a period of observation that does not hold the data.

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
    rules = check_rules(Rules() if rules is None else rules)
    given = {"touches": touches, "conversions": conversions, "customers": customers, "key_events": key_events}
    if stands_for_files(touches):
        return journeys_of_files(
            given, rules=rules, columns=columns, identity=identity, observed=observed, memory=memory, progress=progress
        )
    given = whole_tables(given, columns)
    roles = {name: columns_for(columns, name) for name in given}
    if identity is not None:
        given, roles = _identified(given, roles, identity)
    given = {name: _held(table) for name, table in given.items()}
    problems = Problems()
    checked_touches = read_touches(
        given["touches"],
        roles["touches"],
        problems=problems,
        kind=rules.needs_kind(),
        origin=rules.origin == "outbound",
    )
    checked_conversions = read_conversions(given["conversions"], roles["conversions"], problems=problems)
    who = events = None
    if customers is not None:
        who = read_customers(
            given["customers"],
            roles["customers"],
            problems=problems,
            last_active=rules.dormancy is not None,
            repeated=identity is not None,
        )
    if key_events is not None:
        events = read_key_events(given["key_events"], roles["key_events"], problems=problems)
    lost = (customers is not None and who is None) or (key_events is not None and events is None)
    if checked_touches is None or checked_conversions is None or lost:
        problems.raise_if_any()
        raise InputError("the tables cannot be read.")
    others = [(item.table, item.person) for item in (checked_conversions, who, events) if item is not None]
    same_key_kind([(checked_touches.table, checked_touches.keys), *others], "person")
    tables = Tables(
        touches=checked_touches,
        conversions=checked_conversions,
        customers=who,
        key_events=events,
        observed=observed_period(observed, checked_touches, checked_conversions),
    )
    return _planned(tables, rules, problems)


def _planned(tables: Tables, rules: Rules, problems: Problems) -> Journeys:
    layout = lay_out(tables, rules, problems)
    return Journeys(
        rules=rules,
        _plan=lambda other: lay_out(noting(tables, again := Problems()), other, again),
        _cache={"layout": layout},
    )


def _identified(
    given: dict[str, Any], roles: dict[str, Columns], identity: AppliesIdentity
) -> tuple[dict[str, Any], dict[str, Columns]]:
    """The tables with their persons, and their roles."""
    tables = {
        name: None if table is None else with_persons(identity, table, name, roles[name].customer)
        for name, table in given.items()
    }
    return tables, {name: own if given[name] is None else replace(own, person=PERSON) for name, own in roles.items()}


def with_persons(identity: AppliesIdentity, table: object, name: str, column: str) -> Any:
    """The table with its persons; what the identity finds wrong is told of the table's own name."""
    try:
        return identity.apply(table, column=column)
    except TableError as error:
        raise TableError([replace(issue, table=name) for issue in error.issues]) from None


def check_rules(rules: object) -> Rules:
    """The rules, or an error that says what to write.

    Raises:
        InputError: For anything but `Rules`.
    """
    if not isinstance(rules, Rules):
        raise InputError(f"rules must be a Rules, got {type(rules).__name__}. Write rules=at.Rules(lookback='30d').")
    return rules


def _held(data: object) -> object:
    """The data as they are now: a lazy table is run once, since a second run may give another order of rows."""
    try:
        native = nw.from_native(data, pass_through=True)
    except DuplicateError:  # told, with the name of the table, when it is read
        return data
    if isinstance(native, nw.LazyFrame):
        return native.collect("pyarrow").to_native()
    if isinstance(native, nw.DataFrame) and native.implementation.is_pandas():
        return native.to_native().copy(deep=False)  # columns that the caller adds or drops later do not concern us
    return data
