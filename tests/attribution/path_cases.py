"""A small table of aggregated paths, and how tests read its credit."""

from __future__ import annotations

import pandas as pd

import attribution as at

MODELS = ("first_touch", "last_touch", "linear", "position_based")


def models():
    return [*MODELS, at.Shapley(), at.Shapley(value="rate", name="rate")]


def finding(credit, code):
    return {found.code: found for found in credit.findings}.get(code)


def by_channel(credit, model, column="conversions"):
    table = credit.table()
    return table[table.model == model].set_index("channel")[column].to_dict()


PATHS = pd.DataFrame(
    {
        "path": ["sms > phone", "sms", "push > sms > phone > sms", None, "phone"],
        "conversions": [4, 2, 3, 1, 0],
        "value": [40.0, 5.0, 9.5, 2.25, 0.0],
        "nulls": [6, 18, 2, 5, 9],
    }
)
