"""Every result of assignment and trust is told in both languages, in text, HTML and Markdown, with any names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import attribution as at
import experiments as ex

HOSTILE = "短信 <b>|`🛒`"
NOON = "2026-10-12T12:00:00+08:00"


def people(n=1_200):
    rng = np.random.default_rng(8)
    return pd.DataFrame({
        "person_id": [f"客{i}" for i in range(n)], "wave": rng.choice(["一", "二 | x"], n), "home": np.arange(n) // 3,
        "silent": rng.exponential(50, n), "source": rng.choice(["<i>", "{x}"], n),
    })  # fmt: skip


@pytest.fixture(scope="module")
def table():
    base = people()
    made = ex.assign(base, shares={"holdout": 0.3, HOSTILE: 0.7}, salt="盐", at=NOON, strata="wave").table()
    woken = (np.random.default_rng(3).random(len(base)) < 0.2).astype(int)
    return base.assign(arm=made["arm"], p_assign=made["p_assign"], stratum=made["stratum"], woken=woken)


def sold(table, days=(3, 40)):
    rows = [
        (f"c{day}{i}", person, pd.Timestamp(NOON) + pd.Timedelta(days=day, minutes=i))
        for day in days
        for i, person in enumerate(table["person_id"][day::7])
    ]
    return pd.DataFrame(rows, columns=["conversion_id", "person_id", "time"])


def results(table):
    assignment = table[["person_id", "arm", "p_assign", "stratum"]].assign(assigned_at=pd.Timestamp(NOON))
    yield ex.assign(people(), shares={"holdout": 0.3, HOSTILE: 0.7}, salt="盐", at=NOON, strata="wave")
    yield ex.balance(table, ["silent", "source", "wave"], strata="stratum")
    yield ex.placebo_outcome(table, "silent", margin=5.0)
    yield ex.placebo_contrast(table, "silent", splits=20)
    yield ex.spillover_bound(table, link="home")
    yield ex.transport(table, {"一": 5, "new": 1}, metric=ex.Rate("woken"), strata="stratum", unseen="bound")
    yield ex.pull_forward(assignment, sold(table), as_of="2027-03-01")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_results_are_told(table, lang):
    with at.language(lang):
        for found in results(table):
            text, page, marks = repr(found), found._repr_html_(), found.to_markdown()
            assert text
            assert marks
            assert "<b>" not in page.replace("&lt;b&gt;", "")
            assert all(finding.text() for finding in found.findings)
            assert found.to_arrow().num_rows == len(found.to_dicts()) == len(found.to_polars())


def findings(table):
    assignment = table[["person_id", "arm", "p_assign", "stratum"]].assign(assigned_at=pd.Timestamp(NOON))
    unequal = table[(table["arm"] == "holdout") | (table.index % 3 == 0)]
    moved = assignment.assign(arm=assignment["arm"].where(assignment.index > 3, "holdout"))
    spread = assignment.assign(assigned_at=pd.Timestamp(NOON) + pd.to_timedelta(np.arange(len(table)) % 20, unit="D"))
    late = spread[(spread["arm"] != "holdout") | (spread.index % 20 < 17)]
    built = ex.build_outcomes(spread, sold(table), window="28d", as_of="2026-11-20")
    yield ex.verify_assignment(assignment, people(), salt="盐", strata="wave")
    yield ex.verify_assignment(assignment, people(), salt="糖", strata="wave")
    for analysed in (table, unequal, table[table.index % 10 > 0], moved):
        yield from ex.check_exclusions(assignment, analysed)
    yield from ex.check_exclusions(spread, built)
    for given in (assignment, spread, late):
        yield from ex.check_split_over_time(given, strata="stratum")
    yield from ex.check_influence(table, "silent")
    yield from ex.check_influence(table.assign(silent=table["silent"] ** 6), "silent")
    yield ex.check_delivered({"a": 100, "b": 100}, {"a": 90, "b": 95})
    yield ex.check_delivered({"a": 100, "b": 100}, {"a": 90, "b": 5})
    apart = unequal.assign(silent=lambda part: part["silent"] + 99 * (part["arm"] == "holdout"))
    for data in (table, apart):
        yield from ex.balance(data, "silent").findings
        yield from ex.placebo_outcome(data, "silent").findings
    for link in ("home", "person_id"):
        yield from ex.spillover_bound(table, link=link).findings


def test_findings_are_told_in_both_languages(table):
    told = list(findings(table))
    for finding in told:
        for lang in ("en", "zh"):
            assert "None" not in finding.text(lang)
    seen = {(finding.code, finding.status) for finding in told}
    assert seen >= {
        ("ASSIGNMENT", "pass"), ("ASSIGNMENT", "fail"), ("EXCLUSIONS", "pass"), ("EXCLUSIONS", "note"),
        ("EXCLUSIONS", "fail"), ("ARM_CHANGED", "fail"), ("IMMATURE_ARMS", "note"), ("SRM_DAYS", "note"),
        ("SRM_DAYS", "pass"), ("SRM_DAYS", "fail"), ("INFLUENCE", "note"), ("INFLUENCE", "warn"),
        ("SRM_DELIVERED", "pass"), ("SRM_DELIVERED", "fail"), ("BALANCE", "pass"), ("BALANCE", "fail"),
        ("PLACEBO_OUTCOME", "fail"),
        ("SPILLOVER", "note"), ("SPILLOVER", "pass"),
    }  # fmt: skip


def test_readings_are_printed_in_the_readers_language(table):
    placebo = ex.placebo_outcome(table, "silent", margin=1e6)
    spilled = ex.spillover_bound(table, link="home")
    with at.language("zh"):
        assert "等效" in repr(placebo) or "有差异" in repr(placebo)
        assert "触达所有人时应加上的部分" in repr(spilled)
        assert "all_against_none" not in repr(spilled)
    assert "to add for treating everybody" in repr(spilled)
    assert spilled.to_dicts()[2]["quantity"] == "all_against_none"


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow", "duckdb"])
def test_every_engine_gives_the_same(table, kind):
    def made(frame):
        if kind == "duckdb":
            duckdb = pytest.importorskip("duckdb")
            return duckdb.from_arrow(pa.Table.from_pandas(frame, preserve_index=False))
        if kind == "arrow":
            return pa.Table.from_pandas(frame, preserve_index=False)
        return pl.from_pandas(frame) if kind == "polars" else pl.from_pandas(frame).lazy()

    assignment = table[["person_id", "arm", "p_assign", "stratum"]].assign(assigned_at=pd.Timestamp(NOON))
    data, given = made(table), made(assignment)
    assert ex.balance(data, ["silent", "source"], strata="stratum").to_dicts() == (
        ex.balance(table, ["silent", "source"], strata="stratum").to_dicts()
    )
    assert ex.transport(data, data, metric=ex.Rate("woken"), strata="stratum").to_dicts() == (
        ex.transport(table, table, metric=ex.Rate("woken"), strata="stratum").to_dicts()
    )
    assert ex.spillover_bound(data, link="home").to_dicts() == ex.spillover_bound(table, link="home").to_dicts()
    assert ex.placebo_outcome(data, "silent").to_dicts() == ex.placebo_outcome(table, "silent").to_dicts()
    assert [found.values for found in ex.check_influence(data, "silent")] == [
        found.values for found in ex.check_influence(table, "silent")
    ]
    assert [found.values for found in ex.check_exclusions(given, data)] == [
        found.values for found in ex.check_exclusions(assignment, table)
    ]
    assert ex.verify_assignment(given, made(people()), salt="盐", strata="wave").status == "pass"
