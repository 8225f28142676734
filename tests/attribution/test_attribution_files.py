"""Touches in files give the credit of the same tables in memory, whatever the files look like."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from engine_cases import RULES, tables
from file_cases import PATHS, PERSONS, layouts, plain_tables, same, write
from hypothesis import given, settings
from hypothesis import strategies as st

import attribution as at


@pytest.fixture(autouse=True)
def silent(capfd):
    yield
    assert capfd.readouterr().err == ""  # no bar where there is no terminal


@settings(max_examples=20, deadline=None)
@given(st.data(), tables(), st.sampled_from(sorted(RULES)))
def test_files_give_the_credit_of_the_table(data, both, name):
    touches, conversions = both
    layout = data.draw(layouts(touches.num_rows))
    folder = Path(tempfile.mkdtemp())
    try:
        files = write(folder / "touches", touches, layout)
        credit = at.attribute(files, conversions, models=[*PERSONS, "shapley"], rules=RULES[name])
        expected = at.attribute(touches, conversions, models=[*PERSONS, "shapley"], rules=RULES[name])
        same(credit, expected)
        of_rules = at.attribute(files, conversions, models=PERSONS, rules=RULES[name])
        expected = at.attribute(touches, conversions, models=PERSONS, rules=RULES[name])
        for keys in (None, "campaign", ("channel", "product"), ("campaign", "shop")):
            same(of_rules, expected, keys)
        assert of_rules.recipe.fingerprint == expected.recipe.fingerprint
        assert _findings(of_rules) == _findings(expected)
        assert of_rules.journeys.observed == expected.journeys.observed
    finally:
        shutil.rmtree(folder)


def _findings(credit):
    return {finding.code: dict(finding.values) for finding in credit.findings}


@settings(max_examples=8, deadline=None)
@given(st.data(), tables(), st.sampled_from(["default", "reset", "by channel", "match"]))
def test_ranges_of_persons_add_up_to_all_of_them(data, both, name):
    touches, conversions = both
    layout = data.draw(layouts(touches.num_rows))
    folder = Path(tempfile.mkdtemp())
    with pytest.MonkeyPatch.context() as patched:
        _make_touches_heavy(patched)
        try:
            files = write(folder / "touches", touches, layout)
            options = {"rules": RULES[name], "memory": "16MiB"}
            try:
                expected = at.attribute(touches, conversions, models=[*PERSONS, *PATHS], rules=RULES[name])
            except at.InputError:  # a game without a positive total
                return
            same(at.attribute(files, conversions, models=PERSONS, **options), _only(expected, PERSONS))
            both_kinds = at.attribute(files, conversions, models=[*PERSONS, *PATHS], **options)
            same(both_kinds, expected)
        finally:
            shutil.rmtree(folder)


def _make_touches_heavy(patched):
    """Let four touches fill the smallest budget, so that small tables go by ranges of persons."""
    patched.setattr("attribution.engines.file_source.PER_KEPT_TOUCH", 1 << 20)
    patched.setattr("attribution.engines.file_source.PER_TOUCH", 1 << 20)


def _only(credit, models):
    kept = tuple(model for model in credit.models if model.name in models)
    rows = [place for place, model in enumerate(credit.models) if model.name in models]
    sums = credit.sums
    names = ("conversions", "value", "inside_conversions", "inside_value")
    return replace(credit, models=kept, sums=replace(sums, **{name: getattr(sums, name)[rows] for name in names}))


@pytest.mark.parametrize("text", [False, True])
def test_what_ranges_of_persons_can_tell(tmp_path, monkeypatch, text):
    touches, conversions = plain_tables(text=text)
    files = write(tmp_path / "touches", touches)
    expected = at.attribute(touches, conversions, models=["linear", "markov"])
    _make_touches_heavy(monkeypatch)
    credit = at.attribute(files, conversions, models=["linear", "markov"], memory=2**24)
    assert len(credit.journeys.ranges) > 10
    same(credit, expected)
    same(credit, expected, "campaign")
    same(credit, expected, ("campaign", "channel"))
    assert credit.recipe.fingerprint == expected.recipe.fingerprint
    assert credit.recipe.n == expected.recipe.n
    assert _findings(credit) == _findings(expected)
    assert repr(credit) == repr(expected)
    name = credit.journeys.conversions.conversion[3].as_py()
    assert credit.explain(name).to_dicts() == expected.explain(name).to_dicts()
    with pytest.raises(at.InputError, match="Give more memory="):
        credit.intervals()
    with pytest.raises(at.InputError, match="Give more memory="):
        credit.touches()
    with pytest.raises(at.InputError, match="Give more memory="):
        credit.over_time()


def test_journeys_of_files_read_the_rest_when_it_is_asked_for(tmp_path):
    touches, conversions = plain_tables()
    files = write(tmp_path / "touches", touches)
    journeys, expected = (at.build_journeys(item, conversions) for item in (files, touches))
    assert len(journeys.touches.time) < touches.num_rows  # most touches stay in the files
    assert journeys.summary().to_dicts() == expected.summary().to_dicts()
    assert journeys.paths(nulls=True).to_dicts() == expected.paths(nulls=True).to_dicts()
    assert journeys.reach().to_dicts() == expected.reach().to_dicts()
    assert journeys.hand_overs("3d").to_dicts() == expected.hand_overs("3d").to_dicts()
    longer = at.Rules(lookback="90d")
    assert journeys.with_rules(longer).paths().to_dicts() == expected.with_rules(longer).paths().to_dicts()
    credit, whole = (item.attribute("linear") for item in (journeys, expected))
    assert credit.touches().to_dicts() == whole.touches().to_dicts()
    pd.testing.assert_frame_equal(credit.table(level=0.9), whole.table(level=0.9))
    name = conversions["conversion_id"][5].as_py()
    assert credit.explain(name).to_dicts() == whole.explain(name).to_dicts()


def test_columns_of_own_models_are_read_for_the_kept_rows(tmp_path):
    touches, conversions = plain_tables()

    def newest(j):
        weights = np.where(j.column("campaign") == "a", 3.0, 1.0)
        whole = np.bincount(j.journey, weights=weights, minlength=len(j))
        return weights / whole[j.journey]

    model = at.CustomModel("campaign a", newest)
    files = write(tmp_path / "touches", touches)
    same(at.attribute(files, conversions, models=model), at.attribute(touches, conversions, models=model))


def test_other_tables_may_be_files_too(tmp_path):
    touches, conversions = plain_tables()
    people = pa.table({"person_id": pa.array(range(80)), "is_test": pa.array([n == 7 for n in range(80)])})
    paths = {name: write(tmp_path / name, table) for name, table in (("c", conversions), ("p", people))}
    expected = at.attribute(touches, conversions, customers=people)
    same(at.attribute(touches.to_pandas(), paths["c"], customers=paths["p"]), expected)
    credit = at.attribute(write(tmp_path / "touches", touches), paths["c"], customers=paths["p"])
    same(credit, expected)
    assert _findings(credit) == _findings(expected)


def test_persons_behind_customer_numbers(tmp_path):
    touches, conversions = (table.rename_columns({"person_id": "customer_id"}) for table in plain_tables(text=True))
    links = pd.DataFrame({"customer_id": [f"客户{n:03d}" for n in range(80)], "phone": [n // 2 for n in range(80)]})
    identity = at.resolve_identity(links, ids=("customer_id", "phone"))
    expected = at.attribute(touches, conversions, identity=identity)
    same(at.attribute(write(tmp_path / "touches", touches), conversions, identity=identity), expected)


def test_csv_files_keep_the_zeros_of_ids(tmp_path):
    folder = tmp_path / "touches"
    folder.mkdir()
    lines = ["person_id,time,channel", "007,2026-10-01 09:00:00+00:00,sms", "08,2026-10-02 09:00:00+00:00,phone"]
    (folder / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "b.csv").write_text("\n".join([lines[0], "007,2026-10-02 10:00:00+00:00,push"]) + "\n", encoding="utf-8")
    (folder / "_SUCCESS").write_text("", encoding="utf-8")
    bought = tmp_path / "conversions.csv"
    bought.write_text("person_id,time,conversion_id,value\n007,2026-10-03 09:00:00+00:00,01,9.5\n", encoding="utf-8")
    rows = at.attribute(folder, bought, models="linear").to_dicts()
    assert {row["channel"]: row["conversions"] for row in rows} == {"phone": 0, "push": 0.5, "sms": 0.5, "(none)": 0}


def test_files_can_be_given_in_every_way(tmp_path, monkeypatch):
    touches, conversions = plain_tables()
    layout = {"order": None, "cuts": [0, 100, 250, 400], "group": 60, "ending": ".parquet"}
    folder = write(tmp_path / "touches", touches, layout)
    expected = at.attribute(touches, conversions)
    listed = sorted(folder.iterdir())
    for given_as in (str(folder), folder, str(folder / "*.parquet"), str(tmp_path / "**" / "*.parquet"), listed):
        same(at.attribute(given_as, conversions), expected)
    monkeypatch.chdir(tmp_path)
    same(at.attribute("touches/part-*.parquet", conversions), expected)


@pytest.mark.parametrize("shown", [True, False])
def test_the_bar_is_shown_where_it_is_asked_for(tmp_path, capfd, shown):
    touches, conversions = plain_tables()
    at.attribute(write(tmp_path / "touches", touches), conversions, progress=shown)
    assert ("touches" in capfd.readouterr().err) is shown


@pytest.mark.parametrize("heavy", [False, True])
def test_whole_numbers_beyond_int64_stay_the_persons_they_are(tmp_path, monkeypatch, heavy):
    touches, conversions = plain_tables()
    longer = [2**63 + 5 if number == 7 else number for number in range(80)]

    def renamed(table):
        return table.set_column(
            0, "person_id", pa.array([longer[n] for n in table["person_id"].to_pylist()], pa.uint64())
        )

    touches, conversions = renamed(touches), renamed(conversions)
    files = write(tmp_path / "touches", touches)  # most batches hold no number beyond int64
    options = {"memory": "16MiB"} if heavy else {}
    if heavy:
        _make_touches_heavy(monkeypatch)
    for models in (PERSONS, ["linear", "markov"]):
        credit, expected = (
            at.attribute(item, conversions, models=models, **more) for item, more in ((files, options), (touches, {}))
        )
        assert hasattr(credit.journeys, "ranges") is heavy
        same(credit, expected)
        assert credit.recipe.fingerprint == expected.recipe.fingerprint
        name = conversions["conversion_id"][3].as_py()
        assert credit.explain(name).to_dicts() == expected.explain(name).to_dicts()
