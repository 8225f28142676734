"""P(Y1 > Y0) + P(=) / 2 against R, SciPy and the published example; by hand over all pairs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from attribution.core.errors import InputError
from experiments.inference.ranks import mann_whitney

FOLDER = Path(__file__).parents[1] / "references/ranks"


def case(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


WILCOX, SCIPY, PUBLISHED = case("r_wilcox"), case("scipy_brunnermunzel"), case("published")
PAIRS = WILCOX["inputs"]


@pytest.mark.parametrize("row", WILCOX["expected"], ids=lambda row: row["data"])
def test_base_r(row):
    found = mann_whitney(*PAIRS[row["data"]])
    assert found.value == pytest.approx(row["value"], rel=WILCOX["rtol"])


@pytest.mark.parametrize("row", SCIPY["expected"], ids=lambda row: f"{row['data']} {row['side']}")
def test_scipy(row):
    found = mann_whitney(*PAIRS[row["data"]], side=row["side"])
    assert found.p_value == pytest.approx(row["p"], rel=SCIPY["rtol"])


def test_the_published_example():
    found = mann_whitney(*PAIRS["pain"])
    wanted = PUBLISHED["expected"]
    assert (found.value, found.low, found.high, found.p_value) == pytest.approx(
        (wanted["value"], wanted["low"], wanted["high"], wanted["p"]), rel=PUBLISHED["rtol"]
    )


def test_all_pairs_by_hand_with_ties():
    a, b = [1, 4, 4, 7, 2], [2, 4, 0]
    wins = [(x > y) + (x == y) / 2 for x in a for y in b]
    found = mann_whitney(a, b)
    assert found.value == pytest.approx(sum(wins) / 15, rel=1e-15)
    place_a = [sum((x > y) + (x == y) / 2 for y in b) / 3 for x in a]
    place_b = [sum((x > y) + (x == y) / 2 for x in a) / 5 for y in b]
    wanted = np.var(place_a, ddof=1) / 5 + np.var(place_b, ddof=1) / 3
    assert found.standard_error == pytest.approx(math.sqrt(wanted), rel=1e-13)
    assert (found.n, found.method) == (8, "brunner_munzel")


@pytest.mark.parametrize("scale", ["plain", "logit"])
@pytest.mark.parametrize("name", list(PAIRS))
def test_counted_values_give_the_same_bytes(name, scale):
    a, b = PAIRS[name]
    (va, ca), (vb, cb) = np.unique(a, return_counts=True), np.unique(b, return_counts=True)
    rows = mann_whitney(a[::-1], b, scale=scale)
    counted = mann_whitney(va, vb, counts=ca, control_counts=cb, scale=scale)
    assert (rows.value, rows.low, rows.high, rows.p_value) == (
        counted.value, counted.low, counted.high, counted.p_value,
    )  # fmt: skip


def test_strata_by_hand():
    (a1, b1), (a2, b2) = PAIRS["warp"], PAIRS["teeth"]
    parts = [mann_whitney(a1, b1), mann_whitney(a2, b2)]
    n = np.array([part.n for part in parts])
    w = n / n.sum()
    found = mann_whitney(
        a1 + a2, b1 + b2, strata=["x"] * len(a1) + ["y"] * len(a2), control_strata=["x"] * len(b1) + ["y"] * len(b2)
    )
    assert found.value == pytest.approx(w @ [part.value for part in parts], rel=1e-14)
    assert found.standard_error == pytest.approx(
        math.sqrt(np.sum((w * [part.standard_error for part in parts]) ** 2)), rel=1e-13
    )
    assert found.method == "stratified brunner_munzel"


def test_the_logit_scale_stays_inside_and_agrees_with_its_p():
    a, b = [5, 6, 7, 8, 9, 2], [1, 2, 3, 4, 5, 1]
    plain, logit = mann_whitney(a, b), mann_whitney(a, b, scale="logit")
    assert plain.high == 1.0
    assert 0.0 < logit.low < logit.value < logit.high < 1.0
    edge = mann_whitney(a, b, scale="logit", level=1 - logit.p_value)
    assert min(abs(edge.low - 0.5), abs(edge.high - 0.5)) < 1e-9


def test_the_logit_scale_bears_any_level():
    """Two persons have one degree of freedom: at level 0.999 the log odds leave what exp can hold."""
    for level in (0.5, 0.999, 0.999999):
        found = mann_whitney([1, 3], [2, 4, 5], level=level, scale="logit")
        assert 0.0 <= found.low < found.value < found.high <= 1.0
        assert (found.low <= 0.5 <= found.high) == (found.p_value >= 1 - level)


def test_zero_inflated_money_is_called_what_it_is():
    """On money that is nearly all zeros the test is that of the share of buyers (experiment-peers: Hillstrom)."""
    chance = np.random.default_rng(3)
    a, b = (
        np.where(chance.random(n) < p, chance.lognormal(4, 1, n), 0.0) for n, p in ((20_000, 0.0125), (20_000, 0.006))
    )
    found = mann_whitney(a, b)
    conversion = mann_whitney(a > 0, b > 0)
    assert found.note == "ZERO_INFLATED"
    assert math.log10(found.p_value) == pytest.approx(math.log10(conversion.p_value), abs=0.2)
    assert mann_whitney(*PAIRS["money"]).note == ""


@pytest.mark.parametrize(
    ("a", "b", "note", "value"),
    [
        ([5, 6], [1, 2], "SEPARATED", 1.0),
        ([1, 2], [5, 6], "SEPARATED", 0.0),
        ([3, 3], [3, 3, 3], "ONE_VALUE", 0.5),
        ([3], [3, 4, 2], "TOO_FEW_PERSONS", 0.5),
    ],
)
def test_no_variance_is_said_not_guessed(a, b, note, value):
    for scale in ("plain", "logit"):
        found = mann_whitney(a, b, scale=scale)
        assert (found.value, found.low, found.high, found.p_value, found.note) == (value, None, None, None, note)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": "log"}, 'scale must be "plain" or "logit"'),
        ({"counts": [1]}, "counts must hold one whole number per value"),
        ({"counts": [1, -1]}, "whole numbers of 0 or more"),
        ({"control_counts": [0, 0]}, "not all 0"),
        ({"values": [1, math.inf]}, "must be finite"),
        ({"side": "up"}, "side must be"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"values": [1.0, 2.0], "control_values": [1.0, 2.0]} | change
    with pytest.raises(InputError, match=message):
        mann_whitney(**arguments)
