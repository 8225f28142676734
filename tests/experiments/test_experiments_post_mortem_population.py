"""The population in the purpose section: the library's own numbers, small cells hidden, in both languages."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.language import language
from attribution.core.render.display import Cell
from experiments.plan import Plan
from experiments.post_mortem.analyses.flows import suppressed
from experiments.post_mortem.evidence import gather
from experiments.post_mortem.sections import population
from experiments.post_mortem.sections.ground import Ground

BROKEN = re.compile(r"\b(nan|None|inf|NaN)\b|\{\w+")
AS_OF = "2026-06-30"


def log(persons=1_500, seed=20261122):
    """Customers who come back after exponential gaps, each time with a chance of never again."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(persons):
        day = random.uniform(0, 800)
        while day < 1_200:
            rows.append((f"C{i:05d}", day))
            if random.random() < 0.25:
                break
            day += random.exponential(60)
    start = pd.Timestamp("2023-01-01", tz="UTC")
    frame = pd.DataFrame(rows, columns=["person_id", "day"])
    return pd.DataFrame({"person_id": frame["person_id"], "time": start + pd.to_timedelta(frame["day"], unit="D")})


def plan(*, min_cell=10, **asked):
    return {
        "campaign": {"name": "Q4", "as_of": AS_OF},
        "tables": {"events": {"path": "events.parquet"}},
        "population": {"flows_from": "2025-12-31", "flows_to": AS_OF, "dormant_after": "90d", "churned_after": "360d",
                       "horizon": "90d", **asked},
        "report": {"min_cell": min_cell},
    }  # fmt: skip


def evidence_of(events, **options):
    return gather(Plan.from_dict(plan(**options)), {"events": events})


def parts(evidence, lang="en"):
    with language(lang):
        return population.parts(Ground(evidence=evidence, decisions=[], trust_line="", invalid=""))


@pytest.fixture(scope="module")
def events():
    return log()


@pytest.fixture(scope="module")
def whole(events):
    return evidence_of(events)


def test_the_curve_and_its_cut_are_the_library_s(events, whole):
    curve = ex.dormancy_curve(events, horizon="90d", as_of=AS_OF)
    cut = curve.cut(0.05)
    charts, tables, paragraphs, _ = parts(whole)
    drawn = [row for row in charts[0].records.to_dicts() if row["role"] == "treated"]
    assert [(row["x"], row["value"], row["low"], row["high"]) for row in drawn] == [
        (row.silent_days, row.rate.value, row.rate.low, row.rate.high) for row in curve.rows
    ]
    assert cut.days.value is not None
    assert [place for place, _ in charts[0].marks] == [90.0, cut.days.value]
    assert paragraphs[0] == cut.sentence()
    assert f"From {cut.days.value:g} days of silence on at most 5.00%" in charts[0].title
    assert len(tables[0].rows) <= 8


@pytest.mark.parametrize(("declared", "words"), [("10d", "is shorter than"), ("700d", "is longer than")])
def test_the_declared_rule_is_held_against_the_cut(events, declared, words):
    made = parts(evidence_of(events, dormant_after=declared, churned_after="720d"))
    assert words in made[2][1]


def test_the_flows_add_up(events, whole):
    flows = ex.customer_flows(
        events, start="2025-12-31", end=AS_OF, dormant_after="90d", churned_after="360d"
    )  # fmt: skip
    table = next(one for one in parts(whole)[1] if "what came and what went" in one.title)
    counts = [row[2] for row in table.rows]
    names = ("active_start", "new", "woken", "to_dormant", "to_churned", "active_end")
    assert whole.further["flows"].counts == suppressed({name: getattr(flows, name) for name in names}, 10)
    shown = [count for count in counts if not isinstance(count, Cell)]
    if len(shown) == len(counts):
        signs = {"": 1, "+": 1, "−": -1}
        assert sum(signs[row[0]] * row[2] for row in table.rows[:-1]) == counts[-1]


def test_retention_and_purchases_are_the_library_s(events, whole):
    found = ex.retention(events, as_of=AS_OF, period="30d", periods=6, cohort="quarter")
    expected = {(row.cohort, row.period): row.share.value for row in found.rows if not 0 < row.retained < 10}
    kept = whole.further["retention"].rows
    assert {(row.cohort, row.period): row.share.value for row in kept} == expected
    nth = ex.nth_purchase(events, as_of=AS_OF, silent_after="90d", up_to=20)
    large = [row.hazard.value for row in nth.rows if row.reached >= 10 and row.customers >= 10]
    assert [row.hazard.value for row in whole.further["purchases"].rows] == large


def test_no_small_count_is_left_anywhere(events, whole):
    limit = 60
    found = evidence_of(events, min_cell=limit)
    assert len(found.further["retention"].rows) < len(whole.further["retention"].rows)
    assert not [row for row in found.further["retention"].rows if 0 < row.retained < limit or row.size < limit]
    assert not [row for row in found.further["purchases"].rows if min(row.reached, row.customers) < limit]
    assert not [count for count in found.further["flows"].counts.values() if count and count < limit]
    assert not [row for row in found.further["dormancy"].curve.rows if row.at_risk < limit]
    for name in ("flows", "retention", "purchases"):
        for row in found.further[name].to_dicts():
            counted = {key: row.get(key) for key in ("size", "retained", "reached", "customers", "new", "woken")}
            assert not [value for value in counted.values() if value and value < limit]


def test_one_hidden_count_takes_another_with_it():
    assert suppressed({"a": 100, "b": 5, "c": 40, "d": 0}, 10) == {"a": 100, "b": None, "c": None, "d": 0}
    assert suppressed({"a": 100, "b": 5, "c": 4}, 10) == {"a": 100, "b": None, "c": None}
    assert suppressed({"a": 100, "b": 10}, 10) == {"a": 100, "b": 10}


def test_without_a_log_there_is_nothing(events):
    bare = {key: value for key, value in plan().items() if key == "campaign"}
    found = gather(Plan.from_dict(bare), {})
    assert parts(found) == ((), (), (), ())


def test_a_log_that_is_too_short_is_told_and_no_error(events):
    short = events[events["time"] > pd.Timestamp("2026-04-01", tz="UTC")]
    found = evidence_of(short, horizon="360d")
    assert found.declined["dormancy"].code == "NOT_OBSERVABLE"
    said = parts(found)[2]
    assert any("too short or does not allow this reading: dormancy curve" in text for text in said)
    assert any("行为日志太短" in text for text in parts(found, "zh")[2])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_holds_it_without_persons_and_broken_values(events, lang):
    made = ex.postmortem(plan(), {"events": events}, lang=lang)
    text = made.to_markdown()
    assert not BROKEN.search(text)
    assert not re.search(r"C0\d{4}\b", text + made.to_json())
    assert ("声明规则" if lang == "zh" else "declared rule") in made.to_html()


def test_any_order_of_the_log_gives_the_same_words(events, whole):
    turned = evidence_of(events.sample(frac=1, random_state=3))
    one, two = parts(whole), parts(turned)
    assert [chart.alt for chart in one[0]] == [chart.alt for chart in two[0]]
    assert (repr(one[1]), one[2]) == (repr(two[1]), two[2])
