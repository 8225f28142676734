"""How far models disagree, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

import attribution as at

WHEN = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-02 09:00Z", "2026-10-03 09:00Z"])
TOUCHES = pd.DataFrame({"person_id": "p", "time": WHEN, "channel": ["a", "b", "c"]})
CONVERSIONS = pd.DataFrame({"person_id": ["p", "q"], "time": WHEN[2], "conversion_id": [1, 2], "value": 1.0})


def test_shares_and_ranks_by_hand():
    result = at.compare_models(at.attribute(TOUCHES, CONVERSIONS, models=["first_touch", "linear", "position_based"]))
    rows = {row["channel"]: row for row in result.to_dicts()}
    assert list(rows) == ["a", "b", "c"]
    assert (rows["a"]["share_min"], rows["a"]["share_max"]) == (pytest.approx(1 / 3), 1.0)
    assert (rows["a"]["rank_min"], rows["a"]["rank_max"], rows["a"]["rank_stable"]) == (1, 1, True)
    assert (rows["b"]["rank_min"], rows["b"]["rank_max"], rows["b"]["rank_stable"]) == (1, 3, False)
    assert (rows["a"]["lowest_model"], rows["a"]["highest_model"]) == ("linear", "first_touch")
    assert result.reassigned == pytest.approx(2 / 3)
    assert "Credit, not cause" in repr(result)
    with at.language("zh"):
        assert "归因" in repr(result)


def test_spend_without_credit_has_share_zero():
    credit = at.attribute(TOUCHES, CONVERSIONS).with_costs(pd.DataFrame({"channel": ["tv"], "cost": [1.0]}))
    assert at.compare_models(credit).to_dicts()[3]["share_max"] == 0.0


def test_nothing_attributed():
    result = at.compare_models(at.attribute(TOUCHES, CONVERSIONS.iloc[1:]))
    assert result.reassigned is None
    assert [row["share_min"] for row in result.to_dicts()] == [None] * 3


def test_refusals():
    with pytest.raises(at.InputError, match="at least two models"):
        at.compare_models(at.attribute(TOUCHES, CONVERSIONS, models="linear"))
    with pytest.raises(at.InputError, match="needs a Credit"):
        at.compare_models(TOUCHES)
