"""Credit of lazy tables through the public names: what stays, what is pulled, what is told; and the page about it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from engine_cases import drawn_tables

import attribution as at
from attribution.engines.support import MODELS_IN_ENGINE, RULES_IN_ENGINE, RULES_THAT_PULL, why_not

duckdb = pytest.importorskip("duckdb")
pl = pytest.importorskip("polars")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "engines.md"
TABLES = drawn_tables(2)
PULLING = {
    "transforms": at.Rules(transforms=("exposure",), lookback="2d"),
    "levels": at.Rules(levels=("sent", "click"), lookback="2d"),
}


def _lazy():
    return tuple(pl.from_arrow(table).lazy() for table in TABLES)


def _in_memory(journeys):
    return "layout" in journeys._cache


@pytest.fixture
def messages():
    """The touches with a message id, which delivery levels ask for."""
    ids = pd.array([f"m{place // 3}" for place in range(TABLES[0].num_rows)])
    return TABLES[0].append_column("message_id", [ids.tolist()])


def test_table_by_costs_findings_and_recipe_bring_no_row():
    credit = at.attribute(*_lazy())
    keyed = credit.by(("campaign", "shop"))
    spend = pd.DataFrame({"channel": ["sms", "phone"], "cost": [5.0, 6.0]})
    told = (repr(credit), credit.findings, credit.recipe, keyed.table(), credit.with_costs(spend).table())
    assert all(item is not None for item in told)
    assert not _in_memory(credit.journeys)
    assert [finding.code for finding in credit.findings][-1] == "ENGINE_CHECKS"


def test_what_needs_rows_brings_them_and_gives_the_numbers_of_memory():
    credit, expected = at.attribute(*_lazy()), at.attribute(*TABLES)
    pd.testing.assert_frame_equal(
        credit.intervals(level=0.9).table(), expected.intervals(level=0.9).table(), rtol=1e-9, atol=1e-9
    )
    assert _in_memory(credit.journeys)
    assert credit.touches().to_dicts() == expected.touches().to_dicts()
    assert credit.journeys.reach().to_dicts() == expected.journeys.reach().to_dicts()
    name = TABLES[1]["conversion_id"][3].as_py()
    first = next(row["conversion_id"] for row in expected.touches().to_dicts())
    assert credit.explain(first).to_dicts() == expected.explain(first).to_dicts(), name


@pytest.mark.parametrize("name", PULLING)
def test_rules_beyond_the_graph_pull_what_can_matter(name, messages):
    tables = (messages, TABLES[1])
    rules = PULLING[name]
    expected = at.attribute(*tables, rules=rules)
    found = at.attribute(*(duckdb.from_arrow(table) for table in tables), rules=rules)
    pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-9)
    told = {finding.code: finding.values for finding in found.findings}
    pulled = told.pop("PULLED_ROWS")
    assert 0 < pulled["n"] <= pulled["rows"] == messages.num_rows
    assert pulled["n"] == found.journeys.touches.table.rows
    of_touches = [code for code in told if "TOUCH" in code or code in ("AFTER_CONVERSION", "LEVELS_COLLAPSED")]
    assert of_touches
    wanted = {finding.code: dict(finding.values) for finding in expected.findings}
    assert {code: dict(told[code]) for code in of_touches} == {code: wanted[code] for code in of_touches}


def test_other_rules_ask_the_engine_again():
    credit = at.attribute(*_lazy(), rules=at.Rules(lookback="1h"))
    longer = credit.journeys.with_rules(at.Rules(lookback="30d")).attribute()
    np.testing.assert_allclose(longer.sums.conversions, at.attribute(*TABLES).sums.conversions, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "model", [at.Markov(), at.Shapley(), at.CustomModel("mine", lambda j: 1 / np.repeat(j.lengths, j.lengths))]
)
def test_models_beyond_the_graph_pull_and_say_so(model):
    found, expected = at.attribute(*_lazy(), models=model), at.attribute(*TABLES, models=model)
    pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-9)
    assert "PULLED_ROWS" in {finding.code for finding in found.findings}
    with pytest.raises(at.InputError, match="collect=False keeps every row in its engine"):
        at.attribute(*_lazy(), models=model, collect=False)


def test_collected_tables_are_tables_in_memory():
    found, expected = at.attribute(*_lazy(), collect=True), at.attribute(*TABLES)
    assert found.table().equals(expected.table())
    assert found.recipe.fingerprint == expected.recipe.fingerprint
    assert [finding.code for finding in found.findings] == [finding.code for finding in expected.findings]


def test_tables_of_two_connections_are_collected():
    one, other = duckdb.connect(), duckdb.connect()
    held = (one.from_arrow(TABLES[0]), other.from_arrow(TABLES[1]))
    found = at.attribute(*held)
    pd.testing.assert_frame_equal(found.table(), at.attribute(*TABLES).table(), rtol=1e-9)
    assert "PULLED_ROWS" in {finding.code for finding in found.findings}


def test_the_page_lists_what_the_engine_runs():
    text = PAGE.read_text(encoding="utf-8")
    rows = [f"| `{name}` | engine | {words} |" for name, words in RULES_IN_ENGINE.items()]
    rows += [f"| `{name}` | pulls | {words} |" for name, words in RULES_THAT_PULL.items()]
    listed = re.search(r"<!-- begin rules -->\n(.*?)\n<!-- end rules -->", text, re.DOTALL)[1].splitlines()
    assert listed[2:] == rows
    models = re.search(r"<!-- begin models -->\n(.*?)\n<!-- end models -->", text, re.DOTALL)[1]
    assert re.findall(r"`(\w+)`", models) == list(MODELS_IN_ENGINE)
    assert why_not(at.Rules(), MODELS_IN_ENGINE) is None


def test_every_rule_is_on_the_page():
    import dataclasses

    together = {"level": "levels", "key_event_match": "key_event"}
    fields = {together.get(item.name, item.name) for item in dataclasses.fields(at.Rules)}
    assert fields == {*RULES_IN_ENGINE, *RULES_THAT_PULL}


def test_the_models_on_the_page_are_those_that_the_credit_runs():
    from attribution.credit.in_engine import _SHARES

    assert {model.__name__ for model in _SHARES} == set(MODELS_IN_ENGINE)
