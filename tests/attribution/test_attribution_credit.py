"""Credit tables: sums, keys, costs, export, explanation, and that order and kind of the tables change nothing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

START = pd.Timestamp("2026-10-01 00:00", tz="UTC")


@pytest.fixture(scope="module")
def campaign() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Some hundred rows with ties, repeated conversions, untouched conversions and touches of nobody who converts."""
    random = np.random.default_rng(11)
    touches = pd.DataFrame(
        {
            "person_id": [f"p{code}" for code in random.integers(0, 60, 400)],
            "time": START + pd.to_timedelta(random.integers(0, 50 * 4, 400) * 6, unit="h"),
            "channel": random.choice(["push", "sms", "phone", "banner"], 400),
            "campaign": random.choice(["autumn", "winter"], 400),
        }
    )
    conversions = pd.DataFrame(
        {
            "person_id": [f"p{code}" for code in random.integers(20, 90, 120)],
            "time": START + pd.to_timedelta(random.integers(0, 60 * 4, 120) * 6 + 1, unit="h"),
            "conversion_id": [f"o{number}" for number in range(120)],
            "value": random.lognormal(3, 1, 120).round(2),
            "product": random.choice(["loan", "card"], 120),
        }
    )
    return touches, conversions


def total(table: pd.DataFrame, column: str) -> np.ndarray:
    return table.groupby("model", sort=False)[column].sum().to_numpy()


@pytest.mark.parametrize("reuse", ["shared", "reset", "first"])
def test_credits_and_none_are_all_counted_conversions(campaign, reuse):
    touches, conversions = campaign
    credit = at.attribute(touches, conversions, rules=at.Rules(lookback="10d", reuse=reuse))
    counted = conversions
    if reuse == "first":
        counted = conversions.sort_values(["person_id", "time", "conversion_id"]).drop_duplicates("person_id")
    for view in (credit, credit.by("campaign"), credit.by("product"), credit.by(("product", "channel", "campaign"))):
        np.testing.assert_allclose(total(view.table(), "conversions"), len(counted), rtol=1e-12)
        np.testing.assert_allclose(total(view.table(), "value"), counted.value.sum(), rtol=1e-12)
        np.testing.assert_allclose(total(view.table(), "share_of_attributed"), 1.0, rtol=1e-12)
        np.testing.assert_allclose(total(view.table(), "share_of_all"), 1.0, rtol=1e-12)


def test_table_has_the_columns_and_order_of_the_contract(campaign):
    table = at.attribute(*campaign, models=["linear", "first_touch"]).table()
    assert table.columns.tolist() == ["model", "channel", "conversions", "value", "share_of_attributed", "share_of_all"]
    assert table.model.unique().tolist() == ["linear", "first_touch"]
    assert table.channel.tolist()[:5] == ["banner", "phone", "push", "sms", "(none)"]
    assert table.share_of_attributed.isna().tolist() == [False] * 4 + [True] + [False] * 4 + [True]


def test_the_order_of_the_rows_changes_no_bit(campaign):
    touches, conversions = campaign
    first = at.attribute(touches, conversions).by(("channel", "product"))
    spend = pd.DataFrame(
        {"channel": ["sms", "sms", "tv"], "product": ["loan", "loan", "card"], "cost": [0.1, 0.2, 0.3]}
    )
    for seed in range(3):
        shuffled = at.attribute(
            touches.sample(frac=1, random_state=seed), conversions.sample(frac=1, random_state=seed + 9)
        )
        second = shuffled.by(("channel", "product"))
        left = first.with_costs(spend).table(level=0.95)
        right = second.with_costs(spend.sample(frac=1, random_state=seed)).table(level=0.95)
        pd.testing.assert_frame_equal(left, right, check_exact=True)
        assert first.touches().to_dicts() == second.touches().to_dicts()
        assert first.recipe.to_dict() == second.recipe.to_dict()
        assert first.to_markdown() == second.to_markdown()


def test_every_kind_of_table_gives_the_same(campaign, table_kind):
    touches, conversions = campaign
    expected = at.attribute(touches, conversions)
    found = at.attribute(table_kind(touches), table_kind(conversions), collect=True)
    pd.testing.assert_frame_equal(found.table(), expected.table(), check_exact=True)
    assert found.recipe.fingerprint == expected.recipe.fingerprint
    assert found.by(("campaign", "product")).to_dicts() == expected.by(("campaign", "product")).to_dicts()
    assert found.explain("o7").to_dicts() == expected.explain("o7").to_dicts()


def test_a_table_that_stays_in_its_engine_gives_the_same(campaign, table_kind):
    touches, conversions = campaign
    expected = at.attribute(touches, conversions)
    found = at.attribute(table_kind(touches), table_kind(conversions))
    pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-9, atol=0.0)
    keys = ("campaign", "product")
    pd.testing.assert_frame_equal(found.by(keys).table(), expected.by(keys).table(), rtol=1e-9, atol=1e-12)
    assert found.explain("o7").to_dicts() == expected.explain("o7").to_dicts()
    assert found.touches().to_dicts() == expected.touches().to_dicts()


def test_the_tables_of_the_caller_are_not_changed_and_may_change_later(campaign):
    touches, conversions = (table.copy() for table in campaign)
    credit = at.attribute(touches, conversions)
    before = credit.by("campaign").to_dicts()
    pd.testing.assert_frame_equal(touches, campaign[0])
    pd.testing.assert_frame_equal(conversions, campaign[1])
    touches["campaign"] = "other"
    assert credit.by("campaign").to_dicts() == before


def test_results_stand_for_their_tables(campaign):
    credit = at.attribute(*campaign, models="linear")
    assert len(credit.to_polars()) == len(credit.to_arrow()) == len(credit.to_dicts()) == 5
    spend = credit.by("channel").with_costs(pd.DataFrame({"channel": ["sms"], "cost": [5.0]}))
    again = credit.with_costs(pd.DataFrame({"channel": ["sms"], "cost": [5.0]}).pipe(lambda frame: frame))
    assert spend.to_dicts() == again.to_dicts()


# --- keys -------------------------------------------------------------------------------------------------------------

TOUCHES = pd.DataFrame(
    {
        "person_id": [1, 1, 2, 3],
        "time": [START, START + timedelta(days=1), START, START + timedelta(days=9)],
        "channel": ["sms", "phone", "sms", "push"],
        "campaign": [10, 2, None, 2],
        "product": ["x", "y", "x", "y"],
    }
)
CONVERSIONS = pd.DataFrame(
    {
        "person_id": [1, 2, 3, 4],
        "time": [START + timedelta(days=2)] * 4,
        "conversion_id": ["o1", "o2", "o3", "o4"],
        "value": [100.0, 10.0, 1.0, 0.0],
        "product": ["x", "x", "y", "y"],
        "weekday": ["Sa", "Sa", "Su", "Su"],
    }
)


def keyed(keys) -> dict:
    table = at.attribute(TOUCHES, CONVERSIONS, models="linear").by(keys).table()
    names = [
        name
        for name in table.columns
        if name not in ("model", "conversions", "value", "share_of_attributed", "share_of_all")
    ]
    return {tuple(row[name] for name in names): (row["conversions"], row["value"]) for row in table.to_dict("records")}


def test_by_a_conversion_column_has_one_none_row():
    assert keyed("weekday") == {("Sa",): (2.0, 110.0), ("Su",): (0.0, 0.0), ("(none)",): (2.0, 1.0)}


def test_by_columns_of_both_tables_keeps_the_conversion_columns_of_untouched_ones():
    assert keyed(("channel", "weekday")) == {
        ("phone", "Sa"): (0.5, 50.0), ("sms", "Sa"): (1.5, 60.0), ("(none)", "Su"): (2.0, 1.0),
    }  # fmt: skip


def test_by_a_column_of_both_tables_means_the_touches_and_a_prefix_says_which():
    assert keyed("product")[("x",)] == (1.5, 60.0)
    assert keyed("touch.product") == keyed("product")
    assert keyed("conversion.product") == {("x",): (2.0, 110.0), ("y",): (0.0, 0.0), ("(none)",): (2.0, 1.0)}
    both = at.attribute(TOUCHES, CONVERSIONS, models="linear").by(("touch.product", "conversion.product"))
    assert both.table().columns.tolist()[1:3] == ["touch.product", "conversion.product"]


def test_by_numbers_and_empty_cells():
    found = keyed("campaign")
    assert found[("(missing)",)] == (1.0, 10.0)
    assert sum(conversions for conversions, _ in found.values()) == 4.0
    numbered = at.attribute(TOUCHES.assign(wave=[10, 2, 2, 10]), CONVERSIONS, models="linear").by("wave")
    assert numbered.table().wave.tolist() == ["2", "10", "(none)"]


def test_by_a_role_keeps_the_name_of_the_contract():
    touches = TOUCHES.rename(columns={"channel": "渠道", "person_id": "客户"})
    columns = {"touches": at.Columns(channel="渠道", person="客户")}
    credit = at.attribute(touches, CONVERSIONS, models="linear", columns=columns)
    assert credit.table().columns[1] == "channel"
    assert credit.by("渠道").to_dicts() == credit.by("channel").to_dicts() == credit.to_dicts()
    assert credit.by("person_id").table().columns[1] == "person_id"


def test_by_chains():
    credit = at.attribute(TOUCHES, CONVERSIONS)
    assert credit.by("weekday").by("channel").to_dicts() == credit.to_dicts()


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ("chanel", "Did you mean 'channel'"),
        ((), "at least one column"),
        (("channel", "channel"), "twice"),
        ("value", "may not be called"),
        (1, "takes the name of a column"),
        ((1,), "names of columns as text"),
    ],
)
def test_wrong_keys(keys, match):
    with pytest.raises(at.InputError, match=match):
        at.attribute(TOUCHES, CONVERSIONS).by(keys)


def test_a_key_column_of_lists_is_refused():
    credit = at.attribute(TOUCHES.assign(tags=[["x"]] * 4), CONVERSIONS)
    with pytest.raises(at.InputError, match=r"touches.tags holds list"):
        credit.by("tags")


def test_a_key_column_may_not_hold_the_reserved_name():
    credit = at.attribute(TOUCHES.assign(team="(none)"), CONVERSIONS)
    with pytest.raises(at.TableError, match="RESERVED_NAME"):
        credit.by("team")
    assert credit.by("channel").table().channel.tolist()[:3] == ["phone", "push", "sms"]


# --- costs ------------------------------------------------------------------------------------------------------------


def test_costs_by_hand():
    spend = pd.DataFrame({"channel": ["sms", "tv", "sms", "push"], "cost": [1.0, 4.0, 2.0, 0.0]})
    credit = at.attribute(TOUCHES, CONVERSIONS, models="linear").with_costs(spend)
    rows = {row["channel"]: row for row in credit.to_dicts()}
    assert list(rows) == ["phone", "push", "sms", "tv", "(none)"]
    assert (rows["sms"]["cost"], rows["sms"]["cost_per_conversion"], rows["sms"]["return_on_spend"]) == (3.0, 2.0, 20.0)
    assert (rows["phone"]["cost"], rows["phone"]["cost_per_conversion"], rows["phone"]["return_on_spend"]) == (
        None,
        None,
        None,
    )
    assert (rows["tv"]["cost"], rows["tv"]["cost_per_conversion"], rows["tv"]["return_on_spend"]) == (4.0, None, 0.0)
    assert (rows["push"]["cost"], rows["push"]["return_on_spend"]) == (0.0, None)
    codes = {finding.code: dict(finding.values) for finding in credit.findings}
    assert codes["COST_WITHOUT_CREDIT"] == {"keys": "tv", "cost": 4.0, "share": 4 / 7}
    assert codes["CREDIT_WITHOUT_COST"] == {"keys": "phone", "conversions": 0.5}


def test_spend_in_is_spend_out(campaign):
    spend = pd.DataFrame({"channel": ["sms", "push", "tv", "radio"], "cost": [1.5, 2.5, 3.0, 4.0]})
    table = at.attribute(*campaign).with_costs(spend).table()
    np.testing.assert_allclose(total(table, "cost"), 11.0, rtol=1e-12)


def test_costs_follow_the_keys():
    spend = pd.DataFrame({"product": ["x", "z"], "cost": [5.0, 1.0]})
    credit = at.attribute(TOUCHES, CONVERSIONS, models="linear").by("conversion.product").with_costs(spend)
    assert {row["product"]: row["cost"] for row in credit.to_dicts()} == {"x": 5.0, "y": None, "z": 1.0, "(none)": None}
    assert credit.by("channel").spend is None


def test_spend_without_a_name_stands_beside_credit_without_one():
    touches = TOUCHES.assign(team=["a", *[None] * (len(TOUCHES) - 1)])
    spend = pd.DataFrame({"team": ["a", None, "b", None], "cost": [1.0, 2.0, 4.0, 8.0]})
    credit = at.attribute(touches, CONVERSIONS, models="linear").by("team").with_costs(spend)
    costs = {row["team"]: row["cost"] for row in credit.to_dicts()}
    assert costs == {"(missing)": 10.0, "a": 1.0, "b": 4.0, "(none)": None}
    assert credit.spend.total == 15.0
    joint = pd.DataFrame({"channel": ["sms", None], "team": [None, "a"], "cost": [1.0, 2.0]})
    with pytest.raises(at.TableError, match="NULL_KEY") as caught:
        at.attribute(touches, CONVERSIONS).by(("channel", "team")).with_costs(joint)
    assert [issue.column for issue in caught.value.issues] == ["channel"]


def test_the_simulators_own_touches_are_spend_by_campaign():
    c = ex.simulate("default", persons=300, seed=7)
    priced = at.price_touches(c.touches, c.prices)
    credit = at.attribute(c.touches, c.conversions, models="linear").by("campaign").with_costs(priced)
    table = credit.table()
    assert "(missing)" in table["campaign"].tolist()
    assert table["cost"].sum() == pytest.approx(priced["cost"].sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("spend", "codes"),
    [
        ({"chanel": ["sms"], "cost": [1.0]}, {"MISSING_COLUMN"}),
        ({"channel": ["sms"]}, {"MISSING_COLUMN"}),
        ({"channel": ["sms", None], "cost": [-1.0, None]}, {"NULL_KEY", "NEGATIVE_VALUE"}),
        ({"channel": ["(none)"], "cost": [np.inf]}, {"RESERVED_NAME", "NOT_FINITE"}),
    ],
)
def test_wrong_spend(spend, codes):
    with pytest.raises(at.TableError, match=r"spend") as caught:
        at.attribute(TOUCHES, CONVERSIONS).with_costs(pd.DataFrame(spend))
    assert {issue.code for issue in caught.value.issues} == codes


# --- events and explanation -------------------------------------------------------------------------------------------


def test_events_sum_to_the_table(campaign):
    credit = at.attribute(*campaign).by(("campaign", "product"))
    events = credit.touches().table()
    assert events.columns.tolist() == [
        "person_id", "conversion_id", "time", "channel", "model", "weight", "conversions", "value", "campaign",
        "product",
    ]  # fmt: skip
    table = credit.table()
    touched = table[table.campaign != "(none)"].set_index(["model", "campaign", "product"])
    summed = events.groupby(["model", "campaign", "product"])[["conversions", "value"]].sum()
    for column in ("conversions", "value"):
        pd.testing.assert_series_equal(
            summed[column].sort_index(),
            touched[column].sort_index(),
            check_names=False,
            check_index_type=False,
            rtol=1e-12,
        )
    weights = events.groupby(["model", "conversion_id"]).weight.sum()
    np.testing.assert_allclose(weights, 1.0, rtol=1e-12)


def test_events_keep_the_ids_as_given():
    rows = at.attribute(TOUCHES, CONVERSIONS, models="last_touch").touches().to_dicts()
    assert [(row["person_id"], row["conversion_id"], row["weight"], row["value"]) for row in rows] == [
        (1, "o1", 0.0, 0.0), (1, "o1", 1.0, 100.0), (2, "o2", 1.0, 10.0),
    ]  # fmt: skip
    assert rows[0]["time"] == START


def test_explain_names_the_reason_of_every_touch():
    days = {"old": -40, "short": -5, "other": -4, "call": -3, "used": -2.5, "good": -1, "instant": 0, "late": 1}
    conversion = START + timedelta(days=50)
    touches = pd.DataFrame(
        {
            "person_id": "p",
            "time": [conversion + timedelta(days=number) for number in days.values()],
            "channel": list(days),
            "origin": ["inbound" if name == "call" else "outbound" for name in days],
            "product": ["y" if name == "other" else "x" for name in days],
        }
    )
    conversions = pd.DataFrame(
        {
            "person_id": "p",
            "time": [conversion - timedelta(days=2), conversion],
            "conversion_id": ["o1", "o2"],
            "value": 1.0,
            "product": "x",
        }
    )
    rules = at.Rules(
        lookback={"short": "2d", "*": "30d"}, origin="outbound", match="product", same_instant="exclude", reuse="reset"
    )
    credit = at.attribute(touches, conversions, rules=rules)
    rows = credit.explain("o2").to_dicts()
    assert {row["channel"]: row["status"] for row in rows} == {
        "old": "OUTSIDE_LOOKBACK", "short": "OUTSIDE_LOOKBACK", "other": "MATCH_DIFFERS", "call": "INBOUND_EXCLUDED",
        "used": "SERVED_EARLIER", "good": "ELIGIBLE", "instant": "SAME_INSTANT_EXCLUDED", "late": "AFTER_CONVERSION",
    }  # fmt: skip
    assert [row["linear"] for row in rows] == [None] * 5 + [1.0, None, None]
    assert credit.explain("o1").to_dicts()[4]["status"] == "ELIGIBLE"
    for lang, word in (("en", "served an earlier conversion"), ("zh", "已用于更早的转化")):
        with at.language(lang):
            assert word in repr(credit.explain("o2"))


def test_explain_agrees_with_the_events(campaign):
    credit = at.attribute(*campaign, rules=at.Rules(lookback="10d", reuse="reset"))
    events = credit.touches().table()
    for name in ("o3", "o30", "o77"):
        explained = [row for row in credit.explain(name).to_dicts() if row["status"] == "ELIGIBLE"]
        mine = events[(events.conversion_id == name) & (events.model == "time_decay")]
        assert [row["time_decay"] for row in explained] == mine.weight.tolist()


def test_explain_refuses():
    conversions = pd.concat(
        [CONVERSIONS.assign(refund_of=None), CONVERSIONS.iloc[:1].assign(conversion_id="r", refund_of="o1")]
    )
    credit = at.attribute(TOUCHES, conversions)
    with pytest.raises(at.InputError, match="There are: 'o1', 'o2'"):
        credit.explain("order-9")
    with pytest.raises(at.InputError, match="refunded in full"):
        credit.explain("o1")
    with pytest.raises(at.InputError, match="the row is a refund"):
        credit.explain("r")
    with pytest.raises(at.InputError, match="no conversion 5"):
        credit.explain(5)
    for unreadable in ("\ud800", 2**70, None):
        with pytest.raises(at.InputError, match=r"there is no conversion .*; the ids are text"):
            credit.explain(unreadable)


# --- display and recipe -----------------------------------------------------------------------------------------------


def test_the_print_says_what_it_is_in_both_languages():
    credit = at.attribute(TOUCHES, CONVERSIONS).with_costs(pd.DataFrame({"channel": ["sms"], "cost": [1.0]}))
    assert "Credit, not cause" in repr(credit)
    assert "at most 30d older" in repr(credit)
    with at.language("zh"):
        assert "归因只分功劳，不证明因果" in repr(credit)
        assert "归因只分功劳" in credit._repr_html_()
    assert "| sms |" in credit.to_markdown()


def test_recipe():
    recipe = at.attribute(TOUCHES, CONVERSIONS, rules=at.Rules(reuse="first", origin="all", match="product")).recipe
    assert recipe.n == {"persons": 4, "conversions": 4, "touched_conversions": 2, "touches": 4}
    assert recipe.settings["rules"] == "lookback 30d; reuse first; origin all; same instant include; match product"
    assert len(recipe.sentences("en")) == len(recipe.sentences("zh")) == 8
    changed = at.attribute(
        TOUCHES, CONVERSIONS.assign(value=[100.0, 10.0, 1.0, 0.5]), rules=at.Rules(reuse="first", match="product")
    )
    assert changed.recipe.fingerprint != recipe.fingerprint


def test_without_a_value_column():
    credit = at.attribute(TOUCHES, CONVERSIONS.drop(columns="value"), models="linear")
    table = credit.table(level=0.95)
    assert table.value.isna().all()
    assert table.conversions.sum() == 4
    assert "value_low" not in table
    assert "cost" not in repr(credit)
    assert (
        credit.with_costs(pd.DataFrame({"channel": ["sms"], "cost": [3.0]})).to_dicts()[2]["cost_per_conversion"] == 2.0
    )


def test_identity_is_applied_to_both_tables():
    links = pd.DataFrame({"customer_id": [1, 2, 3, 4], "phone": ["a", "b", "b", "c"]})
    identity = at.resolve_identity(links, ids=("customer_id", "phone"))
    touches, conversions = (table.rename(columns={"person_id": "number"}) for table in (TOUCHES, CONVERSIONS))
    columns = at.Columns(customer="number")
    credit = at.attribute(touches, conversions, models="linear", identity=identity, columns=columns)
    assert credit.table().set_index("channel").conversions["(none)"] == 1.0  # numbers 2 and 3 are one person
