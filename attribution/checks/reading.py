"""Reading every table that was given, each by itself: whatever goes wrong becomes an issue, never an exception."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import narwhals.stable.v2 as nw

from attribution.conversions import Conversions, read_conversions
from attribution.core.errors import TableError
from attribution.core.tables import Problems, open_table
from attribution.core.values import labels, same_key_kind
from attribution.costs import PriceList, read_prices, touch_costs
from attribution.customers import Customers, read_customers
from attribution.identity import resolve_identity
from attribution.journeys.key_events import KeyEvents, read_key_events
from attribution.touches import Touches, read_touches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attribution.core.columns import Columns
    from attribution.core.errors import TableIssue
    from attribution.core.findings import Finding
    from attribution.core.values import Labels
    from attribution.rules import Rules

__all__ = ["Given", "Reading", "held", "read_tables"]

_T = TypeVar("_T")

# What can be wrong with the price of a touch whatever is wrong with its person and its time.
_OF_PRICES = {"UNPRICED_CHANNEL", "UNKNOWN_KIND", "UNKNOWN_ORIGIN"}


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The tables as they were given, by name, with their roles and the rules."""

    tables: Mapping[str, Any]
    roles: Mapping[str, Columns]
    rules: Rules

    def of(self, name: str) -> Any:
        """One table; None when it was not given."""
        return self.tables.get(name)


@dataclass(slots=True, eq=False)
class Reading:
    """What could be read, and every problem on the way."""

    problems: Problems = field(default_factory=Problems)
    touches: Touches | None = None
    channel: Labels | None = None  # of the touches, also where these cannot be read for another reason
    conversions: Conversions | None = None
    customers: Customers | None = None
    key_events: KeyEvents | None = None
    prices: PriceList | None = None
    findings: tuple[Finding, ...] = ()

    def note(self, issues: Sequence[TableIssue]) -> None:
        """Keep issues that are not known yet."""
        self.problems.issues += [issue for issue in issues if issue not in self.problems.issues]

    def tried(self, name: str, action: Callable[[], _T]) -> _T | None:
        """The outcome of an action; None when it failed, which becomes an issue of the table."""
        try:
            return action()
        except TableError as error:
            self.note([replace(issue, table=name) if issue.table == "table" else issue for issue in error.issues])
        except Exception as error:  # noqa: BLE001 -- a table that breaks a library is a finding here, never a crash
            said = " ".join(str(error).split()) or type(error).__name__
            self.problems.add("UNREADABLE_TABLE", name, None, 1, message=said[:500])
        return None


def held(data: Any) -> Any:
    """The data as they are now: a lazy table is run once, since a second run may give another order of rows."""
    try:
        native = nw.from_native(data, pass_through=True)
        return native.collect("pyarrow").to_native() if isinstance(native, nw.LazyFrame) else data
    except Exception:  # noqa: BLE001 -- what cannot be read is told when it is read
        return data


def read_tables(given: Given) -> Reading:
    """Read every table by itself, and what two of them need of each other."""
    found = Reading()
    notes, rules = found.problems, given.rules

    def read(name: str, reader: Callable[[Any, Columns], _T]) -> _T | None:
        table = given.of(name)
        return None if table is None else found.tried(name, lambda: reader(table, given.roles[name]))

    found.touches = read(
        "touches",
        lambda data, roles: read_touches(
            data, roles, problems=notes, kind=rules.needs_kind(), origin=rules.origin == "outbound"
        ),
    )
    found.conversions = read("conversions", lambda data, roles: read_conversions(data, roles, problems=notes))
    found.customers = read("customers", lambda data, roles: _customers(data, roles, rules, notes))
    found.key_events = read("key_events", lambda data, roles: read_key_events(data, roles, problems=notes))
    found.prices = read("prices", lambda data, roles: _prices(data, roles, notes))
    found.channel = found.touches.channel if found.touches is not None else None
    _together(found)
    if found.touches is None and given.of("touches") is not None:
        found.channel = _channels_alone(given, found)
    if given.of("links") is not None:
        found.tried("links", lambda: _identity(given, found))
    return found


def _customers(data: Any, roles: Columns, rules: Rules, problems: Problems) -> Customers | None:
    """The customers; a table with customer numbers may hold several rows of a person."""
    numbers = open_table(data, "customers", roles, problems=Problems()).has("customer")
    return read_customers(data, roles, problems=problems, last_active=rules.dormancy is not None, repeated=numbers)


def _prices(data: Any, roles: Columns, problems: Problems) -> PriceList | None:
    table = open_table(data, "prices", roles, problems=problems, required=("channel", "basis", "unit_cost"))
    return read_prices(table)


def _together(found: Reading) -> None:
    """Keys of one kind, and a price for every touch."""
    keyed = [part for part in (found.touches, found.conversions, found.customers, found.key_events) if part is not None]
    found.tried("touches", lambda: same_key_kind([(part.table, part.person) for part in keyed], "person"))
    touches, prices = found.touches, found.prices
    if touches is not None and prices is not None and not touches.table.has("cost"):
        found.tried("touches", lambda: touch_costs(touches.table, prices))


def _channels_alone(given: Given, found: Reading) -> Labels | None:
    """The channels, and a price for each, of touches that cannot be read for another reason, such as their times."""
    alone = Problems()  # what is wrong with the other columns is known already
    data, roles = given.of("touches"), given.roles["touches"]
    try:
        table = open_table(data, "touches", roles, problems=alone, required=("channel",))
        channel = labels(table, table.roles.channel)
        if found.prices is not None and not table.has("cost"):
            touch_costs(table, found.prices)
    except Exception:  # noqa: BLE001 -- what keeps the table from being read is among its issues already
        return None
    found.note([issue for issue in alone.issues if issue.code in _OF_PRICES])
    return channel


def _identity(given: Given, found: Reading) -> None:
    """The persons behind customer numbers, and whether the links know every number of the logs."""
    links, roles = given.of("links"), given.roles["links"]
    names = open_table(links, "links", roles, problems=Problems()).names
    known = [name for name in names if name in ("phone", "device")]
    others = known or [name for name in names if name not in (roles.customer, roles.time, roles.person)]
    identity = resolve_identity(links, ids=("customer_id", *others), columns={"links": roles})
    found.findings += identity.findings
    for name, read in (("touches", found.touches), ("conversions", found.conversions)):
        column, data = given.roles[name].customer, given.of(name)
        if read is not None and read.table.has("customer"):
            found.tried(name, lambda data=data, key=column: identity.apply(data, column=key))  # type: ignore[misc]
