"""Eligibility of each offer, by looking at every spell."""

from __future__ import annotations

import pandas as pd


def reason(offer, spells, agree=()):
    """Empty text inside a spell, else why not."""
    own = [spell for spell in spells if spell["person_id"] == offer["person_id"]]
    if not own:
        return "never_listed"
    same = [spell for spell in own if all(spell[name] == offer[name] for name in agree)]
    if not same:
        return "other_offer"
    begun = [spell for spell in same if pd.isna(spell["valid_from"]) or spell["valid_from"] <= offer["time"]]
    if any(pd.isna(spell["valid_to"]) or spell["valid_to"] > offer["time"] for spell in begun):
        return ""
    return "too_late" if begun else "too_early"
