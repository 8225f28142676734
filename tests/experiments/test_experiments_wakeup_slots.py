from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from experiments.wakeup.slots_counts import by_person, covariance
from oracles import slot_counts as oracle

_BEGIN = pd.Timestamp("2026-03-01 08:00", tz="UTC")
_HOUR = pd.Timedelta("1h")


def _rows(seed: int, persons: int = 60, count: int = 700) -> list[oracle.Row]:
    random = np.random.default_rng(seed)
    who, when = random.integers(0, persons, count), random.integers(0, 200, count)
    slot = random.choice(["top", "side", "弹窗", "foot"], count)
    kind = np.where(random.random(count) < 0.1 + 0.2 * (who % 7 == 0), "click", "impression")
    return [(f"p{a:02d}", int(b), str(c), str(d)) for a, b, c, d in zip(who, when, slot, kind, strict=True)]


def _table(rows: list[oracle.Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["person_id", "hour", "slot", "kind"])
    return frame.assign(time=_BEGIN + frame["hour"] * _HOUR).drop(columns="hour")


def _bookings(pairs: list[tuple[str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(pairs, columns=["person_id", "hour"])
    ids = [f"v{i}" for i in range(len(frame))]
    return frame.assign(time=_BEGIN + frame["hour"] * _HOUR, conversion_id=ids).drop(columns="hour")


@pytest.mark.parametrize("seed", range(5))
def test_rows_counted_one_by_one_give_the_same(seed: int) -> None:
    rows = _rows(seed)
    random = np.random.default_rng(seed + 50)
    pairs = [(f"p{a:02d}", b) for a, b in random.integers(0, [70, 210], (50, 2)).tolist()]
    found = {row["slot"]: row for row in ex.slots(_table(rows), _bookings(pairs), lookback="30h").to_dicts()}
    after = oracle.assisted(rows, pairs, 30)
    for slot, (shown, clicked, persons) in oracle.rates(rows).items():
        row = found[slot]
        assert (row["impressions"], row["clicks"], row["persons"]) == (shown, clicked, persons)
        assert row["ctr"] == pytest.approx(clicked / shown, rel=1e-12)
        assert row["clicks_per_person"] == pytest.approx(clicked / persons, rel=1e-12)
        assert (row["assisted"], row["assisted_persons"]) == after[slot]
    assert sum(hits for hits, _ in after.values()) > 0


def test_covariances_keep_the_clicks_of_a_person_together() -> None:
    rows = _rows(3)
    names = sorted({row[2] for row in rows})
    people = sorted({row[0] for row in rows})
    columns = [np.array(part) for part in zip(*[
        (people.index(row[0]), names.index(row[2]), row[3] == "impression", row[3] == "click") for row in rows
    ], strict=True)]  # fmt: skip
    pairs = by_person(columns[0], columns[1], columns[2].astype(float), columns[3].astype(float), len(names))
    share = pairs.total(pairs.clicks) / pairs.total(pairs.impressions)
    found = covariance(pairs, share)
    expected = [[oracle.linearised_variance(rows, one, two) for two in names] for one in names]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert abs(found[0, 1]) > 0


def test_clicks_over_impressions_is_no_mean_of_the_persons_rates() -> None:
    rows = [("a", 0, "top", "impression"), ("a", 1, "top", "click")]
    rows += [("b", i, "top", "impression") for i in range(99)]
    (row,) = ex.slots(_table(rows)).to_dicts()
    assert row["ctr"] == pytest.approx(0.01)
    assert row["ctr_low"] < 0.01 < row["ctr_high"]


def test_both_ends_of_the_lookback_count() -> None:
    rows = [("a", 0, "top", "impression"), ("a", 10, "top", "click"), ("a", 10, "side", "impression")]
    for hour, expected in ((9, 0), (10, 1), (15, 1), (16, 0)):
        found = {row["slot"]: row for row in ex.slots(_table(rows), _bookings([("a", hour)]), lookback="5h").to_dicts()}
        assert (found["top"]["assisted"], found["side"]["assisted"]) == (expected, 0)


def test_counts_by_row_give_the_same_as_one_row_each() -> None:
    rows = _table(_rows(1))
    single = ex.slots(rows).to_dicts()
    flags = rows.assign(shown=(rows["kind"] == "impression") * 1, hits=(rows["kind"] == "click") * 1)
    summed = flags.groupby(["person_id", "slot"], as_index=False).agg({"shown": "sum", "hits": "sum", "time": "max"})
    assert ex.slots(summed, counts=("shown", "hits")).to_dicts() == single


def test_ranks_hold_for_all_slots_and_follow_the_rates() -> None:
    rows = []
    for slot, rate in (("a", 5), ("b", 50), ("c", 52)):
        rows += [(f"p{i:03d}", 0, slot, "impression") for i in range(400)]
        rows += [(f"p{(7 * i) % 400:03d}", 1, slot, "click") for i in range(rate)]
    found = {row["slot"]: row for row in ex.slots(_table(rows)).to_dicts()}
    assert list(found) == ["c", "b", "a"]
    assert (found["a"]["rank_low"], found["a"]["rank_high"]) == (3, 3)
    assert (found["b"]["rank_low"], found["c"]["rank_high"]) == (1, 2)
    assert found["a"]["note"] == "FEW_CLICKS"


def test_a_slot_without_a_click_is_not_told_apart_from_its_like() -> None:
    rows = [(f"p{i}", 0, slot, "impression") for slot in ("a", "b") for i in range(5 if slot == "a" else 9)]
    rows.append(("p1", 1, "b", "click"))
    found = {row["slot"]: row for row in ex.slots(_table(rows)).to_dicts()}
    assert (found["a"]["rank_low"], found["a"]["rank_high"]) == (1, 2)
    assert found["a"]["clicks_per_person_high"] == pytest.approx(-math.log(0.025) / 5)


def test_five_impressions_without_a_click_do_not_settle_a_rank() -> None:
    rows = [(f"a{i}", 0, "few", "impression") for i in range(5)]
    rows += [(f"b{i}", 0, "many", "impression") for i in range(1_000)]
    rows += [(f"b{i}", 1, "many", "click") for i in range(200)]
    found = {row["slot"]: row for row in ex.slots(_table(rows)).to_dicts()}
    assert (found["few"]["rank"], found["few"]["rank_low"], found["many"]["rank_high"]) == (2, 1, 2)


def test_conversions_after_as_of_are_not_counted() -> None:
    rows, booked = [("a", 0, "top", "impression"), ("a", 1, "top", "click")], _bookings([("a", 2), ("a", 30)])
    assert ex.slots(_table(rows), booked).to_dicts()[0]["assisted"] == 2
    assert ex.slots(_table(rows), booked, as_of=_BEGIN + 9 * _HOUR).to_dicts()[0]["assisted"] == 1


def test_undefined_and_odd_rates_carry_their_reason() -> None:
    rows = [("a", 0, "alone", "click"), ("b", 0, "many", "impression"), ("b", 0, "many", "click")]
    rows += [("b", 1, "many", "click"), ("c", 0, "many", "impression"), ("c", 0, "many", "click")]
    found = ex.slots(_table([*rows, ("d", 0, "many", "view")]))
    by_slot = {row["slot"]: row for row in found.to_dicts()}
    assert (by_slot["alone"]["ctr"], by_slot["alone"]["rank"], by_slot["alone"]["note"]) == (
        None,
        None,
        "NO_IMPRESSIONS",
    )
    assert by_slot["many"]["note"] == "CTR_ABOVE_ONE"
    assert by_slot["many"]["ctr_low"] < by_slot["many"]["ctr"] == 1.5 < by_slot["many"]["ctr_high"]
    told = {finding.code: dict(finding.values) for finding in found.findings}
    assert told["SLOTS_CLICKS_ALONE"]["clicks"] == 1
    assert told["SLOTS_OTHER_KINDS"] == {"rows": 7, "left_out": 1, "kinds": "view"}
    (row,) = ex.slots(_table([("a", 0, "top", "impression"), ("a", 1, "top", "click")])).to_dicts()
    assert (row["ctr_low"] < 1.0, row["clicks_per_person_low"]) == (True, None)


def test_order_of_rows_changes_nothing() -> None:
    frame = _table(_rows(2))
    first = ex.slots(frame)
    again = ex.slots(frame.sample(frac=1.0, random_state=4))
    assert again.to_dicts() == first.to_dicts()
    assert again.recipe.to_dict() == first.recipe.to_dict()
    with at.language("zh"):
        assert "个栏位" in repr(first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"impression": ["view"], "click": ["tap"]}, "neither an impression"),
        ({"impression": ["click"]}, "not both"),
        ({"counts": "shown"}, "names two columns"),
        ({"lookback": 7}, "unit"),
        ({"level": 95}, "level=0.95"),
    ],
)
def test_questions_without_an_answer_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ex.InputError, match=message):
        ex.slots(_table(_rows(1)), **options)


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ex.TableError, match="slot"):
        ex.slots(_table(_rows(1)).drop(columns="slot"))
    with pytest.raises(ex.InputError, match="not below 0"):
        ex.slots(_table(_rows(1)).assign(shown=-1, hits=0), counts=("shown", "hits"))
    with pytest.raises(ex.InputError, match="nothing would match"):
        ex.slots(_table(_rows(1)), _bookings([("a", 1)]).assign(person_id=1))


def test_one_person_says_nothing_about_how_persons_differ() -> None:
    rows = [("a", "top", "impression", i) for i in range(30)] + [("a", "top", "click", i) for i in range(12)]
    log = pd.DataFrame(rows, columns=["person_id", "slot", "kind", "minute"])
    log["time"] = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(log["minute"], unit="min")
    (row,) = ex.slots(log).to_dicts()
    assert (row["ctr_low"], row["ctr_high"], row["clicks_per_person_low"], row["note"]) == (
        0.0,
        1.0,
        None,
        "ONE_PERSON",
    )
    (few,) = ex.slots(log.head(34)).to_dicts()
    assert few["note"] == "FEW_CLICKS; ONE_PERSON"
    assert [finding.code for finding in ex.slots(log.head(34)).findings] == ["FEW_CLICKS"]


def test_kinds_are_lists() -> None:
    log = pd.DataFrame({"person_id": ["a"], "slot": "top", "kind": "impression", "time": "2026-03-01T09:00Z"})
    with pytest.raises(ex.InputError, match="lists of kinds"):
        ex.slots(log, impression="impression")


def test_an_id_that_stands_twice_is_refused() -> None:
    log = _table(_rows(1)).assign(touch_id=lambda t: [f"t{row}" for row in range(len(t))])
    assert len(ex.slots(log).to_dicts()) > 1
    with pytest.raises(ex.TableError, match="a touch id occurs more than once"):
        ex.slots(pd.concat([log, log.iloc[:2]]))
