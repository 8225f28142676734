"""The command line: what the commands write and print, and what their exit codes say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import experiments
from attribution.core.errors import InputError
from experiments.cli import main
from experiments.cli.program import _COMMANDS
from experiments.plan import Plan, load_tables
from experiments.report.document import Gate

PERSONS = ["--persons", "300", "--seed", "3"]


def run(*arguments: object) -> Result:
    """Run the program; any traceback is a failure of the test."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*arguments: object) -> str:
    """The message of a run that must end with exit code 2 and one error."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("Error: ") == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 2_000
    return result.stderr


class FakeReport:
    """What the commands need of a report, with gates of the test's choice."""

    def __init__(self, *statuses: str, lang: str = "en") -> None:
        self.gates = tuple(
            Gate(name=f"trust:{n}", kind="trust", status=status, expected="", observed="", message=f"gate {n}")
            for n, status in enumerate(statuses)
        )
        word = SimpleNamespace(word="PASS")
        self.verdicts = (
            SimpleNamespace(
                contrast="sms vs digital", arm="sms", control="digital", segment=None, threshold=85.0, verdict=word
            ),
        )
        self.lang = lang

    def _write(self, path: Path | str | None) -> str:
        text = f"report in {self.lang}"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    to_html = to_markdown = to_json = to_junit = to_excel = _write


@pytest.fixture
def fake(monkeypatch):
    """Let the post-mortem be a fake whose gates the test sets: `fake("hold", "fail")`."""
    statuses: list[str] = []

    def postmortem(plan, data=None, *, lang="en"):
        load_tables(plan, data)
        return FakeReport(*statuses, lang=lang)

    monkeypatch.setitem(vars(experiments), "postmortem", postmortem)
    return statuses.extend


@pytest.fixture
def plan(tmp_path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text('[campaign]\nname = "Q4"\nas_of = 2026-12-31\n[costs]\nthresholds = [60, 85]\n', encoding="utf-8")
    return path


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
    assert len(option.help or "") > 20
    assert option.help.endswith((".", '".', ")")), option.help


@pytest.mark.parametrize(("command", "option"), options(), ids=lambda item: getattr(item, "name", item))
def test_the_guide_names_every_option(repo, command, option):
    guide = (repo / "docs" / "guides" / "command-line.md").read_text(encoding="utf-8")
    section = guide.split(f"\n## `wakelift {command}`", 1)[1].split("\n## ", 1)[0]
    assert f"`{option.opts[0]}" in section


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
    assert "计划:" in done.stdout.decode("utf-8")
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
    assert (tmp_path / "data" / "touches.csv").read_bytes().startswith(b"\xef\xbb\xbftouch_id,")


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
    table = pd.read_json(tmp_path / "c.json")
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
    assert plan.experiment.order[0] == plan.experiment.control == "holdout"
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
    assert touches.timezone is None
    assert "its times carry no zone" in text
    assert text.count("guessed from") == 2


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


# --- report, check, demo, with a fake post-mortem -------------------------------------------------------


@pytest.mark.parametrize(
    ("formats", "written"),
    [
        (None, ["junit.xml", "report.html", "report.json", "report.md"]),
        ("md", ["report.md"]),
        ("xlsx, HTML", ["report.html", "report.xlsx"]),
    ],
)
def test_report_writes_the_formats_asked_for(plan, fake, tmp_path, formats, written):
    more = [] if formats is None else ["--format", formats]
    result = run("report", plan, "--out", tmp_path / "out", *more)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == written
    assert "sms vs digital, threshold 85: PASS" in result.stdout
    assert result.stderr == ""


def test_report_exits_0_whatever_the_gates_say(plan, fake, tmp_path):
    fake(["fail", "undecided"])
    assert run("report", plan, "--out", tmp_path / "out").exit_code == 0


def test_the_language_is_the_plans_unless_asked_for(plan, fake, tmp_path):
    plan.write_text(plan.read_text(encoding="utf-8") + '[report]\nlanguage = "zh"\n', encoding="utf-8")
    run("report", plan, "--out", tmp_path / "a")
    run("report", plan, "--out", tmp_path / "b", "--lang", "en")
    assert (tmp_path / "a" / "report.md").read_text(encoding="utf-8") == "report in zh"
    assert (tmp_path / "b" / "report.md").read_text(encoding="utf-8") == "report in en"


@pytest.mark.parametrize("formats", ["pdf", "", "html,mdd"])
def test_report_refuses_an_unknown_format(plan, fake, tmp_path, formats):
    assert "--format" in refused("report", plan, "--out", tmp_path / "out", "--format", formats)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("statuses", "plain", "strict"),
    [
        (["hold", "hold"], 0, 0),
        (["hold", "fail"], 1, 1),
        (["hold", "undecided"], 3, 1),
        (["undecided", "fail"], 1, 1),
    ],
)
def test_check_speaks_by_its_exit_code(plan, fake, statuses, plain, strict):
    fake(statuses)
    assert run("check", plan).exit_code == plain
    result = run("check", plan, "--strict")
    assert result.exit_code == strict
    assert all(f"gate {n}" in result.stdout for n in range(len(statuses)))


def test_check_names_each_changed_key(plan, fake):
    run("lock", plan)
    plan.write_text(plan.read_text(encoding="utf-8").replace("85", "90"), encoding="utf-8")
    fake(["fail"])
    result = run("check", plan)
    assert result.exit_code == 1
    assert "costs.thresholds: [60.0, 85.0] -> [60.0, 90.0]" in result.stdout


def test_check_writes_junit(plan, fake, tmp_path):
    fake(["hold"])
    assert run("check", plan, "--junit", tmp_path / "deep" / "j.xml").exit_code == 0
    assert (tmp_path / "deep" / "j.xml").is_file()


def test_demo_writes_plan_data_and_reports_in_both_languages(fake, tmp_path):
    result = run("demo", "--out", tmp_path / "demo", *PERSONS)
    assert result.exit_code == 0, result.output
    files = {
        path.relative_to(tmp_path / "demo").as_posix() for path in (tmp_path / "demo").rglob("*") if path.is_file()
    }
    reports = {"report.html", "report.md", "report.json", "junit.xml", "report.zh.html", "report.zh.md"}
    data = {f"data/{name}.parquet" for name in experiments.simulate(persons=100).tables()}
    assert files == {"plan.toml", *reports, *data}
    assert "seed 3" in result.stdout
    assert (tmp_path / "demo" / "report.zh.md").read_text(encoding="utf-8") == "report in zh"
    assert Plan.read(tmp_path / "demo" / "plan.toml").report.language == "en"


def test_demo_in_chinese_puts_english_beside(fake, tmp_path):
    run("demo", "--out", tmp_path, *PERSONS, "--lang", "zh")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "report in zh"
    assert (tmp_path / "report.en.md").read_text(encoding="utf-8") == "report in en"


# --- unusable plans ------------------------------------------------------------------------------------


HOSTILE = {
    "nowhere": None,
    "not TOML": b"[campaign\n",
    "not text": b"\xff\xfe\x00\x01",
    "empty": b"",
    "long name": b'[campaign]\nas_of = 2026-12-31\nname = "' + b"x" * 10_000 + b'"',
    "control characters": b'[campaign]\nas_of = 2026-12-31\nname = "a\\u0007"',
    "raw control characters": b'[campaign]\nas_of = 2026-12-31\nname = "a\x07"',
    "long key": b"k" * 10_000 + b" = 1",
    "missing file": b'[campaign]\nas_of = 2026-12-31\nname = "a"\n[tables.touches]\npath = "no.csv"',
    "folder as file": b'[campaign]\nas_of = 2026-12-31\nname = "a"\n[tables.touches]\npath = "."',
    "deep": b"a = " + b"[" * 5_000,
}


@pytest.mark.parametrize("command", ["check", "report"])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_an_unusable_plan_ends_with_one_message_and_exit_code_2(tmp_path, fake, command, content):
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    more = ["--out", tmp_path / "out"] if command == "report" else []
    message = refused(command, path, *more)
    assert message.isprintable() or set(message) - set("\n") <= {c for c in message if c.isprintable() or c == "\n"}


@pytest.mark.parametrize("place", ["a" * 10_000, "."])
def test_a_path_that_is_no_file_ends_with_exit_code_2(place, fake):
    refused("check", place)


def test_an_error_of_the_analysis_ends_with_exit_code_2(plan, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise InputError("the touches are unusable.")

    monkeypatch.setitem(vars(experiments), "postmortem", broken)
    assert "the touches are unusable." in refused("check", plan)


def test_a_file_that_may_not_be_written_ends_with_exit_code_2(plan, fake, tmp_path):
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    assert "report.html" in refused("report", plan, "--out", tmp_path / "out")
