from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

_REFERENCE = json.loads((Path(__file__).parents[1] / "references" / "durability" / "returns.json").read_text())
_DAY = pd.Timedelta("1D")
_AS_OF = pd.Timestamp("2026-06-01 09:30", tz="UTC")


@pytest.fixture(scope="module")
def campaign() -> object:
    return ex.simulate("pull_forward", persons=20_000, seed=7)


@pytest.fixture(scope="module")
def found(campaign: object) -> ex.Durability:
    return ex.durability(campaign.assignment, campaign.conversions, days=(14, 28, 56), as_of=campaign.as_of)


def _small(rows: list[tuple[str, str, float, list[float]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Assignment and conversions from arm, person, days followed and days of the conversions since the assignment."""
    assigned = [(person, arm, _AS_OF - follow * _DAY) for arm, person, follow, _ in rows]
    booked = [(person, _AS_OF - (follow - day) * _DAY) for _, person, follow, days in rows for day in days]
    assignment = pd.DataFrame(assigned, columns=["person_id", "arm", "assigned_at"])
    conversions = pd.DataFrame(booked, columns=["person_id", "time"])
    conversions["time"] = pd.to_datetime(conversions["time"], utc=True)
    return assignment, conversions.assign(conversion_id=[f"v{i}" for i in range(len(conversions))])


def test_woken_is_that_of_the_outcomes_with_that_window(campaign: object, found: ex.Durability) -> None:
    from experiments.inference.rates import compare_stratified_rates

    whole = ex.build_outcomes(campaign.assignment, campaign.conversions, window="56d", as_of=campaign.as_of).table()
    rows = {(row["measure"], row["arm"], row["day"]): row for row in found.to_dicts()}
    for day in (14, 28, 56):
        frame = ex.build_outcomes(
            campaign.assignment, campaign.conversions, window=f"{day}d", as_of=campaign.as_of
        ).table()
        frame = frame[frame["person_id"].isin(whole["person_id"])]
        cells = frame.pivot_table(index="stratum", columns="arm", values="woken", aggfunc=["sum", "count"])
        for arm in ("digital", "sms", "full"):
            told = compare_stratified_rates(
                cells["sum"][arm], cells["count"][arm], cells["sum"]["holdout"], cells["count"]["holdout"],
                weights=cells["count"].sum(axis=1),
            )  # fmt: skip
            row = rows["woken", arm, day]
            assert (row["difference"], row["low"], row["high"], row["p_value"]) == pytest.approx(
                (told.difference.value, told.difference.low, told.difference.high, told.difference.p_value), rel=1e-9
            )
            assert (row["n"], row["n_control"]) == (cells["count"][arm].sum(), cells["count"]["holdout"].sum())


def test_active_is_a_conversion_in_the_window_before_the_day(campaign: object, found: ex.Durability) -> None:
    start = campaign.assignment.set_index("person_id")
    booked = campaign.conversions[campaign.conversions["person_id"].isin(start.index)]
    since = (booked["time"] - booked["person_id"].map(start["assigned_at"])) / _DAY
    size = start.groupby("stratum").size() / len(start)
    for day in (14, 28, 56):
        there = set(booked[(since >= day - 30) & (since >= 0) & (since < day)]["person_id"])
        active = start.assign(active=start.index.isin(there).astype(float))
        rate = active.pivot_table(index="stratum", columns="arm", values="active")
        for row in (row for row in found.to_dicts() if row["measure"] == "active" and row["day"] == day):
            expected = float((size * (rate[row["arm"]] - rate["holdout"])).sum())
            assert row["difference"] == pytest.approx(expected, rel=1e-9)


def test_the_change_is_that_of_pull_forward(campaign: object, found: ex.Durability) -> None:
    curve = ex.pull_forward(
        campaign.assignment, campaign.conversions, window="14d", horizon="56d", as_of=campaign.as_of
    ).late.to_dicts()
    changes = [row for row in found.changes.to_dicts() if row["measure"] == "woken"]
    for row, late in zip(changes, curve, strict=True):
        for name in ("early", "late_change", "late_change_low", "late_change_high", "p_value"):
            assert row[name] == pytest.approx(late[name], rel=1e-9)
        assert (row["arm"], row["reading"]) == (late["arm"], late["reading"])
        ends = [line["difference"] for line in found.to_dicts() if line["arm"] == row["arm"]][:3]
        assert row["late_change"] == pytest.approx(ends[2] - ends[0], rel=1e-9)


def test_returns_brought_forward_are_told_and_lasting_ones_are_not(found: ex.Durability) -> None:
    told = {
        (finding.code, finding.values["arm"]): finding.status for finding in found.findings if "arm" in finding.values
    }
    assert told["DURABILITY", "full"] == told["DURABILITY", "sms"] == "warn"
    lasting = ex.simulate("default", persons=12_000, seed=5)
    other = ex.durability(lasting.assignment, lasting.conversions, days=(14, 28, 56), as_of=lasting.as_of)
    assert "warn" not in {finding.status for finding in other.findings if finding.code == "DURABILITY"}


def test_time_to_return_agrees_with_survfit_in_r() -> None:
    rows, horizon = _REFERENCE["inputs"]["rows"], _REFERENCE["inputs"]["horizon"]
    listed = [(row["arm"], f"p{i:03d}", row["follow"], [row["time"]] * row["back"]) for i, row in enumerate(rows)]
    assignment, conversions = _small(listed)
    assignment["stratum"] = [row["stratum"] for row in rows]
    made = ex.durability(assignment, conversions, days=(7, horizon), as_of=_AS_OF)
    expected, rtol = _REFERENCE["expected"], 1e-6  # the times pass through whole microseconds
    (mean,) = made.means.to_dicts()
    assert mean["days_silent"] == pytest.approx(expected["sms"]["mean"], rel=rtol)
    assert mean["days_silent_control"] == pytest.approx(expected["holdout"]["mean"], rel=rtol)
    error = np.hypot(expected["sms"]["mean_error"], expected["holdout"]["mean_error"])
    assert mean["high"] - mean["low"] == pytest.approx(2 * 1.959963984540054 * error, rel=rtol)
    curve = {(row["arm"], row["day"]): row for row in made.curve.to_dicts()}
    for arm in ("holdout", "sms"):
        for place, day in enumerate(_REFERENCE["inputs"]["times"]):
            row, share = curve[arm, float(day)], expected[arm]["returned"][place]
            assert row["share_returned"] == pytest.approx(share, rel=rtol)
            silent, se = 1 - share, expected[arm]["standard_error"][place]
            factor = np.exp(1.959963984540054 * se / (silent * -np.log(silent)))
            assert (row["low"], row["high"]) == pytest.approx(
                (1 - silent ** (1 / factor), 1 - silent**factor), rel=rtol
            )


def test_only_those_followed_to_the_last_day_are_compared_but_the_curve_holds_everybody() -> None:
    rows = [(arm, f"{arm}{i}", 40.0, [3.0] * (i % 2)) for arm in ("holdout", "sms") for i in range(10)]
    rows += [(arm, f"{arm}late{i}", 12.0, [2.0]) for arm in ("holdout", "sms") for i in range(5)]
    made = ex.durability(*_small(rows), days=(14, 30), as_of=_AS_OF)
    assert {(row["n"], row["n_control"]) for row in made.to_dicts()} == {(10, 10)}
    assert made.recipe.n["assigned"] == 30
    assert {row["n"] for row in made.curve.to_dicts()} == {15}
    assert made.curve.to_dicts()[3]["share_returned"] == pytest.approx(10 / 15)


def test_conversions_after_as_of_are_not_known() -> None:
    rows = [(arm, f"{arm}{i}", 30.0, [3.0, 29.0] if i % 2 else []) for arm in ("holdout", "sms") for i in range(10)]
    assignment, conversions = _small(rows)
    early = ex.durability(assignment, conversions, days=(10, 20), as_of=_AS_OF - 8 * _DAY)
    cut = ex.durability(
        assignment, conversions[conversions["time"] < _AS_OF - 8 * _DAY], days=(10, 20), as_of=_AS_OF - 8 * _DAY
    )
    assert early.to_dicts() == cut.to_dicts()
    assert early.curve.to_dicts() == cut.curve.to_dicts()


def test_returns_after_as_of_do_not_reach_the_curve() -> None:
    rows = [(arm, f"{arm}{i}", 40.0, [3.0] * (i % 2)) for arm in ("holdout", "sms") for i in range(10)]
    young = [(arm, f"{arm}late{i}", 12.0, []) for arm in ("holdout", "sms") for i in range(5)]
    later = [(arm, person, follow, [15.0]) for arm, person, follow, _ in young]
    made = [ex.durability(*_small(rows + part), days=(14, 30), as_of=_AS_OF) for part in (young, later)]
    assert made[0].curve.to_dicts() == made[1].curve.to_dicts()
    assert made[0].means.to_dicts() == made[1].means.to_dicts()


def test_a_day_is_cut_at_its_end_and_nothing_happening_has_no_variance() -> None:
    rows = [(arm, f"{arm}{i}", 40.0, [10.0]) for arm in ("holdout", "sms") for i in range(5)]
    made = ex.durability(*_small(rows), days=(10, 20), as_of=_AS_OF)
    assert [row["value"] for row in made.to_dicts() if row["measure"] == "woken"] == [0.0, 1.0]
    assert {row["note"] for row in made.changes.to_dicts()} == {"ZERO_VARIANCE"}
    (mean,) = made.means.to_dicts()
    assert (mean["days_silent"], mean["days_silent_control"], mean["note"]) == (10.0, 10.0, "ZERO_VARIANCE")
    nothing = _small([(arm, f"{arm}{i}", 40.0, []) for arm in ("holdout", "sms") for i in range(5)])
    empty = ex.durability(*nothing, days=(10, 20), as_of=_AS_OF)
    assert all(row["low"] < 0 < row["high"] for row in empty.to_dicts())
    assert {row["share_returned"] for row in empty.curve.to_dicts()} == {0.0}


def test_strata_that_cannot_be_compared_are_told() -> None:
    rows = [(arm, f"{arm}{i}", 40.0, [3.0] * (i % 2)) for arm in ("holdout", "sms") for i in range(10)]
    rows += [("sms", f"alone{i}", 40.0, [3.0]) for i in range(4)]
    assignment, conversions = _small(rows)
    assignment["stratum"] = ["a"] * 20 + ["b"] * 4
    made = ex.durability(assignment, conversions, days=(14, 30), as_of=_AS_OF)
    (finding,) = [finding for finding in made.findings if finding.code == "DURABILITY_STRATA_LEFT"]
    assert dict(finding.values) == {"persons": 4, "persons_curve": 4}
    assert made.to_dicts()[0]["difference"] == 0.0


def test_order_of_rows_changes_nothing_and_the_words_are_there(campaign: object, found: ex.Durability) -> None:
    assignment = campaign.assignment.sample(frac=1.0, random_state=1)
    conversions = campaign.conversions.sample(frac=1.0, random_state=2)
    again = ex.durability(assignment, conversions, days=(14, 28, 56), as_of=campaign.as_of)
    assert again.to_dicts() == found.to_dicts()
    assert again.means.to_dicts() == found.means.to_dicts()
    assert again.recipe.fingerprint == found.recipe.fingerprint
    assert "days without a return" in repr(found)
    with at.language("zh"):
        assert "只是提前" in repr(found)


@pytest.mark.parametrize("days", [(28,), (28, 28), (60, 28), (0, 28), (28.5, 60), "28", (True, 3), tuple(range(1, 30))])
def test_days_that_are_none_are_refused(days: object) -> None:
    with pytest.raises(ex.InputError, match="days must be 2 to 20 whole numbers"):
        ex.durability(*_small([("sms", "a", 90.0, [])]), days=days, as_of=_AS_OF)


def test_designs_without_an_answer_are_refused() -> None:
    rows = [(arm, f"{arm}{i}", 20.0, [3.0]) for arm in ("holdout", "sms") for i in range(5)]
    assignment, conversions = _small(rows)
    with pytest.raises(ex.DesignError, match="followed for 90 days"):
        ex.durability(assignment, conversions, as_of=_AS_OF)
    with pytest.raises(ex.DesignError, match="holdout"):
        ex.durability(assignment[assignment["arm"] == "sms"], conversions, days=(7, 14), as_of=_AS_OF)
    with pytest.raises(ex.DesignError, match="no stratum"):
        ex.durability(assignment.assign(stratum=range(10)), conversions, days=(7, 14), as_of=_AS_OF)


def test_an_arm_that_nobody_was_followed_in_is_told_and_left_out() -> None:
    rows = [(arm, f"{arm}{i}", 40.0, [3.0] * (i % 2)) for arm in ("holdout", "sms") for i in range(10)]
    rows += [("full", f"full{i}", 12.0, [2.0]) for i in range(3)]
    made = ex.durability(*_small(rows), days=(14, 30), as_of=_AS_OF)
    assert {row["arm"] for row in (*made.to_dicts(), *made.means.to_dicts())} == {"sms"}
    assert {row["arm"] for row in made.curve.to_dicts()} == {"holdout", "sms"}
    (finding,) = [finding for finding in made.findings if finding.code.startswith("DURABILITY_")]
    assert (finding.code, dict(finding.values)) == ("DURABILITY_ARMS_LEFT", {"arms": "full", "persons": 3})


@pytest.mark.parametrize("control", [0, "0"])
def test_arms_that_are_numbers_are_known_by_their_text(control: object) -> None:
    rows = [(arm, f"{arm}{i}", 40.0, [3.0] * (i % 2)) for arm in ("holdout", "sms") for i in range(10)]
    assignment, conversions = _small(rows)
    named = ex.durability(assignment, conversions, days=(14, 30), as_of=_AS_OF)
    numbered = assignment.assign(arm=assignment["arm"].map({"holdout": 0, "sms": 1}))
    found = ex.durability(numbered, conversions, days=(14, 30), as_of=_AS_OF, control=control)
    for one, two in ((found, named), (found.means, named.means), (found.changes, named.changes)):
        same = [{**row, "arm": "1", "control": "0"} for row in two.to_dicts()]
        assert one.to_dicts() == same
