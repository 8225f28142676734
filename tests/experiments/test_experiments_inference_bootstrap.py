"""The bootstrap against R's boot, all resamples of small samples, closed forms and itself by another road."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from attribution.core.errors import InputError
from attribution.core.randomness import generator
from experiments.inference.bootstrap import bootstrap
from experiments.inference.bootstrap_draws import drawn_again, make_pool
from experiments.inference.bootstrap_intervals import Warp, interval_of
from experiments.inference.bootstrap_units import Layout, arm_values, features, gather, person_means
from experiments.inference.means import compare_means
from oracles import resamples

BOOT = json.loads((Path(__file__).parents[1] / "references/bootstrap/r_boot.json").read_text(encoding="utf-8"))
A, B = [4.0, 0.0, 9.0, 0.0, 7.0, 5.0, 3.0, 8.0], [0.0, 2.0, 0.0, 4.0, 1.0, 0.0, 3.0, 0.0]
KINDS = ("percentile", "basic", "studentised", "bca")


@pytest.mark.parametrize("row", BOOT["expected"], ids=lambda row: f"{row['data']} {row['kind']} {row['level']}")
def test_r_boot_on_the_same_replicates(row):
    given = BOOT["inputs"][row["data"]]
    t, observed = np.array(given["replicates"]), given["observed"]
    alpha = (1 - row["level"]) / 2
    if row["kind"] == "bca":
        below = np.sum(t < observed) / len(t)  # R does not halve ties, which we do
        from scipy.special import ndtri

        warp = Warp(bias=float(ndtri(below)), acceleration=given["acceleration"])
        ranks = np.arange(1, len(t) + 1) / (len(t) + 1)
        lower, upper = warp.tail(ranks, upper=False), warp.tail(ranks, upper=True)
        # R's ranks are where the corrected alpha falls between our whole ones.
        assert np.sum(lower < alpha) == math.ceil(row["low"]) - 1
        assert np.sum(upper < alpha) == math.ceil(len(t) + 1 - row["high"]) - 1
        return
    made = t if row["kind"] == "percentile" else 2 * observed - t
    found = interval_of(made, null=0.0, level=row["level"], side="two")
    if row["level"] == 0.95:
        assert (found.low, found.high) == pytest.approx((row["low"], row["high"]), rel=BOOT["rtol"])
    else:  # 1 - 0.9 is a little below 0.1 in floating point, and p < 1 - level is kept to the letter: one rank further
        inner = np.sort(made)
        k = round((len(t) + 1) * alpha)
        assert (inner[k - 1], inner[len(t) - k]) == pytest.approx((row["low"], row["high"]), rel=BOOT["rtol"])
        assert found.low in (inner[k - 1], inner[k - 2])
        assert found.high in (inner[len(t) - k], inner[len(t) - k + 1])


def test_replicates_follow_the_distribution_of_all_resamples():
    values = [0.0, 1.0, 1.0, 5.0, 2.5]
    wanted = resamples.all_resamples(values, lambda drawn: round(sum(drawn) / 5, 9))
    found = bootstrap(values, [0.0, 0.0], replicates=40_000, interval="percentile", seed=3).replicates
    for value, chance in wanted.items():
        share = np.mean(np.abs(found - value) < 1e-8)
        assert abs(share - chance) <= 4.5 * math.sqrt(chance * (1 - chance) / 40_000) + 1e-12


@pytest.mark.parametrize("q", [0.5, 0.3, 0.8])
def test_quantiles_follow_the_distribution_of_all_resamples(q):
    values = [1.0, 2.0, 4.0, 8.0, 16.0]

    def quantile(drawn):
        return float(np.quantile(drawn, q, method="averaged_inverted_cdf"))

    wanted = resamples.all_resamples(values, quantile)
    found = bootstrap(values, [3.0, 3.5, 3.7, 3.9, 4.1, 5.0], statistic=("quantile", q), replicates=40_000, seed=3)
    control = bootstrap([3.0, 3.5, 3.7, 3.9, 4.1, 5.0], values, statistic=("quantile", q), replicates=40_000, seed=4)
    assert found.comparison.treatment == quantile(values)
    mean = sum(value * chance for value, chance in wanted.items())
    spread = math.sqrt(sum(value**2 * chance for value, chance in wanted.items()) - mean**2)
    other = float(np.mean(found.replicates) + np.mean(control.replicates))
    assert abs(other) < 6 * spread / math.sqrt(40_000) * 2


def test_quantile_replicates_value_by_value():
    from experiments.inference.bootstrap_groups import Group, quantile_replicates

    values = [1.0, 2.0, 4.0, 8.0]
    group = Group(
        values=np.array(values)[:, None], count=np.ones(4, np.int64), stratum=np.zeros(4, np.int64), cluster=None
    )
    for q in (0.5, 0.4):
        wanted = resamples.all_resamples(
            values, lambda drawn, q=q: float(np.quantile(drawn, q, method="averaged_inverted_cdf"))
        )
        found = quantile_replicates(group, q, replicates=40_000, chance=generator(1, "test"))
        for value, chance in wanted.items():
            share = np.mean(found == value)
            assert abs(share - chance) <= 4.5 * math.sqrt(chance * (1 - chance) / 40_000)
        assert set(np.unique(found)) <= set(wanted)


def test_the_variance_in_every_replicate_is_that_of_the_plain_formulas():
    chance = np.random.default_rng(8)
    rows = np.column_stack([chance.poisson(3, 40), chance.poisson(2, 40) + 1]).astype(float) + 1e4
    cluster = np.sort(chance.integers(0, 9, 40))
    for columns, clustered in ((1, False), (2, False), (1, True)):
        table = rows[:, :columns]
        centre = person_means([table, table[:13]], [np.ones(40, np.int64), np.ones(13, np.int64)])
        units = gather(table, np.ones(40, np.int64), cluster if clustered else None, centre=centre)
        layout = Layout(measured=columns, persons=clustered, squares=True)
        sums = (units.count @ features(units, layout))[None, None]
        given = {"size": np.array([units.size]), "weights": np.ones(1), "centre": centre}
        value, variance, _ = arm_values(sums, layout, **given)
        if clustered:
            sizes = np.bincount(cluster)
            totals = np.bincount(cluster, weights=table[:, 0])
            kept = sizes > 0
            wanted = resamples.clustered_mean(totals[kept].tolist(), sizes[kept].tolist())
        elif columns == 2:
            wanted = resamples.ratio_of_sums(table.tolist())
        else:
            wanted = (float(table.mean()), float(table.var(ddof=1)) / 40)
        offset = centre[0] if columns == 1 else 0.0
        assert (value[0] + offset, variance[0]) == pytest.approx(wanted, rel=1e-8)


def test_grouped_draws_keep_variance_and_skewness_of_the_mean():
    """6,000 different values, 500 groups: the replicates' spread and lean are those of the closed forms."""
    values = np.random.default_rng(9).lognormal(2, 1, 6_000)
    units = gather(values[:, None], np.ones(6_000, np.int64), None, centre=np.array([values.mean()]))
    layout = Layout(measured=1, persons=False, squares=False)
    pool = make_pool(units, features(units, layout), exact=False)
    assert len(pool.count) < 600
    assert 0.0 < pool.share < 0.002
    drawn = drawn_again(pool, 20_000, generator(0, "test"), draw="multinomial")[:, 0] / 6_000
    error = values.std() / math.sqrt(6_000)
    assert drawn.std() == pytest.approx(error, rel=4.5 / math.sqrt(2 * 20_000))
    lean = np.mean((values - values.mean()) ** 3) / values.std() ** 3 / math.sqrt(6_000)
    assert np.mean((drawn - drawn.mean()) ** 3) / error**3 == pytest.approx(lean, abs=4.5 * math.sqrt(6 / 20_000))
    exact = bootstrap(values, values[:50], exact=True, replicates=99).grouped
    assert (exact, bootstrap(values, values[:50], replicates=99).grouped > 0) == (0.0, True)


@pytest.mark.parametrize("kind", ["percentile", "basic", "bca"])
def test_sums_and_weights_are_two_roads_to_the_same_replicates(kind):
    """All values differ, so both draw the same counts from the same stream."""
    chance = np.random.default_rng(4)
    a, b = np.sort(chance.lognormal(1, 0.5, 60)), np.sort(chance.lognormal(1, 0.5, 25))
    sums = bootstrap(a, b, interval=kind, replicates=999)
    weighed = bootstrap(a, b, interval=kind, replicates=999, statistic=lambda v, w: np.average(v, weights=w))
    drawn = bootstrap(a, b, interval=kind, replicates=999, statistic=np.mean, on="rows")
    for other in (weighed, drawn):
        assert other.replicates == pytest.approx(sums.replicates, rel=1e-9, abs=1e-12)
        for reading in ("difference", "relative"):
            one, two = getattr(sums.comparison, reading), getattr(other.comparison, reading)
            assert (two.low, two.high, two.p_value) == pytest.approx((one.low, one.high, one.p_value), rel=1e-9)


def test_strata_and_clusters_agree_over_both_roads():
    chance = np.random.default_rng(14)
    a, b = chance.lognormal(1, 1, 60), chance.lognormal(1, 1, 40)
    sa, sb = np.repeat(["n", "s"], [20, 40]), np.repeat(["n", "s"], [25, 15])
    given = {"strata": sa, "control_strata": sb, "interval": "percentile", "replicates": 999}
    sums = bootstrap(a, b, **given)
    weighed = bootstrap(a, b, statistic=lambda v, w: np.average(v, weights=w), **given)
    w = np.array([45, 55]) / 100
    by_hand = w @ [a[:20].mean() - b[:25].mean(), a[20:].mean() - b[25:].mean()]
    assert sums.comparison.difference.value == pytest.approx(by_hand, rel=1e-12)
    assert weighed.comparison.difference.value == pytest.approx(by_hand, rel=1e-12)
    spread = math.sqrt(sum(
        w[k] ** 2 * (part.var() / len(part))
        for parts in ((a[:20], a[20:]), (b[:25], b[25:])) for k, part in enumerate(parts)
    ))  # fmt: skip
    for found in (sums, weighed):
        assert found.comparison.difference.standard_error == pytest.approx(spread, rel=0.1)
    homes = {"clusters": np.arange(60) // 3, "control_clusters": np.arange(40) // 4}
    clustered = bootstrap(a, b, interval="percentile", replicates=4_999, **homes)
    other = bootstrap(
        a, b, statistic=lambda v, w: np.average(v, weights=w), interval="percentile", replicates=4_999, seed=1, **homes
    )
    assert clustered.comparison.difference.value == pytest.approx(a.mean() - b.mean(), rel=1e-12)
    one, two = (part.comparison.difference.standard_error for part in (clustered, other))
    assert one == pytest.approx(two, rel=6 / math.sqrt(2 * 4_999))


def test_a_large_sample_gives_what_welch_gives():
    chance = np.random.default_rng(5)
    a, b = np.round(chance.normal(10, 3, 1_000), 1), np.round(chance.normal(10.05, 2, 1_000), 1)
    welch = compare_means(a.mean(), a.std(ddof=1), len(a), b.mean(), b.std(ddof=1), len(b))
    for kind in KINDS:
        for draw in ("multinomial", "poisson"):
            found = bootstrap(a, b, interval=kind, draw=draw, replicates=3_999, seed=2).comparison
            for one, two in ((found.difference, welch.difference), (found.relative, welch.relative)):
                width = two.high - two.low
                assert (one.low, one.high) == pytest.approx((two.low, two.high), abs=0.05 * width)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_interval_and_p_are_one_statement(kind, side):
    chance = np.random.default_rng(6)
    for shift in (0.0, 0.8, 1.6, -1.2):
        a, b = chance.gamma(2, 2, 30) + 2 + max(shift, 0), chance.gamma(2, 2, 25) + 2 - min(shift, 0)
        for level in (0.8, 0.9, 0.95):
            found = bootstrap(a, b, interval=kind, side=side, level=level, replicates=999, seed=int(10 * abs(shift)))
            for reading in (found.comparison.difference, found.comparison.relative):
                assert reading.contains(0.0) == (reading.p_value >= 1 - level)


def test_rows_in_any_order_give_the_same_bytes():
    chance = np.random.default_rng(7)
    a = np.column_stack([chance.gamma(2, 2, 50), chance.poisson(2, 50) + 1.0])
    b = np.column_stack([chance.gamma(2, 2, 30), chance.poisson(2, 30) + 1.0])
    homes, other = chance.integers(0, 12, 50), chance.integers(0, 9, 30)
    shuffle, mix = chance.permutation(50), chance.permutation(30)
    for given in ({}, {"clusters": homes, "control_clusters": other}):
        moved = {"clusters": homes[shuffle], "control_clusters": other[mix]} if given else {}
        one = bootstrap(a, b, statistic="ratio", replicates=199, **given)
        two = bootstrap(a[shuffle], b[mix], statistic="ratio", replicates=199, **moved)
        assert one.replicates.tobytes() == two.replicates.tobytes()
        assert one.comparison.difference.low == two.comparison.difference.low
        assert one.recipe.fingerprint == two.recipe.fingerprint
    assert bootstrap(A, B, seed=1).replicates.tobytes() == bootstrap(A, B, seed=1).replicates.tobytes()
    assert bootstrap(A, B, seed=1).replicates.tobytes() != bootstrap(A, B, seed=2).replicates.tobytes()


def test_a_huge_offset_changes_no_difference():
    chance = np.random.default_rng(12)
    a, b = chance.integers(0, 50, 400).astype(float), chance.integers(0, 40, 300).astype(float)
    near, far = bootstrap(a, b, replicates=499), bootstrap(a + 1e9, b + 1e9, replicates=499)
    assert far.comparison.difference.value == pytest.approx(near.comparison.difference.value, rel=1e-9)
    assert (far.comparison.difference.low, far.comparison.difference.high) == pytest.approx(
        (near.comparison.difference.low, near.comparison.difference.high), rel=1e-6
    )


def test_the_error_of_p_is_that_of_other_seeds():
    found = [bootstrap(A, B, replicates=999, interval="percentile", seed=seed) for seed in range(60)]
    spread = np.std([one.comparison.difference.p_value for one in found], ddof=1)
    error = np.mean([one.monte_carlo_error for one in found])
    assert 0.65 < spread / error < 1.45


def test_what_cannot_be_said_has_its_reason():
    flat = bootstrap([3.0, 3.0], [2.0, 2.0]).comparison
    assert (flat.difference.value, flat.difference.low, flat.difference.note) == (1.0, None, "ZERO_VARIANCE")
    single = bootstrap([3.0], [2.0, 1.0]).comparison
    assert (single.difference.value, single.difference.p_value, single.difference.note) == (
        1.5,
        None,
        "TOO_FEW_PERSONS",
    )
    base = bootstrap([3.0, 5.0, 4.0], [0.0, 0.0, 2.0], replicates=199).comparison
    assert (base.relative.value, base.relative.note) == (None, "BASE_NOT_POSITIVE")
    assert base.difference.low is not None
    atom = bootstrap([0.0] * 9 + [1.0], B, statistic="median").comparison
    assert (atom.treatment, atom.difference.value, atom.difference.note) == (None, None, "UNDEFINED; ATOM")
    bottom = bootstrap([[1.0, 0.0], [2.0, 1.0]], [[1.0, 1.0], [2.0, 1.0]], statistic="ratio", replicates=199).comparison
    assert (bottom.difference.low, bottom.difference.note) == (None, "DENOMINATOR_NOT_POSITIVE")
    own = bootstrap(A, B, statistic=lambda v, w: math.nan, replicates=99).comparison
    assert (own.difference.value, own.difference.note) == (None, "UNDEFINED")


@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("kind", ["studentised", "bca"])
def test_an_end_that_no_replicate_is_has_its_reason(kind, side):
    values = np.random.default_rng(1).lognormal(0, 2, 42)
    for a, b in (([1.0, 2.0], [4.0, 7.0]), ([0.0] * 9 + [5.0], [0.0] * 9 + [3.0]), (values[:30], values[30:])):
        found = bootstrap(a, b, interval=kind, side=side, level=0.99, replicates=399).comparison
        for reading in (found.difference, found.relative):
            if reading.p_value is not None:
                asked = [*([reading.low] if side != "less" else []), *([reading.high] if side != "greater" else [])]
                assert (reading.note == "UNBOUNDED") == (not np.all(np.isfinite(asked)))
    tiny = bootstrap([1.0, 2.0], [4.0, 7.0]).comparison
    assert (tiny.difference.low, tiny.difference.note) == (-math.inf, "UNBOUNDED")
    assert tiny.relative.note == "UNBOUNDED"
    assert bootstrap([1.0, 2.0, 3.0], [4.0, 5.0, 7.0]).comparison.difference.note == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("low", [[1.0, 2.0, 3.0, 4.0, 9.0], [1.0, 2.0, 3.0], [1.0, 5.0, 5.0, 5.0, 5.0]], ids=str)
def test_arms_far_apart_have_a_small_p(kind, swapped, low):
    """Where every replicate lies on one side BCa's correction read inf / inf, and p was 1 beside such an interval."""
    high = [31.0, 32.0, 34.0, 38.0, 33.0]
    arms = (high, low) if swapped else (low, high)
    for side in ("two", "greater" if swapped else "less"):
        found = bootstrap(*arms, interval=kind, side=side, replicates=999).comparison
        assert not found.difference.contains(0.0)
        assert found.difference.p_value < 0.05
        assert found.relative.note == "BASE_NOT_POSITIVE" or not found.relative.contains(0.0)


@pytest.mark.parametrize(
    ("n", "q", "note"),
    [
        (2, 0.5, "TOO_FEW_PERSONS"), (5, 0.5, ""), (100, 0.99, "TOO_FEW_PERSONS"), (20, 0.9, ""),
        (20, 0.05, "TOO_FEW_PERSONS"), (40, 0.05, ""),
    ],
)  # fmt: skip
def test_a_quantile_needs_persons_beyond_it(n, q, note):
    """Two against two persons gave p = 0.0002, and 1 person beyond a quantile an interval that missed in 12 %."""
    a, b = np.arange(n), np.arange(n) + 100.0
    found = bootstrap(a, b, statistic=("quantile", q), replicates=199).comparison.difference
    assert (found.note, found.p_value is None) == (note, note != "")
    alone = {"clusters": a, "control_clusters": a}
    assert bootstrap(a, b, statistic=("quantile", q), replicates=99, **alone).comparison.difference.note == note


def test_clusters_widen_the_window_in_which_a_value_is_an_atom():
    values = np.concatenate([np.arange(80.0), np.full(20, 80.0), np.arange(81.0, 161.0)])
    clusters = np.arange(180) // 12
    given = {"statistic": "median", "replicates": 99}
    assert bootstrap(values, values, **given).comparison.difference.note == "UNDEFINED; ATOM"
    found = bootstrap(values, values, clusters=clusters, control_clusters=clusters, **given).comparison.difference
    assert found.note == ""


def test_grouped_draws_are_told_and_exact_ones_are_not_grouped():
    values = np.random.default_rng(2).gamma(2, 3, 3_000)
    grouped = bootstrap(values, values[:500] + 0.1, replicates=99)
    assert [finding.code for finding in grouped.findings] == ["GROUPED_DRAWS"]
    assert grouped.findings[0].values["share"] == grouped.grouped > 0
    assert grouped.findings[0].text() in repr(grouped)
    exact = bootstrap(values, values[:500] + 0.1, replicates=99, exact=True)
    assert (exact.grouped, exact.findings) == (0.0, ())


def test_the_table_and_its_text():
    found = bootstrap(A, B, replicates=999, seed=1)
    row = found.to_dicts()[0]
    assert (row["n"], row["n_control"], row["replicates"], row["method"]) == (8, 8, 999, "bootstrap studentised")
    assert "999 samples drawn again" in repr(found)
    with pytest.raises(ValueError, match="read-only"):
        found.replicates[0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statistic": "mode"}, "statistic must be"),
        ({"statistic": ("quantile", 1.5)}, "q must lie"),
        ({"statistic": "median", "interval": "bca"}, "interval must be one of 'percentile', 'basic'"),
        ({"statistic": np.mean, "on": "rows", "interval": "studentised"}, "interval must be one of"),
        ({"on": "values"}, "on must be"),
        ({"draw": "bernoulli"}, "draw must be"),
        ({"replicates": 0}, "replicates must be a whole number"),
        ({"replicates": 30}, "replicates must be at least 39 for level=0.95"),
        ({"statistic": "ratio"}, "a table of 2 columns"),
        ({"clusters": [1] * 8}, "clusters and control_clusters go together"),
        ({"values": [1.0, math.inf]}, "must be finite"),
        ({"seed": -1}, "seed must be"),
        (
            {"statistic": lambda v, w: float(v @ w), "draw": "poisson", "replicates": 99},
            "does not change when all weights",
        ),
        (
            {"statistic": np.mean, "on": "rows", "strata": [1, 2] * 4, "control_strata": [1, 2] * 4},
            "a statistic of rows cannot weigh strata",
        ),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"values": A, "control_values": B} | change
    with pytest.raises(InputError, match=message):
        bootstrap(**arguments)


@pytest.mark.parametrize("statistic", ["mean", "ratio"])
def test_the_scale_of_money_does_not_matter(statistic):
    chance = np.random.default_rng(15)
    a, b = (np.column_stack([chance.gamma(2, 2, n), chance.gamma(2, 2, n)]) + 1 for n in (30, 20))
    if statistic == "mean":
        a, b = a[:, 0], b[:, 0]
    plain = bootstrap(a, b, statistic=statistic, replicates=199).comparison
    for factor in (2.0**-900, 2.0**900):
        unit = factor if statistic == "mean" else np.array([factor, 1.0])
        found = bootstrap(a * unit, b * unit, statistic=statistic, replicates=199).comparison
        assert found.difference.p_value == plain.difference.p_value
        assert (found.difference.low, found.treatment) == (plain.difference.low * factor, plain.treatment * factor)
        assert (found.relative.low, found.relative.high) == (plain.relative.low, plain.relative.high)
