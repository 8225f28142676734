"""Prices that hold for periods, waived channels, and the total cost of a channel in a window."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import attribution as at
import experiments as ex

START = datetime(2026, 10, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def touches(*rows: tuple, **more) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["channel", "kind", "time"]).assign(**more)
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return frame.assign(n=range(len(frame)))


def prices(*rows: tuple) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["channel", "basis", "unit_cost", "valid_from", "valid_to"])
    for name in ("valid_from", "valid_to"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def costs(priced: object) -> list[float | None]:
    frame = nw.from_native(priced)
    frame = frame.collect("pyarrow") if isinstance(frame, nw.LazyFrame) else frame
    rows = frame.sort("n").to_arrow().column("cost").to_pylist()
    return [None if row is None or math.isnan(row) else row for row in rows]


def codes(call) -> list[tuple[str, str | None, int]]:
    with pytest.raises(at.TableError, match="in the input") as caught:
        call()
    return [(issue.code, issue.column, issue.count) for issue in caught.value.issues]


STEP = prices(
    ("sms", "sent", 0.05, None, day(10)), ("sms", "sent", 0.04, day(10), None), ("web", "sent", 1.0, None, None)
)


def test_a_touch_takes_the_price_that_holds_at_its_time(table_kind):
    sent = touches(
        ("sms", "sent", day(0)),
        ("sms", "sent", day(10) - timedelta(microseconds=1)),
        ("sms", "sent", day(10)),
        ("web", "sent", day(99)),
        ("sms", "sent", day(500)),
    )
    given_table = table_kind(sent)
    priced = at.price_touches(given_table, STEP)
    assert type(priced) is type(given_table)
    assert costs(priced) == [0.05, 0.05, 0.04, 1.0, 0.04]


def test_a_touch_outside_every_period_is_an_error_that_counts_by_basis(table_kind):
    listed = prices(
        ("sms", "sent", 0.05, day(0), day(10)),
        ("sms", "sent", 0.04, day(11), day(20)),
        ("phone", "answered", 4.0, day(0), day(5)),
        ("phone", "attempt", 0.3, None, None),
    )
    sent = touches(
        ("sms", "sent", day(-1)),
        ("sms", "sent", day(10)),
        ("sms", "sent", day(11)),
        ("sms", "sent", day(20)),
        ("phone", "answered", day(6)),
        ("phone", "attempt", day(6)),
    )
    with pytest.raises(at.TableError, match=r"phone: answered \(1\), sms: sent \(3\)") as caught:
        at.price_touches(table_kind(sent), listed)
    (issue,) = caught.value.issues
    assert (issue.code, issue.column, issue.count) == ("UNPRICED_TOUCH", "time", 4)
    assert issue.examples[0] == "'2026-09-30'"


def test_segments_and_minutes_are_paid_by_period_too():
    listed = prices(("sms", "segment", 0.05, None, day(1)), ("sms", "segment", 0.1, day(1), None))
    sent = touches(("sms", "sent", day(0)), ("sms", "sent", day(2)), segments=[2, 3])
    assert costs(at.price_touches(sent, listed)) == pytest.approx([0.1, 0.3])
    assert codes(lambda: at.price_touches(sent.assign(segments=[2, None]), listed)) == [("NULL_VALUE", "segments", 1)]


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([(None, day(2)), (day(1), None)], ("OVERLAPPING_PRICE", "valid_from", 1)),
        ([(None, None), (day(1), day(2))], ("OVERLAPPING_PRICE", "valid_from", 1)),
        ([(None, day(9)), (day(1), day(2)), (day(3), day(4))], ("OVERLAPPING_PRICE", "valid_from", 2)),
        ([(day(1), day(2)), (day(1), day(2))], ("DUPLICATE_PRICE", "basis", 2)),
        ([(day(2), day(2))], ("BAD_PERIOD", "valid_to", 1)),
    ],
    ids=["shared days", "inside for good", "inside a longer one", "twice", "empty"],
)
def test_periods_that_cannot_be(periods, expected):
    listed = prices(*(("a", "sent", 1.0, *period) for period in periods))
    assert codes(lambda: at.price_touches(touches(("a", "sent", day(0))), listed)) == [expected]


def test_periods_of_other_bases_and_channels_may_overlap():
    listed = prices(
        ("a", "sent", 1.0, None, day(2)), ("a", "sent", 2.0, day(2), None),
        ("a", "click", 1.0, None, None), ("b", "sent", 1.0, None, None), ("a", "fixed", 3.0, None, day(5)),
    )  # fmt: skip
    assert costs(at.price_touches(touches(("a", "click", day(1)), ("a", "sent", day(2))), listed)) == [2.0, 2.0]


def test_dates_of_a_price_list_need_their_zone():
    listed = pd.DataFrame({
        "channel": ["sms", "sms"], "basis": "sent", "unit_cost": [0.05, 0.04],
        "valid_from": [None, date(2026, 10, 11)], "valid_to": [date(2026, 10, 11), None],
    })  # fmt: skip
    edge = datetime(2026, 10, 10, 16, tzinfo=UTC)  # midnight in Beijing
    sent = touches(("sms", "sent", edge - timedelta(seconds=1)), ("sms", "sent", edge))
    assert {code for code, _, _ in codes(lambda: at.price_touches(sent, listed))} == {"NAIVE_TIME"}
    priced = at.price_touches(sent, listed, columns={"prices": at.Columns(timezone="Asia/Shanghai")})
    assert priced["cost"].tolist() == [0.05, 0.04]


def test_times_are_needed_only_where_prices_hold_for_periods():
    sent = touches(("sms", "sent", day(0))).drop(columns="time")
    assert codes(lambda: at.price_touches(sent, STEP)) == [("MISSING_COLUMN", "time", 1)]
    web = touches(("web", "sent", day(0))).drop(columns="time")
    assert at.price_touches(web, STEP)["cost"].tolist() == [1.0]


PERIODS = st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True).map(sorted)


@settings(max_examples=60)
@given(
    edges=PERIODS,
    unit=st.lists(st.integers(1, 9), min_size=6, max_size=6),
    times=st.lists(st.integers(-2, 42), min_size=1, max_size=12),
)
def test_periods_against_a_plain_loop(edges, unit, times):
    rows = [("sms", "sent", float(cost), day(a), day(b)) for a, b, cost in zip(edges, edges[1:], unit, strict=False)]
    expected = [next((cost for _, _, cost, a, b in rows if a <= day(time) < b), None) for time in times]
    sent = touches(*(("sms", "sent", day(time)) for time in times))
    assert costs(at.price_touches(sent, prices(*rows), waive="sms")) == expected
    if None in expected:
        assert codes(lambda: at.price_touches(sent, prices(*rows))) == [
            ("UNPRICED_TOUCH", "time", expected.count(None))
        ]


# --- waiving ------------------------------------------------------------------------------------------------------


def test_a_waived_channel_has_an_empty_cost_and_never_zero(table_kind):
    sent = touches(("sms", "sent", day(0)), ("fax", "sent", day(0)), ("web", "sent", day(1)))
    listed = prices(("sms", "sent", 0.05, None, None), ("web", "sent", 1.0, None, None))
    assert costs(at.price_touches(table_kind(sent), listed, waive=("fax",))) == [0.05, None, 1.0]
    assert costs(at.price_touches(table_kind(sent), listed, waive=["fax", "not there"])) == [0.05, None, 1.0]
    assert codes(lambda: at.price_touches(table_kind(sent), listed, waive=("web",))) == [
        ("UNPRICED_CHANNEL", "channel", 1)
    ]


def test_credit_knows_no_cost_of_a_waived_channel():
    c = ex.simulate(persons=3_000, seed=7)
    listed = c.prices[c.prices["channel"] != "search"]
    priced = at.price_touches(c.touches, listed, waive=("search",))
    credit = at.attribute(c.touches, c.conversions, models="linear").with_costs(priced)
    table = credit.table().set_index("channel")
    assert table.loc["search", ["cost", "cost_per_conversion", "return_on_spend"]].isna().all()
    full = at.attribute(c.touches, c.conversions, models="linear").with_costs(at.price_touches(c.touches, c.prices))
    others = ["push", "banner", "sms", "phone"]
    assert table.loc[others, "cost"].tolist() == full.table().set_index("channel").loc[others, "cost"].tolist()
    found = {finding.code: finding for finding in credit.findings}
    searched = int((c.touches["channel"] == "search").sum())
    assert found["COST_WAIVED"].status == "warn"
    assert dict(found["COST_WAIVED"].values) == {"n": searched, "rows": len(c.touches), "keys": "search"}
    assert "search" in found["COST_WAIVED"].text("zh")


def test_one_row_without_cost_makes_the_whole_channel_unknown():
    c = ex.simulate(persons=300, seed=7)
    spend = pd.DataFrame({"channel": ["sms", "sms", "push"], "cost": [5.0, None, 2.0]})
    table = at.attribute(c.touches, c.conversions, models="linear").with_costs(spend).table().set_index("channel")
    assert math.isnan(table.loc["sms", "cost"])
    assert table.loc["push", "cost"] == 2.0


def test_a_verdict_does_not_take_waived_costs():
    c = ex.simulate(persons=2_000, seed=7)
    priced = at.price_touches(c.touches, c.prices[c.prices["channel"] != "search"], waive=("search",))
    with pytest.raises(at.TableError, match="NULL_VALUE"):
        ex.build_outcomes(c.assignment, c.conversions, touches=priced, window="28d", as_of=c.as_of)


def test_outcomes_take_the_price_of_the_time():
    c = ex.simulate(persons=2_000, seed=7)
    middle = pd.Timestamp("2026-10-18", tz="UTC")
    first, later = c.prices.assign(valid_to=middle), c.prices.assign(valid_from=middle)
    lump = c.prices["basis"] == "fixed"
    dated = pd.concat([first[~lump], later[~lump].assign(unit_cost=lambda rows: 2 * rows["unit_cost"]), c.prices[lump]])
    options = {"window": "28d", "as_of": c.as_of}
    found = ex.build_outcomes(c.assignment, c.conversions, touches=c.touches, prices=dated, **options).table()
    cost = at.price_touches(c.touches, c.prices).assign(late=lambda rows: rows["time"] >= middle)
    expected = (cost["cost"] * (1 + cost["late"])).groupby(cost["person_id"]).sum()
    paid = found.set_index("person_id")["touch_cost"]
    window_end = c.assignment["assigned_at"].iloc[0] + pd.Timedelta(days=28)
    assert (c.touches["time"] < window_end).all()
    pd.testing.assert_series_equal(paid[expected.index], expected, check_names=False, rtol=1e-12)


# --- the total of a channel ---------------------------------------------------------------------------------------


def test_the_simulators_own_spend_is_reproduced(table_kind):
    c = ex.simulate(persons=2_000, seed=7)
    spend = at.channel_spend(table_kind(c.touches), c.prices)
    assert spend.table().set_index("channel")["cost"].to_dict() == pytest.approx(
        c.spend.set_index("channel")["cost"].to_dict(), rel=1e-12
    )
    assert spend.findings == ()
    credit = at.attribute(c.touches, c.conversions, models="linear").with_costs(spend)
    assert credit.table()["cost"].sum() == pytest.approx(c.spend["cost"].sum(), rel=1e-12)


def test_a_window_takes_its_first_moment_and_leaves_its_last():
    sent = touches(*(("web", "sent", day(number)) for number in (0, 1, 1.5, 2, 3)))
    listed = prices(
        ("web", "sent", 1.0, None, None),
        ("web", "fixed", 100.0, None, None),
        ("web", "fixed", 7.0, day(1), day(2)),
        ("tv", "fixed", 50.0, day(2), day(3)),
    )
    spend = at.channel_spend(sent, listed, window=(day(1), day(2)))
    assert spend.to_dicts() == [{"channel": "web", "touches": 2, "touch_cost": 2.0, "fixed_cost": 107.0, "cost": 109.0}]
    assert [(finding.code, finding.values["n"]) for finding in spend.findings] == [("SPEND_OUTSIDE_WINDOW", 3)]
    assert spend.recipe.n["touches"] == 2
    everything = at.channel_spend(sent, listed).table().set_index("channel")["cost"].to_dict()
    assert everything == {"web": 5.0 + 107.0, "tv": 50.0}


def test_touches_outside_the_window_need_no_price(table_kind):
    sent = touches(("sms", "sent", day(-1)), ("fax", "sent", day(20)), ("sms", "sent", day(1)), ("sms", "sent", day(2)))
    listed = prices(("sms", "sent", 0.5, day(0), day(10)))
    spend = at.channel_spend(table_kind(sent), listed, window=(day(0), day(10)))
    assert spend.to_dicts() == [{"channel": "sms", "touches": 2, "touch_cost": 1.0, "fixed_cost": 0.0, "cost": 1.0}]
    assert dict(spend.findings[0].values) == {"n": 2, "rows": 4}
    with pytest.raises(at.TableError, match="fax"):
        at.channel_spend(table_kind(sent), listed)


def test_a_lump_sum_across_an_edge_is_not_guessed():
    sent = touches(("web", "sent", day(1)))
    listed = prices(("web", "sent", 1.0, None, None), ("web", "fixed", 7.0, day(0), day(2)))
    assert codes(lambda: at.channel_spend(sent, listed, window=(day(1), day(3)))) == [
        ("FIXED_ACROSS_WINDOW", "valid_from", 1)
    ]


def test_incentives_are_a_row_of_their_own():
    sent = touches(("web", "sent", day(1)))
    bookings = pd.DataFrame({
        "person_id": ["p", "q", "q"], "time": pd.to_datetime([day(1), day(1), day(5)], utc=True),
        "conversion_id": ["1", "2", "3"], "value": [9.0, 9.0, 9.0], "incentive_cost": [20.0, 0.0, 5.0],
    })  # fmt: skip
    listed = prices(("web", "sent", 1.0, None, None))
    spend = at.channel_spend(sent, listed, conversions=bookings, window=(day(0), day(2)))
    assert spend.to_dicts()[-1] == {
        "channel": "(incentives)", "touches": None, "touch_cost": None, "fixed_cost": 0.0, "cost": 20.0
    }  # fmt: skip
    assert codes(lambda: at.channel_spend(sent, listed, conversions=bookings.drop(columns="incentive_cost"))) == [
        ("MISSING_COLUMN", "incentive_cost", 1)
    ]
    assert codes(lambda: at.channel_spend(sent, prices(("web", "incentive", 1.0, None, None)))) == [
        ("INCENTIVE_PRICE", "basis", 1)
    ]


def test_a_waived_channel_has_no_total():
    sent = touches(("web", "sent", day(1)), ("fax", "sent", day(1)))
    spend = at.channel_spend(sent, prices(("web", "sent", 1.0, None, None)), waive="fax")
    assert spend.table()["cost"].isna().tolist() == [True, False]
    assert [finding.code for finding in spend.findings] == ["COST_WAIVED"]
    with at.language("zh"):
        assert "fax" in repr(spend)


@pytest.mark.parametrize(
    ("window", "match"),
    [
        (("2026-10-01", "2026-10-02"), "carries no time zone"),
        ((day(2), day(1)), "must end after it begins"),
        ((day(1), day(1)), "must end after it begins"),
        ("2026-10-01", r"window must be \(from, to\)"),
        ((1, 2), "begins and ends at a date"),
        ((pd.NaT, day(1)), "begins and ends at a date"),
    ],
)
def test_windows_that_are_none(window, match):
    with pytest.raises(at.InputError, match=match):
        at.channel_spend(touches(("web", "sent", day(1))), STEP, window=window)


def test_windows_as_people_write_them():
    sent = touches(("web", "sent", datetime(2026, 9, 30, 16, tzinfo=UTC)))
    zone = at.Columns(timezone="Asia/Shanghai")
    for window in (
        ("2026-10-01", "2026-10-02"),
        (date(2026, 10, 1), date(2026, 10, 2)),
        ("2026-10-01 00:00:00+08:00", "2026-10-02T00:00:00+08:00"),
    ):
        assert at.channel_spend(sent, STEP, window=window, columns=zone).table()["touches"].tolist() == [1]


def test_costs_that_are_there_are_not_priced_again():
    with pytest.raises(at.InputError, match="would price them twice"):
        at.channel_spend(touches(("web", "sent", day(1)), cost=1.0), STEP)


def test_the_order_of_the_rows_changes_no_bit():
    c = ex.simulate(persons=1_000, seed=3)
    first = at.channel_spend(c.touches, c.prices)
    for seed in (1, 2):
        again = at.channel_spend(
            c.touches.sample(frac=1, random_state=seed), c.prices.sample(frac=1, random_state=seed)
        )
        assert again.to_dicts() == first.to_dicts()
        assert again.recipe.fingerprint == first.recipe.fingerprint
    assert np.isfinite(first.table()["cost"]).all()


def test_a_window_without_a_single_touch(table_kind):
    nobody = touches(("web", "sent", day(1))).iloc[:0]
    listed = prices(("web", "sent", 1.0, None, None), ("desk", "fixed", 40.0, None, None))
    rows = at.channel_spend(table_kind(nobody), listed, window=(day(0), day(2))).to_dicts()
    assert [(row["channel"], row["touches"], row["cost"]) for row in rows] == [("desk", 0, 40.0)]


def test_no_channel_may_be_called_as_the_row_of_the_incentives():
    sent = touches(("(incentives)", "sent", day(1)), ("web", "sent", day(1)))
    listed = prices(("(incentives)", "sent", 1.0, None, None), ("web", "sent", 1.0, None, None))
    assert codes(lambda: at.channel_spend(sent, listed)) == [
        ("RESERVED_NAME", "channel", 1),
        ("RESERVED_NAME", "channel", 1),
    ]


def test_the_table_of_costs_is_shown_in_chinese():
    with at.language("zh"):
        shown = str(at.channel_spend(touches(("web", "sent", day(1))), prices(("web", "sent", 1.0, None, None))))
    assert "触点数  触达成本  固定成本  成本" in shown


def test_every_display_of_a_waived_cost_says_that_it_is_unknown():
    when = pd.to_datetime(["2026-10-01 09:00Z"] * 30)
    seen = pd.DataFrame({"person_id": range(30), "time": when, "channel": ["web", "fax", "web"] * 10})
    orders = pd.DataFrame({"person_id": range(30), "time": when, "conversion_id": range(30)})
    spend = pd.DataFrame({"channel": ["web", "fax", "tv"], "cost": [10.0, None, 5.0]})
    paths = pd.DataFrame({"path": ["web > fax"], "conversions": [3]})
    credit = at.attribute(seen, orders, models="linear").with_costs(spend)
    by_path = at.attribute_paths(paths, models="linear").with_costs(spend)
    ordered, against = credit.ranks(by="cost_per_conversion"), credit.beats("web", "fax")
    for shown in (credit, credit.intervals(), ordered, against, by_path):
        assert "1 of 3 rows have no cost: fax." in str(shown)
    for result in (credit, by_path):
        idle = next(finding for finding in result.findings if finding.code == "COST_WITHOUT_CREDIT")
        assert (idle.values["cost"], idle.values["share"]) == (5.0, None)
