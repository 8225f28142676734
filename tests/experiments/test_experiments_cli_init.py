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
    assert "时间不带时区" in text
    assert text.count("猜测") == 7  # twice in the header; never randomised; the file, its columns, zone, last day


def test_init_names_the_arm_that_it_could_not_tell(tmp_path):
    path = tmp_path / "assignment.csv"
    path.write_text("person_id,group\n1,A\n2,B\n", encoding="utf-8")
    run("init", path, "--out", tmp_path / "p.toml")
    assert "not found among the arms (A, B)" in (tmp_path / "p.toml").read_text(encoding="utf-8")


def test_init_knows_the_shortest_chinese_names(tmp_path):
    (tmp_path / "分组.csv").write_text(
        "客户号,组,分组日期\n012,活动组,20261012\n013,留白组,20261012\n", encoding="utf-8"
    )
    (tmp_path / "交易.csv").write_text("客户号,流水号,交易日期,金额,原流水号\n00012,T1,20261014,3,\n", encoding="utf-8")
    out = tmp_path / "p.toml"
    assert run("init", tmp_path / "分组.csv", tmp_path / "交易.csv", "--out", out).exit_code == 0
    text = out.read_text(encoding="utf-8")
    assert 'control = "留白组"' in text
    assert 'arm = "组"' in text
    assert 'refund_of = "原流水号"' in text


def test_init_without_a_column_of_arms_names_no_arms(tmp_path):
    (tmp_path / "分组.csv").write_text("客户号,分组日期\n00012,20261012\n", encoding="utf-8")
    out = tmp_path / "p.toml"
    assert run("init", tmp_path / "分组.csv", "--out", out).exit_code == 0
    assert "no column of arms was found" in out.read_text(encoding="utf-8")


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
    (tmp_path / "留白名单.csv").write_text("客户号\n00012\n", encoding="utf-8")
    assert "one assignment table of both" in refused("init", tmp_path / "留白名单.csv", "--out", out)
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


def chinese_tables(folder: Path) -> list[Path]:
    """Tables as a bank's analyst exports them: Chinese names and headers, GB18030, times without a zone."""
    tables = {
        "分组": "客户号,组别,分组概率,分组时间,批次\n"
        + "".join(f"{n:03d},{'对照组' if n % 2 else '短信组'},0.5,2026/10/01 0:00,{n % 3}\n" for n in range(8)),
        "导出1": "触达流水号,客户号,触达时间,创建时间,渠道,状态\nt1,001,2026/10/02 8:00,2026/10/02 7:00,短信,sent\n",
        "成交": "订单号,客户号,成交时间,金额,券成本\nc1,001,2026/10/03 9:30,120,30\n",
        "单价表": "渠道,计费方式,单价\n短信,sent,0.05\n",
        "号码关联": "客户号,手机号,设备号\n" + "".join(f"{n:03d},m{n},d{n}\n" for n in range(8)),
        "客户行为": "客户号,行为时间\n001,2026/01/03 9:30\n",
        "客户历史": "客户号,等级,销户日期\n" + "".join(f"{n:03d},{'金' if n % 2 else '银'},\n" for n in range(8)),
    }
    paths = []
    for name, text in tables.items():
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text(text, encoding="gb18030")
    return paths


def test_init_guesses_sections_and_roles_of_chinese_tables_in_gb18030(tmp_path):
    result = run("init", *chinese_tables(tmp_path), "--out", tmp_path / "p.toml", "--lang", "zh")
    assert result.exit_code == 0, result.output
    plan, text = Plan.read(tmp_path / "p.toml"), (tmp_path / "p.toml").read_text(encoding="utf-8")
    assert set(plan.tables) == {"assignment", "touches", "conversions", "prices", "links", "events", "history"}
    assert {table.encoding for table in plan.tables.values()} == {"gb18030"}
    assert plan.experiment.control == "对照组"
    assert (plan.experiment.wave, plan.experiment.shares) == ("批次", "分组概率")
    assert plan.identity.ids == ("客户号", "手机号", "设备号")
    assert plan.tables["touches"].columns["customer"] == "客户号"
    assert plan.tables["conversions"].columns["time"] == "成交时间"
    assert plan.population is not None
    assert {plan.tables[name].timezone for name in ("touches", "conversions", "assignment")} == {"Asia/Shanghai"}
    # What is ambiguous or decides a verdict stands behind a #.
    for line in ("# columns：time 也可能是", '# segments = ["等级"]', "# [guardrails.closed]", "# [waves]"):
        assert line in text
    assert plan.experiment.segments is None
    assert plan.guardrails == {}
    assert set(load_tables(plan)) == set(plan.tables)


def test_init_leaves_persons_alone_when_the_assignment_names_no_customers(tmp_path):
    (tmp_path / "links.csv").write_text("customer_id,phone\n1,a\n2,b\n", encoding="utf-8")
    (tmp_path / "assignment.csv").write_text("person_id,arm\n1,holdout\n2,sms\n", encoding="utf-8")
    files = [tmp_path / "links.csv", tmp_path / "assignment.csv"]
    assert run("init", *files, "--out", tmp_path / "p.toml").exit_code == 0
    assert Plan.read(tmp_path / "p.toml").identity is None
    assert '# ids = ["customer_id", "phone"]' in (tmp_path / "p.toml").read_text(encoding="utf-8")


def test_what_init_writes_can_be_reported(tmp_path):
    run("simulate", "--out", tmp_path, *PERSONS, "--format", "csv")
    names = ("touches", "conversions", "assignment", "prices", "history", "links", "customers")
    files = [tmp_path / "data" / f"{name}.csv" for name in names]
    assert run("init", *files, "--out", tmp_path / "mine.toml").exit_code == 0
    result = run("report", tmp_path / "mine.toml", "--out", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert "NO_HOLDOUT" in (tmp_path / "report" / "report.json").read_text(encoding="utf-8")


def test_names_in_the_data_stay_comments(tmp_path):
    """A line break in an arm or a heading must not become a key of the plan."""
    break_out = '"x\nrandomised = true\n[experiment]\nrandomised = true"'
    path = tmp_path / "assignment.csv"
    path.write_text(
        f'person_id,group,bucket,"a\n[costs]"\n1,{break_out},1,2\n2,"{"y" * 5_000}",1,2\n', encoding="utf-8"
    )
    assert run("init", path, "--out", tmp_path / "p.toml").exit_code == 0
    text = (tmp_path / "p.toml").read_text(encoding="utf-8")
    assert Plan.read(tmp_path / "p.toml").experiment.randomised is False
    assert max(map(len, text.splitlines())) < 1_000
    assert sum(line.startswith("randomised") for line in text.splitlines()) == 1
