"""The coverage table of docs/reference/simulated-coverage.md.

Print it: `PYTHONPATH=.:tests python tests/statistical/coverage_table.py [campaigns]`.
"""

from __future__ import annotations

import sys

from statistical.redraw import Redrawn, band, tally

AGAINST_HOLDOUT = (("digital", "holdout"), ("sms", "holdout"), ("full", "holdout"))
STEPS = (("sms", "digital"), ("full", "sms"))
EQUAL, TENTH = (0.25, 0.25, 0.25, 0.25), (0.1, 0.3, 0.3, 0.3)
# name: scenario, persons, shares, contrasts
SETTINGS = {
    "effect, equal arms": ("default", 8_000, EQUAL, AGAINST_HOLDOUT + STEPS),
    "no effect, equal arms": ("null", 8_000, EQUAL, AGAINST_HOLDOUT + STEPS),
    "effect, 10 % holdout": ("default", 20_000, TENTH, AGAINST_HOLDOUT),
    "no effect, 10 % holdout": ("null", 20_000, TENTH, AGAINST_HOLDOUT),
}
POPULATION_SEED, DRAW_SEED = 11, 2026


def measure(setting, campaigns, **choice):
    """Tallies of one setting by (quantity, arm, control)."""
    scenario, persons, shares, contrasts = SETTINGS[setting]
    population = Redrawn(scenario, persons, POPULATION_SEED)
    return tally(population, shares, contrasts, campaigns=campaigns, seed=DRAW_SEED, **choice)


def inside(cell, cells):
    """Whether coverage and each tail of a tally lie in the bands of a table of ``cells`` tallies."""
    low, high = band(cell.draws, 0.025, 3 * cells)
    least, most = band(cell.draws, 0.95, 3 * cells)
    return low <= cell.above <= high, low <= cell.below <= high, least <= cell.covered <= most


def main():
    """Print the table."""
    campaigns = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    table = {name: measure(name, campaigns) for name in SETTINGS}
    cells = sum(len(part) for part in table.values())
    low, high = band(campaigns, 0.025, 3 * cells)
    least, most = band(campaigns, 0.95, 3 * cells)
    print(f"{campaigns:,} campaigns a row, {cells} rows; each tail {low / campaigns:.2%} to {high / campaigns:.2%},")
    print(f"coverage {least / campaigns:.2%} to {most / campaigns:.2%}\n")
    print("| setting | quantity | contrast | coverage | above the truth | below the truth | outside the band |")
    print("|---|---|---|---|---|---|---|")
    for name, part in table.items():
        for (quantity, arm, control), cell in part.items():
            names = ("above", "below", "coverage")
            out = ", ".join(n for n, good in zip(names, inside(cell, cells), strict=True) if not good)
            undefined = f" ({cell.undefined} undefined)" if cell.undefined else ""
            rates = (cell.covered / cell.draws, cell.above / cell.draws, cell.below / cell.draws)
            shown = " | ".join(f"{rate:.2%}" for rate in rates)
            print(f"| {name} | {quantity} | {arm} - {control} | {shown} | {out or '-'}{undefined} |")


if __name__ == "__main__":
    main()
