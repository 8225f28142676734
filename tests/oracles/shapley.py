"""Shapley values by listing every order of joining, in fractions. Slow and obvious; imports nothing of the library."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from math import factorial


def shapley_by_orders(players, worth):
    """Mean of what each player adds, over all orders of joining; `worth` maps a frozenset to a Fraction."""
    total = dict.fromkeys(players, Fraction(0))
    for order in permutations(players):
        there = frozenset()
        for player in order:
            total[player] += worth(there | {player}) - worth(there)
            there |= {player}
    return {player: value / factorial(len(players)) for player, value in total.items()}


def inside(journeys, coalition):
    """Conversions and journeys of those whose channels all lie in the coalition."""
    conversions, everybody = Fraction(0), Fraction(0)
    for path, converted, lost in journeys:
        if all(channel in coalition for channel in path):
            conversions += Fraction(converted)
            everybody += Fraction(converted) + Fraction(lost)
    return conversions, everybody


def count_worth(journeys):
    """The counting game: conversions inside."""
    return lambda coalition: inside(journeys, coalition)[0]


def rate_worth(journeys):
    """The rate game: conversion rate inside, 0 where nobody is."""

    def worth(coalition):
        conversions, everybody = inside(journeys, coalition)
        return conversions / everybody if everybody else Fraction(0)

    return worth


def shapley_of_paths(journeys, value):
    """Values of all channels of journeys given as (path, conversions, nulls)."""
    players = sorted({channel for path, _, _ in journeys for channel in path})
    game = count_worth(journeys) if value == "count" else rate_worth(journeys)
    return shapley_by_orders(players, game)


def equal_split(journeys):
    """Every conversion divided equally among the distinct channels of its journey."""
    total = {channel: Fraction(0) for path, _, _ in journeys for channel in path}
    for path, converted, _ in journeys:
        for channel in set(path):
            total[channel] += Fraction(converted) / len(set(path))
    return total
