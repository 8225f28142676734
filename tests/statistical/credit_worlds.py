"""Worlds of persons, touches and conversions whose expected credit is known, for the coverage of credit intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

START = pd.Timestamp("2026-01-01 05:00", tz="UTC")
CHANNELS = tuple("abcdef")
EVEN = (1 / 6,) * 6
UNEVEN = (0.44, 0.28, 0.16, 0.08, 0.03, 0.01)


@dataclass(frozen=True)
class Design:
    """How persons are drawn; every world draws them anew.

    Attributes:
        persons: Persons at risk.
        rate: Share of persons who convert (of journeys, where `nulls`).
        weights: How often each channel is drawn.
        heavy: Shape of the gamma law of conversions beyond a person's first; None: one conversion each.
        sigma: Of the lognormal value of a conversion; 0: every conversion is worth 10.
        known: Whether the number of persons at risk is passed on.
        nulls: Whether persons without a conversion have journeys too (models of paths need them).
        costs: Whether touches cost money, person by person, converting or not.
        figures: The figures whose intervals are measured.
        ordered: Whether rank sets and a difference are measured too.
    """

    persons: int
    rate: float
    weights: tuple[float, ...] = UNEVEN
    heavy: float | None = None
    sigma: float = 0.0
    known: bool = False
    nulls: bool = False
    costs: bool = False
    figures: tuple[str, ...] = ("conversions", "share")
    ordered: bool = True


@dataclass(frozen=True)
class World:
    """One draw: the tables, and the persons with credit in each channel by "linear" and "last_touch"."""

    touches: pd.DataFrame
    conversions: pd.DataFrame
    spend: pd.DataFrame | None
    holders: dict[str, np.ndarray]


def draw(design, rng):
    """One world."""
    person, converts = _journeys(design, rng)
    size = rng.integers(1, 5, len(person))
    journey = np.repeat(np.arange(len(person)), size)
    # Half the touches of a person are in one favourite channel, so that credit is clustered by person.
    favourite = rng.choice(len(CHANNELS), design.persons, p=design.weights)
    channel = rng.choice(len(CHANNELS), len(journey), p=design.weights)
    channel = np.where(rng.random(len(journey)) < 0.5, favourite[person[journey]], channel)
    if design.nulls:
        converts = rng.random(len(person)) < design.rate * _pull(channel, journey, len(person))
    number = np.arange(len(person)) - np.searchsorted(person, person)
    end = START + pd.to_timedelta(60 * number, unit="D")
    begins = np.cumsum(size) - size
    left = size[journey] - (np.arange(len(journey)) - begins[journey])
    touches = pd.DataFrame(
        {
            "person_id": person[journey],
            "time": end[journey] - pd.to_timedelta(left, unit="h"),
            "channel": np.array(CHANNELS, object)[channel],
        }
    )
    value = 10.0 * np.exp(design.sigma * rng.standard_normal(len(person)) - design.sigma**2 / 2)
    conversions = pd.DataFrame(
        {"person_id": person, "time": end, "conversion_id": np.arange(len(person)), "value": value}
    )[converts]
    spend = None
    if design.costs:
        cost = np.array([1.0, 2.0, 0.5, 4.0, 1.0, 1.0])[channel] * rng.exponential(1.0, len(channel))
        spend = touches[["person_id", "channel"]].assign(cost=cost)
    kept = converts[journey]
    last = np.zeros(len(journey), bool)
    last[begins + size - 1] = True
    holders = {
        "linear": _holders(person[journey], channel, kept),
        "last_touch": _holders(person[journey], channel, kept & last),
    }
    shown = touches if design.nulls or design.costs else touches[kept]
    return World(shown, conversions, spend, holders)


def _journeys(design, rng):
    """The person of each journey, and which journeys convert."""
    if design.nulls:
        person = np.repeat(np.arange(design.persons), 1 + rng.poisson(0.3, design.persons))
        return person, np.zeros(len(person), bool)
    converting = rng.random(design.persons) < design.rate
    more = np.zeros(design.persons, int)
    if design.heavy is not None:
        more = rng.poisson(rng.gamma(design.heavy, 1 / design.heavy, design.persons))
    counts = np.where(converting, 1 + more, 1 if design.costs else 0)
    return np.repeat(np.arange(design.persons), counts), np.repeat(converting, counts)


def _pull(channel, journey, journeys):
    """How likely a journey converts, relative to the design's rate: some channels pull more than others."""
    pull = np.array([0.6, 0.8, 1.2, 1.5, 2.0, 1.0])[channel]
    return np.bincount(journey, weights=pull, minlength=journeys) / np.sqrt(np.bincount(journey, minlength=journeys))


def _holders(person, channel, kept):
    pairs = np.unique(person[kept] * len(CHANNELS) + channel[kept])
    return np.bincount(pairs % len(CHANNELS), minlength=len(CHANNELS))
