"""The page over several campaigns: what counts, what is said, what stays hidden."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import refused, run

import attribution as at
import experiments as ex
from attribution.core.records import Field, Records
from experiments.post_mortem.programme.hidden import COUNTS, shown_audiences, shown_contacts

NAMES = ("2026Q1 <b>唤醒</b>", "2026Q2 | wake-up", "2026Q3 wake-up")
BLANK = re.compile(r"\b(nan|None|inf|NaN|Infinity)\b")


def made(many: int = 3, **changes: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """Plans and simulated campaigns; ``changes`` go into the experiment of the last plan."""
    data = [ex.simulate("default", persons=1_500, seed=seed) for seed in range(1, many + 1)]
    plans = []
    for number, (name, campaign) in enumerate(zip(NAMES, data, strict=False), start=1):
        declared = {**campaign.plan, "campaign": {**campaign.plan["campaign"], "name": name}}
        if number == many and changes:
            declared["experiment"] = {**declared["experiment"], **changes}
        plans.append(declared)
    return plans, data


def test_total_is_that_of_the_programme_of_the_built_outcomes() -> None:
    plans, data = made()
    page = ex.programme_report(plans, data=data)
    campaigns = {}
    for name, campaign, plan in zip(NAMES, data, plans, strict=True):
        middle = sorted(plan["costs"]["thresholds"])[1]
        declared = [gate["threshold"] for gate in plan.get("gate", ())]
        experiment = ex.Experiment(
            {"woken": ex.Rate("woken")}, strata=plan["experiment"].get("strata"), shares="p_assign"
        )
        outcomes = ex.build_outcomes(
            campaign.assignment, campaign.conversions, touches=campaign.touches, prices=campaign.prices,
            history=campaign.history, window=plan["experiment"]["window"], as_of=campaign.as_of,
        )  # fmt: skip
        campaigns[name] = ex.ProgrammeCampaign(
            outcomes=outcomes, as_of=plan["campaign"]["as_of"], experiment=experiment,
            threshold=declared[0] if declared else middle,
        )  # fmt: skip
    wanted = ex.programme(campaigns)
    assert page.figures["programme.total.value"] == pytest.approx(wanted.total.value, rel=1e-12)
    assert page.figures["programme.total.low"] == pytest.approx(wanted.total.low, rel=1e-12)
    assert wanted.sentence() in page.to_markdown()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_format_is_whole_and_names_are_only_text(lang: str, tmp_path: Path) -> None:
    plans, data = made()
    page = ex.programme_report(plans, data=data, lang=lang)
    html, markdown = page.to_html(), page.to_markdown()
    assert "<b>唤醒</b>" not in html
    assert "&lt;b&gt;唤醒&lt;/b&gt;" in html
    assert "2026Q2 \\| wake-up" in markdown
    text = re.sub(r"<(style|svg)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert not BLANK.search(re.sub(r"<[^>]*>", " ", text))
    assert not BLANK.search(markdown)
    assert "NaN" not in page.to_json()
    assert json.loads(page.to_json())["schema_version"]
    page.to_junit(tmp_path / "junit.xml")
    page.to_excel(tmp_path / "page.xlsx")
    assert html == ex.programme_report(plans, data=data, lang=lang).to_html()


def test_campaigns_without_a_random_control_or_with_a_failing_check_do_not_count() -> None:
    plans, data = made(randomised=False)
    page = ex.programme_report(plans, data=data)
    assert [row["campaign"] for row in page.records["programme"].to_dicts()] == list(NAMES[:2])
    assert "1 do not" in page.document.trust_line
    assert "NO_HOLDOUT" in page.to_markdown().replace("\\", "")
    plans, data = made(shares={"holdout": 0.4, "digital": 0.2, "sms": 0.2, "full": 0.2})
    page = ex.programme_report(plans, data=data)
    assert len(page.records["programme"]) == 2
    assert "SRM" in page.to_markdown()
    plans, data = made(1, randomised=False)
    with pytest.raises(ex.DesignError, match="no campaign of the programme"):
        ex.programme_report(plans, data=data)


def test_small_groups_are_not_shown() -> None:
    plans, data = made(2)
    plans[1]["report"] = {**plans[1].get("report", {}), "min_cell": 400}
    page = ex.programme_report(plans, data=data)
    (pair,) = page.records["programme_audiences"].to_dicts()
    section = next(one for one in page.document.sections if one.name == "programme_audiences")
    cells = dict(zip([column.label for column in section.tables[0].columns], section.tables[0].rows[0], strict=True))
    assert cells["held out in both"].note == "< 400"
    assert cells["in both"] == pair["in_both"] >= 400
    # The four groups add up to the persons in both: one that is hidden must not follow from the others.
    parts = [pair[name] for name in ("both_treated", "both_held_out", "first_only", "second_only")]
    assert parts.count(None) > 1
    assert all(part is None or part >= 400 for part in parts)
    shown = json.loads(page.to_json())["tables"]["programme_audiences"]
    assert pair["both_held_out"] is None
    assert "both_held_out" in json.dumps(shown)


def test_one_small_group_takes_a_second_one_with_it() -> None:
    fields = (Field("campaign", "text"), *(Field(name, "count") for name in COUNTS), Field("share_of_smaller", "rate"))
    row = {"campaign": "a", "in_both": 1_000, "both_treated": 900, "both_held_out": 5, "first_only": 50,
           "second_only": 45, "share_of_smaller": 0.5}  # fmt: skip
    (made_,) = shown_audiences(Records.from_rows(fields, [row]), 10).to_dicts()
    assert made_ == row | {"both_held_out": None, "second_only": None}
    fields = (Field("times_treated", "count"), Field("persons", "count"), Field("share", "rate"))
    rows = [{"times_treated": k, "persons": n, "share": n / 1_000} for k, n in ((0, 300), (1, 697), (2, 3))]
    kept = shown_contacts(Records.from_rows(fields, rows), 10).to_dicts()
    assert [row["persons"] for row in kept] == [None, 697, None]
    assert [row["share"] for row in kept] == [None, 0.697, None]


def test_everybody_counts_with_the_threshold_of_the_own_segment() -> None:
    plans, data = made(1)
    plans[0].pop("gate", None)
    alike = {name: [85] for name in data[0].history["recency_class"].unique()}
    first = next(iter(alike))
    totals = {}
    for name, thresholds in (("list", [85]), ("alike", alike), ("one more", {**alike, first: [10, 400, 900]})):
        plans[0]["costs"] = {"thresholds": thresholds, "by": "recency_class"}
        totals[name] = ex.programme_report(plans, data=data).figures["programme.total.value"]
    assert totals["alike"] == pytest.approx(totals["list"], rel=1e-12)
    assert totals["one more"] != pytest.approx(totals["list"], rel=1e-3)


def test_plans_that_cannot_be_told_apart_are_refused() -> None:
    plans, data = made(2)
    plans[1]["campaign"] = {**plans[1]["campaign"], "name": NAMES[0]}
    with pytest.raises(at.InputError, match="a name of its own"):
        ex.programme_report(plans, data=data)
    with pytest.raises(at.InputError, match="at least one plan"):
        ex.programme_report([])
    with pytest.raises(at.InputError, match="one entry for each"):
        ex.programme_report(plans[:1], data=data)


def test_row_order_changes_no_byte() -> None:
    plans, data = made(2)
    rng = np.random.default_rng(1)
    shuffled = [
        {name: table.iloc[rng.permutation(len(table))] for name, table in campaign.tables().items() if name != "truth"}
        for campaign in data
    ]
    whole = [{name: table for name, table in campaign.tables().items() if name != "truth"} for campaign in data]
    assert ex.programme_report(plans, data=shuffled).to_html() == ex.programme_report(plans, data=whole).to_html()


def test_command_writes_the_page(tmp_path: Path) -> None:
    plans = []
    for seed in (1, 2):
        place = tmp_path / str(seed)
        assert run("simulate", "--out", place, "--persons", 800, "--seed", seed).exit_code == 0
        plan = place / "plan.toml"
        text = plan.read_text(encoding="utf-8")
        plan.write_text(re.sub(r'(?m)^name = ".*"$', f'name = "wave {seed}"', text, count=1), encoding="utf-8")
        plans.append(plan)
    result = run("programme", *plans, "--out", tmp_path / "year", "--as-of", "2028-01-01", "--title", "Year")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "year" / "report.html").is_file()
    markdown = (tmp_path / "year" / "report.md").read_text(encoding="utf-8")
    assert markdown.startswith("# Year")
    assert "expired: " in markdown
    assert "cannot tell" in result.output or "profit" in result.output or "lost money" in result.output
    assert "a name of its own" in refused("programme", plans[0], plans[0], "--out", tmp_path / "twice")
    assert date(2028, 1, 1).isoformat() in markdown


def test_totals_of_one_date_stand_row_by_row_and_care_names_its_reason() -> None:
    plans, data = made()
    document = ex.programme_report(plans, data=data).document
    chart = next(one for section in document.sections for one in section.charts if one.name == "chart-profit-to-date")
    assert chart.kind == "forest"  # a curve over one date would be an upright stroke without an interval
    assert len(chart.records) == len(plans)
    warned = {finding.code for finding in document.findings if finding.status == "warn"}
    assert warned
    assert document.trust == "limited"
    assert all(code in document.trust_line for code in warned)
