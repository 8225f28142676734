"""Rank sets and differences of two channels: by hand, by a slow oracle, their limits and their errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import attribution as at
from attribution.credit import ranks as ranks_module

START = pd.Timestamp("2026-01-01 05:00", tz="UTC")


def tables(journeys) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(person, channels, value) per conversion, the conversions of a person 100 days apart."""
    touches, conversions, seen = [], [], {}
    for number, (person, channels, value) in enumerate(journeys):
        seen[person] = seen.get(person, -1) + 1
        end = START + pd.Timedelta(days=100 * seen[person])
        for place, name in enumerate(channels):
            touches.append((person, end - pd.Timedelta(hours=len(channels) - place), name, f"c-{name}"))
        conversions.append((person, end, number, value))
    return (
        pd.DataFrame(touches, columns=["person_id", "time", "channel", "campaign"]),
        pd.DataFrame(conversions, columns=["person_id", "time", "conversion_id", "value"]),
    )


def world(seed=1, persons=240) -> list[tuple[int, list[str], float]]:
    """Channels a to e, a by far the largest, c and d alike, some persons with several conversions."""
    random = np.random.default_rng(seed)
    found = []
    for person in range(persons):
        for _ in range(1 + random.poisson(0.4)):
            size = random.integers(1, 4)
            channels = random.choice(list("abcde"), size, p=[0.5, 0.25, 0.1, 0.1, 0.05]).tolist()
            found.append((person, channels, float(random.exponential(50.0))))
    return found


def per_person(journeys, *, value=False) -> dict[int, dict[str, float]]:
    """Linear credit of each person in each channel, added up one touch at a time."""
    found: dict[int, dict[str, float]] = {}
    for person, channels, worth in journeys:
        for channel in channels:
            own = found.setdefault(person, {})
            own[channel] = own.get(channel, 0.0) + (worth if value else 1.0) / len(channels)
    return found


def credit(journeys, models="linear", **options) -> at.Credit:
    return at.attribute(*tables(journeys), models=models, **options)


# --- ranks -----------------------------------------------------------------------------------------


def oracle_sets(rows, names, level, population=None, draws=60_000):
    """Rank sets from loops over persons and pairs; the critical value from another generator."""
    total = {a: sum(row.get(a, 0.0) for row in rows) for a in names}
    cross = {
        (a, b): sum(row.get(a, 0.0) * row.get(b, 0.0) for row in rows) for a, b in itertools.product(names, repeat=2)
    }
    if population is not None:
        scale = population / (population - 1)
        cross = {(a, b): (both - total[a] * total[b] / population) * scale for (a, b), both in cross.items()}
    matrix = np.array([[cross[a, b] for b in names] for a in names])
    normal = np.random.default_rng(99).multivariate_normal(np.zeros(len(names)), matrix, draws)
    largest, error = np.zeros(draws), {}
    for i, j in itertools.combinations(range(len(names)), 2):
        error[i, j] = error[j, i] = math.sqrt(matrix[i, i] + matrix[j, j] - 2 * matrix[i, j])
        largest = np.maximum(largest, np.abs(normal[:, i] - normal[:, j]) / error[i, j])
    critical = np.quantile(largest, level)
    found = {}
    for i, a in enumerate(names):
        others = [j for j in range(len(names)) if j != i]
        low = 1 + sum(total[names[j]] - total[a] > critical * error[i, j] for j in others)
        high = len(names) - sum(total[a] - total[names[j]] > critical * error[i, j] for j in others)
        found[a] = (1 + sum(total[other] > total[a] for other in names), low, high)
    return found


@pytest.mark.parametrize("population", [None, 400])
@pytest.mark.parametrize(("by", "level"), [("conversions", 0.95), ("conversions", 0.6), ("value", 0.95)])
def test_rank_sets_agree_with_a_slow_calculation(by, level, population):
    journeys = world()
    expected = oracle_sets(list(per_person(journeys, value=by == "value").values()), "abcde", level, population)
    table = credit(journeys).ranks(by=by, level=level, population=population).table().set_index("channel")
    found = {name: (row["rank"], row.rank_low, row.rank_high) for name, row in table.iterrows()}
    assert found == expected


def test_two_channels_are_told_apart_by_the_plain_test():
    for seconds, apart in ((20, True), (25, False)):
        # 40 against n persons: (40 - n) / sqrt(40 + n) is 2.58 for 20, and 1.86 for 25.
        journeys = [(person, ["a"], 1.0) for person in range(40)]
        journeys += [(100 + person, ["b"], 1.0) for person in range(seconds)]
        rows = credit(journeys).ranks().to_dicts()
        assert [(row["rank_low"], row["rank_high"]) for row in rows] == ([(1, 1), (2, 2)] if apart else [(1, 2)] * 2)


def test_equal_channels_share_the_best_rank_and_keep_every_rank_open():
    journeys = [(person, [name], 1.0) for person, name in enumerate("abcabcabc")]
    rows = credit(journeys).ranks().to_dicts()
    assert [(row["rank"], row["rank_low"], row["rank_high"]) for row in rows] == [(1, 1, 3)] * 3


def test_channels_that_always_come_together_are_never_told_apart():
    journeys = [(person, ["a", "b"], 1.0) for person in range(500)] + [(900 + i, ["c"], 1.0) for i in range(20)]
    table = credit(journeys).ranks().table().set_index("channel")
    assert table["rank"].to_dict() == {"a": 1, "b": 1, "c": 3}
    assert table.rank_high.to_dict() == {"a": 2, "b": 2, "c": 3}


def test_cost_per_conversion_ranks_the_lowest_first_and_skips_what_has_no_cost():
    journeys = world()
    plain = credit(journeys)
    spend = pd.DataFrame({"channel": ["a", "b", "c", "tv"], "cost": [9_000.0, 100.0, 300.0, 5.0]})
    table = plain.with_costs(spend).ranks(by="cost_per_conversion").table().set_index("channel")
    assert table["rank"].dropna().to_dict() == {"a": 3, "b": 1, "c": 2}
    assert table["rank_low"].isna().sum() == 2
    assert table["cost_per_conversion"].rank().dropna().to_dict() == table["rank"].dropna().to_dict()
    returns = plain.with_costs(spend).ranks(by="return_on_spend").table().set_index("channel")
    assert returns["rank"]["b"] == 1


def test_cost_that_follows_the_conversions_separates_better():
    # Everybody in a costs 2 per conversion and everybody in b 3: the quotients do not vary at all.
    journeys = [(p, ["a"], 1.0) for p in range(40) for _ in range(1 + p % 5)]
    journeys += [(100 + p, ["b"], 1.0) for p in range(40) for _ in range(1 + p % 5)]
    each = pd.DataFrame([(p, "a" if p < 100 else "b", 2.0 if p < 100 else 3.0) for p, _, _ in journeys])
    each.columns = pd.Index(["person_id", "channel", "cost"])
    plain = credit(journeys)
    by_person = plain.with_costs(each).ranks(by="cost_per_conversion").to_dicts()
    known = plain.with_costs(each.groupby("channel", as_index=False).cost.sum()).ranks(by="cost_per_conversion")
    assert [(row["rank_low"], row["rank_high"]) for row in by_person] == [(1, 1), (2, 2)]
    assert [(row["rank_low"], row["rank_high"]) for row in known.to_dicts()] == [(1, 2), (1, 2)]


def test_ranks_do_not_depend_on_rows_names_or_pieces(monkeypatch):
    journeys = world()
    touches, conversions = tables(journeys)
    first = at.attribute(touches, conversions, models=["linear", "markov"]).ranks(replicates=200).table()
    shuffled = [table.sample(frac=1, random_state=3) for table in (touches, conversions)]
    pd.testing.assert_frame_equal(
        at.attribute(*shuffled, models=["linear", "markov"]).ranks(replicates=200).table(), first
    )
    monkeypatch.setattr(ranks_module, "_BUDGET", 50)
    pd.testing.assert_frame_equal(
        at.attribute(touches, conversions, models=["linear", "markov"]).ranks(replicates=200).table(), first
    )
    renamed = touches.assign(channel=touches.channel.map(dict(zip("abcde", "edcba", strict=True))))
    other = at.attribute(renamed, conversions, models="linear").ranks().table().set_index("channel")
    linear = first[first.model == "linear"].set_index("channel")
    assert [other["rank_high"][name] for name in "edcba"] == [linear["rank_high"][name] for name in "abcde"]


def test_more_confidence_never_narrows_a_rank_set():
    found = credit(world())
    tables_ = [found.ranks(level=level).table() for level in (0.5, 0.8, 0.95, 0.999)]
    for narrow, wide in itertools.pairwise(tables_):
        assert (wide.rank_low <= narrow.rank_low).all()
        assert (wide.rank_high >= narrow.rank_high).all()


def test_ranks_say_what_they_mean_in_both_languages():
    found = credit(world()).ranks(by="value", seed=5)
    assert "seed 5" in repr(found)
    assert "Ordered by credited value" in repr(found)
    assert found.recipe.method == "attribution"
    with at.language("zh"):
        assert "同时成立" in repr(found)
        assert "可能的" in repr(found)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"by": "clicks"}, "by must be one of"),
        ({"by": "cost_per_conversion"}, r"Call credit\.with_costs"),
        ({"level": 95}, "write level=0.95"),
        ({"population": 3}, "at least the 240 persons"),
        ({"seed": -1}, "seed must be"),
        ({"replicates": 5}, "from 200 to"),
    ],
)
def test_wrong_options_of_ranks(options, match):
    with pytest.raises(at.InputError, match=match):
        credit(world()).ranks(**options)


def test_ranks_need_two_keys_and_values():
    with pytest.raises(at.InputError, match="2 to 300 keys with each other, got 1"):
        credit([(1, ["a"], 1.0)]).ranks()
    touches, conversions = tables(world())
    without = at.attribute(touches, conversions.drop(columns="value"), models="linear")
    with pytest.raises(at.InputError, match="no value column"):
        without.ranks(by="value")


# --- beats -----------------------------------------------------------------------------------------


def by_hand(difference, persons, level):
    """Difference, its ends and its one-sided p from the persons' moves: the wider of normal and Hall, written out."""
    moves = np.array(persons)
    error, g = math.sqrt((moves**2).sum()), (moves**3).sum() / (moves**2).sum() ** 1.5
    t, z = difference / error, stats.norm.ppf(0.5 + level / 2)
    bent = [3 / g * (np.cbrt(1 + g * (q - g / 6)) - 1) for q in (z, -z)]
    low, high = difference - error * max(bent[0], z), difference - error * min(bent[1], -z)
    return difference, low, high, stats.norm.sf(min(t, t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 6))


def shown(found, figure, model="linear"):
    (row,) = [row for row in found.to_dicts() if row["figure"] == figure and row["model"] == model]
    return tuple(row[name] for name in ("difference", "difference_low", "difference_high", "p_value"))


def test_differences_by_hand():
    journeys = world()
    found = credit(journeys).beats("c", "d", level=0.9)
    own, worth = per_person(journeys), per_person(journeys, value=True)
    moves = [row.get("c", 0.0) - row.get("d", 0.0) for row in own.values()]
    assert shown(found, "conversions") == pytest.approx(by_hand(sum(moves), moves, 0.9), rel=1e-9)
    money = [row.get("c", 0.0) - row.get("d", 0.0) for row in worth.values()]
    assert shown(found, "value") == pytest.approx(by_hand(sum(money), money, 0.9), rel=1e-9)
    whole = len(journeys)
    share = sum(moves) / whole
    parts = [(move - share * sum(row.values())) / whole for move, row in zip(moves, own.values(), strict=True)]
    assert shown(found, "share") == pytest.approx(by_hand(share, parts, 0.9), rel=1e-9)


def test_differences_of_quotients_by_hand():
    journeys = world()
    spend = pd.DataFrame({"channel": ["c", "d"], "cost": [30.0, 20.0]})
    found = credit(journeys).with_costs(spend).beats("d", "c")
    moves = [row.get("d", 0.0) / 20 - row.get("c", 0.0) / 30 for row in per_person(journeys).values()]
    assert shown(found, "conversions_per_cost") == pytest.approx(by_hand(sum(moves), moves, 0.95), rel=1e-9)
    money = [row.get("d", 0.0) / 20 - row.get("c", 0.0) / 30 for row in per_person(journeys, value=True).values()]
    assert shown(found, "return_on_spend") == pytest.approx(by_hand(sum(money), money, 0.95), rel=1e-9)
    without = credit(journeys).with_costs(spend).beats("a", "c").to_dicts()
    (row,) = [row for row in without if row["figure"] == "return_on_spend"]
    assert row["difference"] is None
    assert row["p_value"] is None


@pytest.mark.parametrize("pair", [("a", "b"), ("c", "d"), ("e", "a"), ("b", "e")])
def test_the_interval_and_the_p_value_are_one_test(pair):
    found = credit(world(), models=["linear", "markov"])
    for level in (0.5, 0.9, 0.99):
        for row in found.beats(*pair, level=level, replicates=200).to_dicts():
            assert (row["difference_low"] > 0) == (row["p_value"] < (1 - level) / 2)
    there, back = found.beats(*pair, replicates=200).to_dicts(), found.beats(*pair[::-1], replicates=200).to_dicts()
    for one, other in zip(there, back, strict=True):
        assert one["difference_low"] == pytest.approx(-other["difference_high"], rel=1e-9)
        assert one["p_value"] + other["p_value"] >= 1.0 - 1e-9


def test_a_known_population_centres_differences():
    journeys = [(person, ["a"], 1.0) for person in range(60)] + [(90 + person, ["b"], 1.0) for person in range(30)]
    found = shown(credit(journeys).beats("a", "b", population=100), "conversions")
    moves = np.concatenate([np.ones(60), -np.ones(30), np.zeros(10)])
    variance = 100 * moves.var(ddof=1)
    g = ((moves - moves.mean()) ** 3).sum() / variance**1.5
    z = stats.norm.ppf(0.975)
    low = max(z, 3 / g * (np.cbrt(1 + g * (z - g / 6)) - 1))
    assert found[1] == pytest.approx(30 - math.sqrt(variance) * low, rel=1e-9)


@pytest.mark.parametrize("persons", [5, 50])
def test_where_everybody_is_alike_the_interval_and_the_p_value_are_still_one_test(persons):
    same = credit([(person, ["a", "b", "a"], 10.0) for person in range(persons)], ["linear", "last_touch", "markov"])
    for population in (None, persons, persons + 1):
        for pair in (("a", "b"), ("b", "a")):
            table = same.beats(*pair, population=population).table()
            assert ((table.p_value < 0.025) == (table.difference_low > 0)).all()
            assert (table.difference_low < table.difference_high).all()
    # Everybody has 1/3 more in a: the few of N who are without credit are as rare as few who have some.
    difference, _, high, _ = shown(same.beats("a", "b", population=persons), "conversions")
    half = stats.norm.ppf(0.975) * math.sqrt((2 / 3) ** 2 + (1 / 3) ** 2)
    assert high - difference == pytest.approx(half, rel=1e-9)
    ranks = same.ranks(population=persons).table().set_index(["model", "channel"])
    assert ranks.loc[("linear", "a"), "rank_high"] == (1 if persons / 3 > half else 2)


def test_a_difference_that_cannot_vary_is_certain():
    journeys = [(person, ["a"] if person % 2 else ["b"], 1.0) for person in range(80)]
    spend = pd.DataFrame({"person_id": range(80), "channel": ["b", "a"] * 40, "cost": [2.0, 1.0] * 40})
    paid = credit(journeys).with_costs(spend)
    assert shown(paid.beats("a", "b"), "conversions_per_cost") == (0.5, 0.5, 0.5, 0.0)
    assert shown(paid.beats("b", "a"), "conversions_per_cost") == (-0.5, -0.5, -0.5, 1.0)


def test_few_persons_on_one_side_leave_a_share_open():
    found = credit([(person, ["a"], 1.0) for person in range(5)] + [(9, ["b"], 1.0)]).beats("a", "b")
    low, high = shown(found, "share")[1:3]
    assert low < 0.5
    assert high > 0.9


def test_channels_that_are_alike_for_everybody_do_not_beat_each_other():
    found = credit([(person, ["a", "b"], 1.0) for person in range(50)]).beats("a", "b")
    assert shown(found, "conversions") == (0.0, 0.0, 0.0, 1.0)


def test_every_model_at_once_is_the_weakest_of_them():
    found = credit(world(), models=["linear", "first_touch", "last_touch"]).beats("b", "c")
    worst = max(row["p_value"] for row in found.to_dicts() if row["figure"] == "conversions")
    assert found.joint["conversions"] == worst
    assert "Is b ahead of c in every model, by" in repr(found)
    one = credit(world(), models=["linear", "first_touch"]).beats("b", "c", model="linear")
    assert {row["model"] for row in one.to_dicts()} == {"linear"}
    assert "every model" not in repr(one)
    with at.language("zh"):
        assert "b 与 c 相比" in repr(one)
        assert "转化数" in repr(one)


def test_keys_of_several_columns_are_named_by_all_of_them():
    found = credit(world()).by(("channel", "campaign")).beats(("b", "c-b"), ("c", "c-c"))
    assert shown(found, "conversions") == pytest.approx(shown(credit(world()).beats("b", "c"), "conversions"))


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        (("a", "z"), {}, "no credit has the key 'z'"),
        (("a", "a"), {}, "cannot beat itself"),
        (("a", "(none)"), {}, "no credit has the key"),
        (("a", "b"), {"model": "markow"}, "no model 'markow'"),
        (("a", ("b", "c")), {}, r"has 1 parts \(channel\)"),
        (("a", "b"), {"level": 1.0}, "level must lie"),
    ],
)
def test_wrong_questions(arguments, options, match):
    with pytest.raises(at.InputError, match=match):
        credit(world()).beats(*arguments, **options)
