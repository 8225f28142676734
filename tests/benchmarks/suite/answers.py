"""What every query returns: five models x (channels by name, then untouched) x (conversions, value)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.suite.data import CHANNELS

MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position_based")
NAMES = (*sorted(CHANNELS), "(none)")
HALF_LIFE = 7 * 86_400_000_000
LOOKBACK = 30 * 86_400_000_000


def answer(rows: Mapping[str, Sequence[float]], conversions: float, value: float) -> np.ndarray:
    """The answer from a row per channel: columns `channel`, and per model `first_touch`, `first_touch_value` and so on.

    What no touch has is the rest, by the first touch: no query pays for counting it.
    """
    found = np.zeros((len(MODELS), len(NAMES), 2))
    places = [NAMES.index(str(name)) for name in rows["channel"]]
    for k, model in enumerate(MODELS):
        found[k, places, 0] = np.asarray(rows[model], float)
        found[k, places, 1] = np.asarray(rows[f"{model}_value"], float)
    found[:, -1] = np.array([conversions, value]) - found[0, :-1].sum(axis=0)
    return found


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two answers, relative to the expected cell."""
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-9)))
