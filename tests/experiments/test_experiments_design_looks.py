"""The log of looks: its plan, its order, its bounds, and how it is saved and read."""

from __future__ import annotations

import io
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest

import attribution as at
import experiments as ex
from experiments.readout.monitoring import early_reading

MATURED = [2_000, 5_000, 9_000, 12_000]


def log_of(looks=4, z=(1.0, 2.0, 2.2, 2.5), **options):
    log = ex.Looks(**{"planned": 12_000, "arms": ["sms"], "metric": "woken", **options})
    for k in range(looks):
        log = log.append(
            date(2026, 10, 1 + 7 * k),
            matured={"holdout": MATURED[k] // 4, "sms": MATURED[k] - MATURED[k] // 4},
            events={"holdout": 12 * (k + 1), "sms": 90 * (k + 1)},
            readings={"sms": (0.01 * z[k], 0.01)},
        )
    return log


def test_the_bounds_are_those_of_the_information_that_came():
    rows = log_of().to_dicts()
    wanted = ex.spending_bounds(4, fractions=[count / 12_000 for count in MATURED])
    assert [row["bound"] for row in rows] == pytest.approx(list(wanted), rel=1e-12)
    assert [row["decision"] for row in rows] == ["continue", "continue", "continue", "higher"]
    assert [row["final"] for row in rows] == ["no", "no", "no", "yes"]
    assert rows[1]["low"] == pytest.approx(0.02 - wanted[1] * 0.01)
    for row in rows:
        assert (row["p_value"] < 0.05) == (row["decision"] == "higher")
        assert (row["low"] > 0) == (row["decision"] == "higher")


def test_a_log_is_frozen():
    first = log_of(1)
    second = log_of(2)
    assert len(first.to_dicts()) == 1
    assert len(second.to_dicts()) == 2
    with pytest.raises(AttributeError, match="cannot assign"):
        first.looks = ()


def test_looks_with_few_events_do_not_count_and_spend_nothing():
    log = ex.Looks(planned=10_000, arms=["sms"])
    log = log.append("2026-10-01", matured={"holdout": 500, "sms": 1_500}, events={"holdout": 9, "sms": 40},
                     readings={"sms": (0.5, 0.01)})  # fmt: skip
    assert log.decision("sms") == "unknown"
    assert log.to_dicts()[0]["note"] == "LOOK_FEW_EVENTS"
    assert log.to_dicts()[0]["bound"] is None
    assert [finding.code for finding in log.findings] == ["LOOKS_UNCOUNTED"]
    log = log.append("2026-10-08", matured={"holdout": 1_000, "sms": 3_000}, events={"holdout": 10, "sms": 80},
                     readings={"sms": (0.01, 0.01)})  # fmt: skip
    assert log.to_dicts()[1]["bound"] == pytest.approx(ex.spending_bounds(2, fractions=[0.4])[0])
    money = ex.Looks(planned=10_000, arms=["sms"], kind="mean")
    assert money.plan.least == 100


def test_several_arms_share_the_error():
    log = ex.Looks(planned=10_000, arms=["sms", "phone"], level=0.95)
    log = log.append("2026-10-01", matured={"holdout": 1_000, "sms": 2_000, "phone": 2_000},
                     events={"holdout": 20, "sms": 50, "phone": 60},
                     readings={"sms": (0.031, 0.01), "phone": (0.04, 0.01)})  # fmt: skip
    wanted = ex.spending_bounds(2, level=0.975, fractions=[0.5])[0]
    assert [row["bound"] for row in log.to_dicts()] == pytest.approx([wanted, wanted])
    assert (log.decision("sms"), log.decision("phone")) == ("continue", "higher")
    assert "Bonferroni" in repr(log)
    assert log.to_dicts()[0]["p_value"] > 0.05 > log.to_dicts()[1]["p_value"]


@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("method", ["spending", "always_valid"])
def test_decision_interval_and_p_agree(side, method):
    for z in (-4.5, -2.0, 0.0, 2.0, 3.1, 4.5):
        row = log_of(2, z=(0.0, z), side=side, method=method).to_dicts()[-1]
        decided = row["decision"] in ("higher", "lower")
        assert (row["p_value"] < 0.05) == decided
        assert (row["low"] > 0 or row["high"] < 0) == decided


def test_always_valid_logs_use_the_mixture():
    rows = log_of(3, method="always_valid").to_dicts()
    for row in rows:
        one = ex.always_valid(row["difference"], row["standard_error"], row["matured"], planned_n=12_000)
        assert (row["low"], row["high"], row["p_value"]) == pytest.approx((one.low, one.high, one.p_value))
    over = log_of(4, method="always_valid")
    assert not over.ended
    with pytest.raises(at.InputError, match="needs no estimate after stopping"):
        over.after_stopping("sms")


def test_the_first_crossing_stands_and_has_its_estimate():
    log = log_of(3, z=(1.0, 3.5, 1.0))
    assert log.decision("sms") == "higher"
    found = log.after_stopping("sms")
    assert found.look == 2
    bounds = ex.spending_bounds(9, fractions=[MATURED[0] / 12_000, MATURED[1] / 12_000])
    same = ex.estimate_after_stopping(bounds, look=2, estimate=0.035, standard_error=0.01)
    assert found.adjusted.value == pytest.approx(same.adjusted.value)
    with pytest.raises(at.InputError, match="has not stopped"):
        log_of(2).after_stopping("sms")
    assert log_of(4, z=(0.1, 0.2, 0.3, 0.4)).after_stopping("sms").look == 4
    assert log_of(4, z=(0.1, 0.2, 0.3, 0.4)).decision("sms") == "not shown"


def append(log, day="2026-11-20", matured=(3_000, 9_000), final=False):
    return log.append(day, matured={"holdout": matured[0], "sms": matured[1]}, events={"holdout": 50, "sms": 400},
                      readings={"sms": (0.01, 0.01)}, final=final)  # fmt: skip


def test_looks_out_of_order_shrinking_or_after_the_end_are_refused():
    log = log_of(3)
    with pytest.raises(at.DesignError, match="LOOK_ORDER: the look of 2026-10-15 does not come after"):
        append(log, "2026-10-15")
    with pytest.raises(at.DesignError, match=r"LOOK_SHRINKS.*fewer persons have matured in .'holdout'."):
        append(log, matured=(100, 9_000))
    with pytest.raises(at.DesignError, match=r"LOOK_SHRINKS.*nobody new has matured"):
        append(log, matured=(2_250, 6_750))
    with pytest.raises(at.DesignError, match="LOOKS_ENDED: the final look was taken on 2026-10-22"):
        append(log_of(4), matured=(4_000, 12_000))
    early = append(log_of(2), final=True)
    assert early.ended
    assert early.plan.bounds(early.counted(), final=True).spent[-1] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"planned": 0}, "planned must be a whole number of persons"),
        ({"planned": 10.5}, "planned must be"),
        ({"arms": "sms"}, "arms must list"),
        ({"arms": []}, "arms must list"),
        ({"arms": ["holdout"]}, "arms must list"),
        ({"arms": ["sms", "sms"]}, "arms must list"),
        ({"kind": "count"}, "kind must be one of"),
        ({"method": "peek"}, "method must be one of"),
        ({"least": 0}, "least must be"),
        ({"spending": "x"}, "spending must be"),
        ({"level": 1.0}, "level must lie"),
        ({"side": "up"}, "side must be"),
    ],
)
def test_plans_that_cannot_be_used(options, said):
    with pytest.raises(at.InputError, match=said):
        ex.Looks(**{"planned": 12_000, "arms": ["sms"], **options})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matured": {"sms": 100}}, "matured must hold one whole number per arm"),
        ({"matured": {"holdout": 1.5, "sms": -3}}, "2 problems"),
        ({"events": {"holdout": 20, "sms": None}}, "events.'sms'. must be"),
        ({"readings": {"phone": (1, 1)}}, "readings must name the arms"),
        ({"readings": {"sms": 3}}, "must be the pair"),
        ({"readings": {"sms": (1.0, 0.0)}}, "above 0"),
        ({"readings": {"sms": (float("nan"), 1.0)}}, "finite number"),
        ({"day": "yesterday"}, "must be a date or text"),
        ({"day": 20261001}, "must be a date or text"),
    ],
)
def test_looks_that_cannot_be_read(change, said):
    given = {
        "day": "2026-10-01", "matured": {"holdout": 900, "sms": 9_000}, "events": {"holdout": 20, "sms": 300},
        "readings": {"sms": (0.01, 0.01)}, **change,
    }  # fmt: skip
    with pytest.raises(at.InputError, match=said):
        ex.Looks(planned=20_000, arms=["sms"]).append(given.pop("day"), **given)


def through_csv(log):
    return pd.read_csv(io.StringIO(log.to_pandas().to_csv(index=False)))


@pytest.mark.parametrize(
    "saved", [lambda log: log.to_dicts(), lambda log: log.to_pandas(), lambda log: log.to_arrow(), through_csv,
              lambda log: log, lambda log: pl.read_csv(log.to_polars().write_csv().encode())],
    ids=["dicts", "pandas", "arrow", "csv", "itself", "polars csv"],
)  # fmt: skip
@pytest.mark.parametrize(
    "options", [{}, {"spending": ("hsd", -2.5)}, {"method": "always_valid", "side": "greater"}, {"least": 30}], ids=str
)
def test_a_saved_log_is_read_back(saved, options):
    log = log_of(3, **options)
    read = ex.Looks.read(saved(log))
    assert read.to_dicts() == log.to_dicts()
    assert append(read).to_dicts() == append(log).to_dicts()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("planned", 24_000, "LOOKS_CHANGED: the column 'planned' differs between looks"),
        ("bound", 1.96, "LOOKS_CHANGED: the bound of sms"),
        ("decision", "higher", "LOOKS_CHANGED: the column 'decision'"),
        ("p_value", 0.01, "LOOKS_CHANGED: the p_value"),
        ("matured", 1, "LOOKS_CHANGED: the matured"),
        ("date", "2026-09-01", "LOOK_ORDER"),
        ("n", 1_000, "LOOK_SHRINKS"),
        ("final", "yes", "LOOKS_ENDED"),
        ("arm", "phone", "LOOKS_CHANGED: on 2026-10-08 the arms are"),
    ],
)
def test_a_log_that_was_changed_is_refused(column, value, said):
    rows = log_of(3).to_dicts()
    rows[1][column] = value
    with pytest.raises(at.DesignError, match=said):
        ex.Looks.read(rows)


def test_tables_that_hold_no_log():
    with pytest.raises(at.TableError, match="MISSING_COLUMN"):
        ex.Looks.read(pd.DataFrame({"look": [1]}))
    with pytest.raises(at.InputError, match="has no rows"):
        ex.Looks.read(log_of(0).to_pandas())
    rows = log_of(1).to_dicts()
    with pytest.raises(at.InputError, match="must hold numbers"):
        ex.Looks.read([{**rows[0], "z": "high"}])
    with pytest.raises(at.InputError, match="must hold whole numbers"):
        ex.Looks.read([{**rows[0], "n": 2.5}])
    with pytest.raises(at.InputError, match="lack 'z'"):
        ex.Looks.read([{key: value for key, value in rows[0].items() if key != "z"}])


def test_hostile_names_and_chinese():
    log = ex.Looks(planned=4_000, arms=["短信<b>|🎉"], control="对照", metric="唤醒")
    log = log.append("2026-10-01", matured={"对照": 500, "短信<b>|🎉": 500}, events={"对照": 20, "短信<b>|🎉": 30},
                     readings={"短信<b>|🎉": (0.02, 0.013)})  # fmt: skip
    assert "<b>" not in log._repr_html_()
    with at.language("zh"):
        assert "查看记录" in repr(log)
    assert ex.Looks.read(log.to_pandas()).to_dicts() == log.to_dicts()


def test_an_early_reading_is_told():
    log = log_of(2)
    found = early_reading(None, looks=log)
    assert (found.status, found.values["matured"], found.values["planned"]) == ("warn", 5_000, 12_000)
    assert "before the end" in found.text("en")
    assert "早于计划终点" in found.text("zh")
    assert early_reading(None, looks=log_of(4)).code == "AFTER_LOOKS"
    assert early_reading(np.zeros(3)) is None


# --- the split, read daily -------------------------------------------------------------------------------------------

SHARES = {"holdout": 0.1, "sms": 0.9}


def days_of(lost=0, from_day=1):
    return {
        f"2026-10-{day:02d}": {"holdout": 100 - (lost if day >= from_day else 0), "sms": 900} for day in range(1, 29)
    }


def test_a_loss_that_begins_one_day_is_seen_and_dated():
    found = ex.watch_split(days_of(25, 10), SHARES).findings[0]
    assert found.status == "fail"
    first = found.values["first"]
    rows = {row["day"]: row["p_value"] for row in ex.watch_split(days_of(25, 10), SHARES).to_dicts()}
    assert "2026-10-10" < first < "2026-10-28"
    assert rows[first] < 0.001 <= max(p for day, p in rows.items() if day >= "2026-10-10")
    assert all(p >= 0.001 for day, p in rows.items() if day < first)
    assert found.values["worst_arm"] in SHARES
    assert first in found.text("en")
    assert first in found.text("zh")
    assert ex.watch_split(days_of(), SHARES).findings[0].status == "pass"


def test_what_the_next_days_bring_does_not_move_the_day():
    whole = ex.watch_split(days_of(25, 10), SHARES)
    part = ex.watch_split(dict(list(days_of(25, 10).items())[:25]), SHARES)
    assert whole.to_dicts()[:25] == part.to_dicts()


def test_days_in_any_order_and_arms_without_persons():
    days = days_of(5)
    turned = dict(reversed([(day, dict(reversed(arms.items()))) for day, arms in days.items()]))
    assert ex.watch_split(turned, SHARES).to_dicts() == ex.watch_split(days, SHARES).to_dicts()
    gone = ex.watch_split({"1": {"sms": 300}, "2": {"sms": 500}, "3": {}}, SHARES)
    assert gone.findings[0].status == "fail"
    assert len(gone.to_dicts()) == 2


def test_equal_shares_are_assumed_aloud():
    found = ex.watch_split({"1": {"a": 500, "b": 520}, "2": {"a": 510, "b": 480}})
    assert "equal shares are assumed" in found.findings[0].text("en")
    assert "按各组相等核对" in repr(found.findings[0]) or "equal shares" in repr(found)
    assert found.to_dicts()[0]["p_day"] == pytest.approx(0.5312, abs=1e-4)


@pytest.mark.parametrize(
    ("counts", "options", "said"),
    [
        ({}, {}, "counts must be a dict of day"),
        ([1, 2], {}, "counts must be a dict of day"),
        ({"1": 5}, {}, "must be a dict of arm to persons"),
        ({"1": {"a": 0, "b": 0}}, {}, "every day is empty"),
        ({"1": {"a": 1.5, "b": -1}}, {}, "2 problems"),
        ({"1": {"a": 5}}, {}, "at least two arms"),
        ({"1": {"a": 5, "b": 5}}, {"expected": {"a": 0.5, "b": 0.4}}, "sum to 1"),
        ({"1": {"a": 5, "b": 5}}, {"alarm": 1.0}, "alarm must lie"),
        ({"1": {"a": 5, "b": 5}}, {"concentration": 0.0}, "concentration must be above 0"),
    ],
)
def test_what_the_daily_split_refuses(counts, options, said):
    with pytest.raises(at.InputError, match=said):
        ex.watch_split(counts, **options)


def test_an_alarm_once_raised_stays_when_the_split_recovers():
    days = {f"{day:02d}": {"holdout": 60 if day < 10 else 140, "sms": 900} for day in range(1, 20)}
    rows = ex.watch_split(days, SHARES).to_dicts()
    assert rows[-1]["log10_evidence"] < max(row["log10_evidence"] for row in rows) - 1
    assert rows[-1]["p_value"] == min(row["p_value"] for row in rows) < 0.001
    assert ex.watch_split(days, SHARES).findings[0].status == "fail"
