"""Aggregated paths: the same credit as from journeys, every problem of the table told at once, sums that hold."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from path_cases import MODELS, PATHS, by_channel, finding, models

import attribution as at
import experiments as ex

# --- the numbers ---


def test_credit_by_hand():
    credit = at.attribute_paths(PATHS, models=models(), value="value", nulls="nulls")
    assert by_channel(credit, "first_touch") == {"phone": 0, "push": 3, "sms": 6, "(none)": 1}
    assert by_channel(credit, "last_touch") == {"phone": 4, "push": 0, "sms": 5, "(none)": 1}
    assert by_channel(credit, "linear") == {"phone": 2.75, "push": 0.75, "sms": 5.5, "(none)": 1}
    assert by_channel(credit, "position_based") == pytest.approx({"phone": 2.3, "push": 1.2, "sms": 5.5, "(none)": 1})
    assert by_channel(credit, "shapley") == {"phone": 3, "push": 1, "sms": 5, "(none)": 1}
    assert by_channel(credit, "linear", "value") == {"phone": 22.375, "push": 2.375, "sms": 29.75, "(none)": 2.25}
    shares = by_channel(credit, "linear", "share_of_attributed")
    assert shares["sms"] == pytest.approx(5.5 / 9)
    assert np.isnan(shares["(none)"])
    assert by_channel(credit, "linear", "share_of_all")["(none)"] == pytest.approx(0.1)


def test_the_default_models_are_those_without_times():
    assert [model.name for model in at.attribute_paths(PATHS).models] == list(MODELS)


def test_models_of_paths_share_the_touched_total():
    credit = at.attribute_paths(PATHS, models=models(), value="value", nulls="nulls")
    shares = credit.fits["rate"].shares
    found = by_channel(credit, "rate")
    assert [found[name] for name in ("phone", "push", "sms")] == pytest.approx((9 * shares).tolist())
    worth = by_channel(credit, "rate", "value")
    assert [worth[name] for name in ("phone", "push", "sms")] == pytest.approx((54.5 * shares).tolist())
    assert set(credit.fits) == {"shapley", "rate"}
    assert credit.fits["shapley"].credit.tolist() == [3, 1, 5]


def test_last_non_direct_and_the_named_shapes_work_on_paths():
    table = pd.DataFrame({"path": ["sms > phone > direct", "direct", "push > sms"], "conversions": [10, 3, 20]})
    asked = [at.LastNonDirect(), at.UShaped(), at.JShaped(), at.InverseJ()]
    credit = at.attribute_paths(table, models=asked)
    assert by_channel(credit, "last_non_direct") == {"direct": 3, "phone": 10, "push": 0, "sms": 20, "(none)": 0}
    for model in credit.models:
        assert sum(by_channel(credit, model.name).values()) == pytest.approx(33, rel=1e-12)


def test_markov_works_on_paths():
    table = pd.DataFrame({"path": ["A > B > C", "A", "B > C"], "conversions": [1, 0, 0], "lost": [0, 1, 1]})
    credit = at.attribute_paths(table, models=[at.Markov()], nulls="lost")
    assert by_channel(credit, "markov") == pytest.approx({"A": 0.2, "B": 0.4, "C": 0.4, "(none)": 0})
    assert credit.fits["markov"].effects.tolist() == pytest.approx([0.5, 1, 1])


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate(persons=3_000, seed=11)


def test_paths_of_journeys_give_the_credit_of_the_journeys(campaign):
    asked = ["first_touch", "last_touch", "linear", "position_based", at.Shapley()]
    credit = at.attribute(campaign.touches, campaign.conversions, models=asked)
    paths = credit.journeys.paths(None)
    aggregated = at.attribute_paths(paths, models=asked, value="value")
    left, right = credit.table(), aggregated.table()
    channels = [name for name in left.channel.unique() if name != "(none)"]
    for model in ("first_touch", "last_touch", "linear", "position_based", "shapley"):
        for column in ("conversions", "value", "share_of_attributed"):
            one, two = (table[table.model == model].set_index("channel")[column] for table in (left, right))
            assert two.reindex(channels).fillna(0).to_dict() == pytest.approx(one[channels].to_dict(), rel=1e-9)


@st.composite
def tables(draw):
    step = st.sampled_from(["sms", "电话", "push", "banner <b>", "a b"])
    path = st.lists(step, min_size=0, max_size=5)
    rows = draw(st.lists(st.tuples(path, st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=10))
    joint = draw(st.sampled_from([" > ", "  >  "]))
    return [(steps, joint.join(steps), won, lost, won * draw(st.integers(0, 8)) / 4) for steps, won, lost in rows]


@given(tables())
@settings(max_examples=30)
def test_against_plain_loops(rows):
    frame = pd.DataFrame(rows, columns=["steps", "path", "conversions", "nulls", "value"])
    credit = at.attribute_paths(frame, models=models(), value="value", nulls="nulls")
    weights = {
        "first_touch": lambda steps: [place == 0 for place in range(len(steps))],
        "last_touch": lambda steps: [place == len(steps) - 1 for place in range(len(steps))],
        "linear": lambda steps: [1 / len(steps)] * len(steps),
        "shapley": lambda steps: [1 / len(set(steps)) / steps.count(step) for step in steps],
    }
    for model, weigh in weights.items():
        expected, worth = defaultdict(float), defaultdict(float)
        for steps, _, won, _, value in rows:
            for step, weight in zip(steps or ["(none)"], weigh(steps) if steps else [1], strict=True):
                expected[step] += won * weight
                worth[step] += value * weight
        expected["(none)"] += 0
        worth["(none)"] += 0
        assert by_channel(credit, model) == pytest.approx(dict(expected), abs=1e-12)
        assert by_channel(credit, model, "value") == pytest.approx(dict(worth), abs=1e-12)
    for model in ("rate", "position_based"):
        assert sum(by_channel(credit, model).values()) == pytest.approx(frame.conversions.sum(), abs=1e-9)
        assert sum(by_channel(credit, model, "value").values()) == pytest.approx(frame.value.sum(), abs=1e-9)


@given(tables(), st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_the_order_of_the_rows_changes_no_bit(rows, stream):
    frame = pd.DataFrame(rows, columns=["steps", "path", "conversions", "nulls", "value"])
    other = frame.sample(frac=1.0, random_state=stream.randrange(2**31))
    one, two = (at.attribute_paths(table, models=models(), value="value", nulls="nulls") for table in (frame, other))
    assert one.to_dicts() == two.to_dicts()
    assert one.recipe.to_dict() == two.recipe.to_dict()
    assert repr(one) == repr(two)


@given(tables(), st.integers(2, 4))
@settings(max_examples=15)
def test_a_split_row_is_the_row(rows, times):
    frame = pd.DataFrame(rows, columns=["steps", "path", "conversions", "nulls", "value"])
    more = frame.assign(conversions=frame.conversions * times, nulls=frame.nulls * times, value=frame.value * times)
    again = pd.concat([frame] * times)
    one, two = (at.attribute_paths(table, models=models(), value="value", nulls="nulls") for table in (more, again))
    np.testing.assert_allclose(one.conversions, two.conversions, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.value, two.value, rtol=1e-9, atol=1e-12)


# --- findings, costs, words ---


def test_models_of_paths_want_null_journeys():
    warned = finding(at.attribute_paths(PATHS, models=models()), "NO_NULLS")
    assert warned.status == "warn"
    assert warned.values["models"] == "rate"
    assert finding(at.attribute_paths(PATHS), "NO_NULLS") is None
    assert finding(at.attribute_paths(PATHS, models=models(), nulls="nulls"), "NO_NULLS") is None


def test_findings_of_the_fits_are_told_once():
    table = pd.DataFrame({"path": ["A", "A > B"], "conversions": [10, 1], "nulls": [10, 99]})
    twice = [at.Shapley(value="rate"), at.Shapley(value="rate", name="again")]
    credit = at.attribute_paths(table, models=twice, nulls="nulls")
    assert [found.code for found in credit.findings].count("SHAPLEY_NEGATIVE") == 1
    row = {entry["channel"]: entry for entry in credit.with_costs(pd.DataFrame({"channel": ["B"], "cost": [9.0]}))
           .to_dicts()}["B"]  # fmt: skip
    assert row["conversions"] < 0
    assert row["cost_per_conversion"] is None


def test_costs_stand_beside_credit():
    credit = at.attribute_paths(PATHS, models=["linear"], value="value")
    spend = pd.DataFrame({"channel": ["sms", "sms", "tv"], "cost": [1.0, 2.0, 5.0]})
    table = credit.with_costs(spend).table().set_index("channel")
    assert table.index.tolist() == ["phone", "push", "sms", "tv", "(none)"]
    assert table.cost["sms"] == 3.0
    assert table.cost_per_conversion["sms"] == pytest.approx(3 / 5.5)
    assert table.return_on_spend["sms"] == pytest.approx(29.75 / 3)
    assert np.isnan(table.cost_per_conversion["tv"])
    assert table.conversions["tv"] == 0
    costs = credit.with_costs(spend)
    assert finding(costs, "COST_WITHOUT_CREDIT").values["keys"] == "tv"
    assert finding(costs, "CREDIT_WITHOUT_COST").values["keys"] == "phone, push"
    assert "tv" in repr(costs)
    # Without a value there is no return.
    assert at.attribute_paths(PATHS).with_costs(spend).table().return_on_spend.isna().all()


def test_both_languages_say_what_was_done():
    credit = at.attribute_paths(PATHS, models=models(), value="value", nulls="nulls")
    shown = repr(credit)
    assert "1 of 10 conversions (10.0%) stand on 1 rows without a path" in shown
    assert "dividing every conversion equally among the distinct channels" in shown
    with at.language("zh"):
        assert "列为 (none)" in repr(credit)
        assert "汇总路径的归因" in credit.to_markdown()
    assert credit.recipe.n == {"rows": 5, "paths": 4, "conversions": 10, "touched_conversions": 9, "nulls": 35}


def test_names_of_channels_stay_text():
    name = "<script>alert(1)</script>|=1+1\x1b[31m\u202e"
    table = pd.DataFrame({"path": [f"{name}|x", "y"], "conversions": [3, 1]})
    credit = at.attribute_paths(table.assign(path=[f"{name} ~ x", "y"]), models=["linear"], sep="~")
    for shown in (repr(credit), credit.to_markdown(), credit._repr_html_()):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "<script>" not in credit._repr_html_()
    assert credit.to_dicts()[0]["channel"].startswith("<script>")


def test_many_channels_are_cut_in_the_display():
    table = pd.DataFrame({"path": [f"c{code:02d}" for code in range(40)], "conversions": [1] * 40})
    credit = at.attribute_paths(table, models=["linear"])
    assert "and 11 more rows" in repr(credit)
    assert len(credit.table()) == 41


def test_the_result_is_frozen():
    credit = at.attribute_paths(PATHS)
    with pytest.raises(ValueError, match="read-only"):
        credit.conversions[0, 0] = 1
    with pytest.raises(TypeError, match="does not support item assignment"):
        credit.fits["x"] = None


def test_hash_seed_and_threads_change_no_byte(repo):
    code = (
        "import attribution as at, pandas as pd, hashlib\n"
        "t = pd.DataFrame({'path': ['b > a', 'c', 'a > c > b'] * 5, 'conversions': range(15), 'nulls': range(15)})\n"
        "m = ['linear', at.Shapley(), at.Shapley(value='rate', name='r')]\n"
        "c = at.attribute_paths(t, models=m, nulls='nulls')\n"
        "print(hashlib.sha256((repr(c) + str(c.to_dicts())).encode()).hexdigest())\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, check=True, cwd=repo, env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads},
        ).stdout
        for seed, threads in (("0", "1"), ("77", "2"))
    }  # fmt: skip
    assert len(seen) == 1
