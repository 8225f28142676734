"""Out-of-fold predictions: what scikit-learn gives on the same folds, no leak, no dependence on order or kind."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError
from experiments.design.assignment_hash import unit_numbers

FEATURES = ["past", "recency"]


def persons(n=1500, seed=1):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"person_id": rng.permutation(10 * n)[:n], "past": rng.lognormal(size=n)})
    frame["recency"] = rng.integers(180, 700, n)
    frame["arm"] = rng.choice(["holdout", "sms"], n, p=[0.3, 0.7])
    frame["value"] = (
        3.0 * np.sin(2.0 * frame.past) + frame.recency / 100.0 + 0.3 * (frame.arm == "sms") + rng.normal(size=n)
    )
    frame["woken"] = (rng.random(n) < 1.0 / (1.0 + np.exp(2.0 - frame.past))).astype(int)
    return frame


def folds_of(frame, folds=5, seed=0):
    return (unit_numbers(pa.array(frame.person_id), f"cross_fit {seed}") % np.uint64(folds)).astype(int)


class Mean:
    """A model without anything of scikit-learn but its two methods."""

    def fit(self, features, outcome):
        self.value = float(outcome.mean())

    def predict(self, features):
        return np.full(len(features), self.value)


def test_scikit_learn_predicts_the_same_on_the_same_folds():
    frame = persons()
    found = ex.cross_fit(LinearRegression(), frame, outcome="value", features=FEATURES, arm="arm")
    expected = cross_val_predict(
        LinearRegression(), frame[FEATURES].to_numpy(float), frame.value, cv=PredefinedSplit(folds_of(frame))
    )
    np.testing.assert_allclose(found.predicted, expected, rtol=1e-8)
    assert list(found.columns) == [*frame.columns, "predicted"]
    assert "predicted" not in frame


def test_an_event_is_predicted_by_its_probability():
    frame = persons()
    model = LogisticRegression(max_iter=1000)
    found = ex.cross_fit(model, frame, outcome="woken", features=["past"], folds=3, column="score")
    expected = cross_val_predict(
        model,
        frame[["past"]].to_numpy(float),
        frame.woken,
        cv=PredefinedSplit(folds_of(frame, 3)),
        method="predict_proba",
    )[:, 1]
    np.testing.assert_allclose(found.score, expected, rtol=1e-4)
    assert not hasattr(model, "coef_")


# Few trees: the threads of the boosting wait busily for each other, minutes long on a machine with other work.
@pytest.mark.parametrize(
    "model", [HistGradientBoostingRegressor(max_iter=4), RandomForestRegressor(n_estimators=5)], ids=["boost", "forest"]
)
def test_the_order_of_rows_and_a_second_run_change_no_byte(model):
    frame = persons(600)
    first = ex.cross_fit(model, frame, outcome="value", features=FEATURES).set_index("person_id").predicted
    again = ex.cross_fit(model, frame.sample(frac=1.0, random_state=4), outcome="value", features=FEATURES)
    np.testing.assert_array_equal(again.set_index("person_id").predicted.loc[first.index], first)
    other = ex.cross_fit(model, frame, outcome="value", features=FEATURES, seed=1).set_index("person_id").predicted
    assert not np.array_equal(other, first)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (pl.from_pandas, pl.DataFrame),
        (lambda f: pl.from_pandas(f).lazy(), pl.LazyFrame),
        (pa.Table.from_pandas, pa.Table),
    ],
    ids=["polars", "polars lazy", "arrow"],
)
def test_every_kind_of_table_comes_back_as_itself(make, kind):
    frame = persons(400)
    expected = ex.cross_fit(LinearRegression(), frame, outcome="value", features=FEATURES).predicted
    found = ex.cross_fit(LinearRegression(), make(frame), outcome="value", features=FEATURES)
    assert isinstance(found, kind)
    read = found.collect() if kind is pl.LazyFrame else found
    np.testing.assert_array_equal(np.asarray(read["predicted"]), expected)


def test_a_relation_of_an_engine_comes_back_as_one():
    frame = persons(400)
    expected = ex.cross_fit(LinearRegression(), frame, outcome="value", features=FEATURES)
    found = ex.cross_fit(LinearRegression(), duckdb.from_df(frame), outcome="value", features=FEATURES).df()
    np.testing.assert_array_equal(found.set_index("person_id").predicted.loc[frame.person_id], expected.predicted)


def test_nobody_predicts_himself():
    frame = persons(500)
    before = ex.cross_fit(Mean(), frame, outcome="value", features=["past"])
    frame.loc[7, "value"] += 1e6
    after = ex.cross_fit(Mean(), frame, outcome="value", features=["past"])
    fold = folds_of(frame)
    moved = (before.predicted != after.predicted).to_numpy()
    np.testing.assert_array_equal(moved, fold != fold[7])


def test_a_cluster_stays_in_one_fold():
    frame = persons(600).assign(branch=lambda table: table.index % 40)
    found = ex.cross_fit(Mean(), frame, outcome="value", features=["past"], cluster="branch")
    first = found.groupby("branch").predicted.transform("first")
    assert (found.predicted == first).all()
    assert found.predicted.nunique() == 5


def test_gaps_in_features_and_outcomes_are_no_obstacle():
    frame = persons()
    frame["gap"] = frame.past.where(frame.recency < 500)
    frame.loc[frame.index[:50], "value"] = np.nan
    found = ex.cross_fit(LinearRegression(), frame, outcome="value", features=["gap", "recency"])
    assert np.isfinite(found.predicted).all()
    same = frame.assign(none=frame.gap.isna(), gap=frame.gap.fillna(3.0))
    again = ex.cross_fit(LinearRegression(), same, outcome="value", features=["gap", "recency", "none"])
    np.testing.assert_allclose(again.predicted, found.predicted, rtol=1e-8)


def test_one_outcome_for_all_is_predicted_as_it_is():
    frame = persons(400).assign(woken=0)
    found = ex.cross_fit(RandomForestClassifier(n_estimators=3), frame, outcome="woken", features=["past"])
    assert (found.predicted == 0.0).all()


def test_it_narrows_the_interval_as_a_covariate_and_keeps_the_effect():
    frame = persons(4000)
    made = ex.cross_fit(
        HistGradientBoostingRegressor(max_iter=25), frame, outcome="value", features=FEATURES, arm="arm"
    )
    metrics = {
        "plain": ex.Mean("value"),
        "line": ex.Mean("value", covariate=FEATURES),
        "model": ex.Mean("value", covariate="predicted"),
    }
    rows = {
        row["metric"]: row
        for row in ex.Experiment(metrics, shares={"holdout": 0.3, "sms": 0.7}).analyze(made).to_dicts()
    }
    width = {name: row["high"] - row["low"] for name, row in rows.items()}
    assert width["model"] < 0.65 * width["plain"]
    assert width["model"] < 0.75 * width["line"]
    assert rows["model"]["low"] < 0.3 < rows["model"]["high"]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"features": []}, InputError, "features must be a list"),
        ({"features": ["past", "value"]}, InputError, "'value' is the outcome"),
        ({"features": ["arm"], "arm": "arm"}, InputError, "'arm' is the arm"),
        ({"features": ["person_id"]}, InputError, "'person_id' is the person"),
        ({"features": ["clicked"]}, DesignError, "POST_ASSIGNMENT"),
        ({"features": ["recency"], "post": ["recency"]}, DesignError, "POST_ASSIGNMENT"),
        ({"features": ["nothing"]}, TableError, "MISSING_COLUMN"),
        ({"features": ["arm"]}, InputError, "the column 'arm' is the arm"),
        ({"features": ["branch"], "arm": "branch"}, InputError, "the column 'branch' is the arm"),
        ({"features": ["arm"], "arm": None}, TableError, "WRONG_TYPE"),
        ({"folds": 1}, InputError, "folds must be a whole number from 2 to 10,000,000, got 1"),
        ({"folds": 40}, DesignError, "TOO_FEW_TO_CROSS_FIT"),
        ({"column": "past"}, InputError, "have a column 'past' already"),
        ({"column": ""}, InputError, "column must be the name"),
        ({"seed": -1}, InputError, "seed must be a non-negative integer"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(change, error, text):
    frame = persons(300).assign(clicked=1)
    options = {"outcome": "value", "features": ["past"], **change}
    with pytest.raises(error, match=text):
        ex.cross_fit(LinearRegression(), frame, **options)


@pytest.mark.parametrize("model", [LinearRegression, "linear", None], ids=str)
def test_a_model_is_an_object_that_fits_and_predicts(model):
    with pytest.raises(InputError, match="model must be an object with fit and predict"):
        ex.cross_fit(model, persons(200), outcome="value", features=["past"])


def test_a_person_with_two_rows_is_refused():
    frame = persons(200)
    with pytest.raises(TableError, match="REPEATED_PERSON"):
        ex.cross_fit(Mean(), pd.concat([frame, frame[:3]]), outcome="value", features=["past"])


def test_predictions_that_are_no_numbers_are_refused():
    class Broken(Mean):
        def predict(self, features):
            return np.full(len(features), np.nan)

    with pytest.raises(InputError, match="values that are not finite numbers"):
        ex.cross_fit(Broken(), persons(200), outcome="value", features=["past"])


class _TwoColumns:
    def fit(self, features, outcome):
        return self

    def predict(self, features):
        return np.zeros((len(features), 2))


def test_a_model_that_predicts_more_than_one_number_is_told():
    persons = pd.DataFrame({"person_id": range(200), "past": np.arange(200.0), "value": np.arange(200.0)})
    with pytest.raises(ex.WakeLiftError, match="one number for each"):
        ex.cross_fit(_TwoColumns(), persons, outcome="value", features=["past"])
