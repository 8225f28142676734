"""What the report says in words, beside its own tables: a reader who compares the two finds no contradiction."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import pytest

import experiments as ex
from attribution.core import messages
from attribution.core.language import language
from attribution.core.records import Records
from attribution.core.render.display import table_text

_HAN = r"[\u4e00-\u9fff]"
_HALF_WIDTH = re.compile(rf"{_HAN} ?[,;:!?(]|[,;:!?)]{_HAN}|\d~")


@pytest.fixture(scope="module")
def harmful():
    """The call closes accounts: it pays at 400 yuan, is undecided at 125, and the guardrail got worse at both."""
    campaign = ex.simulate("phone_harm", persons=6_000, seed=11)
    plan = copy.deepcopy(campaign.plan)
    plan["costs"]["thresholds"] = [90, 400]
    plan["gate"] = [{"arm": "full", "control": "sms", "threshold": 400, "expect": "PASS"}]
    return plan, campaign


@pytest.fixture(scope="module")
def null():
    campaign = ex.simulate("null", persons=6_000, seed=11)
    return campaign.plan, campaign


_MADE = {}


def report_of(made, lang="en"):
    plan, campaign = made
    key = (campaign.scenario, lang)
    if key not in _MADE:
        _MADE[key] = ex.postmortem(plan, campaign, lang=lang)
    return _MADE[key]


def section(report, name):
    return next(one for one in report.document.sections if one.name == name)


def decision(report, arm, threshold):
    return next(one for one in report.document.decisions if (one.arm, one.threshold) == (arm, threshold))


def titled(part, start):
    return next(table for table in (*part.tables, *part.folded) if table.title.startswith(start))


# --- a guardrail that overrides a net benefit above 0 -----------------------------------------------------------------


def test_what_a_guardrail_stops_is_not_said_not_to_pay(harmful):
    report = report_of(harmful)
    found = decision(report, "full", 400)
    assert (found.word, found.reason) == ("FAIL", "HARM_GUARDRAIL")
    assert found.verdict.net_benefit.low > 0.0
    cost = section(report, "cost")
    title = cost.charts[0].title
    assert "full has a net benefit above 0 at 400 yuan, but a guardrail got worse" in title
    assert "full does not pay" not in title
    rows = {(row[0], row[1]): row[2] for row in titled(cost, "Per 1,000").rows}
    assert rows["full vs sms", 400] == "FAIL (HARM_GUARDRAIL)"
    assert "HARM_GUARDRAIL: a guardrail got worse" in "\n".join(titled(cost, "Per 1,000").notes)
    turned = titled(cost, "Break-even")
    assert {row[0]: row[2] for row in turned.rows}["full vs sms"] == "400: FAIL (HARM_GUARDRAIL)"
    assert "full vs sms: a guardrail got worse, so where the net benefit lies above 0 the verdict is FAIL" in (
        "\n".join(turned.notes)
    )


def test_what_a_guardrail_stops_is_not_expanded_and_not_called_stopped(harmful):
    steps = section(report_of(harmful), "next")
    rows = {row[1]: row[0] for row in steps.tables[-1].rows}
    assert rows["full vs sms"] == "Do not expand"
    assert "do not expand full" in steps.answer
    assert "stop full" not in steps.answer


def test_more_persons_are_not_all_that_is_advised_where_a_guardrail_got_worse(harmful):
    report = report_of(harmful)
    found = decision(report, "full", 90)
    assert found.word == "INCONCLUSIVE"
    assert "do not expand: a guardrail got worse (closed)" in found.next_step


@pytest.mark.parametrize(("lang", "name", "unit"), [("en", "closed", " pp"), ("zh", "销户", " 个百分点")])
def test_a_guarded_rate_is_told_as_its_table_calls_it(harmful, lang, name, unit):
    report = report_of(harmful, lang)
    told = decision(report, "full", 400).sentence
    assert told.count(name) == 2
    assert told.count(unit) == 3  # the change, its two bounds together, the margin
    assert not re.search(f"{_HAN} {_HAN}", told)
    with language(lang):
        guarded = next(
            table for table in section(report, "cost").tables if "closed" in str(table) or name in str(table)
        )
    assert any(name in row for row in guarded.rows)


def test_the_answer_on_cost_says_what_passes(harmful, null):
    passed = {(one.contrast, one.threshold) for one in report_of(harmful).document.decisions if one.word == "PASS"}
    answer = section(report_of(harmful), "cost").answer
    assert answer.startswith("PASS: " if passed else "At none of the declared thresholds does a contrast pass.")
    assert all(contrast in answer for contrast, _ in passed)
    assert section(report_of(null), "cost").answer.startswith(
        "At none of the declared thresholds does a contrast pass."
    )


# --- intervals below 0 without a verdict ------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_intervals_below_zero_are_not_denied(null, lang):
    part = section(report_of(null, lang), "leave_alone")
    (chart,) = part.charts
    below = [row["label"] for row in chart.records.to_dicts() if row["high"] < 0.0]
    assert len(below) == 5
    with language(lang):
        denied = messages.text("REPORT.chart.leave_alone.none", {"arm": "full"})
        why = messages.text("REPORT.why.FEW_EVENTS")
    assert chart.title != denied
    assert "5" in chart.title
    assert why in chart.title
    (said,) = [text for text in part.paragraphs if text.startswith("full")]
    assert all(name in said for name in below)
    assert why in said


def test_what_stands_in_a_table_is_not_told_once_more_below_it(null):
    report = report_of(null)
    part = section(report, "leave_alone")
    natural = titled(part, "Incentives paid to customers who would have come anyway")
    assert all(cell.low is not None for cell in (row[-1] for row in natural.rows))
    assert not [text for text in part.paragraphs if "of incentives per 1,000" in text]


# --- no random control ------------------------------------------------------------------------------------------------


def test_without_a_random_control_no_deviation_is_said_to_be_looked_for(null):
    plan, campaign = null
    report = ex.postmortem({**plan, "experiment": {**plan["experiment"], "randomised": False}}, campaign)
    rows = {row[0]: row[1:] for row in section(report, "purpose").tables[0].rows}
    assert rows["Window"] == ("28 days", "not read", "nothing to compare")
    assert rows["Models of credit"][-1] == "none seen"


# --- figures and their intervals --------------------------------------------------------------------------------------


def test_a_calibrated_credit_without_interval_says_so(harmful):
    found = report_of(harmful).evidence.further["calibrated_credit"]
    told = [row for row in found.to_dicts() if row["calibrated"] is not None]
    # As where the test does not bound the factor: its set lies in two pieces, so the product has no ends.
    rows = [
        {**row, "calibrated_low": None, "calibrated_high": None} if row in told[:2] else row for row in found.to_dicts()
    ]
    shown = replace(found, records=Records.from_rows(found.records.fields, rows))._display().blocks[0]
    assert table_text(shown).count("(no interval: the test does not bound the factor)") == 2


def test_the_p_value_of_a_segment_is_called_what_its_column_calls_it(null):
    part = section(report_of(null), "segments")
    (row,) = [row for row in titled(part, "First").rows if row[1] == "full"]
    assert row[3] != row[4]
    assert f"adjusted p = {row[4]:.3f}" in part.charts[0].title
    assert f"adjusted p = {row[4]:.3f}" in part.answer


def test_every_definition_of_the_appendix_says_of_which_result_it_speaks(null):
    report = report_of(null)
    inbound = [text for text in section(report, "appendix").definitions if "the customer began take no credit" in text]
    assert inbound == ["credit with and without inbound touches: Touches that the customer began take no credit."]


# --- Chinese ----------------------------------------------------------------------------------------------------------


def test_fixed_sentences_have_chinese_punctuation(harmful, null):
    for made in (harmful, null):
        report = report_of(made, "zh")
        told = [text for one in report.document.decisions for text in (one.sentence, one.next_step)]
        told += [text for part in report.document.sections for text in (part.answer, *part.paragraphs)]
        told += [chart.title for part in report.document.sections for chart in part.charts]
        assert not [text for text in told if _HALF_WIDTH.search(text.replace("[", " "))]


def test_one_thing_has_one_chinese_name(harmful):
    text = report_of(harmful, "zh").to_markdown()
    assert not [
        name for name in ("客群", "受试者", "奖励", "效应", "回归", "观察窗口", "方案", "安慰剂归因") if name in text
    ]
