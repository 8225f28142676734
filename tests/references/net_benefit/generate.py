"""Write the reference values of the net benefit: `python tests/references/net_benefit/generate.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mpmath

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
from oracles import net_benefit as oracle  # noqa: E402

Z = 1.959963984540054
CASES = {
    "sms_small_holdout": (
        {"n": 15000, "woken": 240, "cw": 30.1, "co": 0.1, "vw": 40.0, "vo": 0.0004},
        {"n": 1600, "woken": 8, "cw": 20.0, "co": 0.0, "vw": 100.0, "vo": 0.0},
        85.0,
    ),
    "phone_costly": (
        {"n": 4000, "woken": 130, "cw": 33.0, "co": 2.4, "vw": 60.0, "vo": 3.0},
        {"n": 4000, "woken": 95, "cw": 12.0, "co": 0.1, "vw": 55.0, "vo": 0.01},
        125.0,
    ),
    "threshold_below_the_cost_of_waking": (
        {"n": 3000, "woken": 60, "cw": 55.0, "co": 1.0, "vw": 9.0, "vo": 1.0},
        {"n": 2000, "woken": 25, "cw": 50.0, "co": 0.0, "vw": 9.0, "vo": 0.0},
        20.0,
    ),
    "slopes_of_different_sign": (
        {"n": 3000, "woken": 60, "cw": 55.0, "co": 1.0, "vw": 9.0, "vo": 1.0},
        {"n": 2000, "woken": 25, "cw": 0.5, "co": 0.0, "vw": 0.25, "vo": 0.04},
        20.0,
    ),
    "common_outcome": (
        {"n": 60, "woken": 41, "cw": 3.0, "co": 1.0, "vw": 2.0, "vo": 0.5},
        {"n": 45, "woken": 20, "cw": 1.0, "co": 0.0, "vw": 1.0, "vo": 0.0},
        10.0,
    ),
}


def main() -> None:
    for name, (treated, control, threshold) in CASES.items():
        low, high = oracle.interval(treated, control, threshold, Z)
        case = {
            "inputs": {"treated": treated, "control": control, "threshold": threshold, "level": 0.95},
            "expected": {"value": float(oracle.estimate(treated, control, threshold)), "low": low, "high": high},
            "rtol": 1e-10,
            "atol": 1e-10,
            "source": {
                "package": "mpmath",
                "version": mpmath.__version__,
                "function": "tests/oracles/net_benefit.py: ternary search of the likelihood, scan and bisection of b",
                "date": "2026-11-22",
            },
        }
        text = json.dumps(case, indent=2, ensure_ascii=False) + "\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
