"""What the post-mortem says of metrics that are no plain rates: their units, headings, titles and reasons."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.findings import Finding
from experiments.post_mortem.gates import concerning_decisions

N = 6_000
KINDS = {
    "ctr": {"kind": "ratio", "numerator": "clicks", "denominator": "sends", "covariate": ["past"]},
    "spend": {"kind": "mean", "covariate": ["past", "clicks_before"]},
    "woken": {"kind": "rate", "covariate": "past"},
    "orders": {"kind": "count"},
    "days": {"kind": "duration", "horizon": "28d", "direction": "down"},
    "middle": {"kind": "quantile", "column": "orders", "q": 0.5},
    "typical": {"kind": "quantile", "column": "spend"},
}


@pytest.fixture(scope="module")
def outcomes():
    random = np.random.default_rng(20261122)
    branch = np.arange(N) // 20
    arm = np.array(["holdout", "sms", "full"])[branch % 3]
    sends = 1 + random.poisson(4, N)
    past = random.gamma(2.0, 10.0, N)
    woken = (random.random(N) < 0.05 + 0.05 * (arm == "full")).astype(int)
    return pd.DataFrame({
        "person_id": np.arange(N), "branch": branch, "arm": arm, "p": 1 / 3, "past": past, "woken": woken,
        "clicks_before": random.poisson(3, N), "sends": sends,
        "clicks": random.binomial(sends, np.where(arm == "full", 0.5, 0.3)),
        "spend": past + random.lognormal(2.0, 1.0, N), "orders": woken * (1 + random.poisson(1, N)),
        "days": np.where(woken == 1, random.uniform(0, 28, N), np.nan), "cost": 0.5 * (arm != "holdout") + 10 * woken,
        "closed": (random.random(N) < 0.01).astype(int),
    })  # fmt: skip


def report(outcomes, primary, *, lang="en", only=None, guardrails=None, **experiment):
    kinds = {name: dict(kind) for name, kind in KINDS.items() if only is None or name in only}
    kinds[primary]["role"] = "primary"
    plan = {
        "campaign": {"name": "Q4", "as_of": "2026-12-31"},
        "experiment": {"randomised": True, "shares": "p", "correction": "dunnett", **experiment},
        "metrics": kinds,
        "costs": {"thresholds": [60, 125]},
        "guardrails": guardrails or {"closed": {"margin": 0.01}},
        "tables": {"outcomes": {"path": "outcomes.parquet"}},
    }
    return ex.postmortem(plan, {"outcomes": outcomes}, lang=lang)


def section(made, name):
    return next(part for part in made.document.sections if part.name == name)


def headings(made):
    """The heading above the differences of each metric."""
    return {table.title.split(":")[0]: table.columns[4].label for table in section(made, "effect").tables}


@pytest.mark.parametrize("options", [{}, {"order": ["holdout", "sms", "full"]}])
def test_every_metric_stands_in_its_own_unit(outcomes, options):
    made = headings(report(outcomes, "ctr", **options))
    assert made == {
        "ctr": "difference", "spend": "difference per person", "woken": "difference per 1,000",
        "orders": "difference per person", "days": "difference in days", "middle": "difference",
        "typical": "difference",
    }  # fmt: skip


def test_an_adjusted_rate_and_a_rate_of_clusters_are_rates(outcomes):
    kinds = [name for name in KINDS if KINDS[name]["kind"] != "quantile"]
    made = report(outcomes, "woken", only=kinds, cluster="branch")
    assert headings(made)["woken"] == "difference per 1,000"
    answer = section(made, "effect").answer
    assert "%" in answer
    assert "per 1,000 assigned persons" in answer
    chart = section(made, "effect").charts[0]
    assert {field.kind for field in chart.records.fields} == {"text", "per1000"}


@pytest.mark.parametrize(
    ("primary", "said", "title"),
    [
        ("ctr", "of 0.", r"ctr is higher with: full −?[\d.]+ \(each interval by itself\)"),
        ("days", "days per person instead of", r"days is lower with: full −?[\d.]+ \(each interval by itself\)"),
        ("orders", "per person instead of", r"orders is higher with: full −?[\d.]+ \(each interval by itself\)"),
        ("woken", "per 1,000 assigned persons", r"More customers woke with: full −?[\d.]+ \(each interval by itself\)"),
    ],
)
def test_the_answer_and_the_chart_say_what_was_measured(outcomes, primary, said, title):
    made = report(outcomes, primary)
    effect = section(made, "effect")
    chart = effect.charts[0]
    assert said in effect.answer
    assert re.match(title, chart.title)
    assert ("per 1,000" in chart.subtitle) == (primary == "woken")
    assert ("customers come back" in section(made, "purpose").answer) == (primary == "woken")


def test_no_sentence_of_a_ratio_speaks_of_persons_or_thousands(outcomes):
    effect = section(report(outcomes, "ctr"), "effect")
    shown = json.dumps([effect.answer, effect.charts[0].subtitle, effect.charts[0].alt, effect.charts[0].words])
    assert "per person" not in shown
    assert "1,000" not in shown
    chinese = section(report(outcomes, "ctr", lang="zh"), "effect")
    assert "人均" not in chinese.answer
    assert "千" not in chinese.answer + chinese.charts[0].subtitle


def test_an_undefined_figure_says_why(outcomes):
    made = report(outcomes, "middle")
    assert "ATOM" in section(made, "effect").answer
    table = next(table for table in section(made, "effect").tables if table.title.startswith("middle"))
    assert all("ATOM" in row[4].note for row in table.rows)
    assert "ATOM" in made.to_markdown()


def test_the_steps_follow_the_primary_metric(outcomes):
    made = report(outcomes, "woken", order=["holdout", "sms", "full"])
    titles = [table.title for table in section(made, "effect").tables]
    at = next(i for i, title in enumerate(titles) if title.startswith("woken"))
    assert titles[at + 1].startswith("woken")
    assert "step" in titles[at + 1]


def test_the_drawn_figures_of_a_ratio_are_not_rounded_to_whole_numbers(outcomes):
    assert "0.20" in report(outcomes, "ctr").to_html().split('id="chart-effects"')[-1]


def test_a_guardrail_on_a_mean_stands_in_its_own_unit(outcomes):
    guardrails = {"closed": {"margin": 0.01}, "days": {"margin": 0.5}}
    made = report(outcomes, "woken", guardrails=guardrails)
    assert (
        "Guardrails: closed, at most 1.00 pp worse; days, at most 0.5000 worse." in section(made, "purpose").paragraphs
    )
    table = next(table for table in section(made, "cost").tables if table.title.startswith("Guardrails"))
    closed, days = (next(row for row in table.rows if row[1] == name) for name in ("closed", "days"))
    assert closed[3] == 0.01
    assert days[3].note == "0.5000, in its own unit"
    assert days[2].note.endswith("in its own unit")


def test_a_metric_keeps_the_name_that_the_plan_gives_it(outcomes):
    # "middle" and "days" are headings of other tables too.
    chinese = section(report(outcomes, "middle", lang="zh"), "effect")
    assert {table.title.split("\uff1a")[0] for table in chinese.tables} >= {"middle", "days", "\u5524\u9192"}


def test_thresholds_without_a_wanted_rate_say_what_is_missing(outcomes):
    made = report(outcomes, "spend", only=["spend", "days"])
    assert made.verdicts == ()
    assert "no metric is the rate of a wanted event" in made.to_markdown()


def test_a_remark_on_how_a_secondary_metric_is_read_does_not_limit_the_verdicts():
    heavy = Finding(code="HEAVY_TAIL", status="warn", values={"metric": "value"})
    leak = Finding(code="LEAKAGE", status="unknown", values={})
    assert concerning_decisions([heavy, leak], "woken") == [leak]
    assert concerning_decisions([heavy, leak], "value") == [heavy, leak]
    assert concerning_decisions([heavy, leak], None) == [leak]
