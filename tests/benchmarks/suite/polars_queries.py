"""The five models in hand-written Polars, in four idioms, in memory or on Parquet files, streaming or not.

All are right when touches tie: the key packs the channel's place by name under the microseconds of the time, and first
and last come from each conversion's smallest and largest key, so that twins count once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import polars as pl

from benchmarks.suite.answers import HALF_LIFE, LOOKBACK, MODELS, answer
from benchmarks.suite.data import CHANNELS

Engine = Literal["streaming", "in-memory"]
PLACES = pl.Enum(sorted(CHANNELS))
ZERO = pl.lit(0.0)


def pairs(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> pl.LazyFrame:
    """One row per eligible pair: conversion, value, channel's place, key, decay."""
    code = pl.col("channel").cast(PLACES).to_physical().cast(pl.Int64)
    age = pl.col("bought") - pl.col("at")
    return (
        touches.select("person_id", pl.col("time").to_physical().alias("at"), code.alias("code"))
        .join(
            conversions.select(
                "person_id", pl.col("time").to_physical().alias("bought"), cid="conversion_id", v="value"
            ),
            on="person_id",
        )
        .filter(age >= 0, age <= LOOKBACK)
        .select(
            "cid", "v", "code", key=pl.col("at") * 16 + pl.col("code"), d=(age * (-np.log(2) / HALF_LIFE)).exp()
        )
    )  # fmt: skip


def _credits(frame: pl.LazyFrame, **credits: pl.Expr) -> pl.LazyFrame:
    """Count and value per model by channel, zero for the models that are not named."""
    sums = []
    for model in MODELS:
        credit = credits.get(model, ZERO)
        sums += [credit.sum().alias(model), (credit * pl.col("v")).sum().alias(f"{model}_value")]
    return frame.group_by("code").agg(sums)


def _ends(served: pl.LazyFrame) -> pl.LazyFrame:
    """What position gives in the middle (a), and on top of it at either end (e)."""
    middle = pl.when(pl.col("n") > 2).then(0.2 / (pl.col("n") - 2)).otherwise(0.0)
    return served.with_columns(a=middle).with_columns(e=pl.when(pl.col("n") > 2).then(0.4 - pl.col("a")).otherwise(0.5))


def _added(served: pl.LazyFrame, *others: pl.LazyFrame) -> pl.LazyFrame:
    ends = served.with_columns(one=pl.lit(1.0))
    one, e = pl.col("one"), pl.col("e")
    first = _credits(ends.with_columns(code=pl.col("low") % 16), first_touch=one, position_based=e)
    last = _credits(ends.with_columns(code=pl.col("high") % 16), last_touch=one, position_based=e)
    return pl.concat([first, last, *others]).group_by("code").sum()


def grouped(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> pl.LazyFrame:
    """Group by conversion, join back."""
    found = pairs(touches, conversions)
    served = _ends(
        found.group_by("cid").agg(
            pl.col("v").first(), n=pl.len(), low=pl.col("key").min(), high=pl.col("key").max(), w=pl.col("d").sum()
        )
    )
    each = found.select("cid", "code", "d").join(served, on="cid")
    rest = _credits(each, linear=1.0 / pl.col("n"), time_decay=pl.col("d") / pl.col("w"), position_based=pl.col("a"))
    return _added(served, rest)


def celled(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> pl.LazyFrame:
    """Group by conversion and channel first."""
    cells = pairs(touches, conversions).group_by("cid", "code").agg(
        pl.col("v").first(), k=pl.len(), low=pl.col("key").min(), high=pl.col("key").max(), d=pl.col("d").sum()
    )  # fmt: skip
    served = _ends(
        cells.group_by("cid").agg(
            pl.col("v").first(), n=pl.col("k").sum(), low=pl.col("low").min(), high=pl.col("high").max(),
            w=pl.col("d").sum(),
        )
    )  # fmt: skip
    each = cells.select("cid", "code", "k", "d").join(served, on="cid")
    k = pl.col("k")
    rest = _credits(each, linear=k / pl.col("n"), time_decay=pl.col("d") / pl.col("w"), position_based=k * pl.col("a"))
    return _added(served, rest)


def windowed(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> pl.LazyFrame:
    """Window functions; the conversion's twins of the first key share nothing, by their running number."""
    number = pl.int_range(pl.len()).over("cid", order_by="key")
    ranked = _ends(
        pairs(touches, conversions).with_columns(
            n=pl.len().over("cid"), w=pl.col("d").sum().over("cid"), i=number
        )
    )  # fmt: skip
    first, last = pl.col("i") == 0, pl.col("i") == pl.col("n") - 1
    return _credits(
        ranked,
        first_touch=first.cast(pl.Float64),
        last_touch=last.cast(pl.Float64),
        linear=1.0 / pl.col("n"),
        time_decay=pl.col("d") / pl.col("w"),
        position_based=pl.col("a") + (first.cast(pl.Float64) + last.cast(pl.Float64)) * pl.col("e"),
    )


def sorted_once(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> pl.LazyFrame:
    """Group by conversion with the channels and decays kept as lists, taken apart again."""
    lists = pairs(touches, conversions).group_by("cid").agg(
        pl.col("v").first(), "code", "d", n=pl.len(), low=pl.col("key").min(), high=pl.col("key").max(),
        w=pl.col("d").sum(),
    )  # fmt: skip
    served = _ends(lists)
    each = served.explode("code", "d")
    rest = _credits(each, linear=1.0 / pl.col("n"), time_decay=pl.col("d") / pl.col("w"), position_based=pl.col("a"))
    return _added(served.drop("code", "d"), rest)


QUERIES: dict[str, Callable[[pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]] = {
    "group by, joined back": grouped,
    "group by conversion and channel": celled,
    "over": windowed,
    "lists, exploded": sorted_once,
}


def run(touches: pl.LazyFrame, conversions: pl.LazyFrame, idiom: str, engine: Engine = "streaming") -> np.ndarray:
    """The answer of one idiom."""
    totals = conversions.select(count=pl.len(), value=pl.col("value").sum())
    rows, total = pl.collect_all([QUERIES[idiom](touches, conversions), totals], engine=engine)
    names = [sorted(CHANNELS)[code] for code in rows["code"]]
    return answer({**rows.to_dict(), "channel": names}, total["count"][0], total["value"][0])
