"""The declared analysis of the simulated campaign, with the keys of a plan file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.simulation.constants import ARMS, ASSIGNED_AT, DAYS, STEPS

if TYPE_CHECKING:
    from experiments.simulation.designs import Design

__all__ = ["declared_plan"]

_ZONES = {"assignment": {"timezone": "Asia/Shanghai"}}
_FILES = ("touches", "conversions", "assignment", "prices", "history")


def declared_plan(design: Design) -> dict[str, Any]:
    """A new dict with the keys of a plan file; no decision is declared as a gate."""
    plan: dict[str, Any] = {
        "campaign": {
            "name": "2026Q4 wake-up",
            "population": "silent 90 days or more at assignment",
            "as_of": design.as_of,
        },
        "tables": {name: {"path": f"data/{name}.parquet", **_ZONES.get(name, {})} for name in _FILES},
        "experiment": {
            "randomised": True,
            "who": "WakeLift simulator",
            "when": ASSIGNED_AT.date(),
            "how": "independent draws per person",
            "control": ARMS[0],
            "order": list(ARMS),
            "window": f"{DAYS}d",
            "shares": "p_assign",
            "segments": "source",
            "steps": {arm: list(channels) for arm, channels in STEPS.items()},
        },
        "metrics": {
            "woken": {"kind": "rate", "column": "woken", "role": "primary"},
            "value": {"kind": "mean", "column": "value", "role": "secondary"},
        },
        "attribution": {
            "models": ["first_touch", "last_touch", "linear", "time_decay", "position_based"],
            "lookback": "30d",
        },
        "costs": {"thresholds": [60, 85, 125], "relevant_net": 0.1},
        "guardrails": {"closed": {"column": "closed", "margin": 0.0015}},
        "report": {"language": "zh", "min_cell": 10},
    }
    if design.waves:
        plan["experiment"]["strata"] = "stratum"
        plan["guardrails"]["closed"]["margin"] = 0.004  # one wave has too few closures for the margin of a campaign
    return plan
