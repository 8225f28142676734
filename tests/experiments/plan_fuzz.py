"""Plans drawn at random from a sound one: keys deleted, moved, doubled, values and bytes replaced."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import date, datetime, time
from typing import Any

VALUES: tuple[Any, ...] = (
    "",
    " ",
    "x",
    "x" * 10_000,
    "客户" * 3_000,
    "\x00",
    "\x1b[31m",
    "\u202eabc",
    "a\nb",
    "NaN",
    "None",
    "0",
    "-1",
    "1e999",
    "2026-12-31",
    "2026-13-45",
    "28",
    "28d",
    "-28d",
    "0d",
    "999999999999999d",
    "1e9d",
    "28 days",
    "../../../etc/passwd",
    "/dev/zero",
    "~/x.csv",
    "https://example.org/x.csv",
    "\\\\server\\share\\x.csv",
    "C:\\x.csv",
    "file:///etc/passwd",
    "holdout",
    "sms",
    "person_id",
    "Asia/Shanghai",
    "../../etc/localtime",
    "utf-8",
    "rot13",
    "idna",
    "hex",
    "undefined",
    "PASS",
    "{0}",
    "{name:money}",
    "%s",
    "'; DROP TABLE t; --",
    True,
    False,
    0,
    1,
    -1,
    2,
    85,
    10**6,
    10**18,
    10**30,
    10**400,
    -(10**400),
    0.0,
    -0.0,
    0.5,
    1e-320,
    1e308,
    -1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
    date(2026, 12, 31),
    date(1, 1, 1),
    date(9999, 12, 31),
    datetime(2026, 12, 31, 8),
    time(8),
    [],
    [[]],
    [[], {}],
    [None],
    ["a", "a"],
    ["sms"],
    ["holdout", "sms"],
    [1, 2, 3],
    [60, 85, 125],
    [1e999],
    ["x" * 10_000],
    ["x"] * 1_000,
    {},
    {"": 1},
    {"x": {}},
    {"*": "30d"},
    {"sms": 1},
    {"sms": -1},
    {"sms": {"click": "14d"}},
    {"holdout": 0.5, "sms": 0.5},
    {"7d": 3},
    {"7d": 0},
    {"a.b": 1},
    {"\x00": "\x00"},
    {"k" * 10_000: 1},
    [[["deep"]]],
)
KEYS = (
    "",
    "x",
    "contol",
    "kontrolle",
    "路径",
    "a.b",
    "\x00",
    "k" * 10_000,
    "__class__",
    "model_config",
    "model_fields",
    "copy",
    "_source",
    "source",
    "path",
    "level",
    "column",
    "side",
    "by",
    "ids",
    "caps",
    "planned",
)


def places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside nested mappings and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [where] if where else []
    for key, item in inner:
        found += places(item, (*where, key))
    return found


def mutated(rng: random.Random, plan: dict[str, Any]) -> dict[str, Any]:
    """A plan with one to four changes."""
    made = deepcopy(plan)
    for _ in range(rng.randint(1, 4)):
        where = rng.choice(places(made) or [("campaign",)])
        inside: Any = made
        for key in where[:-1]:
            inside = inside[key]
        kind = rng.randrange(5)
        if kind == 0:
            del inside[where[-1]]
        elif kind == 1 and isinstance(inside, dict):
            inside[rng.choice(KEYS)] = inside[where[-1]]
        elif kind == 2 and isinstance(inside, dict):
            inside[rng.choice(KEYS)] = deepcopy(rng.choice(VALUES))
        elif kind == 3 and isinstance(inside, dict):
            made[rng.choice([*made, *KEYS])] = deepcopy(inside[where[-1]])
        else:
            inside[where[-1]] = deepcopy(rng.choice(VALUES))
        if not made:
            made["campaign"] = {}
    return made


def spoiled(rng: random.Random, content: bytes) -> bytes:
    """The bytes of a plan file with one change, two, or six."""
    made = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 6])):
        at, kind = rng.randrange(len(made) + 1), rng.randrange(7)
        if kind == 0:
            made[at:at] = bytes([rng.randrange(256)])
        elif kind == 1:
            del made[at : at + rng.randint(1, 40)]
        elif kind == 2:
            made[at:at] = rng.choice([b'"', b"'", b"[", b"]", b"{", b"}", b"=", b"#", b"\n", b'"""', b"\\", b".", b","])
        elif kind == 3:
            start = rng.randrange(len(made) + 1)
            made[at:at] = made[start : start + rng.randint(1, 80)]
        elif kind == 4:
            made[at:at] = rng.choice(
                [b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", "唤醒".encode("gb18030"), "唤醒".encode(), b"\r"]
            )
        elif kind == 5:
            made[at:at] = rng.choice(
                [b"9" * 5_000, b"1e999", b"nan", b"[" * 3_000, b"0x" + b"f" * 6_000, b"a." * 2_000, b"x" * 10_000]
            )
        else:
            made = bytearray(bytes(made)[:at])
        if not made:
            return b""
    return bytes(made)
