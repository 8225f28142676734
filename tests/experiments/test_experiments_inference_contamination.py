"""Bounds of a contaminated experiment: worst cases by enumeration, R, and the relations between the rows."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

import attribution as at
from attribution.core.errors import DesignError, InputError, TableError
from experiments.inference.compliance import complier_effect
from experiments.inference.contamination import contamination_bounds
from experiments.inference.contamination_moments import Bound, imbens_manski, shares_of_audit, untreated_means
from experiments.inference.rates import compare_rates

R = json.loads((Path(__file__).parents[1] / "references/compliance/r_contamination.json").read_text(encoding="utf-8"))[
    "expected"
]


def arms(hits=270, n=9000, control_hits=18, control_n=1000):
    assigned = np.repeat([1, 0], [n, control_n])
    return assigned, np.r_[
        np.repeat([1, 0], [hits, n - hits]), np.repeat([1, 0], [control_hits, control_n - control_hits])
    ]


@pytest.mark.parametrize("row", R["critical"], ids=lambda row: f"{row['width']} {row['df']}")
def test_imbens_and_manski_against_r(row):
    ends = [Bound(value=x, error=1.0, freedom=row["df"]) for x in (0.0, row["width"])]
    assert imbens_manski(*ends, row["level"]) == pytest.approx(row["c"], rel=1e-8)


@pytest.mark.parametrize("row", R["audit"], ids=lambda row: f"{row['treated']}/{row['checked']}")
def test_audited_share_against_r(row):
    found = shares_of_audit(row["treated"], row["checked"], row["level"])
    assert found == pytest.approx((row["low"], row["high"]), rel=1e-9, abs=1e-15)


def test_worst_means_against_r():
    worst = R["worst"]
    lowest, highest = untreated_means(np.sort(worst["values"]), worst["share"], (worst["low"], worst["high"]))
    assert (lowest.mean(), highest.mean()) == pytest.approx((worst["lowest"], worst["highest"]), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_no_choice_of_contaminated_persons_is_worse(seed):
    """Every choice of two contaminated persons of eight, with every pair of outcomes they could have had."""
    rng = np.random.default_rng(seed)
    values = np.sort(rng.integers(0, 5, 8).astype(float))
    means = []
    for chosen in itertools.combinations(range(8), 2):
        for other in itertools.product((0.0, 4.0), repeat=2):
            changed = values.copy()
            changed[list(chosen)] = other
            means.append(changed.mean())
    lowest, highest = untreated_means(values, 0.25, (0.0, 4.0))
    assert (lowest.mean(), highest.mean()) == pytest.approx((min(means), max(means)), rel=1e-12)


def test_a_whole_number_of_contaminated_persons_leaves_its_last_outcome_at_the_edge():
    """Of four, one is left out: the means are sharp whatever the edge, the spread is the larger of the two possible."""
    values = np.array([1.0, 2.0, 5.0, 9.0])
    lowest, highest = untreated_means(values, 0.25, (0.0, 10.0))
    assert (lowest.mean(), highest.mean()) == (8.0 / 4, (16.0 + 10.0) / 4)
    assert np.var(lowest) == pytest.approx(np.var([1.0, 2.0, 5.0, 9.0]), rel=1e-12)
    assert np.var(highest) == pytest.approx(np.var([1.0, 2.0, 5.0, 9.0]), rel=1e-12)
    lowest, highest = untreated_means(values, 0.3, (0.0, 10.0))
    assert np.var(lowest) == pytest.approx(np.var([1.0, 2.0, 5.0, 5.0]), rel=1e-12)
    assert np.var(highest) == pytest.approx(np.var([2.0, 2.0, 5.0, 9.0]), rel=1e-12)


def test_rates_by_hand():
    found = contamination_bounds(*arms(), share=0.05)
    gap = 0.03 - 0.018
    wanted = {
        "as_measured": (gap, gap),
        "constant": (gap / 0.95,) * 2,
        "no_harm": (gap, 0.03),
        "none": (gap - 0.05, 0.03),
    }
    for row in found.rows:
        assert (row.lower, row.upper) == pytest.approx(wanted[row.assumption], abs=1e-12)
        assert row.low < row.lower <= row.upper < row.high
    assert [row.assumption for row in found.rows] == list(wanted)


def test_the_measured_row_is_the_score_interval():
    found = contamination_bounds(*arms(), share=0.05)
    score = compare_rates(270, 9000, 18, 1000).difference
    row = found.row("as_measured")
    assert (row.low, row.high) == (score.low, score.high)
    assert found.row("constant").low == pytest.approx(score.low / 0.95)
    # far apart ends: one-sided limits
    one_sided = compare_rates(270, 9000, 18, 1000, side="greater").difference.low
    assert found.row("none").low == pytest.approx(one_sided - 0.05, abs=1e-5)
    assert found.row("no_harm").low == pytest.approx(one_sided, abs=1e-5)


def test_no_contamination_changes_nothing():
    for outcome, limits in ((arms()[1], None), (np.random.default_rng(1).normal(size=10_000), (-9, 9))):
        rows = contamination_bounds(arms()[0], outcome, share=0.0, limits=limits).rows
        assert [end for row in rows for end in (row.lower, row.upper)] == pytest.approx([rows[0].lower] * 8)
        for row in rows[1:]:
            assert (row.low, row.high) == pytest.approx((rows[0].low, rows[0].high), abs=2e-5)


def test_a_declared_range_and_an_audit():
    wide = contamination_bounds(*arms(), share=(0.02, 0.08))
    assert (wide.row("constant").lower, wide.row("constant").upper) == pytest.approx((0.012 / 0.98, 0.012 / 0.92))
    assert wide.row("none").lower == pytest.approx(0.012 - 0.08)
    audit = contamination_bounds(*arms(), audit=(10, 200))
    exact = contamination_bounds(*arms(), share=0.05)
    for assumption in ("constant", "no_harm", "none"):
        one, other = audit.row(assumption), exact.row(assumption)
        assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper))
        assert one.low <= other.low <= other.high <= one.high
    assert audit.row("none").low < exact.row("none").low - 0.03


def test_flags_tell_more_than_a_share():
    assigned, woken = arms()
    flags = np.zeros(10_000)
    flags[9000:9010] = 1  # 10 of the 18 who returned were contacted, and 40 of the others
    flags[9100:9140] = 1
    known = contamination_bounds(assigned, woken, contaminated=flags)
    unknown = contamination_bounds(assigned, woken, share=0.05)
    for assumption in ("no_harm", "none"):
        assert unknown.row(assumption).lower <= known.row(assumption).lower
        assert known.row(assumption).upper <= unknown.row(assumption).upper
    row = known.row("none")
    assert (row.lower, row.upper) == pytest.approx((0.03 - (8 + 50) / 1000, 0.03 - 8 / 1000))
    wald = complier_effect(assigned, np.where(assigned == 1, 1, flags), woken)
    assert (known.row("constant").low, known.row("constant").high) == pytest.approx((wald.robust.low, wald.robust.high))
    assert known.share == (0.05, 0.05)


def test_without_contamination_or_events_all_rows_are_the_measured_one():
    rows = contamination_bounds(*arms(0, 900, 0, 100), share=0.0).rows
    score = compare_rates(0, 900, 0, 100).difference
    for row in rows:
        assert (row.low, row.high) == pytest.approx((score.low, score.high), abs=1e-9)


@pytest.mark.parametrize("level", [0.3, 0.5, 0.8, 0.999])
def test_any_level_gives_bounds(level):
    rows = contamination_bounds(*arms(), share=0.05, level=level).rows
    assert all(row.low < row.high for row in rows)
    widths = [contamination_bounds(*arms(), share=0.05, level=x).rows[-1] for x in (level, 0.9999)]
    assert widths[1].low < widths[0].low
    assert widths[1].high > widths[0].high


def test_a_constant_effect_that_cannot_be():
    """50 % against 0.2 % with a tenth contaminated: dividing by 0.9 gives 53 points, more than all who returned."""
    found = contamination_bounds(*arms(500, 1000, 2, 1000), share=0.1)
    assert (found.row("constant").note, found.row("none").upper) == ("CONSTANT_IMPOSSIBLE", pytest.approx(0.5))
    assert found.row("constant").lower > 0.5
    assert contamination_bounds(*arms(), share=0.05).row("constant").note == ""


def test_flagged_rates_have_score_limits_of_the_worst_counts():
    assigned, woken = arms(30, 900, 0, 100)
    flags = np.r_[np.full(900, np.nan), np.repeat([1.0, 0.0], [4, 96])]  # nothing is read of the treated
    row = contamination_bounds(assigned, woken, contaminated=flags).row("none")
    low = compare_rates(30, 900, 4, 100, side="greater").difference.low
    high = compare_rates(30, 900, 0, 100, side="less").difference.high
    assert (row.low, row.high) == pytest.approx((low, high), abs=2e-3)
    assert row.low <= low
    assert row.high >= high


def test_a_wrong_flag_is_told_by_its_name():
    assigned, woken = arms(3, 9, 1, 5)
    flags = np.r_[np.zeros(9), [1, 0, np.nan, 0, 0]]
    with pytest.raises(TableError, match=r"contaminated: a number is missing"):
        contamination_bounds(assigned, woken, contaminated=flags)


def test_numbers_of_numpy_are_shares():
    wanted = contamination_bounds(*arms(), share=0.0625).to_dicts()
    assert contamination_bounds(*arms(), share=np.float32(0.0625)).to_dicts() == wanted


def test_money_needs_limits():
    rng = np.random.default_rng(2)
    assigned = np.repeat([1, 0], [500, 300])
    spend = np.round(rng.exponential(10, 800), 1)
    open_ended = contamination_bounds(assigned, spend, share=0.1)
    assert (open_ended.row("none").lower, open_ended.row("none").low) == (-math.inf, -math.inf)
    assert open_ended.row("no_harm").note == "UNBOUNDED"
    half = contamination_bounds(assigned, spend, share=0.1, limits=(0, None))
    assert (half.row("no_harm").note, half.row("none").note) == ("", "UNBOUNDED")
    assert half.row("none").upper == half.row("no_harm").upper < math.inf
    assert "∞" in repr(half)


def test_less_is_better():
    assigned, woken = arms()
    down = contamination_bounds(assigned, woken, share=0.05, direction="down")
    row, none = down.row("no_harm"), down.row("none")
    assert (row.lower, row.upper) == pytest.approx((none.lower, 0.012))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.13, 0.25, 0.5, 0.75, 0.95])  # times 60 persons: whole or not
def test_turning_the_outcome_turns_the_bounds(share):
    rng = np.random.default_rng(3)
    assigned, y = np.repeat([1, 0], 60), rng.normal(size=120)
    one = contamination_bounds(assigned, y, share=share, limits=(-5, 6))
    other = contamination_bounds(assigned, -y, share=share, limits=(-6, 5), direction="down")
    for a, b in zip(one.rows, other.rows, strict=True):
        assert (a.lower, a.upper, a.low, a.high) == pytest.approx((-b.upper, -b.lower, -b.high, -b.low), abs=1e-12)


def test_one_person_has_ends_but_no_interval():
    found = contamination_bounds([1, 0, 0], [3.0, 1.0, 2.0], share=0.1, limits=(0, 9))
    assert [row.note for row in found.rows] == ["TOO_FEW_PERSONS"] * 4
    assert all(row.low is None for row in found.rows)


def test_display_and_estimates():
    found = contamination_bounds(*arms(), share=(0.02, 0.08))
    assert "no assumption" in repr(found)
    assert "2.00% to 8.00% of the holdout" in repr(found)
    assert "; 5.00% of the holdout" in repr(contamination_bounds(*arms(), share=0.05))
    assert "– (" not in repr(found)
    with at.language("zh"):
        assert "不作任何假设" in repr(found)
    lower, upper = found.estimates("none")
    assert (lower.value, upper.value, lower.low) == (
        found.row("none").lower, found.row("none").upper, found.row("none").low
    )  # fmt: skip
    with pytest.raises(InputError, match="assumption must be one of"):
        found.row("harmless")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "exactly one of"),
        ({"share": 0.1, "audit": (1, 9)}, "exactly one of"),
        ({"share": 1.0}, "share must be"),
        ({"share": (0.3, 0.1)}, "share must be"),
        ({"audit": (9, 9)}, "there is no holdout"),
        ({"audit": (3, 2)}, "audit must be"),
        ({"audit": 0.5}, "audit must be"),
        ({"share": 0.1, "limits": (0.5, 2)}, "limits must hold"),
        ({"share": 0.1, "limits": 3}, "limits must be a pair"),
        ({"share": 0.1, "limits": ("low", 1)}, "limits must be a pair"),
        ({"share": 0.1, "direction": "x"}, "direction"),
        ({"contaminated": [0, 0, 0.5, 1]}, "contaminated must be 1"),
    ],
)
def test_bad_options(options, said):
    with pytest.raises(InputError, match=said):
        contamination_bounds([1, 1, 0, 0], [1, 0, 1, 0], **options)


def test_both_arms_are_needed():
    with pytest.raises(DesignError, match="NO_HOLDOUT"):
        contamination_bounds([1, 1], [1, 0], share=0.1)
