"""Small tables of touches, conversions and key events, written by person, day and name."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

START = pd.Timestamp("2026-10-01 00:00", tz="UTC")


def moment(value) -> pd.Timestamp:
    return START + timedelta(days=value) if isinstance(value, (int, float)) else pd.Timestamp(value)


def touch_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame([(p, moment(t), c) for p, t, c in rows], columns=["person_id", "time", "channel"])
    return table.assign(**columns)


def conversion_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame([(p, moment(t), c) for p, t, c in rows], columns=["person_id", "time", "conversion_id"])
    return table.assign(value=1.0, **columns)


def event_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame([(p, moment(t), e) for p, t, e in rows], columns=["person_id", "time", "event"])
    return table.assign(**columns)
