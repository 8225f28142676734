"""The model-risk pack: what is computed again agrees, what was tampered with does not, and everybody can read it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

import experiments as ex
from attribution.core.errors import InputError
from experiments.post_mortem.second_computation import SecondComputation, compute_again

N = 3_000
BROKEN = re.compile(r"\b(nan|None|inf|NaN)\b|\{\w+")


def table(seed=20261122):
    random = np.random.default_rng(seed)
    arm = np.array(["holdout", "sms", "full"])[np.arange(N) % 3]
    stratum = np.array(["new", "old"])[random.integers(0, 2, N)]
    woken = (random.random(N) < 0.06 + 0.05 * (arm == "full") + 0.04 * (stratum == "old")).astype(int)
    return pd.DataFrame({
        "person_id": [f"C{i:05d}" for i in range(N)], "arm": arm, "p": 1 / 3, "stratum": stratum, "woken": woken,
        "value": woken * random.lognormal(3, 1, N), "clicks": random.poisson(3, N), "sends": 5,
        "cost": 0.7 * (arm != "holdout") + 10.3 * woken, "branch": np.arange(N) // 30,
    })  # fmt: skip


def plan(*, metrics=None, costs=None, signoff=None, **experiment):
    return {
        "campaign": {"name": "Q4", "as_of": "2026-12-31"},
        "experiment": {"randomised": True, "shares": "p", **experiment},
        "metrics": metrics or {"woken": {"kind": "rate"}},
        "costs": costs or {"thresholds": [60, 125]},
        "tables": {"outcomes": {"path": "outcomes.parquet"}},
        **({"signoff": signoff} if signoff else {}),
    }


def report(rows=None, *, lang="en", **options):
    return ex.postmortem(plan(**options), {"outcomes": table() if rows is None else rows}, lang=lang)


def section(pack, name):
    return next(part for part in pack.document.sections if part.name == name)


@pytest.fixture(scope="module")
def whole():
    return report()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strata": "stratum"},
        {"order": ["holdout", "sms", "full"], "strata": "stratum"},
        {"costs": {"thresholds": [60], "by": "stratum"}},
        {"metrics": {"value": {"kind": "mean"}, "woken": {"kind": "rate"}}},
        {"metrics": {"clicks": {"kind": "count"}, "woken": {"kind": "rate"}}, "strata": "stratum"},
    ],
)
def test_both_computations_agree(options):
    second = compute_again(report(**options).evidence)
    assert [figure.agrees for figure in second.figures] == [True] * len(second.figures)
    assert {figure.figure for figure in second.figures} == {second.figures[0].figure, "net_benefit"}
    for figure in second.figures:
        point, low, high = figure.second
        assert low < point < high
        # Of different kinds, yet of the same width but for a few percent.
        assert (high - low) == pytest.approx(figure.first[2] - figure.first[1], rel=0.1)


def test_the_second_interval_of_two_rates_is_newcombe_s():
    rows = pd.DataFrame({
        "person_id": range(136), "arm": ["sms"] * 70 + ["holdout"] * 66,
        "woken": [1] * 56 + [0] * 14 + [1] * 50 + [0] * 16,
        "cost": 0.0, "p": 0.5,
    })  # fmt: skip
    figure = compute_again(report(rows).evidence).figures[0]
    low, high = confint_proportions_2indep(56, 70, 50, 66, method="newcomb", compare="diff")
    assert figure.second == pytest.approx((56 / 70 - 50 / 66, low, high), rel=1e-12)


@pytest.mark.parametrize(("column", "value"), [("woken", 1), ("cost", 900.0)])
def test_one_changed_person_is_a_disagreement(whole, column, value):
    rows = table()
    place = rows.index[rows["arm"].eq("full") & rows["woken"].eq(0)][0]
    rows[column] = rows[column].astype(float)
    rows.loc[place, column] = value
    changed = report(rows).evidence
    second = compute_again(replace(whole.evidence, outcomes=changed.outcomes))
    assert {figure.arm for figure in second.disagreeing} == {"full"}
    pack = ex.model_risk(replace(whole, evidence=replace(whole.evidence, outcomes=changed.outcomes)))
    assert "do not agree to 1e-9: do not use the report" in section(pack, "second").answer
    assert "no" in {row[-1] for row in section(pack, "second").tables[0].rows}


def test_one_changed_figure_is_a_disagreement(whole):
    thresholds = whole.evidence.thresholds
    first = thresholds.judged[0]
    wrong = replace(first, net=replace(first.net, value=first.net.value * (1 + 1e-6)))
    evidence = replace(whole.evidence, thresholds=replace(thresholds, judged=(wrong, *thresholds.judged[1:])))
    found = compute_again(evidence).disagreeing
    assert [(figure.figure, figure.arm, figure.threshold) for figure in found] == [
        ("net_benefit", first.contrast.arm, first.threshold)
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"metrics": {"woken": {"kind": "rate", "covariate": "clicks"}}}, "ADJUSTED"),
        ({"metrics": {"value": {"kind": "mean", "cap": 50}, "woken": {"kind": "rate"}}}, "ADJUSTED"),
        ({"metrics": {"ctr": {"kind": "ratio", "numerator": "clicks", "denominator": "sends"},
                      "woken": {"kind": "rate"}}}, "OTHER_KIND"),
        ({"cluster": "branch"}, "CLUSTERED"),
    ],
)  # fmt: skip
def test_what_is_not_computed_again_says_why(options, reason):
    rows = table()
    if "cluster" in options:
        rows["arm"] = np.array(["holdout", "sms", "full"])[rows["branch"] % 3]
        rows["cost"] = 0.7 * rows["arm"].ne("holdout")
    made = report(rows, **options)
    figures = compute_again(made.evidence).figures
    assert {figure.reason for figure in figures if figure.figure != "net_benefit"} == {reason}
    assert all(figure.second is None for figure in figures if figure.figure != "net_benefit")
    texts = section(ex.model_risk(made), "second").paragraphs
    assert any("not computed again" in text for text in texts)


def test_every_method_of_the_report_is_in_the_inventory(whole):
    tables = section(ex.model_risk(whole), "methods").tables
    assert [dict(table.rows)["method"] for table in tables] == [
        recipe.method for recipe in whole.evidence.recipes().values()
    ]
    thresholds = next(table for table in tables if table.title == "thresholds")
    assert {"estimates", "assumes", "not for", "verified", "page"} <= set(dict(thresholds.rows))


def test_every_page_of_the_inventory_exists(pytestconfig):
    import tomllib

    text = (pytestconfig.rootpath / "experiments/messages/report_risk.en.toml").read_text(encoding="utf-8")
    pages = {sentence for code, sentence in tomllib.loads(text).items() if code.endswith(".page")}
    assert len(pages) > 10
    assert not [page for page in pages if page.startswith("docs/") and not (pytestconfig.rootpath / page).exists()]


def test_changes_are_those_of_the_comparison(whole):
    other = report(costs={"thresholds": [60, 130]})
    part = section(ex.model_risk(other, earlier=whole), "changes")
    found = ex.diff_reports(whole, other)
    assert part.answer == f"{len(found.changes)} changes since the earlier report."
    assert ex.model_risk(other, earlier=whole).tables["changes"].shape[0] == len(found.changes)
    assert section(ex.model_risk(whole, earlier=whole), "changes").answer.endswith("are the same, beyond rounding.")
    assert "nothing is compared" in section(ex.model_risk(whole), "changes").answer


def test_names_are_printed_and_absent_ones_are_lines_to_sign(whole):
    (empty,) = section(ex.model_risk(whole), "signoff").tables
    assert {row[1].strip("_") for row in empty.rows} == {""}
    declared = {
        "owner": "Li",
        "author": "Wang",
        "reviewer": "Zhao",
        "reviewed_on": "2026-12-30",
        "limits": "Pilot only.",
    }
    pack = ex.model_risk(report(signoff=declared))
    rows = {row[0]: row for row in section(pack, "signoff").tables[0].rows}
    assert rows["owner of the method"][1] == "Li"
    assert rows["independent reviewer"][1:3] == ("Zhao", "2026-12-30")
    assert rows["approver"][1].strip("_") == ""
    assert "Declared by the plan: Pilot only." in section(pack, "limits").paragraphs


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_pack_goes_out_like_a_report(tmp_path, lang):
    made = report(lang=lang, strata="stratum", signoff={"owner": "<b>Li</b>"})
    pack = ex.model_risk(made)
    page, text = pack.to_html(tmp_path / "risk.html"), pack.to_markdown()
    pack.to_excel(tmp_path / "risk.xlsx")
    assert "<b>Li</b>" not in page
    assert pack.to_json() == ex.model_risk(made).to_json()
    assert not BROKEN.search(text)
    assert not re.search(r"C0\d{4}\b", page + text)
    assert ("模型风险材料" if lang == "zh" else "Model-risk pack") in pack.document.title


def test_any_order_of_rows_gives_the_same_pack(whole):
    turned = report(table().sample(frac=1, random_state=3))
    one, two = ex.model_risk(whole), ex.model_risk(turned)
    assert one.to_markdown() == two.to_markdown()


def test_a_report_without_its_results_is_refused(whole):
    with pytest.raises(InputError, match="has no results behind it"):
        ex.model_risk(replace(whole, evidence=None))


def test_without_a_trial_nothing_is_computed():
    made = report(randomised=False)
    assert compute_again(made.evidence).figures == ()
    assert isinstance(compute_again(made.evidence), SecondComputation)
    assert "no randomised trial" in section(ex.model_risk(made), "second").answer
