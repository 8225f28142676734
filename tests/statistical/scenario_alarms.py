"""Alarms of clean campaigns, over everything that looks for trouble: logs, identities, trust panel, money, report.

Print them: `PYTHONPATH=.:tests python tests/statistical/scenario_alarms.py [seeds] [persons] [scenario]`.
"""

from __future__ import annotations

import sys
from collections import Counter

import attribution as at
import experiments as ex

QUIET = ("pass", "note")
BY_CHANCE = frozenset(
    {"SRM", "SRM_STRATA", "SRM_DAYS", "SRM_WEEKDAYS", "BALANCE", "EXCLUSIONS", "MISSING_OUTCOME", "IMMATURE_ARMS"}
)  # tests whose alarms share 1 in 1,000 of a report
OF_THE_NUMBERS = frozenset({"HEAVY_TAIL", "INFLUENCE", "SECOND_COMPUTATION"})
# true of the simulated numbers: margins are skewed, and two tests of few events can lie on two sides of a level
NOT_ASKED = frozenset({("identity", "LINKS_UNDATED")})  # the simulated links carry no date, and the library says so
HISTORY = ("recency_days", "n_invest", "amount_total", "source")


def steps_of(c):
    """Findings of every step, by the step."""
    outcomes = ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, history=c.history, window="28d", as_of=c.as_of
    )
    strata = "stratum" if c.scenario == "waves" else None
    spec = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, shares="p_assign", strata=strata)
    credit = at.attribute(c.touches, c.conversions, models=["linear"])
    readout = spec.analyze(outcomes, touches=c.touches)
    assigned = c.customers[["customer_id", "person_id"]].merge(c.assignment, on="person_id")
    return {
        "logs": at.check_tables(
            c.touches, c.conversions, customers=c.customers, prices=c.prices, links=c.links
        ).findings,
        "identity": at.resolve_identity(c.links, assignment=assigned).findings,
        "credit": credit.findings,
        "trust": spec.trust(outcomes, assignment=c.assignment, touches=c.touches, history=HISTORY).findings,
        "thresholds": ex.cost_thresholds(outcomes, experiment=spec, order=c.order, touches=c.touches).findings,
        "money": ex.money_test(outcomes, experiment=spec, order=c.order, touches=c.touches).findings,
        "reconciliation": ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps).findings,
    }


def loud_of(c):
    """What is louder than a note, as (step, code, status)."""
    found = {(step, item.code, item.status) for step, items in steps_of(c).items() for item in items}
    return {each for each in found if each[2] not in QUIET and each[:2] not in NOT_ASKED}


def alarms(seeds, persons, scenario="default"):
    """Campaigns with an alarm by chance, those with any other, and how often each loud finding is given."""
    by_chance, other, counts = {}, {}, Counter()
    for seed in seeds:
        loud = loud_of(ex.simulate(scenario, persons=persons, seed=seed))
        counts.update(loud)
        chance = {each for each in loud if each[1] in BY_CHANCE}
        rest = {each for each in loud - chance if each[1] not in OF_THE_NUMBERS}
        if chance:
            by_chance[seed] = sorted(chance)
        if rest:
            other[seed] = sorted(rest)
    return by_chance, other, counts


def main():
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    persons = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    scenario = sys.argv[3] if len(sys.argv) > 3 else "default"
    by_chance, other, counts = alarms(range(seeds), persons, scenario)
    print("| step | finding | status | campaigns |")
    print("|---|---|---|---|")
    for (step, code, status), n in sorted(counts.items()):
        print(f"| {step} | {code} | {status} | {n:,} |")
    print(
        f"\n{scenario}: {seeds:,} campaigns of {persons:,} persons; alarms by chance in {len(by_chance)}: {by_chance}"
    )
    print(f"other alarms in {len(other)}: {other}")


if __name__ == "__main__":
    main()
