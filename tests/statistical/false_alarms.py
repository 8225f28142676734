"""Findings of clean simulated campaigns.

Print them: `PYTHONPATH=.:tests python tests/statistical/false_alarms.py [seeds] [persons]`.
"""

from __future__ import annotations

import sys
from collections import Counter

import attribution as at
import experiments as ex

QUIET = ("pass", "note")


def findings_of(seed, persons, scenario="default"):
    """Every finding of the whole public path on one clean campaign, as (step, code, status)."""
    c = ex.simulate(scenario, persons=persons, seed=seed)
    credit = at.attribute(c.touches, c.conversions)
    outcomes = ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, history=c.history, window="28d", as_of=c.as_of
    )
    experiment = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, shares="p_assign")
    readout = experiment.analyze(outcomes, touches=c.touches)
    pays = ex.cost_thresholds(outcomes, experiment=experiment, order=c.order, touches=c.touches)
    reconciled = ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps)
    parts = {"credit": credit, "outcomes and readout": readout, "thresholds": pays, "reconciliation": reconciled}
    found = [(step, item.code, item.status) for step, part in parts.items() for item in part.findings]
    words = Counter(judged.verdict.word for judged in pays.judged)
    return found, words


def count(seeds, persons, scenario="default"):
    """How many campaigns show each finding, the campaigns with a loud one, and the verdict words."""
    counts, loud, words = Counter(), {}, Counter()
    for seed in seeds:
        found, said = findings_of(seed, persons, scenario)
        counts.update(set(found))
        words.update(said)
        noisy = sorted({item for item in found if item[2] not in QUIET})
        if noisy:
            loud[seed] = noisy
    return counts, loud, words


def main():
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    persons = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    counts, loud, words = count(range(seeds), persons)
    print("| step | finding | status | campaigns |")
    print("|---|---|---|---|")
    for (step, code, status), n in sorted(counts.items()):
        print(f"| {step} | {code} | {status} | {n:,} |")
    print(f"\n{seeds:,} campaigns of {persons:,} persons; with a warn, fail or unknown: {len(loud)} {loud}")
    print(f"Verdicts: {dict(words)}")


if __name__ == "__main__":
    main()
