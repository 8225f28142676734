"""Logs of acts for tests: small random ones, and CDNOW."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

FIRST = pd.Timestamp("2025-01-01", tz="UTC")


def small_log(seed: int, *, persons: int = 40, length: int = 120, acts: float = 4.0) -> pd.DataFrame:
    """Days of acts of some persons, ties among them: person, day."""
    chance = np.random.default_rng(seed)
    counts = 1 + chance.poisson(chance.gamma(1.5, acts / 1.5, persons))
    person = np.repeat([f"p{i}" for i in chance.permutation(persons)], counts)
    return pd.DataFrame({"person": person, "day": chance.integers(0, length, len(person))})


def events_of(log: pd.DataFrame, first: pd.Timestamp = FIRST) -> pd.DataFrame:
    """The log as a table of acts: person_id, time, and its further columns."""
    rest = log.drop(columns=["person", "day"])
    return rest.assign(person_id=log["person"], time=first + pd.to_timedelta(log["day"], unit="D"))


def date_of(day: int, first: pd.Timestamp = FIRST) -> str:
    """A day of a log as a date."""
    return str((first + pd.Timedelta(days=day)).date())


CDNOW_FIRST, CDNOW_LAST = pd.Timestamp("1997-01-01", tz="UTC"), 545  # up to and with 1998-06-30


def cdnow(folder: Path) -> pd.DataFrame:
    """Every purchase of the CDNOW cohort: person, day since 1997-01-01, value. Its 255 repeated rows stay."""
    names = ["person", "date", "discs", "value"]
    rows = pd.read_csv(folder / "cdnow" / "CDNOW_master.txt", sep=r"\s+", skiprows=1, names=names)
    date = pd.to_datetime(rows["date"].astype(str), utc=True)
    return pd.DataFrame({"person": rows["person"], "day": (date - CDNOW_FIRST).dt.days, "value": rows["value"]})
