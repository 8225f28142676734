from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

import attribution as at
import experiments as ex
from oracles.funnels import funnel_counts

_HOUR = pd.Timedelta("1h")
_BEGIN = pd.Timestamp("2026-03-01", tz="UTC")


def _log(rows: list[tuple[str, int, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["person_id", "hour", "event"])
    return frame.assign(time=_BEGIN + frame["hour"] * _HOUR).drop(columns="hour")


def _random(seed: int, persons: int = 40, acts: int = 300, hours: int = 30) -> list[tuple[str, int, str]]:
    random = np.random.default_rng(seed)
    who, when = random.integers(0, persons, acts), random.integers(0, hours, acts)
    what = random.choice(["open", "form", "card", "invest", "else"], acts)
    return [(f"p{a:02d}", int(b), str(c)) for a, b, c in zip(who, when, what, strict=True)]


@pytest.mark.parametrize("rule", ["first", "farthest"])
@pytest.mark.parametrize("seed", range(12))
def test_every_chain_tried_one_by_one_gives_the_same_counts(seed: int, rule: str) -> None:
    rows, stages = _random(seed), ["open", "form", "card", "invest"]
    window, until = 5 + seed, 26
    expected, left = funnel_counts(rows, stages, window, until, rule=rule)
    found = ex.funnel(_log(rows), stages=stages, window=f"{window}h", start=rule, as_of=_BEGIN + until * _HOUR)
    assert [row["reached"] for row in found.to_dicts()] == expected
    assert found.recipe.n["left_out"] == left
    assert expected[0] > expected[2] > 0


def test_a_window_ends_before_its_end_and_an_instant_counts_as_in_order() -> None:
    rows = [("a", 0, "open"), ("a", 24, "form"), ("b", 0, "form"), ("b", 0, "open"), ("c", 0, "open")]
    rows.append(("c", 23, "form"))
    found = ex.funnel(_log(rows), stages=["open", "form"], window="24h", as_of="2026-03-10")
    assert [row["reached"] for row in found.to_dicts()] == [3, 2]  # a: exactly 24 h is outside; b: same instant


def test_a_window_that_ends_with_the_log_is_over() -> None:
    rows = [("a", 0, "open"), ("a", 5, "form"), ("b", 1, "open"), ("b", 4, "form")]
    found = ex.funnel(_log(rows), stages=["open", "form"], window="24h", as_of="2026-03-01")
    assert [row["reached"] for row in found.to_dicts()] == [1, 1]
    (finding,) = found.findings
    assert (finding.code, finding.values["left_out"], finding.values["persons"]) == ("FUNNEL_IMMATURE", 1, 2)


def test_without_as_of_the_log_ends_just_after_its_last_act() -> None:
    frame = _log([("a", 0, "open"), ("a", 1, "form")])
    frame.loc[1, "time"] = _BEGIN + 24 * _HOUR - pd.Timedelta("1us")
    assert [row["reached"] for row in ex.funnel(frame, stages=["open", "form"], window="24h").to_dicts()] == [1, 1]
    frame.loc[1, "time"] -= pd.Timedelta("1us")
    with pytest.raises(ex.InputError, match="nobody's window is over"):
        ex.funnel(frame, stages=["open", "form"], window="24h")


def test_order_of_rows_changes_nothing_and_the_table_stays() -> None:
    frame = _log(_random(3)).assign(device=lambda table: np.arange(len(table)) % 3)
    kept = frame.copy(deep=True)
    first = ex.funnel(frame, stages=["open", "form", "invest"], window="9h", by="device")
    mixed = frame.sample(frac=1.0, random_state=5)
    assert first.to_dicts() == ex.funnel(mixed, stages=["open", "form", "invest"], window="9h", by="device").to_dicts()
    assert first.recipe.fingerprint == ex.funnel(mixed, stages=["open", "form"], window="9h").recipe.fingerprint
    pd.testing.assert_frame_equal(frame, kept)


def test_groups_are_those_of_the_start_and_sum_to_the_whole() -> None:
    frame = _log(_random(8)).assign(device=lambda table: np.where(np.arange(len(table)) % 2, "app", "网页"))
    whole = ex.funnel(frame, stages=["open", "form", "invest"], window="9h").to_dicts()
    parts = ex.funnel(frame, stages=["open", "form", "invest"], window="9h", by="device").table()
    assert parts.groupby("stage")["reached"].sum().to_dict() == {row["stage"]: row["reached"] for row in whole}
    tied = _log([("a", 0, "open"), ("a", 0, "open")]).assign(device=["z", "b"])
    done = ex.funnel(tied, stages=["open", "form"], by="device", as_of="2026-06-01").to_dicts()
    assert {row["device"] for row in done} == {"b"}


def test_intervals_are_wilsons_of_persons() -> None:
    rows = [(f"p{i}", 0, "open") for i in range(50)] + [(f"p{i}", 1, "form") for i in range(20)]
    rows += [(f"p{i}", 2, "invest") for i in range(5)]
    last = ex.funnel(_log(rows), stages=["open", "form", "invest"], as_of="2026-06-01", level=0.9).to_dicts()[2]
    total = proportion_confint(5, 50, alpha=0.1, method="wilson")
    step = proportion_confint(5, 20, alpha=0.1, method="wilson")
    assert (last["low"], last["high"]) == pytest.approx(total, rel=1e-12)
    assert (last["rate_step_low"], last["rate_step_high"]) == pytest.approx(step, rel=1e-12)


def test_the_first_share_is_known_and_not_estimated() -> None:
    rows = [("a", 0, "open"), ("a", 2, "form"), ("b", 0, "open")]
    found = ex.funnel(_log(rows), stages=["open", "form"], as_of="2026-06-01")
    assert [found.to_dicts()[0][name] for name in ("rate_total", "low", "high")] == [1.0, 1.0, 1.0]
    assert "50.0% (9.45% to 90.5%)" in repr(found)


def test_several_values_make_a_stage_and_a_stage_may_be_empty() -> None:
    rows = [("a", 0, "open"), ("a", 2, "buy"), ("b", 0, "landing"), ("c", 1, "open")]
    stages = {"start": ["open", "landing"], "form": "form", "invest": "buy"}
    found = ex.funnel(_log(rows), stages=stages, as_of="2026-06-01")
    assert [(row["reached"], row["rate_step"], row["note"]) for row in found.to_dicts()] == [
        (3, None, ""), (0, 0.0, ""), (0, None, "NOBODY_AT_RISK"),
    ]  # fmt: skip
    assert [finding.code for finding in found.findings] == ["FUNNEL_EMPTY_STAGE"]
    with at.language("zh"):
        assert "人的漏斗" in repr(found)


def test_repr_and_day_precision() -> None:
    frame = pd.DataFrame({"person_id": ["a", "a"], "event": ["open", "form"], "time": ["2026-03-01", "2026-03-01"]})
    day = at.Columns(timezone="Asia/Shanghai", precision="day")
    found = ex.funnel(frame, stages=["open", "form"], as_of="2026-06-01", columns={"events": day})
    assert found.to_dicts()[1]["reached"] == 1
    assert "window: 7d" in repr(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": ["open"]}, "2 to 50 stages"),
        ({"stages": "open"}, "must be a list"),
        ({"stages": ["open", "open"]}, "each named once"),
        ({"stages": {"a": "open", "b": ["open", "form"]}}, "values of its own"),
        ({"stages": ["opened", "form"]}, "no act of the first stage"),
        ({"stages": ["open", "form"], "start": "last"}, 'start must be "first"'),
        ({"stages": ["open", "form"], "window": 7}, "unit"),
        ({"stages": ["open", "form"], "window": "0d"}, "longer than 0"),
        ({"stages": ["open", "form"], "window": "900d"}, "nobody's window is over"),
    ],
)
def test_questions_without_an_answer_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ex.InputError, match=message):
        ex.funnel(_log(_random(1)), **options)


def test_tables_without_the_columns_are_refused() -> None:
    with pytest.raises(ex.TableError, match="event"):
        ex.funnel(_log(_random(1)).drop(columns="event"), stages=["open", "form"])
    with pytest.raises(ex.InputError, match="none of them before"):
        ex.funnel(_log(_random(1)), stages=["open", "form"], as_of="2020-01-01")


def test_a_log_that_ends_before_as_of_is_told() -> None:
    rows = [(f"p{i}", i, "open") for i in range(200)] + [(f"p{i}", i + 1, "form") for i in range(0, 200, 2)]
    late = _log(rows)["time"].max() + pd.Timedelta("30D")
    found = ex.funnel(_log(rows), stages=["open", "form"], window="7d", as_of=late.isoformat())
    (told,) = [finding for finding in found.findings if finding.code == "LOG_ENDS_EARLY"]
    assert (told.status, told.values["days"]) == ("warn", 30)
    known = ex.funnel(_log(rows), stages=["open", "form"], window="7d")
    assert "LOG_ENDS_EARLY" not in {finding.code for finding in known.findings}
