"""One person's influence, and effects that must be 0."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

import experiments as ex
from experiments.design.influence import influence_finding
from experiments.moments.grid import Grid

PLACEBO = json.loads((Path(__file__).parents[1] / "references/balance/placebo.json").read_text(encoding="utf-8"))


def grid(arms, n, mean, squares, smallest, largest):
    shape = (1, len(arms))
    return Grid(
        strata=((),), arms=arms, labels=("value",), persons=np.array(n).reshape(shape), n=np.array(n).reshape(shape),
        means=np.array(mean, float).reshape(*shape, 1), products=np.array(squares, float).reshape(*shape, 1, 1),
        smallest=np.array(smallest, float).reshape(shape), largest=np.array(largest, float).reshape(shape),
        cubes=np.zeros(shape),
    )  # fmt: skip


def test_the_published_game_rests_on_one_player():
    """The mobile game test of 90,189 players: one player of 49,854 rounds moves -0.04 to -1.16 rounds."""
    n, total, squared = (44_700, 45_488), (2_344_795, 2_333_514), (3_068_811_771, 605_051_946)
    mean = [total[i] / n[i] for i in range(2)]
    squares = [squared[i] - n[i] * mean[i] ** 2 for i in range(2)]
    part = grid(("gate_30", "gate_40"), n, mean, squares, (0, 0), (49_854, 2_640))
    found = influence_finding("rounds", part, arm="gate_40", control="gate_30")
    assert round(found.values["difference"], 2) == -1.16
    assert round(found.values["without"], 2) == -0.04
    assert (found.status, found.values["top"], found.values["top_arm"]) == ("warn", 49_854, "gate_30")
    assert found.values["variance_share"] > 0.8
    assert found.values["share"] == pytest.approx(1 - found.values["without"] / found.values["difference"])


@pytest.mark.parametrize("strata", [None, "wave"])
def test_it_is_the_largest_change_of_all_persons(strata):
    rng = np.random.default_rng(3)
    data = pd.DataFrame({
        "arm": ["holdout", "sms"] * 30, "wave": [0, 0, 0, 1, 1, 1] * 10, "value": rng.lognormal(0, 1.5, 60).round(3),
    })  # fmt: skip
    (found,) = ex.check_influence(data, "value", strata=strata)

    def effect(part):
        groups = part.groupby("wave") if strata else [(0, part)]
        return [(len(own), own.groupby("arm")["value"].mean()) for _, own in groups]

    # The weights of the strata stay: the question is about the person's value, not about who was assigned.
    whole = effect(data)
    sizes = [size for size, _ in whole]

    def weighted(parts):
        return sum(s * (m["sms"] - m["holdout"]) for s, (_, m) in zip(sizes, parts, strict=True)) / sum(sizes)

    changes = [weighted(effect(data.drop(index=i))) - weighted(whole) for i in data.index]
    largest = max(changes, key=abs)
    assert found.values["difference"] == pytest.approx(weighted(whole))
    assert found.values["without"] - found.values["difference"] == pytest.approx(largest)


def test_even_values_are_a_note_and_a_cap_takes_the_weight_away():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"arm": ["holdout", "sms"] * 500, "value": rng.normal(10, 2, 1_000)})
    assert ex.check_influence(data, "value")[0].status == "note"
    data.loc[0, "value"] = 5_000.0
    assert ex.check_influence(data, "value")[0].status == "warn"
    assert ex.check_influence(data, "value", cap=20)[0].status == "note"


def test_without_variance_there_is_nothing_to_say():
    (found,) = ex.check_influence(pd.DataFrame({"arm": ["holdout", "sms"] * 5, "value": 1.0}), "value")
    assert (found.status, found.values["arm"]) == ("unknown", "sms")
    assert "nothing varies" in found.text("en")
    apart = pd.DataFrame({"arm": ["holdout", "sms"] * 5, "own": ["a", "b"] * 5, "value": range(10)})
    assert [one.status for one in ex.check_influence(apart, "value", strata="own")] == ["unknown"]


def test_the_fingerprint_of_a_placebo_outcome_is_that_of_every_column():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"arm": ["holdout", "sms"] * 30, **{name: rng.normal(size=60) for name in "abc"}})
    made = [
        ex.placebo_outcome(part, ["a", "b", "c"]).recipe.fingerprint
        for part in (data, data.assign(c=-data["c"]), data.assign(arm=["sms", "holdout"] * 30), data.iloc[::-1])
    ]
    other = [ex.placebo_outcome(data, names, control="sms").recipe.fingerprint for names in (["a"], ["a", "b"])]
    assert len({*made, *other}) == 5
    assert made[0] == made[3]
    with pytest.raises(ex.InputError, match="at least one column"):
        ex.placebo_outcome(data, [])


def test_a_control_of_one_person_is_too_small_to_split():
    found = ex.placebo_contrast(pd.DataFrame({"person_id": [1, 2], "arm": ["holdout", "sms"], "y": [1, 2]}), "y")
    assert {row["note"] for row in found.to_dicts()} == {"TOO_FEW_PERSONS"}
    assert "too few of them" in found.findings[0].text("en")


def test_strata_known_later_numbers_as_arms_and_the_control_alone():
    data = pd.DataFrame({"arm": [0, 1] * 5, "answered": [0, 1] * 5, "value": range(10)})
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        ex.check_influence(data, "value", control=0, strata="answered")
    with pytest.raises(ex.DesignError, match=r"NO_HOLDOUT.*no text here: pass control=0"):
        ex.check_influence(data, "value", control="0")
    with pytest.raises(ex.DesignError, match="NO_HOLDOUT"):
        ex.check_influence(data[data["arm"] == 0], "value", control=0)
    with pytest.raises(ex.InputError, match="strata"):
        ex.check_influence(data, "value", control=0, strata=5)
    with pytest.raises(ex.DesignError, match="NO_HOLDOUT"):
        ex.check_influence(pd.DataFrame({"arm": ["a", "b"] * 5, "value": 1.0}), "value")


# --- placebo outcome -------------------------------------------------------------------------------------------------


def placebo():
    inputs = PLACEBO["inputs"]
    arm = ["sms"] * len(inputs["arm"]) + ["holdout"] * len(inputs["control"])
    return pd.DataFrame({"arm": arm, "orders_before": inputs["arm"] + inputs["control"]})


@pytest.mark.parametrize("name", ["difference", "low", "high", "p", "p_equivalence"])
def test_placebo_outcomes_are_rs_t_test(name):
    (row,) = ex.placebo_outcome(placebo(), "orders_before", margin=PLACEBO["inputs"]["margin"]).to_dicts()
    ours = row["p_value" if name == "p" else name]
    assert ours == pytest.approx(PLACEBO["expected"][name], rel=1e-9)


@pytest.mark.parametrize(
    ("shift", "margin", "reading"),
    [
        (0.0, 1.0, "equivalent"),
        (0.0, 0.001, "undecided"),
        (0.5, 0.1, "different"),
        (0.5, 2.0, "both"),
        (0.0, None, "undecided"),
    ],
)
def test_readings(shift, margin, reading):
    rng = np.random.default_rng(2)
    value = rng.normal(0, 1, 4_000)
    data = pd.DataFrame({"arm": ["holdout", "sms"] * 2_000, "before": value + shift * (np.arange(4_000) % 2)})
    found = ex.placebo_outcome(data, "before", margin=margin)
    assert found.to_dicts()[0]["reading"] == reading
    assert found.findings[0].status == ("fail" if shift else "pass")


def test_placebo_outcomes_have_margins_of_their_own():
    data = placebo().assign(other=1.0)
    rows = ex.placebo_outcome(data, ["orders_before", "other"], margin={"orders_before": 0.6}).to_dicts()
    assert [row["margin"] for row in rows] == [0.6, None]
    assert rows[1]["note"] == "ZERO_VARIANCE"
    assert ex.placebo_outcome(data, "other").findings[0].status == "unknown"
    for wrong in (0, -1, float("nan"), True, {"orders": 1.0}):
        with pytest.raises(ex.InputError, match="margin"):
            ex.placebo_outcome(data, "orders_before", margin=wrong)
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        ex.placebo_outcome(data.assign(value=1.0), "value")


# --- placebo contrast ------------------------------------------------------------------------------------------------


def control(n=2_000, seed=5, heavy=False):
    rng = np.random.default_rng(seed)
    value = rng.lognormal(0, 3, n) if heavy else rng.normal(0, 1, n)
    return pd.DataFrame({"person_id": range(n), "arm": "holdout", "value": value})


def with_arm(data):
    return pd.concat([data, data.iloc[:5].assign(arm="sms", person_id=lambda part: part["person_id"] + 10**6)])


def test_every_split_is_scipys_welch():
    data = control(300)
    found = ex.placebo_contrast(with_arm(data), "value", splits=20, share=0.3)
    assert len({row["n"] for row in found.to_dicts()}) > 1
    assert sum(row["n"] + row["n_control"] == 300 for row in found.to_dicts()) == 20
    from experiments.design.placebo_contrast import _control, _sides

    ticket, values = _control(with_arm(data), "value", arm="arm", control="holdout", person="person_id", seed=0)
    for side, row in zip(_sides(ticket, 20, 0.3), found.to_dicts(), strict=True):
        told = ttest_ind(values[side], values[~side], equal_var=False)
        assert row["statistic"] == pytest.approx(told.statistic, rel=1e-9)
        assert row["p_value"] == pytest.approx(told.pvalue, rel=1e-9)


def test_even_values_keep_the_level_and_heavy_tails_do_not():
    even = ex.placebo_contrast(with_arm(control()), "value", splits=400)
    assert even.findings[0].status == "pass"
    assert even.findings[0].values["spread"] == pytest.approx(1.0, abs=0.15)
    heavy = ex.placebo_contrast(with_arm(control(heavy=True)), "value", splits=400, share=0.05)
    assert heavy.findings[0].status == "warn"
    assert heavy.findings[0].values["below"] > heavy.findings[0].values["above"]


def test_splits_do_not_depend_on_the_order_of_rows_and_do_on_the_seed():
    data = with_arm(control(300))
    first = ex.placebo_contrast(data, "value", splits=20)
    assert first.to_dicts() == ex.placebo_contrast(data.sample(frac=1.0, random_state=1), "value", splits=20).to_dicts()
    assert first.to_dicts() != ex.placebo_contrast(data, "value", splits=20, seed=1).to_dicts()


def test_placebo_contrasts_that_cannot_be():
    data = with_arm(control(300))
    for options in ({"splits": 5}, {"splits": 20.5}, {"share": 0.0}, {"share": 1.0}):
        with pytest.raises(ex.InputError, match=next(iter(options))):
            ex.placebo_contrast(data, "value", **options)
    flat = ex.placebo_contrast(data.assign(value=1.0), "value", splits=20)
    assert flat.findings[0].status == "unknown"
    assert {row["note"] for row in flat.to_dicts()} == {"ZERO_VARIANCE"}
