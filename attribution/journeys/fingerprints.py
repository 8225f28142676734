"""The fingerprint of journeys: of the data, of the rules, and of whatever else was given."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from attribution.core.recipe import fingerprint
from attribution.journeys.behind import behind

if TYPE_CHECKING:
    from attribution.customers import Customers
    from attribution.journeys.key_events import KeyEvents
    from attribution.journeys.plan import Journeys
    from attribution.rules import Rules

__all__ = ["journey_fingerprint"]


def journey_fingerprint(journeys: Journeys) -> str:
    """48 hexadecimal digits: 16 of the touches, 16 of the conversions, 16 of rules, period and further tables."""
    conversions, rules = journeys.conversions, journeys.rules
    right = {
        "person": conversions.person,
        "time": conversions.time,
        "conversion": conversions.conversion,
        "value": conversions.value,
    }
    for name in rules.match:
        right[f"column {name}"] = conversions.table.arrow(name)
    parts = [_rules(rules), repr(journeys.observed)]
    if journeys.customers is not None:
        parts.append(f"customers {fingerprint(_customers(journeys.customers))}")
    if journeys.key_events is not None:
        parts.append(f"key events {fingerprint(_key_events(journeys.key_events, rules))}")
    rest = hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
    return _of_touches(journeys) + fingerprint(right) + rest


def _of_touches(journeys: Journeys) -> str:
    touches, names, files = journeys.touches, sorted({*_used_columns(journeys)}), behind(journeys)
    if files is not None:
        return files.fingerprint(names)
    told: dict[str, Any] = {"person": touches.person, "time": touches.time}
    told["channel"] = touches.table.arrow(touches.table.roles.channel)
    for name in names:
        told[f"column {name}"] = touches.table.arrow(name)
    return fingerprint(told)


def _rules(rules: Rules) -> str:
    """Every field of the rules; a lookback by its keys, so that its spelling does not matter."""
    told: dict[str, Any] = {item.name: getattr(rules, item.name) for item in fields(rules)}
    if rules.window != "calendar_days":
        told["timezone"] = None  # nothing else counts dates
    told["lookback"] = [(key, str(value)) for key, value in rules.lookbacks().items()]
    if rules.key_event is not None:
        told["key_event"] = repr(rules.key_event)  # an event may be called "None"
    return repr([(name, told[name] if isinstance(told[name], list | tuple) else str(told[name])) for name in told])


def _used_columns(journeys: Journeys) -> list[str]:
    """Columns of the touches that the rules ask for, and the touch id."""
    rules, roles = journeys.rules, journeys.touches.table.roles
    asked = (
        (roles.touch, roles.touch in journeys.touches.table.names),
        (roles.kind, rules.needs_kind()),
        (roles.origin, rules.origin == "outbound"),
        (roles.message, bool(rules.levels)),
    )
    return [*rules.match, *rules.key_event_match, *(name for name, used in asked if used)]


def _customers(customers: Customers) -> dict[str, Any]:
    told: dict[str, Any] = {"person": customers.person}
    if customers.last_active is not None:
        told["last active"] = customers.last_active
    if customers.is_test is not None:
        told["is test"] = customers.is_test
    return told


def _key_events(events: KeyEvents, rules: Rules) -> dict[str, Any]:
    told: dict[str, Any] = {"person": events.person, "time": events.time}
    if events.event is not None:
        told["event"] = events.table.arrow(events.table.roles.event)
    for name in rules.key_event_match:
        told[f"column {name}"] = events.table.arrow(name)
    return told
