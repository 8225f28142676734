"""Reference values of statsmodels for rates. Run: python generate_statsmodels.py > statsmodels_intervals.json.

The score interval of the difference is left out on purpose: its constrained estimate is wrong for a null other than 0
(statsmodels issue 10269); the score interval of the ratio is right.
"""

import json
import sys

import statsmodels
from statsmodels.stats.proportion import confint_proportions_2indep

TABLES = [
    [56, 70, 48, 80],
    [113, 604, 54, 396],
    [9, 10, 3, 10],
    [29, 3000, 12, 2900],
    [20, 9000, 4, 1000],
    [7, 34, 1, 34],
]
CASES = {"newcomb": "difference", "wald": "difference", "agresti-caffo": "difference", "score": "ratio"}

rows = []
for table in TABLES:
    for method, reading in CASES.items():
        for alpha in (0.05, 0.2):
            compare = "diff" if reading == "difference" else "ratio"
            low, high = confint_proportions_2indep(*table, method=method, compare=compare, alpha=alpha, correction=True)
            row = {"table": table, "method": method, "reading": reading, "level": 1 - alpha}
            rows.append({**row, "low": float(low), "high": float(high)})
json.dump(
    {
        "inputs": {"columns": ["hits", "n", "control_hits", "control_n"]},
        "expected": rows,
        "rtol": 1e-6,
        "atol": 1e-9,
        "source": f"statsmodels {statsmodels.__version__}, confint_proportions_2indep, 2026-11-22",
    },
    sys.stdout,
    indent=1,
)
