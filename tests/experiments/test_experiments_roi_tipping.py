"""What would turn a verdict: each assumption against a scan, and the cases where nothing would."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import InputError
from attribution.core.language import language
from attribution.core.randomness import generator

SHARES = {"holdout": 0.25, "digital": 0.25, "sms": 0.5}


def draw(seed, rates=(0.02, 0.028, 0.04), n=(4_000, 4_000, 8_000), coupon=20.0):
    rng, parts = generator(seed, "tipping"), []
    for position, (arm, size, rate) in enumerate(zip(SHARES, n, rates, strict=True)):
        woken = (rng.random(size) < rate).astype(int)
        cost = (0.0, 0.05, 0.2)[position] + coupon * woken * (position > 0) * rng.uniform(0.5, 1.5, size)
        parts.append(pd.DataFrame({"arm": arm, "woken": woken, "cost": cost}))
    return pd.concat(parts, ignore_index=True).assign(person_id=lambda frame: range(len(frame)))


def experiment(**options):
    return ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES, **options)


def tips(pays, **options):
    found = ex.tipping(pays, **options).to_dicts()
    return {(row["arm"], row["threshold"], row["assumption"], row["becomes"]): row for row in found}, found


def words(table, threshold, **options):
    rows = ex.cost_thresholds(table, thresholds=[threshold], experiment=experiment(**options)).to_dicts()
    return {row["arm"]: row["verdict_unadjusted"] for row in rows}


def test_value_cost_and_leakage_turn_the_word_where_they_say():
    table = draw(0)
    pays = ex.cost_thresholds(table, thresholds=[40, 85], experiment=experiment())
    _, rows = tips(pays)
    seen = 0
    for row in rows:
        if row["tips_at"] is None or row["unit"] == "setting" or row["assumption"].startswith("unseen"):
            continue
        seen += 1
        for off, expected in ((-1e-4, None), (1e-4, row["becomes"])):
            at = row["tips_at"] + off * (row["tips_at"] - row["base"])
            threshold, changed = row["threshold"], table
            if row["assumption"] == "value":
                threshold = at
            elif row["assumption"] == "cost_factor":
                changed = table.assign(cost=at * table["cost"])
            else:
                threshold = threshold / (1.0 - at)
            assert words(changed, threshold)[row["arm"]] == (expected or row["verdict"]), (row, off)
    assert seen >= 4


@pytest.mark.parametrize("treated", [True, False])
def test_unseen_wake_ups_turn_the_word_at_the_smallest_whole_number(treated):
    table = draw(1)
    pays = ex.cost_thresholds(table, thresholds=[40, 85], experiment=experiment())
    name, checked = ("unseen_treated" if treated else "unseen_control"), 0
    for row in tips(pays)[1]:
        if row["assumption"] != name or row["tips_at"] is None:
            continue
        checked += 1
        arm = row["arm"] if treated else "holdout"
        count = round(row["tips_at"] * int((table["arm"] == arm).sum()))
        silent = table.index[(table["arm"] == arm) & (table["woken"] == 0)]
        for number, expected in ((count - 1, row["verdict"]), (count, row["becomes"])):
            moved = table["woken"].copy()
            # Persons of the silent whose costs are all alike in the control; nearly alike in a treated arm.
            moved.loc[silent[:number]] = 1
            assert words(table.assign(woken=moved), row["threshold"])[row["arm"]] == expected, (row, number)
    assert checked >= 1


def test_no_value_turns_a_contrast_that_pays_at_any_price():
    """More wake-ups at no cost: neither costs nor leakage nor unseen wake-ups of the treated arm take it back."""
    table = draw(2, rates=(0.01, 0.03, 0.06)).assign(cost=0.0)
    found = tips(ex.cost_thresholds(table, thresholds=[60], experiment=experiment()))[1]
    none = {(row["arm"], row["assumption"]) for row in found if row["note"] == "NO_VALUE"}
    assert {("sms", "value"), ("sms", "cost_factor"), ("sms", "leakage"), ("sms", "unseen_treated")} <= none
    assert all(row["becomes"] is None for row in found if row["note"] == "NO_VALUE")


def test_a_threshold_of_nothing_is_turned_by_no_factor():
    pays = ex.cost_thresholds(draw(3), thresholds=[0], experiment=experiment())
    by_name, _ = tips(pays)
    assert by_name["sms", 0.0, "cost_factor", None]["note"] == "NO_VALUE"
    assert by_name["sms", 0.0, "value", "INCONCLUSIVE"]["tips_at"] > 0.0


def test_alternatives_are_looked_up_and_computed():
    table = draw(1)
    pays = ex.cost_thresholds(table, thresholds=[85], experiment=experiment())
    late = table.assign(woken=table["woken"] * (np.arange(len(table)) % 5 < 2))
    asked = []

    def shorter():
        asked.append(1)
        return ex.cost_thresholds(late, thresholds=[85], experiment=experiment())

    found, rows = tips(pays, alternatives={"window": {"28d": pays, "7d": shorter}}, base={"window": "28d"})
    mine = {row["arm"]: row for row in rows if row["assumption"] == "window"}
    other = {row["arm"]: row["verdict_unadjusted"] for row in shorter().to_dicts()}
    for arm, row in mine.items():
        changed = other[arm] != row["verdict"]
        assert (row["setting"], row["becomes"]) == (("7d", other[arm]) if changed else (None, None))
        assert f"7d: {other[arm]}" in row["note"]
    assert len(asked) == 2
    elsewhere = ex.cost_thresholds(table, thresholds=[10], experiment=experiment())
    absent = tips(pays, alternatives={"cap": {"low": elsewhere}})[1]
    assert {row["note"] for row in absent if row["assumption"] == "cap"} == {"NOT_TRIED; low: NOT_TRIED"}
    assert found


def test_a_price_turns_the_word_where_it_says():
    table = draw(0)
    table["incentive_cost"] = table["cost"] - table["arm"].map({"holdout": 0.0, "digital": 0.05, "sms": 0.2})
    table["touch_cost"] = table["cost"] - table["incentive_cost"]
    table["stratum"], table["seg"] = np.arange(len(table)) % 2, np.where(np.arange(len(table)) % 3, "old", "new")
    design, prices = experiment(strata="stratum"), ["touch_cost", "incentive_cost"]
    pays = ex.cost_thresholds(table, thresholds=[40, 85], experiment=design)
    rows = [
        row for row in tips(pays, outcomes=table, prices=prices, experiment=design)[1] if row["assumption"] in prices
    ]
    assert {row["assumption"] for row in rows} == set(prices)
    turned = [row for row in rows if row["tips_at"] is not None]
    assert len(turned) >= 3
    for row in turned:
        for off, expected in ((-1e-6, row["verdict"]), (1e-6, row["becomes"])):
            factor = row["tips_at"] + off * (row["tips_at"] - 1.0)
            changed = table.assign(cost=table["cost"] + (factor - 1.0) * table[row["assumption"]])
            found = ex.cost_thresholds(changed, thresholds=[row["threshold"]], experiment=design).to_dicts()
            assert {one["arm"]: one["verdict_unadjusted"] for one in found}[row["arm"]] == expected, (row, off)
    segments = ex.cost_thresholds(table, thresholds=[85], experiment=design, by="seg")
    by = tips(segments, outcomes=table, prices=["touch_cost"], experiment=design, by="seg")[1]
    assert {row["segment"] for row in by if row["assumption"] == "touch_cost"} == {"new", "old"}
    with pytest.raises(InputError, match="do not give the contrast"):
        ex.tipping(pays, outcomes=table.assign(cost=2.0 * table["cost"]), prices=prices, experiment=design)
    households = experiment(cluster="house")
    clustered = ex.cost_thresholds(
        table.assign(house=np.arange(len(table)) // 4), thresholds=[85], experiment=households
    )
    found = tips(clustered, outcomes=table, prices=["touch_cost"], experiment=households)[1]
    assert {row["note"] for row in found if row["assumption"] == "touch_cost"} == {"NOT_TRIED"}


def test_verdicts_that_do_not_rest_on_their_interval_say_why():
    table = draw(1)
    wrong = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.4, "digital": 0.3, "sms": 0.3})
    rows = tips(ex.cost_thresholds(table, thresholds=[85], experiment=wrong))[1]
    assert {row["note"] for row in rows} == {"SRM"}
    few = table[table.index % 40 == 0]
    rows = tips(ex.cost_thresholds(few, thresholds=[85], experiment=experiment()))[1]
    assert {row["note"] for row in rows} == {"FEW_EVENTS"}
    assert "FEW_EVENTS" in repr(ex.tipping(ex.cost_thresholds(few, thresholds=[85], experiment=experiment())))


def test_strata_clusters_segments_and_chinese():
    table = draw(1)
    table["stratum"], table["house"] = np.arange(len(table)) % 2, np.arange(len(table)) // 4
    table["seg"] = np.where(np.arange(len(table)) % 3 == 0, "new", "old")
    by = tips(ex.cost_thresholds(table, thresholds=[85], experiment=experiment(), by="seg"))[1]
    assert {row["segment"] for row in by} == {"new", "old"}
    for options in ({"strata": "stratum"}, {"cluster": "house"}):
        pays = ex.cost_thresholds(table, thresholds=[85], experiment=experiment(**options))
        rows = [row for row in tips(pays)[1] if row["arm"] == "sms" and row["assumption"] == "unseen_control"]
        plain = ex.cost_thresholds(table, thresholds=[85], experiment=experiment())
        same = [row for row in tips(plain)[1] if row["arm"] == "sms" and row["assumption"] == "unseen_control"]
        assert rows[0]["tips_at"] == pytest.approx(same[0]["tips_at"], rel=0.5)
    with language("zh"):
        assert "任何取值都不会改变" in repr(ex.tipping(pays))


def test_the_printed_table_stands_once_per_contrast_with_its_thresholds_abreast():
    pays = ex.cost_thresholds(draw(1), thresholds=[40, 60, 85, 125], experiment=experiment())
    found = ex.tipping(pays)
    lines = repr(found).splitlines()
    # Four thresholds: three abreast, and one more table; two contrasts.
    assert [line for line in lines if line.endswith("vs holdout")] == ["digital vs holdout"] * 2 + [
        "sms vs holdout"
    ] * 2
    heads = [line for line in lines if line.startswith("assumption")]
    words = {(row["arm"], row["threshold"]): row["verdict"] for row in found.to_dicts()}
    for head, (arm, thresholds) in zip(
        heads, [("digital", (40, 60, 85)), ("digital", (125,)), ("sms", (40, 60, 85)), ("sms", (125,))], strict=True
    ):
        assert [part.strip() for part in head.split("  ") if part.strip()][1:] == [
            f"at {threshold}: {words[arm, threshold]}" for threshold in thresholds
        ]
    # Every tip is told once; an assumption that turns nothing in a table is named below it and nowhere else.
    told = sum(line.count(" → ") for line in lines)
    assert told == sum(row["becomes"] is not None for row in found.to_dicts())
    blocks = [block for block in repr(found).split("\nassumption") if "No value that was looked at" in block]
    assert blocks
    for block in blocks:
        table, note = block.split("No value that was looked at changes the word: ")
        assert not [name for name in note.splitlines()[0].rstrip(".").split("; ") if name in table]


def test_assumptions_that_were_not_varied_are_named_with_the_reason():
    table = draw(1).assign(touch_cost=0.0, house=lambda frame: frame["person_id"] // 4)
    design = experiment(cluster="house")
    pays = ex.cost_thresholds(table, thresholds=[85], experiment=design)
    shown = repr(ex.tipping(pays, outcomes=table, prices=["touch_cost"], experiment=design))
    assert "Not looked at: touch costs times." in shown
    wrong = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.4, "digital": 0.3, "sms": 0.3})
    broken = ex.cost_thresholds(table, thresholds=[60, 85], experiment=wrong)
    shown = repr(ex.tipping(broken, alternatives={"cap": {"low": pays}}, base={"cap": "none"}))
    assert shown.count("SRM: the verdict does not rest on its interval") == 2
    # An alternative is looked up all the same: the other analysis was not INVALID.
    assert shown.count("low → ") == 2
    with language("zh"):
        assert "结论并非由区间得出" in repr(ex.tipping(broken))


def test_other_things_are_refused():
    pays = ex.cost_thresholds(draw(1), thresholds=[85], experiment=experiment())
    with pytest.raises(InputError, match="needs the result of cost_thresholds"):
        ex.tipping(pays.table())
    with pytest.raises(InputError, match="must be the result of cost_thresholds"):
        ex.tipping(pays, alternatives={"window": {"7d": pays.table}})
