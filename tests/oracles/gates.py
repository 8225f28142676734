"""Gatekeeping as it is written, carried out at one alpha; and the graphical algorithm of Bretz and others (2009)."""

from __future__ import annotations


def holm_rejects(p, alpha):
    """Which hypotheses Holm's procedure rejects."""
    rejected = [False] * len(p)
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[i] > alpha / (len(p) - rank):
            break
        rejected[i] = True
    return rejected


def serial(first, second, alpha):
    """Holm on the first family, and on the second one only when all of the first are rejected."""
    one = holm_rejects(first, alpha)
    return one, holm_rejects(second, alpha) if all(one) else [False] * len(second)


def parallel(first, second, alpha, truncation):
    """Truncated Holm on the first family hands alpha to Holm on the second (Dmitrienko, Tamhane and Wiens 2008)."""
    n = len(first)
    one = [False] * n
    for rank, i in enumerate(sorted(range(n), key=lambda i: first[i])):
        if first[i] > alpha * (truncation / (n - rank) + (1 - truncation) / n):
            break
        one[i] = True
    left = n - sum(one)
    used = alpha * (truncation + (1 - truncation) * left / n) if left else 0.0
    return one, holm_rejects(second, alpha - used) if alpha > used else [False] * len(second)


def graph(p, weights, edges):
    """Adjusted p-values of the sequentially rejective graphical procedure (Bretz and others 2009, algorithm 2)."""
    left, weights = set(range(len(p))), list(weights)
    edges = [list(row) for row in edges]
    adjusted, reached = [1.0] * len(p), 0.0
    while left:
        ratio = {i: p[i] / weights[i] if weights[i] > 0 else (0.0 if p[i] == 0 else float("inf")) for i in left}
        j = min(left, key=lambda i: (ratio[i], i))
        reached = max(reached, ratio[j])
        adjusted[j] = min(1.0, reached)
        if reached >= 1.0:
            for i in left:
                adjusted[i] = 1.0
            break
        left.remove(j)
        new = [row[:] for row in edges]
        for k in left:
            weights[k] += weights[j] * edges[j][k]
            for m in left:
                bottom = 1.0 - edges[k][j] * edges[j][k]
                new[k][m] = (edges[k][m] + edges[k][j] * edges[j][m]) / bottom if k != m and bottom > 0 else 0.0
        edges = new
        weights[j] = 0.0
    return adjusted


def by_arm_graph(arms, metrics, tiny):
    """Weights and edges: an arm's primary, then its secondaries by Holm, then (before, next to nothing) other arms."""
    size = arms * (1 + metrics)
    weights = [1.0 / arms if i < arms else 0.0 for i in range(size)]
    edges = [[0.0] * size for _ in range(size)]

    def place(metric, arm):
        return arms + metric * arms + arm

    for arm in range(arms):
        others = [a for a in range(arms) if a != arm]
        for metric in range(metrics):
            edges[arm][place(metric, arm)] = 1.0 / metrics
            mates = [m for m in range(metrics) if m != metric]
            for m in mates:
                edges[place(metric, arm)][place(m, arm)] = (1.0 - (tiny if others else 0.0)) / len(mates)
            for a in others:
                edges[place(metric, arm)][a] = (tiny if mates else 1.0) / len(others)
        if not metrics:
            for a in others:
                edges[arm][a] = 1.0 / len(others)
    return weights, edges
