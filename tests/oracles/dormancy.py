"""Silence and orders of acts in plain pandas and loops: slow, obvious, by the definitions; imports nothing of ours.

A log has the columns person and day (whole days); the log is complete up to and with the day `last`.
"""

from __future__ import annotations

import math

import pandas as pd


def spells(log: pd.DataFrame) -> pd.DataFrame:
    """Every act with the day of the person's next act (missing: none)."""
    rows = log.sort_values(["person", "day"], kind="stable").reset_index(drop=True)
    rows["next"] = rows.groupby("person")["day"].shift(-1)
    rows["nth"] = rows.groupby("person").cumcount() + 1
    return rows


def dormancy(log: pd.DataFrame, *, last: int, horizon: int, days: list[int]) -> list[dict[str, float]]:
    """At risk, returned and the variance of their ratio over persons, for each day of silence."""
    rows = spells(log)
    gap = (rows["next"] - rows["day"]).fillna(math.inf)
    found = []
    for d in days:
        risk = rows[(rows["day"] <= last - d - horizon) & (gap > d)]
        back = gap[risk.index] <= d + horizon
        n, hits = len(risk), int(back.sum())
        variance = math.nan
        if n:
            rest = (back - hits / n).groupby(risk["person"]).sum()
            persons = len(rest)
            variance = persons / (persons - 1) * float((rest**2).sum()) / n**2 if persons > 1 else math.nan
        found.append({"day": d, "at_risk": n, "returned": hits, "variance": variance})
    return found


def kaplan_meier(times: list[float], ended: list[bool]) -> list[tuple[float, float]]:
    """Every distinct time with the share that lasts longer."""
    survival, found = 1.0, []
    for t in sorted(set(times)):
        at_risk = sum(time >= t for time in times)
        events = sum(time == t and end for time, end in zip(times, ended, strict=True))
        survival *= 1.0 - events / at_risk
        found.append((t, survival))
    return found


def window_by_kaplan_meier(log: pd.DataFrame, *, last: int, horizon: int, day: int) -> float | None:
    """1 - S(day + horizon) / S(day) over all spells, running ones censored at the end of the last day."""
    rows = spells(log)
    # The last moment of the last day: an act of the next day could not have been seen.
    times = (rows["next"].fillna(last + 1 - 1e-9) - rows["day"]).tolist()
    curve = kaplan_meier(times, rows["next"].notna().tolist())
    if day + horizon > curve[-1][0] and curve[-1][1] > 0:
        return None
    before = min([1.0, *(s for t, s in curve if t <= day)])
    after = min([1.0, *(s for t, s in curve if t <= day + horizon)])
    return 1.0 - after / before if before > 0 else None


def cut(rows: list[dict[str, float]], eps: float, min_spells: int) -> float | None:
    """The first day with a share of at most eps there and at every later day with enough spells."""
    judged = [row for row in rows if row["at_risk"] >= min_spells]
    for row in judged:
        if all(later["returned"] <= eps * later["at_risk"] for later in judged if later["day"] >= row["day"]):
            return row["day"]
    return None


def nth_purchase(log: pd.DataFrame, *, last: int, silent: int, up_to: int) -> list[dict[str, float]]:
    """Customers who reached and stopped at each order, and customers by their number of acts."""
    rows = spells(log)
    counts = log.groupby("person").size()
    found, most = [], min(up_to, int(counts.max()))
    for n in range(1, most + 1):
        mine = rows[rows["nth"] == n]
        judged = mine[mine["day"] + silent <= last]
        gap = (judged["next"] - judged["day"]).fillna(math.inf)
        exact = counts[counts == n]
        row = {
            "nth": n, "reached": len(judged), "stopped": int((gap > silent).sum()),
            "late": int(((gap > silent) & (gap < math.inf)).sum()), "customers": len(exact),
            "share": len(exact) / len(counts), "cumulative": float((counts <= n).mean()),
        }  # fmt: skip
        if "value" in log:
            total = log["value"].sum()
            row["value_share"] = float(log[log["person"].isin(exact.index)]["value"].sum() / total)
        found.append(row)
    return found


def step(rows: list[dict[str, float]]) -> tuple[int | None, list[float]]:
    """The first order after the most likely single step (None: a constant does as well by BIC), and every gain."""

    def likelihood(part: list[dict[str, float]]) -> float:
        n, k = sum(row["reached"] for row in part), sum(row["stopped"] for row in part)
        return sum(c * math.log(c / n) for c in (k, n - k) if c)

    used = [row for row in rows if row["reached"]]
    gains = [likelihood(used[:i]) + likelihood(used[i:]) - likelihood(used) for i in range(1, len(used))]
    trials = sum(row["reached"] for row in used)
    if not gains or 2 * max(gains) <= 2 * math.log(trials):
        return None, gains
    return used[gains.index(max(gains)) + 1]["nth"], gains


def median_to_next(log: pd.DataFrame, *, last: int, n: int) -> float | None:
    """Median days from the nth act to the next, by Kaplan-Meier."""
    rows = spells(log)
    mine = rows[rows["nth"] == n]
    times = (mine["next"].fillna(last + 1 - 1e-9) - mine["day"]).tolist()
    for t, survival in kaplan_meier(times, mine["next"].notna().tolist()):
        if survival <= 0.5 + 1e-12:
            return t
    return None
