"""What real logs are spoiled by, planted into a clean campaign in known numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError, closest
from attribution.core.randomness import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["DIRT", "USUAL", "Spoiled", "check_dirt", "spoil"]

_ALIASES = ("短信", "SMS", "sms ")
_SLIP_HOURS = 8
_SHARE = 0.02  # of the rows of a table, for each kind of dirt
_TEST_KINDS = (("push", "delivered"), ("banner", "impression"), ("sms", "delivered"), ("phone", "answered"))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spoiled:
    """The tables that can be spoiled, and the listing of what was done to them.

    Attributes:
        customers: One row per customer number.
        links: What connects customer numbers.
        touches: One row per touch.
        conversions: One row per conversion.
        prices: The price list.
        clean_touches: Number of clean touches, which stand first.
        clean_conversions: Number of clean conversions, which stand first.
        listing: (code, table, rows) of everything planted.
    """

    customers: pd.DataFrame
    links: pd.DataFrame
    touches: pd.DataFrame
    conversions: pd.DataFrame
    prices: pd.DataFrame
    clean_touches: int
    clean_conversions: int
    listing: tuple[tuple[str, str, int], ...] = ()

    def listed(self) -> pd.DataFrame:
        """The listing as a table."""
        import pandas as pd

        code, table, rows = zip(*self.listing, strict=True) if self.listing else ((), (), ())
        columns = {"code": np.array(code, object), "table": np.array(table, object), "rows": np.array(rows, np.int64)}
        return pd.DataFrame(columns)

    def with_listed(self, code: str, rows: dict[str, int], **tables: Any) -> Spoiled:
        """The same with changed tables and what was planted."""
        more = tuple((code, table, count) for table, count in rows.items())
        return replace(self, listing=self.listing + more, **tables)


def check_dirt(dirt: Sequence[str] | None) -> tuple[str, ...]:
    """The kinds of dirt, in the order in which they are planted; all but DAY_PRECISION by default.

    Raises:
        InputError: For a name that is none.
    """
    if dirt is None:
        return USUAL
    names = (dirt,) if isinstance(dirt, str) else tuple(dirt)
    for name in names:
        if name not in DIRT:
            raise InputError(f"There is no dirt {name!r}. {closest(str(name), DIRT)}")
    return tuple(name for name in DIRT if name in names)


def spoil(clean: Spoiled, dirt: tuple[str, ...], seed: int) -> Spoiled:
    """Plant every kind of dirt that is named; each draws from its own stream."""
    spoiled = clean
    for name in dirt:
        spoiled = DIRT[name](spoiled, seed)
    touches = spoiled.touches.sort_values(["time", "touch_id"], kind="stable", ignore_index=True)
    conversions = spoiled.conversions.sort_values(["time", "conversion_id"], kind="stable", ignore_index=True)
    return replace(spoiled, touches=touches, conversions=conversions)


def _some(rows: int, seed: int, place: int, of: int, table: str) -> NDArray[np.int64]:
    """Rows number ``place`` of ``of`` disjoint draws of rows, so that no row is spoiled in two ways."""
    order = generator(seed, f"simulate.dirt.{table}").permutation(rows)
    count = min(max(round(_SHARE * rows), 3), rows // of)
    return np.sort(order[place * count : (place + 1) * count])


def _joined(*tables: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _seconds(seed: int, code: str, size: int, low: int, high: int) -> Any:
    import pandas as pd

    drawn = generator(seed, f"simulate.dirt.{code}").integers(low, high, size)
    return pd.to_timedelta(drawn, unit="s").as_unit("us")


# --- touches ------------------------------------------------------------------------------------------------------


def _slip(spoiled: Spoiled, seed: int) -> Spoiled:
    """Local times of the messages were stored as if they were UTC."""
    import pandas as pd

    del seed
    message = spoiled.touches["channel"] == "sms"
    hours = pd.Timedelta(hours=_SLIP_HOURS)
    time = spoiled.touches["time"].where(~message, spoiled.touches["time"] + hours)
    touches = spoiled.touches.assign(time=time)
    return spoiled.with_listed("CHANNEL_TIME_SLIP", {"touches": int(message.sum())}, touches=touches)


def _after(spoiled: Spoiled, seed: int) -> Spoiled:
    """Reminders sent to persons who had already converted."""
    last = spoiled.conversions.sort_values("time").drop_duplicates("person_id", keep="last").sort_values("person_id")
    last = last.iloc[_some(len(last), seed, 0, 1, "reminders")]
    time = last["time"] + _seconds(seed, "AFTER_CONVERSION", len(last), 3_600, 259_200)
    more = _sent(spoiled.touches, last["person_id"].to_numpy(), time.to_numpy(), "R", "push", "delivered")
    touches = _joined(spoiled.touches, more)
    return spoiled.with_listed("AFTER_CONVERSION", {"touches": len(more)}, touches=touches)


def _repeated_ids(spoiled: Spoiled, seed: int) -> Spoiled:
    rows = spoiled.touches.iloc[_some(spoiled.clean_touches, seed, 0, 2, "touches")]
    touches = _joined(spoiled.touches, rows)
    return spoiled.with_listed("DUPLICATE_TOUCH_ID", {"touches": len(rows)}, touches=touches)


def _repeated_touches(spoiled: Spoiled, seed: int) -> Spoiled:
    rows = spoiled.touches.iloc[_some(spoiled.clean_touches, seed, 1, 2, "touches")]
    again = rows.assign(touch_id=rows["touch_id"] + "-2")
    return spoiled.with_listed("REPEATED_TOUCH", {"touches": len(again)}, touches=_joined(spoiled.touches, again))


def _aliases(spoiled: Spoiled, seed: int) -> Spoiled:
    clean = spoiled.clean_touches
    message = np.flatnonzero(spoiled.touches["channel"].iloc[:clean] == "sms")
    for place in (0, 1):  # rows that are repeated keep their name, so that copies stay copies
        message = np.setdiff1d(message, _some(clean, seed, place, 2, "touches"))
    order = generator(seed, "simulate.dirt.CHANNEL_ALIASES").permutation(message)
    each = len(message) // 20
    channel = spoiled.touches["channel"].to_numpy(dtype=object, copy=True)
    for place, name in enumerate(_ALIASES):
        channel[order[place * each : (place + 1) * each]] = name
    touches = spoiled.touches.assign(channel=channel)
    return spoiled.with_listed("CHANNEL_ALIASES", {"touches": each * len(_ALIASES)}, touches=touches)


def _sent(like: pd.DataFrame, persons: Any, time: Any, prefix: str, channel: str, kind: str) -> pd.DataFrame:
    """Outbound touches of one channel, with the columns of the touches."""
    import pandas as pd

    made = pd.DataFrame(
        {
            "touch_id": [f"{prefix}{place:07d}" for place in range(1, len(persons) + 1)],
            "person_id": persons,
            "customer_id": persons,
            "time": pd.DatetimeIndex(time),
            "channel": channel,
            "kind": kind,
            "origin": "outbound",
            "campaign": None,
            "segments": pd.array([1 if channel == "sms" else None] * len(persons), dtype="Int64"),
        }
    )
    time_kind = like["time"].dtype
    made["time"] = (made["time"] if made["time"].dt.tz else made["time"].dt.tz_localize("UTC")).astype(time_kind)
    return made[list(like.columns)].astype({name: object for name in like.columns if like[name].dtype == object})


# --- conversions --------------------------------------------------------------------------------------------------


def _repeated_orders(spoiled: Spoiled, seed: int) -> Spoiled:
    rows = spoiled.conversions.iloc[_some(spoiled.clean_conversions, seed, 0, 3, "conversions")]
    conversions = _joined(spoiled.conversions, rows)
    return spoiled.with_listed("DUPLICATE_ID", {"conversions": len(rows)}, conversions=conversions)


def _near_orders(spoiled: Spoiled, seed: int) -> Spoiled:
    """The same order sent twice within a minute, with a new number."""
    rows = spoiled.conversions.iloc[_some(spoiled.clean_conversions, seed, 1, 3, "conversions")]
    time = rows["time"] + _seconds(seed, "NEAR_DUPLICATE", len(rows), 1, 60)
    again = rows.assign(conversion_id=rows["conversion_id"] + "-2", time=time)
    conversions = _joined(spoiled.conversions, again)
    return spoiled.with_listed("NEAR_DUPLICATE", {"conversions": len(again)}, conversions=conversions)


def _refunds(spoiled: Spoiled, seed: int) -> Spoiled:
    """Every second refund is a full one, the others return half."""
    rows = spoiled.conversions.iloc[_some(spoiled.clean_conversions, seed, 2, 3, "conversions")]
    share = np.where(np.arange(len(rows)) % 2 == 0, 1.0, 0.5)
    back = rows.assign(
        conversion_id=rows["conversion_id"] + "-R",
        time=rows["time"] + _seconds(seed, "REFUNDS", len(rows), 86_400, 864_000),
        value=-share * rows["value"],
        incentive_cost=0.0,
        refund_of=rows["conversion_id"],
    )
    named = spoiled.conversions.assign(refund_of=None).astype({"refund_of": object})
    return spoiled.with_listed("REFUNDS", {"conversions": len(back)}, conversions=_joined(named, back))


def _booking_days(spoiled: Spoiled, seed: int) -> Spoiled:
    """Conversions booked by day: local midnight stands for the whole day."""
    del seed
    local = spoiled.conversions["time"].dt.tz_convert("Asia/Shanghai").dt.normalize()
    conversions = spoiled.conversions.assign(time=local)
    return spoiled.with_listed("DAY_PRECISION", {"conversions": len(conversions)}, conversions=conversions)


# --- persons and prices -------------------------------------------------------------------------------------------


def _test_accounts(spoiled: Spoiled, seed: int) -> Spoiled:
    """Accounts of testers: touched through every channel, and each converts once."""
    count = max(3, len(spoiled.customers) // 5_000)
    names = np.array([f"TEST{place:04d}" for place in range(1, count + 1)], dtype=object)
    like = spoiled.customers.iloc[np.zeros(count, np.int64)].reset_index(drop=True)
    testers = like.assign(
        customer_id=names, person_id=names, phone=[f"p-{n}" for n in names], device=None, is_test=True
    )
    start = spoiled.touches["time"].min()
    parts = [
        _sent(
            spoiled.touches, names, start + _seconds(seed, f"TEST.{name}", count, 0, 864_000), f"Q{place}", name, kind
        )
        for place, (name, kind) in enumerate(_TEST_KINDS)
    ]
    orders = _orders(spoiled.conversions, names, start, "Q", seed, "TEST_ACCOUNTS")
    customers = _joined(spoiled.customers, testers.astype({"is_test": bool}))
    return spoiled.with_listed(
        "TEST_ACCOUNTS",
        {"customers": count, "touches": sum(map(len, parts)), "conversions": len(orders)},
        customers=customers,
        links=_joined(spoiled.links, testers[list(spoiled.links.columns)]),
        touches=_joined(spoiled.touches, *parts),
        conversions=_joined(spoiled.conversions, orders),
    )


def _strangers(spoiled: Spoiled, seed: int) -> Spoiled:
    """Touches and conversions under customer numbers that nobody has."""
    count = max(3, len(spoiled.customers) // 1_000)
    names = np.array([f"X{place:07d}" for place in range(1, count + 1)], dtype=object)
    start = spoiled.touches["time"].min()
    when = start + _seconds(seed, "UNKNOWN_PERSONS", count, 0, 864_000)
    more = _sent(spoiled.touches, names, when, "U", "push", "delivered")
    orders = _orders(spoiled.conversions, names[: max(1, count // 3)], start, "U", seed, "UNKNOWN_PERSONS")
    return spoiled.with_listed(
        "UNKNOWN_PERSONS",
        {"touches": len(more), "conversions": len(orders)},
        touches=_joined(spoiled.touches, more),
        conversions=_joined(spoiled.conversions, orders),
    )


def _orders(like: pd.DataFrame, persons: Any, start: Any, prefix: str, seed: int, code: str) -> pd.DataFrame:
    """One conversion of each of some persons, with the columns of the conversions."""
    import pandas as pd

    made = pd.DataFrame(
        {
            "conversion_id": [f"{prefix}V{place:07d}" for place in range(1, len(persons) + 1)],
            "person_id": persons,
            "customer_id": persons,
            "time": pd.DatetimeIndex(start + _seconds(seed, f"{code}.orders", len(persons), 950_400, 2_000_000)),
            "value": 1.0 + np.arange(len(persons)),
            "incentive_cost": 0.0,
        }
    ).astype({"conversion_id": object, "person_id": object, "customer_id": object})
    made["time"] = made["time"].astype(like["time"].dtype)
    return made.assign(refund_of=None) if "refund_of" in like.columns else made


def _missing_price(spoiled: Spoiled, seed: int) -> Spoiled:
    del seed
    prices = spoiled.prices[spoiled.prices["channel"] != "push"].reset_index(drop=True)
    unpriced = int((~spoiled.touches["channel"].isin(set(prices["channel"]))).sum())
    return spoiled.with_listed("UNPRICED_CHANNEL", {"touches": unpriced}, prices=prices)


DIRT: dict[str, Callable[[Spoiled, int], Spoiled]] = {
    "CHANNEL_TIME_SLIP": _slip,
    "AFTER_CONVERSION": _after,
    "REFUNDS": _refunds,
    "DUPLICATE_ID": _repeated_orders,
    "NEAR_DUPLICATE": _near_orders,
    "DUPLICATE_TOUCH_ID": _repeated_ids,
    "REPEATED_TOUCH": _repeated_touches,
    "TEST_ACCOUNTS": _test_accounts,
    "UNKNOWN_PERSONS": _strangers,
    "CHANNEL_ALIASES": _aliases,
    "UNPRICED_CHANNEL": _missing_price,
    "DAY_PRECISION": _booking_days,
}
"""Every kind of dirt by the code under which it is found, in the order in which it is planted."""

USUAL = tuple(name for name in DIRT if name != "DAY_PRECISION")
"""What is planted unless something else is asked for: dates instead of times would hide most of the rest."""
