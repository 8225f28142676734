"""A small campaign written out by formulas: every table that a public function takes, and what its columns mean.

No random number: a case changes one thing about these tables, and what a function then says is declared under
`degenerate/`. `ROLES` names the columns that a case changes: keys, times, names, numbers, flags, counts, arms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

PERSONS = 120
AS_OF = "2026-12-31"
START = pd.Timestamp("2026-10-01T00:00:00Z")
CHANNELS = ("push", "sms", "phone")
ARMS = ("holdout", "sms")


@dataclass(frozen=True)
class Roles:
    """Which columns of a table a case may change.

    Attributes:
        keys: Columns that must not be empty.
        times: Columns of instants.
        names: Columns of free text that come back in results.
        numbers: Columns of amounts.
        flags: Columns of 0 and 1 that say who came back.
        counts: Columns of whole numbers.
        arm: The column of arms.
        channel: The column of channels.
        person: The column of persons.
    """

    keys: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    arm: str | None = None
    channel: str | None = None
    person: str | None = None


def _persons(numbers: np.ndarray) -> list[str]:
    return [f"P{number:04d}" for number in numbers]


def _days(start: pd.Timestamp, days: np.ndarray) -> pd.Series:
    return pd.Series(start + pd.to_timedelta(np.round(days * 86_400), unit="s"))


def _who() -> np.ndarray:
    return np.arange(PERSONS)


def _arm(i: np.ndarray) -> np.ndarray:
    return np.where(i % 2 == 0, ARMS[0], ARMS[1])


def _woken(i: np.ndarray) -> np.ndarray:
    """Every third of the treated, every sixth of the control: 20 and 10 of 60, in both strata and all sources."""
    return np.where(i % 2 == 1, i % 3 == 1, i % 12 == 4).astype(np.int64)


def _assignment() -> pd.DataFrame:
    i = _who()
    return pd.DataFrame(
        {
            "person_id": _persons(i),
            "arm": _arm(i),
            "p_assign": 0.5,
            "assigned_at": START,
            "stratum": np.where(i % 4 < 2, "young", "old"),
        }
    )


def _touches() -> pd.DataFrame:
    i = np.repeat(_who()[_who() % 2 == 1], 3)
    step = np.tile(np.arange(3), PERSONS // 2)
    keep = (i + step) % 4 != 0
    i, step = i[keep], step[keep]
    return pd.DataFrame(
        {
            "touch_id": [f"T{number:05d}" for number in range(len(i))],
            "person_id": _persons(i),
            "time": _days(START, 1 + 2 * step + i / 97),
            "channel": np.array(CHANNELS)[step],
            "kind": np.array(["delivered", "delivered", "answered"])[step],
            "origin": "outbound",
            "campaign": np.where(i % 3 == 0, "autumn", "winter"),
        }
    )


def _priced() -> pd.DataFrame:
    touches = _touches()
    return touches.assign(cost=touches["channel"].map({"push": 0.5, "sms": 1.0, "phone": 4.0}))


def _conversions() -> pd.DataFrame:
    i = _who()[_woken(_who()) == 1]
    return pd.DataFrame(
        {
            "conversion_id": [f"V{number:05d}" for number in range(len(i))],
            "person_id": _persons(i),
            "time": _days(START, 8 + i / 13),
            "value": 20.0 + i % 7 * 10,
            "incentive_cost": 1.0 + i % 3,
        }
    )


def _prices() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "channel": [*CHANNELS, "phone"],
            "basis": ["delivered", "delivered", "answered", "fixed"],
            "unit_cost": [0.5, 1.0, 4.0, 30.0],
            "arms": [None, None, None, "sms"],
        }
    )


def _unit_prices() -> pd.DataFrame:
    prices = _prices()
    return prices[prices["basis"] != "fixed"].drop(columns="arms").reset_index(drop=True)


def _signed_conversions() -> pd.DataFrame:
    conversions = _conversions()
    return conversions.assign(registered_at=conversions["time"] - pd.Timedelta("2D"))


def _spend() -> pd.DataFrame:
    return pd.DataFrame({"channel": list(CHANNELS), "cost": [30.0, 45.0, 120.0]})


def _paths() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": ["push > sms", "sms", "push > phone > sms", "phone", "push"],
            "conversions": [6, 10, 4, 2, 1],
            "value": [60.0, 90.0, 55.0, 30.0, 8.0],
            "nulls": [40, 30, 10, 20, 50],
        }
    )


def _customers() -> pd.DataFrame:
    i = _who()
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:04d}" for number in i],
            "person_id": _persons(i),
            "phone": [f"1{number // 2:09d}" for number in i],
            "device": [f"D{number:05d}" for number in i],
            "source": np.array(["search", "friend", "branch"])[i % 3],
            "region": np.where(i % 5 < 2, "north", "south"),
            "registered_at": _days(pd.Timestamp("2025-01-04T00:00:00Z"), i % 60 + i / 977),
            "new": (i % 10 != 0).astype(np.int64),
            "effective": _woken(i),
            "amount": 10.0 + i % 11 * 5,
            "orders": 1 + i % 4,
            "cost": 2.0 + i % 5,
            "age": 20.0 + i % 40,
            "opt_out": (i % 9 == 0).astype(np.int64),
        }
    )


def _outcomes() -> pd.DataFrame:
    i = _who()
    woken = _woken(i)
    treated = (i % 2).astype(np.int64)
    return pd.DataFrame(
        {
            "person_id": _persons(i),
            "arm": _arm(i),
            "p_assign": 0.5,
            "stratum": np.where(i % 4 < 2, "young", "old"),
            "source": np.array(["search", "friend", "branch"])[i % 3],
            "household": [f"H{number // 3:03d}" for number in i],
            "wave": np.where(i % 8 < 4, "first", "second"),
            "woken": woken,
            "value": woken * (20.0 + i % 7 * 10),
            "orders": woken * (1 + i % 2),
            "touch_cost": treated * (0.5 + i % 3),
            "incentive_cost": woken * 2.0,
            "cost": treated * (0.5 + i % 3) + woken * 2.0,
            "before": 5.0 + i % 9 + 2.0 * woken,
            "visits": 1 + i % 6,
            "closed": (i % 30 == 7).astype(np.int64),
            "sent": treated,
            "delivered": treated * (i % 10 != 3),
            "score": (i * 37 % 101) / 101.0,
        }
    )


def _events() -> pd.DataFrame:
    """A log: everybody registers, most act again, some fall silent."""
    i = np.repeat(_who(), 4)
    step = np.tile(np.arange(4), PERSONS)
    keep = (step == 0) | ((i * 7 + step * 3) % 5 > step)
    i, step = i[keep], step[keep]
    return pd.DataFrame(
        {
            "person_id": _persons(i),
            "time": _days(pd.Timestamp("2025-01-05T00:00:00Z"), i % 60 + step * (17 + i % 90) + i / 977),
            "kind": np.array(["register", "certify", "invest", "invest"])[step],
            "value": step * (10.0 + i % 13),
            "channel": np.array(["push", "sms", "phone"])[i % 3],
            "source": np.array(["search", "friend", "branch"])[i % 3],
        }
    )


def _opt_outs() -> pd.DataFrame:
    i = _who()[_who() % 11 == 5]
    return pd.DataFrame({"person_id": _persons(i), "time": _days(START, 2 + i / 13)})


def _sales() -> pd.DataFrame:
    return pd.DataFrame(
        {"region": ["north", "north", "south", "south", "south"], "amount": [100.0, 50.0, 80.0, 20.0, 30.0]}
    )


def _targets() -> pd.DataFrame:
    return pd.DataFrame({"region": ["north", "south"], "target": [200.0, 100.0]})


def _leads() -> pd.DataFrame:
    i = np.arange(12)
    return pd.DataFrame(
        {
            "lead_id": [f"L{number}" for number in i],
            "region": np.where(i % 2 == 0, "north", "south"),
            "contacted": (i % 3 != 0).astype(np.int64),
            "closed": (i % 3 == 1).astype(np.int64),
        }
    )


def _participants() -> pd.DataFrame:
    i = np.arange(20)
    return pd.DataFrame(
        {
            "person_id": _persons(i),
            "region": np.where(i % 2 == 0, "north", "south"),
        }
    )


def _invitations() -> pd.DataFrame:
    i = np.arange(16)
    return pd.DataFrame(
        {
            "inviter_id": _persons(i % 8),
            "invitee_id": [f"N{number:03d}" for number in i],
            "arrived": (i % 2 == 0).astype(np.int64),
            "effective": (i % 4 == 0).astype(np.int64),
            "reward": np.where(i % 2 == 0, 5.0, 0.0),
        }
    )


def _offers() -> pd.DataFrame:
    i = np.arange(24)
    return pd.DataFrame(
        {
            "person_id": _persons(i),
            "time": _days(START, i / 7),
            "channel": np.array(CHANNELS)[i % 3],
            "cost": 1.0 + i % 3,
        }
    )


def _eligible() -> pd.DataFrame:
    i = np.arange(0, 24, 2)
    return pd.DataFrame({"person_id": _persons(i)})


def _slots() -> pd.DataFrame:
    i = np.arange(60)
    return pd.DataFrame(
        {
            "person_id": _persons(i // 2),
            "time": _days(START, i / 7),
            "channel": "banner",
            "kind": np.where(i % 3 == 2, "click", "impression"),
            "slot": np.where(i % 4 < 2, "top", "bottom"),
        }
    )


ROLES: dict[str, Roles] = {
    "assignment": Roles(
        keys=("person_id", "arm"), times=("assigned_at",), names=("arm", "stratum"), numbers=("p_assign",), arm="arm",
        person="person_id",
    ),
    "touches": Roles(
        keys=("person_id", "channel"), times=("time",), names=("channel", "campaign"), channel="channel",
        person="person_id",
    ),
    "priced": Roles(
        keys=("person_id", "channel"), times=("time",), names=("channel", "campaign"), numbers=("cost",),
        channel="channel", person="person_id",
    ),
    "conversions": Roles(
        keys=("conversion_id", "person_id"), times=("time",), numbers=("value", "incentive_cost"), person="person_id"
    ),
    "prices": Roles(keys=("channel", "basis"), names=("channel", "arms"), numbers=("unit_cost",), channel="channel"),
    "unit_prices": Roles(keys=("channel", "basis"), names=("channel",), numbers=("unit_cost",), channel="channel"),
    "signed_conversions": Roles(
        keys=("conversion_id", "person_id"), times=("time", "registered_at"), numbers=("value",), person="person_id"
    ),
    "spend": Roles(keys=("channel",), names=("channel",), numbers=("cost",), channel="channel"),
    "paths": Roles(
        keys=("path",), names=("path",), numbers=("conversions", "value", "nulls"), channel="path"
    ),
    "customers": Roles(
        keys=("customer_id", "person_id"), times=("registered_at",), names=("source", "region"),
        numbers=("amount", "cost", "age"), flags=("effective",), counts=("orders",), person="person_id",
    ),
    "outcomes": Roles(
        keys=("person_id", "arm"), names=("arm", "stratum", "source", "household", "wave"),
        numbers=("value", "cost", "touch_cost", "incentive_cost", "before", "score"), flags=("woken",),
        counts=("orders", "visits"), arm="arm", person="person_id",
    ),
    "events": Roles(
        keys=("person_id",), times=("time",), names=("channel", "source"), numbers=("value",), channel="channel",
        person="person_id",
    ),
    "opt_outs": Roles(keys=("person_id",), times=("time",), person="person_id"),
    "sales": Roles(keys=("region",), names=("region",), numbers=("amount",)),
    "targets": Roles(keys=("region",), names=("region",), numbers=("target",)),
    "leads": Roles(keys=("lead_id",), names=("region",), flags=("contacted", "closed")),
    "participants": Roles(keys=("person_id",), names=("region",), person="person_id"),
    "invitations": Roles(keys=("inviter_id", "invitee_id"), numbers=("reward",), flags=("arrived", "effective")),
    "offers": Roles(
        keys=("person_id",), times=("time",), names=("channel",), numbers=("cost",), channel="channel",
        person="person_id",
    ),
    "eligible": Roles(keys=("person_id",), person="person_id"),
    "slot_log": Roles(keys=("person_id",), times=("time",), names=("slot",), person="person_id"),
}  # fmt: skip

_MAKERS = {
    "assignment": _assignment,
    "touches": _touches,
    "priced": _priced,
    "conversions": _conversions,
    "prices": _prices,
    "unit_prices": _unit_prices,
    "signed_conversions": _signed_conversions,
    "spend": _spend,
    "paths": _paths,
    "customers": _customers,
    "outcomes": _outcomes,
    "events": _events,
    "opt_outs": _opt_outs,
    "sales": _sales,
    "targets": _targets,
    "leads": _leads,
    "participants": _participants,
    "invitations": _invitations,
    "offers": _offers,
    "eligible": _eligible,
    "slot_log": _slots,
}


@cache
def _made(name: str) -> pd.DataFrame:
    return _MAKERS[name]()


def table(name: str) -> pd.DataFrame:
    """A table of the campaign, a new copy each time."""
    return _made(name).copy()
