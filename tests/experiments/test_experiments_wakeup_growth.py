"""The growth chain: exact parts against R, fractions and an integral; zeros; rows of persons; periods out of orders."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attribution as at
import experiments as ex
from experiments.wakeup.growth_parts import check_parts, log_mean
from oracles import growth as oracle

REFERENCES = sorted((Path(__file__).parent.parent / "references" / "growth").glob("*.json"))
BEFORE = {"base": 1_000, "reached": 200, "buyers": 40, "orders": 80, "value": 8_000}
AFTER = {"base": 1_100, "reached": 330, "buyers": 60, "orders": 120, "value": 10_800}


def _parts(before: object, after: object, **options: object) -> list[float]:
    return [row["contribution"] for row in ex.growth_chain(before, after, **options).to_dicts()]


def _named(totals: list[float]) -> dict[str, float]:
    return {f"s{place}": total for place, total in enumerate(totals)}


@pytest.mark.parametrize("file", REFERENCES, ids=lambda file: file.stem)
def test_parts_agree_with_the_references(file: Path):
    case = json.loads(file.read_text(encoding="utf-8"))
    before, after = (_named(case["inputs"][name]) for name in ("before", "after"))
    parts = _parts(before, after, stages=list(before))
    assert np.allclose(parts, case["expected"]["parts"], rtol=case["rtol"], atol=case["atol"])


totals = st.lists(st.integers(1, 10**6), min_size=2, max_size=5)


@given(
    pair=st.integers(2, 5).flatmap(lambda n: st.tuples(*[st.lists(st.integers(1, 10**6), min_size=n, max_size=n)] * 2))
)
def test_both_methods_agree_with_their_oracles_and_sum_exactly(pair):
    before, after = pair
    size = max(*before, *after) * max(1.0, before[-1], after[-1])
    for method, wanted in (("shapley", oracle.shapley(before, after)), ("lmdi", oracle.lmdi(before, after))):
        parts = _parts(_named(before), _named(after), stages=list(_named(before)), method=method)
        assert math.isclose(
            math.fsum(parts), after[-1] - before[-1], rel_tol=1e-9, abs_tol=1e-9 * max(before[-1], after[-1])
        )
        for part, exact in zip(parts, wanted, strict=True):
            assert math.isclose(part, float(exact), rel_tol=1e-8, abs_tol=1e-12 * size)
        back = _parts(_named(after), _named(before), stages=list(_named(before)), method=method)
        assert np.allclose(back, [-part for part in parts], rtol=1e-9, atol=1e-9 * max(before[-1], after[-1]))


def test_lmdi_parts_of_two_links_are_the_part_of_their_product():
    fine, coarse = _parts(BEFORE, AFTER), _parts(BEFORE, AFTER, stages=("base", "buyers", "orders", "value"))
    assert math.isclose(fine[1] + fine[2], coarse[1], rel_tol=1e-12)
    links = [row["link"] for row in ex.growth_chain(BEFORE, AFTER).to_dicts()]
    assert links == ["base", "penetration", "buyer_rate", "orders_per_buyer", "ticket"]


def test_the_logarithmic_mean_keeps_its_digits_where_its_arguments_meet():
    import mpmath

    for gap in (1e-1, 1.9e-3, 1e-3, 1e-6, 1e-12):
        a, b = 7.0, 7.0 * (1.0 + gap)
        with mpmath.workdps(40):
            exact = (mpmath.mpf(b) - mpmath.mpf(a)) / mpmath.log(mpmath.mpf(b) / mpmath.mpf(a))
            assert math.isclose(log_mean(b, a), float(exact), rel_tol=1e-13)
    assert log_mean(3.0, 3.0) == 3.0
    assert log_mean(3.0, 0.0) == 0.0


@pytest.mark.parametrize("method", ["lmdi", "shapley"])
def test_a_chain_that_breaks_off_at_zero_sums_exactly_with_its_reason(method: str):
    nothing = {"base": 900, "reached": 100, "buyers": 0, "orders": 0, "value": 0}
    for before, after in ((nothing, AFTER), (BEFORE, nothing), (nothing, nothing)):
        found = ex.growth_chain(before, after, method=method)
        rows = found.to_dicts()
        change = after["value"] - before["value"]
        assert math.isclose(math.fsum(row["contribution"] for row in rows), change, abs_tol=1e-9)
        assert [row["note"] for row in rows][3:] == ["BEHIND_ZERO"] * 2
        if method == "lmdi" and change:
            assert [row["contribution"] for row in rows] == [0.0, 0.0, change, 0.0, 0.0]
        if not change:
            assert [row["contribution"] for row in rows] == [0.0] * 5
            assert [row["share_of_change"] for row in rows] == [None] * 5
            assert rows[0]["note"] == "NOTHING_CHANGED"


def test_the_limit_at_zero_is_that_of_ever_smaller_numbers():
    after = {"base": 1100, "reached": 330, "buyers": 60, "orders": 120, "value": 10_800}
    small = 1e-90
    nearly = {"base": 900, "reached": 100, "buyers": small, "orders": small * 2, "value": small * 50}
    zero = {"base": 900, "reached": 100, "buyers": 0, "orders": 0, "value": 0}
    # The other parts vanish like 1 / ln: at 1e-90 still about 2 %.
    assert np.allclose(_parts(nearly, after), _parts(zero, after), atol=0.02 * 10_800)


def test_a_negative_value_needs_shapley():
    refunds = {**AFTER, "value": -500}
    with pytest.raises(at.WakeLiftError, match=r'has no logarithm. Use method="shapley"'):
        ex.growth_chain(BEFORE, refunds)
    assert math.isclose(math.fsum(_parts(BEFORE, refunds, method="shapley")), -8_500, rel_tol=1e-12)


@pytest.mark.parametrize("method", ["lmdi", "shapley"])
def test_periods_of_very_unlike_size_are_decomposed(method: str):
    before = {"base": 9e6, "reached": 3e-3, "buyers": 2e-4, "orders": 5e-4, "value": 1e9}
    parts = _parts(before, dict.fromkeys(before, 1.0), method=method)
    assert math.isclose(math.fsum(parts), 1.0 - 1e9, rel_tol=1e-12, abs_tol=1e-12 * max(map(abs, parts)))


def test_repurchase_is_a_level_beside_or_a_link_of_its_own():
    before, after = {**BEFORE, "repeat_buyers": 20}, {**AFTER, "repeat_buyers": 24}
    found = ex.growth_chain(before, after)
    assert found.repurchase == (0.5, 0.4)
    assert "Repurchase (repeat buyers of all buyers): 50.0% before, 40.0% after." in repr(found)
    chain = ("base", "reached", "buyers", "repeat_buyers", "orders", "value")
    rows = ex.growth_chain(before, after, stages=chain).to_dicts()
    assert [row["link"] for row in rows][3:5] == ["repurchase", "orders_per_repeat_buyer"]
    assert math.isclose(math.fsum(row["contribution"] for row in rows), 2_800, rel_tol=1e-12)


def _rows(seed: int, persons: range, rate: float) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    n = len(persons)
    reached = draw.random(n) < 0.4
    orders = np.where(reached & (draw.random(n) < rate), draw.poisson(1.0, n) + 1, 0)
    value = orders * draw.lognormal(3.0, 0.5, n)
    return pd.DataFrame(
        {"person_id": list(persons), "reached": reached, "buyers": orders > 0, "orders": orders, "value": value}
    )


@pytest.mark.parametrize("method", ["lmdi", "shapley"])
def test_rows_of_persons_give_the_totals_parts_and_intervals_of_the_linearisation(method: str):
    before, after = _rows(1, range(4_000), 0.3), _rows(2, range(1_000, 5_500), 0.4)
    found = ex.growth_chain(before, after, method=method)
    sums = [{"base": len(rows), **rows.drop(columns="person_id").sum().to_dict()} for rows in (before, after)]
    assert np.allclose(_parts(*sums, method=method), [row["contribution"] for row in found.to_dicts()], rtol=1e-12)
    assert not found.findings
    # Drawing persons anew, each with a Poisson weight in both periods at once, gives the same standard errors.
    draw = np.random.default_rng(3)
    drawn = []
    names = ["base", "reached", "buyers", "orders", "value"]
    both = [rows.assign(base=1.0)[names].to_numpy(float) for rows in (before, after)]
    for _ in range(400):
        weight = draw.poisson(1.0, 5_500)
        totals = [
            dict(zip(names, weight[rows["person_id"]] @ held, strict=True))
            for rows, held in zip((before, after), both, strict=True)
        ]
        drawn.append(_parts(*totals, method=method))
    errors = [(row["contribution_high"] - row["contribution_low"]) / 2 / 1.959964 for row in found.to_dicts()]
    assert np.allclose(errors, np.std(drawn, axis=0), rtol=0.12)
    again = ex.growth_chain(before[::-1], after.sample(frac=1.0, random_state=1), method=method)
    assert again.to_arrow().equals(found.to_arrow())


def test_totals_and_few_persons_carry_no_interval_and_say_so():
    assert [one.code for one in ex.growth_chain(BEFORE, AFTER).findings] == ["GROWTH_DESCRIPTION"]
    few = _rows(1, range(60), 0.3)
    found = ex.growth_chain(few, _rows(2, range(4_000), 0.3))
    assert [one.code for one in found.findings] == ["GROWTH_FEW_PERSONS"]
    assert found.to_dicts()[0]["contribution_low"] is None
    with at.language("zh"):
        assert "渗透率" in repr(found)


def test_the_display_tells_level_method_and_reasons():
    rows = ex.growth_chain(_rows(1, range(900), 0.3), _rows(2, range(900), 0.3), level=0.8, method="shapley")
    assert "Intervals at 80%" in repr(rows)
    assert "decomposed exactly (Shapley)" in repr(rows)
    broken = ex.growth_chain({**BEFORE, "buyers": 0, "orders": 0, "value": 0}, AFTER)
    assert "BEHIND_ZERO: A total before this one is 0" in repr(broken)
    assert "Intervals at" not in repr(broken)
    with at.language("zh"):
        assert "区间水平 80%" in repr(rows)
        assert "BEHIND_ZERO：前面某一环的总数为 0" in repr(broken)


def test_rows_with_a_total_of_zero_carry_no_interval_and_say_so():
    rows = _rows(1, range(4_000), 0.3)
    found = ex.growth_chain(rows.assign(value=0.0), _rows(2, range(4_000), 0.3))
    assert [one.code for one in found.findings] == ["GROWTH_ZERO_TOTAL"]
    parts = [row["contribution"] for row in found.to_dicts()]
    assert parts == [0.0, 0.0, 0.0, 0.0, found.change]


def test_keys_of_two_kinds_are_refused():
    rows = _rows(1, range(400), 0.5)
    with pytest.raises(at.WakeLiftError, match="KEY_TYPE_MISMATCH"):
        ex.growth_chain(rows, rows.assign(person_id=rows["person_id"].map(str)))
    with pytest.raises(at.WakeLiftError, match="REPEATED_PERSON"):
        ex.growth_period(
            pd.DataFrame({"person_id": ["a", "a"], "fan": [1, 1]}),
            _orders()[1],
            start="2026-05-31",
            end="2026-06-30",
            reached="fan",
        )


@pytest.mark.parametrize(
    ("before", "options", "told"),
    [
        ({**BEFORE, "base": 0}, {}, "'base' is 0, but 'reached' behind it is 200"),
        ({**BEFORE, "orders": -1}, {}, "only the last stage may be negative"),
        ({**BEFORE, "orders": math.nan}, {}, "must be a finite number"),
        ({**BEFORE, "orders": "80"}, {}, "must be a finite number"),
        ({**BEFORE, "orders": None}, {}, "must be a finite number"),
        ({**BEFORE, "value": 1e200}, {}, "must be 0 or between"),
        ({"base": 1}, {}, "before lacks the totals reached, buyers, orders, value"),
        (BEFORE, {"method": "laspeyres"}, "method must be one of lmdi, shapley"),
        (BEFORE, {"stages": ("value",)}, "stages must be 2 to 12 different names"),
        (BEFORE, {"stages": "value"}, "stages must be a sequence of names"),
        (pd.DataFrame({"person_id": [1, 1], "reached": [1, 1]}), {}, "REPEATED_PERSON"),
        (3, {}, "before must be a table"),
    ],
)
def test_what_cannot_be_decomposed_is_refused(before: object, options: dict[str, object], told: str):
    with pytest.raises(at.WakeLiftError, match=told):
        ex.growth_chain(before, AFTER, **options)


def test_parts_that_do_not_sum_are_an_error_of_ours():
    with pytest.raises(at.WakeLiftError, match="the parts make"):
        check_parts([1.0, 2.0], 4.0, 4.0)


def _orders() -> tuple[pd.DataFrame, pd.DataFrame]:
    people = pd.DataFrame({"person_id": ["c", "a", "b", "d"], "fan": [0, 1, 1, 1], "mau": [True, True, True, False]})
    times = [
        "2026-05-31 23:59:59",
        "2026-06-01",
        "2026-06-10",
        "2026-06-30 23:59:59",
        "2026-07-01",
        "2026-06-05",
        "2026-06-05",
    ]
    log = pd.DataFrame(
        {
            "person_id": ["a", "a", "a", "b", "b", "c", "d"],
            "time": pd.to_datetime(times, utc=True, format="ISO8601"),
            "value": [1.0, 2, 4, 8, 16, 32, 64],
        }
    )
    return people, log


def test_a_period_is_counted_customer_by_customer():
    people, log = _orders()
    found = ex.growth_period(people, log, start="2026-05-31", end="2026-06-30", reached="fan", base="mau")
    assert found.to_dicts() == [
        {"person_id": "a", "base": 1, "reached": 1, "buyers": 1, "repeat_buyers": 1, "orders": 2, "value": 6.0},
        {"person_id": "b", "base": 1, "reached": 1, "buyers": 1, "repeat_buyers": 0, "orders": 1, "value": 8.0},
        {"person_id": "c", "base": 1, "reached": 0, "buyers": 0, "repeat_buyers": 0, "orders": 0, "value": 0.0},
    ]
    assert found.totals == {"base": 3, "reached": 2, "buyers": 2, "repeat_buyers": 1, "orders": 3, "value": 14.0}
    told = found.findings[0]
    assert (told.code, told.values["orders"], told.values["value"]) == ("GROWTH_ORDERS_ELSEWHERE", 2, 96.0)
    later = ex.growth_period(people, log, start="2026-06-30", end="2026-07-31", reached="fan")
    chain = ex.growth_chain(found, later, method="shapley")
    assert chain.change == 16.0 - 14.0
    assert chain.repurchase == (0.5, 0.0)
    assert "Growth chain, 2026-05-31 to 2026-06-30" in repr(found)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"reached": "fann"}, "Did you mean 'fan'"),
        ({"reached": "n"}, "must hold 0 and 1 .* rows with something else: 3, for example 2, 3, 4"),
        ({"end": "2026-05-01"}, "start must lie before end"),
    ],
)
def test_periods_that_cannot_be_counted_are_refused(options: dict[str, object], told: str):
    people, log = _orders()
    given_options = {"start": "2026-05-31", "end": "2026-06-30", "reached": "fan", **options}
    with pytest.raises(at.WakeLiftError, match=told):
        ex.growth_period(people.assign(n=[1, 2, 3, 4]), log, **given_options)
    with pytest.raises(at.WakeLiftError, match="hold no row"):
        ex.growth_period(people[:0], log, start="2026-05-31", end="2026-06-30", reached="fan")


def test_the_order_of_orders_of_one_instant_changes_no_byte():
    draw = np.random.default_rng(2)
    people = pd.DataFrame({"person_id": ["ann", "ben"], "fan": [True, True]})
    log = pd.DataFrame({"person_id": ["ann", "ben"] * 20, "value": draw.lognormal(0.0, 3.0, 40)})
    log["time"] = pd.Timestamp("2026-06-03", tz="UTC")
    periods = [
        ex.growth_period(people, rows, start="2026-05-31", end="2026-06-30", reached="fan")
        for rows in (log, log[::-1], log.sample(frac=1.0, random_state=3), log.sample(frac=1.0, random_state=4))
    ]
    assert all(one.to_arrow().equals(periods[0].to_arrow()) for one in periods)
