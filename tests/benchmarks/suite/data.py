"""Touches and conversions of a campaign's shape, of any size, the same for the same seed.

Ninety days, people of exponentially distributed activity (six touches each on average), one conversion for ten touches.
Two touches in a hundred happen at the very instant of another of the same person, five in a hundred at a whole hour,
and a few conversions at the very instant of a touch or exactly 30 days after one: ties and window ends are part of
the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CHANNELS = ("push", "banner", "search", "sms", "phone", "wechat", "email", "app")
SHARES = (0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05)
HOUR, DAY = 3_600_000_000, 86_400_000_000
START = 1_790_000_000_000_000 // HOUR * HOUR
PIECE = 1_000_000
INSTANT = pa.timestamp("us", "UTC")


def plain(number: np.ndarray) -> pa.Array:
    """Integers with gaps of seven."""
    return pa.array(1_000_000 + 7 * number)


def scattered(number: np.ndarray) -> pa.Array:
    """Integers anywhere in 63 bits: times an odd constant is one to one."""
    spread = (number.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return pa.array((spread & np.uint64(2**63 - 1)).astype(np.int64))


def short(number: np.ndarray) -> pa.Array:
    """Strings of eight digits (nine from 13 million people on)."""
    return pc.utf8_lpad(plain(number).cast(pa.string()), 8, "0")


def long(number: np.ndarray) -> pa.Array:
    """Strings of thirty characters that differ at the end only."""
    digits = pc.utf8_lpad(plain(number).cast(pa.string()), 12, "0")
    return pc.binary_join_element_wise(pa.scalar("customer-of-branch"), digits, "")


IDS: dict[str, Callable[[np.ndarray], pa.Array]] = {
    "integers": plain, "random integers": scattered, "strings": short, "long strings": long,
}  # fmt: skip


@lru_cache(maxsize=1)
def _activity(people: int, seed: int) -> np.ndarray:
    """Running shares of activity: person k acts with the chance between the k-th and the next."""
    total = np.cumsum(np.random.Generator(np.random.PCG64([seed, 0])).exponential(size=people))
    return total / total[-1]


def _people(chance: np.random.Generator, activity: np.ndarray, rows: int) -> np.ndarray:
    drawn = np.searchsorted(activity, np.sort(chance.random(rows)))
    return chance.permutation(np.minimum(drawn, len(activity) - 1))


Columns = dict[str, np.ndarray]


def _piece(rows: int, start: int, activity: np.ndarray, seed: int) -> tuple[Columns, Columns]:
    """One piece of both tables: plain arrays, persons as numbers from 0."""
    chance = np.random.Generator(np.random.PCG64([seed, 1, start]))
    person, time = _people(chance, activity, rows), START + chance.integers(0, 90 * DAY, rows)
    whole = np.flatnonzero(chance.random(rows) < 0.05)
    time[whole] -= time[whole] % HOUR
    again = 1 + 2 * np.flatnonzero(chance.random((rows - 1) // 2) < 0.04)
    person[again], time[again] = person[again - 1], time[again - 1]
    touches = {"person_id": person, "time": time, "channel": chance.choice(len(CHANNELS), rows, p=SHARES)}
    orders = rows // 10
    buyer, bought = _people(chance, activity, orders), START + chance.integers(0, 90 * DAY, orders)
    for share, later in ((0.005, 0), (0.005, 30 * DAY)):
        chosen = np.flatnonzero(chance.random(orders) < share)
        touch = chance.integers(0, rows, len(chosen))
        buyer[chosen], bought[chosen] = person[touch], time[touch] + later
    value = np.round(chance.exponential(100, orders), 2)
    return touches, {"person_id": buyer, "time": bought, "value": value}


def pieces(rows: int, ids: str = "integers", seed: int = 1) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Both tables in pieces of a million touches; the people are the same in all of them."""
    activity, key = _activity(max(rows // 6, 2), seed), IDS[ids]
    for start in range(0, rows, PIECE):
        touches, conversions = _piece(min(PIECE, rows - start), start, activity, seed)
        channel = pa.DictionaryArray.from_arrays(pa.array(touches["channel"].astype(np.int32)), pa.array(CHANNELS))
        orders = len(conversions["time"])
        yield (
            pa.table({
                "touch_id": pa.array(np.arange(start, start + len(touches["time"]))),
                "person_id": key(touches["person_id"]),
                "time": pa.array(touches["time"], INSTANT),
                "channel": channel.dictionary_decode(),
            }),
            pa.table({
                "person_id": key(conversions["person_id"]),
                "time": pa.array(conversions["time"], INSTANT),
                "conversion_id": pa.array(np.arange(start // 10, start // 10 + orders)),
                "value": pa.array(conversions["value"]),
            }),
        )  # fmt: skip


def tables(rows: int, ids: str = "integers", *, touch_ids: bool = False, seed: int = 1) -> tuple[pa.Table, pa.Table]:
    """Both tables in memory, chunked as a file would be."""
    made = list(pieces(rows, ids, seed))
    touches = pa.concat_tables([touch for touch, _ in made])
    return touches if touch_ids else touches.drop_columns("touch_id"), pa.concat_tables([order for _, order in made])


def files(rows: int, ids: str, folder: Path, *, seed: int = 1) -> tuple[Path, Path]:
    """Both tables as Parquet (without touch ids), written when absent, a million touches to the row group."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{rows}-{ids.replace(' ', '-')}-{seed}.parquet"
    places = folder / f"touches-{name}", folder / f"conversions-{name}"
    if all(place.exists() for place in places):
        return places
    writers: list[pq.ParquetWriter] = []
    parts = [place.with_suffix(".part") for place in places]
    for touches, conversions in pieces(rows, ids, seed):
        both = touches.drop_columns("touch_id"), conversions
        writers = writers or [pq.ParquetWriter(part, table.schema) for part, table in zip(parts, both, strict=True)]
        for writer, table in zip(writers, both, strict=True):
            writer.write_table(table)
    for writer, part, place in zip(writers, parts, places, strict=True):
        writer.close()
        part.replace(place)
    return places
