"""The channels section: every figure is the library's, and every sentence the fixed one."""

from __future__ import annotations

import copy
import json
import re

import pytest

import attribution as at
import experiments as ex
from attribution.core.language import language
from attribution.core.render.display import Cell, table_text
from experiments.post_mortem.sections.channels_tables import credit_table, customers, without_small
from experiments.post_mortem.sections.channels_words import gap_sentences
from experiments.post_mortem.sections.library_tables import spoken

TABLES = ("touches", "conversions", "assignment", "prices", "history")
NOT_A_NUMBER = re.compile(r"\b(?:nan|None|inf)\b")


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=8_000, seed=7)


@pytest.fixture(scope="module")
def data(campaign):
    return {name: getattr(campaign, name) for name in TABLES}


def planned(campaign, **attribution):
    made = copy.deepcopy(campaign.plan)
    made["attribution"] |= attribution
    return made


@pytest.fixture(scope="module")
def report(campaign, data):
    return ex.postmortem(planned(campaign, interval_level=0.9), data)


def channels(made):
    return next(section for section in made.document.sections if section.name == "channels")


def table(section, start, *, where="tables"):
    return next(one for one in getattr(section, where) if one.title.startswith(start))


def shown(section, lang="en"):
    """All that a reader sees of the section."""
    with language(lang):
        tables = [table_text(one) for one in (*section.tables, *section.folded)]
    charts = [text for chart in section.charts for text in (chart.title, chart.subtitle, chart.alt)]
    return "\n".join([section.answer, section.caption, *section.paragraphs, *section.definitions, *tables, *charts])


# --- every figure is the library's -----------------------------------------------------------------------------------


def test_the_steps_come_before_any_credit_with_the_effects_of_the_readout(report, campaign):
    section = channels(report)
    first = section.tables[0]
    assert first.title == "What each step caused: the arm against the arm before"
    steps = [row for row in report.tables["steps"].to_dict("records") if row["metric"] == "woken"]
    assert [row[0] for row in first.rows] == ["digital: push, banner", "sms", "full: phone"]
    for row, step in zip(first.rows, steps, strict=True):
        assert row[2] == step["n"]
        assert row[3] == Cell(step["difference"], step["low"], step["high"])
        assert row[4].value == customers(step["n"] * step["difference"])


def test_gaps_are_those_of_the_reconciliation(report):
    rows = report.tables["reconciliation"].to_dict("records")
    made = table(channels(report), "Credited beyond")
    by = {(row["step"], row["model"]): row for row in rows}
    steps = ["digital", "sms", "full", "total"]
    for line, model in zip(made.rows, dict.fromkeys(row["model"] for row in rows), strict=True):
        for cell, step in zip(line[1:], steps, strict=True):
            found = by[step, model]
            assert cell.value == customers(found["gap"])
            assert (cell.low, cell.high) == (customers(found["gap_low"]), customers(found["gap_high"]))


def test_credit_has_the_declared_intervals(report):
    rows = report.tables["credit_intervals"].to_dict("records")
    made = table(channels(report), "Credit: conversions")
    models = list(dict.fromkeys(row["model"] for row in rows))
    by = {(row["channel"], row["model"]): row for row in rows}
    names = [row[0] for row in made.rows]
    assert names[-1] == "all"
    assert names[-2] == "(none)"
    for line in made.rows[:-1]:
        for cell, model in zip(line[1:], models, strict=True):
            found = by[line[0], model]
            assert cell == Cell(*(round(found[f"conversions{end}"], 1) for end in ("", "_low", "_high")))
    assert any("90% interval" in note for note in made.notes)


def test_without_a_level_credit_stands_without_intervals(campaign, data):
    made = ex.postmortem(planned(campaign), data)
    assert "credit_intervals" not in made.tables
    assert all(not isinstance(cell, Cell) for row in table(channels(made), "Credit: conversions").rows for cell in row)


def test_without_inbound_touches_the_credit_is_that_of_outbound_touches(report, campaign):
    made = table(channels(report), "Credit without the touches", where="folded")
    journeys = at.build_journeys(
        campaign.touches, campaign.conversions, rules=at.Rules(lookback="30d", origin="outbound")
    )
    outbound = {(row["channel"], row["model"]): row for row in journeys.attribute(at.RULE_MODELS).to_dicts()}
    models = ("first_touch", "last_touch", "linear", "time_decay", "position_based")
    search = next(row for row in made.rows if row[0] == "search")
    assert [cell.value for cell in search[1:]] == [0] * 5
    for row in made.rows[:-1]:
        for cell, model in zip(row[1:], models, strict=True):
            found = outbound.get((row[0], model))
            assert cell.value == pytest.approx(0.0 if found is None else found["conversions"], abs=0.051)
    assert any(text.startswith("Touches that customers began themselves") for text in channels(report).paragraphs)


def test_the_plan_can_leave_inbound_out(campaign, data):
    made = ex.postmortem(planned(campaign, inbound=False), data)
    assert "inbound" not in made.tables
    assert not any(one.title.startswith("Credit without the touches") for one in channels(made).folded)


def test_placebo_calibration_and_calibrated_credit_are_the_library_s_own_tables(report):
    titles = [one.title for one in channels(report).folded]
    assert "Credit against placebo credit" in titles
    assert (
        "Calibration factors: customers caused per customer credited (unshrunk, with the error of the test)" in titles
    )
    calibrated = table(channels(report), "Calibrated credit", where="folded")
    assert calibrated.title == "Calibrated credit (credit rescaled by a test; not an effect measured here)"
    assert calibrated.notes[0].startswith("Calibrated credit is credit rescaled by the test of this campaign.")
    found = report.tables["calibrated_credit"].to_dict("records")
    assert [row[2] for row in calibrated.rows] == [row["attributed"] for row in found]


def test_disagreement_stands_in_one_sentence_and_a_table(report):
    made = table(channels(report), "How far the models disagree")
    found = report.tables["model_comparison"].to_dict("records")
    assert [row[0] for row in made.rows] == [row["channel"] for row in found]
    (said,) = made.notes
    widest = max(found, key=lambda row: row["share_range"])
    assert said.startswith("The models disagree: ")
    assert f"Furthest apart is {widest['channel']}:" in said


# --- the fixed sentences ---------------------------------------------------------------------------------------------


def row(model, gap, low, high, **more):
    names = {"step": "full", "arm": "full", "control": "sms", "channels": "phone", "touched": 50}
    return {**names, "model": model, "gap": gap, "gap_low": low, "gap_high": high, **more}


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            "en",
            [
                (
                    "full (phone) is over-credited under all 2 models: credited with more customers than it caused. "
                    "The widest gap is that of last touch, 30 (95% interval 12 to 48)."
                )
            ],
        ),
        (
            "zh",
            [
                (
                    "full（phone）：功劳偏高，全部 2 个模型分给它的客户多于它带来的。"
                    "差额最大的是末次触点：30 名（95% 区间 12 至 48）。"
                )
            ],
        ),
    ],
)
def test_who_is_over_credited(lang, expected):
    with language(lang):
        assert gap_sentences([row("linear", 20.2, 3, 37), row("last_touch", 30.4, 12.1, 48.3)], 0.95) == expected


def test_under_credited_open_undefined_and_untested():
    rows = [
        row("first_touch", -53, -83, -25),
        row("linear", -0.2, -20, 21),
        row("last_touch", None, None, None),
        row("linear", 2, -1, 5, step="sms", arm="sms", channels="sms"),
        row("linear", 200, 180, 220, step="total"),
        row("linear", None, None, None, step="untested", arm=None, channels="search"),
    ]
    assert gap_sentences(rows, 0.9) == [
        (
            "full (phone) is under-credited under the model first touch: credited with fewer customers than it caused. "
            "The widest gap is that of first touch, −53 (90% interval −83 to −25)."
        ),
        (
            "full (phone), sms: whether too many or too few customers are credited cannot be told under the model "
            "linear (the interval of the gap contains 0)."
        ),
        "full (phone): the gap is not defined under the model last touch.",
        "search: credited, but no step of the experiment tests it, so nothing says how much of that credit was caused.",
    ]


def test_a_bound_next_to_0_keeps_its_side():
    assert [customers(value) for value in (0.3, -0.3, 0.02, -0.02, 0.0, 12.4, None)] == [
        0.3, -0.3, 0.1, -0.1, 0, 12, None,
    ]  # fmt: skip


def test_codes_in_remarks_become_words():
    assert spoken("undefined: PLACEBO_ZERO") == "undefined: no placebo credit"
    assert spoken("A_CODE_OF_NOBODY") == "A_CODE_OF_NOBODY"
    assert spoken("PASS") == "PASS"


# --- what is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_a_control_only_credit_is_shown(campaign, data, lang):
    plan = planned(campaign)
    plan["experiment"]["randomised"] = False
    section = channels(ex.postmortem(plan, data, lang=lang))
    assert [chart.name for chart in section.charts] == ["chart-credit"]
    assert len(section.tables) == 2
    assert len(section.folded) == 1
    text = shown(section, lang)
    assert not any(said in text for said in ("PASS", "incremental", "增量", "over-credited", "偏高"))
    assert not NOT_A_NUMBER.search(text)


def test_of_an_invalid_trial_no_gap_is_told(campaign, data):
    assignment = data["assignment"]
    lost = (assignment["arm"] == "sms") & (assignment.index % 5 == 0)
    made = ex.postmortem(planned(campaign), {**data, "assignment": assignment[~lost]})
    section = channels(made)
    assert section.flag
    assert "SRM" in section.charts[0].title
    assert not any(name in made.tables for name in ("calibration", "calibrated_credit", "placebo"))
    assert not any("credited" in text and "caused" in text for text in section.paragraphs)


def test_without_steps_nothing_is_reconciled(campaign, data):
    plan = planned(campaign)
    del plan["experiment"]["steps"]
    section = channels(ex.postmortem(plan, data))
    assert section.tables[0].title == "What each step caused: the arm against the arm before"
    assert not any(one.title.startswith("Credited beyond") for one in section.tables)


def test_without_touches_there_is_no_section(campaign, data):
    plan = planned(campaign)
    del plan["costs"]
    made = ex.postmortem(plan, {name: one for name, one in data.items() if name not in ("touches", "prices")})
    assert "channels" not in {section.name for section in made.document.sections}


def test_small_channels_are_counted_and_not_named():
    rows = [
        {"model": model, "channel": channel, "conversions": number}
        for model, numbers in {"linear": (40.0, 3.5, 2.0), "last_touch": (41.0, 2.0, 2.5)}.items()
        for channel, number in zip(("sms", "mail", "(none)"), numbers, strict=True)
    ]
    made = credit_table(rows, "credit", limit=10)
    assert [line[0] for line in made.rows] == ["sms", "(none)", "all"]
    assert made.rows[-1][1:] == (45.5, 45.5)
    assert made.notes == (
        (
            "Not shown by name: 1 channels with fewer than 10 credited conversions under every model; they are part "
            "of the sum."
        ),
    )


def test_untested_channels_of_few_woken_customers_leave():
    rows = [row("linear", None, None, None, step="untested", channels="mail", touched=9), row("linear", 1, 0, 2)]
    assert without_small(rows, 10) == rows[1:]


# --- both languages, any order ---------------------------------------------------------------------------------------


def test_in_chinese_nothing_is_left_in_english(campaign, data):
    text = shown(channels(ex.postmortem(planned(campaign, interval_level=0.95), data, lang="zh")), "zh")
    assert not NOT_A_NUMBER.search(text)
    for word in ("models", "caused", "credit", "interval", "undefined"):
        assert word not in text


def test_the_order_of_the_rows_changes_nothing(campaign, data, report):
    mixed = {name: one.sample(frac=1.0, random_state=3) for name, one in data.items()}
    again = ex.postmortem(planned(campaign, interval_level=0.9), mixed)
    assert shown(channels(again)) == shown(channels(report))
    assert json.loads(again.to_json())["tables"]["calibration"] == json.loads(report.to_json())["tables"]["calibration"]
