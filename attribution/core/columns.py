"""Which column of the user's table plays which role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from attribution.core.errors import InputError, closest

__all__ = ["Columns", "ColumnsLike", "columns_for"]

Precision = Literal["instant", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The user's names of the columns that play a role.

    Roles that a table does not need are ignored; every other column is usable by its own name in `match`, `by` and
    `strata`.

    Attributes:
        person: The person (the unit of credit, randomisation and counting).
        time: When the touch or the conversion happened.
        channel: The channel of a touch, of a price or of a spend row.
        value: The value (margin) of a conversion.
        conversion: Unique id of a conversion.
        touch: Unique id of a touch.
        kind: What happened to a touch: sent, delivered, click, answered ...
        origin: "outbound" (we contacted) or "inbound" (the customer came).
        campaign: The campaign of a touch.
        cost: Cost of a touch, of a spend row or of a person.
        segments: Billed segments of a message.
        timezone: IANA name of the zone of times that carry none, for example "Asia/Shanghai".
        precision: "instant", or "day" when the times are booking dates.
        customer: Customer number, before identity resolution.
        refund_of: The conversion that a refund row reverses.
        incentive: Incentive (coupon) paid for a conversion.
        arm: The assigned arm.
        p_assign: The declared probability of the assigned arm.
        assigned_at: When the person was assigned.
        stratum: The stratum inside which the person was assigned.
        closed: When the account was closed.
        basis: What a price is paid for.
        unit_cost: The price of one unit.
        arms: The arms that caused a fixed cost, separated by ";".
        valid_from: From when a price holds; empty: always before.
        valid_to: Until when a price holds, itself excluded; empty: for good.
        message: The message that a row of a delivery log belongs to (`Rules(levels=...)`).
        event: What a key event is: which of the person's actions.
        last_active: When a customer was last active before the campaign.
        is_test: Whether a customer is a test account.

    Example:
        >>> import attribution as at
        >>> at.Columns(person="客户号", time="触达时间", timezone="Asia/Shanghai").person
        '客户号'
    """

    person: str = "person_id"
    time: str = "time"
    channel: str = "channel"
    value: str = "value"
    conversion: str = "conversion_id"
    touch: str = "touch_id"
    kind: str = "kind"
    origin: str = "origin"
    campaign: str = "campaign"
    cost: str = "cost"
    segments: str = "segments"
    timezone: str | None = None
    precision: Precision = "instant"
    customer: str = "customer_id"
    refund_of: str = "refund_of"
    incentive: str = "incentive_cost"
    arm: str = "arm"
    p_assign: str = "p_assign"
    assigned_at: str = "assigned_at"
    stratum: str = "stratum"
    closed: str = "closed_at"
    basis: str = "basis"
    unit_cost: str = "unit_cost"
    arms: str = "arms"
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    message: str = "message_id"
    event: str = "event"
    last_active: str = "last_active_at"
    is_test: str = "is_test"

    def __post_init__(self) -> None:
        if self.precision not in ("instant", "day"):
            raise InputError(f'precision must be "instant" or "day", got {self.precision!r}.')
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name != "timezone" and not isinstance(value, str):
                raise InputError(f"Columns({item.name}=...) must be the name of a column as text, got {value!r}.")

    def name_of(self, role: str) -> str:
        """The user's name for a role."""
        return str(getattr(self, role))


ColumnsLike = Columns | Mapping[str, Columns] | None


def columns_for(columns: ColumnsLike, table: str) -> Columns:
    """The roles of one table out of what the caller passed as ``columns=``."""
    if columns is None:
        return Columns()
    if isinstance(columns, Columns):
        return columns
    if isinstance(columns, Mapping):
        for key, value in columns.items():
            if not isinstance(value, Columns):
                raise InputError(f"columns[{key!r}] must be a Columns, got {type(value).__name__}.")
            if key not in _TABLES:
                raise InputError(f"columns= names an unknown table {key!r}. {closest(str(key), _TABLES)}")
        return columns.get(table, Columns())
    raise InputError(f"columns must be a Columns or a mapping of table names to Columns, got {type(columns).__name__}.")


_TABLES = (
    "touches", "conversions", "assignment", "prices", "spend", "links", "customers", "history", "outcomes",
    "key_events", "events", "offers", "eligible", "participants", "invitations", "pool", "sales", "targets", "leads",
)  # fmt: skip
