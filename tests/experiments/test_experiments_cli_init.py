"""`wakelift init` and `wakelift lock`: what they write, what they never guess, what they refuse."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from cli_runs import PERSONS, PLAN, refused, run

from experiments.plan import Plan, load_tables


@pytest.fixture
def plan(tmp_path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


# --- init --------------------------------------------------------------------------------------------


def test_init_writes_a_plan_that_is_read(tmp_path):
    run("simulate", "--out", tmp_path, *PERSONS, "--format", "csv")
    files = [
        tmp_path / "data" / f"{name}.csv" for name in ("touches", "conversions", "assignment", "prices", "history")
    ]
    result = run("init", *files, "--out", tmp_path / "mine.toml", "--name", "我的活动")
    assert result.exit_code == 0, result.output
    plan = Plan.read(tmp_path / "mine.toml")
    assert plan.campaign.name == "我的活动"
    assert plan.tables["touches"].path == "data/touches.csv"
    assert plan.experiment.control == "holdout"
    assert plan.experiment.order is None  # steps decide verdicts, so they are not guessed
    assert plan.experiment.randomised is False  # never guessed
    assert set(load_tables(plan)) == {"touches", "conversions", "assignment", "prices", "history"}


def test_init_recognises_tables_by_chinese_columns(tmp_path):
    path = tmp_path / "导出1.csv"
    path.write_text("客户号,触达时间,渠道\n001,2026/10/12 8:00,短信\n", encoding="gb18030")
    result = run("init", path, "--out", tmp_path / "p.toml", "--encoding", "gb18030", "--lang", "zh")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "p.toml").read_text(encoding="utf-8")
    touches = Plan.read(tmp_path / "p.toml").tables["touches"]
    assert touches.columns == {"person": "客户号", "time": "触达时间", "channel": "渠道"}
    assert touches.encoding == "gb18030"
    assert touches.timezone == "Asia/Shanghai"
    assert "its times carry no zone" in text
    assert text.count("guessed from") == 3


def test_init_names_the_arm_that_it_could_not_tell(tmp_path):
    path = tmp_path / "assignment.csv"
    path.write_text("person_id,group\n1,A\n2,B\n", encoding="utf-8")
    run("init", path, "--out", tmp_path / "p.toml")
    assert "not found among the arms (A, B)" in (tmp_path / "p.toml").read_text(encoding="utf-8")


def test_init_says_which_column_is_missing(tmp_path):
    path = tmp_path / "touches.csv"
    path.write_text("who,when\n1,2026-01-01\n", encoding="utf-8")
    run("init", path, "--out", tmp_path / "p.toml")
    assert "no column found for: person, time, channel" in (tmp_path / "p.toml").read_text(encoding="utf-8")


def test_init_without_files_writes_a_template(tmp_path):
    assert run("init", "--out", tmp_path / "p.toml").exit_code == 0
    assert set(Plan.read(tmp_path / "p.toml").tables) == {"touches", "conversions", "assignment", "prices"}


def test_init_replaces_nothing_unasked(plan):
    before = plan.read_bytes()
    assert "is there already" in refused("init", "--out", plan)
    assert plan.read_bytes() == before
    assert run("init", "--out", plan, "--force").exit_code == 0
    assert plan.read_bytes() != before


def test_init_refuses_tables_it_cannot_tell_apart(tmp_path):
    for name in ("touches.csv", "touches2.csv", "x.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n", encoding="utf-8")
    out = tmp_path / "p.toml"
    assert "nothing in its name or columns" in refused("init", tmp_path / "x.csv", "--out", out)
    assert "both seem to be 'touches'" in refused(
        "init", tmp_path / "touches.csv", tmp_path / "touches2.csv", "--out", out
    )
    assert "does not exist" in refused("init", tmp_path / "orders.csv", "--out", out)
    assert "is a folder" in refused("init", "--out", tmp_path)
    assert not out.exists()


def test_init_explains_every_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("init", "--explain")
    assert result.exit_code == 0
    assert "relevant_net" in result.stdout
    assert list(tmp_path.iterdir()) == []


# --- lock --------------------------------------------------------------------------------------------


def test_lock_writes_the_lock_with_its_date(plan):
    result = run("lock", plan, "--date", "2026-09-01")
    assert result.exit_code == 0
    assert "locked_on = 2026-09-01" in plan.with_name("plan.lock.toml").read_text(encoding="utf-8")
    assert "2026-09-01" in run("lock", plan, "--date", "2026-09-02", "--lang", "zh").stdout  # the first date stays


def test_lock_takes_today_without_a_date(plan):
    before = date.today()
    run("lock", plan)
    text = plan.with_name("plan.lock.toml").read_text(encoding="utf-8")
    found = date.fromisoformat(re.search(r"locked_on = (\S+)", text)[1])
    assert before <= found <= date.today()


def test_lock_refuses_a_changed_plan(plan):
    run("lock", plan)
    plan.write_text(plan.read_text(encoding="utf-8").replace("85", "90"), encoding="utf-8")
    assert "costs.thresholds" in refused("lock", plan)
    assert run("lock", plan, "--renew").exit_code == 0
