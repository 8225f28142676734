"""Logs of looks that come back from files: any order, other readers, names that readers take for nothing."""

from __future__ import annotations

import io
import json

import duckdb
import pandas as pd
import pytest

import attribution as at
import experiments as ex


def log_of(arms=("sms", "phone"), *, looks=3, **options):
    log = ex.Looks(planned=12_000, arms=list(arms), **options)
    for k, total in enumerate((2_000, 5_000, 9_000)[:looks]):
        share = {arm: total // (2 * len(arms)) for arm in log.plan.arms}
        log = log.append(
            f"2026-10-{1 + 7 * k:02d}", matured={log.plan.control: total // 2, **share},
            events=dict.fromkeys((log.plan.control, *log.plan.arms), 20 * (k + 1)),
            readings={arm: (0.01 * (k + i), 0.01) for i, arm in enumerate(log.plan.arms)},
        )  # fmt: skip
    return log


def parquet(log, folder):
    log.to_pandas().to_parquet(folder / "log.parquet")
    return pd.read_parquet(folder / "log.parquet")


def of_duckdb(log, folder):
    parquet(log, folder)
    return duckdb.sql(f"select * from '{folder / 'log.parquet'}'")


def of_json(log, folder):
    path = folder / "log.json"
    path.write_text(json.dumps(log.to_dicts(), default=str, ensure_ascii=False), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("saved", [parquet, of_duckdb, of_json])
@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("arms", [("sms", "phone"), ("短信", "=cmd|x")], ids=["plain", "hostile"])
def test_files_bring_back_every_cell(saved, side, arms, tmp_path):
    log = log_of(arms, side=side)
    assert ex.Looks.read(saved(log, tmp_path)).to_dicts() == log.to_dicts()


def test_json_without_infinite_numbers_keeps_the_open_end():
    log = log_of(side="greater")
    text = log.to_pandas().to_json(orient="records", date_format="iso", double_precision=15)
    read = ex.Looks.read(json.loads(text))
    assert [row["high"] for row in read.to_dicts()] == [row["high"] for row in log.to_dicts()]
    assert read.to_dicts()[0]["high"] == float("inf")


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_a_look_with_almost_no_information_comes_back_from_json(side):
    log = ex.Looks(planned=10**9, arms=["sms"], side=side)
    log = few(log, "2026-10-01", {"holdout": 1_000, "sms": 9_000}, {"holdout": 20, "sms": 300})
    assert log.to_dicts()[0]["bound"] == float("inf")
    assert (log.to_dicts()[0]["low"], log.to_dicts()[0]["high"]) == (-float("inf"), float("inf"))
    text = log.to_pandas().to_json(orient="records", date_format="iso", double_precision=15)
    assert ex.Looks.read(json.loads(text)).to_dicts() == log.to_dicts()


def test_rows_in_another_order_hold_the_same_log():
    rows = log_of().to_dicts()
    swapped = [rows[i] for i in (4, 0, 3, 1, 2, 5)]
    assert ex.Looks.read(swapped).to_dicts() == rows
    turned = ex.Looks.read(rows[::-1])
    assert sorted(turned.to_dicts(), key=str) == sorted(rows, key=str)


def test_rows_that_are_there_twice_or_on_two_days_are_refused():
    rows = log_of().to_dicts()
    with pytest.raises(at.DesignError, match="LOOKS_CHANGED: look 3 has more than one row of the arm 'phone'"):
        ex.Looks.read([*rows, rows[-1]])
    rows[3]["date"] = "2026-10-09"
    with pytest.raises(at.DesignError, match="one look name different days, 2026-10-08, 2026-10-09"):
        ex.Looks.read(rows)


def test_names_that_readers_of_csv_take_for_empty_cells():
    text = log_of(("NA", "None")).to_pandas().to_csv(index=False)
    with pytest.raises(at.InputError, match=r"the column 'arm' of the log has 6 empty cell.*keep_default_na=False"):
        ex.Looks.read(pd.read_csv(io.StringIO(text)))
    read = ex.Looks.read(pd.read_csv(io.StringIO(text), keep_default_na=False))
    assert read.plan.arms == ("NA", "None")


def test_arms_that_are_numbers():
    log = ex.Looks(planned=1_000, arms=[1], control=0)
    log = log.append("2026-10-01", matured={0: 100, 1: 400}, events={0: 20, 1: 50}, readings={1: (0.02, 0.01)})
    assert log.decision(1) == log.decision("1") == "continue"
    assert ex.Looks.read(pd.read_csv(io.StringIO(log.to_pandas().to_csv(index=False)))).to_dicts() == log.to_dicts()


def few(log, day, matured, events, **options):
    return log.append(day, matured=matured, events=events, readings={"sms": (0.01, 0.01)}, **options)


def test_a_look_that_does_not_count_does_not_end_the_log():
    log = ex.Looks(planned=1_000, arms=["sms"])
    log = few(log, "2026-10-01", {"holdout": 100, "sms": 900}, {"holdout": 2, "sms": 50})
    assert not log.ended
    later = few(log, "2026-10-08", {"holdout": 300, "sms": 2_700}, {"holdout": 12, "sms": 150})
    assert later.ended
    assert later.to_dicts()[1]["bound"] == pytest.approx(1.959964, abs=1e-6)
    assert [finding.code for finding in later.findings] == ["LOOKS_UNCOUNTED", "OVER_RUNNING"]
    ended = few(log, "2026-10-08", {"holdout": 101, "sms": 900}, {"holdout": 2, "sms": 50}, final=True)
    assert ended.ended
    with pytest.raises(at.InputError, match="has ended without a look at 'sms' that counts"):
        ended.after_stopping("sms")


def test_the_end_below_the_plan_is_told():
    log = few(
        ex.Looks(planned=2_000, arms=["sms"]), "2026-10-01", {"holdout": 100, "sms": 900}, {"holdout": 20, "sms": 90},
        final=True,
    )  # fmt: skip
    assert [finding.code for finding in log.findings] == ["UNDER_RUNNING"]
    assert "50" in log.findings[0].text("en")


def test_more_events_than_persons_are_refused():
    log = ex.Looks(planned=1_000, arms=["sms"])
    with pytest.raises(at.InputError, match=r"2 problems.*'holdout'. must be at most the matured persons.*10, got 20"):
        few(log, "2026-10-01", {"holdout": 10, "sms": 50}, {"holdout": 20, "sms": 500})


@pytest.mark.parametrize(("day", "ok"), [("2026-10-01T08:30:00", True), ("2026-10-01 00:00:00", True),
                                         ("2026-10-0122", False), ("2026-10-01 later", False)])  # fmt: skip
def test_days_as_text(day, ok):
    log, counts = ex.Looks(planned=1_000, arms=["sms"]), ({"holdout": 100, "sms": 300}, {"holdout": 20, "sms": 50})
    if ok:
        assert str(few(log, day, *counts).to_dicts()[0]["date"]) == "2026-10-01"
    else:
        with pytest.raises(at.InputError, match="the day of a look must be a date"):
            few(log, day, *counts)


def test_days_of_the_split_that_are_numbers_come_in_the_order_of_numbers():
    days = {day: {"a": 100, "b": 100 + 40 * (day > 9)} for day in range(1, 29)}
    found = ex.watch_split(days, {"a": 0.5, "b": 0.5})
    assert [row["day"] for row in found.to_dicts()] == [str(day) for day in range(1, 29)]
    named = ex.watch_split({f"2026-10-{day:02d}": row for day, row in days.items()}, {"a": 0.5, "b": 0.5})
    assert [row["p_value"] for row in found.to_dicts()] == [row["p_value"] for row in named.to_dicts()]
    with pytest.raises(at.InputError, match="holds the day '1' twice"):
        ex.watch_split({"1": {"a": 5, "b": 6}, 1: {"a": 50, "b": 60}})


def test_arms_of_the_split_that_are_numbers():
    found = ex.watch_split({"1": {0: 500, 1: 480}}, {0: 0.5, 1: 0.5})
    named = ex.watch_split({"1": {"0": 500, "1": 480}}, {"0": 0.5, "1": 0.5})
    assert found.to_dicts() == named.to_dicts()


def test_a_column_that_mixes_text_and_numbers_is_named():
    table = log_of().to_pandas().astype({"bound": object})
    table.loc[0, "bound"] = "two"
    with pytest.raises(at.WakeLiftError, match=r"MIXED_TYPES.*bound"):
        ex.Looks.read(table)
