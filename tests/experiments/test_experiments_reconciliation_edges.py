"""Reconciliation at its edges: nobody woke, nobody touched, hostile names, many models, pictures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.errors import InputError

START = pd.Timestamp("2026-10-01 09:30", tz="UTC")
STEPS = {"sms": ("sms",)}


def small(n: int, woken: dict[str, int], touched: dict[str, int], channel: str = "sms", arm: str = "sms"):
    """Persons of two arms; the first ones of each woke, and the first of these were touched before."""
    names = [(place, f"{place} {i}") for place in ("holdout", arm) for i in range(n)]
    assignment = pd.DataFrame(names, columns=["arm", "person_id"]).assign(assigned_at=START)
    back = [name for place, name in names if int(name.rsplit(" ", 1)[1]) < woken.get(place, 0)]
    seen = [name for place, name in names if int(name.rsplit(" ", 1)[1]) < touched.get(place, 0)]
    conversions = pd.DataFrame({"person_id": back, "conversion_id": [f"c {name}" for name in back]}, dtype=object)
    conversions["time"] = START + pd.Timedelta("3D")
    touches = pd.DataFrame({"person_id": [*seen, "nobody"], "channel": channel}, dtype=object)
    touches["time"] = START + pd.Timedelta("1D")
    return assignment, touches, conversions


def reconciled(tables, steps=None, **options):
    assignment, touches, conversions = tables
    credit = at.attribute(touches, conversions, models=options.pop("models", "linear"))
    outcomes = ex.build_outcomes(assignment, conversions, as_of=START + pd.Timedelta("60D"))
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    return ex.reconcile(credit, readout, steps=steps or STEPS, **options)


@pytest.mark.parametrize("variance", ["score", "plugin"])
@pytest.mark.parametrize(
    ("woken", "touched"),
    [
        ({"holdout": 5}, {}),
        ({"sms": 5}, {"sms": 5}),
        ({"holdout": 5, "sms": 5}, {"sms": 2}),
        ({"holdout": 1, "sms": 1}, {"sms": 1}),
        ({"holdout": 40, "sms": 40}, {"sms": 40}),
        ({"holdout": 40, "sms": 3}, {"sms": 3}),
    ],
)
def test_small_and_extreme_counts_give_sets_or_reasons(woken, touched, variance):
    rows = reconciled(small(40, woken, touched), variance=variance)
    for row, factor in zip(rows.to_dicts(), rows.factors, strict=True):
        assert row["gap_low"] <= row["gap"] <= row["gap_high"]
        assert row["gap"] == pytest.approx(row["attributed"] - row["incremental"], abs=1e-9)
        for name in ("gap", "gap_low", "gap_high", "gap_per_1000_low"):
            assert math.isfinite(row[name])
        if not touched:
            assert (factor.found, factor.note) == (None, "NO_CREDIT")
        else:
            assert factor.found.value == pytest.approx(row["incremental"] / row["attributed"])
            assert not any(map(math.isnan, (factor.found.low, factor.found.high)))
    assert "nan" not in repr(rows)
    assert "nan" not in repr(ex.calibrate(rows))


def test_one_person_per_arm():
    rows = reconciled(small(1, {"sms": 1}, {"sms": 1})).to_dicts()
    assert rows[0]["gap"] == 0
    assert rows[0]["gap_low"] <= 0 <= rows[0]["gap_high"]


@pytest.mark.parametrize("name", ['<script>alert("x")</script>', "短信 | **通道**", "a, b", "\u202eevil"])
def test_hostile_names_stay_text(name):
    tables = small(60, {"holdout": 10, name: 20}, {name: 15}, channel=name, arm=name)
    result = reconciled(tables, steps={name: (name,)})
    for text in (result._repr_html_(), ex.calibrate(result)._repr_html_()):
        assert "<script>" not in text
    assert result.to_dicts()[0]["channels"] == name
    drawn = result.plot()
    assert drawn.to_dicts()[0]["step"] == name
    assert ex.calibrate(result).factor(name, model="linear").value is not None


def test_eight_models_stand_in_rows_and_fit_a_terminal():
    models = [*at.RULE_MODELS, "last_non_direct", at.UShaped(name="u"), at.JShaped(name="j")]
    tables = small(60, {"holdout": 10, "sms": 20}, {"sms": 15})
    result = reconciled(tables, models=models)
    for lang, total in (("en", "total"), ("zh", "合计")):
        with at.language(lang):
            text = repr(result)
        table = text.split("\n\n")[0].splitlines()
        assert max(map(len, table[:12])) < 110
        assert total in text
    few = repr(reconciled(tables, models=["linear", "last_touch"]))
    assert few.splitlines()[1].split()[:2] == ["step", "persons"]


def test_the_picture_shows_every_step_and_its_data():
    c = ex.simulate(persons=12_000, seed=5)
    credit = at.attribute(c.touches, c.conversions, models=("linear", "last_touch"))
    outcomes = ex.build_outcomes(c.assignment, c.conversions, as_of=c.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    result = ex.reconcile(credit, readout, steps=c.steps)
    drawn = result.plot(model="last_touch")
    rows = {row["step"]: row for row in result.to_dicts() if row["model"] == "last_touch"}
    shown = drawn.to_dicts()
    assert [row["step"] for row in shown] == list(c.steps)
    for row in shown:
        persons = rows[row["step"]]["persons"]
        assert row["attributed_per_1000"] == pytest.approx(1000 * rows[row["step"]]["attributed"] / persons)
        assert row["incremental_per_1000_high"] == pytest.approx(1000 * rows[row["step"]]["incremental_high"] / persons)
    for name in ("attributed_share", "incremental_share"):
        assert sum(row[name] for row in shown) == pytest.approx(1)
    with at.language("zh"):
        assert "增量占比" in result.plot().title
    assert "<svg" in drawn.to_svg()
    with pytest.raises(InputError, match="Did you mean 'last_touch'"):
        result.plot(model="last_tuch")
    with pytest.raises(InputError, match=r"needs what ex\.reconcile gives"):
        ex.plot_reconciliation(readout)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_would_be_touches_of_any_table(kind):
    assignment, touches, conversions = small(200, {"holdout": 30, "sms": 40}, {"sms": 25})
    credit = at.attribute(touches, conversions, models="linear")
    outcomes = ex.build_outcomes(assignment, conversions, as_of=START + pd.Timedelta("60D"))
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    log = pd.DataFrame({"person_id": [f"holdout {i}" for i in range(20)], "channel": "sms"})
    log["time"] = START + pd.Timedelta("1D")
    if kind != "pandas":
        made = pytest.importorskip(kind)
        log = made.from_pandas(log) if kind == "polars" else made.Table.from_pandas(log)
    rows = ex.placebo_credit(credit, readout, steps=STEPS, would_be=log).to_dicts()
    found = next(row for row in rows if row["basis"] == "would_be" and row["step"] == "sms")
    assert (found["attributed"], found["placebo"], found["difference"]) == pytest.approx((25.0, 20.0, 5.0))
    assert found["share_caused"] == pytest.approx(0.2)
    assert np.isfinite([found["share_caused_low"], found["difference_low"]]).all()


def test_a_log_without_rows_of_the_holdout_is_told():
    assignment, touches, conversions = small(200, {"holdout": 30, "sms": 40}, {"sms": 25})
    credit = at.attribute(touches, conversions, models="linear")
    outcomes = ex.build_outcomes(assignment, conversions, as_of=START + pd.Timedelta("60D"))
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    log = touches.assign(person_id="sms 1")
    found = ex.placebo_credit(credit, readout, steps=STEPS, would_be=log)
    assert {"WOULD_BE_OUTSIDE", "WOULD_BE_UNSEEN"} <= {finding.code for finding in found.findings}
    assert {row["basis"] for row in found.to_dicts()} == {"observed"}


def test_would_be_touches_follow_the_rules_of_the_credit():
    """Booking dates, look-backs by kind and matching columns hold for touches that were never sent as for real ones."""
    assignment, touches, conversions = small(200, {"holdout": 30, "sms": 40}, {"sms": 25})
    conversions["time"] = (START + pd.Timedelta("3D")).normalize()
    conversions["product"] = "fund"
    touches = touches.assign(kind="click", product="fund", origin="outbound")
    columns = {"conversions": at.Columns(precision="day")}
    rules = at.Rules(lookback={("sms", "click"): "5d", "*": "1d"}, match=("product",), origin="outbound")
    credit = at.attribute(touches, conversions, models="linear", rules=rules, columns=columns)
    options = {"as_of": START + pd.Timedelta("60D"), "columns": columns}
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(ex.build_outcomes(assignment, conversions, **options))
    log = pd.DataFrame({"person_id": [f"holdout {i}" for i in range(24)], "channel": "sms", "origin": "outbound"})
    log["time"] = START + pd.Timedelta("1D")
    log["kind"] = ["click"] * 12 + ["sent"] * 12
    log["product"] = (["fund"] * 3 + ["loan"]) * 6
    rows = ex.placebo_credit(credit, readout, steps=STEPS, would_be=log).to_dicts()
    found = next(row for row in rows if row["basis"] == "would_be" and row["step"] == "sms")
    assert (found["attributed"], found["placebo"]) == (25.0, 9.0)
    with pytest.raises(at.TableError, match="product"):
        ex.placebo_credit(credit, readout, steps=STEPS, would_be=log.drop(columns="product"))


def test_what_is_printed_is_labelled_says_why_and_keeps_its_sign():
    """An end next to 0 is not rounded onto it; what is undefined names its reason; codes are words."""
    c = ex.simulate("default", persons=60_000, seed=7)
    credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
    outcomes = ex.build_outcomes(c.assignment, c.conversions, as_of=c.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
    result = ex.reconcile(credit, readout, steps=c.steps)
    assert 0 < result.to_dicts()[0]["gap_low"] < 0.5
    assert "34 (0.1 to 68)" in repr(result)
    fax = ex.reconcile(credit, readout, steps={"sms": ("fax",)})
    assert "undefined: NO_CREDIT" in repr(ex.calibrate(fax))
    applied = ex.calibrate(result).apply(credit)
    placebo = ex.placebo_credit(credit, readout, steps=c.steps)
    for text in (repr(applied), repr(placebo)):
        assert "last touch" in text
        assert "last_touch" not in text
    assert "undefined: PLACEBO_ZERO" in repr(placebo)
    with at.language("zh"):
        for text in (repr(applied), repr(placebo)):
            assert "末次触点" in text
            assert "未检验：search" in text
            assert not {"untested", "tested", "observed"} & set(text.split())


def test_counts_of_one_make_good_sentences():
    tables = small(60, {"holdout": 10, "sms": 20}, {"sms": 15})
    again = tables[2].head(1).assign(conversion_id="again", time=START + pd.Timedelta("5D"))
    found = reconciled((*tables[:2], pd.concat([tables[2], again])))
    assert "further conversions of the same persons (1) are left out here" in repr(found)


def test_arms_may_be_numbers():
    assignment, touches, conversions = small(200, {"holdout": 30, "sms": 40}, {"sms": 25})
    credit = at.attribute(touches, conversions, models="linear")

    def rows(names: dict[str, object], steps: dict[object, tuple[str, ...]]) -> tuple[list[object], list[object]]:
        renamed = assignment.assign(arm=assignment["arm"].map(names))
        outcomes = ex.build_outcomes(renamed, conversions, as_of=START + pd.Timedelta("60D"))
        readout = ex.Experiment({"woken": ex.Rate("woken")}, control=names["holdout"]).analyze(outcomes)
        found = ex.reconcile(credit, readout, steps=steps)
        held = ex.placebo_credit(credit, readout, steps=steps)
        assert ex.calibrate(found).factor("sms", model="linear").kind == "interval"
        return [row["gap_low"] for row in found.to_dicts()], [row["difference"] for row in held.to_dicts()]

    named = rows({"holdout": "holdout", "sms": "sms"}, STEPS)
    assert rows({"holdout": 0, "sms": 1}, {1: ("sms",)}) == named
    assert rows({"holdout": 0, "sms": 1}, {"1": ("sms",)}) == named
    with pytest.raises(InputError, match="Write a mapping of arms to channels"):
        reconciled((assignment, touches, conversions), steps=["sms"])
    with pytest.raises(InputError, match="must be a list of channels, got 5"):
        reconciled((assignment, touches, conversions), steps={"sms": 5})


def test_the_picture_of_one_step_names_its_numbers_and_draws_the_gap():
    """Over unequal strata raw credit less the effect is not the gap; the picture shows the credit that is compared."""
    assignment, touches, conversions = small(200, {"holdout": 30, "sms": 40}, {"sms": 25})
    place = assignment["person_id"].str.rsplit(" ").str[1].astype(int)
    assignment["stratum"] = np.where(place < np.where(assignment["arm"] == "sms", 150, 50), "a", "b")
    credit = at.attribute(touches, conversions, models="linear")
    outcomes = ex.build_outcomes(assignment, conversions, as_of=START + pd.Timedelta("60D"))
    readout = ex.Experiment({"woken": ex.Rate("woken")}, strata="stratum").analyze(outcomes)
    result = ex.reconcile(credit, readout, steps=STEPS)
    row, drawn = result.to_dicts()[0], result.plot()
    shown = drawn.to_dicts()[0]
    assert row["attributed"] != pytest.approx(row["attributed_compared"])
    assert shown["attributed"] - shown["incremental"] == pytest.approx(row["gap"])
    drawn_gap = shown["attributed_per_1000"] - shown["incremental_per_1000"]
    assert drawn_gap == pytest.approx(row["gap_per_1000"])
    assert "100%" not in drawn.title
    assert "over strata weighted as the effect" in repr(result)
