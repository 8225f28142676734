"""A report in a notebook, its charts as axes, and the rich display of every public result."""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import attribution as at
import experiments as ex
from attribution.core.errors import InputError
from experiments.report.notebook import report_html

# One value each, whose line of text is all there is to show.
VALUES = {
    "Comparison", "ConditionalPower", "CrossValue", "Estimate", "Finding", "RatioSet", "SampleSize", "StandingVerdict",
    "TableIssue", "Verdict",
}  # fmt: skip
# What a user writes or hands on: declarations, models, tables of a campaign, arrays of a kernel.
INPUTS = {
    "AtNth", "Campaign", "Columns", "Count", "CrossData", "CustomModel", "DoublyRobust", "DropOut", "Duration",
    "Experiment",
    "FirstTouch", "Guardrail", "InverseJ", "JShaped", "JourneyArrays", "Lapsed", "LastNonDirect", "LastTouch", "Linear",
    "Markov", "Mean", "PathCounts", "PlanOptions", "PositionBased", "ProgrammeCampaign", "Quantile", "Rate", "Ratio",
    "Rules", "Shapley", "SimulatedActs", "ThresholdGate", "TimeDecay", "TopShare", "TransformedOutcome", "TwoModel",
    "UShaped", "WShaped",
}  # fmt: skip


def public_classes():
    found = {}
    for package in (at, ex):
        for name in dir(package):
            held = getattr(package, name, None)
            if inspect.isclass(held) and dataclasses.is_dataclass(held):
                found[name] = held
    return found


def test_every_public_result_shows_itself_richly():
    plain = {name for name, held in public_classes().items() if not hasattr(held, "_repr_html_")}
    assert plain <= VALUES | INPUTS
    assert len(public_classes()) > 100


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=4_000, seed=7)


@pytest.fixture(scope="module")
def report(campaign):
    return ex.postmortem(campaign.plan, campaign)


class Ids(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.tags = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]


def test_a_report_shows_trust_verdicts_and_figures_without_links(report):
    text = report._repr_html_()
    document = report.document
    assert document.words[f"trust.{document.trust}"] in text
    shown = re.sub(r"<[^>]+>", "", text)
    for card in document.decisions[:1]:
        assert card.word in shown
        assert card.next_step in shown
    assert document.figures_title in shown
    parsed = Ids(text)
    assert not {"a", "script", "style", "link", "img"} & set(parsed.tags)
    assert "http" not in text
    assert len(parsed.ids) == len(set(parsed.ids))
    assert text == report._repr_html_()


def test_two_reports_in_one_notebook_share_no_id(campaign, report):
    other = ex.postmortem({**campaign.plan, "campaign": {**campaign.plan["campaign"], "name": "another"}}, campaign)
    assert not set(Ids(report._repr_html_()).ids) & set(Ids(other._repr_html_()).ids)


def test_text_takes_the_colour_of_the_notebook(report):
    text = report._repr_html_()
    assert "--ink:currentColor" in text
    assert not re.search(r"[^-]color:#", text)


def test_many_verdicts_are_counted_and_a_refusal_is_said(report):
    document = report.document
    many = [replace(document.decisions[0], contrast=f"arm {k}") for k in range(9)]
    assert "3 more verdicts" in report_html(replace(document, decisions=many))
    refused = replace(document, decisions=(), refusal=("NO_HOLDOUT", "No control.", "Keep one back."), figures=())
    text = report_html(refused)
    assert "NO_HOLDOUT" in text
    assert "Keep one back." in text
    none = report_html(replace(document, decisions=(), refusal=(), figures=()))
    assert document.words["no_verdict"] in none


def test_every_chart_of_a_report_is_handed_out_as_axes(report):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    names = [chart.name for section in report.document.sections for chart in section.charts]
    assert names
    for name in ("figures", *names):
        axes = report.plot(name)
        assert isinstance(axes, Axes)
        given = report.plot(name.removeprefix("chart-"), axes=Figure(figsize=(12, 6)).add_subplot())
        assert given.get_xlim() == axes.get_xlim()
        assert given.get_ylim() == axes.get_ylim()


def test_a_chart_that_is_not_there_is_answered_with_the_closest(report):
    with pytest.raises(InputError, match=r"the report has no chart 'efects'.*effects"):
        report.plot("efects")
