"""Reference p-values of Brunner and Munzel by SciPy. Run: python generate_scipy.py > scipy_brunnermunzel.json."""

import json
import sys
from pathlib import Path

import scipy
from scipy.stats import brunnermunzel

PAIRS = json.loads((Path(__file__).parent / "r_wilcox.json").read_text(encoding="utf-8"))["inputs"]
SIDES = {"two": "two-sided", "greater": "greater", "less": "less"}

rows = []
for name, (treated, control) in PAIRS.items():
    for side, alternative in SIDES.items():
        p = brunnermunzel(treated, control, alternative=alternative).pvalue
        rows.append({"data": name, "side": side, "p": float(p)})
json.dump(
    {
        "inputs": "as in r_wilcox.json",
        "expected": rows,
        "rtol": 1e-9,
        "atol": 0,
        "source": f"scipy {scipy.__version__}, scipy.stats.brunnermunzel(distribution='t'), 2026-11-22",
    },
    sys.stdout,
    indent=1,
)
