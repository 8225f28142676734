"""Reference values of planning from statsmodels. Run in this directory: python generate_statsmodels.py."""

import json
from importlib.metadata import version
from pathlib import Path

from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep, samplesize_proportions_2indep_onetail

cases = []


def add(call, args, expected, take=None):
    """One call of ours with the number of statsmodels."""
    cases.append(({"call": call, "args": args, "take": take}, float(expected)))


for d, ratio, power in [(0.3, 1, 0.8), (0.2, 4, 0.9), (0.5, 9, 0.8)]:
    n = TTestIndPower().solve_power(d, alpha=0.05, power=power, ratio=ratio, alternative="larger")
    args = {"effect": d, "std": 1.0, "power": power, "allocation": ratio, "side": "greater", "equal_variances": True}
    add("sample_size_means", args, n, "exact")
for d, ratio, n in [(0.3, 3, 120), (0.1, 9, 900)]:
    found = NormalIndPower().power(d, n, 0.05, ratio=ratio, alternative="larger")
    args = {"effect": d, "std": 1.0, "n": n * 1e7, "allocation": ratio, "side": "greater"}
    add("power_means", {**args, "effect": d / 1e7**0.5}, found)
for p0, p1, ratio in [(0.2, 0.25, 1), (0.02, 0.026, 1), (0.1, 0.13, 2)]:
    # ratio is nobs2 / nobs1, and group 2 has the rate given: the control is group 2, so it is 1 / allocation.
    n = samplesize_proportions_2indep_onetail(p1 - p0, p0, 0.8, ratio=1 / ratio, alpha=0.05, alternative="two-sided")
    args = {"control": p0, "treatment": p1, "allocation": ratio}
    add("sample_size_rates", args, n / ratio, "exact")
for p0, p1, n in [(0.2, 0.25, 900), (0.02, 0.03, 2500)]:
    found = power_proportions_2indep(p1 - p0, p0, n, alternative="larger", return_results=False)
    add("power_rates", {"control": p0, "treatment": p1, "n": n, "side": "greater"}, found)

where = f"statsmodels {version('statsmodels')}: TTestIndPower, NormalIndPower, proportion power, 2026-11-22"
made = {"inputs": [c[0] for c in cases], "expected": [c[1] for c in cases], "rtol": 1e-6, "atol": 0, "source": where}
Path("statsmodels.json").write_text(json.dumps(made, indent=2) + "\n")
