"""Credit and effect of a step from plain rows of persons: gap, ratio, placebo contrast; slow and obvious."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats


def person_credit(
    events: pd.DataFrame, conversions: pd.DataFrame, people: pd.Series, channels, model: str
) -> pd.Series:
    """Credit of each person's first conversion to some channels, 0 for everybody else."""
    first = conversions.sort_values(["time", "conversion_id"]).drop_duplicates("person_id")["conversion_id"]
    mine = events[(events["model"] == model) & events["channel"].isin(channels)]
    mine = mine[mine["conversion_id"].isin(set(first))]
    return mine.groupby("person_id")["conversions"].sum().reindex(people).fillna(0.0)


def moments(treated: pd.DataFrame, control: pd.DataFrame) -> dict[str, float]:
    """Means, variances and covariance of effect and credit from rows with the columns woken and credit."""
    n1, n0 = len(treated), len(control)
    both = np.cov(treated["woken"], treated["credit"])
    return {
        "effect": treated["woken"].mean() - control["woken"].mean(),
        "credit": treated["credit"].mean(),
        "v_effect": both[0, 0] / n1 + control["woken"].var() / n0,
        "v_credit": both[1, 1] / n1,
        "joint": both[0, 1] / n1,
    }


def welch_gap(treated: pd.DataFrame, control: pd.DataFrame, level: float = 0.95) -> tuple[float, float, float]:
    """Credit - effect per person: the arm before against what the arm left uncredited, two independent means."""
    rest, before = treated["woken"] - treated["credit"], control["woken"]
    value = before.mean() - rest.mean()
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(rest.var() / len(rest) + before.var() / len(before))
    return value, value - half, value + half


def fieller_scan(found: dict[str, float], level: float = 0.95) -> tuple[float, float]:
    """The ends of the factors that are not rejected, by a scan of a grid around the estimate."""
    z = stats.norm.ppf(0.5 + level / 2)
    value = found["effect"] / found["credit"]
    grid = value + np.linspace(-6, 6, 200_001) * np.sqrt(found["v_effect"]) / found["credit"]
    distance = found["effect"] - grid * found["credit"]
    variance = found["v_effect"] - 2 * grid * found["joint"] + grid**2 * found["v_credit"]
    kept = grid[distance**2 <= z**2 * variance]
    return float(kept.min()), float(kept.max())
