"""The flag of a source: the score test, and exact tails where few customers are expected."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import experiments as ex
from experiments.wakeup.channel_quality_flag import few_expected, p_beyond, p_within

SPENT = 0.0025


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.2])
def test_with_many_expected_it_tests_what_compare_rates_tests(margin):
    for counts in ((30, 50, 300, 700), (200, 300, 300, 700)):
        assert not few_expected(counts)
        for side, found in (("greater", p_beyond), ("less", p_within)):
            whole = ex.compare_rates(*counts, side=side, null=margin)
            assert found(counts, margin=margin, spent=SPENT) == whole.difference.p_value


@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize("counts", [(0, 5, 3, 40), (5, 5, 3, 40), (3, 3, 400, 4_000), (7, 9, 40, 40), (2, 9, 0, 40)])
def test_with_few_it_is_the_larger_of_the_score_test_and_an_exact_tail(counts, margin):
    hits, n, rest_hits, rest_n = counts
    score = ex.compare_rates(*counts, side="greater", null=margin).difference.p_value
    limit = 1.0 if rest_hits == rest_n else stats.beta.ppf(1.0 - SPENT, rest_hits + 1, rest_n - rest_hits)
    exact = min(1.0, stats.binom.sf(hits - 1, n, min(1.0, limit + margin)) + SPENT)
    assert p_beyond(counts, margin=margin, spent=SPENT) == pytest.approx(max(score, exact), rel=1e-9)
    limit = 0.0 if rest_hits == 0 else stats.beta.ppf(SPENT, rest_hits, rest_n - rest_hits + 1)
    exact = min(1.0, stats.binom.cdf(hits, n, min(1.0, limit + margin)) + SPENT)
    score = ex.compare_rates(*counts, side="less", null=margin).difference.p_value
    assert p_within(counts, margin=margin, spent=SPENT) == pytest.approx(max(score, exact), rel=1e-9)


@pytest.mark.parametrize(("n", "rest_n", "margin"), [(3, 12, 0.0), (4, 9, 0.1)])
def test_the_exact_size_never_exceeds_the_level(n, rest_n, margin):
    found = np.array([
        [p_beyond((x, n, y, rest_n), margin=margin, spent=SPENT) for y in range(rest_n + 1)] for x in range(n + 1)
    ])  # fmt: skip
    for rest in np.linspace(0.0, 1.0 - margin, 19):
        chance = np.outer(
            stats.binom.pmf(range(n + 1), n, rest + margin), stats.binom.pmf(range(rest_n + 1), rest_n, rest)
        )
        for level in (0.01, 0.025, 0.1, 0.3):
            assert chance[found <= level].sum() <= level + 1e-12


def test_two_of_two_lost_is_no_flag():
    sizes = {"big": 1_000, **{f"tiny{i}": 2 for i in range(20)}}
    names = np.repeat(list(sizes), list(sizes.values()))
    people = pd.DataFrame({"person_id": range(len(names)), "source": names})
    start = pd.Timestamp("2024-01-01", tz="UTC")
    stay = people.person_id[(people.source != "tiny0") & (people.person_id % 10 != 0)]
    rows = [(i, start) for i in people.person_id] + [(i, start + pd.Timedelta(days=n)) for i in stay for n in (9, 19)]
    log = pd.DataFrame(rows, columns=["person_id", "time"])
    found = ex.channel_quality(people, log, as_of="2026-01-01", margin=0.0)
    rows = {row["source"]: row for row in found.to_dicts()}
    assert (rows["tiny0"]["lost"], rows["tiny0"]["deal_hunters"]) == (1.0, "undecided")
    assert rows["tiny0"]["lost_difference_low"] > 0.0  # the score interval alone would flag it
    assert rows["tiny0"]["note"] == "FEW_EXPECTED"
    assert "DEAL_HUNTERS" not in [finding.code for finding in found.findings]
