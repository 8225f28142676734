"""Aggregates: the same readout as from rows, exact merging, a table that comes back, refusals by name."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import attribution as at
import experiments as ex
from attribution.core.randomness import generator

METRICS = {
    "woken": ex.Rate("woken"),
    "金额": ex.Mean("value", cap=500.0),
    "ticket": ex.Ratio("value", "orders"),
    "orders": ex.Count("orders", missing="zero"),
    "days": ex.Duration("days", horizon="28d", direction="down"),
    "rated": ex.Mean("score", missing="exclude", role="secondary"),
}
ADJUSTED = {
    "value": ex.Mean("value", covariate=["history", "age"]),
    "ticket": ex.Ratio("value", "orders", covariate="age"),
}


def frame(seed=0, n=900, offset=0.0):
    random = generator(seed, "test.aggregates")
    woken = random.random(n) < 0.3
    rows = pd.DataFrame({
        "person_id": [f"p{seed}-{i}" for i in range(n)],
        "arm": np.array(["holdout", "短信", "full; --"], dtype=object)[random.integers(3, size=n)],
        "阶段\n": np.array(["早", "晚"], dtype=object)[random.integers(2, size=n)],
        "day": random.integers(1, 4, size=n),
        "woken": woken.astype(int),
        "value": np.where(woken, random.lognormal(3, 1.5, n), 0.0) + offset,
        "orders": np.where(woken, 1.0 + random.poisson(1, n), 0.0) + offset,
        "days": np.where(woken, random.random(n) * 40, np.nan),
        "score": np.where(random.random(n) < 0.1, np.nan, random.normal(5, 1, n)),
        "history": np.where(random.random(n) < 0.1, np.nan, random.lognormal(1, 1, n)),
        "age": random.normal(40, 9, n),
        "p_assign": 1 / 3,
    })  # fmt: skip
    rows["value"] += rows["history"].fillna(0.0)
    return rows


def spec(metrics=None, **options):
    return ex.Experiment(METRICS if metrics is None else metrics, **{"shares": "p_assign", **options})


def assert_same(found, expected, rtol=1e-10):
    pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("strata", [None, "阶段\n"])
@pytest.mark.parametrize("by", [(), "day", ("day", "阶段\n")])
def test_the_readout_of_aggregates_is_that_of_the_rows(strata, by):
    rows, experiment = frame(1), spec(strata=strata)
    found = experiment.analyze(experiment.aggregate(rows, by=by))
    expected = experiment.analyze(rows)
    assert_same(found, expected)
    told = {(finding.code, finding.status): finding.values for finding in expected.findings}
    for finding in found.findings:
        if finding.code in ("SRM", "SRM_STRATA", "DIFFERENTIAL_MISSINGNESS", "LEAKAGE"):
            assert told[finding.code, finding.status] == finding.values


def test_every_kind_of_table_gives_the_same_statistics(table_kind):
    rows, experiment = frame(2), spec(strata="阶段\n")
    found, expected = experiment.aggregate(table_kind(rows), by="day"), experiment.aggregate(rows, by="day")
    pd.testing.assert_frame_equal(found.table(), expected.table(), check_exact=True)
    assert found.recipe.fingerprint == expected.recipe.fingerprint


def test_the_order_of_rows_changes_no_byte():
    rows, experiment = frame(3), spec()
    shuffled = rows.sample(frac=1, random_state=2)
    first, second = (experiment.aggregate(data, by="day").table() for data in (rows, shuffled))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_the_table_comes_back_from_parquet_and_csv(tmp_path):
    rows, experiment = frame(4), spec(strata="阶段\n")
    made = experiment.aggregate(rows, by="day")
    made.table().sample(frac=1, random_state=3).to_parquet(tmp_path / "parts.parquet")
    back = ex.read_aggregates(pd.read_parquet(tmp_path / "parts.parquet"))
    tidy = [
        t.table().sort_values(["day", "阶段\n", "arm", "metric", "statistic", "first", "second"]) for t in (back, made)
    ]
    pd.testing.assert_frame_equal(*(t.reset_index(drop=True) for t in tidy), check_exact=True)
    text = io.StringIO(made.table().to_csv(index=False))
    assert_same(experiment.analyze(ex.read_aggregates(pd.read_csv(text))), experiment.analyze(rows))
    assert ex.read_aggregates(made).keys == ("day", "阶段\n", "arm")


def test_the_table_holds_no_person():
    made = spec().aggregate(frame(5))
    assert "person_id" not in made.table().columns
    assert not made.table().astype(str).apply(lambda column: column.str.contains("p5-")).to_numpy().any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.sampled_from([0.0, 1e9]))
def test_split_and_merged_aggregates_are_those_of_all_rows(seed, parts, offset):
    rows = frame(seed, 300, offset)
    metrics = {"value": ex.Mean("value", covariate=["history"]), "ticket": ex.Ratio("value", "orders")}
    experiment = spec(metrics)
    which = generator(seed, "test.parts").integers(parts, size=len(rows))
    merged = ex.merge_aggregates(*(experiment.aggregate(rows[which == i]) for i in range(parts) if (which == i).any()))
    whole = experiment.aggregate(rows)
    for name, part in whole.parts.items():
        found = merged.parts[name].moments
        assert (found.cells, found.labels) == (part.moments.cells, part.moments.labels)
        np.testing.assert_array_equal(found.n, part.moments.n)
        np.testing.assert_allclose(found.means, part.moments.means, rtol=1e-12)
        spread = np.sqrt(np.einsum("cii->ci", part.moments.products))
        away = np.abs(found.products - part.moments.products)
        np.testing.assert_array_less(
            away, (1e-10 if offset == 0.0 else 1e-6) * spread[:, :, None] * spread[:, None, :] + 1e-9
        )


def test_parts_where_nobody_lacks_history_merge_with_parts_where_some_do():
    rows, experiment = frame(6), spec({"value": ex.Mean("value", covariate="history")})
    full = rows["history"].notna()
    merged = ex.merge_aggregates(experiment.aggregate(rows[full]), experiment.aggregate(rows[~full]))
    whole = experiment.aggregate(rows)
    assert merged.parts["value"].moments.labels == ("value", "history", "no history")
    assert merged.parts["value"].constants["history"] == pytest.approx(
        whole.parts["value"].constants["history"], rel=1e-12
    )
    assert_same(experiment.analyze(merged), experiment.analyze(whole), rtol=1e-9)


def test_days_merge_into_the_whole_even_where_an_arm_starts_late():
    rows, experiment = frame(7), spec()
    early = rows[(rows["day"] < 3) & (rows["arm"] != "短信")]
    late = rows.drop(early.index)
    merged = ex.merge_aggregates(experiment.aggregate(early), experiment.aggregate(late))
    assert_same(experiment.analyze(merged), experiment.analyze(rows))
    assert [finding.code for finding in merged.findings] == ["AGGREGATES_MERGED"]


def test_adjusted_means_have_the_same_effect_and_say_that_their_variance_is_from_moments():
    rows, experiment = frame(8, 4000), spec(ADJUSTED)
    found = experiment.analyze(experiment.aggregate(rows)).table()
    expected = experiment.analyze(rows).table()
    np.testing.assert_allclose(found["difference"], expected["difference"], rtol=1e-9)
    np.testing.assert_allclose(found["low"], expected["low"], rtol=0.2)
    assert set(found["method"]) == {"adjusted (moments)"}


def test_clusters_are_read_from_their_totals():
    rows = frame(9).assign(branch=lambda t: t["arm"] + (np.arange(len(t)) % 40).astype(str))
    experiment = spec({"value": ex.Mean("value"), "woken": ex.Rate("woken")}, cluster="branch")
    assert_same(experiment.analyze(experiment.aggregate(rows, by="day")), experiment.analyze(rows))
    plain = spec({"value": ex.Mean("value"), "woken": ex.Rate("woken")})
    with pytest.raises(at.InputError, match="not by 'branch'"):
        experiment.analyze(plain.aggregate(rows))


def test_small_cells_are_listed_and_nothing_is_left_out():
    rows = frame(10, 60)
    made = spec().aggregate(rows, by=["day", "阶段\n"], min_cell=5)
    counts = rows.groupby(["day", "阶段\n", "arm"]).size()
    assert made.small_cells() == tuple(counts[counts < 5].index)
    (finding,) = made.findings
    assert (finding.code, finding.status, finding.values["cells"]) == ("SMALL_CELLS", "warn", int((counts < 5).sum()))
    assert made.persons.sum() == 60
    with at.language("zh"):
        assert "少于5人" in finding.message
    with pytest.raises(at.InputError, match="min_cell"):
        spec().aggregate(rows, min_cell=0)


def test_what_needs_rows_is_refused_by_name():
    rows, experiment = frame(11), spec()
    median = spec({**METRICS, "median": ex.Quantile("value")})
    made = experiment.aggregate(rows)
    with pytest.raises(at.DesignError, match=r"NEEDS_ROWS.*'median'"):
        median.aggregate(rows)
    with pytest.raises(at.DesignError, match=r"NEEDS_ROWS.*'median'"):
        median.analyze(made)
    with pytest.raises(at.DesignError, match=r"NEEDS_ROWS.*leakage"):
        experiment.analyze(made, touches=pd.DataFrame())
    with pytest.raises(at.DesignError, match=r"NEEDS_ROWS.*experiment.analyze is what takes aggregates"):
        experiment.by_segment(made, by="阶段\n")


def test_aggregates_of_another_experiment_are_refused_with_every_difference():
    made = spec().aggregate(frame(12))
    other = spec(
        {"woken": ex.Rate("woken"), "金额": ex.Mean("value", cap=9.0), "gone": ex.Mean("age")}, strata="阶段\n"
    )
    with pytest.raises(at.InputError, match=r"(?s)limits of the metric '金额'.*no metric 'gone'.*not by"):
        other.analyze(made)
    with pytest.raises(at.InputError, match="no assignment probability"):
        spec().analyze(spec(shares=None).aggregate(frame(12)))


def test_parts_that_do_not_fit_are_refused_with_every_mismatch():
    rows = frame(13)
    first = spec().aggregate(rows)
    second = spec({"woken": ex.Rate("woken"), "金额": ex.Mean("value")}, shares=None).aggregate(rows, by="day")
    with pytest.raises(at.InputError) as caught:
        ex.merge_aggregates(first, second)
    told = str(caught.value)
    for piece in (
        "part 2 is by day, arm",
        "limits of the metric '金额'",
        "'ticket' is in part 1",
        "probability is in part 1",
    ):
        assert piece in told
    numbers = spec().aggregate(rows.assign(arm=np.arange(len(rows)) % 3))
    with pytest.raises(at.InputError, match="key 'arm' is str in part 1 and int"):
        ex.merge_aggregates(first, numbers)
    with pytest.raises(at.InputError, match="needs aggregates"):
        ex.merge_aggregates()
    assert ex.merge_aggregates(first) is first


def test_unusable_outcomes_are_refused_as_by_analyze():
    rows = frame(14).assign(woken=2, value=lambda t: t["value"].mask(t.index < 3))
    with pytest.raises(at.TableError, match=r"(?s)NULL_OUTCOME.*NOT_BINARY|NOT_BINARY.*NULL_OUTCOME"):
        spec().aggregate(rows)
    with pytest.raises(at.TableError, match="BAD_PROBABILITY"):
        spec().aggregate(frame(14).assign(p_assign=1.5))
    with pytest.raises(at.TableError, match="REPEATED_PERSON"):
        spec().aggregate(frame(14).assign(person_id="one"))
    with pytest.raises(at.InputError, match="no row of a person"):
        spec().aggregate(frame(14), by="person_id")
    with pytest.raises(at.InputError, match="Rename the column"):
        spec().aggregate(frame(14).rename(columns={"day": "metric"}), by="metric")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.drop(columns="second"), "MISSING_COLUMN"),
        (lambda t: pd.concat([t, t[:1]]), "REPEATED_ROW"),
        (lambda t: t[t["statistic"] != "mean"], "MISSING_STATISTIC"),
        (lambda t: t.assign(value=t["value"].mask(t["statistic"] == "n", 1.5)), "NOT_WHOLE"),
        (lambda t: t.assign(value=t["value"].mask(t["statistic"] == "product", -1.0)), "NEGATIVE_VALUE"),
        (lambda t: t.assign(value=t["value"].mask(t["statistic"] == "persons", 1.0)), "NEGATIVE_VALUE"),
        (lambda t: t.assign(value=t["value"].mask(t["statistic"] == "mean", np.inf)), "NOT_FINITE"),
        (lambda t: t.assign(arm=t["arm"].mask(t.index == 0)), "NULL_KEY"),
        (lambda t: t.assign(value="much"), "WRONG_TYPE"),
        (lambda t: t[t["metric"] == ""], "MISSING_STATISTIC"),
    ],
)
def test_unusable_tables_of_aggregates_are_refused(change, code):
    table = spec().aggregate(frame(15)).table()
    with pytest.raises(at.TableError, match=code):
        ex.read_aggregates(change(table))


def test_parts_with_other_caps_or_constants_set_one_below_the_other_are_refused():
    rows = frame(18)
    early, late = rows[rows["day"] == 1], rows[rows["day"] > 1]
    capped = [spec({"y": ex.Mean("value", cap=cap)}) for cap in (9.0, 500.0, None)]
    adjusted = spec({"y": ex.Mean("value", covariate="history")})
    for one, other in ((capped[0], capped[1]), (capped[0], capped[2]), (adjusted, adjusted)):
        tables = [one.aggregate(early, by="day").table(), other.aggregate(late, by="day").table()]
        with pytest.raises(at.TableError, match=r"(?s)DIFFERENT_READINGS.*merge_aggregates"):
            ex.read_aggregates(pd.concat(tables))
    alike = [capped[0].aggregate(part, by="day").table() for part in (early, late)]
    assert_same(capped[0].analyze(ex.read_aggregates(pd.concat(alike))), capped[0].analyze(rows))


def test_a_rate_of_other_values_is_refused_from_a_warehouse_too():
    duckdb = pytest.importorskip("duckdb")
    rows, experiment = frame(19, 4000), spec({"woken": ex.Rate("woken")})
    connection = duckdb.connect()
    connection.register("rows", rows.assign(woken=lambda t: t["woken"].mask(t.index == 7, 2)))
    table = connection.sql(experiment.aggregate_sql("rows")).df()
    for found in (table, table[~table["statistic"].isin(["smallest", "largest"])]):
        with pytest.raises(at.TableError, match=r"NOT_BINARY.*1 affected"):
            experiment.analyze(ex.read_aggregates(found))


@pytest.mark.parametrize("cluster", [None, "branch"])
def test_nothing_needs_the_extremes(cluster):
    rows = frame(20).assign(branch=lambda t: t["arm"] + (np.arange(len(t)) % 40).astype(str))
    experiment = spec({"woken": ex.Rate("woken"), "value": ex.Mean("value"), "n": ex.Count("orders")}, cluster=cluster)
    made = experiment.aggregate(rows, by="day")
    bare = made.without_extremes()
    assert not {"smallest", "largest"} & set(bare.table()["statistic"])
    assert set(made.table()["statistic"]) - set(bare.table()["statistic"]) == {"smallest", "largest"}
    assert_same(experiment.analyze(ex.read_aggregates(bare.table())), experiment.analyze(made))
    merged = ex.merge_aggregates(experiment.aggregate(rows, by="day"), bare)
    assert np.isnan(merged.parts["value"].moments.largest).all()
    assert np.isnan(merged.moments(("arm",))["value"].smallest).all()


def test_hostile_names_and_arms_that_look_like_numbers_come_back_from_csv():
    rows = frame(21).assign(**{"=cmd|x": lambda t: np.where(t["day"] > 1, "<script>", "")})
    rows["=cmd|x"] = rows["=cmd|x"].replace("", "00")
    rows["arm"] = rows["arm"].replace({"holdout": "01", "full; --": "1"})
    experiment = spec({"=钱\"'": ex.Mean("value", covariate="history")}, control="01", strata="=cmd|x")
    made = experiment.aggregate(rows)
    text = made.table().to_csv(index=False)
    types = {"arm": str, "=cmd|x": str}
    back = ex.read_aggregates(pd.read_csv(io.StringIO(text), dtype=types, engine="python"))  # reads floats exactly
    assert back.table().to_csv(index=False) == text
    assert_same(experiment.analyze(back), experiment.analyze(made), rtol=0)
    guessed = made.table()[lambda t: t["arm"] != "短信"].assign(arm=lambda t: t["arm"].astype(int))
    with pytest.raises(at.InputError, match="str in part 1 and int"):
        ex.merge_aggregates(made, ex.read_aggregates(guessed.drop_duplicates(["=cmd|x", "arm", *guessed.columns[2:6]])))


def test_a_table_without_rows_or_keys_is_refused():
    table = spec().aggregate(frame(15)).table()
    with pytest.raises(at.InputError, match="at least one key column"):
        ex.read_aggregates(table[:0])


def test_aggregates_print_in_both_languages():
    made = spec().aggregate(frame(16))
    assert "without any person's row" in repr(made)
    with at.language("zh"):
        assert "不含任何个人的行" in repr(made)
    assert made.moments(("arm",))["woken"].cells == made.cells
    with pytest.raises(at.InputError, match="not by 'segment'"):
        made.moments(("segment", "arm"))


@pytest.mark.parametrize("strata", [None, "阶段\n"])
def test_the_query_for_a_warehouse_gives_the_same_statistics(strata):
    duckdb = pytest.importorskip("duckdb")
    rows = frame(17).rename(columns={"value": 'val"ue', "history": "历史';--"})
    metrics = {
        "it's": ex.Mean('val"ue', cap=(1.0, 500.0), covariate=["历史';--", "age"]),
        "ticket": ex.Ratio('val"ue', "orders"),
        "rated": ex.Mean("score", missing="exclude", role="secondary"),
        "days": ex.Duration("days", horizon="28d"),
    }
    experiment = spec(metrics, strata=strata)
    connection = duckdb.connect()
    connection.register("rows", rows)
    found = ex.read_aggregates(connection.sql(experiment.aggregate_sql("rows", by="day")))
    expected = experiment.aggregate(rows, by="day")
    assert_same(experiment.analyze(found), experiment.analyze(expected), rtol=1e-9)
    for name, part in expected.parts.items():
        made = found.parts[name]
        assert (made.inputs, made.moments.cells, made.moments.labels) == (
            part.inputs,
            part.moments.cells,
            part.moments.labels,
        )
        for field in ("persons", "observed", "n"):
            np.testing.assert_array_equal(getattr(made.moments, field), getattr(part.moments, field))
        np.testing.assert_allclose(made.moments.cubes, part.moments.cubes, rtol=1e-8)


def test_the_query_quotes_as_its_dialect_does():
    query = spec({"it's": ex.Mean("val`ue")}).aggregate_sql("rows", dialect="spark")
    assert "`val``ue`" in query
    assert r"'it\'s'" in query
    assert "double precision" not in query
    with pytest.raises(at.InputError, match="dialect must be one of"):
        spec().aggregate_sql("rows", dialect="cobol")
    with pytest.raises(at.DesignError, match="NEEDS_ROWS"):
        spec({"median": ex.Quantile("value")}).aggregate_sql("rows")
