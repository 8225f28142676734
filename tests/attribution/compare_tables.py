"""Small campaigns written as letters, for the tests of model comparisons."""

from __future__ import annotations

import pandas as pd

import attribution as at

START = pd.Timestamp("2026-10-01 09:00Z")


def tables(*journeys: str, hours: int = 1, **columns: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One person with one conversion per journey; a journey is one letter per touch, `hours` apart."""
    rows = [
        {"person_id": f"p{number:03d}", "time": START + pd.Timedelta(hours=hours * place), "channel": channel}
        for number, journey in enumerate(journeys)
        for place, channel in enumerate(journey)
    ]
    rows = rows or [{"person_id": "nobody", "time": START, "channel": "a"}]
    conversions = pd.DataFrame(
        {
            "person_id": [f"p{number:03d}" for number in range(len(journeys))],
            "time": START + pd.Timedelta(days=29),
            "conversion_id": range(len(journeys)),
            "value": 1.0,
        }
    )
    return pd.DataFrame(rows).assign(**columns), conversions


def compared(*journeys: str, models=("first_touch", "last_touch", "linear"), **options) -> object:
    return at.compare_models(at.attribute(*tables(*journeys, **options), models=list(models)))
