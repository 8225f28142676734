"""Price lists: every basis and kind against a plain loop, every problem by its code, every kind of table."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

from attribution.core.columns import Columns
from attribution.core.errors import InputError, TableError
from attribution.core.tables import Problems, open_table
from attribution.costs import BASES, KINDS, fixed_costs, price_touches, read_prices, touch_costs

PRICES = pd.DataFrame(
    [
        ("短信", "segment", 0.05, None),
        ("短信", "sent", 0.01, None),
        ("短信", "delivered", 0.002, None),
        ("banner", "impression", 0.003, None),
        ("banner", "click", 0.4, None),
        ("phone", "attempt", 0.2, None),
        ("phone", "answered", 1.5, None),
        ("phone", "minute", 0.1, None),
        ("phone", "fixed", 900.0, "full; sms"),
        ("phone", "fixed", 100.0, "full"),
        ("banner", "incentive", 5.0, None),
        ("web", "sent", 7.0, None),
    ],
    columns=["channel", "basis", "unit_cost", "arms"],
)


def every_touch() -> pd.DataFrame:
    rows = [
        {
            "channel": channel,
            "kind": kind,
            "origin": origin,
            "segments": 1.0 + index % 3,
            "minutes": 0.5 * (index % 4),
            "n": index,
        }
        for index, (channel, kind, origin) in enumerate(
            (channel, kind, origin)
            for channel in ("短信", "banner", "phone", "web")
            for kind in KINDS
            for origin in ("outbound", "inbound")
        )
    ]
    return pd.DataFrame(rows)


def plain_cost(touch: dict) -> float:
    """The definition, word by word."""
    total = 0.0
    for row in PRICES.to_dict("records"):
        if row["channel"] != touch["channel"]:
            continue
        basis, kind, out = row["basis"], touch["kind"], touch["origin"] == "outbound"
        units = {
            "sent": float(out),
            "segment": touch["segments"] if out else 0.0,
            "delivered": float(kind in ("delivered", "impression", "click")),
            "impression": float(kind in ("impression", "click")),
            "click": float(kind == "click"),
            "attempt": float(kind in ("attempt", "answered")),
            "answered": float(kind == "answered"),
            "minute": touch["minutes"] if kind == "answered" else 0.0,
            "fixed": 0.0,
            "incentive": 0.0,
        }[basis]
        total += row["unit_cost"] * units
    return total


def values_of(table: object, column: str = "cost") -> list[float]:
    if hasattr(table, "fetchnumpy"):
        return [float(item) for item in table.order("n").fetchnumpy()[column]]
    if hasattr(table, "collect"):
        table = table.collect()
    return (
        [float(item) for item in table[column].to_numpy()]
        if hasattr(table[column], "to_numpy")
        else list(table[column])
    )


def test_every_basis_applies_where_its_definition_says(table_kind):
    touches = every_touch()
    given = table_kind(touches)
    priced = price_touches(given, PRICES)
    assert type(priced) is type(given)
    assert values_of(priced) == pytest.approx([plain_cost(row) for row in touches.to_dict("records")], rel=1e-12)
    names = nw.from_native(priced).collect_schema().names()
    assert names == [*touches.columns, "cost"]


def test_kinds_of_tables_agree_to_the_bit(table_kinds):
    costs = {name: values_of(price_touches(table, PRICES)) for name, table in table_kinds(every_touch()).items()}
    assert all(cost == costs["pandas"] for cost in costs.values())


def test_the_callers_table_and_index_are_kept():
    touches = every_touch().iloc[:4].set_axis([7, 7, 1, 0])
    before = touches.copy()
    priced = price_touches(touches, PRICES)
    pd.testing.assert_frame_equal(touches, before)
    pd.testing.assert_frame_equal(priced.drop(columns="cost"), before)


def test_segments_and_minutes_may_be_empty_where_nothing_is_paid_for_them(table_kind):
    touches = every_touch()
    touches.loc[touches["channel"] != "短信", "segments"] = np.nan
    touches.loc[touches["origin"] == "inbound", "segments"] = np.nan
    touches.loc[touches["kind"] != "answered", "minutes"] = np.nan
    full = values_of(price_touches(every_touch(), PRICES))
    assert values_of(price_touches(table_kind(touches), PRICES)) == full


def test_a_quantity_that_nothing_here_is_paid_by_may_be_of_any_kind(table_kind):
    touches = pd.DataFrame({"channel": ["web"], "kind": ["sent"], "segments": ["none"], "n": [0]})
    assert values_of(price_touches(table_kind(touches), PRICES)) == [7.0]


def test_without_origin_every_touch_is_outbound():
    touches = every_touch().query("origin == 'outbound'")
    assert values_of(price_touches(touches.drop(columns="origin"), PRICES)) == values_of(price_touches(touches, PRICES))


def test_without_kinds_only_sent_and_segment_can_be_paid(table_kind):
    touches = every_touch().drop(columns="kind")
    free_of_kind = PRICES[PRICES["basis"].isin(["sent", "segment", "fixed"])]
    mail = touches[touches["channel"] == "短信"]
    expected = np.where(mail["origin"] == "outbound", 0.01 + 0.05 * mail["segments"], 0.0)
    assert values_of(price_touches(table_kind(mail), free_of_kind)) == pytest.approx(expected.tolist())
    with pytest.raises(TableError, match=r"prices by answered, attempt, click.*'kind' is missing") as caught:
        price_touches(table_kind(touches), PRICES)
    assert [(issue.code, issue.column) for issue in caught.value.issues] == [("MISSING_COLUMN", "kind")]


def test_columns_can_have_other_names():
    touches = pd.DataFrame({"渠道": ["短信"], "条数": [2], "n": [0]})
    prices = pd.DataFrame({"渠道": ["短信"], "计价": ["segment"], "单价": [0.05]})
    columns = {
        "touches": Columns(channel="渠道", segments="条数", cost="成本"),
        "prices": Columns(channel="渠道", basis="计价", unit_cost="单价"),
    }
    assert price_touches(touches, prices, columns=columns)["成本"].tolist() == [0.1]


def codes(touches: object, prices: object) -> list[tuple[str, str | None, int]]:
    with pytest.raises(TableError, match="in the input") as caught:
        price_touches(touches, prices)
    return [(issue.code, issue.column, issue.count) for issue in caught.value.issues]


def one(**changed: object) -> pd.DataFrame:
    return pd.DataFrame({"channel": ["phone", "phone"], "kind": ["sent", "answered"], "minutes": [1.0, 2.0], **changed})


@pytest.mark.parametrize(
    ("touches", "expected"),
    [
        (one(channel=["fax", "phone"]), ("UNPRICED_CHANNEL", "channel", 1)),
        (one(kind=["sent", "answred"]), ("UNKNOWN_KIND", "kind", 1)),
        (one(kind=["sent", None]), ("UNKNOWN_KIND", "kind", 1)),
        (one(origin=["out", "outbound"]), ("UNKNOWN_ORIGIN", "origin", 1)),
        (one(minutes=[1.0, None]), ("NULL_VALUE", "minutes", 1)),
        (one(minutes=[1.0, -2.0]), ("NEGATIVE_VALUE", "minutes", 1)),
        (one(minutes=[1.0, np.inf]), ("NOT_FINITE", "minutes", 1)),
        (one(minutes=["1", "x"]), ("WRONG_TYPE", "minutes", 2)),
        (one().drop(columns="minutes"), ("MISSING_COLUMN", "minutes", 1)),
        (one().drop(columns="channel"), ("MISSING_COLUMN", "channel", 1)),
        (one(channel=["phone", None]), ("NULL_KEY", "channel", 1)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_problems_of_touches(touches, expected, table_kind):
    prices = PRICES[PRICES["channel"] == "phone"]
    assert codes(table_kind(touches), prices) == [expected]


def test_the_unpriced_channels_are_listed_with_their_counts():
    touches = pd.DataFrame({"channel": ["fax", "fax", "telex", "web"]})
    prices = PRICES[PRICES["channel"] == "web"]
    with pytest.raises(TableError, match=r"no price for 'fax' \(2\), 'telex' \(1\); add a row.*, or recode a channel"):
        price_touches(touches, prices)


def price_rows(**changed: object) -> pd.DataFrame:
    return pd.DataFrame({"channel": ["phone", "phone"], "basis": ["sent", "fixed"], "unit_cost": [1.0, 2.0], **changed})


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        (price_rows(basis=["clik", "fixed"]), ("UNKNOWN_BASIS", "basis", 1)),
        (price_rows(basis=["sent", "sent"]), ("DUPLICATE_PRICE", "basis", 2)),
        (price_rows(basis=["sent", None]), ("NULL_KEY", "basis", 1)),
        (price_rows(channel=["phone", None]), ("NULL_KEY", "channel", 1)),
        (price_rows(unit_cost=[1.0, None]), ("NULL_VALUE", "unit_cost", 1)),
        (price_rows(unit_cost=[1.0, -1.0]), ("NEGATIVE_VALUE", "unit_cost", 1)),
        (price_rows(unit_cost=[1.0, np.inf]), ("NOT_FINITE", "unit_cost", 1)),
        (price_rows(unit_cost=["1", "2"]), ("WRONG_TYPE", "unit_cost", 2)),
        (price_rows().drop(columns="unit_cost"), ("MISSING_COLUMN", "unit_cost", 1)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_problems_of_prices(prices, expected, table_kind):
    assert codes(table_kind(one()), prices) == [expected]


def test_problems_of_both_tables_come_together():
    found = codes(one(kind=["sent", "answred"]), price_rows(unit_cost=[1.0, -1.0]))
    assert [item[0] for item in found] == ["NEGATIVE_VALUE", "UNKNOWN_KIND"]


def test_a_misspelt_basis_is_answered_with_the_closest():
    with pytest.raises(TableError, match=r"'clik' is no basis of a price\. Did you mean 'click'"):
        price_touches(one(), price_rows(basis=["clik", "fixed"]))


def test_costs_that_are_there_are_not_overwritten(table_kind):
    with pytest.raises(InputError, match=r"already have a column 'cost'.*drop or rename the column"):
        price_touches(table_kind(one(cost=[1.0, 2.0])), PRICES)


def test_what_is_no_table_is_said():
    with pytest.raises(InputError, match="touches must be a table"):
        price_touches(3, PRICES)


def test_an_empty_table_of_touches_stays_empty(table_kind):
    empty = every_touch().iloc[:0].astype({"channel": str, "kind": str, "origin": str})
    assert values_of(price_touches(table_kind(empty), PRICES)) == []


class _Result:
    """A result of ours stands for its table."""

    def to_arrow(self):
        import pyarrow as pa

        return pa.table({"channel": ["web"]})


def test_a_result_is_accepted_as_its_table():
    assert price_touches(_Result(), PRICES)["cost"].to_pylist() == [7.0]


def test_a_quantity_priced_at_nothing_is_not_needed(table_kind):
    touches = pd.DataFrame({"channel": ["sms"], "kind": ["sent"], "segments": ["?"], "n": [0]})
    prices = pd.DataFrame({"channel": ["sms", "sms"], "basis": ["segment", "sent"], "unit_cost": [0.0, 1.0]})
    inbound = touches.assign(origin="inbound")
    paid = prices.assign(unit_cost=[0.5, 1.0])
    assert values_of(price_touches(table_kind(inbound), paid)) == [0.0]
    assert values_of(price_touches(table_kind(touches), prices)) == [1.0]


def opened(frame: pd.DataFrame, name: str, problems: Problems):
    return open_table(frame, name, Columns(), problems=problems)


def test_fixed_costs_name_their_arms():
    problems = Problems()
    assert fixed_costs(opened(PRICES, "prices", problems)) == [
        ("phone", 100.0, ("full",)),
        ("phone", 900.0, ("full", "sms")),
    ]
    assert problems.issues == []


def test_a_fixed_cost_without_arms_is_noted():
    problems = Problems()
    known = read_prices(opened(price_rows(), "prices", problems))
    assert fixed_costs(known) == [("phone", 2.0, ())]
    assert [(issue.code, issue.column, issue.count) for issue in problems.issues] == [("FIXED_WITHOUT_ARMS", "arms", 1)]


def test_touch_costs_take_opened_tables_and_note_what_is_wrong():
    problems = Problems()
    prices = opened(PRICES, "prices", problems)
    touches = opened(every_touch(), "touches", problems)
    listed = touch_costs(touches, prices)
    assert listed.tolist() == touch_costs(touches, read_prices(prices)).tolist()
    assert problems.issues == []
    broken = opened(price_rows(basis=["x", "y"]), "prices", problems)
    assert np.isnan(touch_costs(touches, broken)).all()
    assert fixed_costs(broken) == []
    assert {issue.code for issue in problems.issues} == {"UNKNOWN_BASIS"}


@pytest.mark.parametrize(
    "prices",
    [
        price_rows(basis=["x", "fixed"]),
        price_rows(basis=["sent", "sent"]),
        price_rows(unit_cost=[None, 1.0]),
        price_rows(unit_cost=[-1.0, 1.0]),
        price_rows(unit_cost=[np.inf, 1.0]),
        price_rows().drop(columns="basis"),
    ],
)
def test_a_price_list_is_as_unusable_when_it_is_read_again(prices):
    problems = Problems()
    table = opened(prices, "prices", problems)
    assert [read_prices(table), read_prices(table)] == [None, None]
    assert problems.issues != []
    assert fixed_costs(table) == []


def test_touches_without_a_price_have_no_cost_when_asked_again():
    problems = Problems()
    prices, touches = opened(price_rows(), "prices", problems), opened(one(channel="fax"), "touches", problems)
    assert np.isnan([touch_costs(touches, prices), touch_costs(touches, prices)]).all()


def test_the_bases_of_the_price_list_are_those_of_the_definition():
    assert set(BASES) == set(PRICES["basis"])


def test_the_simulators_spend_is_reproduced():
    import experiments as ex

    campaign = ex.simulate("default", persons=2_000, seed=7)
    found = price_touches(campaign.touches, campaign.prices).groupby("channel")["cost"].sum()
    lump = campaign.prices.query("basis == 'fixed'").groupby("channel")["unit_cost"].sum()
    spend = campaign.spend.set_index("channel")["cost"]
    assert found.add(lump, fill_value=0.0).to_dict() == pytest.approx(spend.to_dict(), rel=1e-12)
    assert found.sum() > 0
