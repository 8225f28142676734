"""Words that generated text never says, over simulated campaigns in both languages."""

from __future__ import annotations

import re

import pytest

import attribution as at
import experiments as ex

FORBIDDEN = re.compile(
    r"\bproves\b|\bproved\b|\bno effect\b|\bROI\b|\bnan\b|\bNaN\b|\bNone\b|\binf\b|\binfinity\b|\bNaT\b|\bnull\b|"
    r"证明有效|证明了|没有效果|无效果|\{[a-z_]+(:[a-z0-9]+)?\}",
    flags=re.ASCII,
)


def _texts(seed, scenario, persons):
    """Every generated text of one campaign, by name; the language is the caller's."""
    c = ex.simulate(scenario, persons=persons, seed=seed)
    lang = "zh" if seed % 2 else "en"
    with at.language(lang):
        credit = at.attribute(c.touches, c.conversions)
        outcomes = ex.build_outcomes(
            c.assignment, c.conversions, touches=c.touches, prices=c.prices, history=c.history, window="28d",
            as_of=c.as_of,
        )  # fmt: skip
        experiment = ex.Experiment(
            {"woken": ex.Rate("woken"), "value": ex.Mean("value")},
            shares="p_assign", guardrails=[ex.Guardrail("closed", 0.0015)],
        )  # fmt: skip
        readout = experiment.analyze(outcomes, touches=c.touches)
        pays = ex.cost_thresholds(outcomes, experiment=experiment, order=c.order, touches=c.touches, relevant_net=0.1)
        reconciled = ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps)
        results = {"credit": credit, "outcomes": outcomes, "readout": readout, "pays": pays, "reconciled": reconciled}
        for name, result in results.items():
            yield f"{name}.repr", repr(result)
            yield f"{name}.html", re.sub(r"<[^>]*>", " ", result._repr_html_())
            yield f"{name}.findings", "\n".join(finding.text() for finding in result.findings)
        yield "sentence", readout.sentence(lang)
        if c.conversions.shape[0]:
            yield "explain", repr(credit.explain(c.conversions["conversion_id"].iloc[0]))
        for row in pays.to_dicts():
            yield "verdict", pays.sentence(arm=row["arm"], threshold=row["threshold"], lang=lang)
    plan = c.plan
    if seed % 3 == 0:  # nobody attests the randomisation
        plan = {**plan, "experiment": {**plan["experiment"], "randomised": False}}
    report = ex.postmortem(plan, c, lang=lang)
    yield "report.md", report.to_markdown()
    yield "report.junit", report.to_junit()
    yield "report.repr", repr(report)


def _check(seed):
    scenario, persons = ("default", "null")[seed // 2 % 2], (100, 1_000, 4_000)[seed % 3]
    told = 0
    for name, text in _texts(seed, scenario, persons):
        found = FORBIDDEN.search(text)
        assert found is None, (seed, name, text[max(0, found.start() - 80) : found.end() + 80])
        told += len(text)
    assert told > 5_000


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_generated_text_never_says_it(seed):
    _check(seed)


@pytest.mark.statistical
@pytest.mark.parametrize("seed", range(30))
def test_generated_text_never_says_it_over_thirty_campaigns(seed):
    _check(seed)


@pytest.mark.parametrize(
    "text",
    ["This proves that", "已证明有效", "had no effect on", "value nan", "reached None", "up to inf", "{people:count}"],
)
def test_the_search_would_find_it(text):
    assert FORBIDDEN.search(text)
