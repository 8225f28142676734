"""How often each verdict word falls, beside its chance.

Print it: `PYTHONPATH=.:tests python tests/statistical/verdict_shares.py [seeds] [persons]`.
"""

from __future__ import annotations

import sys
from collections import Counter

import experiments as ex
from experiments.simulation import expected_verdicts

WORDS = ("PASS", "FAIL", "INCONCLUSIVE")
THRESHOLDS = [60, 85, 125]


def verdicts_of(seed, persons, scenario="default"):
    """One campaign through the whole public path: the rows of its thresholds, and the rows of its truth."""
    c = ex.simulate(scenario, persons=persons, seed=seed)
    outcomes = ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, window="28d", as_of=c.as_of
    )
    experiment = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, shares="p_assign")
    pays = ex.cost_thresholds(outcomes, experiment=experiment, thresholds=THRESHOLDS, order=c.order, touches=c.touches)
    return pays.to_dicts(), expected_verdicts(c, thresholds=THRESHOLDS).to_dict("records")


def shares(seeds, persons, scenario="default"):
    """Per (arm, threshold): counts of the words, before and after Holm, their chance, intervals that hold the truth."""
    table = {}
    for seed in seeds:
        found, truth = verdicts_of(seed, persons, scenario)
        for row, true in zip(found, truth, strict=True):
            assert (row["arm"], row["threshold"]) == (true["arm"], true["threshold"])
            cell = table.setdefault(
                (row["arm"], row["threshold"]),
                {"unadjusted": Counter(), "adjusted": Counter(), "chance": Counter(), "held": 0, "seeds": 0},
            )
            cell["unadjusted"][row["verdict_unadjusted"]] += 1
            cell["adjusted"][row["verdict"]] += 1
            cell["held"] += row["net_benefit_low"] <= true["net_benefit_per_1000"] <= row["net_benefit_high"]
            cell["seeds"] += 1
            for word in WORDS:
                cell["chance"][word] += true[word]
    return table


def main():
    """Print seed 7 beside its truth, then the shares."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    persons = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    print("| contrast | T | true net per 1,000 | estimate (interval) | chance of P / F / I | verdict | unadjusted |")
    print("|---|---|---|---|---|---|---|")
    for row, true in zip(*verdicts_of(7, 60_000), strict=True):
        net = f"{row['net_benefit_per_1000']:,.1f} ({row['net_benefit_low']:,.1f} to {row['net_benefit_high']:,.1f})"
        chance = " / ".join(f"{true[word]:.3f}" for word in WORDS)
        name = f"{row['arm']} - {row['control']} | {row['threshold']:g} | {true['net_benefit_per_1000']:,.1f}"
        print(f"| {name} | {net} | {chance} | {row['verdict']} | {row['verdict_unadjusted']} |", flush=True)
    print(f"\n{seeds} seeds of {persons:,} persons\n")
    print("| arm | T | PASS / FAIL / INCONCLUSIVE | expected | after Holm | interval holds the truth |")
    print("|---|---|---|---|---|---|")
    for (arm, threshold), cell in shares(range(seeds), persons).items():
        counts, after, chance = (
            " / ".join(f"{cell[kind][word]:.0f}" if kind != "chance" else f"{cell[kind][word]:.1f}" for word in WORDS)
            for kind in ("unadjusted", "adjusted", "chance")
        )
        print(f"| {arm} | {threshold:g} | {counts} | {chance} | {after} | {cell['held']} of {cell['seeds']} |")


if __name__ == "__main__":
    main()
