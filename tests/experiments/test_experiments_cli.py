"""The command line: what the commands write and print, and what their exit codes say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pandas as pd
import pytest
from cli_runs import PERSONS, refused, run
from click.testing import Result

import experiments
from experiments.cli import main
from experiments.cli.program import _COMMANDS
from experiments.plan import Plan, load_tables

# --- the program -------------------------------------------------------------------------------------


def test_help_lists_every_command_without_loading_one(clean_python):
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in _COMMANDS)
    code = "import sys; from experiments.cli import main; main(['--help'], standalone_mode=False)"
    status, _, error = clean_python(
        f"{code}\nassert not {{'pandas', 'pyarrow', 'pydantic', 'scipy'}} & set(sys.modules)"
    )
    assert status == 0, error


def options() -> list[tuple[str, click.Parameter]]:
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in _COMMANDS}
    return [
        (name, item) for name, command in commands.items() for item in command.params if isinstance(item, click.Option)
    ]


@pytest.mark.parametrize(("command", "option"), options(), ids=lambda item: getattr(item, "name", item))
def test_every_option_says_what_it_does(command, option):
    assert len(option.help or "") >= 20
    assert option.help.endswith((".", '".', ")", "?")), option.help


def test_the_list_of_commands_says_what_the_commands_say():
    context = click.Context(main)
    for name, line in _COMMANDS.items():
        command = main.get_command(context, name)
        assert command.name == name
        assert command.help
        assert line.endswith(".")


def test_an_unknown_command_is_answered_with_the_closest():
    assert "Did you mean 'report'?" in run("reprot").stderr
    assert run("reprot").exit_code == 2


def test_the_module_is_the_same_program(repo, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(repo), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    command = [
        sys.executable,
        "-m",
        "experiments",
        "simulate",
        *PERSONS,
        "--out",
        str(tmp_path / "out"),
        "--lang",
        "zh",
    ]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "计划：" in done.stdout.decode("utf-8")
    assert done.stderr == b""


# --- simulate ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_simulate_writes_tables_that_its_plan_reads(tmp_path, ending):
    result = run("simulate", "--out", tmp_path / "sim", *PERSONS, "--format", ending)
    assert result.exit_code == 0, result.output
    plan = Plan.read(tmp_path / "sim" / "plan.toml")
    tables = load_tables(plan)
    campaign = experiments.simulate(persons=300, seed=3)
    assert {name: len(getattr(campaign, name)) for name in tables} == {name: t.num_rows for name, t in tables.items()}
    written = {path.stem for path in (tmp_path / "sim" / "data").glob(f"*.{ending}")}
    assert written == set(campaign.tables())
    assert tables["touches"].column("person_id").to_pylist() == campaign.touches["person_id"].tolist()


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        run("simulate", "--out", tmp_path / name, *PERSONS)
    run("simulate", "--out", tmp_path / "c", "--persons", 300, "--seed", 4)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    content = {name: [(tmp_path / name / file).read_bytes() for file in files] for name in "abc"}
    assert content["a"] == content["b"] != content["c"]


def test_csv_begins_with_a_mark_for_excel(tmp_path):
    run("simulate", "--out", tmp_path, *PERSONS, "--format", "csv")
    written = (tmp_path / "data" / "touches.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbftouch_id,")
    assert b"\r" not in written
    assert b".0\n" not in written  # the last column, segments, has gaps and stays whole


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "defualt"], "Did you mean 'default'?"),
        (["--persons", "5"], "at least 100"),
        (["--persons", "many"], "is not a valid integer"),
        (["--seed", "-1"], "non-negative"),
        (["--format", "xls"], "parquet"),
    ],
)
def test_simulate_refuses_what_it_cannot_do(tmp_path, arguments, said):
    assert said in refused("simulate", "--out", tmp_path / "sim", *arguments)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert "is a file" in refused("simulate", *PERSONS, "--out", tmp_path / "taken")
    assert "cannot be made" in refused("simulate", *PERSONS, "--out", tmp_path / "taken" / "inside")


# --- attribute ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def logs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "t.csv").write_text(
        "uid,time,channel,campaign\n01,2026-01-01 08:00:00,sms,a\n"
        "01,2026-01-03 08:00:00,call,b\n02,2026-01-01 08:00:00,sms,a\n",
        encoding="utf-8",
    )
    (folder / "c.csv").write_text(
        "conversion_id,person_id,time,value\nV1,01,2026-01-05 08:00:00,10\nV2,03,2026-01-05 08:00:00,5\n",
        encoding="utf-8",
    )
    return folder


def attribute(logs: Path, *more: object) -> Result:
    places = (logs / "t.csv", logs / "c.csv", "--timezone", "Asia/Shanghai", "--column", "touches.person=uid")
    return run("attribute", *places, *more)


def test_attribute_prints_and_writes_the_credit(logs, tmp_path):
    result = attribute(logs, "--models", "last_touch, linear", "--out", tmp_path / "new" / "credit.csv")
    assert result.exit_code == 0, result.output
    assert "(none)" in result.stdout
    table = pd.read_csv(tmp_path / "new" / "credit.csv")
    credit = {(row.model, row.channel): row.conversions for row in table.itertuples()}
    assert credit[("last_touch", "call")] == 1
    assert credit[("linear", "sms")] == credit[("linear", "call")] == 0.5
    assert credit[("linear", "(none)")] == 1


def test_attribute_by_another_column_and_lookback(logs, tmp_path):
    result = attribute(logs, "--models", "linear", "--by", "campaign", "--lookback", "3d", "--out", tmp_path / "c.json")
    assert result.exit_code == 0, result.output
    table = pd.DataFrame(json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["tables"]["credit"])
    assert dict(zip(table["campaign"], table["conversions"], strict=True))["b"] == 1


def test_attribute_speaks_chinese(logs):
    assert re.search(r"[\u4e00-\u9fff]", attribute(logs, "--lang", "zh").stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "linaer"], "linear"),
        (["--lookback", "30"], "with its unit"),
        (["--column", "persn=a"], "Did you mean 'person'?"),
        (["--column", "person"], "must be ROLE=NAME"),
        (["--column", "toches.person=a"], "must be ROLE=NAME"),
        (["--timezone", "Asia/Shanghia"], "Did you mean 'Asia/Shanghai'?"),
        (["--by", "campain"], "campaign"),
        (["--out", "credit.doc"], "must end in"),
        (["--encoding", "utf-88"], "utf"),
    ],
)
def test_attribute_refuses_what_it_cannot_do(logs, arguments, said):
    result = attribute(logs, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_times_without_a_zone_are_refused(logs):
    result = run("attribute", logs / "t.csv", logs / "c.csv", "--column", "touches.person=uid")
    assert result.exit_code == 2
    assert "NAIVE_TIME" in result.stderr
