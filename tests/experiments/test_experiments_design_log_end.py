from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from experiments.design.log_end import log_end

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def campaign() -> object:
    """A campaign whose bookings stop with its window, on day 28, and whose as_of lies 81 days after the assignment."""
    return ex.simulate("default", persons=10_000, seed=7)


def codes(result: object) -> dict[str, str]:
    return {finding.code: finding.status for finding in result.findings}


def test_a_log_ends_where_everybody_is_silent_for_a_week_and_for_fourteen_gaps() -> None:
    daily = np.arange(20) * DAY
    found = log_end(np.random.default_rng(1).permutation(daily))
    assert (found.last, found.allowed, found.rows) == (19 * DAY, 14 * DAY, 20)
    assert (found.before(33 * DAY), found.before(33 * DAY + 1)) == (False, True)
    assert found.reached([10 * DAY, 33 * DAY]) == 2
    assert found.reached([10 * DAY, 22 * DAY, 23 * DAY, 34 * DAY]) == 2  # three gaps beyond the last row
    crowd = log_end(np.concatenate([np.zeros(1_000, np.int64), daily // 24]))
    assert crowd.allowed == 7 * DAY  # gaps of an hour do not make a quiet week an end
    assert log_end(daily[:19]) is None
    # the pace of the peak is not that of the last rows
    thin = log_end(np.concatenate([np.arange(1_000) * DAY // 100, 10 * DAY + np.arange(1, 20) * 3 * DAY]))
    assert thin.allowed > 40 * DAY


def test_rows_at_random_rarely_look_like_an_end() -> None:
    rng = np.random.default_rng(3)
    wrong = sum(log_end(rng.uniform(0, 90 * DAY, size=60).astype(np.int64)).before(90 * DAY) for _ in range(4_000))
    assert wrong <= 4


def test_durability_withholds_what_lies_beyond_the_bookings(campaign: object) -> None:
    found = ex.durability(campaign.assignment, campaign.conversions, days=(14, 28, 60, 80), as_of=campaign.as_of)
    seen = ex.durability(campaign.assignment, campaign.conversions, days=(14, 28), as_of=campaign.as_of)
    known = [row for row in found.to_dicts() if row["day"] <= 28]
    assert known == seen.to_dicts()
    beyond = [row for row in found.to_dicts() if row["day"] > 28]
    assert {row["note"] for row in beyond} == {"AS_OF_BEYOND_DATA"}
    assert {row[name] for row in beyond for name in ("value", "difference", "low", "high", "p_value")} == {None}
    for row in found.changes.to_dicts():
        assert (row["reading"], row["note"]) == ("unknown", "AS_OF_BEYOND_DATA")
        assert (row["late_change"], row["late_change_high"], row["p_value"]) == (None, None, None)
        assert row["early"] is not None
    assert {(row["note"], row["difference"]) for row in found.means.to_dicts()} == {("AS_OF_BEYOND_DATA", None)}
    assert codes(found)["DURABILITY"] == codes(found)["RE_RETENTION"] == "unknown"
    assert codes(found)["AS_OF_BEYOND_DATA"] == "warn"
    assert "AS_OF_BEYOND_DATA" not in codes(seen)
    assert found.curve.to_dicts()[28]["share_returned"] == seen.curve.to_dicts()[28]["share_returned"]
    assert max(row["day"] for row in found.curve.to_dicts()) == 28.0
    for lang in ("en", "zh"):
        with at.language(lang):
            assert "– " not in "".join(finding.text() for finding in found.findings)
            assert "2026-11-0" in repr(found)  # the day of the last booking is named


def test_the_log_of_others_goes_on(campaign: object) -> None:
    """Silence of the persons is a result as long as somebody else is booked."""
    last = campaign.conversions["time"].max()
    others = campaign.conversions.tail(40).assign(
        person_id=[f"other{i}" for i in range(40)], conversion_id=[f"other{i}" for i in range(40)],
        time=[last + pd.Timedelta(days=1.3 * i) for i in range(40)],
    )  # fmt: skip
    table = pd.concat([campaign.conversions, others])
    found = ex.durability(campaign.assignment, table, days=(28, 80), as_of=campaign.as_of)
    assert "AS_OF_BEYOND_DATA" not in codes(found)
    assert {row["value"] for row in found.to_dicts() if (row["measure"], row["day"]) == ("active", 80)} == {0.0}
    (note,) = {row["note"] for row in found.changes.to_dicts() if row["measure"] == "woken"}
    assert note == "ZERO_VARIANCE"
    assert {finding.status for finding in found.findings if finding.code == "DURABILITY"} == {"unknown"}
    assert "– to –" not in repr(found)


def test_bookings_that_end_before_the_assignment_leave_nothing(campaign: object) -> None:
    old = campaign.conversions.assign(time=campaign.conversions["time"] - pd.Timedelta("60D"))
    found = ex.durability(campaign.assignment, old, days=(28, 80), as_of=campaign.as_of)
    assert {row["difference"] for row in found.to_dicts()} == {None}
    assert {row["early"] for row in found.changes.to_dicts()} == {None}
    assert {row["day"] for row in found.curve.to_dicts()} == {0.0}
    with pytest.raises(ex.InputError, match="no day of the curve"):
        found.plot()


def test_pull_forward_withholds_it_too(campaign: object) -> None:
    options = {"window": "14d", "as_of": campaign.as_of}
    found = ex.pull_forward(campaign.assignment, campaign.conversions, horizon="60d", **options)
    seen = ex.pull_forward(campaign.assignment, campaign.conversions, horizon="28d", **options)
    rows = {(row["arm"], row["day"]): row for row in found.to_dicts()}
    for row in seen.to_dicts():
        assert rows[row["arm"], row["day"]]["difference"] == row["difference"]
    assert (rows["sms", 60.0]["value"], rows["sms", 60.0]["note"]) == (None, "AS_OF_BEYOND_DATA")
    for row, other in zip(found.late.to_dicts(), seen.late.to_dicts(), strict=True):
        assert (row["early"], row["early_low"]) == (other["early"], other["early_low"])
        assert (row["reading"], row["total"], row["late_change"]) == ("unknown", None, None)
    assert (codes(found)["PULL_FORWARD"], codes(found)["AS_OF_BEYOND_DATA"]) == ("unknown", "warn")
    assert "PULL_FORWARD" in codes(seen)
    assert "AS_OF_BEYOND_DATA" not in codes(seen)
    for lang in ("en", "zh"):
        with at.language(lang):
            assert "– to –" not in repr(found)
            assert "– 至 –" not in repr(found)


def test_nothing_after_the_window_is_no_undecided_change() -> None:
    people = pd.DataFrame({"person_id": range(40), "arm": ["sms", "holdout"] * 20, "assigned_at": "2026-03-01T09:00Z"})
    sold = pd.DataFrame({"person_id": range(0, 24, 2), "conversion_id": range(12), "time": "2026-03-03T09:00Z"})
    found = ex.pull_forward(people, sold, window="14d", horizon="28d", as_of="2026-12-31")
    (late,) = found.late.to_dicts()
    assert (late["late_change"], late["reading"], late["note"]) == (0.0, "unknown", "ZERO_VARIANCE")
    assert "cannot be read (ZERO_VARIANCE)" in repr(found)
