"""The two packages people use, with what they need built first in the fastest way known (Polars).

Neither looks back from a conversion over a window, so the sessions and paths are built for them. marketing-attribution-
models gets one row per eligible touch and returns one figure per channel: it is asked for values only, half of what the
others give. It truncates ages to whole seconds, so its time decay agrees to about a millionth only. ChannelAttribution
gets collapsed paths and returns first, last and linear, counts and values.
"""

from __future__ import annotations

import contextlib
import io
from importlib.util import find_spec

import numpy as np
import polars as pl

from benchmarks.suite.answers import LOOKBACK, MODELS, NAMES, answer
from benchmarks.suite.polars_queries import PLACES

PEERS = {"marketing-attribution-models": "mam", "ChannelAttribution": "ChannelAttribution"}
WHY_ABSENT = "not installed: `make bench-peers` puts it under build/peers"


def absent(peer: str) -> bool:
    """Whether the package cannot be imported here."""
    return find_spec(PEERS[peer]) is None


def _eligible(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> pl.LazyFrame:
    age = (pl.col("bought") - pl.col("time")).dt.total_microseconds()
    return (
        touches.select("person_id", "time", pl.col("channel").cast(PLACES))
        .join(conversions.select("person_id", "value", "conversion_id", bought="time"), on="person_id")
        .filter(age >= 0, age <= LOOKBACK)
    )


def mam(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> np.ndarray:
    """Values per model and channel; the counts of the answer stay zero."""
    from mam import MAM

    place = pl.col("channel").to_physical().cast(pl.Int64)
    sessions = (
        _eligible(touches, conversions)
        # It sorts by time alone: nanoseconds by the channel's name keep touches of one instant in their order.
        .select(
            pl.col("conversion_id").cast(pl.String),
            pl.col("channel").cast(pl.String),
            "value",
            time=pl.col("time").cast(pl.Datetime("ns", "UTC")) + pl.duration(nanoseconds=place),
            converted=pl.lit(value=True),
        )
        # The value of a conversion is the sum over its rows: it stands on one.
        .with_columns(value=pl.when(pl.col("conversion_id").is_first_distinct()).then("value").otherwise(0.0))
        .collect(engine="streaming")
    )
    job = MAM(
        sessions, "session", "channel", "converted", datetime_colname="time", user_id_colname="conversion_id",
        conversion_value_colname="value",
    )  # fmt: skip
    runs = (job.run_first_click, job.run_last_click, job.run_linear, job.run_time_decay, job.run_position_based)
    found = np.zeros((len(MODELS), len(NAMES), 2))
    for k, results in enumerate(runs):
        rows = results().to_polars()
        places = [NAMES.index(str(name)) for name in rows["channels"]]
        found[k, places, 1] = rows["attribution"].to_numpy()
    total = conversions.select(pl.col("value").sum()).collect().item()
    found[:, -1, 1] = total - found[0, :-1, 1].sum()
    return found


def channel_attribution(touches: pl.LazyFrame, conversions: pl.LazyFrame) -> np.ndarray:
    """First, last and linear; the two other models of the answer stay zero."""
    with contextlib.redirect_stdout(io.StringIO()):
        from ChannelAttribution import heuristic_models

    place = pl.col("channel").to_physical().cast(pl.Int64)
    key = pl.col("time").to_physical() * 16 + place
    paths = (
        _eligible(touches, conversions)
        .group_by("conversion_id")
        .agg(pl.col("channel").sort_by(key), pl.col("value").first())
        .select(pl.col("channel").cast(pl.List(pl.String)).list.join(">"), "value")
        .group_by(path="channel")
        .agg(conversions=pl.len(), value=pl.col("value").sum())
        .collect(engine="streaming")
        .to_pandas()
    )
    rows = heuristic_models(paths, "path", "conversions", var_value="value", sep=">", flg_pro=False)
    names = {"first_touch": "first_touch", "last_touch": "last_touch", "linear": "linear_touch"}
    columns: dict[str, object] = {"channel": rows["channel_name"]}
    for model in MODELS:
        for ours, theirs in (("", "_conversions"), ("_value", "_value")):
            known = model in names
            columns[model + ours] = rows[names[model] + theirs] if known else np.zeros(len(rows))
    totals = conversions.select(count=pl.len(), value=pl.col("value").sum()).collect()
    return answer(columns, totals["count"][0], totals["value"][0])
