"""The five models in hand-written pandas: merge, filter, group by, mapped back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.suite.answers import HALF_LIFE, LOOKBACK, answer
from benchmarks.suite.data import CHANNELS


def _pairs(touches: pd.DataFrame, conversions: pd.DataFrame) -> pd.DataFrame:
    code = pd.Categorical(touches["channel"], categories=sorted(CHANNELS)).codes.astype(np.int64)
    left = pd.DataFrame({"person_id": touches["person_id"], "at": touches["time"].astype("int64"), "code": code})
    right = pd.DataFrame({
        "person_id": conversions["person_id"],
        "bought": conversions["time"].astype("int64"),
        "cid": conversions["conversion_id"],
        "v": conversions["value"],
    })  # fmt: skip
    pairs = left.merge(right, on="person_id")
    age = pairs["bought"] - pairs["at"]
    pairs = pairs.assign(age=age)[(age >= 0) & (age <= LOOKBACK)]
    return pd.DataFrame({
        "cid": pairs["cid"],
        "v": pairs["v"],
        "code": pairs["code"],
        "key": pairs["at"] * 16 + pairs["code"],
        "d": np.exp2(pairs["age"] * (-1.0 / HALF_LIFE)),
    })  # fmt: skip


def run(touches: pd.DataFrame, conversions: pd.DataFrame) -> np.ndarray:
    """The answer; ties by the channel's place, packed under the time."""
    pairs = _pairs(touches, conversions)
    served = pairs.groupby("cid", sort=False).agg(
        v=("v", "first"), n=("key", "size"), low=("key", "min"), high=("key", "max"), w=("d", "sum")
    )
    served["a"] = np.where(served["n"] > 2, 0.2 / np.maximum(served["n"] - 2, 1), 0.0)
    served["e"] = np.where(served["n"] > 2, 0.4 - served["a"], 0.5)
    each = pairs[["cid", "code", "d", "v"]].join(served[["n", "w", "a"]], on="cid")
    credits = {
        "linear": each.assign(credit=1.0 / each["n"]),
        "time_decay": each.assign(credit=each["d"] / each["w"]),
        "position_based": each.assign(credit=each["a"]),
        "first_touch": served.assign(code=served["low"] % 16, credit=1.0),
        "last_touch": served.assign(code=served["high"] % 16, credit=1.0),
    }
    places = np.arange(len(CHANNELS))
    sums: dict[str, np.ndarray] = {}
    for model, rows in credits.items():
        found = rows.assign(value=rows["credit"] * rows["v"]).groupby("code")[["credit", "value"]].sum()
        sums[model], sums[f"{model}_value"] = found.reindex(places, fill_value=0.0).to_numpy().T
    for column in ("low", "high"):
        ends = served.assign(code=served[column] % 16, value=served["e"] * served["v"])
        found = ends.groupby("code")[["e", "value"]].sum().reindex(places, fill_value=0.0).to_numpy()
        sums["position_based"] = sums["position_based"] + found[:, 0]
        sums["position_based_value"] = sums["position_based_value"] + found[:, 1]
    return answer({**sums, "channel": sorted(CHANNELS)}, len(conversions), float(conversions["value"].sum()))
