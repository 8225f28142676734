"""The first screen: the campaign in all, the lock of the plan, what a refused report says, rounded persons."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import pytest

import experiments as ex
from attribution import language
from experiments.cli.chinese import chinese_plan, chinese_tables
from experiments.post_mortem.evidence import gather_core
from experiments.post_mortem.whole import totals_table, whole_of

TABLES = ("touches", "conversions", "assignment", "prices", "history")
NO_TOTAL = {"en": "No total: ", "zh": "不给合计："}


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=20_000, seed=7)


def tables_of(campaign):
    return {name: getattr(campaign, name) for name in TABLES}


def evidence_of(campaign, change=None):
    plan = copy.deepcopy(campaign.plan)
    if change is not None:
        change(plan)
    return gather_core(ex.Plan.from_dict(plan), tables_of(campaign))


@pytest.fixture(scope="module")
def evidence(campaign):
    return evidence_of(campaign)


def said(evidence, lang):
    with language(lang):
        return whole_of(evidence)


def number(text):
    return float(re.sub(r"[^\d.\-]", "", text.replace("−", "-")))


def unit_of(text):
    return 1e3 if "k" in text else 1e4 if "万" in text else 1.0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_strip_tells_cost_what_it_brought_and_what_it_left(evidence, lang):
    whole = said(evidence, lang)
    row = evidence.thresholds.totals().whole(85)
    assert (whole.word, whole.reason) == (row.verdict.word, "")
    (_, cost, none), (_, brought, _), (_, left, ends) = whole.parts
    assert none == ""
    assert number(cost) * unit_of(cost) == pytest.approx(row.cost, rel=0.003)
    assert number(brought) == round(row.incremental.value)
    unit = unit_of(left)
    assert number(left) * unit == pytest.approx(row.net.value, rel=0.01)
    low, high = re.split(" to | 至 ", ends)
    assert [number(low) * unit, number(high) * unit] == pytest.approx([row.net.low, row.net.high], rel=0.02)
    assert "85" in whole.title
    assert "95%" in whole.sentence


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_sentence_adds_up(evidence, lang):
    """Worth, less cost, plus what would have been spent anyway, is the net benefit, as far as digits are shown."""
    whole = said(evidence, lang)
    part = whole.sentence.split("85")[1]
    worth, cost, without, net = [number(one) for one in re.findall(r"−?\d[\d,]*\.\d+", part)[:4]]
    assert worth - cost + without == pytest.approx(net, abs=0.021 if lang == "zh" else 0.21)


@pytest.mark.parametrize(
    ("lang", "unit", "advice"),
    [("en", "k yuan", "This does not say it of every arm"), ("zh", " 万元", "这不代表每一组都如此")],
)
def test_every_amount_of_the_sentence_has_its_unit_and_a_decided_whole_points_to_its_arms(evidence, lang, unit, advice):
    sentence = said(evidence, lang).sentence
    assert sentence.count(unit) == 4
    assert advice in sentence


def test_a_whole_of_one_arm_or_without_a_decision_points_to_no_others(evidence):
    (package,) = evidence.thresholds.packages
    alone = replace(package, treated={"full": package.treated["full"]})
    row = replace(evidence.thresholds, packages=(alone,))
    whole = said(replace(evidence, thresholds=row), "en")
    assert whole.word == "FAIL"
    assert "of every arm" not in whole.sentence
    few = {arm: tuple(replace(cell, woken=3) for cell in cells) for arm, cells in package.treated.items()}
    row = replace(evidence.thresholds, packages=(replace(package, treated=few),))
    whole = said(replace(evidence, thresholds=row), "en")
    assert whole.word == "INCONCLUSIVE"
    assert "of every arm" not in whole.sentence


def test_the_leading_threshold_is_the_declared_one(campaign):
    def declare(plan):
        plan["gate"] = [{"arm": "sms", "threshold": 125, "expect": "PASS"}]

    assert "125" in said(evidence_of(campaign, declare), "en").title


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_holds_every_arm_and_a_sum_for_each_threshold(evidence, lang):
    with language(lang):
        made = totals_table(evidence.plan, evidence.thresholds)
    arms, sums = made.rows[:3], made.rows[3:]
    assert [row[0] for row in made.rows] == [85, 85, 85, 85, 60, 125]
    assert [row[1] for row in arms] == ["digital", "sms", "full"]
    assert sum(row[2] for row in arms) == sums[0][2]
    assert sum(row[3] for row in arms) == pytest.approx(sums[0][3], abs=2)
    assert sum(row[5].value for row in arms) == pytest.approx(sums[0][5].value, abs=2)
    assert [row[6] for row in arms] == ["", "", ""]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_invalid_trial_has_a_cost_and_no_total(campaign, lang):
    def spoil(plan):
        plan["experiment"]["shares"] = {"holdout": 0.4, "digital": 0.2, "sms": 0.2, "full": 0.2}

    found = evidence_of(campaign, spoil)
    whole = said(found, lang)
    assert (whole.word, whole.parts) == ("INVALID", ())
    assert whole.sentence.startswith(NO_TOTAL[lang])
    assert "SRM" in whole.sentence


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_amounts_that_differ_between_segments_have_no_total_of_all(campaign, lang):
    def segment(plan):
        sources = sorted(set(campaign.history["source"]))
        plan["costs"] = {"by": "source", "thresholds": {source: [60 + i] for i, source in enumerate(sources)}}

    whole = said(evidence_of(campaign, segment), lang)
    assert (whole.word, whole.parts) == ("", ())
    assert whole.sentence.startswith(NO_TOTAL[lang])


def test_segments_beside_everybody_have_totals_of_their_own(campaign):
    found = evidence_of(campaign, lambda plan: plan["costs"].update(by="source")).thresholds.totals()
    segments = {row.segment for row in found.rows}
    assert None in segments
    assert {"rebate", "search"} <= segments


def test_small_segments_leave_their_totals(campaign):
    def hide(plan):
        plan["costs"]["by"] = "source"
        plan["report"]["min_cell"] = 1_000_000

    assert {row.segment for row in evidence_of(campaign, hide).thresholds.totals().rows} == {None}


def test_without_a_price_there_is_no_strip(campaign):
    assert said(evidence_of(campaign, lambda plan: plan.pop("costs")), "en") is None


@pytest.fixture(scope="module")
def reports(campaign):
    small = ex.simulate("default", persons=4_000, seed=7)
    plan = copy.deepcopy(small.plan)
    refused = copy.deepcopy(plan)
    refused["experiment"]["randomised"] = False
    named = chinese_plan(plan), chinese_tables(tables_of(small))
    return {
        **{lang: ex.postmortem(plan, small, lang=lang) for lang in ("en", "zh")},
        **{f"refused {lang}": ex.postmortem(refused, small, lang=lang) for lang in ("en", "zh")},
        "named": ex.postmortem(*named, lang="zh"),
    }


@pytest.mark.parametrize(("lang", "told"), [("en", "The plan was not locked"), ("zh", "计划未锁定")])
def test_a_plan_without_a_lock_is_named_beside_the_trust_line(reports, lang, told):
    document = reports[lang].document
    assert document.trust_note.startswith(told)
    page = reports[lang].to_html()
    assert page.index(told) < page.index('class="cards')
    head = reports[lang].to_markdown().split("## ")[0]
    assert told in head


def test_the_total_stands_before_the_cards_and_in_every_format(reports):
    report = reports["en"]
    page, whole = report.to_html(), report.document.whole
    assert page.index('id="whole"') < page.index('class="cards')
    assert whole.title in page
    assert whole.title in report.to_markdown().split("## ")[0]
    assert "totals" in report.tables
    totals = report.tables["totals"]
    row = totals[totals.arm.isna() & (totals.threshold == 85)].iloc[0]
    assert report.figures["total@85.net_benefit"] == row["net_benefit"]
    assert report.figures["total.arm.sms@85.cost"] > 0


SENTENCE = {"en": "There is no random control", "zh": "没有随机对照，无法判断"}
CHECKED = {"en": "Checked: ", "zh": "已检查："}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_report_without_a_trial_says_its_sentence_once_and_what_was_checked(reports, lang):
    report = reports[f"refused {lang}"]
    page = report.to_html()
    assert page[: page.index("<section")].count(SENTENCE[lang]) == 1
    trust = next(section for section in report.document.sections if section.name == "trust")
    assert trust.answer.startswith(CHECKED[lang])
    assert report.document.unknown == []
    assert report.document.whole is None


def test_the_chinese_campaign_is_the_same_campaign_under_chinese_names(reports):
    named, plain = reports["named"], reports["zh"]
    values = [row["net_benefit_per_1000"] for row in named.tables["thresholds"].to_dict("records")]
    assert values == [row["net_benefit_per_1000"] for row in plain.tables["thresholds"].to_dict("records")]
    first = named.to_markdown().split("## ")[0]
    assert not re.search(r"\b(sms|digital|full|holdout|wake-up|silent|push|phone|banner)\b", first)
    assert "加发短信对线上触达" in first


def test_people_behind_about_are_rounded(evidence):
    told = evidence.thresholds.sentence(arm="digital", threshold=85, lang="zh")
    assert re.search(r"约 [\d.,]+ ?万?人", told)
    digits = re.sub(r"\D", "", re.search(r"约 ([\d.,]+)", told)[1]).strip("0")
    assert len(digits) <= 2
