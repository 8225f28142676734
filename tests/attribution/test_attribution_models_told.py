"""What results of models of paths say of several models, of names that could be misread, and of what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.credit.path_intervals import _one_more
from attribution.models.fitted import fit_model

DAY = pd.Timestamp("2026-10-01 00:00Z")
SEEN = (None, "2026-12-31T00:00:00Z")


def touches(*rows):
    frame = pd.DataFrame(rows, columns=["person_id", "time", "channel"])
    frame["time"] = DAY + pd.to_timedelta(frame["time"].astype(float), unit="D")
    return frame


def orders(*rows):
    frame = pd.DataFrame(rows, columns=["person_id", "time", "value"])
    frame["time"] = DAY + pd.to_timedelta(frame["time"].astype(float), unit="D")
    return frame.assign(conversion_id=[f"o{place}" for place in range(len(frame))])


TOUCHES = touches(("a", 0, "A"), ("a", 1, "B"), ("b", 0, "A"), ("c", 0, "B"), ("c", 1, "A"), ("d", 0, "B"))
ORDERS = orders(("a", 2, 10.0), ("d", 3, 5.0))


def test_each_of_several_models_is_told_with_its_own_settings():
    models = [at.Markov(), at.Markov(order=2, name="m2"), at.Markov(order=3, removal="reconnect", name="re")]
    credit = at.attribute(TOUCHES, ORDERS, models=models, observed=SEEN)
    told = [sentence for sentence in credit.recipe.sentences() if "Markov" in sentence]
    assert [sentence[:32] for sentence in told] == [
        "markov: Markov, order 1: credit ",
        "m2: Markov, order 2: credit in p",
        "Markov, order 3: credit in propo",
    ]
    assert credit.recipe.settings["order"] == "1; 2; 3"
    chinese = credit.recipe.sentences(lang="zh")
    assert any(sentence.startswith("m2") and "2 阶" in sentence for sentence in chinese)
    table = pd.DataFrame({"path": ["A > B"], "conversions": [1], "nulls": [1]})
    counted = at.attribute_paths(table, models=models, nulls="nulls").recipe.sentences()
    assert [sentence for sentence in counted if "Markov" in sentence] == told


def test_models_that_share_all_settings_are_told_once():
    models = ["linear", at.Shapley(), at.Shapley(name="equal"), at.TimeDecay(), at.TimeDecay(name="again")]
    told = at.attribute(TOUCHES, ORDERS, models=models, observed=SEEN).recipe.sentences()
    assert len(told) == len(set(told))
    assert sum("Shapley" in sentence for sentence in told) == 1
    assert sum("7d of age" in sentence for sentence in told) == 1


def test_a_separator_is_shown_with_its_blanks():
    table = pd.DataFrame({"path": ["A > B", "x>y"], "conversions": [1, 2]})
    credit = at.attribute_paths(table, models="linear")
    assert 'with " > " between them' in repr(credit)
    assert 'hold ">" without the blanks of the separator " > "' in credit.findings[0].text()
    assert credit.recipe.settings["separator"] == " > "


def test_names_that_could_be_read_as_states_stand_in_quotes():
    names = ["(start)", "(null)", "(conversion)", "A > B", "A", "B"]
    paths = at.PathCounts.of([["A", "B"], ["A > B"], names], conversions=[1, 2, 3], nulls=[1, 0, 2])
    fit = at.Markov(order=2).fit(paths)
    assert len(set(fit.labels)) == len(fit.labels)
    assert {"A > B", '"A > B"', '"(start)"', '"(start)" > "(null)"'} <= set(fit.labels)
    rows = fit.transitions().to_dicts()
    assert {row["to_state"] for row in rows if row["from_state"] == "(start)"} == {"A", '"A > B"', '"(start)"'}


def test_rates_without_a_null_journey_say_so():
    credit = at.attribute(TOUCHES[:2], ORDERS[:1], models="shapley_rate", observed=SEEN)
    assert [finding.code for finding in credit.fit("shapley_rate").findings] == ["NO_NULL_JOURNEYS"]
    assert "NO_NULL_JOURNEYS" in {finding.code for finding in credit.findings}
    table = pd.DataFrame({"path": ["A > B"], "conversions": [1]})
    told = at.attribute_paths(table, models=["markov", "shapley_rate"]).findings
    assert [finding.code for finding in told] == ["NO_NULLS"]  # once, not in two words


def test_a_model_without_a_fit_says_why():
    untouched = at.attribute(TOUCHES, orders(("z", 2, 1.0)), models="markov", observed=SEEN)
    with pytest.raises(at.InputError, match=r"model 'markov': no conversion has an eligible touch\."):
        untouched.fit("markov")
    own = at.CustomModel("own", lambda paths: np.array([0.5, 0.5]), needs="paths")
    credit = at.attribute(TOUCHES, ORDERS, models=["shapley", own], observed=SEEN)
    with pytest.raises(at.InputError, match=r"model 'own': it tells nothing of its fit\."):
        credit.fit("own")
    with pytest.raises(at.InputError, match="'shapley' is a model of single journeys"):
        credit.fit("shapley")


def test_the_chosen_order_is_marked_in_words():
    paths = at.PathCounts.of([["A", "B"], ["B", "A"]], conversions=[40, 10], nulls=[60, 90])
    found = at.choose_markov_order(paths, orders=(1, 2))
    assert "yes" in repr(found)
    assert "True" not in repr(found)
    assert {True, False} == set(found.table()["chosen"])


class Counting:
    """A model of paths that counts how often it is solved."""

    name, needs = "counting", "paths"

    def __init__(self):
        self.inner, self.solved = at.Shapley(value="rate"), 0

    def fit(self, paths):
        self.solved += 1
        return self.inner.fit(paths)

    def shares(self, paths):
        return self.fit(paths).shares


def test_a_model_of_paths_is_solved_once():
    model = Counting()
    at.attribute(TOUCHES, ORDERS, models=[model], observed=SEEN)
    assert model.solved == 1


def test_an_interval_survives_a_model_that_gives_no_shares_with_one_person_more():
    # With one more conversion through A alone, the effects of a detour cancel.
    few, bought = (
        touches(("a", 0, "A"), ("a", 1, "B"), ("b", 0, "A"), ("c", 0, "B"), ("c", 1, "A")),
        orders(("a", 2, 9.0)),
    )
    models = ["linear", at.Markov(removal="detour")]
    table = at.attribute(few, bought, models=models, observed=SEEN).table(level=0.95)
    assert len(table) == 6


def test_one_person_more_is_added_to_the_path_that_is_there():
    paths = at.PathCounts.of([["A"], ["A", "B"], ["B"]], conversions=[4, 3, 2], nulls=[6, 2, 8])
    model = fit_model(at.Markov(removal="drop_paths"), paths)
    more = at.PathCounts.of([["A"], ["A", "B"], ["B"]], conversions=[5, 3, 2], nulls=[6, 2, 8])
    assert _one_more(model, paths, 0) == pytest.approx(at.Markov(removal="drop_paths").shares(more)[0], rel=1e-12)


def test_negative_credit_has_no_cost_per_conversion():
    rows = [(f"n{place}", 0, "N") for place in range(20)] + [(f"b{place}", 0, "B") for place in range(4)]
    rows += [(f"x{place}", day, channel) for place in range(20) for day, channel in ((0, "B"), (1, "N"))]
    bought = orders(*[(f"b{place}", 1, 9.0) for place in range(4)])
    credit = at.attribute(touches(*rows), bought, models="shapley_rate", observed=SEEN)
    spend = pd.DataFrame({"channel": ["B", "N"], "cost": [8.0, 2.0]})
    table = credit.with_costs(spend).table().set_index("channel")
    assert table.conversions["N"] < 0
    assert np.isnan(table.cost_per_conversion["N"])
    assert table.cost_per_conversion["B"] == pytest.approx(8 / table.conversions["B"])


def test_a_missing_column_of_paths_names_the_argument():
    table = pd.DataFrame({"path": ["A"], "orders": [1]})
    with pytest.raises(at.TableError, match="Pass its name as conversions="):
        at.attribute_paths(table)
    with pytest.raises(at.TableError, match=r"column 'lost' is missing.*Pass its name as nulls="):
        at.attribute_paths(table, conversions="orders", nulls="lost")


@pytest.mark.parametrize("model", [at.Markov(), at.Shapley(), at.Shapley(value="rate")])
def test_models_of_paths_refuse_other_tables(model):
    with pytest.raises(at.InputError, match="PathCounts, got DataFrame"):
        model.fit(pd.DataFrame({"path": ["A"], "conversions": [1]}))


def test_paths_by_hand_that_are_equal_are_added_up():
    paths = at.PathCounts.of([["A"], ["B"], ["A"]], conversions=[1, 2, 1], value=[5.0, 1.0, 7.0], nulls=[0, 1, 2])
    assert (len(paths), paths.conversions.tolist(), paths.value.tolist()) == (2, [2.0, 2.0], [12.0, 1.0])
    assert paths.nulls.tolist() == [2.0, 1.0]
    assert at.Markov(removal="drop_paths").shares(paths).tolist() == [0.5, 0.5]
    with pytest.raises(at.InputError, match="a sequence of channels, got text"):
        at.PathCounts.of(["sms"], conversions=[1])
    with pytest.raises(at.InputError, match="1 paths, 2 nulls"):
        at.PathCounts.of([["sms"]], conversions=[1], nulls=[1, 2])


def test_the_period_of_observation_is_told_in_both_languages():
    recipe = at.attribute(TOUCHES, ORDERS, models="markov", observed=SEEN).recipe
    assert any("from 2026-10-01 00:00:00Z to 2026-12-31 00:00:00Z;" in sentence for sentence in recipe.sentences())
    told = [sentence for sentence in recipe.sentences(lang="zh") if "2026-12-31 00:00:00Z" in sentence]
    assert len(told) == 1
    assert " to " not in told[0]


class Learned:
    """A model of the user whose `fit` is that of another library."""

    name, needs = "learned", "paths"

    def fit(self, features, target):
        raise AssertionError("not for this library to call")

    def shares(self, paths):
        return np.full(len(paths.channel_names), 1 / len(paths.channel_names))


def test_a_fit_that_means_something_else_is_not_called():
    credit = at.attribute(TOUCHES, ORDERS, models=Learned(), observed=SEEN)
    assert credit.table().conversions.tolist() == [1.0, 1.0, 0.0]
    counted = at.attribute_paths(pd.DataFrame({"path": ["A > B"], "conversions": [2]}), models=Learned())
    assert counted.table().conversions.tolist() == [1.0, 1.0, 0.0]
    assert not counted.fits


def test_more_open_than_null_journeys_is_a_warning():
    # Nobody converts after day 40, where observation ends: with 30 days to look back, journeys from day 10 on are open.
    rows = [(f"old{place}", 0, "A") for place in range(3)] + [(f"new{place}", 20, "B") for place in range(4)]
    end = (None, DAY + pd.Timedelta(days=40))
    codes = {}
    for some in (rows[:-2], rows):
        credit = at.attribute(touches(("a", 1, "A"), *some), orders(("a", 2, 1.0)), models="markov", observed=end)
        codes[len(some)] = {(finding.code, finding.status) for finding in credit.findings if "OPEN" in finding.code}
    assert codes == {5: {("OPEN_JOURNEYS", "note")}, 7: {("MOST_JOURNEYS_OPEN", "warn")}}
