"""The cross-fitted value of a rule at one split, person by person."""

from __future__ import annotations


def split_value(net, arm, stratum, fold, rule):
    """Mean over all persons of what each adds; rule(learn, i) gives person i's arm from the persons to learn on."""
    persons = range(len(net))
    arms = max(arm) + 1
    total = 0.0
    for i in persons:
        learn = [j for j in persons if fold[j] != fold[i]]

        def mean(b, learn=learn, i=i):
            values = [net[j] for j in learn if stratum[j] == stratum[i] and arm[j] == b]
            return sum(values) / len(values) if values else 0.0

        same = [j for j in persons if stratum[j] == stratum[i]]
        share = sum(1 for j in same if arm[j] == arm[i]) / len(same)
        chosen = rule(learn, i)
        weight = [float(b == chosen) - float(b == 0) for b in range(arms)]
        total += sum(weight[b] * mean(b) for b in range(arms))
        total += weight[arm[i]] * (net[i] - mean(arm[i])) / share
    return total / len(net)
