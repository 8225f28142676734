"""Kaplan-Meier with log-log limits and the median's interval by lifelines, on the inputs of survfit.json.

Run in this folder, in an environment with lifelines: python generate_lifelines.py
"""

from __future__ import annotations

import json
import math
from importlib.metadata import version
from pathlib import Path

import numpy as np
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times

HERE = Path(__file__).parent
CASES = json.loads((HERE / "survfit.json").read_text())["inputs"]["cases"]


def plain(values) -> list[float | None]:
    return [None if not math.isfinite(value) else float(value) for value in np.ravel(values)]


found = {}
for name, case in CASES.items():
    fitted = KaplanMeierFitter(alpha=0.05).fit(case["time"], case["event"])
    times = np.unique(case["time"])
    limits = fitted.confidence_interval_survival_function_.loc[times]
    found[name] = {
        "time": plain(times),
        "survival": plain(fitted.survival_function_.loc[times]),
        "low": plain(limits.iloc[:, 0]),
        "high": plain(limits.iloc[:, 1]),
        "median": plain([fitted.median_survival_time_])[0],
        "median_limits": plain(median_survival_times(fitted.confidence_interval_survival_function_)),
    }
(HERE / "lifelines.json").write_text(
    json.dumps(
        {
            "inputs": "survfit.json",
            "expected": found,
            "rtol": 1e-9,
            "atol": 1e-12,
            "source": f"lifelines {version('lifelines')}, KaplanMeierFitter, median_survival_times, 2026-11-22",
        },
        indent=1,
    )
    + "\n"
)
