"""Every public result answers alike: `len()` counts its rows and `.head()` shows the first ones."""

from __future__ import annotations

import math
import re
from functools import cache

import pandas as pd
import pytest
from degenerate_calls import CALLS
from degenerate_world import World

import attribution as at
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.values import estimate_text, interval_text


@cache
def result(name):
    return CALLS[name](World())


@pytest.mark.parametrize("name", CALLS)
def test_tables_answer_alike(name):
    found = result(name)
    if not isinstance(found, TabularResult):
        return
    table = found.table()
    assert len(found) == len(table)
    assert bool(found)
    pd.testing.assert_frame_equal(found.head(2), table.head(2), check_dtype=False)
    assert list(found.head(0).columns) == list(table.columns)


@pytest.mark.parametrize("name", CALLS)
def test_no_result_prints_as_a_raw_dataclass(name):
    found = result(name)
    if not type(found).__module__.startswith(("attribution", "experiments")):
        return
    assert not re.match(rf"{type(found).__name__}\(|<[\w.]+ object at", str(found)), str(found)[:200]


# As printed in English and in Chinese: what the numbers are is said, in their unit.
SHOWN = {
    "ex.compare_rates": (
        (
            "33.3% (treatment) against 16.7% (control)\n"
            "  difference: 16.7 pp (1.13 to 31.8), 95% interval, p 0.0358, score\n"
            "  relative: 100% (4.49% to 292%), 95% interval, p 0.0358, score"
        ),
        (
            "试验组 33.3%，对照组 16.7%\n"
            "  差值：16.7 个百分点 (1.13 至 31.8)，95% 区间，p 0.0358，score\n"
            "  相对提升：100% (4.49% 至 292%)，95% 区间，p 0.0358，score"
        ),
    ),
    "ex.ratio_interval": ("1.500 (1.308 to 1.711), 90% interval", "1.500 (1.308 至 1.711)，90% 区间"),
    "ex.sample_size_rates": (
        "2,941 persons in the control arm, 5,881 in each treated arm, 8,822 in all (pooled)",
        "对照组 2,941 人，每个试验组 5,881 人，共 8,822 人（pooled）",
    ),
    "ex.conditional_power": (
        (
            "Look 2, 66.7% of the information: the chance of a later rejection is 99.8% under "
            "the trend so far and 99.1% "
            "averaged over what the data leave possible"
        ),
        "第 2 次查看，信息量 66.7%：之后拒绝的概率，按目前趋势为 99.8%，对数据仍允许的效果取平均为 99.1%",
    ),
    "ex.Guardrail": (
        "closed: safe; change 0.0001000 (one-sided 95% bounds −0.0002000 and 0.0004000, margin 0.0005000)",
        "closed：safe；变化 0.0001000（单侧 95% 界 −0.0002000 与 0.0004000，容许 0.0005000）",
    ),
    "ex.CostThresholds.verdict": (
        "INCONCLUSIVE (FEW_EVENTS): net benefit per assigned person 1.50 (−1.31 to 4.22), 95% interval",
        "INCONCLUSIVE (FEW_EVENTS)：每名分组客户的净收益 1.50 (−1.31 至 4.22)，95% 区间",
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_single_values_are_told_in_words_and_units(name):
    english, chinese = SHOWN[name]
    assert str(result(name)) == english
    with at.language("zh"):
        assert str(result(name)) == chinese


def test_estimates_of_every_shape_are_told():
    around = at.Estimate(value=2.0, low=-1.0, high=1.0, kind="complement", p_value=0.2, method="fieller", note="WEAK")
    assert estimate_text(around, "number") == "2, outside −1 to 1, 95% interval, p 0.200, fieller, WEAK"
    assert interval_text(at.Estimate(value=None), "pp") == "–, no interval"
    anything = at.Estimate(value=0.1, low=-math.inf, high=math.inf, kind="all", side="greater")
    assert estimate_text(anything, "rate") == "10.0%, anything is possible, 95% interval, side=greater"


def test_rows_without_a_result_show_twenty_and_count_the_rest():
    rows = Records.from_rows((Field("n", "count"),), [{"n": number} for number in range(23)])
    lines = [line.strip() for line in str(rows).splitlines()]
    assert lines[-2:] == ["19", "… 3 more rows"]
    assert "more rows" not in str(rows.head(20))


def test_a_head_has_five_rows_unless_asked_otherwise():
    outcomes = result("ex.build_outcomes")
    assert len(outcomes) > 5
    assert len(outcomes.head()) == 5
    assert len(outcomes.head(10**6)) == len(outcomes)
    with pytest.raises(ValueError, match="n must be a whole number of at least 0, got -1"):
        outcomes.head(-1)


def test_a_result_without_rows_is_a_result():
    empty = Records((), ())

    class Empty(TabularResult):
        def _records(self):
            return empty

    assert len(Empty()) == 0
    assert Empty()
