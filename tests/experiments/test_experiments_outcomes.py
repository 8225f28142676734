"""Outcomes: against a row-by-row oracle, against the simulator, at the edges of the window, and every refusal."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.randomness import generator
from attribution.costs import price_touches
from oracles.outcomes_rows import outcomes_rows

DAY = pd.Timestamp("2026-10-12", tz="Asia/Shanghai")
PRICES = pd.DataFrame(
    {
        "channel": ["sms", "phone", "phone"],
        "basis": ["sent", "sent", "fixed"],
        "unit_cost": [0.05, 1.5, 90.0],
        "arms": [None, None, "full"],
    }
)


def people(*rows, **columns):
    made = pd.DataFrame(rows, columns=["person_id", "arm", "assigned_at"])
    return made.assign(**columns)


def orders(*rows):
    return pd.DataFrame(
        [(f"c{i}", *row) for i, row in enumerate(rows)], columns=["conversion_id", "person_id", "time", "value"]
    ).astype({"value": float})


TWO = people(("p1", "sms", DAY), ("p2", "holdout", DAY))
SENT = pd.DataFrame({"person_id": ["p1"], "time": [DAY], "channel": ["sms"]})
ONE_ORDER = orders(("p1", DAY + pd.Timedelta("3h"), 120.0))


def codes(error):
    return {issue.code for issue in error.value.issues}


def random_tables(seed, persons=120):
    random = generator(seed, "test.outcomes")
    names = [f"p{i:03d}" for i in range(persons)]
    assignment = people(
        *(
            (name, ["holdout", "sms", "full"][random.integers(3)], DAY + pd.Timedelta(days=int(random.integers(20))))
            for name in names
        )
    )
    n = 4 * persons
    conversions = pd.DataFrame(
        {
            "conversion_id": [f"c{i}" for i in range(n)],
            "person_id": [f"p{i:03d}" for i in random.integers(persons + 20, size=n)],
            "time": DAY + pd.to_timedelta(random.integers(-10 * 86400, 60 * 86400, size=n), unit="s"),
            "value": np.round(random.lognormal(3, 1, size=n), 2),
            "incentive_cost": np.round(5 * random.random(n), 2),
        }
    )
    touches = pd.DataFrame(
        {
            "person_id": [f"p{i:03d}" for i in random.integers(persons + 20, size=n)],
            "time": DAY + pd.to_timedelta(random.integers(-10 * 86400, 60 * 86400, size=n), unit="s"),
            "channel": [["sms", "phone"][i] for i in random.integers(2, size=n)],
        }
    )
    return assignment, conversions, touches


@pytest.mark.parametrize("seed", range(4))
def test_outcomes_equal_a_loop_over_rows(seed):
    assignment, conversions, touches = random_tables(seed)
    made = ex.build_outcomes(assignment, conversions, touches, PRICES, window="14d", as_of="2026-11-10", lag="2d")
    priced = price_touches(touches, PRICES)
    until = pd.Timestamp("2026-11-11", tz="UTC") - pd.Timedelta(days=2)
    wanted = outcomes_rows(
        assignment.to_dict("records"), conversions.to_dict("records"), priced.to_dict("records"),
        window=timedelta(days=14), until=until, fixed=[(90.0, {"full"})],
    )  # fmt: skip
    assert 0 < len(wanted) < len(assignment)
    pd.testing.assert_frame_equal(made.table(), pd.DataFrame(wanted), check_dtype=False, rtol=1e-12, atol=1e-12)


def test_every_row_of_the_tables_is_counted_once():
    assignment, conversions, touches = random_tables(9)
    made = ex.build_outcomes(assignment, conversions, touches, PRICES, window="14d", as_of="2026-11-10")
    for code, table in (("OUTCOME_CONVERSIONS", conversions), ("OUTCOME_TOUCHES", touches)):
        (finding,) = [finding for finding in made.findings if finding.code == code]
        parts = {name: value for name, value in finding.values.items() if name != "rows"}
        assert sum(parts.values()) == finding.values["rows"] == len(table)
        assert min(parts["before"], parts["after"], parts["unassigned"], parts["immature"], parts["used"]) > 0
    assert int(made.table()["orders"].sum()) == next(
        f.values["used"] for f in made.findings if f.code == "OUTCOME_CONVERSIONS"
    )


def test_outcomes_equal_those_of_the_simulator():
    c = ex.simulate("default", persons=4_000, seed=3)
    made = ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, window="28d", as_of=c.as_of, history=c.history
    )
    pd.testing.assert_frame_equal(made.table(), c.outcomes, rtol=1e-12, atol=1e-12)


def test_every_kind_of_table_gives_the_same_outcomes(table_kind):
    assignment, conversions, touches = random_tables(5, persons=40)
    plain = ex.build_outcomes(assignment, conversions, touches, PRICES, window="14d", as_of="2026-11-10")
    made = ex.build_outcomes(
        table_kind(assignment), table_kind(conversions), table_kind(touches), table_kind(PRICES),
        window="14d", as_of="2026-11-10",
    )  # fmt: skip
    pd.testing.assert_frame_equal(made.table(), plain.table(), check_exact=True)
    assert made.recipe.fingerprint == plain.recipe.fingerprint


def test_the_order_of_rows_changes_no_byte():
    assignment, conversions, touches = random_tables(6)
    plain = ex.build_outcomes(assignment, conversions, touches, PRICES, window="14d", as_of="2026-11-10")
    shuffled = ex.build_outcomes(
        assignment.sample(frac=1, random_state=1), conversions.sample(frac=1, random_state=2),
        touches.sample(frac=1, random_state=3), PRICES.iloc[::-1], window="14d", as_of="2026-11-10",
    )  # fmt: skip
    back = shuffled.table().sort_values("person_id", ignore_index=True)
    pd.testing.assert_frame_equal(back, plain.table().sort_values("person_id", ignore_index=True), check_exact=True)
    assert shuffled.recipe.fingerprint == plain.recipe.fingerprint
    assert repr(shuffled) == repr(plain)


@pytest.mark.parametrize(
    ("at_time", "woken"),
    [("0s", 1), ("-1us", 0), ("27D 23:59:59.999999", 1), ("28D", 0)],
)
def test_the_window_holds_its_start_and_not_its_end(at_time, woken):
    made = ex.build_outcomes(TWO, orders(("p1", DAY + pd.Timedelta(at_time), 1.0)), window="28d", as_of="2026-12-31")
    assert made.table()["woken"].tolist() == [woken, 0]


@pytest.mark.parametrize(
    ("as_of", "mature"),
    [
        (DAY + pd.Timedelta("28D"), True),
        (DAY + pd.Timedelta("28D") - pd.Timedelta("1us"), False),
        ((DAY + pd.Timedelta("28D")).isoformat(), True),
        (date(2026, 11, 8), True),
        (np.datetime64("2026-11-08"), True),
        ("2026-11-07", False),
    ],
)
def test_maturity_is_exact_at_its_edge(as_of, mature):
    """Assigned 2026-10-11 16:00 UTC; the window ends 2026-11-08 16:00 UTC."""
    if mature:
        assert len(ex.build_outcomes(TWO, ONE_ORDER, as_of=as_of).table()) == 2
    else:
        with pytest.raises(ex.DesignError, match="NONE_MATURE"):
            ex.build_outcomes(TWO, ONE_ORDER, as_of=as_of)


def test_a_date_ends_in_the_time_zone_of_the_columns():
    naive = people(("p1", "sms", datetime(2026, 10, 12)), ("p2", "holdout", datetime(2026, 10, 12)))
    sold = orders(("p1", datetime(2026, 10, 12, 3), 5.0))
    shanghai = at.Columns(timezone="Asia/Shanghai")
    made = ex.build_outcomes(naive, sold, as_of="2026-11-08", columns=shanghai)
    assert made.table()["woken"].tolist() == [1, 0]
    with pytest.raises(ex.DesignError, match="NONE_MATURE"):
        ex.build_outcomes(naive, sold, as_of="2026-11-07", columns=shanghai)


def test_immature_persons_are_counted_and_not_used():
    late = people(("p1", "sms", DAY), ("p2", "holdout", DAY), ("p3", "sms", DAY + pd.Timedelta("60D")))
    made = ex.build_outcomes(late, ONE_ORDER, as_of="2026-11-30")
    assert made.table()["person_id"].tolist() == ["p1", "p2"]
    (finding,) = [finding for finding in made.findings if finding.code == "IMMATURE"]
    assert (finding.values["persons"], finding.values["assigned"]) == (1, 3)


def test_columns_without_a_source_are_absent():
    made = ex.build_outcomes(TWO, ONE_ORDER.drop(columns="value"), as_of="2026-12-31")
    assert list(made.table()) == ["person_id", "arm", "woken", "orders"]
    assert "cost" not in made.summary.to_dicts()[0]


def test_a_cost_of_the_touches_is_used_without_prices():
    touches = pd.DataFrame({"person_id": ["p1"], "time": [DAY], "channel": ["sms"], "cost": [0.7]})
    made = ex.build_outcomes(TWO, ONE_ORDER, touches=touches, as_of="2026-12-31")
    assert made.table()["cost"].tolist() == [0.7, 0.0]
    assert {finding.code: finding.status for finding in made.findings}["NO_INCENTIVES"] == "warn"
    none_paid = ex.build_outcomes(TWO, ONE_ORDER.assign(incentive_cost=0.0), touches=touches, as_of="2026-12-31")
    assert "NO_INCENTIVES" not in {finding.code for finding in none_paid.findings}


def test_refunds_reduce_value_and_a_refunded_order_wakes_nobody():
    sold = pd.DataFrame({
        "conversion_id": ["a", "b", "r1", "r2"], "person_id": ["p1", "p2", "p1", "p2"],
        "time": DAY + pd.to_timedelta([1, 1, 5, 5], unit="D"), "value": [100.0, 50.0, -30.0, -50.0],
        "refund_of": [None, None, "a", "b"],
    })  # fmt: skip
    made = ex.build_outcomes(TWO, sold, as_of="2026-12-31").table()
    assert made["value"].tolist() == [70.0, 0.0]
    assert made["woken"].tolist() == [1, 0]
    assert made["orders"].tolist() == [1, 0]


def sold_and_returned(*returned, incentive=30.0):
    """One conversion of 100 by p1 on day 1, and (person, day, value, incentive) of its refunds."""
    rows = [("c1", "p1", 1.0, 100.0, incentive, None)]
    rows += [(f"r{i}", person, day, value, paid, "c1") for i, (person, day, value, paid) in enumerate(returned)]
    made = pd.DataFrame(rows, columns=["conversion_id", "person_id", "day", "value", "incentive_cost", "refund_of"])
    return made.assign(time=DAY + pd.to_timedelta(made.pop("day"), unit="D"))


def settled(*returned):
    made = ex.build_outcomes(
        TWO, sold_and_returned(*returned), touches=SENT.assign(cost=0.0), window="28d", as_of="2026-12-31"
    )
    return made.table().iloc[0], {finding.code: finding for finding in made.findings}


@pytest.mark.parametrize(
    ("returned", "woken", "value", "incentive"),
    [
        ([], 1, 100.0, 30.0),
        ([("p1", 2, -100.0, 0.0)], 0, 0.0, 30.0),
        ([("p1", 2, -100.0, 30.0)], 0, 0.0, 30.0),
        ([("p1", 2, -100.0, -30.0)], 0, 0.0, 0.0),
        ([("p1", 2, -60.0, -10.0), ("p1", 3, -40.0, -5.0)], 0, 0.0, 15.0),
        ([("p1", 2, -60.0, 0.0)], 1, 40.0, 30.0),
        ([("p1", 29, -100.0, -30.0)], 1, 100.0, 30.0),
        ([("p1", 2, -60.0, 0.0), ("p1", 28, -40.0, 0.0)], 1, 40.0, 30.0),
    ],
)
def test_an_incentive_is_paid_even_when_the_order_is_refunded(returned, woken, value, incentive):
    row, _ = settled(*returned)
    assert (row.woken, row.value, row.incentive_cost, row.cost) == (woken, value, incentive, incentive)


def test_refunds_after_the_window_are_ignored_and_counted():
    _, found = settled(("p1", 2, -30.0, 0.0), ("p1", 28, -30.0, 0.0), ("p1", 90, -40.0, 0.0))
    assert dict(found["LATE_REFUNDS"].values) == {"refunds": 2, "persons": 1}
    assert found["OUTCOME_CONVERSIONS"].values["set_aside"] == 3
    assert found["LATE_REFUNDS"].status == "note"
    just_inside, found = settled(("p1", 28 - 1 / 86_400, -100.0, 0.0))
    assert just_inside.woken == 0
    assert "LATE_REFUNDS" not in found


def test_late_refunds_of_what_was_sold_outside_the_window_are_no_finding():
    table = sold_and_returned(("p1", 40, -100.0, 0.0))
    table.loc[0, "time"] = DAY - pd.Timedelta("1D")
    made = ex.build_outcomes(TWO, table, as_of="2026-12-31")
    assert "LATE_REFUNDS" not in {finding.code for finding in made.findings}


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        (("p2", 2, -100.0, 0.0), "REFUND_OTHER_PERSON"),
        (("p1", 2, -100.0, -31.0), "REFUND_TOO_LARGE"),
        (("p1", 2, -101.0, 0.0), "REFUND_TOO_LARGE"),
    ],
)
def test_refunds_that_contradict_their_conversion(returned, code):
    with pytest.raises(at.TableError, match=code) as error:
        ex.build_outcomes(TWO, sold_and_returned(returned), as_of="2026-12-31")
    assert codes(error) == {code}


def test_only_a_refund_may_have_an_incentive_below_0():
    with pytest.raises(at.TableError, match="NEGATIVE_VALUE") as error:
        ex.build_outcomes(TWO, sold_and_returned(incentive=-1.0), as_of="2026-12-31")
    assert [(issue.code, issue.column) for issue in error.value.issues] == [("NEGATIVE_VALUE", "incentive_cost")]


def booked_until(days, *, rows=20):
    times = DAY + pd.to_timedelta(np.linspace(0.5, days, rows), unit="D")
    return ex.build_outcomes(TWO, orders(*(("p1", time, 1.0) for time in times)), window="28d", as_of="2027-12-31")


def test_an_end_of_the_data_far_behind_the_windows_is_a_warning():
    silent = booked_until(13.9)
    (found,) = [finding for finding in silent.findings if finding.code == "AS_OF_BEYOND_DATA"]
    assert found.status == "warn"
    assert found.values["days"] == pytest.approx(14.1)
    assert (found.values["last"], found.values["end"]) == ("2026-10-25", "2026-11-08")
    assert "2027-12-31" in found.text("en")
    assert "2027-12-31" in found.text("zh")
    for made in (booked_until(14.0), booked_until(13.9, rows=19)):
        assert "AS_OF_BEYOND_DATA" not in {finding.code for finding in made.findings}


@pytest.mark.parametrize("persons", [100, 500, 3_000])
def test_the_end_of_the_simulated_data_is_never_a_warning(persons):
    for seed in range(5):
        c = ex.simulate("default", persons=persons, seed=seed)
        made = ex.build_outcomes(c.assignment, c.conversions, touches=c.touches, prices=c.prices, as_of=c.as_of)
        assert [finding.code for finding in made.findings if finding.status not in ("pass", "note")] == []


def test_durations_are_chinese_in_chinese_sentences():
    made = ex.build_outcomes(TWO, ONE_ORDER, window="36h", lag="1d", as_of="2026-12-31")
    (english,), (chinese,) = made.recipe.sentences("en"), made.recipe.sentences("zh")
    assert "[assigned, assigned + 36h)" in english
    for told in ("窗长 36 小时，", "再预留 1 天）", "分组时刻+36 小时)"):
        assert told in chinese


def test_history_is_carried_and_closed_is_read_within_the_window():
    past = pd.DataFrame({
        "person_id": ["p1"], "recency": [200], "closed_at": [DAY + pd.Timedelta("28D") - pd.Timedelta("1s")],
    })  # fmt: skip
    made = ex.build_outcomes(TWO, ONE_ORDER, as_of="2026-12-31", history=past)
    table = made.table()
    assert list(table)[-3:] == ["recency", "closed_at", "closed"]
    assert table["closed"].tolist() == [1, 0]
    assert table["recency"].isna().tolist() == [False, True]
    assert "NO_HISTORY" in {finding.code for finding in made.findings}
    later = past.assign(closed_at=DAY + pd.Timedelta("28D"))
    assert ex.build_outcomes(TWO, ONE_ORDER, as_of="2026-12-31", history=later).table()["closed"].tolist() == [0, 0]


def test_a_closed_column_of_the_history_gives_way_to_the_window():
    past = pd.DataFrame({"person_id": ["p1", "p2"], "closed_at": [DAY + pd.Timedelta("30D"), None], "closed": [1, 0]})
    made = ex.build_outcomes(TWO, ONE_ORDER, as_of="2026-12-31", history=past)
    assert made.table()["closed"].tolist() == [0, 0]
    assert next(f.values["persons"] for f in made.findings if f.code == "CLOSED_RECOMPUTED") == 1
    longer = ex.build_outcomes(TWO, ONE_ORDER, window="31d", as_of="2026-12-31", history=past)
    assert longer.table()["closed"].tolist() == [1, 0]
    assert "CLOSED_RECOMPUTED" not in {f.code for f in longer.findings}


# --- persons in two arms -------------------------------------------------------------------------


def doubled(first_at, second_at, extra=0):
    rows = [("p1", "sms", first_at), ("p1", "holdout", second_at), ("p2", "holdout", DAY)]
    rows += [(f"x{i}", "sms", DAY) for i in range(extra)]
    return people(*rows)


def test_a_person_in_two_arms_is_analysed_as_first_assigned():
    made = ex.build_outcomes(doubled(DAY + pd.Timedelta("1h"), DAY), ONE_ORDER, as_of="2026-12-31")
    assert made.table()[["person_id", "arm"]].to_numpy().tolist() == [["p1", "holdout"], ["p2", "holdout"]]
    (finding,) = [finding for finding in made.findings if finding.code == "TWO_ARMS"]
    assert finding.status == "fail"


def test_a_few_persons_in_two_arms_are_a_warning():
    made = ex.build_outcomes(doubled(DAY, DAY, extra=300), ONE_ORDER, as_of="2026-12-31")
    assert [finding.status for finding in made.findings if finding.code == "TWO_ARMS"] == ["warn"]


def test_two_arms_can_be_left_out():
    made = ex.build_outcomes(doubled(DAY, DAY), ONE_ORDER, as_of="2026-12-31", two_arms="exclude")
    assert made.table()["person_id"].tolist() == ["p2"]
    assert next(f.values["excluded"] for f in made.findings if f.code == "OUTCOME_CONVERSIONS") == 1
    assert "TWO_ARMS_EXCLUDED" in {finding.code for finding in made.findings}


def test_ties_between_two_arms_fall_to_each_arm_alike():
    """With 400 ties the first arm gets 200, give or take four standard deviations."""
    rows = [row for i in range(400) for row in ((f"p{i}", "a", DAY), (f"p{i}", "b", DAY))]
    made = ex.build_outcomes(people(*rows), ONE_ORDER, as_of="2026-12-31").table()
    assert len(made) == 400
    assert 160 <= (made["arm"] == "a").sum() <= 240


# --- refusals ------------------------------------------------------------------------------------


def test_a_person_twice_in_one_arm_is_refused():
    with pytest.raises(at.TableError, match="REPEATED_PERSON") as error:
        ex.build_outcomes(pd.concat([TWO, TWO]), ONE_ORDER, as_of="2026-12-31")
    assert error.value.issues[0].examples == ("'p1'", "'p2'")


def test_all_problems_of_all_tables_are_told_at_once():
    broken = pd.concat([ONE_ORDER, ONE_ORDER])
    touches = pd.DataFrame({"person_id": ["p1"], "time": [DAY]})
    past = pd.DataFrame({"person_id": ["p1", "p1"], "cost": [1, 2]})
    with pytest.raises(at.TableError, match="problems in the input") as error:
        ex.build_outcomes(
            TWO.drop(columns="assigned_at").assign(p_assign=1.5), broken, touches, PRICES,
            as_of="2026-12-31", history=past,
        )  # fmt: skip
    assert codes(error) == {
        "MISSING_COLUMN", "BAD_PROBABILITY", "DUPLICATE_ID", "REPEATED_PERSON", "RESERVED_NAME",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"assignment": TWO.assign(arm=[None, "a"])}, "NULL_KEY"),
        ({"assignment": TWO.assign(stratum=[None, "a"])}, "NULL_KEY"),
        ({"assignment": TWO.assign(p_assign=[0.0, 0.5])}, "BAD_PROBABILITY"),
        ({"conversions": ONE_ORDER.assign(person_id=[7])}, "KEY_TYPE_MISMATCH"),
        ({"conversions": ONE_ORDER.assign(value=-1.0)}, "NEGATIVE_VALUE"),
        ({"history": pd.DataFrame({"person_id": ["p1"], "visits": [[1, 2]]})}, "WRONG_TYPE"),
        ({"touches": SENT.assign(channel="fax"), "prices": PRICES}, "UNPRICED_CHANNEL"),
        ({"touches": SENT}, "MISSING_COLUMN"),
        ({"touches": SENT, "prices": PRICES}, "UNKNOWN_ARM"),
        ({"touches": SENT, "prices": PRICES.assign(basis=["sent", "sent", "incentive"])}, "INCENTIVE_PRICE"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused(change, code):
    given = {"assignment": TWO, "conversions": ONE_ORDER, "as_of": "2026-12-31", **change}
    with pytest.raises(at.TableError, match=code):
        ex.build_outcomes(given.pop("assignment"), given.pop("conversions"), **given)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"as_of": datetime(2026, 12, 31)}, "no time zone"),
        ({"as_of": "tomorrow"}, "as_of must be a date"),
        ({"as_of": 20261231}, "as_of must be a date"),
        ({"as_of": pd.NaT}, "as_of must be a date"),
        ({"as_of": np.datetime64("2026-12-31T00:00")}, "no time zone"),
        ({"window": 28}, "28d"),
        ({"window": "0d"}, "longer than 0"),
        ({"two_arms": "both"}, "two_arms must be"),
        ({"prices": PRICES}, "prices without touches"),
    ],
)
def test_bad_options_are_refused(change, words):
    with pytest.raises(at.InputError, match=words):
        ex.build_outcomes(TWO, ONE_ORDER, **{"as_of": "2026-12-31", **change})


def test_prices_do_not_overwrite_a_cost_of_the_touches():
    touches = pd.DataFrame({"person_id": ["p1"], "time": [DAY], "channel": ["sms"], "cost": [0.7]})
    with pytest.raises(at.InputError, match="price them twice"):
        ex.build_outcomes(TWO, ONE_ORDER, touches, PRICES, as_of="2026-12-31")


def test_outcomes_show_arms_and_escape_their_names():
    hostile = people(("p1", "<script>x</script>", DAY), ("p2", "holdout", DAY))
    made = ex.build_outcomes(hostile, ONE_ORDER, as_of="2026-12-31")
    assert "<script>" not in made._repr_html_()
    assert "&lt;script&gt;" in made._repr_html_()
    with at.language("zh"):
        assert "2 人的结果" in repr(made)
