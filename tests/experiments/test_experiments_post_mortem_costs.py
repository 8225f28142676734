"""The cost section: every figure is the library's; prices with their sets, break-even, waves, money, looks, budget."""

from __future__ import annotations

import copy
import json
import math
import re

import pytest

import experiments as ex
from attribution.core.language import language
from attribution.core.render.display import Cell, table_text
from experiments.post_mortem.sections.cost_words import price_cell, set_words, turns_words, why_words

TABLES = ("touches", "conversions", "assignment", "prices", "history")
NOT_A_NUMBER = re.compile(r"\b(?:nan|None|inf)\b")
FURTHER = ("break_even", "marginal", "tipping_points", "money", "value_of_woken", "budget", "monitor")


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("waves", persons=12_000, seed=7)


@pytest.fixture(scope="module")
def data(campaign):
    return {name: getattr(campaign, name) for name in TABLES}


@pytest.fixture(scope="module")
def log(campaign, data, tmp_path_factory):
    """A log of two looks, as the campaign's analysts would have saved it."""
    monitor = ex.NetBenefitMonitor(planned=12_000, order=campaign.order, thresholds=[60, 85, 125])
    experiment = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign")
    for day in ("2026-11-20", "2026-12-31"):
        made = ex.build_outcomes(
            data["assignment"], data["conversions"], data["touches"], data["prices"], window="28d", as_of=day
        )
        monitor = ex.monitor_thresholds(made, monitor=monitor, day=day, experiment=experiment)
    path = tmp_path_factory.mktemp("logs") / "monitor.json"
    path.write_text(json.dumps(monitor.to_dicts(), default=str), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plan(campaign, log):
    made = copy.deepcopy(campaign.plan)
    made["experiment"] |= {"wave": "wave"}
    made |= {"waves": {"threshold": 85}, "money": {"cap": 2_000}, "monitor": {"path": str(log)}}
    made["costs"] |= {"acquisition": 300}
    return made


@pytest.fixture(scope="module")
def report(plan, data):
    return ex.postmortem(plan, data)


@pytest.fixture(scope="module")
def by_segment(campaign, data):
    made = copy.deepcopy(campaign.plan)
    made["costs"] |= {"by": "source", "values": {"rebate": 20.0, "search": 120.0}}
    made["budget"] = {"amount": 4_000}
    return ex.postmortem(made, data)


def costs(made):
    return next(section for section in made.document.sections if section.name == "cost")


def rows_of(made, name):
    return made.tables[name].to_dict("records")


def table(made, start, *, where="tables"):
    return next(one for one in getattr(costs(made), where) if one.title.startswith(start))


def chart(made, name):
    return next(one for one in costs(made).charts if one.name == name)


def shown(made, lang="en"):
    """All that a reader sees of the section."""
    section = costs(made)
    with language(lang):
        tables = [table_text(one) for one in (*section.tables, *section.folded)]
    charts = [text for one in section.charts for text in (one.title, one.subtitle, one.alt)]
    return "\n".join([section.answer, *section.paragraphs, *section.definitions, *tables, *charts])


def nothing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


# --- every figure is the library's -----------------------------------------------------------------------------------


def test_verdicts_stand_with_the_set_of_each_price(report):
    made = table(report, "Per 1,000 assigned persons")
    found = rows_of(report, "thresholds")
    assert len(made.rows) == len(found) == 9
    for line, row in zip(made.rows, found, strict=True):
        assert line[:2] == (f"{row['arm']} vs {row['control']}", row["threshold"])
        own = {"arm": row["arm"], "control": row["control"], "threshold": row["threshold"]}
        assert line[2] == report.evidence.thresholds.verdict(**own).told
        assert line[3] == Cell(row["net_benefit_per_1000"], row["net_benefit_low"], row["net_benefit_high"])
        assert line[-1].value == row["cost_per_incremental"]
        assert line[-1].note or (line[-1].low, line[-1].high) == (
            row["cost_per_incremental_low"],
            row["cost_per_incremental_high"],
        )


def test_break_even_is_the_price_and_says_where_the_verdict_turns(report):
    made = table(report, "Break-even: ")
    tips = [row for row in rows_of(report, "tipping_points") if row["assumption"] == "value" and row["threshold"] == 85]
    found = {row["arm"]: row for row in rows_of(report, "break_even")}
    for line, tip in zip(made.rows, dict.fromkeys((row["arm"], row["verdict"]) for row in tips), strict=True):
        arm, verdict = tip
        assert line[1].value == found[arm]["cost_per_incremental"]
        assert line[2] == f"85: {verdict}"
        for one in tips:
            if one["arm"] == arm and one["becomes"]:
                assert one["becomes"] in line[3]
        assert line[4].value == found[arm]["cost_per_returner"]
        share = [found[arm][f"incremental_share{end}"] for end in ("", "_low", "_high")]
        assert line[5] == (Cell(None, note=line[5].note) if nothing(share[1]) else Cell(*share))


def test_only_the_leading_verdict_of_a_contrast_is_turned(report):
    found = rows_of(report, "tipping_points")
    mine = [(row["arm"], row["threshold"]) for row in found if row["assumption"] == "cost_factor"]
    assert list(dict.fromkeys(mine)) == [("digital", 85), ("sms", 85), ("full", 85)]
    # Single prices are found by halving: those of the first contrast alone.
    assert {row["arm"] for row in found if row["assumption"] == "touch_cost"} == {"digital"}


def test_each_assumption_turns_the_leading_verdicts_in_one_table(report, by_segment):
    made = table(report, "What would turn the leading verdict", where="folded")
    found = rows_of(report, "tipping_points")
    place = [column.label for column in made.columns].index("all costs times")
    for line in made.rows:
        mine = [row for row in found if line[0] == f"{row['arm']} vs {row['control']}"]
        for row in mine:
            if row["assumption"] == "cost_factor" and row["becomes"]:
                assert f"→ {row['becomes']}" in line[place]
    # Too few woken: the table of break-even says that the verdict is held back, and nothing is varied.
    some = table(by_segment, "What would turn the leading verdict", where="folded")
    held = {line[0] for line in table(by_segment, "Break-even: ", where="folded").rows if "held back" in line[3]}
    assert held
    assert not held & {line[0] for line in some.rows}


def test_the_price_chart_draws_the_sets_beside_the_thresholds(report):
    made = chart(report, "chart-price")
    found = {f"{row['arm']} vs {row['control']}": row for row in rows_of(report, "thresholds")}
    assert [place for place, _ in made.marks] == [60, 85, 125]
    for row in made.records.to_dicts():
        own = found[row["label"]]
        ends = ("cost_per_incremental", "cost_per_incremental_low", "cost_per_incremental_high")
        assert [row["value"], row["low"], row["high"]] == [own[name] for name in ends]


def test_what_natural_returners_took_has_its_interval(report):
    made = table(report, "Cost per 1,000 assigned persons")
    assert all(row[4].low < row[4].value < row[4].high for row in made.rows)
    title = chart(report, "chart-waterfall").title
    assert len(re.findall(r"\([\d.,]+ to [\d.,]+\)", title)) == 3


def test_marginal_costs_step_by_step_and_wave_by_wave(report):
    found = rows_of(report, "marginal")
    steps, waves = table(report, "Marginal cost, step by step"), table(report, "Wave by wave")
    own = [row for row in found if row["reading"] in ("step", "total")]
    assert [line[3] for line in steps.rows] == [row["cost_per_1000"] for row in own]
    assert [line[4].value for line in steps.rows] == [row["cost_per_incremental"] for row in own]
    here = [row for row in found if row["reading"] == "wave"]
    for line, row in zip(waves.rows, here, strict=True):
        assert line[0] == row["wave"]
        assert line[5] == Cell(row["net_benefit_per_1000"], row["lasting_low"], row["lasting_high"])
    drawn = chart(report, "chart-waves").records.to_dicts()
    assert [row["value"] for row in drawn] == [row["net_benefit_per_1000"] for row in here]
    said = [
        text for text in costs(report).paragraphs if "no wave's own net benefit" in text or "stop after wave" in text
    ]
    assert len(said) == 4


def test_the_title_of_the_waves_is_about_waves_that_can_decide(report):
    title = chart(report, "chart-waves").title
    few = [row for row in rows_of(report, "marginal") if row["reading"] == "wave" and "FEW_EVENTS" in row["note"]]
    assert few
    assert re.search(r"wave [123].*\(.+ to .+\)", title)


def test_money_has_its_interval_and_says_what_carries_it(report):
    found = [row for row in rows_of(report, "money") if row["estimand"] == "all"]
    said = next(text for text in costs(report).paragraphs if text.startswith("In realised money"))
    assert said.count("(95% interval ") == len(found) == 3
    drawn = chart(report, "chart-money").records.to_dicts()
    assert [row["value"] for row in drawn] == [row["money_per_1000"] for row in rows_of(report, "money")]
    assert any(row["label"].endswith("capped") for row in drawn)
    assert "which is another question" in chart(report, "chart-money").subtitle
    heavy = [text for text in costs(report).paragraphs if text.startswith("A few large amounts weigh heavily")]
    assert len(heavy) == any(one.code == "HEAVY_TAIL" for one in report.findings)


def test_looks_are_drawn_with_the_intervals_that_hold_over_all_of_them(report):
    made = chart(report, "chart-monitor")
    found = [
        row for row in rows_of(report, "monitor") if row["threshold"] == 85 and not nothing(row["net_benefit_low"])
    ]
    drawn = made.records.to_dicts()
    assert [row["x"] for row in drawn] == [row["matured"] for row in found]
    assert [row["low"] for row in drawn] == [row["net_benefit_low"] for row in found]
    assert made.marks == ((12_000.0, "planned"),)
    assert made.title.startswith("2 looks: ")


def test_the_cost_of_a_new_customer_is_compared_and_never_subtracted(report):
    made = table(report, "Beside the cost of a new customer (300 yuan")
    words = {line[0]: line[2] for line in made.rows}
    prices = {f"{row['arm']} vs {row['control']}": row for row in rows_of(report, "thresholds")}
    for contrast, word in words.items():
        row = prices[contrast]
        below = row["cost_kind"] == "interval" and row["cost_per_incremental_high"] < 300
        assert word.startswith("cheaper") == below
    assert "cheaper: the whole interval lies below" in words.values()


def test_without_a_declared_cost_of_a_new_customer_nothing_is_compared(by_segment):
    assert not any(one.title.startswith("Beside the cost") for one in costs(by_segment).tables)


# --- segments --------------------------------------------------------------------------------------------------------


def test_many_rows_are_folded_and_the_leading_thresholds_stand_open(by_segment):
    short, every = table(by_segment, "Per 1,000"), table(by_segment, "Every contrast", where="folded")
    assert len(short.rows) == 12
    assert {line[1] for line in short.rows} == {85}
    assert len(every.rows) == 54  # three arms, three thresholds: everybody and five segments
    assert all(len(one.rows) <= 12 for one in costs(by_segment).tables)
    assert len(set(chart(by_segment, "chart-net-benefit").records.column("contrast"))) == 12
    assert "The first 12 of 18 contrasts" in chart(by_segment, "chart-net-benefit").subtitle


def test_the_declared_value_stands_beside_the_threshold(by_segment):
    every = table(by_segment, "Every contrast", where="folded")
    assert every.columns[2].label == "declared value, yuan"
    assert {line[2] for line in every.rows if line[0].endswith("rebate")} == {20.0}
    assert {line[2] for line in every.rows if line[0].endswith("official")} == {None}


def test_the_worth_of_a_woken_customer_is_the_library_s(by_segment):
    made = table(by_segment, "What one more woken customer was worth", where="folded")
    found = rows_of(by_segment, "value_of_woken")
    assert len(made.rows) == len(found) == 15
    for line, row in zip(made.rows, found, strict=True):
        if nothing(row["value_per_incremental"]):
            assert line[2].note.startswith("not defined")
        else:
            assert line[2].value == row["value_per_incremental"]
        assert bool(line[3]) == (row["segment"] in ("rebate", "search"))


def test_the_budget_is_spent_by_the_declared_values(by_segment):
    section = costs(by_segment)
    found = rows_of(by_segment, "budget")
    drawn = chart(by_segment, "chart-budget").records.to_dicts()
    assert [row["value"] for row in drawn] == [row["net_benefit_per_1000"] for row in found]
    assert any(text.startswith("Lists chosen this way are worth") for text in section.paragraphs)
    assert re.search(r"95% interval .+ to ", chart(by_segment, "chart-budget").title)


def test_small_segments_are_in_no_list(campaign, data):
    made = copy.deepcopy(campaign.plan)
    made["costs"] |= {"by": "source", "values": {"rebate": 20.0}}
    made["budget"] = {"amount": 4_000}
    made["report"]["min_cell"] = 350
    report = ex.postmortem(made, data)
    assert {row["segment"] for row in rows_of(report, "value_of_woken")} == {
        row["segment"] for row in rows_of(report, "thresholds") if not nothing(row["segment"])
    }
    assert "referral" not in {row["segment"] for row in rows_of(report, "thresholds")}
    assert "budget" not in report.tables
    assert "budget: the design cannot answer it (SEGMENT_SMALL)." in costs(report).paragraphs


def test_guardrails_of_segments_keep_their_rows(by_segment):
    made = next(
        one for one in (*costs(by_segment).tables, *costs(by_segment).folded) if one.title.startswith("Guardrails")
    )
    assert len(made.rows) == 18  # three arms: everybody and five segments


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (19.0, 171.9, "interval", "(19 to 171.9)"),
        (41.2, math.inf, "interval", "(from 41.20, no upper bound)"),
        (20.0, 300.0, "complement", "(undecided up to 20 and from 300 on)"),
        (None, None, "complement", "(every threshold is decided)"),
        (0.0, math.inf, "all", "(every threshold is undecided)"),
    ],
)
def test_sets_of_any_shape_have_words(low, high, kind, expected):
    assert set_words(low, high, kind) == expected


def test_an_undefined_price_says_why_and_keeps_its_set():
    row = {"cost_per_incremental_low": 60.0, "cost_per_incremental_high": math.inf, "cost_kind": "interval"}
    made = price_cell({**row, "cost_per_incremental": None, "reason": "FEW_EVENTS; NO_INCREMENT"})
    assert made == Cell(None, note="not defined (no incremental wake-ups estimated) (from 60, no upper bound)")


def tip(at, becomes, note=""):
    return {"base": 85.0, "tips_at": at, "becomes": becomes, "note": note}


@pytest.mark.parametrize(
    ("tips", "expected"),
    [
        ([tip(41.2, "FAIL"), tip(200.0, "PASS")], "FAIL below 41.20; PASS above 200"),
        ([tip(None, None, "NO_VALUE")], "no value turns it"),
        ([tip(None, None, "FEW_EVENTS")], "held back: fewer than 20 woken in an arm"),
        ([], ""),
    ],
)
def test_where_a_verdict_turns(tips, expected):
    assert turns_words(tips) == expected


def test_reasons_without_words_keep_their_code():
    assert why_words("FEW_EVENTS; SOMETHING_ELSE") == "fewer than 20 woken in an arm; SOMETHING_ELSE"


# --- what is not there -----------------------------------------------------------------------------------------------


def test_of_an_invalid_trial_nothing_further_is_computed(plan, data):
    assignment = data["assignment"]
    lost = (assignment["arm"] == "sms") & (assignment.index % 5 == 0)
    made = ex.postmortem(plan, {**data, "assignment": assignment[~lost]})
    assert not any(name in made.tables for name in FURTHER)
    text = shown(made)
    assert not re.search("PASS|INCONCLUSIVE", text)
    assert "Nothing further is computed from an experiment that cannot be trusted" in text
    assert {one.name for one in costs(made).charts} == {"chart-net-benefit", "chart-waterfall"}


def test_without_a_control_there_is_no_cost_section(plan, data):
    made = copy.deepcopy(plan)
    made["experiment"]["randomised"] = False
    report = ex.postmortem(made, data)
    assert "cost" not in {section.name for section in report.document.sections}
    assert not any(name in report.tables for name in FURTHER)


def test_without_costs_money_alone_is_not_read_as_thresholds(campaign, data):
    made = copy.deepcopy(campaign.plan)
    del made["costs"]
    report = ex.postmortem(made, data)
    assert not any(name in report.tables for name in FURTHER)


def test_what_the_plan_does_not_ask_for_is_not_there(campaign, data):
    report = ex.postmortem(campaign.plan, data)
    assert {name for name in FURTHER if name in report.tables} == {"break_even", "marginal", "tipping_points"}
    assert not any(one.title.startswith("Wave by wave") for one in costs(report).tables)


def test_arms_against_the_control_have_no_steps(campaign, data):
    made = copy.deepcopy(campaign.plan)
    del made["experiment"]["order"], made["experiment"]["steps"]
    report = ex.postmortem(made, data)
    assert "marginal" not in report.tables
    assert len(table(report, "Break-even: ").rows) == 3


# --- both languages, any order ---------------------------------------------------------------------------------------


def test_no_text_holds_what_is_no_number(report, by_segment):
    for made in (report, by_segment):
        assert not NOT_A_NUMBER.search(shown(made))


def test_in_chinese_nothing_is_left_in_english(plan, data):
    text = shown(ex.postmortem(plan, data, lang="zh"), "zh")
    assert not NOT_A_NUMBER.search(text)
    for word in ("undecided", "interval", "upper bound", "threshold", "wave ", "yuan", "step", "not defined"):
        assert word not in text


def test_no_forbidden_phrase(report, by_segment):
    for made in (report, by_segment):
        text = shown(made)
        assert not re.search(r"\bprove[ds]?\b|no effect|\bROI\b", text)


def test_the_order_of_the_rows_changes_nothing(plan, data, report):
    mixed = {name: one.sample(frac=1.0, random_state=5) for name, one in data.items()}
    assert shown(ex.postmortem(plan, mixed)) == shown(report)
