"""Segments, whom not to contact, next: the library's own numbers, small groups hidden, in both languages."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.render.display import Cell
from experiments.plan import lock_plan

N = 6_000
SMALL = "secret few"
HOSTILE = ["<b>bold</b>", "=1+1", "ab\u202ecd", "| a | b", "'; drop table"]
BROKEN = re.compile(r"\b(nan|None|inf|NaN)\b|\{\w+")


def table(names=("gold", "silver", "tin"), *, small=0):
    random = np.random.default_rng(20261122)
    tier = np.array(names, dtype=object)[np.arange(N) % len(names)]
    arm = np.array(["holdout", "sms"])[np.arange(N) // len(names) % 2].astype(object)
    good = tier == names[0]
    woken = (random.random(N) < 0.05 + np.where(arm == "sms", np.where(good, 0.12, 0.0), 0.0)).astype(int)
    touch = np.where(arm == "sms", 3.0, 0.0)
    rows = pd.DataFrame({
        "person_id": [f"C{i:05d}" for i in range(N)], "arm": arm, "p": 0.5, "tier": tier,
        "area": np.where(random.random(N) < 0.5, "north", "south"), "woken": woken,
        "touch_cost": touch, "incentive_cost": 5.0 * woken, "fixed_cost": 0.0, "cost": touch + 5.0 * woken,
        "closed": (random.random(N) < 0.01).astype(int), "wave": np.arange(N) % 3,
    })  # fmt: skip
    if small:
        rows.loc[rows.index[: 2 * small], "tier"] = SMALL
        rows.loc[rows.index[: 2 * small], "arm"] = ["holdout", "sms"] * small
    return rows


def plan(**experiment):
    costs = experiment.pop("costs", {"thresholds": [60], "by": "tier"})
    return {
        "campaign": {"name": "Q4", "as_of": "2026-12-31"},
        "experiment": {"randomised": True, "shares": "p", **experiment},
        "metrics": {"woken": {"kind": "rate"}},
        **({"costs": costs} if costs else {}),
        "guardrails": {"closed": {"margin": 0.002}},
        "tables": {"outcomes": {"path": "outcomes.parquet"}},
    }


def report(rows, *, lang="en", **experiment):
    return ex.postmortem(plan(**experiment), {"outcomes": rows}, lang=lang)


def section(made, name):
    return next((part for part in made.document.sections if part.name == name), None)


def titled(part, words):
    return next(shown for shown in part.tables if words in shown.title)


@pytest.fixture(scope="module")
def rows():
    return table()


@pytest.fixture(scope="module")
def whole(rows):
    return report(rows, segments=["tier", "area"])


def test_effects_are_those_of_the_experiment_by_segment(rows, whole):
    experiment = ex.Experiment(
        {"woken": ex.Rate("woken")}, shares="p", segments=("tier", "area"), guardrails=(ex.Guardrail("closed", 0.002),)
    )
    found = experiment.by_segment(rows)
    expected = [
        (
            one.segment,
            one.n,
            one.n_control,
            one.difference.value,
            one.difference.low,
            one.difference.high,
            one.p_adjusted,
        )
        for one in found.effects
        if one.by == "tier" and one.fit.name == "woken"
    ]
    shown = titled(section(whole, "segments"), "by tier").rows[1:]
    assert [
        (row[1], row[2], row[3], row[6].value, row[6].low, row[6].high, row[7]) for row in shown
    ] == expected  # fmt: skip
    p = {one.by: one.p_adjusted for one in found.interactions if one.fit.name == "woken"}
    tests = titled(section(whole, "segments"), "First").rows
    assert {row[0]: row[4] for row in tests} == p
    assert p["tier"] < 0.001
    assert p["area"] > 0.05


def test_the_interaction_comes_first_and_decides_the_title(whole):
    part = section(whole, "segments")
    assert part.answer.startswith("sms against holdout: the effect on woken differs between the 3 segments of tier")
    assert "do not show that the effect on woken differs between the 2 segments of area" in part.answer
    titles = [chart.title for chart in part.charts]
    assert titles[0].startswith("sms: the effect differs by tier (interaction, adjusted p = ")
    assert "the largest estimate is in gold (" in titles[0]
    assert titles[1].startswith("sms: no difference of the effect by area is shown")
    assert all(chart.alt.startswith(chart.title) for chart in part.charts)


def test_net_benefit_and_guardrails_are_those_of_the_thresholds(whole):
    judged = {row.contrast.segment: row for row in whole.evidence.thresholds.judged}
    for row in titled(section(whole, "segments"), "Net benefit").rows:
        net = judged[row[1]].net
        assert (row[4].value, row[4].low, row[4].high) == (1000 * net.value, 1000 * net.low, 1000 * net.high)
        assert row[5] == judged[row[1]].verdict.told
    for row in titled(section(whole, "segments"), "Guardrails").rows:
        reading = judged[row[1]].guardrails[0]
        assert (row[3].value, row[3].low, row[3].high) == (reading.value, reading.low, reading.high)


def test_whom_to_leave_alone_is_what_the_library_says(rows, whole):
    experiment = ex.Experiment({"woken": ex.Rate("woken")}, shares="p", segments="tier",
                               guardrails=(ex.Guardrail("closed", 0.002),))  # fmt: skip
    found = ex.leave_alone(rows, by="tier", threshold=60, experiment=experiment)
    assert set(found.advised("leave_alone")) == {"silver", "tin"}
    part = section(whole, "leave_alone")
    assert "leave alone silver, tin" in part.answer
    advice = {row[1]: row[-1] for row in titled(part, "Each declared segment").rows}
    assert advice == {"gold": advice["gold"], "silver": "leave alone", "tin": "leave alone"}
    kept = {row[1]: row[3] for row in titled(part, "What not contacting").rows}
    net = {one.judged.contrast.segment: one.judged.net for one in found.rows}
    for name, cell in kept.items():
        ends = (-1000 * net[name].value, -1000 * net[name].high, -1000 * net[name].low)
        assert (cell.value, cell.low, cell.high) == pytest.approx(ends, rel=1e-12)
        assert 0 < cell.low < cell.value < cell.high


def test_natural_returners_are_those_of_the_waterfall(whole):
    parts = {row["part"]: row for row in whole.evidence.thresholds.waterfall().to_dicts()}
    row = titled(section(whole, "leave_alone"), "would have come anyway").rows[0]
    assert row[2].value == parts["incentive_natural"]["per_1000"]
    assert row[1] == pytest.approx(row[2].value + parts["incentive_incremental"]["per_1000"])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_small_segments_are_neither_shown_nor_named(lang):
    made = report(table(small=4), lang=lang, segments="tier")
    for text in (made.to_html(), made.to_markdown(), made.to_json(), made.to_junit(), ex.model_risk(made).to_html()):
        assert SMALL not in text
    assert "gold" in made.to_markdown()
    assert made.evidence.further["segments"].hidden == 1
    said = " ".join(section(made, "segments").paragraphs)
    assert ("1 groups" if lang == "en" else "1 个群组") in said


def test_a_segment_of_just_enough_persons_is_shown():
    made = report(table(small=10), segments="tier")
    assert SMALL in made.to_markdown()
    assert made.evidence.further["segments"].hidden == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_texts_hold_no_broken_value_and_no_person(rows, lang):
    made = report(rows, lang=lang, segments=["tier", "area"])
    for part in ("segments", "leave_alone", "next", "appendix"):
        shown = section(made, part)
        texts = [
            shown.answer,
            *shown.paragraphs,
            *shown.definitions,
            *(chart.title + chart.alt for chart in shown.charts),
        ]
        cells = [cell for one in (*shown.tables, *shown.folded) for row in one.rows for cell in row]
        texts += [cell if isinstance(cell, str) else cell.note for cell in cells if isinstance(cell, (str, Cell))]
        assert not [text for text in texts if BROKEN.search(text)]
    assert not re.search(r"C0\d{4}\b", made.to_html() + made.to_json())


def test_hostile_names_are_only_text():
    made = report(table(HOSTILE), segments="tier")
    page = made.to_html()
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "\u202e" not in page


def test_any_order_of_the_rows_gives_the_same_words(rows, whole):
    turned = report(rows.sample(frac=1, random_state=3), segments=["tier", "area"])
    names = ("segments", "leave_alone", "next")
    assert [repr(section(turned, name).tables) for name in names] == [
        repr(section(whole, name).tables) for name in names
    ]
    assert [section(turned, name).answer for name in names] == [section(whole, name).answer for name in names]


def test_without_segments_nobody_is_named(rows):
    made = report(rows, costs={"thresholds": [60]})
    assert section(made, "segments") is None
    part = section(made, "leave_alone")
    assert part.answer.startswith("The plan declares no segments")
    assert part.charts == ()


def test_without_thresholds_nobody_is_left_alone(rows):
    made = report(rows, segments="tier", costs=None)
    assert section(made, "leave_alone") is None
    assert titled(section(made, "segments"), "by tier").rows


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_a_random_control_nothing_of_it_is_shown(rows, lang):
    made = report(rows, lang=lang, segments="tier", randomised=False)
    assert section(made, "segments") is None
    assert section(made, "leave_alone") is None
    assert ex.model_risk(made).tables["second_computation"].empty


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_invalid_trial_names_nobody_and_repairs_first(rows, lang):
    lost = rows.drop(rows.index[rows["arm"].eq("sms")][::4])
    made = report(lost, lang=lang, segments="tier")
    assert "SRM" in made.document.flag
    for name in ("segments", "leave_alone"):
        part = section(made, name)
        assert part.flag == made.document.flag
        assert {part.answer, *(chart.title for chart in part.charts)} == {part.answer}
        assert "SRM" in part.answer
    assert "silver" not in section(made, "leave_alone").answer
    shown = [section(made, name) for name in ("segments", "leave_alone", "next", "appendix")]
    text = repr([(part.answer, part.tables, part.folded, part.paragraphs, part.definitions) for part in shown])
    assert not re.search(r"\b(PASS|FAIL|INCONCLUSIVE)\b", text)
    table_of_repairs = section(made, "next").tables[0]
    assert table_of_repairs.rows[0][0] == "SRM"
    assert len(table_of_repairs.rows[0][2]) > 20


def test_segments_known_only_later_are_declined_in_words(rows):
    made = report(rows.assign(late=rows["woken"]), segments="late", costs={"thresholds": [60]})
    assert "POST_ASSIGNMENT" in section(made, "segments").answer


def test_an_undecided_contrast_is_tested_again_with_so_many_persons():
    random = np.random.default_rng(5)
    rows = table().assign(woken=(random.random(N) < 0.05).astype(int), wave=np.arange(N) % 3)
    rows["cost"] = 0.1 * rows["arm"].eq("sms")
    made = report(rows, wave="wave", costs={"thresholds": [60], "relevant_net": 0.3})
    (judged,) = made.evidence.thresholds.judged
    assert judged.verdict.word == "INCONCLUSIVE"
    part = section(made, "next")
    (row,) = part.tables[0].rows
    assert row[0] == "Retest"
    assert row[5].value == judged.people.number > N
    assert row[6].value == -(-judged.people.number * 3 // judged.people.n)
    assert "28 days after its last assignment" in part.paragraphs[0]


def test_segments_changed_after_the_lock_are_exploratory(tmp_path, rows):
    rows.to_parquet(tmp_path / "outcomes.parquet")
    text = (
        '[campaign]\nname = "Q4"\nas_of = 2026-12-31\n[tables.outcomes]\npath = "outcomes.parquet"\n'
        '[experiment]\nrandomised = true\nshares = "p"\nsegments = "tier"\n[metrics.woken]\nkind = "rate"\n'
    )
    place = tmp_path / "plan.toml"
    place.write_text(text, encoding="utf-8")
    lock_plan(place, locked_on=pd.Timestamp("2026-10-01").date())
    assert section(ex.postmortem(place), "segments").exploratory == ""
    place.write_text(text.replace('"tier"', '"area"'), encoding="utf-8")
    assert "experiment.segments" in section(ex.postmortem(place), "segments").exploratory
